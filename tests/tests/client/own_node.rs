//! Nodes that don't deliver to SDKs of their own, as 2.8.0 to 2.11.2: which messages are sent, held or refused.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use amop::wall_clock::WallClock;
use amop::{Client, Delivery, ErrorKind, Placement, Request, Retry};
use amop_devnet::{Devnet, DevnetBuilder, Fault, SameNode};
use futures_util::future::join_all;
use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::fixture::{GUARD, builder, client, devnet, everywhere, soon, until};

/// With one peer, nodes pass unicasts on in the first three seconds from here, lose them in the next four, pass them on in
/// one, lose them in two, and pass them on in nine.
const BASE: Duration = Duration::from_secs(1_795_973_427);
const GOOD: u64 = 1500;
const BAD: u64 = 3500;
/// A tenth of a second before a good one.
const NEARLY_GOOD: u64 = 6900;

/// A clock that stands still until it is set.
#[derive(Clone)]
struct Clock(Arc<AtomicU64>);

impl Clock {
    fn at(ms: u64) -> Clock {
        Clock(Arc::new(AtomicU64::new(ms)))
    }

    fn set(&self, ms: u64) {
        self.0.store(ms, Ordering::Relaxed);
    }

    fn wall_clock(&self) -> WallClock {
        let ms = self.0.clone();
        let now = move || SystemTime::UNIX_EPOCH + BASE + Duration::from_millis(ms.load(Ordering::Relaxed));
        WallClock::from_fn(now)
    }
}

fn nodes_that_drop(clock: &Clock) -> DevnetBuilder {
    Devnet::builder()
        .nodes(2)
        .same_node(SameNode::Drop)
        .wall_clock(clock.wall_clock())
        .node_limit(Duration::from_secs(600))
}

async fn client_everywhere(devnet: &Devnet, clock: &Clock) -> Client {
    let first = builder(devnet, 0).wall_clock(clock.wall_clock());
    everywhere(first.endpoints(devnet.endpoints().into_iter().skip(1))).await
}

/// Waits until both nodes pass unicasts on, so that all of them know both subscribers.
async fn known(publisher: &Client, topic: &str) {
    let first = publisher.publish(topic, "first").wait_for_subscriber(true).timeout(GUARD);
    soon("the topic to be known", first).await.unwrap();
}

fn sent(client: &Client) -> u64 {
    client.stats().total().calls
}

#[tokio::test]
async fn unicasts_are_held_in_bad_seconds_and_leave_in_order() {
    let clock = Clock::at(GOOD);
    let devnet = devnet(nodes_that_drop(&clock)).await;
    let (publisher, subscriber) =
        (client_everywhere(&devnet, &clock).await, client_everywhere(&devnet, &clock).await);
    let mut messages = subscriber.subscribe("t").await.unwrap();
    known(&publisher, "t").await;
    assert_eq!(soon("the first", messages.next()).await.unwrap().data(), "first");

    clock.set(NEARLY_GOOD);
    let before = sent(&publisher);
    for retry in [Retry::Definite, Retry::AtLeastOnce] {
        let held = {
            let publisher = publisher.clone();
            let call = move |n: usize| publisher.publish("t", n.to_string()).retry(retry).timeout(GUARD);
            tokio::spawn(join_all((0..10).map(move |n| call(n).into_future())))
        };
        until("all to be held", || publisher.stats().calls_waiting == 10).await;
        if retry == Retry::Definite {
            assert_eq!(sent(&publisher), before, "held calls are not sent");
        }
        clock.set(7500);
        for outcome in soon("the replies", held).await.unwrap() {
            outcome.unwrap();
        }
        // At least once may be more often, on a busy machine.
        for n in (0..10).filter(|_| retry == Retry::Definite) {
            assert_eq!(soon("a message", messages.next()).await.unwrap().data(), &n.to_string());
        }
        clock.set(NEARLY_GOOD);
    }
}

#[tokio::test]
async fn held_unicasts_leave_through_a_better_node_that_connects() {
    let clock = Clock::at(GOOD);
    let devnet = devnet(nodes_that_drop(&clock).nodes(3)).await;
    let subscriber = {
        let first = builder(&devnet, 0);
        everywhere(first.endpoint(&devnet.endpoints()[1])).await
    };
    let mut messages = subscriber.subscribe("t").await.unwrap();
    for retry in [Retry::Definite, Retry::AtLeastOnce] {
        clock.set(GOOD);
        let publisher = builder(&devnet, 0).wall_clock(clock.wall_clock()).connect().await.unwrap();
        known(&publisher, "t").await;
        assert_eq!(soon("the first", messages.next()).await.unwrap().data(), "first");
        // As long as the clock stands still there, the node that is connected loses all.
        clock.set(BAD);
        let held = {
            let publisher = publisher.clone();
            let call = move |n: usize| publisher.publish("t", n.to_string()).retry(retry).timeout(GUARD);
            tokio::spawn(join_all((0..3).map(move |n| call(n).into_future())))
        };
        until("all to be held", || publisher.stats().calls_waiting == 3).await;
        let better = &devnet.endpoints()[2];
        publisher.add_endpoint(better).unwrap();
        for (n, outcome) in soon("the replies", held).await.unwrap().into_iter().enumerate() {
            assert_eq!(outcome.unwrap().endpoint(), better);
            assert_eq!(soon("a message", messages.next()).await.unwrap().data(), &n.to_string());
        }
        publisher.close().await.unwrap();
    }
}

#[tokio::test]
async fn bytes_of_a_unicast_that_is_held_for_a_retry_count() {
    let clock = Clock::at(BAD);
    let devnet = devnet(nodes_that_drop(&clock).nodes(3)).await;
    let subscriber = {
        let first = builder(&devnet, 0);
        everywhere(first.endpoint(&devnet.endpoints()[1])).await
    };
    // The second message is refused as BUSY, after which it goes through another node.
    let _messages = subscriber.subscribe("t").max_messages(1).await.unwrap();
    let publisher = builder(&devnet, 0).wall_clock(clock.wall_clock()).max_send_bytes(1000);
    let publisher = everywhere(publisher.endpoint(&devnet.endpoints()[2])).await;
    soon("the first", publisher.publish("t", "first").timeout(GUARD)).await.unwrap();
    let held = publisher.publish("t", vec![0; 600]).timeout(GUARD).into_future();
    let held = tokio::spawn(held);
    until("the retry to be held", || sent(&publisher) == 2 && publisher.stats().calls_waiting == 1).await;
    let error = publisher.publish("t", vec![0; 600]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Overloaded, "{error}");
    held.abort();
    until("its end", || publisher.stats().calls_waiting == 0).await;
}

#[tokio::test]
async fn no_unicast_is_lost_where_all_nodes_have_subscribers() {
    let clock = Clock::at(GOOD);
    let devnet = devnet(nodes_that_drop(&clock)).await;
    let (publisher, subscriber) =
        (client_everywhere(&devnet, &clock).await, client_everywhere(&devnet, &clock).await);
    let _service = subscriber
        .serve("t")
        .placement(Placement::All)
        .for_each(async |request: Request| request.data().clone())
        .await
        .unwrap();
    known(&publisher, "t").await;
    for retry in [Retry::Never, Retry::Definite, Retry::AtLeastOnce] {
        let call = |n: usize| publisher.publish("t", n.to_string()).retry(retry).timeout(GUARD);
        for outcome in soon("all", join_all((0..40).map(|n| call(n).into_future()))).await {
            outcome.unwrap();
        }
    }
}

#[tokio::test]
async fn unicast_without_a_good_second_before_its_deadline_fails_at_once() {
    let clock = Clock::at(GOOD);
    let devnet = devnet(nodes_that_drop(&clock)).await;
    let (publisher, subscriber) =
        (client_everywhere(&devnet, &clock).await, client_everywhere(&devnet, &clock).await);
    let _messages = subscriber.subscribe("t").await.unwrap();
    known(&publisher, "t").await;
    clock.set(BAD);
    let before = sent(&publisher);
    for retry in [Retry::Definite, Retry::AtLeastOnce] {
        let call = publisher.publish("t", "x").retry(retry).timeout(Duration::from_secs(2));
        let error = soon("the error", call).await.unwrap_err();
        assert_eq!((error.kind(), error.delivery()), (ErrorKind::OwnNodeOnly, Delivery::No), "{error}");
        assert!(error.is_retriable() && error.message().contains("timeout"), "{error}");
    }
    assert_eq!(sent(&publisher), before);

    let never = publisher.publish("t", "x").retry(Retry::Never).timeout(GUARD).into_future();
    let never = tokio::spawn(never);
    until("the message to be sent", || sent(&publisher) == before + 1).await;
    never.abort();
}

#[tokio::test]
async fn unicast_to_subscribers_of_the_own_node_only_fails_at_once() {
    let clock = Clock::at(GOOD);
    let devnet = devnet(nodes_that_drop(&clock)).await;
    let (publisher, near) = (client(&devnet, 0).await, client(&devnet, 0).await);
    let _near = near.subscribe("t").await.unwrap();
    for retry in [Retry::Definite, Retry::AtLeastOnce] {
        let call = publisher.publish("t", "x").retry(retry).timeout(GUARD);
        let error = soon("the error", call).await.unwrap_err();
        assert_eq!((error.kind(), error.delivery()), (ErrorKind::OwnNodeOnly, Delivery::No), "{error}");
        assert_eq!((error.code(), error.is_retriable()), (105, true));
        assert!(error.message().contains(&devnet.endpoints()[0]), "{error}");
    }
    assert_eq!(sent(&publisher), 0);

    let waiting = publisher.publish("t", "y").wait_for_subscriber(true).timeout(GUARD).into_future();
    let waiting = tokio::spawn(waiting);
    until("the call to wait", || publisher.stats().calls_waiting == 1).await;
    near.close().await.unwrap();
    let far = client(&devnet, 1).await;
    let mut messages = far.subscribe("t").await.unwrap();
    assert_eq!(soon("the message", messages.next()).await.unwrap().data(), "y");
    soon("the reply", waiting).await.unwrap().unwrap();
}

#[tokio::test]
async fn broadcast_waits_for_a_subscriber_that_it_reaches() {
    let clock = Clock::at(GOOD);
    let losing = nodes_that_drop(&clock);
    for (builder, error) in
        [(losing, ErrorKind::OwnNodeOnly), (Devnet::builder().nodes(2), ErrorKind::NoSubscriber)]
    {
        let devnet = devnet(builder).await;
        let (publisher, near) = (client(&devnet, 0).await, client(&devnet, 0).await);
        let _near = match error {
            ErrorKind::OwnNodeOnly => Some(near.subscribe("t").await.unwrap()),
            _ => None,
        };
        let mut limit = Duration::from_millis(100);
        let found = loop {
            let short = publisher.broadcast("t", "x").wait_for_subscriber(true).timeout(limit);
            let found = soon("the error", short).await.unwrap_err();
            // On a busy machine the nodes may not be asked in that time.
            if found.kind() != ErrorKind::Timeout {
                break found;
            }
            limit *= 2;
        };
        assert_eq!((found.kind(), found.delivery()), (error, Delivery::No), "{found}");
        assert_eq!(sent(&publisher), 0);
        let waiting = publisher.broadcast("t", "y").wait_for_subscriber(true).timeout(GUARD).into_future();
        let waiting = tokio::spawn(waiting);
        until("the call to wait", || publisher.stats().calls_waiting == 1).await;
        let far = client(&devnet, 1).await;
        let mut messages = far.subscribe("t").await.unwrap();
        assert_eq!(soon("the message", messages.next()).await.unwrap().data(), "y");
        soon("the acknowledgement", waiting).await.unwrap().unwrap();
    }
}

/// Passes connections on to `node`, the first one after the sender has sent: a client may need several, because it tries
/// one kind of TLS after the other.
async fn slow_way_to(node: String) -> (String, oneshot::Sender<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = listener.local_addr().unwrap().to_string();
    let (open, opened) = oneshot::channel();
    tokio::spawn(async move {
        let mut accepted = listener.accept().await;
        if opened.await.is_err() {
            return;
        }
        while let Ok((mut near, _)) = accepted {
            let mut far = TcpStream::connect(&node).await.unwrap();
            tokio::spawn(async move { tokio::io::copy_bidirectional(&mut near, &mut far).await });
            accepted = listener.accept().await;
        }
    });
    (endpoint, open)
}

#[tokio::test]
async fn first_messages_wait_for_an_endpoint_that_is_still_connecting() {
    let clock = Clock::at(BAD);
    let devnet = devnet(nodes_that_drop(&clock)).await;
    let subscriber = client(&devnet, 0).await;
    let mut messages = subscriber.subscribe("t").await.unwrap();
    for broadcast in [false, true] {
        let (slow, open) = slow_way_to(devnet.endpoints()[1].clone()).await;
        let publisher = builder(&devnet, 0).endpoint(&slow).connect().await.unwrap();
        let calls = |endpoint: &str| {
            let endpoints = publisher.stats().endpoints;
            endpoints.into_iter().find(|stats| *stats.endpoint == *endpoint).unwrap().calls
        };
        let mut open = Some(open);
        loop {
            let call = publisher.clone();
            let call = tokio::spawn(async move {
                match broadcast {
                    true => call.broadcast("t", "x").timeout(GUARD).await,
                    false => call.publish("t", "x").timeout(GUARD).await.map(drop),
                }
            });
            until("the call to wait or to end", || {
                call.is_finished() || publisher.stats().calls_waiting == 1
            })
            .await;
            open.take().map(|open| open.send(()));
            match soon("the outcome", call).await.unwrap() {
                // On a busy machine the endpoint may need longer than the call waits for it.
                Err(error) => {
                    assert_eq!((error.kind(), broadcast), (ErrorKind::OwnNodeOnly, false), "{error}")
                }
                Ok(()) if broadcast && calls(&slow) == 0 => {}
                Ok(()) => break,
            }
        }
        if !broadcast {
            assert_eq!(
                calls(&devnet.endpoints()[0]),
                0,
                "nothing was sent to the node that would have lost it"
            );
        }
        assert_eq!(soon("the message", messages.next()).await.unwrap().data(), "x");
        publisher.close().await.unwrap();
    }
}

#[tokio::test]
async fn silent_node_is_replaced_soon_at_least_once() {
    let clock = Clock::at(GOOD);
    let devnet = devnet(nodes_that_drop(&clock)).await;
    let (publisher, subscriber) =
        (client_everywhere(&devnet, &clock).await, client_everywhere(&devnet, &clock).await);
    let _messages = subscriber.subscribe("t").await.unwrap();
    known(&publisher, "t").await;
    // A tenth of this timeout, after which other nodes are tried as well, is longer than the test may take.
    let call = || publisher.publish("t", "x").retry(Retry::AtLeastOnce).timeout(20 * GUARD);
    soon("a reply that shows how long it takes", call()).await.unwrap();
    for node in devnet.nodes() {
        let lost = Fault::lose().on_topic("t").on_type(0x30).from_clients().times(1);
        devnet.inject(lost.at(&node));
        soon("the reply", call()).await.unwrap();
    }
}

#[tokio::test]
async fn stalled_node_that_lists_the_topic_itself_comes_last() {
    let clock = Clock::at(GOOD);
    let devnet = devnet(nodes_that_drop(&clock)).await;
    let (publisher, subscriber) =
        (client_everywhere(&devnet, &clock).await, client_everywhere(&devnet, &clock).await);
    let _messages = subscriber.subscribe("t").await.unwrap();
    known(&publisher, "t").await;
    // The node that is chosen where both suit as well stalls.
    devnet.node(0).freeze();
    let working = &devnet.endpoints()[1];
    let in_flight = || {
        let endpoints = publisher.stats().endpoints;
        endpoints.into_iter().find(|stats| *stats.endpoint == **working).unwrap().in_flight
    };
    let mut calls = FuturesUnordered::new();
    soon("unicasts through the working node", async {
        while in_flight() < 3 {
            let call = publisher.publish("t", "x").timeout(GUARD).into_future();
            calls.push(tokio::spawn(call));
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    // The stalled node goes on in a second in which it would choose itself for what it has not read. What the other one has
    // passed on to it is delivered.
    clock.set(BAD);
    devnet.node(0).thaw();
    for _ in 0..3 {
        let reply = soon("a reply", calls.next()).await.unwrap().unwrap().unwrap();
        assert_eq!(reply.endpoint(), working);
    }
    // The clocks are the same: what was answered late must not have changed that.
    clock.set(GOOD);
    let call = publisher.publish("t", "x").timeout(GUARD);
    soon("a reply in a good second", call).await.unwrap();
    calls.iter().for_each(JoinHandle::abort);
}
