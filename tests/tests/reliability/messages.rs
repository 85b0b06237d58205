//! Nodes and connections live, but what they carry is late, lost or in another order.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use amop::ErrorKind;
use amop_devnet::Fault;

use crate::scene::{Scene, nodes};

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
    let scene = Scene::start(nodes(3).reorder(Duration::from_millis(100))).await;
    for _ in 0..4 {
        scene.load_flows().await;
    }
    let tally = scene.finish("out of order").await;
    assert_eq!((tally.failed, tally.uncertain), (0, 0), "late is not lost");
}

#[tokio::test]
async fn replies_are_lost() {
    let scene = Scene::start(nodes(3)).await;
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
    let scene = Scene::start(nodes(3)).await;
    let fault = scene.devnet.inject(Fault::twice());
    scene.oracle.says("doubled frames", |_| scene.devnet.hits(fault) >= Some(200)).await;
    scene.devnet.clear_faults();
    let tally = scene.finish("frames doubled").await;
    assert_eq!((tally.failed, tally.uncertain), (0, 0), "twice is not lost");
}

#[tokio::test]
async fn a_handler_misses_the_nodes_limit() {
    // One call in fifteen takes longer than the node waits (1 s) and than the library lets it (0.7 s).
    let slow = Arc::new(AtomicBool::new(true));
    let is_slow = slow.clone();
    let thinking = move |call: usize| match call % 15 {
        0 if is_slow.load(Ordering::Relaxed) => Duration::from_millis(1300),
        _ => Duration::ZERO,
    };
    let scene = Scene::start_with(nodes(3), 2, 2, thinking).await;
    scene
        .oracle
        .says("calls answered for the handler", |oracle| oracle.failures(ErrorKind::SubscriberTooSlow) >= 3)
        .await;
    slow.store(false, Ordering::Relaxed);
    scene.finish("push time-out").await;
}
