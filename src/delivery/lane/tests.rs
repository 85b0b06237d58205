//! Tests of a lane together with its reader.

use std::task::{Context, Poll, Waker};

use super::*;
use crate::wake_count::WakeCount;

struct Item(usize);
impl LaneItem for Item {
    fn held_bytes(&self) -> usize {
        self.0
    }
}

fn lane(max_messages: usize, max_bytes: usize, overflow: Overflow) -> (Arc<Lane<Item>>, Arc<Budget>) {
    let budget = Arc::new(Budget::new(1_000_000));
    (Lane::new(LaneLimits { max_messages, max_bytes, overflow }, budget.clone()), budget)
}

fn put(lane: &Lane<Item>, bytes: usize) -> bool {
    let fits = lane.reserve(bytes) == Reservation::Reserved;
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
fn full_lane_refuses_and_counts() {
    let (lane, budget) = lane(3, cost(3, 100), Overflow::Refuse);
    assert!(put(&lane, 5000), "an empty lane accepts any item");
    assert!(!put(&lane, 1), "over its bytes");
    let mut reader = LaneReader::new(lane.clone());
    assert_eq!(drain(&mut reader), [5000]);
    for _ in 0..3 {
        assert!(put(&lane, 1));
    }
    assert!(!put(&lane, 0), "over its messages");
    assert_eq!(lane.stats().refused, 2);
    assert_eq!(drain(&mut reader), [1, 1, 1]);
    assert_eq!((lane.stats().held_messages, lane.stats().held_bytes, budget.held()), (0, 0, 0));
}

#[test]
fn readiness_takes_nothing_and_lasts_until_all_is_read() {
    let (lane, _) = lane(10, 1000, Overflow::Refuse);
    let mut reader = LaneReader::new(lane.clone());
    let wakes = WakeCount::default();
    let waker = wakes.waker();
    let mut cx = Context::from_waker(&waker);
    assert!(reader.poll_ready(&mut cx).is_pending());
    assert!(put(&lane, 1) && put(&lane, 2));
    assert_eq!(wakes.count(), 1);
    for bytes in [1, 2] {
        assert!(reader.poll_ready(&mut cx).is_ready());
        assert!(reader.poll_ready(&mut cx).is_ready());
        assert!(matches!(reader.poll_next(&mut cx), Poll::Ready(Some(Item(b))) if b == bytes));
    }
    assert!(reader.poll_ready(&mut cx).is_pending());
    lane.close();
    assert_eq!(wakes.count(), 2);
    assert!(reader.poll_ready(&mut cx).is_ready(), "the end is readable");
}

#[test]
fn drop_oldest_keeps_the_newest_within_the_limits() {
    let (lane, budget) = lane(3, cost(3, 100), Overflow::DropOldest);
    let mut reader = LaneReader::new(lane.clone());
    for bytes in 1..=5 {
        assert!(put(&lane, bytes));
    }
    assert_eq!(lane.stats().dropped, 2);
    assert_eq!(drain(&mut reader), [3, 4, 5]);
    assert!(put(&lane, 60) && put(&lane, 300));
    assert_eq!(drain(&mut reader), [300]);
    assert!(put(&lane, 5000), "a single item may exceed the limit");
    assert_eq!(drain(&mut reader), [5000]);
    assert_eq!(budget.held(), 0);
}

#[test]
fn empty_messages_count_against_the_byte_limit() {
    let (lane, _) = lane(1000, cost(64, 0), Overflow::Refuse);
    assert_eq!((0..1000).filter(|_| put(&lane, 0)).count(), 64);
    assert_eq!(lane.stats().held_bytes, 0, "statistics count payload only");
}

#[test]
fn budget_limits_all_lanes_together() {
    let budget = Arc::new(Budget::new(cost(2, 10)));
    let lane_of = |overflow| Lane::new(LaneLimits { overflow, ..LaneLimits::default() }, budget.clone());
    let slow: Arc<Lane<Item>> = lane_of(Overflow::Refuse);
    assert!(put(&slow, 4) && put(&slow, 6));
    assert!(!put(&slow, 0));
    let other = lane_of(Overflow::Refuse);
    assert!(put(&other, 1), "an empty lane accepts one item in every case");
    assert!(!put(&other, 0));
    let newest = lane_of(Overflow::DropOldest);
    assert!(put(&newest, 2) && put(&newest, 3), "it drops its own oldest item");
    assert_eq!([&slow, &other, &newest].map(|lane| lane.stats().dropped), [0, 0, 1]);
    assert_eq!(budget.held(), 4 + 6 + 1 + 3);
    assert_eq!(drain(&mut LaneReader::new(slow)), [4, 6]);
    assert_eq!(drain(&mut LaneReader::new(newest)), [3]);
    assert!(put(&other, 0) && !put(&other, 0));
}

#[test]
fn queue_releases_the_capacity_of_a_burst() {
    let (lane, _) = lane(3000, usize::MAX, Overflow::Refuse);
    assert!((0..3000).all(|_| put(&lane, 0)));
    assert_eq!(drain(&mut LaneReader::new(lane.clone())).len(), 3000);
    assert!(lane.lock().items.capacity() <= SPARE);
}

#[test]
fn batch_and_close_wake_the_reader_once_each() {
    let (lane, _) = lane(100, 1000, Overflow::Refuse);
    let mut reader = LaneReader::new(lane.clone());
    let wakes = WakeCount::default();
    let waker = wakes.waker();
    let mut cx = Context::from_waker(&waker);
    assert!(reader.poll_next(&mut cx).is_pending());
    assert_eq!((lane.reserve(1), lane.reserve(1)), (Reservation::Reserved, Reservation::Reserved));
    lane.push(&mut vec![Item(1), Item(1)]);
    assert_eq!(wakes.count(), 1);
    assert_eq!(drain(&mut reader), [1, 1]);
    assert!(reader.poll_next(&mut cx).is_pending());
    lane.close();
    assert_eq!(wakes.count(), 2);
    assert!(matches!(reader.poll_next(&mut cx), Poll::Ready(None)));
}

#[test]
fn late_items_and_those_of_a_dropped_reader_are_counted() {
    let (lane, budget) = lane(100, 100_000, Overflow::Refuse);
    for _ in 0..70 {
        assert!(put(&lane, 2));
    }
    let mut reader = LaneReader::new(lane.clone());
    let mut cx = Context::from_waker(Waker::noop());
    assert!(reader.poll_next(&mut cx).is_ready());
    assert_eq!(lane.reserve(5), Reservation::Reserved);
    drop(reader);
    assert_eq!(lane.stats().dropped, 69);
    assert_eq!(lane.reserve(5), Reservation::Closed);
    assert_eq!(lane.push(&mut vec![Item(5)]), 0, "its consumer has ended and is not slow");
    assert_eq!(lane.stats().dropped, 70);
    assert_eq!((lane.stats().held_messages, budget.held()), (0, 0));
}

#[test]
fn abandoned_lane_delivers_nothing() {
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
fn slow_episode_lasts_until_the_lane_is_empty() {
    let (lane, _) = lane(1, 100, Overflow::Refuse);
    put(&lane, 1);
    assert!(!put(&lane, 1));
    assert!(lane.begin_slow_episode());
    assert!(!lane.begin_slow_episode());
    drain(&mut LaneReader::new(lane.clone()));
    assert!(lane.begin_slow_episode());
}

#[test]
fn collected_wakers_wake_when_they_are_dropped() {
    let (lane, _) = lane(100, 1000, Overflow::Refuse);
    let mut reader = LaneReader::new(lane.clone());
    let wakes = WakeCount::default();
    let waker = wakes.waker();
    let mut cx = Context::from_waker(&waker);
    assert!(reader.poll_next(&mut cx).is_pending());
    let mut wakers = Wakers::default();
    wakers.close(&lane);
    assert_eq!((lane.reserve(1), wakes.count()), (Reservation::Closed, 0));
    drop(wakers);
    assert_eq!(wakes.count(), 1);
}
