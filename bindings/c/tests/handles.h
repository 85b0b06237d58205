/* A handle of each type, for tests of what else a function is given. */
#ifndef AMOP_TESTS_HANDLES_H
#define AMOP_TESTS_HANDLES_H

#include "fixture.h"

/* Group fixtures: nodes, and the handles at the first of them. */
int start_handles(void **state);
int stop_handles(void **state);

extern amop_client *client;
extern amop_subscription *subscription;
extern amop_service *service;
extern amop_completion_queue *queue;
extern amop_events *events;

/* A call that takes a callback and is refused: it has to drop `context` before it returns, and not to call it. */
#define WITH_CONTEXT(status, call)                                                                           \
    do {                                                                                                     \
        context context;                                                                                     \
        context_init(&context);                                                                              \
        EXPECT(status, call);                                                                                \
        assert_int_equal(counted(context.calls), 0);                                                         \
        context_end(&context);                                                                               \
    } while (0)

#endif
