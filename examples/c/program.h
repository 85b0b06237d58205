/* Shared by the three programs: arguments, timestamps and signals. */
#ifndef PROGRAM_H
#define PROGRAM_H

#include <stdbool.h>
#include <stdint.h>

struct arguments {
    const char *endpoint;
    const char *topic;
    uint64_t count;
    /* Milliseconds. */
    uint64_t interval;
};

/* Parses `[endpoint] [topic] [--count N] [--interval SECONDS]`, the latter for programs with an interval. Exits the
 * program after --help, or if the arguments are invalid. */
struct arguments read_arguments(int argc, char **argv, const char *endpoint, bool has_interval);

/* Returns the local time, such as `2020/08/11 21:21:50`; valid until the next call. */
const char *local_time(void);

/* Makes Ctrl-C and SIGTERM set `interrupted` instead of ending the program. */
void catch_interrupts(void);
bool interrupted(void);

/* Sleeps until the time is over or the program is interrupted. */
void wait_for_interrupt(uint64_t milliseconds);

#endif
