//! What a message that answers a call means for it.

use bytes::Bytes;

use crate::error::{Delivery, Error, ErrorKind, Result};
use crate::protocol::message::Payload;
use crate::protocol::websocket::{Message, MessageType, amop, status};
use crate::protocol::{Topic, result};
use crate::session::call::{CallKind, Reply};
use crate::session::calls::{Answered, OwnFrame};
use crate::session::errors::refused_by_subscriber;
use crate::text::{foreign, span};

/// A message that carries one of this client's own ids. Nodes pass a subscriber's message on with only the id replaced, so
/// an answer may have any type.
pub(super) struct Own<'a> {
    pub(super) message: Message<'a>,
    pub(super) whole: Payload<'a>,
}

impl OwnFrame<()> for Own<'_> {
    fn message(&self) -> Option<(CallKind, &[u8], &[u8])> {
        let kind = match self.message.kind {
            MessageType::Request => CallKind::Publish,
            MessageType::Broadcast => CallKind::Broadcast,
            _ => return None,
        };
        let (topic, data) = amop::split(self.message.payload).ok()?;
        Some((kind, topic, data))
    }

    fn outcome(&self, call: &Answered<'_, ()>) -> Result<Reply> {
        if i32::from(self.message.status) == result::OK {
            let data = self.whole.part(self.message.payload).keep();
            return Ok(Reply { data, endpoint: call.endpoint.clone() });
        }
        Err(self.refusal(call))
    }
}

impl Own<'_> {
    fn refusal(&self, call: &Answered<'_, ()>) -> Error {
        let number = self.message.status;
        let of_node = (self.message.kind == MessageType::Error).then(|| of_node(number)).flatten();
        let (error, data) = match of_node {
            Some((kind, delivery)) => {
                let text = text(number, call.endpoint, call.topic, &span(call.after));
                let error = match delivery {
                    Delivery::No => Error::undelivered(kind, text),
                    Delivery::Maybe => Error::maybe_delivered(kind, text),
                };
                // The text of the node repeats the topic and adds nothing.
                (error, Bytes::new())
            }
            None => {
                let kind = match result::error_kind(number.into()) {
                    // Numbers of 2.x nodes mean nothing here.
                    kind if result::is_of_library(number.into()) => kind,
                    _ => ErrorKind::Remote,
                };
                let data = self.whole.part(self.message.payload).keep();
                let text = refused_by_subscriber(kind, call.topic, number.into());
                // The fixed text of a failed handler adds nothing.
                let is_plain = data.is_empty() || data == result::FAILED_TEXT;
                let text = if is_plain { text } else { format!("{text}: {:?}", foreign(&data)) };
                (Error::maybe_delivered(kind, text), data)
            }
        };
        error.with_node_code(number.into()).with_data(data)
    }
}

/// Returns what a node's own number means, `None` for other numbers.
fn of_node(number: i16) -> Option<(ErrorKind, Delivery)> {
    match number {
        status::NO_SUBSCRIBER => Some((ErrorKind::NoSubscriber, Delivery::No)),
        status::SUBSCRIBER_GONE => Some((ErrorKind::SubscriberUnreachable, Delivery::No)),
        status::SUBSCRIBER_DISCONNECTED => Some((ErrorKind::SubscriberUnreachable, Delivery::Maybe)),
        status::SUBSCRIBER_SILENT => Some((ErrorKind::NodeTimeout, Delivery::Maybe)),
        status::NOT_SENT_TO_NODE => Some((ErrorKind::RemoteNode, Delivery::Maybe)),
        status::UNKNOWN => Some((ErrorKind::Remote, Delivery::Maybe)),
        number if status::GATEWAY.contains(&number) => Some((ErrorKind::RemoteNode, Delivery::Maybe)),
        _ => None,
    }
}

fn text(number: i16, node: &str, topic: &Topic, after: &impl std::fmt::Display) -> String {
    match number {
        status::NO_SUBSCRIBER => format!(
            "{node} knows no subscriber of {topic:?} (code 3001); a new subscription takes up to 2 s to be known at other \
             nodes: try again, or wait for a subscriber"
        ),
        status::SUBSCRIBER_GONE => format!(
            "the subscriber of {topic:?} at another node has just left (code 3002): try again, or wait for a subscriber"
        ),
        status::SUBSCRIBER_DISCONNECTED => format!(
            "the subscriber of {topic:?} disconnected before it answered (code -4006); the message may have been \
             delivered: retry only if a duplicate is harmless"
        ),
        status::SUBSCRIBER_SILENT => format!(
            "the subscriber of {topic:?} did not answer its node within {after} (code -4008); the message may have been \
             delivered: retry only if a duplicate is harmless"
        ),
        status::UNKNOWN => {
            format!("{node} failed on a message on {topic:?} (code -1); the message may have been delivered")
        }
        _ => format!(
            "{node} could not pass the message on {topic:?} on to the subscriber's node (code {number}); the message may \
             have been delivered: check the connections between the nodes, and that the message stays 4 KiB below 32 MiB"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(kind: MessageType, number: i16, payload: &[u8]) -> Error {
        let (topic, endpoint) = (Topic::new("t").unwrap(), "node:1".into());
        let own =
            Own { message: Message::new(kind, number, b"", payload), whole: Payload::new(payload, None) };
        let after = std::time::Duration::from_secs(1);
        let call = Answered { endpoint: &endpoint, kind: CallKind::Publish, topic: &topic, note: &(), after };
        own.outcome(&call).unwrap_err()
    }

    #[test]
    fn numbers_of_nodes_have_their_kind_and_delivery() {
        use Delivery::{Maybe, No};
        for (number, kind, delivery) in [
            (3001, ErrorKind::NoSubscriber, No),
            (3002, ErrorKind::SubscriberUnreachable, No),
            (3003, ErrorKind::RemoteNode, Maybe),
            (1000, ErrorKind::RemoteNode, Maybe),
            (1005, ErrorKind::RemoteNode, Maybe),
            (-4006, ErrorKind::SubscriberUnreachable, Maybe),
            (-4008, ErrorKind::NodeTimeout, Maybe),
            (-1, ErrorKind::Remote, Maybe),
            (77, ErrorKind::Remote, Maybe),
        ] {
            let error = error(MessageType::Error, number, b"");
            let found = (error.kind(), error.delivery(), error.node_code());
            assert_eq!(found, (kind, delivery, Some(number.into())), "{error}");
        }
    }

    #[test]
    fn number_of_a_node_in_a_subscribers_reply_is_the_subscribers() {
        for number in [3001, 100, 104, -4008, -1] {
            let error = error(MessageType::Response, number, b"why");
            assert_eq!((error.kind(), error.delivery()), (ErrorKind::Remote, Delivery::Maybe), "{error}");
            assert_eq!((&error.data()[..], error.node_code()), (&b"why"[..], Some(number.into())));
        }
    }

    #[test]
    fn numbers_of_this_library_have_their_kind() {
        for (number, kind) in [
            (-5000, ErrorKind::SubscriberFailed),
            (-5010, ErrorKind::SubscriberDropped),
            (-5011, ErrorKind::SubscriberTooSlow),
            (-5012, ErrorKind::SubscriberBusy),
            (-5013, ErrorKind::SubscriberUnsubscribed),
        ] {
            assert_eq!(error(MessageType::Response, number, b"").kind(), kind);
        }
    }
}
