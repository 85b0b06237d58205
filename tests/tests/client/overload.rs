//! Overload: limits hold, refused messages are counted and reported, and everything else goes on.
//!
//! The tests assert counts only. Time and memory are measured by `make bench`.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use amop::{Client, ClientBuilder, Delivery, Error, ErrorKind, Event, Request, Retry};
use amop_devnet::Devnet;
use futures_util::future::join_all;
use tokio::sync::mpsc::unbounded_channel;

use crate::fixture::{GUARD, builder, client, devnet, event, everywhere, soon, two_nodes, until};

/// Longer than any test takes.
const NEVER: Duration = Duration::from_secs(24 * 3600);

/// The size of a large message. A few dozen exceed the socket buffers of a node that does not read.
const LARGE: usize = 256 << 10;

/// Sends until the limit of the connection is reached. Returns how many calls were accepted, each of which sends its
/// outcome to `done`, and the error of the one that was refused.
fn fill(
    publisher: &Client,
    topic: &str,
    done: &tokio::sync::mpsc::UnboundedSender<Option<Error>>,
) -> (usize, Error) {
    for accepted in 0.. {
        let publish = publisher.publish(topic, vec![0; LARGE]).timeout(NEVER).retry(Retry::Never);
        let done = done.clone();
        if let Err(error) = publish.start(move |outcome| done.send(outcome.err()).unwrap()) {
            return (accepted, error);
        }
        // Let the task of the connection write what it can.
        std::thread::yield_now();
    }
    unreachable!("it is filled before")
}

#[tokio::test]
async fn calls_to_a_stalled_node_fail_at_max_send_bytes() {
    const BOUND: usize = 1 << 20;
    let devnet = two_nodes().await;
    let server = client(&devnet, 1).await;
    let _service = server.serve("t").for_each(async |_: Request| "served").await.unwrap();
    let patient = |node| builder(&devnet, node).heartbeat(NEVER);
    let publisher = patient(0).max_send_bytes(BOUND).connect().await.unwrap();
    publisher.publish("t", "the route is found").wait_for_subscriber(true).await.unwrap();
    devnet.node(0).freeze();
    let (done, mut outcomes) = unbounded_channel();
    let (accepted, error) = fill(&publisher, "t", &done);
    assert_eq!((error.kind(), error.delivery()), (ErrorKind::Overloaded, Delivery::No));
    assert!(error.is_retriable() && error.message().contains("max_send_bytes"), "{error}");
    let held = publisher.stats().endpoints[0].clone();
    assert_eq!((held.in_flight, held.overloaded), (accepted, 1));
    assert!(held.queued_bytes <= BOUND, "{held:?}");
    // Other clients and other nodes are not affected.
    let elsewhere = client(&devnet, 1).await;
    assert_eq!(soon("another node", elsewhere.publish("t", "x")).await.unwrap().data(), "served");
    devnet.node(0).thaw();
    for _ in 0..accepted {
        let outcome = soon("the end of a call", outcomes.recv()).await.unwrap();
        assert!(outcome.is_none(), "what was accepted is delivered: {outcome:?}");
    }
    drop(done);
    assert!(soon("no further outcome", outcomes.recv()).await.is_none(), "each call completed once");
    let left = publisher.stats().endpoints[0].clone();
    assert_eq!((left.in_flight, left.queued_bytes), (0, 0));
    assert_eq!(publisher.publish("t", "x").await.unwrap().data(), "served", "there is space again");
}

#[tokio::test]
async fn stalled_node_delays_no_message_of_another_node() {
    let devnet = two_nodes().await;
    let subscriber = client(&devnet, 1).await;
    let mut slow = subscriber.subscribe("slow").await.unwrap();
    let mut other = subscriber.subscribe("other").await.unwrap();
    let publisher = builder(&devnet, 0).endpoint(devnet.node(1).endpoint());
    let publisher = everywhere(publisher.heartbeat(NEVER).max_send_bytes(1 << 20)).await;
    publisher.publish("slow", "the route is found").wait_for_subscriber(true).await.unwrap();
    soon("the first", slow.next()).await.unwrap();
    // The preferred node, which has no subscriber of its own, stops reading. Messages beyond its limit go through the
    // other node.
    devnet.node(0).freeze();
    let (done, mut outcomes) = unbounded_channel();
    let held_by_the_slow_one = || publisher.stats().endpoints[0].in_flight;
    let mut sent = 0;
    for (topic, messages) in [("slow", &mut slow), ("other", &mut other)] {
        let mut passed = 0;
        while passed < 20 {
            let held = held_by_the_slow_one();
            let done = done.clone();
            let publish = publisher.publish(topic, vec![0; LARGE]).timeout(NEVER);
            publish
                .start(move |outcome| done.send(outcome.err()).unwrap())
                .expect("one of the nodes has space");
            sent += 1;
            let taken = async {
                while held_by_the_slow_one() == held {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            };
            tokio::select! {
                () = soon("the message to be queued or delivered", taken) => {}
                outcome = outcomes.recv() => {
                    assert!(outcome.unwrap().is_none(), "the other node answers");
                    soon("the message", messages.next()).await.unwrap();
                    passed += 1;
                }
            }
        }
    }
    devnet.node(0).thaw();
    for _ in 40..sent {
        let outcome = soon("the end of a call", outcomes.recv()).await.unwrap();
        assert!(outcome.is_none(), "what the slow node took is delivered too: {outcome:?}");
    }
    assert_eq!((slow.stats().accepted + other.stats().accepted, held_by_the_slow_one()), (1 + sent, 0));
}

#[tokio::test]
async fn one_client_subscribes_to_ten_thousand_topics() {
    const TOPICS: usize = 10_000;
    let devnet = two_nodes().await;
    let publisher = builder(&devnet, 0).call_timeout(NEVER).connect().await.unwrap();
    let subscriber = builder(&devnet, 1).call_timeout(NEVER).connect().await.unwrap();
    let topic = |n: usize| format!("topic number {n}");
    let mut subscriptions = Vec::new();
    for some in (0..TOPICS).collect::<Vec<_>>().chunks(1000) {
        let subscribe = some.iter().map(|n| subscriber.subscribe(topic(*n)).into_future());
        subscriptions.extend(soon("the subscriptions", join_all(subscribe)).await);
    }
    let mut subscriptions: Vec<_> = subscriptions.into_iter().map(Result::unwrap).collect();
    assert_eq!(devnet.node(1).topics().len(), TOPICS);
    let lists = subscriber.stats().endpoints[0].topic_lists_sent;
    assert!(lists < TOPICS as u64 / 10, "changes are gathered: {lists} lists");
    for some in (0..TOPICS).collect::<Vec<_>>().chunks(1000) {
        let publish = some.iter().map(|n| publisher.publish(topic(*n), n.to_string()).into_future());
        for outcome in soon("the replies", join_all(publish)).await {
            outcome.unwrap();
        }
    }
    for (n, messages) in subscriptions.iter_mut().enumerate() {
        let message = soon("its message", messages.next()).await.unwrap();
        assert_eq!((message.topic(), message.data()), (topic(n).as_str(), &n.to_string().into()));
        assert_eq!(messages.stats().accepted, 1);
    }
    // In the end the node lists the remaining topic only.
    let last = subscriptions.pop().unwrap();
    drop(subscriptions);
    until("the others to be gone", || devnet.node(1).topics() == [last.topic()]).await;
    assert_eq!(subscriber.stats().held_bytes, 0);
}

#[tokio::test]
async fn hundred_thousand_calls_are_in_flight_and_no_more() {
    const CALLS: usize = 100_000;
    let nodes = Devnet::builder().nodes(2).push_limit(NEVER).node_limit(NEVER).idle_limit(NEVER);
    let devnet = devnet(nodes).await;
    // A busy machine may take long to get to a heartbeat's answer, behind all calls.
    let patient = |node| builder(&devnet, node).heartbeat(NEVER);
    let publisher = patient(0).max_in_flight(CALLS).call_timeout(NEVER).connect().await.unwrap();
    let server = patient(1).answer_timeout(NEVER).connect().await.unwrap();
    let mut requests = server.serve("t").max_messages(CALLS).await.unwrap();
    publisher.publish("unknown", "").wait_for_subscriber(false).await.unwrap_err();
    let told = Arc::new(AtomicUsize::new(0));
    let (done, mut outcomes) = unbounded_channel();
    let mut held = Vec::with_capacity(CALLS);
    for n in 0..CALLS {
        let (told, done) = (told.clone(), done.clone());
        let tell = move |outcome: amop::Result<amop::Reply>| {
            told.fetch_add(1, Ordering::SeqCst);
            done.send((n, outcome)).unwrap();
        };
        publisher.publish("t", n.to_string()).start(tell).unwrap();
    }
    let in_flight = || publisher.stats().endpoints[0].in_flight;
    assert_eq!(in_flight(), CALLS);
    let error = publisher.publish("t", "one more").await.unwrap_err();
    assert_eq!((error.kind(), error.delivery()), (ErrorKind::Overloaded, Delivery::No));
    assert!(error.message().contains("max_in_flight"), "{error}");
    assert_eq!(publisher.stats().total().overloaded, 1);
    for _ in 0..CALLS {
        held.push(soon("a request", requests.next()).await.unwrap());
    }
    let early = outcomes.try_recv();
    assert_eq!(
        (in_flight(), told.load(Ordering::SeqCst)),
        (CALLS, 0),
        "all wait for their answers: {early:?}"
    );
    for request in held.drain(..).rev() {
        request.reply(request.data().clone()).unwrap();
    }
    drop(done);
    let mut seen = HashSet::new();
    while let Some((n, outcome)) = soon("an outcome", outcomes.recv()).await {
        assert_eq!(outcome.unwrap().data(), &n.to_string(), "its own reply");
        assert!(seen.insert(n), "call {n} ended twice");
    }
    assert_eq!((seen.len(), in_flight()), (CALLS, 0));
    assert_eq!(requests.stats().accepted, CALLS as u64, "each was handled once");
}

#[tokio::test]
async fn max_held_bytes_limits_all_subscriptions_together() {
    let devnet = two_nodes().await;
    let publisher = client(&devnet, 0).await;
    let subscriber = builder(&devnet, 1).max_held_bytes(100_000).connect().await.unwrap();
    let mut a = subscriber.subscribe("a").await.unwrap();
    let mut b = subscriber.subscribe("b").await.unwrap();
    let mut c = subscriber.subscribe("c").await.unwrap();
    for topic in ["a", "b", "a"] {
        publisher.publish(topic, vec![1; 30_000]).await.unwrap();
    }
    for topic in ["a", "b"] {
        let error = publisher.publish(topic, vec![1; 30_000]).await.unwrap_err();
        assert_eq!((error.kind(), error.delivery()), (ErrorKind::SubscriberBusy, Delivery::Maybe), "{topic}");
    }
    assert_eq!(subscriber.stats().held_bytes, 90_000);
    // A topic that is read goes on: an empty subscription accepts a message although the limit is reached.
    for n in 0..20u8 {
        publisher.publish("c", vec![n; 10_000]).await.unwrap();
        assert_eq!(soon("a message", c.next()).await.unwrap().data(), &vec![n; 10_000]);
    }
    assert_eq!((a.stats().refused, b.stats().refused, c.stats().refused), (1, 1, 0));
    assert_eq!(subscriber.stats().refused, 2);
    soon("a message", a.next()).await.unwrap();
    soon("a message", a.next()).await.unwrap();
    publisher.publish("b", vec![1; 30_000]).await.expect("there is space again");
    for _ in 0..2 {
        soon("a message", b.next()).await.unwrap();
    }
    assert_eq!(subscriber.stats().held_bytes, 0);
}

#[tokio::test]
async fn blocked_handler_threads_delay_no_stream_or_async_handler() {
    const THREADS: usize = 256;
    let devnet = two_nodes().await;
    let (publisher, subscriber) = (client(&devnet, 0).await, client(&devnet, 1).await);
    let (release, gate) = mpsc::channel::<()>();
    let gate = Arc::new(std::sync::Mutex::new(gate));
    let entered = Arc::new(AtomicUsize::new(0));
    let mut guards = Vec::new();
    for n in 0..=THREADS {
        let (gate, entered) = (gate.clone(), entered.clone());
        let handler = move |_| {
            entered.fetch_add(1, Ordering::SeqCst);
            // Returns when the test drops the sender.
            let _ = gate.lock().unwrap().recv();
        };
        guards.push(subscriber.subscribe(format!("blocked {n}")).for_each_blocking(handler).await.unwrap());
    }
    let mut stream = subscriber.subscribe("stream").await.unwrap();
    let (tell, mut told) = unbounded_channel();
    let _async = subscriber
        .subscribe("async")
        .for_each(move |message| {
            tell.send(message).unwrap();
            async {}
        })
        .await
        .unwrap();
    for n in 0..=THREADS {
        publisher.publish(format!("blocked {n}"), "x").await.expect("an accepted message is answered");
    }
    until("all threads to be taken", || entered.load(Ordering::SeqCst) == THREADS).await;
    until("the last one to wait", || subscriber.stats().dispatcher_waits > 0).await;
    for n in 0..100u32 {
        publisher.publish("stream", n.to_string()).await.unwrap();
        assert_eq!(soon("the stream", stream.next()).await.unwrap().data(), &n.to_string());
        publisher.publish("async", n.to_string()).await.unwrap();
        assert_eq!(soon("the async handler", told.recv()).await.unwrap().data(), &n.to_string());
    }
    assert_eq!(entered.load(Ordering::SeqCst), THREADS, "the one beyond them waits for a thread");
    drop(release);
    until("the one that waited", || entered.load(Ordering::SeqCst) == THREADS + 1).await;
    subscriber.close_within(GUARD).await.unwrap();
    assert_eq!(subscriber.stats().held_bytes, 0);
}

#[tokio::test]
async fn slow_consumer_is_reported_once_per_episode() {
    let devnet = two_nodes().await;
    let (publisher, subscriber) = (client(&devnet, 0).await, client(&devnet, 1).await);
    let mut events = subscriber.events();
    let mut messages = subscriber.subscribe("t").max_messages(2).await.unwrap();
    for episode in 1..=3 {
        for _ in 0..2 {
            publisher.publish("t", "x").await.unwrap();
        }
        for _ in 0..5 {
            assert_eq!(publisher.publish("t", "x").await.unwrap_err().kind(), ErrorKind::SubscriberBusy);
        }
        // An episode ends when the queue is empty, not when there is some space.
        soon("a message", messages.next()).await.unwrap();
        publisher.publish("t", "x").await.unwrap();
        assert_eq!(publisher.publish("t", "x").await.unwrap_err().kind(), ErrorKind::SubscriberBusy);
        for _ in 0..2 {
            soon("a message", messages.next()).await.unwrap();
        }
        assert_eq!(messages.stats().refused, 6 * episode);
    }
    subscriber.close().await.unwrap();
    let mut told = 0;
    let count = |event| match event {
        Event::SlowConsumer { .. } => {
            told += 1;
            None
        }
        event => matches!(event, Event::Closed).then_some(()),
    };
    event(&mut events, "the last event", count).await;
    assert_eq!(told, 3);
}

/// A client of two nodes that have stopped answering, so that no call comes to an end.
async fn client_of_frozen_nodes(devnet: &Devnet, set: impl FnOnce(ClientBuilder) -> ClientBuilder) -> Client {
    let builder = builder(devnet, 0).endpoint(devnet.node(1).endpoint()).heartbeat(NEVER).call_timeout(NEVER);
    let client = everywhere(set(builder)).await;
    devnet.nodes().iter().for_each(|node| node.freeze());
    client
}

#[tokio::test]
async fn max_in_flight_holds_while_a_node_is_being_chosen() {
    const MOST: usize = 10;
    let devnet = two_nodes().await;
    let publisher = client_of_frozen_nodes(&devnet, |builder| builder.max_in_flight(MOST)).await;
    let (done, mut outcomes) = unbounded_channel();
    let mut refused = 0;
    for _ in 0..3 * MOST {
        let done = done.clone();
        match publisher.publish("unknown", "x").start(move |outcome| done.send(outcome).unwrap()) {
            Ok(_) => {}
            Err(error) => {
                assert_eq!((error.kind(), error.delivery()), (ErrorKind::Overloaded, Delivery::No));
                assert!(error.message().contains("max_in_flight"), "{error}");
                refused += 1;
            }
        }
    }
    assert_eq!((refused, publisher.stats().total().overloaded), (2 * MOST, 2 * MOST as u64));
    devnet.nodes().iter().for_each(|node| node.thaw());
    drop(done);
    for _ in 0..MOST {
        let outcome = soon("the end of a call", outcomes.recv()).await.expect("it was accepted");
        assert_eq!(outcome.unwrap_err().kind(), ErrorKind::NoSubscriber);
    }
    assert!(soon("no further outcome", outcomes.recv()).await.is_none());
    let error = publisher.publish("unknown", "x").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NoSubscriber, "all permits were released");
}

#[tokio::test]
async fn bytes_of_calls_that_may_be_retried_are_limited() {
    let devnet = two_nodes().await;
    let publisher = client_of_frozen_nodes(&devnet, |builder| builder.max_send_bytes(4 * LARGE)).await;
    let retried = [
        publisher.publish("t", vec![0; LARGE]).wait_for_subscriber(true),
        publisher.publish("t", vec![0; LARGE]).retry(Retry::AtLeastOnce),
        publisher.publish("t", vec![0; LARGE]).wait_for_subscriber(true),
        publisher.publish("t", vec![0; LARGE]).retry(Retry::AtLeastOnce),
    ];
    let handles: Vec<_> = retried.into_iter().map(|call| call.start(drop).unwrap()).collect();
    assert_eq!(publisher.stats().calls_waiting, 4);
    let error = publisher.publish("t", "x").wait_for_subscriber(true).start(drop).unwrap_err();
    assert_eq!((error.kind(), error.delivery()), (ErrorKind::Overloaded, Delivery::No));
    assert!(error.message().contains("max_send_bytes"), "{error}");
    handles.iter().for_each(amop::CallHandle::cancel);
    until("the calls to end", || publisher.stats().calls_waiting == 0).await;
    publisher.publish("t", "x").wait_for_subscriber(true).start(drop).expect("the bytes were released");
}
