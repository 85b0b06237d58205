/* Functions that do not wait: connecting, subscribing, serving, unsubscribing and closing, by queue and by callback. */
#include "fixture.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

/* Reads the completion of the only call in flight, as an event loop does: it waits for the descriptor only. */
static amop_completion *completion_of(const amop_completion_queue *queue, void *tag)
{
    int32_t fd = -1;
    amop_completion *completion = NULL;
    OK(amop_completion_queue_fd(queue, &fd, &error));
    /* In rare cases the descriptor is readable without a completion. */
    while (completion == NULL) {
        assert_true(readable(fd, GUARD));
        amop_status status = amop_completion_queue_next(queue, 0, &completion, NULL);
        assert_true(status == AMOP_OK || status == AMOP_ERROR_TIMEOUT);
    }
    assert_ptr_equal(amop_completion_tag(completion), tag);
    return completion;
}

static void completes(const amop_completion_queue *queue, void *tag, amop_status status)
{
    amop_completion *completion = completion_of(queue, tag);
    assert_string_equal(amop_status_name(amop_completion_status(completion)), amop_status_name(status));
    assert_null(amop_completion_reply(completion));
    assert_null(amop_completion_take_client(completion));
    amop_completion_free(completion);
}

static amop_client *connected(const amop_completion_queue *queue, size_t node)
{
    amop_options *options = options_at(node);
    OK(amop_client_connect_queued(options, queue, &options, NULL, &error));
    amop_options_free(options);
    amop_completion *completion = completion_of(queue, &options);
    assert_int_equal(amop_completion_status(completion), AMOP_OK);
    amop_client *client = amop_completion_take_client(completion);
    assert_non_null(client);
    assert_null(amop_completion_take_client(completion));
    amop_completion_free(completion);
    return client;
}

static void event_loop_needs_no_function_that_waits(void **state)
{
    (void)state;
    amop_completion_queue *queue = amop_completion_queue_new(0);
    amop_client *client = connected(queue, 0), *other = connected(queue, 1);
    const char *topic = fresh_topic(), *served = fresh_topic();
    context read, answered;
    context_init(&read);
    context_init(&answered);
    amop_subscription *subscription = NULL, *called = NULL;
    amop_service *service = NULL, *serving = NULL;
    int tag = 0;
    OK(amop_client_subscribe_queued(client, topic, NULL, queue, &tag, &subscription, NULL, &error));
    completes(queue, &tag, AMOP_OK);
    OK(amop_client_subscribe_callback_queued(client, topic, NULL, counting(&read), queue, &tag, &called, NULL,
                                             &error));
    completes(queue, &tag, AMOP_OK);
    OK(amop_client_serve_queued(client, fresh_topic(), NULL, queue, &tag, &service, NULL, &error));
    completes(queue, &tag, AMOP_OK);
    OK(amop_client_serve_callback_queued(client, served, NULL, echoing(&answered), queue, &tag, &serving,
                                         NULL, &error));
    completes(queue, &tag, AMOP_OK);
    EXPECT(AMOP_ERROR_ALREADY_SERVED, amop_client_serve_queued(client, served, NULL, queue, &tag,
                                                               &(amop_service *){NULL}, NULL, &error));
    OK(amop_client_publish_queued(other, topic, "x", 1, NULL, GUARD, queue, &tag, NULL, &error));
    amop_completion_free(completion_of(queue, &tag));
    expect_message(subscription, "x");
    wait_for(read.calls, 1);
    OK(amop_subscription_unsubscribe_queued(subscription, 0, queue, &tag, &error));
    completes(queue, &tag, AMOP_OK);
    OK(amop_subscription_unsubscribe_queued(called, 0, queue, &tag, &error));
    completes(queue, &tag, AMOP_OK);
    assert_int_equal(counted(read.drops), 1);
    OK(amop_service_unsubscribe_queued(service, 0, queue, &tag, &error));
    completes(queue, &tag, AMOP_OK);
    OK(amop_service_unsubscribe_queued(serving, 0, queue, &tag, &error));
    completes(queue, &tag, AMOP_OK);
    assert_int_equal(counted(answered.drops), 1);
    OK(amop_client_close_queued(client, 0, queue, &tag, &error));
    completes(queue, &tag, AMOP_OK);
    EXPECT(AMOP_ERROR_CLOSED, amop_client_broadcast(client, topic, "", 0, NULL, 0, &error));
    amop_subscription_free(subscription);
    amop_subscription_free(called);
    amop_service_free(service);
    amop_service_free(serving);
    amop_client_free(client);
    end(other);
    amop_completion_queue_free(queue);
    context_end(&read);
    context_end(&answered);
}

/* Takes the client of a connect. */
static void take(void *pointer, const amop_completion *completion)
{
    context *context = pointer;
    context->status = amop_completion_status(completion);
    context->client = amop_completion_take_client(completion);
    called(context, amop_reply_data(amop_completion_reply(completion)));
}

static void completions_are_passed_to_callbacks(void **state)
{
    (void)state;
    context done[8], read, answered;
    for (int n = 0; n < 8; n++) {
        context_init(&done[n]);
        done[n].status = -1;
    }
    context_init(&read);
    context_init(&answered);
    amop_options *options = options_at(0);
    OK(amop_client_connect_async(options, (amop_completion_callback){take, &done[0], drop_context}, NULL,
                                 &error));
    amop_options_free(options);
    wait_for(done[0].drops, 1);
    amop_client *client = done[0].client;
    assert_non_null(client);
    amop_subscription *subscription = NULL, *called = NULL;
    amop_service *service = NULL, *serving = NULL;
    OK(amop_client_subscribe_async(client, fresh_topic(), NULL, completing(&done[1]), &subscription, NULL,
                                   &error));
    OK(amop_client_subscribe_callback_async(client, fresh_topic(), NULL, counting(&read),
                                            completing(&done[2]), &called, NULL, &error));
    OK(amop_client_serve_async(client, fresh_topic(), NULL, completing(&done[3]), &service, NULL, &error));
    OK(amop_client_serve_callback_async(client, fresh_topic(), NULL, echoing(&answered), completing(&done[4]),
                                        &serving, NULL, &error));
    for (int n = 1; n <= 4; n++) {
        wait_for(done[n].drops, 1);
    }
    OK(amop_subscription_unsubscribe_async(called, 0, completing(&done[5]), &error));
    OK(amop_service_unsubscribe_async(serving, 0, completing(&done[6]), &error));
    for (int n = 5; n <= 6; n++) {
        wait_for(done[n].drops, 1);
    }
    assert_int_equal(counted(read.drops) + counted(answered.drops), 2);
    OK(amop_client_close_async(client, 0, completing(&done[7]), &error));
    amop_client_free(client);
    wait_for(done[7].drops, 1);
    for (int n = 0; n < 8; n++) {
        assert_string_equal(amop_status_name(done[n].status), "AMOP_OK");
        assert_int_equal(counted(done[n].calls), 1);
        context_end(&done[n]);
    }
    /* Also of handles that outlive their client. */
    amop_completion_queue *queue = amop_completion_queue_new(0);
    OK(amop_subscription_unsubscribe_queued(subscription, 0, queue, &queue, &error));
    completes(queue, &queue, AMOP_OK);
    OK(amop_service_unsubscribe_queued(service, 0, queue, &queue, &error));
    completes(queue, &queue, AMOP_OK);
    amop_completion_queue_free(queue);
    amop_subscription_free(subscription);
    amop_subscription_free(called);
    amop_service_free(service);
    amop_service_free(serving);
    context_end(&read);
    context_end(&answered);
}

static void failed_connect_completes_with_its_error(void **state)
{
    (void)state;
    amop_completion_queue *queue = amop_completion_queue_new(0);
    OK(amop_devnet_kill_node(devnet, 0, &error));
    amop_options *options = options_at(0);
    OK(amop_client_connect_queued(options, queue, NULL, NULL, &error));
    completes(queue, NULL, AMOP_ERROR_CONNECT);
    context done;
    context_init(&done);
    OK(amop_client_connect_async(options, (amop_completion_callback){take, &done, drop_context}, NULL,
                                 &error));
    wait_for(done.drops, 1);
    assert_int_equal(done.status, AMOP_ERROR_CONNECT);
    assert_null(done.client);
    context_end(&done);
    amop_options_free(options);
    OK(amop_devnet_restart_node(devnet, 0, &error));
    /* A client that nobody takes is closed: stop_devnet waits for its threads. */
    options = options_at(0);
    OK(amop_client_connect_queued(options, queue, NULL, NULL, &error));
    amop_completion_free(completion_of(queue, NULL));
    amop_options_free(options);
    amop_completion_queue_free(queue);
}

static void connect_can_be_cancelled(void **state)
{
    (void)state;
    /* It accepts connections, and never answers. */
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof address;
    assert_int_equal(bind(listener, (struct sockaddr *)&address, len), 0);
    assert_int_equal(listen(listener, 8), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &len), 0);
    char endpoint[32];
    snprintf(endpoint, sizeof endpoint, "127.0.0.1:%d", ntohs(address.sin_port));
    amop_options *options = amop_options_new();
    OK(amop_options_add_endpoint(options, endpoint));
    OK(amop_options_set_credentials(options, amop_devnet_credentials(devnet)));
    OK(amop_options_set_connect_timeout(options, 3600 * 1000));
    amop_completion_queue *queue = amop_completion_queue_new(0);
    amop_call *call = NULL;
    OK(amop_client_connect_queued(options, queue, NULL, &call, &error));
    OK(amop_call_cancel(call, &error));
    amop_call_free(call);
    completes(queue, NULL, AMOP_ERROR_CANCELLED);
    amop_completion_queue_free(queue);
    amop_options_free(options);
    close(listener);
}

/* A client of node 0, which is down. */
static amop_client *offline(void)
{
    OK(amop_devnet_kill_node(devnet, 0, &error));
    amop_options *options = options_at(0);
    OK(amop_options_set_start_offline(options, true));
    OK(amop_options_set_call_timeout(options, 3600 * 1000));
    return client_with(options);
}

static void offline_subscriptions_and_services_start_with_the_first_node(void **state)
{
    (void)state;
    amop_client *client = offline(), *publisher = client_at(1);
    const char *read_topic = fresh_topic(), *served_topic = fresh_topic();
    context read, answered;
    context_init(&read);
    context_init(&answered);
    amop_subscription *subscription = NULL;
    /* None of these waits for the node; the timeout is an hour. */
    OK(amop_client_subscribe(client, read_topic, NULL, &subscription, &error));
    OK(amop_client_subscribe_callback(client, read_topic, NULL, counting(&read), NULL, &error));
    OK(amop_client_serve_callback(client, served_topic, NULL, echoing(&answered), NULL, &error));
    amop_subscribe_options *subscribing = amop_subscribe_options_new();
    amop_serve_options *serving = amop_serve_options_new();
    OK(amop_subscribe_options_set_confirm(subscribing, AMOP_CONFIRM_NEVER));
    OK(amop_serve_options_set_confirm(serving, AMOP_CONFIRM_NEVER));
    amop_subscription *unconfirmed = NULL;
    OK(amop_client_subscribe(client, read_topic, subscribing, &unconfirmed, &error));
    amop_subscription_free(unconfirmed);
    /* With a confirmation they fail in time, and leave nothing behind. */
    OK(amop_subscribe_options_set_confirm(subscribing, AMOP_CONFIRM_ALWAYS));
    OK(amop_serve_options_set_confirm(serving, AMOP_CONFIRM_ALWAYS));
    OK(amop_subscribe_options_set_timeout(subscribing, 20));
    OK(amop_serve_options_set_timeout(serving, 20));
    context refused;
    context_init(&refused);
    amop_status status =
        amop_client_subscribe_callback(client, "refused", subscribing, counting(&refused), NULL, NULL);
    assert_true(status == AMOP_ERROR_NOT_CONNECTED || status == AMOP_ERROR_TIMEOUT);
    context_end(&refused);
    for (int n = 0; n < 2; n++) {
        status = amop_client_serve(client, "refused", serving, &(amop_service *){NULL}, NULL);
        assert_true(status == AMOP_ERROR_NOT_CONNECTED || status == AMOP_ERROR_TIMEOUT);
    }
    OK(amop_subscribe_options_set_confirm(subscribing, AMOP_CONFIRM_AUTO));
    amop_subscribe_options_free(subscribing);
    amop_serve_options_free(serving);

    OK(amop_devnet_restart_node(devnet, 0, &error));
    amop_publish_options *waiting = amop_publish_options_new();
    OK(amop_publish_options_set_wait_for_subscriber(waiting, true));
    OK(amop_client_publish(publisher, read_topic, "x", 1, waiting, GUARD, NULL, &error));
    expect_message(subscription, "x");
    wait_for(read.calls, 1);
    OK(amop_client_publish(publisher, served_topic, "x", 1, waiting, GUARD, NULL, &error));
    assert_int_equal(counted(answered.calls), 1);
    amop_publish_options_free(waiting);
    amop_subscription_free(subscription);
    end(client);
    end(publisher);
    context_end(&read);
    context_end(&answered);
}

static void only_some_confirmations_wait_for_a_connected_node(void **state)
{
    (void)state;
    amop_options *options = options_at(0);
    OK(amop_options_set_heartbeat(options, GUARD));
    amop_client *client = client_with(options);
    OK(amop_devnet_control(devnet, "freeze 0", NULL, &error));
    amop_subscribe_options *subscribing = amop_subscribe_options_new();
    amop_serve_options *serving = amop_serve_options_new();
    amop_subscription *subscription = NULL;
    amop_service *service = NULL;
    OK(amop_subscribe_options_set_confirm(subscribing, AMOP_CONFIRM_NEVER));
    OK(amop_serve_options_set_confirm(serving, AMOP_CONFIRM_NEVER));
    OK(amop_client_subscribe(client, "read", subscribing, &subscription, &error));
    OK(amop_client_serve(client, "served", serving, &service, &error));
    amop_subscription_free(subscription);
    amop_service_free(service);
    const int32_t waiting[] = {AMOP_CONFIRM_AUTO, AMOP_CONFIRM_ALWAYS};
    OK(amop_subscribe_options_set_timeout(subscribing, 20));
    OK(amop_serve_options_set_timeout(serving, 20));
    for (size_t n = 0; n < 2; n++) {
        OK(amop_subscribe_options_set_confirm(subscribing, waiting[n]));
        OK(amop_serve_options_set_confirm(serving, waiting[n]));
        EXPECT(AMOP_ERROR_TIMEOUT, amop_client_subscribe(client, "t", subscribing, &subscription, &error));
        EXPECT(AMOP_ERROR_TIMEOUT, amop_client_serve(client, "s", serving, &service, &error));
    }
    OK(amop_devnet_control(devnet, "thaw 0", NULL, &error));
    amop_subscribe_options_free(subscribing);
    amop_serve_options_free(serving);
    end(client);
}

static void subscription_can_end_before_it_is_confirmed(void **state)
{
    (void)state;
    amop_client *client = offline();
    amop_completion_queue *queue = amop_completion_queue_new(0);
    amop_subscribe_options *options = amop_subscribe_options_new();
    OK(amop_subscribe_options_set_confirm(options, AMOP_CONFIRM_ALWAYS));
    amop_subscription *subscription = NULL;
    amop_call *call = NULL;
    /* Freed, unsubscribed, cancelled, and with its client. */
    OK(amop_client_subscribe_queued(client, "t", options, queue, NULL, &subscription, NULL, &error));
    amop_subscription_free(subscription);
    completes(queue, NULL, AMOP_ERROR_CLOSED);
    context read;
    context_init(&read);
    OK(amop_client_subscribe_callback_queued(client, "t", options, counting(&read), queue, NULL,
                                             &subscription, NULL, &error));
    OK(amop_subscription_unsubscribe(subscription, GUARD, &error));
    completes(queue, NULL, AMOP_ERROR_CLOSED);
    amop_subscription_free(subscription);
    context_end(&read);
    OK(amop_client_subscribe_queued(client, "t", options, queue, NULL, &subscription, &call, &error));
    OK(amop_call_cancel(call, &error));
    amop_call_free(call);
    completes(queue, NULL, AMOP_ERROR_CANCELLED);
    EXPECT(AMOP_ERROR_CLOSED, amop_subscription_next(subscription, GUARD, &(amop_message *){NULL}, &error));
    amop_subscription_free(subscription);
    OK(amop_client_subscribe_queued(client, "t", options, queue, NULL, &subscription, NULL, &error));
    end(client);
    completes(queue, NULL, AMOP_ERROR_CLOSED);
    amop_subscription_free(subscription);
    amop_subscribe_options_free(options);
    amop_completion_queue_free(queue);
    OK(amop_devnet_restart_node(devnet, 0, &error));
}

/* Begins to close its client and to unsubscribe, and returns when the test has seen that neither has ended. */
static void end_inside(void *pointer, const amop_message *message)
{
    context *context = pointer;
    reached(context->gate, 1);
    amop_completion_queue *queue = amop_completion_queue_new(0);
    amop_completion *completion = NULL;
    amop_subscription_unsubscribe_queued(context->subscription, GUARD, queue, NULL, NULL);
    amop_client_close_queued(context->client, GUARD, queue, NULL, NULL);
    context->status = amop_completion_queue_next(queue, 20, &completion, NULL);
    amop_completion_free(completion);
    amop_completion_queue_free(queue);
    called(context, amop_message_data(message));
}

static void ends_that_begin_in_a_callback_complete_after_it(void **state)
{
    (void)state;
    context context;
    context_init(&context);
    context.client = client_at(0);
    const char *topic = fresh_topic();
    subscribe(context.client, topic, (amop_message_callback){end_inside, &context, drop_context}, &context);
    publish(context.client, topic, "x");
    count(context.gate);
    wait_for(context.drops, 1);
    assert_int_equal(context.status, AMOP_ERROR_TIMEOUT);
    amop_subscription_free(context.subscription);
    end(context.client);
    context_end(&context);
}

/* Waits in the callback of one call for the completion of another. */
typedef struct waiting {
    context context;
    amop_completion_queue *read, *passed;
    counter *signalled;
} waiting;

static void signal_tag(void *pointer, const amop_completion *completion)
{
    (void)pointer;
    count(amop_completion_tag(completion));
}

static void wait_for_others(void *pointer, const amop_completion *completion)
{
    (void)completion;
    waiting *waiting = pointer;
    amop_completion *other = NULL;
    amop_client_broadcast_queued(waiting->context.client, "t", "", 0, NULL, 0, waiting->read, NULL, NULL,
                                 NULL);
    waiting->context.status = amop_completion_queue_next(waiting->read, GUARD, &other, NULL);
    amop_completion_free(other);
    amop_client_broadcast_queued(waiting->context.client, "t", "", 0, NULL, 0, waiting->passed,
                                 waiting->signalled, NULL, NULL);
    waiting->context.number = reached(waiting->signalled, 1);
    count(waiting->context.calls);
}

static void drop_waiting(void *pointer)
{
    waiting *waiting = pointer;
    drop_context(&waiting->context);
}

static void callback_may_wait_for_the_completion_of_another_call(void **state)
{
    (void)state;
    amop_options *options = options_at(0);
    OK(amop_options_set_dispatcher_threads(options, 1));
    amop_client *client = client_with(options);
    context passing;
    waiting waiting;
    context_init(&passing);
    context_init(&waiting.context);
    waiting.context.client = client;
    waiting.signalled = counter_new();
    waiting.read = amop_completion_queue_new(0);
    amop_completion_callback passed = {signal_tag, &passing, drop_context};
    OK(amop_completion_queue_new_callback(0, passed, &waiting.passed, &error));
    OK(amop_client_broadcast_async(client, "t", "", 0, NULL, 0,
                                   (amop_completion_callback){wait_for_others, &waiting, drop_waiting}, NULL,
                                   &error));
    wait_for(waiting.context.calls, 1);
    assert_int_equal(waiting.context.status, AMOP_OK);
    assert_true(waiting.context.number);
    end(client);
    amop_completion_queue_free(waiting.read);
    assert_int_equal(counted(passing.drops), 0);
    amop_completion_queue_free(waiting.passed);
    wait_for(passing.drops, 1);
    counter_free(waiting.signalled);
    context_end(&waiting.context);
    context_end(&passing);
}

static void freed_queue_with_a_callback_passes_what_is_in_flight(void **state)
{
    (void)state;
    amop_client *client = client_at(0);
    context passing;
    context_init(&passing);
    amop_completion_queue *queue = NULL;
    OK(amop_completion_queue_new_callback(1, completing(&passing), &queue, &error));
    EXPECT(AMOP_ERROR_INVALID_ARGUMENT,
           amop_completion_queue_next(queue, 0, &(amop_completion *){NULL}, &error));
    EXPECT(AMOP_ERROR_INVALID_ARGUMENT, amop_completion_queue_fd(queue, &(int32_t){0}, &error));
    amop_publish_options *options = amop_publish_options_new();
    OK(amop_publish_options_set_wait_for_subscriber(options, true));
    OK(amop_client_publish_queued(client, "nobody", "", 0, options, GUARD, queue, NULL, NULL, &error));
    EXPECT(AMOP_ERROR_OVERLOADED,
           amop_client_broadcast_queued(client, "t", "", 0, NULL, 0, queue, NULL, NULL, &error));
    amop_publish_options_free(options);
    amop_completion_queue_free(queue);
    end(client);
    wait_for(passing.drops, 1);
    assert_int_equal(counted(passing.calls), 1);
    assert_int_equal(passing.status, AMOP_ERROR_CLOSED);
    context_end(&passing);
}

static void refused_calls_drop_their_callbacks(void **state)
{
    (void)state;
    amop_client *client = client_at(0);
    amop_subscription *subscription = NULL;
    amop_service *service = NULL;
    context done, other;
#define REFUSED(call)                                                                                        \
    do {                                                                                                     \
        context_init(&done);                                                                                 \
        context_init(&other);                                                                                \
        EXPECT(AMOP_ERROR_INVALID_ARGUMENT, call);                                                           \
        assert_int_equal(counted(done.drops), 1);                                                            \
        assert_int_equal(counted(done.calls) + counted(other.calls), 0);                                     \
        assert_null(subscription);                                                                           \
        assert_null(service);                                                                                \
        counter_free(other.calls);                                                                           \
        counter_free(other.drops);                                                                           \
        counter_free(other.gate);                                                                            \
        context_end(&done);                                                                                  \
    } while (0)
    REFUSED(amop_client_connect_async(NULL, completing(&done), NULL, &error));
    REFUSED(amop_client_close_async(NULL, 0, completing(&done), &error));
    REFUSED(amop_client_subscribe_async(NULL, "t", NULL, completing(&done), &subscription, NULL, &error));
    REFUSED(amop_client_subscribe_callback_async(client, "t", NULL,
                                                 (amop_message_callback){NULL, &other, drop_context},
                                                 completing(&done), &subscription, NULL, &error));
    REFUSED(amop_client_serve_async(NULL, "t", NULL, completing(&done), &service, NULL, &error));
    REFUSED(amop_client_serve_callback_async(client, "t", NULL,
                                             (amop_request_callback){NULL, &other, drop_context},
                                             completing(&done), &service, NULL, &error));
    REFUSED(amop_subscription_unsubscribe_async(NULL, 0, completing(&done), &error));
    REFUSED(amop_service_unsubscribe_async(NULL, 0, completing(&done), &error));
    REFUSED(amop_completion_queue_new_callback(0, completing(&done), NULL, &error));
#undef REFUSED
    amop_options *options = options_at(0);
    EXPECT_NULL("queue", amop_client_connect_queued(options, NULL, NULL, NULL, &error));
    EXPECT_NULL("queue", amop_client_close_queued(client, 0, NULL, NULL, &error));
    EXPECT_NULL("queue",
                amop_client_subscribe_queued(client, "t", NULL, NULL, NULL, &subscription, NULL, &error));
    EXPECT_NULL("queue", amop_client_serve_queued(client, "t", NULL, NULL, NULL, &service, NULL, &error));
    assert_null(amop_completion_take_client(NULL));
    OK(amop_client_broadcast(client, "t", "", 0, NULL, 0, &error));
    amop_options_free(options);
    end(client);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(event_loop_needs_no_function_that_waits),
        cmocka_unit_test(completions_are_passed_to_callbacks),
        cmocka_unit_test(failed_connect_completes_with_its_error),
        cmocka_unit_test(connect_can_be_cancelled),
        cmocka_unit_test(offline_subscriptions_and_services_start_with_the_first_node),
        cmocka_unit_test(only_some_confirmations_wait_for_a_connected_node),
        cmocka_unit_test(subscription_can_end_before_it_is_confirmed),
        cmocka_unit_test(ends_that_begin_in_a_callback_complete_after_it),
        cmocka_unit_test(callback_may_wait_for_the_completion_of_another_call),
        cmocka_unit_test(freed_queue_with_a_callback_passes_what_is_in_flight),
        cmocka_unit_test(refused_calls_drop_their_callbacks),
    };
    return cmocka_run_group_tests(tests, start_devnet, stop_devnet);
}
