//! A bounded queue from the sessions to one subscription.
//!
//! The session's task reserves room for each message (atomics only) and hands over what one read brought in
//! one go (one lock per batch); the consumer takes batches likewise. Whoever waits does so by a
//! [`Waker`], be it a stream, a dispatcher thread's job or a file descriptor.

mod reader;
#[cfg(test)]
mod tests;

pub(crate) use reader::LaneReader;

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::Waker;

use super::budget::{Budget, cost};

/// What a full lane does with a further message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Overflow {
    /// Refuses it; the publisher of a unicast is told BUSY. The default.
    #[default]
    Refuse,
    /// Gives up the oldest accepted messages to make room.
    DropOldest,
}

/// The bounds of a lane.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LaneLimits {
    /// Most messages held.
    pub(crate) max_messages: usize,
    /// Most bytes held: payloads and [`MESSAGE_OVERHEAD`](super::budget::MESSAGE_OVERHEAD) for each message; an empty
    /// lane takes one message of any size.
    pub(crate) max_bytes: usize,
    /// What happens beyond.
    pub(crate) overflow: Overflow,
}

impl LaneLimits {
    /// Whether so many messages with so many bytes of payload are within them.
    fn allow(&self, messages: usize, bytes: usize) -> bool {
        messages <= self.max_messages && cost(messages, bytes) <= self.max_bytes
    }
}

impl Default for LaneLimits {
    /// 65,536 messages, 64 MiB, refuse.
    fn default() -> LaneLimits {
        LaneLimits { max_messages: 65_536, max_bytes: 64 << 20, overflow: Overflow::Refuse }
    }
}

/// Something a lane can hold.
pub(crate) trait LaneItem: Send + 'static {
    /// Payload bytes it keeps in memory.
    fn held_bytes(&self) -> usize;

    /// Whether there is still a use in handling it.
    fn is_wanted(&self) -> bool {
        true
    }
}

/// A lane, whatever it holds: for those who only count, or end it.
pub(crate) trait AnyLane: Send + Sync {
    /// The counters.
    fn stats(&self) -> SubscriptionStats;

    /// Closes, and drops and counts what is still queued.
    fn abandon(&self);
}

/// The queue itself, shared by sessions and consumer.
pub(crate) struct Lane<T> {
    limits: LaneLimits,
    budget: Arc<Budget>,
    held_messages: AtomicUsize,
    held_bytes: AtomicUsize,
    accepted: AtomicU64,
    refused: AtomicU64,
    dropped: AtomicU64,
    /// As in the queue; here so that [`Lane::reserve`] needs no lock.
    closed: AtomicBool,
    /// What is left is not to be delivered any more, not even what the reader has taken.
    abandoned: AtomicBool,
    /// A slow-consumer episode is on: it began with the first loss and ends when the lane is empty.
    slow: AtomicBool,
    queue: Mutex<Queue<T>>,
}

/// So many places a queue keeps when it is empty; more, left by a burst, are given back. Enough for the small bursts
/// of every day, and little even with ten thousand topics.
pub(super) const SPARE: usize = 256;

struct Queue<T> {
    items: VecDeque<T>,
    closed: bool,
    waker: Option<Waker>,
}

/// A lane's answer to [`Lane::reserve`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reservation {
    /// There is room, and it is reserved.
    Reserved,
    /// It is full.
    Full,
    /// It takes nothing more.
    Closed,
}

impl<T> Queue<T> {
    /// Takes the oldest.
    fn take(&mut self, items: usize, into: &mut VecDeque<T>) {
        into.extend(self.items.drain(..items));
        if self.items.is_empty() {
            self.items.shrink_to(SPARE);
        }
    }

    /// Wakes this waker at the next change, and no former one.
    fn register(&mut self, waker: &Waker) {
        match &mut self.waker {
            Some(registered) => registered.clone_from(waker),
            none => *none = Some(waker.clone()),
        }
    }
}

/// A subscription's figures at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SubscriptionStats {
    /// Messages held now.
    pub held_messages: usize,
    /// Their payload bytes.
    pub held_bytes: usize,
    /// Messages accepted so far.
    pub accepted: u64,
    /// Messages refused because it was full.
    pub refused: u64,
    /// Accepted messages given up: for newer ones, or because it ended before they were read.
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

    /// Asks for room for one item of `bytes`. What is taken must be pushed; what is refused is counted.
    ///
    /// An empty lane always has room for one, even when the others have used up the budget. So has a lane that drops
    /// its oldest; it makes the room in [`Lane::push`].
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

    /// Hands over reserved items, in order, and wakes the consumer; says how many old ones were given up for them. A
    /// lane that was closed meanwhile drops and counts them all, which is no sign of a slow consumer.
    pub(crate) fn push(&self, items: &mut Vec<T>) -> usize {
        self.accepted.fetch_add(items.len() as u64, Ordering::Relaxed);
        let mut given_up = Vec::new(); // dropped after the lock: an item's drop may run foreign code
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

    /// Marks the beginning of a slow-consumer episode; true for the one who began it.
    pub(crate) fn begin_slow_episode(&self) -> bool {
        !self.slow.swap(true, Ordering::Relaxed)
    }

    /// Takes no more; what is queued stays readable. Wakes the consumer so that it can end.
    pub(crate) fn close(&self) {
        let waker = {
            let mut queue = self.lock();
            queue.closed = true;
            self.closed.store(true, Ordering::Release);
            queue.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
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

    /// The lock is held for moves of items only, so a poisoned one is still consistent.
    fn lock(&self) -> MutexGuard<'_, Queue<T>> {
        self.queue.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
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
