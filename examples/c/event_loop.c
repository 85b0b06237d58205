/* A sensor that sends and receives on one thread, in an event loop of its own: event_loop 127.0.0.1:20200
 *
 * It publishes a reading on topic "readings" at each tick of a timer, and prints what arrives on topic "commands", until
 * Ctrl-C or SIGTERM; a second one ends the program at once. Subscriptions and completion queues have descriptors, so that epoll waits for them as for the timer
 * and for signals. No function that the loop calls waits. (Linux: epoll, timerfd and signalfd.) */
#define _GNU_SOURCE

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "amop.h"

static const char COMMANDS[] = "commands";
static const char READINGS[] = "readings";
/* The time between two readings, in milliseconds. */
static const long INTERVAL = 200;
/* How many messages or completions are read before other descriptors get their turn. */
enum { MOST_AT_ONCE = 64 };

struct sensor {
    amop_client *client;
    amop_subscription *commands;
    amop_completion_queue *queue;
    int epoll, timer, signals;
    uintptr_t next_reading;
    size_t in_flight;
    bool stopping;
    bool broken;
};

/* What epoll returns: a descriptor that is readable, and the function that reads it. */
struct source {
    int fd;
    void (*read)(struct sensor *sensor);
};

static void explain(const char *what, amop_error *error)
{
    fprintf(stderr, "%s: %s\n", what, amop_error_message(error));
    amop_error_free(error);
}

/* Publishes a reading. Its number is the tag of its completion. */
static void tick(struct sensor *sensor)
{
    uint64_t expirations;
    if (read(sensor->timer, &expirations, sizeof expirations) != sizeof expirations || sensor->stopping) {
        return;
    }
    char reading[64];
    amop_error *error = NULL;
    uintptr_t number = sensor->next_reading++;
    snprintf(reading, sizeof reading, "reading %" PRIuPTR, number);
    if (amop_client_publish_queued(sensor->client, READINGS, reading, strlen(reading), NULL, 0, sensor->queue,
                                   (void *)number, NULL, &error)
        == AMOP_OK) {
        sensor->in_flight++;
    } else {
        /* Known at once: for example, too many calls are in flight. No completion follows. */
        explain(reading, error);
    }
}

/* Reads the outcomes of publishes. */
static void complete(struct sensor *sensor)
{
    amop_completion *completions[MOST_AT_ONCE];
    size_t count = 0;
    amop_error *error = NULL;
    if (amop_completion_queue_next_many(sensor->queue, 0, completions, MOST_AT_ONCE, &count, &error)
        != AMOP_OK) {
        amop_error_free(error);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        uintptr_t number = (uintptr_t)amop_completion_tag(completions[i]);
        const amop_error *failure = amop_completion_error(completions[i]);
        if (failure == NULL) {
            printf("reading %" PRIuPTR " was delivered\n", number);
        } else {
            const char *how = amop_error_delivery(failure) == AMOP_DELIVERY_NO ? "was not" : "may have been";
            printf("reading %" PRIuPTR " %s delivered: %s\n", number, how, amop_error_message(failure));
        }
        fflush(stdout);
        amop_completion_free(completions[i]);
        sensor->in_flight--;
    }
}

/* Reads commands. */
static void receive(struct sensor *sensor)
{
    amop_message *messages[MOST_AT_ONCE];
    size_t count = 0;
    amop_error *error = NULL;
    amop_status status =
        amop_subscription_next_many(sensor->commands, 0, messages, MOST_AT_ONCE, &count, &error);
    if (status != AMOP_OK) {
        /* The descriptor may be readable without a message: AMOP_ERROR_TIMEOUT. */
        sensor->broken = status != AMOP_ERROR_TIMEOUT;
        amop_error_free(error);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        amop_bytes data = amop_message_data(messages[i]);
        printf("command: ");
        fwrite(data.data, 1, data.len, stdout);
        printf("\n");
        fflush(stdout);
        amop_message_free(messages[i]);
    }
}

/* The signals that stop the program. */
static sigset_t stop_signals(void)
{
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    return signals;
}

/* Begins to stop: no further readings are sent, and the loop ends when those in flight have completed. */
static void stop(struct sensor *sensor)
{
    struct signalfd_siginfo signal;
    if (read(sensor->signals, &signal, sizeof signal) == sizeof signal) {
        sensor->stopping = true;
        /* A second signal has its default action: it ends the program, whatever that waits for. */
        sigset_t signals = stop_signals();
        sigprocmask(SIG_UNBLOCK, &signals, NULL);
    }
}

static bool watch(const struct sensor *sensor, struct source *source)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = source};
    return source->fd >= 0 && epoll_ctl(sensor->epoll, EPOLL_CTL_ADD, source->fd, &event) == 0;
}

/* Runs until a signal has arrived and no call is in flight. */
static bool run(struct sensor *sensor, int commands, int completions)
{
    struct source sources[] = {
        {sensor->timer, tick}, {sensor->signals, stop}, {commands, receive}, {completions, complete}};
    for (size_t i = 0; i < sizeof sources / sizeof sources[0]; i++) {
        if (!watch(sensor, &sources[i])) {
            perror("epoll");
            return false;
        }
    }
    struct itimerspec interval = {{INTERVAL / 1000, INTERVAL % 1000 * 1000000}, {0, 1}};
    timerfd_settime(sensor->timer, 0, &interval, NULL);
    printf("running\n");
    fflush(stdout);
    while (!sensor->broken && !(sensor->stopping && sensor->in_flight == 0)) {
        struct epoll_event ready[4];
        int count = epoll_wait(sensor->epoll, ready, 4, -1);
        if (count < 0 && errno != EINTR) {
            perror("epoll_wait");
            return false;
        }
        for (int i = 0; i < count; i++) {
            const struct source *source = ready[i].data.ptr;
            source->read(sensor);
        }
    }
    return !sensor->broken;
}

/* Connects and subscribes. This waits: a program whose loop runs already uses amop_client_connect_queued. */
static amop_status start(struct sensor *sensor, const char *endpoint, int *commands, int *completions,
                         amop_error **error)
{
    amop_options *options = amop_options_new();
    amop_options_add_endpoint(options, endpoint);
    amop_status status = amop_client_connect(options, &sensor->client, error);
    amop_options_free(options);
    if (status == AMOP_OK) {
        status = amop_client_subscribe(sensor->client, COMMANDS, NULL, &sensor->commands, error);
    }
    if (status == AMOP_OK) {
        status = amop_subscription_fd(sensor->commands, commands, error);
    }
    if (status == AMOP_OK) {
        status = amop_completion_queue_fd(sensor->queue, completions, error);
    }
    return status;
}

int main(int argc, char **argv)
{
    /* Blocked, so that the descriptor receives them. */
    sigset_t signals = stop_signals();
    sigprocmask(SIG_BLOCK, &signals, NULL);

    struct sensor sensor = {0};
    sensor.queue = amop_completion_queue_new(0);
    sensor.epoll = epoll_create1(EPOLL_CLOEXEC);
    sensor.timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    sensor.signals = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);

    int commands = -1, completions = -1;
    amop_error *error = NULL;
    bool ended = false;
    if (start(&sensor, argc > 1 ? argv[1] : "127.0.0.1:20200", &commands, &completions, &error) == AMOP_OK) {
        ended = run(&sensor, commands, completions);
    } else {
        explain("starting", error);
    }
    /* Free what owns a descriptor only when the loop no longer waits for it. */
    close(sensor.epoll);
    amop_subscription_free(sensor.commands);
    amop_completion_queue_free(sensor.queue);
    if (ended && amop_client_close(sensor.client, 0, &error) != AMOP_OK) {
        explain("closing", error);
        ended = false;
    }
    amop_client_free(sensor.client);
    close(sensor.timer);
    close(sensor.signals);
    return ended ? EXIT_SUCCESS : EXIT_FAILURE;
}
