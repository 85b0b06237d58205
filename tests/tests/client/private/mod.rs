//! Private topics: which subscribers receive messages, and what both sides learn of it.

mod raw;
mod rules;
mod verifying;

use std::time::Duration;

use amop::{Client, Error, ErrorKind, Event, Events, PrivateKey, PublicKey, Request, VerificationState};
use amop_devnet::{Devnet, DevnetBuilder};

use crate::fixture::{
    GUARD, SHORT_LIMITS, builder, client, devnet, devnet_of_3x, event, everywhere, soon, until,
};

/// A key of 32 equal bytes.
fn key(byte: u8) -> PrivateKey {
    PrivateKey::read(format!("{byte:02x}").repeat(32), None).expect("a key")
}

fn public(byte: u8) -> PublicKey {
    key(byte).public_key()
}

/// Nodes that ask for verifications often, and that give subscribers as long as they need.
fn nodes(count: usize) -> DevnetBuilder {
    Devnet::builder().nodes(count).verify_interval(Duration::from_millis(100)).push_limit(GUARD)
}

/// Waits for the event that subscribers are verified. Returns topic, node and key.
async fn verified(events: &mut Events) -> (String, String, PublicKey) {
    event(events, "the verification", |event| match event {
        Event::Verified { topic, node_id, key, .. } => Some((topic.to_string(), node_id.to_string(), key)),
        _ => None,
    })
    .await
}

/// Waits for the event that subscribers are rejected for a reason with these words. Returns topic, node and key.
async fn rejected(events: &mut Events, why: &str) -> (String, String, Option<PublicKey>) {
    event(events, "the rejection", |event| match event {
        Event::Rejected { topic, node_id, key, reason, .. } if reason.contains(why) => {
            Some((topic.to_string(), node_id.to_string(), key))
        }
        _ => None,
    })
    .await
}

async fn at(devnet: &Devnet, node: usize) -> Client {
    client(devnet, node).await
}

#[tokio::test]
async fn verified_subscriber_receives_unicasts_and_broadcasts() {
    let devnet = devnet(nodes(2)).await;
    let (publisher, subscriber) = (at(&devnet, 0).await, at(&devnet, 1).await);
    let mut events = publisher.events();
    let orders = publisher.private_topic("orders").allow([public(1), public(2)]).unwrap();
    let mut messages = subscriber.subscribe("orders").key(key(2)).await.unwrap();
    assert_eq!(verified(&mut events).await, ("orders".into(), devnet.node(1).id(), public(2)));
    let unicast = orders.publish("unicast").wait_for_subscriber(true);
    assert!(soon("the reply", unicast).await.unwrap().data().is_empty());
    soon("the ack", orders.broadcast("broadcast").wait_for_subscriber(true)).await.unwrap();
    for expected in ["unicast", "broadcast"] {
        let message = soon("a message", messages.next()).await.unwrap();
        assert_eq!((message.topic(), &message.data()[..]), ("orders", expected.as_bytes()));
    }
    assert_eq!((orders.topic(), messages.topic()), ("orders", "orders"));

    // The public topic of the same name is another one.
    let error = publisher.publish("orders", "").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NoSubscriber);
}

#[tokio::test]
async fn verified_service_answers_requests() {
    let devnet = devnet(nodes(2)).await;
    let (publisher, subscriber) = (at(&devnet, 0).await, at(&devnet, 1).await);
    let echo = async |request: Request| format!("{}: {}", request.topic(), request.data().len());
    let service = subscriber.serve("größe/群组").key(key(1)).for_each(echo).await.unwrap();
    assert_eq!(service.topic(), "größe/群组");
    let topic = publisher.private_topic("größe/群组").allow([public(1)]).unwrap();
    let reply = soon("the reply", topic.publish("abc").wait_for_subscriber(true)).await.unwrap();
    assert_eq!(reply.data(), "größe/群组: 3");
}

/// Returns the error of a call that waits in vain, with the first limit within which a node has refused the message.
async fn refusal_in_time<C, R>(call: impl Fn(Duration) -> C) -> Error
where
    C: IntoFuture<Output = amop::Result<R>>,
{
    for limit in SHORT_LIMITS {
        let error = soon("the end of the call", call(limit)).await.map(drop).unwrap_err();
        if error.kind() != ErrorKind::Timeout {
            return error;
        }
    }
    panic!("a node refuses the message within the longest limit");
}

#[tokio::test]
async fn publish_before_verification_says_that_none_is_verified() {
    let devnet = devnet(nodes(2)).await;
    let (publisher, subscriber) = (at(&devnet, 0).await, at(&devnet, 1).await);
    let _messages = subscriber.subscribe("orders").key(key(2)).await.unwrap();
    let mut events = publisher.events();
    let orders = publisher.private_topic("orders").allow([public(1)]).unwrap();
    rejected(&mut events, "not one of an allowed key").await;
    let publish = |limit| orders.publish("secret").wait_for_subscriber(true).timeout(limit);
    let broadcast = |limit| orders.broadcast("secret").wait_for_subscriber(true).timeout(limit);
    for error in [
        soon("the refusal", orders.publish("secret")).await.unwrap_err(),
        refusal_in_time(publish).await,
        refusal_in_time(broadcast).await,
    ] {
        assert_eq!(error.kind(), ErrorKind::NoSubscriber, "{error}");
        assert!(error.message().contains("verified subscriber of \"orders\" (private)"), "{error}");
        assert!(!error.message().contains("#!$"), "{error}");
    }
}

#[tokio::test]
async fn wrong_key_is_rejected_until_the_subscriber_has_left() {
    let devnet = devnet(nodes(2)).await;
    let (publisher, subscriber) = (at(&devnet, 0).await, at(&devnet, 1).await);
    let mut events = publisher.events();
    let orders = publisher.private_topic("orders").allow([public(1)]).unwrap();
    let mut wrong = subscriber.subscribe("orders").key(key(2)).await.unwrap();
    let found = rejected(&mut events, "not one of an allowed key").await;
    assert_eq!(found, ("orders".into(), devnet.node(1).id(), Some(public(2))));
    let state = || devnet.node(0).verification("orders", &devnet.node(1));
    until("the node to learn it", || state() == Some(VerificationState::Rejected)).await;
    // The key comes too late for the node, which has its answer.
    orders.allow([public(2)]).unwrap();
    assert_eq!(soon("the refusal", orders.publish("")).await.unwrap_err().kind(), ErrorKind::NoSubscriber);
    wrong.unsubscribe();
    until("the topic to be left", || state().is_none()).await;
    let _messages = subscriber.subscribe("orders").key(key(2)).await.unwrap();
    assert_eq!(verified(&mut events).await.2, public(2));
    soon("the reply", orders.publish("").wait_for_subscriber(true)).await.unwrap();
    assert_eq!(state(), Some(VerificationState::Verified));
}

#[tokio::test]
async fn key_that_is_allowed_before_the_subscriber_comes_is_enough() {
    let devnet = devnet(nodes(2)).await;
    let (publisher, subscriber) = (at(&devnet, 0).await, at(&devnet, 1).await);
    let orders = publisher.private_topic("orders").allow([public(1)]).unwrap();
    orders.allow([public(3)]).unwrap();
    let other = publisher.private_topic("orders").allow([public(4)]).unwrap();
    let _messages = subscriber.subscribe("orders").key(key(3)).await.unwrap();
    soon("the reply", other.publish("").wait_for_subscriber(true)).await.unwrap();
}

#[tokio::test]
async fn topics_are_listed_only_while_they_are_used() {
    let devnet = devnet(nodes(2)).await;
    let (publisher, subscriber) = (at(&devnet, 0).await, at(&devnet, 1).await);
    let orders = publisher.private_topic("orders").allow([public(1)]).unwrap();
    let listed = |node: usize| {
        let mut topics = devnet.node(node).topics();
        topics.sort();
        topics
    };
    until("the push channel", || listed(0) == ["#!$PushChannel_#!$TopicNeedVerify_orders"]).await;
    let first = subscriber.subscribe("orders").key(key(1)).await.unwrap();
    let before = listed(1);
    let channel =
        before.iter().find(|topic| topic.starts_with("#!$VerifyChannel_#!$TopicNeedVerify_orders_"));
    let id = channel.unwrap().rsplit_once('_').unwrap().1;
    assert!(id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit() && !byte.is_ascii_uppercase()));
    assert_eq!((before.len(), &*before[0]), (2, "#!$TopicNeedVerify_orders"));
    let _second = subscriber.subscribe("orders").key(key(1)).await.unwrap();
    let other = subscriber.subscribe("other").await.unwrap();
    drop(other);
    until("the other topic to be left", || listed(1) == before).await;
    drop(first);
    assert_eq!(listed(1), before, "it has a second subscription");
    drop((_second, orders));
    until("all topics to be left", || listed(0).is_empty() && listed(1).is_empty()).await;
}

#[tokio::test]
async fn names_and_keys_that_cannot_be_used_are_refused() {
    let devnet = devnet(nodes(1)).await;
    let client = at(&devnet, 0).await;
    for name in ["#!$TopicNeedVerify_orders", "#!$VerifyChannel_x", "#!$PushChannel_x"] {
        for error in [
            client.publish(name, "").await.unwrap_err(),
            client.broadcast(name, "").await.unwrap_err(),
            client.subscribe(name).await.map(drop).unwrap_err(),
            client.serve(name).await.map(drop).unwrap_err(),
            client.subscribe(name).key(key(1)).await.map(drop).unwrap_err(),
            client.private_topic(name).allow([public(1)]).map(drop).unwrap_err(),
        ] {
            assert_eq!(error.kind(), ErrorKind::InvalidTopic);
            assert!(error.message().contains("`private_topic`"), "{error}");
        }
    }
    let long = "x".repeat(186);
    for error in [
        client.subscribe(&long).key(key(1)).await.map(drop).unwrap_err(),
        client.serve(&long).key(key(1)).await.map(drop).unwrap_err(),
        client.private_topic(&long).allow([public(1)]).map(drop).unwrap_err(),
    ] {
        assert!(
            error.kind() == ErrorKind::InvalidTopic && error.message().contains("at most 185"),
            "{error}"
        );
    }
    drop(client.subscribe(&long[1..]).key(key(1)).await.unwrap());
    let error = client.private_topic("orders").allow([]).map(drop).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    let _messages = client.subscribe("orders").key(key(1)).await.unwrap();
    let error = client.serve("orders").key(key(2)).await.map(drop).unwrap_err();
    assert!(error.kind() == ErrorKind::InvalidArgument && error.message().contains("another key"), "{error}");
}

#[tokio::test]
async fn key_of_the_certificate_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let devnet = devnet(nodes(1).dir(dir.path()).tls(amop::Tls::Ecdhe)).await;
    if std::env::var("AMOP_TEST_TLS").is_ok_and(|tls| tls != "ecdhe") {
        return; // Only secp256k1 channels have such keys.
    }
    let tls_key = PrivateKey::from_file(devnet.credentials_dir().unwrap().join("sdk.key"), None).unwrap();
    let client = at(&devnet, 0).await;
    for error in [
        client.subscribe("orders").key(tls_key.clone()).await.map(drop).unwrap_err(),
        client.serve("orders").key(tls_key).await.map(drop).unwrap_err(),
    ] {
        assert!(
            error.kind() == ErrorKind::InvalidArgument && error.message().contains("certificate"),
            "{error}"
        );
    }
}

#[tokio::test]
async fn nodes_of_generation_3_have_no_private_topics() {
    let devnet = devnet_of_3x(Devnet::builder()).await;
    let client = at(&devnet, 0).await;
    for error in [
        client.subscribe("orders").key(key(1)).await.map(drop).unwrap_err(),
        client.serve("orders").key(key(1)).await.map(drop).unwrap_err(),
        client.private_topic("orders").allow([public(1)]).map(drop).unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
        assert!(error.message().contains("generation 3"), "{error}");
    }
    client.subscribe("orders").await.unwrap().unsubscribe();
}

#[tokio::test]
async fn private_topics_survive_restarts_of_both_nodes() {
    let devnet = devnet(nodes(2)).await;
    let (publisher, subscriber) = (at(&devnet, 0).await, at(&devnet, 1).await);
    let orders = publisher.private_topic("orders").allow([public(1)]).unwrap();
    let mut messages = subscriber.subscribe("orders").key(key(1)).await.unwrap();
    soon("the reply", orders.publish("first").wait_for_subscriber(true)).await.unwrap();
    soon("the message", messages.next()).await.unwrap();
    for node in [0, 1] {
        devnet.node(node).kill().await;
        devnet.node(node).restart().await.unwrap();
        // A reply may be lost with the connection, so that the message is sent once more.
        let data = format!("after {node}");
        soon("the reply", async {
            while orders.publish(data.clone()).wait_for_subscriber(true).await.is_err() {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        })
        .await;
        soon("the message", async {
            while messages.next().await.expect("the client is open").data() != &data {}
        })
        .await;
    }
}

#[tokio::test]
async fn clients_at_all_nodes_are_verified_over_nodes_like_2_11() {
    let devnet = devnet(
        nodes(2)
            .like_2_11()
            .topic_sync(Duration::from_millis(200))
            .verify_interval(Duration::from_millis(200)),
    )
    .await;
    let publisher = everywhere(builder(&devnet, 0).endpoints(devnet.endpoints().into_iter().skip(1))).await;
    let subscriber = everywhere(builder(&devnet, 1).endpoints(devnet.endpoints().into_iter().take(1))).await;
    let mut events = publisher.events();
    let orders = publisher.private_topic("orders").allow([public(1)]).unwrap();
    let mut messages = subscriber.subscribe("orders").key(key(1)).await.unwrap();
    // Each node asks about the other one, and possibly again before it knows the outcome.
    let mut asked_about = [devnet.node(0).id(), devnet.node(1).id()].map(Some);
    while asked_about.iter().any(Option::is_some) {
        let (_, found, _) = verified(&mut events).await;
        asked_about.iter_mut().filter(|id| id.as_ref() == Some(&found)).for_each(|id| *id = None);
    }
    soon("the ack", orders.broadcast("news").wait_for_subscriber(true)).await.unwrap();
    assert_eq!(soon("the message", messages.next()).await.unwrap().data(), "news");
}
