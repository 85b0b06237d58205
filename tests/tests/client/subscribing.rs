//! Subscriptions: order, slow handlers, full queues, unsubscribing.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use amop::{ErrorKind, Event, MessageKind, Overflow};
use amop_devnet::{Devnet, Fault};

use crate::fixture::{builder, client, devnet, event, everywhere, soon, two_nodes, until};

#[tokio::test]
async fn broadcast_reaches_every_subscription_but_not_its_sender() {
    let devnet = two_nodes().await;
    let (a, b) = (client(&devnet, 0).await, client(&devnet, 1).await);
    let mut own = a.subscribe("news").await.unwrap();
    let mut first = b.subscribe("news").await.unwrap();
    let mut second = b.subscribe("news").await.unwrap();
    a.broadcast("news", "1").await.unwrap();
    b.broadcast("news", "2").await.unwrap();
    for messages in [&mut first, &mut second] {
        let message = soon("the broadcast", messages.next()).await.unwrap();
        assert_eq!((message.data(), message.kind()), (&b"1"[..].into(), MessageKind::Broadcast));
    }
    assert_eq!(soon("the other one", own.next()).await.unwrap().data(), "2", "not its own");
    let error = a.subscribe("").await.err().unwrap();
    assert_eq!(error.kind(), ErrorKind::InvalidTopic);
}

#[tokio::test]
async fn echo_delivers_own_broadcasts() {
    let devnet = devnet(Devnet::builder().nodes(2)).await;
    let publisher = builder(&devnet, 0).echo(true).connect().await.unwrap();
    let other = client(&devnet, 1).await;
    let mut heard = other.subscribe("news").await.unwrap();
    publisher.broadcast("news", "mine").await.unwrap();
    assert_eq!(soon("the copy", heard.next()).await.unwrap().data(), "mine");
}

#[tokio::test]
async fn messages_arrive_in_order_with_their_metadata() {
    let devnet = two_nodes().await;
    let (publisher, subscriber) = (client(&devnet, 0).await, client(&devnet, 1).await);
    let mut messages = subscriber.subscribe("t").await.unwrap();
    for n in 0..500u32 {
        publisher.publish("t", n.to_string()).await.unwrap();
    }
    for n in 0..500u32 {
        let message = soon("a message", messages.next()).await.unwrap();
        assert_eq!(message.data(), &n.to_string());
        assert_eq!((message.topic(), message.kind()), ("t", MessageKind::Unicast));
        assert_eq!(message.endpoint(), devnet.endpoints()[1]);
    }
}

#[tokio::test]
async fn slow_handler_does_not_receive_the_message_again() {
    let devnet = devnet(Devnet::builder().nodes(2).push_limit(Duration::from_secs(2))).await;
    let publisher = client(&devnet, 0).await;
    let (slow, other) = (client(&devnet, 1).await, client(&devnet, 1).await);
    let calls = Arc::new(AtomicUsize::new(0));
    let (finish, may_finish) = mpsc::channel::<()>();
    let counted = calls.clone();
    let _slow = slow
        .subscribe("t")
        .for_each_blocking(move |_| {
            counted.fetch_add(1, Ordering::SeqCst);
            let _ = may_finish.recv();
        })
        .await
        .unwrap();
    publisher.publish("t", "1").await.expect("an accepted message is answered, whatever the handler does");
    until("the handler to be called", || calls.load(Ordering::SeqCst) == 1).await;
    // If the message were not answered, this subscriber would receive it after the push limit.
    let mut second = other.subscribe("t").await.unwrap();
    publisher.broadcast("t", "marker").await.unwrap();
    let next = soon("the marker", second.next()).await.unwrap();
    assert_eq!((next.kind(), next.data()), (MessageKind::Broadcast, &b"marker"[..].into()));
    drop(finish);
    until("the marker to be handled", || calls.load(Ordering::SeqCst) == 2).await;
    slow.close().await.unwrap();
    assert_eq!(calls.load(Ordering::SeqCst), 2, "it received the message and the marker only");
}

#[tokio::test]
async fn full_subscription_answers_busy_and_reports_it_once() {
    let devnet = two_nodes().await;
    let (publisher, subscriber) = (client(&devnet, 0).await, client(&devnet, 1).await);
    let mut events = subscriber.events();
    let mut messages = subscriber.subscribe("t").max_messages(2).await.unwrap();
    let mut elsewhere = subscriber.subscribe("free").await.unwrap();
    for _ in 0..2 {
        publisher.publish("t", "x").await.unwrap();
    }
    for _ in 0..3 {
        let error = publisher.publish("t", "x").await.unwrap_err();
        assert_eq!((error.kind(), error.node_code()), (ErrorKind::SubscriberBusy, Some(-5012)));
    }
    let slow = |event| match event {
        Event::SlowConsumer { topic, .. } => Some(topic.to_string()),
        _ => None,
    };
    assert_eq!(event(&mut events, "the slow consumer", slow).await, "t");
    publisher.publish("free", "y").await.expect("other topics are not affected");
    assert_eq!(soon("the other", elsewhere.next()).await.unwrap().data(), "y");
    assert_eq!((messages.stats().held_messages, messages.stats().refused), (2, 3));
    for _ in 0..2 {
        soon("a message", messages.next()).await.unwrap();
    }
    publisher.publish("t", "x").await.expect("there is space again");
    assert_eq!(subscriber.stats().endpoints[0].busy, 3);
}

#[tokio::test]
async fn drop_oldest_keeps_the_newest_messages() {
    let devnet = two_nodes().await;
    let (publisher, subscriber) = (client(&devnet, 0).await, client(&devnet, 1).await);
    let mut messages =
        subscriber.subscribe("t").max_messages(3).overflow(Overflow::DropOldest).await.unwrap();
    for n in 0..10 {
        publisher.publish("t", n.to_string()).await.unwrap();
    }
    for n in 7..10 {
        assert_eq!(soon("a message", messages.next()).await.unwrap().data(), &n.to_string());
    }
    assert_eq!(messages.stats().dropped, 7);
    assert_eq!(subscriber.stats().held_bytes, 0);
}

#[tokio::test]
async fn panic_of_a_handler_is_an_event_and_delivery_goes_on() {
    let devnet = two_nodes().await;
    let (publisher, subscriber) = (client(&devnet, 0).await, client(&devnet, 1).await);
    let mut events = subscriber.events();
    let (tx, mut rx) = tokio::sync::mpsc::unbounded_channel();
    let handler = move |message: amop::Message| {
        let tx = tx.clone();
        async move {
            assert!(message.data() != "bad", "invalid message");
            tx.send(message).unwrap();
        }
    };
    let _guard = subscriber.subscribe("t").for_each(handler).await.unwrap();
    publisher.publish("t", "bad").await.unwrap();
    publisher.publish("t", "good").await.unwrap();
    assert_eq!(soon("the good one", rx.recv()).await.unwrap().data(), "good");
    let failed = |event| match event {
        Event::HandlerFailed { topic, message, .. } => Some((topic.to_string(), message)),
        _ => None,
    };
    let (topic, text) = event(&mut events, "the failure", failed).await;
    assert_eq!(topic, "t");
    assert!(text.contains("invalid message"));
}

#[tokio::test]
async fn unsubscribe_waits_until_the_handler_processed_the_queue() {
    let devnet = two_nodes().await;
    let (publisher, subscriber) = (client(&devnet, 0).await, client(&devnet, 1).await);
    let calls = Arc::new(AtomicUsize::new(0));
    let (go, may_go) = mpsc::channel::<()>();
    let counted = calls.clone();
    let guard = subscriber
        .subscribe("t")
        .for_each_blocking(move |_| {
            may_go.recv().unwrap();
            counted.fetch_add(1, Ordering::SeqCst);
        })
        .await
        .unwrap();
    for _ in 0..3 {
        publisher.publish("t", "x").await.unwrap();
    }
    let leaving = tokio::spawn(guard.unsubscribe());
    for _ in 0..3 {
        go.send(()).unwrap();
    }
    soon("the end", leaving).await.unwrap().unwrap();
    assert_eq!(calls.load(Ordering::SeqCst), 3);
    assert!(go.send(()).is_err(), "the handler and what it holds are dropped");
}

#[tokio::test]
async fn handler_may_unsubscribe_itself() {
    let devnet = two_nodes().await;
    let (publisher, subscriber) = (client(&devnet, 0).await, client(&devnet, 1).await);
    let slot = Arc::new(std::sync::Mutex::new(None::<amop::RunningHandler>));
    let (tx, mut rx) = tokio::sync::mpsc::unbounded_channel();
    let own = slot.clone();
    let guard = subscriber
        .subscribe("t")
        .for_each(move |_| {
            let guard = own.lock().unwrap().take();
            let tx = tx.clone();
            async move {
                if let Some(guard) = guard {
                    tx.send(guard.unsubscribe().await).unwrap();
                }
            }
        })
        .await
        .unwrap();
    *slot.lock().unwrap() = Some(guard);
    publisher.publish("t", "x").await.unwrap();
    soon("the handler", rx.recv()).await.unwrap().expect("it does not wait inside a handler");
    assert!(soon("its end", rx.recv()).await.is_none());
}

#[tokio::test]
async fn batch_handler_receives_all_messages_in_order() {
    let devnet = two_nodes().await;
    let (publisher, subscriber) = (client(&devnet, 0).await, client(&devnet, 1).await);
    let mut events = subscriber.events();
    let reports = subscriber.handler_reports();
    let (tx, mut rx) = tokio::sync::mpsc::unbounded_channel();
    let handler = move |ready: &mut dyn Iterator<Item = amop::Message>| {
        for message in ready {
            reports.failed(message.topic(), "refused");
            tx.send(message).unwrap();
        }
    };
    let guard = subscriber.subscribe("t").for_each_batch_blocking(handler).await.unwrap();
    for n in 0..200 {
        publisher.publish("t", n.to_string()).await.unwrap();
    }
    for n in 0..200 {
        assert_eq!(soon("a message", rx.recv()).await.unwrap().data(), &n.to_string());
    }
    let failed = |event| match event {
        Event::HandlerFailed { topic, message, .. } => Some((topic.to_string(), message)),
        _ => None,
    };
    assert_eq!(event(&mut events, "the failure", failed).await, ("t".into(), "refused".into()));
    soon("the end", guard.unsubscribe()).await.unwrap();
    assert!(soon("the handler's end", rx.recv()).await.is_none());
}

#[tokio::test]
async fn close_waits_until_the_stream_of_a_handler_is_dropped() {
    let devnet = two_nodes().await;
    let (publisher, subscriber) = (client(&devnet, 0).await, client(&devnet, 1).await);
    let (mut messages, confirmed) = subscriber.subscribe("t").with_external_handler().unwrap();
    let mut guard = confirmed.await.unwrap();
    let (mut requests, confirmed) = subscriber.serve("s").with_external_handler().unwrap();
    let _service = confirmed.await.unwrap();
    publisher.publish("t", "1").await.unwrap();
    let short = Duration::from_millis(50);
    assert_eq!(guard.end(Some(short)).await.unwrap_err().kind(), ErrorKind::Timeout);
    assert_eq!(guard.stats().dropped, 1, "the queue was dropped at the timeout");
    assert!(soon("the end of the stream", messages.next()).await.is_none());
    let closing = tokio::spawn(async move { subscriber.close().await });
    assert!(soon("the end of the requests", requests.next()).await.is_none());
    assert!(!closing.is_finished(), "both streams still live");
    drop((messages, requests));
    soon("the close", closing).await.unwrap().unwrap();
}

#[tokio::test]
async fn subscription_at_a_silent_node_fails_at_its_deadline() {
    let devnet = two_nodes().await;
    let client = client(&devnet, 0).await;
    devnet.node(0).freeze();
    let subscribe = client.subscribe("t").timeout(Duration::from_millis(50));
    let error = soon("the deadline", subscribe).await.err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
    let lists = client.stats().endpoints[0].topic_lists_sent;
    assert!(lists <= 2, "it isn't asked for again and again: {lists} lists");
    devnet.node(0).thaw();
}

/// Longer than any test takes.
const NEVER: Duration = Duration::from_secs(24 * 3600);

#[tokio::test]
async fn one_stalled_node_does_not_delay_a_subscription() {
    let devnet = two_nodes().await;
    let both = builder(&devnet, 0).endpoint(devnet.node(1).endpoint());
    let subscriber = everywhere(both.heartbeat(NEVER).call_timeout(NEVER)).await;
    devnet.node(1).freeze();
    let sent = subscriber.stats().endpoints[1].frames_sent;
    let mut messages = soon("the subscription", subscriber.subscribe("t")).await.unwrap();
    let sent = subscriber.stats().endpoints[1].frames_sent - sent;
    assert!(sent <= 3, "the silence of the stalled node was not waited for: {sent} frames");
    let publisher = client(&devnet, 0).await;
    publisher.publish("t", "x").await.unwrap();
    assert_eq!(soon("the message", messages.next()).await.unwrap().data(), "x");
}

/// A subscriber of a node that lists its topics and answers none of its questions, so that nothing is confirmed.
async fn unconfirmed(devnet: &Devnet) -> amop::Client {
    let subscriber = builder(devnet, 1).call_timeout(NEVER).heartbeat(NEVER).connect().await.unwrap();
    devnet.inject(Fault::lose().at(&devnet.node(1)).on_type(0x12));
    subscriber
}

#[tokio::test]
async fn handlers_run_before_their_subscription_is_confirmed() {
    let devnet = two_nodes().await;
    let publisher = client(&devnet, 0).await;
    for blocking in [false, true] {
        let subscriber = unconfirmed(&devnet).await;
        let (tx, mut rx) = tokio::sync::mpsc::unbounded_channel();
        let subscribe = subscriber.subscribe("t");
        let subscribing = if blocking {
            tokio::spawn(async {
                subscribe.for_each_blocking(move |message| tx.send(message).unwrap()).await
            })
        } else {
            let handler = move |message| {
                tx.send(message).unwrap();
                async {}
            };
            tokio::spawn(async { subscribe.for_each(handler).await })
        };
        publisher.publish("t", "x").wait_for_subscriber(true).timeout(NEVER).await.unwrap();
        assert_eq!(soon("the handler", rx.recv()).await.unwrap().data(), "x");
        assert!(!subscribing.is_finished(), "it is not confirmed");
        subscribing.abort();
        assert!(soon("the end of the handler", rx.recv()).await.is_none());
        subscriber.close().await.unwrap();
        until("the topic to be gone", || devnet.node(1).topics().is_empty()).await;
    }
}

#[tokio::test]
async fn external_handlers_receive_before_they_are_confirmed() {
    let devnet = two_nodes().await;
    let publisher = client(&devnet, 0).await;
    let subscriber = unconfirmed(&devnet).await;
    let (mut messages, confirmed) = subscriber.subscribe("t").with_external_handler().unwrap();
    publisher.publish("t", "x").wait_for_subscriber(true).timeout(NEVER).await.unwrap();
    assert_eq!(soon("the message", messages.next()).await.unwrap().data(), "x");
    drop(confirmed);
    assert!(soon("the end of the stream", messages.next()).await.is_none(), "it is unsubscribed");
    drop(messages);
    soon("the close", subscriber.close()).await.unwrap();
}

#[tokio::test]
async fn services_answer_before_they_are_confirmed() {
    let devnet = two_nodes().await;
    let publisher = client(&devnet, 0).await;
    for blocking in [false, true] {
        let server = unconfirmed(&devnet).await;
        let serve = server.serve("t");
        let serving = if blocking {
            tokio::spawn(serve.for_each_blocking(|request| request.reply("served").unwrap()))
        } else {
            tokio::spawn(serve.for_each(async |_: amop::Request| "served"))
        };
        let publish = publisher.publish("t", "x").wait_for_subscriber(true).timeout(NEVER);
        assert_eq!(soon("the reply", publish).await.unwrap().data(), "served");
        assert!(!serving.is_finished(), "it is not confirmed");
        server.close().await.unwrap();
        until("the topic to be gone", || devnet.node(1).topics().is_empty()).await;
    }
}

#[tokio::test]
async fn unconfirmed_subscription_ends_its_handler() {
    let devnet = two_nodes().await;
    let subscriber = client(&devnet, 1).await;
    devnet.node(1).freeze();
    let (tx, rx) = tokio::sync::mpsc::unbounded_channel::<amop::Message>();
    let subscribe = subscriber.subscribe("t").timeout(Duration::from_millis(50));
    let error =
        soon("the deadline", subscribe.for_each_blocking(move |message| tx.send(message).unwrap())).await;
    assert_eq!(error.err().unwrap().kind(), ErrorKind::Timeout);
    assert!(rx.is_closed(), "the handler and what it holds are dropped");
    devnet.node(1).thaw();
}

/// A waker that calls the client, as the executor of another crate may do.
struct CallsClient {
    client: amop::Client,
    called: mpsc::Sender<amop::Result<()>>,
}

impl std::task::Wake for CallsClient {
    fn wake(self: Arc<Self>) {
        let _ = self.called.send(self.client.remove_endpoint("127.0.0.1:1"));
    }
}

#[tokio::test]
async fn waker_of_a_closed_subscription_may_call_the_client() {
    let devnet = two_nodes().await;
    let client = client(&devnet, 0).await;
    let mut messages = client.subscribe("t").await.unwrap();
    let (called, calls) = mpsc::channel();
    let waker = std::task::Waker::from(Arc::new(CallsClient { client: client.clone(), called }));
    assert!(messages.poll_ready(&mut std::task::Context::from_waker(&waker)).is_pending());
    drop(waker);
    // On a thread of its own, which would never return if the client's lock were held while it wakes.
    std::thread::spawn(move || messages.unsubscribe());
    calls.recv_timeout(crate::fixture::GUARD).expect("the waker has returned").unwrap();
}
