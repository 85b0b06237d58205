//! The one error type of the library, its stable numbers and what a caller may conclude from it.
//!
//! Every language shows the same [`ErrorKind`] numbers; texts may improve between versions, numbers and
//! meanings don't change.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

/// What went wrong, as a stable number that is the same in every language.
///
/// 100 to 104 are the node's own codes. Numbers are never used again for something else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[repr(i32)]
pub enum ErrorKind {
    /// An argument is unusable: empty, out of range, not UTF-8.
    InvalidArgument = 1,
    /// A topic is empty, longer than 254 bytes, or holds a TAB or NUL.
    InvalidTopic = 2,
    /// An endpoint isn't `host:port`, `IPv4:port` or `[IPv6]:port`.
    InvalidEndpoint = 3,
    /// The message doesn't fit one frame (100 MiB - 64 KiB).
    TooLarge = 4,

    /// No credentials were given and none found; the text lists every place tried.
    CredentialsNotFound = 20,
    /// A certificate or key can't be read or parsed.
    CredentialsInvalid = 21,
    /// The private key is encrypted.
    KeyEncrypted = 22,
    /// The private key doesn't belong to the certificate.
    KeyMismatch = 23,
    /// An own certificate or the CA is expired or not yet valid.
    CertificateDates = 24,

    /// The host name can't be resolved.
    Resolve = 30,
    /// TCP connect failed: nothing listens there, or no route.
    Connect = 31,
    /// TCP, TLS or handshake didn't end within the connect limit.
    ConnectTimeout = 32,
    /// The TLS handshake failed.
    Tls = 33,
    /// This client refused the node's certificate.
    NodeCertificate = 34,
    /// The node refused this client's certificate.
    ClientCertificate = 35,
    /// Node and client share no cipher suite or curve.
    TlsNoCommon = 36,
    /// The node refused the channel handshake: no common protocol version.
    Handshake = 37,
    /// The embedded node can't listen on its port.
    Listen = 38,

    /// No node is connected at the moment.
    NotConnected = 40,
    /// The connection went away while the call was in flight.
    ConnectionLost = 41,
    /// The node sent something that isn't the protocol.
    Protocol = 42,

    /// The call's own deadline passed.
    Timeout = 50,
    /// The call was cancelled.
    Cancelled = 51,
    /// The client is closed or closing.
    Closed = 52,
    /// A bound of this client is reached: calls in flight, or bytes queued to send.
    Overloaded = 53,

    /// Node code 100: no node knows a subscriber of the topic, or all of them failed.
    NoSubscriber = 100,
    /// Node code 101 (older nodes): the remote node could not reach its SDK.
    RemoteNode = 101,
    /// Node code 102: the node's own time limit passed.
    NodeTimeout = 102,
    /// Node code 103: the node's AMOP bandwidth limit rejected the message.
    Bandwidth = 103,
    /// Node code 104: the remote node had no subscriber left to try.
    SubscriberUnreachable = 104,
    /// Any other code that a node or a subscriber answered; see [`Error::node_code`].
    Remote = 199,

    /// The subscriber's handler failed (result -5000).
    SubscriberFailed = 200,
    /// The subscriber dropped the request unanswered (result -5010).
    SubscriberDropped = 201,
    /// The subscriber's handler didn't answer before the node's limit (result -5011).
    SubscriberTooSlow = 202,
    /// Every lane of the subscriber was full (result -5012).
    SubscriberBusy = 203,
    /// The subscriber has just left the topic (result -5013).
    SubscriberUnsubscribed = 204,

    /// This client serves the topic already.
    AlreadyServed = 300,
    /// The call would wait for the very handler that makes it.
    WouldDeadlock = 301,
    /// This build, or this node, doesn't have it.
    Unsupported = 302,
    /// The process forked after the library had started; the child can't use it.
    Forked = 303,
    /// The library's threads could not be started.
    Runtime = 304,
    /// The request was answered before.
    AlreadyAnswered = 305,
    /// The request's time is over: the library has answered it (TOO_SLOW) or its connection is gone.
    RequestExpired = 306,
    /// A bug in the library: a panic that was caught at its boundary.
    Internal = 307,
}

impl ErrorKind {
    /// The stable number.
    pub const fn code(self) -> i32 {
        self as i32
    }

    /// Whether a failure of this kind may pass without a change by the caller.
    const fn is_retriable(self) -> bool {
        use ErrorKind as K;
        match self {
            K::Resolve | K::Connect | K::ConnectTimeout => true,
            K::NotConnected | K::ConnectionLost | K::Protocol => true,
            K::Timeout | K::Overloaded => true,
            K::NoSubscriber | K::RemoteNode | K::NodeTimeout | K::Bandwidth | K::SubscriberUnreachable => {
                true
            }
            K::SubscriberTooSlow | K::SubscriberBusy | K::SubscriberUnsubscribed | K::SubscriberDropped => {
                true
            }
            K::InvalidArgument | K::InvalidTopic | K::InvalidEndpoint | K::TooLarge => false,
            K::CredentialsNotFound | K::CredentialsInvalid | K::KeyEncrypted | K::KeyMismatch => false,
            K::CertificateDates | K::Tls | K::NodeCertificate | K::ClientCertificate => false,
            K::TlsNoCommon | K::Handshake | K::Listen | K::Cancelled | K::Closed | K::Remote => false,
            K::SubscriberFailed | K::AlreadyServed | K::WouldDeadlock | K::Unsupported => false,
            K::Forked | K::Runtime | K::AlreadyAnswered | K::RequestExpired | K::Internal => false,
        }
    }
}

/// Whether a failed message may have reached a subscriber.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Delivery {
    /// It has not: sending it again can't make a duplicate.
    No,
    /// It may have been delivered; a further try may be a duplicate.
    Maybe,
}

/// The error of every call: a stable kind, a text that says what to do, and what is known of the message's fate.
///
/// Cheap to clone: one reference count.
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

/// Shorthand for results of this library.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// Returns an error of a message that was not delivered, or of a call that sends none.
    ///
    /// `text` names what was wrong and what to do. There is no constructor that leaves the delivery open: whoever makes
    /// an error says what became of the message.
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

    /// What went wrong.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The stable number of [`Error::kind`].
    pub fn code(&self) -> i32 {
        self.0.kind.code()
    }

    /// Whether the same call may succeed later without a change by the caller.
    ///
    /// Says nothing of duplicates: see [`Error::delivery`].
    pub fn is_retriable(&self) -> bool {
        self.0.retriable
    }

    /// Whether the message may have reached a subscriber all the same.
    pub fn delivery(&self) -> Delivery {
        self.0.delivery
    }

    /// The `result` that the node or the subscriber answered, where one did.
    pub fn node_code(&self) -> Option<i32> {
        self.0.node_code
    }

    /// What the subscriber sent along with its failure; empty otherwise.
    pub fn data(&self) -> &Bytes {
        &self.0.data
    }

    /// The text: what happened, to what, what to do.
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
