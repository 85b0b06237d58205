//! Clients of frozen nodes, which have accepted their connection, and neither read nor answer.

use std::time::Duration;

use amop::{Client, ClientBuilder, Confirm, ErrorKind, Result};
use amop_devnet::{Devnet, OnConnect};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::both::on_both;
use crate::fixture::{soon, until};

/// Longer than any test takes. All that a client waits for takes so long, unless it closes.
const NEVER: Duration = Duration::from_secs(3600);

/// More than the buffers of two sockets hold, so that a frozen node keeps the connection from being written.
const TOO_MUCH: usize = 24 << 20;

/// Returns the builder of a client that waits for everything.
fn waiting(devnet: &Devnet) -> ClientBuilder {
    let builder = devnet.node(0).client().connect_timeout(NEVER).call_timeout(NEVER).close_timeout(NEVER);
    builder.heartbeat(NEVER).missed_heartbeats(1000)
}

/// Starts a call whose message the frozen node reads, if at all, in parts. Returns the outcomes of its callback.
async fn outstanding(client: &Client) -> UnboundedReceiver<Result<amop::Reply>> {
    let (done, outcomes) = unbounded_channel();
    let publish = client.publish("t", vec![0; TOO_MUCH]);
    publish.start(move |outcome| done.send(outcome).expect("the test waits")).unwrap();
    until("the call to be queued", || client.stats().endpoints[0].queued_bytes > 0).await;
    outcomes
}

/// Closes a client within a time that is over long before the node answers anything.
async fn close(client: &Client, within: Duration) {
    match soon("a close within its time", client.close_within(within)).await {
        Ok(()) => {}
        // On a busy machine the end of the client may come after the time.
        Err(error) => assert_eq!(error.kind(), ErrorKind::Timeout, "{error}"),
    }
    // The client has ended or does so now, though this close may take an hour.
    soon("the end of the client", client.close()).await.unwrap();
}

/// Asserts that a call has completed, once, because the client was closed.
fn assert_closed(mut outcomes: UnboundedReceiver<Result<amop::Reply>>) {
    let error = outcomes.try_recv().expect("its callback has returned").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Closed, "{error}");
    assert!(outcomes.try_recv().is_err(), "it completes once");
}

#[tokio::test]
async fn close_keeps_its_time_at_a_frozen_node() {
    on_both(1, async |devnet| {
        for within in [Duration::ZERO, Duration::from_millis(100)] {
            let client = waiting(&devnet).connect().await.unwrap();
            devnet.node(0).freeze();
            let outcomes = outstanding(&client).await;
            close(&client, within).await;
            assert_closed(outcomes);
            devnet.node(0).thaw();
        }
    })
    .await;
}

#[tokio::test]
async fn close_ends_all_that_waits_for_a_frozen_node() {
    on_both(2, async |devnet| {
        devnet.node(1).on_connect(OnConnect::Stall);
        let client = waiting(&devnet).endpoint(devnet.node(1).endpoint()).connect().await.unwrap();
        devnet.node(0).freeze();
        let outcomes = outstanding(&client).await;
        let own = client.clone();
        let subscribing = tokio::spawn(async move {
            own.subscribe("t").confirm(Confirm::Always).timeout(NEVER).await.map(drop)
        });
        let own = client.clone();
        let reloading = tokio::spawn(async move { own.reload_credentials().await });
        close(&client, Duration::from_millis(100)).await;
        assert_closed(outcomes);
        for waiting in [subscribing, reloading] {
            let error = soon("a call that waited", waiting).await.unwrap().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Closed, "{error}");
        }
    })
    .await;
}

#[tokio::test]
async fn close_does_not_wait_for_a_node_that_is_being_left() {
    on_both(1, async |devnet| {
        let client = waiting(&devnet).connect().await.unwrap();
        devnet.node(0).freeze();
        let outcomes = outstanding(&client).await;
        // It ends after the close timeout, because a call is in flight.
        client.remove_endpoint(devnet.node(0).endpoint()).unwrap();
        close(&client, Duration::from_millis(100)).await;
        assert_closed(outcomes);
    })
    .await;
}

#[tokio::test]
async fn timeout_states_the_time_of_the_whole_call() {
    on_both(1, async |devnet| {
        let client = waiting(&devnet).connect().await.unwrap();
        // On a busy machine the first time is over before the node has refused an attempt, and is frozen.
        for seconds in [2, 10, 50] {
            let publish = client.publish("unknown", "x").wait_for_subscriber(true);
            let call = tokio::spawn(publish.timeout(Duration::from_secs(seconds)).into_future());
            let retries = client.stats().retries;
            until("an attempt that failed", || client.stats().retries > retries || call.is_finished()).await;
            devnet.node(0).freeze();
            let error = soon("the end of the call", call).await.unwrap().unwrap_err();
            devnet.node(0).thaw();
            if error.kind() == ErrorKind::Timeout {
                assert!(error.message().contains(&format!("within {seconds} s; ")), "{error}");
                assert!(error.message().contains("an attempt before failed: "), "{error}");
                return;
            }
        }
        panic!("no call ended at its deadline");
    })
    .await;
}
