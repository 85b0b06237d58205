/* Requests: answers now and later, failures and their codes, and what the library answers itself. */
#include "fixture.h"
#include "requests.h"

#include <pthread.h>

/* Keeps a clone of its request for another thread. */
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

static void clone_is_answered_later_by_another_thread(void **state)
{
    (void)state;
    amop_client *server = client_at(1), *client = client_at(0);
    context context, answer;
    context_init(&context);
    const char *topic = fresh_topic();
    amop_request_callback callback = {keep, &context, drop_context};
    OK(amop_client_serve_callback(server, topic, NULL, callback, NULL, &error));
    ask(client, topic, "when?", &answer);
    wait_for(context.calls, 1);
    /* The callback has returned or is about to; only the clone can answer. */
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

static void failure_reaches_the_publisher_with_code_and_data(void **state)
{
    (void)state;
    amop_client *server = client_at(1), *client = client_at(0);
    context context;
    context_init(&context);
    const char *topic = fresh_topic();
    amop_request_callback callback = {fail_with, &context, drop_context};
    OK(amop_client_serve_callback(server, topic, NULL, callback, NULL, &error));
    const struct {
        int32_t code;
        amop_status status;
    } cases[] = {
        {AMOP_RESULT_FAILED, AMOP_ERROR_SUBSCRIBER_FAILED},
        {7, AMOP_ERROR_REMOTE},
        {160010, AMOP_ERROR_REMOTE},
        {INT32_MIN, AMOP_ERROR_REMOTE},
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

static void request_accepts_one_answer_with_a_valid_code(void **state)
{
    (void)state;
    amop_client *server = client_at(1), *client = client_at(0);
    const char *topic = fresh_topic();
    amop_service *service = NULL;
    OK(amop_client_serve(server, topic, NULL, &service, &error));
    context answer;
    ask(client, topic, "x", &answer);
    amop_request *request = next_request(service);
    const int32_t codes[] = {0, 100, 104, -5010, -5013};
    for (size_t n = 0; n < 5; n++) {
        EXPECT(AMOP_ERROR_INVALID_ARGUMENT, amop_request_fail(request, codes[n], "x", 1, &error));
    }
    EXPECT(AMOP_ERROR_INVALID_ARGUMENT, amop_request_reply(request, NULL, 1, &error));
    EXPECT(AMOP_ERROR_INVALID_ARGUMENT, amop_request_fail(request, -1, NULL, 1, &error));
    EXPECT(AMOP_ERROR_TOO_LARGE, amop_request_reply(request, "x", SIZE_MAX, &error));
    EXPECT(AMOP_ERROR_TOO_LARGE, amop_request_fail(request, -1, "x", SIZE_MAX, &error));
    /* None of these calls was an answer. */
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

static void code_that_a_3x_node_cannot_carry_leaves_the_request_open(void **state)
{
    (void)state;
    amop_devnet *node = NULL;
    amop_devnet_options *of_nodes = amop_devnet_options_new();
    OK(amop_devnet_options_set_nodes(of_nodes, 1));
    OK(amop_devnet_options_set_generation(of_nodes, AMOP_GENERATION_3));
    OK(amop_devnet_options_set_tls(of_nodes, AMOP_TLS_OFF));
    OK(amop_devnet_start(of_nodes, &node, &error));
    amop_devnet_options_free(of_nodes);
    amop_client *ends[2];
    for (size_t n = 0; n < 2; n++) {
        amop_options *options = amop_options_new();
        OK(amop_options_add_endpoint(options, amop_devnet_endpoint(node, 0)));
        OK(amop_options_set_tls(options, AMOP_TLS_OFF));
        OK(amop_options_set_connect_timeout(options, GUARD));
        OK(amop_options_set_call_timeout(options, GUARD));
        ends[n] = client_with(options);
    }
    amop_service *service = NULL;
    OK(amop_client_serve(ends[0], "t", NULL, &service, &error));
    context answer;
    ask(ends[1], "t", "x", &answer);
    amop_request *request = next_request(service);
    const int32_t codes[] = {160010, 100101, 32768, -32769, INT32_MIN};
    for (size_t n = 0; n < 5; n++) {
        EXPECT(AMOP_ERROR_INVALID_ARGUMENT, amop_request_fail(request, codes[n], "x", 1, &error));
        assert_true(amop_request_is_open(request));
    }
    OK(amop_request_fail(request, 32767, "x", 1, &error));
    amop_request_free(request);
    wait_for(answer.calls, 1);
    assert_int_equal(answer.status, AMOP_ERROR_REMOTE);
    amop_service_free(service);
    end(ends[0]);
    end(ends[1]);
    amop_devnet_free(node);
    context_end(&answer);
}

static void freeing_the_last_handle_answers_dropped(void **state)
{
    (void)state;
    amop_client *server = client_at(1), *client = client_at(0);
    const char *topic = fresh_topic();
    amop_service *service = NULL;
    OK(amop_client_serve(server, topic, NULL, &service, &error));
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
    /* A request that is never read is dropped, too. */
    context unread;
    ask(client, topic, "y", &unread);
    UNTIL(service_stat_value(service, AMOP_STAT_HELD_MESSAGES) == 1);
    amop_service_free(service);
    wait_for(unread.calls, 1);
    assert_int_equal(unread.status, AMOP_ERROR_SUBSCRIBER_DROPPED);
    end(client);
    end(server);
    context_end(&answer);
    context_end(&unread);
}

static void library_answers_for_a_slow_service(void **state)
{
    (void)state;
    amop_options *options = options_at(1);
    OK(amop_options_set_answer_timeout(options, 50));
    amop_client *server = client_with(options), *client = client_at(0);
    const char *topic = fresh_topic();
    amop_service *service = NULL;
    OK(amop_client_serve(server, topic, NULL, &service, &error));
    context answer;
    ask(client, topic, "x", &answer);
    amop_request *request = NULL;
    amop_status seen = amop_service_next(service, GUARD, &request, NULL);
    wait_for(answer.calls, 1);
    assert_int_equal(answer.status, AMOP_ERROR_SUBSCRIBER_TOO_SLOW);
    /* On a slow machine the request may expire before it is read; then it is not returned. */
    if (seen == AMOP_OK) {
        assert_false(amop_request_is_open(request));
        EXPECT(AMOP_ERROR_REQUEST_EXPIRED, amop_request_reply(request, "late", 4, &error));
        amop_request_free(request);
    }
    assert_int_equal(endpoint_stat_value(server, 0, AMOP_STAT_TOO_SLOW), 1);
    amop_service_free(service);
    end(client);
    end(server);
    context_end(&answer);
}

static void request_of_a_closed_client_has_expired(void **state)
{
    (void)state;
    amop_client *server = client_at(1), *client = client_at(0);
    const char *topic = fresh_topic();
    amop_service *service = NULL;
    OK(amop_client_serve(server, topic, NULL, &service, &error));
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clone_is_answered_later_by_another_thread),
        cmocka_unit_test(failure_reaches_the_publisher_with_code_and_data),
        cmocka_unit_test(request_accepts_one_answer_with_a_valid_code),
        cmocka_unit_test(code_that_a_3x_node_cannot_carry_leaves_the_request_open),
        cmocka_unit_test(freeing_the_last_handle_answers_dropped),
        cmocka_unit_test(library_answers_for_a_slow_service),
        cmocka_unit_test(request_of_a_closed_client_has_expired),
    };
    return cmocka_run_group_tests(tests, start_devnet, stop_devnet);
}
