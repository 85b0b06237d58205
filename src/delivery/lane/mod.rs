//! A bounded queue from the sessions to one subscription.
//!
//! A session's task reserves capacity for each message, by atomics alone, and adds all messages of one read under one
//! lock. The consumer takes batches in the same way. It waits by a [`Waker`], whether it is a stream, a job of the
//! dispatcher or a file descriptor.

mod reader;
#[cfg(test)]
mod tests;

pub(crate) use reader::LaneReader;

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::Waker;

use super::budget::{Budget, cost};

/// The behaviour of a full lane when another message arrives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Overflow {
    /// Refuses the message; the publisher of a unicast receives BUSY. The default.
    #[default]
    Refuse,
    /// Discards the oldest accepted messages to make space.
    DropOldest,
}

/// The limits of a lane.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LaneLimits {
    /// The maximum number of messages held.
    pub(crate) max_messages: usize,
    /// The maximum number of bytes held: payloads and [`MESSAGE_OVERHEAD`](super::budget::MESSAGE_OVERHEAD) for each
    /// message. An empty lane accepts one message of any size.
    pub(crate) max_bytes: usize,
    /// The behaviour at a limit.
    pub(crate) overflow: Overflow,
}

impl LaneLimits {
    /// Returns whether `messages` with `bytes` of payload in all are within the limits.
    fn allow(&self, messages: usize, bytes: usize) -> bool {
        messages <= self.max_messages && cost(messages, bytes) <= self.max_bytes
    }
}

impl Default for LaneLimits {
    /// Returns the limits of 65,536 messages and 64 MiB, with [`Overflow::Refuse`].
    fn default() -> LaneLimits {
        LaneLimits { max_messages: 65_536, max_bytes: 64 << 20, overflow: Overflow::Refuse }
    }
}

/// An item of a lane.
pub(crate) trait LaneItem: Send + 'static {
    /// Returns the payload bytes that it keeps in memory.
    fn held_bytes(&self) -> usize;

    /// Returns whether it is still to be handled.
    fn is_wanted(&self) -> bool {
        true
    }
}

/// A lane of any items, for code that only counts or ends it.
pub(crate) trait AnyLane: Send + Sync {
    /// Returns the counters.
    fn stats(&self) -> SubscriptionStats;

    /// Closes the lane, and drops and counts what is still queued.
    fn abandon(&self);
}

/// The queue, shared by the sessions and the consumer.
pub(crate) struct Lane<T> {
    limits: LaneLimits,
    budget: Arc<Budget>,
    held_messages: AtomicUsize,
    held_bytes: AtomicUsize,
    accepted: AtomicU64,
    refused: AtomicU64,
    dropped: AtomicU64,
    /// A copy of the queue's flag, so that [`Lane::reserve`] needs no lock.
    closed: AtomicBool,
    /// What is left must not be delivered, not even the items that the reader has taken.
    abandoned: AtomicBool,
    /// Set during a slow-consumer episode, which begins with the first loss and ends when the lane is empty.
    slow: AtomicBool,
    queue: Mutex<Queue<T>>,
}

/// The capacity that an empty queue keeps; what a burst has added beyond it is released. Enough for small bursts, and
/// little memory even with ten thousand topics.
pub(super) const SPARE: usize = 256;

struct Queue<T> {
    items: VecDeque<T>,
    closed: bool,
    waker: Option<Waker>,
}

/// The result of [`Lane::reserve`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reservation {
    /// Capacity is reserved.
    Reserved,
    /// The lane is full.
    Full,
    /// The lane is closed.
    Closed,
}

impl<T> Queue<T> {
    /// Moves the oldest items into `into`.
    fn take(&mut self, items: usize, into: &mut VecDeque<T>) {
        into.extend(self.items.drain(..items));
        if self.items.is_empty() {
            self.items.shrink_to(SPARE);
        }
    }

    /// Sets the waker of the next change, in place of the previous one.
    fn register(&mut self, waker: &Waker) {
        match &mut self.waker {
            Some(registered) => registered.clone_from(waker),
            none => *none = Some(waker.clone()),
        }
    }
}

/// The counters of a subscription.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SubscriptionStats {
    /// Messages held now.
    pub held_messages: usize,
    /// Their payload bytes.
    pub held_bytes: usize,
    /// Messages accepted.
    pub accepted: u64,
    /// Messages refused because the subscription was full.
    pub refused: u64,
    /// Accepted messages discarded, for newer ones or because the subscription ended before they were read.
    pub dropped: u64,
}

impl<T: LaneItem> Lane<T> {
    pub(crate) fn new(limits: LaneLimits, budget: Arc<Budget>) -> Arc<Lane<T>> {
        Arc::new(Lane {
            limits,
            budget,
            held_messages: AtomicUsize::new(0),
            held_bytes: AtomicUsize::new(0),
            accepted: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
            closed: AtomicBool::new(false),
            abandoned: AtomicBool::new(false),
            slow: AtomicBool::new(false),
            queue: Mutex::new(Queue { items: VecDeque::new(), closed: false, waker: None }),
        })
    }

    /// Reserves capacity for one item of `bytes`, which must be pushed then. Counts a refusal.
    ///
    /// An empty lane always accepts one item, even if the other lanes have used up the budget. A lane that drops its
    /// oldest items accepts every item, and makes the space in [`Lane::push`].
    pub(crate) fn reserve(&self, bytes: usize) -> Reservation {
        if self.closed.load(Ordering::Acquire) {
            return Reservation::Closed;
        }
        let messages = self.held_messages.fetch_add(1, Ordering::Relaxed);
        let held = self.held_bytes.fetch_add(bytes, Ordering::Relaxed);
        if messages == 0 || self.limits.overflow == Overflow::DropOldest {
            self.budget.charge(bytes);
            return Reservation::Reserved;
        }
        if self.limits.allow(messages + 1, held + bytes) && self.budget.take(bytes) {
            return Reservation::Reserved;
        }
        self.held_messages.fetch_sub(1, Ordering::Relaxed);
        self.held_bytes.fetch_sub(bytes, Ordering::Relaxed);
        self.refused.fetch_add(1, Ordering::Relaxed);
        self.budget.count_refused();
        Reservation::Full
    }

    /// Adds reserved items, in order, and wakes the consumer. Returns the number of older items that were dropped for
    /// them. A lane that was closed meanwhile drops and counts all items, but returns 0, because its consumer has ended
    /// and is not slow.
    pub(crate) fn push(&self, items: &mut Vec<T>) -> usize {
        self.accepted.fetch_add(items.len() as u64, Ordering::Relaxed);
        // Dropped after unlocking, because an item's drop may run foreign code.
        let mut given_up = Vec::new();
        let (waker, closed) = {
            let mut queue = self.lock();
            if queue.closed {
                given_up.append(items);
                given_up.iter().for_each(|item| self.release(item));
                (None, true)
            } else {
                queue.items.extend(items.drain(..));
                while self.limits.overflow == Overflow::DropOldest && queue.items.len() > 1 && self.is_over()
                {
                    let Some(oldest) = queue.items.pop_front() else { break };
                    self.release(&oldest);
                    given_up.push(oldest);
                }
                (queue.waker.take(), false)
            }
        };
        self.count_dropped(given_up.len());
        if let Some(waker) = waker {
            waker.wake();
        }
        if closed { 0 } else { given_up.len() }
    }

    /// Begins a slow-consumer episode. Returns whether none had begun.
    pub(crate) fn begin_slow_episode(&self) -> bool {
        !self.slow.swap(true, Ordering::Relaxed)
    }

    /// Accepts no further items and wakes the consumer, so that it can end. Queued items can still be read.
    pub(crate) fn close(&self) {
        Wakers::default().close(self);
    }

    fn is_over(&self) -> bool {
        let (messages, bytes) = (&self.held_messages, &self.held_bytes);
        !self.limits.allow(messages.load(Ordering::Relaxed), bytes.load(Ordering::Relaxed))
            || self.budget.is_over()
    }

    fn count_dropped(&self, items: usize) {
        self.dropped.fetch_add(items as u64, Ordering::Relaxed);
        self.budget.count_dropped(items);
    }

    fn give_up(&self, items: Vec<T>) {
        self.count_dropped(items.len());
        for item in items {
            self.release(&item);
        }
    }

    fn release(&self, item: &T) {
        let bytes = item.held_bytes();
        self.budget.give_back(bytes);
        self.held_bytes.fetch_sub(bytes, Ordering::Relaxed);
        if self.held_messages.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.slow.store(false, Ordering::Relaxed);
        }
    }

    /// Locks the queue. The lock is held to move items only, so a poisoned one is still consistent.
    fn lock(&self) -> MutexGuard<'_, Queue<T>> {
        self.queue.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

/// The consumers of closed lanes, which are woken when this is dropped.
///
/// A waker may run code of another crate, so whoever closes lanes under a lock collects the wakers, and drops them
/// after unlocking.
#[derive(Default)]
#[must_use = "dropping it wakes the consumers: it must outlive the locks that are held"]
pub(crate) struct Wakers(Vec<Waker>);

impl Wakers {
    /// Closes a lane as [`Lane::close`] does, but wakes its consumer later.
    pub(crate) fn close<T: LaneItem>(&mut self, lane: &Lane<T>) {
        let mut queue = lane.lock();
        queue.closed = true;
        lane.closed.store(true, Ordering::Release);
        self.0.extend(queue.waker.take());
    }
}

impl Drop for Wakers {
    fn drop(&mut self) {
        self.0.drain(..).for_each(Waker::wake);
    }
}

impl<T: LaneItem> AnyLane for Lane<T> {
    fn stats(&self) -> SubscriptionStats {
        SubscriptionStats {
            held_messages: self.held_messages.load(Ordering::Relaxed),
            held_bytes: self.held_bytes.load(Ordering::Relaxed),
            accepted: self.accepted.load(Ordering::Relaxed),
            refused: self.refused.load(Ordering::Relaxed),
            dropped: self.dropped.load(Ordering::Relaxed),
        }
    }

    fn abandon(&self) {
        self.abandoned.store(true, Ordering::Release);
        self.close();
        let rest: Vec<T> = self.lock().items.drain(..).collect();
        self.give_up(rest);
    }
}
