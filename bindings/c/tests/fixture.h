/* What the tests stand on: embedded nodes, clients of them, and counters that callbacks raise. */
#ifndef AMOP_TESTS_FIXTURE_H
#define AMOP_TESTS_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "amop.h"

/* No test waits longer than this for anything, in milliseconds; none that passes comes near it. */
#define GUARD 60000

/* Group fixtures: two embedded nodes for all tests of a program. */
int start_devnet(void **state);
int stop_devnet(void **state);

/* The nodes of this program. */
extern amop_devnet *devnet;

/* A client at one node, with short pauses between reconnects. */
amop_client *client_at(size_t node);
/* Options for such a client. */
amop_options *options_at(size_t node);
/* A client at both nodes. */
amop_client *client_at_both(void);
/* Closes and frees a client. */
void end(amop_client *client);

/* The status that `call` has to have; shows the error otherwise. Calls take `&error`, which is freed here. */
#define EXPECT(status, call)                                                                                       \
    do {                                                                                                           \
        amop_error *error = NULL;                                                                                  \
        amop_status seen_ = (call);                                                                                \
        expect_status((status), seen_, error, #call, __FILE__, __LINE__);                                          \
        amop_error_free(error);                                                                                    \
    } while (0)
#define OK(call) EXPECT(AMOP_OK, call)

void expect_status(amop_status wanted, amop_status seen, const amop_error *error, const char *call,
                   const char *file, int line);

/* How often something has happened, for threads that wait for it. */
typedef struct counter counter;
counter *counter_new(void);
void counter_free(counter *counter);
void count(counter *counter);
int counted(counter *counter);
/* Waits until it has happened `times` times; fails after the guard. */
void wait_for(counter *counter, int times);

/* A context of a callback: counts its calls and drops, and keeps what came last. */
typedef struct context {
    counter *calls;
    counter *drops;
    /* What the last call was given. */
    char last[64];
    /* Free for each test. */
    amop_client *client;
    amop_subscription *subscription;
    amop_service *service;
    counter *gate;
    int number;
} context;

void context_init(context *context);
/* Fails unless the context was dropped exactly once. */
void context_end(context *context);
/* The `drop` of a callback. */
void drop_context(void *context);
/* Counts a call, and keeps the payload as a text. */
void called(context *context, amop_bytes data);

/* A callback that only counts. */
amop_message_callback counting(context *context);

/* A topic that no other test uses. */
const char *fresh_topic(void);
/* Whether bytes are those of a text. */
int is_text(amop_bytes bytes, const char *text);

#endif
