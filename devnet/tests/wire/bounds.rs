//! A client that misbehaves affects no other client, and what it makes a node hold is limited.

use std::time::Duration;

use crate::sdk::{BROADCAST, REQUEST, RESPONSE, Sdk, devnet, message, raw, seq};

#[tokio::test(start_paused = true)]
async fn client_that_does_not_read_is_cut_without_affecting_others() {
    let devnet = devnet(2, |b| b.max_queued_bytes(1 << 20)).await;
    let mut deaf = Sdk::subscriber(&devnet.node(1), &["t"]).await;
    let mut good = Sdk::subscriber(&devnet.node(1), &["t"]).await;
    let mut publisher = Sdk::connect(&devnet.node(0)).await;
    let large = raw(BROADCAST, seq("1"), message("t", &"x".repeat(64 << 10)));
    let mut most = 0;
    for _ in 0..64 {
        publisher.call(&large).await;
        assert_eq!(good.frame().await, large);
        most = most.max(devnet.counters().held_bytes);
    }
    let counters = devnet.counters();
    assert_eq!((counters.slow_readers, counters.sessions, counters.held_bytes), (1, 2, 0));
    assert!(most <= (1 << 20) + (64 << 10), "{most} bytes held");
    assert_eq!(devnet.node(1).sessions().len(), 1);
    let mut frames = 0;
    while deaf.try_next().await.is_some() {
        frames += 1;
    }
    assert!(frames < 64, "{frames} frames were written before the cut");
}

#[tokio::test(start_paused = true)]
async fn client_that_sends_and_never_reads_is_cut() {
    let devnet = devnet(1, |b| b.max_queued_bytes(64 << 10)).await;
    let mut sdk = Sdk::connect(&devnet.node(0)).await;
    let call = raw(0x12, seq("1"), r#"{"jsonrpc":"2.0","method":"getClientVersion","id":1}"#).bytes();
    while devnet.counters().sessions == 1 {
        if sdk.try_send_bytes(&call).await.is_err() {
            break;
        }
    }
    assert_eq!(devnet.counters().slow_readers, 1);
}

#[tokio::test(start_paused = true)]
async fn unanswered_unicasts_are_limited_by_code_103() {
    let devnet = devnet(2, |b| b.max_in_flight_bytes(10_000)).await;
    let mut silent = Sdk::subscriber(&devnet.node(1), &["t"]).await;
    let mut publisher = Sdk::connect(&devnet.node(0)).await;
    let body = message("t", &"x".repeat(6_000));
    publisher.send(&raw(REQUEST, seq("1"), &body)).await;
    silent.frame().await;
    assert_eq!(
        publisher.call(&raw(REQUEST, seq("2"), &body)).await,
        raw(RESPONSE, seq("2"), "").with_result(103)
    );
    assert_eq!(publisher.frame().await.result, 104);
    publisher.send(&raw(REQUEST, seq("3"), &body)).await;
    assert_eq!(silent.frame().await.seq, seq("3"), "there is capacity again");
    let huge = message("t", &"x".repeat(20_000));
    assert_eq!(publisher.frame().await.result, 104);
    publisher.send(&raw(REQUEST, seq("4"), huge)).await;
    assert_eq!(silent.frame().await.seq, seq("4"), "the first message may be of any length");
}

#[tokio::test(start_paused = true)]
async fn frame_behind_a_refused_handshake_is_ignored() {
    let devnet = devnet(2, |b| b).await;
    let mut subscriber = Sdk::subscriber(&devnet.node(1), &["t"]).await;
    let mut sdk = Sdk::silent(&devnet.node(0));
    let offer = raw(0x14, seq("1"), r#"{"minimumSupport":4,"maximumSupport":9}"#);
    let publish = raw(BROADCAST, seq("2"), message("t", "x"));
    sdk.send_bytes(&[offer.bytes(), publish.bytes()].concat()).await;
    sdk.closed().await;
    subscriber.nothing_for(Duration::from_secs(1)).await;
}

#[tokio::test(start_paused = true)]
async fn reordering_loses_and_duplicates_nothing() {
    for kind in [BROADCAST, REQUEST] {
        reorder(kind).await;
    }
}

#[tokio::test(start_paused = true)]
async fn frame_that_no_other_follows_is_not_delayed() {
    let devnet = devnet(2, |b| b.reorder(Duration::from_millis(250)).seed(3)).await;
    let mut sdk = Sdk::connect(&devnet.node(0)).await;
    let began = tokio::time::Instant::now();
    for _ in 0..500 {
        sdk.ping().await;
    }
    // About 18 of them are delayed, for up to 2 ms.
    let took = began.elapsed();
    assert!(took > Duration::ZERO && took < Duration::from_millis(100), "{took:?}");
}

/// Sends 2,000 frames of a kind at once.
async fn reorder(kind: u16) {
    let devnet = devnet(2, |b| b.reorder(Duration::from_millis(250)).seed(3)).await;
    let mut subscriber = Sdk::connect(&devnet.node(1)).await;
    subscriber.send(&raw(0x32, seq("topics"), r#"["t"]"#)).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let mut publisher = Sdk::connect(&devnet.node(0)).await;
    let mut bytes = Vec::new();
    for number in 0..2_000 {
        bytes.extend(raw(kind, seq(&number.to_string()), message("t", "")).bytes());
    }
    publisher.send_bytes(&bytes).await;
    let mut got = Vec::new();
    for _ in 0..2_000 {
        let seq = subscriber.frame().await.seq;
        got.push(seq.to_string().parse::<u32>().unwrap());
        if kind == REQUEST {
            subscriber.send(&raw(RESPONSE, seq, "")).await;
        }
    }
    let late = got.iter().zip(got.iter().skip(1)).filter(|(a, b)| a > b).count();
    assert!((20..200).contains(&late), "{late} of 2,000 out of order");
    got.sort_unstable();
    assert!(got.iter().copied().eq(0..2_000));
    for _ in 0..2_000 {
        let answer = publisher.frame().await;
        assert_eq!((answer.kind, answer.result), (RESPONSE, 0));
    }
    assert_eq!(devnet.counters().held_bytes, 0);
}

#[tokio::test(start_paused = true)]
async fn unfinished_frame_ends_with_its_session_at_the_idle_limit() {
    let devnet = devnet(1, |b| b).await;
    let mut other = Sdk::connect(&devnet.node(0)).await;
    let mut sdk = Sdk::connect(&devnet.node(0)).await;
    // The length field announces 100 MiB.
    sdk.send_bytes(&(100_u32 << 20).to_be_bytes()).await;
    tokio::time::sleep(Duration::from_secs(50)).await;
    other.ping().await;
    assert_eq!(sdk.closed().await.as_secs(), 10);
    other.ping().await;
    let counters = devnet.counters();
    assert_eq!((counters.sessions, counters.held_bytes), (1, 0));
}
