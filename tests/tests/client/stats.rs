//! Statistics: what each of them counts, and that the totals cover all endpoints.

use std::time::Duration;

use amop::{EndpointState, ErrorKind, Overflow};

use crate::fixture::{builder, client, soon, two_nodes, until};

#[tokio::test]
async fn sent_and_answered_messages_are_counted() {
    let devnet = two_nodes().await;
    let (publisher, server) = (client(&devnet, 0).await, client(&devnet, 1).await);
    let service =
        server.serve("echo").for_each(async |request: amop::Request| request.data().clone()).await.unwrap();
    for _ in 0..10 {
        publisher.publish("echo", "x").await.unwrap();
    }
    publisher.broadcast("echo", "late").await.unwrap();
    let error = publisher.publish("nowhere", "x").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NoSubscriber);
    let sent = publisher.stats().total();
    assert_eq!(
        (sent.calls, sent.round_trips.count()),
        (12, 10),
        "neither refusals nor acknowledgements count"
    );
    let [median, slowest] = [0.5, 1.0].map(|part| sent.round_trips.quantile(part).unwrap());
    assert!(Duration::ZERO < median && median <= slowest && slowest < Duration::from_secs(60));
    // The broadcast is received as well, although the server has no subscription.
    until("the broadcast to come", || server.stats().unwanted == 1).await;
    assert_eq!(server.stats().total().messages_received, 11);
    drop(service);
}

#[tokio::test]
async fn undelivered_messages_are_counted_by_reason() {
    let devnet = two_nodes().await;
    let everywhere = builder(&devnet, 0).endpoint(devnet.endpoints()[1].clone()).connect().await.unwrap();
    until("both nodes", || everywhere.stats().endpoints.iter().all(|endpoint| endpoint.connected)).await;
    let mut news = everywhere.subscribe("news").await.unwrap();
    until("both lists", || devnet.nodes().iter().all(|node| node.topics() == ["news"])).await;
    let publisher = client(&devnet, 0).await;
    publisher.broadcast("news", "by both nodes").await.unwrap();
    soon("the news", news.next()).await.unwrap();
    until("the duplicate", || everywhere.stats().duplicates == 1).await;
    everywhere.broadcast("news", "its own").await.unwrap();
    until("its own, from the other node or both", || everywhere.stats().own_broadcasts >= 1).await;

    let narrow = |overflow| everywhere.subscribe("narrow").max_messages(1).overflow(overflow);
    let (refusing, dropping) =
        (narrow(Overflow::Refuse).await.unwrap(), narrow(Overflow::DropOldest).await.unwrap());
    for n in 0..3 {
        publisher.publish("narrow", n.to_string()).wait_for_subscriber(true).await.unwrap();
    }
    let stats = everywhere.stats();
    assert_eq!((stats.refused, stats.dropped), (2, 2));
    assert_eq!((refusing.stats().refused, dropping.stats().dropped), (2, 2));
    drop((refusing, dropping));
    assert_eq!(everywhere.stats().dropped, 4, "including unread messages of subscriptions that have ended");
}

#[tokio::test]
async fn connects_losses_and_failed_attempts_are_counted() {
    let devnet = two_nodes().await;
    let quick = builder(&devnet, 0).endpoint(devnet.endpoints()[1].clone());
    let client = quick.reconnect_min(Duration::from_millis(1)).connect().await.unwrap();
    let of = |index: usize| client.stats().endpoints[index].clone();
    until("both nodes", || of(0).connected && of(1).connected).await;
    devnet.node(1).kill().await;
    until("a failed attempt", || of(1).failed_connects > 0).await;
    assert_eq!((of(1).connected, of(1).losses, of(1).reconnects()), (false, 1, 0));
    devnet.node(1).restart().await.unwrap();
    until("the return", || of(1).connected).await;
    assert_eq!((of(1).losses, of(1).reconnects()), (1, 1));
    let total = client.stats().total();
    assert_eq!((total.connected, total.connects, total.losses), (true, 3, 1));
    assert_eq!(&*total.endpoint, "");
}

#[tokio::test]
async fn endpoint_is_not_connected_after_a_close_that_aborts_it() {
    let devnet = two_nodes().await;
    let never = Duration::from_secs(24 * 3600);
    let client = builder(&devnet, 0).heartbeat(never).call_timeout(never).connect().await.unwrap();
    devnet.node(0).freeze();
    // More than the buffers of the sockets take, so that the link can't end in order.
    client.publish("t", vec![0; 64 << 20]).start(drop).unwrap();
    until("the connection to be full", || client.stats().endpoints[0].bytes_sent > 0).await;
    // On a busy machine the end may take longer than that, and comes all the same.
    if let Err(error) = soon("the close", client.close_within(Duration::from_millis(50))).await {
        assert_eq!(error.kind(), ErrorKind::Timeout);
    }
    let endpoint = || client.stats().endpoints[0].clone();
    until("the endpoint to end", || endpoint().state == EndpointState::Ended).await;
    let endpoint = endpoint();
    assert!(!endpoint.connected);
    assert_eq!((endpoint.in_flight, endpoint.queued_bytes), (0, 0));
}
