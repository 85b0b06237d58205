/* Services: callbacks, reading requests, limits. */
#include "fixture.h"
#include "requests.h"

static void callback_replies(void **state)
{
    (void)state;
    amop_client *server = client_at(1), *client = client_at(0);
    context context;
    context_init(&context);
    const char *topic = fresh_topic();
    OK(amop_client_serve_callback(server, topic, NULL, echoing(&context), &context.service, &error));
    assert_string_equal(amop_service_topic(context.service), topic);
    for (size_t len = 0; len < 3; len++) {
        amop_reply *reply = NULL;
        OK(amop_client_publish(client, topic, "hi", len, NULL, 0, &reply, &error));
        assert_int_equal(amop_reply_data(reply).len, len);
        assert_memory_equal(amop_reply_data(reply).data, "hi", len);
        amop_reply_free(reply);
    }
    assert_int_equal(service_stat_value(context.service, AMOP_STAT_ACCEPTED), 3);
    OK(amop_service_unsubscribe(context.service, 0, &error));
    /* The callbacks have returned. */
    assert_int_equal(context.status, AMOP_OK);
    assert_int_equal(counted(context.drops), 1);
    OK(amop_service_unsubscribe(context.service, 0, &error));
    amop_service_free(context.service);
    end(client);
    end(server);
    context_end(&context);
}

static void requests_can_be_answered_in_any_order(void **state)
{
    (void)state;
    amop_client *server = client_at(1), *client = client_at(0);
    const char *topic = fresh_topic();
    amop_service *service = NULL;
    OK(amop_client_serve(server, topic, NULL, &service, &error));
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
    assert_int_equal(amop_message_kind(message), AMOP_MESSAGE_UNICAST);
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
    OK(amop_client_serve_callback(server, fresh_topic(), NULL, echoing(&context), &service, &error));
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

static void topic_has_one_service_per_client(void **state)
{
    (void)state;
    amop_client *server = client_at(1), *other = client_at(0);
    const char *topic = fresh_topic();
    amop_service *service = NULL, *second = untouched();
    OK(amop_client_serve(server, topic, NULL, &service, &error));
    EXPECT_TEXT(AMOP_ERROR_ALREADY_SERVED, topic, amop_client_serve(server, topic, NULL, &second, &error));
    assert_null(second);
    context context;
    context_init(&context);
    EXPECT(AMOP_ERROR_ALREADY_SERVED,
           amop_client_serve_callback(server, topic, NULL, echoing(&context), &second, &error));
    context_end(&context);
    /* Another client can serve the topic, and so can the same one after the first service has ended. */
    OK(amop_client_serve(other, topic, NULL, &second, &error));
    amop_service_free(second);
    amop_service_free(service);
    OK(amop_client_serve(server, topic, NULL, &service, &error));
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

static void concurrency_limits_running_callbacks(void **state)
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
    OK(amop_client_serve_callback(server, topic, options, callback, NULL, &error));
    amop_serve_options_free(options);
    for (int n = 0; n < 3; n++) {
        ask(client, topic, "x", &answers[n]);
    }
    /* All three callbacks are running. */
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

static void full_service_is_busy(void **state)
{
    (void)state;
    amop_client *server = client_at(1), *client = client_at(0);
    const char *topic = fresh_topic();
    amop_serve_options *options = amop_serve_options_new();
    OK(amop_serve_options_set_max_messages(options, 2));
    amop_service *service = NULL;
    OK(amop_client_serve(server, topic, options, &service, &error));
    amop_serve_options_free(options);
    context answers[2];
    for (int n = 0; n < 2; n++) {
        ask(client, topic, "x", &answers[n]);
    }
    UNTIL(service_stat_value(service, AMOP_STAT_HELD_MESSAGES) == 2);
    amop_error *error = failure_of(client, topic, AMOP_ERROR_SUBSCRIBER_BUSY);
    /* Another subscriber may have received it before. */
    assert_int_equal(amop_error_delivery(error), AMOP_DELIVERY_MAYBE);
    assert_true(amop_error_is_retriable(error));
    amop_error_free(error);
    assert_int_equal(service_stat_value(service, AMOP_STAT_REFUSED), 1);
    assert_int_equal(endpoint_stat_value(server, 0, AMOP_STAT_BUSY), 1);
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

static void service_receives_unicasts_only(void **state)
{
    (void)state;
    amop_client *server = client_at(1), *client = client_at(0);
    context context;
    context_init(&context);
    const char *topic = fresh_topic();
    amop_subscription *subscription = NULL;
    OK(amop_client_subscribe(server, topic, NULL, &subscription, &error));
    OK(amop_client_serve_callback(server, topic, NULL, echoing(&context), NULL, &error));
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
        cmocka_unit_test(callback_replies),
        cmocka_unit_test(requests_can_be_answered_in_any_order),
        cmocka_unit_test(requests_of_a_callback_cannot_be_read),
        cmocka_unit_test(topic_has_one_service_per_client),
        cmocka_unit_test(concurrency_limits_running_callbacks),
        cmocka_unit_test(full_service_is_busy),
        cmocka_unit_test(service_receives_unicasts_only),
    };
    return cmocka_run_group_tests(tests, start_devnet, stop_devnet);
}
