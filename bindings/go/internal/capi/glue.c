#include "glue.h"

#include "_cgo_export.h"

#include <string.h>

/* The maximum number of items per call; capi.Batch in Go. */
enum { MOST = 64 };

/* Returns a string, possibly NULL, with its length, so that Go needs no call to find that out. */
static amop_bytes text_of(const char *text)
{
    amop_bytes bytes = {(const uint8_t *)text, text == NULL ? 0 : strlen(text)};
    return bytes;
}

void amopgo_read_error(const amop_error *error, amopgo_failure *failure)
{
    failure->code = amop_error_code(error);
    failure->node_code = amop_error_node_code(error);
    failure->delivery = amop_error_delivery(error);
    failure->retriable = amop_error_is_retriable(error);
    failure->message = amop_error_message(error);
    failure->data = amop_error_data(error);
}

amop_status amopgo_send(const amop_client *client, int32_t how, const char *topic, const uint8_t *data, size_t len,
                        bool wait_for_subscriber, int32_t retry, bool all_nodes, bool is_private, uint64_t timeout_ms,
                        const amop_completion_queue *queue, uintptr_t tag, amop_call **call, amop_error **error)
{
    amop_publish_options *options = NULL;
    if (wait_for_subscriber || retry != AMOP_RETRY_DEFAULT || all_nodes || is_private) {
        options = amop_publish_options_new();
        amop_publish_options_set_wait_for_subscriber(options, wait_for_subscriber);
        amop_publish_options_set_retry(options, retry);
        amop_publish_options_set_all_nodes(options, all_nodes);
        amop_publish_options_set_private(options, is_private);
    }
    void *returned = (void *)tag;
    amop_status status = how == AMOPGO_BROADCAST
        ? amop_client_broadcast_queued(client, topic, data, len, options, timeout_ms, queue, returned, call, error)
        : amop_client_publish_queued(client, topic, data, len, options, timeout_ms, queue, returned, call, error);
    if (options != NULL) {
        amop_publish_options_free(options);
    }
    return status;
}

amop_status amopgo_subscribe(const amop_client *client, const char *topic, const amop_subscribe_options *options,
                             const amop_completion_queue *queue, uintptr_t tag, amop_subscription **subscription,
                             amop_call **call, amop_error **error)
{
    return amop_client_subscribe_queued(client, topic, options, queue, (void *)tag, subscription, call, error);
}

amop_status amopgo_serve(const amop_client *client, const char *topic, const amop_serve_options *options,
                         const amop_completion_queue *queue, uintptr_t tag, amop_service **service, amop_call **call,
                         amop_error **error)
{
    return amop_client_serve_queued(client, topic, options, queue, (void *)tag, service, call, error);
}

size_t amopgo_take_completions(const amop_completion_queue *queue, amopgo_completion *completions, size_t max,
                               amop_status *status)
{
    amop_completion *taken[MOST];
    size_t count = 0;
    *status = amop_completion_queue_next_many(queue, 0, taken, max < MOST ? max : MOST, &count, NULL);
    for (size_t n = 0; n < count; n++) {
        const amop_reply *reply = amop_completion_reply(taken[n]);
        const amop_error *error = amop_completion_error(taken[n]);
        amopgo_completion *completion = &completions[n];
        completion->completion = taken[n];
        completion->call = NULL;
        completion->tag = (uintptr_t)amop_completion_tag(taken[n]);
        completion->status = amop_completion_status(taken[n]);
        completion->data = amop_reply_data(reply);
        completion->endpoint = text_of(amop_reply_endpoint(reply));
        if (error != NULL) {
            amopgo_read_error(error, &completion->failure);
        }
    }
    return count;
}

void amopgo_free_completions(const amopgo_completion *completions, size_t count)
{
    for (size_t n = 0; n < count; n++) {
        amop_completion_free(completions[n].completion);
        amop_call_free(completions[n].call);
    }
}

static void read_message(const amop_message *message, amopgo_message *seen)
{
    seen->kind = amop_message_kind(message);
    seen->received_at = amop_message_received_at(message);
    seen->data = amop_message_data(message);
    seen->seq = amop_message_seq(message);
    seen->endpoint = text_of(amop_message_endpoint(message));
}

size_t amopgo_take_messages(const amop_subscription *subscription, amopgo_message *messages, size_t max,
                            amop_status *status)
{
    amop_message *taken[MOST];
    size_t count = 0;
    *status = amop_subscription_next_many(subscription, 0, taken, max < MOST ? max : MOST, &count, NULL);
    for (size_t n = 0; n < count; n++) {
        read_message(taken[n], &messages[n]);
        messages[n].message = taken[n];
        messages[n].request = NULL;
    }
    return count;
}

void amopgo_free_messages(const amopgo_message *messages, size_t count)
{
    for (size_t n = 0; n < count; n++) {
        amop_message_free(messages[n].message);
    }
}

size_t amopgo_take_requests(const amop_service *service, amopgo_message *requests, size_t max,
                            amop_status *status)
{
    amop_request *taken[MOST];
    size_t count = 0;
    *status = amop_service_next_many(service, 0, taken, max < MOST ? max : MOST, &count, NULL);
    for (size_t n = 0; n < count; n++) {
        read_message(amop_request_message(taken[n]), &requests[n]);
        requests[n].message = NULL;
        requests[n].request = taken[n];
    }
    return count;
}

size_t amopgo_take_event(const amop_events *events, amopgo_event *event, amop_status *status)
{
    *status = amop_events_next(events, 0, &event->event, NULL);
    if (*status != AMOP_OK) {
        return 0;
    }
    const amop_error *error = amop_event_error(event->event);
    event->kind = amop_event_kind(event->event);
    event->protocol = amop_event_protocol(event->event);
    event->endpoint = amop_event_endpoint(event->event);
    event->node_version = amop_event_node_version(event->event);
    event->topic = amop_event_topic(event->event);
    event->message = amop_event_message(event->event);
    event->node_id = amop_event_node_id(event->event);
    event->key = amop_event_key(event->event);
    event->expires = amop_event_expires(event->event);
    event->failed = error != NULL;
    if (error != NULL) {
        amopgo_read_error(error, &event->failure);
    }
    return 1;
}

amop_status amopgo_answer(amop_request *request, int32_t code, const uint8_t *data, size_t len, amop_error **error)
{
    amop_status status = code == 0 ? amop_request_reply(request, data, len, error)
                                   : amop_request_fail(request, code, data, len, error);
    if (status == AMOP_OK) {
        amop_request_free(request);
    }
    return status;
}

void amopgo_stats(const amop_stats *stats, const int32_t *wanted, size_t count, uint64_t *values)
{
    for (size_t n = 0; n < count; n++) {
        amop_stats_get(stats, wanted[n], &values[n], NULL);
    }
}

void amopgo_endpoint_stats(const amop_stats *stats, size_t endpoint, const int32_t *wanted, size_t count,
                             uint64_t *values)
{
    for (size_t n = 0; n < count; n++) {
        amop_stats_endpoint_get(stats, endpoint, wanted[n], &values[n], NULL);
    }
}

void amopgo_round_trips(const amop_stats *stats, const double *parts, size_t count, uint64_t *times)
{
    for (size_t n = 0; n < count; n++) {
        amop_stats_round_trip(stats, parts[n], &times[n], NULL);
    }
}

void amopgo_endpoint_round_trips(const amop_stats *stats, size_t endpoint, const double *parts, size_t count,
                                 uint64_t *times)
{
    for (size_t n = 0; n < count; n++) {
        amop_stats_endpoint_round_trip(stats, endpoint, parts[n], &times[n], NULL);
    }
}

static void log_to_go(void *context, int32_t level, const char *target, const char *message)
{
    (void)context;
    amopgoLog(level, (char *)target, (char *)message);
}

amop_status amopgo_set_log_level(int32_t level, amop_error **error)
{
    amop_log_callback callback = {log_to_go, NULL, NULL};
    return amop_set_log_callback(level, callback, error);
}
