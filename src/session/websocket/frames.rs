//! What the machine does about each message of the node.

use std::time::Instant;

use super::answer::Own;
use super::{Phase, Session, wire_log};
use crate::error::{Error, ErrorKind};
use crate::protocol::Seq;
use crate::protocol::message::Payload;
use crate::protocol::websocket::frame::close_code;
use crate::protocol::websocket::{FrameError, Message, MessageType, amop, handshake};
use crate::session::calls::Claim;
use crate::session::effect::{Callers, Effect, Fatal, Notice};
use crate::session::errors::{connection_closed_by_node, handshake_failed};
use crate::text::foreign;

/// The bytes of a wrong answer to the handshake that are shown: they name another protocol.
const SHOWN_OF_AN_ANSWER: usize = 40;

impl<K: Callers> Session<K> {
    /// Deals with a message of the node, unless it is one for a subscriber: then returns whether this client sent it.
    ///
    /// A malformed message is counted and ignored: a subscriber or publisher may have made it, because nodes pass on what
    /// they receive, and the node has dealt with it in its own way.
    ///
    /// # Errors
    /// Returns an error for an answer to the handshake that no 3.x node gives: the connection has to end.
    pub(super) fn on_message(&mut self, whole: Payload<'_>, now: Instant) -> Result<Option<bool>, Fatal> {
        let Ok(message) = Message::parse(whole.bytes()) else {
            self.out.counts.ignored_frames += 1;
            return Ok(None);
        };
        wire_log::received(&self.options.endpoint, &message);
        // A connection without calls needs no look at the ids of unicasts, which the node has made.
        let own_number = match message.kind {
            MessageType::Request if self.calls.is_unused() => None,
            _ => <[u8; Seq::LEN]>::try_from(message.seq).ok().and_then(|seq| self.ids.number(&Seq::new(seq))),
        };
        if let Some(number) = own_number
            && self.claim(number, &message, whole, now)
        {
            return Ok(None);
        }
        match message.kind {
            MessageType::Request | MessageType::Broadcast if amop::split(message.payload).is_ok() => {
                self.out.counts.messages_received += 1;
                return Ok(Some(own_number.is_some()));
            }
            // A reply nobody waits for, or the empty error that a node sends when a subscriber of its own is lost.
            MessageType::Response | MessageType::Error => self.out.counts.stray_replies += 1,
            MessageType::Handshake => self.on_handshake(&message, now)?,
            // Malformed, to nodes only, or conversations that this client never begins.
            MessageType::Request
            | MessageType::Broadcast
            | MessageType::TopicList
            | MessageType::BlockNotify
            | MessageType::Rpc
            | MessageType::GroupNotify
            | MessageType::Other(_) => self.out.counts.ignored_frames += 1,
        }
        Ok(None)
    }

    /// Returns whether a message with an id of this client's own is dealt with.
    fn claim(&mut self, number: u64, message: &Message<'_>, whole: Payload<'_>, now: Instant) -> bool {
        if let Some(confirmed) = self.probes.claim(number, now) {
            if confirmed.restores {
                self.out.effects.push(Effect::Notice(Notice::TopicsRestored));
            }
            let listed = |caller| Effect::Listed { caller, outcome: Ok(()) };
            self.out.effects.extend(confirmed.callers.into_iter().map(listed));
            return true;
        }
        // A topic that was left is still listed.
        let listed = &self.listed;
        let own = Own { message: *message, whole };
        match self.calls.claim(number, &own, |topic| listed.contains(topic), now, &mut self.out) {
            Claim::NotSentHere | Claim::OwnMessage => return false,
            Claim::Completed { .. } => {}
            Claim::Late => self.out.counts.stray_replies += 1,
        }
        self.probes.answered(now);
        true
    }

    /// Returns the error of a connection whose next bytes break the rules of WebSocket.
    pub(super) fn no_frame(&self, error: FrameError, bytes: &[u8]) -> Fatal {
        let endpoint = &self.options.endpoint;
        if !self.is_ready() {
            let seen = foreign(bytes).limit(SHOWN_OF_AN_ANSWER);
            return handshake_failed(endpoint, Self::HANDSHAKE, format_args!("it sent {seen:?}: {error}"));
        }
        let text = format!("{endpoint} broke the WebSocket protocol: {error}; the connection is closed");
        Error::undelivered(ErrorKind::Protocol, text)
    }

    /// Returns the error of a connection that the node closes. This side closes TCP at once: a node waits for that, and
    /// meanwhile may not serve others.
    pub(super) fn closed_by_node(&self, code: Option<u16>) -> Fatal {
        let endpoint = &self.options.endpoint;
        let code = code.unwrap_or(close_code::NORMAL);
        if !self.is_ready() {
            let why = format!(
                "it closed the connection (WebSocket code {code}), as nodes do that speak none of the protocol versions \
                 {} to {}",
                handshake::MIN_VERSION,
                handshake::MAX_VERSION
            );
            return handshake_failed(endpoint, Self::HANDSHAKE, why);
        }
        let why = match code {
            close_code::TOO_BIG => ", because a message was longer than it takes",
            close_code::PROTOCOL_ERROR | close_code::INVALID_DATA => {
                ", because it took a frame for malformed"
            }
            _ => "",
        };
        connection_closed_by_node(endpoint, format_args!("WebSocket code {code}{why}"))
    }

    fn on_handshake(&mut self, message: &Message<'_>, now: Instant) -> Result<(), Fatal> {
        match self.phase {
            Phase::Handshaking { seq } if seq.as_bytes() == message.seq => {}
            Phase::Handshaking { .. } | Phase::Ready => {
                self.out.counts.ignored_frames += 1;
                return Ok(());
            }
        }
        let failed = |what: &dyn std::fmt::Display| {
            Err(handshake_failed(&self.options.endpoint, Self::HANDSHAKE, what))
        };
        let Some(choice) = handshake::Choice::decode(message.payload) else {
            let seen = foreign(message.payload).limit(SHOWN_OF_AN_ANSWER);
            return failed(&format_args!("its answer {seen:?} names no protocol version"));
        };
        let choice = match choice.supported() {
            Ok(choice) => choice,
            Err(error) => return failed(&error),
        };
        self.phase = Phase::Ready;
        self.probes.answered(now);
        self.calls.set_lists_topics(!self.wanted.is_empty());
        let handshake::Choice { node_version, protocol_version: protocol } = choice;
        self.out.effects.push(Effect::Notice(Notice::Ready { node_version, protocol }));
        Ok(())
    }
}
