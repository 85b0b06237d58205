/* Overload: slow consumers, limits, and many threads on one client. */
#include "fixture.h"

#include <pthread.h>

static amop_subscription *subscribe_with(const amop_client *client, const char *topic, size_t messages,
                                         size_t bytes, int32_t overflow)
{
    amop_subscription *subscription = NULL;
    amop_subscribe_options *options = amop_subscribe_options_new();
    OK(amop_subscribe_options_set_max_messages(options, messages));
    OK(amop_subscribe_options_set_max_bytes(options, bytes));
    OK(amop_subscribe_options_set_overflow(options, overflow));
    OK(amop_subscribe_options_set_placement(options, AMOP_PLACEMENT_ONE));
    OK(amop_client_subscribe(client, topic, options, &subscription, &error));
    amop_subscribe_options_free(options);
    return subscription;
}

static void expect_slow_consumer(const amop_events *events, const char *topic)
{
    amop_event *event = next_event(events, AMOP_EVENT_SLOW_CONSUMER);
    assert_string_equal(amop_event_topic(event), topic);
    assert_null(amop_event_endpoint(event));
    assert_null(amop_event_error(event));
    amop_event_free(event);
}

/* No event is queued. */
static void expect_no_event(const amop_events *events)
{
    EXPECT(AMOP_ERROR_TIMEOUT, amop_events_next(events, 0, &(amop_event *){NULL}, &error));
}

static void full_subscription_is_busy_and_emits_one_event_per_episode(void **state)
{
    (void)state;
    amop_client *subscriber = client_at(1), *client = client_at(0);
    const char *topic = fresh_topic();
    amop_subscription *subscription = subscribe_with(subscriber, topic, 2, 0, AMOP_OVERFLOW_REFUSE);
    amop_events *events = NULL;
    OK(amop_client_events(subscriber, &events, &error));
    for (uint64_t episode = 1; episode <= 2; episode++) {
        publish(client, topic, "1");
        publish(client, topic, "2");
        for (int n = 0; n < 3; n++) {
            EXPECT(AMOP_ERROR_SUBSCRIBER_BUSY,
                   amop_client_publish(client, topic, "3", 1, NULL, 0, NULL, &error));
        }
        expect_slow_consumer(events, topic);
        expect_no_event(events);
        assert_int_equal(subscription_stat_value(subscription, AMOP_STAT_HELD_MESSAGES), 2);
        assert_int_equal(subscription_stat_value(subscription, AMOP_STAT_HELD_BYTES), 2);
        assert_int_equal(subscription_stat_value(subscription, AMOP_STAT_ACCEPTED), 2 * episode);
        assert_int_equal(subscription_stat_value(subscription, AMOP_STAT_REFUSED), 3 * episode);
        assert_int_equal(subscription_stat_value(subscription, AMOP_STAT_DROPPED), 0);
        assert_int_equal(client_stat_value(subscriber, AMOP_STAT_BUSY), 3 * episode);
        /* An episode ends when the subscription is empty. */
        expect_message(subscription, "1");
        expect_message(subscription, "2");
    }
    amop_events_free(events);
    amop_subscription_free(subscription);
    end(client);
    end(subscriber);
}

static void full_subscription_can_drop_the_oldest(void **state)
{
    (void)state;
    amop_client *subscriber = client_at(1), *client = client_at(0);
    const char *topic = fresh_topic();
    amop_subscription *subscription = subscribe_with(subscriber, topic, 2, 0, AMOP_OVERFLOW_DROP_OLDEST);
    amop_events *events = NULL;
    OK(amop_client_events(subscriber, &events, &error));
    const char *texts[] = {"1", "2", "3", "4", "5"};
    for (int n = 0; n < 5; n++) {
        publish(client, topic, texts[n]);
    }
    expect_slow_consumer(events, topic);
    expect_no_event(events);
    assert_int_equal(subscription_stat_value(subscription, AMOP_STAT_DROPPED), 3);
    assert_int_equal(subscription_stat_value(subscription, AMOP_STAT_REFUSED), 0);
    expect_message(subscription, "4");
    expect_message(subscription, "5");
    amop_events_free(events);
    amop_subscription_free(subscription);
    end(client);
    end(subscriber);
}

static void byte_limit_accepts_one_message_of_any_size(void **state)
{
    (void)state;
    static const char large[1000];
    amop_client *subscriber = client_at(1), *client = client_at(0);
    const char *topic = fresh_topic();
    amop_subscription *subscription = subscribe_with(subscriber, topic, 0, 100, AMOP_OVERFLOW_REFUSE);
    OK(amop_client_publish(client, topic, large, sizeof large, NULL, 0, NULL, &error));
    EXPECT(AMOP_ERROR_SUBSCRIBER_BUSY, amop_client_publish(client, topic, "x", 1, NULL, 0, NULL, &error));
    assert_int_equal(client_stat_value(subscriber, AMOP_STAT_HELD_BYTES), sizeof large);
    /* Messages that are unread at the end are discarded and counted. */
    amop_subscription_free(subscription);
    UNTIL(client_stat_value(subscriber, AMOP_STAT_HELD_BYTES) == 0);
    UNTIL(client_stat_value(subscriber, AMOP_STAT_DROPPED) == 1);
    end(client);
    end(subscriber);
}

static void subscriptions_of_a_client_share_a_limit(void **state)
{
    (void)state;
    static const char large[1000];
    amop_options *options = options_at(1);
    OK(amop_options_set_max_held_bytes(options, 1500));
    amop_client *subscriber = client_with(options), *client = client_at(0);
    const char *first = fresh_topic(), *second = fresh_topic();
    amop_subscription *one = NULL, *other = NULL;
    OK(amop_client_subscribe(subscriber, first, NULL, &one, &error));
    OK(amop_client_subscribe(subscriber, second, NULL, &other, &error));
    OK(amop_client_publish(client, first, large, sizeof large, NULL, 0, NULL, &error));
    /* An empty subscription accepts one message beyond the limit, but no second one. */
    OK(amop_client_publish(client, second, large, sizeof large, NULL, 0, NULL, &error));
    EXPECT(AMOP_ERROR_SUBSCRIBER_BUSY,
           amop_client_publish(client, second, large, sizeof large, NULL, 0, NULL, &error));
    amop_message *message = NULL;
    OK(amop_subscription_next(one, GUARD, &message, &error));
    amop_message_free(message);
    OK(amop_subscription_next(other, GUARD, &message, &error));
    amop_message_free(message);
    OK(amop_client_publish(client, second, large, sizeof large, NULL, 0, NULL, &error));
    amop_subscription_free(one);
    amop_subscription_free(other);
    end(client);
    end(subscriber);
}

/* Blocks until the test opens the gate. */
static void wait_at_gate(void *pointer, const amop_message *message)
{
    context *context = pointer;
    called(context, amop_message_data(message));
    reached(context->gate, 1);
}

static void slow_callback_delays_only_its_subscription(void **state)
{
    (void)state;
    amop_client *subscriber = client_at(1), *client = client_at(0);
    context slow, quick;
    context_init(&slow);
    context_init(&quick);
    const char *topic = fresh_topic();
    amop_message_callback blocking = {wait_at_gate, &slow, drop_context};
    OK(amop_client_subscribe_callback(subscriber, topic, NULL, blocking, &slow.subscription, &error));
    OK(amop_client_subscribe_callback(subscriber, topic, NULL, counting(&quick), NULL, &error));
    /* The publisher does not wait for it either. */
    for (int n = 0; n < 100; n++) {
        publish(client, topic, "x");
    }
    wait_for(quick.calls, 100);
    wait_for(slow.calls, 1);
    assert_int_equal(counted(slow.calls), 1);
    assert_int_equal(subscription_stat_value(slow.subscription, AMOP_STAT_ACCEPTED), 100);
    count(slow.gate);
    wait_for(slow.calls, 100);
    amop_subscription_free(slow.subscription);
    end(client);
    end(subscriber);
    context_end(&slow);
    context_end(&quick);
}

static void waits_for_dispatcher_threads_are_counted(void **state)
{
    (void)state;
    amop_options *options = options_at(1);
    OK(amop_options_set_dispatcher_threads(options, 1));
    amop_client *subscriber = client_with(options), *client = client_at(0);
    context slow, waiting;
    context_init(&slow);
    context_init(&waiting);
    const char *first = fresh_topic(), *second = fresh_topic();
    amop_message_callback blocking = {wait_at_gate, &slow, drop_context};
    OK(amop_client_subscribe_callback(subscriber, first, NULL, blocking, NULL, &error));
    OK(amop_client_subscribe_callback(subscriber, second, NULL, counting(&waiting), NULL, &error));
    publish(client, first, "x");
    wait_for(slow.calls, 1);
    publish(client, second, "y");
    UNTIL(client_stat_value(subscriber, AMOP_STAT_DISPATCHER_WAITS) > 0);
    assert_int_equal(counted(waiting.calls), 0);
    count(slow.gate);
    wait_for(waiting.calls, 1);
    end(client);
    end(subscriber);
    context_end(&slow);
    context_end(&waiting);
}

/* One of several threads that use one client. */
enum { THREADS = 8, EACH = 200 };
typedef struct worker {
    const amop_client *client;
    const char *topic;
    int number;
    /* Calls that received the right reply. */
    int well;
    pthread_t thread;
} worker;

static void *work(void *pointer)
{
    worker *worker = pointer;
    for (int n = 0; n < EACH; n++) {
        char text[32];
        snprintf(text, sizeof text, "%d of %d", n, worker->number);
        amop_reply *reply = NULL;
        amop_error *error = NULL;
        amop_status status = amop_client_publish(worker->client, worker->topic, text, strlen(text), NULL,
                                                 GUARD, &reply, &error);
        worker->well += status == AMOP_OK && error == NULL && is_text(amop_reply_data(reply), text);
        amop_reply_free(reply);
        amop_error_free(error);
    }
    return NULL;
}

static void eight_threads_receive_their_own_replies(void **state)
{
    (void)state;
    amop_client *server = client_at(1), *client = client_at(0);
    context service;
    context_init(&service);
    const char *topic = fresh_topic();
    OK(amop_client_serve_callback(server, topic, NULL, echoing(&service), NULL, &error));
    worker workers[THREADS];
    for (int n = 0; n < THREADS; n++) {
        workers[n] = (worker){client, topic, n, 0, pthread_self()};
        assert_int_equal(pthread_create(&workers[n].thread, NULL, work, &workers[n]), 0);
    }
    for (int n = 0; n < THREADS; n++) {
        assert_int_equal(pthread_join(workers[n].thread, NULL), 0);
        assert_int_equal(workers[n].well, EACH);
    }
    assert_int_equal(counted(service.calls), THREADS * EACH);
    end(client);
    end(server);
    context_end(&service);
}

/* One of several threads that read one subscription. */
typedef struct reader {
    const amop_subscription *subscription;
    size_t read;
    pthread_t thread;
} reader;

static void *read_on(void *pointer)
{
    reader *reader = pointer;
    for (;;) {
        amop_message *messages[16];
        size_t count = 0;
        if (amop_subscription_next_many(reader->subscription, GUARD, messages, 16, &count, NULL) != AMOP_OK) {
            return NULL;
        }
        for (size_t n = 0; n < count; n++) {
            amop_message_free(messages[n]);
        }
        reader->read += count;
    }
}

static void each_message_goes_to_one_of_many_readers(void **state)
{
    (void)state;
    enum { READERS = 4, MESSAGES = 500 };
    amop_client *subscriber = client_at(1), *client = client_at(0);
    const char *topic = fresh_topic();
    amop_subscription *subscription = NULL;
    OK(amop_client_subscribe(subscriber, topic, NULL, &subscription, &error));
    reader readers[READERS];
    for (int n = 0; n < READERS; n++) {
        readers[n] = (reader){subscription, 0, pthread_self()};
        assert_int_equal(pthread_create(&readers[n].thread, NULL, read_on, &readers[n]), 0);
    }
    for (int n = 0; n < MESSAGES; n++) {
        publish(client, topic, "x");
    }
    /* The readers read what is queued, then the end. */
    OK(amop_subscription_unsubscribe(subscription, 0, &error));
    size_t sum = 0;
    for (int n = 0; n < READERS; n++) {
        assert_int_equal(pthread_join(readers[n].thread, NULL), 0);
        sum += readers[n].read;
    }
    assert_int_equal(sum, MESSAGES);
    amop_subscription_free(subscription);
    end(client);
    end(subscriber);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(full_subscription_is_busy_and_emits_one_event_per_episode),
        cmocka_unit_test(full_subscription_can_drop_the_oldest),
        cmocka_unit_test(byte_limit_accepts_one_message_of_any_size),
        cmocka_unit_test(subscriptions_of_a_client_share_a_limit),
        cmocka_unit_test(slow_callback_delays_only_its_subscription),
        cmocka_unit_test(waits_for_dispatcher_threads_are_counted),
        cmocka_unit_test(eight_threads_receive_their_own_replies),
        cmocka_unit_test(each_message_goes_to_one_of_many_readers),
    };
    return cmocka_run_group_tests(tests, start_devnet, stop_devnet);
}
