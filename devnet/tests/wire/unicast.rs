//! Unicasts (0x30) and their replies (0x31).

use std::time::Duration;

use amop::protocol::Seq;
use amop_devnet::{Devnet, SameNode};

use crate::sdk::{BROADCAST, LONG, REQUEST, RESPONSE, Raw, Sdk, TOPICS, devnet, message, raw, seq};

fn sent() -> Raw {
    raw(REQUEST, seq("51"), message("demo/topic", "ping"))
}

/// Returns two nodes, with a publisher at the first and a subscriber at the second.
async fn pair() -> (Devnet, Sdk, Sdk) {
    let devnet = devnet(2, |b| b).await;
    let publisher = Sdk::connect(&devnet.node(0)).await;
    let subscriber = Sdk::subscriber(&devnet.node(1), &["demo/topic"]).await;
    (devnet, publisher, subscriber)
}

#[tokio::test(start_paused = true)]
async fn reply_of_any_type_and_body_is_passed_on_unchanged() {
    let (_devnet, mut publisher, mut subscriber) = pair().await;
    let sent = sent().with_result(3);
    for reply in [
        raw(RESPONSE, seq("51"), message("demo/topic", "pong")),
        raw(RESPONSE, seq("51"), message("demo/topic", "bad")).with_result(-7),
        raw(RESPONSE, seq("51"), message("demo/topic", "")),
        raw(RESPONSE, seq("51"), ""),
        raw(RESPONSE, seq("51"), message("another", "pong")),
        raw(RESPONSE, seq("51"), b"\x00whatever"),
        raw(REQUEST, seq("51"), message("demo/topic", "ping")),
        raw(REQUEST, seq("51"), ""),
        raw(BROADCAST, seq("51"), message("demo/topic", "ping")),
        raw(BROADCAST, seq("51"), "not a topic body"),
        raw(0x12, seq("51"), "not a call"),
        raw(0x13, seq("51"), ""),
        raw(0x14, seq("51"), r#"{"minimumSupport":4,"maximumSupport":9}"#),
        raw(TOPICS, seq("51"), "[]"),
        raw(0x37, seq("51"), "{}"),
        raw(0x38, seq("51"), "{}"),
        raw(0x4321, seq("51"), "an unknown type"),
    ] {
        publisher.send(&sent).await;
        assert_eq!(subscriber.frame().await, sent);
        subscriber.send(&reply).await;
        assert_eq!(publisher.frame().await, reply);
    }
}

#[tokio::test(start_paused = true)]
async fn seq_may_be_any_32_bytes() {
    let (_devnet, mut publisher, mut subscriber) = pair().await;
    for seq in [[0; 32], [0xff; 32], *b"not hex, but 32 bytes long......"] {
        let sent = raw(REQUEST, Seq::new(seq), message("demo/topic", "x"));
        publisher.send(&sent).await;
        assert_eq!(subscriber.frame().await, sent);
        let reply = raw(RESPONSE, Seq::new(seq), message("demo/topic", "y"));
        subscriber.send(&reply).await;
        assert_eq!(publisher.frame().await, reply);
    }
}

#[tokio::test(start_paused = true)]
async fn unicast_without_a_subscriber_is_answered_with_100() {
    let devnet = devnet(2, |b| b).await;
    let mut publisher = Sdk::connect(&devnet.node(0)).await;
    assert_eq!(publisher.call(&sent()).await, raw(RESPONSE, seq("51"), "").with_result(100));
}

#[tokio::test(start_paused = true)]
async fn body_without_a_topic_is_answered_with_100() {
    let devnet = devnet(1, |b| b).await;
    let mut publisher = Sdk::connect(&devnet.node(0)).await;
    for body in [&b""[..], b"\x00abc", b"\x01abc", b"\x05abc"] {
        let answer = publisher.call(&raw(REQUEST, seq("1"), body)).await;
        assert_eq!(answer, raw(RESPONSE, seq("1"), "").with_result(100), "{body:?}");
    }
    let answer = publisher.call(&raw(RESPONSE, seq("1"), b"\x00abc")).await;
    assert_eq!(answer.result, 100, "a stray reply with the length that crashes real nodes");
}

#[tokio::test(start_paused = true)]
async fn unknown_late_and_second_replies_are_ignored() {
    let (_devnet, mut publisher, mut subscriber) = pair().await;
    publisher.send(&sent()).await;
    subscriber.frame().await;
    subscriber.send(&raw(RESPONSE, seq("other"), message("demo/topic", "x"))).await;
    publisher.nothing_for(Duration::from_secs(4)).await;
    let reply = raw(RESPONSE, seq("51"), message("demo/topic", "first"));
    subscriber.send(&reply).await;
    subscriber.send(&raw(RESPONSE, seq("51"), message("demo/topic", "second"))).await;
    assert_eq!(publisher.frame().await, reply);
    publisher.nothing_for(LONG / 10).await;

    publisher.send(&sent()).await;
    subscriber.frame().await;
    assert_eq!(publisher.frame().await.result, 104);
    subscriber.send(&reply).await;
    subscriber.ping().await;
    publisher.nothing_for(LONG / 10).await;
}

#[tokio::test(start_paused = true)]
async fn silent_subscriber_causes_104_after_the_push_limit() {
    let (_devnet, mut publisher, mut subscriber) = pair().await;
    publisher.send(&sent()).await;
    subscriber.frame().await;
    let (answer, took) = publisher.timed_frame().await;
    assert_eq!(answer, raw(RESPONSE, seq("51"), message("demo/topic", "ping")).with_result(104));
    assert_eq!(took.as_secs(), 5);
    subscriber.nothing_for(LONG / 10).await;
}

#[tokio::test(start_paused = true)]
async fn next_session_receives_the_frame_after_the_push_limit() {
    let devnet = devnet(2, |b| b.push_limit(Duration::from_secs(2))).await;
    let mut publisher = Sdk::connect(&devnet.node(0)).await;
    let mut one = Sdk::subscriber(&devnet.node(1), &["demo/topic"]).await;
    let mut two = Sdk::subscriber(&devnet.node(1), &["demo/topic"]).await;
    publisher.send(&sent()).await;
    let ((first, at_one), (second, at_two)) = tokio::join!(one.timed_frame(), two.timed_frame());
    assert_eq!((first, second), (sent(), sent()));
    assert_eq!((at_one + at_two).as_secs(), 2, "the sessions are tried one after the other");
    let later = if at_one > at_two { &mut one } else { &mut two };
    let reply = raw(RESPONSE, seq("51"), message("demo/topic", "pong"));
    later.send(&reply).await;
    assert_eq!(publisher.frame().await, reply);
}

#[tokio::test(start_paused = true)]
async fn silent_sessions_cause_104_and_no_other_node_is_tried() {
    let devnet = devnet(3, |b| b.seed(1)).await;
    let mut publisher = Sdk::connect(&devnet.node(0)).await;
    let mut subscribers = Vec::new();
    for node in [1, 1, 2, 2] {
        subscribers.push(Sdk::subscriber(&devnet.node(node), &["demo/topic"]).await);
    }
    publisher.send(&sent()).await;
    let (answer, took) = publisher.timed_frame().await;
    assert_eq!(answer.result, 104);
    assert_eq!(took.as_secs(), 10);
    let mut got = Vec::new();
    for subscriber in &mut subscribers {
        got.push(tokio::time::timeout(Duration::from_secs(1), subscriber.frame()).await.is_ok());
    }
    assert!(got == [true, true, false, false] || got == [false, false, true, true], "{got:?}");
}

#[tokio::test(start_paused = true)]
async fn next_session_is_tried_as_soon_as_the_first_disconnects() {
    let devnet = devnet(2, |b| b).await;
    let mut publisher = Sdk::connect(&devnet.node(0)).await;
    let mut one = Sdk::subscriber(&devnet.node(1), &["demo/topic"]).await;
    let mut two = Sdk::subscriber(&devnet.node(1), &["demo/topic"]).await;
    publisher.send(&sent()).await;
    let mut left =
        tokio::select! { _ = one.frame() => { drop(one); two } _ = two.frame() => { drop(two); one } };
    let (frame, took) = left.timed_frame().await;
    assert_eq!((frame, took), (sent(), Duration::ZERO));
    drop(left);
    let (answer, took) = publisher.timed_frame().await;
    assert_eq!((answer.result, took), (104, Duration::ZERO));
}

#[tokio::test(start_paused = true)]
async fn answer_for_a_disconnected_publisher_is_dropped() {
    let (devnet, mut publisher, mut subscriber) = pair().await;
    publisher.send(&sent()).await;
    subscriber.frame().await;
    drop(publisher);
    subscriber.send(&raw(RESPONSE, seq("51"), message("demo/topic", "pong"))).await;
    subscriber.ping().await;
    let counters = devnet.counters();
    assert_eq!((counters.in_flight, counters.held_bytes, counters.sessions), (0, 0, 1));
}

#[tokio::test(start_paused = true)]
async fn second_unicast_of_one_seq_is_answered_with_100() {
    let (_devnet, mut publisher, mut subscriber) = pair().await;
    publisher.send(&sent()).await;
    publisher.send(&sent()).await;
    assert_eq!((subscriber.frame().await, subscriber.frame().await), (sent(), sent()));
    let reply = raw(RESPONSE, seq("51"), message("demo/topic", "pong"));
    subscriber.send(&reply).await;
    subscriber.send(&reply).await;
    assert_eq!(publisher.frame().await, reply);
    let (answer, took) = publisher.timed_frame().await;
    assert_eq!(answer, raw(RESPONSE, seq("51"), "").with_result(100));
    assert_eq!(took.as_secs(), 30);
}

#[tokio::test(start_paused = true)]
async fn choice_changes_at_each_message() {
    let devnet = devnet(3, |b| b.seed(5)).await;
    let mut publisher = Sdk::connect(&devnet.node(0)).await;
    let mut subscribers = Vec::new();
    for node in [1, 1, 2, 2] {
        subscribers.push(Sdk::subscriber(&devnet.node(node), &["t"]).await);
    }
    for number in 0..40 {
        publisher.send(&raw(REQUEST, seq(&number.to_string()), message("t", ""))).await;
    }
    publisher.ping().await;
    let mut received = [0; 4];
    for (subscriber, count) in subscribers.iter_mut().zip(&mut received) {
        let frames = async {
            loop {
                let frame = subscriber.frame().await;
                *count += 1;
                subscriber.send(&raw(RESPONSE, frame.seq, "")).await;
            }
        };
        let _ = tokio::time::timeout(Duration::from_millis(10), frames).await;
    }
    assert_eq!(received.iter().sum::<usize>(), 40);
    assert!(!received.contains(&0), "all subscribers receive messages: {received:?}");
}

#[tokio::test(start_paused = true)]
async fn choices_depend_on_the_seed_only() {
    let mut runs = Vec::new();
    for number in [5, 5, 6] {
        let devnet = devnet(3, |b| b.seed(number)).await;
        let mut publisher = Sdk::connect(&devnet.node(0)).await;
        let mut one = Sdk::subscriber(&devnet.node(1), &["t"]).await;
        let mut two = Sdk::subscriber(&devnet.node(2), &["t"]).await;
        let mut choices = Vec::new();
        for number in 0..40 {
            publisher.send(&raw(REQUEST, seq(&number.to_string()), message("t", ""))).await;
            let (frame, subscriber, chosen) = tokio::select! {
                frame = one.frame() => (frame, &mut one, 1),
                frame = two.frame() => (frame, &mut two, 2),
            };
            subscriber.send(&raw(RESPONSE, frame.seq, "")).await;
            publisher.frame().await;
            choices.push(chosen);
        }
        runs.push(choices);
    }
    assert_eq!(runs[0], runs[1]);
    assert_ne!(runs[0], runs[2]);
}

#[tokio::test(start_paused = true)]
async fn unicast_is_delivered_at_the_publishers_node() {
    let devnet = devnet(1, |b| b).await;
    let mut both = Sdk::subscriber(&devnet.node(0), &["demo/topic"]).await;
    both.send(&sent()).await;
    assert_eq!(both.frame().await, sent());
    let reply = raw(RESPONSE, seq("51"), message("demo/topic", "pong"));
    both.send(&reply).await;
    assert_eq!(both.frame().await, reply);
}

#[tokio::test(start_paused = true)]
async fn like_2_11_unicast_for_the_same_node_is_never_delivered() {
    let devnet = devnet(2, |b| b.same_node(SameNode::Drop).idle_limit(LONG)).await;
    let mut subscriber = Sdk::subscriber(&devnet.node(0), &["demo/topic"]).await;
    let mut publisher = Sdk::connect(&devnet.node(0)).await;
    publisher.send(&sent()).await;
    publisher.send(&raw(REQUEST, seq("52"), message("demo/topic", "x"))).await;
    let (answer, took) = publisher.timed_frame().await;
    assert_eq!(answer, raw(RESPONSE, seq("51"), "").with_result(100));
    assert_eq!(took.as_secs(), 30);
    publisher.send(&raw(0x13, seq("alive"), "")).await;
    assert_eq!(publisher.frame().await.kind, 0x13);
    publisher.nothing_for(Duration::from_secs(50)).await;
    subscriber.nothing_for(Duration::from_secs(1)).await;
    assert_eq!(devnet.counters().in_flight, 0);
}

#[tokio::test(start_paused = true)]
async fn ten_thousand_concurrent_unicasts_receive_their_replies() {
    let (devnet, mut publisher, mut subscriber) = pair().await;
    let answer = tokio::spawn(async move {
        for _ in 0..10_000 {
            let frame = subscriber.frame().await;
            subscriber.send(&raw(RESPONSE, frame.seq, frame.body)).await;
        }
        subscriber
    });
    let publish = async {
        let mut bytes = Vec::new();
        for number in 0..10_000 {
            let data = number.to_string();
            bytes.extend(raw(REQUEST, seq(&data), message("demo/topic", &data)).bytes());
        }
        publisher.send_bytes(&bytes).await;
        for number in 0..10_000 {
            let data = number.to_string();
            assert_eq!(publisher.frame().await, raw(RESPONSE, seq(&data), message("demo/topic", &data)));
        }
    };
    publish.await;
    let _subscriber = answer.await.expect("the subscriber has finished");
    let counters = devnet.counters();
    assert_eq!((counters.in_flight, counters.held_bytes), (0, 0));
}
