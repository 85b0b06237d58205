//! The counters of nodes.

use std::sync::atomic::{AtomicU64, Ordering};

/// The counters of one node since the devnet was started. They survive a kill.
#[derive(Debug, Default)]
pub(crate) struct NodeCounters {
    pub(crate) accepted: AtomicU64,
    pub(crate) refused: AtomicU64,
    pub(crate) frames_in: AtomicU64,
    pub(crate) frames_out: AtomicU64,
    pub(crate) records_out: AtomicU64,
}

/// The counters of a [`Devnet`](crate::Devnet) or of one of its nodes at one point in time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counters {
    /// The number of accepted connections.
    pub accepted: u64,
    /// The number of accepted connections that ended before they were a session: no TLS, no certificate of the chain,
    /// or too slow.
    pub refused: u64,
    /// The current number of sessions.
    pub sessions: usize,
    /// The current number of tasks: one for each listener and connection.
    pub tasks: usize,
    /// The number of frames read from clients.
    pub frames_in: u64,
    /// The number of frames passed to the sessions' tasks for writing.
    pub frames_out: u64,
    /// The number of TLS records (or plain writes) for those frames. `frames_out / records_out` is the average number
    /// of frames per record.
    pub records_out: u64,
    /// The current number of unanswered unicasts.
    pub in_flight: usize,
    /// The current number of bytes in payloads and queued output.
    pub held_bytes: usize,
    /// The number of sessions that were cut because their clients did not read.
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
