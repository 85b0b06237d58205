//! Several nodes: the choice of the node for a message, lost nodes, endpoints that are added and removed.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, UNIX_EPOCH};

use amop::{Client, ClientBuilder, ErrorKind, Event, Placement, Request, Retry, Subscription};
use amop_devnet::{Devnet, SameNode, WallClock};
use futures_util::future::join_all;

use crate::fixture::{GUARD, builder, client, devnet, event, soon, until};

/// Returns the builder of a client of all nodes.
fn everywhere(devnet: &Devnet) -> ClientBuilder {
    let first = builder(devnet, 0);
    first.endpoints(devnet.endpoints().into_iter().skip(1)).reconnect_min(Duration::from_millis(1))
}

async fn connected(client: &Client, nodes: usize) {
    let up = || client.stats().endpoints.iter().filter(|endpoint| endpoint.connected).count();
    until("all nodes to be connected", || up() == nodes).await;
}

/// Connects a client to all nodes.
async fn client_everywhere(devnet: &Devnet) -> Client {
    let client = everywhere(devnet).connect().await.unwrap();
    connected(&client, devnet.len()).await;
    client
}

/// A second in which nodes that choose between another node and themselves choose the other.
const GOOD: u64 = 1_700_000_000;
/// A second in which they choose themselves.
const BAD: u64 = 1_700_000_008;

/// The second of the nodes' clocks, which stand still.
#[derive(Clone)]
struct NodeSecond(Arc<AtomicU64>);

impl NodeSecond {
    fn set(&self, second: u64) {
        self.0.store(second, Ordering::Relaxed);
    }

    fn clock(&self) -> WallClock {
        let second = self.0.clone();
        let middle = move || Duration::from_millis(second.load(Ordering::Relaxed) * 1000 + 500);
        WallClock::from_fn(move || UNIX_EPOCH + middle())
    }
}

/// Starts two nodes that lose messages to their own SDKs, as 2.8.0 to 2.11.2 do, and abandon such a unicast after two
/// seconds. Returns them with their clock, which is in a good second.
async fn nodes_that_drop() -> (Devnet, NodeSecond) {
    let second = NodeSecond(Arc::new(AtomicU64::new(GOOD)));
    let builder = Devnet::builder().nodes(2).same_node(SameNode::Drop).wall_clock(second.clock());
    (devnet(builder.node_limit(Duration::from_secs(2))).await, second)
}

/// Sends unicasts side by side. Returns how many failed.
async fn lost_of(count: usize, publisher: &Client, retry: Retry) -> usize {
    let call = |n: usize| publisher.publish("t", n.to_string()).retry(retry).timeout(GUARD);
    let ended = soon("all calls", join_all((0..count).map(|n| call(n).into_future()))).await;
    ended.iter().filter(|outcome| outcome.is_err()).count()
}

async fn distinct(messages: &mut Subscription, count: usize) -> usize {
    let mut seen = std::collections::HashSet::new();
    while seen.len() < count {
        let message = soon("a message", messages.next()).await.unwrap();
        assert!(seen.insert(message.data().clone()), "a duplicate: {message:?}");
    }
    seen.len()
}

#[tokio::test]
async fn publisher_avoids_the_node_that_would_lose_its_message() {
    let (devnet, second) = nodes_that_drop().await;
    second.set(BAD);
    for at in 0..2 {
        let publisher = client_everywhere(&devnet).await;
        let subscriber = client(&devnet, at).await;
        let mut messages = subscriber.subscribe("t").await.unwrap();
        let publish = publisher.publish("t", "found").wait_for_subscriber(true);
        soon("the topic to be known", publish).await.unwrap();
        soon("the message", messages.next()).await.unwrap();
        assert_eq!(lost_of(40, &publisher, Retry::Never).await, 0, "subscriber at node {at}");
        assert_eq!(distinct(&mut messages, 40).await, 40);
        subscriber.close().await.unwrap();
        until("the topic to be gone", || devnet.node(at).topics().is_empty()).await;
    }
}

#[tokio::test]
async fn placement_or_retries_avoid_losses_at_shared_nodes() {
    let (devnet, second) = nodes_that_drop().await;
    let publisher = everywhere(&devnet).wall_clock(second.clock()).connect().await.unwrap();
    connected(&publisher, devnet.len()).await;
    let subscriber = client_everywhere(&devnet).await;

    let mut all = subscriber.subscribe("t").await.unwrap();
    assert_eq!(lost_of(40, &publisher, Retry::Definite).await, 0, "in a good second");
    assert_eq!(distinct(&mut all, 40).await, 40);

    // Both nodes choose themselves, so that the client holds these until a better second.
    for (retry, exactly_once) in [(Retry::Definite, true), (Retry::AtLeastOnce, false)] {
        second.set(BAD);
        let end_of_the_bad_second = async {
            until("all calls to be held", || publisher.stats().calls_waiting == 40).await;
            second.set(GOOD);
        };
        let (lost, ()) = tokio::join!(lost_of(40, &publisher, retry), end_of_the_bad_second);
        assert_eq!(lost, 0, "{retry:?}");
        // At least once may be more often, on a busy machine.
        if exactly_once {
            assert_eq!(distinct(&mut all, 40).await, 40, "{retry:?}");
        }
    }
    drop(all);
    until("the topic to be gone", || devnet.nodes().iter().all(|node| node.topics().is_empty())).await;

    let mut one = subscriber.subscribe("t").placement(Placement::One).await.unwrap();
    // A new publisher queries the nodes first; the former one would use answers that are up to a second old.
    let publisher = client_everywhere(&devnet).await;
    let publish = publisher.publish("t", "found").wait_for_subscriber(true);
    soon("the topic to be known at its node", publish).await.unwrap();
    soon("the message", one.next()).await.unwrap();
    assert_eq!(lost_of(40, &publisher, Retry::Never).await, 0, "placement one");
    assert_eq!(distinct(&mut one, 40).await, 40);
}

#[tokio::test]
async fn broadcast_reaches_subscribers_of_both_nodes_once() {
    let (devnet, _) = nodes_that_drop().await;
    let publisher = client_everywhere(&devnet).await;
    let (a, b) = (client(&devnet, 0).await, client(&devnet, 1).await);
    let both = client_everywhere(&devnet).await;
    let mut subscriptions = vec![
        a.subscribe("news").await.unwrap(),
        b.subscribe("news").await.unwrap(),
        both.subscribe("news").await.unwrap(),
    ];
    for n in 0..10 {
        publisher.broadcast("news", n.to_string()).await.unwrap();
    }
    for messages in &mut subscriptions {
        distinct(messages, 10).await;
    }
}

#[tokio::test]
async fn lost_node_is_replaced_by_another_without_errors() {
    let devnet = devnet(Devnet::builder().nodes(3)).await;
    let publisher = everywhere(&devnet).connect().await.unwrap();
    connected(&publisher, 3).await;
    let server = client(&devnet, 2).await;
    let _service =
        server.serve("echo").for_each(async |request: Request| request.data().clone()).await.unwrap();
    for victim in [0, 1] {
        devnet.node(victim).kill().await;
        for n in 0..20 {
            let publish = publisher.publish("echo", n.to_string()).wait_for_subscriber(true);
            soon("the reply", publish).await.unwrap();
        }
        devnet.node(victim).restart().await.unwrap();
        connected(&publisher, 3).await;
    }
}

#[tokio::test]
async fn service_moves_when_its_node_is_lost() {
    let devnet = devnet(Devnet::builder().nodes(3)).await;
    let server = everywhere(&devnet).connect().await.unwrap();
    connected(&server, 3).await;
    let _service =
        server.serve("echo").for_each(async |request: Request| request.data().clone()).await.unwrap();
    let home = || (0..3).filter(|node| !devnet.node(*node).topics().is_empty()).collect::<Vec<_>>();
    let first = home();
    assert_eq!(first.len(), 1, "at one node");
    devnet.node(first[0]).kill().await;
    until("the service to be listed at another node", || home().iter().any(|node| *node != first[0])).await;
    let publisher =
        client(&devnet, (0..3).find(|node| !home().contains(node) && *node != first[0]).unwrap()).await;
    let publish = publisher.publish("echo", "still there").wait_for_subscriber(true);
    assert_eq!(soon("the reply", publish).await.unwrap().data(), "still there");
    devnet.node(first[0]).restart().await.unwrap();
    connected(&server, 3).await;
    assert_eq!(home().len(), 1, "it stays there when the first node is back");
}

#[tokio::test]
async fn connect_needs_one_node_of_several() {
    let devnet = devnet(Devnet::builder().nodes(2)).await;
    devnet.node(0).kill().await;
    let client = everywhere(&devnet).connect().await.unwrap();
    let mut events = client.events();
    devnet.node(0).restart().await.unwrap();
    let endpoint = devnet.endpoints()[0].clone();
    let up = |event| match event {
        Event::Connected { endpoint, .. } => Some(endpoint.to_string()),
        _ => None,
    };
    assert_eq!(event(&mut events, "the other node", up).await, endpoint);
    devnet.node(0).kill().await;
    devnet.node(1).kill().await;
    assert_eq!(everywhere(&devnet).connect().await.unwrap_err().kind(), ErrorKind::Connect);
}

#[tokio::test]
async fn endpoints_are_added_and_removed_while_the_client_runs() {
    let devnet = devnet(Devnet::builder().nodes(2)).await;
    let client = client(&devnet, 0).await;
    let mut messages = client.subscribe("t").await.unwrap();
    client.add_endpoint(&devnet.endpoints()[1]).unwrap();
    client.add_endpoint(&devnet.endpoints()[1]).unwrap();
    assert_eq!(client.add_endpoint("nonsense").unwrap_err().kind(), ErrorKind::InvalidEndpoint);
    connected(&client, 2).await;
    until("the topic at the new node", || devnet.node(1).topics() == ["t"]).await;
    client.remove_endpoint(&devnet.endpoints()[0]).unwrap();
    until("the end of the session at the old node", || devnet.node(0).counters().sessions == 0).await;
    assert_eq!(client.stats().endpoints.len(), 1);
    let publisher = crate::fixture::client(&devnet, 0).await;
    soon("the reply", publisher.publish("t", "x").wait_for_subscriber(true)).await.unwrap();
    assert_eq!(soon("the message", messages.next()).await.unwrap().data(), "x");
    client.remove_endpoint(&devnet.endpoints()[1]).unwrap();
    let error = client.publish("t", "x").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotConnected);
    client.close().await.unwrap();
}

#[tokio::test]
async fn service_receives_unicasts_through_nodes_of_a_subscription() {
    let devnet = devnet(Devnet::builder().nodes(2)).await;
    let both = client_everywhere(&devnet).await;
    let _service = both.serve("t").for_each(async |_: Request| "served").await.unwrap();
    let mut heard = both.subscribe("t").await.unwrap();
    until("both lists", || devnet.nodes().iter().all(|node| node.topics() == ["t"])).await;
    for at in 0..2 {
        let publisher = client(&devnet, at).await;
        for _ in 0..10 {
            assert_eq!(publisher.publish("t", "x").await.unwrap().data(), "served");
        }
        publisher.broadcast("t", format!("news of {at}")).await.unwrap();
        assert_eq!(soon("the news", heard.next()).await.unwrap().data(), &format!("news of {at}"));
    }
}

#[tokio::test]
async fn removed_endpoint_answers_open_calls_first() {
    let devnet = devnet(Devnet::builder().nodes(2)).await;
    let (leaving, server) = (client_everywhere(&devnet).await, client(&devnet, 1).await);
    let mut requests = server.serve("slow").await.unwrap();
    // A call in flight at node 0 is answered although the endpoint is removed meanwhile.
    leaving.remove_endpoint(&devnet.endpoints()[1]).unwrap();
    until("one node", || leaving.stats().endpoints.len() == 1).await;
    let call = tokio::spawn(leaving.publish("slow", "x").timeout(Duration::from_secs(60)).into_future());
    let request = soon("the request", requests.next()).await.unwrap();
    leaving.add_endpoint(&devnet.endpoints()[1]).unwrap();
    connected(&leaving, 2).await;
    leaving.remove_endpoint(&devnet.endpoints()[0]).unwrap();
    request.reply("in time").unwrap();
    assert_eq!(soon("the reply", call).await.unwrap().unwrap().data(), "in time");
    until("the session's end", || devnet.node(0).sessions().is_empty()).await;
}
