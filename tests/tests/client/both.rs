//! What doesn't depend on the generation of the nodes: the same test code on 2.x and 3.x nodes.

use std::time::Duration;

use amop::{Client, Delivery, ErrorKind, Event, Request, Subscription};
use amop_devnet::Devnet;

use crate::fixture::{GUARD, builder, client, devnet, devnet_of_3x, event, soon, tls_of_2x, until};

/// Runs a test on nodes of each generation, with the kind of TLS that `$AMOP_TEST_TLS` sets for the generation that has it.
pub(crate) async fn on_both(nodes: usize, test: impl AsyncFn(Devnet)) {
    if tls_of_2x().is_some() {
        eprintln!("nodes of 2.x");
        test(devnet(Devnet::builder().nodes(nodes)).await).await;
    }
    eprintln!("nodes of 3.x");
    test(devnet_of_3x(Devnet::builder().nodes(nodes)).await).await;
}

async fn next(messages: &mut Subscription) -> amop::Message {
    soon("a message", messages.next()).await.expect("a message")
}

/// A client of all nodes.
async fn everywhere(devnet: &Devnet) -> Client {
    let builder = builder(devnet, 0).endpoints(devnet.endpoints().into_iter().skip(1));
    crate::fixture::everywhere(builder.reconnect_min(Duration::from_millis(1))).await
}

#[tokio::test]
async fn unicasts_of_any_data_are_answered_between_and_within_nodes() {
    on_both(2, async |devnet| {
        let server = client(&devnet, 1).await;
        let _echo = server
            .serve("中文/echo")
            .for_each(async |request: Request| request.data().clone())
            .await
            .unwrap();
        for node in [1, 0] {
            let publisher = client(&devnet, node).await;
            let large = vec![7; 1 << 20];
            for data in [&b""[..], b"x", &[0, 1, 2, 255], &[b'a'; 125], &[0; 126], &[9; 70_000], &large] {
                let reply =
                    publisher.publish("中文/echo", data.to_vec()).wait_for_subscriber(true).await.unwrap();
                assert!(reply.data() == data, "{} bytes through node {node}", data.len());
            }
        }
    })
    .await;
}

#[tokio::test]
async fn subscriber_acknowledges_and_receives_unicasts_in_order() {
    on_both(2, async |devnet| {
        let (subscriber, publisher) = (client(&devnet, 1).await, client(&devnet, 0).await);
        let mut messages = subscriber.subscribe("t").await.unwrap();
        for n in 0..20 {
            let reply = publisher.publish("t", n.to_string()).wait_for_subscriber(true).await.unwrap();
            assert!(reply.data().is_empty());
            assert_eq!(next(&mut messages).await.data(), &n.to_string());
        }
    })
    .await;
}

#[tokio::test]
async fn missing_subscriber_is_reported_as_undelivered() {
    on_both(2, async |devnet| {
        let publisher = client(&devnet, 0).await;
        let undelivered = async {
            loop {
                let error = publisher.publish("nobody", "x").await.unwrap_err();
                assert_eq!(error.kind(), ErrorKind::NoSubscriber, "{error}");
                assert!(error.is_retriable());
                // A refusal of a 2.x node that took longer, as on a busy machine, may follow a delivery.
                if error.delivery() == Delivery::No {
                    break;
                }
            }
        };
        soon("a refusal at once", undelivered).await;
    })
    .await;
}

#[tokio::test]
async fn call_waits_for_a_subscriber() {
    on_both(2, async |devnet| {
        let (late, publisher) = (client(&devnet, 1).await, client(&devnet, 0).await);
        let call = publisher.publish("late", "x").wait_for_subscriber(true).timeout(GUARD);
        let call = tokio::spawn(call.into_future());
        until("a refused attempt", || publisher.stats().retries > 0).await;
        let _server = late.serve("late").for_each(async |_: Request| "here").await.unwrap();
        assert_eq!(soon("the reply", call).await.unwrap().unwrap().data(), "here");
    })
    .await;
}

#[tokio::test]
async fn failure_carries_code_and_data() {
    on_both(2, async |devnet| {
        let (server, publisher) = (client(&devnet, 1).await, client(&devnet, 0).await);
        let mut requests = server.serve("t").await.unwrap();
        let refuse = async {
            let request = soon("a request", requests.next()).await.unwrap();
            for taken in [0, 100, 104, -5010] {
                assert_eq!(request.fail(taken, "").unwrap_err().kind(), ErrorKind::InvalidArgument);
            }
            request.fail(-7, "why").unwrap();
        };
        let call = publisher.publish("t", "x").wait_for_subscriber(true).into_future();
        let (outcome, ()) = tokio::join!(call, refuse);
        let error = outcome.unwrap_err();
        assert_eq!((error.kind(), error.node_code()), (ErrorKind::Remote, Some(-7)), "{error}");
        assert_eq!((&error.data()[..], error.delivery()), (&b"why"[..], Delivery::Maybe));
    })
    .await;
}

#[tokio::test]
async fn silent_handler_is_answered_too_slow() {
    on_both(2, async |devnet| {
        let builder = builder(&devnet, 1).answer_timeout(Duration::from_millis(100));
        let (server, publisher) = (builder.connect().await.unwrap(), client(&devnet, 0).await);
        let mut requests = server.serve("t").await.unwrap();
        let mut call = Box::pin(publisher.publish("t", "x").wait_for_subscriber(true).into_future());
        // On a busy machine the request expires before it is read.
        let answer = tokio::select! {
            answer = &mut call => answer,
            _request = requests.next() => soon("the answer", call).await,
        };
        assert_eq!(answer.unwrap_err().kind(), ErrorKind::SubscriberTooSlow);
    })
    .await;
}

#[tokio::test]
async fn broadcast_is_received_once_by_each_subscriber() {
    on_both(3, async |devnet| {
        let (one, all) = (client(&devnet, 1).await, everywhere(&devnet).await);
        let (mut at_one, mut at_all) =
            (one.subscribe("news").await.unwrap(), all.subscribe("news").await.unwrap());
        let publisher = client(&devnet, 2).await;
        for n in 0..10 {
            publisher.broadcast("news", n.to_string()).wait_for_subscriber(true).await.unwrap();
        }
        for messages in [&mut at_one, &mut at_all] {
            let mut seen = Vec::new();
            for _ in 0..10 {
                seen.push(next(messages).await.data().clone());
            }
            seen.sort_unstable();
            assert_eq!(seen, (0..10).map(|n| n.to_string()).collect::<Vec<_>>());
        }
        until("the other copies", || all.stats().duplicates == 2 * 10).await;
    })
    .await;
}

#[tokio::test]
async fn client_does_not_receive_its_own_broadcasts() {
    on_both(3, async |devnet| {
        let (own, other) = (everywhere(&devnet).await, client(&devnet, 1).await);
        let mut messages = own.subscribe("t").await.unwrap();
        own.broadcast("t", "own").await.unwrap();
        other.broadcast("t", "other").wait_for_subscriber(true).await.unwrap();
        assert_eq!(next(&mut messages).await.data(), "other");
    })
    .await;
}

#[tokio::test]
async fn topics_are_restored_after_a_loss() {
    on_both(2, async |devnet| {
        let builder = builder(&devnet, 1).reconnect_min(Duration::from_millis(1));
        let (subscriber, publisher) = (builder.connect().await.unwrap(), client(&devnet, 0).await);
        let mut messages = subscriber.subscribe("t").await.unwrap();
        let mut events = subscriber.events();
        devnet.node(1).cut_sessions();
        event(&mut events, "the loss", |event| matches!(event, Event::Lost { .. }).then_some(())).await;
        event(&mut events, "the return", |event| matches!(event, Event::Reconnected { .. }).then_some(()))
            .await;
        publisher.publish("t", "again").wait_for_subscriber(true).await.unwrap();
        assert_eq!(next(&mut messages).await.data(), "again");
    })
    .await;
}

#[tokio::test]
async fn topic_can_be_left_and_joined_again() {
    on_both(2, async |devnet| {
        let (subscriber, publisher) = (client(&devnet, 1).await, client(&devnet, 0).await);
        for n in 0..3 {
            let mut messages = subscriber.subscribe("t").await.unwrap();
            publisher.publish("t", n.to_string()).wait_for_subscriber(true).await.unwrap();
            assert_eq!(next(&mut messages).await.data(), &n.to_string());
            drop(messages);
            let error = publisher.publish("t", "late").await.unwrap_err();
            let kinds = [ErrorKind::NoSubscriber, ErrorKind::SubscriberUnsubscribed];
            assert!(kinds.contains(&error.kind()), "{error}");
        }
    })
    .await;
}

#[tokio::test]
async fn many_calls_are_in_flight_and_each_gets_its_own_reply() {
    on_both(2, async |devnet| {
        let (server, publisher) = (client(&devnet, 1).await, client(&devnet, 0).await);
        let _echo =
            server.serve("t").for_each(async |request: Request| request.data().clone()).await.unwrap();
        publisher.publish("t", "").wait_for_subscriber(true).await.unwrap();
        let calls = (0..500).map(|n| {
            let call = publisher.publish("t", n.to_string()).timeout(GUARD).into_future();
            async move { (n, call.await) }
        });
        for (n, reply) in futures_util::future::join_all(calls).await {
            assert_eq!(reply.unwrap().data(), &n.to_string());
        }
        let stats = publisher.stats().total();
        assert_eq!((stats.in_flight, stats.stray_replies), (0, 0));
    })
    .await;
}

#[tokio::test]
async fn close_completes_calls_and_ends_sessions() {
    on_both(2, async |devnet| {
        let (server, publisher) = (client(&devnet, 1).await, client(&devnet, 0).await);
        let mut requests = server.serve("t").await.unwrap();
        publisher.publish("nobody", "").await.unwrap_err();
        let call = publisher.publish("t", "x").wait_for_subscriber(true).into_future();
        let call = tokio::spawn(call);
        let _request = soon("a request", requests.next()).await.unwrap();
        publisher.close_within(Duration::from_millis(1)).await.ok();
        let error = soon("the call", call).await.unwrap().unwrap_err();
        assert_eq!((error.kind(), error.delivery()), (ErrorKind::Closed, Delivery::Maybe), "{error}");
        until("the session to end", || devnet.node(0).sessions().is_empty()).await;
    })
    .await;
}

/// The test of [`answers_before_the_drop_of_a_client_are_delivered`].
async fn answer_and_drop(devnet: Devnet) {
    const REQUESTS: usize = 50;
    let publisher = client(&devnet, 0).await;
    let server = builder(&devnet, 1).answer_timeout(GUARD).connect().await.unwrap();
    let mut requests = server.serve("answered").await.unwrap();
    let mut messages = server.subscribe("accepted").await.unwrap();
    let publish = |topic: &str, n: usize| {
        tokio::spawn(publisher.publish(topic, n.to_string()).wait_for_subscriber(true).into_future())
    };
    let calls: Vec<_> = (0..REQUESTS).map(|n| publish("answered", n)).collect();
    let mut held = Vec::new();
    for _ in 0..REQUESTS {
        held.push(soon("a request", requests.next()).await.expect("a request"));
    }
    let unicasts: Vec<_> = (0..REQUESTS).map(|n| publish("accepted", n)).collect();
    for _ in 0..REQUESTS {
        next(&mut messages).await;
    }
    for request in held {
        request.reply(request.data().clone()).unwrap();
    }
    drop((requests, messages, server));
    for (n, call) in calls.into_iter().enumerate() {
        let reply = soon("a reply", call).await.unwrap().unwrap();
        assert_eq!(reply.data(), &n.to_string());
    }
    for unicast in unicasts {
        soon("an acknowledgement", unicast).await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn answers_before_the_drop_of_a_client_are_delivered() {
    // No node delivers a request again or gives it up meanwhile.
    let patient = || Devnet::builder().nodes(2).push_limit(GUARD).node_limit(GUARD);
    if tls_of_2x().is_some() {
        answer_and_drop(devnet(patient()).await).await;
    }
    answer_and_drop(devnet_of_3x(patient()).await).await;
}
