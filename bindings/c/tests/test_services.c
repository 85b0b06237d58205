/* Services: replies now and later, failures and their codes, what is answered when nobody does. */
#include "fixture.h"

#include <pthread.h>

/* A publish that fails: its error, which is the caller's. */
static amop_error *failure_of(const amop_client *client, const char *topic, amop_status status)
{
    amop_reply *reply = untouched();
    amop_error *error = NULL;
    amop_status seen = amop_client_publish(client, topic, "x", 1, NULL, 0, &reply, &error);
    assert_string_equal(amop_status_name(seen), amop_status_name(status));
    assert_null(reply);
    assert_int_equal(amop_error_code(error), status);
    return error;
}

/* Starts a publish whose completion a context counts. */
static void ask(const amop_client *client, const char *topic, const char *text, context *answer)
{
    context_init(answer);
    OK(amop_client_publish_async(client, topic, text, strlen(text), NULL, 0, completing(answer), NULL,
                                 &error));
}

static amop_request *next_request(const amop_service *service)
{
    amop_request *request = NULL;
    OK(amop_service_next(service, GUARD, &request, &error));
    assert_non_null(request);
    return request;
}

static void a_callback_replies(void **state)
{
    (void)state;
    amop_client *server = client_at(1), *client = client_at(0);
    context context;
    context_init(&context);
    const char *topic = fresh_topic();
    OK(amop_client_serve(server, topic, NULL, echoing(&context), &context.service, &error));
    assert_string_equal(amop_service_topic(context.service), topic);
    for (size_t len = 0; len < 3; len++) {
        amop_reply *reply = NULL;
        OK(amop_client_publish(client, topic, "hi", len, NULL, 0, &reply, &error));
        assert_int_equal(amop_reply_data(reply).len, len);
        assert_memory_equal(amop_reply_data(reply).data, "hi", len);
        amop_reply_free(reply);
    }
    assert_int_equal(context.status, AMOP_OK);
    assert_int_equal(service_figure(context.service, AMOP_STAT_ACCEPTED), 3);
    OK(amop_service_unsubscribe(context.service, 0, &error));
    assert_int_equal(counted(context.drops), 1);
    OK(amop_service_unsubscribe(context.service, 0, &error));
    amop_service_free(context.service);
    end(client);
    end(server);
    context_end(&context);
}

static void requests_can_be_read_and_answered_in_any_order(void **state)
{
    (void)state;
    amop_client *server = client_at(1), *client = client_at(0);
    const char *topic = fresh_topic();
    amop_service *service = NULL;
    OK(amop_client_serve_requests(server, topic, NULL, &service, &error));
    assert_string_equal(amop_service_topic(service), topic);
    EXPECT(AMOP_ERROR_TIMEOUT, amop_service_next(service, 0, &(amop_request *){NULL}, &error));
    int32_t fd = -1;
    OK(amop_service_fd(service, &fd, &error));
    assert_false(readable(fd, 0));
    context first, second;
    ask(client, topic, "1", &first);
    ask(client, topic, "2", &second);
    amop_request *requests[2] = {NULL, NULL};
    for (size_t taken = 0, count = 0; taken < 2; taken += count) {
        assert_true(readable(fd, GUARD));
        OK(amop_service_next_many(service, 0, requests + taken, 2 - taken, &count, &error));
    }
    assert_false(readable(fd, 0));
    const amop_message *message = amop_request_message(requests[1]);
    assert_true(is_text(amop_message_data(message), "2"));
    assert_string_equal(amop_message_topic(message), topic);
    assert_int_equal(amop_message_kind_of(message), AMOP_MESSAGE_UNICAST);
    assert_true(amop_request_is_open(requests[1]));
    OK(amop_request_reply(requests[1], "to 2", 4, &error));
    assert_false(amop_request_is_open(requests[1]));
    wait_for(second.calls, 1);
    OK(amop_request_reply(requests[0], "to 1", 4, &error));
    wait_for(first.calls, 1);
    assert_string_equal(first.last, "to 1");
    assert_string_equal(second.last, "to 2");
    amop_request_free(requests[0]);
    amop_request_free(requests[1]);
    OK(amop_service_unsubscribe(service, 0, &error));
    assert_true(readable(fd, GUARD));
    EXPECT(AMOP_ERROR_CLOSED, amop_service_next(service, GUARD, &(amop_request *){NULL}, &error));
    size_t none = 9;
    EXPECT(AMOP_ERROR_CLOSED, amop_service_next_many(service, GUARD, requests, 2, &none, &error));
    assert_int_equal(none, 0);
    amop_service_free(service);
    end(client);
    end(server);
    context_end(&first);
    context_end(&second);
}

static void requests_of_a_callback_cannot_be_read(void **state)
{
    (void)state;
    amop_client *server = client_at(1);
    context context;
    context_init(&context);
    amop_service *service = NULL;
    OK(amop_client_serve(server, fresh_topic(), NULL, echoing(&context), &service, &error));
    amop_request *request = untouched();
    size_t number = 9;
    int32_t fd = 9;
    EXPECT(AMOP_ERROR_INVALID_ARGUMENT, amop_service_next(service, 0, &request, &error));
    assert_null(request);
    EXPECT(AMOP_ERROR_INVALID_ARGUMENT, amop_service_next_many(service, 0, &request, 1, &number, &error));
    EXPECT(AMOP_ERROR_INVALID_ARGUMENT, amop_service_fd(service, &fd, &error));
    amop_service_free(service);
    end(server);
    context_end(&context);
}

/* Keeps a clone of its request for somebody else. */
static amop_request *kept;

static void keep(void *pointer, const amop_request *request)
{
    context *context = pointer;
    kept = amop_request_clone(request);
    called(context, amop_message_data(amop_request_message(request)));
}

static void *answer_kept(void *unused)
{
    (void)unused;
    amop_status answered = amop_request_reply(kept, "later", 5, NULL);
    amop_request_free(kept);
    return answered == AMOP_OK ? kept : NULL;
}

static void a_clone_is_answered_later_by_another_thread(void **state)
{
    (void)state;
    amop_client *server = client_at(1), *client = client_at(0);
    context context, answer;
    context_init(&context);
    const char *topic = fresh_topic();
    amop_request_callback callback = {keep, &context, drop_context};
    OK(amop_client_serve(server, topic, NULL, callback, NULL, &error));
    ask(client, topic, "when?", &answer);
    wait_for(context.calls, 1);
    /* The callback has returned, or soon will; the answer is nobody's but the clone's. */
    assert_int_equal(counted(answer.calls), 0);
    assert_true(is_text(amop_message_data(amop_request_message(kept)), "when?"));
    pthread_t thread;
    void *answered = NULL;
    assert_int_equal(pthread_create(&thread, NULL, answer_kept, NULL), 0);
    assert_int_equal(pthread_join(thread, &answered), 0);
    assert_non_null(answered);
    wait_for(answer.calls, 1);
    assert_int_equal(answer.status, AMOP_OK);
    assert_string_equal(answer.last, "later");
    end(client);
    end(server);
    context_end(&answer);
    context_end(&context);
}

static void fail_with(void *pointer, const amop_request *request)
{
    context *context = pointer;
    context->status = amop_request_fail(request, context->number, "why", 3, NULL);
    called(context, amop_message_data(amop_request_message(request)));
}

static void a_failure_reaches_the_publisher_with_code_and_data(void **state)
{
    (void)state;
    amop_client *server = client_at(1), *client = client_at(0);
    context context;
    context_init(&context);
    const char *topic = fresh_topic();
    amop_request_callback callback = {fail_with, &context, drop_context};
    OK(amop_client_serve(server, topic, NULL, callback, NULL, &error));
    const struct {
        int32_t code;
        amop_status status;
    } cases[] = {
        {AMOP_RESULT_FAILED, AMOP_ERROR_SUBSCRIBER_FAILED},
        {7, AMOP_ERROR_REMOTE},
        {INT16_MIN, AMOP_ERROR_REMOTE},
        {INT16_MAX, AMOP_ERROR_REMOTE},
    };
    for (size_t n = 0; n < 4; n++) {
        context.number = cases[n].code;
        amop_error *error = failure_of(client, topic, cases[n].status);
        assert_int_equal(amop_error_node_code(error), cases[n].code);
        assert_true(is_text(amop_error_data(error), "why"));
        assert_int_equal(amop_error_delivery(error), AMOP_DELIVERY_MAYBE);
        amop_error *clone = amop_error_clone(error);
        amop_error_free(error);
        assert_true(is_text(amop_error_data(clone), "why"));
        amop_error_free(clone);
        assert_int_equal(context.status, AMOP_OK);
    }
    end(client);
    end(server);
    context_end(&context);
}

static void a_request_takes_one_answer_and_only_codes_that_can_be_sent(void **state)
{
    (void)state;
    amop_client *server = client_at(1), *client = client_at(0);
    const char *topic = fresh_topic();
    amop_service *service = NULL;
    OK(amop_client_serve_requests(server, topic, NULL, &service, &error));
    context answer;
    ask(client, topic, "x", &answer);
    amop_request *request = next_request(service);
    const int32_t codes[] = {0, 100, 104, -5010, -5013, INT16_MAX + 1, INT32_MIN};
    for (size_t n = 0; n < 7; n++) {
        EXPECT(AMOP_ERROR_INVALID_ARGUMENT, amop_request_fail(request, codes[n], "x", 1, &error));
    }
    EXPECT(AMOP_ERROR_INVALID_ARGUMENT, amop_request_reply(request, NULL, 1, &error));
    EXPECT(AMOP_ERROR_INVALID_ARGUMENT, amop_request_fail(request, -1, NULL, 1, &error));
    EXPECT(AMOP_ERROR_TOO_LARGE, amop_request_reply(request, "x", SIZE_MAX, &error));
    EXPECT(AMOP_ERROR_TOO_LARGE, amop_request_fail(request, -1, "x", SIZE_MAX, &error));
    /* None of these was an answer. */
    assert_true(amop_request_is_open(request));
    OK(amop_request_reply(request, "once", 4, &error));
    EXPECT(AMOP_ERROR_ALREADY_ANSWERED, amop_request_reply(request, "twice", 5, &error));
    EXPECT(AMOP_ERROR_ALREADY_ANSWERED, amop_request_fail(request, -1, NULL, 0, &error));
    amop_request_free(request);
    wait_for(answer.calls, 1);
    assert_string_equal(answer.last, "once");
    amop_service_free(service);
    end(client);
    end(server);
    context_end(&answer);
}

static void a_request_whose_last_handle_is_freed_is_answered_as_dropped(void **state)
{
    (void)state;
    amop_client *server = client_at(1), *client = client_at(0);
    const char *topic = fresh_topic();
    amop_service *service = NULL;
    OK(amop_client_serve_requests(server, topic, NULL, &service, &error));
    context answer;
    ask(client, topic, "x", &answer);
    amop_request *request = next_request(service);
    amop_request *clone = amop_request_clone(request);
    amop_request_free(request);
    assert_true(amop_request_is_open(clone));
    assert_int_equal(counted(answer.calls), 0);
    amop_request_free(clone);
    wait_for(answer.calls, 1);
    assert_int_equal(answer.status, AMOP_ERROR_SUBSCRIBER_DROPPED);
    /* So is one that nobody reads. */
    context unread;
    ask(client, topic, "y", &unread);
    UNTIL(service_figure(service, AMOP_STAT_HELD_MESSAGES) == 1);
    amop_service_free(service);
    wait_for(unread.calls, 1);
    assert_int_equal(unread.status, AMOP_ERROR_SUBSCRIBER_DROPPED);
    end(client);
    end(server);
    context_end(&answer);
    context_end(&unread);
}

static void a_service_that_is_too_slow_is_answered_for(void **state)
{
    (void)state;
    amop_options *options = options_at(1);
    OK(amop_options_set_answer_timeout(options, 50));
    amop_client *server = client_with(options), *client = client_at(0);
    const char *topic = fresh_topic();
    amop_service *service = NULL;
    OK(amop_client_serve_requests(server, topic, NULL, &service, &error));
    context answer;
    ask(client, topic, "x", &answer);
    amop_request *request = NULL;
    amop_status seen = amop_service_next(service, GUARD, &request, NULL);
    wait_for(answer.calls, 1);
    assert_int_equal(answer.status, AMOP_ERROR_SUBSCRIBER_TOO_SLOW);
    /* On a slow machine its time may be over before it was read; then it isn't handed out. */
    if (seen == AMOP_OK) {
        assert_false(amop_request_is_open(request));
        EXPECT(AMOP_ERROR_REQUEST_EXPIRED, amop_request_reply(request, "late", 4, &error));
        amop_request_free(request);
    }
    assert_int_equal(endpoint_figure(server, 0, AMOP_STAT_TOO_SLOW), 1);
    amop_service_free(service);
    end(client);
    end(server);
    context_end(&answer);
}

static void a_request_of_a_client_that_has_gone_cannot_be_answered(void **state)
{
    (void)state;
    amop_client *server = client_at(1), *client = client_at(0);
    const char *topic = fresh_topic();
    amop_service *service = NULL;
    OK(amop_client_serve_requests(server, topic, NULL, &service, &error));
    context answer;
    ask(client, topic, "x", &answer);
    amop_request *request = next_request(service);
    OK(amop_client_close(server, 0, &error));
    wait_for(answer.calls, 1);
    assert_int_equal(answer.status, AMOP_ERROR_SUBSCRIBER_UNREACHABLE);
    EXPECT(AMOP_ERROR_REQUEST_EXPIRED, amop_request_reply(request, "late", 4, &error));
    amop_client_free(server);
    /* Handles outlive the client. */
    assert_true(is_text(amop_message_data(amop_request_message(request)), "x"));
    amop_request_free(request);
    EXPECT(AMOP_ERROR_CLOSED, amop_service_next(service, GUARD, &(amop_request *){NULL}, &error));
    amop_service_free(service);
    end(client);
    context_end(&answer);
}

static void a_topic_has_one_service_in_a_client(void **state)
{
    (void)state;
    amop_client *server = client_at(1), *other = client_at(0);
    const char *topic = fresh_topic();
    amop_service *service = NULL, *second = untouched();
    OK(amop_client_serve_requests(server, topic, NULL, &service, &error));
    EXPECT_TEXT(AMOP_ERROR_ALREADY_SERVED, topic,
                amop_client_serve_requests(server, topic, NULL, &second, &error));
    assert_null(second);
    context context;
    context_init(&context);
    EXPECT(AMOP_ERROR_ALREADY_SERVED,
           amop_client_serve(server, topic, NULL, echoing(&context), &second, &error));
    context_end(&context);
    /* Another client may, and the same one when the first has ended. */
    OK(amop_client_serve_requests(other, topic, NULL, &second, &error));
    amop_service_free(second);
    amop_service_free(service);
    OK(amop_client_serve_requests(server, topic, NULL, &service, &error));
    amop_service_free(service);
    end(other);
    end(server);
}

/* Blocks until the test opens the gate. */
static void pass_gate(void *pointer, const amop_request *request)
{
    context *context = pointer;
    called(context, amop_message_data(amop_request_message(request)));
    amop_request_reply(request, reached(context->gate, 1) ? "passed" : "stuck", 6, NULL);
}

static void as_many_callbacks_run_at_once_as_were_asked_for(void **state)
{
    (void)state;
    amop_client *server = client_at(1), *client = client_at(0);
    context context, answers[3];
    context_init(&context);
    const char *topic = fresh_topic();
    amop_serve_options *options = amop_serve_options_new();
    OK(amop_serve_options_set_concurrency(options, 3));
    OK(amop_serve_options_set_placement(options, AMOP_PLACEMENT_ALL));
    OK(amop_serve_options_set_timeout(options, GUARD));
    OK(amop_serve_options_set_max_bytes(options, 1024));
    amop_request_callback callback = {pass_gate, &context, drop_context};
    OK(amop_client_serve(server, topic, options, callback, NULL, &error));
    amop_serve_options_free(options);
    for (int n = 0; n < 3; n++) {
        ask(client, topic, "x", &answers[n]);
    }
    /* All three are inside, none has left. */
    wait_for(context.calls, 3);
    count(context.gate);
    for (int n = 0; n < 3; n++) {
        wait_for(answers[n].calls, 1);
        assert_string_equal(answers[n].last, "passed");
    }
    end(client);
    end(server);
    for (int n = 0; n < 3; n++) {
        context_end(&answers[n]);
    }
    context_end(&context);
}

static void a_full_service_is_busy(void **state)
{
    (void)state;
    amop_client *server = client_at(1), *client = client_at(0);
    const char *topic = fresh_topic();
    amop_serve_options *options = amop_serve_options_new();
    OK(amop_serve_options_set_max_messages(options, 2));
    amop_service *service = NULL;
    OK(amop_client_serve_requests(server, topic, options, &service, &error));
    amop_serve_options_free(options);
    context answers[2];
    for (int n = 0; n < 2; n++) {
        ask(client, topic, "x", &answers[n]);
    }
    UNTIL(service_figure(service, AMOP_STAT_HELD_MESSAGES) == 2);
    amop_error *error = failure_of(client, topic, AMOP_ERROR_SUBSCRIBER_BUSY);
    assert_int_equal(amop_error_delivery(error), AMOP_DELIVERY_NO);
    assert_true(amop_error_is_retriable(error));
    amop_error_free(error);
    assert_int_equal(service_figure(service, AMOP_STAT_REFUSED), 1);
    assert_int_equal(endpoint_figure(server, 0, AMOP_STAT_BUSY), 1);
    for (int n = 0; n < 2; n++) {
        amop_request *request = next_request(service);
        OK(amop_request_reply(request, NULL, 0, &error));
        amop_request_free(request);
    }
    for (int n = 0; n < 2; n++) {
        wait_for(answers[n].calls, 1);
        assert_int_equal(answers[n].status, AMOP_OK);
    }
    amop_service_free(service);
    end(client);
    end(server);
    context_end(&answers[0]);
    context_end(&answers[1]);
}

static void broadcasts_go_to_subscriptions_and_unicasts_to_the_service(void **state)
{
    (void)state;
    amop_client *server = client_at(1), *client = client_at(0);
    context context;
    context_init(&context);
    const char *topic = fresh_topic();
    amop_subscription *subscription = NULL;
    OK(amop_client_subscribe(server, topic, NULL, &subscription, &error));
    OK(amop_client_serve(server, topic, NULL, echoing(&context), NULL, &error));
    publish(client, topic, "for one");
    OK(amop_client_broadcast(client, topic, "for all", 7, NULL, 0, &error));
    expect_message(subscription, "for all");
    wait_for(context.calls, 1);
    assert_string_equal(context.last, "for one");
    amop_subscription_free(subscription);
    end(client);
    end(server);
    assert_int_equal(counted(context.calls), 1);
    context_end(&context);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_callback_replies),
        cmocka_unit_test(requests_can_be_read_and_answered_in_any_order),
        cmocka_unit_test(requests_of_a_callback_cannot_be_read),
        cmocka_unit_test(a_clone_is_answered_later_by_another_thread),
        cmocka_unit_test(a_failure_reaches_the_publisher_with_code_and_data),
        cmocka_unit_test(a_request_takes_one_answer_and_only_codes_that_can_be_sent),
        cmocka_unit_test(a_request_whose_last_handle_is_freed_is_answered_as_dropped),
        cmocka_unit_test(a_service_that_is_too_slow_is_answered_for),
        cmocka_unit_test(a_request_of_a_client_that_has_gone_cannot_be_answered),
        cmocka_unit_test(a_topic_has_one_service_in_a_client),
        cmocka_unit_test(as_many_callbacks_run_at_once_as_were_asked_for),
        cmocka_unit_test(a_full_service_is_busy),
        cmocka_unit_test(broadcasts_go_to_subscriptions_and_unicasts_to_the_service),
    };
    return cmocka_run_group_tests(tests, start_devnet, stop_devnet);
}
