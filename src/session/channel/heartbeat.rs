//! When to send a heartbeat, and when silence means that the node is dead.

use std::time::{Duration, Instant};

/// The clock of one connection's heartbeats.
///
/// Any byte from the node is a sign of life, and so is progress of a long write: a node that is taking a large
/// message in over a slow line isn't dead, though its answer to the heartbeat has to wait.
pub(super) struct Heartbeat {
    interval: Duration,
    allowed: u32,
    next: Instant,
    missed: u32,
    heard: bool,
    written: u64,
}

/// What is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Beat {
    NotDue,
    Send,
    Dead,
}

impl Heartbeat {
    pub(super) fn new(interval: Duration, allowed: u32, now: Instant) -> Heartbeat {
        Heartbeat { interval, allowed, next: now + interval, missed: 0, heard: true, written: 0 }
    }

    /// Something came from the node.
    pub(super) fn heard(&mut self) {
        self.heard = true;
    }

    pub(super) fn next(&self) -> Instant {
        self.next
    }

    /// How long the node may be silent.
    pub(super) fn limit(&self) -> Duration {
        self.interval * self.allowed
    }

    /// Looks at the clock; `backlog` and `written` as in the outbox.
    pub(super) fn on_time(&mut self, now: Instant, backlog: bool, written: u64) -> Beat {
        if now < self.next {
            return Beat::NotDue;
        }
        let progress = backlog && written > self.written;
        self.written = written;
        self.missed = if std::mem::take(&mut self.heard) || progress { 0 } else { self.missed + 1 };
        if self.missed >= self.allowed {
            return Beat::Dead;
        }
        self.next = now + self.interval;
        Beat::Send
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: Duration = Duration::from_secs(1);

    #[test]
    fn two_silent_intervals_after_a_heartbeat_mean_dead() {
        let start = Instant::now();
        let mut beat = Heartbeat::new(10 * S, 2, start);
        assert_eq!(beat.on_time(start + 9 * S, false, 0), Beat::NotDue);
        assert_eq!(beat.on_time(start + 10 * S, false, 0), Beat::Send);
        assert_eq!(beat.on_time(start + 20 * S, false, 0), Beat::Send);
        assert_eq!(beat.on_time(start + 30 * S, false, 0), Beat::Dead);
        assert_eq!(beat.limit(), 20 * S);
    }

    #[test]
    fn a_sign_of_life_or_a_write_that_moves_keeps_it() {
        let start = Instant::now();
        let mut beat = Heartbeat::new(10 * S, 2, start);
        assert_eq!(beat.on_time(start + 10 * S, false, 0), Beat::Send);
        assert_eq!(beat.on_time(start + 20 * S, false, 0), Beat::Send);
        beat.heard();
        assert_eq!(beat.on_time(start + 30 * S, false, 0), Beat::Send);
        assert_eq!(beat.on_time(start + 40 * S, true, 0), Beat::Send);
        assert_eq!(beat.on_time(start + 50 * S, true, 500), Beat::Send);
        assert_eq!(beat.on_time(start + 60 * S, true, 500), Beat::Send);
        assert_eq!(beat.on_time(start + 70 * S, true, 500), Beat::Dead, "a write that hangs is no sign");
    }
}
