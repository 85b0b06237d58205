//! Whether the node still handles messages.
//!
//! A 3.x node can stop that and still answer pings. So when nothing that this client has asked was answered for two
//! heartbeats, it sends a probe: a unicast on a topic that nobody has, which the node answers itself. A probe also follows
//! each topic list, because the node doesn't confirm that.

use std::time::{Duration, Instant};

use crate::text::span;

/// How long the node has to answer a probe, from the time at which its frame was written.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);
/// A timer that is checked later than this shows that the process was suspended, and with it the reading.
const SUSPENDED_AFTER: Duration = Duration::from_secs(1);

/// The probes of one connection. `L` waits for the answer to the probe after a list.
pub(super) struct Probes<L> {
    /// How long the node may answer nothing.
    interval: Duration,
    last_answer: Instant,
    waiting: Option<Probe<L>>,
}

struct Probe<L> {
    number: u64,
    /// Where its frame ends in the outbox.
    ends: u64,
    /// When its frame was written.
    written_at: Option<Instant>,
    restores: bool,
    callers: Vec<L>,
}

/// What the answer to a probe confirms.
pub(super) struct Confirmed<L> {
    /// Whether the client's topics are listed for the first time on this connection.
    pub(super) restores: bool,
    pub(super) callers: Vec<L>,
}

impl<L> Probes<L> {
    pub(super) fn new(heartbeat: Duration, now: Instant) -> Probes<L> {
        Probes { interval: heartbeat.saturating_mul(2), last_answer: now, waiting: None }
    }

    /// Returns whether a probe is sent and not answered.
    pub(super) fn is_waiting(&self) -> bool {
        self.waiting.is_some()
    }

    /// Returns whether it is time for a probe.
    pub(super) fn is_due(&self, now: Instant) -> bool {
        self.waiting.is_none() && now >= self.last_answer + self.interval
    }

    /// Notes a probe, whose frame ends at `ends` in the outbox.
    pub(super) fn sent(&mut self, number: u64, ends: u64, restores: bool, callers: Vec<L>) {
        self.waiting = Some(Probe { number, ends, written_at: None, restores, callers });
    }

    /// Notes how much of the outbox is written.
    pub(super) fn written(&mut self, written: u64, now: Instant) {
        if let Some(probe) = &mut self.waiting
            && probe.ends <= written
        {
            probe.written_at.get_or_insert(now);
        }
    }

    /// Notes that the node has answered something that this client asked.
    pub(super) fn answered(&mut self, now: Instant) {
        self.last_answer = now;
    }

    /// Returns what the frame with this number confirms, if it answers the probe.
    pub(super) fn claim(&mut self, number: u64, now: Instant) -> Option<Confirmed<L>> {
        let Probe { restores, callers, .. } = self.waiting.take_if(|probe| probe.number == number)?;
        self.answered(now);
        Some(Confirmed { restores, callers })
    }

    /// Notes that this client doesn't read at present: the node is not to blame.
    pub(super) fn paused(&mut self, now: Instant) {
        self.last_answer = now;
        if let Some(Probe { written_at: Some(at), .. }) = &mut self.waiting {
            *at = now;
        }
    }

    /// Returns when to check the time next.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        match &self.waiting {
            None => Some(self.last_answer + self.interval),
            Some(probe) => probe.written_at.map(|at| at + ANSWER_WITHIN),
        }
    }

    /// Checks the time.
    ///
    /// # Errors
    /// Returns what to say about a node that hasn't answered.
    pub(super) fn on_timer(&mut self, now: Instant) -> Result<(), String> {
        let Some(Probe { written_at: Some(at), .. }) = &mut self.waiting else { return Ok(()) };
        let deadline = *at + ANSWER_WITHIN;
        if now < deadline {
            return Ok(());
        }
        if now - deadline > SUSPENDED_AFTER {
            *at = now;
            return Ok(());
        }
        let limit = span(ANSWER_WITHIN);
        Err(format!("it answers pings, but did not answer a message to itself within {limit}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: Duration = Duration::from_secs(1);

    #[test]
    fn node_that_answers_nothing_is_probed_and_has_5_seconds() {
        let start = Instant::now();
        let mut probes: Probes<()> = Probes::new(10 * S, start);
        assert_eq!(probes.next_deadline(), Some(start + 20 * S));
        probes.answered(start + 5 * S);
        assert!(!probes.is_due(start + 24 * S) && probes.is_due(start + 25 * S));
        probes.sent(7, 100, false, vec![()]);
        assert_eq!(probes.next_deadline(), None, "it isn't written yet");
        probes.written(99, start + 25 * S);
        assert_eq!(probes.next_deadline(), None);
        probes.written(100, start + 30 * S);
        probes.written(200, start + 31 * S);
        assert_eq!(probes.next_deadline(), Some(start + 35 * S));
        assert!(probes.on_timer(start + 34 * S).is_ok());
        assert!(probes.on_timer(start + 35 * S).is_err());
        assert!(probes.claim(8, start + 35 * S).is_none());
        assert_eq!(probes.claim(7, start + 35 * S).map(|confirmed| confirmed.callers.len()), Some(1));
        assert_eq!(probes.next_deadline(), Some(start + 55 * S));
    }

    #[test]
    fn time_without_reading_does_not_count() {
        let start = Instant::now();
        let mut probes: Probes<()> = Probes::new(10 * S, start);
        probes.sent(7, 0, false, Vec::new());
        probes.written(0, start);
        probes.paused(start + 4 * S);
        assert!(probes.on_timer(start + 8 * S).is_ok());
        assert!(probes.on_timer(start + 1000 * S).is_ok(), "the process was suspended");
        assert!(probes.on_timer(start + 1005 * S).is_err());
    }
}
