//! Closing a client: calls under way, handlers, callbacks, and clients that are dropped without a close.

use std::sync::mpsc;
use std::time::Duration;

use amop::{Delivery, ErrorKind, Event, Request, Retry};
use futures_util::future::join_all;
use tokio::sync::mpsc::unbounded_channel;

use crate::fixture::{builder, client, event, everywhere, soon, two_nodes, until};

#[tokio::test]
async fn calls_in_flight_and_later_calls_fail_as_closed() {
    let devnet = two_nodes().await;
    let (publisher, server) = (client(&devnet, 0).await, client(&devnet, 1).await);
    let mut requests = server.serve("slow").await.unwrap();
    let calls: Vec<_> = (0..100)
        .map(|_| {
            let publisher = publisher.clone();
            tokio::spawn(async move { publisher.publish("slow", "x").await })
        })
        .collect();
    let mut held = Vec::new();
    for _ in 0..100 {
        held.push(soon("a request", requests.next()).await.unwrap());
    }
    let mut events = publisher.events();
    soon("the close", publisher.close()).await.unwrap();
    for call in join_all(calls).await {
        assert_eq!(call.unwrap().unwrap_err().kind(), ErrorKind::Closed);
    }
    assert_eq!(publisher.publish("slow", "x").await.unwrap_err().kind(), ErrorKind::Closed);
    assert_eq!(publisher.subscribe("t").await.err().unwrap().kind(), ErrorKind::Closed);
    event(&mut events, "the last event", |event| matches!(event, Event::Closed).then_some(())).await;
    assert!(soon("the end of events", events.next()).await.is_none());
    soon("a second close", publisher.close()).await.unwrap();
    assert_eq!(publisher.stats().endpoints[0].in_flight, 0);
    until("the end of the session at the node", || devnet.node(0).counters().sessions == 0).await;
}

#[tokio::test]
async fn messages_sent_before_the_close_are_delivered() {
    let devnet = two_nodes().await;
    let (publisher, subscriber) = (client(&devnet, 0).await, client(&devnet, 1).await);
    let mut messages = subscriber.subscribe("t").await.unwrap();
    let calls = (0..1000u32).map(|n| publisher.broadcast("t", n.to_string()).into_future());
    soon("the acks", join_all(calls)).await.into_iter().for_each(|ack| ack.unwrap());
    publisher.close().await.unwrap();
    for _ in 0..1000 {
        soon("a message", messages.next()).await.unwrap();
    }
}

#[tokio::test]
async fn client_can_be_closed_inside_its_handlers() {
    let devnet = two_nodes().await;
    let publisher = client(&devnet, 0).await;
    for kind in ["async", "blocking", "service"] {
        let subscriber = client(&devnet, 1).await;
        let mut events = subscriber.events();
        let own = subscriber.clone();
        let _guard = match kind {
            "async" => {
                subscriber
                    .subscribe(kind)
                    .for_each(move |_| {
                        let own = own.clone();
                        async move { own.close().await.expect("it does not wait inside a handler") }
                    })
                    .await
            }
            "blocking" => {
                subscriber
                    .subscribe(kind)
                    .for_each_blocking(move |_| {
                        futures::executor::block_on(own.close()).expect("it does not wait inside a handler");
                    })
                    .await
            }
            _ => {
                subscriber
                    .serve(kind)
                    .for_each(move |_: Request| {
                        let own = own.clone();
                        async move {
                            own.close().await.expect("it does not wait inside a handler");
                            "bye"
                        }
                    })
                    .await
            }
        }
        .unwrap();
        let reply = soon("the reply", publisher.publish(kind, "x")).await.unwrap();
        assert_eq!(reply.data(), if kind == "service" { "bye" } else { "" });
        event(&mut events, "the end", |event| matches!(event, Event::Closed).then_some(())).await;
        soon("a close that waits", subscriber.close()).await.unwrap();
    }
}

#[tokio::test]
async fn handler_that_does_not_return_makes_close_time_out() {
    let devnet = two_nodes().await;
    let (publisher, subscriber) = (client(&devnet, 0).await, client(&devnet, 1).await);
    let (entered, mut is_in) = tokio::sync::mpsc::unbounded_channel();
    let (finish, may_finish) = mpsc::channel::<()>();
    let guard = subscriber
        .subscribe("t")
        .for_each_blocking(move |_| {
            entered.send(()).unwrap();
            let _ = may_finish.recv();
        })
        .await
        .unwrap();
    publisher.publish("t", "1").await.unwrap();
    soon("the handler", is_in.recv()).await.unwrap();
    // Now, so that it is not taken from the queue together with the first one.
    publisher.publish("t", "never handled").await.unwrap();
    let error = subscriber.close_within(Duration::from_millis(50)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    // The close abandons the queue in the background. If the handler returned before, it would be given the rest.
    until("the end of the queue", || guard.stats().dropped == 1).await;
    drop(finish);
    soon("the second close", subscriber.close()).await.unwrap();
    assert!(soon("the handler's end", is_in.recv()).await.is_none(), "the queue was dropped");
    assert_eq!(subscriber.stats().held_bytes, 0);
}

#[tokio::test]
async fn close_waits_for_handlers_unsubscribed_before_it() {
    let devnet = two_nodes().await;
    let (publisher, subscriber) = (client(&devnet, 0).await, client(&devnet, 1).await);
    let (entered, mut is_in) = tokio::sync::mpsc::unbounded_channel();
    let (finish, may_finish) = mpsc::channel::<()>();
    let mut guard = subscriber
        .subscribe("t")
        .for_each_blocking(move |_| {
            entered.send(()).unwrap();
            let _ = may_finish.recv();
        })
        .await
        .unwrap();
    publisher.publish("t", "1").await.unwrap();
    soon("the handler", is_in.recv()).await.unwrap();
    // Now, so that it is not taken from the queue together with the first one.
    publisher.publish("t", "never handled").await.unwrap();
    guard.leave();
    let error = subscriber.close_within(Duration::from_millis(50)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    until("the end of the queue", || guard.stats().dropped == 1).await;
    drop(finish);
    soon("the second close", subscriber.close()).await.unwrap();
    assert!(is_in.try_recv().is_err(), "the queue was dropped");
    assert!(is_in.is_closed(), "the handler and what it holds are dropped");
}

#[tokio::test]
async fn dropped_client_disconnects_from_the_node() {
    let devnet = two_nodes().await;
    let dropped = client(&devnet, 0).await;
    let handler = dropped.subscribe("t").for_each(async |_| {}).await.unwrap();
    until("the session at the node", || devnet.node(0).counters().sessions == 1).await;
    drop(handler);
    drop(dropped);
    until("the end of the session at the node", || devnet.node(0).counters().sessions == 0).await;
}

/// Longer than any test takes.
const NEVER: Duration = Duration::from_secs(24 * 3600);

#[tokio::test]
async fn started_calls_between_retries_complete_before_close() {
    let devnet = two_nodes().await;
    for retry in [Retry::Definite, Retry::AtLeastOnce] {
        let publisher = client(&devnet, 0).await;
        let (done, mut outcomes) = unbounded_channel();
        let publish = publisher.publish("unknown", "x").wait_for_subscriber(true).retry(retry).timeout(NEVER);
        publish.start(move |outcome| done.send(outcome).unwrap()).unwrap();
        until("a first refusal", || publisher.stats().retries > 0).await;
        soon("the close", publisher.close()).await.unwrap();
        let error = outcomes.try_recv().expect("its callback has returned").unwrap_err();
        // An attempt may be in flight, so that the delivery is open.
        assert_eq!((error.kind(), error.is_retriable()), (ErrorKind::Closed, false), "{retry:?}");
        assert!(outcomes.try_recv().is_err());
    }
}

#[tokio::test]
async fn started_calls_without_a_node_complete_before_close() {
    let devnet = two_nodes().await;
    let both = builder(&devnet, 0).endpoint(devnet.node(1).endpoint()).heartbeat(NEVER);
    let publisher = everywhere(both).await;
    // Neither node answers queries about topics.
    devnet.nodes().iter().for_each(|node| node.freeze());
    let (done, mut outcomes) = unbounded_channel();
    for retry in [Retry::Never, Retry::Definite, Retry::AtLeastOnce] {
        let done = done.clone();
        let publish = publisher.publish("t", "x").retry(retry).timeout(NEVER);
        publish.start(move |outcome| done.send(outcome).unwrap()).unwrap();
    }
    soon("the close", publisher.close()).await.unwrap();
    for _ in 0..3 {
        let error = outcomes.try_recv().expect("its callback has returned").unwrap_err();
        assert_eq!((error.kind(), error.delivery()), (ErrorKind::Closed, Delivery::No));
    }
}

#[tokio::test]
async fn waiting_calls_of_a_disconnected_client_fail_as_closed() {
    let devnet = two_nodes().await;
    devnet.node(0).kill().await;
    let publisher = builder(&devnet, 0).start_offline(true).connect().await.unwrap();
    for retry in [Retry::Definite, Retry::AtLeastOnce] {
        let publish = publisher.publish("t", "x").wait_for_subscriber(true).retry(retry).timeout(NEVER);
        let call = tokio::spawn(publish.into_future());
        until("the call to wait", || publisher.stats().retries > 0 || publisher.stats().calls_waiting > 0)
            .await;
        if retry == Retry::AtLeastOnce {
            soon("the close", publisher.close()).await.unwrap();
            let error = soon("the call", call).await.unwrap().unwrap_err();
            assert_eq!((error.kind(), error.delivery()), (ErrorKind::Closed, Delivery::No));
        } else {
            call.abort();
        }
    }
}

#[tokio::test]
async fn close_waits_for_completion_callbacks() {
    let devnet = two_nodes().await;
    // A callback that blocks must not hold up the clients of other tests.
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let publisher = builder(&devnet, 0).runtime(runtime.handle().clone()).connect().await.unwrap();
    let (entered, mut is_in) = unbounded_channel();
    let (finish, may_finish) = mpsc::channel::<()>();
    publisher
        .publish("unknown", "x")
        .start(move |_| {
            entered.send(()).unwrap();
            let _ = may_finish.recv();
        })
        .unwrap();
    soon("the callback", is_in.recv()).await.unwrap();
    let error = publisher.close_within(Duration::from_millis(50)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    drop(finish);
    soon("a second close", publisher.close()).await.unwrap();
    assert!(is_in.is_closed(), "the callback has returned");
    runtime.shutdown_background();
}

#[tokio::test]
async fn completion_callback_may_close_its_client() {
    let devnet = two_nodes().await;
    let publisher = client(&devnet, 0).await;
    let (done, mut outcomes) = unbounded_channel();
    let own = publisher.clone();
    let close = move |_| done.send(futures::executor::block_on(own.close())).unwrap();
    publisher.publish("unknown", "x").start(close).unwrap();
    soon("the callback", outcomes.recv()).await.unwrap().expect("it does not wait inside a handler");
    soon("a close that waits", publisher.close()).await.unwrap();
}

#[tokio::test]
async fn handler_with_a_weak_client_does_not_keep_it_alive() {
    let devnet = two_nodes().await;
    let (publisher, subscriber) = (client(&devnet, 0).await, client(&devnet, 1).await);
    let weak = subscriber.downgrade();
    let (tx, mut rx) = unbounded_channel();
    let own = weak.clone();
    let upgrade = move |_| {
        tx.send(own.upgrade().is_some()).unwrap();
        async {}
    };
    let handler = subscriber.subscribe("t").for_each(upgrade).await.unwrap();
    publisher.publish("t", "x").await.unwrap();
    assert!(soon("the handler", rx.recv()).await.unwrap(), "the client is alive");
    drop((handler, subscriber));
    assert!(soon("the end of the handler", rx.recv()).await.is_none());
    assert!(weak.upgrade().is_none());
    until("the end of the session", || devnet.node(1).counters().sessions == 0).await;
}
