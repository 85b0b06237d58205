//! What a subscription receives.

use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;

use super::budget::MESSAGE_OVERHEAD;
use super::lane::LaneItem;
use crate::protocol::Topic;
use crate::protocol::message::{MessageId, MessageKind};

/// A message as it came from a node. Cheap to clone: topic and data are shared.
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
    /// The topic it was published on.
    pub fn topic(&self) -> &str {
        &self.topic
    }

    /// Unicast or broadcast.
    pub fn kind(&self) -> MessageKind {
        self.kind
    }

    /// Returns the publisher's sequence id: 32 bytes from 2.x nodes. Empty if the protocol carries none.
    pub fn seq(&self) -> &[u8] {
        self.id.as_bytes()
    }

    /// The payload: any bytes, possibly none.
    pub fn data(&self) -> &Bytes {
        &self.data
    }

    /// The payload, without a copy.
    pub fn into_data(self) -> Bytes {
        self.data
    }

    /// The node it came from, as the endpoint was given.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// When this client read it (not when it was sent: the wire doesn't say).
    pub fn received_at(&self) -> SystemTime {
        self.received_at
    }
}

const _: () = assert!(size_of::<Message>() <= MESSAGE_OVERHEAD);

impl LaneItem for Message {
    fn held_bytes(&self) -> usize {
        self.data.len()
    }
}

impl std::fmt::Debug for Message {
    /// Without the payload, which belongs in no log.
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
