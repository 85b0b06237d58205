//! Topic lists (0x32), and their exchange between nodes.

use std::time::Duration;

use crate::sdk::{REQUEST, RESPONSE, Sdk, TOPICS, devnet, message, raw, seq};

#[tokio::test(start_paused = true)]
async fn list_replaces_the_previous_one() {
    let devnet = devnet(1, |b| b).await;
    let node = devnet.node(0);
    let mut sdk = Sdk::connect(&node).await;
    let both: &[&str] = &["a", "b"];
    for (body, after) in [
        (r#"["c","b","c"]"#, &["b", "c"][..]),
        ("[]", &[]),
        ("null", &[]),
        ("\"x\"", &[]),
        ("7", &[]),
        ("", both),
        ("[\"x\"", both),
        ("{}", both),
        ("[[\"x\"]]", both),
    ] {
        sdk.subscribe(both).await;
        sdk.send(&raw(TOPICS, seq("1"), body)).await;
        sdk.ping().await;
        assert_eq!(node.topics(), after, "{body}");
    }
}

#[tokio::test(start_paused = true)]
async fn ten_thousand_topics_are_accepted() {
    let devnet = devnet(2, |b| b).await;
    let topics: Vec<String> = (0..10_000).map(|number| format!("topic-{number}")).collect();
    let names: Vec<&str> = topics.iter().map(String::as_str).collect();
    let mut subscriber = Sdk::subscriber(&devnet.node(1), &names).await;
    let mut publisher = Sdk::connect(&devnet.node(0)).await;
    for topic in ["topic-0", "topic-5000", "topic-9999"] {
        publisher.send(&raw(REQUEST, seq("1"), message(topic, "x"))).await;
        assert_eq!(subscriber.frame().await.body, message(topic, "x"));
        subscriber.send(&raw(RESPONSE, seq("1"), message(topic, "y"))).await;
        assert_eq!(publisher.frame().await.body, message(topic, "y"));
    }
}

#[tokio::test(start_paused = true)]
async fn sync_interval_delays_topics_at_other_nodes() {
    let devnet = devnet(2, |b| b.topic_sync(Duration::from_secs(5))).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let mut subscriber = Sdk::subscriber(&devnet.node(1), &["a"]).await;
    let mut publisher = Sdk::connect(&devnet.node(0)).await;
    let sent = raw(REQUEST, seq("1"), message("a", "x"));
    assert_eq!(publisher.call(&sent).await.result, 100);
    tokio::time::sleep(Duration::from_secs(5)).await;
    publisher.send(&sent).await;
    assert_eq!(subscriber.frame().await, sent);

    subscriber.send(&raw(RESPONSE, seq("1"), message("a", "y"))).await;
    assert_eq!(publisher.frame().await.result, 0);
    subscriber.subscribe(&[]).await;
    let gone = publisher.call(&sent).await;
    assert_eq!(
        gone,
        raw(RESPONSE, seq("1"), message("a", "x")).with_result(104),
        "the change is not known there yet"
    );
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(publisher.call(&sent).await, raw(RESPONSE, seq("1"), "").with_result(100));
}

#[tokio::test(start_paused = true)]
async fn sync_interval_delays_the_removal_of_topics() {
    let devnet = devnet(2, |b| b.topic_sync(Duration::from_secs(5))).await;
    let subscriber = Sdk::subscriber(&devnet.node(1), &["a"]).await;
    let mut publisher = Sdk::connect(&devnet.node(0)).await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    drop(subscriber);
    let sent = raw(REQUEST, seq("1"), message("a", "x"));
    let (answer, took) = {
        publisher.send(&sent).await;
        publisher.timed_frame().await
    };
    assert_eq!(answer, raw(RESPONSE, seq("1"), message("a", "x")).with_result(104));
    assert_eq!(took, Duration::ZERO, "at once");
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(publisher.call(&sent).await, raw(RESPONSE, seq("1"), "").with_result(100));
}

#[tokio::test(start_paused = true)]
async fn longer_topic_than_254_bytes_can_only_be_subscribed() {
    let devnet = devnet(2, |b| b).await;
    let (shortest, longest, longer) = ("a".to_owned(), "b".repeat(254), "c".repeat(300));
    let mut subscriber = Sdk::subscriber(&devnet.node(1), &[&shortest, &longest, &longer]).await;
    assert_eq!(devnet.node(1).topics(), [&*shortest, &longest, &longer]);
    let mut publisher = Sdk::connect(&devnet.node(0)).await;
    for topic in [&shortest, &longest] {
        let sent = raw(REQUEST, seq("1"), message(topic, "x"));
        publisher.send(&sent).await;
        assert_eq!(subscriber.frame().await, sent);
        let reply = raw(RESPONSE, seq("1"), message(topic, "y"));
        subscriber.send(&reply).await;
        assert_eq!(publisher.frame().await, reply);
    }
    // The length byte overflows to 45: a topic of the first 44 bytes, which has no subscriber.
    let answer = publisher.call(&raw(REQUEST, seq("1"), message(&longer, "x"))).await;
    assert_eq!(answer, raw(RESPONSE, seq("1"), "").with_result(100));
}

#[tokio::test(start_paused = true)]
async fn topic_with_a_tab_is_two_topics_at_other_nodes() {
    let devnet = devnet(2, |b| b).await;
    let _subscriber = Sdk::subscriber(&devnet.node(1), &["a\tb"]).await;
    let mut publisher = Sdk::connect(&devnet.node(0)).await;
    for (topic, code) in [("a", 104), ("b", 104), ("a\tb", 100)] {
        assert_eq!(
            publisher.call(&raw(REQUEST, seq("1"), message(topic, "x"))).await.result,
            code,
            "{topic:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn topics_are_removed_with_their_session() {
    let devnet = devnet(2, |b| b).await;
    let subscriber = Sdk::subscriber(&devnet.node(1), &["a"]).await;
    let mut publisher = Sdk::connect(&devnet.node(0)).await;
    drop(subscriber);
    tokio::time::sleep(Duration::from_millis(1)).await;
    assert_eq!(devnet.node(1).topics(), [""; 0]);
    assert_eq!(publisher.call(&raw(REQUEST, seq("1"), message("a", "x"))).await.result, 100);
}
