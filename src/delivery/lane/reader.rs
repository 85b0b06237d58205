//! The reading end of a lane.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};

use super::{AnyLane, Lane, LaneItem, Overflow};

/// The number of items that a reader takes under one lock. Small, because items that were taken can't be dropped for
/// newer ones.
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

    /// Returns the next item, `None` once the lane is closed and empty.
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

    /// Returns whether [`LaneReader::poll_next`] would be ready, without taking an item.
    pub(crate) fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut queue = self.lane.lock();
        if !self.taken.is_empty() || !queue.items.is_empty() || queue.closed {
            return Poll::Ready(());
        }
        queue.register(cx.waker());
        Poll::Pending
    }

    /// Counts items that were taken and then dropped unhandled.
    pub(crate) fn count_given_up(&self, items: usize) {
        self.lane.count_dropped(items);
    }

    /// Returns whether the lane is closed and all items were read.
    pub(crate) fn is_over(&self) -> bool {
        let queue = self.lane.lock();
        self.taken.is_empty() && queue.items.is_empty() && queue.closed
    }
}

impl<T: LaneItem> Drop for LaneReader<T> {
    /// Drops and counts what is left, because no other consumer can read it.
    fn drop(&mut self) {
        self.lane.give_up(self.taken.drain(..).collect());
        self.lane.abandon();
    }
}
