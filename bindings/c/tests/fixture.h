/* The fixture of the tests: embedded nodes, clients, and contexts that count calls of callbacks. */
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

/* The longest time that a test waits, in milliseconds; passing tests wait far less. A minute, or $AMOP_TEST_GUARD, for
 * slower runs. */
#define GUARD guard()
unsigned guard(void);

/* Group fixtures: two embedded nodes for all tests of a program. Stopping them waits until the threads of the library
 * have exited, and fails if the library has raised signals. */
int start_devnet(void **state);
int stop_devnet(void **state);

/* Makes nodes wait for replies as long as a slow machine may take. */
void wait_long_for_replies(const amop_devnet *nodes);

/* The nodes that the tests use. */
extern amop_devnet *devnet;

/* Connects a client to one node, with short pauses between reconnects. */
amop_client *client_at(size_t node);
/* Creates options for such a client. */
amop_options *options_at(size_t node);
/* Connects a client with these options and frees them. */
amop_client *client_with(amop_options *options);
/* Connects a client to both nodes. */
amop_client *client_at_both(void);
/* Closes and frees a client. */
void end(amop_client *client);

/* Expects that `call` returns a status, and prints the error otherwise. Calls pass `&error`, which is freed here. It must
 * be set if, and only if, the call failed. */
#define EXPECT(status, call) EXPECT_TEXT(status, NULL, call)
#define OK(call) EXPECT(AMOP_OK, call)
/* Like EXPECT, and checks a part of the error text. */
#define EXPECT_TEXT(status, part, call)                                                                      \
    do {                                                                                                     \
        amop_error *error = (amop_error *)untouched();                                                       \
        amop_status seen_ = (call);                                                                          \
        expect_status((status), (part), seen_, error, #call, __FILE__, __LINE__);                            \
        if (error != (amop_error *)untouched()) {                                                            \
            amop_error_free(error);                                                                          \
        }                                                                                                    \
    } while (0)
/* Expects that a NULL argument is rejected by its name. */
#define EXPECT_NULL(name, call) EXPECT_TEXT(AMOP_ERROR_INVALID_ARGUMENT, "`" name "` is NULL", call)

/* The value of out-parameters before a call, to check that it is overwritten. Never dereferenced. */
void *untouched(void);

void expect_status(amop_status wanted, const char *part, amop_status seen, const amop_error *error,
                   const char *call, const char *file, int line);

/* Polls until a condition holds that no event announces; fails after GUARD. */
#define UNTIL(condition)                                                                                     \
    do {                                                                                                     \
        for (unsigned waited_ = 0; !(condition); waited_++) {                                                \
            assert_true(waited_ < GUARD);                                                                    \
            rest();                                                                                          \
        }                                                                                                    \
    } while (0)
/* Sleeps for a millisecond. */
void rest(void);

/* A counter that threads can wait for. */
typedef struct counter counter;
counter *counter_new(void);
void counter_free(counter *counter);
void count(counter *counter);
int counted(counter *counter);
/* Waits until the counter has reached `times`; fails after GUARD. */
void wait_for(counter *counter, int times);
/* Like wait_for, for callbacks, which can't fail a test: returns whether it was reached. */
int reached(counter *counter, int times);

/* The context of a callback: counts calls and drops, and keeps the last argument. */
typedef struct context {
    counter *calls;
    counter *drops;
    /* The argument of the last call. */
    char last[64];
    /* Calls after the drop. */
    int late;
    /* For any use by a test. */
    amop_client *client;
    amop_subscription *subscription;
    amop_service *service;
    counter *gate;
    amop_status status;
    int number;
} context;

void context_init(context *context);
/* Fails unless the context was dropped exactly once and not called afterwards. */
void context_end(context *context);
/* The `drop` of a callback. */
void drop_context(void *context);
/* Counts a call and keeps the payload as a string. */
void called(context *context, amop_bytes data);

/* A callback that only counts. */
amop_message_callback counting(context *context);
/* A callback of a service that counts and replies with the payload it received. */
amop_request_callback echoing(context *context);
/* A callback of a call that counts and keeps the status and the reply. */
amop_completion_callback completing(context *context);

/* Subscribes a callback and keeps the handle in its context. */
void subscribe(const amop_client *client, const char *topic, amop_message_callback callback,
               context *context);

/* Bytes for any path, whatever $TMPDIR is. */
enum { PATH_SIZE = 4096 };
/* Creates an empty folder below $TMPDIR (/tmp if it is not set). The caller frees the path and removes the folder. */
char *new_folder(void);
/* Returns a topic that no other test uses. The string stays valid for a few further calls. */
const char *fresh_topic(void);
/* Returns whether bytes equal a string. */
int is_text(amop_bytes bytes, const char *text);
/* Publishes a string and ignores the reply. */
void publish(const amop_client *client, const char *topic, const char *text);
/* Expects this string as the next message. */
void expect_message(const amop_subscription *subscription, const char *text);
/* Returns the next event of this kind, skipping others. The caller frees it. */
amop_event *next_event(const amop_events *events, amop_event_kind_t kind);

/* Returns the current value of a statistic. */
uint64_t client_stat_value(const amop_client *client, int32_t stat);
uint64_t endpoint_stat_value(const amop_client *client, size_t endpoint, int32_t stat);
uint64_t subscription_stat_value(const amop_subscription *subscription, int32_t stat);
uint64_t service_stat_value(const amop_service *service, int32_t stat);

/* Returns the number of threads of the library in this process, without the log thread, which stays. */
int library_threads(void);

/* Returns whether a descriptor becomes readable within a time; -1 waits without limit. */
int readable(int fd, int timeout);

#endif
