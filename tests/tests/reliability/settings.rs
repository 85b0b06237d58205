//! Losses of each retry and placement setting when publisher and subscriber are connected to the same two nodes, which
//! drop messages for their own sessions. The tables are in `docs/reliability.md`.
//!
//! With a subscriber listed at both nodes, each node chooses itself in about half of all seconds, and then loses every
//! unicast. These losses follow from the rule of the nodes. The tests therefore set no bound for them where each message
//! is sent once, but require that nothing is lost in a good second, and that no setting that avoids the rule or sends
//! again loses more than it has to.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, UNIX_EPOCH};

use amop::{Client, Delivery, Message, Placement, Retry, RunningHandler};
use amop_devnet::{Devnet, DevnetBuilder, SameNode, WallClock};
use futures_util::future::join_all;
use tokio::sync::watch;

use crate::oracle::GUARD;

/// The number of messages per setting, the same as in the measurement of java-sdk.
const MESSAGES: usize = 40;
/// The pause between messages. It spreads them over several seconds, because a node's choice is the same during one.
const PAUSE: Duration = Duration::from_millis(60);
/// The maximum number of messages with at-least-once delivery that may fail in all attempts.
const MAX_LOST: usize = 2;
/// The call deadline if nodes may lose messages, which is the default.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Returns nodes that only drop messages for their own sessions, which they choose by the second, with a short node
/// limit.
fn nodes_that_drop() -> DevnetBuilder {
    Devnet::builder().nodes(2).same_node(SameNode::Drop).node_limit(Duration::from_secs(2))
}

/// Returns such nodes whose clocks stand still in a second in which each chooses the other one.
fn nodes_in_a_good_second() -> DevnetBuilder {
    let good = UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    nodes_that_drop().wall_clock(WallClock::from_fn(move || good))
}

/// Returns nodes like those of release 2.11 that exchange topic lists more often.
fn nodes_like_2_11() -> DevnetBuilder {
    Devnet::builder().nodes(2).like_2_11().topic_sync(Duration::from_millis(500))
}

/// Returns a client that is connected to all nodes.
async fn client_everywhere(devnet: &Devnet) -> Client {
    let client = devnet.client().connect().await.unwrap();
    let mut events = client.events();
    while client.stats().endpoints.iter().any(|endpoint| !endpoint.connected) {
        tokio::time::timeout(GUARD, events.next()).await.expect("both nodes").expect("an open client");
    }
    client
}

/// The payloads that a subscriber has received, with the number of times.
#[derive(Clone)]
struct Received(Arc<Mutex<HashMap<String, usize>>>, watch::Sender<()>);

impl Received {
    async fn subscribe(client: &Client, topic: &str, placement: Placement) -> (Received, RunningHandler) {
        let received = Received(Arc::default(), watch::Sender::new(()));
        let recorder = received.clone();
        let handle = move |message: Message| {
            let payload = String::from_utf8(message.data().to_vec()).unwrap();
            *recorder.0.lock().unwrap().entry(payload).or_default() += 1;
            recorder.1.send_replace(());
            async {}
        };
        let subscribe = client.subscribe(topic).placement(placement).timeout(GUARD);
        (received, subscribe.for_each(handle).await.unwrap())
    }

    /// Returns how often a message was received.
    fn times(&self, n: usize) -> usize {
        self.0.lock().unwrap().get(&n.to_string()).copied().unwrap_or(0)
    }

    /// Returns how many messages were received a matching number of times.
    fn count(&self, matches: impl Fn(usize) -> bool) -> usize {
        (0..MESSAGES).filter(|n| matches(self.times(*n))).count()
    }

    /// Waits until a payload was received. Returns `false` after `limit`.
    async fn has_within(&self, payload: &str, limit: Duration) -> bool {
        let mut changed = self.1.subscribe();
        let reached = async {
            while !self.0.lock().unwrap().contains_key(payload) {
                changed.changed().await.expect("the sender exists");
            }
        };
        tokio::time::timeout(limit, reached).await.is_ok()
    }
}

/// A row of the table of unicasts.
struct Row {
    retry: Retry,
    placement: Placement,
    lost: usize,
    twice: usize,
}

/// Sends unicasts with one setting. With at-least-once delivery it repeats the run once if too many were lost: messages
/// of one second share the nodes' choices, so that sometimes all of them fail in all attempts.
async fn unicasts(publisher: &Client, subscriber: &Client, retry: Retry, placement: Placement) -> Row {
    let topic = format!("{retry:?} {placement:?}");
    let row = unicasts_on(&topic, publisher, subscriber, retry, placement).await;
    if retry == Retry::AtLeastOnce && row.lost > MAX_LOST {
        println!("{topic}: {} lost, repeating", row.lost);
        return unicasts_on(&format!("{topic} again"), publisher, subscriber, retry, placement).await;
    }
    row
}

async fn unicasts_on(
    topic: &str,
    publisher: &Client,
    subscriber: &Client,
    retry: Retry,
    placement: Placement,
) -> Row {
    let (received, guard) = Received::subscribe(subscriber, topic, placement).await;
    // Wait until the nodes know the subscriber.
    let first = publisher.publish(topic, "first").retry(Retry::AtLeastOnce).timeout(GUARD);
    first.wait_for_subscriber(true).await.unwrap();
    // No message is lost with this placement, so the deadline can allow for a slow machine.
    let timeout = if placement == Placement::One { GUARD } else { TIMEOUT };
    let mut calls = Vec::new();
    for n in 0..MESSAGES {
        let publish = publisher.publish(topic, n.to_string()).retry(retry).timeout(timeout);
        calls.push(tokio::spawn(publish.into_future()));
        tokio::time::sleep(PAUSE).await;
    }
    let mut lost = 0;
    for (n, outcome) in join_all(calls).await.into_iter().enumerate() {
        match outcome.unwrap() {
            Ok(_) => {
                assert!(received.times(n) > 0, "{retry:?} {placement:?}: {n} was answered and not handled")
            }
            Err(error) => {
                assert_eq!(error.delivery(), Delivery::Maybe, "{error}");
                lost += 1;
            }
        }
    }
    guard.unsubscribe().await.unwrap();
    Row { retry, placement, lost, twice: received.count(|times| times > 1) }
}

/// Prints and checks the table of unicasts, and returns it.
async fn table_of_unicasts(name: &str, nodes: DevnetBuilder) -> Vec<Row> {
    let devnet = nodes.start().await.unwrap();
    let publisher = client_everywhere(&devnet).await;
    let subscriber = client_everywhere(&devnet).await;
    let settings = [
        (Retry::Never, Placement::All),
        (Retry::Definite, Placement::All),
        (Retry::AtLeastOnce, Placement::All),
        (Retry::Never, Placement::One),
        (Retry::Definite, Placement::One),
        (Retry::AtLeastOnce, Placement::One),
    ];
    let rows = settings.map(|(retry, placement)| unicasts(&publisher, &subscriber, retry, placement));
    let rows = join_all(rows).await;
    for &Row { retry, placement, lost, twice } in &rows {
        println!(
            "{name}: retry {retry:?}, placement {placement:?}: {lost} of {MESSAGES} lost, {twice} twice"
        );
        match (retry, placement) {
            (_, Placement::One) => assert_eq!((lost, twice), (0, 0), "{retry:?}: no message is lost"),
            // About eight attempts, in as many seconds.
            (Retry::AtLeastOnce, Placement::All) => {
                assert!(lost <= MAX_LOST, "{lost} lost with at-least-once delivery")
            }
            // What is lost depends on the seconds in which the messages are sent, and not on the client.
            (_, _) => assert_eq!(twice, 0, "{retry:?}: one id is handled once"),
        }
    }
    rows
}

#[tokio::test]
async fn no_setting_loses_messages_in_a_good_second() {
    for Row { retry, placement, lost, .. } in
        table_of_unicasts("in a good second", nodes_in_a_good_second()).await
    {
        assert_eq!(lost, 0, "{retry:?}, {placement:?}");
    }
}

#[tokio::test]
async fn settings_differ_in_losses_at_nodes_that_drop() {
    table_of_unicasts("same-node drop", nodes_that_drop()).await;
}

#[tokio::test]
async fn settings_differ_in_losses_at_nodes_like_2_11() {
    table_of_unicasts("like 2.11", nodes_like_2_11()).await;
}

/// Waits until every node that delivers broadcasts to a subscriber knows it.
async fn wait_until_known(devnet: &Devnet, topic: &str, received: &Received, placement: Placement) {
    let mut publishers = Vec::new();
    for node in devnet.nodes() {
        publishers.push((format!("by {}", node.endpoint()), node.client().connect().await.unwrap()));
    }
    let known = |probe: &str| received.0.lock().unwrap().contains_key(probe);
    let enough = |publishers: &[(String, Client)]| match placement {
        // The node that lists the topic drops messages for its own sessions, so that only the other one delivers.
        Placement::One => publishers.iter().any(|(probe, _)| known(probe)),
        _ => publishers.iter().all(|(probe, _)| known(probe)),
    };
    let all_known = async {
        while !enough(&publishers) {
            for (probe, publisher) in &publishers {
                publisher.broadcast(topic, probe.clone()).await.unwrap();
                received.has_within(probe, Duration::from_millis(100)).await;
            }
        }
    };
    tokio::time::timeout(GUARD, all_known).await.expect("nodes exchange topic lists");
}

/// Prints and checks the table of broadcasts.
async fn table_of_broadcasts(name: &str, nodes: DevnetBuilder) {
    let devnet = nodes.start().await.unwrap();
    for (placement, all_nodes) in
        [(Placement::All, false), (Placement::All, true), (Placement::One, false), (Placement::One, true)]
    {
        let topic = format!("{placement:?} {all_nodes}");
        let subscriber = client_everywhere(&devnet).await;
        let (received, _guard) = Received::subscribe(&subscriber, &topic, placement).await;
        wait_until_known(&devnet, &topic, &received, placement).await;
        let publisher = client_everywhere(&devnet).await;
        let copies_before = subscriber.stats().total().messages_received;
        for n in 0..MESSAGES {
            publisher.broadcast(&topic, n.to_string()).all_nodes(all_nodes).timeout(GUARD).await.unwrap();
        }
        for n in 0..MESSAGES {
            assert!(
                received.has_within(&n.to_string(), GUARD).await,
                "{name}: {topic}: {n} was not received"
            );
        }
        subscriber.close().await.unwrap();
        let copies = subscriber.stats().total().messages_received - copies_before;
        let (missed, twice) = (received.count(|times| times == 0), received.count(|times| times > 1));
        println!(
            "{name}: broadcast, placement {placement:?}, all nodes {all_nodes}: {missed} of {MESSAGES} missed, \
             {twice} twice, {copies} copies received"
        );
        assert_eq!((missed, twice), (0, 0));
    }
}

#[tokio::test]
async fn broadcasts_arrive_once_at_nodes_that_drop() {
    table_of_broadcasts("same-node drop", nodes_that_drop()).await;
}

#[tokio::test]
async fn broadcasts_arrive_once_at_nodes_like_2_11() {
    table_of_broadcasts("like 2.11", nodes_like_2_11()).await;
}
