//! The choice of nodes and sessions that real nodes compute from the second of their clock, and what is lost by it.
//!
//! From second 1,795,973,427 on, two real nodes were observed with two candidates each, see [`OBSERVED`].

use std::time::{Duration, UNIX_EPOCH};

use amop_devnet::{Choice, Devnet, DevnetBuilder, SameNode, WallClock};
use tokio::time::{Instant, sleep, timeout};

use crate::sdk::{LONG, REQUEST, RESPONSE, Raw, Sdk, devnet, message, raw, seq};

/// The first observed second.
const FIRST: u64 = 1_795_973_427;

/// The index that real nodes chose of two candidates in each second from [`FIRST`] on.
const OBSERVED: [usize; 19] = [0, 0, 0, 1, 1, 1, 1, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0];

/// Returns a clock that shows the middle of a second now, and advances with the paused clock of the test.
fn clock_at(second: u64) -> WallClock {
    let start = Instant::now();
    let middle = UNIX_EPOCH + Duration::from_secs(second) + Duration::from_millis(500);
    WallClock::from_fn(move || middle + start.elapsed())
}

/// Starts nodes that lose unicasts for their own sessions.
async fn nodes_that_drop(count: usize, second: u64) -> Devnet {
    devnet(count, |b| b.same_node(SameNode::Drop).idle_limit(LONG).wall_clock(clock_at(second))).await
}

fn numbered(number: usize) -> Raw {
    raw(REQUEST, seq(&number.to_string()), message("t", ""))
}

/// Sends a unicast. Returns the subscriber that receives it at once, or `None` if none does.
async fn receiver(publisher: &mut Sdk, number: usize, subscribers: &mut [Sdk]) -> Option<usize> {
    publisher.send(&numbered(number)).await;
    for (index, subscriber) in subscribers.iter_mut().enumerate() {
        if let Ok(frame) = timeout(Duration::from_millis(1), subscriber.frame()).await {
            assert_eq!(frame, numbered(number));
            subscriber.send(&raw(RESPONSE, frame.seq, "")).await;
            assert_eq!(publisher.frame().await.seq, frame.seq);
            return Some(index);
        }
    }
    None
}

/// Sends a unicast in each observed second. Returns who received each of them.
async fn receivers(publisher: &mut Sdk, subscribers: &mut [Sdk]) -> Vec<Option<usize>> {
    let start = Instant::now();
    let mut receivers = Vec::new();
    for number in 0..OBSERVED.len() {
        receivers.push(receiver(publisher, number, subscribers).await);
        tokio::time::sleep_until(start + Duration::from_secs(number as u64 + 1)).await;
    }
    receivers
}

#[tokio::test(start_paused = true)]
async fn good_second_delivers_and_bad_second_loses_every_unicast() {
    for origin in 0..2 {
        let devnet = nodes_that_drop(2, FIRST).await;
        let mut near = Sdk::subscriber(&devnet.node(origin), &["t"]).await;
        let far = Sdk::subscriber(&devnet.node(1 - origin), &["t"]).await;
        let mut publisher = Sdk::connect(&devnet.node(origin)).await;
        let mut far = [far];
        let received = receivers(&mut publisher, &mut far).await;
        assert_eq!(received, OBSERVED.map(|index| (index == 0).then_some(0)), "origin {origin}");

        // The first lost unicast blocks the others. After 30 s it is sent to the other node; they never are.
        let [far] = &mut far;
        assert_eq!(far.frame().await, numbered(3));
        far.send(&raw(RESPONSE, numbered(3).seq, "")).await;
        assert_eq!(publisher.frame().await.seq, numbered(3).seq);
        assert_eq!(devnet.counters().in_flight, 0);
        let quiet = Duration::from_secs(60);
        tokio::join!(publisher.nothing_for(quiet), far.nothing_for(quiet), near.nothing_for(quiet));
    }
}

#[tokio::test(start_paused = true)]
async fn node_without_a_subscriber_of_its_own_loses_nothing() {
    let devnet = nodes_that_drop(2, FIRST).await;
    let mut publisher = Sdk::connect(&devnet.node(0)).await;
    let mut far = [Sdk::subscriber(&devnet.node(1), &["t"]).await];
    assert_eq!(receivers(&mut publisher, &mut far).await, [Some(0); OBSERVED.len()]);
}

#[tokio::test(start_paused = true)]
async fn second_unicast_for_the_same_node_is_never_answered() {
    let devnet = nodes_that_drop(1, FIRST).await;
    let mut subscriber = Sdk::subscriber(&devnet.node(0), &["t"]).await;
    let mut publisher = Sdk::connect(&devnet.node(0)).await;
    publisher.send(&numbered(0)).await;
    publisher.send(&numbered(1)).await;
    sleep(Duration::from_secs(20)).await;
    publisher.send(&numbered(2)).await;
    let (answer, took) = publisher.timed_frame().await;
    assert_eq!((answer.seq, answer.result, took.as_secs()), (seq("0"), 100, 10));
    publisher.send(&numbered(3)).await;
    let (answer, took) = publisher.timed_frame().await;
    assert_eq!((answer.seq, answer.result, took.as_secs()), (seq("3"), 100, 30));
    tokio::join!(publisher.nothing_for(LONG / 10), subscriber.nothing_for(LONG / 10));
}

#[tokio::test(start_paused = true)]
async fn session_of_the_chosen_node_is_computed_too() {
    let devnet = nodes_that_drop(2, FIRST).await;
    let mut publisher = Sdk::connect(&devnet.node(0)).await;
    let mut sessions =
        [Sdk::subscriber(&devnet.node(1), &["t"]).await, Sdk::subscriber(&devnet.node(1), &["t"]).await];
    assert_eq!(receivers(&mut publisher, &mut sessions).await, OBSERVED.map(Some));
}

#[tokio::test(start_paused = true)]
async fn peers_come_first_in_order_and_the_node_itself_last() {
    // Seconds in which three candidates have the indices 0 and 1.
    for (second, origin, expected) in [
        (1_700_000_000, 0, 1),
        (1_700_000_000, 1, 0),
        (1_700_000_000, 2, 0),
        (1_700_000_006, 0, 2),
        (1_700_000_006, 1, 2),
        (1_700_000_006, 2, 1),
    ] {
        let devnet = nodes_that_drop(3, second).await;
        let mut subscribers = Vec::new();
        for node in devnet.nodes() {
            subscribers.push(Sdk::subscriber(&node, &["t"]).await);
        }
        let mut publisher = Sdk::connect(&devnet.node(origin)).await;
        let received = receiver(&mut publisher, 0, &mut subscribers).await;
        assert_eq!(received, Some(expected), "second {second}, origin {origin}");
    }
}

#[tokio::test(start_paused = true)]
async fn next_choice_is_computed_of_the_nodes_that_are_left() {
    // Of three candidates this second chooses the second, of the two that are left the first.
    let devnet = nodes_that_drop(4, 1_700_000_006).await;
    let mut publisher = Sdk::connect(&devnet.node(0)).await;
    let mut one = Sdk::subscriber(&devnet.node(1), &["t"]).await;
    let mut two = Sdk::subscriber(&devnet.node(2), &["t"]).await;
    let mut three = Sdk::subscriber(&devnet.node(3), &["t"]).await;
    publisher.send(&numbered(0)).await;
    assert_eq!(two.frame().await, numbered(0));
    devnet.node(2).kill().await;
    assert_eq!(one.frame().await, numbered(0));
    three.nothing_for(Duration::from_secs(1)).await;
}

#[tokio::test(start_paused = true)]
async fn each_node_computes_by_its_own_clock() {
    // Second 3 after the first one is bad, the clocks show the middle of second 2.
    let set = |b: DevnetBuilder| b.wall_clock(clock_at(FIRST + 2)).clock_offset(1, 500);
    let devnet = devnet(2, |b| set(b.same_node(SameNode::Drop).idle_limit(LONG))).await;
    let mut subscribers =
        [Sdk::subscriber(&devnet.node(0), &["t"]).await, Sdk::subscriber(&devnet.node(1), &["t"]).await];
    let mut at_0 = Sdk::connect(&devnet.node(0)).await;
    let mut at_1 = Sdk::connect(&devnet.node(1)).await;
    assert_eq!(receiver(&mut at_0, 0, &mut subscribers).await, Some(1));
    assert_eq!(receiver(&mut at_1, 1, &mut subscribers).await, None);
    devnet.control("clock-offset 0 0.5").await.unwrap();
    devnet.control("clock-offset 1 -0.5").await.unwrap();
    assert_eq!(receiver(&mut at_0, 2, &mut subscribers).await, None);
    assert_eq!(receiver(&mut at_1, 3, &mut subscribers).await, Some(0));
}

#[tokio::test(start_paused = true)]
async fn nodes_like_2_11_choose_by_the_second() {
    let devnet = devnet(2, |b| {
        let real = b.like_2_11().reorder(Duration::ZERO).wall_clock(clock_at(FIRST - 10));
        real.idle_limit(LONG)
    })
    .await;
    let _near = Sdk::subscriber(&devnet.node(0), &["t"]).await;
    let mut far = [Sdk::subscriber(&devnet.node(1), &["t"]).await];
    let mut publisher = Sdk::connect(&devnet.node(0)).await;
    // The nodes exchange topic lists every 5 s.
    sleep(Duration::from_secs(10)).await;
    let received = receivers(&mut publisher, &mut far).await;
    assert_eq!(received, OBSERVED.map(|index| (index == 0).then_some(0)));
}

#[tokio::test(start_paused = true)]
async fn choice_can_be_set_apart_from_the_loss() {
    let mut received = Vec::new();
    for (same_node, choice) in
        [(SameNode::Deliver, Some(Choice::EachSecond)), (SameNode::Drop, Some(Choice::EachMessage))]
    {
        let set = |b: DevnetBuilder| b.same_node(same_node).wall_clock(clock_at(FIRST)).idle_limit(LONG);
        let devnet = devnet(2, |b| choice.into_iter().fold(set(b), DevnetBuilder::choice)).await;
        let mut subscribers =
            [Sdk::subscriber(&devnet.node(1), &["t"]).await, Sdk::subscriber(&devnet.node(0), &["t"]).await];
        let mut publisher = Sdk::connect(&devnet.node(0)).await;
        received.push(receivers(&mut publisher, &mut subscribers).await);
    }
    assert_eq!(received[0], OBSERVED.map(Some), "computed, and delivered at the publisher's node");
    assert_ne!(received[1], OBSERVED.map(|index| (index == 0).then_some(0)), "random, and lost there");
}
