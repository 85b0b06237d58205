/* Blocking and asynchronous calls: each completes exactly once, and none uses a thread of its own. */
#include "fixture.h"

/* A number of calls that exceeds any number of threads. */
#define MANY 4096
#define FEW 32
/* Calls in flight, more than FEW: all of them are sent before the node gives up the first one, after 30 s. */
#define IN_FLIGHT 256
/* Calls in flight at a time. */
#define AT_ONCE 64

static void publish_completes_with_its_reply(void **state)
{
    (void)state;
    amop_client *server = client_at(1), *client = client_at(0);
    context service, done;
    context_init(&service);
    context_init(&done);
    const char *topic = fresh_topic();
    OK(amop_client_serve_callback(server, topic, NULL, echoing(&service), NULL, &error));
    amop_call *call = NULL;
    OK(amop_client_publish_async(client, topic, "hello", 5, NULL, 0, completing(&done), &call, &error));
    wait_for(done.calls, 1);
    assert_int_equal(done.status, AMOP_OK);
    assert_string_equal(done.last, "hello");
    /* Cancelling a completed call does nothing. */
    OK(amop_call_cancel(call, &error));
    amop_call_free(call);
    end(client);
    end(server);
    assert_int_equal(counted(done.calls), 1);
    context_end(&done);
    context_end(&service);
}

static void broadcast_completes_with_the_acknowledgement(void **state)
{
    (void)state;
    amop_client *subscriber = client_at(1), *client = client_at(0);
    context done;
    context_init(&done);
    const char *topic = fresh_topic();
    amop_subscription *subscription = NULL;
    OK(amop_client_subscribe(subscriber, topic, NULL, &subscription, &error));
    amop_call *call = NULL;
    OK(amop_client_broadcast_async(client, topic, "news", 4, NULL, 0, completing(&done), &call, &error));
    amop_call_free(call);
    expect_message(subscription, "news");
    wait_for(done.calls, 1);
    assert_int_equal(done.status, AMOP_OK);
    assert_string_equal(done.last, "");
    amop_subscription_free(subscription);
    end(client);
    end(subscriber);
    context_end(&done);
}

/* Checks the parts of a completion inside of the callback, and clones them for a check after it. */
typedef struct parts {
    context context;
    amop_status status;
    amop_error *error;
    amop_reply *reply;
    int has_error, has_reply, has_tag;
} parts;

static void take_parts(void *pointer, const amop_completion *completion)
{
    parts *parts = pointer;
    parts->status = amop_completion_status(completion);
    parts->has_error = amop_completion_error(completion) != NULL;
    parts->has_reply = amop_completion_reply(completion) != NULL;
    parts->has_tag = amop_completion_tag(completion) != NULL;
    parts->error = amop_error_clone(amop_completion_error(completion));
    parts->reply = amop_reply_clone(amop_completion_reply(completion));
    called(&parts->context, amop_reply_data(parts->reply));
}

static void drop_parts(void *pointer)
{
    parts *parts = pointer;
    drop_context(&parts->context);
}

static void clones_outlive_the_completion(void **state)
{
    (void)state;
    amop_client *server = client_at(1), *client = client_at(0);
    context service;
    context_init(&service);
    const char *topic = fresh_topic();
    OK(amop_client_serve_callback(server, topic, NULL, echoing(&service), NULL, &error));
    parts well = {0}, failed = {0};
    context_init(&well.context);
    context_init(&failed.context);
    const amop_completion_callback first = {take_parts, &well, drop_parts};
    const amop_completion_callback second = {take_parts, &failed, drop_parts};
    OK(amop_client_publish_async(client, topic, "kept", 4, NULL, 0, first, NULL, &error));
    OK(amop_client_publish_async(client, "nobody", "", 0, NULL, 0, second, NULL, &error));
    wait_for(well.context.drops, 1);
    wait_for(failed.context.drops, 1);
    end(client);
    end(server);
    assert_int_equal(well.status, AMOP_OK);
    assert_true(well.has_reply && !well.has_error && !well.has_tag);
    assert_true(is_text(amop_reply_data(well.reply), "kept"));
    assert_string_equal(amop_reply_endpoint(well.reply), amop_devnet_endpoint(devnet, 0));
    assert_int_equal(failed.status, AMOP_ERROR_NO_SUBSCRIBER);
    assert_true(failed.has_error && !failed.has_reply);
    assert_int_equal(amop_error_code(failed.error), AMOP_ERROR_NO_SUBSCRIBER);
    amop_reply_free(well.reply);
    amop_error_free(failed.error);
    context_end(&well.context);
    context_end(&failed.context);
    context_end(&service);
}

static void thousands_of_calls_each_complete_once_with_their_own_reply(void **state)
{
    (void)state;
    static context calls[MANY];
    amop_client *server = client_at(1), *client = client_at(0);
    context service;
    context_init(&service);
    const char *topic = fresh_topic();
    OK(amop_client_serve_callback(server, topic, NULL, echoing(&service), NULL, &error));
    for (int n = 0; n < MANY; n++) {
        char text[16];
        context_init(&calls[n]);
        snprintf(text, sizeof text, "%d", n);
        if (n >= AT_ONCE) {
            wait_for(calls[n - AT_ONCE].calls, 1);
        }
        OK(amop_client_publish_async(client, topic, text, strlen(text), NULL, 0, completing(&calls[n]), NULL,
                                     &error));
    }
    for (int n = 0; n < MANY; n++) {
        char text[16];
        wait_for(calls[n].calls, 1);
        snprintf(text, sizeof text, "%d", n);
        assert_int_equal(calls[n].status, AMOP_OK);
        assert_string_equal(calls[n].last, text);
    }
    end(client);
    end(server);
    for (int n = 0; n < MANY; n++) {
        assert_int_equal(counted(calls[n].calls), 1);
        context_end(&calls[n]);
    }
    assert_int_equal(counted(service.calls), MANY);
    context_end(&service);
}

/* A single node that loses messages to its own clients. Calls that are sent all the same, because they are not retried,
 * stay in flight until the test ends them. */
static amop_devnet *node_that_answers_nothing(void)
{
    amop_devnet *node = NULL;
    amop_devnet_options *options = amop_devnet_options_new();
    OK(amop_devnet_options_set_nodes(options, 1));
    OK(amop_devnet_options_set_like_2_11(options, true));
    OK(amop_devnet_start(options, &node, &error));
    amop_devnet_options_free(options);
    return node;
}

static amop_client *client_of(const amop_devnet *node)
{
    amop_options *options = amop_options_new();
    OK(amop_options_add_endpoint(options, amop_devnet_endpoint(node, 0)));
    OK(amop_options_set_credentials(options, amop_devnet_credentials(node)));
    OK(amop_options_set_connect_timeout(options, GUARD));
    OK(amop_options_set_close_timeout(options, GUARD));
    OK(amop_options_set_retry(options, AMOP_RETRY_NEVER));
    return client_with(options);
}

static void unicast_that_its_own_node_would_lose_fails_at_once(void **state)
{
    (void)state;
    amop_devnet *node = node_that_answers_nothing();
    amop_client *client = client_of(node);
    const char *topic = fresh_topic();
    amop_subscription *subscription = NULL;
    OK(amop_client_subscribe(client, topic, NULL, &subscription, &error));
    amop_publish_options *options = amop_publish_options_new();
    OK(amop_publish_options_set_retry(options, AMOP_RETRY_DEFINITE));
    amop_reply *reply = untouched();
    amop_error *failure = NULL;
    assert_int_equal(amop_client_publish(client, topic, "x", 1, options, GUARD, &reply, &failure),
                     AMOP_ERROR_OWN_NODE_ONLY);
    assert_null(reply);
    assert_int_equal(amop_error_delivery(failure), AMOP_DELIVERY_NO);
    amop_error_free(failure);
    amop_publish_options_free(options);
    end(client);
    amop_subscription_free(subscription);
    amop_devnet_free(node);
}

static void calls_in_flight_use_no_threads_and_can_be_cancelled(void **state)
{
    (void)state;
    static context contexts[IN_FLIGHT];
    static amop_call *calls[IN_FLIGHT];
    amop_devnet *node = node_that_answers_nothing();
    amop_client *client = client_of(node);
    const char *topic = fresh_topic();
    amop_subscription *subscription = NULL;
    OK(amop_client_subscribe(client, topic, NULL, &subscription, &error));
    for (int n = 0; n < IN_FLIGHT; n++) {
        context_init(&contexts[n]);
        OK(amop_client_publish_async(client, topic, "x", 1, NULL, GUARD, completing(&contexts[n]), &calls[n],
                                     &error));
    }
    /* The runtime sends the calls, which takes a moment after the last of them was accepted. */
    UNTIL(endpoint_stat_value(client, 0, AMOP_STAT_IN_FLIGHT) == IN_FLIGHT);
    assert_true(library_threads() < FEW);
    for (int n = 0; n < IN_FLIGHT; n++) {
        OK(amop_call_cancel(calls[n], &error));
        OK(amop_call_cancel(calls[n], &error));
    }
    for (int n = 0; n < IN_FLIGHT; n++) {
        wait_for(contexts[n].calls, 1);
        assert_int_equal(contexts[n].status, AMOP_ERROR_CANCELLED);
        amop_call_free(calls[n]);
    }
    UNTIL(endpoint_stat_value(client, 0, AMOP_STAT_IN_FLIGHT) == 0);
    end(client);
    for (int n = 0; n < IN_FLIGHT; n++) {
        assert_int_equal(counted(contexts[n].calls), 1);
        context_end(&contexts[n]);
    }
    amop_subscription_free(subscription);
    amop_devnet_free(node);
}

static void call_ends_at_its_deadline_or_with_the_client(void **state)
{
    (void)state;
    amop_devnet *node = node_that_answers_nothing();
    amop_client *client = client_of(node);
    const char *topic = fresh_topic();
    amop_subscription *subscription = NULL;
    OK(amop_client_subscribe(client, topic, NULL, &subscription, &error));
    amop_reply *reply = untouched();
    EXPECT(AMOP_ERROR_TIMEOUT, amop_client_publish(client, topic, "x", 1, NULL, 30, &reply, &error));
    assert_null(reply);
    context soon, never;
    context_init(&soon);
    context_init(&never);
    amop_call *call = NULL;
    OK(amop_client_publish_async(client, topic, "x", 1, NULL, 30, completing(&soon), NULL, &error));
    OK(amop_client_publish_async(client, topic, "x", 1, NULL, GUARD, completing(&never), &call, &error));
    wait_for(soon.calls, 1);
    assert_int_equal(soon.status, AMOP_ERROR_TIMEOUT);
    assert_int_equal(counted(never.calls), 0);
    OK(amop_client_close(client, 0, &error));
    /* The close has waited for the callback. */
    assert_int_equal(counted(never.calls), 1);
    assert_int_equal(never.status, AMOP_ERROR_CLOSED);
    OK(amop_call_cancel(call, &error));
    amop_call_free(call);
    amop_client_free(client);
    amop_subscription_free(subscription);
    amop_devnet_free(node);
    context_end(&soon);
    context_end(&never);
}

static void call_beyond_the_limit_in_flight_is_refused(void **state)
{
    (void)state;
    amop_devnet *node = node_that_answers_nothing();
    amop_options *options = amop_options_new();
    OK(amop_options_add_endpoint(options, amop_devnet_endpoint(node, 0)));
    OK(amop_options_set_credentials(options, amop_devnet_credentials(node)));
    OK(amop_options_set_max_in_flight(options, 1));
    OK(amop_options_set_max_send_bytes(options, 1 << 20));
    OK(amop_options_set_call_timeout(options, GUARD));
    OK(amop_options_set_retry(options, AMOP_RETRY_NEVER));
    amop_client *client = client_with(options);
    const char *topic = fresh_topic();
    context first, second;
    amop_subscription *subscription = NULL;
    OK(amop_client_subscribe(client, topic, NULL, &subscription, &error));
    context_init(&first);
    context_init(&second);
    amop_call *call = NULL, *refused = untouched();
    OK(amop_client_publish_async(client, topic, "x", 1, NULL, 0, completing(&first), &call, &error));
    EXPECT(AMOP_ERROR_OVERLOADED,
           amop_client_publish_async(client, topic, "y", 1, NULL, 0, completing(&second), &refused, &error));
    assert_null(refused);
    EXPECT(AMOP_ERROR_OVERLOADED, amop_client_publish(client, topic, "z", 1, NULL, 0, NULL, &error));
    /* A refused callback is not called, but its context is dropped. */
    assert_int_equal(counted(second.calls), 0);
    context_end(&second);
    OK(amop_call_cancel(call, &error));
    wait_for(first.calls, 1);
    amop_call_free(call);
    amop_subscription_free(subscription);
    end(client);
    amop_devnet_free(node);
    context_end(&first);
}

/* Publishes again inside of a completion callback. */
static void publish_again(void *pointer, const amop_completion *completion)
{
    context *context = pointer;
    context->status = amop_completion_status(completion);
    if (counted(context->calls) == 0) {
        amop_completion_callback callback = {publish_again, context, NULL};
        context->number =
            amop_client_publish_async(context->client, "nobody", "", 0, NULL, 0, callback, NULL, NULL);
    }
    count(context->calls);
}

static void completion_callback_may_start_a_call(void **state)
{
    (void)state;
    context context;
    context_init(&context);
    context.client = client_at(0);
    amop_completion_callback callback = {publish_again, &context, drop_context};
    OK(amop_client_publish_async(context.client, "nobody", "", 0, NULL, 0, callback, NULL, &error));
    wait_for(context.calls, 2);
    assert_int_equal(context.number, AMOP_OK);
    assert_int_equal(context.status, AMOP_ERROR_NO_SUBSCRIBER);
    end(context.client);
    context_end(&context);
}

static void messages_of_one_thread_are_sent_in_order(void **state)
{
    (void)state;
    amop_client *subscriber = client_at(1), *client = client_at(0);
    context done;
    context_init(&done);
    const char *topic = fresh_topic();
    amop_subscription *subscription = NULL;
    OK(amop_client_subscribe(subscriber, topic, NULL, &subscription, &error));
    const amop_completion_callback without_drop = {completing(&done).call, &done, NULL};
    for (uint16_t n = 0; n < 500; n++) {
        OK(amop_client_broadcast_async(client, topic, &n, sizeof n, NULL, 0, without_drop, NULL, &error));
    }
    for (uint16_t n = 0; n < 500; n++) {
        amop_message *message = NULL;
        OK(amop_subscription_next(subscription, GUARD, &message, &error));
        assert_memory_equal(amop_message_data(message).data, &n, sizeof n);
        amop_message_free(message);
    }
    wait_for(done.calls, 500);
    amop_subscription_free(subscription);
    end(client);
    end(subscriber);
    count(done.drops);
    context_end(&done);
}

static void publish_can_wait_for_a_subscriber(void **state)
{
    (void)state;
    amop_client *subscriber = client_at(1), *client = client_at(0);
    context done;
    context_init(&done);
    const char *topic = fresh_topic();
    amop_publish_options *options = amop_publish_options_new();
    OK(amop_publish_options_set_wait_for_subscriber(options, true));
    OK(amop_client_publish_async(client, topic, "patient", 7, options, 0, completing(&done), NULL, &error));
    amop_publish_options_free(options);
    /* At least one attempt found no subscriber. */
    UNTIL(client_stat_value(client, AMOP_STAT_RETRIES) > 0);
    amop_subscription *subscription = NULL;
    OK(amop_client_subscribe(subscriber, topic, NULL, &subscription, &error));
    expect_message(subscription, "patient");
    wait_for(done.calls, 1);
    assert_int_equal(done.status, AMOP_OK);
    amop_subscription_free(subscription);
    end(client);
    end(subscriber);
    context_end(&done);
}

static void broadcast_can_wait_for_a_subscriber(void **state)
{
    (void)state;
    amop_client *subscriber = client_at(1), *client = client_at(0);
    context done;
    context_init(&done);
    const char *topic = fresh_topic();
    amop_publish_options *options = amop_publish_options_new();
    OK(amop_publish_options_set_wait_for_subscriber(options, true));
    OK(amop_client_broadcast_async(client, topic, "patient", 7, options, 0, completing(&done), NULL, &error));
    amop_publish_options_free(options);
    UNTIL(client_stat_value(client, AMOP_STAT_CALLS_WAITING) == 1);
    amop_subscription *subscription = NULL;
    OK(amop_client_subscribe(subscriber, topic, NULL, &subscription, &error));
    expect_message(subscription, "patient");
    wait_for(done.calls, 1);
    assert_int_equal(done.status, AMOP_OK);
    amop_subscription_free(subscription);
    end(client);
    end(subscriber);
    context_end(&done);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(publish_completes_with_its_reply),
        cmocka_unit_test(broadcast_completes_with_the_acknowledgement),
        cmocka_unit_test(clones_outlive_the_completion),
        cmocka_unit_test(thousands_of_calls_each_complete_once_with_their_own_reply),
        cmocka_unit_test(unicast_that_its_own_node_would_lose_fails_at_once),
        cmocka_unit_test(calls_in_flight_use_no_threads_and_can_be_cancelled),
        cmocka_unit_test(call_ends_at_its_deadline_or_with_the_client),
        cmocka_unit_test(call_beyond_the_limit_in_flight_is_refused),
        cmocka_unit_test(completion_callback_may_start_a_call),
        cmocka_unit_test(messages_of_one_thread_are_sent_in_order),
        cmocka_unit_test(publish_can_wait_for_a_subscriber),
        cmocka_unit_test(broadcast_can_wait_for_a_subscriber),
    };
    return cmocka_run_group_tests(tests, start_devnet, stop_devnet);
}
