//! Messages that clients send: decoding, reordering, faults, and the choice of what handles them.

use amop::protocol::message::Payload;
use amop::protocol::websocket::frame::{close_code, put_close};
use amop::protocol::websocket::{MessageError, MessageType};
use bytes::Bytes;
use tokio::time::Instant;

use super::OwnedMessage;
use super::sending::{new_seq, seen};
use crate::deadlines::Due;
use crate::delayed::Delayed;
use crate::faults::{Action, Direction};
use crate::net::Net;
use crate::outbox::End;
use crate::table::Key;

impl Net {
    /// Handles a WebSocket message that was read from a session.
    pub(crate) fn receive_message(&mut self, from: Key, frame: Payload<'_>, now: Instant) {
        let Some(session) = self.sessions.get_mut(from) else { return };
        if session.ending || session.websocket.deaf {
            return;
        }
        let message = match OwnedMessage::keep(frame) {
            Ok(message) => message,
            Err(MessageError::TooShort(_)) => return self.close_session(from, close_code::NORMAL),
            Err(error @ MessageError::SeqPastEnd { .. }) => {
                tracing::warn!(session = from.id(), "stopped processing the messages of a session: {error}");
                session.websocket.deaf = true;
                return;
            }
        };
        if let Some(overtaking) = self.overtaking(from, now) {
            return self.hold_overtaken(overtaking, Delayed::MessageIn(from, message));
        }
        if self.sessions.faults.is_empty() {
            self.dispatch_message(from, message, now);
        } else {
            self.receive_message_with_faults(from, message, now);
        }
    }

    /// Sends a close frame, then closes the connection. Real nodes wait for the client to close it.
    pub(super) fn close_session(&mut self, key: Key, code: u16) {
        self.sessions.enqueue_frame(key, |out| put_close(out, None, code));
        self.sessions.end(key, End::Close);
    }

    fn receive_message_with_faults(&mut self, from: Key, message: OwnedMessage, now: Instant) {
        let Some(session) = self.sessions.get(from) else { return };
        let seen = seen(Direction::FromClients, session.node, from, &message);
        let Some((action, rng)) = self.sessions.faults.judge(seen) else {
            return self.dispatch_message(from, message, now);
        };
        tracing::debug!(session = from.id(), kind = message.kind.to_wire(), ?action, "applied a fault");
        match action {
            Action::Lose => {}
            Action::Delay(by) => {
                let held = Delayed::MessageIn(from, message);
                self.deadlines.set(now + by, Due::Frame(Box::new(held)));
            }
            Action::Twice => {
                self.dispatch_message(from, message.clone(), now);
                self.dispatch_message(from, message, now);
            }
            Action::OtherSeq => {
                let changed = message.with_seq(new_seq(rng));
                self.dispatch_message(from, changed, now);
            }
            Action::OtherType(kind) => {
                let kind = MessageType::from_wire(kind);
                self.dispatch_message(from, OwnedMessage { kind, ..message }, now);
            }
            Action::Garbage => {
                let mut garbage = vec![0; message.payload.len()];
                rng.fill(&mut garbage);
                self.dispatch_message(from, OwnedMessage { payload: Bytes::from(garbage), ..message }, now);
            }
            Action::CutInMidFrame => self.sessions.end(from, End::Cut),
            Action::Close => self.sessions.end(from, End::Close),
            Action::Reset => self.sessions.end(from, End::Reset),
            Action::Stall => {
                self.dispatch_message(from, message, now);
                self.sessions.stall(from, true);
            }
        }
    }

    /// Processes a message of a session.
    pub(crate) fn dispatch_message(&mut self, from: Key, message: OwnedMessage, now: Instant) {
        let Some(session) = self.sessions.get_mut(from).filter(|session| !session.ending) else { return };
        if !session.websocket.awaiting.is_empty()
            && let Some(request) = session.websocket.awaiting.remove(&message.seq)
        {
            return self.on_answer(request, &message, now);
        }
        match message.kind {
            MessageType::Handshake => self.on_websocket_handshake(from, &message),
            MessageType::TopicList => self.on_added_topics(from, &message),
            MessageType::Request => self.on_websocket_request(from, message, now),
            MessageType::Broadcast => self.on_websocket_broadcast(from, &message),
            MessageType::Rpc => self.on_json_rpc(from, &message),
            MessageType::Error
            | MessageType::BlockNotify
            | MessageType::GroupNotify
            | MessageType::Response
            | MessageType::Other(_) => {
                tracing::debug!(kind = message.kind.to_wire(), "ignored a message of this type, as nodes do");
            }
        }
    }
}
