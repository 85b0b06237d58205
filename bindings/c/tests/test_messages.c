/* Messages from one client to another: by callback, by next, by descriptor; unicast and broadcast. */
#define _GNU_SOURCE /* RUSAGE_THREAD */
#include "fixture.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

static void message_reaches_a_callback_at_another_node(void **state)
{
    (void)state;
    amop_client *subscriber = client_at(1), *publisher = client_at(0);
    context context;
    context_init(&context);
    const char *topic = fresh_topic();
    OK(amop_client_subscribe_callback(subscriber, topic, NULL, counting(&context), &context.subscription,
                                      &error));
    assert_string_equal(amop_subscription_topic(context.subscription), topic);
    amop_reply *reply = NULL;
    OK(amop_client_publish(publisher, topic, "hi", 2, NULL, 0, &reply, &error));
    assert_int_equal(amop_reply_data(reply).len, 0);
    assert_string_equal(amop_reply_endpoint(reply), amop_devnet_endpoint(devnet, 0));
    amop_reply_free(reply);
    OK(amop_client_broadcast(publisher, topic, "all", 3, NULL, 0, &error));
    wait_for(context.calls, 2);
    assert_string_equal(context.last, "all");
    OK(amop_subscription_unsubscribe(context.subscription, 0, &error));
    assert_int_equal(counted(context.drops), 1);
    amop_subscription_free(context.subscription);
    end(publisher);
    end(subscriber);
    context_end(&context);
}

static void message_is_read_with_all_its_parts(void **state)
{
    (void)state;
    amop_client *client = client_at(0);
    const char *topic = fresh_topic();
    amop_subscription *subscription = NULL;
    OK(amop_client_subscribe(client, topic, NULL, &subscription, &error));
    assert_string_equal(amop_subscription_topic(subscription), topic);
    int64_t before = (int64_t)time(NULL) * 1000;
    static const uint8_t bytes[] = {0, 1, 255, 0};
    OK(amop_client_publish(client, topic, bytes, sizeof bytes, NULL, 0, NULL, &error));
    amop_message *message = NULL;
    OK(amop_subscription_next(subscription, GUARD, &message, &error));
    amop_bytes data = amop_message_data(message);
    assert_int_equal(data.len, sizeof bytes);
    assert_memory_equal(data.data, bytes, sizeof bytes);
    assert_string_equal(amop_message_topic(message), topic);
    assert_int_equal(amop_message_kind(message), AMOP_MESSAGE_UNICAST);
    assert_int_equal(amop_message_seq(message).len, 32);
    assert_string_equal(amop_message_endpoint(message), amop_devnet_endpoint(devnet, 0));
    int64_t at = amop_message_received_at(message);
    assert_true(at >= before && at <= before + GUARD);
    /* The clone outlives the message. */
    amop_message *clone = amop_message_clone(message);
    amop_message_free(message);
    assert_memory_equal(amop_message_data(clone).data, bytes, sizeof bytes);
    assert_string_equal(amop_message_topic(clone), topic);
    amop_message_free(clone);
    amop_subscription_free(subscription);
    end(client);
}

static void empty_payloads_are_delivered(void **state)
{
    (void)state;
    amop_client *subscriber = client_at(1), *publisher = client_at(0);
    const char *topic = fresh_topic();
    amop_subscription *subscription = NULL;
    OK(amop_client_subscribe(subscriber, topic, NULL, &subscription, &error));
    OK(amop_client_publish(publisher, topic, NULL, 0, NULL, 0, NULL, &error));
    OK(amop_client_broadcast(publisher, topic, "", 0, NULL, 0, &error));
    for (int n = 0; n < 2; n++) {
        amop_message *message = NULL;
        OK(amop_subscription_next(subscription, GUARD, &message, &error));
        assert_int_equal(amop_message_data(message).len, 0);
        assert_int_equal(amop_message_kind(message), n == 0 ? AMOP_MESSAGE_UNICAST : AMOP_MESSAGE_BROADCAST);
        amop_message_free(message);
    }
    amop_subscription_free(subscription);
    end(publisher);
    end(subscriber);
}

static void next_distinguishes_timeout_from_end(void **state)
{
    (void)state;
    amop_client *client = client_at(0);
    const char *topic = fresh_topic();
    amop_subscription *subscription = NULL;
    OK(amop_client_subscribe(client, topic, NULL, &subscription, &error));
    amop_message *message = (amop_message *)&client;
    EXPECT(AMOP_ERROR_TIMEOUT, amop_subscription_next(subscription, 0, &message, &error));
    assert_null(message);
    EXPECT(AMOP_ERROR_TIMEOUT, amop_subscription_next(subscription, 20, &message, &error));
    EXPECT(AMOP_ERROR_INVALID_ARGUMENT, amop_subscription_next(subscription, UINT64_MAX, &message, &error));
    for (int n = 0; n < 3; n++) {
        OK(amop_client_publish(client, topic, "x", 1, NULL, 0, NULL, &error));
    }
    OK(amop_subscription_unsubscribe(subscription, 0, &error));
    OK(amop_subscription_unsubscribe(subscription, 0, &error));
    /* Queued messages can still be read, then the end. */
    amop_message *messages[8];
    size_t count = 99;
    OK(amop_subscription_next_many(subscription, 0, messages, 2, &count, &error));
    assert_int_equal(count, 2);
    amop_message_free(messages[0]);
    amop_message_free(messages[1]);
    OK(amop_subscription_next_many(subscription, 0, messages, 8, &count, &error));
    assert_int_equal(count, 1);
    amop_message_free(messages[0]);
    EXPECT(AMOP_ERROR_CLOSED, amop_subscription_next(subscription, GUARD, &message, &error));
    EXPECT(AMOP_ERROR_CLOSED, amop_subscription_next_many(subscription, GUARD, messages, 8, &count, &error));
    assert_int_equal(count, 0);
    amop_subscription_free(subscription);
    end(client);
}

static void descriptor_is_readable_while_next_would_not_wait(void **state)
{
    (void)state;
    amop_client *client = client_at(0);
    const char *topic = fresh_topic();
    amop_subscription *subscription = NULL;
    OK(amop_client_subscribe(client, topic, NULL, &subscription, &error));
    int fd = -1, again = -1;
    OK(amop_subscription_fd(subscription, &fd, &error));
    OK(amop_subscription_fd(subscription, &again, &error));
    assert_int_equal(fd, again);
    assert_false(readable(fd, 0));
    OK(amop_client_publish(client, topic, "1", 1, NULL, 0, NULL, &error));
    OK(amop_client_publish(client, topic, "2", 1, NULL, 0, NULL, &error));
    for (int n = 0; n < 2; n++) {
        assert_true(readable(fd, GUARD));
        amop_message *message = NULL;
        OK(amop_subscription_next(subscription, 0, &message, &error));
        amop_message_free(message);
    }
    assert_false(readable(fd, 0));
    OK(amop_subscription_unsubscribe(subscription, 0, &error));
    assert_true(readable(fd, GUARD));
    EXPECT(AMOP_ERROR_CLOSED, amop_subscription_next(subscription, 0, &(amop_message *){NULL}, &error));
    assert_true(readable(fd, 0));
    amop_subscription_free(subscription);
    end(client);
}

static void report_failure(void *pointer, const amop_message *message)
{
    amop_callback_failed("out of paper");
    called(pointer, amop_message_data(message));
}

/* Does what a program must not do: takes what the library wrote, then closes the descriptor. */
static void misuse(int fd)
{
    uint64_t taken = 0;
    assert_int_equal(fcntl(fd, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
    assert_true(readable(fd, GUARD));
    assert_true(read(fd, &taken, sizeof taken) > 0);
    /* Another file takes its number, as in a program that closes twice. It can neither be read nor written. */
    int other = open("/", O_RDONLY | O_DIRECTORY);
    assert_true(other >= 0);
    assert_int_equal(dup2(other, fd), fd);
    close(other);
}

static void descriptors_that_the_program_misuses_block_no_function(void **state)
{
    (void)state;
    amop_client *client = client_at(0);
    const char *topic = fresh_topic(), *served = fresh_topic();
    amop_subscription *subscription = NULL;
    amop_service *service = NULL;
    amop_events *events = NULL;
    amop_request *request = NULL;
    int fds[3];
    OK(amop_client_subscribe(client, topic, NULL, &subscription, &error));
    OK(amop_client_serve(client, served, NULL, &service, &error));
    OK(amop_client_events(client, &events, &error));
    OK(amop_subscription_fd(subscription, &fds[0], &error));
    OK(amop_service_fd(service, &fds[1], &error));
    OK(amop_events_fd(events, &fds[2], &error));
    context answered;
    context_init(&answered);
    OK(amop_client_publish_async(client, served, "1", 1, NULL, GUARD, completing(&answered), NULL, &error));
    /* A failing callback is an event. */
    context failing;
    context_init(&failing);
    subscribe(client, topic, (amop_message_callback){report_failure, &failing, drop_context}, &failing);
    publish(client, topic, "1");
    wait_for(failing.calls, 1);
    amop_subscription_free(failing.subscription);
    wait_for(failing.drops, 1);
    for (size_t n = 0; n < 3; n++) {
        misuse(fds[n]);
    }
    expect_message(subscription, "1");
    OK(amop_service_next(service, GUARD, &request, &error));
    OK(amop_request_reply(request, "", 0, &error));
    amop_request_free(request);
    wait_for(answered.calls, 1);
    amop_event_free(next_event(events, AMOP_EVENT_HANDLER_FAILED));
    context_end(&failing);
    publish(client, topic, "2");
    expect_message(subscription, "2");
    OK(amop_client_close(client, 0, &error));
    amop_event_free(next_event(events, AMOP_EVENT_CLOSED));
    EXPECT(AMOP_ERROR_CLOSED, amop_subscription_next(subscription, GUARD, &(amop_message *){NULL}, &error));
    EXPECT(AMOP_ERROR_CLOSED, amop_service_next(service, GUARD, &request, &error));
    amop_subscription_free(subscription);
    amop_service_free(service);
    amop_events_free(events);
    amop_client_free(client);
    context_end(&answered);
}

static void late_descriptor_is_readable_for_queued_messages(void **state)
{
    (void)state;
    amop_client *client = client_at(0);
    const char *topic = fresh_topic();
    amop_subscription *subscription = NULL;
    OK(amop_client_subscribe(client, topic, NULL, &subscription, &error));
    OK(amop_client_publish(client, topic, "1", 1, NULL, 0, NULL, &error));
    int fd = -1;
    OK(amop_subscription_fd(subscription, &fd, &error));
    assert_true(readable(fd, 0));
    amop_subscription_free(subscription);
    end(client);
}

static void messages_of_a_callback_cannot_be_read(void **state)
{
    (void)state;
    amop_client *client = client_at(0);
    context context;
    context_init(&context);
    const char *topic = fresh_topic();
    OK(amop_client_subscribe_callback(client, topic, NULL, counting(&context), &context.subscription,
                                      &error));
    amop_message *message = NULL;
    size_t count = 0;
    int fd = 0;
    EXPECT(AMOP_ERROR_INVALID_ARGUMENT, amop_subscription_next(context.subscription, 0, &message, &error));
    EXPECT(AMOP_ERROR_INVALID_ARGUMENT,
           amop_subscription_next_many(context.subscription, 0, &message, 1, &count, &error));
    EXPECT(AMOP_ERROR_INVALID_ARGUMENT, amop_subscription_fd(context.subscription, &fd, &error));
    amop_subscription_free(context.subscription);
    end(client);
    context_end(&context);
}

static void each_subscription_receives_every_message_in_order(void **state)
{
    (void)state;
    amop_client *subscriber = client_at(1), *publisher = client_at(0);
    const char *topic = fresh_topic();
    amop_subscription *first = NULL, *second = NULL;
    OK(amop_client_subscribe(subscriber, topic, NULL, &first, &error));
    OK(amop_client_subscribe(subscriber, topic, NULL, &second, &error));
    for (uint8_t n = 0; n < 100; n++) {
        OK(amop_client_publish(publisher, topic, &n, 1, NULL, 0, NULL, &error));
    }
    amop_subscription *both[] = {first, second};
    for (int s = 0; s < 2; s++) {
        for (uint8_t n = 0; n < 100; n++) {
            amop_message *message = NULL;
            OK(amop_subscription_next(both[s], GUARD, &message, &error));
            assert_int_equal(amop_message_data(message).data[0], n);
            amop_message_free(message);
        }
        amop_subscription_free(both[s]);
    }
    end(publisher);
    end(subscriber);
}

/* A thread that reads until the subscription has ended, and how often it has slept. */
typedef struct reader {
    pthread_t thread;
    amop_subscription *subscription;
    int messages;
    long sleeps;
    amop_status end;
} reader;

static void *read_to_the_end(void *context)
{
    reader *reader = context;
    amop_message *message = NULL;
    while ((reader->end = amop_subscription_next(reader->subscription, GUARD, &message, NULL)) == AMOP_OK) {
        amop_message_free(message);
        reader->messages++;
    }
    struct rusage usage;
    getrusage(RUSAGE_THREAD, &usage);
    reader->sleeps = usage.ru_nvcsw;
    return NULL;
}

static void message_wakes_one_of_many_threads(void **state)
{
    (void)state;
    enum { READERS = 32, MESSAGES = 100 };
    amop_client *client = client_at(0);
    const char *topic = fresh_topic();
    amop_subscription *subscription = NULL;
    OK(amop_client_subscribe(client, topic, NULL, &subscription, &error));
    reader readers[READERS] = {0};
    for (int n = 0; n < READERS; n++) {
        readers[n].subscription = subscription;
        assert_int_equal(pthread_create(&readers[n].thread, NULL, read_to_the_end, &readers[n]), 0);
    }
    for (int n = 0; n < MESSAGES; n++) {
        publish(client, topic, "m");
        UNTIL(subscription_stat_value(subscription, AMOP_STAT_HELD_MESSAGES) == 0);
    }
    OK(amop_subscription_unsubscribe(subscription, 0, &error));
    int messages = 0;
    long sleeps = 0;
    for (int n = 0; n < READERS; n++) {
        pthread_join(readers[n].thread, NULL);
        assert_int_equal(readers[n].end, AMOP_ERROR_CLOSED);
        messages += readers[n].messages;
        sleeps += readers[n].sleeps;
    }
    assert_int_equal(messages, MESSAGES);
    /* Each thread sleeps once before the first message, and the one that a message wakes sleeps again; some may sleep a few
     * times more for locks. If a message woke all, there would be READERS times as many. Under valgrind threads also sleep
     * for their turn. */
    if (getenv("AMOP_TEST_GUARD") == NULL) {
        assert_in_range(sleeps, 1, READERS + 8 * MESSAGES);
    }
    amop_subscription_free(subscription);
    end(client);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(message_reaches_a_callback_at_another_node),
        cmocka_unit_test(message_is_read_with_all_its_parts),
        cmocka_unit_test(empty_payloads_are_delivered),
        cmocka_unit_test(next_distinguishes_timeout_from_end),
        cmocka_unit_test(descriptor_is_readable_while_next_would_not_wait),
        cmocka_unit_test(descriptors_that_the_program_misuses_block_no_function),
        cmocka_unit_test(late_descriptor_is_readable_for_queued_messages),
        cmocka_unit_test(messages_of_a_callback_cannot_be_read),
        cmocka_unit_test(each_subscription_receives_every_message_in_order),
        cmocka_unit_test(message_wakes_one_of_many_threads),
    };
    return cmocka_run_group_tests(tests, start_devnet, stop_devnet);
}
