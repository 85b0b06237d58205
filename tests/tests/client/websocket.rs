//! What 3.x nodes do otherwise than 2.x ones.

use std::time::Duration;

use amop::transport::Generations;
use amop::{Delivery, ErrorKind, Event, Request};
use amop_devnet::{Devnet, DevnetBuilder, Generation};

use crate::fixture::{client, devnet, event, soon, until};

fn nodes(count: usize) -> DevnetBuilder {
    Devnet::builder().generation(Generation::V3).nodes(count)
}

#[tokio::test]
async fn generation_is_found_by_either_kind_of_credentials() {
    for (generation, protocol) in [(Generation::V2, 3), (Generation::V3, 2)] {
        for rsa in [false, true] {
            let devnet = devnet(Devnet::builder().generation(generation).rsa(rsa)).await;
            let client = soon("the client", devnet.node(0).client().connect()).await.unwrap();
            let mut events = client.events();
            client.publish("nobody", "").await.unwrap_err();
            devnet.node(0).cut_sessions();
            let found = event(&mut events, "the return", |event| match event {
                Event::Reconnected { protocol, .. } => Some(protocol),
                _ => None,
            })
            .await;
            assert_eq!(found, protocol, "{generation:?}, rsa: {rsa}");
        }
    }
}

#[tokio::test]
async fn pinned_generation_fails_at_nodes_of_the_other_one() {
    for (generation, pinned, text) in [
        (Generation::V3, Generations::V2, "channel handshake"),
        (Generation::V2, Generations::V3, "upgrade to WebSocket"),
    ] {
        let devnet = devnet(Devnet::builder().generation(generation)).await;
        let error = devnet.node(0).client().generation(pinned).connect().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Handshake, "{error}");
        assert!(error.message().contains(text) && !error.message().contains("tried as"), "{error}");
    }
}

#[tokio::test]
async fn endpoint_of_the_other_generation_is_down_as_unsupported() {
    // Without TLS, so that both accept the same client.
    let two = devnet(Devnet::builder().plain(true)).await;
    let three = devnet(nodes(1).plain(true)).await;
    let client = two.node(0).client().connect().await.unwrap();
    let mut events = client.events();
    client.add_endpoint(three.node(0).endpoint()).unwrap();
    let error = event(&mut events, "the refusal", |event| match event {
        Event::ConnectFailed { error, .. } => Some(error),
        _ => None,
    })
    .await;
    assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
    assert!(
        error.message().contains("generation 3.x") && error.message().contains("generation 2.x"),
        "{error}"
    );
}

#[tokio::test]
async fn topic_that_was_left_is_refused_though_the_node_keeps_it() {
    let devnet = devnet(nodes(2)).await;
    let (subscriber, publisher) = (client(&devnet, 1).await, client(&devnet, 0).await);
    drop(subscriber.subscribe("t").await.unwrap());
    until("the node to know it", || devnet.node(1).topics() == ["t"]).await;
    for n in 1..4 {
        let error = publisher.publish("t", "x").retry(amop::Retry::Never).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::SubscriberUnsubscribed, "{error}");
        assert_eq!(subscriber.stats().unwanted, n);
    }
}

#[tokio::test]
async fn silent_subscriber_of_another_node_is_a_time_out_of_the_node() {
    let devnet = devnet(nodes(2).push_limit(Duration::from_millis(50))).await;
    let (server, publisher) = (client(&devnet, 1).await, client(&devnet, 0).await);
    let mut requests = server.serve("t").await.unwrap();
    let call = publisher.publish("t", "x").wait_for_subscriber(true).retry(amop::Retry::Never);
    let error = call.await.unwrap_err();
    let expected = (ErrorKind::NodeTimeout, Delivery::Maybe, Some(-4008));
    assert_eq!((error.kind(), error.delivery(), error.node_code()), expected, "{error}");
    // What the handler answers after that reaches nobody.
    soon("the request", requests.next()).await.unwrap().reply("late").unwrap();
    publisher.publish("nobody", "").await.unwrap_err();
    assert_eq!(publisher.stats().total().stray_replies, 0);
}

#[tokio::test]
async fn silent_subscriber_of_the_own_node_costs_the_own_deadline() {
    let devnet = devnet(nodes(1).push_limit(Duration::from_millis(50))).await;
    let (server, publisher) = (client(&devnet, 0).await, client(&devnet, 0).await);
    let mut requests = server.serve("t").await.unwrap();
    let error = publisher.publish("t", "x").timeout(Duration::from_secs(1)).await.unwrap_err();
    assert_eq!((error.kind(), error.delivery()), (ErrorKind::Timeout, Delivery::Maybe), "{error}");
    let first = soon("the request", requests.next()).await.unwrap();
    let second = soon("the request, delivered again", requests.next()).await.unwrap();
    assert_eq!(first.data(), second.data());
    drop((first, second));
    until("the empty error", || publisher.stats().total().stray_replies > 0).await;
}

#[tokio::test]
async fn session_that_is_its_own_subscriber_gets_its_request_twice() {
    let devnet = devnet(nodes(1).push_limit(Duration::from_millis(50))).await;
    let client = client(&devnet, 0).await;
    let mut requests = client.serve("self").await.unwrap();
    let call = tokio::spawn(client.publish("self", "x").timeout(crate::fixture::GUARD).into_future());
    let _first = soon("the request", requests.next()).await.unwrap();
    soon("the request, delivered again", requests.next()).await.unwrap().reply("second").unwrap();
    assert_eq!(soon("the call", call).await.unwrap().unwrap().data(), "second");
}

#[tokio::test]
async fn lost_subscriber_of_another_node_may_have_had_the_message() {
    let devnet = devnet(nodes(2)).await;
    let (server, publisher) = (client(&devnet, 1).await, client(&devnet, 0).await);
    let mut requests = server.serve("t").await.unwrap();
    let call = publisher.publish("t", "x").wait_for_subscriber(true).retry(amop::Retry::Never);
    let call = tokio::spawn(call.into_future());
    let _request = soon("a request", requests.next()).await.unwrap();
    devnet.node(1).reset_sessions();
    let error = soon("the call", call).await.unwrap().unwrap_err();
    let expected = (ErrorKind::SubscriberUnreachable, Delivery::Maybe, Some(-4006));
    assert_eq!((error.kind(), error.delivery(), error.node_code()), expected, "{error}");
}

#[tokio::test]
async fn codes_of_nodes_and_beyond_16_bits_are_refused() {
    let devnet = devnet(nodes(1)).await;
    let (server, publisher) = (client(&devnet, 0).await, client(&devnet, 0).await);
    let mut requests = server.serve("t").await.unwrap();
    let call = tokio::spawn(publisher.publish("t", "x").into_future());
    let request = soon("a request", requests.next()).await.unwrap();
    for code in [3001, 3003, -4006, -4008, -1, 1000, 1005, 40_000, -40_000] {
        let error = request.fail(code, "").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{code}: {error}");
    }
    request.fail(4000, "").unwrap();
    assert_eq!(soon("the call", call).await.unwrap().unwrap_err().node_code(), Some(4000));
}

#[tokio::test]
async fn longest_topic_and_message_are_carried() {
    let devnet = devnet(nodes(1)).await;
    let (server, publisher) = (client(&devnet, 0).await, client(&devnet, 0).await);
    let topic = "t".repeat(65_535);
    let served =
        server.serve(topic.as_str()).for_each(async |request: Request| request.data().len().to_string());
    let _service = served.await.unwrap();
    let most = 33_554_383 - topic.len();
    let call = publisher.publish(topic.as_str(), vec![1; most]).timeout(crate::fixture::GUARD);
    assert_eq!(soon("the reply", call).await.unwrap().data(), &most.to_string());
    let error = publisher.publish(topic.as_str(), vec![1; most + 1]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooLarge, "{error}");
}
