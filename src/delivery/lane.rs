//! A bounded queue from the sessions to one subscription.
//!
//! The session's task reserves room for each message (atomics only) and hands over what one read brought in
//! one go (one lock per batch); the consumer takes batches likewise. Whoever waits does so by a
//! [`Waker`], be it a stream, a dispatcher thread's job or a file descriptor.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};

use super::budget::Budget;

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
    /// Most payload bytes held; an empty lane takes one message of any size.
    pub(crate) max_bytes: usize,
    /// What happens beyond.
    pub(crate) overflow: Overflow,
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

/// How many items a reader takes under one lock. Small, because items taken can't be given up any more.
const TAKE: usize = 64;

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

struct Queue<T> {
    items: VecDeque<T>,
    closed: bool,
    waker: Option<Waker>,
}

/// A lane's answer to [`Lane::reserve`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Room {
    /// There is room, and it is reserved.
    Taken,
    /// It is full.
    Full,
    /// It takes nothing more.
    Closed,
}

impl<T> Queue<T> {
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
    /// A lane that drops its oldest always has room; it makes it in [`Lane::push`].
    pub(crate) fn reserve(&self, bytes: usize) -> Room {
        if self.closed.load(Ordering::Acquire) {
            return Room::Closed;
        }
        let messages = self.held_messages.fetch_add(1, Ordering::Relaxed);
        let held = self.held_bytes.fetch_add(bytes, Ordering::Relaxed);
        let fits = messages == 0
            || (messages < self.limits.max_messages && held + bytes <= self.limits.max_bytes)
            || self.limits.overflow == Overflow::DropOldest;
        if fits && self.budget.take(bytes) {
            self.accepted.fetch_add(1, Ordering::Relaxed);
            return Room::Taken;
        }
        self.held_messages.fetch_sub(1, Ordering::Relaxed);
        self.held_bytes.fetch_sub(bytes, Ordering::Relaxed);
        self.refused.fetch_add(1, Ordering::Relaxed);
        self.budget.count_refused();
        Room::Full
    }

    /// Hands over reserved items, in order, and wakes the consumer; says how many were given up for it. A
    /// closed lane drops and counts them all.
    pub(crate) fn push(&self, items: &mut Vec<T>) -> usize {
        let mut given_up = Vec::new(); // dropped after the lock: an item's drop may run foreign code
        let waker = {
            let mut queue = self.lock();
            if queue.closed {
                given_up.append(items);
                given_up.iter().for_each(|item| self.release(item));
                None
            } else {
                queue.items.extend(items.drain(..));
                while self.limits.overflow == Overflow::DropOldest && queue.items.len() > 1 && self.is_over()
                {
                    let Some(oldest) = queue.items.pop_front() else { break };
                    self.release(&oldest);
                    given_up.push(oldest);
                }
                queue.waker.take()
            }
        };
        self.count_dropped(given_up.len());
        if let Some(waker) = waker {
            waker.wake();
        }
        given_up.len()
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
        self.held_messages.load(Ordering::Relaxed) > self.limits.max_messages
            || self.held_bytes.load(Ordering::Relaxed) > self.limits.max_bytes
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
            self.taken.extend(queue.items.drain(..take));
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicUsize;
    use std::task::Wake;

    struct Item(usize);
    impl LaneItem for Item {
        fn held_bytes(&self) -> usize {
            self.0
        }
    }

    struct Count(AtomicUsize);
    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    fn lane(max_messages: usize, max_bytes: usize, overflow: Overflow) -> (Arc<Lane<Item>>, Arc<Budget>) {
        let budget = Arc::new(Budget::new(1_000_000));
        (Lane::new(LaneLimits { max_messages, max_bytes, overflow }, budget.clone()), budget)
    }

    fn put(lane: &Lane<Item>, bytes: usize) -> bool {
        let fits = lane.reserve(bytes) == Room::Taken;
        if fits {
            lane.push(&mut vec![Item(bytes)]);
        }
        fits
    }

    fn drain(reader: &mut LaneReader<Item>) -> Vec<usize> {
        let mut cx = Context::from_waker(Waker::noop());
        let mut seen = Vec::new();
        while let Poll::Ready(Some(item)) = reader.poll_next(&mut cx) {
            seen.push(item.0);
        }
        seen
    }

    #[test]
    fn a_full_lane_refuses_and_counts() {
        let (lane, budget) = lane(3, 100, Overflow::Refuse);
        assert!(put(&lane, 500), "an empty lane takes anything");
        assert!(!put(&lane, 1), "over its bytes");
        let mut reader = LaneReader::new(lane.clone());
        assert_eq!(drain(&mut reader), [500]);
        for _ in 0..3 {
            assert!(put(&lane, 1));
        }
        assert!(!put(&lane, 0), "over its messages");
        assert_eq!(lane.stats().refused, 2);
        assert_eq!(drain(&mut reader), [1, 1, 1]);
        assert_eq!((lane.stats().held_messages, lane.stats().held_bytes, budget.held()), (0, 0, 0));
    }

    #[test]
    fn readiness_takes_nothing_and_holds_until_all_is_read() {
        let (lane, _) = lane(10, 100, Overflow::Refuse);
        let mut reader = LaneReader::new(lane.clone());
        let wakes = Arc::new(Count(AtomicUsize::new(0)));
        let waker = Waker::from(wakes.clone());
        let mut cx = Context::from_waker(&waker);
        assert!(reader.poll_ready(&mut cx).is_pending());
        assert!(put(&lane, 1) && put(&lane, 2));
        assert_eq!(wakes.0.load(Ordering::SeqCst), 1);
        for bytes in [1, 2] {
            assert!(reader.poll_ready(&mut cx).is_ready());
            assert!(reader.poll_ready(&mut cx).is_ready());
            assert!(matches!(reader.poll_next(&mut cx), Poll::Ready(Some(Item(b))) if b == bytes));
        }
        assert!(reader.poll_ready(&mut cx).is_pending());
        lane.close();
        assert_eq!(wakes.0.load(Ordering::SeqCst), 2);
        assert!(reader.poll_ready(&mut cx).is_ready(), "the end can be read");
    }

    #[test]
    fn dropping_the_oldest_keeps_the_newest_and_the_bounds() {
        let (lane, budget) = lane(3, 100, Overflow::DropOldest);
        let mut reader = LaneReader::new(lane.clone());
        for bytes in 1..=5 {
            assert!(put(&lane, bytes));
        }
        assert_eq!(lane.stats().dropped, 2);
        assert_eq!(drain(&mut reader), [3, 4, 5]);
        assert!(put(&lane, 60) && put(&lane, 70));
        assert_eq!(drain(&mut reader), [70]);
        assert!(put(&lane, 300), "alone it may be over the bound");
        assert_eq!(drain(&mut reader), [300]);
        assert_eq!(budget.held(), 0);
    }

    #[test]
    fn the_client_wide_budget_stands_above() {
        let budget = Arc::new(Budget::new(10));
        let lane: Arc<Lane<Item>> = Lane::new(LaneLimits::default(), budget.clone());
        assert!(put(&lane, 8));
        assert!(!put(&lane, 8));
        assert_eq!(lane.stats().held_bytes, 8);
    }

    #[test]
    fn one_wake_per_batch_and_an_end() {
        let (lane, _) = lane(100, 100, Overflow::Refuse);
        let mut reader = LaneReader::new(lane.clone());
        let wakes = Arc::new(Count(AtomicUsize::new(0)));
        let waker = Waker::from(wakes.clone());
        let mut cx = Context::from_waker(&waker);
        assert!(reader.poll_next(&mut cx).is_pending());
        assert_eq!((lane.reserve(1), lane.reserve(1)), (Room::Taken, Room::Taken));
        lane.push(&mut vec![Item(1), Item(1)]);
        assert_eq!(wakes.0.load(Ordering::SeqCst), 1);
        assert_eq!(drain(&mut reader), [1, 1]);
        assert!(reader.poll_next(&mut cx).is_pending());
        lane.close();
        assert_eq!(wakes.0.load(Ordering::SeqCst), 2);
        assert!(matches!(reader.poll_next(&mut cx), Poll::Ready(None)));
    }

    #[test]
    fn a_closed_lane_counts_what_comes_late_and_a_dropped_reader_frees_all() {
        let (lane, budget) = lane(100, 1000, Overflow::Refuse);
        for _ in 0..70 {
            assert!(put(&lane, 2));
        }
        let mut reader = LaneReader::new(lane.clone());
        let mut cx = Context::from_waker(Waker::noop());
        assert!(reader.poll_next(&mut cx).is_ready());
        assert_eq!(lane.reserve(5), Room::Taken);
        drop(reader);
        assert_eq!(lane.stats().dropped, 69);
        assert_eq!(lane.reserve(5), Room::Closed);
        lane.push(&mut vec![Item(5)]);
        assert_eq!(lane.stats().dropped, 70);
        assert_eq!((lane.stats().held_messages, budget.held()), (0, 0));
    }

    #[test]
    fn an_abandoned_lane_delivers_nothing_more() {
        let (lane, budget) = lane(100, 1000, Overflow::Refuse);
        for _ in 0..3 {
            assert!(put(&lane, 2));
        }
        let mut reader = LaneReader::new(lane.clone());
        let mut cx = Context::from_waker(Waker::noop());
        assert!(matches!(reader.poll_next(&mut cx), Poll::Ready(Some(_))));
        lane.abandon();
        assert!(matches!(reader.poll_next(&mut cx), Poll::Ready(None)));
        assert_eq!((lane.stats().dropped, budget.held()), (2, 0));
    }

    #[test]
    fn an_episode_is_announced_once_until_the_lane_is_empty_again() {
        let (lane, _) = lane(1, 100, Overflow::Refuse);
        put(&lane, 1);
        assert!(!put(&lane, 1));
        assert!(lane.begin_slow_episode());
        assert!(!lane.begin_slow_episode());
        drain(&mut LaneReader::new(lane.clone()));
        assert!(lane.begin_slow_episode());
    }
}
