/* Functions that do in one call of C what Go needs: batches of objects, flattened into structs of plain fields. */
#ifndef AMOPGO_GLUE_H
#define AMOPGO_GLUE_H

#include <amop.h>

#if AMOP_VERSION_MAJOR != 0 || AMOP_VERSION_NUMBER < 1000
#error "this Go package needs amop.h of version 0.1.0 or newer and below 1.0.0: install the library of the same release"
#endif

/* An amop_error, flattened. Strings and bytes are borrowed from the error. */
typedef struct amopgo_failure {
    int32_t code;
    int32_t node_code;
    int32_t delivery;
    bool retriable;
    const char *message;
    amop_bytes data;
} amopgo_failure;

/* A message, flattened. Its pointers are borrowed from `message` or `request`. */
typedef struct amopgo_message {
    amop_message *message; /* of a subscription */
    amop_request *request; /* of a service */
    int32_t kind;
    int64_t received_at;
    amop_bytes data;
    amop_bytes seq;
    amop_bytes endpoint; /* empty if there is none */
} amopgo_message;

/* A completion, flattened. Its pointers are borrowed from `completion`. */
typedef struct amopgo_completion {
    amop_completion *completion;
    amop_call *call; /* set by Go to be freed as well */
    uintptr_t tag;
    amop_status status;
    amop_bytes data;
    amop_bytes endpoint; /* empty if there is none */
    amopgo_failure failure; /* only if status is not AMOP_OK */
} amopgo_completion;

/* An event, flattened. Its pointers are borrowed from `event`. */
typedef struct amopgo_event {
    amop_event *event;
    int32_t kind;
    uint32_t protocol;
    const char *endpoint;
    const char *node_version;
    const char *topic;
    const char *message;
    const char *node_id;
    const char *key;
    int64_t expires;
    bool failed;
    amopgo_failure failure; /* only if failed */
} amopgo_event;

/* How a message is sent. */
enum { AMOPGO_UNICAST, AMOPGO_BROADCAST };

void amopgo_read_error(const amop_error *error, amopgo_failure *failure);

/* Starts a publish or broadcast; `tag` is returned with its completion. */
amop_status amopgo_send(const amop_client *client, int32_t how, const char *topic, const uint8_t *data, size_t len,
                        bool wait_for_subscriber, int32_t retry, bool all_nodes, bool is_private, uint64_t timeout_ms,
                        const amop_completion_queue *queue, uintptr_t tag, amop_call **call, amop_error **error);

/* Begin to subscribe or serve; `tag` is returned with the completion. */
amop_status amopgo_subscribe(const amop_client *client, const char *topic, const amop_subscribe_options *options,
                             const amop_completion_queue *queue, uintptr_t tag, amop_subscription **subscription,
                             amop_call **call, amop_error **error);
amop_status amopgo_serve(const amop_client *client, const char *topic, const amop_serve_options *options,
                         const amop_completion_queue *queue, uintptr_t tag, amop_service **service, amop_call **call,
                         amop_error **error);

/* Read up to `max` available items without waiting. Return their number, which is 0 unless the status is AMOP_OK. */
size_t amopgo_take_completions(const amop_completion_queue *queue, amopgo_completion *completions, size_t max,
                               amop_status *status);
size_t amopgo_take_messages(const amop_subscription *subscription, amopgo_message *messages, size_t max,
                            amop_status *status);
size_t amopgo_take_requests(const amop_service *service, amopgo_message *requests, size_t max,
                            amop_status *status);
size_t amopgo_take_event(const amop_events *events, amopgo_event *event, amop_status *status);

void amopgo_free_completions(const amopgo_completion *completions, size_t count);
void amopgo_free_messages(const amopgo_message *messages, size_t count);

/* Replies, or fails if `code` is not 0. Frees the request on success. */
amop_status amopgo_answer(amop_request *request, int32_t code, const uint8_t *data, size_t len, amop_error **error);

/* Read statistics of a client, subscription or service, or of an endpoint; 0 for those that it does not have. */
void amopgo_stats(const amop_stats *stats, const int32_t *wanted, size_t count, uint64_t *values);
void amopgo_endpoint_stats(const amop_stats *stats, size_t endpoint, const int32_t *wanted, size_t count,
                             uint64_t *values);
/* Read quantiles of round trip times, in microseconds. */
void amopgo_round_trips(const amop_stats *stats, const double *parts, size_t count, uint64_t *times);
void amopgo_endpoint_round_trips(const amop_stats *stats, size_t endpoint, const double *parts, size_t count,
                                 uint64_t *times);

/* Passes records from `level` on to Go. */
amop_status amopgo_set_log_level(int32_t level, amop_error **error);

#endif
