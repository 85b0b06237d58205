//! In which seconds a node that lists a topic itself passes unicasts on to a peer, by the node's own clock.
//!
//! Nodes choose by the second of their wall clock. It may differ from the client's: the difference is 0 at first and is
//! learned from the outcomes of unicasts.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, SystemTime};

use crate::protocol::channel::node_choice::{index_at, second_at};

/// The guard at both edges of a second is never longer than this, so that each second has a time that is inside.
const MAX_GUARD: Duration = Duration::from_millis(450);
/// A unicast that takes longer may have been passed on in a second try of its node.
const MAX_PROMPT: Duration = Duration::from_secs(1);
/// The seconds that are searched for one in which the node passes unicasts on.
const MAX_SEARCH: i64 = 600;
/// The outcomes that are kept to learn from.
const KEPT: usize = 32;
/// Differences between the clocks are tried in steps of so many milliseconds, up to so many steps.
const STEP: i64 = 100;
const STEPS: i64 = 100;
/// From this weight of contradictions on, another difference is searched for.
const MIN_WEIGHT: u32 = 2;

/// The clock of one node as far as it is known.
#[derive(Debug, Default)]
pub(crate) struct NodeClock {
    /// How much it is ahead of the client's, in milliseconds.
    offset: AtomicI64,
    /// The latest computed choice: the second's low 32 bits, the number of peers, and whether a peer is chosen.
    cached: AtomicU64,
    seen: Mutex<Vec<Seen>>,
}

/// The outcome of a unicast.
#[derive(Clone, Copy, Debug)]
struct Seen {
    /// The times between which the node chose, by the client's clock in milliseconds.
    from: i64,
    to: i64,
    peers: usize,
    passed_on: bool,
}

impl NodeClock {
    /// Returns how long to wait until the node passes a unicast on to one of `peers` peers, with a guard at the edges
    /// of its seconds. `None`: not in the next minutes, or there are no peers.
    pub(crate) fn time_until_passed_on(
        &self,
        now: SystemTime,
        peers: usize,
        guard: Duration,
    ) -> Option<Duration> {
        let guard = millis(guard.min(MAX_GUARD));
        let now = millis_at(now) + self.offset.load(Ordering::Relaxed);
        let is_good = |second: i64| self.passes_on(second, peers);
        if peers == 0 {
            return None;
        }
        if is_good((now - guard).div_euclid(1000)) && is_good((now + guard).div_euclid(1000)) {
            return Some(Duration::ZERO);
        }
        // The present second may be good with its guard still to come.
        let current = now.div_euclid(1000);
        (current..current + MAX_SEARCH).find_map(|second| {
            let begin = second * 1000 + guard;
            let wait = u64::try_from(begin - now).ok().filter(|_| is_good(second))?;
            Some(Duration::from_millis(wait.max(1)))
        })
    }

    /// Returns whether the node chooses a peer in this second of its clock.
    fn passes_on(&self, second: i64, peers: usize) -> bool {
        let key = (second as u64) << 32 | (peers.min(0x7fff_ffff) as u64) << 1;
        let cached = self.cached.load(Ordering::Relaxed);
        if cached & !1 == key {
            return cached & 1 == 1;
        }
        let passes_on = chooses_peer(second, peers);
        self.cached.store(key | u64::from(passes_on), Ordering::Relaxed);
        passes_on
    }

    /// Learns from a unicast, sent at `sent`, that was answered after `took`.
    pub(crate) fn was_passed_on(&self, sent: SystemTime, took: Duration, peers: usize) {
        // After its own time limit a node tries another peer: an answer that comes late doesn't show the first choice.
        if took > MAX_PROMPT {
            return;
        }
        let sent = millis_at(sent);
        // It was chosen at some time in between.
        self.learn(Seen { from: sent, to: sent + millis(took), peers, passed_on: true });
    }

    /// Learns from a unicast, sent at `sent`, that was not answered.
    pub(crate) fn was_lost(&self, sent: SystemTime, guard: Duration, peers: usize) {
        let sent = millis_at(sent);
        self.learn(Seen { from: sent, to: sent + millis(guard.min(MAX_GUARD)), peers, passed_on: false });
    }

    fn learn(&self, outcome: Seen) {
        let mut seen = self.seen();
        // The unicasts of one second with the same outcome show the same.
        if seen.last().is_some_and(|last| last.is_like(&outcome)) {
            return;
        }
        if seen.len() == KEPT {
            seen.remove(0);
        }
        seen.push(outcome);
        let offset = self.offset.load(Ordering::Relaxed);
        let weight = |offset: i64| seen.iter().map(|seen| seen.contradiction(offset)).sum::<u32>();
        if weight(offset) < MIN_WEIGHT {
            return;
        }
        let steps = (0..=STEPS).flat_map(|step| [step * STEP, -step * STEP]);
        // The first of the best, which is the smallest difference.
        if let Some(best) = steps.min_by_key(|offset| weight(*offset)) {
            self.offset.store(best, Ordering::Relaxed);
        }
    }

    fn seen(&self) -> MutexGuard<'_, Vec<Seen>> {
        self.seen.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl Seen {
    fn is_like(&self, other: &Seen) -> bool {
        self.from.div_euclid(1000) == other.from.div_euclid(1000)
            && (self.passed_on, self.peers) == (other.passed_on, other.peers)
    }

    /// Returns how strongly this contradicts a difference between the clocks. A unicast may be lost for another reason,
    /// but only a peer answers one.
    fn contradiction(&self, offset: i64) -> u32 {
        let second = |at: i64| (at + offset).div_euclid(1000);
        let is_possible = (second(self.from)..=second(self.to))
            .any(|second| chooses_peer(second, self.peers) == self.passed_on);
        match (is_possible, self.passed_on) {
            (true, _) => 0,
            (false, true) => 2,
            (false, false) => 1,
        }
    }
}

/// Returns whether a node that lists a topic itself, as do `peers` of its peers, chooses one of these. It comes last.
fn chooses_peer(second: i64, peers: usize) -> bool {
    index_at(second, peers.saturating_add(1)).is_some_and(|index| index < peers)
}

fn millis(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX / 4)
}

fn millis_at(now: SystemTime) -> i64 {
    let second = second_at(now, 0);
    let rest = match now.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(since) => i64::from(since.subsec_millis()),
        Err(_) => 0,
    };
    second.saturating_mul(1000) + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    const GUARD: Duration = Duration::from_millis(50);

    fn at(ms: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_millis(ms)
    }

    /// Of the seconds from 1,795,973,427 on, with one peer: three good, four bad, one good, two bad, nine good.
    fn wait(clock: &NodeClock, ms: u64) -> u64 {
        let now = at(1_795_973_427_000 + ms);
        clock.time_until_passed_on(now, 1, GUARD).unwrap().as_millis() as u64
    }

    #[test]
    fn wait_ends_a_guard_inside_the_next_good_second() {
        let clock = NodeClock::default();
        let waits =
            [50, 1500, 2949, 2951, 3000, 5500, 6999, 7049, 7050, 7951, 9999].map(|ms| wait(&clock, ms));
        assert_eq!(waits, [0, 0, 0, 4099, 4050, 1550, 51, 1, 0, 2099, 51]);
    }

    #[test]
    fn node_without_peers_never_passes_on() {
        assert_eq!(NodeClock::default().time_until_passed_on(at(0), 0, GUARD), None);
    }

    #[test]
    fn long_guard_leaves_a_time_in_each_good_second() {
        let clock = NodeClock::default();
        let now = at(1_795_973_433_000);
        let found = clock.time_until_passed_on(now, 1, Duration::from_secs(9)).unwrap();
        assert_eq!(found, Duration::from_millis(1450));
    }

    /// Sends a unicast a second, whenever the node is expected to pass it on, and returns how many were lost.
    fn lost_of_100(clock: &NodeClock, offset: i64) -> usize {
        let mut lost = 0;
        for second in 0..100_u64 {
            let now = at(1_795_973_427_500 + second * 1000);
            if clock.time_until_passed_on(now, 1, GUARD) != Some(Duration::ZERO) {
                continue;
            }
            if chooses_peer((millis_at(now) + offset).div_euclid(1000), 1) {
                clock.was_passed_on(now, Duration::from_millis(2), 1);
            } else {
                clock.was_lost(now, GUARD, 1);
                lost += 1;
            }
        }
        lost
    }

    #[test]
    fn difference_of_clocks_is_learned_from_outcomes() {
        for offset in [0, 700, -1300, 5000, -7400] {
            let clock = NodeClock::default();
            let (first, then) = (lost_of_100(&clock, offset), lost_of_100(&clock, offset));
            assert!(first < 40, "offset {offset}: {first} lost while learning");
            assert_eq!(then, 0, "offset {offset}: {first} lost before");
        }
    }

    #[test]
    fn late_answer_does_not_change_the_clock() {
        let clock = NodeClock::default();
        // Three bad seconds, after which the node tries its peer.
        clock.was_passed_on(at(1_795_973_430_500), Duration::from_secs(2), 1);
        assert_eq!(clock.offset.load(Ordering::Relaxed), 0);
        clock.was_passed_on(at(1_795_973_430_500), Duration::from_millis(2), 1);
        assert_eq!(clock.offset.load(Ordering::Relaxed), -600);
    }

    #[test]
    fn one_loss_does_not_change_a_confirmed_clock() {
        let clock = NodeClock::default();
        assert_eq!(lost_of_100(&clock, 0), 0);
        clock.was_lost(at(1_795_973_427_500), GUARD, 1);
        assert_eq!(clock.offset.load(Ordering::Relaxed), 0);
    }
}
