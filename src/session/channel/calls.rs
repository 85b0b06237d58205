//! Calls in flight: each ends exactly once, by its answer, its deadline, its caller or the connection's end.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::oneshot;

use crate::error::{Delivery, Error, ErrorKind, Result};
use crate::protocol::channel::{Frame, amop};
use crate::protocol::{SeqSource, Topic, result};
use crate::session::command::{CallKind, NewCall, Reply, frame_len};
use crate::session::deadlines::Deadlines;
use crate::session::link_handle::Permit;
use crate::session::round_trips::RoundTripCounters;
use crate::text::foreign;

/// A refusal that comes faster than this can't follow a try at some other subscriber: nothing was delivered.
const QUICK_REFUSAL: Duration = Duration::from_secs(1);

/// The calls of one connection, found by the number inside their own seq.
pub(super) struct Calls {
    endpoint: Arc<str>,
    live: HashMap<u64, Call, BuildHasherDefault<NumberHasher>>,
    /// Those whose frames aren't queued yet, in order; some may have ended meanwhile.
    waiting: VecDeque<u64>,
    deadlines: Deadlines<u64>,
}

struct Call {
    kind: CallKind,
    topic: Topic,
    stage: Stage,
    began: Instant,
    deadline: Instant,
    done: oneshot::Sender<Result<Reply>>,
    permit: Permit,
}

/// How far a call's frame has come.
enum Stage {
    /// It isn't queued yet, and can be withdrawn.
    Waiting { data: Bytes },
    /// It is queued from here on in the outbox, or written.
    Queued { begins: u64, at: Instant },
}

/// A call whose frame is to be queued now.
pub(super) struct ToQueue {
    pub(super) number: u64,
    pub(super) kind: CallKind,
    pub(super) topic: Topic,
    pub(super) data: Bytes,
}

/// What becomes of frames that are queued but not written, when their calls are ended.
#[derive(Clone, Copy, Debug)]
pub(super) enum Queued {
    /// They are still written.
    StillWritten,
    /// They are thrown away; so far the outbox has written so much.
    Lost { written: u64 },
}

impl Call {
    fn what(&self) -> &'static str {
        match self.kind {
            CallKind::Publish => "unicast",
            CallKind::Broadcast => "broadcast",
        }
    }

    /// Tells the caller, whose place is free by then: it may begin the next call at once. A caller that has gone needs
    /// no outcome.
    fn end(self, outcome: Result<Reply>) {
        let Call { done, permit, .. } = self;
        drop(permit);
        let _ = done.send(outcome);
    }

    /// How long the node has had it.
    fn age(&self, now: Instant) -> Duration {
        match self.stage {
            Stage::Waiting { .. } => Duration::ZERO,
            Stage::Queued { at, .. } => now.saturating_duration_since(at),
        }
    }

    /// The bytes that a call which ends now leaves unwritten for good.
    fn withdrawn(&self) -> usize {
        match &self.stage {
            Stage::Waiting { data } => frame_len(&self.topic, data.len()),
            Stage::Queued { .. } => 0,
        }
    }

    /// Whether it may reach somebody, though it ends now.
    fn delivery(&self, queued: Queued) -> Delivery {
        match (&self.stage, queued) {
            (Stage::Waiting { .. }, _) => Delivery::No,
            (Stage::Queued { begins, .. }, Queued::Lost { written }) if written <= *begins => Delivery::No,
            (Stage::Queued { .. }, _) => Delivery::Maybe,
        }
    }
}

impl Calls {
    pub(super) fn new(endpoint: Arc<str>) -> Calls {
        Calls { endpoint, live: HashMap::default(), waiting: VecDeque::new(), deadlines: Deadlines::new() }
    }

    /// Takes a call. Its frame is queued when [`Calls::next_to_queue`] gives it out.
    pub(super) fn add(&mut self, call: NewCall, now: Instant) {
        let NewCall { kind, number, topic, data, deadline, done, permit } = call;
        let call = Call { kind, topic, stage: Stage::Waiting { data }, began: now, deadline, done, permit };
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

    /// The next call to be queued, from `begins` on in the outbox; at once.
    pub(super) fn next_to_queue(&mut self, begins: u64, now: Instant) -> Option<ToQueue> {
        loop {
            let number = self.waiting.pop_front()?;
            // Those that have ended meanwhile are withdrawn.
            let Some(call) = self.live.get_mut(&number) else { continue };
            let (kind, topic) = (call.kind, call.topic.clone());
            if let Stage::Waiting { data } =
                std::mem::replace(&mut call.stage, Stage::Queued { begins, at: now })
            {
                return Some(ToQueue { number, kind, topic, data });
            }
        }
    }

    /// Forgets a call whose caller has gone; the bytes that will not be queued any more.
    #[must_use]
    pub(super) fn cancel(&mut self, number: u64) -> usize {
        self.live.remove(&number).map_or(0, |call| call.withdrawn())
    }

    /// Ends the call that a 0x31 answers, and counts how long it took if that is a unicast that ends well; false when
    /// there is none in flight.
    pub(super) fn answer(
        &mut self,
        seqs: &SeqSource,
        frame: &Frame<'_>,
        now: Instant,
        round_trips: &RoundTripCounters,
    ) -> bool {
        let Some(number) = seqs.number(&frame.seq) else { return false };
        let Entry::Occupied(entry) = self.live.entry(number) else { return false };
        if matches!(entry.get().stage, Stage::Waiting { .. }) {
            // Nobody can answer what hasn't left.
            return false;
        }
        let call = entry.remove();
        let outcome = if frame.result != result::OK {
            Err(self.refusal(&call, frame, now))
        } else {
            let data = match call.kind {
                // The ack repeats the broadcast: nobody's answer.
                CallKind::Broadcast => Ok(Bytes::new()),
                CallKind::Publish => match amop::split(frame.body) {
                    Ok((_, data)) => Ok(frame.keep(data)),
                    Err(amop::TopicBodyError::Empty) => Ok(Bytes::new()),
                    Err(error) => Err(error),
                },
            };
            match data {
                Ok(data) => {
                    if call.kind == CallKind::Publish {
                        round_trips.count(call.age(now));
                    }
                    Ok(Reply { data, endpoint: self.endpoint.clone() })
                }
                Err(error) => Err(Error::undelivered(
                    ErrorKind::Remote,
                    format!("the subscriber of {:?} sent a malformed reply: {error}", call.topic),
                )
                .with_delivery(Delivery::Maybe)),
            }
        };
        call.end(outcome);
        true
    }

    /// Ends calls that are past their deadlines; the bytes that will not be queued any more.
    #[must_use]
    pub(super) fn expire(&mut self, now: Instant) -> usize {
        let mut withdrawn = 0;
        while let Some(number) = self.deadlines.pop_due(now) {
            let Some(call) = self.live.remove(&number) else { continue };
            withdrawn += call.withdrawn();
            let delivery = call.delivery(Queued::StillWritten);
            let advice = match delivery {
                Delivery::Maybe => "the message may have been delivered",
                Delivery::No => "it could not even be sent in that time",
            };
            let error = Error::undelivered(
                ErrorKind::Timeout,
                format!(
                    "no answer to the {} on {:?} by {} within {:?}; {advice}",
                    call.what(),
                    call.topic,
                    self.endpoint,
                    call.deadline.saturating_duration_since(call.began)
                ),
            );
            call.end(Err(error.with_delivery(delivery)));
        }
        withdrawn
    }

    /// When the next deadline is due.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.deadlines.next()
    }

    /// Ends all calls with `error`; the bytes that will not be queued any more.
    #[must_use]
    pub(super) fn end_all(&mut self, error: &Error, queued: Queued) -> usize {
        self.deadlines.clear();
        self.waiting.clear();
        let mut withdrawn = 0;
        for (_, call) in self.live.drain() {
            withdrawn += call.withdrawn();
            let error = error.clone().with_delivery(call.delivery(queued));
            call.end(Err(error));
        }
        withdrawn
    }

    fn refusal(&self, call: &Call, frame: &Frame<'_>, now: Instant) -> Error {
        let (code, topic, node) = (frame.result, &call.topic, &self.endpoint);
        let kind = result::error_kind(code);
        let quick = call.age(now) < QUICK_REFUSAL;
        // What one subscriber refuses after that time may have been handled by another, whose answer never came.
        let unless_pushed_before = if quick { Delivery::No } else { Delivery::Maybe };
        let (delivery, text) = match kind {
            ErrorKind::NoSubscriber if quick => (
                Delivery::No,
                format!(
                    "{node} knows no subscriber of {topic:?} (code 100); a new subscription takes up to 5 s \
                     to be known at other nodes: try again, or wait for a subscriber"
                ),
            ),
            ErrorKind::NoSubscriber => (
                Delivery::Maybe,
                format!(
                    "{node} reached no subscriber of {topic:?} (code 100 after {:?}); nodes 2.8 to 2.11 lose \
                     unicasts to SDKs of their own: connect publisher and subscriber to different nodes",
                    call.age(now)
                ),
            ),
            ErrorKind::RemoteNode => (
                Delivery::Maybe,
                format!("the subscriber's node could not reach its SDK for {topic:?} (code 101): try again"),
            ),
            ErrorKind::NodeTimeout => (
                Delivery::Maybe,
                format!("{node} says time-out for {topic:?} (code 102); it may have been delivered"),
            ),
            ErrorKind::Bandwidth => (
                Delivery::No,
                format!("{node} is over its AMOP bandwidth limit (code 103): send less, or ask its operator"),
            ),
            ErrorKind::SubscriberUnreachable => (
                Delivery::Maybe,
                format!(
                    "the subscribers of {topic:?} left or didn't answer their node within its 5 s (code 104); \
                     it may have been delivered"
                ),
            ),
            ErrorKind::SubscriberFailed => {
                (Delivery::Maybe, format!("the subscriber's handler for {topic:?} failed (code -5000)"))
            }
            ErrorKind::SubscriberDropped => {
                (Delivery::Maybe, format!("the subscriber of {topic:?} gave no answer (code -5010)"))
            }
            ErrorKind::SubscriberTooSlow => (
                Delivery::Maybe,
                format!(
                    "the subscriber's handler for {topic:?} didn't end before the node's limit (code -5011)"
                ),
            ),
            ErrorKind::SubscriberBusy => (
                unless_pushed_before,
                format!(
                    "the subscriber of {topic:?} has no room for a further message (code -5012): try later"
                ),
            ),
            ErrorKind::SubscriberUnsubscribed => (
                unless_pushed_before,
                format!("the subscriber has just left {topic:?} (code -5013): try again"),
            ),
            _ => (Delivery::Maybe, format!("the subscriber of {topic:?} answered the error code {code}")),
        };
        // A node's own error may carry the request's body back: that's no data of the subscriber.
        let data = match kind {
            ErrorKind::NoSubscriber
            | ErrorKind::RemoteNode
            | ErrorKind::NodeTimeout
            | ErrorKind::Bandwidth
            | ErrorKind::SubscriberUnreachable => Bytes::new(),
            _ => amop::split(frame.body).map(|(_, data)| frame.keep(data)).unwrap_or_default(),
        };
        // The fixed text of a failed handler says nothing more.
        let is_plain = data.is_empty() || data == result::FAILED_TEXT;
        let text = if is_plain { text } else { format!("{text}: {:?}", foreign(&data)) };
        Error::undelivered(kind, text).with_delivery(delivery).with_node_code(code).with_data(data)
    }
}

/// Spreads consecutive numbers; they are this client's own, so nobody can make them collide.
#[derive(Default)]
struct NumberHasher(u64);

impl Hasher for NumberHasher {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(self.0.rotate_left(8) ^ u64::from(*byte));
        }
    }

    fn write_u64(&mut self, number: u64) {
        // The golden ratio's bits spread them; the table looks at both ends of the result.
        let spread = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 = spread ^ (spread >> 32);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
