/// Errors: the exceptions of all functions.
#pragma once

#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <utility>

#include "../amop.h"
#include "bytes.hpp"

namespace amop {

/// The kind of an error. The numbers are those of the C interface, the same in every language; see also
/// amop.h.
enum class Code : std::int32_t {
    /// Success.
    ok = AMOP_OK,
    /// An argument is invalid: empty, out of range, not UTF-8, or the object was moved from.
    invalid_argument = AMOP_ERROR_INVALID_ARGUMENT,
    /// A topic is empty, too long (2.x nodes accept 254 bytes), not UTF-8, or contains a TAB or NUL.
    invalid_topic = AMOP_ERROR_INVALID_TOPIC,
    /// An endpoint is not `host:port`, `IPv4:port` or `[IPv6]:port`.
    invalid_endpoint = AMOP_ERROR_INVALID_ENDPOINT,
    /// The message does not fit in one frame (100 MiB - 64 KiB).
    too_large = AMOP_ERROR_TOO_LARGE,
    /// No credentials were set and none were found; the text lists the places searched.
    credentials_not_found = AMOP_ERROR_CREDENTIALS_NOT_FOUND,
    /// A certificate or key can't be read or parsed.
    credentials_invalid = AMOP_ERROR_CREDENTIALS_INVALID,
    /// The private key is encrypted.
    key_encrypted = AMOP_ERROR_KEY_ENCRYPTED,
    /// The private key does not belong to the certificate.
    key_mismatch = AMOP_ERROR_KEY_MISMATCH,
    /// The client's certificate or the CA has expired or is not yet valid.
    certificate_dates = AMOP_ERROR_CERTIFICATE_DATES,
    /// The host name can't be resolved.
    resolve = AMOP_ERROR_RESOLVE,
    /// The TCP connection failed: nothing listens there, or there is no route.
    connect = AMOP_ERROR_CONNECT,
    /// TCP, TLS and channel handshake did not complete within the connect timeout.
    connect_timeout = AMOP_ERROR_CONNECT_TIMEOUT,
    /// The TLS handshake failed.
    tls = AMOP_ERROR_TLS,
    /// This client refused the node's certificate.
    node_certificate = AMOP_ERROR_NODE_CERTIFICATE,
    /// The node refused this client's certificate.
    client_certificate = AMOP_ERROR_CLIENT_CERTIFICATE,
    /// The node and the client have no cipher suite or curve in common.
    tls_no_common = AMOP_ERROR_TLS_NO_COMMON,
    /// The handshake after TLS failed: there is no common protocol version, or the peer is not a node.
    handshake = AMOP_ERROR_HANDSHAKE,
    /// An embedded node can't listen on its port.
    listen = AMOP_ERROR_LISTEN,
    /// No node is connected.
    not_connected = AMOP_ERROR_NOT_CONNECTED,
    /// The connection was lost while the call was in flight.
    connection_lost = AMOP_ERROR_CONNECTION_LOST,
    /// The node or a subscriber violated the protocol.
    protocol = AMOP_ERROR_PROTOCOL,
    /// The deadline of the call passed.
    timeout = AMOP_ERROR_TIMEOUT,
    /// The call was cancelled.
    cancelled = AMOP_ERROR_CANCELLED,
    /// The client is closed or closing; of `next`: no more items will arrive.
    closed = AMOP_ERROR_CLOSED,
    /// A limit of this client is reached: calls in flight, or bytes queued for sending.
    overloaded = AMOP_ERROR_OVERLOADED,
    /// Node code 100: no node knows a subscriber of the topic, or all subscribers failed.
    no_subscriber = AMOP_ERROR_NO_SUBSCRIBER,
    /// Node code 101 (older nodes): the remote node could not reach its SDK.
    remote_node = AMOP_ERROR_REMOTE_NODE,
    /// Node code 102: the time limit of the node passed.
    node_timeout = AMOP_ERROR_NODE_TIMEOUT,
    /// Node code 103: the bandwidth limit of the node rejected the message.
    bandwidth = AMOP_ERROR_BANDWIDTH,
    /// Node code 104: the remote node had no further subscriber to try.
    subscriber_unreachable = AMOP_ERROR_SUBSCRIBER_UNREACHABLE,
    /// All subscribers are connected to nodes of this client only, and these (2.8.0 to 2.11.2) don't deliver to SDKs of
    /// their own, or not until the deadline of the call.
    own_node_only = AMOP_ERROR_OWN_NODE_ONLY,
    /// Any other code from a node or a subscriber; see `Error::node_code`.
    remote = AMOP_ERROR_REMOTE,
    /// The subscriber's handler failed (result -5000).
    subscriber_failed = AMOP_ERROR_SUBSCRIBER_FAILED,
    /// The subscriber dropped the request without an answer (result -5010).
    subscriber_dropped = AMOP_ERROR_SUBSCRIBER_DROPPED,
    /// The subscriber's handler did not answer in time (result -5011).
    subscriber_too_slow = AMOP_ERROR_SUBSCRIBER_TOO_SLOW,
    /// All queues of the subscriber were full (result -5012).
    subscriber_busy = AMOP_ERROR_SUBSCRIBER_BUSY,
    /// The subscriber had just unsubscribed from the topic (result -5013).
    subscriber_unsubscribed = AMOP_ERROR_SUBSCRIBER_UNSUBSCRIBED,
    /// This client already serves the topic.
    already_served = AMOP_ERROR_ALREADY_SERVED,
    /// This build or version of the library, or this node, does not support the operation.
    unsupported = AMOP_ERROR_UNSUPPORTED,
    /// The object was created before a fork, by the parent process.
    forked = AMOP_ERROR_FORKED,
    /// The library's threads could not be started.
    runtime = AMOP_ERROR_RUNTIME,
    /// The request has already been answered.
    already_answered = AMOP_ERROR_ALREADY_ANSWERED,
    /// The request can no longer be answered: the library has answered it (TOO_SLOW), or its connection was
    /// lost.
    request_expired = AMOP_ERROR_REQUEST_EXPIRED,
    /// A bug in the library.
    internal = AMOP_ERROR_INTERNAL,
};

/// Returns the C name of a code, such as `AMOP_ERROR_TIMEOUT`; empty for an unknown number.
inline std::string_view to_string(Code code) noexcept {
    const char* name = amop_status_name(static_cast<std::int32_t>(code));
    return name == nullptr ? std::string_view() : std::string_view(name);
}

/// The category of the library in `std::error_code`. Visible across libraries, because categories are compared by their
/// addresses.
class [[gnu::visibility("default")]] ErrorCategory : public std::error_category {
public:
    const char* name() const noexcept override { return "amop"; }

    /// Returns the C name of a code, such as `AMOP_ERROR_TIMEOUT`.
    std::string message(int code) const override {
        const std::string_view name = to_string(static_cast<Code>(code));
        return name.empty() ? "unknown code " + std::to_string(code) : std::string(name);
    }

    /// Returns the condition of the system that a code corresponds to, if there is one.
    std::error_condition default_error_condition(int code) const noexcept override;
};

inline std::error_condition ErrorCategory::default_error_condition(int code) const noexcept {
    switch (static_cast<Code>(code)) {
    case Code::ok:
        return {};
    case Code::invalid_argument:
    case Code::invalid_topic:
    case Code::invalid_endpoint:
        return std::errc::invalid_argument;
    case Code::too_large:
        return std::errc::message_size;
    case Code::credentials_not_found:
        return std::errc::no_such_file_or_directory;
    case Code::timeout:
    case Code::connect_timeout:
    case Code::node_timeout:
        return std::errc::timed_out;
    case Code::cancelled:
        return std::errc::operation_canceled;
    case Code::not_connected:
        return std::errc::not_connected;
    case Code::connection_lost:
        return std::errc::connection_reset;
    case Code::listen:
        return std::errc::address_in_use;
    case Code::protocol:
    case Code::handshake:
        return std::errc::protocol_error;
    case Code::overloaded:
        return std::errc::resource_unavailable_try_again;
    case Code::unsupported:
        return std::errc::not_supported;
    default:
        return std::error_condition(code, *this);
    }
}

/// Returns the category of the library.
[[gnu::visibility("default")]] inline const std::error_category& error_category() noexcept {
    static const ErrorCategory category;
    return category;
}

/// Returns a code for functions of the standard library; codes also convert to `std::error_code` by themselves.
inline std::error_code make_error_code(Code code) noexcept {
    return {static_cast<int>(code), error_category()};
}

/// Whether the message of a failed call may have been delivered to a subscriber.
enum class Delivery : std::int32_t {
    /// Not delivered: sending the message again cannot produce a duplicate.
    no = AMOP_DELIVERY_NO,
    /// Possibly delivered: sending the message again may produce a duplicate.
    maybe = AMOP_DELIVERY_MAYBE,
};

/// An error. `what()` states what happened, to what, and what to do. Programs should test the code.
///
/// It is visible across libraries, so that a program can catch what a library with hidden symbols throws.
class [[gnu::visibility("default")]] Error : public std::runtime_error {
public:
    /// Creates an error of the program, for example to throw it where errors of the library are caught.
    Error(Code code, const std::string& message) : std::runtime_error(message), code_(code) {}

    /// Copies an error of the C interface. NULL becomes an error that says so.
    explicit Error(const amop_error* error)
        : Error(std::shared_ptr<amop_error>(amop_error_clone(error), amop_error_free)) {}

    Code code() const noexcept { return code_; }

    /// The code for functions of the standard library.
    std::error_code error_code() const noexcept { return make_error_code(code_); }

    /// Returns whether the same call may succeed later without a change by the caller. Whether a retry may
    /// produce a duplicate is stated by `delivery`.
    bool is_retriable() const noexcept { return amop_error_is_retriable(error_.get()); }

    /// Returns whether the message may have been delivered to a subscriber.
    Delivery delivery() const noexcept { return static_cast<Delivery>(amop_error_delivery(error_.get())); }

    /// The result code that the node or the subscriber sent; 0 if there is none.
    std::int32_t node_code() const noexcept { return amop_error_node_code(error_.get()); }

    /// The data that a subscriber sent with its failure; valid as long as this error or a copy of it.
    Bytes data() const noexcept { return Bytes(amop_error_data(error_.get())); }

private:
    explicit Error(std::shared_ptr<amop_error> error)
        : std::runtime_error(error ? amop_error_message(error.get()) : "an error without an object"),
          code_(error ? static_cast<Code>(amop_error_code(error.get())) : Code::internal),
          error_(std::move(error)) {}

    Code code_;
    // Shared, because the copy constructor of an exception must not throw.
    std::shared_ptr<amop_error> error_;
};

} // namespace amop

template <>
struct std::is_error_code_enum<amop::Code> : std::true_type {};
