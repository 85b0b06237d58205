//! Nodes and connections live, but what they carry is late, lost or in another order.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use amop::ErrorKind;
use amop_devnet::{Fault, SameNode};

use crate::oracle::Wants;
use crate::scene::Scene;
use crate::setup::{ECHO, INBOX, Setup, nodes};

#[tokio::test]
async fn topics_take_their_time_between_nodes() {
    let scene = Scene::start(nodes(3).topic_sync(Duration::from_secs(1))).await;
    // The service moves: its new place is unknown to the other nodes for a while.
    scene.devnet.node(0).kill().await;
    scene.load_flows().await;
    scene.devnet.node(0).restart().await.unwrap();
    scene.finish("topic-sync delay").await;
}

#[tokio::test]
async fn frames_overtake_each_other() {
    let scene = Setup::new(nodes(3).reorder(Duration::from_millis(100))).patient().start().await;
    for _ in 0..4 {
        scene.load_flows().await;
    }
    let tally = scene.finish("out of order").await;
    assert_eq!((tally.failed, tally.uncertain), (0, 0), "late is not lost");
}

#[tokio::test]
async fn replies_are_lost() {
    let scene = Setup::new(nodes(3)).steady().start().await;
    let by_nodes = Fault::lose().on_type(0x31).times(6);
    let by_servers = Fault::lose().from_clients().on_type(0x31).times(6);
    let faults = [scene.devnet.inject(by_nodes), scene.devnet.inject(by_servers)];
    for fault in faults {
        scene.oracle.says("lost replies", |_| scene.devnet.hits(fault) == Some(6)).await;
    }
    scene.finish("reply lost").await;
}

#[tokio::test]
async fn frames_come_twice() {
    let scene = Setup::new(nodes(3)).patient().start().await;
    let fault = scene.devnet.inject(Fault::twice());
    scene.oracle.says("duplicated frames", |_| scene.devnet.hits(fault) >= Some(200)).await;
    scene.devnet.clear_faults();
    let tally = scene.finish("frames duplicated").await;
    assert_eq!((tally.failed, tally.uncertain), (0, 0), "twice is not lost");
}

#[tokio::test]
async fn a_handler_misses_the_nodes_limit() {
    // One call in fifteen takes longer than the node waits (1 s) and than the library lets it (0.7 s).
    let slow = Arc::new(AtomicBool::new(true));
    let is_slow = slow.clone();
    let thinking = move |topic: &str, call: usize| match call % 15 {
        0 if topic == ECHO && is_slow.load(Ordering::Relaxed) => Duration::from_millis(1300),
        _ => Duration::ZERO,
    };
    let scene = Setup::new(nodes(3)).thinking(thinking).steady().start().await;
    scene
        .oracle
        .says("calls answered for the handler", |oracle| oracle.failures(ErrorKind::SubscriberTooSlow) >= 3)
        .await;
    slow.store(false, Ordering::Relaxed);
    scene.finish("push time-out").await;
}

#[tokio::test]
async fn nodes_drop_what_is_for_their_own() {
    // A node that picks itself waits in vain for longer than the caller; another message that picks itself meanwhile is
    // forgotten.
    let setup = Setup::new(nodes(3).same_node(SameNode::Drop)).patient();
    let scene = setup.inbox_timeout(Duration::from_secs(2)).start().await;
    // How many are dropped is chance, and less with each second in which the client learns which node does better.
    for _ in 0..5 {
        scene.load_flows().await;
    }
    let oracle = scene.oracle.clone();
    let all = scene.finish("same-node drop").await;
    let inbox = oracle.tally_of(|topic, _| topic == INBOX);
    println!("same-node drop, to subscribers listed at all nodes: {inbox}");
    // What no choice of node can save, all of them listing the topic: everything else can, and was.
    assert_eq!((all.failed, all.uncertain), (inbox.failed, inbox.uncertain));
    assert_eq!(inbox.failed, 0, "nobody can know that it wasn't delivered");
    let to_service = oracle.tally_of(|topic, wants| topic == ECHO && wants != Wants::Broadcast);
    assert_eq!(to_service.done, to_service.calls, "a service is listed at one node only");
    assert_eq!(all.copies_missed, 0, "broadcasts go through as many nodes as it takes");
}
