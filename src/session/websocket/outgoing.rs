//! The frames on their way to the node.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};

use super::wire_log;
use crate::protocol::Seq;
use crate::protocol::websocket::frame::{close_code, put_close, put_message, put_ping, put_pong};
use crate::protocol::websocket::mask::Masks;
use crate::protocol::websocket::{Message, MessageType, amop};
use crate::session::effect::Counts;
use crate::session::outbox::Outbox;

/// Encodes frames into the outbox.
pub(super) struct Outgoing {
    endpoint: Arc<str>,
    masks: Masks,
    pub(super) outbox: Outbox,
    /// The head of the message that is being encoded; here to be used again.
    head: Vec<u8>,
}

impl Outgoing {
    pub(super) fn new(endpoint: Arc<str>, masks: Masks) -> Outgoing {
        Outgoing { endpoint, masks, outbox: Outbox::default(), head: Vec::new() }
    }

    /// Queues a message. `topic` is that of its payload, for the log. Returns the bytes of its frame.
    pub(super) fn put(&mut self, message: &Message<'_>, topic: Option<&[u8]>, counts: &mut Counts) -> usize {
        counts.frames_sent += 1;
        wire_log::sent(&self.endpoint, message, topic, message.payload.len());
        self.head.clear();
        message.put_head(&mut self.head);
        self.encode(message.payload)
    }

    /// Queues a unicast or a broadcast. Returns the bytes of its frame.
    pub(super) fn put_message(
        &mut self,
        kind: MessageType,
        seq: Seq,
        topic: &[u8],
        data: &[u8],
        counts: &mut Counts,
    ) -> usize {
        counts.frames_sent += 1;
        let message = Message::new(kind, 0, seq.as_bytes(), &[]);
        wire_log::sent(&self.endpoint, &message, Some(topic), amop::HEAD_LEN + topic.len() + data.len());
        self.head.clear();
        message.put_head(&mut self.head);
        amop::put_head(&mut self.head, topic);
        self.encode(data)
    }

    /// Queues a ping, and counts its bytes.
    pub(super) fn put_ping(&mut self, counts: &mut Counts) {
        let mask = Some(self.masks.next_mask());
        counts.queued_bytes += self.append(|out| put_ping(out, mask, &[]));
    }

    /// Queues the answer to a ping, and counts its bytes.
    pub(super) fn put_pong(&mut self, payload: &[u8], counts: &mut Counts) {
        let mask = Some(self.masks.next_mask());
        counts.queued_bytes += self.append(|out| put_pong(out, mask, payload));
    }

    /// Queues a close, and counts its bytes.
    pub(super) fn put_close(&mut self, counts: &mut Counts) {
        let mask = Some(self.masks.next_mask());
        counts.queued_bytes += self.append(|out| put_close(out, mask, close_code::NORMAL));
    }

    /// Appends the frame of the message with the head that is encoded.
    fn encode(&mut self, rest: &[u8]) -> usize {
        let mask = Some(self.masks.next_mask());
        let head = std::mem::take(&mut self.head);
        let len = self.append(|out| put_message(out, mask, &[&head, rest]));
        self.head = head;
        len
    }

    fn append(&mut self, write: impl FnOnce(&mut BytesMut)) -> usize {
        let before = self.outbox.len();
        self.outbox.put(write, &Bytes::new());
        self.outbox.len() - before
    }
}
