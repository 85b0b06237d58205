#define _POSIX_C_SOURCE 200809L

#include "program.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static void usage(FILE *stream, const char *program, const char *endpoint, bool has_interval)
{
    fprintf(stream, "Usage: %s [ENDPOINT] [TOPIC] [--count N]%s\n\n", program,
            has_interval ? " [--interval SECONDS]" : "");
    fprintf(stream, "  ENDPOINT            The node to connect to [default: %s]\n", endpoint);
    fprintf(stream, "  TOPIC               Where the messages go [default: hello]\n");
    fprintf(stream, "  --count N           Exits after this number of messages\n");
    if (has_interval) {
        fprintf(stream, "  --interval SECONDS  The time between two messages [default: 2]\n");
    }
}

/* Returns the value of an option: the text after `=`, or the next argument; NULL for other options. */
static const char *value_of(const char *name, int *at, int argc, char **argv)
{
    size_t len = strlen(name);
    const char *argument = argv[*at];
    if (strncmp(argument, name, len) != 0) {
        return NULL;
    }
    if (argument[len] == '=') {
        return argument + len + 1;
    }
    if (argument[len] != '\0') {
        return NULL;
    }
    *at += 1;
    return *at < argc ? argv[*at] : "";
}

static void wrong(const char *program, const char *endpoint, bool has_interval, const char *argument)
{
    fprintf(stderr, "%s: unexpected argument: %s\n", program, argument);
    usage(stderr, program, endpoint, has_interval);
    exit(2);
}

struct arguments read_arguments(int argc, char **argv, const char *endpoint, bool has_interval)
{
    struct arguments arguments = {endpoint, "hello", UINT64_MAX, 2000};
    int positions = 0;
    for (int at = 1; at < argc; at++) {
        const char *argument = argv[at];
        const char *value;
        char *rest = NULL;
        if (strcmp(argument, "--help") == 0 || strcmp(argument, "-h") == 0) {
            usage(stdout, argv[0], endpoint, has_interval);
            exit(0);
        } else if ((value = value_of("--count", &at, argc, argv)) != NULL) {
            errno = 0;
            arguments.count = strtoull(value, &rest, 10);
            if (*value < '0' || *value > '9' || *rest != '\0' || errno != 0) {
                wrong(argv[0], endpoint, has_interval, argument);
            }
        } else if (has_interval && (value = value_of("--interval", &at, argc, argv)) != NULL) {
            double seconds = strtod(value, &rest);
            if (*value == '\0' || *rest != '\0' || !(seconds >= 0 && seconds < 1e9)) {
                wrong(argv[0], endpoint, has_interval, argument);
            }
            arguments.interval = (uint64_t)(seconds * 1000);
        } else if (argument[0] == '-' || positions == 2) {
            wrong(argv[0], endpoint, has_interval, argument);
        } else if (positions++ == 0) {
            arguments.endpoint = argument;
        } else {
            arguments.topic = argument;
        }
    }
    return arguments;
}

const char *local_time(void)
{
    static char text[sizeof "2020/08/11 21:21:50"];
    time_t now = time(NULL);
    struct tm local;
    localtime_r(&now, &local);
    strftime(text, sizeof text, "%Y/%m/%d %H:%M:%S", &local);
    return text;
}

static volatile sig_atomic_t was_interrupted = 0;

static void interrupt(int signal)
{
    (void)signal;
    was_interrupted = 1;
}

void catch_interrupts(void)
{
    struct sigaction action = {0};
    action.sa_handler = interrupt;
    /* A second one ends the program at once. */
    action.sa_flags = SA_RESETHAND;
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

bool interrupted(void)
{
    return was_interrupted != 0;
}

void wait_for_interrupt(uint64_t milliseconds)
{
    struct timespec rest = {(time_t)(milliseconds / 1000), (long)(milliseconds % 1000) * 1000000};
    while (!interrupted() && nanosleep(&rest, &rest) != 0 && errno == EINTR) {
    }
}
