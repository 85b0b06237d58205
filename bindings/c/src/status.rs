//! Status. What functions return; the numbers are the same in every language and never change their meaning.

use std::ffi::c_char;

use amop::ErrorKind;

use crate::boundary::guard;

/// The result of a function: AMOP_OK, or what went wrong.
#[repr(i32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum amop_status {
    /// It worked.
    AMOP_OK = 0,
    /// An argument is unusable: NULL, empty, out of range, not UTF-8.
    AMOP_ERROR_INVALID_ARGUMENT = 1,
    /// A topic is empty, longer than 254 bytes, not UTF-8, or holds a TAB.
    AMOP_ERROR_INVALID_TOPIC = 2,
    /// An endpoint isn't `host:port`, `IPv4:port` or `[IPv6]:port`.
    AMOP_ERROR_INVALID_ENDPOINT = 3,
    /// The message doesn't fit one frame (100 MiB - 64 KiB).
    AMOP_ERROR_TOO_LARGE = 4,
    /// No credentials were given and none found; the text lists every place tried.
    AMOP_ERROR_CREDENTIALS_NOT_FOUND = 20,
    /// A certificate or key can't be read or parsed.
    AMOP_ERROR_CREDENTIALS_INVALID = 21,
    /// The private key is encrypted.
    AMOP_ERROR_KEY_ENCRYPTED = 22,
    /// The private key doesn't belong to the certificate.
    AMOP_ERROR_KEY_MISMATCH = 23,
    /// An own certificate or the CA is expired or not yet valid.
    AMOP_ERROR_CERTIFICATE_DATES = 24,
    /// The host name can't be resolved.
    AMOP_ERROR_RESOLVE = 30,
    /// TCP connect failed: nothing listens there, or no route.
    AMOP_ERROR_CONNECT = 31,
    /// TCP, TLS or handshake didn't end within the connect limit.
    AMOP_ERROR_CONNECT_TIMEOUT = 32,
    /// The TLS handshake failed.
    AMOP_ERROR_TLS = 33,
    /// This client refused the node's certificate.
    AMOP_ERROR_NODE_CERTIFICATE = 34,
    /// The node refused this client's certificate.
    AMOP_ERROR_CLIENT_CERTIFICATE = 35,
    /// Node and client share no cipher suite or curve.
    AMOP_ERROR_TLS_NO_COMMON = 36,
    /// The node refused the channel handshake: no common protocol version.
    AMOP_ERROR_HANDSHAKE = 37,
    /// The embedded node can't listen on its port.
    AMOP_ERROR_LISTEN = 38,
    /// No node is connected at the moment.
    AMOP_ERROR_NOT_CONNECTED = 40,
    /// The connection went away while the call was in flight.
    AMOP_ERROR_CONNECTION_LOST = 41,
    /// The node sent something that isn't the protocol.
    AMOP_ERROR_PROTOCOL = 42,
    /// The call's own deadline passed; of a `_next` function: nothing came in time.
    AMOP_ERROR_TIMEOUT = 50,
    /// The call was cancelled.
    AMOP_ERROR_CANCELLED = 51,
    /// The client is closed or closing; of a `_next` function: nothing will come any more.
    AMOP_ERROR_CLOSED = 52,
    /// A bound of this client is reached: calls in flight, or bytes queued to send.
    AMOP_ERROR_OVERLOADED = 53,
    /// Node code 100: no node knows a subscriber of the topic, or all of them failed.
    AMOP_ERROR_NO_SUBSCRIBER = 100,
    /// Node code 101 (older nodes): the remote node could not reach its SDK.
    AMOP_ERROR_REMOTE_NODE = 101,
    /// Node code 102: the node's own time limit passed.
    AMOP_ERROR_NODE_TIMEOUT = 102,
    /// Node code 103: the node's AMOP bandwidth limit rejected the message.
    AMOP_ERROR_BANDWIDTH = 103,
    /// Node code 104: the remote node had no subscriber left to try.
    AMOP_ERROR_SUBSCRIBER_UNREACHABLE = 104,
    /// Any other code that a node or a subscriber answered; see amop_error_node_code.
    AMOP_ERROR_REMOTE = 199,
    /// The subscriber's handler failed (result -5000).
    AMOP_ERROR_SUBSCRIBER_FAILED = 200,
    /// The subscriber dropped the request unanswered (result -5010).
    AMOP_ERROR_SUBSCRIBER_DROPPED = 201,
    /// The subscriber's handler didn't answer before the node's limit (result -5011).
    AMOP_ERROR_SUBSCRIBER_TOO_SLOW = 202,
    /// Every lane of the subscriber was full (result -5012).
    AMOP_ERROR_SUBSCRIBER_BUSY = 203,
    /// The subscriber has just left the topic (result -5013).
    AMOP_ERROR_SUBSCRIBER_UNSUBSCRIBED = 204,
    /// This client serves the topic already.
    AMOP_ERROR_ALREADY_SERVED = 300,
    /// The call would wait for the very handler that makes it.
    AMOP_ERROR_WOULD_DEADLOCK = 301,
    /// This build, or this node, doesn't have it.
    AMOP_ERROR_UNSUPPORTED = 302,
    /// The process forked after the library had started; the child can't use it.
    AMOP_ERROR_FORKED = 303,
    /// The library's threads could not be started.
    AMOP_ERROR_RUNTIME = 304,
    /// The request was answered before.
    AMOP_ERROR_ALREADY_ANSWERED = 305,
    /// The request's time is over: the library has answered it (TOO_SLOW) or its connection is gone.
    AMOP_ERROR_REQUEST_EXPIRED = 306,
    /// A bug in the library: a panic that was caught at its boundary.
    AMOP_ERROR_INTERNAL = 307,
}

/// Which status stands for which of the core's kinds; one line each, checked by the compiler.
macro_rules! statuses {
    ($($kind:ident => $status:ident,)*) => {
        const _: () = { $(assert!(ErrorKind::$kind.code() == amop_status::$status as i32);)* };

        impl amop_status {
            /// The status of a kind. tests/header.rs finds a kind that has none.
            pub(crate) fn of(kind: ErrorKind) -> amop_status {
                match kind {
                    $(ErrorKind::$kind => amop_status::$status,)*
                    _ => amop_status::AMOP_ERROR_INTERNAL,
                }
            }
        }

        /// Every status as it is written in C, with a NUL.
        const NAMES: &[(i32, &str)] = &[
            (amop_status::AMOP_OK as i32, "AMOP_OK\0"),
            $((amop_status::$status as i32, concat!(stringify!($status), "\0")),)*
        ];
    };
}

statuses! {
    InvalidArgument => AMOP_ERROR_INVALID_ARGUMENT,
    InvalidTopic => AMOP_ERROR_INVALID_TOPIC,
    InvalidEndpoint => AMOP_ERROR_INVALID_ENDPOINT,
    TooLarge => AMOP_ERROR_TOO_LARGE,
    CredentialsNotFound => AMOP_ERROR_CREDENTIALS_NOT_FOUND,
    CredentialsInvalid => AMOP_ERROR_CREDENTIALS_INVALID,
    KeyEncrypted => AMOP_ERROR_KEY_ENCRYPTED,
    KeyMismatch => AMOP_ERROR_KEY_MISMATCH,
    CertificateDates => AMOP_ERROR_CERTIFICATE_DATES,
    Resolve => AMOP_ERROR_RESOLVE,
    Connect => AMOP_ERROR_CONNECT,
    ConnectTimeout => AMOP_ERROR_CONNECT_TIMEOUT,
    Tls => AMOP_ERROR_TLS,
    NodeCertificate => AMOP_ERROR_NODE_CERTIFICATE,
    ClientCertificate => AMOP_ERROR_CLIENT_CERTIFICATE,
    TlsNoCommon => AMOP_ERROR_TLS_NO_COMMON,
    Handshake => AMOP_ERROR_HANDSHAKE,
    Listen => AMOP_ERROR_LISTEN,
    NotConnected => AMOP_ERROR_NOT_CONNECTED,
    ConnectionLost => AMOP_ERROR_CONNECTION_LOST,
    Protocol => AMOP_ERROR_PROTOCOL,
    Timeout => AMOP_ERROR_TIMEOUT,
    Cancelled => AMOP_ERROR_CANCELLED,
    Closed => AMOP_ERROR_CLOSED,
    Overloaded => AMOP_ERROR_OVERLOADED,
    NoSubscriber => AMOP_ERROR_NO_SUBSCRIBER,
    RemoteNode => AMOP_ERROR_REMOTE_NODE,
    NodeTimeout => AMOP_ERROR_NODE_TIMEOUT,
    Bandwidth => AMOP_ERROR_BANDWIDTH,
    SubscriberUnreachable => AMOP_ERROR_SUBSCRIBER_UNREACHABLE,
    Remote => AMOP_ERROR_REMOTE,
    SubscriberFailed => AMOP_ERROR_SUBSCRIBER_FAILED,
    SubscriberDropped => AMOP_ERROR_SUBSCRIBER_DROPPED,
    SubscriberTooSlow => AMOP_ERROR_SUBSCRIBER_TOO_SLOW,
    SubscriberBusy => AMOP_ERROR_SUBSCRIBER_BUSY,
    SubscriberUnsubscribed => AMOP_ERROR_SUBSCRIBER_UNSUBSCRIBED,
    AlreadyServed => AMOP_ERROR_ALREADY_SERVED,
    WouldDeadlock => AMOP_ERROR_WOULD_DEADLOCK,
    Unsupported => AMOP_ERROR_UNSUPPORTED,
    Forked => AMOP_ERROR_FORKED,
    Runtime => AMOP_ERROR_RUNTIME,
    AlreadyAnswered => AMOP_ERROR_ALREADY_ANSWERED,
    RequestExpired => AMOP_ERROR_REQUEST_EXPIRED,
    Internal => AMOP_ERROR_INTERNAL,
}

/// A status as it is written in C, `AMOP_ERROR_TIMEOUT`; NULL for a number that is none.
///
/// - Ownership: the text is the library's and lives as long as the process.
/// - Threads: any, callbacks too.
/// - Errors: none.
#[unsafe(no_mangle)]
pub extern "C" fn amop_status_name(status: i32) -> *const c_char {
    guard!(or std::ptr::null(), {
        let name = NAMES.iter().find(|(number, _)| *number == status);
        name.map_or(std::ptr::null(), |(_, name)| name.as_ptr().cast())
    })
}
