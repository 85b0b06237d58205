//! The 2.x session as a state machine: frames, commands and the time go in; bytes to send come out.
//!
//! One file per conversation: [`calls`], [`heartbeat`], [`topics`]; the handshake and the answers to requests
//! are here.

mod calls;
mod ended_calls;
mod heartbeat;
#[cfg(test)]
mod hostile_tests;
mod inbound;
mod node_latency;
mod refusal;
mod topics;

#[cfg(test)]
mod random_tests;
#[cfg(test)]
mod test_harness;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use tokio::sync::oneshot;

use self::calls::{Calls, Claim, Queued};
use self::heartbeat::{Beat, Heartbeat};
use self::inbound::Malformed;
use self::topics::{Action, Topics};
use super::command::NewCall;
use super::deadlines::Deadlines;
use super::link_handle::LinkHandle;
use super::outbox::Outbox;
use super::topic_query::{Method, ReadAnswer, ReadJob};
use super::{Fatal, Notice, SessionOptions, wire_log};
use crate::delivery::{Answer, Batch, Router, Ticket, Verdict};
use crate::error::{Error, ErrorKind, Result};
use crate::protocol::channel::{
    Frame, MessageType, amop, frame, handshake, heartbeat as heartbeat_body, rpc, topic_list,
};
use crate::protocol::{Seq, SeqSource, Topic, result};

/// How this client names itself to nodes.
const CLIENT_TYPE: &str = concat!("amop-", env!("CARGO_PKG_VERSION"));

/// Bytes queued beyond which frames of further calls wait.
const ROOM_FOR_CALLS: usize = 256 << 10;

/// One connection's logic.
pub(crate) struct Machine {
    options: SessionOptions,
    seqs: Arc<SeqSource>,
    port: Arc<LinkHandle>,
    phase: Phase,
    pub(crate) outbox: Outbox,
    calls: Calls,
    heartbeat: Heartbeat,
    topics: Topics<oneshot::Sender<Result<()>>, oneshot::Sender<()>>,
    /// Long answers that are to be read elsewhere.
    read_jobs: Vec<ReadJob>,
    /// Requests that handlers have to answer in time.
    requests: Deadlines<Arc<Ticket>>,
    open_requests: usize,
    notices: Vec<Notice>,
}

enum Phase {
    /// The offer is sent.
    Handshaking { seq: Seq, since: Instant },
    /// At work, at this protocol version.
    Ready { protocol: u32 },
}

impl Machine {
    /// Begins with the handshake.
    pub(crate) fn new(
        options: SessionOptions,
        seqs: Arc<SeqSource>,
        port: Arc<LinkHandle>,
        now: Instant,
    ) -> Machine {
        let seq = seqs.next();
        let mut machine = Machine {
            heartbeat: Heartbeat::new(options.heartbeat, options.missed_heartbeats, now),
            calls: Calls::new(options.endpoint.clone(), now),
            options,
            seqs,
            port,
            phase: Phase::Handshaking { seq, since: now },
            outbox: Outbox::default(),
            topics: Topics::new(),
            read_jobs: Vec::new(),
            requests: Deadlines::new(),
            open_requests: 0,
            notices: Vec::new(),
        };
        let offer = handshake::Offer {
            minimum_support: handshake::MIN_PROTOCOL.into(),
            maximum_support: handshake::MAX_PROTOCOL.into(),
            client_type: CLIENT_TYPE.to_owned(),
        };
        machine.put(MessageType::Handshake, seq, offer.encode());
        machine
    }

    /// Whether the handshake is done.
    pub(crate) fn is_ready(&self) -> bool {
        matches!(self.phase, Phase::Ready { .. })
    }

    /// What the client should know, since the last time.
    pub(crate) fn take_notices(&mut self) -> Vec<Notice> {
        std::mem::take(&mut self.notices)
    }

    /// Bytes came from the node.
    pub(crate) fn heard(&mut self, now: Instant) {
        self.heartbeat.heard(now);
    }

    /// A frame came, one of those that `batch` is about.
    ///
    /// # Errors
    /// What can only come from something that isn't a 2.x node: the connection has to end.
    pub(crate) fn on_frame(
        &mut self,
        frame: &Frame<'_>,
        batch: &mut Batch<'_>,
        now: Instant,
    ) -> Result<(), Fatal> {
        wire_log::received(&self.options.endpoint, frame);
        // A session without calls and broadcasts needs no look at the ids.
        let own_number = match frame.kind {
            MessageType::Request if self.calls.is_unused() => None,
            _ => self.seqs.number(&frame.seq),
        };
        if let Some(number) = own_number {
            let topics = &self.topics;
            let may_list = |topic: &[u8]| batch.has_route(topic) || topics.may_list(topic);
            match self.calls.claim(number, frame, may_list, now, &self.port.counters.round_trips) {
                Claim::NotSentHere | Claim::OwnMessage => {}
                Claim::Completed => return Ok(()),
                Claim::Late => {
                    count(&self.port.counters.stray_replies);
                    return Ok(());
                }
            }
        }
        match frame.kind {
            MessageType::Request => match amop::split(frame.body) {
                Ok((topic, data)) => self.on_request(frame, topic, data, batch, now),
                Err(error) => return self.malformed(frame.kind, &error),
            },
            MessageType::Response => count(&self.port.counters.stray_replies),
            MessageType::Broadcast => match amop::split(frame.body) {
                Ok((topic, data)) => {
                    count(&self.port.counters.messages_received);
                    if !batch.broadcast(frame, topic, data, own_number.is_some()) {
                        self.topics.on_unwanted(now);
                    }
                }
                Err(error) => return self.malformed(frame.kind, &error),
            },
            MessageType::Handshake => self.on_handshake(frame, now)?,
            // Any byte was counted as a sign of life already.
            MessageType::Heartbeat => {
                if let Some(took) = self.heartbeat.answered(&frame.seq, now) {
                    self.calls.observe_latency(took);
                }
            }
            MessageType::Rpc if self.topics.on_answer(frame, now) => {
                if frame.discarded > 0 {
                    count(&self.port.counters.ignored_frames);
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
            | MessageType::Other(_) => count(&self.port.counters.ignored_frames),
        }
        Ok(())
    }

    /// Decides about a frame that isn't what its type says.
    fn malformed(&self, kind: MessageType, why: &dyn std::fmt::Display) -> Result<(), Fatal> {
        match inbound::malformed(kind) {
            Malformed::Ignored => {
                count(&self.port.counters.ignored_frames);
                Ok(())
            }
            Malformed::EndsConnection => Err(Error::maybe_delivered(
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
                count(&self.port.counters.ignored_frames);
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
        self.notices.push(Notice::Ready { node_version: choice.node_version, protocol: choice.protocol });
        Ok(())
    }

    fn on_request(
        &mut self,
        frame: &Frame<'_>,
        topic: &[u8],
        data: &[u8],
        batch: &mut Batch<'_>,
        now: Instant,
    ) {
        count(&self.port.counters.messages_received);
        match batch.unicast(frame, topic, data) {
            Verdict::Answer(code, data) => {
                match code {
                    result::BUSY => count(&self.port.counters.busy),
                    result::UNSUBSCRIBED => self.topics.on_unwanted(now),
                    _ => {}
                }
                self.put_own_answer(frame.seq, code, topic, &data);
            }
            Verdict::Later(ticket) => {
                self.open_requests += 1;
                self.requests.add(now + self.options.answer_timeout, ticket);
                self.requests.tidy(self.open_requests, |ticket| ticket.is_open());
            }
            Verdict::NoAnswer => {}
        }
    }

    /// Takes a message to send. The caller holds a [`super::link_handle::Permit`], and the port counts its bytes already.
    pub(crate) fn call(&mut self, call: NewCall, now: Instant) {
        self.calls.add(call, now);
        self.queue_calls(now);
    }

    /// Queues the frames of calls while there is room. Those beyond wait outside of the outbox, so that they can still
    /// be withdrawn when they end before their turn, and so that answers and heartbeats don't wait for all of them.
    pub(crate) fn queue_calls(&mut self, now: Instant) {
        while self.calls.any_waiting() && self.outbox.len() < ROOM_FOR_CALLS {
            let view = || self.port.views.trusted(now);
            let Some(call) = self.calls.next_to_queue(self.outbox.position(), view, now) else { break };
            let kind = call.kind;
            let (seq, topic, len) = (self.seqs.seq(call.number), call.topic.as_bytes(), call.data.len());
            self.log_sent(kind, seq, result::OK, topic, len);
            let head = |out: &mut bytes::BytesMut| amop::put_head(out, kind, seq, result::OK, topic, len);
            self.outbox.put(head, &call.data);
            count(&self.port.counters.frames_sent);
            count(&self.port.counters.calls);
        }
    }

    /// Whether frames wait for room in the outbox.
    pub(crate) fn any_waiting(&self) -> bool {
        self.calls.any_waiting()
    }

    /// Forgets a call whose caller has gone.
    pub(crate) fn cancel(&mut self, number: u64, now: Instant) {
        self.port.release_bytes(self.calls.cancel(number, now));
    }

    /// Answers a request of this connection, and those of its duplicates that still wait.
    pub(crate) fn answer(&mut self, answer: Answer, batch: &mut Batch<'_>) {
        let Answer { seq, result, data, ticket, first, queued } = answer;
        self.open_requests = self.open_requests.saturating_sub(1);
        let counted = queued.pass_on();
        let put = self.put_answer(seq, result, ticket.topic().as_bytes(), &data);
        debug_assert_eq!(counted, put);
        if first {
            batch.answered(&ticket, result, &data);
        }
    }

    /// The router has a new route for a topic. `changed`: the node's list has to change for it.
    pub(crate) fn on_route(
        &mut self,
        topic: Topic,
        changed: bool,
        applied: Option<oneshot::Sender<Result<()>>>,
    ) {
        self.topics.route(topic, changed, applied);
    }

    /// The session is ready: the router's topics have to be listed.
    pub(crate) fn start_topics(&mut self, router: &Router) {
        self.topics.start(!router.is_empty());
    }

    /// Does what the conversation about topics has to do. Called after anything else was done.
    pub(crate) fn send_topics(&mut self, router: &Router, now: Instant) {
        self.calls.set_lists_topics(!router.is_empty());
        if !self.is_ready() {
            return;
        }
        while let Some(action) = self.topics.next_action(now) {
            match action {
                Action::SendList => {
                    let topics: Vec<Topic> = router.topics().cloned().collect();
                    let body = topic_list::encode(topics.iter().map(Topic::as_str));
                    self.put(MessageType::TopicList, self.seqs.next(), body);
                    count(&self.port.counters.topic_lists_sent);
                    self.topics.list_sent(topics, now);
                }
                Action::Ask(method) => {
                    let seq = self.seqs.next();
                    let body = match method {
                        Method::NodeInfo => rpc::get_node_info(),
                        Method::Peers => rpc::get_peers(self.options.group),
                    };
                    self.put(MessageType::Rpc, seq, body);
                    self.topics.asked(method, seq, now);
                }
                Action::Read(job) => self.read_jobs.push(job),
                Action::SetView(view) => self.port.views.set(view),
                // Ignore callers that no longer wait.
                Action::Confirmed(applied) => drop(applied.send(Ok(()))),
                Action::Surveyed(done) => drop(done.send(())),
                Action::Restored => self.notices.push(Notice::TopicsRestored),
            }
        }
    }

    /// Returns the answers that are to be read elsewhere; each outcome goes to [`Machine::on_read`].
    pub(crate) fn take_read_jobs(&mut self) -> Vec<ReadJob> {
        std::mem::take(&mut self.read_jobs)
    }

    /// An answer was read elsewhere.
    pub(crate) fn on_read(&mut self, answer: ReadAnswer, now: Instant) {
        self.topics.read(answer, now);
    }

    /// A caller wants to know who subscribes to a topic.
    pub(crate) fn survey(&mut self, topic: Topic, done: Option<oneshot::Sender<()>>, now: Instant) {
        self.topics.survey(topic, done, now);
    }

    /// Whether handlers have requests of this connection to answer.
    pub(crate) fn has_open_requests(&self) -> bool {
        self.open_requests > 0
    }

    /// Looks at the clock.
    ///
    /// # Errors
    /// The handshake took too long, or the node is dead.
    pub(crate) fn on_timer(&mut self, now: Instant, batch: &mut Batch<'_>) -> Result<(), Fatal> {
        self.port.release_bytes(self.calls.expire(now));
        while let Some(ticket) = self.requests.pop_due(now) {
            if ticket.expire() {
                count(&self.port.counters.too_slow);
                batch.too_slow(&ticket);
            }
        }
        let protocol = match self.phase {
            Phase::Handshaking { .. } if now >= self.options.handshake_by => {
                return Err(Error::undelivered(
                    ErrorKind::ConnectTimeout,
                    format!(
                        "{} completed TLS but didn't answer the channel handshake in time; is it a channel \
                         port of a 2.x node (20200 by custom)?",
                        self.options.endpoint
                    ),
                ));
            }
            Phase::Handshaking { .. } => return Ok(()),
            Phase::Ready { protocol } => protocol,
        };
        self.topics.on_timer(now);
        match self.heartbeat.on_timer(now, !self.outbox.is_empty(), self.outbox.written()) {
            Beat::NotDue => Ok(()),
            Beat::Send => {
                let seq = self.seqs.next();
                self.put(MessageType::Heartbeat, seq, heartbeat_body::request(protocol).to_vec());
                self.heartbeat.sent(seq, now);
                self.topics.on_heartbeat(now);
                Ok(())
            }
            Beat::Dead => Err(Error::undelivered(
                ErrorKind::ConnectionLost,
                format!(
                    "{} gave no sign of life for {:?}: the connection is given up",
                    self.options.endpoint,
                    self.heartbeat.limit()
                ),
            )),
        }
    }

    /// When to look at the clock next.
    pub(crate) fn next_deadline(&self) -> Instant {
        let first = match self.phase {
            Phase::Handshaking { .. } => self.options.handshake_by,
            Phase::Ready { .. } => self.heartbeat.next(),
        };
        [self.calls.next_deadline(), self.requests.next(), self.topics.next_deadline()]
            .into_iter()
            .flatten()
            .fold(first, Instant::min)
    }

    /// Ends all calls in flight, since the client closes. What is queued is still written.
    pub(crate) fn end_calls(&mut self, error: &Error) {
        self.port.release_bytes(self.calls.end_all(error, Queued::StillWritten));
    }

    /// Ends all calls in flight, since the connection is gone, and what is queued with it.
    pub(crate) fn end(&mut self, error: &Error) {
        let queued = Queued::Lost { written: self.outbox.written() };
        self.port.release_bytes(self.outbox.len());
        self.port.release_bytes(self.calls.end_all(error, queued));
    }

    /// Queues a frame of the session's own.
    fn put(&mut self, kind: MessageType, seq: Seq, body: Vec<u8>) {
        let body = Bytes::from(body);
        self.port.add_queued_bytes(frame::HEADER_LEN + body.len());
        count(&self.port.counters.frames_sent);
        wire_log::sent(&self.options.endpoint, kind, seq, result::OK, None, body.len());
        self.outbox.put(|out| frame::put_header(out, kind, seq, result::OK, body.len()), &body);
    }

    /// Queues an answer that no handler gives now, and counts its bytes. In place of data that a handler gave before and
    /// that finds no capacity, DROPPED.
    fn put_own_answer(&mut self, seq: Seq, code: i32, topic: &[u8], data: &Bytes) {
        let len = frame::HEADER_LEN + amop::overhead(topic);
        if !data.is_empty() && self.port.try_add_queued_bytes(len + data.len()) {
            self.put_answer(seq, code, topic, data);
            return;
        }
        self.port.add_queued_bytes(len);
        let code = if data.is_empty() { code } else { result::DROPPED };
        self.put_answer(seq, code, topic, &Bytes::new());
    }

    /// Queues the answer to a request, whose bytes are counted already. Returns them. `topic` has 1 to 254 bytes, from
    /// the request's own body.
    fn put_answer(&mut self, seq: Seq, code: i32, topic: &[u8], data: &Bytes) -> usize {
        count(&self.port.counters.frames_sent);
        self.log_sent(MessageType::Response, seq, code, topic, data.len());
        let head = |out: &mut bytes::BytesMut| {
            amop::put_head(out, MessageType::Response, seq, code, topic, data.len());
        };
        self.outbox.put(head, data);
        frame::HEADER_LEN + amop::overhead(topic) + data.len()
    }

    fn log_sent(&self, kind: MessageType, seq: Seq, code: i32, topic: &[u8], data_len: usize) {
        let len = amop::overhead(topic) + data_len;
        wire_log::sent(&self.options.endpoint, kind, seq, code, Some(topic), len);
    }
}

fn count(counter: &std::sync::atomic::AtomicU64) {
    counter.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
}
