/* Declarations of tasks.c, for compilers that warn of functions without one. */
#ifndef TASKS_H
#define TASKS_H

#include "amop.h"

amop_status subscribe(const amop_client *client, amop_error **error);
amop_status serve(const amop_client *client, amop_service **service, amop_error **error);
void publish(const amop_client *client);
amop_status broadcast(const amop_client *client, amop_error **error);
amop_status nodes(const char *first, const char *second, const char *third, amop_client **client,
                  amop_error **error);
amop_status print_events(const amop_client *client, amop_error **error);
amop_status limit(const amop_client *client, amop_subscription **prices, amop_error **error);
amop_status use_keys(const amop_client *publisher, const char *public_key, const amop_client *subscriber,
                     const char *private_key, amop_subscription **messages, amop_error **error);
amop_status credentials(const char *endpoint, amop_client **client, amop_error **error);
amop_status configuration(amop_client **client, amop_error **error);
amop_status testing(amop_error **error);
amop_status log_to_stderr(amop_error **error);
amop_status observe(const amop_client *client, amop_error **error);

#endif
