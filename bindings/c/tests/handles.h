/* A handle of each type, for tests of the other arguments. */
#ifndef AMOP_TESTS_HANDLES_H
#define AMOP_TESTS_HANDLES_H

#include "fixture.h"

/* Group fixtures: nodes, and handles of clients at the first node. */
int start_handles(void **state);
int stop_handles(void **state);

extern amop_client *client;
extern amop_subscription *subscription;
extern amop_service *service;
extern amop_completion_queue *queue;
extern amop_events *events;

/* Calls a function that refuses its callback: it must drop `context` before it returns, and not call it. */
#define WITH_CONTEXT(status, call)                                                                           \
    do {                                                                                                     \
        context context;                                                                                     \
        context_init(&context);                                                                              \
        EXPECT(status, call);                                                                                \
        assert_int_equal(counted(context.calls), 0);                                                         \
        context_end(&context);                                                                               \
    } while (0)

#endif
