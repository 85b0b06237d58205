/* Ends: of subscriptions, services and clients, from outside and from inside of callbacks; what becomes of contexts. */
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

static void subscribe(amop_client *client, const char *topic, amop_message_callback callback,
                      context *context)
{
    OK(amop_client_subscribe_callback(client, topic, NULL, callback, &context->subscription, &error));
}

static void unsubscribing_drops_the_context_before_it_returns(void **state)
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
    /* What was queued has been worked off. */
    assert_int_equal(counted(context.calls), 10);
    assert_int_equal(counted(context.drops), 1);
    OK(amop_subscription_unsubscribe(context.subscription, 0, &error));
    amop_subscription_free(context.subscription);
    end(client);
    context_end(&context);
}

static void freeing_a_subscription_or_service_unsubscribes_it_in_the_background(void **state)
{
    (void)state;
    amop_client *client = client_at(0);
    context subscribed, served;
    context_init(&subscribed);
    context_init(&served);
    const char *topic = fresh_topic();
    subscribe(client, topic, counting(&subscribed), &subscribed);
    OK(amop_client_serve(client, fresh_topic(), NULL, echoing(&served), &served.service, &error));
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

static void closing_drops_the_contexts_of_callbacks_without_a_handle(void **state)
{
    (void)state;
    amop_client *client = client_at(0);
    context subscribed, served, without_drop;
    context_init(&subscribed);
    context_init(&served);
    context_init(&without_drop);
    const char *topic = fresh_topic();
    OK(amop_client_subscribe_callback(client, topic, NULL, counting(&subscribed), NULL, &error));
    OK(amop_client_serve(client, fresh_topic(), NULL, echoing(&served), NULL, &error));
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

static void a_client_that_is_only_freed_ends_in_the_background(void **state)
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
    OK(amop_client_serve_requests(server, topic, NULL, &service, &error));
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

static void a_subscription_that_fails_has_dropped_its_context_once(void **state)
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
    subscribed.subscription = untouched();
    served.service = untouched();
    amop_status refused = amop_client_subscribe_callback(client, "t", subscribing, counting(&subscribed),
                                                         &subscribed.subscription, NULL);
    assert_true(refused == AMOP_ERROR_NOT_CONNECTED || refused == AMOP_ERROR_TIMEOUT);
    refused = amop_client_serve(client, "s", serving, echoing(&served), &served.service, NULL);
    assert_true(refused == AMOP_ERROR_NOT_CONNECTED || refused == AMOP_ERROR_TIMEOUT);
    assert_null(subscribed.subscription);
    assert_null(served.service);
    /* Dropped before it returned. */
    assert_int_equal(counted(subscribed.drops), 1);
    assert_int_equal(counted(served.drops), 1);
    /* The topic is free again. */
    OK(amop_devnet_restart_node(node, 0, &error));
    OK(amop_serve_options_set_timeout(serving, GUARD));
    OK(amop_client_serve_requests(client, "s", serving, &served.service, &error));
    amop_service_free(served.service);
    amop_serve_options_free(serving);
    amop_subscribe_options_free(subscribing);
    end(client);
    amop_devnet_free(node);
    context_end(&subscribed);
    context_end(&served);
}

static void a_callback_that_does_not_return_makes_unsubscribing_time_out(void **state)
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
    /* The two that were queued are given up, and counted. */
    assert_int_equal(counted(context.calls), 1);
    assert_int_equal(counted(context.drops), 1);
    assert_int_equal(subscription_figure(context.subscription, AMOP_STAT_DROPPED), 2);
    assert_int_equal(subscription_figure(context.subscription, AMOP_STAT_HELD_MESSAGES), 0);
    amop_subscription_free(context.subscription);
    end(client);
    context_end(&context);
}

static void a_callback_that_does_not_return_makes_the_close_time_out(void **state)
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

/* Ends something of the context's from inside of its callback. */
static void unsubscribe_inside(void *pointer, const amop_message *message)
{
    context *context = pointer;
    reached(context->gate, 1);
    context->status = amop_subscription_unsubscribe(context->subscription, 0, NULL);
    called(context, amop_message_data(message));
}

static void free_subscription_inside(void *pointer, const amop_message *message)
{
    context *context = pointer;
    reached(context->gate, 1);
    amop_subscription_free(context->subscription);
    called(context, amop_message_data(message));
}

static void close_inside(void *pointer, const amop_message *message)
{
    context *context = pointer;
    context->status = amop_client_close(context->client, 0, NULL);
    called(context, amop_message_data(message));
}

static void free_client_inside(void *pointer, const amop_message *message)
{
    context *context = pointer;
    amop_client_free(context->client);
    called(context, amop_message_data(message));
}

static void a_callback_may_unsubscribe_or_free_itself(void **state)
{
    (void)state;
    amop_client *client = client_at(0);
    context unsubscribing, freeing;
    context_init(&unsubscribing);
    context_init(&freeing);
    const char *topic = fresh_topic();
    subscribe(client, topic, (amop_message_callback){unsubscribe_inside, &unsubscribing, drop_context},
              &unsubscribing);
    subscribe(client, topic, (amop_message_callback){free_subscription_inside, &freeing, drop_context},
              &freeing);
    publish(client, topic, "x");
    /* Their handles are known to them from here on. */
    count(unsubscribing.gate);
    count(freeing.gate);
    wait_for(unsubscribing.drops, 1);
    wait_for(freeing.drops, 1);
    assert_int_equal(unsubscribing.status, AMOP_OK);
    assert_int_equal(counted(unsubscribing.calls), 1);
    assert_int_equal(counted(freeing.calls), 1);
    OK(amop_subscription_unsubscribe(unsubscribing.subscription, 0, &error));
    amop_subscription_free(unsubscribing.subscription);
    end(client);
    context_end(&unsubscribing);
    context_end(&freeing);
}

/* Unsubscribes another one's subscription, while that one does the same to it. */
typedef struct pair {
    context context;
    struct pair *other;
} pair;

static void unsubscribe_the_other(void *pointer, const amop_message *message)
{
    pair *pair = pointer;
    count(pair->context.gate);
    reached(pair->other->context.gate, 1);
    pair->context.status = amop_subscription_unsubscribe(pair->other->context.subscription, 0, NULL);
    called(&pair->context, amop_message_data(message));
}

static void drop_pair(void *pointer)
{
    pair *pair = pointer;
    drop_context(&pair->context);
}

static void two_callbacks_may_unsubscribe_each_other_at_once(void **state)
{
    (void)state;
    amop_client *client = client_at(0);
    static pair first, second;
    first.other = &second;
    second.other = &first;
    context_init(&first.context);
    context_init(&second.context);
    const char *topic = fresh_topic();
    subscribe(client, topic, (amop_message_callback){unsubscribe_the_other, &first, drop_pair},
              &first.context);
    subscribe(client, topic, (amop_message_callback){unsubscribe_the_other, &second, drop_pair},
              &second.context);
    publish(client, topic, "x");
    wait_for(first.context.drops, 1);
    wait_for(second.context.drops, 1);
    assert_int_equal(first.context.status, AMOP_OK);
    assert_int_equal(second.context.status, AMOP_OK);
    amop_subscription_free(first.context.subscription);
    amop_subscription_free(second.context.subscription);
    end(client);
    context_end(&first.context);
    context_end(&second.context);
}

static void a_callback_may_close_or_free_its_own_client_and_anothers(void **state)
{
    (void)state;
    void (*const calls[])(void *, const amop_message *) = {close_inside, free_client_inside};
    for (int n = 0; n < 4; n++) {
        const int frees = n % 2, anothers = n / 2;
        amop_client *publisher = client_at(0), *own = client_at(1), *another = client_at(1);
        context context, bystander;
        context_init(&context);
        context_init(&bystander);
        context.client = anothers ? another : own;
        const char *topic = fresh_topic();
        OK(amop_client_subscribe_callback(
            own, topic, NULL, (amop_message_callback){calls[frees], &context, drop_context}, NULL, &error));
        OK(amop_client_subscribe_callback(context.client, fresh_topic(), NULL, counting(&bystander), NULL,
                                          &error));
        publish(publisher, topic, "x");
        wait_for(bystander.drops, 1);
        wait_for(context.calls, 1);
        assert_int_equal(context.status, AMOP_OK);
        if (!frees) {
            end(context.client);
        }
        end(anothers ? own : another);
        wait_for(context.drops, 1);
        end(publisher);
        context_end(&context);
        context_end(&bystander);
    }
}

static void close_in_service(void *pointer, const amop_request *request)
{
    context *context = pointer;
    context->status = amop_client_close(context->client, 0, NULL);
    amop_request_reply(request, "bye", 3, NULL);
    called(context, amop_message_data(amop_request_message(request)));
}

static void close_in_completion(void *pointer, const amop_completion *completion)
{
    context *context = pointer;
    context->status = amop_client_close(context->client, 0, NULL);
    called(context, amop_reply_data(amop_completion_reply(completion)));
}

static void close_in_event(void *pointer, const amop_event *event)
{
    context *context = pointer;
    if (amop_event_kind_of(event) == AMOP_EVENT_LOST) {
        context->status = amop_client_close(context->client, 0, NULL);
        called(context, (amop_bytes){NULL, 0});
    }
}

static void services_completions_and_events_may_close_their_client(void **state)
{
    (void)state;
    amop_client *publisher = client_at(1);
    context service, completion, event;
    context_init(&service);
    context_init(&completion);
    context_init(&event);
    const char *topic = fresh_topic();
    service.client = client_at(0);
    completion.client = client_at(0);
    event.client = client_at(0);
    OK(amop_client_serve(service.client, topic, NULL,
                         (amop_request_callback){close_in_service, &service, drop_context}, NULL, &error));
    amop_reply *reply = NULL;
    OK(amop_client_publish(publisher, topic, "x", 1, NULL, 0, &reply, &error));
    assert_true(is_text(amop_reply_data(reply), "bye"));
    amop_reply_free(reply);
    OK(amop_client_broadcast_async(completion.client, topic, "x", 1, NULL, 0,
                                   (amop_completion_callback){close_in_completion, &completion, drop_context},
                                   NULL, &error));
    OK(amop_client_on_event(event.client, (amop_event_callback){close_in_event, &event, drop_context},
                            &error));
    wait_for(service.calls, 1);
    wait_for(completion.calls, 1);
    OK(amop_devnet_kill_node(devnet, 0, &error));
    wait_for(event.calls, 1);
    OK(amop_devnet_restart_node(devnet, 0, &error));
    assert_int_equal(service.status, AMOP_OK);
    assert_int_equal(completion.status, AMOP_OK);
    assert_int_equal(event.status, AMOP_OK);
    /* These wait. */
    end(service.client);
    end(completion.client);
    end(event.client);
    end(publisher);
    context_end(&service);
    context_end(&completion);
    context_end(&event);
}

/* Uses about everything, from inside of a callback. */
static void use_everything(void *pointer, const amop_message *message)
{
    context *context = pointer;
    const amop_client *client = context->client;
    amop_status worst = AMOP_OK;
    amop_subscription *subscription = NULL;
    amop_service *service = NULL;
    amop_message *got = NULL;
    amop_stats *stats = NULL;
    amop_client *further = NULL;
    amop_options *options = amop_options_new();
    amop_options_add_endpoint(options, amop_devnet_endpoint(devnet, 0));
    amop_options_set_credentials(options, amop_devnet_credentials(devnet));
    amop_options_set_connect_timeout(options, GUARD);
#define TRY(call) worst = worst == AMOP_OK ? (call) : worst
    TRY(amop_client_connect(options, &further, NULL));
    TRY(amop_client_subscribe(further, "inside", NULL, &subscription, NULL));
    TRY(amop_client_serve_requests(further, "served inside", NULL, &service, NULL));
    TRY(amop_client_publish(client, "inside", "deep", 4, NULL, GUARD, NULL, NULL));
    TRY(amop_client_broadcast(client, "inside", "wide", 4, NULL, GUARD, NULL));
    TRY(amop_subscription_next(subscription, GUARD, &got, NULL));
    TRY(amop_client_stats(client, &stats, NULL));
    TRY(amop_subscription_unsubscribe(subscription, 0, NULL));
    TRY(amop_service_unsubscribe(service, 0, NULL));
    TRY(amop_client_close(further, 0, NULL));
#undef TRY
    context->status = worst;
    amop_message_free(got);
    amop_stats_free(stats);
    amop_service_free(service);
    amop_subscription_free(subscription);
    amop_client_free(further);
    amop_options_free(options);
    called(context, amop_message_data(message));
}

static void everything_can_be_used_inside_of_a_callback(void **state)
{
    (void)state;
    context context;
    context_init(&context);
    context.client = client_at(1);
    const char *topic = fresh_topic();
    OK(amop_client_subscribe_callback(context.client, topic, NULL,
                                      (amop_message_callback){use_everything, &context, drop_context}, NULL,
                                      &error));
    publish(context.client, topic, "x");
    wait_for(context.calls, 1);
    assert_string_equal(amop_status_name(context.status), "AMOP_OK");
    end(context.client);
    context_end(&context);
}

/* A drop that uses the library. */
static void use_in_drop(void *pointer)
{
    context *context = pointer;
    amop_stats *stats = NULL;
    context->status = amop_client_stats(context->client, &stats, NULL);
    amop_stats_free(stats);
    context->number = amop_client_broadcast(context->client, "t", "", 0, NULL, 0, NULL);
    drop_context(context);
}

static void a_drop_may_use_the_library(void **state)
{
    (void)state;
    context context;
    context_init(&context);
    context.client = client_at(0);
    amop_message_callback callback = {counting(&context).call, &context, use_in_drop};
    subscribe(context.client, fresh_topic(), callback, &context);
    OK(amop_subscription_unsubscribe(context.subscription, 0, &error));
    assert_int_equal(context.status, AMOP_OK);
    assert_int_equal(context.number, AMOP_OK);
    amop_subscription_free(context.subscription);
    end(context.client);
    context_end(&context);
}

/* Broadcasts until it is told to stop. */
static void *flood(void *pointer)
{
    context *context = pointer;
    while (counted(context->gate) == 0) {
        context->number +=
            amop_client_broadcast(context->client, "flood", "x", 1, NULL, GUARD, NULL) == AMOP_OK;
    }
    return NULL;
}

static void no_call_comes_after_the_drop_however_many_messages_do(void **state)
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

static void a_closed_client_answers_closed(void **state)
{
    (void)state;
    amop_client *client = client_at(0);
    amop_subscription *subscription = NULL;
    amop_service *service = NULL;
    const char *topic = fresh_topic();
    OK(amop_client_subscribe(client, topic, NULL, &subscription, &error));
    OK(amop_client_serve_requests(client, fresh_topic(), NULL, &service, &error));
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
    EXPECT(AMOP_ERROR_CLOSED, amop_client_serve_requests(client, "t", NULL, &serving, &error));
    context_init(&context);
    EXPECT(AMOP_ERROR_CLOSED,
           amop_client_subscribe_callback(client, "t", NULL, counting(&context), &further, &error));
    context_end(&context);
    context_init(&context);
    EXPECT(AMOP_ERROR_CLOSED, amop_client_serve(client, "t", NULL, echoing(&context), &serving, &error));
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
    /* What was queued can still be read; figures can be asked for. */
    expect_message(subscription, "before");
    EXPECT(AMOP_ERROR_CLOSED, amop_subscription_next(subscription, GUARD, &(amop_message *){NULL}, &error));
    assert_int_equal(subscription_figure(subscription, AMOP_STAT_ACCEPTED), 1);
    assert_int_equal(client_figure(client, AMOP_STAT_CONNECTED), 0);
    amop_completion_queue_free(queue);
    amop_client_free(client);
    amop_service_free(service);
    amop_subscription_free(subscription);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unsubscribing_drops_the_context_before_it_returns),
        cmocka_unit_test(freeing_a_subscription_or_service_unsubscribes_it_in_the_background),
        cmocka_unit_test(closing_drops_the_contexts_of_callbacks_without_a_handle),
        cmocka_unit_test(a_client_that_is_only_freed_ends_in_the_background),
        cmocka_unit_test(a_subscription_that_fails_has_dropped_its_context_once),
        cmocka_unit_test(a_callback_that_does_not_return_makes_unsubscribing_time_out),
        cmocka_unit_test(a_callback_that_does_not_return_makes_the_close_time_out),
        cmocka_unit_test(a_callback_may_unsubscribe_or_free_itself),
        cmocka_unit_test(two_callbacks_may_unsubscribe_each_other_at_once),
        cmocka_unit_test(a_callback_may_close_or_free_its_own_client_and_anothers),
        cmocka_unit_test(services_completions_and_events_may_close_their_client),
        cmocka_unit_test(everything_can_be_used_inside_of_a_callback),
        cmocka_unit_test(a_drop_may_use_the_library),
        cmocka_unit_test(no_call_comes_after_the_drop_however_many_messages_do),
        cmocka_unit_test(a_closed_client_answers_closed),
    };
    return cmocka_run_group_tests(tests, start_devnet, stop_devnet);
}
