/* Events of connections and subscriptions, by callback, next and descriptor. */
#include "fixture.h"

/* A callback that records the kinds of events in order. */
typedef struct seen {
    context context;
    amop_event_kind_t kinds[64];
    counter *closed;
} seen;

static void see(void *pointer, const amop_event *event)
{
    seen *seen = pointer;
    seen->context.late += counted(seen->context.drops);
    seen->kinds[counted(seen->context.calls) % 64] = amop_event_kind(event);
    count(seen->context.calls);
    if (amop_event_kind(event) == AMOP_EVENT_CLOSED) {
        count(seen->closed);
    }
}

static void drop_seen(void *pointer)
{
    seen *seen = pointer;
    drop_context(&seen->context);
}

static amop_event_callback seeing(seen *seen)
{
    memset(seen, 0, sizeof *seen);
    context_init(&seen->context);
    seen->closed = counter_new();
    amop_event_callback callback = {see, seen, drop_seen};
    return callback;
}

static void end_seen(seen *seen)
{
    counter_free(seen->closed);
    context_end(&seen->context);
}

static int times(seen *seen, amop_event_kind_t kind)
{
    int times = 0;
    for (int n = 0; n < counted(seen->context.calls) && n < 64; n++) {
        times += seen->kinds[n] == kind;
    }
    return times;
}

/* A client that has emitted its first event: a call has completed since. */
static amop_client *client_told(void)
{
    amop_client *client = client_at(0);
    OK(amop_client_broadcast(client, "t", "", 0, NULL, 0, &error));
    return client;
}

static void loss_and_reconnect_emit_events(void **state)
{
    (void)state;
    amop_client *client = client_told();
    const char *endpoint = amop_devnet_endpoint(devnet, 0);
    amop_events *events = NULL;
    OK(amop_client_events(client, &events, &error));
    seen seen;
    OK(amop_client_on_event(client, seeing(&seen), &error));
    amop_subscription *subscription = NULL;
    const char *topic = fresh_topic();
    OK(amop_client_subscribe(client, topic, NULL, &subscription, &error));

    OK(amop_devnet_kill_node(devnet, 0, &error));
    amop_event *event = next_event(events, AMOP_EVENT_LOST);
    assert_string_equal(amop_event_endpoint(event), endpoint);
    assert_int_equal(amop_error_code(amop_event_error(event)), AMOP_ERROR_CONNECTION_LOST);
    assert_null(amop_event_node_version(event));
    assert_int_equal(amop_event_protocol(event), 0);
    assert_null(amop_event_topic(event));
    assert_null(amop_event_message(event));
    amop_event_free(event);
    EXPECT(AMOP_ERROR_NOT_CONNECTED, amop_client_publish(client, topic, "x", 1, NULL, 0, NULL, &error));
    event = next_event(events, AMOP_EVENT_CONNECT_FAILED);
    assert_string_equal(amop_event_endpoint(event), endpoint);
    assert_int_equal(amop_error_code(amop_event_error(event)), AMOP_ERROR_CONNECT);
    amop_event_free(event);

    OK(amop_devnet_restart_node(devnet, 0, &error));
    event = next_event(events, AMOP_EVENT_RECONNECTED);
    assert_string_equal(amop_event_endpoint(event), endpoint);
    assert_non_null(strchr(amop_event_node_version(event), '.'));
    assert_true(amop_event_protocol(event) > 0);
    assert_null(amop_event_error(event));
    amop_event_free(event);
    /* Its topics are listed again. */
    publish(client, topic, "again");
    expect_message(subscription, "again");
    assert_int_equal(client_stat_value(client, AMOP_STAT_LOSSES), 1);
    assert_int_equal(client_stat_value(client, AMOP_STAT_CONNECTS), 2);
    assert_true(client_stat_value(client, AMOP_STAT_FAILED_CONNECTS) >= 1);

    amop_subscription_free(subscription);
    end(client);
    event = next_event(events, AMOP_EVENT_CLOSED);
    assert_null(amop_event_endpoint(event));
    amop_event_free(event);
    EXPECT(AMOP_ERROR_CLOSED, amop_events_next(events, GUARD, &event, &error));
    assert_null(event);
    amop_events_free(events);
    /* The callback received the same events. */
    assert_int_equal(times(&seen, AMOP_EVENT_LOST), 1);
    assert_true(times(&seen, AMOP_EVENT_CONNECT_FAILED) >= 1);
    assert_int_equal(times(&seen, AMOP_EVENT_RECONNECTED), 1);
    assert_int_equal(counted(seen.closed), 1);
    end_seen(&seen);
}

static void added_node_emits_connected(void **state)
{
    (void)state;
    amop_client *client = client_told();
    amop_events *events = NULL;
    OK(amop_client_events(client, &events, &error));
    const char *second = amop_devnet_endpoint(devnet, 1);
    OK(amop_client_add_endpoint(client, second, &error));
    OK(amop_client_add_endpoint(client, second, &error));
    amop_event *event = next_event(events, AMOP_EVENT_CONNECTED);
    assert_string_equal(amop_event_endpoint(event), second);
    assert_non_null(strchr(amop_event_node_version(event), '.'));
    assert_true(amop_event_protocol(event) > 0);
    amop_event_free(event);
    amop_stats *stats = NULL;
    OK(amop_client_stats(client, &stats, &error));
    assert_int_equal(amop_stats_endpoint_count(stats), 2);
    assert_string_equal(amop_stats_endpoint(stats, 1), second);
    amop_stats_free(stats);
    OK(amop_client_remove_endpoint(client, amop_devnet_endpoint(devnet, 0), &error));
    OK(amop_client_remove_endpoint(client, amop_devnet_endpoint(devnet, 0), &error));
    OK(amop_client_stats(client, &stats, &error));
    assert_int_equal(amop_stats_endpoint_count(stats), 1);
    amop_stats_free(stats);
    amop_events_free(events);
    end(client);
}

static void descriptor_is_readable_while_events_are_queued(void **state)
{
    (void)state;
    amop_client *client = client_told();
    amop_events *events = NULL;
    OK(amop_client_events(client, &events, &error));
    int32_t fd = -1;
    OK(amop_events_fd(events, &fd, &error));
    amop_event *event = untouched();
    assert_false(readable(fd, 0));
    EXPECT(AMOP_ERROR_TIMEOUT, amop_events_next(events, 0, &event, &error));
    assert_null(event);
    OK(amop_client_close(client, 0, &error));
    assert_true(readable(fd, GUARD));
    OK(amop_events_next(events, 0, &event, &error));
    assert_int_equal(amop_event_kind(event), AMOP_EVENT_CLOSED);
    amop_event_free(event);
    /* The end can be read any number of times. */
    assert_true(readable(fd, 0));
    EXPECT(AMOP_ERROR_CLOSED, amop_events_next(events, 0, &event, &error));
    amop_events_free(events);
    amop_client_free(client);
}

static void closed_client_refuses_callbacks_and_drops_contexts(void **state)
{
    (void)state;
    amop_client *client = client_told();
    OK(amop_client_close(client, 0, &error));
    seen seen;
    EXPECT(AMOP_ERROR_CLOSED, amop_client_on_event(client, seeing(&seen), &error));
    assert_int_equal(counted(seen.context.calls), 0);
    end_seen(&seen);
    amop_client_free(client);
}

static void freed_listener_does_not_affect_others(void **state)
{
    (void)state;
    amop_client *client = client_told();
    amop_events *first = NULL, *second = NULL;
    OK(amop_client_events(client, &first, &error));
    OK(amop_client_events(client, &second, &error));
    amop_events_free(first);
    end(client);
    amop_event_free(next_event(second, AMOP_EVENT_CLOSED));
    amop_events_free(second);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(loss_and_reconnect_emit_events),
        cmocka_unit_test(added_node_emits_connected),
        cmocka_unit_test(descriptor_is_readable_while_events_are_queued),
        cmocka_unit_test(closed_client_refuses_callbacks_and_drops_contexts),
        cmocka_unit_test(freed_listener_does_not_affect_others),
    };
    return cmocka_run_group_tests(tests, start_devnet, stop_devnet);
}
