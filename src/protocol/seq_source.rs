//! Makes the sequence ids of one client, and knows them again.

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};

use super::Seq;

/// Ids are a keyed hash of a counter beside the counter itself: unique, found by the counter alone, not to be
/// guessed by others (who could make subscribers take a message for a duplicate), and recognised without a table.
#[derive(Debug)]
pub(crate) struct SeqSource {
    key: RandomState,
    next: AtomicU64,
}

impl SeqSource {
    pub(crate) fn new() -> SeqSource {
        let key = RandomState::new();
        // A start of its own keeps two clients apart even if their keys hashed alike.
        let next = AtomicU64::new(key.hash_one("start"));
        SeqSource { key, next }
    }

    /// A fresh id.
    pub(crate) fn next(&self) -> Seq {
        self.seq(self.next_number())
    }

    /// The counter of a fresh id.
    pub(crate) fn next_number(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    /// The id with this counter.
    pub(crate) fn seq(&self, number: u64) -> Seq {
        Seq::from_halves(self.key.hash_one(number), number)
    }

    /// The counter inside an id of this client; `None` for any other id.
    pub(crate) fn number(&self, seq: &Seq) -> Option<u64> {
        let (check, number) = seq.halves()?;
        (self.key.hash_one(number) == check).then_some(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_ids_are_known_again_and_others_are_not() {
        let (a, b) = (SeqSource::new(), SeqSource::new());
        let (first, second) = (a.next(), a.next());
        assert_ne!(first, second);
        assert_eq!(a.number(&second).map(|number| a.seq(number)), Some(second));
        assert_eq!(a.number(&second), a.number(&first).map(|n| n.wrapping_add(1)));
        assert_eq!(b.number(&first), None);
        assert_eq!(a.number(&Seq::new([b'0'; 32])), None);
    }
}
