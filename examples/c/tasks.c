/* The programs of the documentation's pages about tasks. The tests run each of them with run_tasks.c. */
/* --8<-- [start:imports] */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "amop.h"
/* --8<-- [end:imports] */
#include "tasks.h"

/* --8<-- [start:subscribe] */
amop_status subscribe(const amop_client *client, amop_error **error)
{
    amop_subscription *news = NULL;
    amop_message *message = NULL;
    amop_status status = amop_client_subscribe(client, "news", NULL, &news, error);
    /* Ends after a minute without a message, with AMOP_ERROR_TIMEOUT. */
    while (status == AMOP_OK && (status = amop_subscription_next(news, 60000, &message, error)) == AMOP_OK) {
        amop_bytes data = amop_message_data(message);
        printf("%.*s\n", (int)data.len, (const char *)data.data);
        amop_message_free(message);
    }
    amop_subscription_free(news);
    return status;
}
/* --8<-- [end:subscribe] */

/* --8<-- [start:serve] */
static void greet(void *context, const amop_request *request)
{
    amop_bytes name = amop_message_data(amop_request_message(request));
    char reply[128];
    (void)context;
    int len = snprintf(reply, sizeof reply, "hello, %.*s", (int)name.len, (const char *)name.data);
    if (len < (int)sizeof reply) {
        amop_request_reply(request, reply, (size_t)len, NULL);
    } else {
        amop_request_fail(request, 1, NULL, 0, NULL);
    }
}

amop_status serve(const amop_client *client, amop_service **service, amop_error **error)
{
    amop_request_callback callback = {greet, NULL, NULL};
    return amop_client_serve_callback(client, "greet", NULL, callback, service, error);
}
/* --8<-- [end:serve] */

/* --8<-- [start:publish] */
void publish(const amop_client *client)
{
    amop_error *error = NULL;
    amop_reply *reply = NULL;
    amop_publish_options *options = amop_publish_options_new();
    amop_publish_options_set_wait_for_subscriber(options, true);
    if (amop_client_publish(client, "greet", "Ada", 3, options, 60000, &reply, &error) == AMOP_OK) {
        amop_bytes data = amop_reply_data(reply);
        printf("%.*s\n", (int)data.len, (const char *)data.data);
    } else if (amop_error_delivery(error) == AMOP_DELIVERY_NO) {
        fprintf(stderr, "not delivered: %s\n", amop_error_message(error));
    } else {
        fprintf(stderr, "may have been delivered: %s\n", amop_error_message(error));
    }
    amop_publish_options_free(options);
    amop_reply_free(reply);
    amop_error_free(error);
}
/* --8<-- [end:publish] */

/* --8<-- [start:broadcast] */
amop_status broadcast(const amop_client *client, amop_error **error)
{
    return amop_client_broadcast(client, "news", "rain", 4, NULL, 60000, error);
}
/* --8<-- [end:broadcast] */

/* --8<-- [start:nodes] */
amop_status nodes(const char *first, const char *second, const char *third, amop_client **client,
                  amop_error **error)
{
    amop_options *options = amop_options_new();
    amop_options_add_endpoint(options, first);
    amop_options_add_endpoint(options, second);
    amop_status status = amop_client_connect(options, client, error);
    amop_options_free(options);
    if (status == AMOP_OK) {
        status = amop_client_add_endpoint(*client, third, error);
    }
    if (status == AMOP_OK) {
        status = amop_client_remove_endpoint(*client, first, error);
    }
    return status;
}
/* --8<-- [end:nodes] */

/* --8<-- [start:events] */
amop_status print_events(const amop_client *client, amop_error **error)
{
    amop_events *events = NULL;
    amop_event *event = NULL;
    amop_status status = amop_client_events(client, &events, error);
    /* Ends after a minute without a event, with AMOP_ERROR_TIMEOUT. */
    while (status == AMOP_OK && (status = amop_events_next(events, 60000, &event, error)) == AMOP_OK) {
        if (amop_event_kind(event) == AMOP_EVENT_LOST) {
            printf("lost %s: %s\n", amop_event_endpoint(event), amop_error_message(amop_event_error(event)));
        } else if (amop_event_kind(event) == AMOP_EVENT_RECONNECTED) {
            printf("%s is back\n", amop_event_endpoint(event));
        }
        amop_event_free(event);
    }
    amop_events_free(events);
    return status;
}
/* --8<-- [end:events] */

/* --8<-- [start:flow] */
amop_status limit(const amop_client *client, amop_subscription **prices, amop_error **error)
{
    amop_subscribe_options *options = amop_subscribe_options_new();
    amop_subscribe_options_set_max_messages(options, 1000);
    amop_subscribe_options_set_overflow(options, AMOP_OVERFLOW_DROP_OLDEST);
    amop_status status = amop_client_subscribe(client, "prices", options, prices, error);
    amop_subscribe_options_free(options);

    amop_stats *stats = NULL;
    uint64_t dropped = 0;
    if (status == AMOP_OK) {
        status = amop_subscription_stats(*prices, &stats, error);
    }
    if (status == AMOP_OK) {
        status = amop_stats_get(stats, AMOP_STAT_DROPPED, &dropped, error);
    }
    if (status == AMOP_OK) {
        printf("%" PRIu64 " messages were dropped\n", dropped);
    }
    amop_stats_free(stats);
    return status;
}
/* --8<-- [end:flow] */

/* --8<-- [start:private] */
amop_status use_keys(const amop_client *publisher, const char *public_key, const amop_client *subscriber,
                     const char *private_key, amop_subscription **messages, amop_error **error)
{
    /* The keys are the contents of orders.pem and orders.pem.pub. */
    amop_subscribe_options *with_key = amop_subscribe_options_new();
    amop_subscribe_options_set_key(with_key, private_key, strlen(private_key), NULL);
    amop_status status = amop_client_subscribe(subscriber, "orders", with_key, messages, error);
    amop_subscribe_options_free(with_key);

    amop_private_topic *orders = NULL;
    amop_publish_options *options = amop_publish_options_new();
    amop_publish_options_set_wait_for_subscriber(options, true);
    if (status == AMOP_OK) {
        status = amop_client_private_topic(publisher, "orders", &public_key, 1, &orders, error);
    }
    if (status == AMOP_OK) {
        status = amop_private_topic_publish(orders, "one more", 8, options, 60000, NULL, error);
    }
    amop_publish_options_free(options);
    amop_private_topic_free(orders);
    return status;
}
/* --8<-- [end:private] */

/* --8<-- [start:credentials] */
amop_status credentials(const char *endpoint, amop_client **client, amop_error **error)
{
    amop_options *options = amop_options_new();
    amop_options_add_endpoint(options, endpoint);
    amop_options_set_credentials(options, "nodes/127.0.0.1/sdk");
    amop_status status = amop_client_connect(options, client, error);
    amop_options_free(options);
    return status;
}
/* --8<-- [end:credentials] */

/* --8<-- [start:configuration] */
amop_status configuration(amop_client **client, amop_error **error)
{
    amop_options *options = amop_options_new();
    amop_options_set_config_file(options, "config.toml");
    amop_options_set_call_timeout(options, 5000);
    amop_status status = amop_client_connect(options, client, error);
    amop_options_free(options);
    return status;
}
/* --8<-- [end:configuration] */

/* --8<-- [start:testing] */
amop_status testing(amop_error **error)
{
    amop_devnet *devnet = NULL;
    amop_client *client = NULL;
    amop_status status = amop_devnet_start(NULL, &devnet, error);
    if (status == AMOP_OK) {
        amop_options *options = amop_options_new();
        amop_options_add_endpoint(options, amop_devnet_endpoint(devnet, 0));
        amop_options_set_credentials(options, amop_devnet_credentials(devnet));
        status = amop_client_connect(options, &client, error);
        amop_options_free(options);
    }
    if (status == AMOP_OK) {
        printf("connected to %s\n", amop_devnet_endpoint(devnet, 0));
    }
    amop_client_free(client);
    amop_devnet_free(devnet);
    return status;
}
/* --8<-- [end:testing] */

/* --8<-- [start:observe] */
amop_status observe(const amop_client *client, amop_error **error)
{
    amop_stats *stats = NULL;
    uint64_t retries = 0;
    amop_status status = amop_client_stats(client, &stats, error);
    if (status == AMOP_OK) {
        status = amop_stats_get(stats, AMOP_STAT_RETRIES, &retries, error);
    }
    if (status == AMOP_OK) {
        printf("%" PRIu64 " retries, %zu endpoints\n", retries, amop_stats_endpoint_count(stats));
    }
    amop_stats_free(stats);
    return status;
}
/* --8<-- [end:observe] */

/* --8<-- [start:log] */
static void print_record(void *context, int32_t level, const char *target, const char *message)
{
    (void)context;
    (void)level;
    fprintf(stderr, "%s: %s\n", target, message);
}

amop_status log_to_stderr(amop_error **error)
{
    /* AMOP_LOG_ERROR shows only failures, AMOP_LOG_DEBUG each step. */
    amop_log_callback callback = {.call = print_record};
    return amop_set_log_callback(AMOP_LOG_INFO, callback, error);
}
/* --8<-- [end:log] */
