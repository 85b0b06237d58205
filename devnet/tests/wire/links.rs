//! Links between nodes: lost links, dead and frozen nodes, frames too long for a link.

use std::time::Duration;

use amop::protocol::channel::frame::{HEADER_LEN, MAX_FRAME_LEN};
use amop_devnet::{Devnet, DevnetBuilder};

use crate::sdk::{BROADCAST, REQUEST, RESPONSE, Raw, Sdk, devnet, message, raw, seq};

/// Longer than the exchange of topic lists.
const A_WHILE: Duration = Duration::from_secs(10);

fn sent() -> Raw {
    raw(REQUEST, seq("1"), message("t", "x"))
}

fn answer() -> Raw {
    raw(RESPONSE, seq("1"), message("t", "y"))
}

fn code_100() -> Raw {
    raw(RESPONSE, seq("1"), "").with_result(100)
}

/// A publisher at the first node, a subscriber at the second.
async fn pair(set: impl FnOnce(DevnetBuilder) -> DevnetBuilder) -> (Devnet, Sdk, Sdk) {
    let devnet = devnet(2, set).await;
    let publisher = Sdk::connect(&devnet.node(0)).await;
    let subscriber = Sdk::subscriber(&devnet.node(1), &["t"]).await;
    (devnet, publisher, subscriber)
}

#[tokio::test(start_paused = true)]
async fn killed_node_ends_unicasts_with_100_until_it_restarts() {
    let (devnet, mut publisher, mut subscriber) = pair(|b| b).await;
    publisher.send(&sent()).await;
    subscriber.frame().await;
    devnet.node(1).kill().await;
    assert_eq!(publisher.frame().await, code_100());
    subscriber.closed().await;
    assert_eq!(publisher.call(&sent()).await, code_100(), "later ones are answered at once");
    assert!(!devnet.node(1).attach(tokio::io::duplex(64).0), "a dead node accepts no session");

    devnet.node(1).restart().await.unwrap();
    let mut subscriber = Sdk::subscriber(&devnet.node(1), &["t"]).await;
    publisher.send(&sent()).await;
    assert_eq!(subscriber.frame().await, sent());
}

#[tokio::test(start_paused = true)]
async fn like_2_11_loss_and_return_of_a_node_take_seconds() {
    let (devnet, mut publisher, mut subscriber) =
        pair(|b| b.like_2_11().reorder(Duration::ZERO).idle_limit(10 * A_WHILE)).await;
    tokio::time::sleep(A_WHILE).await;
    publisher.send(&sent()).await;
    subscriber.frame().await;
    devnet.node(1).kill().await;
    let (answer, took) = publisher.timed_frame().await;
    assert_eq!((answer, took.as_secs()), (code_100(), 5));
    publisher.send(&sent()).await;
    assert_eq!(
        publisher.timed_frame().await,
        (code_100(), Duration::ZERO),
        "later ones are answered at once"
    );

    devnet.node(1).restart().await.unwrap();
    let mut subscriber = Sdk::subscriber(&devnet.node(1), &["t"]).await;
    assert_eq!(publisher.call(&sent()).await, code_100(), "the topic is not known yet");
    tokio::time::sleep(Duration::from_secs(5)).await;
    publisher.send(&sent()).await;
    assert_eq!(subscriber.frame().await, sent());
}

#[tokio::test(start_paused = true)]
async fn killed_publishers_node_leaves_nothing() {
    let (devnet, mut publisher, mut subscriber) = pair(|b| b).await;
    publisher.send(&sent()).await;
    subscriber.frame().await;
    devnet.node(0).kill().await;
    publisher.closed().await;
    subscriber.send(&answer()).await;
    subscriber.ping().await;
    let counters = devnet.counters();
    assert_eq!((counters.in_flight, counters.held_bytes, counters.sessions), (0, 0, 1));
}

#[tokio::test(start_paused = true)]
async fn cut_link_loses_replies_and_topics_until_restored() {
    let (devnet, mut publisher, mut subscriber) = pair(|b| b).await;
    publisher.send(&sent()).await;
    subscriber.frame().await;
    devnet.node(0).cut_link(&devnet.node(1));
    assert_eq!(publisher.frame().await, code_100());
    subscriber.send(&answer()).await;
    assert_eq!(publisher.call(&sent()).await, code_100());
    let news = raw(BROADCAST, seq("2"), message("t", "news"));
    assert_eq!(publisher.call(&news).await.result, 0, "acknowledged nevertheless");
    subscriber.nothing_for(Duration::from_secs(1)).await;

    devnet.node(1).restore_link(&devnet.node(0));
    publisher.send(&sent()).await;
    assert_eq!(subscriber.frame().await, sent());
    subscriber.send(&answer()).await;
    assert_eq!(publisher.frame().await, answer());
}

#[tokio::test(start_paused = true)]
async fn link_loss_is_noticed_after_the_loss_time() {
    let (devnet, mut publisher, mut subscriber) = pair(|b| b.link_loss(Duration::from_secs(5))).await;
    publisher.send(&sent()).await;
    subscriber.frame().await;
    devnet.node(0).cut_link(&devnet.node(1));
    subscriber.send(&answer()).await;
    let (lost, took) = publisher.timed_frame().await;
    assert_eq!((lost, took.as_secs()), (code_100(), 5));
}

#[tokio::test(start_paused = true)]
async fn code_104_is_not_sent_over_a_lost_link() {
    let (devnet, mut publisher, mut subscriber) = pair(|b| b.link_loss(Duration::from_secs(5))).await;
    publisher.send(&sent()).await;
    subscriber.frame().await;
    devnet.node(0).cut_link(&devnet.node(1));
    drop(subscriber);
    let (lost, took) = publisher.timed_frame().await;
    assert_eq!((lost, took.as_secs()), (code_100(), 5), "104 is not answered at once");
}

#[tokio::test(start_paused = true)]
async fn messages_sent_after_a_short_loss_are_kept() {
    let (devnet, mut publisher, mut subscriber) = pair(|b| b.link_loss(Duration::from_secs(5))).await;
    publisher.send(&sent()).await;
    subscriber.frame().await;
    devnet.node(0).cut_link(&devnet.node(1));
    devnet.node(0).restore_link(&devnet.node(1));
    let second = raw(REQUEST, seq("2"), message("t", "x"));
    publisher.send(&second).await;
    assert_eq!(subscriber.frame().await, second);
    tokio::time::sleep(Duration::from_millis(4500)).await;
    subscriber.send(&raw(RESPONSE, seq("2"), "")).await;
    assert_eq!(publisher.frame().await.seq, seq("2"));
}

#[tokio::test(start_paused = true)]
async fn next_node_is_tried_after_the_first_is_lost() {
    let devnet = devnet(3, |b| b).await;
    let mut publisher = Sdk::connect(&devnet.node(0)).await;
    let mut one = Sdk::subscriber(&devnet.node(1), &["t"]).await;
    let mut two = Sdk::subscriber(&devnet.node(2), &["t"]).await;
    publisher.send(&sent()).await;
    let first = tokio::select! { _ = one.frame() => 1, _ = two.frame() => 2 };
    devnet.node(first).kill().await;
    let other = if first == 1 { &mut two } else { &mut one };
    assert_eq!(other.frame().await, sent());
    other.send(&answer()).await;
    assert_eq!(publisher.frame().await, answer());
}

#[tokio::test(start_paused = true)]
async fn frozen_node_delivers_late_after_code_100() {
    let (devnet, mut publisher, mut subscriber) = pair(|b| b).await;
    devnet.node(1).freeze();
    publisher.send(&sent()).await;
    let news = raw(BROADCAST, seq("2"), message("t", "news"));
    publisher.send(&news).await;
    assert_eq!(publisher.frame().await.seq, seq("2"));
    let (late, took) = publisher.timed_frame().await;
    assert_eq!((late, took.as_secs()), (code_100(), 30));
    publisher.send(&raw(REQUEST, seq("3"), message("t", "z"))).await;
    subscriber.nothing_for(Duration::from_secs(10)).await;
    devnet.node(1).thaw();
    assert_eq!(subscriber.frame().await, news);
    assert_eq!(subscriber.frame().await.seq, seq("3"));
    subscriber.send(&raw(RESPONSE, seq("3"), "")).await;
    assert_eq!(publisher.frame().await.seq, seq("3"));
}

#[tokio::test(start_paused = true)]
async fn frozen_publishers_node_answers_when_thawed() {
    let (devnet, mut publisher, mut subscriber) = pair(|b| b).await;
    publisher.send(&sent()).await;
    subscriber.frame().await;
    devnet.node(0).freeze();
    subscriber.send(&answer()).await;
    publisher.nothing_for(Duration::from_secs(40)).await;
    devnet.node(0).thaw();
    assert_eq!(publisher.frame().await, answer());
}

#[tokio::test(start_paused = true)]
async fn frame_too_long_for_the_link_breaks_it_for_a_while() {
    let (_devnet, mut publisher, mut subscriber) = pair(|b| b.link_rejoin(Duration::from_secs(2))).await;
    let topic = message("t", "");
    let body = |spare: usize| {
        let mut body = topic.clone();
        body.resize(MAX_FRAME_LEN - HEADER_LEN - spare, 7);
        body
    };
    publisher.send(&raw(REQUEST, seq("1"), body(0))).await;
    assert_eq!(publisher.frame().await, code_100());
    assert_eq!(publisher.call(&sent()).await, code_100(), "the link is lost");
    tokio::time::sleep(Duration::from_secs(2)).await;
    let largest = raw(REQUEST, seq("2"), body(16 * 1024));
    publisher.send(&largest).await;
    assert!(subscriber.frame().await == largest);
}
