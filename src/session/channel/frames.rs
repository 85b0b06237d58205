//! What the machine does about each frame of the node.

use std::fmt::Display;
use std::time::Instant;

use super::answer::Own;
use super::inbound::{self, Malformed};
use super::{Phase, Session, wire_log};
use crate::error::{Error, ErrorKind};
use crate::protocol::channel::frame::FrameError;
use crate::protocol::channel::verify::VerifyRequest;
use crate::protocol::channel::{Frame, MessageType, amop, handshake};
use crate::protocol::{ToVerify, Topic};
use crate::session::call::CallKind;
use crate::session::calls::Claim;
use crate::session::effect::{Callers, Effect, Fatal, Notice};
use crate::session::errors::{Handshake, handshake_failed};
use crate::text::foreign;
use crate::transport::{OtherGeneration, is_tls_alert};

/// The bytes of a wrong answer to the handshake that are shown: they name a web server or another protocol.
const SHOWN_OF_AN_ANSWER: usize = 40;

/// What the answer of a node of 3.x begins with, as that of any web server.
const HTTP_ANSWER: &[u8] = b"HTTP/1.";

/// More bytes than a node's id has: 128 hex digits.
const MAX_NODE_ID_LEN: usize = 256;

impl<K: Callers> Session<K> {
    /// Deals with a frame, unless it is a message: then returns whether this client sent it.
    ///
    /// # Errors
    /// Returns an error for what an honest 2.x node never sends: the connection has to end.
    pub(super) fn on_frame(&mut self, frame: &Frame<'_>, now: Instant) -> Result<Option<bool>, Fatal> {
        wire_log::received(&self.options.endpoint, frame);
        // A connection without calls and broadcasts needs no look at the ids.
        let own_number = match frame.kind {
            MessageType::Request if self.calls.is_unused() => None,
            _ => self.ids.number(&frame.seq),
        };
        if let Some(number) = own_number {
            let (wanted, topics) = (&self.wanted, &self.topics);
            let may_list = |topic: &str| wanted.contains(topic) || topics.may_list(topic.as_bytes());
            let own = Own { frame, latency: &self.latency };
            match self.calls.claim(number, &own, may_list, now, &mut self.out) {
                Claim::NotSentHere | Claim::OwnMessage => {}
                Claim::Completed { kind, after } => {
                    if kind == CallKind::Broadcast {
                        // The node itself answers broadcasts.
                        self.latency.observe(after);
                    }
                    return Ok(None);
                }
                Claim::Late => {
                    self.out.counts.stray_replies += 1;
                    return Ok(None);
                }
            }
        }
        match frame.kind {
            MessageType::Request | MessageType::Broadcast => match amop::split(frame.body) {
                Ok(_) => {
                    self.out.counts.messages_received += 1;
                    return Ok(Some(own_number.is_some()));
                }
                Err(error) => self.malformed(frame.kind, &error)?,
            },
            MessageType::Response => self.out.counts.stray_replies += 1,
            MessageType::Handshake => self.on_handshake(frame, now)?,
            // Any byte was counted as a sign of life already.
            MessageType::Heartbeat => {
                if let Some(took) = self.heartbeat.answered(&frame.seq, now) {
                    self.latency.observe(took);
                }
            }
            MessageType::RequestVerify if self.is_ready() => self.on_verify_request(frame),
            MessageType::Rpc if self.topics.on_answer(frame, now) => {
                if frame.discarded > 0 {
                    self.out.counts.ignored_frames += 1;
                }
            }
            // To nodes only, or conversations that this client never begins.
            MessageType::Rpc
            | MessageType::RegisterEvent
            | MessageType::TopicList
            | MessageType::RequestVerify
            | MessageType::UpdateTopicStatus
            | MessageType::TransactionNotify
            | MessageType::BlockNotify
            | MessageType::EventNotify
            | MessageType::Other(_) => self.out.counts.ignored_frames += 1,
        }
        Ok(None)
    }

    /// Returns the error of a connection whose next bytes are no frame.
    pub(super) fn no_frame(&mut self, error: FrameError, bytes: &[u8]) -> Fatal {
        let endpoint = &self.options.endpoint;
        if !self.is_ready() {
            if is_tls_alert(bytes) {
                let what = "it answered with an alert of TLS, so it expects TLS";
                return handshake_failed(endpoint, Handshake::Channel, what);
            }
            self.other_generation = match bytes.starts_with(HTTP_ANSWER) {
                true => OtherGeneration::Likely,
                false => OtherGeneration::Excluded,
            };
            let seen = foreign(bytes).limit(SHOWN_OF_AN_ANSWER);
            return handshake_failed(
                endpoint,
                Handshake::Channel,
                format_args!("it sent {seen:?}, which is not a channel frame"),
            );
        }
        Error::undelivered(
            ErrorKind::Protocol,
            format!(
                "{endpoint} sent something that is not a channel frame: {error}; the connection is closed"
            ),
        )
    }

    /// Decides about a frame that isn't what its type says.
    fn malformed(&mut self, kind: MessageType, why: &dyn Display) -> Result<(), Fatal> {
        if !self.is_ready() {
            let what = format!("it sent a malformed frame of type {:#x}: {why}", kind.to_wire());
            return Err(handshake_failed(&self.options.endpoint, Handshake::Channel, what));
        }
        match inbound::malformed(kind) {
            Malformed::Ignored => {
                self.out.counts.ignored_frames += 1;
                Ok(())
            }
            Malformed::EndsConnection => Err(Error::undelivered(
                ErrorKind::Protocol,
                format!(
                    "{} sent a malformed frame of type {:#x}: {why}; the connection is closed",
                    self.options.endpoint,
                    kind.to_wire()
                ),
            )),
        }
    }

    /// Acknowledges a request to verify a private topic at once, because the node otherwise asks another session after 5 s,
    /// and passes it on if this session publishes on the topic. Any frame with its seq is an acknowledgement.
    fn on_verify_request(&mut self, frame: &Frame<'_>) {
        self.put(MessageType::RequestVerify, frame.seq, Vec::new());
        let request = VerifyRequest::decode(frame.body).filter(|_| frame.discarded == 0);
        let Some(to_verify) = request.and_then(|request| self.to_verify(request)) else {
            self.out.counts.ignored_frames += 1;
            return;
        };
        self.out.effects.push(Effect::Notice(Notice::ToVerify(to_verify)));
    }

    fn to_verify(&self, request: VerifyRequest) -> Option<ToVerify> {
        let VerifyRequest { node_id, topic, topic_for_cert } = request;
        let topic = Topic::new(topic).ok().filter(Topic::is_private)?;
        let is_sane = !node_id.is_empty()
            && node_id.len() <= MAX_NODE_ID_LEN
            && topic_for_cert.len() <= amop::MAX_TOPIC_LEN
            && self.wanted.contains(&topic.push_channel());
        let (node_id, channel) = (node_id.into(), topic_for_cert.into());
        is_sane.then_some(ToVerify { topic, node_id, channel })
    }

    fn on_handshake(&mut self, frame: &Frame<'_>, now: Instant) -> Result<(), Fatal> {
        let since = match self.phase {
            Phase::Handshaking { seq, since } if seq == frame.seq => since,
            Phase::Handshaking { .. } | Phase::Ready { .. } => {
                self.out.counts.ignored_frames += 1;
                return Ok(());
            }
        };
        // No node of 3.x sends such a frame, whatever it contains.
        self.other_generation = OtherGeneration::Excluded;
        let choice = self.choice(frame)?;
        self.latency.observe(now.saturating_duration_since(since));
        self.phase = Phase::Ready { protocol: choice.protocol };
        self.calls.set_lists_topics(!self.wanted.is_empty());
        self.topics.start(!self.wanted.is_empty());
        let handshake::Choice { node_version, protocol } = choice;
        self.out.effects.push(Effect::Notice(Notice::Ready { node_version, protocol }));
        Ok(())
    }

    /// Returns what the node has chosen.
    fn choice(&self, frame: &Frame<'_>) -> Result<handshake::Choice, Fatal> {
        let failed =
            |what: &dyn Display| Err(handshake_failed(&self.options.endpoint, Handshake::Channel, what));
        if frame.discarded > 0 {
            return failed(&format_args!("its answer has {} bytes", frame.discarded));
        }
        match handshake::Choice::decode(frame.body) {
            Some(choice) => choice.supported().or_else(|error| failed(&error)),
            None if handshake::Offer::decode(frame.body).is_some() => {
                failed(&"it sent back what it received, as an echo server does")
            }
            None => {
                let seen = foreign(frame.body).limit(SHOWN_OF_AN_ANSWER);
                failed(&format_args!("its answer {seen:?} names no protocol version"))
            }
        }
    }
}
