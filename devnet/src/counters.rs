//! What a node has counted, for tests.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counts of one node since it was started; they survive a kill.
#[derive(Debug, Default)]
pub(crate) struct NodeCounters {
    pub(crate) accepted: AtomicU64,
    pub(crate) refused: AtomicU64,
    pub(crate) frames_in: AtomicU64,
    pub(crate) frames_out: AtomicU64,
    pub(crate) records_out: AtomicU64,
}

/// What a [`Devnet`](crate::Devnet) or one of its nodes has counted, at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counters {
    /// Connections taken from the listeners.
    pub accepted: u64,
    /// Of those, the ones that ended before they became a session: no TLS, no certificate of the chain, too slow.
    pub refused: u64,
    /// Sessions at this moment.
    pub sessions: usize,
    /// Tasks at this moment: one for each listener and connection.
    pub tasks: usize,
    /// Frames read from clients.
    pub frames_in: u64,
    /// Frames handed over to be written to clients.
    pub frames_out: u64,
    /// TLS records (or plain writes) that those took: `frames_out / records_out` frames a record.
    pub records_out: u64,
    /// Unicasts without an answer at this moment.
    pub in_flight: usize,
    /// Bytes of payload and queued output held at this moment.
    pub held_bytes: usize,
    /// Sessions ended because their clients didn't read.
    pub slow_readers: u64,
}

impl NodeCounters {
    pub(crate) fn add(counter: &AtomicU64, count: u64) {
        if count > 0 {
            counter.fetch_add(count, Ordering::Relaxed);
        }
    }

    pub(crate) fn add_to(&self, counters: &mut Counters) {
        counters.accepted += self.accepted.load(Ordering::Relaxed);
        counters.refused += self.refused.load(Ordering::Relaxed);
        counters.frames_in += self.frames_in.load(Ordering::Relaxed);
        counters.frames_out += self.frames_out.load(Ordering::Relaxed);
        counters.records_out += self.records_out.load(Ordering::Relaxed);
    }
}
