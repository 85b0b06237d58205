//! Calls in flight, of either generation. Each ends exactly once: by its answer, its deadline, its caller or the end of
//! the connection. What an answer means is for the generation to say, see [`OwnFrame`].

use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::hash::BuildHasherDefault;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::call::{CallKind, NewCall, Reply};
use super::deadlines::Deadlines;
use super::effect::{Callers, Outputs};
use super::ended_calls::EndedCalls;
use super::errors::passage_ended;
use super::outbox::Outbox;
use super::quick_hash::QuickHasher;
use crate::error::{Delivery, Error, ErrorKind, Result};
use crate::protocol::Topic;
use crate::protocol::message::Limits;
use crate::text::span;

/// The bytes in the outbox from which on the frames of further calls wait outside of it, so that they can still be withdrawn
/// when they end before their turn, and so that answers and heartbeats don't wait for all of them.
pub(super) const MAX_QUEUED: usize = 256 << 10;

/// A frame that carries one of this client's own ids.
pub(super) trait OwnFrame<N> {
    /// Returns kind, topic and data if the frame is a message.
    fn message(&self) -> Option<(CallKind, &[u8], &[u8])>;

    /// Returns the outcome of a call that the frame answers.
    fn outcome(&self, call: &Answered<'_, N>) -> Result<Reply>;
}

/// A call that is answered.
pub(super) struct Answered<'a, N> {
    pub(super) endpoint: &'a Arc<str>,
    pub(super) kind: CallKind,
    pub(super) topic: &'a Topic,
    /// What was noted when its frame was queued.
    pub(super) note: &'a N,
    /// How long after its frame was queued the answer came.
    pub(super) after: Duration,
}

impl<N> Answered<'_, N> {
    /// Returns what to call it in a text.
    pub(super) fn what(&self) -> &'static str {
        what(self.kind)
    }
}

fn what(kind: CallKind) -> &'static str {
    match kind {
        CallKind::Publish => "unicast",
        CallKind::Broadcast => "broadcast",
    }
}

/// The calls of one connection, found by the number inside their id. `N` is what the generation notes of a call when its
/// frame is queued.
pub(super) struct Calls<K: Callers, N> {
    endpoint: Arc<str>,
    live: HashMap<u64, Call<K::Call, N>, BuildHasherDefault<QuickHasher>>,
    /// Those whose frames aren't queued yet, in order; some may have ended meanwhile.
    waiting: VecDeque<u64>,
    deadlines: Deadlines<u64>,
    ended: EndedCalls,
    /// Whether the session lists any topic, so that its own messages can come back to it.
    lists_topics: bool,
}

struct Call<C, N> {
    kind: CallKind,
    topic: Topic,
    /// Kept until the end, to recognise the message if it comes back. That keeps nothing longer in memory: the caller
    /// holds the same bytes for further attempts, and cancels the call when it no longer does.
    data: Bytes,
    stage: Stage<N>,
    /// How many seconds before its deadline the caller began.
    timeout: f32,
    send_by: Option<Instant>,
    /// The bytes counted for its frame.
    counted: usize,
    caller: C,
}

/// How far a call's frame has come.
enum Stage<N> {
    /// It isn't queued yet, and can be withdrawn.
    Waiting,
    /// It is queued from `begins` on in the outbox, or written.
    Queued { begins: u64, at: Instant, note: N },
}

/// What a frame with an id of this client's own is to the calls of this connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Claim {
    /// This connection has sent no call with this id, or no longer remembers it: the frame is like any other.
    NotSentHere,
    /// The client's own message has come back: it is delivered like any other, and answers nothing.
    OwnMessage,
    /// It has completed a call of this kind, so long after the call's frame was queued.
    Completed { kind: CallKind, after: Duration },
    /// It belongs to a call that has ended.
    Late,
}

/// A call whose frame is to be queued now.
pub(super) struct ToQueue {
    pub(super) number: u64,
    pub(super) kind: CallKind,
    pub(super) topic: Topic,
    pub(super) data: Bytes,
    pub(super) counted: usize,
}

/// What becomes of frames that are queued but not written, when their calls are ended.
#[derive(Clone, Copy, Debug)]
enum Queued {
    /// They are still written.
    StillWritten,
    /// They are discarded. `written` is how many bytes of the outbox were written before.
    Lost { written: u64 },
}

impl<C, N> Call<C, N> {
    /// Returns whether a frame is this call's own message.
    fn is_message(&self, frame: &impl OwnFrame<N>) -> bool {
        frame.message() == Some((self.kind, self.topic.as_bytes(), &self.data))
    }

    /// How long the node has had it.
    fn age(&self, now: Instant) -> Duration {
        match self.stage {
            Stage::Waiting => Duration::ZERO,
            Stage::Queued { at, .. } => now.saturating_duration_since(at),
        }
    }

    /// The bytes that a call which ends now leaves unwritten for good.
    fn withdrawn(&self) -> usize {
        match &self.stage {
            Stage::Waiting => self.counted,
            Stage::Queued { .. } => 0,
        }
    }

    /// Returns whether it may have been delivered, or still may be, though it ends now.
    fn delivery(&self, queued: Queued) -> Delivery {
        match (&self.stage, queued) {
            (Stage::Waiting, _) => Delivery::No,
            (Stage::Queued { begins, .. }, Queued::Lost { written }) if written <= *begins => Delivery::No,
            (Stage::Queued { .. }, _) => Delivery::Maybe,
        }
    }
}

impl<K: Callers, N> Calls<K, N> {
    pub(super) fn new(endpoint: Arc<str>, now: Instant) -> Calls<K, N> {
        Calls {
            endpoint,
            live: HashMap::default(),
            waiting: VecDeque::new(),
            deadlines: Deadlines::new(),
            ended: EndedCalls::new(now),
            lists_topics: false,
        }
    }

    /// Returns whether this connection has had no call: then no frame can belong to one.
    pub(super) fn is_unused(&self) -> bool {
        self.live.is_empty() && self.ended.is_empty()
    }

    /// Sets whether the session lists any topic.
    pub(super) fn set_lists_topics(&mut self, lists_topics: bool) {
        self.lists_topics = lists_topics;
    }

    /// Takes a call. Its frame is queued when [`Calls::next_to_queue`] gives it out. A call beyond `limits` ends at once: it
    /// was checked while the link was of another generation.
    pub(super) fn add(&mut self, call: NewCall<K::Call>, limits: &Limits, out: &mut Outputs<K>) {
        if let Err(error) = limits.check(&call.topic, call.data.len()) {
            out.counts.withdrawn_bytes += call.counted;
            out.complete(call.caller, Err(error), None);
            return;
        }
        let NewCall { kind, number, topic, data, deadline, timeout, send_by, counted, caller } = call;
        let stage = Stage::Waiting;
        let call = Call { kind, topic, data, stage, timeout, send_by, counted, caller };
        self.live.insert(number, call);
        self.waiting.push_back(number);
        self.deadlines.add(deadline, number);
        self.deadlines.tidy(self.live.len(), |number| self.live.contains_key(number));
        // With a node that takes nothing, those that have ended are never popped.
        if self.waiting.len() > 2 * self.live.len() + 1024 {
            self.waiting.retain(|number| self.live.contains_key(number));
        }
    }

    /// Whether any call waits to be queued.
    pub(super) fn any_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Returns the next call to be queued, from `begins` on in the outbox; `note` is kept until its answer. Ends those that
    /// the node would lose by now.
    pub(super) fn next_to_queue(
        &mut self,
        begins: u64,
        note: impl FnOnce() -> N,
        now: Instant,
        out: &mut Outputs<K>,
    ) -> Option<ToQueue> {
        loop {
            let number = self.waiting.pop_front()?;
            // Those that have ended meanwhile are withdrawn.
            let Entry::Occupied(mut entry) = self.live.entry(number) else { continue };
            let call = entry.get_mut();
            if matches!(call.stage, Stage::Waiting) {
                if call.send_by.is_some_and(|send_by| send_by < now) {
                    let call = entry.remove();
                    out.counts.withdrawn_bytes += call.withdrawn();
                    let error = passage_ended(&call.topic, &self.endpoint);
                    out.complete(call.caller, Err(error), None);
                    continue;
                }
                call.stage = Stage::Queued { begins, at: now, note: note() };
                let (kind, topic, data) = (call.kind, call.topic.clone(), call.data.clone());
                return Some(ToQueue { number, kind, topic, data, counted: call.counted });
            }
        }
    }

    /// Forgets a call whose caller has gone.
    pub(super) fn cancel(&mut self, number: u64, now: Instant, out: &mut Outputs<K>) {
        let Some(call) = self.live.remove(&number) else { return };
        self.remember(number, &call, now);
        out.counts.withdrawn_bytes += call.withdrawn();
    }

    /// Decides about a frame that carries one of this client's own ids, and completes its call if it answers it: with a
    /// reply, or with an error if it can't be one. `may_list` returns whether the node may list a topic for this
    /// session.
    pub(super) fn claim(
        &mut self,
        number: u64,
        frame: &impl OwnFrame<N>,
        may_list: impl FnOnce(&str) -> bool,
        now: Instant,
        out: &mut Outputs<K>,
    ) -> Claim {
        let Entry::Occupied(entry) = self.live.entry(number) else {
            return self.claim_ended(number, frame, now);
        };
        let call = entry.get();
        // What hasn't left over this connection has no answer here. It may have left over another one.
        if matches!(call.stage, Stage::Waiting) {
            return self.claim_ended(number, frame, now);
        }
        // No subscriber can answer a broadcast, so this is a copy of it even if it comes because of an old list.
        if call.is_message(frame) && (call.kind == CallKind::Broadcast || may_list(&call.topic)) {
            return Claim::OwnMessage;
        }
        let call = entry.remove();
        self.remember(number, &call, now);
        let (kind, after) = (call.kind, call.age(now));
        // A call that waits was ruled out above.
        let Stage::Queued { note, .. } = &call.stage else { return Claim::Late };
        let outcome =
            frame.outcome(&Answered { endpoint: &self.endpoint, kind, topic: &call.topic, note, after });
        let round_trip = (kind == CallKind::Publish && outcome.is_ok()).then_some(after);
        out.complete(call.caller, outcome, round_trip);
        Claim::Completed { kind, after }
    }

    /// As [`Calls::claim`], of a call that is not live.
    fn claim_ended(&self, number: u64, frame: &impl OwnFrame<N>, now: Instant) -> Claim {
        let Some(body) = self.ended.find(number, now) else { return Claim::NotSentHere };
        let is_message = body.is_some()
            && frame
                .message()
                .is_some_and(|(kind, topic, data)| body == Some(EndedCalls::fingerprint(kind, topic, data)));
        if is_message { Claim::OwnMessage } else { Claim::Late }
    }

    /// Remembers a call that ends now, if its frame may have left.
    fn remember(&mut self, number: u64, call: &Call<K::Call, N>, now: Instant) {
        if matches!(call.stage, Stage::Queued { .. }) {
            let body = self
                .lists_topics
                .then(|| EndedCalls::fingerprint(call.kind, call.topic.as_bytes(), &call.data));
            self.ended.remember(number, body, now);
        }
    }

    /// Completes a call whose frame is written and that the node doesn't answer.
    pub(super) fn complete_written(&mut self, number: u64, now: Instant, out: &mut Outputs<K>) {
        // It may have ended meanwhile.
        let Some(call) = self.live.remove(&number) else { return };
        self.remember(number, &call, now);
        out.complete(call.caller, Ok(Reply { data: Bytes::new(), endpoint: self.endpoint.clone() }), None);
    }

    /// Ends calls that are past their deadlines.
    pub(super) fn expire(&mut self, now: Instant, out: &mut Outputs<K>) {
        while let Some(number) = self.deadlines.pop_due(now) {
            let Some(call) = self.live.remove(&number) else { continue };
            self.remember(number, &call, now);
            out.counts.withdrawn_bytes += call.withdrawn();
            let text = format!(
                "no answer to the {} on {:?} by {} within {}",
                what(call.kind),
                call.topic,
                self.endpoint,
                span(Duration::from_secs_f32(call.timeout))
            );
            let error = match call.delivery(Queued::StillWritten) {
                Delivery::Maybe => Error::maybe_delivered(
                    ErrorKind::Timeout,
                    format!("{text}; the message may have been delivered"),
                ),
                Delivery::No => Error::undelivered(
                    ErrorKind::Timeout,
                    format!("{text}; the message could not be sent in that time"),
                ),
            };
            out.complete(call.caller, Err(error), None);
        }
    }

    /// When the next deadline is due.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.deadlines.next()
    }

    /// Ends all calls with `error` while the connection goes on: their frames are still written, and their replies may
    /// still arrive.
    pub(super) fn end_live(&mut self, error: &Error, now: Instant, out: &mut Outputs<K>) {
        let live = std::mem::take(&mut self.live);
        live.iter().for_each(|(number, call)| self.remember(*number, call, now));
        self.live = live;
        self.end_all(error, Queued::StillWritten, out);
    }

    /// Ends all calls with `error` because the connection is gone, and what is in `outbox` with it.
    pub(super) fn end_lost(&mut self, error: &Error, outbox: &Outbox, out: &mut Outputs<K>) {
        out.counts.withdrawn_bytes += outbox.len();
        self.end_all(error, Queued::Lost { written: outbox.written() }, out);
    }

    fn end_all(&mut self, error: &Error, queued: Queued, out: &mut Outputs<K>) {
        self.deadlines.clear();
        self.waiting.clear();
        for (_, call) in self.live.drain() {
            out.counts.withdrawn_bytes += call.withdrawn();
            let error = error.clone().with_delivery(call.delivery(queued));
            out.complete(call.caller, Err(error), None);
        }
    }
}
