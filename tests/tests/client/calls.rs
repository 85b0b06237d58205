//! Publishing: replies, deadlines, cancellation, sizes, error codes.

use std::cell::Cell;
use std::future::{IntoFuture, poll_fn};
use std::time::Duration;

use amop::{Delivery, ErrorKind, Retry, Tls, Topic};
use amop_devnet::Devnet;
use amop_tests::setup::tls_of_run;
use futures_util::future::{FutureExt, join_all};
use futures_util::stream::{FuturesUnordered, StreamExt};

use crate::fixture::{
    GUARD, SHORT_LIMITS, builder, client, devnet, everywhere, patient, soon, two_nodes, until,
};
use crate::garbage::{FakeNode, builder_at};

#[tokio::test]
async fn unicast_gets_the_reply_of_a_subscriber_at_another_node() {
    let devnet = two_nodes().await;
    let (publisher, server) = (client(&devnet, 0).await, client(&devnet, 1).await);
    let echo = async |request: amop::Request| [b"re: ", &request.data()[..]].concat();
    let service = server.serve("echo").for_each(echo).await.unwrap();
    let reply = publisher.publish("echo", "hello").await.unwrap();
    assert_eq!(reply.data(), "re: hello");
    assert_eq!(reply.endpoint(), devnet.endpoints()[0]);
    service.unsubscribe().await.unwrap();
    let error = publisher.publish("echo", "hello").await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::NoSubscriber | ErrorKind::SubscriberUnsubscribed), "{error}");
    devnet.stop().await;
}

#[tokio::test]
async fn pipelined_unicasts_each_get_their_own_reply() {
    let devnet = two_nodes().await;
    // On the thread of the test, so that all calls wait before the first frame is written.
    let here = tokio::runtime::Handle::current();
    let publisher = builder(&devnet, 0).runtime(here).connect().await.unwrap();
    let server = client(&devnet, 1).await;
    let _service =
        server.serve("echo").for_each(async |request: amop::Request| request.data().clone()).await.unwrap();
    let calls = (0..10_000u32).map(|n| {
        let call = publisher.publish("echo", n.to_be_bytes().to_vec()).timeout(Duration::from_secs(60));
        async move { (n, call.await) }
    });
    for (n, reply) in soon("all replies", join_all(calls)).await {
        assert_eq!(reply.unwrap().data()[..], n.to_be_bytes());
    }
    let stats = publisher.stats();
    assert_eq!((stats.endpoints[0].in_flight, stats.endpoints[0].queued_bytes), (0, 0));
    assert!(
        stats.endpoints[0].writes < stats.endpoints[0].frames_sent / 2,
        "frames are gathered: {} in {} writes",
        stats.endpoints[0].frames_sent,
        stats.endpoints[0].writes
    );
}

#[tokio::test]
async fn set_of_calls_in_one_task_is_polled_only_for_progress() {
    const CALLS: usize = 1_000;
    let devnet = two_nodes().await;
    let (publisher, server) = (client(&devnet, 0).await, client(&devnet, 1).await);
    let _service =
        server.serve("echo").for_each(async |request: amop::Request| request.data().clone()).await.unwrap();
    let polls = Cell::new(0);
    let mut calls: FuturesUnordered<_> = (0..CALLS)
        .map(|_| {
            let mut call = publisher.publish("echo", "").timeout(Duration::from_secs(60)).into_future();
            let polls = &polls;
            poll_fn(move |cx| {
                polls.set(polls.get() + 1);
                call.as_mut().poll(cx)
            })
        })
        .collect();
    while polls.get() < CALLS {
        if let Some(Some(reply)) = calls.next().now_or_never() {
            reply.unwrap();
        }
    }
    // More calls are ready then than the budget of a tokio task allows.
    until("all replies to be received", || publisher.stats().endpoints[0].in_flight == 0).await;
    while let Some(reply) = soon("the replies", calls.next()).await {
        reply.unwrap();
    }
    assert!(polls.get() <= 2 * CALLS, "once to send, once for the reply: {} polls", polls.get());
}

#[tokio::test]
async fn payloads_up_to_64_mib_are_delivered_unchanged() {
    let devnet = devnet(Devnet::builder().nodes(2).push_limit(GUARD)).await;
    // The ciphers of a GM channel take seconds of processor time for 64 MiB, and a frame is one whatever protects it.
    let largest = if tls_of_run() == Tls::Gm { 4 << 20 } else { 64 << 20 };
    let (publisher, server) = (client(&devnet, 0).await, client(&devnet, 1).await);
    let _service =
        server.serve("echo").for_each(async |request: amop::Request| request.data().clone()).await.unwrap();
    let pattern: Vec<u8> = (0..251).collect();
    for size in [0, 1, 4095, 4096, 32_000, 70_000, 1 << 20, largest] {
        // The data is made quickly, because the nodes run on this thread and have heartbeats to answer.
        let mut data = pattern.repeat(size / pattern.len() + 1);
        data.truncate(size);
        let call = publisher.publish("echo", data.clone()).timeout(Duration::from_secs(60));
        let reply = soon("the reply", call).await.unwrap();
        assert!(reply.data() == &data, "{size} bytes came back changed");
    }
    let limit = 100 * 1024 * 1024 - 64 * 1024 - 42 - 5;
    let error = publisher.publish("echo", vec![0; limit + 1]).await.unwrap_err();
    assert_eq!((error.kind(), error.delivery()), (ErrorKind::TooLarge, Delivery::No));
}

#[tokio::test]
async fn invalid_topics_are_rejected_before_anything_is_sent() {
    let devnet = two_nodes().await;
    for client in [client(&devnet, 0).await, everywhere(patient(devnet.client())).await] {
        let sent = client.stats().total().frames_sent;
        for topic in ["", "a\tb", "a\0b", &"x".repeat(255), &"中".repeat(85), &"x".repeat(65_536)] {
            let errors = [
                client.publish(topic, "").await.unwrap_err(),
                client.publish(topic, "").wait_for_subscriber(true).await.unwrap_err(),
                client.publish(topic, "").retry(Retry::AtLeastOnce).await.unwrap_err(),
                client.broadcast(topic, "").await.unwrap_err(),
                client.subscribe(topic).await.unwrap_err(),
                client.serve(topic).await.unwrap_err(),
            ];
            for error in errors {
                assert_eq!((error.kind(), error.delivery()), (ErrorKind::InvalidTopic, Delivery::No));
            }
        }
        assert_eq!(client.stats().total().frames_sent, sent);
    }
}

#[tokio::test]
async fn topic_beyond_the_limit_of_its_node_is_refused() {
    let devnet = two_nodes().await;
    let client = client(&devnet, 0).await;
    let topic = Topic::new("x".repeat(255)).expect("a node of another generation may carry it");
    for error in [client.publish(&topic, "").await.unwrap_err(), client.subscribe(&topic).await.unwrap_err()]
    {
        assert!(error.message().contains("255 bytes") && error.message().contains("at most 254"), "{error}");
    }
    // The consumer that was refused leaves nothing behind.
    let _subscription = client.subscribe("short").await.unwrap();
    let error = client.serve(&topic).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidTopic);
    let again = client.serve(&topic).await.unwrap_err();
    assert_eq!(again.kind(), ErrorKind::InvalidTopic, "not already served: {again}");
    assert_eq!(client.stats().total().topic_lists_sent, 1);
}

#[tokio::test]
async fn first_connection_refuses_a_topic_that_it_cannot_carry() {
    let devnet = devnet(Devnet::builder().nodes(1)).await;
    let node = FakeNode::new(&devnet).await;
    let builder = builder_at(&devnet, &node).start_offline(true).reconnect_min(Duration::from_millis(1));
    let (client, ()) = tokio::join!(builder.connect(), node.refuse());
    let client = client.unwrap();
    let mut subscribing = client.subscribe("x".repeat(255)).into_future();
    assert!((&mut subscribing).now_or_never().is_none(), "no connection has refused it");
    let _stream = soon("the connection", node.accept_ready()).await;
    let error = soon("the refusal", subscribing).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidTopic);
    assert_eq!(client.stats().total().topic_lists_sent, 0);
}

#[tokio::test]
async fn longest_topic_and_a_topic_in_utf8_are_delivered() {
    let devnet = two_nodes().await;
    let (publisher, subscriber) = (client(&devnet, 0).await, client(&devnet, 1).await);
    for topic in ["x".repeat(254), "中文/тема".to_owned()] {
        let mut messages = subscriber.subscribe(&topic).await.unwrap();
        publisher.publish(&topic, "1").await.unwrap();
        let message = soon("the message", messages.next()).await.unwrap();
        assert_eq!(message.topic(), topic);
    }
}

#[tokio::test]
async fn deadline_ends_only_its_own_call() {
    let devnet = two_nodes().await;
    let (publisher, server) = (client(&devnet, 0).await, client(&devnet, 1).await);
    let mut requests = server.serve("slow").await.unwrap();
    let mut limits = SHORT_LIMITS.into_iter();
    loop {
        let limit = limits.next().expect("the message is sent within the longest limit");
        let error = publisher.publish("slow", "1").timeout(limit).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Timeout);
        assert!(error.is_retriable());
        // Otherwise the message could not be sent in that time.
        if error.delivery() == Delivery::Maybe {
            break;
        }
    }
    let late = soon("the request", requests.next()).await.unwrap();
    late.reply("late").unwrap();
    let (reply, ()) = tokio::join!(async { publisher.publish("slow", "2").await.unwrap() }, async {
        requests.next().await.unwrap().reply("in time").unwrap();
    });
    assert_eq!(reply.data(), "in time");
    until("the late reply to be counted", || publisher.stats().endpoints[0].stray_replies == 1).await;
}

#[tokio::test]
async fn dropping_the_future_cancels_the_call() {
    let devnet = two_nodes().await;
    let (publisher, server) = (client(&devnet, 0).await, client(&devnet, 1).await);
    let mut requests = server.serve("slow").await.unwrap();
    let call = tokio::spawn({
        let publisher = publisher.clone();
        async move { publisher.publish("slow", "1").await }
    });
    let request = soon("the request", requests.next()).await.unwrap();
    assert_eq!(publisher.stats().endpoints[0].in_flight, 1);
    call.abort();
    until("the call to be forgotten", || publisher.stats().endpoints[0].in_flight == 0).await;
    request.reply("late").unwrap();
}

#[tokio::test]
async fn call_beyond_max_in_flight_fails_at_once() {
    let devnet = two_nodes().await;
    let publisher = builder(&devnet, 0).max_in_flight(2).connect().await.unwrap();
    let server = client(&devnet, 1).await;
    let mut requests = server.serve("slow").await.unwrap();
    let mut calls: FuturesUnordered<_> =
        (0..3).map(|_| publisher.publish("slow", "").into_future()).collect();
    let error = soon("the refusal", calls.next()).await.unwrap().unwrap_err();
    assert_eq!((error.kind(), error.delivery()), (ErrorKind::Overloaded, Delivery::No));
    for _ in 0..2 {
        soon("a request", requests.next()).await.unwrap().reply("").unwrap();
    }
    while let Some(reply) = soon("a reply", calls.next()).await {
        reply.unwrap();
    }
}

#[tokio::test]
async fn publish_without_a_subscriber_fails_or_waits_for_one() {
    let devnet = two_nodes().await;
    let (publisher, subscriber) = (client(&devnet, 0).await, client(&devnet, 1).await);
    let error = publisher.publish("unknown", "1").await.unwrap_err();
    assert_eq!((error.kind(), error.node_code()), (ErrorKind::NoSubscriber, Some(100)));
    let waiting = tokio::spawn({
        let publisher = publisher.clone();
        async move {
            publisher.publish("unknown", "2").wait_for_subscriber(true).timeout(Duration::from_secs(60)).await
        }
    });
    let refused = publisher.stats().endpoints[0].frames_received;
    until("a first attempt to be refused", || publisher.stats().endpoints[0].frames_received > refused).await;
    let mut messages = subscriber.subscribe("unknown").await.unwrap();
    soon("the reply", waiting).await.unwrap().unwrap();
    assert_eq!(soon("the message", messages.next()).await.unwrap().data(), "2");
}

#[tokio::test]
async fn busy_subscriber_is_tried_again_while_the_call_waits() {
    let devnet = two_nodes().await;
    let (publisher, subscriber) = (client(&devnet, 0).await, client(&devnet, 1).await);
    let mut messages = subscriber.subscribe("t").max_messages(1).await.unwrap();
    publisher.publish("t", "1").await.unwrap();
    let error = publisher.publish("t", "2").await.unwrap_err();
    assert_eq!((error.kind(), error.delivery()), (ErrorKind::SubscriberBusy, Delivery::Maybe));
    let publish = publisher.publish("t", "3").wait_for_subscriber(true).timeout(Duration::from_secs(60));
    let waiting = tokio::spawn(publish.into_future());
    until("a second refusal of the call", || subscriber.stats().endpoints[0].busy >= 3).await;
    assert_eq!(soon("the first message", messages.next()).await.unwrap().data(), "1");
    soon("the reply", waiting).await.unwrap().unwrap();
    assert_eq!(soon("the last message", messages.next()).await.unwrap().data(), "3");
    assert_eq!(messages.stats().accepted, 2);
}

#[tokio::test]
async fn futures_of_the_client_need_no_tokio_runtime() {
    let devnet = two_nodes().await;
    let (builder, endpoint) = (builder(&devnet, 0), devnet.node(1).endpoint());
    let outside = std::thread::spawn(move || {
        futures::executor::block_on(async {
            let client = builder.connect().await?;
            let mut messages = client.subscribe("t").await?;
            let service = client.serve("s").for_each(async |_| "served").await?;
            client.broadcast("unknown", "").await?;
            service.unsubscribe().await?;
            messages.unsubscribe();
            client.add_endpoint(&endpoint)?;
            client.remove_endpoint(&endpoint)?;
            client.on_event(drop)?.removed().await?;
            let error = client.publish("unknown", "").wait_for_subscriber(true);
            let error = error.timeout(Duration::from_millis(120)).await.unwrap_err();
            client.close().await?;
            Ok::<_, amop::Error>(error.kind())
        })
    });
    let kind = soon("the thread", tokio::task::spawn_blocking(|| outside.join())).await;
    let kind = kind.unwrap().unwrap().unwrap();
    // On a busy machine the deadline may pass before the first answer of the node.
    assert!(matches!(kind, ErrorKind::NoSubscriber | ErrorKind::Timeout), "{kind:?}");
}
