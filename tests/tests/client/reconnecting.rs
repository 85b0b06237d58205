//! Lost nodes that come back: calls fail, and topics are restored before the client reports the connection.

use std::time::Duration;

use amop::{Confirm, Delivery, ErrorKind, Event};

use crate::fixture::{builder, client, event, soon, two_nodes};

#[tokio::test]
async fn calls_fail_and_topics_are_restored_after_a_lost_node() {
    let devnet = two_nodes().await;
    let subscriber = builder(&devnet, 1).reconnect_min(Duration::from_millis(1)).connect().await.unwrap();
    let other = client(&devnet, 0).await;
    let mut events = subscriber.events();
    let mut messages = subscriber.subscribe("t").await.unwrap();
    let mut requests = other.serve("slow").await.unwrap();
    let call = tokio::spawn({
        let subscriber = subscriber.clone();
        async move { subscriber.publish("slow", "x").await }
    });
    let _held = soon("the request", requests.next()).await.unwrap();
    devnet.node(1).kill().await;
    let error = soon("the end of the call", call).await.unwrap().unwrap_err();
    assert_eq!((error.kind(), error.delivery()), (ErrorKind::ConnectionLost, Delivery::Maybe));
    event(&mut events, "the loss", |event| matches!(event, Event::Lost { .. }).then_some(())).await;
    let error = subscriber.publish("slow", "x").await.unwrap_err();
    assert_eq!((error.kind(), error.delivery()), (ErrorKind::NotConnected, Delivery::No));
    devnet.node(1).restart().await.unwrap();
    event(&mut events, "the return", |event| matches!(event, Event::Reconnected { .. }).then_some(())).await;
    assert_eq!(devnet.node(1).topics(), ["t"], "restored before the event");
    other.publish("t", "again").wait_for_subscriber(true).await.unwrap();
    assert_eq!(soon("the message", messages.next()).await.unwrap().data(), "again");
    assert_eq!(subscriber.stats().endpoints[0].connects, 2);
}

#[tokio::test]
async fn subscribing_with_confirmation_waits_for_a_lost_node() {
    let devnet = two_nodes().await;
    let subscriber = builder(&devnet, 1).reconnect_min(Duration::from_millis(1)).connect().await.unwrap();
    let mut events = subscriber.events();
    devnet.node(1).kill().await;
    event(&mut events, "the loss", |event| matches!(event, Event::Lost { .. }).then_some(())).await;
    let subscribe = |topic| subscriber.subscribe(topic).confirm(Confirm::Always);
    let late = subscribe("late").timeout(Duration::from_millis(50)).await.err().unwrap();
    assert!(matches!(late.kind(), ErrorKind::NotConnected | ErrorKind::Timeout), "{late}");
    let waiting = tokio::spawn(subscribe("t").timeout(Duration::from_secs(60)).into_future());
    devnet.node(1).restart().await.unwrap();
    let _messages = soon("the subscription", waiting).await.unwrap().unwrap();
    assert_eq!(devnet.node(1).topics(), ["t"], "the subscription that timed out is not listed");
}

#[tokio::test]
async fn connecting_to_a_closed_port_fails_at_once() {
    let devnet = two_nodes().await;
    devnet.node(0).kill().await;
    let error = builder(&devnet, 0).connect().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connect);
    assert!(error.message().contains(&devnet.endpoints()[0]), "{error}");
}

#[tokio::test]
async fn offline_client_starts_without_any_node() {
    let devnet = two_nodes().await;
    devnet.node(0).kill().await;
    let offline = builder(&devnet, 0).start_offline(true).reconnect_min(Duration::from_millis(1));
    let client = offline.connect().await.unwrap();
    let error = client.publish("t", "x").await.unwrap_err();
    assert_eq!((error.kind(), error.delivery()), (ErrorKind::NotConnected, Delivery::No));
    let subscribe = client.subscribe("t").confirm(Confirm::Always).timeout(Duration::from_secs(60));
    let waiting = tokio::spawn(subscribe.into_future());
    devnet.node(0).restart().await.unwrap();
    let _messages = soon("the subscription", waiting).await.unwrap().unwrap();
    assert_eq!(devnet.node(0).topics(), ["t"]);
    let error =
        devnet.node(0).client().start_offline(true).credentials("/nowhere").connect().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::CredentialsNotFound, "what doesn't change by itself: {error}");
}
