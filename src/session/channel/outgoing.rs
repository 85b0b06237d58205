//! The frames on their way to the node.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};

use super::wire_log;
use crate::protocol::channel::{MessageType, amop, frame};
use crate::protocol::{Seq, result};
use crate::session::effect::Counts;
use crate::session::outbox::Outbox;

/// Encodes frames into the outbox.
pub(super) struct Outgoing {
    endpoint: Arc<str>,
    pub(super) outbox: Outbox,
}

impl Outgoing {
    pub(super) fn new(endpoint: Arc<str>) -> Outgoing {
        Outgoing { endpoint, outbox: Outbox::default() }
    }

    /// Queues a frame of the session's own, and counts its bytes.
    pub(super) fn put(&mut self, kind: MessageType, seq: Seq, body: Vec<u8>, counts: &mut Counts) {
        let body = Bytes::from(body);
        counts.queued_bytes += frame::HEADER_LEN + body.len();
        counts.frames_sent += 1;
        wire_log::sent(&self.endpoint, kind, seq, result::OK, None, body.len());
        self.outbox.put(|out| frame::put_header(out, kind, seq, result::OK, body.len()), &body);
    }

    /// Queues a message or the answer to one, whose bytes are counted already. `topic` has 1 to 254 bytes: it is a
    /// [`Topic`](crate::protocol::Topic) that the link's limits allow, or comes from the request that is answered.
    pub(super) fn put_message(
        &mut self,
        kind: MessageType,
        seq: Seq,
        code: i32,
        topic: &[u8],
        data: &Bytes,
        counts: &mut Counts,
    ) {
        counts.frames_sent += 1;
        wire_log::sent(&self.endpoint, kind, seq, code, Some(topic), amop::overhead(topic) + data.len());
        let head = |out: &mut BytesMut| amop::put_head(out, kind, seq, code, topic, data.len());
        self.outbox.put(head, data);
    }
}
