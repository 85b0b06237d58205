//! The client-wide bound on bytes held in all lanes together, and what those lost.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// Counts held bytes against a limit.
#[derive(Debug)]
pub(crate) struct Budget {
    limit: usize,
    held: AtomicUsize,
    /// As a lane counts them, of all lanes, also of those that have ended.
    refused: AtomicU64,
    dropped: AtomicU64,
}

impl Budget {
    pub(crate) fn new(limit: usize) -> Budget {
        Budget { limit, held: AtomicUsize::new(0), refused: AtomicU64::new(0), dropped: AtomicU64::new(0) }
    }

    /// Takes `bytes` if they fit, or if nothing is held at all (one message of any size always gets through).
    pub(crate) fn take(&self, bytes: usize) -> bool {
        let before = self.held.fetch_add(bytes, Ordering::Relaxed);
        if before == 0 || before + bytes <= self.limit {
            return true;
        }
        self.held.fetch_sub(bytes, Ordering::Relaxed);
        false
    }

    pub(crate) fn give_back(&self, bytes: usize) {
        self.held.fetch_sub(bytes, Ordering::Relaxed);
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

    /// Bytes held now.
    pub(crate) fn held(&self) -> usize {
        self.held.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_takes_what_fits_and_anything_when_empty() {
        let budget = Budget::new(10);
        assert!(budget.take(50));
        assert!(!budget.take(1));
        budget.give_back(50);
        assert!(budget.take(6));
        assert!(!budget.take(5));
        assert!(budget.take(4));
        assert_eq!(budget.held(), 10);
    }
}
