//! The machine of a 3.x connection, after the upgrade to WebSocket.
//!
//! One file for each conversation: [`frames`] with the handshake, [`listing`] of topics with its [`probes`];
//! [`calls`](super::calls) and [`heartbeat`](super::heartbeat) are shared with the other generation. This file holds what
//! comes from the driver, [`frames`] what comes from the node, [`sending`] what goes there.

mod answer;
mod frames;
mod listing;
mod outgoing;
mod probes;
#[cfg(test)]
mod random_tests;
mod sending;
#[cfg(test)]
mod test_harness;
#[cfg(test)]
mod tests;
mod wire_log;

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};

use self::outgoing::Outgoing;
use self::probes::Probes;
use super::calls::Calls;
use super::effect::{Callers, Effect, Fatal, Input, Outputs};
use super::errors::{Handshake, connection_closed, handshake_timed_out};
use super::frame_progress::FrameProgress;
use super::heartbeat::{Beat, Heartbeat};
use super::options::SessionOptions;
use super::outbox::Outbox;
use crate::error::Error;
use crate::protocol::message::{Incoming, Limits, MessageId, MessageKind};
use crate::protocol::websocket::frame::READ_CHUNK;
use crate::protocol::websocket::{FrameReader, Message, MessageType, Received, Side, amop, handshake};
use crate::protocol::{Seq, SeqSource, Topic};
use crate::text::span;

/// What a link to a 3.x node can carry.
pub(crate) const LIMITS: Limits = amop::LIMITS;

/// The longest time between two pings: the node ends a connection on which it receives nothing for 5 to 10 s.
const MAX_PING_INTERVAL: Duration = Duration::from_secs(5);

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
    outgoing: Outgoing,
    calls: Calls<K, ()>,
    /// Broadcasts whose frames are queued, by where these end in the outbox: a node doesn't answer them.
    broadcasts: VecDeque<(u64, u64)>,
    heartbeat: Heartbeat,
    progress: FrameProgress,
    probes: Probes<K::Listed>,
    /// The topics that this client wants.
    wanted: HashSet<Topic>,
    /// The topics that the node lists for this connection: it never forgets one.
    listed: HashSet<Topic>,
    /// Topics to list next, and who waits for that.
    unlisted: Vec<Topic>,
    waiting: Vec<K::Listed>,
    /// Whether the topics of the client were listed since the handshake.
    has_listed: bool,
    closing: Closing,
    out: Outputs<K>,
}

enum Phase {
    /// The offer is sent.
    Handshaking {
        seq: Seq,
    },
    Ready,
}

/// How far this side has closed the connection.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Closing {
    No,
    /// Once all calls are queued.
    Wanted,
    /// The close frame is queued: nothing may follow it.
    Queued,
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
            heartbeat: Heartbeat::new(
                options.heartbeat.min(MAX_PING_INTERVAL),
                options.missed_heartbeats,
                now,
            ),
            probes: Probes::new(options.heartbeat, now),
            progress: FrameProgress::default(),
            calls: Calls::new(options.endpoint.clone(), now),
            outgoing: Outgoing::new(options.endpoint.clone(), ids.masks()),
            broadcasts: VecDeque::new(),
            options,
            ids,
            phase: Phase::Handshaking { seq },
            unlisted: topics.iter().cloned().collect(),
            wanted: topics,
            listed: HashSet::new(),
            waiting: Vec::new(),
            has_listed: false,
            closing: Closing::No,
            out: Outputs::new(),
        };
        session.put(MessageType::Handshake, seq, &handshake::Offer::OURS.encode());
        Machine { reader: FrameReader::new(Side::Node), session }
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
        self.session.probes.paused(now);
    }

    /// As [`super::machine::Machine::next_message`].
    pub(crate) fn next_message(&mut self, now: Instant) -> Result<Option<Incoming<'_>>, Fatal> {
        let is_own = loop {
            let received = match self.reader.next() {
                Ok(Some(received)) => received,
                Ok(None) => {
                    self.session.progress.note(self.reader.is_mid_frame(), now);
                    return Ok(None);
                }
                Err(error) => return Err(self.session.no_frame(error, self.reader.unread())),
            };
            match received {
                Received::Message(payload) => {
                    self.session.progress.frame_ended();
                    self.session.out.counts.frames_received += 1;
                    if let Some(is_own) = self.session.on_message(payload, now)? {
                        break is_own;
                    }
                }
                Received::Ping(payload) => self.session.pong(payload),
                Received::Pong(_) => {}
                Received::Close(code) => return Err(self.session.closed_by_node(code)),
            }
        };
        Ok(self.reader.current().and_then(|whole| {
            let message = Message::parse(whole.bytes()).ok()?;
            let (topic, data) = amop::split(message.payload).ok()?;
            let kind = match message.kind {
                MessageType::Broadcast => MessageKind::Broadcast,
                _ => MessageKind::Unicast,
            };
            Some(Incoming { kind, id: MessageId::new(message.seq), topic, data: whole.part(data), is_own })
        }))
    }

    /// As [`super::machine::Machine::answer_current`].
    pub(crate) fn answer_current(&mut self, code: i32, data: &Bytes) {
        if let Some(whole) = self.reader.current()
            && let Ok(message) = Message::parse(whole.bytes())
            && let Ok((topic, _)) = amop::split(message.payload)
        {
            self.session.put_answer(message.seq, topic.len(), code, data);
        }
    }

    /// As [`super::machine::Machine::answer`].
    pub(crate) fn answer(&mut self, id: &MessageId, topic: &Topic, code: i32, data: &Bytes) {
        self.session.put_answer(id.as_bytes(), topic.len(), code, data);
    }

    /// As [`super::machine::Machine::unwanted`]. A node goes on sending messages on a topic that was left.
    pub(crate) fn unwanted(&mut self, _now: Instant) {}

    /// As [`super::machine::Machine::handle`].
    pub(crate) fn handle(&mut self, input: Input<K>, now: Instant) {
        let Session { calls, out, .. } = &mut self.session;
        match input {
            Input::Call(call) => calls.add(call, &LIMITS, out),
            Input::Cancel(number) => calls.cancel(number, now, out),
            Input::Route { topic, wanted, caller } => self.session.on_route(topic, wanted, caller),
            // A node can't be asked.
            Input::Survey { caller, .. } => out.effects.extend(caller.map(Effect::Surveyed)),
            // Nodes of this generation ask neither about topics nor for verifications.
            Input::Read(_) | Input::Verified(_) => {}
            Input::EndCalls(error) => calls.end_live(&error, now, out),
        }
    }

    /// As [`super::machine::Machine::on_timer`].
    pub(crate) fn on_timer(&mut self, now: Instant) -> Result<(), Fatal> {
        self.session.on_timer(now)
    }

    /// As [`super::machine::Machine::next_deadline`].
    pub(crate) fn next_deadline(&self) -> Instant {
        let Session { options, phase, calls, heartbeat, progress, probes, .. } = &self.session;
        let first = match phase {
            Phase::Handshaking { .. } => options.handshake_by,
            Phase::Ready => {
                let others = [progress.next_deadline(), probes.next_deadline()];
                others.into_iter().flatten().fold(heartbeat.next(), Instant::min)
            }
        };
        calls.next_deadline().into_iter().fold(first, Instant::min)
    }

    /// As [`super::machine::Machine::queue`].
    pub(crate) fn queue(&mut self, now: Instant) {
        let session = &mut self.session;
        session.probes.written(session.outgoing.outbox.written(), now);
        session.complete_broadcasts(now);
        session.list_topics();
        session.queue_calls(now);
        session.queue_close();
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

    /// As [`super::machine::Machine::is_mid_frame`].
    pub(crate) fn is_mid_frame(&self) -> bool {
        self.reader.is_mid_frame()
    }

    /// As [`super::machine::Machine::close`].
    pub(crate) fn close(&mut self) {
        if self.session.closing == Closing::No {
            self.session.closing = Closing::Wanted;
        }
    }

    /// As [`super::machine::Machine::end`].
    pub(crate) fn end(&mut self, error: &Error) {
        let Session { outgoing, calls, out, .. } = &mut self.session;
        calls.end_lost(error, &outgoing.outbox, out);
    }
}

impl<K: Callers> Session<K> {
    fn is_ready(&self) -> bool {
        matches!(self.phase, Phase::Ready)
    }

    fn on_timer(&mut self, now: Instant) -> Result<(), Fatal> {
        self.calls.expire(now, &mut self.out);
        match self.phase {
            Phase::Handshaking { .. } if now >= self.options.handshake_by => {
                return Err(handshake_timed_out(&self.options.endpoint, Self::HANDSHAKE));
            }
            Phase::Handshaking { .. } => return Ok(()),
            Phase::Ready => {}
        }
        let closed = |why| connection_closed(&self.options.endpoint, why);
        self.progress.on_timer(now).map_err(closed)?;
        self.probes.on_timer(now).map_err(closed)?;
        if self.probes.is_due(now) {
            self.send_probe(false, Vec::new());
        }
        let outbox = &self.outgoing.outbox;
        match self.heartbeat.on_timer(now, !outbox.is_empty(), outbox.written()) {
            Beat::NotDue => Ok(()),
            Beat::Send => {
                self.outgoing.put_ping(&mut self.out.counts);
                Ok(())
            }
            Beat::Dead => {
                let why = format!("nothing was received for {}", span(self.heartbeat.limit()));
                Err(connection_closed(&self.options.endpoint, why))
            }
        }
    }

    /// Which handshake failed, for the texts of errors.
    const HANDSHAKE: Handshake = Handshake::WebSocket;
}
