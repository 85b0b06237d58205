//! Publisher and subscriber both connected to the same two nodes that behave like 2.11: what each setting loses.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use amop::{Client, Placement, Retry};
use amop_devnet::{Choice, Devnet, SameNode};
use futures_util::future::join_all;

use crate::oracle::GUARD;

/// Unicasts of each setting, as many as java-sdk was measured with.
const UNICASTS: usize = 40;
/// Between two of them: they spread over seconds, as a node's random choice stays the same within one.
const PAUSE: Duration = Duration::from_millis(60);

/// How many are lost, and how many handled more than once.
async fn measure(publisher: &Client, subscriber: &Client, retry: Retry, placement: Placement) -> [usize; 2] {
    let topic = format!("{retry:?} {placement:?}");
    let handled: Arc<Mutex<HashMap<_, usize>>> = Arc::default();
    let book = handled.clone();
    let hear = move |message: amop::Message| {
        *book.lock().unwrap().entry(message.into_data()).or_default() += 1;
        async {}
    };
    let subscribe = subscriber.subscribe(&topic).placement(placement);
    let guard = subscribe.timeout(GUARD).for_each(hear).await.unwrap();
    // The way is known before it is measured.
    let first = publisher.publish(&topic, "first").retry(Retry::AtLeastOnce).timeout(GUARD);
    first.wait_for_subscriber(true).await.unwrap();
    let mut calls = Vec::new();
    for n in 0..UNICASTS {
        let publish = publisher.publish(&topic, n.to_string()).retry(retry).timeout(Duration::from_secs(10));
        calls.push(tokio::spawn(publish.into_future()));
        tokio::time::sleep(PAUSE).await;
    }
    let ended = join_all(calls).await;
    drop(guard);
    let lost = ended.into_iter().filter(|outcome| outcome.as_ref().unwrap().is_err()).count();
    let handled = handled.lock().unwrap();
    [lost, handled.iter().filter(|(data, times)| **data != "first" && **times > 1).count()]
}

#[tokio::test]
async fn what_each_setting_loses_where_nodes_drop_what_is_for_their_own() {
    let devnet = Devnet::builder()
        .nodes(2)
        .same_node(SameNode::Drop)
        .choice(Choice::EachSecond)
        .node_limit(Duration::from_secs(2));
    let devnet = devnet.start().await.unwrap();
    let publisher = devnet.client().connect().await.unwrap();
    let subscriber = devnet.client().connect().await.unwrap();
    for client in [&publisher, &subscriber] {
        let mut events = client.events();
        while client.stats().endpoints.iter().any(|endpoint| !endpoint.connected) {
            tokio::time::timeout(GUARD, events.next()).await.expect("both nodes").expect("a live client");
        }
    }
    let settings = [
        (Retry::Never, Placement::All),
        (Retry::Definite, Placement::All),
        (Retry::AtLeastOnce, Placement::All),
        (Retry::Never, Placement::One),
        (Retry::Definite, Placement::One),
        (Retry::AtLeastOnce, Placement::One),
    ];
    let measured = settings.map(|(retry, placement)| measure(&publisher, &subscriber, retry, placement));
    let measured = join_all(measured).await;
    for ((retry, placement), [lost, doubled]) in settings.into_iter().zip(measured) {
        println!("retry {retry:?}, placement {placement:?}: {lost} of {UNICASTS} lost, {doubled} doubled");
        match (retry, placement) {
            (_, Placement::One) => assert_eq!([lost, doubled], [0, 0], "{retry:?}: nothing to lose"),
            // About eight tries with even chances each: three that fail all of theirs come once in 10,000 runs.
            (Retry::AtLeastOnce, Placement::All) => assert!(lost <= 2, "at least once lost {lost}"),
            (_, Placement::All) => assert!(doubled == 0, "{retry:?}: {doubled} doubled"),
        }
    }
}
