/// Errors: what every function throws that can't do what it was asked for.
#pragma once

#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include "../amop.h"
#include "bytes.hpp"

namespace amop {

/// What went wrong; the numbers are those of the C interface, the same in every language. amop.h says more of
/// each.
enum class Code : std::int32_t {
    /// Nothing went wrong.
    ok = AMOP_OK,
    /// An argument is unusable: empty, out of range, not UTF-8, or the object was moved from.
    invalid_argument = AMOP_ERROR_INVALID_ARGUMENT,
    /// A topic is empty, longer than 254 bytes, not UTF-8, or holds a TAB or NUL.
    invalid_topic = AMOP_ERROR_INVALID_TOPIC,
    /// An endpoint isn't `host:port`, `IPv4:port` or `[IPv6]:port`.
    invalid_endpoint = AMOP_ERROR_INVALID_ENDPOINT,
    /// The message doesn't fit one frame (100 MiB - 64 KiB).
    too_large = AMOP_ERROR_TOO_LARGE,
    /// No credentials were given and none found; the text lists every place tried.
    credentials_not_found = AMOP_ERROR_CREDENTIALS_NOT_FOUND,
    /// A certificate or key can't be read or parsed.
    credentials_invalid = AMOP_ERROR_CREDENTIALS_INVALID,
    /// The private key is encrypted.
    key_encrypted = AMOP_ERROR_KEY_ENCRYPTED,
    /// The private key doesn't belong to the certificate.
    key_mismatch = AMOP_ERROR_KEY_MISMATCH,
    /// An own certificate or the CA is expired or not yet valid.
    certificate_dates = AMOP_ERROR_CERTIFICATE_DATES,
    /// The host name can't be resolved.
    resolve = AMOP_ERROR_RESOLVE,
    /// TCP connect failed: nothing listens there, or no route.
    connect = AMOP_ERROR_CONNECT,
    /// TCP, TLS or handshake didn't end within the connect limit.
    connect_timeout = AMOP_ERROR_CONNECT_TIMEOUT,
    /// The TLS handshake failed.
    tls = AMOP_ERROR_TLS,
    /// This client refused the node's certificate.
    node_certificate = AMOP_ERROR_NODE_CERTIFICATE,
    /// The node refused this client's certificate.
    client_certificate = AMOP_ERROR_CLIENT_CERTIFICATE,
    /// Node and client share no cipher suite or curve.
    tls_no_common = AMOP_ERROR_TLS_NO_COMMON,
    /// The node refused the channel handshake: no common protocol version.
    handshake = AMOP_ERROR_HANDSHAKE,
    /// The embedded node can't listen on its port.
    listen = AMOP_ERROR_LISTEN,
    /// No node is connected at the moment.
    not_connected = AMOP_ERROR_NOT_CONNECTED,
    /// The connection went away while the call was in flight.
    connection_lost = AMOP_ERROR_CONNECTION_LOST,
    /// The node or a subscriber violated the protocol.
    protocol = AMOP_ERROR_PROTOCOL,
    /// The call's own deadline passed.
    timeout = AMOP_ERROR_TIMEOUT,
    /// The call was cancelled.
    cancelled = AMOP_ERROR_CANCELLED,
    /// The client is closed or closing; of `next`: nothing will come any more.
    closed = AMOP_ERROR_CLOSED,
    /// A bound of this client is reached: calls in flight, or bytes queued to send.
    overloaded = AMOP_ERROR_OVERLOADED,
    /// Node code 100: no node knows a subscriber of the topic, or all of them failed.
    no_subscriber = AMOP_ERROR_NO_SUBSCRIBER,
    /// Node code 101 (older nodes): the remote node could not reach its SDK.
    remote_node = AMOP_ERROR_REMOTE_NODE,
    /// Node code 102: the node's own time limit passed.
    node_timeout = AMOP_ERROR_NODE_TIMEOUT,
    /// Node code 103: the node's AMOP bandwidth limit rejected the message.
    bandwidth = AMOP_ERROR_BANDWIDTH,
    /// Node code 104: the remote node had no subscriber left to try.
    subscriber_unreachable = AMOP_ERROR_SUBSCRIBER_UNREACHABLE,
    /// Any other code that a node or a subscriber answered; see `Error::node_code`.
    remote = AMOP_ERROR_REMOTE,
    /// The subscriber's handler failed (result -5000).
    subscriber_failed = AMOP_ERROR_SUBSCRIBER_FAILED,
    /// The subscriber dropped the request unanswered (result -5010).
    subscriber_dropped = AMOP_ERROR_SUBSCRIBER_DROPPED,
    /// The subscriber's handler didn't answer before the node's limit (result -5011).
    subscriber_too_slow = AMOP_ERROR_SUBSCRIBER_TOO_SLOW,
    /// Every lane of the subscriber was full (result -5012).
    subscriber_busy = AMOP_ERROR_SUBSCRIBER_BUSY,
    /// The subscriber has just left the topic (result -5013).
    subscriber_unsubscribed = AMOP_ERROR_SUBSCRIBER_UNSUBSCRIBED,
    /// This client serves the topic already.
    already_served = AMOP_ERROR_ALREADY_SERVED,
    /// The call would wait for the very handler that makes it.
    would_deadlock = AMOP_ERROR_WOULD_DEADLOCK,
    /// This build, this node or this version of the library doesn't have it.
    unsupported = AMOP_ERROR_UNSUPPORTED,
    /// The process forked after the library had started; the child can't use it.
    forked = AMOP_ERROR_FORKED,
    /// The library's threads could not be started.
    runtime = AMOP_ERROR_RUNTIME,
    /// The request was answered before.
    already_answered = AMOP_ERROR_ALREADY_ANSWERED,
    /// The request's time is over: the library has answered it (too slow) or its connection is gone.
    request_expired = AMOP_ERROR_REQUEST_EXPIRED,
    /// A bug in the library.
    internal = AMOP_ERROR_INTERNAL,
};

/// A code as it is written in C, `AMOP_ERROR_TIMEOUT`; empty for a number that is none.
inline std::string_view to_string(Code code) noexcept {
    const char* name = amop_status_name(static_cast<std::int32_t>(code));
    return name == nullptr ? std::string_view() : std::string_view(name);
}

/// Whether a failed message may have reached a subscriber all the same.
enum class Delivery : std::int32_t {
    /// It has not: sending it again can't make a duplicate.
    no = AMOP_DELIVERY_NO,
    /// It may have been delivered; a further try may be a duplicate.
    maybe = AMOP_DELIVERY_MAYBE,
};

/// What went wrong. `what()` says what happened, to what, and what to do; programs decide by the code.
///
/// Visible everywhere, so that a program catches what a library compiled with hidden symbols throws.
class [[gnu::visibility("default")]] Error : public std::runtime_error {
public:
    /// An error of one's own, say to throw where the library's errors are caught.
    Error(Code code, const std::string& message) : std::runtime_error(message), code_(code) {}

    /// An error of the C interface, which stays the caller's. NULL gives an error that says so.
    explicit Error(const amop_error* error)
        : Error(std::shared_ptr<amop_error>(amop_error_clone(error), amop_error_free)) {}

    Code code() const noexcept { return code_; }

    /// Whether the same call may succeed later without a change by the caller. Says nothing of duplicates, see
    /// `delivery`.
    bool is_retriable() const noexcept { return amop_error_is_retriable(error_.get()); }

    /// Whether the message may have reached a subscriber all the same.
    Delivery delivery() const noexcept { return static_cast<Delivery>(amop_error_delivery(error_.get())); }

    /// The `result` that the node or the subscriber answered; 0 where none did.
    std::int32_t node_code() const noexcept { return amop_error_node_code(error_.get()); }

    /// What a subscriber sent along with its failure; valid as long as this error or a copy of it.
    Bytes data() const noexcept { return Bytes(amop_error_data(error_.get())); }

private:
    explicit Error(std::shared_ptr<amop_error> error)
        : std::runtime_error(error ? amop_error_message(error.get()) : "an error without an object"),
          code_(error ? static_cast<Code>(amop_error_code(error.get())) : Code::internal),
          error_(std::move(error)) {}

    Code code_;
    // Shared, so that copies can't throw.
    std::shared_ptr<amop_error> error_;
};

} // namespace amop
