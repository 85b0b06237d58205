//! What a node sends in place of a subscriber's answer: a message of type 0 with a status and a text.

use amop::protocol::websocket::{MessageType, status};
use bytes::Bytes;

use super::OwnedMessage;
use crate::node::TopicName;

/// Why there is no answer of a subscriber.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// No node has a subscriber.
    NoSubscriber,
    /// The other node no longer has a subscriber.
    SubscriberGone,
    /// The other node could not be reached.
    NotSent,
    /// The other node's subscriber disconnected.
    Disconnected,
    /// The other node's subscriber did not answer in time.
    Silent,
}

impl Failure {
    /// Returns the message to the publisher. The texts are those of release 3.16.
    pub(super) fn answer(self, seq: Bytes, topic: &TopicName) -> OwnedMessage {
        let (status, text) = match self {
            Failure::NoSubscriber => {
                let mut text = b"there has no node subscribe this topic, topic: ".to_vec();
                text.extend_from_slice(topic);
                (status::NO_SUBSCRIBER, Bytes::from(text))
            }
            Failure::SubscriberGone => {
                (status::SUBSCRIBER_GONE, Bytes::from_static(b"NotFoundClientByTopicDispatchMsg"))
            }
            Failure::NotSent => {
                (status::NOT_SENT_TO_NODE, Bytes::from_static(b"unable to send message to peer by topic"))
            }
            Failure::Disconnected => (
                status::SUBSCRIBER_DISCONNECTED,
                Bytes::from_static(b"Drop, the session has been disconnected, reason: -4001"),
            ),
            Failure::Silent => {
                (status::SUBSCRIBER_SILENT, Bytes::from_static(b"waiting for message response timed out"))
            }
        };
        OwnedMessage::new(MessageType::Error, status, seq, text)
    }
}

/// Returns what the publisher's own node sends when its own subscriber fails: a message that belongs to no request.
pub(super) fn of_own_node() -> OwnedMessage {
    OwnedMessage::new(MessageType::Error, 0, Bytes::new(), Bytes::new())
}
