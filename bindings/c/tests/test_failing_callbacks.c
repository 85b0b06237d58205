/* Callbacks that report a failure: where it is reported, and that delivery continues. */
#include "fixture.h"

static void expect_failure_event(const amop_events *events, const char *topic, const char *message)
{
    amop_event *event = next_event(events, AMOP_EVENT_HANDLER_FAILED);
    assert_string_equal(amop_event_topic(event), topic);
    assert_string_equal(amop_event_message(event), message);
    amop_event_free(event);
}

static void fail_once(void *pointer, const amop_message *message)
{
    context *context = pointer;
    if (counted(context->calls) == 0) {
        context->number += amop_callback_failed("at first") == AMOP_OK;
        /* The last report counts. Bytes that are not UTF-8 are replaced. */
        context->number += amop_callback_failed("no \xff today") == AMOP_OK;
        context->number += amop_callback_failed(NULL) == AMOP_ERROR_INVALID_ARGUMENT;
    }
    called(context, amop_message_data(message));
}

static void failed_subscription_callback_is_an_event(void **state)
{
    (void)state;
    amop_client *client = client_at(0);
    context context;
    context_init(&context);
    const char *topic = fresh_topic();
    amop_events *events = NULL;
    OK(amop_client_events(client, &events, &error));
    amop_message_callback callback = {fail_once, &context, drop_context};
    OK(amop_client_subscribe_callback(client, topic, NULL, callback, NULL, &error));
    OK(amop_client_publish(client, topic, "1", 1, NULL, 0, NULL, &error));
    OK(amop_client_publish(client, topic, "2", 1, NULL, 0, NULL, &error));
    expect_failure_event(events, topic, "no \xef\xbf\xbd today");
    wait_for(context.calls, 2);
    assert_string_equal(context.last, "2");
    end(client);
    /* Only one event was emitted: the next one is the end. */
    amop_event_free(next_event(events, AMOP_EVENT_CLOSED));
    amop_events_free(events);
    assert_int_equal(context.number, 3);
    context_end(&context);
}

static void fail_or_answer(void *pointer, const amop_request *request)
{
    context *context = pointer;
    amop_bytes data = amop_message_data(amop_request_message(request));
    if (is_text(data, "answer first")) {
        context->number += amop_request_reply(request, "done", 4, NULL) == AMOP_OK;
    }
    context->number += amop_callback_failed("out of paper") == AMOP_OK;
    called(context, data);
}

static void failed_service_callback_fails_the_request(void **state)
{
    (void)state;
    amop_client *server = client_at(1), *client = client_at(0);
    context context;
    context_init(&context);
    const char *topic = fresh_topic();
    amop_events *events = NULL;
    OK(amop_client_events(server, &events, &error));
    amop_request_callback callback = {fail_or_answer, &context, drop_context};
    OK(amop_client_serve_callback(server, topic, NULL, callback, NULL, &error));
    amop_reply *reply = NULL;
    amop_error *error = NULL;
    assert_int_equal(amop_client_publish(client, topic, "print", 5, NULL, 0, &reply, &error),
                     AMOP_ERROR_SUBSCRIBER_FAILED);
    assert_int_equal(amop_error_node_code(error), AMOP_RESULT_FAILED);
    /* The text stays with the server: its event has it. */
    assert_true(is_text(amop_error_data(error), "the handler failed"));
    assert_null(strstr(amop_error_message(error), "out of paper"));
    amop_error_free(error);
    /* An answer that was sent before the failure stays. */
    OK(amop_client_publish(client, topic, "answer first", 12, NULL, 0, &reply, &error));
    assert_true(is_text(amop_reply_data(reply), "done"));
    amop_reply_free(reply);
    expect_failure_event(events, topic, "out of paper");
    expect_failure_event(events, topic, "out of paper");
    amop_events_free(events);
    end(client);
    end(server);
    assert_int_equal(context.number, 3);
    context_end(&context);
}

static void fail_completion(void *pointer, const amop_completion *completion)
{
    context *context = pointer;
    context->number += amop_completion_status(completion) == AMOP_OK;
    context->number += amop_callback_failed("no space for the reply") == AMOP_OK;
    count(context->calls);
}

static void fail_event(void *pointer, const amop_event *event)
{
    context *context = pointer;
    if (amop_event_kind(event) != AMOP_EVENT_CLOSED) {
        return; /* the event of the first connection */
    }
    context->number++;
    context->number += amop_callback_failed("no idea what that means") == AMOP_OK;
    count(context->calls);
}

static void count_failures(void *pointer, int32_t level, const char *target, const char *message)
{
    (void)target;
    context *context = pointer;
    if (level == AMOP_LOG_ERROR && strstr(message, " failed") != NULL
        && (strstr(message, "no space for the reply") != NULL || strstr(message, "no idea what") != NULL)) {
        count(context->calls);
    }
}

static void failed_completion_and_event_callbacks_are_logged(void **state)
{
    (void)state;
    context log, completion, event;
    context_init(&log);
    context_init(&completion);
    context_init(&event);
    amop_log_callback listener = {count_failures, &log, drop_context};
    OK(amop_set_log_callback(AMOP_LOG_ERROR, listener, &error));
    amop_client *client = client_at(0);
    amop_event_callback on_event = {fail_event, &event, drop_context};
    OK(amop_client_on_event(client, on_event, NULL, &error));
    amop_completion_callback done = {fail_completion, &completion, drop_context};
    OK(amop_client_broadcast_async(client, fresh_topic(), NULL, 0, NULL, 0, done, NULL, &error));
    wait_for(log.calls, 1);
    end(client);
    wait_for(log.calls, 2);
    OK(amop_set_log_callback(AMOP_LOG_OFF, (amop_log_callback){NULL, NULL, NULL}, &error));
    wait_for(log.drops, 1);
    assert_int_equal(completion.number, 2);
    assert_int_equal(event.number, 2);
    context_end(&log);
    context_end(&completion);
    context_end(&event);
}

static void reporting_a_failure_outside_of_callbacks_is_an_error(void **state)
{
    (void)state;
    assert_int_equal(amop_callback_failed("what?"), AMOP_ERROR_INVALID_ARGUMENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(failed_subscription_callback_is_an_event),
        cmocka_unit_test(failed_service_callback_fails_the_request),
        cmocka_unit_test(failed_completion_and_event_callbacks_are_logged),
        cmocka_unit_test(reporting_a_failure_outside_of_callbacks_is_an_error),
    };
    return cmocka_run_group_tests(tests, start_devnet, stop_devnet);
}
