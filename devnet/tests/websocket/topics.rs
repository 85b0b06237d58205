//! Topic lists.

use std::time::Duration;

use tokio::time::sleep;

use crate::peer::{Peer, REQUEST, TOPICS, devnet, message, raw};

#[tokio::test(start_paused = true)]
async fn lists_only_add_and_unreadable_ones_change_nothing() {
    let devnet = devnet(1, |b| b).await;
    let node = devnet.node(0);
    let mut peer = Peer::subscriber(&node, &["a", "主题"]).await;
    peer.subscribe(&["b"]).await;
    peer.send(&raw(TOPICS, "1", "{\"topics\":[{}]}")).await;
    peer.send(&raw(TOPICS, "1", "no JSON")).await;
    peer.subscribe(&[]).await;
    assert_eq!(node.topics(), ["a", "b", "主题"]);
    drop(peer);
    let mut other = Peer::connect(&node).await;
    while !node.topics().is_empty() {
        other.sync().await;
    }
}

#[tokio::test(start_paused = true)]
async fn other_nodes_know_a_topic_after_the_interval() {
    let devnet = devnet(2, |b| b.topic_sync(Duration::from_secs(2))).await;
    let mut publisher = Peer::connect(&devnet.node(0)).await;
    let mut subscriber = Peer::subscriber(&devnet.node(1), &["t"]).await;
    publisher.send(&raw(REQUEST, "1", message("t", "x"))).await;
    assert_eq!(publisher.message().await.status, 3001);
    sleep(Duration::from_secs(2)).await;
    publisher.send(&raw(REQUEST, "2", message("t", "x"))).await;
    assert_eq!(subscriber.message().await.payload, message("t", "x"));
    // A node that still believes in a subscriber that has left.
    drop(subscriber);
    while !devnet.node(1).sessions().is_empty() {
        publisher.sync().await;
    }
    assert_eq!(publisher.message().await.status, -4006, "the pending one");
    publisher.send(&raw(REQUEST, "3", message("t", "x"))).await;
    let gone = publisher.message().await;
    assert_eq!(gone, raw(0, "3", "NotFoundClientByTopicDispatchMsg").with_status(3002));
    sleep(Duration::from_secs(2)).await;
    publisher.send(&raw(REQUEST, "4", message("t", "x"))).await;
    assert_eq!(publisher.message().await.status, 3001);
}
