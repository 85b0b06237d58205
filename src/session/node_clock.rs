//! In which seconds a node that lists a topic itself passes unicasts on to a peer, by the node's own clock.
//!
//! Nodes choose by the second of their wall clock. It may differ from the client's: the difference is 0 at first and is
//! learned from the outcomes of unicasts.

mod outcomes;
mod runs;

#[cfg(test)]
mod tests;

use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, SystemTime};

use self::outcomes::{Offset, Outcomes};
use self::runs::Runs;

/// The guard at both edges of a second is never longer than this, so that each second has a time that is inside.
const MAX_GUARD: Duration = Duration::from_millis(450);
/// A unicast that takes longer may have been passed on in a second try of its node.
const MAX_PROMPT: Duration = Duration::from_secs(1);
/// Times are kept between these, in milliseconds, so that no sum overflows.
const MAX_MILLIS: i64 = 1 << 52;

/// A time in which a node passes unicasts on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Passage {
    /// How long until it begins.
    pub(crate) wait: Duration,
    /// How long it lasts then; `None` without end.
    pub(crate) lasts: Option<Duration>,
}

/// A unicast for which a node chooses between peers and itself: when it was sent, and the number of peers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NodeChoice {
    pub(super) sent: SystemTime,
    pub(super) peers: usize,
}

/// The clock of one node as far as it is known.
#[derive(Debug, Default)]
pub(crate) struct NodeClock(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    offset: Offset,
    runs: Runs,
    outcomes: Outcomes,
}

impl NodeClock {
    /// Returns when the node passes a unicast on to one of `peers` peers, with a guard at the edges of its seconds.
    /// `None`: not in the next minutes, or there are no peers.
    pub(crate) fn passage(&self, now: SystemTime, peers: usize, guard: Duration) -> Option<Passage> {
        let State { offset, runs, .. } = &mut *self.state();
        let guard = (millis(guard) + offset.spread).min(millis(MAX_GUARD));
        let now = millis_at(now) + offset.by;
        let mut second = (now - guard).div_euclid(1000);
        loop {
            let run = runs.at_or_after(second, peers)?;
            let (opens, shuts) = (run.begin * 1000 + guard, run.end * 1000 - guard);
            if now < shuts {
                let lasts = Some(span(now.max(opens), shuts));
                return Some(Passage { wait: span(now, opens), lasts });
            }
            second = run.end;
        }
    }

    /// Learns from a unicast that was answered at `now`, after `took`.
    pub(crate) fn was_passed_on(&self, choice: NodeChoice, now: SystemTime, took: Duration) {
        // After its own time limit a node tries another peer: an answer that comes late doesn't show the first choice.
        if took > MAX_PROMPT {
            return;
        }
        let from = millis_at(choice.sent);
        // It was chosen at some time in between. By the same clock, which may be one that a test has replaced.
        let to = millis_at(now);
        let State { offset, outcomes, .. } = &mut *self.state();
        *offset = outcomes.passed_on(from, to, choice.peers, *offset);
    }

    /// Learns from a unicast that was not answered, and reached the node within `guard` if at all.
    pub(crate) fn was_lost(&self, choice: NodeChoice, guard: Duration) {
        let from = millis_at(choice.sent);
        self.state().outcomes.lost(from, from + millis(guard.min(MAX_GUARD)), choice.peers);
    }

    /// Takes back that a unicast was lost, because it was answered late, and what was learned from that.
    pub(crate) fn was_late(&self, choice: NodeChoice) {
        let State { offset, outcomes, .. } = &mut *self.state();
        *offset = outcomes.take_back(millis_at(choice.sent), choice.peers, *offset);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

fn millis(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).map_or(MAX_MILLIS, |millis| millis.min(MAX_MILLIS))
}

/// Returns the time between two times in milliseconds, none if the second is earlier.
fn span(from: i64, to: i64) -> Duration {
    Duration::from_millis(u64::try_from(to - from).unwrap_or(0))
}

/// Returns the milliseconds since 1970.
fn millis_at(now: SystemTime) -> i64 {
    match now.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(since) => millis(since),
        Err(before) => -millis(before.duration()),
    }
}
