//! Knows again what was already accepted, so that a message delivered twice by the nodes is handled once.
//!
//! Key: kind, topic, seq. A double of an answered request is answered as the first was; one that comes while
//! the handler runs joins it. Bounded by time, by entries and, for kept answers, by bytes.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::message::MessageKind;
use super::request::{Origin, Ticket};
use crate::protocol::channel::result;
use crate::protocol::{Seq, Topic};

/// What makes two messages the same.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    pub(crate) seq: Seq,
    pub(crate) kind: MessageKind,
    pub(crate) topic: Topic,
}

/// What is known of an accepted message.
enum State {
    /// Taken by subscriptions; a unicast was answered empty.
    Taken,
    /// With a handler; these doubles of it wait for the same answer.
    Running(Arc<Ticket>, Vec<Origin>),
    /// Answered.
    Answered(i32, Bytes),
}

/// What to do with a message.
pub(crate) enum Seen {
    /// New: offer it, and say what came of it.
    New,
    /// A double that needs nothing but this answer.
    Answer(i32, Bytes),
    /// A double of a request that is being handled: it gets that answer.
    Joined(Arc<Ticket>),
}

/// The table.
pub(crate) struct Doubles {
    window: Duration,
    max_entries: usize,
    max_answer_bytes: usize,
    entries: HashMap<Arc<Key>, State>,
    by_age: VecDeque<(Instant, Arc<Key>)>,
    answers: VecDeque<(Arc<Key>, usize)>,
    answer_bytes: usize,
}

impl Doubles {
    /// Kept answers, all together: 16 MiB.
    const MAX_ANSWER_BYTES: usize = 16 << 20;

    pub(crate) fn new(window: Duration, max_entries: usize) -> Doubles {
        Doubles {
            window,
            max_entries,
            max_answer_bytes: Self::MAX_ANSWER_BYTES,
            entries: HashMap::new(),
            by_age: VecDeque::new(),
            answers: VecDeque::new(),
            answer_bytes: 0,
        }
    }

    /// Looks a message up; `origin` is asked for only when it joins a running request.
    pub(crate) fn look(&mut self, key: &Key, now: Instant, origin: impl FnOnce() -> Origin) -> Seen {
        self.expire(now);
        match self.entries.get_mut(key) {
            None => Seen::New,
            Some(State::Taken) => Seen::Answer(result::OK, Bytes::new()),
            Some(State::Answered(code, data)) => Seen::Answer(*code, data.clone()),
            Some(State::Running(ticket, waiting)) => {
                waiting.push(origin());
                Seen::Joined(ticket.clone())
            }
        }
    }

    /// Subscriptions took it.
    pub(crate) fn taken(&mut self, key: Key, now: Instant) {
        self.insert(key, State::Taken, now);
    }

    /// A handler will answer it.
    pub(crate) fn running(&mut self, key: Key, ticket: Arc<Ticket>, now: Instant) {
        self.insert(key, State::Running(ticket, Vec::new()), now);
    }

    /// The answer is there: the doubles that wait for it (the first one's origin is known to the caller).
    ///
    /// An entry that expired or was pushed out meanwhile can't have been joined since.
    pub(crate) fn answered(&mut self, key: &Key, code: i32, data: &Bytes) -> Vec<Origin> {
        let Some((key, _)) = self.entries.get_key_value(key) else { return Vec::new() };
        let key = key.clone();
        let Some(state) = self.entries.get_mut(&key) else { return Vec::new() };
        let State::Running(_, waiting) = state else { return Vec::new() };
        let waiting = std::mem::take(waiting);
        *state = State::Answered(code, data.clone());
        if !data.is_empty() {
            self.answer_bytes += data.len();
            self.answers.push_back((key, data.len()));
            while self.answer_bytes > self.max_answer_bytes {
                let Some((oldest, bytes)) = self.answers.pop_front() else { break };
                self.answer_bytes -= bytes;
                if let Some(state @ State::Answered(..)) = self.entries.get_mut(&oldest) {
                    *state = State::Answered(result::DROPPED, Bytes::new());
                }
            }
        }
        waiting
    }

    /// Entries now.
    #[cfg(test)]
    fn len(&self) -> usize {
        self.entries.len()
    }

    fn insert(&mut self, key: Key, state: State, now: Instant) {
        if self.max_entries == 0 {
            return;
        }
        while self.entries.len() >= self.max_entries {
            let Some((_, oldest)) = self.by_age.pop_front() else { break };
            self.entries.remove(&oldest);
        }
        let key = Arc::new(key);
        self.by_age.push_back((now, key.clone()));
        self.entries.insert(key, state);
    }

    fn expire(&mut self, now: Instant) {
        while let Some((since, _)) = self.by_age.front() {
            if now.duration_since(*since) < self.window {
                break;
            }
            if let Some((_, key)) = self.by_age.pop_front() {
                self.entries.remove(&key);
            }
        }
        while let Some((key, bytes)) = self.answers.front() {
            if self.entries.contains_key(key) {
                break;
            }
            self.answer_bytes -= bytes;
            self.answers.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(n: u64) -> Key {
        Key { seq: Seq::from_halves(0, n), kind: MessageKind::Unicast, topic: Topic::new("t").unwrap() }
    }

    fn origin() -> Origin {
        Origin::detached(Seq::from_halves(0, 0))
    }

    fn seen(table: &mut Doubles, n: u64, now: Instant) -> &'static str {
        match table.look(&key(n), now, origin) {
            Seen::New => "new",
            Seen::Answer(0, _) => "ok",
            Seen::Answer(result::DROPPED, _) => "dropped",
            Seen::Answer(..) => "answer",
            Seen::Joined(_) => "joined",
        }
    }

    #[test]
    fn a_double_is_answered_as_the_first_was() {
        let mut table = Doubles::new(Duration::from_secs(60), 100);
        let now = Instant::now();
        assert_eq!(seen(&mut table, 1, now), "new");
        table.taken(key(1), now);
        assert_eq!(seen(&mut table, 1, now), "ok");
        let mut other_kind = key(1);
        other_kind.kind = MessageKind::Broadcast;
        assert!(matches!(table.look(&other_kind, now, origin), Seen::New));

        table.running(key(2), Ticket::new(key(2)), now);
        assert_eq!(seen(&mut table, 2, now), "joined");
        assert_eq!(table.answered(&key(2), -7, &Bytes::from_static(b"bad")).len(), 1);
        assert!(matches!(table.look(&key(2), now, origin), Seen::Answer(-7, data) if data == "bad"));
    }

    #[test]
    fn entries_end_by_age_and_by_number() {
        let mut table = Doubles::new(Duration::from_secs(60), 2);
        let start = Instant::now();
        table.taken(key(1), start);
        table.taken(key(2), start + Duration::from_secs(1));
        table.taken(key(3), start + Duration::from_secs(2));
        assert_eq!(table.len(), 2);
        assert_eq!(seen(&mut table, 1, start + Duration::from_secs(2)), "new");
        assert_eq!(seen(&mut table, 2, start + Duration::from_secs(60)), "ok");
        assert_eq!(seen(&mut table, 2, start + Duration::from_secs(61)), "new");
        assert_eq!(seen(&mut table, 3, start + Duration::from_secs(61)), "ok");
    }

    #[test]
    fn answers_are_kept_up_to_their_bytes() {
        let mut table = Doubles::new(Duration::from_secs(60), 100);
        table.max_answer_bytes = 10;
        let now = Instant::now();
        for n in 1..=3 {
            table.running(key(n), Ticket::new(key(n)), now);
            table.answered(&key(n), 0, &Bytes::from_static(b"12345"));
        }
        assert_eq!(seen(&mut table, 1, now), "dropped");
        assert_eq!(seen(&mut table, 3, now), "ok");
        seen(&mut table, 3, now + Duration::from_secs(60));
        assert_eq!((table.answer_bytes, table.answers.len()), (0, 0));
    }
}
