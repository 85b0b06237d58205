//! The consumer's end of a lane.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};

use super::{AnyLane, Lane, LaneItem, Overflow};

/// How many items a reader takes under one lock. Small, because items taken can't be given up any more.
const TAKE: usize = 64;

/// The one consumer of a lane.
pub(crate) struct LaneReader<T: LaneItem> {
    lane: Arc<Lane<T>>,
    taken: VecDeque<T>,
}

impl<T: LaneItem> LaneReader<T> {
    pub(crate) fn new(lane: Arc<Lane<T>>) -> LaneReader<T> {
        LaneReader { lane, taken: VecDeque::new() }
    }

    pub(crate) fn lane(&self) -> &Arc<Lane<T>> {
        &self.lane
    }

    /// The next item; `None` when the lane is closed and empty.
    pub(crate) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<T>> {
        if self.lane.abandoned.load(Ordering::Acquire) {
            self.lane.give_up(self.taken.drain(..).collect());
        }
        if self.taken.is_empty() {
            let mut queue = self.lane.lock();
            if queue.items.is_empty() {
                if queue.closed {
                    return Poll::Ready(None);
                }
                queue.register(cx.waker());
                return Poll::Pending;
            }
            let take = match self.lane.limits.overflow {
                Overflow::Refuse => TAKE.min(queue.items.len()),
                Overflow::DropOldest => 1,
            };
            queue.take(take, &mut self.taken);
        }
        let item = self.taken.pop_front();
        if let Some(item) = &item {
            self.lane.release(item);
        }
        Poll::Ready(item)
    }

    /// Whether [`LaneReader::poll_next`] would have an answer, which is not taken.
    pub(crate) fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut queue = self.lane.lock();
        if !self.taken.is_empty() || !queue.items.is_empty() || queue.closed {
            return Poll::Ready(());
        }
        queue.register(cx.waker());
        Poll::Pending
    }

    /// Counts items that were taken, and are given up all the same.
    pub(crate) fn count_given_up(&self, items: usize) {
        self.lane.count_dropped(items);
    }

    /// Whether it is closed and all was read.
    pub(crate) fn is_over(&self) -> bool {
        let queue = self.lane.lock();
        self.taken.is_empty() && queue.items.is_empty() && queue.closed
    }
}

impl<T: LaneItem> Drop for LaneReader<T> {
    /// Without a consumer nothing may stay held.
    fn drop(&mut self) {
        self.lane.give_up(self.taken.drain(..).collect());
        self.lane.abandon();
    }
}
