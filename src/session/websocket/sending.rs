//! Queueing what is to be written: calls, answers and the session's own messages.

use std::time::Instant;

use bytes::Bytes;

use super::{Closing, LIMITS, Session};
use crate::protocol::websocket::{Message, MessageType, amop};
use crate::protocol::{Seq, result};
use crate::session::call::CallKind;
use crate::session::calls::MAX_QUEUED;
use crate::session::effect::Callers;

impl<K: Callers> Session<K> {
    /// Completes the broadcasts that are written: there is no acknowledgement.
    pub(super) fn complete_broadcasts(&mut self, now: Instant) {
        let written = self.outgoing.outbox.written();
        while let Some(&(ends, number)) = self.broadcasts.front()
            && ends <= written
        {
            self.broadcasts.pop_front();
            self.calls.complete_written(number, now, &mut self.out);
        }
    }

    /// Queues the frames of calls while the outbox is short; see [`MAX_QUEUED`].
    pub(super) fn queue_calls(&mut self, now: Instant) {
        let Session { ids, outgoing, calls, broadcasts, closing, out, .. } = self;
        if *closing == Closing::Queued {
            return;
        }
        while calls.any_waiting() && outgoing.outbox.len() < MAX_QUEUED {
            let begins = outgoing.outbox.position();
            let Some(call) = calls.next_to_queue(begins, || (), now, out) else { break };
            let kind = match call.kind {
                CallKind::Publish => MessageType::Request,
                CallKind::Broadcast => MessageType::Broadcast,
            };
            let seq = ids.seq(call.number);
            let len = outgoing.put_message(kind, seq, call.topic.as_bytes(), &call.data, &mut out.counts);
            // The header of the frame was counted in its longest form.
            out.counts.queued_bytes += len;
            out.counts.withdrawn_bytes += call.counted;
            out.counts.calls += 1;
            if call.kind == CallKind::Broadcast {
                broadcasts.push_back((outgoing.outbox.position(), call.number));
            }
        }
    }

    /// Queues the close frame once all else is queued.
    pub(super) fn queue_close(&mut self) {
        if self.closing == Closing::Wanted && !self.calls.any_waiting() {
            self.outgoing.put_close(&mut self.out.counts);
            self.closing = Closing::Queued;
        }
    }

    /// Queues a message of the session's own.
    pub(super) fn put(&mut self, kind: MessageType, seq: Seq, payload: &[u8]) {
        if self.closing != Closing::Queued {
            let message = Message::new(kind, 0, seq.as_bytes(), payload);
            self.out.counts.queued_bytes += self.outgoing.put(&message, None, &mut self.out.counts);
        }
    }

    pub(super) fn put_answer(&mut self, seq: &[u8], topic_len: usize, code: i32, data: &Bytes) {
        self.out.counts.withdrawn_bytes += LIMITS.frame_len(topic_len, data.len());
        if self.closing == Closing::Queued {
            return;
        }
        // `fail` refuses codes beyond 16 bits here, and those of the library are none.
        let status = i16::try_from(code).unwrap_or(result::FAILED as i16);
        let message = Message::new(MessageType::Response, status, seq, data);
        // The longest data was checked with an id of usual length. A node ends the connection on a longer message.
        let message = match message.len() <= amop::MAX_SENT_MESSAGE_LEN {
            true => message,
            false => Message::new(MessageType::Response, result::FAILED as i16, seq, &[]),
        };
        self.out.counts.queued_bytes += self.outgoing.put(&message, None, &mut self.out.counts);
    }

    /// Answers a ping.
    pub(super) fn pong(&mut self, payload: &[u8]) {
        if self.closing != Closing::Queued {
            self.outgoing.put_pong(payload, &mut self.out.counts);
        }
    }
}
