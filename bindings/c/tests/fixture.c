#define _POSIX_C_SOURCE 200809L

#include "fixture.h"

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <time.h>

amop_devnet *devnet;

unsigned guard(void)
{
    const char *said = getenv("AMOP_TEST_GUARD");
    return said != NULL ? (unsigned)strtoul(said, NULL, 10) : 60000;
}

/* Counts SIGPIPE, which a write to a broken connection raises unless it is suppressed. */
static volatile sig_atomic_t broken_pipes;

static void count_broken_pipe(int signal)
{
    (void)signal;
    broken_pipes++;
}

void wait_long_for_replies(const amop_devnet *nodes)
{
    char command[64];
    snprintf(command, sizeof command, "push-limit %u", GUARD / 1000);
    OK(amop_devnet_control(nodes, command, NULL, &error));
}

int start_devnet(void **state)
{
    (void)state;
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = count_broken_pipe;
    if (sigaction(SIGPIPE, &action, NULL) != 0) {
        return -1;
    }
    amop_error *error = NULL;
    if (amop_devnet_start(NULL, &devnet, &error) == AMOP_OK) {
        wait_long_for_replies(devnet);
        return 0;
    }
    fprintf(stderr, "no devnet: %s\n", amop_error_message(error));
    amop_error_free(error);
    return -1;
}

/* Returns whether the library has ended everything. */
static int nothing_is_left(void)
{
    for (unsigned waited = 0; library_threads() > 0; waited++) {
        if (waited == GUARD) {
            fprintf(stderr, "%d threads of the library still run\n", library_threads());
            return 0;
        }
        rest();
    }
    if (broken_pipes > 0) {
        fprintf(stderr, "the library raised SIGPIPE %d times\n", (int)broken_pipes);
        return 0;
    }
    return 1;
}

int stop_devnet(void **state)
{
    (void)state;
    amop_status stopped = amop_devnet_stop(devnet, NULL);
    amop_devnet_free(devnet);
    devnet = NULL;
    if (stopped != AMOP_OK || !nothing_is_left()) {
        /* The result of cmocka does not include a failed teardown. */
        exit(EXIT_FAILURE);
    }
    return 0;
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
    assert_int_equal(amop_options_set_answer_timeout(options, GUARD), AMOP_OK);
    return options;
}

amop_client *client_with(amop_options *options)
{
    amop_client *client = NULL;
    OK(amop_client_connect(options, &client, &error));
    amop_options_free(options);
    assert_non_null(client);
    return client;
}

amop_client *client_at(size_t node)
{
    return client_with(options_at(node));
}

amop_client *client_at_both(void)
{
    amop_options *options = options_at(0);
    assert_int_equal(amop_options_add_endpoint(options, amop_devnet_endpoint(devnet, 1)), AMOP_OK);
    amop_client *client = client_with(options);
    for (size_t node = 0; node < 2; node++) {
        UNTIL(endpoint_stat_value(client, node, AMOP_STAT_CONNECTED) == 1);
    }
    return client;
}

void end(amop_client *client)
{
    OK(amop_client_close(client, 0, &error));
    amop_client_free(client);
}

void *untouched(void)
{
    static char place;
    return &place;
}

void expect_status(amop_status wanted, const char *part, amop_status seen, const amop_error *error,
                   const char *call, const char *file, int line)
{
    /* A function with an error parameter always writes to it. */
    int written = (const void *)error != untouched();
    const char *text = written ? amop_error_message(error) : NULL;
    int right = seen == wanted && written == (strstr(call, "&error") != NULL);
    if (right && written) {
        right = (error != NULL) == (seen != AMOP_OK) && amop_error_code(error) == seen;
        right =
            right && (error == NULL || (strlen(text) > 0 && (part == NULL || strstr(text, part) != NULL)));
    }
    if (!right) {
        const char *name = amop_status_name(seen);
        fprintf(stderr, "%s:%d: %s\n  is %s, should be %s%s%s; %s\n", file, line, call,
                name ? name : "no status", amop_status_name(wanted), part ? " and say " : "",
                part ? part : "", text ? text : "no text");
        _fail(file, line);
    }
}

void rest(void)
{
    struct timespec millisecond = {0, 1000000};
    nanosleep(&millisecond, NULL);
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

int reached(counter *counter, int times)
{
    struct timespec deadline;
    clock_gettime(CLOCK_REALTIME, &deadline);
    deadline.tv_sec += GUARD / 1000;
    pthread_mutex_lock(&counter->lock);
    int waited = 0;
    while (counter->times < times && waited != ETIMEDOUT) {
        waited = pthread_cond_timedwait(&counter->raised, &counter->lock, &deadline);
    }
    int seen = counter->times;
    pthread_mutex_unlock(&counter->lock);
    return seen >= times;
}

void wait_for(counter *counter, int times)
{
    assert_true(reached(counter, times));
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
    assert_int_equal(context->late, 0);
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
    context->late += counted(context->drops);
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

static void echo(void *pointer, const amop_request *request)
{
    context *context = pointer;
    amop_bytes data = amop_message_data(amop_request_message(request));
    /* Count the call first, so that the publisher finds it counted when the reply arrives. */
    called(context, data);
    context->status = amop_request_reply(request, data.data, data.len, NULL);
}

amop_request_callback echoing(context *context)
{
    amop_request_callback callback = {echo, context, drop_context};
    return callback;
}

static void complete(void *pointer, const amop_completion *completion)
{
    context *context = pointer;
    context->status = amop_completion_status(completion);
    called(context, amop_reply_data(amop_completion_reply(completion)));
}

amop_completion_callback completing(context *context)
{
    amop_completion_callback callback = {complete, context, drop_context};
    return callback;
}

void subscribe(const amop_client *client, const char *topic, amop_message_callback callback, context *context)
{
    OK(amop_client_subscribe_callback(client, topic, NULL, callback, &context->subscription, &error));
}

char *new_folder(void)
{
    const char *parent = getenv("TMPDIR"), *name = "/amop-test-XXXXXX";
    if (parent == NULL || *parent == '\0') {
        parent = "/tmp";
    }
    size_t size = strlen(parent) + strlen(name) + 1;
    char *folder = malloc(size);
    assert_non_null(folder);
    snprintf(folder, size, "%s%s", parent, name);
    assert_non_null(mkdtemp(folder));
    return folder;
}

const char *fresh_topic(void)
{
    static char topics[8][32];
    static int number = 0;
    char *topic = topics[++number % 8];
    snprintf(topic, sizeof topics[0], "topic-%d", number);
    return topic;
}

int is_text(amop_bytes bytes, const char *text)
{
    return bytes.len == strlen(text) && (bytes.len == 0 || memcmp(bytes.data, text, bytes.len) == 0);
}

void publish(const amop_client *client, const char *topic, const char *text)
{
    OK(amop_client_publish(client, topic, text, strlen(text), NULL, 0, NULL, &error));
}

void expect_message(const amop_subscription *subscription, const char *text)
{
    amop_message *message = NULL;
    OK(amop_subscription_next(subscription, GUARD, &message, &error));
    assert_true(is_text(amop_message_data(message), text));
    amop_message_free(message);
}

amop_event *next_event(const amop_events *events, amop_event_kind_t kind)
{
    for (;;) {
        amop_event *event = NULL;
        OK(amop_events_next(events, GUARD, &event, &error));
        if (amop_event_kind(event) == kind) {
            return event;
        }
        amop_event_free(event);
    }
}

static uint64_t figure_of(amop_stats *stats, int32_t stat)
{
    uint64_t value = 0;
    OK(amop_stats_get(stats, stat, &value, &error));
    amop_stats_free(stats);
    return value;
}

uint64_t client_stat_value(const amop_client *client, int32_t stat)
{
    amop_stats *stats = NULL;
    OK(amop_client_stats(client, &stats, &error));
    return figure_of(stats, stat);
}

uint64_t endpoint_stat_value(const amop_client *client, size_t endpoint, int32_t stat)
{
    amop_stats *stats = NULL;
    uint64_t value = 0;
    OK(amop_client_stats(client, &stats, &error));
    OK(amop_stats_endpoint_get(stats, endpoint, stat, &value, &error));
    amop_stats_free(stats);
    return value;
}

uint64_t subscription_stat_value(const amop_subscription *subscription, int32_t stat)
{
    amop_stats *stats = NULL;
    OK(amop_subscription_stats(subscription, &stats, &error));
    return figure_of(stats, stat);
}

uint64_t service_stat_value(const amop_service *service, int32_t stat)
{
    amop_stats *stats = NULL;
    OK(amop_service_stats(service, &stats, &error));
    return figure_of(stats, stat);
}

int library_threads(void)
{
    int threads = 0;
    DIR *tasks = opendir("/proc/self/task");
    assert_non_null(tasks);
    for (struct dirent *task; (task = readdir(tasks)) != NULL;) {
        char path[64 + sizeof task->d_name], name[32] = "";
        snprintf(path, sizeof path, "/proc/self/task/%s/comm", task->d_name);
        /* The thread may have exited meanwhile. */
        FILE *file = fopen(path, "r");
        if (file != NULL) {
            threads += fgets(name, sizeof name, file) != NULL && strncmp(name, "amop", 4) == 0
                       && strcmp(name, "amop-log\n") != 0;
            fclose(file);
        }
    }
    closedir(tasks);
    return threads;
}

int readable(int fd, int timeout)
{
    struct pollfd waiting = {fd, POLLIN, 0};
    int ready = poll(&waiting, 1, timeout);
    assert_true(ready >= 0);
    return ready;
}
