//! The errors of calls that a node or a subscriber has refused.

use std::time::Duration;

use bytes::Bytes;

use crate::error::{Delivery, Error, ErrorKind};
use crate::protocol::channel::{Frame, amop};
use crate::protocol::{Topic, result};
use crate::session::errors::refused_by_subscriber;
use crate::text::{foreign, span};

/// A call that ends with a code other than 0.
pub(super) struct Refused<'a> {
    pub(super) node: &'a str,
    pub(super) topic: &'a Topic,
    /// How long after its frame was queued the answer came.
    pub(super) after: Duration,
    /// Whether the message can't have reached a subscriber if the node knows none: see [`Refused::error`].
    pub(super) no_subscriber_was_known: bool,
}

impl Refused<'_> {
    /// Returns the error of a call that `frame` refuses.
    ///
    /// A node answers 100 when it knows no subscriber, and also when it has lost all that it had passed the message
    /// to. So 100 is definite only if none was known, and so is 103, which a node answers before anything else. All
    /// other codes may follow a delivery: a subscriber that refuses may be the second one that the node has tried.
    pub(super) fn error(&self, frame: &Frame<'_>) -> Error {
        let code = frame.result;
        let kind = result::error_kind(code);
        let text = self.text(kind, code);
        // A node's own error may carry the request's body back, which is not data of a subscriber.
        let data = match kind {
            ErrorKind::NoSubscriber
            | ErrorKind::RemoteNode
            | ErrorKind::NodeTimeout
            | ErrorKind::Bandwidth
            | ErrorKind::SubscriberUnreachable => Bytes::new(),
            _ => amop::split(frame.body).map(|(_, data)| frame.keep(data)).unwrap_or_default(),
        };
        // The fixed text of a failed handler adds nothing.
        let is_plain = data.is_empty() || data == result::FAILED_TEXT;
        let text = if is_plain { text } else { format!("{text}: {:?}", foreign(&data)) };
        let error = match self.delivery(kind) {
            Delivery::No => Error::undelivered(kind, text),
            Delivery::Maybe => Error::maybe_delivered(kind, text),
        };
        error.with_node_code(code).with_data(data)
    }

    fn delivery(&self, kind: ErrorKind) -> Delivery {
        match kind {
            ErrorKind::NoSubscriber if self.no_subscriber_was_known => Delivery::No,
            ErrorKind::Bandwidth => Delivery::No,
            _ => Delivery::Maybe,
        }
    }

    fn text(&self, kind: ErrorKind, code: i32) -> String {
        let Refused { node, topic, after, .. } = self;
        match kind {
            ErrorKind::NoSubscriber if self.no_subscriber_was_known => format!(
                "{node} knows no {} of {topic:?} (code 100); a new subscription takes up to 5 s to be known at \
                 other nodes: try again, or wait for a subscriber",
                topic.subscriber()
            ),
            ErrorKind::NoSubscriber => format!(
                "{node} reached no {} of {topic:?} (code 100 after {}), the message may have been \
                 delivered; nodes 2.8 to 2.11 lose unicasts to SDKs of their own: connect publisher and subscriber to \
                 different nodes",
                topic.subscriber(),
                span(*after)
            ),
            ErrorKind::RemoteNode => format!(
                "the subscriber's node could not reach its SDK for {topic:?} (code 101); the message may have been \
                 delivered"
            ),
            ErrorKind::NodeTimeout => format!(
                "{node} timed out delivering to {topic:?} (code 102); the message may have been delivered: retry only \
                 if a duplicate is harmless"
            ),
            ErrorKind::Bandwidth => {
                format!("{node} is over its AMOP bandwidth limit (code 103): send less, or ask its operator")
            }
            ErrorKind::SubscriberUnreachable => format!(
                "the subscribers of {topic:?} disconnected or did not answer their node within its 5 s (code 104); the \
                 message may have been delivered"
            ),
            _ => refused_by_subscriber(kind, topic, code),
        }
    }
}
