//! The machine of a 2.x connection.
//!
//! One file for each conversation: [`frames`] with the handshake, [`listing`] with [`topics`]; [`calls`](super::calls) and
//! [`heartbeat`](super::heartbeat) are shared with the other generation. This file holds what comes from the driver,
//! [`frames`] what comes from the node, [`sending`] what goes there.

mod answer;
#[cfg(test)]
mod connection_tests;
#[cfg(test)]
mod delivery_tests;
mod frames;
#[cfg(test)]
mod hostile_tests;
mod inbound;
mod listing;
mod node_latency;
mod outgoing;
#[cfg(test)]
mod random_tests;
mod refusal;
mod sending;
#[cfg(test)]
mod test_harness;
#[cfg(test)]
mod tests;
mod topics;
mod wire_log;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Instant;

use bytes::{Bytes, BytesMut};

use self::node_latency::NodeLatency;
use self::outgoing::Outgoing;
use self::topics::Topics;
use super::calls::Calls;
use super::effect::{Callers, Effect, Fatal, Input, Outputs};
use super::errors::{Handshake, connection_closed, handshake_timed_out};
use super::frame_progress::FrameProgress;
use super::heartbeat::{Beat, Heartbeat};
use super::options::SessionOptions;
use super::outbox::Outbox;
use super::view::TopicView;
use crate::error::Error;
use crate::protocol::channel::frame::{MAX_FRAME_LEN, READ_CHUNK, client_body_limit};
use crate::protocol::channel::{FrameReader, MessageType, amop, handshake, heartbeat as heartbeat_body};
use crate::protocol::message::{Incoming, Limits, MessageId, MessageKind};
use crate::protocol::{Seq, SeqSource, Topic};
use crate::text::span;
use crate::transport::OtherGeneration;

/// What a link to a 2.x node can carry.
pub(crate) const LIMITS: Limits = amop::LIMITS;

/// How this client names itself to nodes.
const CLIENT_TYPE: &str = concat!("amop-", env!("CARGO_PKG_VERSION"));

/// One connection's logic, and the reader of its bytes.
pub(crate) struct Machine<K: Callers> {
    reader: FrameReader,
    session: Session<K>,
}

/// All but the reader, so that a frame can be lent from that meanwhile.
struct Session<K: Callers> {
    options: SessionOptions,
    ids: Arc<SeqSource>,
    phase: Phase,
    other_generation: OtherGeneration,
    outgoing: Outgoing,
    calls: Calls<K, Known>,
    latency: NodeLatency,
    heartbeat: Heartbeat,
    progress: FrameProgress,
    topics: Topics<K::Listed, K::Surveyed>,
    /// The topics that the node has to list for this session.
    wanted: HashSet<Topic>,
    /// Whether no topic is to be listed any more.
    withdraws: bool,
    /// What the node has answered last about topics.
    view: Option<Arc<TopicView>>,
    out: Outputs<K>,
}

/// What was known of the node's topics when a call's frame was queued.
type Known = Option<Arc<TopicView>>;

enum Phase {
    /// The offer is sent.
    Handshaking { seq: Seq, since: Instant },
    /// At work, at this protocol version.
    Ready { protocol: u32 },
}

impl<K: Callers> Machine<K> {
    /// The most bytes of frames that one read brings, the rest of a large frame aside.
    pub(crate) const READ_SIZE: usize = READ_CHUNK;

    /// Begins with the handshake.
    pub(crate) fn new(
        options: SessionOptions,
        ids: Arc<SeqSource>,
        mut topics: HashSet<Topic>,
        now: Instant,
    ) -> Machine<K> {
        let seq = ids.next();
        topics.retain(|topic| {
            let checked = LIMITS.check_topic(topic);
            if let Err(error) = &checked {
                tracing::warn!(endpoint = %options.endpoint, ?topic, %error, "the node can't list a topic");
            }
            checked.is_ok()
        });
        let mut session = Session {
            heartbeat: Heartbeat::new(options.heartbeat, options.missed_heartbeats, now),
            progress: FrameProgress::default(),
            calls: Calls::new(options.endpoint.clone(), now),
            latency: NodeLatency::default(),
            outgoing: Outgoing::new(options.endpoint.clone()),
            options,
            ids,
            phase: Phase::Handshaking { seq, since: now },
            other_generation: OtherGeneration::Possible,
            topics: Topics::new(),
            wanted: topics,
            withdraws: false,
            view: None,
            out: Outputs::new(),
        };
        let offer = handshake::Offer {
            minimum_support: handshake::MIN_PROTOCOL.into(),
            maximum_support: handshake::MAX_PROTOCOL.into(),
            client_type: CLIENT_TYPE.to_owned(),
        };
        session.put(MessageType::Handshake, seq, offer.encode());
        Machine { reader: FrameReader::with_body_limits(MAX_FRAME_LEN, client_body_limit), session }
    }

    /// As [`super::machine::Machine::read_buffer`].
    pub(crate) fn read_buffer(&mut self) -> &mut BytesMut {
        self.reader.buffer()
    }

    /// As [`super::machine::Machine::received`].
    pub(crate) fn received(&mut self, bytes: usize, now: Instant) {
        self.session.heartbeat.heard(now);
        self.session.progress.received(bytes);
    }

    /// As [`super::machine::Machine::paused`].
    pub(crate) fn paused(&mut self, now: Instant) {
        self.session.progress.paused(now);
    }

    /// As [`super::machine::Machine::next_message`].
    pub(crate) fn next_message(&mut self, now: Instant) -> Result<Option<Incoming<'_>>, Fatal> {
        let is_own = loop {
            let frame = match self.reader.next() {
                Ok(Some(frame)) => frame,
                Ok(None) => {
                    self.session.progress.note(self.reader.is_mid_frame(), now);
                    return Ok(None);
                }
                Err(error) => return Err(self.session.no_frame(error, self.reader.unread())),
            };
            self.session.out.counts.frames_received += 1;
            self.session.progress.frame_ended();
            if let Some(is_own) = self.session.on_frame(&frame, now)? {
                break is_own;
            }
        };
        Ok(self.reader.current().and_then(|frame| {
            let (topic, data) = amop::split(frame.body).ok()?;
            let kind = match frame.kind {
                MessageType::Broadcast => MessageKind::Broadcast,
                _ => MessageKind::Unicast,
            };
            Some(Incoming {
                kind,
                id: MessageId::new(frame.seq.as_bytes()),
                topic,
                data: frame.payload(data),
                is_own,
            })
        }))
    }

    /// As [`super::machine::Machine::answer_current`].
    pub(crate) fn answer_current(&mut self, code: i32, data: &Bytes) {
        if let Some(frame) = self.reader.current()
            && let Ok((topic, _)) = amop::split(frame.body)
        {
            self.session.put_answer(frame.seq, code, topic, data);
        }
    }

    /// As [`super::machine::Machine::answer`].
    pub(crate) fn answer(&mut self, id: &MessageId, topic: &Topic, code: i32, data: &Bytes) {
        // Ids of this connection's requests have the length of a sequence id.
        if let Ok(seq) = id.as_bytes().try_into() {
            self.session.put_answer(Seq::new(seq), code, topic.as_bytes(), data);
        }
    }

    /// As [`super::machine::Machine::unwanted`].
    pub(crate) fn unwanted(&mut self, now: Instant) {
        self.session.topics.on_unwanted(now);
    }

    /// As [`super::machine::Machine::handle`].
    pub(crate) fn handle(&mut self, input: Input<K>, now: Instant) {
        let Session { calls, topics, out, .. } = &mut self.session;
        match input {
            Input::Call(call) => calls.add(call, &LIMITS, out),
            Input::Cancel(number) => calls.cancel(number, now, out),
            Input::Route { topic, wanted, caller } => self.session.on_route(topic, wanted, caller),
            // A node is not asked about a topic on which it receives no message.
            Input::Survey { topic, caller } if LIMITS.check_topic(&topic).is_err() => {
                out.effects.extend(caller.map(Effect::Surveyed));
            }
            Input::Survey { topic, caller } => topics.survey(topic, caller, now),
            Input::Read(answer) => topics.read(answer, now),
            Input::EndCalls(error) => calls.end_live(&error, now, out),
            Input::Verified(verification) => self.session.put_verification(verification),
        }
    }

    /// As [`super::machine::Machine::on_timer`].
    pub(crate) fn on_timer(&mut self, now: Instant) -> Result<(), Fatal> {
        self.session.on_timer(now)
    }

    /// As [`super::machine::Machine::next_deadline`].
    pub(crate) fn next_deadline(&self) -> Instant {
        let Session { options, phase, calls, heartbeat, progress, topics, .. } = &self.session;
        let first = match phase {
            Phase::Handshaking { .. } => options.handshake_by,
            Phase::Ready { .. } => progress.next_deadline().into_iter().fold(heartbeat.next(), Instant::min),
        };
        [calls.next_deadline(), topics.next_deadline()].into_iter().flatten().fold(first, Instant::min)
    }

    /// As [`super::machine::Machine::queue`].
    pub(crate) fn queue(&mut self, now: Instant) {
        self.session.converse_about_topics(now);
        self.session.queue_calls(now);
    }

    /// As [`super::machine::Machine::outbox`].
    pub(crate) fn outbox(&mut self) -> &mut Outbox {
        &mut self.session.outgoing.outbox
    }

    /// As [`super::machine::Machine::outputs`].
    pub(crate) fn outputs(&mut self) -> &mut Outputs<K> {
        &mut self.session.out
    }

    /// As [`super::machine::Machine::is_ready`].
    pub(crate) fn is_ready(&self) -> bool {
        self.session.is_ready()
    }

    /// As [`super::machine::Machine::other_generation`].
    pub(crate) fn other_generation(&self) -> OtherGeneration {
        self.session.other_generation
    }

    /// As [`super::machine::Machine::is_mid_frame`].
    pub(crate) fn is_mid_frame(&self) -> bool {
        self.reader.is_mid_frame()
    }

    /// As [`super::machine::Machine::withdraw_topics`].
    pub(crate) fn withdraw_topics(&mut self) {
        let session = &mut self.session;
        if !std::mem::replace(&mut session.withdraws, true) {
            session.wanted.clear();
            session.topics.withdraw();
        }
    }

    /// As [`super::machine::Machine::is_withdrawn`].
    pub(crate) fn is_withdrawn(&self) -> bool {
        !self.is_ready() || self.session.topics.is_list_settled()
    }

    /// As [`super::machine::Machine::end`].
    pub(crate) fn end(&mut self, error: &Error) {
        let Session { outgoing, calls, out, .. } = &mut self.session;
        calls.end_lost(error, &outgoing.outbox, out);
    }
}

impl<K: Callers> Session<K> {
    fn is_ready(&self) -> bool {
        matches!(self.phase, Phase::Ready { .. })
    }

    fn on_timer(&mut self, now: Instant) -> Result<(), Fatal> {
        self.calls.expire(now, &mut self.out);
        let protocol = match self.phase {
            Phase::Handshaking { .. } if now >= self.options.handshake_by => {
                return Err(handshake_timed_out(&self.options.endpoint, Handshake::Channel));
            }
            Phase::Handshaking { .. } => return Ok(()),
            Phase::Ready { protocol } => protocol,
        };
        self.topics.on_timer(now);
        self.progress.on_timer(now).map_err(|why| connection_closed(&self.options.endpoint, why))?;
        let outbox = &self.outgoing.outbox;
        match self.heartbeat.on_timer(now, !outbox.is_empty(), outbox.written()) {
            Beat::NotDue => Ok(()),
            Beat::Send => {
                let seq = self.ids.next();
                self.put(MessageType::Heartbeat, seq, heartbeat_body::request(protocol).to_vec());
                self.heartbeat.sent(seq, now);
                self.topics.on_heartbeat(now);
                Ok(())
            }
            Beat::Dead => {
                let why = format!("nothing was received for {}", span(self.heartbeat.limit()));
                Err(connection_closed(&self.options.endpoint, why))
            }
        }
    }
}
