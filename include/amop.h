/* Generated from bindings/c/src by its tests (scripts/test-c.sh says how); don't edit. */
/*
 * amop: a client for AMOP, the publish/subscribe messaging of FISCO BCOS chains.
 *
 * A program connects to its own institution's node over mutual TLS, subscribes to topics, and reaches other
 * programs through the chain's nodes: by *publish* (unicast: the node picks one subscriber, whose reply comes
 * back) or *broadcast* (multicast: all subscribers).
 *
 *     amop_options *options = amop_options_new();
 *     amop_options_add_endpoint(options, "127.0.0.1:20200");
 *     amop_client *client = NULL;
 *     amop_error *error = NULL;
 *     if (amop_client_connect(options, &client, &error) != AMOP_OK) {
 *         fprintf(stderr, "%s\n", amop_error_message(error));
 *         amop_error_free(error);
 *     }
 *     amop_options_free(options);
 *
 * Rules that hold everywhere; each function says what it adds to them.
 *
 * Ownership. `const` pointers are borrowed for the call; what is to be kept is copied. A handle that a function
 * puts out is the caller's, until it is passed to the `_free` of its type, once. Every `_free` takes NULL.
 * Functions that give a pointer into a handle lend it for as long as that handle lives.
 *
 * Results. Functions that can fail return a status, AMOP_OK (0) or an AMOP_ERROR_*; those with a last parameter
 * `error` put out an error object too, for the caller to free, unless that is NULL. When a function fails, its
 * out-parameters are zeroed, and descriptors become -1. NULL where a handle or text is needed, texts that aren't
 * UTF-8 and lengths that can't be are errors, never crashes. Getters take NULL and answer NULL, 0 or nothing.
 *
 * Threads. Handles can be used from many threads at once, options objects by one at a time. Nobody may use a
 * handle while or after it is freed.
 *
 * Callbacks are {call, context, drop}. They run on threads of the library, never on the one that reads from the
 * network. `drop`, which may be NULL, is called exactly once, after the last call has returned, also when the
 * function that took the callback fails (then before it returns). Inside of callbacks every function may be
 * called; those that would wait for callbacks to end don't wait there. A callback must not throw an exception
 * into the library: amop_callback_failed is for that. The next call for the same subscription waits until it
 * returns; others don't.
 *
 * Times are milliseconds; 0 takes the default. Nothing waits for ever.
 *
 * Processes. After a fork the child can't use the parent's handles (AMOP_ERROR_FORKED) except to free them; it
 * can make its own. The library handles no signals. A payload is any bytes, possibly none; texts are UTF-8 and
 * end with a NUL. Payloads are never logged.
 */

#ifndef AMOP_H
#define AMOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define AMOP_VERSION "0.1.0"
#define AMOP_VERSION_MAJOR 0
#define AMOP_VERSION_MINOR 1
#define AMOP_VERSION_PATCH 0
#define AMOP_VERSION_NUMBER 1000

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Status. What functions return; the numbers are the same in every language and never change their meaning.
 */

/** The result of a function: AMOP_OK, or what went wrong. */
enum amop_status
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /** It worked. */
    AMOP_OK = 0,
    /** An argument is unusable: NULL, empty, out of range, not UTF-8. */
    AMOP_ERROR_INVALID_ARGUMENT = 1,
    /** A topic is empty, longer than 254 bytes, not UTF-8, or holds a TAB. */
    AMOP_ERROR_INVALID_TOPIC = 2,
    /** An endpoint isn't `host:port`, `IPv4:port` or `[IPv6]:port`. */
    AMOP_ERROR_INVALID_ENDPOINT = 3,
    /** The message doesn't fit one frame (100 MiB - 64 KiB). */
    AMOP_ERROR_TOO_LARGE = 4,
    /** No credentials were given and none found; the text lists every place tried. */
    AMOP_ERROR_CREDENTIALS_NOT_FOUND = 20,
    /** A certificate or key can't be read or parsed. */
    AMOP_ERROR_CREDENTIALS_INVALID = 21,
    /** The private key is encrypted. */
    AMOP_ERROR_KEY_ENCRYPTED = 22,
    /** The private key doesn't belong to the certificate. */
    AMOP_ERROR_KEY_MISMATCH = 23,
    /** An own certificate or the CA is expired or not yet valid. */
    AMOP_ERROR_CERTIFICATE_DATES = 24,
    /** The host name can't be resolved. */
    AMOP_ERROR_RESOLVE = 30,
    /** TCP connect failed: nothing listens there, or no route. */
    AMOP_ERROR_CONNECT = 31,
    /** TCP, TLS or handshake didn't end within the connect limit. */
    AMOP_ERROR_CONNECT_TIMEOUT = 32,
    /** The TLS handshake failed. */
    AMOP_ERROR_TLS = 33,
    /** This client refused the node's certificate. */
    AMOP_ERROR_NODE_CERTIFICATE = 34,
    /** The node refused this client's certificate. */
    AMOP_ERROR_CLIENT_CERTIFICATE = 35,
    /** Node and client share no cipher suite or curve. */
    AMOP_ERROR_TLS_NO_COMMON = 36,
    /** The node refused the channel handshake: no common protocol version. */
    AMOP_ERROR_HANDSHAKE = 37,
    /** The embedded node can't listen on its port. */
    AMOP_ERROR_LISTEN = 38,
    /** No node is connected at the moment. */
    AMOP_ERROR_NOT_CONNECTED = 40,
    /** The connection went away while the call was in flight. */
    AMOP_ERROR_CONNECTION_LOST = 41,
    /** The node sent something that isn't the protocol. */
    AMOP_ERROR_PROTOCOL = 42,
    /** The call's own deadline passed; of a `_next` function: nothing came in time. */
    AMOP_ERROR_TIMEOUT = 50,
    /** The call was cancelled. */
    AMOP_ERROR_CANCELLED = 51,
    /** The client is closed or closing; of a `_next` function: nothing will come any more. */
    AMOP_ERROR_CLOSED = 52,
    /** A bound of this client is reached: calls in flight, or bytes queued to send. */
    AMOP_ERROR_OVERLOADED = 53,
    /** Node code 100: no node knows a subscriber of the topic, or all of them failed. */
    AMOP_ERROR_NO_SUBSCRIBER = 100,
    /** Node code 101 (older nodes): the remote node could not reach its SDK. */
    AMOP_ERROR_REMOTE_NODE = 101,
    /** Node code 102: the node's own time limit passed. */
    AMOP_ERROR_NODE_TIMEOUT = 102,
    /** Node code 103: the node's AMOP bandwidth limit rejected the message. */
    AMOP_ERROR_BANDWIDTH = 103,
    /** Node code 104: the remote node had no subscriber left to try. */
    AMOP_ERROR_SUBSCRIBER_UNREACHABLE = 104,
    /** Any other code that a node or a subscriber answered; see amop_error_node_code. */
    AMOP_ERROR_REMOTE = 199,
    /** The subscriber's handler failed (result -5000). */
    AMOP_ERROR_SUBSCRIBER_FAILED = 200,
    /** The subscriber dropped the request unanswered (result -5010). */
    AMOP_ERROR_SUBSCRIBER_DROPPED = 201,
    /** The subscriber's handler didn't answer before the node's limit (result -5011). */
    AMOP_ERROR_SUBSCRIBER_TOO_SLOW = 202,
    /** Every lane of the subscriber was full (result -5012). */
    AMOP_ERROR_SUBSCRIBER_BUSY = 203,
    /** The subscriber has just left the topic (result -5013). */
    AMOP_ERROR_SUBSCRIBER_UNSUBSCRIBED = 204,
    /** This client serves the topic already. */
    AMOP_ERROR_ALREADY_SERVED = 300,
    /** The call would wait for the very handler that makes it. */
    AMOP_ERROR_WOULD_DEADLOCK = 301,
    /** This build, or this node, doesn't have it. */
    AMOP_ERROR_UNSUPPORTED = 302,
    /** The process forked after the library had started; the child can't use it. */
    AMOP_ERROR_FORKED = 303,
    /** The library's threads could not be started. */
    AMOP_ERROR_RUNTIME = 304,
    /** The request was answered before. */
    AMOP_ERROR_ALREADY_ANSWERED = 305,
    /** The request's time is over: the library has answered it (TOO_SLOW) or its connection is gone. */
    AMOP_ERROR_REQUEST_EXPIRED = 306,
    /** A bug in the library: a panic that was caught at its boundary. */
    AMOP_ERROR_INTERNAL = 307,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum amop_status amop_status;
#else
typedef int32_t amop_status;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * A status as it is written in C, `AMOP_ERROR_TIMEOUT`; NULL for a number that is none.
 *
 * - Ownership: the text is the library's and lives as long as the process.
 * - Threads: any, callbacks too.
 * - Errors: none.
 */
const char *amop_status_name(int32_t status);

/*
 * Bytes. How payloads are looked at without copying them.
 */

/**
 * Any bytes, possibly none: then `len` is 0 and `data` isn't to be read. Not NUL-terminated.
 *
 * Lent by the handle that it was got from, for as long as that lives.
 */
typedef struct amop_bytes {
    /** The first byte. */
    const uint8_t *data;
    /** How many there are. */
    size_t len;
} amop_bytes;

/*
 * Errors. What a function that fails puts out beside its status: a text that says what happened, to what, and
 * what to do, and what is known of the message's fate.
 */

/** Whether a failed message may have reached a subscriber all the same. */
enum amop_delivery
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /** It has not: sending it again can't make a duplicate. */
    AMOP_DELIVERY_NO = 0,
    /** It may have been delivered; a further try may be a duplicate. */
    AMOP_DELIVERY_MAYBE = 1,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum amop_delivery amop_delivery;
#else
typedef int32_t amop_delivery;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/** What went wrong. Immutable; may be kept as long as one likes. */
typedef struct amop_error amop_error;

/**
 * The status that came with it; AMOP_OK for NULL.
 *
 * - Ownership: `error` stays the caller's.
 * - Threads: any, callbacks too.
 * - Errors: none.
 */
amop_status amop_error_code(const amop_error *error);

/**
 * What happened, to what, what to do. Texts may improve between versions; programs decide by the code.
 *
 * - Ownership: the text is lent until `error` is freed; NULL for NULL.
 * - Threads: any, callbacks too.
 * - Errors: none.
 */
const char *amop_error_message(const amop_error *error);

/**
 * Whether the same call may succeed later without a change by the caller. Says nothing of duplicates, see
 * amop_error_delivery.
 *
 * - Ownership: `error` stays the caller's.
 * - Threads: any, callbacks too.
 * - Errors: none; false for NULL.
 */
bool amop_error_is_retriable(const amop_error *error);

/**
 * Whether the message may have reached a subscriber all the same.
 *
 * - Ownership: `error` stays the caller's.
 * - Threads: any, callbacks too.
 * - Errors: none; AMOP_DELIVERY_NO for NULL.
 */
amop_delivery amop_error_delivery(const amop_error *error);

/**
 * The `result` that the node or the subscriber answered; 0 where none did, and for NULL.
 *
 * - Ownership: `error` stays the caller's.
 * - Threads: any, callbacks too.
 * - Errors: none.
 */
int32_t amop_error_node_code(const amop_error *error);

/**
 * What a subscriber sent along with its failure; nothing otherwise, and for NULL.
 *
 * - Ownership: the bytes are lent until `error` is freed.
 * - Threads: any, callbacks too.
 * - Errors: none.
 */
amop_bytes amop_error_data(const amop_error *error);

/**
 * A copy to keep, of an error that is only lent; NULL for NULL.
 *
 * - Ownership: the copy is the caller's.
 * - Threads: any, callbacks too.
 * - Errors: none.
 */
amop_error *amop_error_clone(const amop_error *error);

/**
 * Frees an error.
 *
 * - Ownership: `error` is gone; NULL is fine.
 * - Threads: any, callbacks too.
 * - Errors: none.
 */
void amop_error_free(amop_error *error);

/*
 * Versions. The header's are macros (AMOP_VERSION ...), the library's are functions; a program that was compiled
 * with one and runs with the other asks amop_check_version.
 */

/**
 * The library's version, `1.2.3`.
 *
 * - Ownership: the text is the library's and lives as long as the process.
 * - Threads: any, callbacks too.
 * - Errors: none.
 */
const char *amop_version(void);

/**
 * The library's version as a number: major * 1,000,000 + minor * 1,000 + patch.
 *
 * - Ownership: nothing changes hands.
 * - Threads: any, callbacks too.
 * - Errors: none.
 */
uint32_t amop_version_number(void);

/**
 * Whether this library can serve a program compiled with a header of version `header`, which is to be
 * AMOP_VERSION_NUMBER: the same major number, and not older.
 *
 * - Ownership: `error` is the caller's.
 * - Threads: any, callbacks too.
 * - Errors: AMOP_ERROR_UNSUPPORTED.
 */
amop_status amop_check_version(uint32_t header, amop_error **error);

/*
 * Options of a client. Made with amop_options_new, filled with setters that copy, read by amop_client_connect,
 * and free for reuse. What isn't set has its default.
 */

/** When a failed publish is tried again by itself. */
enum amop_retry
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /** As the client's options say; on the client itself: AMOP_RETRY_DEFINITE. */
    AMOP_RETRY_DEFAULT = 0,
    /** Never. */
    AMOP_RETRY_NEVER = 1,
    /** On another node, when the failure says that nothing was delivered. */
    AMOP_RETRY_DEFINITE = 2,
    /**
     * Also when it may have been delivered. Subscribers that use this library drop the duplicate, others may handle
     * the message more than once.
     */
    AMOP_RETRY_AT_LEAST_ONCE = 3,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum amop_retry amop_retry;
#else
typedef int32_t amop_retry;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/** A client's settings. Belongs to one thread at a time. */
typedef struct amop_options amop_options;

/**
 * Empty options: no endpoint, credentials looked for, defaults for the rest.
 *
 * - Ownership: the options are the caller's, for amop_options_free.
 * - Threads: any, callbacks too.
 * - Errors: none.
 */
amop_options *amop_options_new(void);

/**
 * Frees options; clients that were made with them keep theirs.
 *
 * - Ownership: `options` is gone; NULL is fine.
 * - Threads: one at a time; callbacks too.
 * - Errors: none.
 */
void amop_options_free(amop_options *options);

/**
 * A node to connect to: `host:port`, `IPv4:port` or `[IPv6]:port`. Several calls name several nodes.
 *
 * - Ownership: `endpoint` is copied.
 * - Threads: one at a time; callbacks too.
 * - Errors: AMOP_ERROR_INVALID_ARGUMENT; whether it is an endpoint is checked by amop_client_connect.
 */
amop_status amop_options_add_endpoint(amop_options *options, const char *endpoint);

/**
 * The folder with `ca.crt`, `sdk.crt` and `sdk.key`.
 *
 * Without credentials given, they are looked for in `$AMOP_CREDENTIALS`, `.`, `conf`, `sdk`,
 * `nodes/127.0.0.1/sdk` and `amop-devnet/sdk`. Files are read when connecting, and again at each reconnect.
 *
 * - Ownership: `folder` is copied.
 * - Threads: one at a time; callbacks too.
 * - Errors: AMOP_ERROR_INVALID_ARGUMENT.
 */
amop_status amop_options_set_credentials(amop_options *options, const char *folder);

/**
 * The three files by name: the CA, the own certificate followed by those between it and the CA, the private key
 * (PKCS#8 or SEC1, not encrypted); all PEM.
 *
 * - Ownership: the names are copied.
 * - Threads: one at a time; callbacks too.
 * - Errors: AMOP_ERROR_INVALID_ARGUMENT.
 */
amop_status amop_options_set_credential_files(amop_options *options,
                                              const char *ca,
                                              const char *cert,
                                              const char *key);

/**
 * The content of three such files.
 *
 * - Ownership: the bytes are copied.
 * - Threads: one at a time; callbacks too.
 * - Errors: AMOP_ERROR_INVALID_ARGUMENT.
 */
amop_status amop_options_set_credential_pem(amop_options *options,
                                            const void *ca,
                                            size_t ca_len,
                                            const void *cert,
                                            size_t cert_len,
                                            const void *key,
                                            size_t key_len);

/**
 * How long one try to connect may take: TCP, TLS and handshake together. Default 10 s.
 *
 * - Ownership: nothing changes hands.
 * - Threads: one at a time; callbacks too.
 * - Errors: AMOP_ERROR_INVALID_ARGUMENT.
 */
amop_status amop_options_set_connect_timeout(amop_options *options, uint64_t timeout_ms);

/**
 * The deadline of every call that has none of its own. Default 10 s.
 *
 * - Ownership: nothing changes hands.
 * - Threads: one at a time; callbacks too.
 * - Errors: AMOP_ERROR_INVALID_ARGUMENT.
 */
amop_status amop_options_set_call_timeout(amop_options *options, uint64_t timeout_ms);

/**
 * How long amop_client_close and the unsubscribe functions let callbacks finish, unless told otherwise.
 * Default 5 s.
 *
 * - Ownership: nothing changes hands.
 * - Threads: one at a time; callbacks too.
 * - Errors: AMOP_ERROR_INVALID_ARGUMENT.
 */
amop_status amop_options_set_close_timeout(amop_options *options, uint64_t timeout_ms);

/**
 * The time between heartbeats; a node silent for two of them is dead. Default 10 s; nodes end a connection that
 * is idle for 60 s.
 *
 * - Ownership: nothing changes hands.
 * - Threads: one at a time; callbacks too.
 * - Errors: AMOP_ERROR_INVALID_ARGUMENT.
 */
amop_status amop_options_set_heartbeat(amop_options *options,
                                       uint64_t interval_ms);

/**
 * After how many heartbeats in a row without a byte from the node a connection is dead. Default 2.
 *
 * - Ownership: nothing changes hands.
 * - Threads: one at a time; callbacks too.
 * - Errors: AMOP_ERROR_INVALID_ARGUMENT.
 */
amop_status amop_options_set_missed_heartbeats(amop_options *options, uint32_t heartbeats);

/**
 * Whether amop_client_connect puts out a client though no node can be reached: it goes on trying, and until it
 * succeeds calls end as not connected. Default no. What can't change by itself, such as credentials, is an error all
 * the same.
 *
 * - Ownership: nothing changes hands.
 * - Threads: one at a time; callbacks too.
 * - Errors: AMOP_ERROR_INVALID_ARGUMENT.
 */
amop_status amop_options_set_start_offline(amop_options *options,
                                           bool offline);

/**
 * The first pause before a reconnect; it duplicates, with +-50 % jitter. Default 100 ms.
 *
 * - Ownership: nothing changes hands.
 * - Threads: one at a time; callbacks too.
 * - Errors: AMOP_ERROR_INVALID_ARGUMENT.
 */
amop_status amop_options_set_reconnect_min(amop_options *options, uint64_t pause_ms);

/**
 * The longest pause before a reconnect. Default 10 s.
 *
 * - Ownership: nothing changes hands.
 * - Threads: one at a time; callbacks too.
 * - Errors: AMOP_ERROR_INVALID_ARGUMENT.
 */
amop_status amop_options_set_reconnect_max(amop_options *options, uint64_t pause_ms);

/**
 * How long a request may wait for its answer before the library answers TOO_SLOW for the service. Default 4.5 s:
 * half a second before a 2.x node would deliver the message to somebody else.
 *
 * - Ownership: nothing changes hands.
 * - Threads: one at a time; callbacks too.
 * - Errors: AMOP_ERROR_INVALID_ARGUMENT.
 */
amop_status amop_options_set_answer_timeout(amop_options *options,
                                            uint64_t timeout_ms);

/**
 * When a failed publish is tried again by itself: an AMOP_RETRY_*. Default AMOP_RETRY_DEFINITE.
 *
 * - Ownership: nothing changes hands.
 * - Threads: one at a time; callbacks too.
 * - Errors: AMOP_ERROR_INVALID_ARGUMENT.
 */
amop_status amop_options_set_retry(amop_options *options, int32_t retry);

/**
 * Whether this client's own broadcasts come back to its subscriptions. Default no.
 *
 * - Ownership: nothing changes hands.
 * - Threads: one at a time; callbacks too.
 * - Errors: AMOP_ERROR_INVALID_ARGUMENT.
 */
amop_status amop_options_set_echo(amop_options *options, bool echo);

/**
 * Most calls in flight per connection; beyond it a call fails at once. Default 65,536.
 *
 * - Ownership: nothing changes hands.
 * - Threads: one at a time; callbacks too.
 * - Errors: AMOP_ERROR_INVALID_ARGUMENT.
 */
amop_status amop_options_set_max_in_flight(amop_options *options, size_t calls);

/**
 * Most bytes queued to send per connection. Default 256 MiB.
 *
 * - Ownership: nothing changes hands.
 * - Threads: one at a time; callbacks too.
 * - Errors: AMOP_ERROR_INVALID_ARGUMENT.
 */
amop_status amop_options_set_max_send_bytes(amop_options *options, size_t bytes);

/**
 * Most bytes held in all subscriptions and services together, payloads and 160 for each message. Beyond it each still
 * takes one message when it is empty, and one that drops its oldest makes its own room. Default 512 MiB.
 *
 * - Ownership: nothing changes hands.
 * - Threads: one at a time; callbacks too.
 * - Errors: AMOP_ERROR_INVALID_ARGUMENT.
 */
amop_status amop_options_set_max_held_bytes(amop_options *options,
                                            size_t bytes);

/**
 * Most events held for each listener; one that reads too slowly loses the oldest. Default 1,024.
 *
 * - Ownership: nothing changes hands.
 * - Threads: one at a time; callbacks too.
 * - Errors: AMOP_ERROR_INVALID_ARGUMENT.
 */
amop_status amop_options_set_max_events(amop_options *options, size_t events);

/**
 * How long a message is remembered, so that a duplicate of it isn't delivered again. Default 60 s.
 *
 * - Ownership: nothing changes hands.
 * - Threads: one at a time; callbacks too.
 * - Errors: AMOP_ERROR_INVALID_ARGUMENT.
 */
amop_status amop_options_set_duplicate_window(amop_options *options, uint64_t window_ms);

/**
 * Most messages remembered for that. Default 65,536.
 *
 * - Ownership: nothing changes hands.
 * - Threads: one at a time; callbacks too.
 * - Errors: AMOP_ERROR_INVALID_ARGUMENT.
 */
amop_status amop_options_set_max_duplicates(amop_options *options, size_t messages);

/**
 * The group of the chain that nodes are asked about their peers in; messages know no groups. Default 1.
 *
 * - Ownership: nothing changes hands.
 * - Threads: one at a time; callbacks too.
 * - Errors: AMOP_ERROR_INVALID_ARGUMENT.
 */
amop_status amop_options_set_group(amop_options *options, int64_t group);

/**
 * Most threads for callbacks. Default 256; they are started when they are needed and end when they are idle.
 *
 * - Ownership: nothing changes hands.
 * - Threads: one at a time; callbacks too.
 * - Errors: AMOP_ERROR_INVALID_ARGUMENT.
 */
amop_status amop_options_set_dispatcher_threads(amop_options *options, size_t threads);

/*
 * Clients. A client is a connection to one or more nodes of one's institution. It reconnects by itself, for ever,
 * and restores its topics; its end is amop_client_close, then amop_client_free.
 */

/** A client; all its functions may be used from many threads at once. */
typedef struct amop_client amop_client;

/**
 * Connects. Returns when one node is ready; the others follow in the background. With amop_options_set_start_offline
 * it returns a client also when none could be reached.
 *
 * - Ownership: `options` stay the caller's and may be freed; `*client` is the caller's, for amop_client_free.
 * - Threads: any; waits up to the connect timeout, in callbacks too.
 * - Errors: AMOP_ERROR_INVALID_ARGUMENT, _INVALID_ENDPOINT; _CREDENTIALS_NOT_FOUND, _CREDENTIALS_INVALID,
 *   _KEY_ENCRYPTED, _KEY_MISMATCH, _CERTIFICATE_DATES; or, when no node could be reached, why the first one
 *   couldn't: _RESOLVE, _CONNECT, _CONNECT_TIMEOUT, _TLS, _NODE_CERTIFICATE, _CLIENT_CERTIFICATE,
 *   _TLS_NO_COMMON, _HANDSHAKE; _RUNTIME.
 */
amop_status amop_client_connect(const amop_options *options,
                                amop_client **client,
                                amop_error **error);

/**
 * Ends the client in order: calls in flight end with AMOP_ERROR_CLOSED, callbacks get until the timeout to work
 * off what is queued, the rest is dropped and counted, connections say goodbye. When it returns AMOP_OK no
 * callback of this client runs any more, and every `drop` has been called. A second close waits for the first.
 *
 * - Ownership: `client` stays the caller's; its functions answer AMOP_ERROR_CLOSED from now on.
 * - Threads: any; waits up to `timeout_ms` (0: the close timeout). In a callback it returns at once, and the end
 *   comes after the callback has returned.
 * - Errors: AMOP_ERROR_TIMEOUT when a callback hasn't returned: its context is kept until it does.
 *   AMOP_ERROR_INVALID_ARGUMENT, _FORKED.
 */
amop_status amop_client_close(const amop_client *client,
                              uint64_t timeout_ms,
                              amop_error **error);

/**
 * Frees a client. One that wasn't closed is ended in the background, without waiting for anybody: what is queued
 * is dropped, calls in flight end with AMOP_ERROR_CLOSED, and each `drop` is called after the last call. So for
 * an end in order call amop_client_close first. Subscriptions and services are ended, their handles remain valid.
 *
 * - Ownership: `client` is gone; NULL is fine.
 * - Threads: any, never waits; callbacks too.
 * - Errors: none. In the child of a fork the memory is left alone.
 */
void amop_client_free(amop_client *client);

/**
 * A further node to connect to, from now on. One that is there already changes nothing.
 *
 * - Ownership: `endpoint` is copied.
 * - Threads: any, callbacks too.
 * - Errors: AMOP_ERROR_INVALID_ENDPOINT, _INVALID_ARGUMENT, _CLOSED, _FORKED.
 */
amop_status amop_client_add_endpoint(const amop_client *client,
                                     const char *endpoint,
                                     amop_error **error);

/**
 * A node to leave: what is queued for it is still written, calls in flight there end as lost, and what was listed
 * at it alone moves to another. One that isn't there changes nothing.
 *
 * - Ownership: `endpoint` is copied.
 * - Threads: any, callbacks too.
 * - Errors: AMOP_ERROR_INVALID_ENDPOINT, _INVALID_ARGUMENT, _CLOSED, _FORKED.
 */
amop_status amop_client_remove_endpoint(const amop_client *client,
                                        const char *endpoint,
                                        amop_error **error);

/*
 * Figures. A snapshot of what a client, a subscription or a service has done so far, and holds now.
 */

/**
 * One figure. Those of a client first, then those of each of its endpoints, which a client has as totals too, then
 * those of subscriptions and services, of which a client has some too.
 */
enum amop_stat
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /** Payload bytes held: of a client in all its subscriptions and services together, else in this one. */
    AMOP_STAT_HELD_BYTES = 1,
    /** Further tries of calls, after the first. */
    AMOP_STAT_RETRIES = 2,
    /** How often a callback had to wait for a thread. */
    AMOP_STAT_DISPATCHER_WAITS = 3,
    /** Messages that had come before: answered as the first was, not delivered again. */
    AMOP_STAT_DUPLICATES = 4,
    /** Messages on topics that nobody here subscribes to, or no longer. */
    AMOP_STAT_UNWANTED = 5,
    /** The client's own broadcasts that came back (without echo). */
    AMOP_STAT_OWN_BROADCASTS = 6,
    /** Events that a listener lost because it read too slowly, or left unread. */
    AMOP_STAT_EVENTS_DROPPED = 7,
    /** Calls that wait now for a subscriber or for a further try. */
    AMOP_STAT_CALLS_WAITING = 8,
    /** Broadcasts that fewer nodes acked than it takes to reach all subscribers, one of them at least. */
    AMOP_STAT_PARTIAL_BROADCASTS = 9,
    /** 1 while a session is up, else 0; of a client: while any is. */
    AMOP_STAT_CONNECTED = 20,
    /** Sessions so far; all after the first are reconnects. */
    AMOP_STAT_CONNECTS = 21,
    /** Frames written, of all kinds. */
    AMOP_STAT_FRAMES_SENT = 22,
    /** Frames read, of all kinds. */
    AMOP_STAT_FRAMES_RECEIVED = 23,
    /** Bytes written, before encryption. */
    AMOP_STAT_BYTES_SENT = 24,
    /** Bytes read, after decryption. */
    AMOP_STAT_BYTES_RECEIVED = 25,
    /** Writes to the connection. */
    AMOP_STAT_WRITES = 26,
    /** Calls in flight now. */
    AMOP_STAT_IN_FLIGHT = 27,
    /** Bytes queued to send now. */
    AMOP_STAT_QUEUED_BYTES = 28,
    /** Topic lists sent. */
    AMOP_STAT_TOPIC_LISTS_SENT = 29,
    /** Answers to nothing in flight: late, duplicate or foreign. */
    AMOP_STAT_STRAY_REPLIES = 30,
    /** Frames of types that a client has nothing to do with. */
    AMOP_STAT_IGNORED_FRAMES = 31,
    /** Requests that the library answered for a service that was too slow. */
    AMOP_STAT_TOO_SLOW = 32,
    /** Unicasts refused because every subscription or service for them was full. */
    AMOP_STAT_BUSY = 33,
    /** Sessions that were lost. */
    AMOP_STAT_LOSSES = 34,
    /** Tries to connect that failed. */
    AMOP_STAT_FAILED_CONNECTS = 35,
    /** Unicasts and broadcasts sent for callers, each further try too. */
    AMOP_STAT_CALLS = 36,
    /** Unicasts and broadcasts that came, duplicates too. */
    AMOP_STAT_MESSAGES_RECEIVED = 37,
    /** Unicasts that were answered well; amop_stats_round_trip tells how long they took. */
    AMOP_STAT_ROUND_TRIPS = 38,
    /** Where the endpoint stands: an AMOP_ENDPOINT_*; of a client: the best of all. */
    AMOP_STAT_STATE = 39,
    /** Calls refused because of a bound: calls in flight, or bytes queued to send. */
    AMOP_STAT_OVERLOADED = 40,
    /** Messages held now. */
    AMOP_STAT_HELD_MESSAGES = 50,
    /** Messages accepted so far. */
    AMOP_STAT_ACCEPTED = 51,
    /** Messages refused because it was full; of a client: by all its subscriptions and services. */
    AMOP_STAT_REFUSED = 52,
    /** Accepted messages given up: for newer ones, or because it ended before they were read; of a client: by all. */
    AMOP_STAT_DROPPED = 53,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum amop_stat amop_stat;
#else
typedef int32_t amop_stat;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/** Where an endpoint stands; the better, the higher. */
enum amop_endpoint_state
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /** The client has left it. */
    AMOP_ENDPOINT_ENDED = 0,
    /** The last try failed, or the session was lost; the next try comes by itself. amop_stats_endpoint_error says why. */
    AMOP_ENDPOINT_DOWN = 1,
    /** The first try is under way. */
    AMOP_ENDPOINT_CONNECTING = 2,
    /** A session is up. */
    AMOP_ENDPOINT_CONNECTED = 3,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum amop_endpoint_state amop_endpoint_state;
#else
typedef int32_t amop_endpoint_state;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/** A snapshot of figures. Immutable. */
typedef struct amop_stats amop_stats;

/**
 * A client's figures: AMOP_STAT_HELD_BYTES to _PARTIAL_BROADCASTS, _REFUSED and _DROPPED; those of each endpoint, see
 * amop_stats_endpoint_get, and their totals. An endpoint that was removed takes its figures along.
 *
 * - Ownership: `*stats` is the caller's, for amop_stats_free.
 * - Threads: any, callbacks too.
 * - Errors: AMOP_ERROR_INVALID_ARGUMENT, _FORKED.
 */
amop_status amop_client_stats(const amop_client *client,
                              amop_stats **stats,
                              amop_error **error);

/**
 * One figure, an AMOP_STAT_*, of what the snapshot was taken of.
 *
 * - Ownership: nothing changes hands.
 * - Threads: any, callbacks too.
 * - Errors: AMOP_ERROR_INVALID_ARGUMENT also for a figure that it doesn't have.
 */
amop_status amop_stats_get(const amop_stats *stats, int32_t stat, uint64_t *value, amop_error **error);

/**
 * How many endpoints a client's snapshot has, in the order given; 0 for other snapshots and NULL.
 *
 * - Ownership: nothing changes hands.
 * - Threads: any, callbacks too.
 * - Errors: none.
 */
size_t amop_stats_endpoint_count(const amop_stats *stats);

/**
 * The name of an endpoint, as it was given; NULL where there is none of that index.
 *
 * - Ownership: the text is lent as long as the snapshot.
 * - Threads: any, callbacks too.
 * - Errors: none.
 */
const char *amop_stats_endpoint(const amop_stats *stats, size_t index);

/**
 * One figure of an endpoint: AMOP_STAT_CONNECTED to AMOP_STAT_OVERLOADED.
 *
 * - Ownership: nothing changes hands.
 * - Threads: any, callbacks too.
 * - Errors: AMOP_ERROR_INVALID_ARGUMENT also for an endpoint or figure that it doesn't have.
 */
amop_status amop_stats_endpoint_get(const amop_stats *stats,
                                    size_t index,
                                    int32_t stat,
                                    uint64_t *value,
                                    amop_error **error);

/**
 * Why no session is up at an endpoint, or why the last try to connect failed; NULL while one is up, before the first
 * try has ended, and where there is no endpoint of that index.
 *
 * - Ownership: the error is lent as long as the snapshot; amop_error_clone keeps it.
 * - Threads: any, callbacks too.
 * - Errors: none of its own.
 */
const amop_error *amop_stats_endpoint_error(const amop_stats *stats,
                                            size_t index);

/**
 * The time within which a part of the unicasts that were answered well had their reply, in microseconds: of all
 * endpoints together. A `part` of 0.5 gives the median, 0.99 leaves the slowest hundredth out, 1 gives the slowest.
 * Known to an eighth of itself; 0 when there were none.
 *
 * - Ownership: nothing changes hands.
 * - Threads: any, callbacks too.
 * - Errors: AMOP_ERROR_INVALID_ARGUMENT, also for a part that isn't from 0 to 1.
 */
amop_status amop_stats_round_trip(const amop_stats *stats,
                                  double part,
                                  uint64_t *microseconds,
                                  amop_error **error);

/**
 * How many buckets of the histogram of round trips, of all endpoints together, hold any; for
 * amop_stats_round_trip_bucket. 0 for NULL.
 *
 * - Ownership: nothing changes hands.
 * - Threads: any, callbacks too.
 * - Errors: none.
 */
size_t amop_stats_round_trip_bucket_count(const amop_stats *stats);

/**
 * One bucket, the fastest first: the longest time that falls into it, in microseconds, and how many round trips did.
 *
 * - Ownership: nothing changes hands.
 * - Threads: any, callbacks too.
 * - Errors: AMOP_ERROR_INVALID_ARGUMENT, also where there is no bucket of that index.
 */
amop_status amop_stats_round_trip_bucket(const amop_stats *stats,
                                         size_t bucket,
                                         uint64_t *up_to_microseconds,
                                         uint64_t *count,
                                         amop_error **error);

/**
 * As amop_stats_round_trip, of one endpoint.
 *
 * - Ownership: nothing changes hands.
 * - Threads: any, callbacks too.
 * - Errors: as amop_stats_round_trip, also for an endpoint that it doesn't have.
 */
amop_status amop_stats_endpoint_round_trip(const amop_stats *stats,
                                           size_t index,
                                           double part,
                                           uint64_t *microseconds,
                                           amop_error **error);

/**
 * Frees a snapshot.
 *
 * - Ownership: `stats` is gone; NULL is fine.
 * - Threads: any, callbacks too.
 * - Errors: none.
 */
void amop_stats_free(amop_stats *stats);

/*
 * Messages. What a subscription receives: a topic, any bytes, and where they came from.
 */

/** How a message was sent. */
enum amop_message_kind
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /** There is no message. */
    AMOP_MESSAGE_NONE = 0,
    /** To one subscriber that the node picked. */
    AMOP_MESSAGE_UNICAST = 1,
    /** To all subscribers. */
    AMOP_MESSAGE_BROADCAST = 2,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum amop_message_kind amop_message_kind;
#else
typedef int32_t amop_message_kind;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/** A message. In a callback it is lent for the call; a clone may be kept. Immutable. */
typedef struct amop_message amop_message;

/**
 * The topic it was published on.
 *
 * - Ownership: the text is lent as long as the message; NULL for NULL.
 * - Threads: any, callbacks too.
 * - Errors: none.
 */
const char *amop_message_topic(const amop_message *message);

/**
 * Unicast or broadcast; AMOP_MESSAGE_NONE for NULL.
 *
 * - Ownership: `message` stays as it was.
 * - Threads: any, callbacks too.
 * - Errors: none.
 */
amop_message_kind amop_message_kind_of(const amop_message *message);

/**
 * The payload: any bytes, possibly none, not NUL-terminated.
 *
 * - Ownership: the bytes are lent as long as the message; none for NULL.
 * - Threads: any, callbacks too.
 * - Errors: none.
 */
amop_bytes amop_message_data(const amop_message *message);

/**
 * The publisher's sequence id: 32 bytes as they came, mostly hexadecimal digits.
 *
 * - Ownership: the bytes are lent as long as the message; none for NULL.
 * - Threads: any, callbacks too.
 * - Errors: none.
 */
amop_bytes amop_message_seq(const amop_message *message);

/**
 * The node it came from, as the endpoint was given.
 *
 * - Ownership: the text is lent as long as the message; NULL for NULL.
 * - Threads: any, callbacks too.
 * - Errors: none.
 */
const char *amop_message_endpoint(const amop_message *message);

/**
 * When this client read it, in milliseconds since 1970 UTC (not when it was sent: the wire doesn't say); 0 for NULL.
 *
 * - Ownership: `message` stays as it was.
 * - Threads: any, callbacks too.
 * - Errors: none.
 */
int64_t amop_message_received_at(const amop_message *message);

/**
 * A copy to keep, of a message that is only lent; NULL for NULL. The payload is shared, not copied.
 *
 * - Ownership: the copy is the caller's, for amop_message_free.
 * - Threads: any, callbacks too.
 * - Errors: none.
 */
amop_message *amop_message_clone(const amop_message *message);

/**
 * Frees a message that is the caller's, never one that is lent to a callback.
 *
 * - Ownership: `message` is gone; NULL is fine.
 * - Threads: any, callbacks too.
 * - Errors: none.
 */
void amop_message_free(amop_message *message);

/*
 * Subscriptions. Any number per topic, each gets every message: unicasts and broadcasts, in the order of arrival.
 * A unicast is answered, with an empty reply, as soon as one subscription has taken it, so that slow reading never
 * makes a node deliver it again. Messages come to a callback, or are read with amop_subscription_next.
 */

/** What a full subscription does with a further message. */
enum amop_overflow
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /** Refuses it; the publisher of a unicast is told that the subscriber is busy. The default. */
    AMOP_OVERFLOW_REFUSE = 0,
    /** Gives up the oldest accepted messages to make room. */
    AMOP_OVERFLOW_DROP_OLDEST = 1,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum amop_overflow amop_overflow;
#else
typedef int32_t amop_overflow;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/** At how many nodes a topic is listed. */
enum amop_placement
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /** All for a subscription, one for a service. */
    AMOP_PLACEMENT_DEFAULT = 0,
    /** At all connected nodes: survives the loss of any, hears every broadcast. */
    AMOP_PLACEMENT_ALL = 1,
    /** At one at a time, moved when it is lost. */
    AMOP_PLACEMENT_ONE = 2,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum amop_placement amop_placement;
#else
typedef int32_t amop_placement;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * Options of a subscription, to be freed with amop_subscribe_options_free. NULL in their place takes the
 * defaults. Belong to one thread at a time.
 */
typedef struct amop_subscribe_options amop_subscribe_options;

/** A subscription. Its functions may be used from many threads at once. */
typedef struct amop_subscription amop_subscription;

/** What is called for each message: one call after the other, in order. */
typedef struct amop_message_callback {
    /** The function. The message is lent for the call. */
    void (*call)(void *context, const amop_message *message);
    /** Passed to both functions. */
    void *context;
    /** Called once, after the last call; may be NULL. */
    void (*drop)(void *context);
} amop_message_callback;

/**
 * Options with all defaults.
 *
 * - Ownership: the options are the caller's, for amop_subscribe_options_free.
 * - Threads: any, callbacks too.
 * - Errors: none.
 */
amop_subscribe_options *amop_subscribe_options_new(void);

/**
 * Frees options; subscriptions that were made with them keep theirs.
 *
 * - Ownership: `options` is gone; NULL is fine.
 * - Threads: one at a time; callbacks too.
 * - Errors: none.
 */
void amop_subscribe_options_free(amop_subscribe_options *options);

/**
 * Most messages held for it. Default 65,536.
 *
 * - Ownership: nothing changes hands.
 * - Threads: one at a time; callbacks too.
 * - Errors: AMOP_ERROR_INVALID_ARGUMENT.
 */
amop_status amop_subscribe_options_set_max_messages(amop_subscribe_options *options, size_t messages);

/**
 * Most bytes held for it, payloads and 160 for each message; one message of any size is taken when it is empty.
 * Default 64 MiB.
 *
 * - Ownership: nothing changes hands.
 * - Threads: one at a time; callbacks too.
 * - Errors: AMOP_ERROR_INVALID_ARGUMENT.
 */
amop_status amop_subscribe_options_set_max_bytes(amop_subscribe_options *options,
                                                 size_t bytes);

/**
 * What happens beyond these bounds: an AMOP_OVERFLOW_*. What is lost is counted, and an event tells of it.
 *
 * - Ownership: nothing changes hands.
 * - Threads: one at a time; callbacks too.
 * - Errors: AMOP_ERROR_INVALID_ARGUMENT.
 */
amop_status amop_subscribe_options_set_overflow(amop_subscribe_options *options, int32_t overflow);

/**
 * At how many nodes the topic is listed: an AMOP_PLACEMENT_*. Default all.
 *
 * - Ownership: nothing changes hands.
 * - Threads: one at a time; callbacks too.
 * - Errors: AMOP_ERROR_INVALID_ARGUMENT.
 */
amop_status amop_subscribe_options_set_placement(amop_subscribe_options *options, int32_t placement);

/**
 * How long to wait for a node to list the topic. Default: the client's call timeout.
 *
 * - Ownership: nothing changes hands.
 * - Threads: one at a time; callbacks too.
 * - Errors: AMOP_ERROR_INVALID_ARGUMENT.
 */
amop_status amop_subscribe_options_set_timeout(amop_subscribe_options *options, uint64_t timeout_ms);

/**
 * Subscribes to a topic whose messages are read with amop_subscription_next. Returns when a node lists the topic.
 *
 * - Ownership: `topic` and `options` (may be NULL) are copied; `*subscription` is the caller's, for
 *   amop_subscription_free.
 * - Threads: any; waits up to the options' timeout, in callbacks too.
 * - Errors: AMOP_ERROR_INVALID_TOPIC, _INVALID_ARGUMENT, _NOT_CONNECTED, _TIMEOUT, _CLOSED, _FORKED.
 */
amop_status amop_client_subscribe(const amop_client *client,
                                  const char *topic,
                                  const amop_subscribe_options *options,
                                  amop_subscription **subscription,
                                  amop_error **error);

/**
 * Subscribes to a topic whose messages go to a callback. Returns when a node lists the topic; the callback may
 * be called before that.
 *
 * - Ownership: `topic` and `options` (may be NULL) are copied. The callback's context is the library's until
 *   `drop`. `*subscription` is the caller's, for amop_subscription_free; a `subscription` that is NULL leaves the
 *   callback in place until the client closes.
 * - Threads: any; waits up to the options' timeout, in callbacks too.
 * - Errors: as amop_client_subscribe.
 */
amop_status amop_client_subscribe_callback(const amop_client *client,
                                           const char *topic,
                                           const amop_subscribe_options *options,
                                           amop_message_callback callback,
                                           amop_subscription **subscription,
                                           amop_error **error);

/**
 * The next message. Waits up to `timeout_ms` for one; 0 doesn't wait.
 *
 * - Ownership: `*message` is the caller's, for amop_message_free.
 * - Threads: any, also several at once: each message goes to one of them. Waits in callbacks too.
 * - Errors: AMOP_ERROR_TIMEOUT when none came; AMOP_ERROR_CLOSED when none will come any more: after
 *   unsubscribing or closing, and all that was queued is read. AMOP_ERROR_INVALID_ARGUMENT when the messages go
 *   to a callback. AMOP_ERROR_FORKED.
 */
amop_status amop_subscription_next(const amop_subscription *subscription,
                                   uint64_t timeout_ms,
                                   amop_message **message,
                                   amop_error **error);

/**
 * The next messages, up to `max`, in order. Waits up to `timeout_ms` for the first; takes what is there then.
 *
 * - Ownership: `messages` has room for `max` pointers, of which the first `*count` are set; each message is the
 *   caller's, for amop_message_free.
 * - Threads: as amop_subscription_next.
 * - Errors: as amop_subscription_next; then `*count` is 0.
 */
amop_status amop_subscription_next_many(const amop_subscription *subscription,
                                        uint64_t timeout_ms,
                                        amop_message **messages,
                                        size_t max,
                                        size_t *count,
                                        amop_error **error);

/**
 * A file descriptor for poll, select, epoll or an event loop: readable while amop_subscription_next would not
 * wait, be it for a message or for the end. In rare cases it is readable in vain. Made on the first call.
 *
 * - Ownership: `*fd` is the library's, which closes it with the subscription: don't read from it, don't close it.
 * - Threads: any, callbacks too.
 * - Errors: AMOP_ERROR_INVALID_ARGUMENT when the messages go to a callback, _RUNTIME when the process has no
 *   descriptor left, _UNSUPPORTED where there are none, _FORKED.
 */
amop_status amop_subscription_fd(const amop_subscription *subscription,
                                 int32_t *fd,
                                 amop_error **error);

/**
 * The topic.
 *
 * - Ownership: the text is lent as long as the subscription; NULL for NULL.
 * - Threads: any, callbacks too.
 * - Errors: none.
 */
const char *amop_subscription_topic(const amop_subscription *subscription);

/**
 * What it holds, accepted and lost so far: AMOP_STAT_HELD_MESSAGES, _HELD_BYTES, _ACCEPTED, _REFUSED, _DROPPED.
 *
 * - Ownership: `*stats` is the caller's, for amop_stats_free.
 * - Threads: any, callbacks too.
 * - Errors: AMOP_ERROR_INVALID_ARGUMENT, _FORKED.
 */
amop_status amop_subscription_stats(const amop_subscription *subscription,
                                    amop_stats **stats,
                                    amop_error **error);

/**
 * Takes no more messages and tells the nodes. What is queued can still be read; a callback works it off until the
 * timeout, then the rest is dropped and counted. When it returns AMOP_OK the callback doesn't run any more, and
 * its `drop` has been called. May be called again, say after AMOP_ERROR_TIMEOUT.
 *
 * - Ownership: `subscription` stays the caller's.
 * - Threads: any; waits up to `timeout_ms` (0: the client's close timeout) for a callback to return. In a
 *   callback, this one or another, it returns at once, and the end comes by itself.
 * - Errors: AMOP_ERROR_TIMEOUT when the callback hasn't returned: its context is kept until it does.
 *   AMOP_ERROR_INVALID_ARGUMENT, _FORKED.
 */
amop_status amop_subscription_unsubscribe(const amop_subscription *subscription,
                                          uint64_t timeout_ms,
                                          amop_error **error);

/**
 * Frees a subscription. One that wasn't unsubscribed is, without waiting: unread messages are dropped and
 * counted; a callback gets what is queued for it, then its `drop` is called.
 *
 * - Ownership: `subscription` is gone; NULL is fine.
 * - Threads: any, never waits; callbacks too, its own among them.
 * - Errors: none. In the child of a fork the memory is left alone.
 */
void amop_subscription_free(amop_subscription *subscription);

/*
 * Requests. A unicast to a service that waits for its answer: now, inside of the callback, or later from any thread,
 * with a clone. After 4.5 s (amop_options_set_answer_timeout) the library itself answers that the service is too slow;
 * when the last handle is gone without an answer, that the request was dropped.
 */

/** The code of a failure without a code of its own, for amop_request_fail. */
#define AMOP_RESULT_FAILED -5000

/** A request. In a callback it is lent for the call; a clone may be kept. */
typedef struct amop_request amop_request;

/**
 * The message that is to be answered.
 *
 * - Ownership: the message is lent as long as the request; NULL for NULL.
 * - Threads: any, callbacks too.
 * - Errors: none.
 */
const amop_message *amop_request_message(const amop_request *request);

/**
 * Sends the reply; it may be empty.
 *
 * - Ownership: the bytes are copied; `request` stays as it was.
 * - Threads: any, callbacks too; never waits.
 * - Errors: AMOP_ERROR_REQUEST_EXPIRED when its time is over or its connection gone, _ALREADY_ANSWERED,
 *   _TOO_LARGE, _INVALID_ARGUMENT, _FORKED.
 */
amop_status amop_request_reply(const amop_request *request,
                               const void *data,
                               size_t len,
                               amop_error **error);

/**
 * Tells the publisher that it failed: a code, and data to go with it. The code has to fit 16 bits, must not be 0,
 * not one of the nodes' own (100 to 104), and not one of those that the library answers by itself (-5013 to -5010);
 * without one of your own take AMOP_RESULT_FAILED.
 *
 * - Ownership: the bytes are copied; `request` stays as it was.
 * - Threads: any, callbacks too; never waits.
 * - Errors: as amop_request_reply; AMOP_ERROR_INVALID_ARGUMENT also for a code that can't be sent.
 */
amop_status amop_request_fail(const amop_request *request,
                              int32_t code,
                              const void *data,
                              size_t len,
                              amop_error **error);

/**
 * Whether an answer can still be given; false for NULL.
 *
 * - Ownership: `request` stays as it was.
 * - Threads: any, callbacks too.
 * - Errors: none.
 */
bool amop_request_is_open(const amop_request *request);

/**
 * A handle to keep, of a request that is only lent: to answer it later. NULL for NULL.
 *
 * - Ownership: the clone is the caller's, for amop_request_free.
 * - Threads: any, callbacks too.
 * - Errors: none.
 */
amop_request *amop_request_clone(const amop_request *request);

/**
 * Frees a request that is the caller's, never one that is lent to a callback. The last handle of an unanswered
 * request answers that it was dropped (AMOP_ERROR_SUBSCRIBER_DROPPED at the publisher).
 *
 * - Ownership: `request` is gone; NULL is fine.
 * - Threads: any, callbacks too.
 * - Errors: none. In the child of a fork the memory is left alone.
 */
void amop_request_free(amop_request *request);

/*
 * Services. A service answers the unicasts of a topic; one per topic in a client. It alone gets them, while
 * broadcasts on that topic go to subscriptions only. Requests come to a callback, or are read with
 * amop_service_next.
 */

/**
 * Options of a service, to be freed with amop_serve_options_free. NULL in their place takes the defaults. Belong to
 * one thread at a time.
 */
typedef struct amop_serve_options amop_serve_options;

/** A service. Its functions may be used from many threads at once. */
typedef struct amop_service amop_service;

/** What is called for each request; several calls at once when the service's concurrency is above 1. */
typedef struct amop_request_callback {
    /** The function. The request is lent for the call. */
    void (*call)(void *context, const amop_request *request);
    /** Passed to both functions. */
    void *context;
    /** Called once, after the last call; may be NULL. */
    void (*drop)(void *context);
} amop_request_callback;

/**
 * Options with all defaults.
 *
 * - Ownership: the options are the caller's, for amop_serve_options_free.
 * - Threads: any, callbacks too.
 * - Errors: none.
 */
amop_serve_options *amop_serve_options_new(void);

/**
 * Frees options; services that were made with them keep theirs.
 *
 * - Ownership: `options` is gone; NULL is fine.
 * - Threads: one at a time; callbacks too.
 * - Errors: none.
 */
void amop_serve_options_free(amop_serve_options *options);

/**
 * How many calls of the callback may run at once. Default 1. Of no use for a service without callback.
 *
 * - Ownership: nothing changes hands.
 * - Threads: one at a time; callbacks too.
 * - Errors: AMOP_ERROR_INVALID_ARGUMENT.
 */
amop_status amop_serve_options_set_concurrency(amop_serve_options *options, size_t calls);

/**
 * Most requests held for it; beyond, publishers are told that it is busy. Default 65,536.
 *
 * - Ownership: nothing changes hands.
 * - Threads: one at a time; callbacks too.
 * - Errors: AMOP_ERROR_INVALID_ARGUMENT.
 */
amop_status amop_serve_options_set_max_messages(amop_serve_options *options, size_t messages);

/**
 * Most bytes held for it, payloads and 160 for each request; one request of any size is taken when it is empty.
 * Default 64 MiB.
 *
 * - Ownership: nothing changes hands.
 * - Threads: one at a time; callbacks too.
 * - Errors: AMOP_ERROR_INVALID_ARGUMENT.
 */
amop_status amop_serve_options_set_max_bytes(amop_serve_options *options,
                                             size_t bytes);

/**
 * At how many nodes the topic is listed: an AMOP_PLACEMENT_*. Default one: listed at all nodes a service would make
 * every publisher that shares one of them stall, since nodes lose unicasts to clients of their own.
 *
 * - Ownership: nothing changes hands.
 * - Threads: one at a time; callbacks too.
 * - Errors: AMOP_ERROR_INVALID_ARGUMENT.
 */
amop_status amop_serve_options_set_placement(amop_serve_options *options,
                                             int32_t placement);

/**
 * How long to wait for a node to list the topic. Default: the client's call timeout.
 *
 * - Ownership: nothing changes hands.
 * - Threads: one at a time; callbacks too.
 * - Errors: AMOP_ERROR_INVALID_ARGUMENT.
 */
amop_status amop_serve_options_set_timeout(amop_serve_options *options, uint64_t timeout_ms);

/**
 * Serves a topic with a callback, which answers through the request that it gets. Returns when a node lists the
 * topic; the callback may be called before that.
 *
 * - Ownership: `topic` and `options` (may be NULL) are copied. The callback's context is the library's until
 *   `drop`. `*service` is the caller's, for amop_service_free; a `service` that is NULL leaves the callback in
 *   place until the client closes.
 * - Threads: any; waits up to the options' timeout, in callbacks too.
 * - Errors: AMOP_ERROR_ALREADY_SERVED, _INVALID_TOPIC, _INVALID_ARGUMENT, _NOT_CONNECTED, _TIMEOUT, _CLOSED,
 *   _FORKED.
 */
amop_status amop_client_serve(const amop_client *client,
                              const char *topic,
                              const amop_serve_options *options,
                              amop_request_callback callback,
                              amop_service **service,
                              amop_error **error);

/**
 * Serves a topic whose requests are read with amop_service_next. Returns when a node lists the topic.
 *
 * - Ownership: `topic` and `options` (may be NULL) are copied; `*service` is the caller's, for amop_service_free.
 * - Threads: any; waits up to the options' timeout, in callbacks too.
 * - Errors: as amop_client_serve.
 */
amop_status amop_client_serve_requests(const amop_client *client,
                                       const char *topic,
                                       const amop_serve_options *options,
                                       amop_service **service,
                                       amop_error **error);

/**
 * The next request that can still be answered. Waits up to `timeout_ms` for one; 0 doesn't wait.
 *
 * - Ownership: `*request` is the caller's, for amop_request_free.
 * - Threads: any, also several at once: each request goes to one of them. Waits in callbacks too.
 * - Errors: AMOP_ERROR_TIMEOUT when none came; AMOP_ERROR_CLOSED when none will come any more: after
 *   unsubscribing or closing, and all that was queued is read. AMOP_ERROR_INVALID_ARGUMENT when the requests go
 *   to a callback. AMOP_ERROR_FORKED.
 */
amop_status amop_service_next(const amop_service *service,
                              uint64_t timeout_ms,
                              amop_request **request,
                              amop_error **error);

/**
 * The next requests, up to `max`, in order. Waits up to `timeout_ms` for the first; takes what is there then.
 *
 * - Ownership: `requests` has room for `max` pointers, of which the first `*count` are set; each request is the
 *   caller's, for amop_request_free.
 * - Threads: as amop_service_next.
 * - Errors: as amop_service_next; then `*count` is 0.
 */
amop_status amop_service_next_many(const amop_service *service,
                                   uint64_t timeout_ms,
                                   amop_request **requests,
                                   size_t max,
                                   size_t *count,
                                   amop_error **error);

/**
 * A file descriptor that is readable while amop_service_next would not wait, see amop_subscription_fd.
 *
 * - Ownership: `*fd` is the library's, which closes it with the service: don't read from it, don't close it.
 * - Threads: any, callbacks too.
 * - Errors: as amop_subscription_fd.
 */
amop_status amop_service_fd(const amop_service *service, int32_t *fd, amop_error **error);

/**
 * The topic.
 *
 * - Ownership: the text is lent as long as the service; NULL for NULL.
 * - Threads: any, callbacks too.
 * - Errors: none.
 */
const char *amop_service_topic(const amop_service *service);

/**
 * What it holds, accepted and lost so far: the same figures as of a subscription.
 *
 * - Ownership: `*stats` is the caller's, for amop_stats_free.
 * - Threads: any, callbacks too.
 * - Errors: AMOP_ERROR_INVALID_ARGUMENT, _FORKED.
 */
amop_status amop_service_stats(const amop_service *service, amop_stats **stats, amop_error **error);

/**
 * Takes no more requests and tells the node. What is queued can still be read and answered; a callback works it
 * off until the timeout, then the rest is answered as dropped. When it returns AMOP_OK the callback doesn't run
 * any more, and its `drop` has been called. May be called again, say after AMOP_ERROR_TIMEOUT.
 *
 * - Ownership: `service` stays the caller's.
 * - Threads: as amop_subscription_unsubscribe.
 * - Errors: as amop_subscription_unsubscribe.
 */
amop_status amop_service_unsubscribe(const amop_service *service,
                                     uint64_t timeout_ms,
                                     amop_error **error);

/**
 * Frees a service. One that wasn't unsubscribed is, without waiting: unread requests are answered as dropped; a
 * callback gets what is queued for it, then its `drop` is called.
 *
 * - Ownership: `service` is gone; NULL is fine.
 * - Threads: any, never waits; callbacks too, its own among them.
 * - Errors: none. In the child of a fork the memory is left alone.
 */
void amop_service_free(amop_service *service);

/*
 * Sending. A publish goes to one subscriber, whose reply is the result; a broadcast to all, and the result is the
 * node's ack, which says nothing of who hears it. These functions wait; see *Asynchronous calls* for those that
 * don't.
 */

/**
 * Options of publishes and broadcasts, to be freed with amop_publish_options_free; may be used for any number.
 * NULL in their place takes the defaults. Belong to one thread at a time.
 */
typedef struct amop_publish_options amop_publish_options;

/** A subscriber's answer. Immutable. */
typedef struct amop_reply amop_reply;

/**
 * Options with all defaults.
 *
 * - Ownership: the options are the caller's, for amop_publish_options_free.
 * - Threads: any, callbacks too.
 * - Errors: none.
 */
amop_publish_options *amop_publish_options_new(void);

/**
 * Frees options; calls that were made with them keep theirs.
 *
 * - Ownership: `options` is gone; NULL is fine.
 * - Threads: one at a time; callbacks too.
 * - Errors: none.
 */
void amop_publish_options_free(amop_publish_options *options);

/**
 * Whether a publish goes on trying until its deadline while nothing was delivered, say because no node knows a
 * subscriber yet (topics take up to 5 s to travel between nodes). Default no.
 *
 * - Ownership: nothing changes hands.
 * - Threads: one at a time; callbacks too.
 * - Errors: AMOP_ERROR_INVALID_ARGUMENT.
 */
amop_status amop_publish_options_set_wait_for_subscriber(amop_publish_options *options,
                                                         bool wait);

/**
 * When to try again by itself: an AMOP_RETRY_*. Default: as the client's options say.
 *
 * - Ownership: nothing changes hands.
 * - Threads: one at a time; callbacks too.
 * - Errors: AMOP_ERROR_INVALID_ARGUMENT.
 */
amop_status amop_publish_options_set_retry(amop_publish_options *options, int32_t retry);

/**
 * Whether a broadcast goes through every connected node instead of one that reaches all. Subscribers that use this
 * library drop the duplicates, others see them. Default no.
 *
 * - Ownership: nothing changes hands.
 * - Threads: one at a time; callbacks too.
 * - Errors: AMOP_ERROR_INVALID_ARGUMENT.
 */
amop_status amop_publish_options_set_all_nodes(amop_publish_options *options,
                                               bool all);

/**
 * Sends a message to one subscriber and waits for its reply. A subscriber that only listens replies with nothing as
 * soon as it has the message.
 *
 * - Ownership: `topic`, `data` and `options` (may be NULL) are borrowed. `*reply` is the caller's, for
 *   amop_reply_free; `reply` may be NULL.
 * - Threads: any; waits up to `timeout_ms` (0: the client's call timeout). In a callback it waits too: a message
 *   that only this callback could answer then ends with its deadline.
 * - Errors: AMOP_ERROR_INVALID_TOPIC, _INVALID_ARGUMENT, _TOO_LARGE; _NO_SUBSCRIBER and the other answers of
 *   nodes (100 to 199) and subscribers (200 to 204); _NOT_CONNECTED, _CONNECTION_LOST, _TIMEOUT, _OVERLOADED,
 *   _CLOSED, _FORKED. amop_error_delivery says whether it may have been delivered all the same.
 */
amop_status amop_client_publish(const amop_client *client,
                                const char *topic,
                                const void *data,
                                size_t len,
                                const amop_publish_options *options,
                                uint64_t timeout_ms,
                                amop_reply **reply,
                                amop_error **error);

/**
 * Sends a message to all subscribers and waits for the node's ack.
 *
 * - Ownership: `topic`, `data` and `options` (may be NULL) are borrowed.
 * - Threads: any; waits up to `timeout_ms` (0: the client's call timeout), in callbacks too.
 * - Errors: as amop_client_publish, without those of subscribers.
 */
amop_status amop_client_broadcast(const amop_client *client,
                                  const char *topic,
                                  const void *data,
                                  size_t len,
                                  const amop_publish_options *options,
                                  uint64_t timeout_ms,
                                  amop_error **error);

/**
 * What the subscriber answered; nothing when it had nothing to say.
 *
 * - Ownership: the bytes are lent as long as the reply; none for NULL.
 * - Threads: any, callbacks too.
 * - Errors: none.
 */
amop_bytes amop_reply_data(const amop_reply *reply);

/**
 * The node that the message went through, as the endpoint was given.
 *
 * - Ownership: the text is lent as long as the reply; NULL for NULL.
 * - Threads: any, callbacks too.
 * - Errors: none.
 */
const char *amop_reply_endpoint(const amop_reply *reply);

/**
 * A copy to keep, of a reply that is only lent; NULL for NULL. The payload is shared, not copied.
 *
 * - Ownership: the copy is the caller's, for amop_reply_free.
 * - Threads: any, callbacks too.
 * - Errors: none.
 */
amop_reply *amop_reply_clone(const amop_reply *reply);

/**
 * Frees a reply that is the caller's.
 *
 * - Ownership: `reply` is gone; NULL is fine.
 * - Threads: any, callbacks too.
 * - Errors: none.
 */
void amop_reply_free(amop_reply *reply);

/*
 * Asynchronous calls. A publish or broadcast that is under way while the program does something else; thousands
 * need no thread each. An accepted call completes exactly once, with the reply, an error, its own deadline or
 * AMOP_ERROR_CANCELLED: by a callback, or through a completion queue. A call that a function refuses (it returns
 * an error) doesn't complete.
 */

/** A call under way, to cancel it. */
typedef struct amop_call amop_call;

/** How a call has ended. In a callback it is lent for the call. Immutable. */
typedef struct amop_completion amop_completion;

/** What is called when a call has ended. The callbacks of one client's calls run one after the other. */
typedef struct amop_completion_callback {
    /** The function. The completion is lent for the call. */
    void (*call)(void *context, const amop_completion *completion);
    /** Passed to both functions. */
    void *context;
    /** Called once, after the call; may be NULL. */
    void (*drop)(void *context);
} amop_completion_callback;

/**
 * Starts a publish; its completion goes to a callback. Messages of one thread are sent in the order of its calls.
 *
 * - Ownership: `topic`, `data` and `options` (may be NULL) are borrowed or copied. The callback's context is the
 *   library's until `drop`. `*call` is the caller's, for amop_call_free; `call` may be NULL.
 * - Threads: any, callbacks too; never waits. The call ends by `timeout_ms` (0: the client's call timeout).
 * - Errors: those that are known at once, and then the callback isn't called: AMOP_ERROR_INVALID_TOPIC,
 *   _INVALID_ARGUMENT, _TOO_LARGE, _NOT_CONNECTED, _OVERLOADED (also with 65,536 calls of this client whose
 *   callbacks haven't returned), _CLOSED, _FORKED. The completion has all those of amop_client_publish.
 */
amop_status amop_client_publish_async(const amop_client *client,
                                      const char *topic,
                                      const void *data,
                                      size_t len,
                                      const amop_publish_options *options,
                                      uint64_t timeout_ms,
                                      amop_completion_callback callback,
                                      amop_call **call,
                                      amop_error **error);

/**
 * Starts a broadcast; its completion goes to a callback.
 *
 * - Ownership: as amop_client_publish_async.
 * - Threads: as amop_client_publish_async.
 * - Errors: as amop_client_publish_async. The completion has all those of amop_client_broadcast.
 */
amop_status amop_client_broadcast_async(const amop_client *client,
                                        const char *topic,
                                        const void *data,
                                        size_t len,
                                        const amop_publish_options *options,
                                        uint64_t timeout_ms,
                                        amop_completion_callback callback,
                                        amop_call **call,
                                        amop_error **error);

/**
 * Cancels a call: it completes with AMOP_ERROR_CANCELLED, unless it has completed. What was sent stays sent.
 *
 * - Ownership: `call` stays the caller's.
 * - Threads: any, callbacks too; never waits. The completion comes as always, by callback or queue.
 * - Errors: AMOP_ERROR_INVALID_ARGUMENT, _FORKED.
 */
amop_status amop_call_cancel(const amop_call *call, amop_error **error);

/**
 * Frees the handle of a call; the call itself goes on.
 *
 * - Ownership: `call` is gone; NULL is fine.
 * - Threads: any, callbacks too.
 * - Errors: none. In the child of a fork the memory is left alone.
 */
void amop_call_free(amop_call *call);

/**
 * How the call ended: AMOP_OK or an AMOP_ERROR_*; AMOP_ERROR_INVALID_ARGUMENT for NULL.
 *
 * - Ownership: `completion` stays as it was.
 * - Threads: any, callbacks too.
 * - Errors: none of its own.
 */
amop_status amop_completion_status(const amop_completion *completion);

/**
 * Why the call failed; NULL when it didn't, and for NULL.
 *
 * - Ownership: the error is lent as long as the completion; amop_error_clone keeps it.
 * - Threads: any, callbacks too.
 * - Errors: none of its own.
 */
const amop_error *amop_completion_error(const amop_completion *completion);

/**
 * The reply to a publish; NULL when it failed, for a broadcast, and for NULL.
 *
 * - Ownership: the reply is lent as long as the completion; amop_reply_clone keeps it.
 * - Threads: any, callbacks too.
 * - Errors: none.
 */
const amop_reply *amop_completion_reply(const amop_completion *completion);

/**
 * The tag that the call was started with; NULL for one with a callback, and for NULL.
 *
 * - Ownership: the pointer is the caller's own.
 * - Threads: any, callbacks too.
 * - Errors: none.
 */
void *amop_completion_tag(const amop_completion *completion);

/**
 * Frees a completion that came from a queue, never one that is lent to a callback.
 *
 * - Ownership: `completion` is gone; NULL is fine.
 * - Threads: any, callbacks too.
 * - Errors: none.
 */
void amop_completion_free(amop_completion *completion);

/*
 * Completion queues. Where completions are read instead of called back: by any thread, or by an event loop through
 * the queue's file descriptor. One queue may serve many clients; the tag tells the calls apart.
 */

/** A queue of completions. Its functions may be used from many threads at once. */
typedef struct amop_completion_queue amop_completion_queue;

/**
 * An empty queue, for up to `max` calls that are under way or whose completions haven't been read; 0 takes 65,536.
 *
 * - Ownership: the queue is the caller's, for amop_completion_queue_free.
 * - Threads: any, callbacks too.
 * - Errors: none.
 */
amop_completion_queue *amop_completion_queue_new(size_t max);

/**
 * Starts a publish; its completion goes into a queue.
 *
 * - Ownership: `topic`, `data` and `options` (may be NULL) are borrowed. `tag` is handed back with the
 *   completion, and never followed. `*call` is the caller's, for amop_call_free; `call` may be NULL. The queue may
 *   be freed before the call has ended.
 * - Threads: any, callbacks too; never waits. The call ends by `timeout_ms` (0: the client's call timeout).
 * - Errors: those that are known at once, and then nothing comes through the queue: as
 *   amop_client_publish_async, _OVERLOADED also when the queue has no room for one more.
 */
amop_status amop_client_publish_queued(const amop_client *client,
                                       const char *topic,
                                       const void *data,
                                       size_t len,
                                       const amop_publish_options *options,
                                       uint64_t timeout_ms,
                                       const amop_completion_queue *queue,
                                       void *tag,
                                       amop_call **call,
                                       amop_error **error);

/**
 * Starts a broadcast; its completion goes into a queue.
 *
 * - Ownership: as amop_client_publish_queued.
 * - Threads: as amop_client_publish_queued.
 * - Errors: as amop_client_publish_queued.
 */
amop_status amop_client_broadcast_queued(const amop_client *client,
                                         const char *topic,
                                         const void *data,
                                         size_t len,
                                         const amop_publish_options *options,
                                         uint64_t timeout_ms,
                                         const amop_completion_queue *queue,
                                         void *tag,
                                         amop_call **call,
                                         amop_error **error);

/**
 * The next completion. Waits up to `timeout_ms` for one; 0 doesn't wait.
 *
 * - Ownership: `*completion` is the caller's, for amop_completion_free.
 * - Threads: any, also several at once: each completion goes to one of them. Waits in callbacks too.
 * - Errors: AMOP_ERROR_TIMEOUT when none came; AMOP_ERROR_INVALID_ARGUMENT, _FORKED.
 */
amop_status amop_completion_queue_next(const amop_completion_queue *queue,
                                       uint64_t timeout_ms,
                                       amop_completion **completion,
                                       amop_error **error);

/**
 * The next completions, up to `max`. Waits up to `timeout_ms` for the first; takes what is there then.
 *
 * - Ownership: `completions` has room for `max` pointers, of which the first `*count` are set; each completion is
 *   the caller's, for amop_completion_free.
 * - Threads: as amop_completion_queue_next.
 * - Errors: as amop_completion_queue_next; then `*count` is 0.
 */
amop_status amop_completion_queue_next_many(const amop_completion_queue *queue,
                                            uint64_t timeout_ms,
                                            amop_completion **completions,
                                            size_t max,
                                            size_t *count,
                                            amop_error **error);

/**
 * A file descriptor that is readable while amop_completion_queue_next would not wait, see amop_subscription_fd.
 *
 * - Ownership: `*fd` is the library's, which closes it with the queue: don't read from it, don't close it.
 * - Threads: any, callbacks too.
 * - Errors: AMOP_ERROR_INVALID_ARGUMENT, _RUNTIME when the process has no descriptor left, _UNSUPPORTED where there
 *   are none, _FORKED.
 */
amop_status amop_completion_queue_fd(const amop_completion_queue *queue,
                                     int32_t *fd,
                                     amop_error **error);

/**
 * Frees a queue. Calls that are under way go on; their completions are dropped.
 *
 * - Ownership: `queue` is gone, with what wasn't read; NULL is fine.
 * - Threads: any, callbacks too.
 * - Errors: none. In the child of a fork the memory is left alone.
 */
void amop_completion_queue_free(amop_completion_queue *queue);

/*
 * Events. What happens to connections and subscriptions, on a way of its own: to a callback, or read with
 * amop_events_next. One that is read too slowly loses the oldest of more than 1,024.
 */

/** What happened. */
enum amop_event_kind
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /** There is no event, or one that this version of the library has no name for. */
    AMOP_EVENT_NONE = 0,
    /** A node is connected for the first time. */
    AMOP_EVENT_CONNECTED = 1,
    /** A connection is lost; the client reconnects by itself. */
    AMOP_EVENT_LOST = 2,
    /** A node is connected again and lists all topics of this client. */
    AMOP_EVENT_RECONNECTED = 3,
    /** A try to (re)connect failed; the next comes by itself. */
    AMOP_EVENT_CONNECT_FAILED = 4,
    /** A subscription or service begins to lose messages. Once per episode; its figures tell how many. */
    AMOP_EVENT_SLOW_CONSUMER = 5,
    /** A callback reported a failure by amop_callback_failed, or panicked inside of the library. Delivery continues. */
    AMOP_EVENT_HANDLER_FAILED = 6,
    /** The client is closed; the last event. */
    AMOP_EVENT_CLOSED = 7,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum amop_event_kind amop_event_kind;
#else
typedef int32_t amop_event_kind;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/** An event. In a callback it is lent for the call. Immutable. */
typedef struct amop_event amop_event;

/** A client's events, to be read. Its functions may be used from many threads at once. */
typedef struct amop_events amop_events;

/** What is called for each event: one call after the other, in order. */
typedef struct amop_event_callback {
    /** The function. The event is lent for the call. */
    void (*call)(void *context, const amop_event *event);
    /** Passed to both functions. */
    void *context;
    /** Called once, after the last call; may be NULL. */
    void (*drop)(void *context);
} amop_event_callback;

/**
 * Calls back for what happens from now on, until the client is closed.
 *
 * - Ownership: the callback's context is the library's until `drop`.
 * - Threads: any, callbacks too; never waits. The callback runs on a thread of the library's own, and delays no
 *   subscription.
 * - Errors: AMOP_ERROR_INVALID_ARGUMENT, _CLOSED, _FORKED.
 */
amop_status amop_client_on_event(const amop_client *client,
                                 amop_event_callback callback,
                                 amop_error **error);

/**
 * What happens from now on, to be read with amop_events_next.
 *
 * - Ownership: `*events` is the caller's, for amop_events_free.
 * - Threads: any, callbacks too; never waits.
 * - Errors: AMOP_ERROR_INVALID_ARGUMENT, _FORKED.
 */
amop_status amop_client_events(const amop_client *client, amop_events **events, amop_error **error);

/**
 * The next event. Waits up to `timeout_ms` for one; 0 doesn't wait.
 *
 * - Ownership: `*event` is the caller's, for amop_event_free.
 * - Threads: any, also several at once: each event goes to one of them. Waits in callbacks too.
 * - Errors: AMOP_ERROR_TIMEOUT when none came; AMOP_ERROR_CLOSED after AMOP_EVENT_CLOSED;
 *   AMOP_ERROR_INVALID_ARGUMENT, _FORKED.
 */
amop_status amop_events_next(const amop_events *events,
                             uint64_t timeout_ms,
                             amop_event **event,
                             amop_error **error);

/**
 * A file descriptor that is readable while amop_events_next would not wait, see amop_subscription_fd.
 *
 * - Ownership: `*fd` is the library's, which closes it with `events`: don't read from it, don't close it.
 * - Threads: any, callbacks too.
 * - Errors: as amop_completion_queue_fd.
 */
amop_status amop_events_fd(const amop_events *events, int32_t *fd, amop_error **error);

/**
 * Stops listening.
 *
 * - Ownership: `events` is gone, with what wasn't read; NULL is fine.
 * - Threads: any, callbacks too.
 * - Errors: none. In the child of a fork the memory is left alone.
 */
void amop_events_free(amop_events *events);

/**
 * What happened; AMOP_EVENT_NONE for NULL.
 *
 * - Ownership: `event` stays as it was.
 * - Threads: any, callbacks too.
 * - Errors: none.
 */
amop_event_kind amop_event_kind_of(const amop_event *event);

/**
 * The endpoint, as given, of CONNECTED, LOST, RECONNECTED, CONNECT_FAILED; NULL for others, and for NULL.
 *
 * - Ownership: the text is lent as long as the event.
 * - Threads: any, callbacks too.
 * - Errors: none.
 */
const char *amop_event_endpoint(const amop_event *event);

/**
 * What the node calls itself, `2.11.2`, of CONNECTED and RECONNECTED; NULL for others, and for NULL.
 *
 * - Ownership: the text is lent as long as the event.
 * - Threads: any, callbacks too.
 * - Errors: none.
 */
const char *amop_event_node_version(const amop_event *event);

/**
 * The agreed protocol version, of CONNECTED and RECONNECTED; 0 for others, and for NULL.
 *
 * - Ownership: `event` stays as it was.
 * - Threads: any, callbacks too.
 * - Errors: none.
 */
uint32_t amop_event_protocol(const amop_event *event);

/**
 * The topic, of SLOW_CONSUMER and HANDLER_FAILED; NULL for others, and for NULL.
 *
 * - Ownership: the text is lent as long as the event.
 * - Threads: any, callbacks too.
 * - Errors: none.
 */
const char *amop_event_topic(const amop_event *event);

/**
 * How the callback failed, of HANDLER_FAILED; NULL for others, and for NULL.
 *
 * - Ownership: the text is lent as long as the event.
 * - Threads: any, callbacks too.
 * - Errors: none.
 */
const char *amop_event_message(const amop_event *event);

/**
 * Why, of LOST and CONNECT_FAILED; NULL for others, and for NULL.
 *
 * - Ownership: the error is lent as long as the event; amop_error_clone keeps it.
 * - Threads: any, callbacks too.
 * - Errors: none of its own.
 */
const amop_error *amop_event_error(const amop_event *event);

/**
 * Frees an event that came from amop_events_next, never one that is lent to a callback.
 *
 * - Ownership: `event` is gone; NULL is fine.
 * - Threads: any, callbacks too.
 * - Errors: none.
 */
void amop_event_free(amop_event *event);

/*
 * Callbacks that fail. C has no exceptions, but a callback may call code that has: it catches them, reports the failure
 * here, and returns.
 */

/**
 * Reports that this call of a callback has failed. Call it inside of the callback; the last report counts, and
 * delivery continues. A failed callback of a subscription or service is reported by AMOP_EVENT_HANDLER_FAILED, one of
 * events or completions in the log. A request that has no answer yet is answered with AMOP_RESULT_FAILED and a fixed
 * text when the callback returns: `message` is not sent to the publisher.
 *
 * - Ownership: `message` is copied; what in it isn't UTF-8 is replaced.
 * - Threads: in callbacks alone, on the thread that the callback was called on.
 * - Errors: AMOP_ERROR_INVALID_ARGUMENT, also where no callback of these runs.
 */
amop_status amop_callback_failed(const char *message);

/*
 * Log. What the library does, for people; off until a callback is set. A record says which connection or call it is
 * about. Records hold no payloads.
 */

/** How much is told. */
enum amop_log_level
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /** Nothing. */
    AMOP_LOG_OFF = 0,
    /** What goes wrong in the library. */
    AMOP_LOG_ERROR = 1,
    /** What goes wrong around it: connections lost, answers that can't be sent. */
    AMOP_LOG_WARN = 2,
    /** What it does: connections made. */
    AMOP_LOG_INFO = 3,
    /** What helps to find a mistake. */
    AMOP_LOG_DEBUG = 4,
    /** Everything. */
    AMOP_LOG_TRACE = 5,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum amop_log_level amop_log_level;
#else
typedef int32_t amop_log_level;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/** What is called for each record: one call after the other, in order. */
typedef struct amop_log_callback {
    /**
     * The function: `level` is an AMOP_LOG_*, `target` the part of the library that speaks. The texts are lent for
     * the call.
     */
    void (*call)(void *context, int32_t level, const char *target, const char *message);
    /** Passed to both functions. */
    void *context;
    /** Called once, after the last call; may be NULL. */
    void (*drop)(void *context);
} amop_log_callback;

/**
 * Passes what the library logs to a callback, instead of the former one. A `call` that is NULL, or AMOP_LOG_OFF, ends
 * it. The former callback's `drop` is called before this returns, or, when it just runs, after it has returned.
 *
 * - Ownership: the callback's context is the library's until `drop`.
 * - Threads: any, callbacks too; never waits. The callback runs on a thread of the log's own; when it is slow,
 *   records are lost and counted.
 * - Errors: AMOP_ERROR_INVALID_ARGUMENT for a level that is none, _RUNTIME, _UNSUPPORTED, _FORKED.
 */
amop_status amop_set_log_callback(int32_t level,
                                  amop_log_callback callback,
                                  amop_error **error);

/*
 * The embedded nodes: a chain's AMOP in this process, so that programs can be tried and tested without a chain. They
 * are joined as a chain's nodes are: a message published at one reaches a subscriber at another. Not in every
 * build: then amop_devnet_start answers AMOP_ERROR_UNSUPPORTED.
 */

/** Running embedded nodes. Its functions may be used from many threads at once. */
typedef struct amop_devnet amop_devnet;

/**
 * Options of a devnet, to be freed with amop_devnet_options_free. NULL in their place takes the defaults: two nodes on
 * any free ports. Belong to one thread at a time.
 */
typedef struct amop_devnet_options amop_devnet_options;

/**
 * Options with all defaults.
 *
 * - Ownership: the options are the caller's, for amop_devnet_options_free.
 * - Threads: any, callbacks too.
 * - Errors: none.
 */
amop_devnet_options *amop_devnet_options_new(void);

/**
 * Frees options.
 *
 * - Ownership: `options` is gone; NULL is fine.
 * - Threads: one at a time; callbacks too.
 * - Errors: none.
 */
void amop_devnet_options_free(amop_devnet_options *options);

/**
 * How many nodes. Default 2.
 *
 * - Ownership: nothing changes hands.
 * - Threads: one at a time; callbacks too.
 * - Errors: AMOP_ERROR_INVALID_ARGUMENT.
 */
amop_status amop_devnet_options_set_nodes(amop_devnet_options *options, size_t nodes);

/**
 * The first node's port on 127.0.0.1; the others have those that follow. Default 0: any that are free.
 *
 * - Ownership: nothing changes hands.
 * - Threads: one at a time; callbacks too.
 * - Errors: AMOP_ERROR_INVALID_ARGUMENT.
 */
amop_status amop_devnet_options_set_port(amop_devnet_options *options, uint16_t port);

/**
 * The folder for the certificates, laid out as the official chain script does; made when it isn't there, used again
 * when it is. Default: a new one for temporary files, which goes with the devnet.
 *
 * - Ownership: `folder` is copied.
 * - Threads: one at a time; callbacks too.
 * - Errors: AMOP_ERROR_INVALID_ARGUMENT.
 */
amop_status amop_devnet_options_set_folder(amop_devnet_options *options,
                                           const char *folder);

/**
 * Whether to imitate what nodes of version 2.11 do badly: messages to clients of the same node are lost, topics take
 * 5 s to travel, frames overtake each other. Default no.
 *
 * - Ownership: nothing changes hands.
 * - Threads: one at a time; callbacks too.
 * - Errors: AMOP_ERROR_INVALID_ARGUMENT.
 */
amop_status amop_devnet_options_set_like_2_11(amop_devnet_options *options,
                                              bool like);

/**
 * Starts the nodes, on threads of their own.
 *
 * - Ownership: `options` (may be NULL) are borrowed; `*devnet` is the caller's, for amop_devnet_free.
 * - Threads: any, callbacks too.
 * - Errors: AMOP_ERROR_LISTEN when a port is taken, _CREDENTIALS_INVALID when the folder holds something else,
 *   _INVALID_ARGUMENT, _RUNTIME, _UNSUPPORTED.
 */
amop_status amop_devnet_start(const amop_devnet_options *options,
                              amop_devnet **devnet,
                              amop_error **error);

/**
 * How many nodes there are, dead ones included; 0 for NULL.
 *
 * - Ownership: nothing changes hands.
 * - Threads: any, callbacks too.
 * - Errors: none.
 */
size_t amop_devnet_node_count(const amop_devnet *devnet);

/**
 * Where a node listens, for amop_options_add_endpoint; NULL where there is none of that index.
 *
 * - Ownership: the text is lent as long as the devnet.
 * - Threads: any, callbacks too.
 * - Errors: none.
 */
const char *amop_devnet_endpoint(const amop_devnet *devnet, size_t node);

/**
 * The folder with a client's credentials, for amop_options_set_credentials; NULL for NULL.
 *
 * - Ownership: the text is lent as long as the devnet.
 * - Threads: any, callbacks too.
 * - Errors: none.
 */
const char *amop_devnet_credentials(const amop_devnet *devnet);

/**
 * Kills a node as a crash does: its port is closed and its sessions are cut when this returns.
 *
 * - Ownership: nothing changes hands.
 * - Threads: any, callbacks too; waits for the node's tasks.
 * - Errors: AMOP_ERROR_INVALID_ARGUMENT, _CLOSED after amop_devnet_stop, _FORKED.
 */
amop_status amop_devnet_kill_node(const amop_devnet *devnet, size_t node, amop_error **error);

/**
 * Brings a dead node back on the same port. Nothing happens when it is alive.
 *
 * - Ownership: nothing changes hands.
 * - Threads: any, callbacks too.
 * - Errors: AMOP_ERROR_LISTEN when the port has been taken meanwhile, _INVALID_ARGUMENT, _CLOSED, _FORKED.
 */
amop_status amop_devnet_restart_node(const amop_devnet *devnet, size_t node, amop_error **error);

/**
 * Stops all nodes: sessions are closed, and all their threads' work has ended when this returns. A second stop does
 * nothing.
 *
 * - Ownership: `devnet` stays the caller's.
 * - Threads: any, callbacks too; waits some seconds at most.
 * - Errors: AMOP_ERROR_INVALID_ARGUMENT, _FORKED.
 */
amop_status amop_devnet_stop(const amop_devnet *devnet,
                             amop_error **error);

/**
 * Frees a devnet. One that wasn't stopped is, without waiting.
 *
 * - Ownership: `devnet` is gone; NULL is fine.
 * - Threads: any, never waits; callbacks too.
 * - Errors: none. In the child of a fork the memory is left alone.
 */
void amop_devnet_free(amop_devnet *devnet);

#ifdef __cplusplus
}
#endif

#endif /* AMOP_H */
