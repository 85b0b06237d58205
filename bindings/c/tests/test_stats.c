/* Statistics: counters of a client, states and errors of its endpoints, round trip times. */
#include "fixture.h"

static amop_stats *stats_of(const amop_client *client)
{
    amop_stats *stats = NULL;
    OK(amop_client_stats(client, &stats, &error));
    return stats;
}

static void sent_and_received_messages_are_counted(void **state)
{
    (void)state;
    amop_client *subscriber = client_at(1), *client = client_at(0);
    context context;
    context_init(&context);
    const char *topic = fresh_topic();
    OK(amop_client_subscribe_callback(subscriber, topic, NULL, counting(&context), NULL, &error));
    const uint64_t sent = client_stat_value(client, AMOP_STAT_FRAMES_SENT);
    const uint64_t bytes = client_stat_value(client, AMOP_STAT_BYTES_SENT);
    for (int n = 0; n < 5; n++) {
        publish(client, topic, "12345");
        OK(amop_client_broadcast(client, topic, "12345", 5, NULL, 0, &error));
    }
    wait_for(context.calls, 10);
    assert_int_equal(client_stat_value(client, AMOP_STAT_CALLS), 10);
    assert_true(client_stat_value(client, AMOP_STAT_FRAMES_SENT) >= sent + 10);
    assert_true(client_stat_value(client, AMOP_STAT_BYTES_SENT) >= bytes + 50);
    assert_true(client_stat_value(client, AMOP_STAT_FRAMES_RECEIVED) >= 10);
    assert_true(client_stat_value(client, AMOP_STAT_BYTES_RECEIVED) > 0);
    assert_true(client_stat_value(client, AMOP_STAT_WRITES) > 0);
    assert_int_equal(client_stat_value(subscriber, AMOP_STAT_MESSAGES_RECEIVED), 10);
    assert_true(client_stat_value(subscriber, AMOP_STAT_TOPIC_LISTS_SENT) >= 1);
    UNTIL(client_stat_value(client, AMOP_STAT_IN_FLIGHT) == 0
          && client_stat_value(client, AMOP_STAT_QUEUED_BYTES) == 0);
    end(client);
    end(subscriber);
    context_end(&context);
}

static void round_trips_are_measured(void **state)
{
    (void)state;
    enum { CALLS = 10 };
    amop_client *subscriber = client_at(1), *client = client_at(0);
    amop_stats *stats = stats_of(client);
    uint64_t median = 9, slowest = 9, of_endpoint = 9, bound = 9, number = 9;
    OK(amop_stats_round_trip(stats, 0.5, &median, &error));
    assert_int_equal(median, 0);
    assert_int_equal(amop_stats_round_trip_bucket_count(stats), 0);
    EXPECT(AMOP_ERROR_INVALID_ARGUMENT, amop_stats_round_trip_bucket(stats, 0, &bound, &number, &error));
    assert_int_equal(bound + number, 0);
    amop_stats_free(stats);

    context context;
    context_init(&context);
    const char *topic = fresh_topic();
    OK(amop_client_subscribe_callback(subscriber, topic, NULL, counting(&context), NULL, &error));
    for (int n = 0; n < CALLS; n++) {
        publish(client, topic, "x");
    }
    UNTIL(client_stat_value(client, AMOP_STAT_ROUND_TRIPS) == CALLS);
    stats = stats_of(client);
    OK(amop_stats_round_trip(stats, 0.5, &median, &error));
    OK(amop_stats_round_trip(stats, 1, &slowest, &error));
    OK(amop_stats_endpoint_round_trip(stats, 0, 1, &of_endpoint, &error));
    assert_true(0 < median && median <= slowest);
    assert_int_equal(slowest, of_endpoint);
    uint64_t sum = 0, before = 0;
    for (size_t bucket = 0; bucket < amop_stats_round_trip_bucket_count(stats); bucket++) {
        OK(amop_stats_round_trip_bucket(stats, bucket, &bound, &number, &error));
        assert_true(bound > before && number > 0);
        before = bound;
        sum += number;
    }
    assert_int_equal(sum, CALLS);
    amop_stats_free(stats);
    end(client);
    end(subscriber);
    context_end(&context);
}

static void endpoint_reports_its_state_and_error(void **state)
{
    (void)state;
    OK(amop_devnet_kill_node(devnet, 0, &error));
    amop_options *options = options_at(0);
    EXPECT(AMOP_ERROR_CONNECT, amop_client_connect(options, &(amop_client *){NULL}, &error));
    OK(amop_options_set_start_offline(options, true));
    amop_client *client = client_with(options);
    UNTIL(endpoint_stat_value(client, 0, AMOP_STAT_STATE) == AMOP_ENDPOINT_DOWN);
    EXPECT(AMOP_ERROR_NOT_CONNECTED, amop_client_publish(client, "t", "", 0, NULL, 0, NULL, &error));
    amop_stats *stats = stats_of(client);
    assert_int_equal(amop_error_code(amop_stats_endpoint_error(stats, 0)), AMOP_ERROR_CONNECT);
    assert_null(amop_stats_endpoint_error(stats, 1));
    amop_error *kept = amop_error_clone(amop_stats_endpoint_error(stats, 0));
    amop_stats_free(stats);
    assert_non_null(strstr(amop_error_message(kept), amop_devnet_endpoint(devnet, 0)));
    amop_error_free(kept);

    OK(amop_devnet_restart_node(devnet, 0, &error));
    UNTIL(endpoint_stat_value(client, 0, AMOP_STAT_STATE) == AMOP_ENDPOINT_CONNECTED);
    stats = stats_of(client);
    assert_null(amop_stats_endpoint_error(stats, 0));
    amop_stats_free(stats);
    OK(amop_client_close(client, 0, &error));
    assert_int_equal(client_stat_value(client, AMOP_STAT_STATE), AMOP_ENDPOINT_ENDED);
    amop_client_free(client);
}

static void waiting_calls_are_counted(void **state)
{
    (void)state;
    amop_client *subscriber = client_at(1), *client = client_at(0);
    context done;
    context_init(&done);
    const char *topic = fresh_topic();
    amop_publish_options *options = amop_publish_options_new();
    OK(amop_publish_options_set_wait_for_subscriber(options, true));
    OK(amop_client_publish_async(client, topic, "x", 1, options, 0, completing(&done), NULL, &error));
    amop_publish_options_free(options);
    UNTIL(client_stat_value(client, AMOP_STAT_CALLS_WAITING) == 1);
    amop_subscription *subscription = NULL;
    OK(amop_client_subscribe(subscriber, topic, NULL, &subscription, &error));
    wait_for(done.calls, 1);
    assert_int_equal(done.status, AMOP_OK);
    UNTIL(client_stat_value(client, AMOP_STAT_CALLS_WAITING) == 0);
    amop_subscription_free(subscription);
    end(client);
    end(subscriber);
    context_end(&done);
}

static void slow_listener_loses_the_oldest_events(void **state)
{
    (void)state;
    amop_options *options = options_at(0);
    OK(amop_options_set_max_events(options, 2));
    amop_client *client = client_with(options);
    amop_events *events = NULL;
    OK(amop_client_events(client, &events, &error));
    OK(amop_devnet_kill_node(devnet, 0, &error));
    /* One loss and at least two failed attempts: more than two events. */
    UNTIL(client_stat_value(client, AMOP_STAT_FAILED_CONNECTS) >= 2);
    UNTIL(client_stat_value(client, AMOP_STAT_EVENTS_DROPPED) >= 1);
    OK(amop_devnet_restart_node(devnet, 0, &error));
    end(client);
    /* The newest events are kept: the last one is the end. */
    amop_event_free(next_event(events, AMOP_EVENT_CLOSED));
    amop_events_free(events);
}

static void timing_options_are_accepted(void **state)
{
    (void)state;
    amop_options *options = options_at(0);
    OK(amop_options_set_heartbeat(options, 1000));
    OK(amop_options_set_missed_heartbeats(options, 30));
    OK(amop_options_set_duplicate_window(options, 1000));
    OK(amop_options_set_max_duplicates(options, 10));
    OK(amop_options_set_group(options, 1));
    OK(amop_options_set_reconnect_min(options, 10));
    amop_client *client = client_with(options);
    OK(amop_client_broadcast(client, "t", "", 0, NULL, 0, &error));
    end(client);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sent_and_received_messages_are_counted),
        cmocka_unit_test(round_trips_are_measured),
        cmocka_unit_test(endpoint_reports_its_state_and_error),
        cmocka_unit_test(waiting_calls_are_counted),
        cmocka_unit_test(slow_listener_loses_the_oldest_events),
        cmocka_unit_test(timing_options_are_accepted),
    };
    return cmocka_run_group_tests(tests, start_devnet, stop_devnet);
}
