//! Multicasts (0x35).

use std::time::Duration;

use amop_devnet::SameNode;

use crate::sdk::{BROADCAST, RESPONSE, Sdk, devnet, message, raw, seq};

const A_WHILE: Duration = Duration::from_secs(20);

#[tokio::test(start_paused = true)]
async fn acknowledgement_is_the_message_itself() {
    let devnet = devnet(2, |b| b).await;
    let mut publisher = Sdk::connect(&devnet.node(0)).await;
    let sent = raw(BROADCAST, seq("530"), message("demo/topic", "news")).with_result(7);
    let ack = raw(RESPONSE, seq("530"), message("demo/topic", "news"));
    assert_eq!(publisher.call(&sent).await, ack);
    let mut subscriber = Sdk::subscriber(&devnet.node(1), &["demo/topic"]).await;
    assert_eq!(publisher.call(&sent).await, ack);
    assert_eq!(subscriber.frame().await, sent, "copies are identical, including seq and result");
    publisher.nothing_for(A_WHILE).await;
}

#[tokio::test(start_paused = true)]
async fn every_subscribed_session_receives_one_copy() {
    let devnet = devnet(3, |b| b).await;
    let mut subscribers = Vec::new();
    for node in [1, 1, 2] {
        subscribers.push(Sdk::subscriber(&devnet.node(node), &["a", "b"]).await);
    }
    let mut other = Sdk::subscriber(&devnet.node(1), &["b"]).await;
    let mut publisher = Sdk::connect(&devnet.node(0)).await;
    let sent = raw(BROADCAST, seq("1"), message("a", ""));
    publisher.call(&sent).await;
    for subscriber in &mut subscribers {
        assert_eq!(subscriber.frame().await, sent);
        subscriber.nothing_for(Duration::from_secs(1)).await;
    }
    other.nothing_for(A_WHILE).await;
}

#[tokio::test(start_paused = true)]
async fn repeated_seq_is_delivered_each_time() {
    let devnet = devnet(2, |b| b).await;
    let mut subscriber = Sdk::subscriber(&devnet.node(1), &["a"]).await;
    let mut publisher = Sdk::connect(&devnet.node(0)).await;
    let sent = raw(BROADCAST, seq("1"), message("a", "x"));
    for _ in 0..3 {
        publisher.call(&sent).await;
        assert_eq!(subscriber.frame().await, sent);
    }
}

#[tokio::test(start_paused = true)]
async fn publisher_receives_no_copy_of_its_own_multicast() {
    let devnet = devnet(1, |b| b).await;
    let mut publisher = Sdk::subscriber(&devnet.node(0), &["a"]).await;
    let mut other = Sdk::subscriber(&devnet.node(0), &["a"]).await;
    let sent = raw(BROADCAST, seq("1"), message("a", "x"));
    assert_eq!(publisher.call(&sent).await.kind, RESPONSE);
    assert_eq!(other.frame().await, sent);
    publisher.nothing_for(A_WHILE).await;
}

#[tokio::test(start_paused = true)]
async fn like_2_11_sessions_of_the_publishers_node_receive_nothing() {
    let devnet = devnet(2, |b| b.same_node(SameNode::Drop)).await;
    let mut near = Sdk::subscriber(&devnet.node(0), &["a"]).await;
    let mut far = Sdk::subscriber(&devnet.node(1), &["a"]).await;
    let mut publisher = Sdk::connect(&devnet.node(0)).await;
    publisher.call(&raw(BROADCAST, seq("1"), message("a", "x"))).await;
    assert_eq!(far.frame().await.kind, BROADCAST);
    near.nothing_for(A_WHILE).await;
}

#[tokio::test(start_paused = true)]
async fn empty_body_is_not_acknowledged() {
    let devnet = devnet(1, |b| b).await;
    let mut publisher = Sdk::connect(&devnet.node(0)).await;
    publisher.send(&raw(BROADCAST, seq("1"), "")).await;
    publisher.nothing_for(A_WHILE).await;
}

#[tokio::test(start_paused = true)]
async fn body_without_a_topic_is_answered_with_100() {
    let devnet = devnet(1, |b| b).await;
    let mut publisher = Sdk::connect(&devnet.node(0)).await;
    for body in [&b"\x00abc"[..], b"\x01abc", b"\x05abc"] {
        let answer = publisher.call(&raw(BROADCAST, seq("1"), body)).await;
        assert_eq!(answer, raw(RESPONSE, seq("1"), "").with_result(100));
    }
}

#[tokio::test(start_paused = true)]
async fn message_over_the_bandwidth_limit_is_answered_with_103() {
    let devnet = devnet(2, |b| b.bandwidth(1000)).await;
    let mut subscriber = Sdk::subscriber(&devnet.node(1), &["a"]).await;
    let mut publisher = Sdk::connect(&devnet.node(0)).await;
    let large = raw(BROADCAST, seq("1"), message("a", &"x".repeat(2000)));
    assert_eq!(publisher.call(&large).await.result, 0, "the message that exhausts the budget passes");
    subscriber.frame().await;
    for kind in [BROADCAST, 0x30] {
        let answer = publisher.call(&raw(kind, seq("852"), message("a", "x"))).await;
        assert_eq!(answer, raw(RESPONSE, seq("852"), "").with_result(103));
    }
    subscriber.nothing_for(A_WHILE).await;
    assert_eq!(publisher.call(&raw(BROADCAST, seq("1"), message("a", "x"))).await.result, 0);
}
