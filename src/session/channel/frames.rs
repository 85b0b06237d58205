//! What the machine does about each frame of the node.

use std::fmt::Display;
use std::time::Instant;

use super::calls::Claim;
use super::inbound::{self, Malformed};
use super::{Phase, Session, wire_log};
use crate::error::{Error, ErrorKind};
use crate::protocol::channel::{Frame, MessageType, amop, handshake};
use crate::session::effect::{Callers, Effect, Fatal, Notice};

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
            match self.calls.claim(number, frame, may_list, now, &mut self.out) {
                Claim::NotSentHere | Claim::OwnMessage => {}
                Claim::Completed => return Ok(None),
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
                    self.calls.observe_latency(took);
                }
            }
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

    /// Decides about a frame that isn't what its type says.
    fn malformed(&mut self, kind: MessageType, why: &dyn Display) -> Result<(), Fatal> {
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

    fn on_handshake(&mut self, frame: &Frame<'_>, now: Instant) -> Result<(), Fatal> {
        let since = match self.phase {
            Phase::Handshaking { seq, since } if seq == frame.seq => since,
            Phase::Handshaking { .. } | Phase::Ready { .. } => {
                self.out.counts.ignored_frames += 1;
                return Ok(());
            }
        };
        let choice = handshake::Choice::decode(frame.body)
            .filter(|choice| (handshake::MIN_PROTOCOL..=handshake::MAX_PROTOCOL).contains(&choice.protocol));
        let Some(choice) = choice else {
            return match frame.discarded {
                0 => self.malformed(frame.kind, &"no protocol version from 1 to 3 in it"),
                bytes => self.malformed(frame.kind, &format_args!("{bytes} bytes are too many")),
            };
        };
        self.calls.observe_latency(now.saturating_duration_since(since));
        self.phase = Phase::Ready { protocol: choice.protocol };
        self.calls.set_lists_topics(!self.wanted.is_empty());
        self.topics.start(!self.wanted.is_empty());
        let handshake::Choice { node_version, protocol } = choice;
        self.out.effects.push(Effect::Notice(Notice::Ready { node_version, protocol }));
        Ok(())
    }
}
