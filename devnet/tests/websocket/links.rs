//! Links between nodes, and nodes that freeze or die.

use crate::peer::{BROADCAST, Peer, REQUEST, RESPONSE, devnet, message, raw};

#[tokio::test(start_paused = true)]
async fn unicast_across_a_lost_link_is_never_answered() {
    let devnet = devnet(2, |b| b).await;
    let mut publisher = Peer::connect(&devnet.node(0)).await;
    let mut subscriber = Peer::subscriber(&devnet.node(1), &["t"]).await;
    publisher.send(&raw(REQUEST, "1", message("t", "x"))).await;
    let delivery = subscriber.message().await;
    devnet.node(0).cut_link(&devnet.node(1));
    subscriber.send(&raw(RESPONSE, &delivery.seq, "lost")).await;
    subscriber.sync().await;
    publisher.gets_no_message().await;
}

#[tokio::test(start_paused = true)]
async fn unknown_loss_of_a_link_is_reported_as_not_sent() {
    let devnet = devnet(2, |b| b.link_loss(std::time::Duration::from_secs(5))).await;
    let mut publisher = Peer::connect(&devnet.node(0)).await;
    let _subscriber = Peer::subscriber(&devnet.node(1), &["t"]).await;
    devnet.node(0).cut_link(&devnet.node(1));
    publisher.send(&raw(REQUEST, "1", message("t", "x"))).await;
    let expected = raw(0, "1", "unable to send message to peer by topic").with_status(3003);
    assert_eq!(publisher.message().await, expected);
}

#[tokio::test(start_paused = true)]
async fn frozen_node_delivers_once_it_resumes() {
    let devnet = devnet(2, |b| b).await;
    let mut publisher = Peer::connect(&devnet.node(0)).await;
    let mut subscriber = Peer::subscriber(&devnet.node(1), &["t"]).await;
    devnet.node(1).freeze();
    publisher.send(&raw(REQUEST, "1", message("t", "one"))).await;
    publisher.send(&raw(BROADCAST, "2", message("t", "two"))).await;
    publisher.sync().await;
    devnet.node(1).thaw();
    assert_eq!(subscriber.message().await.payload, message("t", "one"));
    assert_eq!(subscriber.message().await.payload, message("t", "two"));
}

#[tokio::test(start_paused = true)]
async fn killed_node_forgets_its_sessions() {
    let devnet = devnet(2, |b| b).await;
    let mut publisher = Peer::connect(&devnet.node(0)).await;
    let mut subscriber = Peer::subscriber(&devnet.node(1), &["t"]).await;
    devnet.node(1).kill().await;
    assert_eq!(subscriber.next().await, None);
    publisher.send(&raw(REQUEST, "1", message("t", "x"))).await;
    assert_eq!(publisher.message().await.status, 3001);
    devnet.node(1).restart().await.unwrap();
    let mut subscriber = Peer::subscriber(&devnet.node(1), &["t"]).await;
    publisher.send(&raw(REQUEST, "2", message("t", "x"))).await;
    subscriber.message().await;
}
