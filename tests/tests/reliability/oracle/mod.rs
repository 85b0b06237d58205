//! Records every call and every handled message, and checks at the end that the client kept its promises.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use amop::{Delivery, Error, ErrorKind};
use tokio::sync::watch;

/// The time limit of every wait. It only ends tests that hang.
pub(crate) const GUARD: Duration = Duration::from_secs(60);

/// The maximum number of violations that are shown.
const SHOWN: usize = 20;

/// What a call asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CallKind {
    /// One subscriber or service handles the unicast once.
    Unicast,
    /// A unicast that may be handled more than once, with `Retry::AtLeastOnce`.
    AtLeastOnce,
    /// Every subscriber handles the broadcast.
    Broadcast,
    /// Hostile peers answer the unicast. It may have any outcome.
    Hostile,
}

/// How a call ended.
#[derive(Clone, Debug)]
enum Outcome {
    Done,
    Failed(Error),
}

/// A message's id on the wire: hex digits.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Seq(Box<[u8]>);

impl fmt::Debug for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.0))
    }
}

/// One call: its outcomes, and each time that it was handled.
#[derive(Debug)]
struct Record {
    topic: &'static str,
    kind: CallKind,
    /// A call must have exactly one.
    outcomes: Vec<Outcome>,
    /// The client and the message id of each time that a handler received it.
    handled: Vec<(usize, Seq)>,
}

impl Record {
    fn is_done(&self) -> bool {
        matches!(self.outcomes[..], [Outcome::Done])
    }

    /// Returns how often each client handled it.
    fn times_by_client(&self) -> BTreeMap<usize, usize> {
        let mut times = BTreeMap::new();
        for (client, _) in &self.handled {
            *times.entry(*client).or_default() += 1;
        }
        times
    }

    /// Returns whether a client handled it twice under one id, which is never allowed.
    fn has_a_duplicate_of_one_id(&self) -> bool {
        let with_id = || self.handled.iter().filter(|(_, seq)| !seq.0.is_empty());
        let distinct: BTreeSet<_> = with_id().collect();
        distinct.len() < with_id().count()
    }
}

/// All that was recorded.
#[derive(Default)]
struct Records {
    calls: Vec<Record>,
    /// The number of calls that have succeeded.
    done: usize,
    /// The clients that must receive the broadcasts on each topic.
    subscribers: BTreeMap<&'static str, BTreeSet<usize>>,
}

/// The oracle. The payload of a message is the number of its call.
pub(crate) struct Oracle {
    records: Mutex<Records>,
    /// Whether a client may handle a message again that has another id than before, or none.
    may_repeat: bool,
    changed: watch::Sender<()>,
}

/// The totals of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    pub(crate) calls: usize,
    pub(crate) done: usize,
    /// Failed with `delivery: no`.
    pub(crate) failed: usize,
    /// Failed with `delivery: maybe`.
    pub(crate) uncertain: usize,
    /// The uncertain ones that were handled.
    pub(crate) uncertain_handled: usize,
    /// Repeated deliveries to one client, under other ids, of calls with at-least-once delivery.
    pub(crate) duplicates_asked_for: usize,
    /// Repeated deliveries to one client, under other ids or without one, of other calls.
    pub(crate) repeated: usize,
    /// Unicasts that a second client handled too.
    pub(crate) at_two_clients: usize,
    /// Copies of acknowledged broadcasts, one per subscriber, and the number of those that were not received.
    pub(crate) copies: usize,
    pub(crate) copies_missed: usize,
    /// Calls to hostile peers, which are not counted above.
    pub(crate) hostile: usize,
}

impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "succeeded / no / maybe: {} / {} / {} ({} of them handled); duplicates: {} at least once, {} unasked, {} \
             at a second client; missed: {} of {} copies; to hostile peers: {}",
            self.done,
            self.failed,
            self.uncertain,
            self.uncertain_handled,
            self.duplicates_asked_for,
            self.repeated,
            self.at_two_clients,
            self.copies_missed,
            self.copies,
            self.hostile,
        )
    }
}

impl Totals {
    fn add(&mut self, record: &Record, subscribers: Option<&BTreeSet<usize>>) {
        if record.kind == CallKind::Hostile {
            self.hostile += 1;
            return;
        }
        self.calls += 1;
        match &record.outcomes[..] {
            [Outcome::Done] => self.done += 1,
            [Outcome::Failed(error)] if error.delivery() == Delivery::No => self.failed += 1,
            [Outcome::Failed(_)] => {
                self.uncertain += 1;
                self.uncertain_handled += usize::from(!record.handled.is_empty());
            }
            _ => {}
        }
        let times = record.times_by_client();
        let repeated = times.values().map(|times| times - 1).sum::<usize>();
        match record.kind {
            CallKind::AtLeastOnce => self.duplicates_asked_for += repeated,
            CallKind::Unicast | CallKind::Broadcast | CallKind::Hostile => self.repeated += repeated,
        }
        if record.kind == CallKind::Broadcast {
            if let (true, Some(subscribers)) = (record.is_done(), subscribers) {
                self.copies += subscribers.len();
                self.copies_missed += subscribers.iter().filter(|client| !times.contains_key(client)).count();
            }
        } else {
            self.at_two_clients += times.len().saturating_sub(1);
        }
    }
}

impl Oracle {
    pub(crate) fn new(may_repeat: bool) -> Oracle {
        Oracle { records: Mutex::default(), may_repeat, changed: watch::Sender::new(()) }
    }

    fn records(&self) -> MutexGuard<'_, Records> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Requires from now on that a client receives all broadcasts on a topic.
    pub(crate) fn expect_broadcasts(&self, topic: &'static str, client: usize) {
        self.records().subscribers.entry(topic).or_default().insert(client);
    }

    /// Records a new call. Returns its number, which is to be sent as payload.
    pub(crate) fn begin(&self, topic: &'static str, kind: CallKind) -> usize {
        let mut records = self.records();
        records.calls.push(Record { topic, kind, outcomes: Vec::new(), handled: Vec::new() });
        records.calls.len() - 1
    }

    /// Records an outcome of a call.
    pub(crate) fn end<T>(&self, call: usize, outcome: Result<T, Error>) {
        let outcome = match outcome {
            Ok(_) => Outcome::Done,
            Err(error) => Outcome::Failed(error),
        };
        let mut records = self.records();
        let record = &mut records.calls[call];
        record.outcomes.push(outcome);
        let done = record.is_done() && record.kind != CallKind::Hostile;
        records.done += usize::from(done);
        drop(records);
        self.changed.send_replace(());
    }

    /// Records that a client handles a message. Returns the number of its call.
    pub(crate) fn handled(&self, client: usize, seq: &[u8], payload: &[u8]) -> usize {
        let call = std::str::from_utf8(payload).ok().and_then(|text| text.parse::<usize>().ok());
        let call = call.expect("the payload is the number of a call");
        // This fails if no call has this number.
        self.records().calls[call].handled.push((client, Seq(seq.into())));
        self.changed.send_replace(());
        call
    }

    /// Returns the number of calls that have succeeded.
    pub(crate) fn done(&self) -> usize {
        self.records().done
    }

    /// Returns whether all expected subscribers have handled a call's message.
    pub(crate) fn has_reached_all(&self, call: usize) -> bool {
        let records = self.records();
        let record = &records.calls[call];
        let received = record.times_by_client();
        records
            .subscribers
            .get(record.topic)
            .into_iter()
            .flatten()
            .all(|client| received.contains_key(client))
    }

    /// Returns the number of errors of a kind.
    pub(crate) fn failures(&self, kind: ErrorKind) -> usize {
        let records = self.records();
        let all = records.calls.iter().flat_map(|record| &record.outcomes);
        all.filter(|outcome| matches!(outcome, Outcome::Failed(error) if error.kind() == kind)).count()
    }

    /// Waits until a condition holds. Returns `false` after `limit`.
    pub(crate) async fn holds_within(
        &self,
        limit: Duration,
        mut condition: impl FnMut(&Oracle) -> bool,
    ) -> bool {
        let mut changed = self.changed.subscribe();
        let reached = async {
            while !condition(self) {
                changed.changed().await.expect("the oracle exists");
            }
        };
        tokio::time::timeout(limit, reached).await.is_ok()
    }

    /// Waits until a condition holds.
    pub(crate) async fn wait_until(&self, what: &str, condition: impl FnMut(&Oracle) -> bool) {
        assert!(
            self.holds_within(GUARD, condition).await,
            "still waiting for: {what}; so far {:?}",
            self.totals()
        );
    }

    /// Returns the totals of all calls so far.
    pub(crate) fn totals(&self) -> Totals {
        self.totals_of(|_, _| true)
    }

    /// Returns the totals of some of the calls so far.
    pub(crate) fn totals_of(&self, matches: impl Fn(&str, CallKind) -> bool) -> Totals {
        let records = self.records();
        let mut totals = Totals::default();
        for record in records.calls.iter().filter(|record| matches(record.topic, record.kind)) {
            totals.add(record, records.subscribers.get(record.topic));
        }
        totals
    }

    /// Checks all calls, once they have ended.
    ///
    /// # Panics
    /// Panics if there is any violation.
    pub(crate) fn verify(&self) -> Totals {
        let violations = self.violations();
        let (some, totals) = (&violations[..violations.len().min(SHOWN)], self.totals());
        assert!(
            violations.is_empty(),
            "{} of {} calls:\n{}",
            violations.len(),
            totals.calls,
            some.join("\n")
        );
        totals
    }

    /// Returns the violations: calls that did not end exactly once, or ended with the reply to another call; unicasts
    /// that succeeded and were not handled, or failed with `delivery: no` and were handled; and messages that a client
    /// handled twice without at-least-once delivery, unless it may be repeated.
    fn violations(&self) -> Vec<String> {
        let mut violations = Vec::new();
        for (call, record) in self.records().calls.iter().enumerate() {
            let mut wrong = |what: &str| violations.push(format!("call {call}: {what}: {record:?}"));
            match &record.outcomes[..] {
                [_] if record.kind == CallKind::Hostile => {}
                [Outcome::Failed(error)] if error.kind() == ErrorKind::Internal => {
                    wrong("it got the reply to another call")
                }
                [Outcome::Done] if record.kind != CallKind::Broadcast && record.handled.is_empty() => {
                    wrong("it succeeded and was not handled");
                }
                [Outcome::Failed(error)]
                    if error.delivery() == Delivery::No && !record.handled.is_empty() =>
                {
                    wrong("it failed with delivery: no and was handled");
                }
                [_] => {}
                _ => wrong("it did not end exactly once"),
            }
            if record.has_a_duplicate_of_one_id() {
                wrong("one client handled it twice under one id");
            } else if record.kind != CallKind::AtLeastOnce
                && !self.may_repeat
                && record.times_by_client().values().any(|times| *times > 1)
            {
                wrong("one client handled it twice");
            }
        }
        violations
    }
}

#[cfg(test)]
mod tests;
