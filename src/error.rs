//! The error type of the library: a stable kind, a text, and whether the message may have been delivered.
//!
//! All languages use the same [`ErrorKind`] numbers. Texts may change between versions; numbers and their meanings do
//! not. Every module may import this one, so it imports nothing of this crate.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

/// The kind of an error: a stable number, the same in every language.
///
/// 100 to 104 are the codes that nodes send; the library reports 105 itself. A number is never reused for another kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[repr(i32)]
pub enum ErrorKind {
    /// An argument is invalid: empty, out of range, or not UTF-8.
    ///
    /// Remedy: Correct the argument, or the line of the configuration file, that the text names.
    InvalidArgument = 1,
    /// A topic is empty, too long, contains a TAB or NUL, or is the name of a private topic as nodes write it.
    ///
    /// Remedy: Use 1 to 254 bytes (nodes of 3.x: 65,535; private topics: 185) of UTF-8 without TAB and NUL. Use the plain
    /// name of a private topic, without `#!$`, and its key.
    InvalidTopic = 2,
    /// An endpoint is not `host:port`, `IPv4:port` or `[IPv6]:port`.
    ///
    /// Remedy: Write the address in one of these forms.
    InvalidEndpoint = 3,
    /// The message, or the list of the client's topics, does not fit one frame of the node's generation (2.x: 100 MiB -
    /// 64 KiB).
    ///
    /// Remedy: Split the message, or subscribe to fewer topics.
    TooLarge = 4,

    /// No credentials were given and none were found. The text lists every place that was searched.
    ///
    /// Remedy: Name the folder with `credentials`, or copy the SDK's files to one of the places.
    CredentialsNotFound = 20,
    /// A certificate or key could not be read or parsed.
    ///
    /// Remedy: Replace the file that the text names. Credentials are the SDK's files, in PEM; `amop doctor ENDPOINT
    /// --credentials DIR` checks them. Keys of private topics are made by `amop keys new`.
    CredentialsInvalid = 21,
    /// The private key is encrypted.
    ///
    /// Remedy: Decrypt the SDK's key: `openssl pkey -in OLD -out NEW`. For the key of a private topic give the password.
    KeyEncrypted = 22,
    /// The private key does not belong to the certificate.
    ///
    /// Remedy: Use the certificate and key that were issued together, such as `sdk.crt` and `sdk.key` of one folder.
    KeyMismatch = 23,
    /// The client's certificate or the CA certificate has expired or is not yet valid.
    ///
    /// Remedy: Renew the certificate, or correct the machine's clock.
    CertificateDates = 24,

    /// The host name could not be resolved.
    ///
    /// Remedy: Check the name and the DNS server. The client tries again automatically after its first connection.
    Resolve = 30,
    /// The TCP connection failed: nothing listens at the address, or there is no route to it.
    ///
    /// Remedy: Check address and port, that the node runs, and that `channel_listen_ip` (2.x) or `[rpc]` (3.x) is
    /// reachable.
    Connect = 31,
    /// TCP, TLS and handshake did not complete within `connect_timeout`.
    ///
    /// Remedy: Check address, port and firewalls; raise `connect_timeout` for a slow network.
    ConnectTimeout = 32,
    /// The TLS handshake failed.
    ///
    /// Remedy: Run `amop doctor ENDPOINT`, which tries each kind of TLS.
    Tls = 33,
    /// The client rejected the node's certificate.
    ///
    /// Remedy: Use the `ca.crt` of the chain that the node belongs to.
    NodeCertificate = 34,
    /// The node rejected the client's certificate.
    ///
    /// Remedy: Use an SDK certificate that the CA of the node's chain has issued.
    ClientCertificate = 35,
    /// The node and the client have no cipher suite or curve in common.
    ///
    /// Remedy: Use credentials of the kind of the node's channel (secp256k1, RSA or GM), and leave `tls` at `auto`.
    TlsNoCommon = 36,
    /// The handshake after TLS failed: there is no common protocol version, or the peer is not a node.
    ///
    /// Remedy: Check that the port is the channel port (2.x) or the RPC port (3.x), and the option `generation`.
    Handshake = 37,
    /// The embedded node could not listen on its port.
    ///
    /// Remedy: Choose another port, or port 0 for a free one.
    Listen = 38,

    /// No node is connected now.
    ///
    /// Remedy: Wait for the event `Connected` or `Reconnected`; the statistics state why each endpoint is down.
    NotConnected = 40,
    /// The connection was lost while the call was in flight.
    ///
    /// Remedy: Send the message again if it was not delivered, or if a duplicate is harmless; or use
    /// `Retry::AtLeastOnce`.
    ConnectionLost = 41,
    /// The peer violated the protocol.
    ///
    /// Remedy: Run `amop doctor ENDPOINT`, and check what listens there; a proxy may change the bytes.
    Protocol = 42,

    /// The call's own deadline passed, or a handler has not returned in time for closing.
    ///
    /// Remedy: Use a longer timeout. Send the message again if it was not delivered, or if a duplicate is harmless. When a
    /// client or subscription is being closed, a handler has not returned: end what it waits for.
    Timeout = 50,
    /// The call was cancelled.
    ///
    /// Remedy: None: the program cancelled the call.
    Cancelled = 51,
    /// The client is closed or closing.
    ///
    /// Remedy: Create another client.
    Closed = 52,
    /// A limit of the client is reached: calls in flight, or bytes waiting to be sent.
    ///
    /// Remedy: Wait for calls to complete before you start more, or raise `max_in_flight` or `max_send_bytes`.
    Overloaded = 53,

    /// Node code 100: no node knows a subscriber of the topic, or all subscribers failed.
    ///
    /// Remedy: Start a subscriber, or set `wait_for_subscriber`: a new subscription takes up to 5 s to reach all nodes.
    NoSubscriber = 100,
    /// Node code 101, from older nodes: the remote node could not reach its SDK.
    ///
    /// Remedy: Check the subscriber's connection to its node, then send the message again.
    RemoteNode = 101,
    /// Node code 102: the node's own time limit passed.
    ///
    /// Remedy: Check the load of the node. Send the message again only if a duplicate is harmless.
    NodeTimeout = 102,
    /// Node code 103: the message exceeded the node's AMOP bandwidth limit.
    ///
    /// Remedy: Send more slowly, or raise the node's bandwidth limit for AMOP.
    Bandwidth = 103,
    /// Node code 104: the remote node had no further subscriber to try.
    ///
    /// Remedy: Check that the subscriber answers within the node's time limit, 5 s at nodes of 2.x. Send the message again
    /// only if a duplicate is harmless.
    SubscriberUnreachable = 104,
    /// All subscribers are connected to nodes of this client only, and these don't deliver to SDKs of their own (nodes
    /// 2.8.0 to 2.11.2), or not until the deadline of the call.
    ///
    /// Remedy: Connect publisher or subscriber to another node, or set the subscriber's `placement` to one node, if the
    /// publisher has another one.
    OwnNodeOnly = 105,
    /// Any other code sent by a node or a subscriber; see [`Error::node_code`].
    ///
    /// Remedy: See the documentation of the subscriber for the meaning of its code and data.
    Remote = 199,

    /// The subscriber's handler failed (result -5000).
    ///
    /// Remedy: Read the log of the subscriber, which has the reason.
    SubscriberFailed = 200,
    /// The subscriber dropped the request unanswered (result -5010).
    ///
    /// Remedy: Correct the subscriber: its handler has to answer each request, and it has to stop with `close`.
    SubscriberDropped = 201,
    /// The subscriber's handler did not answer before the node's time limit (result -5011).
    ///
    /// Remedy: Let the subscriber answer within `answer_timeout`, raise its `concurrency` if requests wait for one another,
    /// and let it send a result that takes longer as a message of its own.
    SubscriberTooSlow = 202,
    /// All queues of the subscriber were full (result -5012).
    ///
    /// Remedy: Send more slowly, add subscribers, or raise the subscriber's `max_messages`, `max_bytes` or `concurrency`.
    SubscriberBusy = 203,
    /// The subscriber had just unsubscribed from the topic (result -5013).
    ///
    /// Remedy: Send the message again: the node chooses another subscriber if there is one.
    SubscriberUnsubscribed = 204,

    /// The client already serves the topic.
    ///
    /// Remedy: Keep one service for each topic and client, or unsubscribe the first one.
    AlreadyServed = 300,
    /// This build, or this node, does not support it.
    ///
    /// Remedy: Use a build with the feature, or nodes of the generation that the text names.
    Unsupported = 302,
    /// The process was forked after the client was created; the child cannot use it.
    ///
    /// Remedy: Connect in the child, or start processes with `spawn` in place of `fork`.
    Forked = 303,
    /// The operating system refused a thread, a descriptor or random bytes.
    ///
    /// Remedy: Raise the limit of threads, open files or memory of the process.
    Runtime = 304,
    /// The request was already answered.
    ///
    /// Remedy: Answer each request once.
    AlreadyAnswered = 305,
    /// The request can no longer be answered: the library has answered it with TOO_SLOW, or its connection was lost.
    ///
    /// Remedy: Answer within `answer_timeout`. After a lost connection nothing can be done; the publisher gets an error.
    RequestExpired = 306,
    /// A bug in the library: a panic was caught at its boundary.
    ///
    /// Remedy: Report it with the text and the log.
    Internal = 307,
}

impl ErrorKind {
    /// Returns the stable number.
    pub const fn code(self) -> i32 {
        self as i32
    }

    /// Returns whether a call that failed this way may succeed later without a change by the caller.
    const fn is_retriable(self) -> bool {
        use ErrorKind as K;
        match self {
            K::Resolve | K::Connect | K::ConnectTimeout => true,
            K::NotConnected | K::ConnectionLost | K::Protocol => true,
            K::Timeout | K::Overloaded => true,
            K::NoSubscriber | K::RemoteNode | K::NodeTimeout | K::Bandwidth | K::SubscriberUnreachable => {
                true
            }
            K::OwnNodeOnly => true,
            K::SubscriberTooSlow | K::SubscriberBusy | K::SubscriberUnsubscribed | K::SubscriberDropped => {
                true
            }
            K::InvalidArgument | K::InvalidTopic | K::InvalidEndpoint | K::TooLarge => false,
            K::CredentialsNotFound | K::CredentialsInvalid | K::KeyEncrypted | K::KeyMismatch => false,
            K::CertificateDates | K::Tls | K::NodeCertificate | K::ClientCertificate => false,
            K::TlsNoCommon | K::Handshake | K::Listen | K::Cancelled | K::Closed | K::Remote => false,
            K::SubscriberFailed | K::AlreadyServed | K::Unsupported => false,
            K::Forked | K::Runtime | K::AlreadyAnswered | K::RequestExpired | K::Internal => false,
        }
    }
}

/// Whether a failed message may have reached a subscriber.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Delivery {
    /// Not delivered: sending the message again cannot produce a duplicate.
    No,
    /// Possibly delivered: sending the message again may produce a duplicate.
    Maybe,
}

/// The error of every call: a stable kind, a text that says what to do, and whether the message may have been delivered.
///
/// Cloning is cheap, because the contents are reference counted.
#[derive(Clone)]
pub struct Error(Arc<Inner>);

#[derive(Clone)]
struct Inner {
    kind: ErrorKind,
    text: String,
    delivery: Delivery,
    retriable: bool,
    node_code: Option<i32>,
    data: Bytes,
    source: Option<Arc<dyn std::error::Error + Send + Sync>>,
}

/// A result of this library.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// Returns an error of a message that was not delivered, or of a call that sends none.
    ///
    /// `text` states what was wrong and what to do. No constructor has a default for the delivery, so each place that
    /// creates an error has to state it.
    #[doc(hidden)]
    pub fn undelivered(kind: ErrorKind, text: impl Into<String>) -> Error {
        Error::with(kind, Delivery::No, text.into())
    }

    /// Returns an error of a message that may have reached a subscriber.
    #[doc(hidden)]
    pub fn maybe_delivered(kind: ErrorKind, text: impl Into<String>) -> Error {
        Error::with(kind, Delivery::Maybe, text.into())
    }

    fn with(kind: ErrorKind, delivery: Delivery, text: String) -> Error {
        let retriable = kind.is_retriable();
        let (node_code, data, source) = (None, Bytes::new(), None);
        Error(Arc::new(Inner { kind, text, delivery, retriable, node_code, data, source }))
    }

    pub(crate) fn with_text(mut self, text: String) -> Error {
        Arc::make_mut(&mut self.0).text = text;
        self
    }

    pub(crate) fn with_delivery(mut self, delivery: Delivery) -> Error {
        Arc::make_mut(&mut self.0).delivery = delivery;
        self
    }

    /// Attaches the error that caused this one, for [`std::error::Error::source`]. Only causes whose text carries no
    /// secrets and no text of a peer may be attached.
    pub(crate) fn with_source(mut self, source: impl std::error::Error + Send + Sync + 'static) -> Error {
        Arc::make_mut(&mut self.0).source = Some(Arc::new(source));
        self
    }

    pub(crate) fn with_node_code(mut self, code: i32) -> Error {
        Arc::make_mut(&mut self.0).node_code = Some(code);
        self
    }

    pub(crate) fn with_data(mut self, data: Bytes) -> Error {
        Arc::make_mut(&mut self.0).data = data;
        self
    }

    /// Returns the kind of the error.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Returns the stable number of [`Error::kind`].
    pub fn code(&self) -> i32 {
        self.0.kind.code()
    }

    /// Returns whether the same call may succeed later without a change by the caller.
    ///
    /// A retry may produce a duplicate: see [`Error::delivery`].
    pub fn is_retriable(&self) -> bool {
        self.0.retriable
    }

    /// Returns whether the message may have reached a subscriber.
    pub fn delivery(&self) -> Delivery {
        self.0.delivery
    }

    /// Returns the result code that the node or the subscriber sent, if one did.
    pub fn node_code(&self) -> Option<i32> {
        self.0.node_code
    }

    /// Returns the data that the subscriber sent with its failure, or nothing.
    pub fn data(&self) -> &Bytes {
        &self.0.data
    }

    /// Returns the text: what happened, to what, and what to do.
    pub fn message(&self) -> &str {
        &self.0.text
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.text)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut s = f.debug_struct("Error");
        s.field("kind", &self.0.kind).field("code", &self.code());
        if let Some(code) = self.0.node_code {
            s.field("node_code", &code);
        }
        s.field("delivery", &self.0.delivery).field("message", &self.0.text).finish()
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_ref().map(|source| &**source as _)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cause_is_the_source() {
        let cause = std::io::Error::other("cause");
        let error = Error::undelivered(ErrorKind::Connect, "text").with_source(cause);
        let source = std::error::Error::source(&error).expect("it was attached");
        assert_eq!(source.to_string(), "cause");
        assert!(std::error::Error::source(&Error::undelivered(ErrorKind::Connect, "text")).is_none());
    }

    #[test]
    fn an_error_fits_a_register() {
        assert_eq!(size_of::<Result<()>>(), size_of::<usize>());
    }
}
