/* Completion queues and their descriptors. */
#include "fixture.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/resource.h>
#include <unistd.h>

/* A number of calls that exceeds any number of threads. */
#define MANY 4096
#define FEW 32
/* Calls in flight at a time. */
#define AT_ONCE 64

static amop_completion *next_completion(const amop_completion_queue *queue)
{
    amop_completion *completion = NULL;
    OK(amop_completion_queue_next(queue, GUARD, &completion, &error));
    assert_non_null(completion);
    return completion;
}

static void completion_has_the_tag_of_its_call(void **state)
{
    (void)state;
    amop_client *server = client_at(1), *client = client_at(0);
    context service;
    context_init(&service);
    const char *topic = fresh_topic();
    OK(amop_client_serve_callback(server, topic, NULL, echoing(&service), NULL, &error));
    amop_completion_queue *queue = amop_completion_queue_new(0);
    EXPECT(AMOP_ERROR_TIMEOUT, amop_completion_queue_next(queue, 0, &(amop_completion *){NULL}, &error));
    EXPECT(AMOP_ERROR_TIMEOUT, amop_completion_queue_next(queue, 20, &(amop_completion *){NULL}, &error));
    int published, broadcast, failed;
    amop_call *call = NULL;
    OK(amop_client_publish_queued(client, topic, "hi", 2, NULL, 0, queue, &published, &call, &error));
    amop_call_free(call);
    amop_completion *completion = next_completion(queue);
    assert_ptr_equal(amop_completion_tag(completion), &published);
    assert_int_equal(amop_completion_status(completion), AMOP_OK);
    assert_null(amop_completion_error(completion));
    assert_true(is_text(amop_reply_data(amop_completion_reply(completion)), "hi"));
    amop_completion_free(completion);
    OK(amop_client_broadcast_queued(client, topic, "hi", 2, NULL, 0, queue, &broadcast, NULL, &error));
    completion = next_completion(queue);
    assert_ptr_equal(amop_completion_tag(completion), &broadcast);
    assert_int_equal(amop_completion_status(completion), AMOP_OK);
    assert_null(amop_completion_reply(completion));
    amop_completion_free(completion);
    OK(amop_client_publish_queued(client, "nobody", "", 0, NULL, 0, queue, &failed, NULL, &error));
    completion = next_completion(queue);
    assert_ptr_equal(amop_completion_tag(completion), &failed);
    assert_int_equal(amop_completion_status(completion), AMOP_ERROR_NO_SUBSCRIBER);
    assert_int_equal(amop_error_code(amop_completion_error(completion)), AMOP_ERROR_NO_SUBSCRIBER);
    assert_null(amop_completion_reply(completion));
    amop_completion_free(completion);
    amop_completion_queue_free(queue);
    end(client);
    end(server);
    context_end(&service);
}

/* Reads at least one completion: each has the reply for its tag, and no tag is returned twice. */
static int read_replies(const amop_completion_queue *queue, char *tags)
{
    amop_completion *completions[100];
    size_t count = 0;
    OK(amop_completion_queue_next_many(queue, GUARD, completions, 100, &count, &error));
    assert_true(count >= 1 && count <= 100);
    for (size_t n = 0; n < count; n++) {
        assert_int_equal(amop_completion_status(completions[n]), AMOP_OK);
        char *tag = amop_completion_tag(completions[n]);
        const int number = (int)(tag - tags);
        amop_bytes data = amop_reply_data(amop_completion_reply(completions[n]));
        assert_int_equal(data.len, sizeof number);
        assert_memory_equal(data.data, &number, sizeof number);
        assert_int_equal(*tag, 0);
        *tag = 1;
        amop_completion_free(completions[n]);
    }
    return (int)count;
}

static void one_thread_reads_the_replies_to_thousands_of_calls(void **state)
{
    (void)state;
    static char tags[MANY];
    amop_client *server = client_at(1), *client = client_at(0);
    context service;
    context_init(&service);
    const char *topic = fresh_topic();
    OK(amop_client_serve_callback(server, topic, NULL, echoing(&service), NULL, &error));
    amop_completion_queue *queue = amop_completion_queue_new(AT_ONCE);
    int seen = 0;
    for (int n = 0; n < MANY; n++) {
        if (n - seen == AT_ONCE) {
            seen += read_replies(queue, tags);
        }
        OK(amop_client_publish_queued(client, topic, &n, sizeof n, NULL, 0, queue, &tags[n], NULL, &error));
    }
    assert_true(library_threads() < FEW);
    while (seen < MANY) {
        seen += read_replies(queue, tags);
    }
    EXPECT(AMOP_ERROR_TIMEOUT, amop_completion_queue_next(queue, 0, &(amop_completion *){NULL}, &error));
    amop_completion_queue_free(queue);
    end(client);
    end(server);
    context_end(&service);
}

static void descriptor_is_readable_while_completions_are_queued(void **state)
{
    (void)state;
    amop_client *one = client_at(0), *other = client_at(1);
    amop_completion_queue *queue = amop_completion_queue_new(0);
    int32_t fd = -1, again = -1;
    OK(amop_completion_queue_fd(queue, &fd, &error));
    OK(amop_completion_queue_fd(queue, &again, &error));
    assert_int_equal(fd, again);
    assert_false(readable(fd, 0));
    /* One queue for two clients. */
    OK(amop_client_broadcast_queued(one, "t", "", 0, NULL, 0, queue, &one, NULL, &error));
    OK(amop_client_broadcast_queued(other, "t", "", 0, NULL, 0, queue, &other, NULL, &error));
    int of_one = 0, of_other = 0;
    while (of_one + of_other < 2) {
        assert_true(readable(fd, GUARD));
        amop_completion *completion = NULL;
        OK(amop_completion_queue_next(queue, 0, &completion, &error));
        of_one += amop_completion_tag(completion) == &one;
        of_other += amop_completion_tag(completion) == &other;
        amop_completion_free(completion);
    }
    assert_int_equal(of_one, 1);
    assert_false(readable(fd, 0));
    amop_completion_queue_free(queue);
    end(one);
    end(other);
}

static void descriptor_that_the_program_misuses_neither_blocks_nor_raises_signals(void **state)
{
    (void)state;
    amop_client *client = client_at(0);
    amop_completion_queue *queue = amop_completion_queue_new(0);
    int32_t fd = -1;
    OK(amop_completion_queue_fd(queue, &fd, &error));
    assert_int_equal(fcntl(fd, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
    for (int n = 0; n < 3; n++) {
        OK(amop_client_broadcast_queued(client, "t", "", 0, NULL, 0, queue, NULL, NULL, &error));
    }
    /* The program reads what the library wrote. */
    char taken[8];
    for (int n = 3; n > 0; n--) {
        assert_true(readable(fd, GUARD));
        assert_true(read(fd, taken, sizeof taken) > 0);
        amop_completion_free(next_completion(queue));
    }
    EXPECT(AMOP_ERROR_TIMEOUT, amop_completion_queue_next(queue, 0, &(amop_completion *){NULL}, &error));
    assert_false(readable(fd, 0));
    /* The program closes the descriptor. No other file takes its number here. */
    assert_int_equal(close(fd), 0);
    OK(amop_client_broadcast_queued(client, "t", "", 0, NULL, 0, queue, NULL, NULL, &error));
    amop_completion_free(next_completion(queue));
    end(client);
    /* The library closes this number with the queue. */
    int other = open("/dev/null", O_RDONLY);
    assert_int_equal(dup2(other, fd), fd);
    if (other != fd) {
        close(other);
    }
    amop_completion_queue_free(queue);
}

static void full_queue_refuses_calls_until_it_is_read(void **state)
{
    (void)state;
    amop_client *client = client_at(0);
    amop_completion_queue *queue = amop_completion_queue_new(2);
    for (int n = 0; n < 2; n++) {
        OK(amop_client_broadcast_queued(client, "t", "", 0, NULL, 0, queue, NULL, NULL, &error));
    }
    amop_call *call = untouched();
    EXPECT(AMOP_ERROR_OVERLOADED,
           amop_client_broadcast_queued(client, "t", "", 0, NULL, 0, queue, NULL, &call, &error));
    assert_null(call);
    EXPECT(AMOP_ERROR_OVERLOADED,
           amop_client_publish_queued(client, "t", "", 0, NULL, 0, queue, NULL, &call, &error));
    amop_completion_free(next_completion(queue));
    OK(amop_client_broadcast_queued(client, "t", "", 0, NULL, 0, queue, NULL, NULL, &error));
    amop_completion_free(next_completion(queue));
    amop_completion_free(next_completion(queue));
    amop_completion_queue_free(queue);
    end(client);
}

static void cancelled_call_completes_through_the_queue(void **state)
{
    (void)state;
    amop_client *server = client_at(1), *client = client_at(0);
    const char *topic = fresh_topic();
    amop_service *service = NULL;
    OK(amop_client_serve(server, topic, NULL, &service, &error));
    amop_completion_queue *queue = amop_completion_queue_new(0);
    amop_call *call = NULL;
    OK(amop_client_publish_queued(client, topic, "x", 1, NULL, 0, queue, NULL, &call, &error));
    amop_request *request = NULL;
    OK(amop_service_next(service, GUARD, &request, &error));
    OK(amop_call_cancel(call, &error));
    amop_completion *completion = next_completion(queue);
    assert_int_equal(amop_completion_status(completion), AMOP_ERROR_CANCELLED);
    assert_int_equal(amop_error_delivery(amop_completion_error(completion)), AMOP_DELIVERY_MAYBE);
    amop_completion_free(completion);
    OK(amop_request_reply(request, "to nobody", 9, &error));
    amop_request_free(request);
    amop_call_free(call);
    amop_completion_queue_free(queue);
    amop_service_free(service);
    end(client);
    end(server);
}

static void queue_may_be_freed_before_its_calls_complete(void **state)
{
    (void)state;
    amop_client *server = client_at(1), *client = client_at(0);
    const char *topic = fresh_topic();
    amop_service *service = NULL;
    OK(amop_client_serve(server, topic, NULL, &service, &error));
    amop_completion_queue *queue = amop_completion_queue_new(0);
    int32_t fd = -1;
    OK(amop_completion_queue_fd(queue, &fd, &error));
    OK(amop_client_publish_queued(client, topic, "x", 1, NULL, 0, queue, NULL, NULL, &error));
    OK(amop_client_broadcast_queued(client, topic, "x", 1, NULL, 0, queue, NULL, NULL, &error));
    amop_request *request = NULL;
    OK(amop_service_next(service, GUARD, &request, &error));
    amop_completion_queue_free(queue);
    OK(amop_request_reply(request, "", 0, &error));
    amop_request_free(request);
    UNTIL(endpoint_stat_value(client, 0, AMOP_STAT_IN_FLIGHT) == 0);
    amop_service_free(service);
    end(client);
    end(server);
}

static void close_completes_queued_calls(void **state)
{
    (void)state;
    amop_client *server = client_at(1), *client = client_at(0);
    const char *topic = fresh_topic();
    amop_service *service = NULL;
    OK(amop_client_serve(server, topic, NULL, &service, &error));
    amop_completion_queue *queue = amop_completion_queue_new(0);
    OK(amop_client_publish_queued(client, topic, "x", 1, NULL, 0, queue, NULL, NULL, &error));
    amop_request *request = NULL;
    OK(amop_service_next(service, GUARD, &request, &error));
    end(client);
    amop_completion *completion = next_completion(queue);
    assert_int_equal(amop_completion_status(completion), AMOP_ERROR_CLOSED);
    assert_int_equal(amop_error_delivery(amop_completion_error(completion)), AMOP_DELIVERY_MAYBE);
    amop_completion_free(completion);
    amop_request_free(request);
    amop_completion_queue_free(queue);
    amop_service_free(service);
    end(server);
}

/* The state shared by the readers of one queue. */
typedef struct readers {
    amop_completion_queue *queue;
    counter *read;
    /* The tag that ends a reader. */
    char stop;
} readers;

static void *read_completions(void *pointer)
{
    readers *readers = pointer;
    for (;;) {
        amop_completion *completion = NULL;
        if (amop_completion_queue_next(readers->queue, GUARD, &completion, NULL) != AMOP_OK) {
            return NULL;
        }
        int stopped = amop_completion_tag(completion) == &readers->stop;
        amop_completion_free(completion);
        if (stopped) {
            return readers;
        }
        count(readers->read);
    }
}

static void each_completion_goes_to_one_of_many_readers(void **state)
{
    (void)state;
    enum { READERS = 4, CALLS = 400 };
    amop_client *client = client_at(0);
    readers readers = {amop_completion_queue_new(0), counter_new(), 0};
    pthread_t threads[READERS];
    for (int n = 0; n < READERS; n++) {
        assert_int_equal(pthread_create(&threads[n], NULL, read_completions, &readers), 0);
    }
    for (int n = 0; n < CALLS; n++) {
        OK(amop_client_broadcast_queued(client, "t", "", 0, NULL, 0, readers.queue, NULL, NULL, &error));
    }
    wait_for(readers.read, CALLS);
    for (int n = 0; n < READERS; n++) {
        OK(amop_client_broadcast_queued(client, "t", "", 0, NULL, 0, readers.queue, &readers.stop, NULL,
                                        &error));
    }
    for (int n = 0; n < READERS; n++) {
        void *stopped = NULL;
        assert_int_equal(pthread_join(threads[n], &stopped), 0);
        assert_non_null(stopped);
    }
    assert_int_equal(counted(readers.read), CALLS);
    counter_free(readers.read);
    amop_completion_queue_free(readers.queue);
    end(client);
}

static void exhausted_descriptors_are_reported(void **state)
{
    (void)state;
    amop_client *client = client_at(0);
    amop_subscription *subscription = NULL;
    amop_service *service = NULL;
    amop_events *events = NULL;
    OK(amop_client_subscribe(client, fresh_topic(), NULL, &subscription, &error));
    OK(amop_client_serve(client, fresh_topic(), NULL, &service, &error));
    OK(amop_client_events(client, &events, &error));
    amop_completion_queue *queue = amop_completion_queue_new(0);
    struct rlimit before;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    const struct rlimit none = {0, before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    int32_t fd = 9;
    EXPECT(AMOP_ERROR_RUNTIME, amop_subscription_fd(subscription, &fd, &error));
    assert_int_equal(fd, -1);
    EXPECT(AMOP_ERROR_RUNTIME, amop_service_fd(service, &fd, &error));
    EXPECT(AMOP_ERROR_RUNTIME, amop_events_fd(events, &fd, &error));
    EXPECT(AMOP_ERROR_RUNTIME, amop_completion_queue_fd(queue, &fd, &error));
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    /* It works again once descriptors are available. */
    OK(amop_subscription_fd(subscription, &fd, &error));
    assert_false(readable(fd, 0));
    amop_completion_queue_free(queue);
    amop_events_free(events);
    amop_service_free(service);
    amop_subscription_free(subscription);
    end(client);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(completion_has_the_tag_of_its_call),
        cmocka_unit_test(one_thread_reads_the_replies_to_thousands_of_calls),
        cmocka_unit_test(descriptor_is_readable_while_completions_are_queued),
        cmocka_unit_test(descriptor_that_the_program_misuses_neither_blocks_nor_raises_signals),
        cmocka_unit_test(full_queue_refuses_calls_until_it_is_read),
        cmocka_unit_test(cancelled_call_completes_through_the_queue),
        cmocka_unit_test(queue_may_be_freed_before_its_calls_complete),
        cmocka_unit_test(close_completes_queued_calls),
        cmocka_unit_test(each_completion_goes_to_one_of_many_readers),
        cmocka_unit_test(exhausted_descriptors_are_reported),
    };
    return cmocka_run_group_tests(tests, start_devnet, stop_devnet);
}
