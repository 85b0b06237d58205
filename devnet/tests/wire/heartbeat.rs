//! Heartbeats (0x13), the idle limit and invalid frames.

use std::time::Duration;

use crate::sdk::{Sdk, devnet, raw, seq};

const HEARTBEAT: u16 = 0x13;

#[tokio::test(start_paused = true)]
async fn version_1_answers_only_the_text_0() {
    let devnet = devnet(1, |b| b).await;
    let mut sdk = Sdk::silent(&devnet.node(0));
    assert_eq!(sdk.call(&raw(HEARTBEAT, seq("1"), "0")).await, raw(HEARTBEAT, seq("1"), "1"));
    for other in ["", "1", "00", r#"{"heartBeat":0}"#] {
        sdk.send(&raw(HEARTBEAT, seq("2"), other)).await;
        sdk.nothing_for(Duration::from_secs(10)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn versions_2_and_3_answer_any_body() {
    let devnet = devnet(1, |b| b).await;
    for protocol in [2, 3] {
        let mut sdk = Sdk::silent(&devnet.node(0));
        let offer = format!(r#"{{"minimumSupport":1,"maximumSupport":{protocol},"clientType":"test"}}"#);
        sdk.call(&raw(0x14, seq("hello"), offer)).await;
        for body in [r#"{"heartBeat":0}"#, "0", "", "nonsense"] {
            let answer = sdk.call(&raw(HEARTBEAT, seq("1"), body)).await;
            assert_eq!(answer, raw(HEARTBEAT, seq("1"), "{\"heartBeat\":1}\n"));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn idle_session_is_closed_after_the_idle_limit() {
    let devnet = devnet(1, |b| b.idle_limit(Duration::from_secs(60))).await;
    let mut sdk = Sdk::connect(&devnet.node(0)).await;
    tokio::time::sleep(Duration::from_secs(40)).await;
    sdk.send(&raw(HEARTBEAT, seq("1"), "")).await;
    sdk.frame().await;
    assert_eq!(sdk.closed().await.as_secs(), 60);
}

#[tokio::test(start_paused = true)]
async fn session_that_only_receives_stays_open() {
    let devnet = devnet(1, |b| b.idle_limit(Duration::from_secs(60))).await;
    let node = devnet.node(0);
    let mut listener = Sdk::subscriber(&node, &["news"]).await;
    let mut publisher = Sdk::connect(&node).await;
    for _ in 0..5 {
        tokio::time::sleep(Duration::from_secs(50)).await;
        publisher.send(&raw(0x35, seq("1"), b"\x05newsx")).await;
        publisher.frame().await;
        listener.frame().await;
    }
    assert_eq!(listener.closed().await.as_secs(), 60);
}

#[tokio::test(start_paused = true)]
async fn unknown_type_is_ignored() {
    let devnet = devnet(1, |b| b).await;
    let mut sdk = Sdk::connect(&devnet.node(0)).await;
    for kind in [0x11, 0x33, 0x1000, 0x1001, 0x1002, 0xffff] {
        sdk.send(&raw(kind, seq("1"), "whatever")).await;
    }
    sdk.ping().await;
}

#[tokio::test(start_paused = true)]
async fn invalid_length_closes_only_its_connection() {
    let devnet = devnet(1, |b| b).await;
    let mut other = Sdk::connect(&devnet.node(0)).await;
    for length in (0_u32..42).chain([100 * 1024 * 1024 + 1, u32::MAX]) {
        let mut sdk = Sdk::connect(&devnet.node(0)).await;
        sdk.send_bytes(&length.to_be_bytes()).await;
        sdk.closed().await;
    }
    other.ping().await;
    assert_eq!(devnet.counters().sessions, 1);
}
