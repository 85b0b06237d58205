//! Verification of private topics (0x37, 0x38).

use std::time::Duration;

use amop::protocol::channel::verify::VerifyRequest;

use crate::sdk::{BROADCAST, LONG, REQUEST, RESPONSE, Raw, Sdk, devnet, message, raw, seq};

const NEED: &str = "#!$TopicNeedVerify_secret";
const VERIFY: &str = "#!$VerifyChannel_#!$TopicNeedVerify_secret_0123456789abcdef0123456789abcdef";
const PUSH: &str = "#!$PushChannel_#!$TopicNeedVerify_secret";

const GET_PEERS: &str = r#"{"jsonrpc":"2.0","method":"getPeers","params":[1],"id":1}"#;

fn verdict(check_result: &str, node_id: &str) -> Raw {
    let body = format!(r#"{{"checkResult": {check_result}, "nodeId": "{node_id}", "topic": "{NEED}"}}"#);
    raw(0x38, seq("602"), body)
}

fn sent() -> Raw {
    raw(REQUEST, seq("603"), message(NEED, "x"))
}

#[tokio::test(start_paused = true)]
async fn private_topic_works_once_verified() {
    let devnet = devnet(2, |b| b.idle_limit(LONG)).await;
    let mut subscriber = Sdk::subscriber(&devnet.node(1), &[NEED, VERIFY]).await;
    let mut publisher = Sdk::connect(&devnet.node(0)).await;
    let mut bystander = Sdk::connect(&devnet.node(0)).await;
    assert_eq!(publisher.call(&sent()).await.result, 100, "the topic is not verified yet");
    let news = raw(BROADCAST, seq("604"), message(NEED, "news"));
    assert_eq!(publisher.call(&news).await.result, 0, "acknowledged nevertheless");
    publisher.send(&raw(0x32, seq("601"), format!("[\"{PUSH}\"]"))).await;

    let request = publisher.frame().await;
    assert_eq!((request.kind, request.result), (0x37, 0));
    let node_id = devnet.node(1).id();
    let expected =
        VerifyRequest { node_id: node_id.clone(), topic: NEED.into(), topic_for_cert: VERIFY.into() };
    assert_eq!(request.body, expected.encode());
    // The acknowledgements of java-sdk and of go-sdk.
    publisher.send(&raw(0x37, request.seq, "")).await;
    publisher.send(&raw(RESPONSE, request.seq, message(&format!("#!$VerifyChannel_{VERIFY}"), ""))).await;
    let (again, took) = publisher.timed_frame().await;
    assert_eq!(
        (again.kind, took.as_secs() <= 5),
        (0x37, true),
        "the request is repeated until there is a result"
    );

    publisher.send(&raw(REQUEST, seq("challenge"), message(VERIFY, "random"))).await;
    assert_eq!(subscriber.frame().await.body, message(VERIFY, "random"), "the verify channel is not private");
    subscriber.send(&raw(RESPONSE, seq("challenge"), message(VERIFY, "signature"))).await;
    publisher.frame().await;

    publisher.send(&verdict("0", &node_id)).await;
    publisher.ping().await;
    for sdk in [&mut publisher, &mut bystander] {
        sdk.send(&sent()).await;
        assert_eq!(
            subscriber.frame().await,
            sent(),
            "verification holds for all sessions of the publisher's node"
        );
        subscriber.send(&raw(RESPONSE, seq("603"), message(NEED, "pong"))).await;
        assert_eq!(sdk.frame().await.body, message(NEED, "pong"));
        sdk.call(&news).await;
        assert_eq!(subscriber.frame().await, news);
    }
    let peers = publisher.call(&raw(0x12, seq("605"), GET_PEERS)).await;
    assert!(String::from_utf8(peers.body).unwrap().contains(NEED), "a verified topic is listed");
    publisher.nothing_for(Duration::from_secs(30)).await;
}

#[tokio::test(start_paused = true)]
async fn refused_topic_stays_refused_until_it_is_subscribed_again() {
    let devnet = devnet(2, |b| b.idle_limit(LONG)).await;
    let mut subscriber = Sdk::subscriber(&devnet.node(1), &[NEED, VERIFY]).await;
    let mut publisher = Sdk::connect(&devnet.node(0)).await;
    publisher.send(&raw(0x32, seq("601"), format!("[\"{PUSH}\"]"))).await;
    publisher.frame().await;
    let node_id = devnet.node(1).id();
    for ignored in ["\"0\"", "null"] {
        publisher.send(&verdict(ignored, &node_id)).await;
    }
    publisher.send(&verdict("1", &node_id)).await;
    publisher.send(&verdict("0", &node_id)).await;
    assert_eq!(publisher.call(&sent()).await.result, 100);
    publisher.nothing_for(Duration::from_secs(30)).await;

    subscriber.subscribe(&[]).await;
    subscriber.subscribe(&[NEED, VERIFY]).await;
    assert_eq!(publisher.frame().await.kind, 0x37);
    publisher.send(&verdict("0", &node_id)).await;
    publisher.send(&sent()).await;
    assert_eq!(subscriber.frame().await, sent());
}

#[tokio::test(start_paused = true)]
async fn each_node_asks_all_its_publishers_with_one_seq() {
    let devnet = devnet(3, |b| b).await;
    let _subscriber = Sdk::subscriber(&devnet.node(2), &[NEED, VERIFY]).await;
    let mut asked = Vec::new();
    for node in [0, 0, 1] {
        let mut publisher = Sdk::connect(&devnet.node(node)).await;
        publisher.send(&raw(0x32, seq("601"), format!("[\"{PUSH}\"]"))).await;
        asked.push(publisher);
    }
    tokio::time::sleep(Duration::from_secs(4)).await;
    let (mut one, mut two, mut other) = {
        let mut asked = asked.into_iter();
        (asked.next().unwrap(), asked.next().unwrap(), asked.next().unwrap())
    };
    assert_eq!(one.frame().await.kind, 0x37, "the first was asked at once");
    let (a, b) = (one.frame().await, two.frame().await);
    assert_eq!((a.kind, a.seq), (0x37, b.seq));
    for _ in 0..2 {
        assert_eq!(other.frame().await.kind, 0x37);
    }
    one.send(&verdict("0", &devnet.node(2).id())).await;
    assert_eq!(other.call(&sent()).await.result, 100, "the result of another node does not count");
}

#[tokio::test(start_paused = true)]
async fn unverified_topic_is_hidden_at_peers_only() {
    let devnet = devnet(2, |b| b).await;
    let mut subscriber = Sdk::subscriber(&devnet.node(1), &[NEED, "open"]).await;
    let mut publisher = Sdk::connect(&devnet.node(0)).await;
    let peers = String::from_utf8(publisher.call(&raw(0x12, seq("1"), GET_PEERS)).await.body).unwrap();
    assert!(peers.contains(r#""Topic":["open"]"#), "{peers}");
    let mut neighbour = Sdk::connect(&devnet.node(1)).await;
    neighbour.send(&sent()).await;
    assert_eq!(subscriber.frame().await, sent());
}
