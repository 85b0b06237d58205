/* Invalid topics, strings, lengths, numbers and times; the contents of errors, statuses and versions. */
#include "handles.h"

#include <limits.h>
#include <math.h>

static const char bad_utf8[] = {'a', (char)0xff, 0};

static void array_length_must_be_possible(void **state)
{
    (void)state;
    amop_message *message = NULL;
    amop_request *request = NULL;
    amop_completion *completion = NULL;
    const size_t lengths[] = {0, SIZE_MAX, SIZE_MAX / 8};
    for (size_t n = 0; n < 3; n++) {
        size_t number = 9;
        EXPECT(AMOP_ERROR_INVALID_ARGUMENT,
               amop_subscription_next_many(subscription, 0, &message, lengths[n], &number, &error));
        assert_int_equal(number, 0);
        EXPECT(AMOP_ERROR_INVALID_ARGUMENT,
               amop_service_next_many(service, 0, &request, lengths[n], &number, &error));
        EXPECT(AMOP_ERROR_INVALID_ARGUMENT,
               amop_completion_queue_next_many(queue, 0, &completion, lengths[n], &number, &error));
    }
}

static void invalid_topics_are_rejected(void **state)
{
    (void)state;
    char long_topic[256];
    memset(long_topic, 'x', 255);
    long_topic[255] = '\0';
    const char *topics[] = {"", "a\tb", bad_utf8, long_topic, NULL};
    for (size_t n = 0; n < 5; n++) {
        const char *topic = topics[n];
        amop_status refused = topic == NULL ? AMOP_ERROR_INVALID_ARGUMENT : AMOP_ERROR_INVALID_TOPIC;
        const char *part = topic == NULL       ? "`topic` is NULL"
                           : topic == bad_utf8 ? "`topic` is not UTF-8"
                                               : NULL;
        amop_subscription *subscribed = untouched();
        amop_service *served = untouched();
        amop_reply *reply = untouched();
        amop_call *call = untouched();
        EXPECT_TEXT(refused, part, amop_client_subscribe(client, topic, NULL, &subscribed, &error));
        assert_null(subscribed);
        EXPECT_TEXT(refused, part, amop_client_serve(client, topic, NULL, &served, &error));
        assert_null(served);
        EXPECT_TEXT(refused, part, amop_client_publish(client, topic, "", 0, NULL, 0, &reply, &error));
        assert_null(reply);
        EXPECT_TEXT(refused, part, amop_client_broadcast(client, topic, "", 0, NULL, 0, &error));
        EXPECT_TEXT(refused, part,
                    amop_client_publish_queued(client, topic, "", 0, NULL, 0, queue, NULL, &call, &error));
        assert_null(call);
        EXPECT_TEXT(refused, part,
                    amop_client_broadcast_queued(client, topic, "", 0, NULL, 0, queue, NULL, NULL, &error));
        WITH_CONTEXT(refused, amop_client_subscribe_callback(client, topic, NULL, counting(&context),
                                                             &subscribed, &error));
        WITH_CONTEXT(refused,
                     amop_client_serve_callback(client, topic, NULL, echoing(&context), &served, &error));
        WITH_CONTEXT(refused, amop_client_publish_async(client, topic, "", 0, NULL, 0, completing(&context),
                                                        &call, &error));
        WITH_CONTEXT(refused, amop_client_broadcast_async(client, topic, "", 0, NULL, 0, completing(&context),
                                                          &call, &error));
    }
    EXPECT(AMOP_ERROR_TIMEOUT, amop_completion_queue_next(queue, 0, &(amop_completion *){NULL}, &error));
}

static void wire_names_of_private_topics_are_rejected(void **state)
{
    (void)state;
    const char *topics[] = {"#!$TopicNeedVerify_a", "#!$VerifyChannel_a", "#!$PushChannel_a"};
    for (size_t n = 0; n < 3; n++) {
        amop_subscription *subscribed = untouched();
        amop_service *served = untouched();
        EXPECT_TEXT(AMOP_ERROR_INVALID_TOPIC, "private topic",
                    amop_client_subscribe(client, topics[n], NULL, &subscribed, &error));
        assert_null(subscribed);
        EXPECT_TEXT(AMOP_ERROR_INVALID_TOPIC, "private topic",
                    amop_client_serve(client, topics[n], NULL, &served, &error));
        assert_null(served);
        WITH_CONTEXT(
            AMOP_ERROR_INVALID_TOPIC,
            amop_client_subscribe_callback(client, topics[n], NULL, counting(&context), &subscribed, &error));
        WITH_CONTEXT(AMOP_ERROR_INVALID_TOPIC,
                     amop_client_serve_callback(client, topics[n], NULL, echoing(&context), &served, &error));
    }
}

static void invalid_strings_are_rejected(void **state)
{
    (void)state;
    amop_options *options = amop_options_new();
    amop_devnet_options *devnet_options = amop_devnet_options_new();
    const char *texts[] = {NULL, bad_utf8};
    for (size_t n = 0; n < 2; n++) {
        EXPECT(AMOP_ERROR_INVALID_ARGUMENT, amop_options_add_endpoint(options, texts[n]));
        EXPECT(AMOP_ERROR_INVALID_ARGUMENT, amop_options_set_credentials(options, texts[n]));
        EXPECT(AMOP_ERROR_INVALID_ARGUMENT, amop_options_set_credential_files(options, texts[n], "b", "c"));
        EXPECT(AMOP_ERROR_INVALID_ARGUMENT, amop_options_set_credential_files(options, "a", texts[n], "c"));
        EXPECT(AMOP_ERROR_INVALID_ARGUMENT, amop_options_set_credential_files(options, "a", "b", texts[n]));
        EXPECT(AMOP_ERROR_INVALID_ARGUMENT, amop_devnet_options_set_folder(devnet_options, texts[n]));
        EXPECT_TEXT(AMOP_ERROR_INVALID_ARGUMENT, "`endpoint` is",
                    amop_client_add_endpoint(client, texts[n], &error));
        EXPECT_TEXT(AMOP_ERROR_INVALID_ARGUMENT, "`endpoint` is",
                    amop_client_remove_endpoint(client, texts[n], &error));
    }
    EXPECT(AMOP_ERROR_INVALID_ENDPOINT, amop_client_add_endpoint(client, "nonsense", &error));
    EXPECT(AMOP_ERROR_INVALID_ENDPOINT, amop_client_remove_endpoint(client, "", &error));
    amop_devnet_options_free(devnet_options);
    amop_options_free(options);
}

static void impossible_payload_lengths_are_rejected(void **state)
{
    (void)state;
    amop_options *options = amop_options_new();
    EXPECT(AMOP_ERROR_INVALID_ARGUMENT, amop_options_set_credential_pem(options, NULL, 1, "b", 1, "c", 1));
    EXPECT(AMOP_ERROR_INVALID_ARGUMENT, amop_options_set_credential_pem(options, "a", 1, NULL, 1, "c", 1));
    EXPECT(AMOP_ERROR_INVALID_ARGUMENT, amop_options_set_credential_pem(options, "a", 1, "b", 1, NULL, 1));
    EXPECT(AMOP_ERROR_TOO_LARGE, amop_options_set_credential_pem(options, "a", SIZE_MAX, "b", 1, "c", 1));
    amop_options_free(options);

    amop_reply *reply = untouched();
    amop_call *call = untouched();
    EXPECT_TEXT(AMOP_ERROR_INVALID_ARGUMENT, "`data` is NULL, but its length is 7",
                amop_client_publish(client, "t", NULL, 7, NULL, 0, &reply, &error));
    assert_null(reply);
    EXPECT(AMOP_ERROR_INVALID_ARGUMENT, amop_client_broadcast(client, "t", NULL, 7, NULL, 0, &error));
    EXPECT(AMOP_ERROR_INVALID_ARGUMENT,
           amop_client_publish_queued(client, "t", NULL, 7, NULL, 0, queue, NULL, &call, &error));
    assert_null(call);
    WITH_CONTEXT(
        AMOP_ERROR_INVALID_ARGUMENT,
        amop_client_broadcast_async(client, "t", NULL, 7, NULL, 0, completing(&context), &call, &error));
    /* Impossible lengths are rejected before anything is read. */
    const size_t lengths[] = {SIZE_MAX, (size_t)SSIZE_MAX + 1, (100u << 20) + 1};
    for (size_t n = 0; n < 3; n++) {
        EXPECT(AMOP_ERROR_TOO_LARGE,
               amop_client_publish(client, "t", "", lengths[n], NULL, 0, &reply, &error));
        EXPECT(AMOP_ERROR_TOO_LARGE, amop_client_broadcast(client, "t", "", lengths[n], NULL, 0, &error));
        EXPECT(AMOP_ERROR_TOO_LARGE, amop_client_broadcast_queued(client, "t", "", lengths[n], NULL, 0, queue,
                                                                  NULL, &call, &error));
        WITH_CONTEXT(AMOP_ERROR_TOO_LARGE, amop_client_publish_async(client, "t", "", lengths[n], NULL, 0,
                                                                     completing(&context), &call, &error));
    }
}

static void unknown_enum_values_are_rejected(void **state)
{
    (void)state;
    amop_options *options = amop_options_new();
    amop_subscribe_options *subscribe = amop_subscribe_options_new();
    amop_serve_options *serve = amop_serve_options_new();
    amop_publish_options *publishing = amop_publish_options_new();
    const int32_t numbers[] = {-1, 99, INT32_MIN, INT32_MAX};
    for (size_t n = 0; n < 4; n++) {
        EXPECT(AMOP_ERROR_INVALID_ARGUMENT, amop_options_set_retry(options, numbers[n]));
        EXPECT(AMOP_ERROR_INVALID_ARGUMENT, amop_options_set_generation(options, numbers[n]));
        EXPECT(AMOP_ERROR_INVALID_ARGUMENT, amop_publish_options_set_retry(publishing, numbers[n]));
        EXPECT(AMOP_ERROR_INVALID_ARGUMENT, amop_subscribe_options_set_overflow(subscribe, numbers[n]));
        EXPECT(AMOP_ERROR_INVALID_ARGUMENT, amop_subscribe_options_set_placement(subscribe, numbers[n]));
        EXPECT(AMOP_ERROR_INVALID_ARGUMENT, amop_serve_options_set_placement(serve, numbers[n]));
        WITH_CONTEXT(
            AMOP_ERROR_INVALID_ARGUMENT,
            amop_set_log_callback(numbers[n], (amop_log_callback){NULL, &context, drop_context}, &error));
        assert_null(amop_status_name(numbers[n]));
    }
    EXPECT(AMOP_ERROR_INVALID_ARGUMENT, amop_options_set_generation(options, 1));
    OK(amop_options_set_generation(options, AMOP_GENERATION_AUTO));
    OK(amop_options_set_generation(options, AMOP_GENERATION_2));
    OK(amop_options_set_generation(options, AMOP_GENERATION_3));
    for (int32_t retry = AMOP_RETRY_DEFAULT; retry <= AMOP_RETRY_AT_LEAST_ONCE; retry++) {
        OK(amop_options_set_retry(options, retry));
        OK(amop_publish_options_set_retry(publishing, retry));
    }
    amop_publish_options_free(publishing);
    amop_serve_options_free(serve);
    amop_subscribe_options_free(subscribe);
    amop_options_free(options);
}

static void too_long_times_are_rejected(void **state)
{
    (void)state;
    amop_client *made = untouched();
    amop_options *options = options_at(0);
    OK(amop_options_set_heartbeat(options, UINT64_MAX));
    EXPECT_TEXT(AMOP_ERROR_INVALID_ARGUMENT, "heartbeat", amop_client_connect(options, &made, &error));
    assert_null(made);
    OK(amop_options_set_heartbeat(options, 0));
    OK(amop_options_set_reconnect_min(options, 1000));
    EXPECT_TEXT(AMOP_ERROR_INVALID_ARGUMENT, "reconnect_min", amop_client_connect(options, &made, &error));
    amop_options_free(options);
    const uint64_t longest = UINT64_MAX;
    EXPECT(AMOP_ERROR_INVALID_ARGUMENT, amop_client_publish(client, "t", "", 0, NULL, longest, NULL, &error));
    EXPECT(AMOP_ERROR_INVALID_ARGUMENT, amop_client_broadcast(client, "t", "", 0, NULL, longest, &error));
    EXPECT(AMOP_ERROR_INVALID_ARGUMENT,
           amop_client_publish_queued(client, "t", "", 0, NULL, longest, queue, NULL, NULL, &error));
    EXPECT(AMOP_ERROR_INVALID_ARGUMENT,
           amop_subscription_next(subscription, longest, &(amop_message *){NULL}, &error));
    EXPECT(AMOP_ERROR_INVALID_ARGUMENT, amop_service_next(service, longest, &(amop_request *){NULL}, &error));
    EXPECT(AMOP_ERROR_INVALID_ARGUMENT, amop_events_next(events, longest, &(amop_event *){NULL}, &error));
    EXPECT(AMOP_ERROR_INVALID_ARGUMENT,
           amop_completion_queue_next(queue, longest, &(amop_completion *){NULL}, &error));
    amop_subscribe_options *subscribe = amop_subscribe_options_new();
    OK(amop_subscribe_options_set_timeout(subscribe, longest));
    EXPECT(AMOP_ERROR_INVALID_ARGUMENT,
           amop_client_subscribe(client, "t", subscribe, &(amop_subscription *){NULL}, &error));
    amop_subscribe_options_free(subscribe);
}

static void missing_statistics_are_rejected(void **state)
{
    (void)state;
    amop_stats *of_client = NULL, *of_subscription = NULL;
    uint64_t value = 9;
    OK(amop_client_stats(client, &of_client, &error));
    OK(amop_subscription_stats(subscription, &of_subscription, &error));
    EXPECT(AMOP_ERROR_INVALID_ARGUMENT, amop_stats_get(of_client, AMOP_STAT_ACCEPTED, &value, &error));
    assert_int_equal(value, 0);
    EXPECT(AMOP_ERROR_INVALID_ARGUMENT, amop_stats_get(of_subscription, AMOP_STAT_RETRIES, &value, &error));
    EXPECT(AMOP_ERROR_INVALID_ARGUMENT, amop_stats_get(of_client, -1, &value, &error));
    EXPECT(AMOP_ERROR_INVALID_ARGUMENT,
           amop_stats_endpoint_get(of_client, 1, AMOP_STAT_CONNECTED, &value, &error));
    EXPECT(AMOP_ERROR_INVALID_ARGUMENT,
           amop_stats_endpoint_get(of_client, 0, AMOP_STAT_RETRIES, &value, &error));
    EXPECT(AMOP_ERROR_INVALID_ARGUMENT,
           amop_stats_endpoint_get(of_subscription, 0, AMOP_STAT_CONNECTED, &value, &error));
    assert_int_equal(amop_stats_endpoint_count(of_client), 1);
    assert_string_equal(amop_stats_endpoint(of_client, 0), amop_devnet_endpoint(devnet, 0));
    assert_null(amop_stats_endpoint(of_client, 1));
    assert_int_equal(amop_stats_endpoint_count(of_subscription), 0);
    for (int32_t stat = AMOP_STAT_CONNECTED; stat <= AMOP_STAT_OVERLOADED; stat++) {
        uint64_t total = 0;
        OK(amop_stats_endpoint_get(of_client, 0, stat, &value, &error));
        OK(amop_stats_get(of_client, stat, &total, &error));
        assert_int_equal(value, total);
    }
    const double parts[] = {-0.1, 1.1, NAN, INFINITY};
    for (size_t n = 0; n < 4; n++) {
        value = 9;
        EXPECT(AMOP_ERROR_INVALID_ARGUMENT, amop_stats_round_trip(of_client, parts[n], &value, &error));
        assert_int_equal(value, 0);
        EXPECT(AMOP_ERROR_INVALID_ARGUMENT,
               amop_stats_endpoint_round_trip(of_client, 0, parts[n], &value, &error));
    }
    EXPECT(AMOP_ERROR_INVALID_ARGUMENT, amop_stats_endpoint_round_trip(of_client, 1, 0.5, &value, &error));
    amop_stats_free(of_subscription);
    amop_stats_free(of_client);
}

static void error_and_its_clone_have_all_parts(void **state)
{
    (void)state;
    amop_error *error = NULL;
    assert_int_equal(amop_client_publish(client, "nobody", "x", 1, NULL, 0, NULL, &error),
                     AMOP_ERROR_NO_SUBSCRIBER);
    amop_error *clone = amop_error_clone(error);
    amop_delivery delivery = amop_error_delivery(error);
    amop_error_free(error);
    assert_int_equal(amop_error_code(clone), AMOP_ERROR_NO_SUBSCRIBER);
    assert_non_null(strstr(amop_error_message(clone), "nobody"));
    assert_true(amop_error_is_retriable(clone));
    assert_int_equal(amop_error_delivery(clone), delivery);
    assert_int_equal(amop_error_node_code(clone), 100);
    assert_int_equal(amop_error_data(clone).len, 0);
    amop_error_free(clone);
    /* The error parameter may be NULL. */
    assert_int_equal(amop_client_publish(client, "nobody", "x", 1, NULL, 0, NULL, NULL),
                     AMOP_ERROR_NO_SUBSCRIBER);
}

static void every_status_has_a_name(void **state)
{
    (void)state;
    assert_string_equal(amop_status_name(AMOP_OK), "AMOP_OK");
    assert_string_equal(amop_status_name(AMOP_ERROR_INVALID_ARGUMENT), "AMOP_ERROR_INVALID_ARGUMENT");
    assert_string_equal(amop_status_name(AMOP_ERROR_TIMEOUT), "AMOP_ERROR_TIMEOUT");
    assert_string_equal(amop_status_name(AMOP_ERROR_INTERNAL), "AMOP_ERROR_INTERNAL");
    int names = 0;
    for (int32_t status = 0; status < 1000; status++) {
        names += amop_status_name(status) != NULL;
    }
    assert_true(names > 40);
}

static void event_kinds_and_statistics_have_names(void **state)
{
    (void)state;
    assert_string_equal(amop_event_kind_name(AMOP_EVENT_NONE), "AMOP_EVENT_NONE");
    assert_string_equal(amop_event_kind_name(AMOP_EVENT_CLOSED), "AMOP_EVENT_CLOSED");
    assert_string_equal(amop_stat_name(AMOP_STAT_HELD_BYTES), "AMOP_STAT_HELD_BYTES");
    assert_string_equal(amop_stat_name(AMOP_STAT_DROPPED), "AMOP_STAT_DROPPED");
    for (int32_t unknown = 1000; unknown < 1010; unknown++) {
        assert_null(amop_event_kind_name(unknown));
        assert_null(amop_stat_name(unknown));
    }
    assert_null(amop_event_kind_name(-1));
    assert_null(amop_stat_name(0));
}

static void options_can_be_set_by_name(void **state)
{
    (void)state;
    amop_options *options = amop_options_new();
    OK(amop_options_set(options, "call_timeout", "5s", &error));
    OK(amop_options_set(options, "max_send_bytes", "64MiB", &error));
    OK(amop_options_set(options, "endpoints", "127.0.0.1:1, 127.0.0.1:2", &error));
    EXPECT_TEXT(AMOP_ERROR_INVALID_ARGUMENT, "500ms", amop_options_set(options, "call_timeout", "5", &error));
    EXPECT_TEXT(AMOP_ERROR_INVALID_ARGUMENT, "use call_timeout",
                amop_options_set(options, "call_timout", "5s", &error));
    EXPECT(AMOP_ERROR_INVALID_ARGUMENT, amop_options_set(options, NULL, "5s", &error));
    EXPECT(AMOP_ERROR_INVALID_ARGUMENT, amop_options_set(options, "echo", NULL, &error));
    EXPECT(AMOP_ERROR_INVALID_ARGUMENT, amop_options_set(NULL, "echo", "true", &error));
    amop_options_free(options);
}

static void version_check_compares_header_and_library(void **state)
{
    (void)state;
    assert_string_equal(amop_version(), AMOP_VERSION);
    assert_int_equal(amop_version_number(), AMOP_VERSION_NUMBER);
    assert_int_equal(AMOP_VERSION_NUMBER,
                     AMOP_VERSION_MAJOR * 1000000 + AMOP_VERSION_MINOR * 1000 + AMOP_VERSION_PATCH);
    assert_int_equal(amop_abi(), AMOP_ABI);
    OK(amop_check_version(AMOP_ABI, AMOP_VERSION_NUMBER, &error));
    OK(amop_check_version(AMOP_ABI, AMOP_VERSION_MAJOR * 1000000, &error));
    EXPECT_TEXT(AMOP_ERROR_UNSUPPORTED, "newer library",
                amop_check_version(AMOP_ABI, AMOP_VERSION_NUMBER + 1, &error));
    EXPECT(AMOP_ERROR_UNSUPPORTED, amop_check_version(AMOP_ABI, UINT32_MAX, &error));
    /* Another ABI is refused whatever the version is: a minor version before 1.0 may change it. */
    EXPECT_TEXT(AMOP_ERROR_UNSUPPORTED, "recompile",
                amop_check_version(AMOP_ABI + 1, AMOP_VERSION_NUMBER, &error));
    EXPECT_TEXT(AMOP_ERROR_UNSUPPORTED, AMOP_VERSION, amop_check_version(UINT32_MAX, 0, &error));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(array_length_must_be_possible),
        cmocka_unit_test(invalid_topics_are_rejected),
        cmocka_unit_test(wire_names_of_private_topics_are_rejected),
        cmocka_unit_test(invalid_strings_are_rejected),
        cmocka_unit_test(impossible_payload_lengths_are_rejected),
        cmocka_unit_test(unknown_enum_values_are_rejected),
        cmocka_unit_test(too_long_times_are_rejected),
        cmocka_unit_test(missing_statistics_are_rejected),
        cmocka_unit_test(error_and_its_clone_have_all_parts),
        cmocka_unit_test(every_status_has_a_name),
        cmocka_unit_test(event_kinds_and_statistics_have_names),
        cmocka_unit_test(options_can_be_set_by_name),
        cmocka_unit_test(version_check_compares_header_and_library),
    };
    return cmocka_run_group_tests(tests, start_handles, stop_handles);
}
