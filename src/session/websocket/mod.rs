//! The machine of a 3.x connection, after the upgrade to WebSocket.
//!
//! One file for each conversation: [`frames`] with the handshake, [`probes`] with topic lists; [`calls`](super::calls) and
//! [`heartbeat`](super::heartbeat) are shared with the other generation. This file holds what comes from the driver,
//! [`frames`] what comes from the node.

mod answer;
mod frames;
mod outgoing;
mod probes;
#[cfg(test)]
mod random_tests;
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
use super::call::CallKind;
use super::calls::{Calls, MAX_QUEUED};
use super::effect::{Callers, Effect, Fatal, Input, Outputs};
use super::errors::{Handshake, connection_closed};
use super::frame_progress::FrameProgress;
use super::heartbeat::{Beat, Heartbeat};
use super::options::SessionOptions;
use super::outbox::Outbox;
use crate::error::{Error, ErrorKind};
use crate::protocol::message::{Incoming, Limits, MessageId, MessageKind};
use crate::protocol::websocket::frame::READ_CHUNK;
use crate::protocol::websocket::{
    FrameReader, Message, MessageType, Received, Side, amop, handshake, topic_list,
};
use crate::protocol::{Seq, SeqSource, Topic, result};
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
            Input::Call(call) => calls.add(call, &LIMITS, now, out),
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

    fn on_route(&mut self, topic: Topic, wanted: bool, caller: Option<K::Listed>) {
        if !wanted {
            // There is no message for it: the router drops and counts what the node goes on sending.
            self.wanted.remove(&topic);
            return;
        }
        if let Err(error) = LIMITS.check_topic(&topic) {
            let refused = caller.map(|caller| Effect::Listed { caller, outcome: Err(error) });
            self.out.effects.extend(refused);
            return;
        }
        self.wanted.insert(topic.clone());
        self.calls.set_lists_topics(true);
        if !self.listed.contains(&topic) && !self.unlisted.contains(&topic) {
            self.unlisted.push(topic);
        }
        self.waiting.extend(caller);
    }

    fn on_timer(&mut self, now: Instant) -> Result<(), Fatal> {
        self.calls.expire(now, &mut self.out);
        match self.phase {
            Phase::Handshaking { .. } if now >= self.options.handshake_by => {
                return Err(Error::undelivered(
                    ErrorKind::ConnectTimeout,
                    format!(
                        "{} accepted a WebSocket but didn't answer the handshake in time; is it the RPC port of a 3.x \
                         node (20200 by custom)?",
                        self.options.endpoint
                    ),
                ));
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
                let why = format_args!("nothing was received for {}", span(self.heartbeat.limit()));
                Err(connection_closed(&self.options.endpoint, why))
            }
        }
    }

    /// Lists topics that the node doesn't list yet. A probe follows each list, and callers wait for its answer: the node
    /// doesn't confirm a list. Only one is under way at a time; further topics are gathered meanwhile.
    fn list_topics(&mut self) {
        if !self.is_ready() || self.probes.is_waiting() {
            return;
        }
        if self.has_listed && self.unlisted.is_empty() {
            let confirmed = self.waiting.drain(..).map(|caller| Effect::Listed { caller, outcome: Ok(()) });
            self.out.effects.extend(confirmed);
            return;
        }
        let topics = std::mem::take(&mut self.unlisted);
        // The first list is sent even if it is empty, as the official client does.
        let payload = topic_list::encode(topics.iter().map(Topic::as_str));
        let seq = self.ids.next();
        self.put(MessageType::TopicList, seq, &payload);
        self.out.counts.topic_lists_sent += 1;
        self.listed.extend(topics);
        let is_first = !std::mem::replace(&mut self.has_listed, true);
        let callers = std::mem::take(&mut self.waiting);
        self.send_probe(is_first, callers);
    }

    /// Sends a unicast to a topic that nobody has, so that the node answers it itself at once.
    fn send_probe(&mut self, restores: bool, callers: Vec<K::Listed>) {
        let number = self.ids.next_number();
        let seq = self.ids.seq(number);
        let mut payload = Vec::new();
        amop::put_head(&mut payload, format!("amop/probe/{}", self.ids.next()).as_bytes());
        self.put(MessageType::Request, seq, &payload);
        self.probes.sent(number, self.outgoing.outbox.position(), restores, callers);
    }

    /// Completes the broadcasts that are written: there is no acknowledgement.
    fn complete_broadcasts(&mut self, now: Instant) {
        let written = self.outgoing.outbox.written();
        while let Some(&(ends, number)) = self.broadcasts.front()
            && ends <= written
        {
            self.broadcasts.pop_front();
            self.calls.complete_written(number, now, &mut self.out);
        }
    }

    /// Queues the frames of calls while the outbox is short; see [`MAX_QUEUED`].
    fn queue_calls(&mut self, now: Instant) {
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
    fn queue_close(&mut self) {
        if self.closing == Closing::Wanted && !self.calls.any_waiting() {
            self.outgoing.put_close(&mut self.out.counts);
            self.closing = Closing::Queued;
        }
    }

    /// Queues a message of the session's own.
    fn put(&mut self, kind: MessageType, seq: Seq, payload: &[u8]) {
        if self.closing != Closing::Queued {
            let message = Message::new(kind, 0, seq.as_bytes(), payload);
            self.out.counts.queued_bytes += self.outgoing.put(&message, None, &mut self.out.counts);
        }
    }

    fn put_answer(&mut self, seq: &[u8], topic_len: usize, code: i32, data: &Bytes) {
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
    fn pong(&mut self, payload: &[u8]) {
        if self.closing != Closing::Queued {
            self.outgoing.put_pong(payload, &mut self.out.counts);
        }
    }

    /// Which handshake failed, for the texts of errors.
    const HANDSHAKE: Handshake = Handshake::WebSocket;
}
