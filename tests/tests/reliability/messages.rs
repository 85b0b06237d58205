//! Faults of messages: they are delayed, lost, duplicated or reordered.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, UNIX_EPOCH};

use amop::ErrorKind;
use amop_devnet::{Fault, FaultId, Generation, SameNode, WallClock};

use crate::oracle::Oracle;
use crate::setup::{ECHO, INBOX, Setup, duplicates, nodes, reply_type};

on_both_generations! {
    topic_lists_are_exchanged_slowly,
    frames_are_reordered,
    replies_are_lost,
    frames_are_duplicated,
    handler_exceeds_the_push_limit,
}

async fn topic_lists_are_exchanged_slowly(generation: Generation) {
    let scenario =
        Setup::new(generation, nodes(generation, 3).topic_sync(Duration::from_secs(1))).start().await;
    // The service moves to another node, which the other nodes learn after a while.
    scenario.devnet.node(0).kill().await;
    scenario.wait_for_progress().await;
    scenario.devnet.node(0).restart().await.unwrap();
    scenario.finish("topic-sync delay").await;
}

async fn frames_are_reordered(generation: Generation) {
    let scenario = Setup::new(generation, nodes(generation, 3).reorder(Duration::from_millis(100)))
        .patient()
        .start()
        .await;
    for _ in 0..4 {
        scenario.wait_for_progress().await;
    }
    let totals = scenario.finish("out of order").await;
    assert_eq!((totals.failed, totals.uncertain), (0, 0), "a delay loses no call");
}

async fn replies_are_lost(generation: Generation) {
    let scenario = Setup::new(generation, nodes(generation, 3)).steady().start().await;
    let by_nodes = Fault::lose().on_type(reply_type(generation)).times(6);
    let by_servers = Fault::lose().from_clients().on_type(reply_type(generation)).times(6);
    let faults = [scenario.devnet.inject(by_nodes), scenario.devnet.inject(by_servers)];
    for fault in faults {
        scenario.oracle.wait_until("lost replies", |_| scenario.devnet.hits(fault) == Some(6)).await;
    }
    scenario.finish("reply lost").await;
}

async fn frames_are_duplicated(generation: Generation) {
    let scenario = Setup::new(generation, nodes(generation, 3)).patient().start().await;
    let faults: Vec<_> =
        duplicates(generation).into_iter().map(|fault| scenario.devnet.inject(fault)).collect();
    let hits = |fault: &FaultId| scenario.devnet.hits(*fault).unwrap_or(0);
    let enough = |_: &Oracle| faults.iter().map(hits).sum::<u64>() >= 200;
    scenario.oracle.wait_until("duplicated frames", enough).await;
    scenario.devnet.clear_faults();
    let totals = scenario.finish("frames duplicated").await;
    assert_eq!((totals.failed, totals.uncertain), (0, 0), "duplicates lose no call");
}

async fn handler_exceeds_the_push_limit(generation: Generation) {
    // One call in fifteen takes longer than the push limit of the node (1 s) and the answer timeout (0.7 s).
    let slow = Arc::new(AtomicBool::new(true));
    let is_slow = slow.clone();
    let handler_time = move |topic: &str, call: usize| match call % 15 {
        0 if topic == ECHO && is_slow.load(Ordering::Relaxed) => Duration::from_millis(1300),
        _ => Duration::ZERO,
    };
    let scenario =
        Setup::new(generation, nodes(generation, 3)).handler_time(handler_time).steady().start().await;
    scenario
        .oracle
        .wait_until("calls that the library answers for the handler", |oracle| {
            oracle.failures(ErrorKind::SubscriberTooSlow) >= 3
        })
        .await;
    slow.store(false, Ordering::Relaxed);
    scenario.finish("push time-out").await;
}

/// In this second and the four around it, nodes that choose among up to three candidates choose another node than
/// themselves.
const GOOD_SECOND: Duration = Duration::from_millis(1_700_000_004_500);

#[tokio::test]
async fn nodes_drop_messages_for_their_own_sessions() {
    // All nodes list the topic of the subscribers, so that any node loses its unicasts in other seconds than this one.
    let setup = Setup::new(Generation::V2, nodes(Generation::V2, 3).same_node(SameNode::Drop))
        .wall_clock(WallClock::from_fn(|| UNIX_EPOCH + GOOD_SECOND));
    let scenario = setup.patient().start().await;
    for _ in 0..5 {
        scenario.wait_for_progress().await;
    }
    let oracle = scenario.oracle.clone();
    let all = scenario.finish("same-node drop").await;
    let inbox = oracle.totals_of(|topic, _| topic == INBOX);
    println!("same-node drop, to subscribers listed at all nodes: {inbox}");
    assert_eq!((all.failed, all.uncertain), (0, 0), "no unicast is sent to a node that loses it");
    assert_eq!(all.copies_missed, 0, "broadcasts are sent through enough nodes");
}
