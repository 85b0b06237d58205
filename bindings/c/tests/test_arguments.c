/* NULL arguments: each is rejected with a code and by its name, and no out-parameter stays unset. */
#include "handles.h"

static void null_handles_are_reported_by_name(void **state)
{
    (void)state;
    amop_client *made = untouched();
    EXPECT_NULL("options", amop_client_connect(NULL, &made, &error));
    assert_null(made);
    EXPECT_NULL("client", amop_client_close(NULL, 0, &error));
    EXPECT_NULL("client", amop_client_add_endpoint(NULL, "127.0.0.1:1", &error));
    EXPECT_NULL("client", amop_client_remove_endpoint(NULL, "127.0.0.1:1", &error));
    amop_stats *stats = untouched();
    EXPECT_NULL("client", amop_client_stats(NULL, &stats, &error));
    assert_null(stats);
    amop_events *listener = untouched();
    EXPECT_NULL("client", amop_client_events(NULL, &listener, &error));
    assert_null(listener);

    amop_subscription *subscribed = untouched();
    EXPECT_NULL("client", amop_client_subscribe(NULL, "t", NULL, &subscribed, &error));
    assert_null(subscribed);
    amop_service *served = untouched();
    EXPECT_NULL("client", amop_client_serve(NULL, "t", NULL, &served, &error));
    assert_null(served);
    amop_reply *reply = untouched();
    EXPECT_NULL("client", amop_client_publish(NULL, "t", "", 0, NULL, 0, &reply, &error));
    assert_null(reply);
    EXPECT_NULL("client", amop_client_broadcast(NULL, "t", "", 0, NULL, 0, &error));
    amop_call *call = untouched();
    EXPECT_NULL("client", amop_client_publish_queued(NULL, "t", "", 0, NULL, 0, queue, NULL, &call, &error));
    assert_null(call);
    call = untouched();
    EXPECT_NULL("client",
                amop_client_broadcast_queued(NULL, "t", "", 0, NULL, 0, queue, NULL, &call, &error));
    assert_null(call);
    EXPECT_NULL("queue", amop_client_publish_queued(client, "t", "", 0, NULL, 0, NULL, NULL, &call, &error));
    EXPECT_NULL("queue",
                amop_client_broadcast_queued(client, "t", "", 0, NULL, 0, NULL, NULL, &call, &error));

    amop_message *message = untouched();
    size_t number = 9;
    int32_t fd = 9;
    EXPECT_NULL("subscription", amop_subscription_next(NULL, 0, &message, &error));
    assert_null(message);
    EXPECT_NULL("subscription", amop_subscription_next_many(NULL, 0, &message, 1, &number, &error));
    assert_int_equal(number, 0);
    EXPECT_NULL("subscription", amop_subscription_fd(NULL, &fd, &error));
    assert_int_equal(fd, -1);
    EXPECT_NULL("subscription", amop_subscription_unsubscribe(NULL, 0, &error));
    EXPECT_NULL("subscription", amop_subscription_stats(NULL, &stats, &error));

    amop_request *request = untouched();
    EXPECT_NULL("service", amop_service_next(NULL, 0, &request, &error));
    assert_null(request);
    EXPECT_NULL("service", amop_service_next_many(NULL, 0, &request, 1, &number, &error));
    EXPECT_NULL("service", amop_service_fd(NULL, &fd, &error));
    EXPECT_NULL("service", amop_service_unsubscribe(NULL, 0, &error));
    EXPECT_NULL("service", amop_service_stats(NULL, &stats, &error));
    EXPECT_NULL("request", amop_request_reply(NULL, "", 0, &error));
    EXPECT_NULL("request", amop_request_fail(NULL, AMOP_RESULT_FAILED, "", 0, &error));

    amop_completion *completion = untouched();
    EXPECT_NULL("queue", amop_completion_queue_next(NULL, 0, &completion, &error));
    assert_null(completion);
    EXPECT_NULL("queue", amop_completion_queue_next_many(NULL, 0, &completion, 1, &number, &error));
    EXPECT_NULL("queue", amop_completion_queue_fd(NULL, &fd, &error));
    EXPECT_NULL("call", amop_call_cancel(NULL, &error));
    amop_event *event = untouched();
    EXPECT_NULL("events", amop_events_next(NULL, 0, &event, &error));
    assert_null(event);
    EXPECT_NULL("events", amop_events_fd(NULL, &fd, &error));

    uint64_t value = 9;
    EXPECT_NULL("stats", amop_stats_get(NULL, AMOP_STAT_RETRIES, &value, &error));
    assert_int_equal(value, 0);
    EXPECT_NULL("stats", amop_stats_endpoint_get(NULL, 0, AMOP_STAT_CONNECTED, &value, &error));
    EXPECT_NULL("stats", amop_stats_round_trip(NULL, 0.5, &value, &error));
    EXPECT_NULL("stats", amop_stats_endpoint_round_trip(NULL, 0, 0.5, &value, &error));
    EXPECT_NULL("stats", amop_stats_round_trip_bucket(NULL, 0, &value, &value, &error));
    EXPECT_NULL("devnet", amop_devnet_kill_node(NULL, 0, &error));
    EXPECT_NULL("devnet", amop_devnet_restart_node(NULL, 0, &error));
    EXPECT_NULL("devnet", amop_devnet_stop(NULL, &error));
}

static void null_options_are_rejected(void **state)
{
    (void)state;
    const amop_status refused = AMOP_ERROR_INVALID_ARGUMENT;
    EXPECT(refused, amop_options_add_endpoint(NULL, "127.0.0.1:1"));
    EXPECT(refused, amop_options_set_credentials(NULL, "."));
    EXPECT(refused, amop_options_set_credential_files(NULL, "a", "b", "c"));
    EXPECT(refused, amop_options_set_credential_pem(NULL, "a", 1, "b", 1, "c", 1));
    EXPECT(refused, amop_options_set_connect_timeout(NULL, 1));
    EXPECT(refused, amop_options_set_call_timeout(NULL, 1));
    EXPECT(refused, amop_options_set_close_timeout(NULL, 1));
    EXPECT(refused, amop_options_set_heartbeat(NULL, 1));
    EXPECT(refused, amop_options_set_reconnect_min(NULL, 1));
    EXPECT(refused, amop_options_set_reconnect_max(NULL, 1));
    EXPECT(refused, amop_options_set_answer_timeout(NULL, 1));
    EXPECT(refused, amop_options_set_missed_heartbeats(NULL, 1));
    EXPECT(refused, amop_options_set_start_offline(NULL, true));
    EXPECT(refused, amop_options_set_max_events(NULL, 1));
    EXPECT(refused, amop_options_set_duplicate_window(NULL, 1));
    EXPECT(refused, amop_options_set_max_duplicates(NULL, 1));
    EXPECT(refused, amop_options_set_group(NULL, 1));
    EXPECT(refused, amop_options_set_generation(NULL, AMOP_GENERATION_AUTO));
    EXPECT(refused, amop_options_set_retry(NULL, AMOP_RETRY_NEVER));
    EXPECT(refused, amop_options_set_echo(NULL, true));
    EXPECT(refused, amop_options_set_config_file(NULL, "config.toml"));
    EXPECT(refused, amop_options_set_tls(NULL, AMOP_TLS_AUTO));
    EXPECT(refused, amop_options_set_expiry_warning(NULL, 1));
    EXPECT(refused, amop_options_set_credential_files_gm(NULL, "", "", "", "", ""));
    EXPECT(refused, amop_options_set_credential_pem_gm(NULL, "", 0, "", 0, "", 0, "", 0, "", 0));
    EXPECT(refused, amop_devnet_options_set_tls(NULL, AMOP_TLS_GM));
    EXPECT(refused, amop_client_reload_credentials(NULL, &error));
    EXPECT(refused, amop_options_set_max_in_flight(NULL, 1));
    EXPECT(refused, amop_options_set_max_send_bytes(NULL, 1));
    EXPECT(refused, amop_options_set_max_held_bytes(NULL, 1));
    EXPECT(refused, amop_options_set_dispatcher_threads(NULL, 1));
    EXPECT(refused, amop_subscribe_options_set_max_messages(NULL, 1));
    EXPECT(refused, amop_subscribe_options_set_max_bytes(NULL, 1));
    EXPECT(refused, amop_subscribe_options_set_overflow(NULL, AMOP_OVERFLOW_REFUSE));
    EXPECT(refused, amop_subscribe_options_set_placement(NULL, AMOP_PLACEMENT_ALL));
    EXPECT(refused, amop_subscribe_options_set_timeout(NULL, 1));
    EXPECT(refused, amop_serve_options_set_concurrency(NULL, 1));
    EXPECT(refused, amop_serve_options_set_max_messages(NULL, 1));
    EXPECT(refused, amop_serve_options_set_max_bytes(NULL, 1));
    EXPECT(refused, amop_serve_options_set_placement(NULL, AMOP_PLACEMENT_ONE));
    EXPECT(refused, amop_serve_options_set_timeout(NULL, 1));
    EXPECT(refused, amop_publish_options_set_wait_for_subscriber(NULL, true));
    EXPECT(refused, amop_publish_options_set_retry(NULL, AMOP_RETRY_NEVER));
    EXPECT(refused, amop_publish_options_set_all_nodes(NULL, true));
    EXPECT(refused, amop_devnet_options_set_nodes(NULL, 1));
    EXPECT(refused, amop_devnet_options_set_port(NULL, 1));
    EXPECT(refused, amop_devnet_options_set_folder(NULL, "."));
    EXPECT(refused, amop_devnet_options_set_like_2_11(NULL, true));
    EXPECT(refused, amop_devnet_options_set_like_3_16(NULL, true));
}

static void null_out_parameters_are_reported_by_name(void **state)
{
    (void)state;
    amop_options *options = options_at(0);
    EXPECT_NULL("client", amop_client_connect(options, NULL, &error));
    amop_options_free(options);
    EXPECT_NULL("stats", amop_client_stats(client, NULL, &error));
    EXPECT_NULL("stats", amop_subscription_stats(subscription, NULL, &error));
    EXPECT_NULL("stats", amop_service_stats(service, NULL, &error));
    EXPECT_NULL("events", amop_client_events(client, NULL, &error));
    EXPECT_NULL("event", amop_events_next(events, 0, NULL, &error));
    EXPECT_NULL("fd", amop_events_fd(events, NULL, &error));
    EXPECT_NULL("subscription", amop_client_subscribe(client, "t", NULL, NULL, &error));
    EXPECT_NULL("service", amop_client_serve(client, "t", NULL, NULL, &error));
    EXPECT_NULL("message", amop_subscription_next(subscription, 0, NULL, &error));
    EXPECT_NULL("fd", amop_subscription_fd(subscription, NULL, &error));
    EXPECT_NULL("request", amop_service_next(service, 0, NULL, &error));
    EXPECT_NULL("fd", amop_service_fd(service, NULL, &error));
    EXPECT_NULL("completion", amop_completion_queue_next(queue, 0, NULL, &error));
    EXPECT_NULL("fd", amop_completion_queue_fd(queue, NULL, &error));
    EXPECT_NULL("devnet", amop_devnet_start(NULL, NULL, &error));

    size_t number = 9;
    EXPECT_NULL("messages", amop_subscription_next_many(subscription, 0, NULL, 1, &number, &error));
    assert_int_equal(number, 0);
    EXPECT_NULL("requests", amop_service_next_many(service, 0, NULL, 1, &number, &error));
    EXPECT_NULL("completions", amop_completion_queue_next_many(queue, 0, NULL, 1, &number, &error));
    amop_message *message = NULL;
    amop_request *request = NULL;
    amop_completion *completion = NULL;
    EXPECT_TEXT(AMOP_ERROR_INVALID_ARGUMENT, "`max` is 0",
                amop_subscription_next_many(subscription, 0, &message, 0, &number, &error));
    EXPECT_TEXT(AMOP_ERROR_INVALID_ARGUMENT, "`max` is 0",
                amop_service_next_many(service, 0, &request, 0, &number, &error));
    EXPECT_TEXT(AMOP_ERROR_INVALID_ARGUMENT, "`max` is 0",
                amop_completion_queue_next_many(queue, 0, &completion, 0, &number, &error));
    EXPECT_NULL("count", amop_subscription_next_many(subscription, 0, &message, 1, NULL, &error));
    EXPECT_NULL("count", amop_service_next_many(service, 0, &request, 1, NULL, &error));
    EXPECT_NULL("count", amop_completion_queue_next_many(queue, 0, &completion, 1, NULL, &error));

    amop_stats *stats = NULL;
    OK(amop_client_stats(client, &stats, &error));
    EXPECT_NULL("value", amop_stats_get(stats, AMOP_STAT_RETRIES, NULL, &error));
    EXPECT_NULL("value", amop_stats_endpoint_get(stats, 0, AMOP_STAT_CONNECTED, NULL, &error));
    EXPECT_NULL("microseconds", amop_stats_round_trip(stats, 0.5, NULL, &error));
    EXPECT_NULL("microseconds", amop_stats_endpoint_round_trip(stats, 0, 0.5, NULL, &error));
    uint64_t value = 9;
    EXPECT_NULL("up_to_microseconds", amop_stats_round_trip_bucket(stats, 0, NULL, &value, &error));
    assert_int_equal(value, 0);
    value = 9;
    EXPECT_NULL("count", amop_stats_round_trip_bucket(stats, 0, &value, NULL, &error));
    assert_int_equal(value, 0);
    amop_stats_free(stats);
}

static void refused_callbacks_drop_their_contexts(void **state)
{
    (void)state;
    amop_subscription *subscribed = untouched();
    amop_service *served = untouched();
    amop_call *call = untouched();
    /* Without `call`. */
    WITH_CONTEXT(AMOP_ERROR_INVALID_ARGUMENT,
                 amop_client_subscribe_callback(client, "t", NULL,
                                                (amop_message_callback){NULL, &context, drop_context},
                                                &subscribed, &error));
    assert_null(subscribed);
    WITH_CONTEXT(AMOP_ERROR_INVALID_ARGUMENT,
                 amop_client_serve_callback(client, "t", NULL,
                                            (amop_request_callback){NULL, &context, drop_context}, &served,
                                            &error));
    assert_null(served);
    WITH_CONTEXT(AMOP_ERROR_INVALID_ARGUMENT,
                 amop_client_publish_async(client, "t", "", 0, NULL, 0,
                                           (amop_completion_callback){NULL, &context, drop_context}, &call,
                                           &error));
    assert_null(call);
    WITH_CONTEXT(AMOP_ERROR_INVALID_ARGUMENT,
                 amop_client_broadcast_async(client, "t", "", 0, NULL, 0,
                                             (amop_completion_callback){NULL, &context, drop_context}, &call,
                                             &error));
    WITH_CONTEXT(
        AMOP_ERROR_INVALID_ARGUMENT,
        amop_client_on_event(client, (amop_event_callback){NULL, &context, drop_context}, NULL, &error));
    /* Without a client. */
    WITH_CONTEXT(AMOP_ERROR_INVALID_ARGUMENT,
                 amop_client_subscribe_callback(NULL, "t", NULL, counting(&context), &subscribed, &error));
    WITH_CONTEXT(AMOP_ERROR_INVALID_ARGUMENT,
                 amop_client_serve_callback(NULL, "t", NULL, echoing(&context), &served, &error));
    WITH_CONTEXT(AMOP_ERROR_INVALID_ARGUMENT,
                 amop_client_publish_async(NULL, "t", "", 0, NULL, 0, completing(&context), &call, &error));
    WITH_CONTEXT(AMOP_ERROR_INVALID_ARGUMENT,
                 amop_client_broadcast_async(NULL, "t", "", 0, NULL, 0, completing(&context), &call, &error));
    WITH_CONTEXT(
        AMOP_ERROR_INVALID_ARGUMENT,
        amop_client_on_event(NULL, (amop_event_callback){NULL, &context, drop_context}, NULL, &error));
    amop_subscribe_options *confirmed = amop_subscribe_options_new();
    assert_int_equal(amop_subscribe_options_set_confirm(confirmed, 3), AMOP_ERROR_INVALID_ARGUMENT);
    amop_subscribe_options_free(confirmed);
    assert_int_equal(amop_serve_options_set_confirm(NULL, 0), AMOP_ERROR_INVALID_ARGUMENT);
    amop_options *given = amop_options_new();
    WITH_CONTEXT(AMOP_ERROR_INVALID_ARGUMENT,
                 amop_options_on_event(given, (amop_event_callback){NULL, &context, drop_context}));
    WITH_CONTEXT(AMOP_ERROR_INVALID_ARGUMENT,
                 amop_options_on_event(NULL, (amop_event_callback){NULL, &context, drop_context}));
    amop_options_free(given);
    amop_events *heard = NULL;
    EXPECT_NULL("options", amop_options_events(NULL, &heard, &error));
    EXPECT_NULL("listener", amop_listener_remove(NULL, 0, &error));
    amop_listener_free(NULL);
    /* `drop` may be NULL. */
    EXPECT(AMOP_ERROR_INVALID_ARGUMENT,
           amop_client_subscribe_callback(client, "t", NULL, (amop_message_callback){NULL, NULL, NULL}, NULL,
                                          &error));
}

static void getters_of_null_return_empty_values(void **state)
{
    (void)state;
    assert_int_equal(amop_error_code(NULL), AMOP_OK);
    assert_null(amop_error_message(NULL));
    assert_false(amop_error_is_retriable(NULL));
    assert_int_equal(amop_error_delivery(NULL), AMOP_DELIVERY_NO);
    assert_int_equal(amop_error_node_code(NULL), 0);
    assert_int_equal(amop_error_data(NULL).len, 0);
    assert_null(amop_error_clone(NULL));
    assert_null(amop_message_topic(NULL));
    assert_int_equal(amop_message_kind(NULL), AMOP_MESSAGE_NONE);
    assert_int_equal(amop_message_data(NULL).len, 0);
    assert_int_equal(amop_message_seq(NULL).len, 0);
    assert_null(amop_message_endpoint(NULL));
    assert_int_equal(amop_message_received_at(NULL), 0);
    assert_null(amop_message_clone(NULL));
    assert_null(amop_request_message(NULL));
    assert_false(amop_request_is_open(NULL));
    assert_null(amop_request_clone(NULL));
    assert_null(amop_subscription_topic(NULL));
    assert_null(amop_service_topic(NULL));
    assert_int_equal(amop_reply_data(NULL).len, 0);
    assert_null(amop_reply_endpoint(NULL));
    assert_null(amop_reply_clone(NULL));
    assert_int_equal(amop_completion_status(NULL), AMOP_ERROR_INVALID_ARGUMENT);
    assert_null(amop_completion_error(NULL));
    assert_null(amop_completion_reply(NULL));
    assert_null(amop_completion_tag(NULL));
    assert_int_equal(amop_event_kind(NULL), AMOP_EVENT_NONE);
    assert_null(amop_event_endpoint(NULL));
    assert_null(amop_event_node_version(NULL));
    assert_int_equal(amop_event_protocol(NULL), 0);
    assert_int_equal(amop_event_expires(NULL), 0);
    assert_null(amop_event_topic(NULL));
    assert_null(amop_event_message(NULL));
    assert_null(amop_event_error(NULL));
    assert_int_equal(amop_stats_endpoint_count(NULL), 0);
    assert_null(amop_stats_endpoint(NULL, 0));
    assert_null(amop_stats_endpoint_error(NULL, 0));
    assert_int_equal(amop_stats_round_trip_bucket_count(NULL), 0);
    assert_int_equal(amop_devnet_node_count(NULL), 0);
    assert_null(amop_devnet_endpoint(NULL, 0));
    assert_null(amop_devnet_credentials(NULL));
}

static void free_functions_accept_null(void **state)
{
    (void)state;
    for (int n = 0; n < 2; n++) {
        amop_call_free(NULL);
        amop_client_free(NULL);
        amop_completion_free(NULL);
        amop_completion_queue_free(NULL);
        amop_devnet_free(NULL);
        amop_devnet_options_free(NULL);
        amop_error_free(NULL);
        amop_event_free(NULL);
        amop_events_free(NULL);
        amop_message_free(NULL);
        amop_options_free(NULL);
        amop_publish_options_free(NULL);
        amop_reply_free(NULL);
        amop_request_free(NULL);
        amop_serve_options_free(NULL);
        amop_service_free(NULL);
        amop_stats_free(NULL);
        amop_subscribe_options_free(NULL);
        amop_subscription_free(NULL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(null_handles_are_reported_by_name),
        cmocka_unit_test(null_options_are_rejected),
        cmocka_unit_test(null_out_parameters_are_reported_by_name),
        cmocka_unit_test(refused_callbacks_drop_their_contexts),
        cmocka_unit_test(getters_of_null_return_empty_values),
        cmocka_unit_test(free_functions_accept_null),
    };
    return cmocka_run_group_tests(tests, start_handles, stop_handles);
}
