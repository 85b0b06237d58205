//! Duplicate detection: a message that the nodes deliver more than once is handled once.
//!
//! The key is kind, topic and sequence id; a message without an id, or with a very long one, is never a duplicate. A duplicate of an answered
//! request is answered as the first was; one that comes while the handler runs joins it, at most once for each link. The
//! table is bounded by time, by entries and, for kept answers, by bytes. A request that is being handled stays in it
//! without limit, because the connections that wait with it need the answer; there are never more of them than request
//! handles.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::ticket::{Author, Key, Origin, Ticket, Unsent};
use crate::error::Result;
use crate::protocol::message::MessageId;
use crate::protocol::result;

/// What is known of an accepted message.
enum State {
    /// Taken by subscriptions; a unicast was answered empty.
    Taken,
    /// With a handler. The duplicates from these origins wait for the same answer: at most one origin for each link,
    /// that of its latest connection, and none for the connection of the ticket's own origin.
    Running(Arc<Ticket>, Vec<Origin>),
    /// Answered.
    Answered(i32, Bytes),
}

/// What to do with a message.
pub(crate) enum Lookup {
    /// New: offer it, and say what came of it.
    New,
    /// A duplicate that needs nothing but this answer.
    Answer(i32, Bytes),
    /// A duplicate of a request that is being handled, from another connection: it gets that answer.
    Joined(Arc<Ticket>),
    /// A further copy of a request that is being handled, from a connection that waits for its answer already. A node
    /// takes one reply for a sequence id on a connection, so this copy gets none.
    Waiting,
}

/// The table.
pub(crate) struct Duplicates {
    window: Duration,
    max_entries: usize,
    max_answer_bytes: usize,
    entries: HashMap<Arc<Key>, State>,
    /// What is taken or answered, and since when; the oldest first.
    by_age: VecDeque<(Instant, Arc<Key>)>,
    /// Those of them with an answer that takes memory, in the same order.
    answers: VecDeque<(Arc<Key>, usize)>,
    answer_bytes: usize,
}

impl Duplicates {
    /// The longest id that is remembered. Those of all known SDKs have 32 or 36 bytes; a hostile publisher's may have 64 KiB,
    /// and the table would hold as many of them as it has entries.
    const MAX_ID_LEN: usize = 128;

    /// Kept answers, all together: 16 MiB.
    const MAX_ANSWER_BYTES: usize = 16 << 20;

    pub(crate) fn new(window: Duration, max_entries: usize) -> Duplicates {
        Duplicates {
            window,
            max_entries,
            max_answer_bytes: Self::MAX_ANSWER_BYTES,
            entries: HashMap::new(),
            by_age: VecDeque::new(),
            answers: VecDeque::new(),
            answer_bytes: 0,
        }
    }

    /// Returns whether messages with this id are remembered.
    fn knows(id: &MessageId) -> bool {
        (1..=Self::MAX_ID_LEN).contains(&id.as_bytes().len())
    }

    /// Looks a message up; `origin` is asked for only when it joins a running request.
    pub(crate) fn look(&mut self, key: &Key, now: Instant, origin: impl FnOnce() -> Origin) -> Lookup {
        self.expire(now);
        if !Self::knows(&key.id) {
            return Lookup::New;
        }
        match self.entries.get_mut(key) {
            None => Lookup::New,
            Some(State::Taken) => Lookup::Answer(result::OK, Bytes::new()),
            Some(State::Answered(code, data)) => Lookup::Answer(*code, data.clone()),
            Some(State::Running(ticket, waiting)) => {
                let origin = origin();
                let known = waiting.iter_mut().find(|waiting| waiting.is_same_link(&origin));
                match known {
                    _ if ticket.origin.is_same_connection(&origin) => return Lookup::Waiting,
                    Some(known) if known.is_same_connection(&origin) => return Lookup::Waiting,
                    // The connection that it came over before is gone.
                    Some(known) => *known = origin,
                    None => waiting.push(origin),
                }
                Lookup::Joined(ticket.clone())
            }
        }
    }

    /// Subscriptions took it.
    pub(crate) fn taken(&mut self, key: Key, now: Instant) {
        if !Self::knows(&key.id) {
            return;
        }
        let key = Arc::new(key);
        self.insert(key.clone(), State::Taken);
        self.by_age.push_back((now, key));
    }

    /// A handler will answer it.
    pub(crate) fn running(&mut self, ticket: Arc<Ticket>) {
        if !Self::knows(&ticket.key.id) {
            return;
        }
        self.insert(ticket.key.clone(), State::Running(ticket, Vec::new()));
    }

    /// Passes an answer on to the duplicates that wait, and keeps it for those that come. The ticket's own origin has
    /// it, or its connection is gone. Returns whether a waiting connection was still there.
    pub(crate) fn answered(&mut self, ticket: &Arc<Ticket>, code: i32, data: &Bytes, now: Instant) -> bool {
        let Some(state) = self.entries.get_mut(&ticket.key) else { return false };
        let State::Running(_, joined) = state else { return false };
        let joined = std::mem::take(joined);
        *state = State::Answered(code, data.clone());
        self.by_age.push_back((now, ticket.key.clone()));
        if !data.is_empty() {
            self.answer_bytes += data.len();
            self.answers.push_back((ticket.key.clone(), data.len()));
            while self.answer_bytes > self.max_answer_bytes {
                let Some((oldest, bytes)) = self.answers.pop_front() else { break };
                self.answer_bytes -= bytes;
                self.entries.insert(oldest, State::Answered(result::DROPPED, Bytes::new()));
            }
        }
        let reached = joined.iter().filter(|origin| origin.answer_copy(ticket, code, data));
        reached.count() > 0
    }

    /// Checks that an answer, which can't go where its request came from, finds capacity at any of the connections
    /// that wait for it too.
    ///
    /// # Errors
    /// Returns OVERLOADED if none of those that are still there has capacity.
    pub(crate) fn check_capacity(&self, ticket: &Ticket, data_len: usize, author: Author) -> Result<()> {
        let Some(State::Running(_, waiting)) = self.entries.get(&ticket.key) else { return Ok(()) };
        let mut full = None;
        for origin in waiting {
            match origin.reserve(ticket.topic(), data_len, author) {
                Ok(_) => return Ok(()),
                Err(Unsent::QueueFull(error) | Unsent::TooLarge(error)) => full = Some(error),
                Err(Unsent::ConnectionGone) => {}
            }
        }
        full.map_or(Ok(()), Err)
    }

    /// Entries now.
    #[cfg(test)]
    fn len(&self) -> usize {
        self.entries.len()
    }

    fn insert(&mut self, key: Arc<Key>, state: State) {
        while self.entries.len() >= self.max_entries && self.forget_oldest() {}
        self.entries.insert(key, state);
    }

    fn expire(&mut self, now: Instant) {
        while self.by_age.front().is_some_and(|(since, _)| now.duration_since(*since) >= self.window) {
            self.forget_oldest();
        }
    }

    /// False when there is none but what waits for its answer.
    fn forget_oldest(&mut self) -> bool {
        let Some((_, oldest)) = self.by_age.pop_front() else { return false };
        self.entries.remove(&oldest);
        if let Some((key, bytes)) = self.answers.front()
            && Arc::ptr_eq(key, &oldest)
        {
            self.answer_bytes -= bytes;
            self.answers.pop_front();
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::delivery::send_queue::SendQueue;
    use crate::delivery::ticket::Wire;
    use crate::protocol::Topic;
    use crate::protocol::message::{MessageId, MessageKind};

    fn id(n: u64) -> MessageId {
        MessageId::new(&n.to_be_bytes())
    }

    fn key(n: u64) -> Key {
        Key { id: id(n), kind: MessageKind::Unicast, topic: Topic::new("t").unwrap() }
    }

    fn origin() -> Origin {
        Origin::new(Arc::new(Wire::default()), 0, id(0))
    }

    fn ticket(n: u64) -> Arc<Ticket> {
        Ticket::new(key(n), origin())
    }

    fn seen(table: &mut Duplicates, n: u64, now: Instant) -> &'static str {
        match table.look(&key(n), now, origin) {
            Lookup::New => "new",
            Lookup::Answer(0, _) => "ok",
            Lookup::Answer(result::DROPPED, _) => "dropped",
            Lookup::Answer(..) => "answer",
            Lookup::Joined(_) => "joined",
            Lookup::Waiting => "waiting",
        }
    }

    #[test]
    fn duplicate_is_answered_as_the_first_was() {
        let mut table = Duplicates::new(Duration::from_secs(60), 100);
        let now = Instant::now();
        assert_eq!(seen(&mut table, 1, now), "new");
        table.taken(key(1), now);
        assert_eq!(seen(&mut table, 1, now), "ok");
        let mut other_kind = key(1);
        other_kind.kind = MessageKind::Broadcast;
        assert!(matches!(table.look(&other_kind, now, origin), Lookup::New));

        let ticket = ticket(2);
        table.running(ticket.clone());
        let wire = Arc::new(Wire::default());
        let duplicate = || Origin::new(wire.clone(), 1, id(2));
        assert!(matches!(table.look(&key(2), now, duplicate), Lookup::Joined(_)));
        assert!(
            table.answered(&ticket, -7, &Bytes::from_static(b"bad"), now),
            "the duplicate's connection is there"
        );
        assert!(!table.answered(&ticket, -7, &Bytes::new(), now), "no connection waits any more");
        assert_eq!(*wire.answers.lock().unwrap(), [(id(2), -7)]);
        assert!(matches!(table.look(&key(2), now, origin), Lookup::Answer(-7, data) if data == "bad"));
    }

    #[test]
    fn messages_without_an_id_or_with_a_long_one_are_not_remembered() {
        let mut table = Duplicates::new(Duration::from_secs(60), 100);
        let now = Instant::now();
        for (len, remembered) in [(0, 0), (1, 1), (128, 2), (129, 2), (65_535, 2)] {
            let id = MessageId::new(&vec![7; len]);
            let key =
                || Key { id: id.clone(), kind: MessageKind::Broadcast, topic: Topic::new("t").unwrap() };
            let is_new = table.len() == remembered;
            table.taken(key(), now);
            assert_eq!(table.len(), remembered, "{len} bytes");
            assert_eq!(matches!(table.look(&key(), now, origin), Lookup::New), is_new, "{len} bytes");
            if is_new {
                let ticket = Ticket::new(key(), origin());
                table.running(ticket.clone());
                assert!(!table.answered(&ticket, 0, &Bytes::new(), now));
                assert_eq!(table.len(), remembered);
            }
        }
    }

    #[test]
    fn entries_end_by_age_and_by_number() {
        let mut table = Duplicates::new(Duration::from_secs(60), 2);
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
    fn running_request_stays_and_all_waiting_links_are_answered() {
        let mut table = Duplicates::new(Duration::from_secs(60), 2);
        let start = Instant::now();
        let ticket = ticket(1);
        table.running(ticket.clone());
        let wires = [(2, 0), (3, 50), (4, 300)].map(|(n, at)| {
            let wire = Arc::new(Wire::default());
            let now = start + Duration::from_secs(at);
            let duplicate = || Origin::new(wire.clone(), 1, id(n));
            assert!(matches!(table.look(&key(1), now, duplicate), Lookup::Joined(_)), "after {at} s");
            table.taken(key(n), now);
            wire
        });
        assert_eq!(table.len(), 2, "the others were removed for it");
        let end = start + Duration::from_secs(301);
        table.answered(&ticket, 0, &Bytes::new(), end);
        let answers = wires.map(|wire| wire.answers.lock().unwrap().clone());
        assert_eq!(answers, [[(id(2), 0)], [(id(3), 0)], [(id(4), 0)]]);
        assert_eq!(seen(&mut table, 1, end + Duration::from_secs(59)), "ok", "kept from its answer on");
        assert_eq!(seen(&mut table, 1, end + Duration::from_secs(60)), "new");
    }

    #[test]
    fn running_request_waits_once_for_each_connection() {
        let mut table = Duplicates::new(Duration::from_secs(60), 100);
        let now = Instant::now();
        let (first, other) = (Arc::new(Wire::default()), Arc::new(Wire::default()));
        let ticket = Ticket::new(key(1), Origin::new(first.clone(), 1, id(1)));
        table.running(ticket.clone());
        let mut look = |wire: &Arc<Wire>, epoch| {
            let lookup = table.look(&key(1), now, || Origin::new(wire.clone(), epoch, id(1)));
            matches!(lookup, Lookup::Joined(_))
        };
        assert!(!look(&first, 1), "the connection of the request itself");
        assert!(look(&other, 7));
        for _ in 0..1000 {
            assert!(!look(&other, 7) && !look(&first, 1));
        }
        assert!(look(&other, 8) && !look(&other, 8), "a new connection of the same link takes its place");
        assert!(look(&first, 2) && !look(&first, 2), "a new connection of the first link");
        table.answered(&ticket, 0, &Bytes::new(), now);
        assert_eq!(other.answers.lock().unwrap().len(), 1);
        assert_eq!(first.answers.lock().unwrap().len(), 1);
    }

    #[test]
    fn copy_without_capacity_is_answered_dropped() {
        let mut table = Duplicates::new(Duration::from_secs(60), 100);
        let now = Instant::now();
        let full = Arc::new(Wire { queue: Arc::new(SendQueue::new(10)), ..Wire::default() });
        full.queue.add(10);
        let ticket = ticket(1);
        table.running(ticket.clone());
        table.look(&key(1), now, || Origin::new(full.clone(), 1, id(1)));
        assert!(table.check_capacity(&ticket, 5, Author::Handler).is_err());
        assert!(table.check_capacity(&ticket, 0, Author::Library).is_ok());
        table.answered(&ticket, 0, &Bytes::from_static(b"12345"), now);
        assert_eq!(*full.answers.lock().unwrap(), [(id(1), result::DROPPED)]);
        assert_eq!(full.queue.bytes(), 10);
    }

    #[test]
    fn answers_are_kept_up_to_their_bytes() {
        let mut table = Duplicates::new(Duration::from_secs(60), 3);
        table.max_answer_bytes = 10;
        let now = Instant::now();
        for n in 1..=3 {
            let ticket = ticket(n);
            table.running(ticket.clone());
            table.answered(&ticket, 0, &Bytes::from_static(b"12345"), now);
        }
        assert_eq!(seen(&mut table, 1, now), "dropped");
        assert_eq!(seen(&mut table, 3, now), "ok");
        table.taken(key(4), now);
        table.taken(key(5), now);
        assert_eq!((table.answer_bytes, table.answers.len()), (5, 1), "pushed out");
        seen(&mut table, 3, now + Duration::from_secs(60));
        assert_eq!((table.answer_bytes, table.answers.len()), (0, 0));
    }
}
