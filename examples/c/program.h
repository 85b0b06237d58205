/* What the three programs share beside amop: their arguments, the time before each line, and Ctrl-C. */
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

/* Reads `[endpoint] [topic] [--count N] [--interval SECONDS]`, the latter for programs with an interval; ends the
 * program after --help, or when the arguments are wrong. */
struct arguments read_arguments(int argc, char **argv, const char *endpoint, bool has_interval);

/* The local time, `2020/08/11 21:21:50`; valid until the next call. */
const char *local_time(void);

/* From now on Ctrl-C doesn't end the program, but makes `interrupted` true. */
void catch_interrupts(void);
bool interrupted(void);

/* Waits, unless interrupted. */
void wait_for_interrupt(uint64_t milliseconds);

#endif
