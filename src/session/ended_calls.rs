//! The calls that a connection has sent and that have ended: a bounded memory.
//!
//! A frame with the id of such a call is a late or second reply, or the client's own message that comes back after its
//! ack. Beyond the memory's bounds the id counts as one that this connection never sent: a reply is still counted as
//! stray, and a message is delivered like any other.

use std::hash::{Hash, Hasher};
use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use super::call::CallKind;
use super::quick_hash::QuickHasher;

/// How long an ended call is remembered. A node gives up a unicast after 30 s, or at each node that it tries.
const KEPT_FOR: Duration = Duration::from_secs(120);

/// How many numbers back an ended call is remembered, counted over all calls of the client: 1 MiB for a connection.
const MAX_SLOTS: usize = 65_536;

/// The first size of the table.
const FIRST_SLOTS: usize = 64;

/// How many bytes of a body its fingerprint covers at either end, beside topic and length. Few, because each call computes
/// one. They only have to match a frame with the id of this very call, and a peer that can forge such a frame can as well
/// send a message of its own.
const COVERED: usize = 8;

/// The table. Numbers of calls are consecutive, so their low bits are their places in it.
pub(super) struct EndedCalls {
    slots: Vec<Slot>,
    began: Instant,
}

#[derive(Clone, Copy, Default)]
struct Slot {
    number: u64,
    /// When the call ended, in seconds since the connection began, plus one; 0 in an empty slot.
    ended: u32,
    body: Option<Fingerprint>,
}

/// What is remembered of a message's body: enough to recognise the message when it comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fingerprint(NonZeroU32);

impl EndedCalls {
    pub(super) fn new(now: Instant) -> EndedCalls {
        EndedCalls { slots: Vec::new(), began: now }
    }

    /// Returns whether no call has ended yet.
    pub(super) fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// Remembers a call that ends now.
    pub(super) fn remember(&mut self, number: u64, body: Option<Fingerprint>, now: Instant) {
        let ended = self.seconds(now);
        if self.slots.is_empty() {
            self.slots = vec![Slot::default(); FIRST_SLOTS];
        }
        while self.slots.len() < MAX_SLOTS && self.would_lose_another(number, ended) {
            self.grow();
        }
        let place = self.place(number);
        self.slots[place] = Slot { number, ended, body };
    }

    /// Returns what is known of the call with this number, if it is remembered: the fingerprint of its body, if it has
    /// one.
    pub(super) fn find(&self, number: u64, now: Instant) -> Option<Option<Fingerprint>> {
        if self.slots.is_empty() {
            return None;
        }
        let slot = &self.slots[self.place(number)];
        (slot.number == number && self.is_kept(slot, self.seconds(now))).then_some(slot.body)
    }

    /// Returns the fingerprint of a message.
    pub(super) fn fingerprint(kind: CallKind, topic: &[u8], data: &[u8]) -> Fingerprint {
        let mut hasher = QuickHasher::default();
        (kind == CallKind::Broadcast, topic.len(), data.len()).hash(&mut hasher);
        hasher.write(topic);
        hasher.write(&data[..data.len().min(COVERED)]);
        hasher.write(&data[data.len().saturating_sub(COVERED)..]);
        Fingerprint(NonZeroU32::new(hasher.finish() as u32).unwrap_or(NonZeroU32::MIN))
    }

    fn would_lose_another(&self, number: u64, now: u32) -> bool {
        let slot = &self.slots[self.place(number)];
        slot.number != number && self.is_kept(slot, now)
    }

    fn is_kept(&self, slot: &Slot, now: u32) -> bool {
        slot.ended > 0 && u64::from(now.saturating_sub(slot.ended)) < KEPT_FOR.as_secs()
    }

    fn grow(&mut self) {
        let former = std::mem::take(&mut self.slots);
        self.slots = vec![Slot::default(); former.len() * 2];
        for slot in former.into_iter().filter(|slot| slot.ended > 0) {
            let place = self.place(slot.number);
            self.slots[place] = slot;
        }
    }

    /// The table's size is a power of two.
    fn place(&self, number: u64) -> usize {
        number as usize & (self.slots.len() - 1)
    }

    fn seconds(&self, now: Instant) -> u32 {
        let seconds = now.saturating_duration_since(self.began).as_secs() + 1;
        u32::try_from(seconds).unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ended_calls_are_remembered_for_a_time_and_a_number() {
        let start = Instant::now();
        let mut ended = EndedCalls::new(start);
        let first = u64::MAX - 1000;
        let number = |n: usize| first.wrapping_add(n as u64);
        assert_eq!(ended.find(first, start), None);
        for n in 0..MAX_SLOTS {
            ended.remember(number(n), None, start);
        }
        assert!((0..MAX_SLOTS).all(|n| ended.find(number(n), start).is_some()));
        ended.remember(number(MAX_SLOTS), None, start);
        assert_eq!(ended.find(first, start), None, "one too many");
        assert!(ended.find(number(1), start + KEPT_FOR - Duration::from_secs(1)).is_some());
        assert_eq!(ended.find(number(1), start + KEPT_FOR), None);
    }

    #[test]
    fn table_stays_small_while_few_calls_end() {
        let start = Instant::now();
        let mut ended = EndedCalls::new(start);
        for n in 0..10_000 {
            ended.remember(n, None, start + Duration::from_secs(3 * n));
        }
        assert_eq!(ended.slots.len(), FIRST_SLOTS);
        assert_eq!(size_of::<Slot>(), 16);
    }

    #[test]
    fn fingerprint_tells_messages_apart() {
        let large = vec![7; 5000];
        let mut shorter_topic = b"ic".to_vec();
        shorter_topic.extend_from_slice(&large);
        let prints = [
            EndedCalls::fingerprint(CallKind::Publish, b"topic", &large),
            EndedCalls::fingerprint(CallKind::Broadcast, b"topic", &large),
            EndedCalls::fingerprint(CallKind::Publish, b"topic", &large[1..]),
            EndedCalls::fingerprint(CallKind::Publish, b"top", &shorter_topic),
        ];
        assert!((1..4).all(|n| prints[n] != prints[0]));
        assert_eq!(prints[0], EndedCalls::fingerprint(CallKind::Publish, b"topic", &large.clone()));
    }
}
