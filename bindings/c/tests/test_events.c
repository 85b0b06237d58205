/* Events of connections and subscriptions, by callback, next and descriptor. */
#include "fixture.h"

/* A callback that records the kinds of events in order. */
typedef struct seen {
    context context;
    amop_event_kind_t kinds[64];
    counter *closed;
    amop_listener *listener;
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
    OK(amop_client_on_event(client, seeing(&seen), NULL, &error));
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
    EXPECT(AMOP_ERROR_CLOSED, amop_client_on_event(client, seeing(&seen), NULL, &error));
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

static void listeners_of_options_receive_the_events_of_connecting(void **state)
{
    (void)state;
    amop_options *options = options_at(0);
    seen seen;
    amop_events *events = NULL;
    OK(amop_options_on_event(options, seeing(&seen)));
    OK(amop_options_set_max_events(options, 8));
    OK(amop_options_events(options, &events, &error));
    /* A connect that fails: no call runs or begins when it returns. */
    OK(amop_devnet_kill_node(devnet, 0, &error));
    amop_client *client = NULL;
    EXPECT(AMOP_ERROR_CONNECT, amop_client_connect(options, &client, &error));
    const int calls = counted(seen.context.calls);
    assert_true(calls >= 2);
    assert_int_equal(seen.kinds[0], AMOP_EVENT_CONNECT_FAILED);
    assert_int_equal(seen.kinds[calls - 1], AMOP_EVENT_CLOSED);
    amop_event_free(next_event(events, AMOP_EVENT_CONNECT_FAILED));
    amop_event_free(next_event(events, AMOP_EVENT_CLOSED));
    amop_event *event = NULL;
    EXPECT(AMOP_ERROR_CLOSED, amop_events_next(events, GUARD, &event, &error));
    amop_events_free(events);
    OK(amop_devnet_restart_node(devnet, 0, &error));
    /* The callback serves the next client as well, a listener that is read only the first. */
    OK(amop_options_events(options, &events, &error));
    assert_int_equal(counted(seen.context.calls), calls);
    OK(amop_client_connect(options, &client, &error));
    OK(amop_events_next(events, GUARD, &event, &error));
    assert_int_equal(amop_event_kind(event), AMOP_EVENT_CONNECTED);
    amop_event_free(event);
    wait_for(seen.context.calls, calls + 1);
    assert_int_equal(seen.kinds[calls], AMOP_EVENT_CONNECTED);
    end(client);
    amop_events_free(events);
    assert_int_equal(counted(seen.context.drops), 0);
    amop_options_free(options);
    wait_for(seen.context.drops, 1);
    end_seen(&seen);
    /* Without a client. */
    options = options_at(0);
    OK(amop_options_events(options, &events, &error));
    amop_options_free(options);
    amop_event_free(next_event(events, AMOP_EVENT_CLOSED));
    amop_events_free(events);
}

/* Blocks until the test opens the gate. */
static void see_at_gate(void *pointer, const amop_event *event)
{
    context *context = pointer;
    (void)event;
    count(context->calls);
    reached(context->gate, 1);
}

/* Removes itself. */
static void remove_inside(void *pointer, const amop_event *event)
{
    seen *seen = pointer;
    (void)event;
    reached(seen->context.gate, 1);
    seen->context.status = amop_listener_remove(seen->listener, 0, NULL);
    count(seen->context.calls);
}

static void removed_callback_is_not_called_any_more(void **state)
{
    (void)state;
    amop_client *client = client_told();
    seen plain, inside;
    context blocked;
    context_init(&blocked);
    amop_listener *listener = NULL, *blocking = NULL;
    OK(amop_client_on_event(client, seeing(&plain), &listener, &error));
    OK(amop_client_on_event(client, (amop_event_callback){see_at_gate, &blocked, drop_context}, &blocking,
                            &error));
    amop_event_callback callback = seeing(&inside);
    callback.call = remove_inside;
    OK(amop_client_on_event(client, callback, &inside.listener, &error));
    count(inside.context.gate);
    OK(amop_devnet_kill_node(devnet, 0, &error));
    wait_for(plain.context.calls, 1);
    wait_for(blocked.calls, 1);
    wait_for(inside.context.drops, 1);
    assert_int_equal(inside.context.status, AMOP_OK);
    assert_int_equal(counted(inside.context.calls), 1);
    OK(amop_listener_remove(listener, GUARD, &error));
    assert_int_equal(counted(plain.context.drops), 1);
    /* It waits for the call that runs. */
    EXPECT(AMOP_ERROR_TIMEOUT, amop_listener_remove(blocking, 20, &error));
    assert_int_equal(counted(blocked.drops), 0);
    count(blocked.gate);
    OK(amop_listener_remove(blocking, GUARD, &error));
    assert_int_equal(counted(blocked.drops), 1);
    assert_int_equal(counted(blocked.calls), 1);
    amop_listener_free(listener);
    amop_listener_free(blocking);
    /* A listener may outlive its client; free removes without waiting. */
    seen freed;
    OK(amop_client_on_event(client, seeing(&freed), &listener, &error));
    amop_listener_free(listener);
    wait_for(freed.context.drops, 1);
    OK(amop_devnet_restart_node(devnet, 0, &error));
    end(client);
    OK(amop_listener_remove(inside.listener, GUARD, &error));
    amop_listener_free(inside.listener);
    assert_int_equal(times(&freed, AMOP_EVENT_CLOSED) + times(&plain, AMOP_EVENT_CLOSED), 0);
    end_seen(&plain);
    end_seen(&inside);
    end_seen(&freed);
    context_end(&blocked);
}

static void certificate_that_ends_soon_emits_an_event(void **state)
{
    (void)state;
    amop_options *options = options_at(0);
    /* Certificates of the devnet are valid for a hundred years. */
    OK(amop_options_set_expiry_warning(options, 101ULL * 366 * 24 * 3600 * 1000));
    amop_client *client = client_with(options);
    amop_events *events = NULL;
    OK(amop_client_events(client, &events, &error));
    amop_event *event = next_event(events, AMOP_EVENT_CERTIFICATE_EXPIRING);
    assert_non_null(strstr(amop_event_message(event), "CN="));
    assert_true(amop_event_expires(event) > 4000000000);
    assert_null(amop_event_endpoint(event));
    amop_event_free(event);
    end(client);
    event = next_event(events, AMOP_EVENT_CLOSED);
    assert_int_equal(amop_event_expires(event), 0);
    amop_event_free(event);
    amop_events_free(events);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(loss_and_reconnect_emit_events),
        cmocka_unit_test(added_node_emits_connected),
        cmocka_unit_test(descriptor_is_readable_while_events_are_queued),
        cmocka_unit_test(closed_client_refuses_callbacks_and_drops_contexts),
        cmocka_unit_test(freed_listener_does_not_affect_others),
        cmocka_unit_test(listeners_of_options_receive_the_events_of_connecting),
        cmocka_unit_test(removed_callback_is_not_called_any_more),
        cmocka_unit_test(certificate_that_ends_soon_emits_an_event),
    };
    return cmocka_run_group_tests(tests, start_devnet, stop_devnet);
}
