//! When calls are gathered: while the node sends at short intervals.

use std::time::{Duration, Instant};

/// The longest interval at which calls are gathered. It is about the longest time that a call waits for others.
const INTERVAL: Duration = Duration::from_micros(500);

/// What arrives within this time of something else is part of it.
const TOGETHER: Duration = Duration::from_micros(20);

/// How long calls are gathered if nothing arrives any more: the precision of the runtime's timers.
const AT_MOST: Duration = Duration::from_millis(1);

/// Notices how a node sends.
pub(super) struct Gathering {
    arrived: Instant,
    /// When to look for calls that wait, while calls are gathered.
    due: Option<Instant>,
}

impl Gathering {
    pub(super) fn new(now: Instant) -> Gathering {
        Gathering { arrived: now, due: None }
    }

    /// Returns whether calls are gathered.
    pub(super) fn is_on(&self) -> bool {
        self.due.is_some()
    }

    /// Returns when to call [`Gathering::is_due`].
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.due
    }

    /// Something has arrived.
    pub(super) fn arrived(&mut self, now: Instant) {
        let interval = now - self.arrived;
        if interval < TOGETHER {
            return;
        }
        self.arrived = now;
        // A later time would mean to set the timer anew each time.
        self.due = (interval < INTERVAL).then(|| self.due.unwrap_or(now + AT_MOST));
    }

    /// Returns whether it is time to take the calls that wait. They are gathered on only if something has arrived since.
    pub(super) fn is_due(&mut self, now: Instant) -> bool {
        let is_due = self.due.is_some_and(|due| due <= now);
        if is_due {
            let next = self.arrived + AT_MOST;
            self.due = (next > now).then_some(next);
        }
        is_due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const US: Duration = Duration::from_micros(1);

    #[test]
    fn calls_are_gathered_while_the_node_sends_at_short_intervals() {
        let start = Instant::now();
        let mut gathering = Gathering::new(start);
        gathering.arrived(start + 600 * US);
        assert!(!gathering.is_on(), "the first after a while");
        gathering.arrived(start + 610 * US);
        assert!(!gathering.is_on(), "the rest of the first");
        gathering.arrived(start + 1000 * US);
        assert_eq!(gathering.next_deadline(), Some(start + 2000 * US));
        gathering.arrived(start + 1400 * US);
        assert_eq!(gathering.next_deadline(), Some(start + 2000 * US));
        assert!(!gathering.is_due(start + 1999 * US));
        assert!(gathering.is_due(start + 2000 * US));
        assert_eq!(gathering.next_deadline(), Some(start + 2400 * US));
        gathering.arrived(start + 2000 * US);
        assert!(!gathering.is_on(), "at a long interval");
    }

    #[test]
    fn calls_are_gathered_no_longer_than_a_millisecond_after_the_last_arrival() {
        let start = Instant::now();
        let mut gathering = Gathering::new(start);
        gathering.arrived(start + 100 * US);
        gathering.arrived(start + 200 * US);
        assert!(gathering.is_due(start + 1100 * US) && gathering.is_on());
        assert!(gathering.is_due(start + 1200 * US) && !gathering.is_on());
        assert!(!gathering.is_due(start + 9000 * US));
    }
}
