//! Queueing messages for sessions, and the faults on them.

use amop::protocol::websocket::Side;
use amop::protocol::websocket::frame::{frame_len, put_message_header};
use amop::protocol::websocket::{MessageType, amop as topic_body};
use bytes::{Bytes, BytesMut};
use fastrand::Rng;

use super::OwnedMessage;
use crate::delayed::Delayed;
use crate::faults::{Action, Direction, Seen};
use crate::outbox::End;
use crate::sessions::Sessions;
use crate::table::Key;

impl Sessions {
    /// Queues a message for a session, subject to the injected faults.
    pub(crate) fn send_message(&mut self, to: Key, message: &OwnedMessage) {
        if self.faults.is_empty() {
            self.enqueue_message(to, message);
        } else {
            self.send_message_with_faults(to, message);
        }
    }

    /// Queues a message without applying faults.
    pub(crate) fn enqueue_message(&mut self, to: Key, message: &OwnedMessage) {
        let Some(session) = self.get(to) else { return };
        let length = message.len();
        let head_len = frame_len(Side::Node, length) - message.payload.len();
        let put_head = |out: &mut BytesMut| {
            put_message_header(out, length);
            message.as_message().put_head(out);
        };
        let pushed =
            session.outbox.push_framed(head_len, put_head, &message.payload, || message.payload.clone());
        self.pushed(to, pushed);
    }

    /// Queues a frame that holds no message: a ping, pong or close.
    pub(super) fn enqueue_frame(&mut self, to: Key, put: impl FnOnce(&mut BytesMut)) {
        let mut frame = BytesMut::new();
        put(&mut frame);
        self.enqueue_raw(to, &frame);
    }

    fn send_message_with_faults(&mut self, to: Key, message: &OwnedMessage) {
        let Some(session) = self.get(to) else { return };
        let seen = seen(Direction::ToClients, session.node, to, message);
        let Some((action, rng)) = self.faults.judge(seen) else {
            return self.enqueue_message(to, message);
        };
        tracing::debug!(session = to.id(), kind = message.kind.to_wire(), ?action, "applied a fault");
        match action {
            Action::Lose => {}
            Action::Delay(by) => self.postponed.push((by, Delayed::MessageOut(to, message.clone()))),
            Action::Twice => {
                self.enqueue_message(to, message);
                self.enqueue_message(to, message);
            }
            Action::OtherSeq => {
                let changed = message.with_seq(new_seq(rng));
                self.enqueue_message(to, &changed);
            }
            Action::OtherType(kind) => {
                let kind = MessageType::from_wire(kind);
                self.enqueue_message(to, &OwnedMessage { kind, ..message.clone() });
            }
            Action::Garbage => {
                let mut garbage = vec![0; frame_len(Side::Node, message.len())];
                rng.fill(&mut garbage);
                self.enqueue_raw(to, &garbage);
            }
            Action::CutInMidFrame => {
                let mut frame = BytesMut::new();
                put_message_header(&mut frame, message.len());
                frame.extend_from_slice(&message.as_message().to_bytes());
                self.enqueue_raw(to, &frame[..frame.len() / 2]);
                self.end(to, End::CutWhenWritten);
            }
            Action::Close => self.end(to, End::Close),
            Action::Reset => self.end(to, End::Reset),
            Action::Stall => {
                self.enqueue_message(to, message);
                self.stall(to, true);
            }
        }
    }
}

/// Returns what faults can depend on in a message.
pub(super) fn seen(direction: Direction, node: usize, session: Key, message: &OwnedMessage) -> Seen<'_> {
    let topic = match message.kind {
        MessageType::Request | MessageType::Broadcast => {
            topic_body::split(&message.payload).ok().map(|(topic, _)| topic)
        }
        MessageType::Error
        | MessageType::Handshake
        | MessageType::BlockNotify
        | MessageType::Rpc
        | MessageType::GroupNotify
        | MessageType::TopicList
        | MessageType::Response
        | MessageType::Other(_) => None,
    };
    Seen { direction, node, session: session.id(), kind: message.kind.to_wire(), topic }
}

/// Returns a new seq: 32 hex digits, as nodes make them.
pub(super) fn new_seq(rng: &mut Rng) -> Bytes {
    Bytes::from(format!("{:016x}{:016x}", rng.u64(..), rng.u64(..)))
}
