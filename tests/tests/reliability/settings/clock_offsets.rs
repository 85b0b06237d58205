//! Nodes whose clocks differ from the publisher's: the difference is learned from what is lost and what is answered.

use std::time::Duration;

use amop::{Delivery, ErrorKind, Placement, Retry};

use futures_util::future::join_all;

use super::pausing_clock::PausingClock;
use super::{MESSAGES, Received, client_everywhere, client_with_clock, nodes_that_drop};
use crate::oracle::GUARD;

/// After so many unicasts without a loss the clocks are known well enough.
const IN_A_ROW: usize = 50;
/// The most unicasts that are lost until then.
const MAX_LOST: usize = 200;
/// How far apart they are sent, which is no part of a second.
const PAUSE: u64 = 130;

/// Sends unicasts to nodes whose clocks are so many milliseconds ahead. Returns how many were lost until the difference
/// was learned, and how many of 40 then.
async fn losses(ahead: [i64; 2]) -> (usize, usize) {
    let clock = PausingClock::at(1_700_000_000_500);
    let nodes = nodes_that_drop().wall_clock(clock.wall_clock());
    let devnet = nodes.clock_offset(0, ahead[0]).clock_offset(1, ahead[1]).start().await.unwrap();
    let publisher = client_with_clock(&devnet, clock.wall_clock()).await;
    let subscriber = client_everywhere(&devnet).await;
    let (_received, _running) = Received::subscribe(&subscriber, "t", Placement::All).await;
    let first = publisher.publish("t", "first").retry(Retry::AtLeastOnce).timeout(GUARD);
    clock.during(&publisher, first.wait_for_subscriber(true).into_future()).await.unwrap();
    // Sends a unicast as soon as there is a second for it before the deadline. Returns whether it was answered.
    let send = async |timeout| {
        loop {
            clock.pass(PAUSE);
            let call = publisher.publish("t", "x").timeout(timeout).into_future();
            match clock.during(&publisher, call).await {
                Ok(_) => return true,
                Err(error) if error.kind() == ErrorKind::OwnNodeOnly => {}
                Err(error) => {
                    assert_eq!(error.delivery(), Delivery::Maybe, "{error}");
                    return false;
                }
            }
        }
    };
    let (mut lost, mut in_a_row) = (0, 0);
    while in_a_row < IN_A_ROW {
        // A unicast that is not answered within a second counts as lost, also on a busy machine.
        if send(Duration::from_secs(1)).await {
            in_a_row += 1;
        } else {
            (lost, in_a_row) = (lost + 1, 0);
        }
        assert!(lost < MAX_LOST, "{ahead:?} ms: {lost} lost, and the clocks are not learned");
    }
    let mut lost_then = 0;
    for _ in 0..MESSAGES {
        lost_then += usize::from(!send(GUARD).await);
    }
    println!("{ahead:?} ms: {lost} lost until the clocks were learned, then {lost_then} of {MESSAGES}");
    (lost, lost_then)
}

#[tokio::test]
async fn differences_of_clocks_are_learned() {
    let ahead = [[0, 0], [400, 400], [-1300, -1300], [2000, 2000], [450, -250]];
    for (ahead, (lost, then)) in ahead.into_iter().zip(join_all(ahead.map(losses)).await) {
        assert_eq!(then, 0, "{ahead:?}: {lost} lost before");
        assert!(ahead != [0, 0] || lost == 0, "{lost} lost though the clocks are the same");
    }
}
