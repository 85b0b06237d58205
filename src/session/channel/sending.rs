//! Queueing what is to be written: calls, answers and the session's own frames.

use std::time::Instant;

use bytes::Bytes;

use super::{LIMITS, Session};
use crate::protocol::channel::MessageType;
use crate::protocol::channel::verify::TopicStatus;
use crate::protocol::{Seq, Verification};
use crate::session::call::CallKind;
use crate::session::calls::MAX_QUEUED;
use crate::session::effect::Callers;

/// Returns the type of a call's frame.
pub(super) fn message_type(kind: CallKind) -> MessageType {
    match kind {
        CallKind::Publish => MessageType::Request,
        CallKind::Broadcast => MessageType::Broadcast,
    }
}

impl<K: Callers> Session<K> {
    /// Queues the frames of calls while the outbox is short; see [`MAX_QUEUED`].
    pub(super) fn queue_calls(&mut self, now: Instant) {
        let Session { ids, outgoing, calls, view, out, .. } = self;
        while calls.any_waiting() && outgoing.outbox.len() < MAX_QUEUED {
            let view = || view.as_ref().filter(|view| view.is_trusted(now)).cloned();
            let begins = outgoing.outbox.position();
            let Some(call) = calls.next_to_queue(begins, view, now, out) else { break };
            let frame_len = LIMITS.frame_len(call.topic.len(), call.data.len());
            if frame_len != call.counted {
                // It was counted while the link was of another generation.
                out.counts.queued_bytes += frame_len;
                out.counts.withdrawn_bytes += call.counted;
            }
            let seq = ids.seq(call.number);
            outgoing.put_message(
                message_type(call.kind),
                seq,
                0,
                call.topic.as_bytes(),
                &call.data,
                &mut out.counts,
            );
            out.counts.calls += 1;
        }
    }

    /// Queues a frame of the session's own.
    pub(super) fn put(&mut self, kind: MessageType, seq: Seq, body: Vec<u8>) {
        self.outgoing.put(kind, seq, body, &mut self.out.counts);
    }

    pub(super) fn put_verification(&mut self, verification: Verification) {
        let Verification { topic, node_id, verified } = verification;
        let (node_id, topic) = (node_id.into(), topic.as_str().to_owned());
        let status = TopicStatus { check_result: i64::from(!verified), node_id, topic };
        self.put(MessageType::UpdateTopicStatus, self.ids.next(), status.encode());
    }

    pub(super) fn put_answer(&mut self, seq: Seq, code: i32, topic: &[u8], data: &Bytes) {
        self.outgoing.put_message(MessageType::Response, seq, code, topic, data, &mut self.out.counts);
    }
}
