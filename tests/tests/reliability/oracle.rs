//! Keeps book of every call and every message handled, and says at the end whether all is as it was promised.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use amop::{Delivery, Error, ErrorKind};
use tokio::sync::watch;

/// No wait is longer than this; none that ends well comes near it.
pub(crate) const GUARD: Duration = Duration::from_secs(60);

/// What a call wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wants {
    /// Somebody takes or answers the unicast, once.
    Unicast,
    /// The same, and rather twice than never.
    AtLeastOnce,
    /// All hear it.
    Broadcast,
}

/// How a call ended.
#[derive(Clone, Debug)]
enum Outcome {
    Done,
    Failed(Error),
}

/// One call, from its begin to the last time that it was handled.
#[derive(Debug)]
struct Record {
    wants: Wants,
    /// Each should have one.
    outcomes: Vec<Outcome>,
    /// How often each client's handler had it.
    handled: BTreeMap<usize, u32>,
}

/// The book. A message carries the number of its record.
pub(crate) struct Oracle {
    records: Mutex<Vec<Record>>,
    changed: watch::Sender<()>,
}

/// What came out in the end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) calls: usize,
    pub(crate) done: usize,
    /// Failed, and nothing was delivered.
    pub(crate) failed: usize,
    /// Failed, and the error says that it may have been delivered.
    pub(crate) uncertain: usize,
    /// Of the uncertain ones, those that a handler had.
    pub(crate) uncertain_handled: usize,
    /// Second deliveries to one client of calls that want at least one.
    pub(crate) doubles_asked_for: u32,
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} calls: {} done, {} failed (delivered: no), {} failed (maybe; {} of them were handled), \
             {} doubles asked for",
            self.calls,
            self.done,
            self.failed,
            self.uncertain,
            self.uncertain_handled,
            self.doubles_asked_for
        )
    }
}

impl Oracle {
    pub(crate) fn new() -> Oracle {
        Oracle { records: Mutex::default(), changed: watch::Sender::new(()) }
    }

    fn records(&self) -> MutexGuard<'_, Vec<Record>> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A call begins; its number, to be sent as payload.
    pub(crate) fn begin(&self, wants: Wants) -> usize {
        let mut records = self.records();
        records.push(Record { wants, outcomes: Vec::new(), handled: BTreeMap::new() });
        records.len() - 1
    }

    /// A call has ended.
    pub(crate) fn end<T>(&self, call: usize, outcome: Result<T, Error>) {
        let outcome = match outcome {
            Ok(_) => Outcome::Done,
            Err(error) => Outcome::Failed(error),
        };
        self.records()[call].outcomes.push(outcome);
        self.changed.send_replace(());
    }

    /// A client's handler has a message.
    pub(crate) fn handled(&self, client: usize, payload: &[u8]) {
        let call = std::str::from_utf8(payload).ok().and_then(|text| text.parse::<usize>().ok());
        let mut records = self.records();
        // A number that was never sent fails here, as it should.
        let record = &mut records[call.expect("a payload that nobody sent")];
        *record.handled.entry(client).or_default() += 1;
        drop(records);
        self.changed.send_replace(());
    }

    /// How many calls have ended well.
    pub(crate) fn done(&self) -> usize {
        let done = |record: &&Record| matches!(record.outcomes[..], [Outcome::Done]);
        self.records().iter().filter(done).count()
    }

    /// How many clients have had a call's message.
    pub(crate) fn heard_by(&self, call: usize) -> usize {
        self.records()[call].handled.len()
    }

    /// How many errors of this kind there were.
    pub(crate) fn failures(&self, kind: ErrorKind) -> usize {
        let records = self.records();
        let all = records.iter().flat_map(|record| &record.outcomes);
        all.filter(|outcome| matches!(outcome, Outcome::Failed(error) if error.kind() == kind)).count()
    }

    /// Waits until the book says so; false after `limit`.
    pub(crate) async fn says_within(&self, limit: Duration, mut so: impl FnMut(&Oracle) -> bool) -> bool {
        let mut changed = self.changed.subscribe();
        let reached = async {
            while !so(self) {
                changed.changed().await.expect("the book is kept");
            }
        };
        tokio::time::timeout(limit, reached).await.is_ok()
    }

    /// Waits until the book says so.
    pub(crate) async fn says(&self, what: &str, so: impl FnMut(&Oracle) -> bool) {
        assert!(self.says_within(GUARD, so).await, "still waiting for: {what}; so far {:?}", self.tally());
    }

    /// The figures so far.
    pub(crate) fn tally(&self) -> Tally {
        let records = self.records();
        let mut tally = Tally { calls: records.len(), ..Tally::default() };
        for record in records.iter() {
            match &record.outcomes[..] {
                [Outcome::Done] => tally.done += 1,
                [Outcome::Failed(error)] if error.delivery() == Delivery::No => tally.failed += 1,
                [Outcome::Failed(_)] => {
                    tally.uncertain += 1;
                    tally.uncertain_handled += usize::from(!record.handled.is_empty());
                }
                _ => {}
            }
            if record.wants == Wants::AtLeastOnce {
                tally.doubles_asked_for += record.handled.values().map(|times| times - 1).sum::<u32>();
            }
        }
        tally
    }

    /// The verdict, when all has ended.
    ///
    /// # Panics
    /// When a promise was broken.
    pub(crate) fn verify(&self) -> Tally {
        let broken = self.broken_promises();
        assert!(
            broken.is_empty(),
            "{} of {} calls:\n{}",
            broken.len(),
            self.records().len(),
            broken.join("\n")
        );
        self.tally()
    }

    /// Calls that ended not exactly once or with a reply to another, unicasts done that nobody handled, or handled
    /// that failed as not delivered, messages that a client handled twice though their publisher didn't ask for it.
    fn broken_promises(&self) -> Vec<String> {
        let mut broken = Vec::new();
        for (call, record) in self.records().iter().enumerate() {
            let mut wrong = |what: &str| broken.push(format!("call {call}: {what}: {record:?}"));
            match &record.outcomes[..] {
                [Outcome::Done] if record.wants != Wants::Broadcast && record.handled.is_empty() => {
                    wrong("done, but nobody handled it");
                }
                [Outcome::Failed(error)]
                    if error.delivery() == Delivery::No && !record.handled.is_empty() =>
                {
                    wrong("failed as not delivered, but it was handled");
                }
                [Outcome::Failed(error)] if error.kind() == ErrorKind::Internal => wrong("a wrong reply"),
                [_] => {}
                _ => wrong("didn't end exactly once"),
            }
            if record.wants != Wants::AtLeastOnce && record.handled.values().any(|times| *times > 1) {
                wrong("one client handled it twice");
            }
        }
        broken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An oracle that can't find a fault proves nothing.
    #[test]
    fn each_broken_promise_is_found() {
        fn broken(tell: impl Fn(&Oracle, usize), wants: Wants) -> bool {
            let oracle = Oracle::new();
            let call = oracle.begin(wants);
            tell(&oracle, call);
            !oracle.broken_promises().is_empty()
        }
        let failed = || Err::<(), _>(Error::new(ErrorKind::NotConnected, "x"));
        assert!(broken(|_, _| {}, Wants::Unicast), "never ended");
        assert!(broken(|oracle, call| oracle.end(call, Ok(())), Wants::Unicast), "done unheard");
        assert!(!broken(|oracle, call| oracle.end(call, Ok(())), Wants::Broadcast));
        let handled = |oracle: &Oracle| oracle.handled(0, b"0");
        let twice = |oracle: &Oracle, call| {
            oracle.end(call, Ok(()));
            handled(oracle);
            handled(oracle);
        };
        assert!(broken(twice, Wants::Unicast), "handled twice");
        assert!(broken(twice, Wants::Broadcast), "heard twice");
        assert!(!broken(twice, Wants::AtLeastOnce));
        let lied = |oracle: &Oracle, call| {
            oracle.end(call, failed());
            handled(oracle);
        };
        assert!(broken(lied, Wants::Unicast), "not delivered, it said");
        let ended_twice = |oracle: &Oracle, call| {
            oracle.end(call, failed());
            oracle.end(call, failed());
        };
        assert!(broken(ended_twice, Wants::Broadcast), "ended twice");
    }
}
