/* Generated from bindings/c/src by its tests (see scripts/test-c.sh); do not edit. */
/**
 * @file amop.h
 *
 * amop: a client for AMOP, the publish/subscribe messaging of FISCO BCOS chains.
 *
 * A program connects to the node of its own institution over mutual TLS, subscribes to topics, and reaches other
 * programs through the nodes of the chain. *Publish* is a unicast: the node picks one subscriber, whose reply is
 * returned. *Broadcast* is a multicast to all subscribers.
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
 * The following rules hold for all functions. The head of a section adds the rules of that section, and a function
 * states what differs from them. Where neither states anything: no ownership is transferred, the function may be called
 * from any thread, including callbacks, and it cannot fail.
 *
 * Ownership. A `const` pointer is borrowed for the call; the library copies what it keeps. A handle that a function
 * stores in an out-parameter, or returns as `_new` and `_clone` do, is owned by the caller, who passes it once to the
 * `_free` function of its type. Every `_free` function accepts NULL. A pointer into a handle is valid until that handle is
 * freed.
 *
 * Results. A function that can fail returns a status: AMOP_OK (0) or an AMOP_ERROR_*. If its last parameter is
 * `error` and that is not NULL, it also stores an error object there, which the caller frees. If a function fails,
 * its out-parameters are set to zero, and file descriptors to -1. NULL for a required handle or string, a string
 * that is not UTF-8, or an impossible length is reported as an error. Getters accept NULL and return NULL, 0 or an
 * empty value.
 *
 * Threads. A handle may be used from any number of threads at once, an options object from one thread at a time. A
 * handle must not be used during or after its `_free`.
 *
 * Callbacks are {call, context, drop}. They run on threads of the library, but not on the threads that read from the
 * network. `drop`, which may be NULL, is called exactly once: after the last call has returned, or, if the function
 * that received the callback fails, before that function returns. A callback may call every function; a function
 * that would wait for callbacks to return does not wait inside of a callback. A callback must not throw an exception
 * into the library, but report a failure by amop_callback_failed. The next call of the same subscription waits until
 * the callback returns; calls of other subscriptions do not.
 *
 * Names. A function without a suffix waits until it is done. `_async` starts the same call and passes its result to a
 * callback; `_queued` starts it and puts the result into a completion queue. What a subscription or service receives is
 * read with `_next`; if it was created by a function with `_callback`, it is passed to a callback.
 *
 * Times are in milliseconds; 0 stands for the default. No function waits without a limit.
 *
 * Processes. A child process created by fork can only free the handles of its parent, which does not release their
 * memory; all other uses fail with AMOP_ERROR_FORKED. It can create handles of its own. A child that shares the memory of
 * its parent, as vfork makes one, must not use the library.
 *
 * Ends of threads. A function of the library disables the cancellation of its thread (pthread_cancel) until it
 * returns: a thread that waits in a function is not interrupted, and is cancelled at its next cancellation point after the
 * function has returned. A function that only reads a value of a handle has no cancellation point, and leaves the
 * cancellation as it is. A callback is never cancelled. A callback that ends its thread by pthread_exit, or that throws
 * an exception, ends the process with a message.
 *
 * Signals. The library installs no signal handlers. Its threads block all signals but those of faults, such as SIGSEGV,
 * so that a thread of the program receives the others. A process or thread that a callback starts inherits that mask.
 *
 * Data. A payload is any number of bytes, possibly none. Strings are UTF-8 and end with a NUL. Payloads are logged
 * at trace level only.
 */

#ifndef AMOP_H
#define AMOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** The version of this header. */
#define AMOP_VERSION "0.1.0"
/** The major version. */
#define AMOP_VERSION_MAJOR 0
/** The minor version. */
#define AMOP_VERSION_MINOR 1
/** The patch version. */
#define AMOP_VERSION_PATCH 0
/** The version as a number: major * 1,000,000 + minor * 1,000 + patch. */
#define AMOP_VERSION_NUMBER 1000
/** The number of the ABI; see amop_check_version. */
#define AMOP_ABI 0

/** Marks the functions that the library exports. */
#ifndef AMOP_API
#if defined(__GNUC__) && !defined(_WIN32)
#define AMOP_API __attribute__((visibility("default")))
#else
#define AMOP_API
#endif
#endif

/** Marks the functions whose result must not be ignored, because it is a handle or states whether there is one. */
#ifndef AMOP_MUST_USE
#if defined(__GNUC__)
#define AMOP_MUST_USE __attribute__((warn_unused_result))
#else
#define AMOP_MUST_USE
#endif
#endif

#ifdef __cplusplus
extern "C" {
#endif

/**
 * @defgroup status Status
 *The values that functions return. The numbers are the same in every language and never change their
 * meaning.
 *
 * @{
 */

/** The result of a function: AMOP_OK, or the kind of the error. */
enum amop_status
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /** Success. */
    AMOP_OK = 0,
    /** An argument is invalid: NULL, empty, out of range, or not UTF-8. */
    AMOP_ERROR_INVALID_ARGUMENT = 1,
    /** A topic is empty, too long (2.x nodes accept 254 bytes), not UTF-8, or contains a TAB. */
    AMOP_ERROR_INVALID_TOPIC = 2,
    /** An endpoint is not `host:port`, `IPv4:port` or `[IPv6]:port`. */
    AMOP_ERROR_INVALID_ENDPOINT = 3,
    /** The message does not fit in one frame (100 MiB - 64 KiB). */
    AMOP_ERROR_TOO_LARGE = 4,
    /** No credentials were set and none were found; the text lists the places searched. */
    AMOP_ERROR_CREDENTIALS_NOT_FOUND = 20,
    /** A certificate or key can't be read or parsed. */
    AMOP_ERROR_CREDENTIALS_INVALID = 21,
    /** The private key is encrypted. */
    AMOP_ERROR_KEY_ENCRYPTED = 22,
    /** The private key does not belong to the certificate. */
    AMOP_ERROR_KEY_MISMATCH = 23,
    /** The client's certificate or the CA has expired or is not yet valid. */
    AMOP_ERROR_CERTIFICATE_DATES = 24,
    /** The host name can't be resolved. */
    AMOP_ERROR_RESOLVE = 30,
    /** The TCP connection failed: nothing listens there, or there is no route. */
    AMOP_ERROR_CONNECT = 31,
    /** TCP, TLS and channel handshake did not complete within the connect timeout. */
    AMOP_ERROR_CONNECT_TIMEOUT = 32,
    /** The TLS handshake failed. */
    AMOP_ERROR_TLS = 33,
    /** This client refused the node's certificate. */
    AMOP_ERROR_NODE_CERTIFICATE = 34,
    /** The node refused this client's certificate. */
    AMOP_ERROR_CLIENT_CERTIFICATE = 35,
    /** The node and the client have no cipher suite or curve in common. */
    AMOP_ERROR_TLS_NO_COMMON = 36,
    /** The handshake after TLS failed: there is no common protocol version, or the peer is not a node. */
    AMOP_ERROR_HANDSHAKE = 37,
    /** An embedded node can't listen on its port. */
    AMOP_ERROR_LISTEN = 38,
    /** No node is connected. */
    AMOP_ERROR_NOT_CONNECTED = 40,
    /** The connection was lost while the call was in flight. */
    AMOP_ERROR_CONNECTION_LOST = 41,
    /** The node or a subscriber violated the protocol. */
    AMOP_ERROR_PROTOCOL = 42,
    /** The deadline of the call passed; of a `_next` function: nothing arrived in time. */
    AMOP_ERROR_TIMEOUT = 50,
    /** The call was cancelled. */
    AMOP_ERROR_CANCELLED = 51,
    /** The client is closed or closing; of a `_next` function: no more items will arrive. */
    AMOP_ERROR_CLOSED = 52,
    /** A limit of this client is reached: calls in flight, or bytes queued for sending. */
    AMOP_ERROR_OVERLOADED = 53,
    /** Node code 100: no node knows a subscriber of the topic, or all subscribers failed. */
    AMOP_ERROR_NO_SUBSCRIBER = 100,
    /** Node code 101 (older nodes): the remote node could not reach its SDK. */
    AMOP_ERROR_REMOTE_NODE = 101,
    /** Node code 102: the time limit of the node passed. */
    AMOP_ERROR_NODE_TIMEOUT = 102,
    /** Node code 103: the bandwidth limit of the node rejected the message. */
    AMOP_ERROR_BANDWIDTH = 103,
    /** Node code 104: the remote node had no further subscriber to try. */
    AMOP_ERROR_SUBSCRIBER_UNREACHABLE = 104,
    /**
     * All subscribers are connected to nodes of this client only, and these (2.8.0 to 2.11.2) don't deliver to SDKs of
     * their own, or not until the deadline of the call.
     */
    AMOP_ERROR_OWN_NODE_ONLY = 105,
    /** Any other code from a node or a subscriber; see amop_error_node_code. */
    AMOP_ERROR_REMOTE = 199,
    /** The subscriber's handler failed (result -5000). */
    AMOP_ERROR_SUBSCRIBER_FAILED = 200,
    /** The subscriber dropped the request without an answer (result -5010). */
    AMOP_ERROR_SUBSCRIBER_DROPPED = 201,
    /** The subscriber's handler did not answer in time (result -5011). */
    AMOP_ERROR_SUBSCRIBER_TOO_SLOW = 202,
    /** All queues of the subscriber were full (result -5012). */
    AMOP_ERROR_SUBSCRIBER_BUSY = 203,
    /** The subscriber had just unsubscribed from the topic (result -5013). */
    AMOP_ERROR_SUBSCRIBER_UNSUBSCRIBED = 204,
    /** This client already serves the topic. */
    AMOP_ERROR_ALREADY_SERVED = 300,
    /** This build of the library, or this node, does not support the operation. */
    AMOP_ERROR_UNSUPPORTED = 302,
    /** The handle was created before a fork, by the parent process. */
    AMOP_ERROR_FORKED = 303,
    /** The library's threads could not be started. */
    AMOP_ERROR_RUNTIME = 304,
    /** The request has already been answered. */
    AMOP_ERROR_ALREADY_ANSWERED = 305,
    /** The request can no longer be answered: the library has answered it (TOO_SLOW), or its connection was lost. */
    AMOP_ERROR_REQUEST_EXPIRED = 306,
    /** A bug in the library: a panic was caught at the boundary to C. */
    AMOP_ERROR_INTERNAL = 307,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum amop_status amop_status;
#else
typedef int32_t amop_status;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/** @} */

/**
 * @defgroup bytes Bytes
 *A view of a payload that is not copied.
 *
 * @{
 */

/**
 * A sequence of bytes, possibly empty: then `len` is 0 and `data` must not be read. Not NUL-terminated.
 *
 * The bytes are borrowed from the handle that returned them, and valid until that handle is freed.
 */
typedef struct amop_bytes {
    /** The first byte. */
    const uint8_t *data;
    /** The number of bytes. */
    size_t len;
} amop_bytes;

/** @} */

/**
 * @defgroup error Errors
 *The error objects that failing functions store in `*error`. An error has a status, a text, and states
 * whether the message may have been delivered.
 *
 * Unless a function states otherwise:
 *
 * - Ownership: the caller keeps `error`. Pointers and bytes returned are valid until it is freed.
 *
 * @{
 */

/** Whether the message of a failed call may have been delivered to a subscriber. */
enum amop_delivery
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /** Not delivered: sending the message again cannot produce a duplicate. */
    AMOP_DELIVERY_NO = 0,
    /** Possibly delivered: sending the message again may produce a duplicate. */
    AMOP_DELIVERY_MAYBE = 1,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum amop_delivery amop_delivery;
#else
typedef int32_t amop_delivery;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/** An error. Immutable. */
typedef struct amop_error amop_error;

/**
 * Returns the name of a status, such as `AMOP_ERROR_TIMEOUT`, or NULL for an unknown number.
 *
 * - Ownership: the string is owned by the library and valid until the process exits.
 */
AMOP_API const char *amop_status_name(int32_t status);

/** Returns the status that the failing function returned; AMOP_OK for NULL. */
AMOP_API amop_status amop_error_code(const amop_error *error);

/**
 * Returns the text: what happened, to what, and what to do. NULL for NULL. Texts may change between versions, so
 * programs should test amop_error_code.
 */
AMOP_API
const char *amop_error_message(const amop_error *error);

/**
 * Returns whether the same call may succeed later without a change by the caller; false for NULL. Whether a retry
 * may produce a duplicate is stated by amop_error_delivery.
 */
AMOP_API
bool amop_error_is_retriable(const amop_error *error);

/** Returns whether the message may have been delivered to a subscriber; AMOP_DELIVERY_NO for NULL. */
AMOP_API amop_delivery amop_error_delivery(const amop_error *error);

/** Returns the result code that the node or the subscriber sent; 0 if there is none, and for NULL. */
AMOP_API int32_t amop_error_node_code(const amop_error *error);

/** Returns the data that a subscriber sent with its failure; empty if there is none, and for NULL. */
AMOP_API amop_bytes amop_error_data(const amop_error *error);

/**
 * Returns a copy of an error, for example of a borrowed one; NULL for NULL.
 *
 * - Ownership: the copy is owned by the caller; free it with amop_error_free.
 */
AMOP_API AMOP_MUST_USE amop_error *amop_error_clone(const amop_error *error);

/** Frees an error. */
AMOP_API void amop_error_free(amop_error *error);

/** @} */

/**
 * @defgroup version Versions
 *The AMOP_VERSION macros have the version of the header, the functions return the version of the library.
 * AMOP_ABI is the number of the binary interface, and of the soname. It changes when programs have to be recompiled,
 * which before version 1.0 any minor version may demand. A program that may run with another library than it was
 * compiled for calls amop_check_version.
 *
 * @{
 */

/** Returns the version of the library, such as `1.2.3`. The string is valid until the process exits. */
AMOP_API const char *amop_version(void);

/** Returns the version of the library as a number: major * 1,000,000 + minor * 1,000 + patch. */
AMOP_API uint32_t amop_version_number(void);

/** Returns the number of the ABI of the library. */
AMOP_API uint32_t amop_abi(void);

/**
 * Checks that the library can serve a program that was compiled with other headers: the ABI is the same, and the library
 * is not older. Pass AMOP_ABI and AMOP_VERSION_NUMBER.
 *
 * - Errors: AMOP_ERROR_UNSUPPORTED if it cannot.
 */
AMOP_API
amop_status amop_check_version(uint32_t abi,
                               uint32_t version,
                               amop_error **error);

/** @} */

/**
 * @defgroup retry Retries
 *When the library repeats a failed call.
 *
 * @{
 */

/** When a failed publish or broadcast is retried automatically. */
enum amop_retry
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /** As set in the options of the client; in those: AMOP_RETRY_DEFINITE. */
    AMOP_RETRY_DEFAULT = 0,
    /** Never. */
    AMOP_RETRY_NEVER = 1,
    /** On another node, if the error states that the message was not delivered. */
    AMOP_RETRY_DEFINITE = 2,
    /**
     * Also if the message may have been delivered. Subscribers that use this library discard the duplicate; others
     * may handle the message more than once.
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

/** @} */

/**
 * @defgroup placement Placement
 *At how many nodes a client lists a topic.
 *
 * @{
 */

/** At how many of the connected nodes a topic is listed. */
enum amop_placement
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /** AMOP_PLACEMENT_ALL for a subscription, AMOP_PLACEMENT_ONE for a service. */
    AMOP_PLACEMENT_DEFAULT = 0,
    /** At all connected nodes: the loss of a node loses no messages, and every broadcast is received. */
    AMOP_PLACEMENT_ALL = 1,
    /** At one node; the topic moves to another node when that one is lost. */
    AMOP_PLACEMENT_ONE = 2,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum amop_placement amop_placement;
#else
typedef int32_t amop_placement;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/** @} */

/**
 * @defgroup confirm Confirmation
 *Whether making a subscription or service waits until a node has confirmed that it lists the topic. If the
 * confirmation fails, the subscription or service is removed.
 *
 * @{
 */

/** When making a subscription or service waits for a node. */
enum amop_confirm
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * While a node is connected. Without one the function returns at once, and the subscription becomes active with the
     * first node; only for a topic that a node may refuse as too long does it wait for that node. The default.
     */
    AMOP_CONFIRM_AUTO = 0,
    /** Always, up to the timeout, also for the first node to be connected. */
    AMOP_CONFIRM_ALWAYS = 1,
    /** Never. Whether a node lists the topic is not reported. */
    AMOP_CONFIRM_NEVER = 2,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum amop_confirm amop_confirm;
#else
typedef int32_t amop_confirm;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/** @} */

/**
 * @defgroup generation Generations
 *The generations of nodes that a client connects to.
 *
 * @{
 */

/** Which generations of nodes a client connects to. All nodes of one client are of one generation. */
enum amop_generation
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /** The client finds out. The kind of certificate decides what is tried first. */
    AMOP_GENERATION_AUTO = 0,
    /** 2.x only: the channel protocol. */
    AMOP_GENERATION_2 = 2,
    /** 3.x only: WebSocket. */
    AMOP_GENERATION_3 = 3,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum amop_generation amop_generation;
#else
typedef int32_t amop_generation;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/** @} */

/**
 * @defgroup tls TLS
 *The kinds of protection of a connection.
 *
 * @{
 */

/** The kind of TLS of a connection. */
enum amop_tls
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * As an option: the credentials decide. With RSA keys ECDHE is tried first, and static RSA only if the node has
     * nothing in common with it. As a statistic: the endpoint was not reached yet.
     */
    AMOP_TLS_AUTO = 0,
    /** TLS 1.2 with ECDHE, for secp256k1 chains, and for RSA chains whose nodes support it. */
    AMOP_TLS_ECDHE = 1,
    /** TLS 1.2 with static RSA key exchange, the only one of 2.x nodes with an RSA channel. It has no forward secrecy. */
    AMOP_TLS_STATIC_RSA = 2,
    /** The GM suites over TLS 1.2, of GM channels of 2.x nodes. */
    AMOP_TLS_GM = 3,
    /** TLCP, of SM chains of generation 3. */
    AMOP_TLS_TLCP = 4,
    /**
     * No TLS: plain TCP, without credentials, for 3.x nodes that are set up so (disable_ssl). Anybody on the way can read
     * and change what is sent.
     */
    AMOP_TLS_OFF = 5,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum amop_tls amop_tls;
#else
typedef int32_t amop_tls;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/** @} */

/**
 * @defgroup options Options of a client
 *An options object is created with amop_options_new, filled by setters and read by
 * amop_client_connect. It may be used for several clients. What is not set has its default.
 *
 * Unless a function states otherwise:
 *
 * - Threads: any thread, including callbacks, but only one at a time.
 * - Errors: AMOP_ERROR_INVALID_ARGUMENT. Whether the values are acceptable together is checked by
 *   amop_client_connect.
 *
 * @{
 */

/** Settings of a client. */
typedef struct amop_options amop_options;

/**
 * Creates options without an endpoint, with defaults for everything else.
 *
 * - Ownership: the options are owned by the caller; free them with amop_options_free.
 * - Errors: none.
 */
AMOP_API AMOP_MUST_USE amop_options *amop_options_new(void);

/** Frees options. Clients that were connected with them are not affected. */
AMOP_API void amop_options_free(amop_options *options);

/**
 * Adds a node to connect to: `host:port`, `IPv4:port` or `[IPv6]:port`. The format is checked by
 * amop_client_connect. Call it once for each node.
 */
AMOP_API amop_status amop_options_add_endpoint(amop_options *options, const char *endpoint);

/**
 * Sets the path of a configuration file: a TOML file of this library, or the file that a program has for another SDK
 * (java-sdk, go-sdk, the C SDK, web3sdk, nodejs-sdk, python-sdk), whose kind is recognised by its content. It is read by
 * amop_client_connect. The other options precede what the file states; if an endpoint was added, those of the file are
 * not used. A build without configuration files fails to connect with AMOP_ERROR_UNSUPPORTED.
 */
AMOP_API
amop_status amop_options_set_config_file(amop_options *options,
                                         const char *file);

/**
 * Sets the kind of TLS, an AMOP_TLS_*. Default: AMOP_TLS_AUTO, with which the credentials decide. Connecting fails with
 * AMOP_ERROR_INVALID_ARGUMENT if the credentials are for another kind.
 */
AMOP_API
amop_status amop_options_set_tls(amop_options *options,
                                 int32_t tls);

/** Sets how long before its end a certificate in use is reported as AMOP_EVENT_CERTIFICATE_EXPIRING. Default: 14 days. */
AMOP_API
amop_status amop_options_set_expiry_warning(amop_options *options,
                                            uint64_t warning_ms);

/** Sets the time limit of one attempt to connect, which includes TCP, TLS and channel handshake. Default: 10 s. */
AMOP_API
amop_status amop_options_set_connect_timeout(amop_options *options,
                                             uint64_t timeout_ms);

/** Sets the time limit of calls that state none. Default: 10 s. */
AMOP_API amop_status amop_options_set_call_timeout(amop_options *options, uint64_t timeout_ms);

/**
 * Sets how long amop_client_close and the unsubscribe functions wait for callbacks if no timeout is passed to them.
 * Default: 5 s.
 */
AMOP_API
amop_status amop_options_set_close_timeout(amop_options *options,
                                           uint64_t timeout_ms);

/**
 * Sets the heartbeat interval. Default: 10 s. Keep it below 60 s, because nodes close connections that are idle for
 * that long. See amop_options_set_missed_heartbeats.
 */
AMOP_API
amop_status amop_options_set_heartbeat(amop_options *options,
                                       uint64_t interval_ms);

/** Sets the number of heartbeat intervals after which a connection on which nothing arrives is closed. Default: 2. */
AMOP_API
amop_status amop_options_set_missed_heartbeats(amop_options *options,
                                               uint32_t heartbeats);

/**
 * Sets whether amop_client_connect creates a client even if no node can be reached. The client keeps trying, and
 * until it succeeds calls fail with AMOP_ERROR_NOT_CONNECTED. Invalid options or credentials are still errors.
 * Default: false.
 */
AMOP_API
amop_status amop_options_set_start_offline(amop_options *options,
                                           bool offline);

/**
 * Sets the pause before the first attempt to reconnect. The pause doubles with each failed attempt, up to the
 * longest pause, and is varied randomly by up to 50 %. Default: 100 ms.
 */
AMOP_API amop_status amop_options_set_reconnect_min(amop_options *options, uint64_t pause_ms);

/** Sets the longest pause between attempts to reconnect. Default: 10 s. */
AMOP_API amop_status amop_options_set_reconnect_max(amop_options *options, uint64_t pause_ms);

/**
 * Sets how long a request may wait for its answer before the library answers TOO_SLOW on behalf of the service.
 * Default: 4.5 s, at 3.x nodes 29.5 s: half a second before the node would deliver the message again.
 */
AMOP_API
amop_status amop_options_set_answer_timeout(amop_options *options,
                                            uint64_t timeout_ms);

/**
 * Sets which generations of nodes the client connects to: an AMOP_GENERATION_*. Default: AMOP_GENERATION_AUTO, with
 * which it tries both at each endpoint until it has been connected there. All nodes of one client are of one
 * generation, that of the first one connected; endpoints of the other one are down with AMOP_ERROR_UNSUPPORTED.
 */
AMOP_API
amop_status amop_options_set_generation(amop_options *options,
                                        int32_t generation);

/** Sets when failed calls are retried automatically: an AMOP_RETRY_*. Default: AMOP_RETRY_DEFINITE. */
AMOP_API amop_status amop_options_set_retry(amop_options *options, int32_t retry);

/** Sets whether the client's own broadcasts are delivered to its own subscriptions. Default: false. */
AMOP_API amop_status amop_options_set_echo(amop_options *options, bool echo);

/**
 * Sets the group of the chain in which nodes are asked for their peers. Messages do not depend on groups. Default:
 * 1.
 */
AMOP_API
amop_status amop_options_set_group(amop_options *options,
                                   int64_t group);

/** @} */

/**
 * @defgroup options_credentials Credentials
 *They are the certificate of the CA (`ca.crt`), the client's certificate followed by the intermediate
 * certificates up to the CA (`sdk.crt`), and the private key (`sdk.key`; PKCS#8 or SEC1, not encrypted). GM chains have
 * a second certificate and key for encryption. All are PEM. If no function of this section is called, the files are
 * searched in `$AMOP_CREDENTIALS`, `.`, `conf`, `sdk`, `nodes/127.0.0.1/sdk` and `amop-devnet/sdk`. The files are found
 * when the client connects. The same files are read again for each reconnect, whatever the current folder is then.
 *
 * - Threads: any thread, including callbacks, but only one at a time.
 * - Errors: AMOP_ERROR_INVALID_ARGUMENT. The credentials themselves are checked by amop_client_connect.
 *
 * @{
 */

/**
 * Sets the folder with the SDK's credentials, or one of its files. The folder contains `ca.crt`, `sdk.crt` and
 * `sdk.key`; or `gmca.crt`, `gmsdk.crt`, `gmsdk.key`, `gmensdk.crt` and `gmensdk.key` (2.x GM chains, also in `gm` below
 * it); or `sm_ca.crt`, `sm_sdk.crt`, `sm_sdk.key`, `sm_ensdk.crt` and `sm_ensdk.key` (3.x SM chains); or the folder
 * `sdk` with one of these sets. If the first set has a GM set beside it, nodes that have nothing in common with the
 * first are tried with the other; a file that is given instead of its folder excludes the other sets. A node's own key
 * (`node.key`) is used only if it is given.
 */
AMOP_API
amop_status amop_options_set_credentials(amop_options *options,
                                         const char *folder);

/** Sets the paths of the three files. */
AMOP_API
amop_status amop_options_set_credential_files(amop_options *options,
                                              const char *ca,
                                              const char *cert,
                                              const char *key);

/** Sets the contents of the three files. */
AMOP_API
amop_status amop_options_set_credential_pem(amop_options *options,
                                            const void *ca,
                                            size_t ca_len,
                                            const void *cert,
                                            size_t cert_len,
                                            const void *key,
                                            size_t key_len);

/**
 * Sets the paths of the five files of a GM chain: the CA, the client's certificate and private key for signatures, and
 * those for encryption. Names that begin with `gm` or `sm_` state whether GM over TLS 1.2 or TLCP is used; otherwise
 * both are tried.
 */
AMOP_API
amop_status amop_options_set_credential_files_gm(amop_options *options,
                                                 const char *ca,
                                                 const char *cert,
                                                 const char *key,
                                                 const char *enc_cert,
                                                 const char *enc_key);

/** Sets the contents of the five files of a GM chain. TLCP is tried first, then GM over TLS 1.2. */
AMOP_API
amop_status amop_options_set_credential_pem_gm(amop_options *options,
                                               const void *ca,
                                               size_t ca_len,
                                               const void *cert,
                                               size_t cert_len,
                                               const void *key,
                                               size_t key_len,
                                               const void *enc_cert,
                                               size_t enc_cert_len,
                                               const void *enc_key,
                                               size_t enc_key_len);

/** @} */

/**
 * @defgroup options_limits Limits of a client
 *0 stands for the default.
 *
 * - Threads: any thread, including callbacks, but only one at a time.
 * - Errors: AMOP_ERROR_INVALID_ARGUMENT.
 *
 * @{
 */

/**
 * Sets the maximum number of calls of the client that are under way, whatever they wait for. Further calls fail with
 * AMOP_ERROR_OVERLOADED. Default: 65,536.
 */
AMOP_API
amop_status amop_options_set_max_in_flight(amop_options *options,
                                           size_t calls);

/**
 * Sets the maximum number of bytes queued for sending per connection, and the maximum number that calls of the client
 * keep while they wait for a node, a subscriber or a retry. Further calls fail with AMOP_ERROR_OVERLOADED, and so do
 * replies of handlers, whose requests stay open. Default: 256 MiB.
 */
AMOP_API
amop_status amop_options_set_max_send_bytes(amop_options *options,
                                            size_t bytes);

/**
 * Sets the maximum number of bytes queued in all subscriptions and services together, counting 160 bytes per message
 * besides its payload. Default: 512 MiB. At the limit, an empty subscription still accepts one message, and one with
 * AMOP_OVERFLOW_DROP_OLDEST discards its oldest messages to make space.
 */
AMOP_API
amop_status amop_options_set_max_held_bytes(amop_options *options,
                                            size_t bytes);

/**
 * Sets the maximum number of events queued for each listener. At the limit the oldest event is discarded and
 * counted. Default: 1,024.
 */
AMOP_API amop_status amop_options_set_max_events(amop_options *options, size_t events);

/** Sets how long a message is remembered, so that duplicates of it are recognised and not delivered. Default: 60 s. */
AMOP_API
amop_status amop_options_set_duplicate_window(amop_options *options,
                                              uint64_t window_ms);

/** Sets the maximum number of messages that are remembered. Default: 65,536. */
AMOP_API amop_status amop_options_set_max_duplicates(amop_options *options, size_t messages);

/** Sets the maximum number of threads for callbacks. They are started when needed and exit when idle. Default: 256. */
AMOP_API
amop_status amop_options_set_dispatcher_threads(amop_options *options,
                                                size_t threads);

/** @} */

/**
 * @defgroup options_by_name Options by name
 *For programs that read them from a configuration file. The names are those of the setters, such as
 * `call_timeout` for amop_options_set_call_timeout.
 *
 * @{
 */

/**
 * Sets an option by its name: amop_options_set(options, "call_timeout", "5s", &error). What a value looks like:
 *
 * - a time is a number with its unit `ms`, `s`, `m` or `h`;
 * - a number of bytes may have the unit `KiB`, `MiB` or `GiB`;
 * - other numbers have no unit, and flags are `true` or `false`;
 * - `retry` is `never`, `definite` or `at_least_once`;
 * - `endpoint` adds one, `endpoints` a list that is separated by commas;
 * - `tls` is `auto`, `ecdhe`, `static-rsa`, `gm`, `tlcp` or `off`;
 * - `config_file` is a path, `credentials` a folder, `credential_files` three paths separated by commas,
 *   `credential_files_gm` five.
 *
 * - Ownership: `name` and `value` are copied.
 * - Threads: any thread, including callbacks, but only one at a time.
 * - Errors: AMOP_ERROR_INVALID_ARGUMENT if no option has that name, with the names that are similar, or if the value
 *   cannot be parsed, with what is expected.
 */
AMOP_API
amop_status amop_options_set(amop_options *options,
                             const char *name,
                             const char *value,
                             amop_error **error);

/** @} */

/**
 * @defgroup client Clients
 *A client is connected to one or more nodes. It reconnects automatically until it is closed, and restores
 * its topics. Close it with amop_client_close, then free it with amop_client_free.
 *
 * @{
 */

/** A client. Its functions may be called from any number of threads at once. */
typedef struct amop_client amop_client;

/**
 * Connects to the endpoints in `options`. Returns when one node is ready; the client connects to the others in the
 * background. See also amop_options_set_start_offline.
 *
 * - Ownership: the caller keeps `options` and may free them. `*client` is owned by the caller; free it with
 *   amop_client_free.
 * - Threads: any thread, including callbacks. Waits up to the connect timeout.
 * - Errors: AMOP_ERROR_INVALID_ARGUMENT, _INVALID_ENDPOINT; _CREDENTIALS_NOT_FOUND, _CREDENTIALS_INVALID,
 *   _KEY_ENCRYPTED, _KEY_MISMATCH, _CERTIFICATE_DATES; _RUNTIME. If no node can be reached, the error of the first
 *   endpoint: _RESOLVE, _CONNECT, _CONNECT_TIMEOUT, _TLS, _NODE_CERTIFICATE, _CLIENT_CERTIFICATE, _TLS_NO_COMMON,
 *   _HANDSHAKE.
 */
AMOP_API
AMOP_MUST_USE
amop_status amop_client_connect(const amop_options *options,
                                amop_client **client,
                                amop_error **error);

/**
 * Closes the client. Calls in flight fail with AMOP_ERROR_CLOSED. Callbacks process what is queued for them until
 * the timeout; the rest is discarded and counted. When AMOP_OK is returned, no callback of this client runs any more
 * and every `drop` has been called. A second call waits for the first one.
 *
 * - Ownership: the caller keeps `client`. Its functions fail with AMOP_ERROR_CLOSED from now on.
 * - Threads: any thread. Waits up to `timeout_ms` (0: the close timeout of the options). Inside of a callback it
 *   returns at once, and the client closes after the callback has returned.
 * - Errors: AMOP_ERROR_TIMEOUT if a callback has not returned; its context is kept until it does.
 *   AMOP_ERROR_INVALID_ARGUMENT, _FORKED.
 */
AMOP_API
amop_status amop_client_close(const amop_client *client,
                              uint64_t timeout_ms,
                              amop_error **error);

/**
 * Frees a client. A client that is not closed closes in the background, without waiting: what is queued is
 * discarded, calls in flight fail with AMOP_ERROR_CLOSED, and each `drop` is called after the last call.
 * Subscriptions and services end, but their handles remain valid. Call amop_client_close first for an orderly
 * shutdown.
 *
 * - Threads: any thread, including callbacks. Never waits.
 */
AMOP_API void amop_client_free(amop_client *client);

/**
 * Loads the credentials again from the same files, which were renewed, and makes the connections anew with them, one
 * after the other: each once no call is in flight and no request unanswered there, or after the close timeout. If the
 * credentials can't be used, the previous ones stay in use and no connection is ended. If a node can't be connected
 * anew, the connections to the nodes after it are left as they are. Without this call the files are read again at each
 * reconnect.
 *
 * - Threads: any thread. Waits up to the connect timeout, and for each endpoint up to the connect and close timeouts.
 *   A callback should not call it, because its own request is unanswered meanwhile.
 * - Errors: AMOP_ERROR_CREDENTIALS_NOT_FOUND, _CREDENTIALS_INVALID, _KEY_ENCRYPTED, _KEY_MISMATCH, _CERTIFICATE_DATES;
 *   _INVALID_ARGUMENT, also if the credentials were given as text; the errors of amop_client_connect for a node;
 *   _CONNECT_TIMEOUT, _RUNTIME, _CLOSED, _FORKED.
 */
AMOP_API
amop_status amop_client_reload_credentials(const amop_client *client,
                                           amop_error **error);

/**
 * Adds an endpoint to connect to. Does nothing if the client already has it.
 *
 * - Ownership: `endpoint` is copied.
 * - Threads: any thread, including callbacks. Never waits.
 * - Errors: AMOP_ERROR_INVALID_ENDPOINT, _INVALID_ARGUMENT, _CLOSED, _FORKED.
 */
AMOP_API
amop_status amop_client_add_endpoint(const amop_client *client,
                                     const char *endpoint,
                                     amop_error **error);

/**
 * Removes an endpoint. Queued messages are still written. The connection is closed once no call is in flight and no
 * request unanswered, or after the close timeout; calls still in flight then fail with AMOP_ERROR_CONNECTION_LOST.
 * Topics listed only at that node move to another. Does nothing if the client has no such endpoint.
 *
 * - Ownership: `endpoint` is copied.
 * - Threads: any thread, including callbacks. Never waits.
 * - Errors: AMOP_ERROR_INVALID_ENDPOINT, _INVALID_ARGUMENT, _CLOSED, _FORKED.
 */
AMOP_API
amop_status amop_client_remove_endpoint(const amop_client *client,
                                        const char *endpoint,
                                        amop_error **error);

/** @} */

/**
 * @defgroup stats_stat Statistics
 *Counters and current values of a client, an endpoint, a subscription or a service.
 *
 * @{
 */

/**
 * One statistic. 1 to 19 belong to a client. 20 to 49 belong to an endpoint; a client has their totals. 50 and
 * above, and AMOP_STAT_HELD_BYTES, belong to a subscription or service; a client has some of them.
 */
enum amop_stat
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /** Payload bytes queued now: of a client in all its subscriptions and services together. */
    AMOP_STAT_HELD_BYTES = 1,
    /** Retries of calls. */
    AMOP_STAT_RETRIES = 2,
    /** How often a callback had to wait for a thread. */
    AMOP_STAT_DISPATCHER_WAITS = 3,
    /** Messages that had been received before: answered as the first one was, and not delivered again. */
    AMOP_STAT_DUPLICATES = 4,
    /** Messages on topics that the client is not, or no longer, subscribed to. */
    AMOP_STAT_UNWANTED = 5,
    /** The client's own broadcasts that were received and discarded (without echo). */
    AMOP_STAT_OWN_BROADCASTS = 6,
    /** Events that were discarded because a listener read too slowly, or was freed before it had read them. */
    AMOP_STAT_EVENTS_DROPPED = 7,
    /** Calls whose messages the client keeps now: they wait for a node or a subscriber, or may be retried. */
    AMOP_STAT_CALLS_WAITING = 8,
    /** Broadcasts that were acknowledged by at least one node, but by too few to reach all subscribers. */
    AMOP_STAT_PARTIAL_BROADCASTS = 9,
    /** 1 if a session is established, else 0; of a client: if any is. */
    AMOP_STAT_CONNECTED = 20,
    /** Sessions established; all after the first are reconnects. */
    AMOP_STAT_CONNECTS = 21,
    /** Frames written, of all types. */
    AMOP_STAT_FRAMES_SENT = 22,
    /** Frames read, of all types. */
    AMOP_STAT_FRAMES_RECEIVED = 23,
    /** Bytes written, before encryption. */
    AMOP_STAT_BYTES_SENT = 24,
    /** Bytes read, after decryption. */
    AMOP_STAT_BYTES_RECEIVED = 25,
    /** Write operations on the connection. */
    AMOP_STAT_WRITES = 26,
    /** Calls in flight now. */
    AMOP_STAT_IN_FLIGHT = 27,
    /** Bytes queued for sending now. */
    AMOP_STAT_QUEUED_BYTES = 28,
    /** Topic lists sent. */
    AMOP_STAT_TOPIC_LISTS_SENT = 29,
    /** Replies that match no call in flight: late, duplicate or of unknown origin. */
    AMOP_STAT_STRAY_REPLIES = 30,
    /** Frames of types that a client does not use, and malformed ones of types that other SDKs create. */
    AMOP_STAT_IGNORED_FRAMES = 31,
    /** Requests that the library answered TOO_SLOW on behalf of a service. */
    AMOP_STAT_TOO_SLOW = 32,
    /** Unicasts refused because every subscription or service of the topic was full. */
    AMOP_STAT_BUSY = 33,
    /** Sessions lost. */
    AMOP_STAT_LOSSES = 34,
    /** Failed attempts to connect. */
    AMOP_STAT_FAILED_CONNECTS = 35,
    /** Unicasts and broadcasts sent for callers, retries included. */
    AMOP_STAT_CALLS = 36,
    /** Unicasts and broadcasts received, duplicates included. */
    AMOP_STAT_MESSAGES_RECEIVED = 37,
    /** Unicasts that received a reply; amop_stats_round_trip returns how long they took. */
    AMOP_STAT_ROUND_TRIPS = 38,
    /** The state of the endpoint, an AMOP_ENDPOINT_*; of a client: the highest of all its endpoints. */
    AMOP_STAT_STATE = 39,
    /**
     * Calls and replies refused because of a limit: bytes queued at this connection; of a client: also calls under
     * way.
     */
    AMOP_STAT_OVERLOADED = 40,
    /**
     * The kind of TLS by which the endpoint was reached the last time, an AMOP_TLS_*; AMOP_TLS_AUTO before, and of a
     * client.
     */
    AMOP_STAT_TLS = 41,
    /** Messages queued now. */
    AMOP_STAT_HELD_MESSAGES = 50,
    /** Messages accepted so far. */
    AMOP_STAT_ACCEPTED = 51,
    /** Messages refused because the queue was full; of a client: by all its subscriptions and services. */
    AMOP_STAT_REFUSED = 52,
    /**
     * Messages discarded after they were accepted: in favour of newer ones, or because the subscription or service
     * ended before they were read; of a client: by all its subscriptions and services.
     */
    AMOP_STAT_DROPPED = 53,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum amop_stat amop_stat;
#else
typedef int32_t amop_stat;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/** The state of an endpoint. A higher value is a better state. */
enum amop_endpoint_state
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /** The client has closed the connection, or removed the endpoint. */
    AMOP_ENDPOINT_ENDED = 0,
    /**
     * The last attempt to connect failed, or the session was lost; the client will try again.
     * amop_stats_endpoint_error returns the reason.
     */
    AMOP_ENDPOINT_DOWN = 1,
    /** The first attempt to connect is in progress. */
    AMOP_ENDPOINT_CONNECTING = 2,
    /** A session is established. */
    AMOP_ENDPOINT_CONNECTED = 3,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum amop_endpoint_state amop_endpoint_state;
#else
typedef int32_t amop_endpoint_state;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * Returns the name of a statistic, such as `AMOP_STAT_IN_FLIGHT`, or NULL for an unknown number.
 *
 * - Ownership: the string is owned by the library and valid until the process exits.
 */
AMOP_API const char *amop_stat_name(int32_t stat);

/** @} */

/**
 * @defgroup stats Snapshots of statistics
 * Unless a function states otherwise:
 *
 * - Ownership: pointers returned are valid until the snapshot is freed.
 *
 * @{
 */

/** A snapshot of statistics. Immutable. */
typedef struct amop_stats amop_stats;

/**
 * Stores a snapshot of a client in `*stats`: AMOP_STAT_HELD_BYTES to _PARTIAL_BROADCASTS, _REFUSED and _DROPPED, the
 * statistics of each endpoint (see amop_stats_endpoint_get), their totals, and where each private topic stands (see
 * amop_stats_private_topic). Endpoints that were removed are not included.
 *
 * - Errors: AMOP_ERROR_INVALID_ARGUMENT, _FORKED.
 */
AMOP_API
AMOP_MUST_USE
amop_status amop_client_stats(const amop_client *client,
                              amop_stats **stats,
                              amop_error **error);

/**
 * Stores one statistic, an AMOP_STAT_*, of the client, subscription or service in `*value`.
 *
 * - Errors: AMOP_ERROR_INVALID_ARGUMENT, also if the snapshot does not have that statistic.
 */
AMOP_API
amop_status amop_stats_get(const amop_stats *stats,
                           int32_t stat,
                           uint64_t *value,
                           amop_error **error);

/**
 * Returns the number of endpoints in the snapshot of a client; 0 for other snapshots and NULL. Endpoints are in the
 * order in which they were added.
 */
AMOP_API
size_t amop_stats_endpoint_count(const amop_stats *stats);

/** Returns the name of an endpoint, as it was added, or NULL for an invalid index. */
AMOP_API const char *amop_stats_endpoint(const amop_stats *stats, size_t index);

/**
 * Stores one statistic of an endpoint, AMOP_STAT_CONNECTED to AMOP_STAT_TLS, in `*value`.
 *
 * - Errors: AMOP_ERROR_INVALID_ARGUMENT, also for an invalid index or statistic.
 */
AMOP_API
amop_status amop_stats_endpoint_get(const amop_stats *stats,
                                    size_t index,
                                    int32_t stat,
                                    uint64_t *value,
                                    amop_error **error);

/**
 * Returns why an endpoint has no session: the error of the last attempt to connect or of the lost session. Returns
 * NULL while a session is established, before the first attempt has completed, and for an invalid index.
 * amop_error_clone makes a copy that outlives the snapshot.
 */
AMOP_API
const amop_error *amop_stats_endpoint_error(const amop_stats *stats,
                                            size_t index);

/**
 * Stores a quantile of the round trip times in `*microseconds`: of the unicasts that received a reply, over all
 * endpoints. A `part` of 0.5 gives the median, 0.99 the time that the slowest hundredth exceeded, 1 the longest. The
 * precision is one eighth of the value; 0 if there were none.
 *
 * - Errors: AMOP_ERROR_INVALID_ARGUMENT, also for a part that is not from 0 to 1.
 */
AMOP_API
amop_status amop_stats_round_trip(const amop_stats *stats,
                                  double part,
                                  uint64_t *microseconds,
                                  amop_error **error);

/**
 * Returns the number of non-empty buckets in the histogram of round trip times, over all endpoints, for
 * amop_stats_round_trip_bucket; 0 for NULL.
 */
AMOP_API size_t amop_stats_round_trip_bucket_count(const amop_stats *stats);

/**
 * Reads one bucket of the histogram, the fastest first. Stores the longest time that falls into it in
 * `*up_to_microseconds`, and the number of round trips in `*count`.
 *
 * - Errors: AMOP_ERROR_INVALID_ARGUMENT, also for an invalid index.
 */
AMOP_API
amop_status amop_stats_round_trip_bucket(const amop_stats *stats,
                                         size_t bucket,
                                         uint64_t *up_to_microseconds,
                                         uint64_t *count,
                                         amop_error **error);

/**
 * Stores a quantile of the round trip times of one endpoint in `*microseconds`, see amop_stats_round_trip.
 *
 * - Errors: AMOP_ERROR_INVALID_ARGUMENT, also for an invalid index or part.
 */
AMOP_API
amop_status amop_stats_endpoint_round_trip(const amop_stats *stats,
                                           size_t index,
                                           double part,
                                           uint64_t *microseconds,
                                           amop_error **error);

/** Frees a snapshot. */
AMOP_API void amop_stats_free(amop_stats *stats);

/** @} */

/**
 * @defgroup stats_private_topic Statistics of private topics
 *Where each private topic of a client stands: the keys of both sides, and the verification of
 * subscribers. The snapshot of a client has them, ordered by topic.
 *
 * Unless a function states otherwise:
 *
 * - Ownership: pointers returned are valid until the snapshot is freed. They are NULL, and numbers are 0, for an invalid
 *   index and for NULL.
 *
 * @{
 */

/** Where a verification stands. */
enum amop_verification_state
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /** There is no such verification in the snapshot. */
    AMOP_VERIFICATION_NONE = 0,
    /** The first one is under way. */
    AMOP_VERIFICATION_PENDING = 1,
    /** The node passes messages on. */
    AMOP_VERIFICATION_VERIFIED = 2,
    /** The subscriber was not verified the last time, so that the node passes no messages on. */
    AMOP_VERIFICATION_REJECTED = 3,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum amop_verification_state amop_verification_state;
#else
typedef int32_t amop_verification_state;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/** Returns the number of private topics that the client subscribes to, serves or publishes on. */
AMOP_API size_t amop_stats_private_topic_count(const amop_stats *stats);

/** Returns the name of a private topic. */
AMOP_API const char *amop_stats_private_topic(const amop_stats *stats, size_t index);

/**
 * Returns the public half of the key with which this client proves that it may receive messages, as 130 hex digits; NULL if
 * it neither subscribes nor serves.
 */
AMOP_API
const char *amop_stats_private_topic_key(const amop_stats *stats,
                                         size_t index);

/** Returns the number of challenges that this client has signed. */
AMOP_API uint64_t amop_stats_private_topic_challenges_signed(const amop_stats *stats, size_t index);

/**
 * Returns the number of messages that arrived as challenges and were not signed, because they are none or too many came at
 * once. They get no answer, so that the node asks again.
 */
AMOP_API
uint64_t amop_stats_private_topic_challenges_refused(const amop_stats *stats,
                                                     size_t index);

/** Returns the number of keys that this client allows; 0 if it does not publish on the topic. */
AMOP_API size_t amop_stats_private_topic_allowed_count(const amop_stats *stats, size_t index);

/** Returns a key that this client allows, as 130 hex digits. */
AMOP_API const char *amop_stats_private_topic_allowed(const amop_stats *stats, size_t index, size_t key);

/**
 * Returns the number of verifications of a topic that the client publishes on: of the subscribers at one node, for messages
 * through another one. Nodes that verified them for an earlier publisher do not ask again, and are not among them.
 */
AMOP_API
size_t amop_stats_verification_count(const amop_stats *stats,
                                     size_t index);

/** Returns the endpoint that passes messages on to the subscribers at the node of a verification. */
AMOP_API
const char *amop_stats_verification_endpoint(const amop_stats *stats,
                                             size_t index,
                                             size_t verification);

/** Returns the id of the subscribers' node. */
AMOP_API
const char *amop_stats_verification_node_id(const amop_stats *stats,
                                            size_t index,
                                            size_t verification);

/** Returns where a verification stands; AMOP_VERIFICATION_NONE for an invalid index and for NULL. */
AMOP_API
amop_verification_state amop_stats_verification_state(const amop_stats *stats,
                                                      size_t index,
                                                      size_t verification);

/**
 * Returns the key that the subscriber has signed with, as 130 hex digits; NULL if it has not signed, or the key cannot be
 * known.
 */
AMOP_API
const char *amop_stats_verification_key(const amop_stats *stats,
                                        size_t index,
                                        size_t verification);

/** Returns why the subscriber was rejected; NULL if it was not. */
AMOP_API
const char *amop_stats_verification_reason(const amop_stats *stats,
                                           size_t index,
                                           size_t verification);

/**
 * Returns the name of a state, such as `AMOP_VERIFICATION_PENDING`, or NULL for an unknown number.
 *
 * - Ownership: the string is owned by the library and valid until the process exits.
 */
AMOP_API const char *amop_verification_state_name(int32_t state);

/** @} */

/**
 * @defgroup message Messages
 *What a subscription receives: a topic, a payload, and the node it came from.
 *
 * Unless a function states otherwise:
 *
 * - Ownership: the caller keeps `message`. Pointers and bytes returned are valid until it is freed.
 * - Errors: none. NULL has no topic, no endpoint and no bytes.
 *
 * @{
 */

/** How a message was sent. */
enum amop_message_kind_t
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /** The message is NULL. */
    AMOP_MESSAGE_NONE = 0,
    /** To one subscriber, chosen by the node. */
    AMOP_MESSAGE_UNICAST = 1,
    /** To all subscribers. */
    AMOP_MESSAGE_BROADCAST = 2,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum amop_message_kind_t amop_message_kind_t;
#else
typedef int32_t amop_message_kind_t;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/** A message. Immutable. A callback borrows it for the call and may keep a clone. */
typedef struct amop_message amop_message;

/** Returns the topic that the message was published on. */
AMOP_API const char *amop_message_topic(const amop_message *message);

/** Returns whether the message is a unicast or a broadcast; AMOP_MESSAGE_NONE for NULL. */
AMOP_API amop_message_kind_t amop_message_kind(const amop_message *message);

/** Returns the payload: any number of bytes, possibly none, not NUL-terminated. */
AMOP_API amop_bytes amop_message_data(const amop_message *message);

/**
 * Returns the sequence id that the publisher gave the message, as received: 32 bytes from 2.x nodes, usually
 * hexadecimal digits. Empty if the protocol carries none.
 */
AMOP_API amop_bytes amop_message_seq(const amop_message *message);

/** Returns the endpoint of the node that delivered the message, as it was added. */
AMOP_API const char *amop_message_endpoint(const amop_message *message);

/**
 * Returns when this client received the message, in milliseconds since 1970 UTC; 0 for NULL. The protocol does not
 * transmit when it was sent.
 */
AMOP_API
int64_t amop_message_received_at(const amop_message *message);

/**
 * Returns a copy of a message, for example of a borrowed one; NULL for NULL. The copy shares the payload.
 *
 * - Ownership: the copy is owned by the caller; free it with amop_message_free.
 */
AMOP_API AMOP_MUST_USE amop_message *amop_message_clone(const amop_message *message);

/** Frees a message. Must not be called for a message that a callback borrows. */
AMOP_API void amop_message_free(amop_message *message);

/** @} */

/**
 * @defgroup subscription_options Options of a subscription
 *NULL in their place stands for the defaults. 0 stands for the default of a value.
 *
 * Unless a function states otherwise:
 *
 * - Threads: any thread, including callbacks, but only one at a time.
 * - Errors: AMOP_ERROR_INVALID_ARGUMENT.
 *
 * @{
 */

/** What a full subscription does with a new message. */
enum amop_overflow
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /** Refuses it; the publisher of a unicast receives AMOP_ERROR_SUBSCRIBER_BUSY. The default. */
    AMOP_OVERFLOW_REFUSE = 0,
    /** Discards its oldest messages to make space. */
    AMOP_OVERFLOW_DROP_OLDEST = 1,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum amop_overflow amop_overflow;
#else
typedef int32_t amop_overflow;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/** Settings of a subscription. */
typedef struct amop_subscribe_options amop_subscribe_options;

/**
 * Creates options with all defaults.
 *
 * - Ownership: the options are owned by the caller; free them with amop_subscribe_options_free.
 * - Errors: none.
 */
AMOP_API AMOP_MUST_USE amop_subscribe_options *amop_subscribe_options_new(void);

/** Frees options. Subscriptions that were created with them are not affected. */
AMOP_API void amop_subscribe_options_free(amop_subscribe_options *options);

/** Sets the maximum number of queued messages. Default: 65,536. */
AMOP_API
amop_status amop_subscribe_options_set_max_messages(amop_subscribe_options *options,
                                                    size_t messages);

/**
 * Sets the maximum number of queued bytes, counting 160 bytes per message besides its payload. An empty subscription
 * accepts one message of any size. Default: 64 MiB.
 */
AMOP_API
amop_status amop_subscribe_options_set_max_bytes(amop_subscribe_options *options,
                                                 size_t bytes);

/**
 * Sets what happens at these limits: an AMOP_OVERFLOW_*. Lost messages are counted, and reported once by
 * AMOP_EVENT_SLOW_CONSUMER.
 */
AMOP_API
amop_status amop_subscribe_options_set_overflow(amop_subscribe_options *options,
                                                int32_t overflow);

/** Sets at how many nodes the topic is listed: an AMOP_PLACEMENT_*. Default: AMOP_PLACEMENT_ALL. */
AMOP_API
amop_status amop_subscribe_options_set_placement(amop_subscribe_options *options,
                                                 int32_t placement);

/** Sets whether to wait until a node has listed the topic: an AMOP_CONFIRM_*. Default: AMOP_CONFIRM_AUTO. */
AMOP_API
amop_status amop_subscribe_options_set_confirm(amop_subscribe_options *options,
                                               int32_t confirm);

/** Sets how long to wait for a node to list the topic. Default: the call timeout of the client. */
AMOP_API
amop_status amop_subscribe_options_set_timeout(amop_subscribe_options *options,
                                               uint64_t timeout_ms);

/**
 * Sets the private key with which this client proves that it may receive the messages of a *private* topic, whose
 * publisher allows the public half (amop_client_private_topic): PEM of PKCS#8 or SEC1, PKCS#12, or 64 hex digits.
 * `password` is that of an encrypted key, and NULL for others. The key must not be that of the client's certificate. It is
 * read by the function that gets the options, which then also fails with AMOP_ERROR_KEY_ENCRYPTED,
 * AMOP_ERROR_CREDENTIALS_INVALID, also for a key without a byte, or AMOP_ERROR_UNSUPPORTED at nodes of generation 3.x. NULL
 * with a length of 0 removes the key.
 *
 * - Ownership: `key` and `password` are borrowed. The copies are erased from memory when the options are freed.
 */
AMOP_API
amop_status amop_subscribe_options_set_key(amop_subscribe_options *options,
                                           const void *key,
                                           size_t len,
                                           const char *password);

/** @} */

/**
 * @defgroup subscription Subscriptions
 *A topic can have any number of subscriptions. Each receives every message, unicast or broadcast, in
 * the order of arrival. A unicast is answered with an empty reply as soon as one subscription has accepted it, so
 * that a slow reader does not cause the node to deliver it to another subscriber. Messages are passed to a callback,
 * or read with amop_subscription_next.
 *
 * @{
 */

/** A subscription. Its functions may be called from any number of threads at once. */
typedef struct amop_subscription amop_subscription;

/** The callback for messages. Its calls are sequential, in the order of arrival. */
typedef struct amop_message_callback {
    /** The function. The message is borrowed for the call. */
    void (*call)(void *context, const amop_message *message);
    /** Passed to both functions. */
    void *context;
    /** Called once, after the last call; may be NULL. */
    void (*drop)(void *context);
} amop_message_callback;

/**
 * Subscribes to a topic. Messages are read with amop_subscription_next. Returns when a node has listed the topic, or at
 * once if no node is connected; see amop_subscribe_options_set_confirm.
 *
 * - Ownership: `topic` and `options` (may be NULL) are copied. `*subscription` is owned by the caller; free it with
 *   amop_subscription_free.
 * - Threads: any thread, including callbacks. Waits up to the timeout in `options`.
 * - Errors: AMOP_ERROR_INVALID_TOPIC, _INVALID_ARGUMENT, _NOT_CONNECTED, _TIMEOUT, _CLOSED, _FORKED.
 */
AMOP_API
AMOP_MUST_USE
amop_status amop_client_subscribe(const amop_client *client,
                                  const char *topic,
                                  const amop_subscribe_options *options,
                                  amop_subscription **subscription,
                                  amop_error **error);

/**
 * Subscribes to a topic. Messages are passed to a callback. Returns as amop_client_subscribe; the callback may be called
 * before.
 *
 * - Ownership: `topic` and `options` (may be NULL) are copied. The context of the callback is owned by the library
 *   until `drop`. `*subscription` is owned by the caller; free it with amop_subscription_free. If `subscription` is
 *   NULL, the callback stays until the client is closed.
 * - Threads: any thread, including callbacks. Waits up to the timeout in `options`.
 * - Errors: as amop_client_subscribe.
 */
AMOP_API
amop_status amop_client_subscribe_callback(const amop_client *client,
                                           const char *topic,
                                           const amop_subscribe_options *options,
                                           amop_message_callback callback,
                                           amop_subscription **subscription,
                                           amop_error **error);

/**
 * Stores the next message in `*message`. Waits up to `timeout_ms` for it; 0 does not wait.
 *
 * - Threads: any thread, including callbacks. If several threads call it at once, each message goes to one of them.
 * - Errors: AMOP_ERROR_TIMEOUT if no message arrived. AMOP_ERROR_CLOSED if no more messages will arrive: the
 *   subscription or the client is closed, and what was queued has been read. AMOP_ERROR_INVALID_ARGUMENT, also if
 *   the messages are passed to a callback. AMOP_ERROR_FORKED.
 */
AMOP_API
AMOP_MUST_USE
amop_status amop_subscription_next(const amop_subscription *subscription,
                                   uint64_t timeout_ms,
                                   amop_message **message,
                                   amop_error **error);

/**
 * Stores up to `max` messages in order. Waits up to `timeout_ms` for the first one, but not for more.
 *
 * - Ownership: `messages` has space for `max` pointers, of which the first `*count` are set. Each message is owned
 *   by the caller; free it with amop_message_free.
 * - Threads: as amop_subscription_next.
 * - Errors: as amop_subscription_next; then `*count` is 0.
 */
AMOP_API
amop_status amop_subscription_next_many(const amop_subscription *subscription,
                                        uint64_t timeout_ms,
                                        amop_message **messages,
                                        size_t max,
                                        size_t *count,
                                        amop_error **error);

/**
 * Stores a file descriptor in `*fd`, for poll, select, epoll or an event loop. It is readable while
 * amop_subscription_next would not wait, because of a message or because the subscription has ended. In rare
 * cases it is readable without either. It is created by the first call.
 *
 * - Ownership: `*fd` is owned by the library, which closes it when the subscription is freed. Do not read from
 *   it or close it.
 * - Errors: AMOP_ERROR_INVALID_ARGUMENT, also if the messages are passed to a callback; _RUNTIME if the
 *   process has no descriptor left; _UNSUPPORTED on systems other than Unix; _FORKED.
 */
AMOP_API
amop_status amop_subscription_fd(const amop_subscription *subscription,
                                 int32_t *fd,
                                 amop_error **error);

/**
 * Returns the topic; NULL for NULL.
 *
 * - Ownership: the string is valid until the subscription is freed.
 */
AMOP_API const char *amop_subscription_topic(const amop_subscription *subscription);

/**
 * Stores a snapshot of a subscription in `*stats`: AMOP_STAT_HELD_MESSAGES, _HELD_BYTES, _ACCEPTED, _REFUSED, _DROPPED.
 *
 * - Errors: AMOP_ERROR_INVALID_ARGUMENT, _FORKED.
 */
AMOP_API
AMOP_MUST_USE
amop_status amop_subscription_stats(const amop_subscription *subscription,
                                    amop_stats **stats,
                                    amop_error **error);

/**
 * Ends a subscription: it accepts no more messages, and the nodes receive a topic list without it. Queued messages
 * can still be read. A callback processes them until the timeout; the rest is discarded and counted. When AMOP_OK is
 * returned, the callback does not run any more and its `drop` has been called. It may be called again, for example
 * after AMOP_ERROR_TIMEOUT.
 *
 * - Ownership: the caller keeps `subscription`.
 * - Threads: any thread. Waits up to `timeout_ms` (0: the close timeout of the client) for the callback to return.
 *   Inside of any callback of the library it returns at once, and the subscription ends in the background.
 * - Errors: AMOP_ERROR_TIMEOUT if the callback has not returned; its context is kept until it does.
 *   AMOP_ERROR_INVALID_ARGUMENT, _FORKED.
 */
AMOP_API
amop_status amop_subscription_unsubscribe(const amop_subscription *subscription,
                                          uint64_t timeout_ms,
                                          amop_error **error);

/**
 * Frees a subscription, and unsubscribes it without waiting if it is not unsubscribed. Unread messages are discarded
 * and counted. A callback is called for what is queued for it, then its `drop` is called.
 *
 * - Threads: any thread, including callbacks, also its own. Never waits.
 */
AMOP_API
void amop_subscription_free(amop_subscription *subscription);

/** @} */

/**
 * @defgroup request Requests
 *A unicast that a service has received and that waits for an answer. It can be answered inside of the
 * callback, or later from any thread by a clone. If it has no answer after 4.5 s, at 3.x nodes 29.5 s (amop_options_set_answer_timeout),
 * the library answers TOO_SLOW; if its last handle is freed without an answer, DROPPED.
 *
 * Unless a function states otherwise:
 *
 * - Ownership: the caller keeps `request`. Data passed to a function is copied.
 * - Threads: any thread, including callbacks. Never waits.
 *
 * @{
 */

/** The code for amop_request_fail if the program has no code of its own. */
#define AMOP_RESULT_FAILED -5000

/** A request. A callback borrows it for the call and may keep a clone. */
typedef struct amop_request amop_request;

/** Returns the message to be answered; NULL for NULL. It is valid until the request is freed. */
AMOP_API const amop_message *amop_request_message(const amop_request *request);

/**
 * Sends the reply, which may be empty.
 *
 * - Errors: AMOP_ERROR_OVERLOADED if too many bytes wait to be sent on the request's connection: the request stays
 *   open and can be answered later. AMOP_ERROR_REQUEST_EXPIRED if the time for an answer is over or the connection was lost;
 *   _ALREADY_ANSWERED, _TOO_LARGE, _INVALID_ARGUMENT, _FORKED.
 */
AMOP_API
amop_status amop_request_reply(const amop_request *request,
                               const void *data,
                               size_t len,
                               amop_error **error);

/**
 * Answers with a failure: a code and data. The code must not be 0, a code of the nodes (100 to 104) or a code of the
 * library (-5013 to -5010). Use AMOP_RESULT_FAILED if the program has no codes of its own.
 *
 * - Errors: as amop_request_reply; AMOP_ERROR_INVALID_ARGUMENT also for a code that is not allowed.
 */
AMOP_API
amop_status amop_request_fail(const amop_request *request,
                              int32_t code,
                              const void *data,
                              size_t len,
                              amop_error **error);

/** Returns whether the request can still be answered; false for NULL. */
AMOP_API bool amop_request_is_open(const amop_request *request);

/**
 * Returns a further handle of a request, for example of a borrowed one, to answer it later; NULL for NULL.
 *
 * - Ownership: the clone is owned by the caller; free it with amop_request_free.
 */
AMOP_API AMOP_MUST_USE amop_request *amop_request_clone(const amop_request *request);

/**
 * Frees a request. Must not be called for a request that a callback borrows. When the last handle of an unanswered
 * request is freed, the publisher receives AMOP_ERROR_SUBSCRIBER_DROPPED.
 */
AMOP_API
void amop_request_free(amop_request *request);

/** @} */

/**
 * @defgroup service_options Options of a service
 *NULL in their place stands for the defaults. 0 stands for the default of a value.
 *
 * Unless a function states otherwise:
 *
 * - Threads: any thread, including callbacks, but only one at a time.
 * - Errors: AMOP_ERROR_INVALID_ARGUMENT.
 *
 * @{
 */

/** Settings of a service. */
typedef struct amop_serve_options amop_serve_options;

/**
 * Creates options with all defaults.
 *
 * - Ownership: the options are owned by the caller; free them with amop_serve_options_free.
 * - Errors: none.
 */
AMOP_API AMOP_MUST_USE amop_serve_options *amop_serve_options_new(void);

/** Frees options. Services that were created with them are not affected. */
AMOP_API void amop_serve_options_free(amop_serve_options *options);

/** Sets how many calls of the callback may run at once. Default: 1. Has no effect for a service without callback. */
AMOP_API
amop_status amop_serve_options_set_concurrency(amop_serve_options *options,
                                               size_t calls);

/**
 * Sets the maximum number of queued requests. At the limit, publishers receive AMOP_ERROR_SUBSCRIBER_BUSY. Default:
 * 65,536.
 */
AMOP_API
amop_status amop_serve_options_set_max_messages(amop_serve_options *options,
                                                size_t messages);

/**
 * Sets the maximum number of queued bytes, counting 160 bytes per request besides its payload. An empty service
 * accepts one request of any size. Default: 64 MiB.
 */
AMOP_API
amop_status amop_serve_options_set_max_bytes(amop_serve_options *options,
                                             size_t bytes);

/**
 * Sets at how many nodes the topic is listed: an AMOP_PLACEMENT_*. Default: AMOP_PLACEMENT_ONE, because nodes up to
 * release 2.11 can lose a unicast between two clients of the same node. If the service were listed at all nodes,
 * every publisher would share a node with it.
 */
AMOP_API
amop_status amop_serve_options_set_placement(amop_serve_options *options,
                                             int32_t placement);

/** Sets whether to wait until a node has listed the topic: an AMOP_CONFIRM_*. Default: AMOP_CONFIRM_AUTO. */
AMOP_API amop_status amop_serve_options_set_confirm(amop_serve_options *options, int32_t confirm);

/** Sets how long to wait for a node to list the topic. Default: the call timeout of the client. */
AMOP_API amop_status amop_serve_options_set_timeout(amop_serve_options *options, uint64_t timeout_ms);

/**
 * Sets the private key with which this client proves that it may receive the messages of a *private* topic, whose
 * publisher allows the public half (amop_client_private_topic): PEM of PKCS#8 or SEC1, PKCS#12, or 64 hex digits.
 * `password` is that of an encrypted key, and NULL for others. The key must not be that of the client's certificate. It is
 * read by the function that gets the options, which then also fails with AMOP_ERROR_KEY_ENCRYPTED,
 * AMOP_ERROR_CREDENTIALS_INVALID, also for a key without a byte, or AMOP_ERROR_UNSUPPORTED at nodes of generation 3.x. NULL
 * with a length of 0 removes the key.
 *
 * - Ownership: `key` and `password` are borrowed. The copies are erased from memory when the options are freed.
 */
AMOP_API
amop_status amop_serve_options_set_key(amop_serve_options *options,
                                       const void *key,
                                       size_t len,
                                       const char *password);

/** @} */

/**
 * @defgroup service Services
 *A service answers the unicasts of a topic. A client can have one service per topic. It receives the
 * unicasts alone; broadcasts on the topic are delivered to subscriptions only. Requests are passed to a callback, or
 * read with amop_service_next.
 *
 * @{
 */

/** A service. Its functions may be called from any number of threads at once. */
typedef struct amop_service amop_service;

/** The callback for requests. Several calls may run at once if the concurrency of the service is above 1. */
typedef struct amop_request_callback {
    /** The function. The request is borrowed for the call. */
    void (*call)(void *context, const amop_request *request);
    /** Passed to both functions. */
    void *context;
    /** Called once, after the last call; may be NULL. */
    void (*drop)(void *context);
} amop_request_callback;

/**
 * Serves a topic. Requests are read with amop_service_next. Returns as amop_client_subscribe.
 *
 * - Ownership: `topic` and `options` (may be NULL) are copied. `*service` is owned by the caller; free it with
 *   amop_service_free.
 * - Threads: any thread, including callbacks. Waits up to the timeout in `options`.
 * - Errors: AMOP_ERROR_ALREADY_SERVED, _INVALID_TOPIC, _INVALID_ARGUMENT, _NOT_CONNECTED, _TIMEOUT, _CLOSED,
 *   _FORKED.
 */
AMOP_API
AMOP_MUST_USE
amop_status amop_client_serve(const amop_client *client,
                              const char *topic,
                              const amop_serve_options *options,
                              amop_service **service,
                              amop_error **error);

/**
 * Serves a topic with a callback, which answers each request that it receives. Returns as amop_client_subscribe; the
 * callback may be called before.
 *
 * - Ownership: `topic` and `options` (may be NULL) are copied. The context of the callback is owned by the library
 *   until `drop`. `*service` is owned by the caller; free it with amop_service_free. If `service` is NULL, the
 *   callback stays until the client is closed.
 * - Threads: any thread, including callbacks. Waits up to the timeout in `options`.
 * - Errors: as amop_client_serve.
 */
AMOP_API
amop_status amop_client_serve_callback(const amop_client *client,
                                       const char *topic,
                                       const amop_serve_options *options,
                                       amop_request_callback callback,
                                       amop_service **service,
                                       amop_error **error);

/**
 * Stores the next request that can still be answered in `*request`. Waits up to `timeout_ms` for it; 0 does not wait.
 *
 * - Threads: any thread, including callbacks. If several threads call it at once, each request goes to one of them.
 * - Errors: AMOP_ERROR_TIMEOUT if no request arrived. AMOP_ERROR_CLOSED if no more requests will arrive: the service
 *   or the client is closed, and what was queued has been read. AMOP_ERROR_INVALID_ARGUMENT, also if the requests
 *   are passed to a callback. AMOP_ERROR_FORKED.
 */
AMOP_API
AMOP_MUST_USE
amop_status amop_service_next(const amop_service *service,
                              uint64_t timeout_ms,
                              amop_request **request,
                              amop_error **error);

/**
 * Stores up to `max` requests in order. Waits up to `timeout_ms` for the first one, but not for more.
 *
 * - Ownership: `requests` has space for `max` pointers, of which the first `*count` are set. Each request is owned
 *   by the caller; free it with amop_request_free.
 * - Threads: as amop_service_next.
 * - Errors: as amop_service_next; then `*count` is 0.
 */
AMOP_API
amop_status amop_service_next_many(const amop_service *service,
                                   uint64_t timeout_ms,
                                   amop_request **requests,
                                   size_t max,
                                   size_t *count,
                                   amop_error **error);

/**
 * Stores a file descriptor in `*fd` that is readable while amop_service_next would not wait, see amop_subscription_fd.
 *
 * - Ownership: `*fd` is owned by the library, which closes it when the service is freed. Do not read from it or close
 *   it.
 * - Errors: as amop_subscription_fd.
 */
AMOP_API
amop_status amop_service_fd(const amop_service *service,
                            int32_t *fd,
                            amop_error **error);

/**
 * Returns the topic; NULL for NULL.
 *
 * - Ownership: the string is valid until the service is freed.
 */
AMOP_API const char *amop_service_topic(const amop_service *service);

/**
 * Stores a snapshot of a service in `*stats`, with the statistics that amop_subscription_stats lists.
 *
 * - Errors: AMOP_ERROR_INVALID_ARGUMENT, _FORKED.
 */
AMOP_API
AMOP_MUST_USE
amop_status amop_service_stats(const amop_service *service,
                               amop_stats **stats,
                               amop_error **error);

/**
 * Ends a service: it accepts no more requests, and the nodes receive a topic list without it. Queued requests can
 * still be read and answered. A callback processes them until the timeout; the rest is answered as dropped. When
 * AMOP_OK is returned, the callback does not run any more and its `drop` has been called. It may be called again,
 * for example after AMOP_ERROR_TIMEOUT.
 *
 * - Ownership: the caller keeps `service`.
 * - Threads: as amop_subscription_unsubscribe.
 * - Errors: as amop_subscription_unsubscribe.
 */
AMOP_API
amop_status amop_service_unsubscribe(const amop_service *service,
                                     uint64_t timeout_ms,
                                     amop_error **error);

/**
 * Frees a service, and unsubscribes it without waiting if it is not unsubscribed. Unread requests are answered as
 * dropped. A callback is called for what is queued for it, then its `drop` is called.
 *
 * - Threads: any thread, including callbacks, also its own. Never waits.
 */
AMOP_API
void amop_service_free(amop_service *service);

/** @} */

/**
 * @defgroup reply Replies
 *What a subscriber answered to a publish.
 *
 * Unless a function states otherwise:
 *
 * - Ownership: the caller keeps `reply`. Pointers and bytes returned are valid until it is freed.
 *
 * @{
 */

/** A reply. Immutable. */
typedef struct amop_reply amop_reply;

/** Returns the payload of the reply; empty if the subscriber sent none, and for NULL. */
AMOP_API amop_bytes amop_reply_data(const amop_reply *reply);

/** Returns the endpoint of the node that the message was sent to, as it was added; NULL for NULL. */
AMOP_API const char *amop_reply_endpoint(const amop_reply *reply);

/**
 * Returns a copy of a reply, for example of a borrowed one; NULL for NULL. The copy shares the payload.
 *
 * - Ownership: the copy is owned by the caller; free it with amop_reply_free.
 */
AMOP_API AMOP_MUST_USE amop_reply *amop_reply_clone(const amop_reply *reply);

/** Frees a reply. */
AMOP_API void amop_reply_free(amop_reply *reply);

/** @} */

/**
 * @defgroup publish Sending
 *A publish sends a message to one subscriber and returns its reply. A broadcast sends a message to all
 * subscribers and returns when the node has acknowledged it, which does not confirm delivery to any subscriber.
 * These functions wait; see *Asynchronous calls* for functions that do not.
 *
 * @{
 */

/**
 * Options of publishes and broadcasts, for any number of calls. NULL in their place stands for the defaults. An
 * object may be used from one thread at a time.
 */
typedef struct amop_publish_options amop_publish_options;

/**
 * Creates options with all defaults.
 *
 * - Ownership: the options are owned by the caller; free them with amop_publish_options_free.
 */
AMOP_API AMOP_MUST_USE amop_publish_options *amop_publish_options_new(void);

/**
 * Frees options. Calls that were started with them are not affected.
 *
 * - Threads: one at a time, including callbacks.
 */
AMOP_API void amop_publish_options_free(amop_publish_options *options);

/**
 * Sets whether a publish that was not delivered is retried until its deadline, for example because no node knows a
 * subscriber yet, and whether a broadcast is sent only when a node knows one. It takes up to 5 s until all nodes know a
 * new subscriber. Default: false.
 *
 * - Threads: one at a time, including callbacks.
 * - Errors: AMOP_ERROR_INVALID_ARGUMENT.
 */
AMOP_API
amop_status amop_publish_options_set_wait_for_subscriber(amop_publish_options *options,
                                                         bool wait);

/**
 * Sets when the call is retried automatically: an AMOP_RETRY_*. Default: as set in the options of the client.
 *
 * - Threads: one at a time, including callbacks.
 * - Errors: AMOP_ERROR_INVALID_ARGUMENT.
 */
AMOP_API amop_status amop_publish_options_set_retry(amop_publish_options *options, int32_t retry);

/**
 * Sets whether a broadcast is sent to every connected node, rather than to as many as reach all subscribers.
 * Subscribers that use this library discard the duplicates, others receive them. Default: false.
 *
 * - Threads: one at a time, including callbacks.
 * - Errors: AMOP_ERROR_INVALID_ARGUMENT.
 */
AMOP_API amop_status amop_publish_options_set_all_nodes(amop_publish_options *options, bool all);

/**
 * Sets whether the topic is a private one, which amop_client_private_topic has opened: the message is passed on to
 * verified subscribers only. For calls that do not wait; amop_private_topic_publish and amop_private_topic_broadcast need
 * no option. Default: false.
 *
 * - Threads: one at a time, including callbacks.
 * - Errors: AMOP_ERROR_INVALID_ARGUMENT; also of a call on a topic that was not opened.
 */
AMOP_API
amop_status amop_publish_options_set_private(amop_publish_options *options,
                                             bool is_private);

/**
 * Sends a message to one subscriber and waits for its reply. A subscriber that does not serve the topic acknowledges
 * the message with an empty reply as soon as its client has accepted it.
 *
 * - Ownership: `topic`, `data` and `options` (may be NULL) are borrowed. `*reply` is owned by the caller; free it
 *   with amop_reply_free. `reply` may be NULL.
 * - Threads: any thread, including callbacks. Waits up to `timeout_ms` (0: the call timeout of the client). If only
 *   the calling callback could answer the message, the call ends at its deadline.
 * - Errors: AMOP_ERROR_INVALID_TOPIC, _INVALID_ARGUMENT, _TOO_LARGE; _NO_SUBSCRIBER and the other errors reported by
 *   nodes (100 to 199) and subscribers (200 to 204); _NOT_CONNECTED, _CONNECTION_LOST, _TIMEOUT, _OVERLOADED,
 *   _CLOSED, _FORKED. amop_error_delivery returns whether the message may have been delivered.
 */
AMOP_API
amop_status amop_client_publish(const amop_client *client,
                                const char *topic,
                                const void *data,
                                size_t len,
                                const amop_publish_options *options,
                                uint64_t timeout_ms,
                                amop_reply **reply,
                                amop_error **error);

/**
 * Sends a message to all subscribers and waits for the acknowledgement of the node.
 *
 * - Ownership: `topic`, `data` and `options` (may be NULL) are borrowed.
 * - Threads: any thread, including callbacks. Waits up to `timeout_ms` (0: the call timeout of the client).
 * - Errors: as amop_client_publish, without those of subscribers.
 */
AMOP_API
amop_status amop_client_broadcast(const amop_client *client,
                                  const char *topic,
                                  const void *data,
                                  size_t len,
                                  const amop_publish_options *options,
                                  uint64_t timeout_ms,
                                  amop_error **error);

/** @} */

/**
 * @defgroup private_topic Private topics (2.x nodes)
 *The nodes pass messages of a private topic on to those nodes only whose subscribers have
 * proved to hold a key that the publisher allows. A subscriber sets its private key in the options of the subscription or
 * service; a publisher opens the topic with the public keys, and publishes with amop_private_topic_publish and
 * amop_private_topic_broadcast, or, without waiting, with amop_publish_options_set_private. A private topic is another topic
 * than the one of the same name without keys. Nodes verify nodes and not programs, and can read the payloads.
 *
 * @{
 */

/** A private topic that a client publishes on. Its functions may be called from any number of threads at once. */
typedef struct amop_private_topic amop_private_topic;

/**
 * Opens a private topic to publish on: from here on the client verifies the subscribers that hold the private half of one
 * of the keys. Each node asks for that within 5 s of its learning of a subscriber, so that a message that is published
 * before is not delivered; see amop_publish_options_set_wait_for_subscriber and AMOP_EVENT_VERIFIED.
 *
 * `keys` are `count` public keys: PEM, or 128 hex digits with `04` before them or without.
 *
 * - Ownership: `topic` and `keys` are borrowed. `*private_topic` is owned by the caller; free it with
 *   amop_private_topic_free.
 * - Threads: any thread, including callbacks. Never waits.
 * - Errors: AMOP_ERROR_INVALID_TOPIC, also for more than 185 bytes; AMOP_ERROR_CREDENTIALS_INVALID for a key that is not
 *   one on secp256k1; AMOP_ERROR_UNSUPPORTED if the nodes are of generation 3.x; AMOP_ERROR_INVALID_ARGUMENT, _TOO_LARGE,
 *   _CLOSED, _FORKED.
 */
AMOP_API
AMOP_MUST_USE
amop_status amop_client_private_topic(const amop_client *client,
                                      const char *topic,
                                      const char *const *keys,
                                      size_t count,
                                      amop_private_topic **private_topic,
                                      amop_error **error);

/**
 * Allows further keys. A subscriber that was rejected before has to leave the topic for some 5 s, until its node no longer
 * lists it, before nodes ask for its verification again.
 *
 * - Ownership: `keys` is borrowed.
 * - Threads: any thread, including callbacks. Never waits.
 * - Errors: as amop_client_private_topic.
 */
AMOP_API
amop_status amop_private_topic_allow(const amop_private_topic *private_topic,
                                     const char *const *keys,
                                     size_t count,
                                     amop_error **error);

/**
 * Sends a message to one verified subscriber and waits for its reply, as amop_client_publish.
 *
 * - Ownership: `data` and `options` (may be NULL) are borrowed. `*reply` is owned by the caller; free it with
 *   amop_reply_free. `reply` may be NULL.
 * - Threads: any thread, including callbacks. Waits up to `timeout_ms` (0: the call timeout of the client).
 * - Errors: as amop_client_publish; AMOP_ERROR_NO_SUBSCRIBER also while no subscriber is verified.
 */
AMOP_API
amop_status amop_private_topic_publish(const amop_private_topic *private_topic,
                                       const void *data,
                                       size_t len,
                                       const amop_publish_options *options,
                                       uint64_t timeout_ms,
                                       amop_reply **reply,
                                       amop_error **error);

/**
 * Sends a message to all verified subscribers and waits for the acknowledgement of the node, as amop_client_broadcast.
 *
 * - Ownership: `data` and `options` (may be NULL) are borrowed.
 * - Threads: any thread, including callbacks. Waits up to `timeout_ms` (0: the call timeout of the client).
 * - Errors: as amop_client_broadcast.
 */
AMOP_API
amop_status amop_private_topic_broadcast(const amop_private_topic *private_topic,
                                         const void *data,
                                         size_t len,
                                         const amop_publish_options *options,
                                         uint64_t timeout_ms,
                                         amop_error **error);

/**
 * Frees a private topic, which ends the verification of its subscribers. Nodes go on passing messages on to subscribers
 * that were verified.
 *
 * - Threads: any thread, including callbacks. Never waits.
 */
AMOP_API
void amop_private_topic_free(amop_private_topic *private_topic);

/** @} */

/**
 * @defgroup completion Completions
 *The result of an asynchronous call: a reply, a client, an error, or success without either.
 *
 * Unless a function states otherwise:
 *
 * - Ownership: the caller keeps `completion`. Pointers returned are valid until it is freed, or until the callback
 *   that borrows it returns.
 *
 * @{
 */

/** The result of a call. Immutable. A callback borrows it for the call. */
typedef struct amop_completion amop_completion;

/**
 * The callback for a completion. The callbacks of the calls of one client that publish, broadcast, subscribe and serve
 * run one after the other.
 */
typedef struct amop_completion_callback {
    /** The function. The completion is borrowed for the call. */
    void (*call)(void *context, const amop_completion *completion);
    /** Passed to both functions. */
    void *context;
    /** Called once, after the call; may be NULL. */
    void (*drop)(void *context);
} amop_completion_callback;

/** Returns AMOP_OK or the AMOP_ERROR_* with which the call failed; AMOP_ERROR_INVALID_ARGUMENT for NULL. */
AMOP_API amop_status amop_completion_status(const amop_completion *completion);

/**
 * Returns the error; NULL if the call succeeded, and for NULL. amop_error_clone makes a copy that outlives the
 * completion.
 */
AMOP_API
const amop_error *amop_completion_error(const amop_completion *completion);

/**
 * Returns the reply to a publish; NULL if it failed, for other calls, and for NULL. amop_reply_clone makes a copy
 * that outlives the completion.
 */
AMOP_API
const amop_reply *amop_completion_reply(const amop_completion *completion);

/** Returns the tag that was passed with the call; NULL for a call with a callback, and for NULL. */
AMOP_API void *amop_completion_tag(const amop_completion *completion);

/** Frees a completion that was read from a queue. Must not be called for one that a callback borrows. */
AMOP_API void amop_completion_free(amop_completion *completion);

/** @} */

/**
 * @defgroup call Asynchronous calls
 *A publish or broadcast that is in flight while the program continues, without a thread for
 * each call. An accepted call completes exactly once: with the reply, an error, its deadline or
 * AMOP_ERROR_CANCELLED. Its completion is passed to a callback, or read from a completion queue. A call that was
 * refused (the function returned an error) does not complete.
 *
 * @{
 */

/** A call in flight, to cancel it. */
typedef struct amop_call amop_call;

/**
 * Starts a publish. Its completion is passed to a callback. Messages are sent in the order in which a thread starts
 * them.
 *
 * - Ownership: `topic`, `data` and `options` (may be NULL) are borrowed. The context of the callback is owned by the
 *   library until `drop`. `*call` is owned by the caller; free it with amop_call_free. `call` may be NULL.
 * - Threads: any thread, including callbacks. Never waits. The call completes within `timeout_ms` (0: the call
 *   timeout of the client).
 * - Errors: errors that are known at once; the callback is not called then. AMOP_ERROR_INVALID_TOPIC,
 *   _INVALID_ARGUMENT, _TOO_LARGE, _NOT_CONNECTED, _OVERLOADED (also if 65,536 calls of this client have callbacks
 *   that have not returned), _CLOSED, _FORKED. The completion can have all errors of amop_client_publish.
 */
AMOP_API
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
 * Starts a broadcast. Its completion is passed to a callback.
 *
 * - Ownership: as amop_client_publish_async.
 * - Threads: as amop_client_publish_async.
 * - Errors: as amop_client_publish_async. The completion can have all errors of amop_client_broadcast.
 */
AMOP_API
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
 * Cancels a call: it completes with AMOP_ERROR_CANCELLED, unless it has already completed. A message that has been
 * sent can't be recalled. The completion is passed to the callback or the queue as usual.
 *
 * - Ownership: the caller keeps `call`.
 * - Threads: any thread, including callbacks. Never waits.
 * - Errors: AMOP_ERROR_INVALID_ARGUMENT, _FORKED.
 */
AMOP_API
amop_status amop_call_cancel(const amop_call *call,
                             amop_error **error);

/** Frees the handle of a call. The call itself continues. */
AMOP_API void amop_call_free(amop_call *call);

/** @} */

/**
 * @defgroup completion_queue Completion queues
 *Completions that are read: by any thread, or by an event loop through the file descriptor of the
 * queue. A queue may be used for several clients; tags identify the calls. A queue with a callback passes them on instead,
 * on a thread of its own.
 *
 * @{
 */

/** A queue of completions. Its functions may be called from any number of threads at once. */
typedef struct amop_completion_queue amop_completion_queue;

/**
 * Creates an empty queue with a capacity of `max` calls that are in flight or whose completions have not been read;
 * 0 stands for 65,536.
 *
 * - Ownership: the queue is owned by the caller; free it with amop_completion_queue_free.
 */
AMOP_API
AMOP_MUST_USE
amop_completion_queue *amop_completion_queue_new(size_t max);

/**
 * Creates a queue that passes its completions to a callback, one after the other, on a thread that runs nothing else.
 * Other callbacks do not delay it, so that they may wait for what it signals, such as a future.
 *
 * - Ownership: the context of the callback is owned by the library until `drop`, which is called after the queue was freed
 *   and the last call in flight has completed. `*queue` is owned by the caller; free it with amop_completion_queue_free.
 * - Threads: any thread, including callbacks. Never waits.
 * - Errors: AMOP_ERROR_INVALID_ARGUMENT; _RUNTIME if the thread can't be started.
 */
AMOP_API
amop_status amop_completion_queue_new_callback(size_t max,
                                               amop_completion_callback callback,
                                               amop_completion_queue **queue,
                                               amop_error **error);

/**
 * Starts a publish. Its completion is put into a queue.
 *
 * - Ownership: `topic`, `data` and `options` (may be NULL) are borrowed. `tag` is returned with the completion and
 *   never dereferenced. `*call` is owned by the caller; free it with amop_call_free. `call` may be NULL. The queue
 *   may be freed before the call has completed.
 * - Threads: any thread, including callbacks. Never waits. The call completes within `timeout_ms` (0: the call
 *   timeout of the client).
 * - Errors: errors that are known at once; nothing is put into the queue then. As amop_client_publish_async;
 *   _OVERLOADED also if the queue is full.
 */
AMOP_API
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
 * Starts a broadcast. Its completion is put into a queue.
 *
 * - Ownership: as amop_client_publish_queued.
 * - Threads: as amop_client_publish_queued.
 * - Errors: as amop_client_publish_queued.
 */
AMOP_API
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
 * Stores the next completion in `*completion`. Waits up to `timeout_ms` for it; 0 does not wait.
 *
 * - Threads: any thread, including callbacks. If several threads call it at once, each completion goes to one of
 *   them.
 * - Errors: AMOP_ERROR_TIMEOUT if no call completed; AMOP_ERROR_INVALID_ARGUMENT, also if the completions are passed to
 *   a callback; _FORKED.
 */
AMOP_API
AMOP_MUST_USE
amop_status amop_completion_queue_next(const amop_completion_queue *queue,
                                       uint64_t timeout_ms,
                                       amop_completion **completion,
                                       amop_error **error);

/**
 * Stores up to `max` completions in order. Waits up to `timeout_ms` for the first one, but not for more.
 *
 * - Ownership: `completions` has space for `max` pointers, of which the first `*count` are set. Each completion is
 *   owned by the caller; free it with amop_completion_free.
 * - Threads: as amop_completion_queue_next.
 * - Errors: as amop_completion_queue_next; then `*count` is 0.
 */
AMOP_API
amop_status amop_completion_queue_next_many(const amop_completion_queue *queue,
                                            uint64_t timeout_ms,
                                            amop_completion **completions,
                                            size_t max,
                                            size_t *count,
                                            amop_error **error);

/**
 * Stores a file descriptor in `*fd` that is readable while amop_completion_queue_next would not wait, see
 * amop_subscription_fd.
 *
 * - Ownership: `*fd` is owned by the library, which closes it when the queue is freed. Do not read from it or close
 *   it.
 * - Errors: AMOP_ERROR_INVALID_ARGUMENT; _RUNTIME if the process has no descriptor left; _UNSUPPORTED on systems
 *   other than Unix; _FORKED.
 */
AMOP_API
amop_status amop_completion_queue_fd(const amop_completion_queue *queue,
                                     int32_t *fd,
                                     amop_error **error);

/**
 * Frees a queue. Calls in flight continue; their completions are discarded, or still passed to the callback of the queue.
 *
 * - Ownership: `queue` is freed, with the completions in it; NULL is allowed.
 */
AMOP_API
void amop_completion_queue_free(amop_completion_queue *queue);

/** @} */

/**
 * @defgroup asynchronous_clients Connecting and closing without waiting
 *`_async` passes the completion to a callback, which runs on a thread of its own;
 * `_queued` puts it into a completion queue.
 *
 * Unless a function states otherwise:
 *
 * - Ownership: as amop_client_publish_async, amop_client_publish_queued.
 * - Threads: any thread, including callbacks. Never waits.
 * - Errors: errors that are known at once; there is no completion then. AMOP_ERROR_INVALID_ARGUMENT; _RUNTIME if a thread
 *   can't be started; _OVERLOADED if the queue is full; _FORKED. The completion can have all errors of the function that
 *   waits.
 *
 * @{
 */

/**
 * Begins to connect. See amop_client_connect; the client is in the completion, see amop_completion_take_client.
 * amop_call_cancel gives up.
 */
AMOP_API
amop_status amop_client_connect_async(const amop_options *options,
                                      amop_completion_callback callback,
                                      amop_call **call,
                                      amop_error **error);

/** Begins to connect. See amop_client_connect_async. */
AMOP_API
amop_status amop_client_connect_queued(const amop_options *options,
                                       const amop_completion_queue *queue,
                                       void *tag,
                                       amop_call **call,
                                       amop_error **error);

/**
 * Returns the client of a connect that succeeded, once; NULL for a second call, for other completions, and for NULL. A
 * client that is not taken from its completion closes in the background.
 *
 * - Ownership: the client is owned by the caller; free it with amop_client_free.
 * - Errors: none.
 */
AMOP_API
amop_client *amop_completion_take_client(const amop_completion *completion);

/**
 * Begins to close the client. See amop_client_close; also inside of a callback it completes only when the client has ended.
 * The client may be freed before.
 */
AMOP_API
amop_status amop_client_close_async(const amop_client *client,
                                    uint64_t timeout_ms,
                                    amop_completion_callback callback,
                                    amop_error **error);

/** Begins to close the client. See amop_client_close_async. */
AMOP_API
amop_status amop_client_close_queued(const amop_client *client,
                                     uint64_t timeout_ms,
                                     const amop_completion_queue *queue,
                                     void *tag,
                                     amop_error **error);

/** @} */

/**
 * @defgroup asynchronous_subscriptions Making and ending subscriptions without waiting
 *`_async` passes the completion to a callback, `_queued` puts it into a
 * completion queue. `*subscription` is stored before the function returns, and before the completion; messages may arrive at once. If
 * the completion has an error, the subscription has ended, and the handle is still to be freed. A subscription that is freed or
 * unsubscribed before completes with AMOP_ERROR_CLOSED; one whose call is cancelled ends, too.
 *
 * Unless a function states otherwise:
 *
 * - Ownership: as the function that waits; of the call, the callback and the tag as amop_client_publish_async,
 *   amop_client_publish_queued.
 * - Threads: any thread, including callbacks. Never waits.
 * - Errors: errors that are known at once; there is no completion then: AMOP_ERROR_INVALID_TOPIC, _INVALID_ARGUMENT,
 *   _TOO_LARGE, _OVERLOADED, _CLOSED, _FORKED. The completion can have all errors of the function that waits.
 *
 * @{
 */

/** Begins to subscribe to a topic; its messages are read. See amop_client_subscribe. */
AMOP_API
amop_status amop_client_subscribe_async(const amop_client *client,
                                        const char *topic,
                                        const amop_subscribe_options *options,
                                        amop_completion_callback callback,
                                        amop_subscription **subscription,
                                        amop_call **call,
                                        amop_error **error);

/** Begins to subscribe to a topic; its messages are read. See amop_client_subscribe. */
AMOP_API
amop_status amop_client_subscribe_queued(const amop_client *client,
                                         const char *topic,
                                         const amop_subscribe_options *options,
                                         const amop_completion_queue *queue,
                                         void *tag,
                                         amop_subscription **subscription,
                                         amop_call **call,
                                         amop_error **error);

/** Begins to subscribe to a topic; its messages are passed to a callback. See amop_client_subscribe_callback. `subscription` may be NULL. */
AMOP_API
amop_status amop_client_subscribe_callback_async(const amop_client *client,
                                                 const char *topic,
                                                 const amop_subscribe_options *options,
                                                 amop_message_callback messages,
                                                 amop_completion_callback callback,
                                                 amop_subscription **subscription,
                                                 amop_call **call,
                                                 amop_error **error);

/** Begins to subscribe to a topic; its messages are passed to a callback. See amop_client_subscribe_callback. `subscription` may be NULL. */
AMOP_API
amop_status amop_client_subscribe_callback_queued(const amop_client *client,
                                                  const char *topic,
                                                  const amop_subscribe_options *options,
                                                  amop_message_callback messages,
                                                  const amop_completion_queue *queue,
                                                  void *tag,
                                                  amop_subscription **subscription,
                                                  amop_call **call,
                                                  amop_error **error);

/**
 * Begins to end a subscription. See amop_subscription_unsubscribe; also inside of a callback it completes only when the subscription has
 * ended. The handle may be freed before. The callback runs on a thread of its own.
 *
 * - Errors: AMOP_ERROR_INVALID_ARGUMENT, _RUNTIME, _FORKED.
 */
AMOP_API
amop_status amop_subscription_unsubscribe_async(const amop_subscription *subscription,
                                                uint64_t timeout_ms,
                                                amop_completion_callback callback,
                                                amop_error **error);

/**
 * Begins to end a subscription. See amop_subscription_unsubscribe; also inside of a callback it completes only when the subscription has
 * ended. The handle may be freed before.
 *
 * - Errors: AMOP_ERROR_INVALID_ARGUMENT, _OVERLOADED, _FORKED.
 */
AMOP_API
amop_status amop_subscription_unsubscribe_queued(const amop_subscription *subscription,
                                                 uint64_t timeout_ms,
                                                 const amop_completion_queue *queue,
                                                 void *tag,
                                                 amop_error **error);

/** @} */

/**
 * @defgroup asynchronous_services Making and ending services without waiting
 *`_async` passes the completion to a callback, `_queued` puts it into a
 * completion queue. `*service` is stored before the function returns, and before the completion; requests may arrive at once. If
 * the completion has an error, the service has ended, and the handle is still to be freed. A service that is freed or
 * unsubscribed before completes with AMOP_ERROR_CLOSED; one whose call is cancelled ends, too.
 *
 * Unless a function states otherwise:
 *
 * - Ownership: as the function that waits; of the call, the callback and the tag as amop_client_publish_async,
 *   amop_client_publish_queued.
 * - Threads: any thread, including callbacks. Never waits.
 * - Errors: errors that are known at once; there is no completion then: AMOP_ERROR_INVALID_TOPIC, _INVALID_ARGUMENT,
 *   _TOO_LARGE, _ALREADY_SERVED, _OVERLOADED, _CLOSED, _FORKED. The completion can have all errors of the function that waits.
 *
 * @{
 */

/** Begins to serve a topic; its requests are read. See amop_client_serve. */
AMOP_API
amop_status amop_client_serve_async(const amop_client *client,
                                    const char *topic,
                                    const amop_serve_options *options,
                                    amop_completion_callback callback,
                                    amop_service **service,
                                    amop_call **call,
                                    amop_error **error);

/** Begins to serve a topic; its requests are read. See amop_client_serve. */
AMOP_API
amop_status amop_client_serve_queued(const amop_client *client,
                                     const char *topic,
                                     const amop_serve_options *options,
                                     const amop_completion_queue *queue,
                                     void *tag,
                                     amop_service **service,
                                     amop_call **call,
                                     amop_error **error);

/** Begins to serve a topic; its requests are passed to a callback. See amop_client_serve_callback. `service` may be NULL. */
AMOP_API
amop_status amop_client_serve_callback_async(const amop_client *client,
                                             const char *topic,
                                             const amop_serve_options *options,
                                             amop_request_callback requests,
                                             amop_completion_callback callback,
                                             amop_service **service,
                                             amop_call **call,
                                             amop_error **error);

/** Begins to serve a topic; its requests are passed to a callback. See amop_client_serve_callback. `service` may be NULL. */
AMOP_API
amop_status amop_client_serve_callback_queued(const amop_client *client,
                                              const char *topic,
                                              const amop_serve_options *options,
                                              amop_request_callback requests,
                                              const amop_completion_queue *queue,
                                              void *tag,
                                              amop_service **service,
                                              amop_call **call,
                                              amop_error **error);

/**
 * Begins to end a service. See amop_service_unsubscribe; also inside of a callback it completes only when the service has
 * ended. The handle may be freed before. The callback runs on a thread of its own.
 *
 * - Errors: AMOP_ERROR_INVALID_ARGUMENT, _RUNTIME, _FORKED.
 */
AMOP_API
amop_status amop_service_unsubscribe_async(const amop_service *service,
                                           uint64_t timeout_ms,
                                           amop_completion_callback callback,
                                           amop_error **error);

/**
 * Begins to end a service. See amop_service_unsubscribe; also inside of a callback it completes only when the service has
 * ended. The handle may be freed before.
 *
 * - Errors: AMOP_ERROR_INVALID_ARGUMENT, _OVERLOADED, _FORKED.
 */
AMOP_API
amop_status amop_service_unsubscribe_queued(const amop_service *service,
                                            uint64_t timeout_ms,
                                            const amop_completion_queue *queue,
                                            void *tag,
                                            amop_error **error);

/** @} */

/**
 * @defgroup event Events
 *What happens to connections and subscriptions. Events are passed to a callback, or read with
 * amop_events_next. A listener that reads too slowly loses the oldest events (amop_options_set_max_events).
 *
 * Getters and `_free`, unless a function states otherwise:
 *
 * - Ownership: the caller keeps `event`. Pointers returned are valid until it is freed, or until the callback that
 *   borrows it returns.
 *
 * @{
 */

/** The kind of an event. */
enum amop_event_kind_t
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /** The event is NULL, or of a kind that this version of the library has no number for. */
    AMOP_EVENT_NONE = 0,
    /** The client connected to a node for the first time. */
    AMOP_EVENT_CONNECTED = 1,
    /** A connection was lost; the client reconnects automatically. */
    AMOP_EVENT_LOST = 2,
    /** The client reconnected to a node, and its topics are listed there again. */
    AMOP_EVENT_RECONNECTED = 3,
    /** An attempt to connect failed; the client will try again. */
    AMOP_EVENT_CONNECT_FAILED = 4,
    /**
     * A subscription or service has begun to lose messages. Emitted once per episode; its statistics count the
     * messages.
     */
    AMOP_EVENT_SLOW_CONSUMER = 5,
    /** A callback reported a failure by amop_callback_failed, or panicked inside of the library. Delivery continues. */
    AMOP_EVENT_HANDLER_FAILED = 6,
    /** The client is closed. The last event. */
    AMOP_EVENT_CLOSED = 7,
    /**
     * A certificate in use ends soon, see amop_options_set_expiry_warning. Emitted once for each certificate; a listener
     * that is created after that receives it first.
     */
    AMOP_EVENT_CERTIFICATE_EXPIRING = 8,
    /**
     * A subscriber of a private topic has proved to hold an allowed key: the node passes messages on to the subscribers at
     * that subscriber's node. A node that verified them for an earlier publisher does not ask again, so that no event is
     * emitted.
     */
    AMOP_EVENT_VERIFIED = 9,
    /**
     * A subscriber of a private topic could not be verified. Emitted when the reason is a new one for this topic and these
     * nodes.
     */
    AMOP_EVENT_REJECTED = 10,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum amop_event_kind_t amop_event_kind_t;
#else
typedef int32_t amop_event_kind_t;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/** An event. Immutable. A callback borrows it for the call. */
typedef struct amop_event amop_event;

/** A listener for the events of a client. Its functions may be called from any number of threads at once. */
typedef struct amop_events amop_events;

/** The callback for events. Its calls are sequential, in order. */
typedef struct amop_event_callback {
    /** The function. The event is borrowed for the call. */
    void (*call)(void *context, const amop_event *event);
    /** Passed to both functions. */
    void *context;
    /** Called once, after the last call; may be NULL. */
    void (*drop)(void *context);
} amop_event_callback;

/**
 * Creates a listener for the events from now on, to be read with amop_events_next. See amop_options_events for the events
 * of connecting.
 *
 * - Threads: any thread, including callbacks. Never waits.
 * - Errors: AMOP_ERROR_INVALID_ARGUMENT, _FORKED.
 */
AMOP_API
AMOP_MUST_USE
amop_status amop_client_events(const amop_client *client,
                               amop_events **events,
                               amop_error **error);

/**
 * Stores the next event in `*event`. Waits up to `timeout_ms` for it; 0 does not wait.
 *
 * - Threads: any thread, including callbacks. If several threads call it at once, each event goes to one of them.
 * - Errors: AMOP_ERROR_TIMEOUT if no event arrived; AMOP_ERROR_CLOSED after AMOP_EVENT_CLOSED;
 *   AMOP_ERROR_INVALID_ARGUMENT, _FORKED.
 */
AMOP_API
AMOP_MUST_USE
amop_status amop_events_next(const amop_events *events,
                             uint64_t timeout_ms,
                             amop_event **event,
                             amop_error **error);

/**
 * Stores a file descriptor in `*fd` that is readable while amop_events_next would not wait, see
 * amop_subscription_fd.
 *
 * - Ownership: `*fd` is owned by the library, which closes it when `events` is freed. Do not read from it or close
 *   it.
 * - Errors: as amop_completion_queue_fd.
 */
AMOP_API
amop_status amop_events_fd(const amop_events *events,
                           int32_t *fd,
                           amop_error **error);

/** Frees a listener, with the events that were not read. */
AMOP_API void amop_events_free(amop_events *events);

/** Returns the kind; AMOP_EVENT_NONE for NULL. */
AMOP_API amop_event_kind_t amop_event_kind(const amop_event *event);

/**
 * Returns the name of a kind of event, such as `AMOP_EVENT_CONNECTED`, or NULL for an unknown number.
 *
 * - Ownership: the string is owned by the library and valid until the process exits.
 */
AMOP_API const char *amop_event_kind_name(int32_t kind);

/**
 * Returns the endpoint, as it was added, of CONNECTED, LOST, RECONNECTED and CONNECT_FAILED, and of VERIFIED and REJECTED
 * that of the publisher's node; NULL for other events.
 */
AMOP_API
const char *amop_event_endpoint(const amop_event *event);

/** Returns the version that the node reported, such as `2.11.2`, of CONNECTED and RECONNECTED; NULL for other events. */
AMOP_API
const char *amop_event_node_version(const amop_event *event);

/** Returns the negotiated protocol version of CONNECTED and RECONNECTED; 0 for other events. */
AMOP_API uint32_t amop_event_protocol(const amop_event *event);

/** Returns the topic of SLOW_CONSUMER, HANDLER_FAILED, VERIFIED and REJECTED; NULL for other events. */
AMOP_API const char *amop_event_topic(const amop_event *event);

/**
 * Returns the last moment at which the certificate is valid, in seconds since 1970 (UTC), of CERTIFICATE_EXPIRING; 0 for
 * other events.
 */
AMOP_API
int64_t amop_event_expires(const amop_event *event);

/** Returns the id of the subscriber's node, of VERIFIED and REJECTED; NULL for other events. */
AMOP_API const char *amop_event_node_id(const amop_event *event);

/**
 * Returns the public key that the subscriber has signed with, as 130 hex digits, of VERIFIED, and of REJECTED if it can be
 * known; NULL for other events.
 */
AMOP_API
const char *amop_event_key(const amop_event *event);

/**
 * Returns the text of HANDLER_FAILED, the certificate's subject and file of CERTIFICATE_EXPIRING, or the reason of
 * REJECTED; NULL for other events.
 */
AMOP_API
const char *amop_event_message(const amop_event *event);

/**
 * Returns the error of LOST and CONNECT_FAILED; NULL for other events. amop_error_clone makes a copy that outlives
 * the event.
 */
AMOP_API
const amop_error *amop_event_error(const amop_event *event);

/** Frees an event that was read with amop_events_next. Must not be called for one that a callback borrows. */
AMOP_API void amop_event_free(amop_event *event);

/** @} */

/**
 * @defgroup listener Listeners
 *Events that are passed to a callback, and listeners that are set before a client exists, so that they receive
 * the events of connecting.
 *
 * @{
 */

/** A callback for events, to remove it. */
typedef struct amop_listener amop_listener;

/**
 * Calls a callback for each event from now on, until it is removed or the client is closed.
 *
 * - Ownership: the context of the callback is owned by the library until `drop`. `*listener` is owned by the caller; free
 *   it with amop_listener_free. If `listener` is NULL, the callback stays until the client is closed.
 * - Threads: any thread, including callbacks. Never waits. The callback runs on a thread of its own and does not
 *   delay subscriptions.
 * - Errors: AMOP_ERROR_INVALID_ARGUMENT, _CLOSED, _FORKED.
 */
AMOP_API
amop_status amop_client_on_event(const amop_client *client,
                                 amop_event_callback callback,
                                 amop_listener **listener,
                                 amop_error **error);

/**
 * Removes a callback for events. Events that it was not called for are discarded. When AMOP_OK is returned, no call of it
 * runs or begins any more and its `drop` has been called; inside of a callback of the library it returns at once instead,
 * and that holds when the call under way has returned. It may be called again, for example after AMOP_ERROR_TIMEOUT.
 *
 * - Ownership: the caller keeps `listener`.
 * - Threads: any thread. Waits up to `timeout_ms` (0: the close timeout of the client) for the call under way to return.
 * - Errors: AMOP_ERROR_TIMEOUT if the callback has not returned; its context is kept until it does.
 *   AMOP_ERROR_INVALID_ARGUMENT, _FORKED.
 */
AMOP_API
amop_status amop_listener_remove(const amop_listener *listener,
                                 uint64_t timeout_ms,
                                 amop_error **error);

/**
 * Frees a listener, and removes its callback without waiting if it is not removed. Its `drop` is called when the call
 * under way has returned.
 *
 * - Ownership: `listener` is freed; NULL is allowed.
 * - Threads: any thread, including callbacks, also its own. Never waits.
 * - Errors: none. In a child process of a fork the memory is not released.
 */
AMOP_API
void amop_listener_free(amop_listener *listener);

/**
 * Adds a callback for all events of the clients that are connected with these options, also for those before
 * amop_client_connect returns. The calls for one client are sequential. If connecting fails, no call for that client runs
 * or begins when it returns.
 *
 * - Ownership: the context of the callback is owned by the library until `drop`, which is called when the options are freed
 *   and the clients have ended.
 * - Threads: one at a time, including callbacks. The callback runs as that of amop_client_on_event.
 * - Errors: AMOP_ERROR_INVALID_ARGUMENT.
 */
AMOP_API
amop_status amop_options_on_event(amop_options *options,
                                  amop_event_callback callback);

/**
 * Creates a listener for all events of the first client that is connected with these options, also for those before
 * amop_client_connect returns. They are read with amop_events_next. If connecting fails, or if the options are freed
 * before, the last event is AMOP_EVENT_CLOSED. The listener keeps at most the number of events that
 * amop_options_set_max_events has set before.
 *
 * - Ownership: `*events` is owned by the caller; free it with amop_events_free.
 * - Threads: one at a time, including callbacks. Never waits.
 * - Errors: AMOP_ERROR_INVALID_ARGUMENT.
 */
AMOP_API
amop_status amop_options_events(amop_options *options,
                                amop_events **events,
                                amop_error **error);

/** @} */

/**
 * @defgroup callback Failing callbacks
 *A callback must not throw into the library. It catches the exception, reports the failure here
 * and returns.
 *
 * @{
 */

/**
 * Reports that this call of a callback has failed. Call it inside of the callback; the last report counts, and
 * delivery continues. A failed callback of a subscription or service is reported by AMOP_EVENT_HANDLER_FAILED, one of
 * events or completions in the log. A request that has no answer yet is answered with AMOP_RESULT_FAILED and a fixed
 * text when the callback returns: `message` is not sent to the publisher.
 *
 * - Ownership: `message` is copied. Bytes that are not UTF-8 are replaced.
 * - Threads: in callbacks only, on the thread that runs the callback.
 * - Errors: AMOP_ERROR_INVALID_ARGUMENT, also if no callback runs on this thread.
 */
AMOP_API
amop_status amop_callback_failed(const char *message);

/** @} */

/**
 * @defgroup log Log
 *Records of what the library does, each with the connection or call it belongs to. Disabled until a callback is
 * set. Records above AMOP_LOG_TRACE contain no payloads.
 *
 * @{
 */

/** The level of a record. */
enum amop_log_level
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /** No records. */
    AMOP_LOG_OFF = 0,
    /** Errors in the library. */
    AMOP_LOG_ERROR = 1,
    /** Problems around it: lost connections, answers that can't be sent. */
    AMOP_LOG_WARN = 2,
    /** Its main steps: connections established. */
    AMOP_LOG_INFO = 3,
    /** Details for debugging. */
    AMOP_LOG_DEBUG = 4,
    /** All records, which may contain payloads. */
    AMOP_LOG_TRACE = 5,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum amop_log_level amop_log_level;
#else
typedef int32_t amop_log_level;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/** The callback for records. Its calls are sequential, in order. */
typedef struct amop_log_callback {
    /**
     * The function. `level` is an AMOP_LOG_*, `target` names the part of the library. The strings are borrowed for
     * the call.
     */
    void (*call)(void *context, int32_t level, const char *target, const char *message);
    /** Passed to both functions. */
    void *context;
    /** Called once, after the last call; may be NULL. */
    void (*drop)(void *context);
} amop_log_callback;

/**
 * Sets the callback for records at or above a level, in place of the previous one. AMOP_LOG_OFF, or a `call` that is
 * NULL, disables logging. The `drop` of the previous callback is called before this function returns, or, if that
 * callback is running, when it has returned.
 *
 * - Ownership: the context of the callback is owned by the library until `drop`.
 * - Threads: any thread, including callbacks. Never waits. The callback runs on a thread of its own; if it is too
 *   slow, records are discarded and counted.
 * - Errors: AMOP_ERROR_INVALID_ARGUMENT, also for an unknown level; _RUNTIME, _UNSUPPORTED, _FORKED.
 */
AMOP_API
amop_status amop_set_log_callback(int32_t level,
                                  amop_log_callback callback,
                                  amop_error **error);

/** @} */

/**
 * @defgroup devnet_options Options of a devnet
 *NULL in their place stands for the defaults: two nodes on free ports.
 *
 * Unless a function states otherwise:
 *
 * - Threads: any thread, including callbacks, but only one at a time.
 * - Errors: AMOP_ERROR_INVALID_ARGUMENT.
 *
 * @{
 */

/** Settings of a devnet. */
typedef struct amop_devnet_options amop_devnet_options;

/**
 * Creates options with all defaults.
 *
 * - Ownership: the options are owned by the caller; free them with amop_devnet_options_free.
 * - Errors: none.
 */
AMOP_API AMOP_MUST_USE amop_devnet_options *amop_devnet_options_new(void);

/** Frees options. */
AMOP_API void amop_devnet_options_free(amop_devnet_options *options);

/** Sets the number of nodes. Default: 2. */
AMOP_API amop_status amop_devnet_options_set_nodes(amop_devnet_options *options, size_t nodes);

/**
 * Sets the port of the first node on 127.0.0.1; the other nodes use the ports that follow. Default: 0, which stands
 * for any free ports.
 */
AMOP_API
amop_status amop_devnet_options_set_port(amop_devnet_options *options,
                                         uint16_t port);

/**
 * Sets the folder for the certificates, with the layout of the official chain script. It is created if it does not
 * exist, else its certificates are used. Default: a new temporary folder that is deleted with the devnet.
 */
AMOP_API
amop_status amop_devnet_options_set_folder(amop_devnet_options *options,
                                           const char *folder);

/**
 * Sets whether to imitate the flaws of nodes of release 2.11.2: messages to clients of the same node are lost, which a
 * node chooses in some seconds, topics take 5 s to reach other nodes, frames overtake each other and wait for
 * acknowledgements (Nagle's algorithm). Default: false.
 */
AMOP_API
amop_status amop_devnet_options_set_like_2_11(amop_devnet_options *options,
                                              bool like);

/**
 * Sets whether to imitate the observed behaviour of nodes of release 3.16, for nodes of generation 3: topics take up to 2 s
 * to reach other nodes, and of the messages that arrive together the last is processed first. Default: false.
 */
AMOP_API
amop_status amop_devnet_options_set_like_3_16(amop_devnet_options *options,
                                              bool like);

/**
 * Sets the kind of the nodes' TLS, an AMOP_TLS_*. For nodes of generation 2: AMOP_TLS_ECDHE (secp256k1 certificates, the
 * default), AMOP_TLS_STATIC_RSA (RSA certificates) or AMOP_TLS_GM (SM2 certificates); for nodes of generation 3:
 * AMOP_TLS_ECDHE (RSA certificates, the default) or AMOP_TLS_TLCP (SM2 certificates); for both AMOP_TLS_OFF, with which
 * clients need no credentials. A folder holds a chain of one kind.
 */
AMOP_API
amop_status amop_devnet_options_set_tls(amop_devnet_options *options,
                                        int32_t tls);

/** Sets the generation of the nodes, an AMOP_GENERATION_*. Default: AMOP_GENERATION_2, and so is AMOP_GENERATION_AUTO. */
AMOP_API
amop_status amop_devnet_options_set_generation(amop_devnet_options *options,
                                               int32_t generation);

/** @} */

/**
 * @defgroup devnet Embedded nodes
 *A devnet runs AMOP nodes in this process, so that programs can be tried and tested without a
 * chain. The nodes are connected like those of a chain: a message published at one node reaches a subscriber at
 * another. In a library that was built without them, amop_devnet_start fails with AMOP_ERROR_UNSUPPORTED.
 *
 * Unless a function states otherwise:
 *
 * - Ownership: the caller keeps `devnet`. Pointers returned are valid until it is freed.
 *
 * @{
 */

/** A devnet. Its functions may be called from any number of threads at once. */
typedef struct amop_devnet amop_devnet;

/**
 * Starts the nodes, on threads of their own, and stores the devnet in `*devnet`.
 *
 * - Ownership: `options` (may be NULL) are borrowed. `*devnet` is owned by the caller; free it with
 *   amop_devnet_free.
 * - Errors: AMOP_ERROR_LISTEN if a port is in use, _CREDENTIALS_INVALID if the folder contains other files,
 *   _INVALID_ARGUMENT, _RUNTIME, _UNSUPPORTED.
 */
AMOP_API
AMOP_MUST_USE
amop_status amop_devnet_start(const amop_devnet_options *options,
                              amop_devnet **devnet,
                              amop_error **error);

/** Returns the number of nodes, killed ones included; 0 for NULL. */
AMOP_API size_t amop_devnet_node_count(const amop_devnet *devnet);

/** Returns the address of a node, for amop_options_add_endpoint; NULL for an invalid index. */
AMOP_API const char *amop_devnet_endpoint(const amop_devnet *devnet, size_t node);

/**
 * Returns the folder with the credentials for clients, for amop_options_set_credentials; NULL for NULL, and if the nodes
 * use no TLS.
 */
AMOP_API
const char *amop_devnet_credentials(const amop_devnet *devnet);

/**
 * Kills a node, as a crash does: when this returns, its port is closed and its sessions are cut.
 *
 * - Threads: any thread, including callbacks. Waits for the tasks of the node.
 * - Errors: AMOP_ERROR_INVALID_ARGUMENT, _CLOSED after amop_devnet_stop, _FORKED.
 */
AMOP_API amop_status amop_devnet_kill_node(const amop_devnet *devnet, size_t node, amop_error **error);

/**
 * Restarts a killed node on the same port. Does nothing if the node runs.
 *
 * - Errors: AMOP_ERROR_LISTEN if the port is in use, _INVALID_ARGUMENT, _CLOSED, _FORKED.
 */
AMOP_API
amop_status amop_devnet_restart_node(const amop_devnet *devnet,
                                     size_t node,
                                     amop_error **error);

/**
 * Runs a text command, such as `freeze 1` or `fault lose type=0x31 times=1 topic=hello`, and stores its answer in
 * `*answer`: a line of JSON, `{}` if the command has none. Nodes are counted from 0, and `sessions` returns the numbers of
 * sessions. The commands:
 *
 * - `kill`, `restart`, `freeze`, `thaw`, `close-port`, `open-port`, `cut-sessions`, `reset-sessions` NODE
 * - `cut-link`, `restore-link` NODE NODE
 * - `clock-offset` NODE SECONDS
 * - `push-limit` SECONDS: how long a node waits for the reply of one session, 5 s at first and 30 s at nodes of 3.x
 * - `on-connect` NODE, then `serve`, `close`, `reset`, `stall` or `garbage`
 * - `certificate` NODE, then `valid`, `expired`, `early` or `foreign`
 * - `close`, `cut`, `reset`, `stall`, `resume` SESSION
 * - `fault`, then `lose`, `delay=SECONDS`, `twice`, `other-seq`, `other-type=TYPE`, `garbage`, `cut`, `close`, `reset` or
 *   `stall`, then restrictions: `from-clients`, `node=0`, `session=0`, `type=0x31`, `after=1`, `times=1`, `chance=0.5` and,
 *   at the end, `topic=hello`. The answer is `{"fault":ID}`
 * - `hits` ID, `remove-fault` ID, `clear-faults`, `block` NUMBER, `sessions`, `counters`
 *
 * - Ownership: `command` is borrowed. `answer` may be NULL, else `*answer` is owned by the caller; free it with
 *   amop_devnet_answer_free.
 * - Threads: any thread, including callbacks. Waits for the tasks of the node.
 * - Errors: AMOP_ERROR_INVALID_ARGUMENT if the command is unknown or malformed, or its node, session or fault does not
 *   exist; _LISTEN if a port is in use, _CLOSED after amop_devnet_stop, _FORKED.
 */
AMOP_API
amop_status amop_devnet_control(const amop_devnet *devnet,
                                const char *command,
                                char **answer,
                                amop_error **error);

/** Frees an answer of amop_devnet_control. */
AMOP_API void amop_devnet_answer_free(char *answer);

/**
 * Stops all nodes. When this returns, their sessions are closed and their threads have finished. Does nothing if the
 * devnet is stopped.
 *
 * - Threads: any thread, including callbacks. Waits a few seconds at most.
 * - Errors: AMOP_ERROR_INVALID_ARGUMENT, _FORKED.
 */
AMOP_API
amop_status amop_devnet_stop(const amop_devnet *devnet,
                             amop_error **error);

/**
 * Frees a devnet, and stops it in the background if it is not stopped.
 *
 * - Threads: any thread, including callbacks. Never waits.
 */
AMOP_API void amop_devnet_free(amop_devnet *devnet);

/** @} */

#ifdef __cplusplus
}
#endif

#endif /* AMOP_H */
