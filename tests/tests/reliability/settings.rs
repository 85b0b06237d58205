//! Publisher and subscriber both connected to the same two nodes, which drop what is for SDKs of their own: what each
//! setting loses. The tables are in `docs/reliability.md`.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use amop::{Client, Delivery, Message, Placement, Retry, RunningHandler};
use amop_devnet::{Choice, Devnet, DevnetBuilder, SameNode};
use futures_util::future::join_all;
use tokio::sync::watch;

use crate::oracle::GUARD;

/// Messages of each setting, as many as java-sdk was measured with.
const MESSAGES: usize = 40;
/// Between two of them: they spread over seconds, as a node's random choice stays the same within one.
const PAUSE: Duration = Duration::from_millis(60);
/// So many may fail in all of their tries, though they want at least one delivery.
const A_FEW: usize = 2;
/// The deadline where nodes may lose messages: the default.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Nodes that do nothing of what nodes of 2.11 do but this, and give a message up within a call's deadline.
fn nodes_that_drop() -> DevnetBuilder {
    Devnet::builder()
        .nodes(2)
        .same_node(SameNode::Drop)
        .choice(Choice::EachSecond)
        .node_limit(Duration::from_secs(2))
}

/// Nodes like 2.11 in everything, but that topic lists travel more often.
fn nodes_like_2_11() -> DevnetBuilder {
    Devnet::builder().nodes(2).like_2_11().topic_sync(Duration::from_millis(500))
}

/// A client connected to all nodes.
async fn client_everywhere(devnet: &Devnet) -> Client {
    let client = devnet.client().connect().await.unwrap();
    let mut events = client.events();
    while client.stats().endpoints.iter().any(|endpoint| !endpoint.connected) {
        tokio::time::timeout(GUARD, events.next()).await.expect("both nodes").expect("a live client");
    }
    client
}

/// What a subscriber's handler had, and how often.
#[derive(Clone)]
struct Heard(Arc<Mutex<HashMap<String, usize>>>, watch::Sender<()>);

impl Heard {
    async fn subscribe(client: &Client, topic: &str, placement: Placement) -> (Heard, RunningHandler) {
        let heard = Heard(Arc::default(), watch::Sender::new(()));
        let book = heard.clone();
        let hear = move |message: Message| {
            let payload = String::from_utf8(message.data().to_vec()).unwrap();
            *book.0.lock().unwrap().entry(payload).or_default() += 1;
            book.1.send_replace(());
            async {}
        };
        let subscribe = client.subscribe(topic).placement(placement).timeout(GUARD);
        (heard, subscribe.for_each(hear).await.unwrap())
    }

    /// How often it had the message of this number.
    fn times(&self, n: usize) -> usize {
        self.0.lock().unwrap().get(&n.to_string()).copied().unwrap_or(0)
    }

    /// Those of all messages that it had so often.
    fn count(&self, such: impl Fn(usize) -> bool) -> usize {
        (0..MESSAGES).filter(|n| such(self.times(*n))).count()
    }

    /// Waits until it had this payload.
    async fn has_within(&self, payload: &str, limit: Duration) -> bool {
        let mut changed = self.1.subscribe();
        let reached = async {
            while !self.0.lock().unwrap().contains_key(payload) {
                changed.changed().await.expect("the book is kept");
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

/// Sends unicasts by one setting. Where further tries can fail too, it is done once more if more than a few did: messages
/// of one second share the nodes' choices, so that now and then a whole second's fail in all of theirs.
async fn unicasts(publisher: &Client, subscriber: &Client, retry: Retry, placement: Placement) -> Row {
    let topic = format!("{retry:?} {placement:?}");
    let row = unicasts_on(&topic, publisher, subscriber, retry, placement).await;
    if retry == Retry::AtLeastOnce && row.lost > A_FEW {
        println!("{topic}: {} lost, once more", row.lost);
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
    let (heard, guard) = Heard::subscribe(subscriber, topic, placement).await;
    // The way is known before it is measured.
    let first = publisher.publish(topic, "first").retry(Retry::AtLeastOnce).timeout(GUARD);
    first.wait_for_subscriber(true).await.unwrap();
    // Where nothing is lost, a slow machine should have time.
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
                assert!(heard.times(n) > 0, "{retry:?} {placement:?}: {n} was answered, but not handled")
            }
            Err(error) => {
                assert_eq!(error.delivery(), Delivery::Maybe, "{error}");
                lost += 1;
            }
        }
    }
    guard.unsubscribe().await.unwrap();
    Row { retry, placement, lost, twice: heard.count(|times| times > 1) }
}

/// The table of unicasts at such nodes.
async fn table_of_unicasts(name: &str, nodes: DevnetBuilder) {
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
    for Row { retry, placement, lost, twice } in join_all(rows).await {
        println!(
            "{name}: retry {retry:?}, placement {placement:?}: {lost} of {MESSAGES} lost, {twice} twice"
        );
        match (retry, placement) {
            (_, Placement::One) => assert_eq!((lost, twice), (0, 0), "{retry:?}: nothing to lose"),
            // About eight tries with even chances each.
            (Retry::AtLeastOnce, Placement::All) => assert!(lost <= A_FEW, "at least once lost {lost}"),
            (_, Placement::All) => assert_eq!(twice, 0, "{retry:?}: one id at a node, and one handling"),
        }
    }
}

#[tokio::test]
async fn what_each_setting_loses_where_nodes_drop_what_is_for_their_own() {
    table_of_unicasts("same-node drop", nodes_that_drop()).await;
}

#[tokio::test]
async fn what_each_setting_loses_at_nodes_like_2_11() {
    table_of_unicasts("like 2.11", nodes_like_2_11()).await;
}

/// Every node that is to bring broadcasts to a subscriber knows of it.
async fn until_it_is_known(devnet: &Devnet, topic: &str, heard: &Heard, placement: Placement) {
    let mut ways = Vec::new();
    for node in devnet.nodes() {
        ways.push((format!("by {}", node.endpoint()), node.client().connect().await.unwrap()));
    }
    let known = |probe: &str| heard.0.lock().unwrap().contains_key(probe);
    let enough = |ways: &[(String, Client)]| match placement {
        Placement::All => ways.iter().all(|(probe, _)| known(probe)),
        // The node that lists it drops its own, so that the other one brings them.
        Placement::One => ways.iter().any(|(probe, _)| known(probe)),
    };
    let all_known = async {
        while !enough(&ways) {
            for (probe, way) in &ways {
                way.broadcast(topic, probe.clone()).await.unwrap();
                heard.has_within(probe, Duration::from_millis(100)).await;
            }
        }
    };
    tokio::time::timeout(GUARD, all_known).await.expect("topic lists travel");
}

/// The table of broadcasts at such nodes.
async fn table_of_broadcasts(name: &str, nodes: DevnetBuilder) {
    let devnet = nodes.start().await.unwrap();
    for (placement, all_nodes) in
        [(Placement::All, false), (Placement::All, true), (Placement::One, false), (Placement::One, true)]
    {
        let topic = format!("{placement:?} {all_nodes}");
        let subscriber = client_everywhere(&devnet).await;
        let (heard, _guard) = Heard::subscribe(&subscriber, &topic, placement).await;
        until_it_is_known(&devnet, &topic, &heard, placement).await;
        let publisher = client_everywhere(&devnet).await;
        let copies_before = subscriber.stats().total().messages_received;
        for n in 0..MESSAGES {
            publisher.broadcast(&topic, n.to_string()).all_nodes(all_nodes).timeout(GUARD).await.unwrap();
        }
        for n in 0..MESSAGES {
            assert!(heard.has_within(&n.to_string(), GUARD).await, "{name}: {topic}: {n} was never heard");
        }
        subscriber.close().await.unwrap();
        let copies = subscriber.stats().total().messages_received - copies_before;
        let (missed, twice) = (heard.count(|times| times == 0), heard.count(|times| times > 1));
        println!(
            "{name}: broadcast, placement {placement:?}, all nodes {all_nodes}: {missed} of {MESSAGES} missed, \
             {twice} twice, {copies} copies came"
        );
        assert_eq!((missed, twice), (0, 0));
    }
}

#[tokio::test]
async fn broadcasts_reach_everybody_once_where_nodes_drop_what_is_for_their_own() {
    table_of_broadcasts("same-node drop", nodes_that_drop()).await;
}

#[tokio::test]
async fn broadcasts_reach_everybody_once_at_nodes_like_2_11() {
    table_of_broadcasts("like 2.11", nodes_like_2_11()).await;
}
