//! Removing an endpoint with calls in flight: each of them completes, or goes on at another node.

use std::time::Duration;

use amop::{Client, Delivery, ErrorKind, Retry};
use amop_devnet::Devnet;

use crate::fixture::{GUARD, builder, devnet, everywhere, soon, until};

const CALLS: usize = 10;

/// Connects a client to the first two nodes.
async fn publisher(devnet: &Devnet, close_timeout: Duration) -> Client {
    let builder = builder(devnet, 0).endpoint(devnet.node(1).endpoint());
    everywhere(builder.close_timeout(close_timeout).call_timeout(GUARD)).await
}

/// Returns the endpoint with the most calls in flight, and their number.
fn busy(client: &Client) -> (String, usize) {
    let endpoints = client.stats().endpoints;
    let busy = endpoints.into_iter().max_by_key(|endpoint| endpoint.in_flight).unwrap();
    (busy.endpoint.to_string(), busy.in_flight)
}

#[tokio::test]
async fn unanswered_calls_at_a_removed_endpoint_fail_as_lost() {
    let devnet = devnet(Devnet::builder().nodes(3).push_limit(GUARD).node_limit(GUARD)).await;
    let server = builder(&devnet, 2).answer_timeout(GUARD).connect().await.unwrap();
    let mut requests = server.serve("slow").await.unwrap();
    let publisher = publisher(&devnet, Duration::from_millis(50)).await;
    let call = |n: usize| tokio::spawn(publisher.publish("slow", n.to_string()).into_future());
    let calls: Vec<_> = (0..CALLS).map(call).collect();
    let mut held = Vec::new();
    for _ in 0..CALLS {
        held.push(soon("a request", requests.next()).await.unwrap());
    }
    let (node, there) = busy(&publisher);
    publisher.remove_endpoint(&node).unwrap();
    let ended = || calls.iter().filter(|call| call.is_finished()).count();
    until("the calls at that node to fail", || ended() == there).await;
    for request in held {
        request.reply(request.data().clone()).unwrap();
    }
    let mut lost = 0;
    for (n, call) in calls.into_iter().enumerate() {
        match soon("the end of a call", call).await.unwrap() {
            Ok(reply) => assert_eq!(reply.data(), &n.to_string()),
            Err(error) => {
                assert_eq!((error.kind(), error.delivery()), (ErrorKind::ConnectionLost, Delivery::Maybe));
                assert!(error.message().contains("removed") && error.message().contains(&node), "{error}");
                lost += 1;
            }
        }
    }
    assert_eq!(lost, there);
    let (reply, request) = tokio::join!(publisher.publish("slow", "x").into_future(), async {
        soon("a request", requests.next()).await.unwrap().reply("the other node serves").unwrap();
    });
    assert_eq!((reply.unwrap().data(), request), (&"the other node serves".into(), ()));
    assert_eq!(publisher.stats().endpoints.len(), 1);
}

#[tokio::test]
async fn at_least_once_call_goes_on_at_another_node() {
    let devnet = devnet(Devnet::builder().nodes(3).push_limit(GUARD).node_limit(GUARD)).await;
    let server = builder(&devnet, 2).answer_timeout(GUARD).connect().await.unwrap();
    let mut requests = server.serve("slow").await.unwrap();
    let publisher = publisher(&devnet, Duration::from_millis(50)).await;
    let publish = publisher.publish("slow", "x").retry(Retry::AtLeastOnce);
    let call = tokio::spawn(publish.into_future());
    let first = soon("the request", requests.next()).await.unwrap();
    let (node, _) = busy(&publisher);
    publisher.remove_endpoint(&node).unwrap();
    // An attempt with the same id joins the first request, whose answer the node forwards once: to the session that was
    // closed. An attempt with a new id is handled again.
    until("the next attempt", || server.stats().duplicates > 0).await;
    first.reply("late").unwrap();
    let serve = async {
        loop {
            requests.next().await.unwrap().reply("once more").unwrap();
        }
    };
    let reply = tokio::select! {
        reply = soon("the reply", call) => reply.unwrap(),
        () = serve => unreachable!("serving does not end"),
    };
    assert_eq!(reply.unwrap().data(), "once more");
}

#[tokio::test]
async fn removed_endpoint_that_is_lost_is_not_reconnected() {
    let devnet = devnet(Devnet::builder().nodes(3).push_limit(GUARD).node_limit(GUARD)).await;
    let server = builder(&devnet, 2).answer_timeout(GUARD).connect().await.unwrap();
    let mut requests = server.serve("slow").await.unwrap();
    let publisher = publisher(&devnet, 10 * GUARD).await;
    let call = tokio::spawn(publisher.publish("slow", "x").into_future());
    let _held = soon("the request", requests.next()).await.unwrap();
    let (endpoint, _) = busy(&publisher);
    publisher.remove_endpoint(&endpoint).unwrap();
    let left = devnet.nodes().into_iter().find(|node| node.endpoint() == endpoint).unwrap();
    left.kill().await;
    let error = soon("the end of the call", call).await.unwrap().unwrap_err();
    assert_eq!((error.kind(), error.delivery()), (ErrorKind::ConnectionLost, Delivery::Maybe));
    left.restart().await.unwrap();
    // Nothing of it is left that a close would wait for.
    soon("the end", publisher.close_within(10 * GUARD)).await.unwrap();
    assert_eq!(left.counters().sessions, 0);
}
