//! The client-wide limit on bytes held in all lanes together, and the counters of what the lanes lost.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// The memory of a queued message besides its payload: the message itself and its share of allocations. It counts
/// against every limit on bytes, so that empty messages are limited too. Statistics count payload only.
pub(crate) const MESSAGE_OVERHEAD: usize = 160;

/// Returns what `messages` with `bytes` of payload in all count against a limit.
pub(crate) fn cost(messages: usize, bytes: usize) -> usize {
    messages.saturating_mul(MESSAGE_OVERHEAD).saturating_add(bytes)
}

/// Counts what is held, against a limit.
#[derive(Debug)]
pub(crate) struct Budget {
    limit: usize,
    messages: AtomicUsize,
    bytes: AtomicUsize,
    /// The sums of all lanes, including those that have ended.
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

    /// Counts a message if it is within the limit. Returns whether it is.
    pub(crate) fn take(&self, bytes: usize) -> bool {
        let fits = self.charge(bytes) <= self.limit;
        if !fits {
            self.give_back(bytes);
        }
        fits
    }

    /// Counts a message in every case. Returns the cost of all that is held.
    pub(crate) fn charge(&self, bytes: usize) -> usize {
        let messages = self.messages.fetch_add(1, Ordering::Relaxed) + 1;
        let held = self.bytes.fetch_add(bytes, Ordering::Relaxed) + bytes;
        cost(messages, held)
    }

    /// Releases the bytes of a message.
    pub(crate) fn give_back(&self, bytes: usize) {
        self.messages.fetch_sub(1, Ordering::Relaxed);
        self.bytes.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Returns whether more is held than the limit allows.
    pub(crate) fn is_over(&self) -> bool {
        cost(self.messages.load(Ordering::Relaxed), self.held()) > self.limit
    }

    /// Counts an item that a full lane refused.
    pub(crate) fn count_refused(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts items that a lane accepted and dropped.
    pub(crate) fn count_dropped(&self, items: usize) {
        if items > 0 {
            self.dropped.fetch_add(items as u64, Ordering::Relaxed);
        }
    }

    /// Returns the number of items that full lanes refused.
    pub(crate) fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// Returns the number of items that lanes accepted and dropped.
    pub(crate) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Returns the payload bytes held.
    pub(crate) fn held(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn budget_counts_payload_and_overhead() {
        let budget = Budget::new(3 * MESSAGE_OVERHEAD + 10);
        assert!(budget.take(6));
        assert!(!budget.take(2 * MESSAGE_OVERHEAD));
        assert!(budget.take(4) && budget.take(0));
        assert!(!budget.take(0), "an empty message counts as well");
        assert_eq!((budget.held(), budget.is_over()), (10, false));
        budget.charge(0);
        assert!(budget.is_over());
        budget.give_back(0);
        budget.give_back(6);
        assert!(budget.take(6));
    }
}
