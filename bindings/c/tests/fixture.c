#define _POSIX_C_SOURCE 200809L

#include "fixture.h"

#include <errno.h>
#include <pthread.h>
#include <time.h>

amop_devnet *devnet;

int start_devnet(void **state)
{
    (void)state;
    amop_error *error = NULL;
    if (amop_devnet_start(NULL, &devnet, &error) == AMOP_OK) {
        return 0;
    }
    fprintf(stderr, "no devnet: %s\n", amop_error_message(error));
    amop_error_free(error);
    return -1;
}

int stop_devnet(void **state)
{
    (void)state;
    amop_status stopped = amop_devnet_stop(devnet, NULL);
    amop_devnet_free(devnet);
    devnet = NULL;
    return stopped == AMOP_OK ? 0 : -1;
}

amop_options *options_at(size_t node)
{
    amop_options *options = amop_options_new();
    assert_int_equal(amop_options_add_endpoint(options, amop_devnet_endpoint(devnet, node)), AMOP_OK);
    assert_int_equal(amop_options_set_credentials(options, amop_devnet_credentials(devnet)), AMOP_OK);
    assert_int_equal(amop_options_set_reconnect_max(options, 200), AMOP_OK);
    assert_int_equal(amop_options_set_call_timeout(options, GUARD), AMOP_OK);
    assert_int_equal(amop_options_set_connect_timeout(options, GUARD), AMOP_OK);
    assert_int_equal(amop_options_set_close_timeout(options, GUARD), AMOP_OK);
    return options;
}

static amop_client *connect_with(amop_options *options)
{
    amop_client *client = NULL;
    OK(amop_client_connect(options, &client, &error));
    amop_options_free(options);
    assert_non_null(client);
    return client;
}

amop_client *client_at(size_t node)
{
    return connect_with(options_at(node));
}

amop_client *client_at_both(void)
{
    amop_options *options = options_at(0);
    assert_int_equal(amop_options_add_endpoint(options, amop_devnet_endpoint(devnet, 1)), AMOP_OK);
    return connect_with(options);
}

void end(amop_client *client)
{
    OK(amop_client_close(client, 0, &error));
    amop_client_free(client);
}

void expect_status(amop_status wanted, amop_status seen, const amop_error *error, const char *call,
                   const char *file, int line)
{
    if (seen != wanted) {
        const char *text = amop_error_message(error);
        fprintf(stderr, "%s:%d: %s\n  is %s, not %s: %s\n", file, line, call, amop_status_name(seen),
                amop_status_name(wanted), text == NULL ? "no text" : text);
        fail();
    }
    if (error != NULL) {
        assert_int_equal(amop_error_code(error), seen);
        assert_true(strlen(amop_error_message(error)) > 0);
    }
}

struct counter {
    pthread_mutex_t lock;
    pthread_cond_t raised;
    int times;
};

counter *counter_new(void)
{
    counter *counter = calloc(1, sizeof *counter);
    assert_non_null(counter);
    pthread_mutex_init(&counter->lock, NULL);
    pthread_cond_init(&counter->raised, NULL);
    return counter;
}

void counter_free(counter *counter)
{
    pthread_cond_destroy(&counter->raised);
    pthread_mutex_destroy(&counter->lock);
    free(counter);
}

void count(counter *counter)
{
    pthread_mutex_lock(&counter->lock);
    counter->times++;
    pthread_cond_broadcast(&counter->raised);
    pthread_mutex_unlock(&counter->lock);
}

int counted(counter *counter)
{
    pthread_mutex_lock(&counter->lock);
    int times = counter->times;
    pthread_mutex_unlock(&counter->lock);
    return times;
}

void wait_for(counter *counter, int times)
{
    struct timespec deadline;
    clock_gettime(CLOCK_REALTIME, &deadline);
    deadline.tv_sec += GUARD / 1000;
    pthread_mutex_lock(&counter->lock);
    int waited = 0;
    while (counter->times < times && waited != ETIMEDOUT) {
        waited = pthread_cond_timedwait(&counter->raised, &counter->lock, &deadline);
    }
    int reached = counter->times;
    pthread_mutex_unlock(&counter->lock);
    assert_true(reached >= times);
}

void context_init(context *context)
{
    memset(context, 0, sizeof *context);
    context->calls = counter_new();
    context->drops = counter_new();
    context->gate = counter_new();
}

void context_end(context *context)
{
    assert_int_equal(counted(context->drops), 1);
    counter_free(context->calls);
    counter_free(context->drops);
    counter_free(context->gate);
}

void drop_context(void *pointer)
{
    context *context = pointer;
    count(context->drops);
}

void called(context *context, amop_bytes data)
{
    size_t len = data.len < sizeof context->last ? data.len : sizeof context->last - 1;
    if (len > 0) {
        memcpy(context->last, data.data, len);
    }
    context->last[len] = '\0';
    count(context->calls);
}

static void count_message(void *pointer, const amop_message *message)
{
    called(pointer, amop_message_data(message));
}

amop_message_callback counting(context *context)
{
    amop_message_callback callback = {count_message, context, drop_context};
    return callback;
}

const char *fresh_topic(void)
{
    static char topic[32];
    static int number = 0;
    snprintf(topic, sizeof topic, "topic-%d", ++number);
    return topic;
}

int is_text(amop_bytes bytes, const char *text)
{
    return bytes.len == strlen(text) && (bytes.len == 0 || memcmp(bytes.data, text, bytes.len) == 0);
}
