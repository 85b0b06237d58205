//! Heartbeats (0x13).

use amop::protocol::channel::{Frame, MessageType, heartbeat};

use crate::net::Net;
use crate::table::Key;

impl Net {
    /// Answers in the form of the session's protocol version. Some heartbeats of version 1 get no answer.
    pub(crate) fn on_heartbeat(&mut self, from: Key, frame: &Frame<'_>) {
        let Some(session) = self.sessions.get(from) else { return };
        if let Some(answer) = heartbeat::answer(session.protocol, frame.body) {
            self.sessions.answer(from, MessageType::Heartbeat, frame.seq, frame.result, answer.to_vec());
        }
    }
}
