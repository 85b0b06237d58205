//! The verification of subscribers that answer in every way, right and wrong.

use std::time::Duration;

use amop::PrivateKey;
use amop_devnet::{Devnet, Fault};

use super::raw::Raw;
use super::{at, key, nodes, public, rejected, verified};
use crate::fixture::{GUARD, devnet, soon, until};

const NEED: &str = "#!$TopicNeedVerify_a";
const CHANNEL: &str = "#!$VerifyChannel_#!$TopicNeedVerify_a_0123456789abcdef0123456789abcdef";
/// Those of the topic "aB". Its channel comes first in the order of the node.
const LONGER: &str = "#!$TopicNeedVerify_aB";
const LONGER_CHANNEL: &str = "#!$VerifyChannel_#!$TopicNeedVerify_aB_0123456789abcdef0123456789abcdef";

/// Signs as a subscriber does: a subscriber of this library, at a node of its own.
struct Signer {
    devnet: Devnet,
    channel: String,
    _client: amop::Client,
    _messages: amop::Subscription,
}

impl Signer {
    async fn new(key: PrivateKey) -> Signer {
        let devnet = devnet(nodes(1)).await;
        let client = at(&devnet, 0).await;
        let messages = client.subscribe("any").key(key).await.unwrap();
        let topics = devnet.node(0).topics();
        let channel = topics.into_iter().find(|topic| topic.starts_with("#!$VerifyChannel_")).unwrap();
        Signer { devnet, channel, _client: client, _messages: messages }
    }

    async fn sign(&self, challenge: &[u8]) -> Vec<u8> {
        let (result, signature) =
            Raw::subscriber(&self.devnet.node(0), &[]).await.ask(&self.channel, challenge).await;
        assert_eq!((result, signature.len()), (0, 65));
        signature
    }
}

#[tokio::test]
async fn answers_that_are_no_signatures_leave_the_verification_open() {
    let devnet = devnet(nodes(2)).await;
    let publisher = at(&devnet, 0).await;
    let mut events = publisher.events();
    let topic = publisher.private_topic("a").allow([public(1)]).unwrap();
    let mut subscriber = Raw::subscriber(&devnet.node(1), &[NEED, CHANNEL]).await;
    for answer in [&b""[..], b"x", &[7; 63], &[7; 66]] {
        let give = async |challenge: &[u8]| {
            assert!(challenge.len() == 32 && challenge.iter().all(|b| b"0123456789abcdef".contains(b)));
            answer.to_vec()
        };
        let why = format!("has {} bytes and is no signature", answer.len());
        subscriber.answer_until(rejected(&mut events, &why), give).await;
    }
    // The node would not have asked again after any of them, had it been told.
    let signer = Signer::new(key(1)).await;
    let sign = async |challenge: &[u8]| signer.sign(challenge).await[..64].to_vec();
    let (_, _, found) = subscriber.answer_until(verified(&mut events), sign).await;
    assert_eq!(found, public(1), "64 bytes are enough");
    drop(topic);
}

#[tokio::test]
async fn silent_subscriber_is_asked_again() {
    let devnet = devnet(nodes(2).push_limit(Duration::from_millis(100))).await;
    let publisher = at(&devnet, 0).await;
    let mut events = publisher.events();
    let _topic = publisher.private_topic("a").allow([public(1)]).unwrap();
    let mut subscriber = Raw::subscriber(&devnet.node(1), &[NEED, CHANNEL]).await;
    subscriber.challenge().await;
    rejected(&mut events, "did not answer the challenge").await;
    subscriber.challenge().await;
}

#[tokio::test]
async fn requests_during_a_verification_are_joined() {
    let devnet = devnet(nodes(2)).await;
    let publisher = at(&devnet, 0).await;
    let mut events = publisher.events();
    let _topic = publisher.private_topic("a").allow([public(1)]).unwrap();
    let mut subscriber = Raw::subscriber(&devnet.node(1), &[NEED, CHANNEL]).await;
    let challenge = subscriber.challenge().await;
    let acks = || publisher.stats().total().frames_sent;
    let before = acks();
    until("the node to ask five times", || acks() >= before + 5).await;
    let signer = Signer::new(key(1)).await;
    let signature = signer.sign(&challenge.data).await;
    subscriber.answer(&challenge, &signature).await;
    // The first challenge may have ended unanswered on a slow machine; then there is a second one to answer.
    let sign = async |challenge: &[u8]| signer.sign(challenge).await;
    let (_, _, found) = subscriber.answer_until(verified(&mut events), sign).await;
    assert_eq!(found, public(1));
    let signed = signer._client.stats().private_topics[0].challenges_signed;
    assert!(signed <= 3, "{signed} challenges for one verification");
}

#[tokio::test]
async fn topic_whose_name_another_begins_with_is_verified_on_its_own_channel() {
    let devnet = devnet(nodes(2)).await;
    let publisher = at(&devnet, 0).await;
    let subscriber = at(&devnet, 1).await;
    // The longer one first: its channel is what the node proposes for both.
    let _longer = subscriber.subscribe("aB").key(key(2)).await.unwrap();
    let mut messages = subscriber.subscribe("a").key(key(1)).await.unwrap();
    let mut events = publisher.events();
    let topic = publisher.private_topic("a").allow([public(1)]).unwrap();
    let (name, _, found) = verified(&mut events).await;
    assert_eq!((&*name, found), ("a", public(1)));
    soon("the reply", topic.publish("x").wait_for_subscriber(true)).await.unwrap();
    assert_eq!(soon("the message", messages.next()).await.unwrap().topic(), "a");
    let longer = publisher.private_topic("aB").allow([public(2)]).unwrap();
    // The node may have asked about the first topic again before it knew the outcome.
    while verified(&mut events).await.0 != "aB" {}
    soon("the reply", longer.publish("x").wait_for_subscriber(true)).await.unwrap();
}

#[tokio::test]
async fn channel_of_another_topic_is_never_challenged() {
    let devnet = devnet(nodes(2)).await;
    let publisher = at(&devnet, 0).await;
    let mut events = publisher.events();
    let _topic = publisher.private_topic("a").allow([public(1)]).unwrap();
    let mut subscriber = Raw::subscriber(&devnet.node(1), &[NEED, LONGER, LONGER_CHANNEL]).await;
    let (topic, node_id, found) = rejected(&mut events, "getPeers lists none").await;
    assert_eq!((&*topic, node_id, found), ("a", devnet.node(1).id(), None));
    // The node has no answer, so that it asks again, and the right channel is found once it is there.
    subscriber.subscribe(&[NEED, LONGER, LONGER_CHANNEL, CHANNEL]).await;
    assert_eq!(subscriber.challenge().await.topic, CHANNEL.as_bytes());
}

#[tokio::test]
async fn node_that_refuses_questions_leaves_a_wrong_channel_unchallenged() {
    let devnet = devnet(nodes(2)).await;
    devnet.inject(Fault::lose().on_type(0x12).from_clients().at(&devnet.node(0)));
    let publisher = at(&devnet, 0).await;
    let mut events = publisher.events();
    let _topic = publisher.private_topic("a").allow([public(1)]).unwrap();
    let _subscriber = Raw::subscriber(&devnet.node(1), &[NEED, LONGER, LONGER_CHANNEL]).await;
    rejected(&mut events, "does not answer getPeers").await;
}

#[tokio::test]
async fn what_is_no_challenge_is_not_signed() {
    let devnet = devnet(nodes(2).push_limit(Duration::from_millis(200))).await;
    let subscriber = at(&devnet, 1).await;
    let _messages = subscriber.subscribe("a").key(key(1)).await.unwrap();
    let topics = devnet.node(1).topics();
    let channel = topics.iter().find(|topic| topic.starts_with("#!$VerifyChannel_")).unwrap().clone();
    let mut stranger = Raw::subscriber(&devnet.node(0), &[]).await;
    for data in [&b""[..], &[1; 32], &[1; 64], b"a transaction that would cost somebody a fortune"] {
        assert_eq!(stranger.ask(&channel, data).await.0, 104, "{data:?}");
    }
    let answered = async {
        loop {
            let (result, signature) = stranger.ask(&channel, b"0123456789abcdef0123456789abcdef").await;
            if result == 0 {
                return signature;
            }
            // A busy machine takes longer than the limit of the node.
            assert_eq!(result, 104);
        }
    };
    assert_eq!(soon("the signature", answered).await.len(), 65);
    let stats = subscriber.stats().private_topics;
    // A node may deliver what is not answered again.
    assert!(stats[0].challenges_refused >= 4 && stats[0].challenges_signed >= 1, "{stats:?}");
    assert!(subscriber.publish("a", "").timeout(GUARD).await.is_err(), "the client goes on");
}
