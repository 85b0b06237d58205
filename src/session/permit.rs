//! Counts calls in flight.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Counts one call as in flight until it is dropped.
pub(crate) struct Permit(Arc<AtomicUsize>);

impl Permit {
    /// Counts a call in `in_flight`.
    pub(super) fn new(in_flight: &Arc<AtomicUsize>) -> Permit {
        in_flight.fetch_add(1, Ordering::Relaxed);
        Permit(in_flight.clone())
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
