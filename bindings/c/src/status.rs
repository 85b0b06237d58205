//! Status. The values that functions return. The numbers are the same in every language and never change their
//! meaning.

use amop::ErrorKind;

/// The result of a function: AMOP_OK, or the kind of the error.
#[repr(i32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum amop_status {
    /// Success.
    AMOP_OK = 0,
    /// An argument is invalid: NULL, empty, out of range, or not UTF-8.
    AMOP_ERROR_INVALID_ARGUMENT = 1,
    /// A topic is empty, too long (2.x nodes accept 254 bytes), not UTF-8, or contains a TAB.
    AMOP_ERROR_INVALID_TOPIC = 2,
    /// An endpoint is not `host:port`, `IPv4:port` or `[IPv6]:port`.
    AMOP_ERROR_INVALID_ENDPOINT = 3,
    /// The message does not fit in one frame (100 MiB - 64 KiB).
    AMOP_ERROR_TOO_LARGE = 4,
    /// No credentials were set and none were found; the text lists the places searched.
    AMOP_ERROR_CREDENTIALS_NOT_FOUND = 20,
    /// A certificate or key can't be read or parsed.
    AMOP_ERROR_CREDENTIALS_INVALID = 21,
    /// The private key is encrypted.
    AMOP_ERROR_KEY_ENCRYPTED = 22,
    /// The private key does not belong to the certificate.
    AMOP_ERROR_KEY_MISMATCH = 23,
    /// The client's certificate or the CA has expired or is not yet valid.
    AMOP_ERROR_CERTIFICATE_DATES = 24,
    /// The host name can't be resolved.
    AMOP_ERROR_RESOLVE = 30,
    /// The TCP connection failed: nothing listens there, or there is no route.
    AMOP_ERROR_CONNECT = 31,
    /// TCP, TLS and channel handshake did not complete within the connect timeout.
    AMOP_ERROR_CONNECT_TIMEOUT = 32,
    /// The TLS handshake failed.
    AMOP_ERROR_TLS = 33,
    /// This client refused the node's certificate.
    AMOP_ERROR_NODE_CERTIFICATE = 34,
    /// The node refused this client's certificate.
    AMOP_ERROR_CLIENT_CERTIFICATE = 35,
    /// The node and the client have no cipher suite or curve in common.
    AMOP_ERROR_TLS_NO_COMMON = 36,
    /// The handshake after TLS failed: there is no common protocol version, or the peer is not a node.
    AMOP_ERROR_HANDSHAKE = 37,
    /// An embedded node can't listen on its port.
    AMOP_ERROR_LISTEN = 38,
    /// No node is connected.
    AMOP_ERROR_NOT_CONNECTED = 40,
    /// The connection was lost while the call was in flight.
    AMOP_ERROR_CONNECTION_LOST = 41,
    /// The node or a subscriber violated the protocol.
    AMOP_ERROR_PROTOCOL = 42,
    /// The deadline of the call passed; of a `_next` function: nothing arrived in time.
    AMOP_ERROR_TIMEOUT = 50,
    /// The call was cancelled.
    AMOP_ERROR_CANCELLED = 51,
    /// The client is closed or closing; of a `_next` function: no more items will arrive.
    AMOP_ERROR_CLOSED = 52,
    /// A limit of this client is reached: calls in flight, or bytes queued for sending.
    AMOP_ERROR_OVERLOADED = 53,
    /// Node code 100: no node knows a subscriber of the topic, or all subscribers failed.
    AMOP_ERROR_NO_SUBSCRIBER = 100,
    /// Node code 101 (older nodes): the remote node could not reach its SDK.
    AMOP_ERROR_REMOTE_NODE = 101,
    /// Node code 102: the time limit of the node passed.
    AMOP_ERROR_NODE_TIMEOUT = 102,
    /// Node code 103: the bandwidth limit of the node rejected the message.
    AMOP_ERROR_BANDWIDTH = 103,
    /// Node code 104: the remote node had no further subscriber to try.
    AMOP_ERROR_SUBSCRIBER_UNREACHABLE = 104,
    /// All subscribers are connected to nodes of this client only, and these (2.8.0 to 2.11.2) don't deliver to SDKs of
    /// their own, or not until the deadline of the call.
    AMOP_ERROR_OWN_NODE_ONLY = 105,
    /// Any other code from a node or a subscriber; see amop_error_node_code.
    AMOP_ERROR_REMOTE = 199,
    /// The subscriber's handler failed (result -5000).
    AMOP_ERROR_SUBSCRIBER_FAILED = 200,
    /// The subscriber dropped the request without an answer (result -5010).
    AMOP_ERROR_SUBSCRIBER_DROPPED = 201,
    /// The subscriber's handler did not answer in time (result -5011).
    AMOP_ERROR_SUBSCRIBER_TOO_SLOW = 202,
    /// All queues of the subscriber were full (result -5012).
    AMOP_ERROR_SUBSCRIBER_BUSY = 203,
    /// The subscriber had just unsubscribed from the topic (result -5013).
    AMOP_ERROR_SUBSCRIBER_UNSUBSCRIBED = 204,
    /// This client already serves the topic.
    AMOP_ERROR_ALREADY_SERVED = 300,
    /// This build of the library, or this node, does not support the operation.
    AMOP_ERROR_UNSUPPORTED = 302,
    /// The handle was created before a fork, by the parent process.
    AMOP_ERROR_FORKED = 303,
    /// The library's threads could not be started.
    AMOP_ERROR_RUNTIME = 304,
    /// The request has already been answered.
    AMOP_ERROR_ALREADY_ANSWERED = 305,
    /// The request can no longer be answered: the library has answered it (TOO_SLOW), or its connection was lost.
    AMOP_ERROR_REQUEST_EXPIRED = 306,
    /// A bug in the library: a panic was caught at the boundary to C.
    AMOP_ERROR_INTERNAL = 307,
}

/// Maps each error kind of the core to its status. A constant assertion compares the numbers.
macro_rules! statuses {
    ($($kind:ident => $status:ident,)*) => {
        const _: () = { $(assert!(ErrorKind::$kind.code() == amop_status::$status as i32);)* };

        impl amop_status {
            /// Returns the status of an error kind. tests/header.rs fails if a kind is missing here.
            pub(crate) fn of(kind: ErrorKind) -> amop_status {
                match kind {
                    $(ErrorKind::$kind => amop_status::$status,)*
                    _ => amop_status::AMOP_ERROR_INTERNAL,
                }
            }
        }

        /// The C name of every status, with a NUL at the end.
        pub(crate) const NAMES: &[(i32, &str)] = &[
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
    OwnNodeOnly => AMOP_ERROR_OWN_NODE_ONLY,
    Remote => AMOP_ERROR_REMOTE,
    SubscriberFailed => AMOP_ERROR_SUBSCRIBER_FAILED,
    SubscriberDropped => AMOP_ERROR_SUBSCRIBER_DROPPED,
    SubscriberTooSlow => AMOP_ERROR_SUBSCRIBER_TOO_SLOW,
    SubscriberBusy => AMOP_ERROR_SUBSCRIBER_BUSY,
    SubscriberUnsubscribed => AMOP_ERROR_SUBSCRIBER_UNSUBSCRIBED,
    AlreadyServed => AMOP_ERROR_ALREADY_SERVED,
    Unsupported => AMOP_ERROR_UNSUPPORTED,
    Forked => AMOP_ERROR_FORKED,
    Runtime => AMOP_ERROR_RUNTIME,
    AlreadyAnswered => AMOP_ERROR_ALREADY_ANSWERED,
    RequestExpired => AMOP_ERROR_REQUEST_EXPIRED,
    Internal => AMOP_ERROR_INTERNAL,
}
