/* The end of subscriptions, services and clients, orderly or not, and the drop of contexts. */
#include "fixture.h"

#include <pthread.h>

/* Blocks until the test opens the gate. */
static void wait_at_gate(void *pointer, const amop_message *message)
{
    context *context = pointer;
    called(context, amop_message_data(message));
    context->number += reached(context->gate, 1);
}

static amop_message_callback at_gate(context *context)
{
    amop_message_callback callback = {wait_at_gate, context, drop_context};
    return callback;
}

static void unsubscribe_drops_the_context_before_returning(void **state)
{
    (void)state;
    amop_client *client = client_at(0);
    context context;
    context_init(&context);
    const char *topic = fresh_topic();
    subscribe(client, topic, counting(&context), &context);
    for (int n = 0; n < 10; n++) {
        publish(client, topic, "x");
    }
    OK(amop_subscription_unsubscribe(context.subscription, 0, &error));
    /* The callback has processed what was queued. */
    assert_int_equal(counted(context.calls), 10);
    assert_int_equal(counted(context.drops), 1);
    OK(amop_subscription_unsubscribe(context.subscription, 0, &error));
    amop_subscription_free(context.subscription);
    end(client);
    context_end(&context);
}

static void free_unsubscribes_in_the_background(void **state)
{
    (void)state;
    amop_client *client = client_at(0);
    context subscribed, served;
    context_init(&subscribed);
    context_init(&served);
    const char *topic = fresh_topic();
    subscribe(client, topic, counting(&subscribed), &subscribed);
    OK(amop_client_serve_callback(client, fresh_topic(), NULL, echoing(&served), &served.service, &error));
    publish(client, topic, "queued");
    amop_subscription_free(subscribed.subscription);
    amop_service_free(served.service);
    wait_for(subscribed.drops, 1);
    wait_for(served.drops, 1);
    assert_int_equal(counted(subscribed.calls), 1);
    end(client);
    context_end(&subscribed);
    context_end(&served);
}

static void close_drops_contexts_of_callbacks_without_a_handle(void **state)
{
    (void)state;
    amop_client *client = client_at(0);
    context subscribed, served, without_drop;
    context_init(&subscribed);
    context_init(&served);
    context_init(&without_drop);
    const char *topic = fresh_topic();
    OK(amop_client_subscribe_callback(client, topic, NULL, counting(&subscribed), NULL, &error));
    OK(amop_client_serve_callback(client, fresh_topic(), NULL, echoing(&served), NULL, &error));
    amop_message_callback callback = counting(&without_drop);
    callback.drop = NULL;
    OK(amop_client_subscribe_callback(client, topic, NULL, callback, NULL, &error));
    publish(client, topic, "x");
    OK(amop_client_close(client, 0, &error));
    assert_int_equal(counted(subscribed.calls), 1);
    assert_int_equal(counted(subscribed.drops), 1);
    assert_int_equal(counted(served.drops), 1);
    assert_int_equal(counted(without_drop.calls), 1);
    OK(amop_client_close(client, 0, &error));
    amop_client_free(client);
    count(without_drop.drops);
    context_end(&subscribed);
    context_end(&served);
    context_end(&without_drop);
}

static void freed_client_closes_in_the_background(void **state)
{
    (void)state;
    amop_client *client = client_at(0), *server = client_at(1);
    context subscribed, called_back, done, events;
    context_init(&subscribed);
    context_init(&called_back);
    context_init(&done);
    context_init(&events);
    amop_service *service = NULL;
    const char *topic = fresh_topic();
    OK(amop_client_serve(server, topic, NULL, &service, &error));
    subscribe(client, fresh_topic(), counting(&subscribed), &subscribed);
    OK(amop_client_subscribe_callback(client, fresh_topic(), NULL, counting(&called_back), NULL, &error));
    OK(amop_client_publish_async(client, topic, "x", 1, NULL, 0, completing(&done), NULL, &error));
    amop_request *request = NULL;
    OK(amop_service_next(service, GUARD, &request, &error));
    amop_client_free(client);
    wait_for(subscribed.drops, 1);
    wait_for(called_back.drops, 1);
    wait_for(done.drops, 1);
    /* The call in flight has completed. */
    assert_int_equal(counted(done.calls), 1);
    assert_int_equal(done.status, AMOP_ERROR_CLOSED);
    /* The handle outlives its client. */
    assert_non_null(amop_subscription_topic(subscribed.subscription));
    OK(amop_subscription_unsubscribe(subscribed.subscription, 0, &error));
    amop_subscription_free(subscribed.subscription);
    amop_request_free(request);
    amop_service_free(service);
    end(server);
    count(events.drops);
    context_end(&events);
    context_end(&subscribed);
    context_end(&called_back);
    context_end(&done);
}

static void failed_subscription_drops_its_context_once(void **state)
{
    (void)state;
    amop_devnet *node = NULL;
    amop_devnet_options *devnet_options = amop_devnet_options_new();
    OK(amop_devnet_options_set_nodes(devnet_options, 1));
    OK(amop_devnet_start(devnet_options, &node, &error));
    amop_devnet_options_free(devnet_options);
    amop_options *options = amop_options_new();
    OK(amop_options_add_endpoint(options, amop_devnet_endpoint(node, 0)));
    OK(amop_options_set_credentials(options, amop_devnet_credentials(node)));
    amop_client *client = client_with(options);
    amop_events *events = NULL;
    OK(amop_client_events(client, &events, &error));
    OK(amop_devnet_kill_node(node, 0, &error));
    amop_event_free(next_event(events, AMOP_EVENT_LOST));
    amop_events_free(events);

    context subscribed, served;
    context_init(&subscribed);
    context_init(&served);
    amop_subscribe_options *subscribing = amop_subscribe_options_new();
    amop_serve_options *serving = amop_serve_options_new();
    OK(amop_subscribe_options_set_timeout(subscribing, 30));
    OK(amop_serve_options_set_timeout(serving, 30));
    OK(amop_subscribe_options_set_confirm(subscribing, AMOP_CONFIRM_ALWAYS));
    OK(amop_serve_options_set_confirm(serving, AMOP_CONFIRM_ALWAYS));
    subscribed.subscription = untouched();
    served.service = untouched();
    amop_status refused = amop_client_subscribe_callback(client, "t", subscribing, counting(&subscribed),
                                                         &subscribed.subscription, NULL);
    assert_true(refused == AMOP_ERROR_NOT_CONNECTED || refused == AMOP_ERROR_TIMEOUT);
    refused = amop_client_serve_callback(client, "s", serving, echoing(&served), &served.service, NULL);
    assert_true(refused == AMOP_ERROR_NOT_CONNECTED || refused == AMOP_ERROR_TIMEOUT);
    assert_null(subscribed.subscription);
    assert_null(served.service);
    /* The context is dropped before the function returns. */
    assert_int_equal(counted(subscribed.drops), 1);
    assert_int_equal(counted(served.drops), 1);
    /* The topic can be served again. */
    OK(amop_devnet_restart_node(node, 0, &error));
    OK(amop_serve_options_set_timeout(serving, GUARD));
    OK(amop_client_serve(client, "s", serving, &served.service, &error));
    amop_service_free(served.service);
    amop_serve_options_free(serving);
    amop_subscribe_options_free(subscribing);
    end(client);
    amop_devnet_free(node);
    context_end(&subscribed);
    context_end(&served);
}

static void unsubscribe_times_out_while_a_callback_blocks(void **state)
{
    (void)state;
    amop_client *client = client_at(0);
    context context;
    context_init(&context);
    const char *topic = fresh_topic();
    subscribe(client, topic, at_gate(&context), &context);
    for (int n = 0; n < 3; n++) {
        publish(client, topic, "x");
    }
    wait_for(context.calls, 1);
    EXPECT(AMOP_ERROR_TIMEOUT, amop_subscription_unsubscribe(context.subscription, 20, &error));
    assert_int_equal(counted(context.drops), 0);
    count(context.gate);
    OK(amop_subscription_unsubscribe(context.subscription, 0, &error));
    /* The two queued messages are discarded and counted. */
    assert_int_equal(counted(context.calls), 1);
    assert_int_equal(counted(context.drops), 1);
    assert_int_equal(subscription_stat_value(context.subscription, AMOP_STAT_DROPPED), 2);
    assert_int_equal(subscription_stat_value(context.subscription, AMOP_STAT_HELD_MESSAGES), 0);
    amop_subscription_free(context.subscription);
    end(client);
    context_end(&context);
}

static void close_times_out_while_a_callback_blocks(void **state)
{
    (void)state;
    amop_client *client = client_at(0);
    context context;
    context_init(&context);
    const char *topic = fresh_topic();
    OK(amop_client_subscribe_callback(client, topic, NULL, at_gate(&context), NULL, &error));
    publish(client, topic, "x");
    wait_for(context.calls, 1);
    EXPECT(AMOP_ERROR_TIMEOUT, amop_client_close(client, 20, &error));
    assert_int_equal(counted(context.drops), 0);
    count(context.gate);
    OK(amop_client_close(client, GUARD, &error));
    assert_int_equal(counted(context.drops), 1);
    amop_client_free(client);
    context_end(&context);
}

static void close_completes_calls_that_wait_for_a_subscriber(void **state)
{
    (void)state;
    enum { CALLS = 40 };
    amop_client *client = client_at(0);
    amop_publish_options *options = amop_publish_options_new();
    amop_publish_options_set_wait_for_subscriber(options, true);
    static context calls[CALLS];
    const char *topic = fresh_topic();
    for (int n = 0; n < CALLS; n++) {
        context_init(&calls[n]);
        OK(amop_client_publish_async(client, topic, "x", 1, options, GUARD, completing(&calls[n]), NULL,
                                     &error));
    }
    UNTIL(client_stat_value(client, AMOP_STAT_RETRIES) > 0);
    OK(amop_client_close(client, 0, &error));
    /* No completion follows the close. */
    for (int n = 0; n < CALLS; n++) {
        assert_int_equal(counted(calls[n].calls), 1);
        assert_int_equal(counted(calls[n].drops), 1);
        assert_int_equal(calls[n].status, AMOP_ERROR_CLOSED);
    }
    amop_client_free(client);
    amop_publish_options_free(options);
    for (int n = 0; n < CALLS; n++) {
        context_end(&calls[n]);
    }
}

/* Closes the client of a context, on a thread of its own. */
static void *close_soon(void *pointer)
{
    context *context = pointer;
    context->status = amop_client_close(context->client, 100, NULL);
    count(context->gate);
    return NULL;
}

static void close_keeps_its_time_at_a_frozen_node(void **state)
{
    (void)state;
    /* More than the buffers of two sockets hold; and longer than the test takes, in milliseconds. */
    enum { TOO_MUCH = 24 << 20, AN_HOUR = 3600 * 1000 };
    amop_options *options = options_at(0);
    assert_int_equal(amop_options_set_close_timeout(options, AN_HOUR), AMOP_OK);
    assert_int_equal(amop_options_set_heartbeat(options, AN_HOUR), AMOP_OK);
    context call, closing;
    context_init(&call);
    context_init(&closing);
    closing.client = client_with(options);
    OK(amop_devnet_control(devnet, "freeze 0", NULL, &error));
    void *data = calloc(TOO_MUCH, 1);
    OK(amop_client_publish_async(closing.client, fresh_topic(), data, TOO_MUCH, NULL, AN_HOUR,
                                 completing(&call), NULL, &error));
    free(data);
    UNTIL(client_stat_value(closing.client, AMOP_STAT_QUEUED_BYTES) > 0);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, close_soon, &closing), 0);
    wait_for(closing.gate, 1);
    pthread_join(thread, NULL);
    /* On a busy machine the end of the client comes after the time. */
    assert_true(closing.status == AMOP_OK || closing.status == AMOP_ERROR_TIMEOUT);
    OK(amop_client_close(closing.client, GUARD, &error));
    assert_int_equal(counted(call.calls), 1);
    assert_int_equal(call.status, AMOP_ERROR_CLOSED);
    OK(amop_devnet_control(devnet, "thaw 0", NULL, &error));
    amop_client_free(closing.client);
    count(closing.drops);
    context_end(&call);
    context_end(&closing);
}

/* Broadcasts until `stop` is set. */
static void *flood(void *pointer)
{
    context *context = pointer;
    while (counted(context->gate) == 0) {
        context->number +=
            amop_client_broadcast(context->client, "flood", "x", 1, NULL, GUARD, NULL) == AMOP_OK;
    }
    return NULL;
}

static void no_call_follows_the_drop_under_load(void **state)
{
    (void)state;
    amop_client *subscriber = client_at(1);
    context flooding;
    context_init(&flooding);
    flooding.client = client_at(0);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, flood, &flooding), 0);
    for (int n = 0; n < 20; n++) {
        context context;
        context_init(&context);
        subscribe(subscriber, "flood", counting(&context), &context);
        wait_for(context.calls, 3);
        if (n % 2 == 0) {
            OK(amop_subscription_unsubscribe(context.subscription, 0, &error));
            assert_int_equal(counted(context.drops), 1);
        }
        amop_subscription_free(context.subscription);
        wait_for(context.drops, 1);
        context_end(&context);
    }
    count(flooding.gate);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_true(flooding.number > 0);
    end(flooding.client);
    end(subscriber);
    count(flooding.drops);
    context_end(&flooding);
}

static void closed_client_fails_with_closed(void **state)
{
    (void)state;
    amop_client *client = client_at(0);
    amop_subscription *subscription = NULL;
    amop_service *service = NULL;
    const char *topic = fresh_topic();
    OK(amop_client_subscribe(client, topic, NULL, &subscription, &error));
    OK(amop_client_serve(client, fresh_topic(), NULL, &service, &error));
    publish(client, topic, "before");
    OK(amop_client_close(client, 0, &error));
    amop_completion_queue *queue = amop_completion_queue_new(0);
    amop_subscription *further = untouched();
    amop_service *serving = untouched();
    amop_call *call = untouched();
    context context;
    EXPECT(AMOP_ERROR_CLOSED, amop_client_publish(client, "t", "", 0, NULL, 0, NULL, &error));
    EXPECT(AMOP_ERROR_CLOSED, amop_client_broadcast(client, "t", "", 0, NULL, 0, &error));
    EXPECT(AMOP_ERROR_CLOSED,
           amop_client_publish_queued(client, "t", "", 0, NULL, 0, queue, NULL, &call, &error));
    EXPECT(AMOP_ERROR_CLOSED,
           amop_client_broadcast_queued(client, "t", "", 0, NULL, 0, queue, NULL, &call, &error));
    assert_null(call);
    EXPECT(AMOP_ERROR_CLOSED, amop_client_subscribe(client, "t", NULL, &further, &error));
    EXPECT(AMOP_ERROR_CLOSED, amop_client_serve(client, "t", NULL, &serving, &error));
    context_init(&context);
    EXPECT(AMOP_ERROR_CLOSED,
           amop_client_subscribe_callback(client, "t", NULL, counting(&context), &further, &error));
    context_end(&context);
    context_init(&context);
    EXPECT(AMOP_ERROR_CLOSED,
           amop_client_serve_callback(client, "t", NULL, echoing(&context), &serving, &error));
    context_end(&context);
    context_init(&context);
    EXPECT(AMOP_ERROR_CLOSED,
           amop_client_publish_async(client, "t", "", 0, NULL, 0, completing(&context), &call, &error));
    context_end(&context);
    context_init(&context);
    EXPECT(AMOP_ERROR_CLOSED,
           amop_client_broadcast_async(client, "t", "", 0, NULL, 0, completing(&context), &call, &error));
    context_end(&context);
    EXPECT(AMOP_ERROR_CLOSED, amop_client_add_endpoint(client, "127.0.0.1:1", &error));
    EXPECT(AMOP_ERROR_CLOSED, amop_client_remove_endpoint(client, "127.0.0.1:1", &error));
    /* Queued messages can still be read, and statistics are available. */
    expect_message(subscription, "before");
    EXPECT(AMOP_ERROR_CLOSED, amop_subscription_next(subscription, GUARD, &(amop_message *){NULL}, &error));
    assert_int_equal(subscription_stat_value(subscription, AMOP_STAT_ACCEPTED), 1);
    assert_int_equal(client_stat_value(client, AMOP_STAT_CONNECTED), 0);
    amop_completion_queue_free(queue);
    amop_client_free(client);
    amop_service_free(service);
    amop_subscription_free(subscription);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unsubscribe_drops_the_context_before_returning),
        cmocka_unit_test(free_unsubscribes_in_the_background),
        cmocka_unit_test(close_drops_contexts_of_callbacks_without_a_handle),
        cmocka_unit_test(freed_client_closes_in_the_background),
        cmocka_unit_test(failed_subscription_drops_its_context_once),
        cmocka_unit_test(unsubscribe_times_out_while_a_callback_blocks),
        cmocka_unit_test(close_times_out_while_a_callback_blocks),
        cmocka_unit_test(close_completes_calls_that_wait_for_a_subscriber),
        cmocka_unit_test(close_keeps_its_time_at_a_frozen_node),
        cmocka_unit_test(no_call_follows_the_drop_under_load),
        cmocka_unit_test(closed_client_fails_with_closed),
    };
    return cmocka_run_group_tests(tests, start_devnet, stop_devnet);
}
