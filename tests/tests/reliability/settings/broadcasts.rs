//! Broadcasts: which arrive, how often, and how many copies are sent for that.

use std::time::Duration;

use amop::{Client, Placement};
use amop_devnet::{Devnet, DevnetBuilder};

use super::{MESSAGES, Received, client_everywhere, nodes_like_2_11, nodes_that_drop, patient};
use crate::oracle::GUARD;

/// Waits until every node that delivers broadcasts to a subscriber knows it.
async fn wait_until_known(devnet: &Devnet, topic: &str, received: &Received, placement: Placement) {
    let mut publishers = Vec::new();
    for node in devnet.nodes() {
        let client = patient(node.client()).call_timeout(GUARD).connect().await.unwrap();
        publishers.push((format!("by {}", node.endpoint()), client));
    }
    let known = |probe: &str| received.0.lock().unwrap().contains_key(probe);
    let enough = |publishers: &[(String, Client)]| match placement {
        // The node that lists the topic drops messages for its own sessions, so that only the other one delivers.
        Placement::One => publishers.iter().any(|(probe, _)| known(probe)),
        _ => publishers.iter().all(|(probe, _)| known(probe)),
    };
    let all_known = async {
        while !enough(&publishers) {
            for (probe, publisher) in &publishers {
                publisher.broadcast(topic, probe.clone()).await.unwrap();
                received.has_within(probe, Duration::from_millis(100)).await;
            }
        }
    };
    tokio::time::timeout(GUARD, all_known).await.expect("nodes exchange topic lists");
}

/// Prints and checks the table of broadcasts.
async fn table_of_broadcasts(name: &str, nodes: DevnetBuilder) {
    let devnet = nodes.start().await.unwrap();
    for (placement, all_nodes) in
        [(Placement::All, false), (Placement::All, true), (Placement::One, false), (Placement::One, true)]
    {
        let topic = format!("{placement:?} {all_nodes}");
        let subscriber = client_everywhere(&devnet).await;
        let (received, _guard) = Received::subscribe(&subscriber, &topic, placement).await;
        wait_until_known(&devnet, &topic, &received, placement).await;
        let publisher = client_everywhere(&devnet).await;
        let copies_before = subscriber.stats().total().messages_received;
        for n in 0..MESSAGES {
            publisher.broadcast(&topic, n.to_string()).all_nodes(all_nodes).timeout(GUARD).await.unwrap();
        }
        for n in 0..MESSAGES {
            assert!(
                received.has_within(&n.to_string(), GUARD).await,
                "{name}: {topic}: {n} was not received"
            );
        }
        subscriber.close().await.unwrap();
        let copies = subscriber.stats().total().messages_received - copies_before;
        let (missed, twice) = (received.count(|times| times == 0), received.count(|times| times > 1));
        println!(
            "{name}: broadcast, placement {placement:?}, all nodes {all_nodes}: {missed} of {MESSAGES} missed, \
             {twice} twice, {copies} copies received"
        );
        assert_eq!((missed, twice), (0, 0));
    }
}

#[tokio::test]
async fn broadcasts_arrive_once_at_nodes_that_drop() {
    table_of_broadcasts("same-node drop", nodes_that_drop()).await;
}

#[tokio::test]
async fn broadcasts_arrive_once_at_nodes_like_2_11() {
    table_of_broadcasts("like 2.11", nodes_like_2_11()).await;
}
