//! Calls in flight: each ends exactly once, by its answer, its deadline, its caller or the connection's end.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::oneshot;

use crate::error::{Delivery, Error, ErrorKind, Result};
use crate::protocol::channel::{Frame, amop, result};
use crate::protocol::{SeqSource, Topic};
use crate::session::command::{CallKind, NewCall, Reply};
use crate::session::deadlines::Deadlines;
use crate::session::port::Permit;

/// A 100 that comes faster than this can't follow a try at some subscriber: nothing was delivered.
const QUICK_REFUSAL: Duration = Duration::from_secs(1);

/// The calls of one connection, found by the number inside their own seq.
pub(super) struct Calls {
    endpoint: Arc<str>,
    live: HashMap<u64, Call, BuildHasherDefault<NumberHasher>>,
    deadlines: Deadlines<u64>,
}

/// What a 0x31 was the answer to.
pub(super) enum Answered {
    /// A unicast, and it ended well.
    Unicast { took: Duration },
    /// A broadcast, or a unicast that failed.
    Other,
    /// No call in flight.
    Nothing,
}

struct Call {
    kind: CallKind,
    topic: Topic,
    /// Where its frame begins in the outbox: written from there on, it may have been delivered.
    begins: u64,
    sent_at: Instant,
    deadline: Instant,
    done: oneshot::Sender<Result<Reply>>,
    permit: Permit,
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

    /// Whether any of it may have left, when `written` bytes have.
    fn delivery(&self, written: u64) -> Delivery {
        if written > self.begins { Delivery::Maybe } else { Delivery::No }
    }
}

impl Calls {
    pub(super) fn new(endpoint: Arc<str>) -> Calls {
        Calls { endpoint, live: HashMap::default(), deadlines: Deadlines::new() }
    }

    /// Takes a call whose frame begins at `begins`.
    pub(super) fn add(&mut self, call: NewCall, begins: u64, now: Instant) {
        let NewCall { kind, number, topic, deadline, done, permit, .. } = call;
        let call = Call { kind, topic, begins, sent_at: now, deadline, done, permit };
        self.live.insert(number, call);
        self.deadlines.add(deadline, number);
        self.deadlines.tidy(self.live.len(), |number| self.live.contains_key(number));
    }

    /// Forgets a call whose caller has gone.
    pub(super) fn cancel(&mut self, number: u64) {
        self.live.remove(&number);
    }

    /// Ends the call that a 0x31 answers.
    pub(super) fn answer(&mut self, seqs: &SeqSource, frame: &Frame<'_>, now: Instant) -> Answered {
        let Some(number) = seqs.number(&frame.seq) else { return Answered::Nothing };
        let Some(call) = self.live.remove(&number) else { return Answered::Nothing };
        let mut answered = Answered::Other;
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
                        answered = Answered::Unicast { took: now.saturating_duration_since(call.sent_at) };
                    }
                    Ok(Reply { data, endpoint: self.endpoint.clone() })
                }
                Err(error) => Err(Error::new(
                    ErrorKind::Remote,
                    format!("the subscriber of {:?} sent a malformed reply: {error}", call.topic),
                )
                .with_delivery(Delivery::Maybe)),
            }
        };
        call.end(outcome);
        answered
    }

    /// Ends calls that are past their deadlines; `written` as in the outbox.
    pub(super) fn expire(&mut self, now: Instant, written: u64) {
        while let Some(number) = self.deadlines.pop_due(now) {
            let Some(call) = self.live.remove(&number) else { continue };
            let delivery = call.delivery(written);
            let advice = match delivery {
                Delivery::Maybe => "the message may have been delivered",
                Delivery::No => "it could not even be sent in that time",
            };
            let error = Error::new(
                ErrorKind::Timeout,
                format!(
                    "no answer to the {} on {:?} by {} within {:?}; {advice}",
                    call.what(),
                    call.topic,
                    self.endpoint,
                    call.deadline.saturating_duration_since(call.sent_at)
                ),
            );
            call.end(Err(error.with_delivery(delivery)));
        }
    }

    /// When the next deadline is due.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.deadlines.next()
    }

    /// Ends all calls with `error`.
    pub(super) fn end_all(&mut self, error: &Error, written: u64) {
        self.deadlines.clear();
        for (_, call) in self.live.drain() {
            let error = error.clone().with_delivery(call.delivery(written));
            call.end(Err(error));
        }
    }

    fn refusal(&self, call: &Call, frame: &Frame<'_>, now: Instant) -> Error {
        let (code, topic, node) = (frame.result, &call.topic, &self.endpoint);
        let kind = ErrorKind::from_result(code);
        let quick = now.duration_since(call.sent_at) < QUICK_REFUSAL;
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
                    now.duration_since(call.sent_at)
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
                Delivery::No,
                format!(
                    "the subscriber of {topic:?} has no room for a further message (code -5012): try later"
                ),
            ),
            ErrorKind::SubscriberUnsubscribed => {
                (Delivery::No, format!("the subscriber has just left {topic:?} (code -5013): try again"))
            }
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
        let text = match std::str::from_utf8(&data) {
            Ok(said) if !said.is_empty() && said.len() <= 200 => format!("{text}: {said}"),
            _ => text,
        };
        Error::new(kind, text).with_delivery(delivery).with_node_code(code).with_data(data)
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
