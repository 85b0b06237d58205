//! Counts the bytes that wait to be sent on one connection, for callers, handlers and the session itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Counts the bytes that wait to be sent on one link.
#[derive(Debug)]
pub(crate) struct SendQueue {
    bytes: AtomicUsize,
    max: usize,
    /// The size of the last message that was accepted although it is larger than the bound.
    oversized: AtomicUsize,
}

/// Bytes that are counted in a [`SendQueue`] until this is dropped.
#[derive(Debug)]
pub(crate) struct QueuedBytes {
    queue: Arc<SendQueue>,
    bytes: usize,
}

impl SendQueue {
    /// What the library's own answers may take beyond the bound. They are never refused: the session stops reading
    /// requests before they need more.
    pub(crate) const ANSWER_RESERVE: usize = 256 << 10;

    /// Creates a queue that takes `max` bytes, or one message of any size while it is empty.
    pub(crate) fn new(max: usize) -> SendQueue {
        SendQueue { bytes: AtomicUsize::new(0), max, oversized: AtomicUsize::new(0) }
    }

    /// Counts `bytes`. The caller releases them.
    ///
    /// # Errors
    /// Returns the bytes that wait already if these would exceed the bound. An empty queue takes any number.
    pub(crate) fn try_add(&self, bytes: usize) -> Result<(), usize> {
        let queued = self.bytes.fetch_add(bytes, Ordering::Relaxed);
        if queued > 0 && queued.saturating_add(bytes) > self.max {
            self.release(bytes);
            return Err(queued);
        }
        if queued == 0 {
            let oversized = if bytes > self.max { bytes } else { 0 };
            self.oversized.store(oversized, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Counts `bytes` whatever waits already. The caller releases them.
    pub(crate) fn add(&self, bytes: usize) {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Stops counting `bytes`, because they were written or never will be.
    pub(crate) fn release(&self, bytes: usize) {
        self.bytes.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Returns the bytes that wait now.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Returns the bound.
    pub(crate) fn max(&self) -> usize {
        self.max
    }

    /// Returns whether the reserve may not last for the answers to `bytes` of further requests.
    pub(crate) fn is_reserve_used(&self, bytes: usize) -> bool {
        let bound = self.max.max(self.oversized.load(Ordering::Relaxed));
        self.bytes() + bytes > bound.saturating_add(Self::ANSWER_RESERVE)
    }
}

impl QueuedBytes {
    /// Counts `bytes` within the bound.
    ///
    /// # Errors
    /// As [`SendQueue::try_add`].
    pub(crate) fn within_bound(queue: &Arc<SendQueue>, bytes: usize) -> Result<QueuedBytes, usize> {
        queue.try_add(bytes)?;
        Ok(QueuedBytes { queue: queue.clone(), bytes })
    }

    /// Counts `bytes` of the library's own, for which there is a reserve.
    pub(crate) fn of_library(queue: &Arc<SendQueue>, bytes: usize) -> QueuedBytes {
        queue.add(bytes);
        QueuedBytes { queue: queue.clone(), bytes }
    }

    /// Leaves the bytes counted: the session releases them when they are written.
    pub(crate) fn pass_on(mut self) -> usize {
        std::mem::take(&mut self.bytes)
    }
}

impl Drop for QueuedBytes {
    fn drop(&mut self) {
        self.queue.release(self.bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bound_holds_for_all_but_a_first_message() {
        let queue = Arc::new(SendQueue::new(100));
        let first = QueuedBytes::within_bound(&queue, 500).expect("an empty queue takes any size");
        assert_eq!(QueuedBytes::within_bound(&queue, 1).unwrap_err(), 500);
        drop(first);
        let kept = QueuedBytes::within_bound(&queue, 100).unwrap().pass_on();
        assert_eq!((kept, queue.bytes()), (100, 100));
        assert_eq!(queue.try_add(1), Err(100));
        queue.release(100);
        assert_eq!(queue.bytes(), 0);
    }

    #[test]
    fn reserve_lies_beyond_the_bound_and_beyond_an_oversized_message() {
        let queue = Arc::new(SendQueue::new(100));
        queue.try_add(100).unwrap();
        let own = QueuedBytes::of_library(&queue, SendQueue::ANSWER_RESERVE - 10);
        assert!(!queue.is_reserve_used(10) && queue.is_reserve_used(11));
        drop(own);
        queue.release(100);
        queue.try_add(1 << 30).unwrap();
        assert!(!queue.is_reserve_used(SendQueue::ANSWER_RESERVE));
        assert!(queue.is_reserve_used(SendQueue::ANSWER_RESERVE + 1));
    }
}
