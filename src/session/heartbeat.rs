//! When to send a heartbeat, and when silence means that the node is dead.

use std::time::{Duration, Instant};

use crate::protocol::Seq;

/// The timing of one connection's heartbeats.
///
/// Any byte from the node is a sign of life ([`super::frame_progress`] ends a frame that gains too little), and so is
/// progress of a long write: a node that reads a large message over a slow line is alive, though its answer to the
/// heartbeat is delayed. The node is dead if there was no sign for the time of the allowed heartbeats, and none for one
/// interval after a heartbeat was sent. The second condition covers a process that was suspended itself.
pub(super) struct Heartbeat {
    interval: Duration,
    allowed: u32,
    /// When to send the next heartbeat.
    next: Instant,
    last_sign: Instant,
    /// When the first heartbeat after the last sign of life was sent.
    asked_at: Option<Instant>,
    /// Bytes written in all, at the last check.
    written: u64,
    /// The latest heartbeat, until it is answered.
    unanswered: Option<(Seq, Instant)>,
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
        Heartbeat {
            interval,
            allowed,
            next: now + interval,
            last_sign: now,
            asked_at: None,
            written: 0,
            unanswered: None,
        }
    }

    /// Notes that bytes arrived from the node.
    pub(super) fn heard(&mut self, now: Instant) {
        self.last_sign = now;
        self.asked_at = None;
    }

    /// Notes that the heartbeat that was due is sent.
    pub(super) fn sent(&mut self, seq: Seq, now: Instant) {
        self.unanswered = Some((seq, now));
    }

    /// Returns how long the node took to answer the latest heartbeat, if this is its answer.
    pub(super) fn answered(&mut self, seq: &Seq, now: Instant) -> Option<Duration> {
        let (_, at) = self.unanswered.take_if(|(sent, _)| sent == seq)?;
        Some(now.saturating_duration_since(at))
    }

    /// Returns when to check the time next.
    pub(super) fn next(&self) -> Instant {
        self.dead_at().map_or(self.next, |dead_at| self.next.min(dead_at))
    }

    /// Returns how long the node may be silent.
    pub(super) fn limit(&self) -> Duration {
        self.interval.saturating_mul(self.allowed)
    }

    fn dead_at(&self) -> Option<Instant> {
        self.asked_at.map(|asked_at| (self.last_sign + self.limit()).max(asked_at + self.interval))
    }

    /// Checks the time. `backlog`: bytes wait to be written. `written`: bytes written so far.
    pub(super) fn on_timer(&mut self, now: Instant, backlog: bool, written: u64) -> Beat {
        if now < self.next() {
            return Beat::NotDue;
        }
        if backlog && written > self.written {
            self.heard(now);
        }
        self.written = written;
        if self.dead_at().is_some_and(|dead_at| dead_at <= now) {
            return Beat::Dead;
        }
        if now < self.next {
            return Beat::NotDue;
        }
        self.next = now + self.interval;
        self.asked_at.get_or_insert(now);
        Beat::Send
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: Duration = Duration::from_secs(1);

    #[test]
    fn allowed_intervals_without_a_sign_mean_dead() {
        let start = Instant::now();
        let mut beat = Heartbeat::new(10 * S, 2, start);
        assert_eq!(beat.on_timer(start + 9 * S, false, 0), Beat::NotDue);
        assert_eq!(beat.on_timer(start + 10 * S, false, 0), Beat::Send);
        assert_eq!(beat.next(), start + 20 * S);
        assert_eq!(beat.on_timer(start + 20 * S, false, 0), Beat::Dead);
        assert_eq!(beat.limit(), 20 * S);

        let mut beat = Heartbeat::new(10 * S, 3, start);
        beat.heard(start + 4 * S);
        assert_eq!(beat.on_timer(start + 10 * S, false, 0), Beat::Send);
        assert_eq!(beat.on_timer(start + 20 * S, false, 0), Beat::Send);
        assert_eq!(beat.on_timer(start + 30 * S, false, 0), Beat::Send);
        assert_eq!(beat.on_timer(start + 33 * S, false, 0), Beat::NotDue);
        assert_eq!(
            beat.next(),
            start + 34 * S,
            "three intervals after the last sign, between two heartbeats"
        );
        assert_eq!(beat.on_timer(start + 34 * S, false, 0), Beat::Dead);
    }

    #[test]
    fn suspended_process_sends_a_heartbeat_before_it_gives_up() {
        let start = Instant::now();
        let mut beat = Heartbeat::new(10 * S, 2, start);
        let awake = start + 1000 * S;
        assert_eq!(beat.on_timer(awake, false, 0), Beat::Send);
        assert_eq!(beat.on_timer(awake + 9 * S, false, 0), Beat::NotDue);
        assert_eq!(beat.on_timer(awake + 10 * S, false, 0), Beat::Dead);
    }

    #[test]
    fn received_bytes_and_write_progress_are_signs_of_life() {
        let start = Instant::now();
        let mut beat = Heartbeat::new(10 * S, 2, start);
        assert_eq!(beat.on_timer(start + 10 * S, false, 0), Beat::Send);
        beat.heard(start + 19 * S);
        assert_eq!(beat.on_timer(start + 20 * S, false, 0), Beat::Send);
        assert_eq!(beat.on_timer(start + 30 * S, true, 0), Beat::Send);
        assert_eq!(beat.on_timer(start + 39 * S, true, 500), Beat::NotDue);
        assert_eq!(beat.on_timer(start + 40 * S, true, 500), Beat::Send);
        assert_eq!(beat.on_timer(start + 50 * S, true, 500), Beat::Send, "two intervals after progress");
        assert_eq!(
            beat.on_timer(start + 59 * S, true, 500),
            Beat::Dead,
            "a stalled write is no sign of life"
        );
    }
}
