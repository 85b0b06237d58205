//! Subscriptions and services before a node has confirmed them: without a connected node, and with one that is silent.

use std::sync::Arc;
use std::time::Duration;

use amop::{Client, Confirm, ErrorKind};
use amop_devnet::Devnet;
use futures_util::FutureExt;
use tokio::sync::mpsc::unbounded_channel;

use crate::fixture::{GUARD, builder, client, soon, two_nodes, until};

/// A timeout that no test reaches.
const FAR: Duration = Duration::from_secs(3600);

/// Returns a client of node 0, which is down.
async fn offline(devnet: &Devnet) -> Client {
    devnet.node(0).kill().await;
    let builder = builder(devnet, 0).start_offline(true).call_timeout(FAR);
    builder.reconnect_min(Duration::from_millis(1)).connect().await.unwrap()
}

#[tokio::test]
async fn offline_subscriptions_and_services_start_with_the_first_node() {
    let devnet = two_nodes().await;
    let subscriber = offline(&devnet).await;
    let (tx, mut handled) = unbounded_channel();
    let (blocking, blocked) = (tx.clone(), tx.clone());
    let mut messages = subscriber.subscribe("read").await.unwrap();
    let mut requests = subscriber.serve("asked").await.unwrap();
    let send = move |message: amop::Message| {
        let tx = tx.clone();
        async move { tx.send(message.topic().to_owned()).unwrap() }
    };
    let _task = subscriber.subscribe("async").for_each(send).await.unwrap();
    let send = move |message: amop::Message| blocking.send(message.topic().to_owned()).unwrap();
    let _thread = subscriber.subscribe("blocking").for_each_blocking(send).await.unwrap();
    let answer = move |request: amop::Request| {
        blocked.send(request.topic().to_owned()).unwrap();
        request.reply("served").unwrap();
    };
    let _service = subscriber.serve("served").for_each_blocking(answer).await.unwrap();
    assert!(!subscriber.stats().endpoints[0].connected, "nothing has waited for the node");

    devnet.node(0).restart().await.unwrap();
    let publisher = client(&devnet, 1).await;
    for topic in ["read", "async", "blocking"] {
        publisher.publish(topic, "1").wait_for_subscriber(true).timeout(GUARD).await.unwrap();
    }
    assert_eq!(soon("the message", messages.next()).await.unwrap().data(), "1");
    let mut topics = [soon("one", handled.recv()).await.unwrap(), soon("two", handled.recv()).await.unwrap()];
    topics.sort_unstable();
    assert_eq!(topics, ["async", "blocking"]);
    let reply = publisher.publish("served", "1").wait_for_subscriber(true).timeout(GUARD).await.unwrap();
    assert_eq!(reply.data(), "served");
    let asked = tokio::spawn(publisher.publish("asked", "1").timeout(GUARD).into_future());
    soon("the request", requests.next()).await.unwrap().reply("read").unwrap();
    assert_eq!(soon("the reply", asked).await.unwrap().unwrap().data(), "read");
}

#[tokio::test]
async fn loss_of_the_only_node_ends_the_wait_for_a_confirmation() {
    let devnet = two_nodes().await;
    let builder = builder(&devnet, 0).reconnect_min(Duration::from_millis(1)).call_timeout(FAR);
    let subscriber = builder.connect().await.unwrap();
    devnet.node(0).freeze();
    let mut subscribing = subscriber.subscribe("t").into_future();
    assert!((&mut subscribing).now_or_never().is_none(), "the node is connected and has not answered");
    devnet.node(0).kill().await;
    let _messages = soon("the subscription", subscribing).await.unwrap();
    devnet.node(0).thaw();
    devnet.node(0).restart().await.unwrap();
    until("the topic to be listed", || devnet.node(0).topics() == ["t"]).await;
}

#[tokio::test]
async fn failed_confirmation_removes_the_subscription_and_its_handler() {
    let devnet = two_nodes().await;
    let subscriber = offline(&devnet).await;
    let always =
        |topic| subscriber.subscribe(topic).confirm(Confirm::Always).timeout(Duration::from_millis(20));
    let held = Arc::new(());
    let kept = held.clone();
    let handler = move |_| drop(kept.clone());
    let errors = [
        always("read").await.err().unwrap(),
        always("handled").for_each_blocking(handler).await.err().unwrap(),
    ];
    for error in errors {
        assert!(matches!(error.kind(), ErrorKind::NotConnected | ErrorKind::Timeout), "{error}");
    }
    assert_eq!(Arc::strong_count(&held), 1, "the handler is dropped when the error is returned");
    let serve = subscriber.serve("served").confirm(Confirm::Always);
    serve.timeout(Duration::from_millis(20)).await.err().unwrap();
    let _service = subscriber.serve("served").await.expect("the failed service is not there");
    devnet.node(0).restart().await.unwrap();
    until("the list of topics", || devnet.node(0).topics() == ["served"]).await;
}

#[tokio::test]
async fn subscription_without_confirmation_returns_before_its_node_answers() {
    let devnet = two_nodes().await;
    let subscriber = builder(&devnet, 0).call_timeout(FAR).connect().await.unwrap();
    devnet.node(0).freeze();
    let mut messages = subscriber.subscribe("t").confirm(Confirm::Never).await.unwrap();
    let _service = subscriber.serve("s").confirm(Confirm::Never).await.unwrap();
    devnet.node(0).thaw();
    let publisher = client(&devnet, 1).await;
    publisher.publish("t", "1").wait_for_subscriber(true).timeout(GUARD).await.unwrap();
    assert_eq!(soon("the message", messages.next()).await.unwrap().data(), "1");
}

#[tokio::test]
async fn subscription_that_begins_reports_its_end_before_the_confirmation() {
    let devnet = two_nodes().await;
    let subscriber = offline(&devnet).await;
    let (subscription, confirmed) = subscriber.subscribe("t").confirm(Confirm::Always).begin().unwrap();
    drop(subscription);
    let error = soon("the end", confirmed).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Closed);
    let (mut handler, confirmed) =
        subscriber.subscribe("t").confirm(Confirm::Always).begin_blocking(drop).unwrap();
    handler.leave();
    assert_eq!(soon("the end", confirmed).await.unwrap_err().kind(), ErrorKind::Closed);
    // And the other way round: a confirmation that nobody waits for any more ends the subscription.
    let (mut subscription, confirmed) = subscriber.subscribe("t").confirm(Confirm::Always).begin().unwrap();
    drop(confirmed);
    assert!(soon("the end", subscription.next()).await.is_none());
}
