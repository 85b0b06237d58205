//! Keeps book of every call and every message handled, and says at the end whether all is as it was promised.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use amop::{Delivery, Error, ErrorKind};
use tokio::sync::watch;

/// No wait is longer than this; none that ends well comes near it.
pub(crate) const GUARD: Duration = Duration::from_secs(60);

/// Of a long list of broken promises, so many are shown.
const SHOWN: usize = 20;

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

/// A message's id on the wire: hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Seq([u8; 32]);

impl fmt::Debug for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.0))
    }
}

/// One call, from its begin to the last time that it was handled.
#[derive(Debug)]
struct Record {
    topic: &'static str,
    wants: Wants,
    /// Each should have one.
    outcomes: Vec<Outcome>,
    /// Which client's handler had it, under which id, each time.
    handled: Vec<(usize, Seq)>,
}

impl Record {
    fn is_done(&self) -> bool {
        matches!(self.outcomes[..], [Outcome::Done])
    }

    /// How often each client's handler had it.
    fn times_by_client(&self) -> BTreeMap<usize, usize> {
        let mut times = BTreeMap::new();
        for (client, _) in &self.handled {
            *times.entry(*client).or_default() += 1;
        }
        times
    }

    /// A client's handler had it twice under one id, which nothing excuses.
    fn has_a_duplicate_of_one_id(&self) -> bool {
        let distinct: BTreeSet<_> = self.handled.iter().collect();
        distinct.len() < self.handled.len()
    }
}

/// The book's pages.
#[derive(Default)]
struct Book {
    records: Vec<Record>,
    /// Calls that have ended well so far.
    done: usize,
    /// Who has to hear the broadcasts on a topic.
    listeners: BTreeMap<&'static str, BTreeSet<usize>>,
}

/// The book. A message carries the number of its record.
pub(crate) struct Oracle {
    book: Mutex<Book>,
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
    /// Second deliveries to one client, under another id, of calls that want at least one.
    pub(crate) duplicates_asked_for: usize,
    /// Unicasts that a second client had too.
    pub(crate) at_two_clients: usize,
    /// Copies of acked broadcasts, one for each listener, and those of them that were never heard.
    pub(crate) copies: usize,
    pub(crate) copies_missed: usize,
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "well / no / maybe: {} / {} / {} ({} of them handled); duplicates: {} asked for, {} at a second client; \
             missed: {} of {} copies",
            self.done,
            self.failed,
            self.uncertain,
            self.uncertain_handled,
            self.duplicates_asked_for,
            self.at_two_clients,
            self.copies_missed,
            self.copies,
        )
    }
}

impl Tally {
    fn add(&mut self, record: &Record, listeners: Option<&BTreeSet<usize>>) {
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
        if record.wants == Wants::AtLeastOnce {
            self.duplicates_asked_for += times.values().map(|times| times - 1).sum::<usize>();
        }
        if record.wants == Wants::Broadcast {
            if let (true, Some(listeners)) = (record.is_done(), listeners) {
                self.copies += listeners.len();
                self.copies_missed += listeners.iter().filter(|client| !times.contains_key(client)).count();
            }
        } else {
            self.at_two_clients += times.len().saturating_sub(1);
        }
    }
}

impl Oracle {
    pub(crate) fn new() -> Oracle {
        Oracle { book: Mutex::default(), changed: watch::Sender::new(()) }
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on this client is to hear all broadcasts on a topic.
    pub(crate) fn listens(&self, topic: &'static str, client: usize) {
        self.book().listeners.entry(topic).or_default().insert(client);
    }

    /// A call begins; its number, to be sent as payload.
    pub(crate) fn begin(&self, topic: &'static str, wants: Wants) -> usize {
        let mut book = self.book();
        book.records.push(Record { topic, wants, outcomes: Vec::new(), handled: Vec::new() });
        book.records.len() - 1
    }

    /// A call has ended.
    pub(crate) fn end<T>(&self, call: usize, outcome: Result<T, Error>) {
        let outcome = match outcome {
            Ok(_) => Outcome::Done,
            Err(error) => Outcome::Failed(error),
        };
        let mut book = self.book();
        let record = &mut book.records[call];
        record.outcomes.push(outcome);
        let done = record.is_done();
        book.done += usize::from(done);
        drop(book);
        self.changed.send_replace(());
    }

    /// A client's handler has a message; the number of its call.
    pub(crate) fn handled(&self, client: usize, seq: &[u8; 32], payload: &[u8]) -> usize {
        let call = std::str::from_utf8(payload).ok().and_then(|text| text.parse::<usize>().ok());
        let call = call.expect("a payload that nobody sent");
        // A number that was never sent fails here, as it should.
        self.book().records[call].handled.push((client, Seq(*seq)));
        self.changed.send_replace(());
        call
    }

    /// How many calls have ended well.
    pub(crate) fn done(&self) -> usize {
        self.book().done
    }

    /// Whether everybody who listens has had a call's message.
    pub(crate) fn is_heard_by_all(&self, call: usize) -> bool {
        let book = self.book();
        let record = &book.records[call];
        let heard = record.times_by_client();
        book.listeners.get(record.topic).into_iter().flatten().all(|client| heard.contains_key(client))
    }

    /// How many errors of this kind there were.
    pub(crate) fn failures(&self, kind: ErrorKind) -> usize {
        let book = self.book();
        let all = book.records.iter().flat_map(|record| &record.outcomes);
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
        self.tally_of(|_, _| true)
    }

    /// The figures so far of some calls.
    pub(crate) fn tally_of(&self, such: impl Fn(&str, Wants) -> bool) -> Tally {
        let book = self.book();
        let mut tally = Tally::default();
        for record in book.records.iter().filter(|record| such(record.topic, record.wants)) {
            tally.add(record, book.listeners.get(record.topic));
        }
        tally
    }

    /// The verdict, when all has ended.
    ///
    /// # Panics
    /// When a promise was broken.
    pub(crate) fn verify(&self) -> Tally {
        let broken = self.broken_promises();
        let (some, tally) = (&broken[..broken.len().min(SHOWN)], self.tally());
        assert!(broken.is_empty(), "{} of {} calls:\n{}", broken.len(), tally.calls, some.join("\n"));
        tally
    }

    /// Calls that ended not exactly once or with a reply to another, unicasts done that nobody handled, or handled
    /// that failed as not delivered, messages that a client handled twice though their publisher didn't ask for it.
    fn broken_promises(&self) -> Vec<String> {
        let mut broken = Vec::new();
        for (call, record) in self.book().records.iter().enumerate() {
            let mut wrong = |what: &str| broken.push(format!("call {call}: {what}: {record:?}"));
            match &record.outcomes[..] {
                [Outcome::Failed(error)] if error.kind() == ErrorKind::Internal => wrong("a wrong reply"),
                [Outcome::Done] if record.wants != Wants::Broadcast && record.handled.is_empty() => {
                    wrong("done, but nobody handled it");
                }
                [Outcome::Failed(error)]
                    if error.delivery() == Delivery::No && !record.handled.is_empty() =>
                {
                    wrong("failed as not delivered, but it was handled");
                }
                [_] => {}
                _ => wrong("didn't end exactly once"),
            }
            if record.has_a_duplicate_of_one_id() {
                wrong("one client handled it twice under one id");
            } else if record.wants != Wants::AtLeastOnce
                && record.times_by_client().values().any(|times| *times > 1)
            {
                wrong("one client handled it twice");
            }
        }
        broken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOPIC: &str = "t";

    /// What a client's handler has of call 0.
    fn has(oracle: &Oracle, client: usize, id: u8) {
        assert_eq!(oracle.handled(client, &[id; 32], b"0"), 0);
    }

    /// An oracle that can't find a fault proves nothing.
    #[test]
    fn each_broken_promise_is_found() {
        fn broken(tell: impl Fn(&Oracle, usize), wants: Wants) -> bool {
            let oracle = Oracle::new();
            let call = oracle.begin(TOPIC, wants);
            tell(&oracle, call);
            !oracle.broken_promises().is_empty()
        }
        let failed = || Err::<(), _>(Error::undelivered(ErrorKind::NotConnected, "x"));
        assert!(broken(|_, _| {}, Wants::Unicast), "never ended");
        assert!(broken(|oracle, call| oracle.end(call, Ok(())), Wants::Unicast), "done unheard");
        assert!(!broken(|oracle, call| oracle.end(call, Ok(())), Wants::Broadcast));
        let twice = |ids: [u8; 2]| {
            move |oracle: &Oracle, call| {
                oracle.end(call, Ok(()));
                ids.iter().for_each(|id| has(oracle, 7, *id));
            }
        };
        for ids in [[1, 2], [1, 1]] {
            assert!(broken(twice(ids), Wants::Unicast), "handled twice");
            assert!(broken(twice(ids), Wants::Broadcast), "heard twice");
        }
        assert!(!broken(twice([1, 2]), Wants::AtLeastOnce), "that was asked for");
        assert!(broken(twice([1, 1]), Wants::AtLeastOnce), "nobody asks for that");
        let lied = |oracle: &Oracle, call| {
            oracle.end(call, failed());
            has(oracle, 7, 1);
        };
        assert!(broken(lied, Wants::Unicast), "not delivered, it said");
        let ended_twice = |oracle: &Oracle, call| {
            oracle.end(call, failed());
            oracle.end(call, failed());
        };
        assert!(broken(ended_twice, Wants::Broadcast), "ended twice");
    }

    #[test]
    fn duplicates_and_missed_copies_are_counted() {
        let oracle = Oracle::new();
        (1..=3).for_each(|client| oracle.listens(TOPIC, client));
        let call = oracle.begin(TOPIC, Wants::Broadcast);
        has(&oracle, 1, 1);
        assert_eq!(oracle.tally().copies, 0, "not acked");
        oracle.end(call, Ok(()));
        has(&oracle, 9, 1);
        assert_eq!((oracle.tally().copies, oracle.tally().copies_missed), (3, 2));
        assert_eq!(oracle.tally().at_two_clients, 0, "it is meant for all");

        let oracle = Oracle::new();
        oracle.end(oracle.begin(TOPIC, Wants::AtLeastOnce), Ok(()));
        [(1, 1), (1, 2), (2, 2)].iter().for_each(|(client, id)| has(&oracle, *client, *id));
        let tally = oracle.tally();
        assert_eq!((tally.duplicates_asked_for, tally.at_two_clients, tally.copies), (1, 1, 0));
        assert_eq!(oracle.tally_of(|topic, _| topic != TOPIC), Tally::default());
    }
}
