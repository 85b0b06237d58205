//! Unicasts and their answers.

use std::time::Duration;

use amop_devnet::Devnet;
use tokio::time::{Instant, sleep};

use crate::peer::{BROADCAST, Peer, REQUEST, RESPONSE, devnet, message, raw};

const SEQ: &str = "c0ffee00000000000000000000001005";

fn published() -> crate::peer::Raw {
    raw(REQUEST, SEQ, message("t", "hello"))
}

/// Returns a publisher and a subscriber: at the same node, or at two.
async fn pair(nodes: usize) -> (Devnet, Peer, Peer) {
    let devnet = devnet(nodes, |b| b).await;
    let publisher = Peer::connect(&devnet.node(0)).await;
    let subscriber = Peer::subscriber(&devnet.node(nodes - 1), &["t"]).await;
    (devnet, publisher, subscriber)
}

#[tokio::test(start_paused = true)]
async fn delivery_has_a_seq_of_the_node_and_the_answer_the_publishers() {
    for nodes in [1, 2] {
        let (_devnet, mut publisher, mut subscriber) = pair(nodes).await;
        for seq in [SEQ, "", "a"] {
            let published = raw(REQUEST, seq, message("t", "hello"));
            publisher.send(&published).await;
            let delivery = subscriber.message().await;
            assert_eq!(delivery.seq.len(), 32);
            assert_ne!(delivery.seq, published.seq);
            assert_eq!(delivery.with_seq(seq), published);
            // Everything but the seq passes, whatever it is.
            let mut answer = raw(RESPONSE, &delivery.seq, "pong").with_status(7);
            answer.ext = 9;
            subscriber.send(&answer).await;
            assert_eq!(publisher.message().await, answer.with_seq(seq));
        }
        for kind in [0, REQUEST, BROADCAST, 0x999] {
            publisher.send(&published()).await;
            let delivery = subscriber.message().await;
            subscriber.send(&raw(kind, &delivery.seq, "")).await;
            assert_eq!(publisher.message().await, raw(kind, SEQ, ""));
            // A second answer is dropped.
            subscriber.send(&raw(RESPONSE, &delivery.seq, "again")).await;
            subscriber.sync().await;
        }
        publisher.gets_no_message().await;
    }
}

#[tokio::test(start_paused = true)]
async fn answer_that_would_stop_a_client_is_not_passed_on() {
    for (nodes, failure) in [(2, (SEQ.as_bytes(), -4008)), (1, (&b""[..], 0))] {
        let (_devnet, mut publisher, mut subscriber) = pair(nodes).await;
        for kind in [REQUEST, BROADCAST] {
            for payload in [&b"\0\0"[..], b"\0\0\0\0\0", b"\0\0\0\0\0\xffabc"] {
                publisher.send(&published()).await;
                let delivery = subscriber.message().await;
                subscriber.send(&raw(kind, &delivery.seq, payload)).await;
                let answer = publisher.message().await;
                assert_eq!((answer.kind, &answer.seq[..], answer.status), (0, failure.0, failure.1));
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn topic_without_a_subscriber_is_refused() {
    let devnet = devnet(1, |b| b).await;
    let mut publisher = Peer::connect(&devnet.node(0)).await;
    publisher.send(&raw(REQUEST, SEQ, message("主题", "x"))).await;
    let text = "there has no node subscribe this topic, topic: 主题";
    assert_eq!(publisher.message().await, raw(0, SEQ, text).with_status(3001));
    publisher.send(&raw(REQUEST, "1", "\0")).await;
    assert_eq!(publisher.message().await.status, 3001, "one byte is read as the empty topic");
}

#[tokio::test(start_paused = true)]
async fn other_nodes_come_first() {
    let devnet = devnet(3, |b| b).await;
    let mut publisher = Peer::connect(&devnet.node(0)).await;
    let mut own = Peer::subscriber(&devnet.node(0), &["t"]).await;
    let mut remote = Peer::subscriber(&devnet.node(2), &["t"]).await;
    for _ in 0..20 {
        publisher.send(&published()).await;
        let delivery = remote.message().await;
        remote.send(&raw(RESPONSE, &delivery.seq, "remote")).await;
        assert_eq!(publisher.message().await.payload, b"remote");
    }
    devnet.node(0).cut_link(&devnet.node(2));
    publisher.send(&published()).await;
    let delivery = own.message().await;
    own.send(&raw(RESPONSE, &delivery.seq, "own")).await;
    assert_eq!(publisher.message().await.payload, b"own");
}

#[tokio::test(start_paused = true)]
async fn only_the_session_that_got_the_delivery_can_answer() {
    let (devnet, mut publisher, mut subscriber) = pair(2).await;
    let mut stranger = Peer::connect(&devnet.node(1)).await;
    publisher.send(&published()).await;
    let delivery = subscriber.message().await;
    stranger.send(&raw(RESPONSE, &delivery.seq, "forged")).await;
    stranger.sync().await;
    subscriber.send(&raw(RESPONSE, &delivery.seq, "true")).await;
    assert_eq!(publisher.message().await.payload, b"true");
}

#[tokio::test(start_paused = true)]
async fn silent_subscriber_of_another_node_ends_the_unicast_after_30_s() {
    let (_devnet, mut publisher, mut subscriber) = pair(2).await;
    let began = Instant::now();
    publisher.send(&published()).await;
    let delivery = subscriber.message().await;
    let text = "waiting for message response timed out";
    assert_eq!(publisher.message().await, raw(0, SEQ, text).with_status(-4008));
    assert_eq!(began.elapsed().as_secs(), 30);
    subscriber.send(&raw(RESPONSE, &delivery.seq, "late")).await;
    subscriber.sync().await;
    publisher.gets_no_message().await;
}

#[tokio::test(start_paused = true)]
async fn silent_subscriber_of_the_own_node_gets_the_unicast_again() {
    let (_devnet, mut publisher, mut subscriber) = pair(1).await;
    let began = Instant::now();
    publisher.send(&published()).await;
    let first = subscriber.message().await;
    let (second, again) = (subscriber.message().await, began.elapsed().as_secs());
    let (end, ended) = (publisher.message().await, began.elapsed().as_secs());
    assert_ne!(first.seq, SEQ.as_bytes());
    assert_eq!((second, again), (published(), 30), "with the publisher's own seq");
    assert_eq!((end, ended), (raw(0, "", ""), 60), "a message that belongs to no request");
}

#[tokio::test(start_paused = true)]
async fn answer_to_the_second_delivery_arrives_and_to_the_first_does_not() {
    let (_devnet, mut publisher, mut subscriber) = pair(1).await;
    publisher.send(&published()).await;
    let (first, second) = (subscriber.message().await, subscriber.message().await);
    subscriber.send(&raw(RESPONSE, &first.seq, "first")).await;
    subscriber.send(&raw(RESPONSE, &second.seq, "second")).await;
    let answer = publisher.message().await;
    assert_eq!(answer, raw(RESPONSE, SEQ, "second"));
}

#[tokio::test(start_paused = true)]
async fn session_that_is_its_own_subscriber_gets_its_request_back() {
    let devnet = devnet(1, |b| b).await;
    let mut both = Peer::subscriber(&devnet.node(0), &["t"]).await;
    both.send(&published()).await;
    assert_ne!(both.message().await.seq, SEQ.as_bytes());
    assert_eq!(both.message().await, published());
    both.send(&raw(RESPONSE, SEQ, "pong")).await;
    assert_eq!(both.message().await, raw(RESPONSE, SEQ, "pong"));
}

#[tokio::test(start_paused = true)]
async fn subscriber_that_disconnects_ends_its_unicast_at_once() {
    for (nodes, expected) in [
        (1, raw(0, "", "")),
        (2, raw(0, SEQ, "Drop, the session has been disconnected, reason: -4001").with_status(-4006)),
    ] {
        let (_devnet, mut publisher, mut subscriber) = pair(nodes).await;
        publisher.send(&published()).await;
        subscriber.message().await;
        let began = Instant::now();
        drop(subscriber);
        assert_eq!(publisher.message().await, expected);
        assert_eq!(began.elapsed().as_secs(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn request_of_a_publisher_that_left_is_forgotten() {
    let (devnet, mut publisher, mut subscriber) = pair(2).await;
    publisher.send(&published()).await;
    let delivery = subscriber.message().await;
    assert_eq!(devnet.counters().in_flight, 1);
    drop(publisher);
    while devnet.counters().in_flight > 0 {
        sleep(Duration::from_millis(1)).await;
    }
    subscriber.send(&raw(RESPONSE, &delivery.seq, "nobody waits")).await;
    subscriber.sync().await;
    assert_eq!(devnet.counters().held_bytes, 0);
}
