//! The sequence ids of one client: makes them and recognises them.

use std::sync::atomic::{AtomicU64, Ordering};

use siphasher::sip::SipHasher13;

use super::Seq;
use super::websocket::mask::Masks;
use crate::error::{Error, ErrorKind, Result};

/// Makes ids that consist of a counter and a keyed hash of it.
///
/// The counter makes them unique and is enough to find a call. The hash makes them unpredictable: whoever knew an id
/// beforehand could make subscribers drop the message as a duplicate. It also shows which ids this client made,
/// without a table of them.
///
/// Key and first counter come from the operating system. A seed that is kept in memory, as that of
/// [`std::hash::RandomState`], is copied by a fork, and the clients of all children would make the same ids.
pub(crate) struct SeqSource {
    key: SipHasher13,
    next: AtomicU64,
}

impl SeqSource {
    /// Creates a source with a key and a first counter of its own.
    ///
    /// # Errors
    /// Returns [`ErrorKind::Runtime`] if the operating system returns no random bytes.
    pub(crate) fn new() -> Result<SeqSource> {
        let (mut key, mut start) = ([0; 16], [0; 8]);
        getrandom::fill(&mut key).and_then(|()| getrandom::fill(&mut start)).map_err(|error| {
            Error::undelivered(
                ErrorKind::Runtime,
                format!("the operating system returned no random bytes for message ids ({error})"),
            )
        })?;
        let next = AtomicU64::new(u64::from_le_bytes(start));
        Ok(SeqSource { key: SipHasher13::new_with_key(&key), next })
    }

    /// Returns a new id.
    pub(crate) fn next(&self) -> Seq {
        self.seq(self.next_number())
    }

    /// Returns the counter of a new id.
    pub(crate) fn next_number(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    /// Returns the id with this counter.
    pub(crate) fn seq(&self, number: u64) -> Seq {
        Seq::from_halves(self.check(number), number)
    }

    /// Returns the counter inside an id of this client, `None` for any other id.
    pub(crate) fn number(&self, seq: &Seq) -> Option<u64> {
        let (check, number) = seq.halves()?;
        (self.check(number) == check).then_some(number)
    }

    /// Returns the masks of a new connection.
    pub(crate) fn masks(&self) -> Masks {
        Masks::new(self.key, self.next_number())
    }

    fn check(&self, number: u64) -> u64 {
        self.key.hash(&number.to_le_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn source_recognises_its_own_ids_only() {
        let (a, b) = (SeqSource::new().unwrap(), SeqSource::new().unwrap());
        let (first, second) = (a.next(), a.next());
        assert_ne!(first, second);
        assert_eq!(a.number(&second).map(|number| a.seq(number)), Some(second));
        assert_eq!(a.number(&second), a.number(&first).map(|n| n.wrapping_add(1)));
        assert_eq!(b.number(&first), None);
        assert_eq!(a.number(&Seq::new([b'0'; 32])), None);
    }

    #[test]
    fn ids_of_two_sources_differ_for_one_counter() {
        let (a, b) = (SeqSource::new().unwrap(), SeqSource::new().unwrap());
        assert_ne!(a.seq(7), b.seq(7));
    }
}
