//! What a subscription receives.

use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;

use super::budget::MESSAGE_OVERHEAD;
use super::lane::LaneItem;
use crate::error::Result;
use crate::protocol::Topic;
use crate::protocol::message::{MessageId, MessageKind};

/// A message received from a node. Cheap to clone: topic and data are shared.
#[derive(Clone)]
pub struct Message {
    pub(crate) topic: Topic,
    pub(crate) kind: MessageKind,
    pub(crate) id: MessageId,
    pub(crate) data: Bytes,
    pub(crate) endpoint: Arc<str>,
    pub(crate) received_at: SystemTime,
}

impl Message {
    /// Returns a copy of a message that was received by another process, for bindings that can serialise messages.
    ///
    /// # Errors
    /// Returns [`ErrorKind::InvalidTopic`](crate::ErrorKind::InvalidTopic) if the topic is invalid.
    #[doc(hidden)]
    pub fn restored(
        topic: &str,
        kind: MessageKind,
        seq: &[u8],
        data: Bytes,
        endpoint: &str,
        received_at: SystemTime,
    ) -> Result<Message> {
        let (topic, id) = (Topic::new(topic)?, MessageId::new(seq));
        Ok(Message { topic, kind, id, data, endpoint: endpoint.into(), received_at })
    }

    /// Returns the topic it was published on. That of a private topic is its plain name.
    pub fn topic(&self) -> &str {
        self.topic.name()
    }

    /// Returns whether it is a unicast or a broadcast.
    pub fn kind(&self) -> MessageKind {
        self.kind
    }

    /// Returns the publisher's sequence id: 32 bytes from 2.x nodes. Empty if the protocol carries none.
    pub fn seq(&self) -> &[u8] {
        self.id.as_bytes()
    }

    /// Returns the payload: any bytes, possibly none.
    pub fn data(&self) -> &Bytes {
        &self.data
    }

    /// Returns the payload without a copy.
    pub fn into_data(self) -> Bytes {
        self.data
    }

    /// Returns the endpoint of the node that delivered it, as it was added.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Returns when this client received it. The protocol does not transmit when it was sent.
    pub fn received_at(&self) -> SystemTime {
        self.received_at
    }
}

/// Returns what a message counts against the limits on bytes: its payload, and an id that is longer than usual.
pub(super) fn held_bytes(data_len: usize, id: &MessageId) -> usize {
    data_len + id.held_bytes()
}

const _: () = assert!(size_of::<Message>() <= MESSAGE_OVERHEAD);

impl LaneItem for Message {
    fn held_bytes(&self) -> usize {
        held_bytes(self.data.len(), &self.id)
    }
}

impl std::fmt::Debug for Message {
    /// Shows all but the payload, which must not get into logs.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Message")
            .field("topic", &self.topic)
            .field("kind", &self.kind)
            .field("seq", &self.id)
            .field("bytes", &self.data.len())
            .field("endpoint", &self.endpoint)
            .finish_non_exhaustive()
    }
}
