/* Helpers for tests of services: publishes that wait for an answer, and reading requests. */
#ifndef AMOP_TESTS_REQUESTS_H
#define AMOP_TESTS_REQUESTS_H

#include "fixture.h"

/* Publishes, expects `status` and returns the error, which the caller frees. */
amop_error *failure_of(const amop_client *client, const char *topic, amop_status status);
/* Starts a publish whose completion is counted by a context. */
void ask(const amop_client *client, const char *topic, const char *text, context *answer);
/* Waits for the next request. The caller frees it. */
amop_request *next_request(const amop_service *service);

#endif
