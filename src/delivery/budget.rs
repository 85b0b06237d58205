//! The client-wide bound on bytes held in all lanes together, and what those lost.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// What a queued message takes in memory besides its payload: the message itself and its share of allocations. It
/// counts against every bound on bytes, so that empty messages aren't free; figures of held bytes are payload alone.
pub(crate) const MESSAGE_OVERHEAD: usize = 160;

/// What so many messages with so many bytes of payload count against a bound.
pub(crate) fn cost(messages: usize, bytes: usize) -> usize {
    messages.saturating_mul(MESSAGE_OVERHEAD).saturating_add(bytes)
}

/// Counts what is held against a limit.
#[derive(Debug)]
pub(crate) struct Budget {
    limit: usize,
    messages: AtomicUsize,
    bytes: AtomicUsize,
    /// As a lane counts them, of all lanes, also of those that have ended.
    refused: AtomicU64,
    dropped: AtomicU64,
}

impl Budget {
    pub(crate) fn new(limit: usize) -> Budget {
        Budget {
            limit,
            messages: AtomicUsize::new(0),
            bytes: AtomicUsize::new(0),
            refused: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
        }
    }

    /// Takes a message if it fits.
    pub(crate) fn take(&self, bytes: usize) -> bool {
        let fits = self.charge(bytes) <= self.limit;
        if !fits {
            self.give_back(bytes);
        }
        fits
    }

    /// Takes a message in any case; the cost of all that is held now.
    pub(crate) fn charge(&self, bytes: usize) -> usize {
        let messages = self.messages.fetch_add(1, Ordering::Relaxed) + 1;
        let held = self.bytes.fetch_add(bytes, Ordering::Relaxed) + bytes;
        cost(messages, held)
    }

    /// A message is held no longer.
    pub(crate) fn give_back(&self, bytes: usize) {
        self.messages.fetch_sub(1, Ordering::Relaxed);
        self.bytes.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Whether more is held than the limit allows.
    pub(crate) fn is_over(&self) -> bool {
        cost(self.messages.load(Ordering::Relaxed), self.held()) > self.limit
    }

    /// A lane was full.
    pub(crate) fn count_refused(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    /// A lane gave up so many.
    pub(crate) fn count_dropped(&self, items: usize) {
        if items > 0 {
            self.dropped.fetch_add(items as u64, Ordering::Relaxed);
        }
    }

    /// Items that lanes were too full for.
    pub(crate) fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// Items that lanes accepted, and gave up.
    pub(crate) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Payload bytes held now.
    pub(crate) fn held(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_takes_what_fits_with_what_a_message_takes_itself() {
        let budget = Budget::new(3 * MESSAGE_OVERHEAD + 10);
        assert!(budget.take(6));
        assert!(!budget.take(2 * MESSAGE_OVERHEAD));
        assert!(budget.take(4) && budget.take(0));
        assert!(!budget.take(0), "an empty one isn't free");
        assert_eq!((budget.held(), budget.is_over()), (10, false));
        budget.charge(0);
        assert!(budget.is_over());
        budget.give_back(0);
        budget.give_back(6);
        assert!(budget.take(6));
    }
}
