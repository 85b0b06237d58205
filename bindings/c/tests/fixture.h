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

/* No test waits longer than this for anything, in milliseconds; none that passes comes near it. A minute, or what
 * $AMOP_TEST_GUARD says where everything is slower. */
#define GUARD guard()
unsigned guard(void);

/* Group fixtures: two embedded nodes for all tests of a program. Stopping them waits for the end of the library's
 * threads, which nothing keeps any more, and fails if it has raised signals. */
int start_devnet(void **state);
int stop_devnet(void **state);

/* The nodes of this program. */
extern amop_devnet *devnet;

/* A client at one node, with short pauses between reconnects. */
amop_client *client_at(size_t node);
/* Options for such a client. */
amop_options *options_at(size_t node);
/* A client of these options, which are freed. */
amop_client *client_with(amop_options *options);
/* A client at both nodes, connected to both. */
amop_client *client_at_both(void);
/* Closes and frees a client. */
void end(amop_client *client);

/* The status that `call` has to have; shows the error otherwise. Calls take `&error`, which is freed here: it has to be
 * there when the call failed, and not when it didn't. */
#define EXPECT(status, call) EXPECT_TEXT(status, NULL, call)
#define OK(call) EXPECT(AMOP_OK, call)
/* The same, and what the error has to say. */
#define EXPECT_TEXT(status, part, call)                                                                      \
    do {                                                                                                     \
        amop_error *error = (amop_error *)untouched();                                                       \
        amop_status seen_ = (call);                                                                          \
        expect_status((status), (part), seen_, error, #call, __FILE__, __LINE__);                            \
        if (error != (amop_error *)untouched()) {                                                            \
            amop_error_free(error);                                                                          \
        }                                                                                                    \
    } while (0)
/* An argument that is NULL: refused by its name. */
#define EXPECT_NULL(name, call) EXPECT_TEXT(AMOP_ERROR_INVALID_ARGUMENT, "`" name "` is NULL", call)

/* What out-parameters hold before a call, to see that they are written to. Not to be followed. */
void *untouched(void);

void expect_status(amop_status wanted, const char *part, amop_status seen, const amop_error *error,
                   const char *call, const char *file, int line);

/* Waits until a condition holds, which nothing tells of; fails after the guard. */
#define UNTIL(condition)                                                                                     \
    do {                                                                                                     \
        for (unsigned waited_ = 0; !(condition); waited_++) {                                                \
            assert_true(waited_ < GUARD);                                                                    \
            rest();                                                                                          \
        }                                                                                                    \
    } while (0)
/* A millisecond. */
void rest(void);

/* How often something has happened, for threads that wait for it. */
typedef struct counter counter;
counter *counter_new(void);
void counter_free(counter *counter);
void count(counter *counter);
int counted(counter *counter);
/* Waits until it has happened `times` times; fails after the guard. */
void wait_for(counter *counter, int times);
/* The same for callbacks, which can't fail a test: whether it has. */
int reached(counter *counter, int times);

/* A context of a callback: counts its calls and drops, and keeps what came last. */
typedef struct context {
    counter *calls;
    counter *drops;
    /* What the last call was given. */
    char last[64];
    /* Calls that came after the drop. */
    int late;
    /* Free for each test. */
    amop_client *client;
    amop_subscription *subscription;
    amop_service *service;
    counter *gate;
    amop_status status;
    int number;
} context;

void context_init(context *context);
/* Fails unless the context was dropped exactly once, and not called after that. */
void context_end(context *context);
/* The `drop` of a callback. */
void drop_context(void *context);
/* Counts a call, and keeps the payload as a text. */
void called(context *context, amop_bytes data);

/* A callback that only counts. */
amop_message_callback counting(context *context);
/* A service's callback that counts, and replies with what it got. */
amop_request_callback echoing(context *context);
/* A call's callback that counts, and keeps the status and the reply. */
amop_completion_callback completing(context *context);

/* Subscribes a callback, and keeps the handle in its context. */
void subscribe(const amop_client *client, const char *topic, amop_message_callback callback,
               context *context);

/* A topic that no other test uses. The text is good for some further calls. */
const char *fresh_topic(void);
/* Whether bytes are those of a text. */
int is_text(amop_bytes bytes, const char *text);
/* Publishes a text without waiting for a reply that matters. */
void publish(const amop_client *client, const char *topic, const char *text);
/* The next message is this text. */
void expect_message(const amop_subscription *subscription, const char *text);
/* The next event of this kind; others before it are passed over. It is the caller's. */
amop_event *next_event(const amop_events *events, amop_event_kind kind);

/* One figure, now. */
uint64_t client_figure(const amop_client *client, int32_t stat);
uint64_t endpoint_figure(const amop_client *client, size_t endpoint, int32_t stat);
uint64_t subscription_figure(const amop_subscription *subscription, int32_t stat);
uint64_t service_figure(const amop_service *service, int32_t stat);

/* Threads of the library's in this process, but for the log's, which stays. */
int library_threads(void);

/* Whether a descriptor is readable within a time; -1 waits for ever. */
int readable(int fd, int timeout);

#endif
