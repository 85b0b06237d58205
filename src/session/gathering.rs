//! When calls are gathered: for a millisecond after something has arrived from the node.

use std::time::{Duration, Instant};

/// How long calls are gathered: the precision of the runtime's timers. With so many in flight that calls are gathered at
/// all, it is a small part of the time that they take, even if the node sends only every other millisecond.
const AT_MOST: Duration = Duration::from_millis(1);

/// Notices when something arrives.
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
        self.arrived = now;
        // A later time would mean to set the timer anew each time.
        self.due.get_or_insert(now + AT_MOST);
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
    fn calls_are_gathered_for_a_millisecond_after_each_arrival() {
        let start = Instant::now();
        let mut gathering = Gathering::new(start);
        assert!(!gathering.is_on());
        gathering.arrived(start + 100 * US);
        assert_eq!(gathering.next_deadline(), Some(start + 1100 * US));
        gathering.arrived(start + 400 * US);
        assert_eq!(gathering.next_deadline(), Some(start + 1100 * US), "one timer for several arrivals");
        assert!(!gathering.is_due(start + 1099 * US));
        assert!(gathering.is_due(start + 1100 * US));
        assert_eq!(gathering.next_deadline(), Some(start + 1400 * US));
        assert!(gathering.is_due(start + 1400 * US) && !gathering.is_on());
        assert!(!gathering.is_due(start + 9000 * US));
    }
}
