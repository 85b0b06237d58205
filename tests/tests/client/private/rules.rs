//! Rules of verification that need several nodes or both of a topic's wire names.

use amop::VerificationState::{Rejected, Verified};

use super::raw::Raw;
use super::{at, key, nodes, public, rejected};
use crate::fixture::{builder, devnet, everywhere, soon, until};

const NEED: &str = "#!$TopicNeedVerify_a";
const LONGER: &str = "#!$TopicNeedVerify_aB";
const LONGER_CHANNEL: &str = "#!$VerifyChannel_#!$TopicNeedVerify_aB_0123456789abcdef0123456789abcdef";
const CHALLENGE: &[u8] = b"0123456789abcdef0123456789abcdef";

#[tokio::test]
async fn each_node_that_asks_learns_the_outcome_on_its_own_connection() {
    let devnet = devnet(nodes(3)).await;
    let publisher = everywhere(builder(&devnet, 0).endpoints([devnet.node(1).endpoint()])).await;
    let subscriber = at(&devnet, 2).await;
    let _messages = subscriber.subscribe("a").key(key(1)).await.unwrap();
    let _topic = publisher.private_topic("a").allow([public(1)]).unwrap();
    for node in [0, 1] {
        let state = || devnet.node(node).verification("a", &devnet.node(2));
        until("the node to learn it", || state() == Some(Verified)).await;
    }
    let stats = publisher.stats().private_topics;
    until("both verifications in the statistics", || {
        let found = publisher.stats().private_topics;
        found[0].verifications.iter().filter(|one| one.node_id == devnet.node(2).id().into()).count() == 2
    })
    .await;
    assert_eq!((stats.len(), &*stats[0].topic, &stats[0].allowed), (1, "a", &vec![public(1)]));
}

#[tokio::test]
async fn channel_is_looked_up_at_the_node_of_the_subscriber() {
    let devnet = devnet(nodes(3)).await;
    let (publisher, holder) = (at(&devnet, 0).await, at(&devnet, 2).await);
    let mut events = publisher.events();
    // The node of the holder lists the right channel. That of the other subscriber lists one of another topic only.
    let _messages = holder.subscribe("a").key(key(1)).await.unwrap();
    let _other = Raw::subscriber(&devnet.node(1), &[NEED, LONGER, LONGER_CHANNEL]).await;
    let _topic = publisher.private_topic("a").allow([public(1)]).unwrap();
    let (_, node_id, found) = rejected(&mut events, "getPeers lists none").await;
    assert_eq!((node_id, found), (devnet.node(1).id(), None));
    until("the holder to be verified", || {
        devnet.node(0).verification("a", &devnet.node(2)) == Some(Verified)
    })
    .await;
    let state = devnet.node(0).verification("a", &devnet.node(1));
    assert!(state != Some(Verified) && state != Some(Rejected), "{state:?}");
}

#[tokio::test]
async fn challenge_on_the_topic_itself_is_a_message_and_not_signed() {
    let devnet = devnet(nodes(1)).await;
    let subscriber = at(&devnet, 0).await;
    let mut messages = subscriber.subscribe("a").key(key(1)).await.unwrap();
    let mut stranger = Raw::subscriber(&devnet.node(0), &[]).await;
    assert_eq!(stranger.ask(NEED, CHALLENGE).await, (0, Vec::new()), "the empty reply of a subscription");
    assert_eq!(soon("the message", messages.next()).await.unwrap().data(), CHALLENGE);
    let stats = subscriber.stats().private_topics;
    assert_eq!((stats[0].challenges_signed, stats[0].challenges_refused), (0, 0));
}
