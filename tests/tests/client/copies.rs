//! Duplicates: each subscriber receives a message once, however many nodes and connections deliver it.

use amop::protocol::Seq;
use amop::{Client, Delivery, ErrorKind, Placement, Request, Retry, Subscription};
use amop_devnet::{Devnet, Fault, Node};
use amop_tests::wire::Wire;

use crate::fixture::{GUARD, client, devnet, everywhere, soon, until};

/// Connects a client to some nodes.
async fn client_of(devnet: &Devnet, nodes: impl IntoIterator<Item = usize>) -> Client {
    let mut nodes = nodes.into_iter();
    let mut builder = devnet
        .node(nodes.next().unwrap())
        .client()
        .connect_timeout(GUARD)
        .call_timeout(GUARD)
        .answer_timeout(GUARD);
    for node in nodes {
        builder = builder.endpoint(devnet.node(node).endpoint());
    }
    everywhere(builder).await
}

/// Checks that the next messages are these, in any order, each once.
async fn gets(messages: &mut Subscription, count: u32) {
    let mut seen = Vec::new();
    for _ in 0..count {
        seen.push(soon("a message", messages.next()).await.unwrap().data().clone());
    }
    let mut expected: Vec<_> = (0..count).map(|n| n.to_string()).collect();
    seen.sort_unstable();
    expected.sort_unstable();
    assert_eq!(seen, expected);
}

#[tokio::test]
async fn broadcast_through_all_nodes_is_received_once() {
    let devnet = devnet(Devnet::builder().nodes(3)).await;
    let publisher = client_of(&devnet, 0..3).await;
    let mut listeners = Vec::new();
    for nodes in [0..1, 1..2, 2..3, 0..2, 0..3] {
        let listener = client_of(&devnet, nodes).await;
        let messages = listener.subscribe("news").await.unwrap();
        listeners.push((listener, messages));
    }
    let mut before: Vec<_> = publisher.stats().endpoints.iter().map(|endpoint| endpoint.calls).collect();
    for n in 0..20u32 {
        publisher.broadcast("news", n.to_string()).all_nodes(true).await.unwrap();
    }
    for (endpoint, before) in publisher.stats().endpoints.iter().zip(&mut before) {
        assert_eq!(endpoint.calls - *before, 20, "each went through {}", endpoint.endpoint);
    }
    for (listener, messages) in &mut listeners {
        gets(messages, 20).await;
        // Each node delivered each broadcast to each session of this listener.
        let sessions = listener.stats().endpoints.len() as u64;
        until("all copies", || listener.stats().total().messages_received == 20 * 3 * sessions).await;
        assert_eq!((messages.stats().accepted, listener.stats().duplicates), (20, 20 * (3 * sessions - 1)));
    }
}

#[tokio::test]
async fn broadcast_is_sent_again_when_its_ack_is_lost() {
    let devnet = devnet(Devnet::builder().nodes(4)).await;
    let publisher = client_of(&devnet, 0..2).await;
    let (single, both) = (client(&devnet, 2).await, client_of(&devnet, 2..4).await);
    let mut listeners = [single.subscribe("news").await.unwrap(), both.subscribe("news").await.unwrap()];
    // The connection is lost after the node has forwarded the message, and before.
    let faults = [
        Fault::reset().on_type(0x31).on_topic("news").times(1),
        Fault::reset().from_clients().on_type(0x35).times(1),
    ];
    for fault in faults {
        let fault = devnet.inject(fault);
        soon("the ack of another node", publisher.broadcast("news", "0")).await.unwrap();
        assert_eq!(devnet.hits(fault), Some(1));
        for listener in &mut listeners {
            gets(listener, 1).await;
        }
        until("the node again", || publisher.stats().endpoints.iter().all(|node| node.connected)).await;
    }
    // Without retries the call fails, and the error states that the delivery is open.
    let fault = devnet.inject(Fault::reset().on_type(0x31).on_topic("news").times(1));
    let error = publisher.broadcast("news", "0").retry(Retry::Never).await.unwrap_err();
    assert_eq!((error.kind(), error.delivery()), (ErrorKind::ConnectionLost, Delivery::Maybe));
    assert_eq!(devnet.hits(fault), Some(1));
    for listener in &mut listeners {
        gets(listener, 1).await;
    }
}

#[tokio::test]
async fn broadcast_is_sent_again_when_its_node_dies() {
    let devnet = devnet(Devnet::builder().nodes(3)).await;
    let publisher = client_of(&devnet, 0..2).await;
    let mut news = client(&devnet, 2).await.subscribe("news").await.unwrap();
    publisher.broadcast("news", "the route is found").await.unwrap();
    soon("the first", news.next()).await.unwrap();
    (0..2).for_each(|node| devnet.node(node).freeze());
    let broadcast = tokio::spawn(publisher.broadcast("news", "0").into_future());
    let has_it = || publisher.stats().endpoints.iter().position(|endpoint| endpoint.in_flight > 0);
    until("some node to have it", || has_it().is_some()).await;
    let dying = has_it().unwrap();
    devnet.node(dying).kill().await;
    devnet.node(1 - dying).thaw();
    soon("the ack of the other node", broadcast).await.unwrap().unwrap();
    gets(&mut news, 1).await;
}

/// Plays another SDK: sends one frame to a node and returns the answer.
async fn publish_raw(node: &Node, seq: Seq, body: &[u8]) -> (i32, Vec<u8>) {
    let (ours, theirs) = tokio::io::duplex(1 << 16);
    assert!(node.attach(theirs), "the node is alive");
    let mut wire = Wire::channel(ours);
    wire.send(&wire.frame(wire.types().request, seq.as_bytes(), 0, body)).await.unwrap();
    let answer = soon("the answer", wire.next_frame()).await.unwrap();
    assert_eq!((answer.kind, &answer.seq[..]), (wire.types().response, &seq.as_bytes()[..]));
    (answer.result, answer.body)
}

#[tokio::test]
async fn unicast_delivered_twice_is_handled_once_and_answered_twice() {
    let devnet = devnet(Devnet::builder().nodes(2).push_limit(GUARD).node_limit(GUARD)).await;
    let receiver = client_of(&devnet, 0..2).await;
    let mut messages = receiver.subscribe("heard").await.unwrap();
    let mut requests = receiver.serve("served").placement(Placement::All).await.unwrap();
    // Each node delivers to a session of its own, because a session answers an id once.
    devnet.node(0).cut_link(&devnet.node(1));
    for n in 0..10u64 {
        let seq = Seq::from_halves(7, n);
        for node in devnet.nodes() {
            let (result, _) = publish_raw(&node, seq, format!("\x06heard{n}").as_bytes()).await;
            assert_eq!(result, 0, "accepted, as the first was");
        }
        assert_eq!(soon("the message", messages.next()).await.unwrap().data(), &n.to_string());
        // The second arrives while the first is handled, and after it was answered.
        let body = format!("\x07served{n}");
        let nodes = devnet.nodes();
        let publish = |node: usize| publish_raw(&nodes[node], seq, body.as_bytes());
        let before = receiver.stats().duplicates;
        let reply = async {
            let request = soon("the request", requests.next()).await.unwrap();
            until("the duplicate", || receiver.stats().duplicates > before).await;
            request.reply(format!("reply {n}")).unwrap();
        };
        let (first, second, ()) = tokio::join!(publish(0), publish(1), reply);
        let expected = (0, format!("\x07servedreply {n}").into_bytes());
        assert_eq!((first, second), (expected.clone(), expected.clone()));
        assert_eq!(publish(0).await, expected);
    }
    assert_eq!((messages.stats().accepted, requests.stats().accepted), (10, 10));
    assert_eq!(receiver.stats().duplicates, 10 * 3);
}

#[tokio::test]
async fn subscription_at_one_node_beside_one_at_all_misses_nothing() {
    let devnet = devnet(Devnet::builder().nodes(2)).await;
    let receiver = client_of(&devnet, 0..2).await;
    let mut at_all = receiver.subscribe("t").await.unwrap();
    let mut at_one = receiver.subscribe("t").placement(Placement::One).await.unwrap();
    let publishers = [client_of(&devnet, 0..1).await, client_of(&devnet, 1..2).await];
    for n in 0..20u32 {
        publishers[n as usize % 2].publish("t", n.to_string()).wait_for_subscriber(true).await.unwrap();
    }
    for messages in [&mut at_all, &mut at_one] {
        gets(messages, 20).await;
    }
    for n in 0..20u32 {
        publishers[n as usize % 2].broadcast("t", n.to_string()).await.unwrap();
    }
    for messages in [&mut at_all, &mut at_one] {
        gets(messages, 20).await;
        assert_eq!(messages.stats().accepted, 40);
    }
}

#[tokio::test]
async fn service_keeps_its_unicasts_beside_a_subscription() {
    let devnet = devnet(Devnet::builder().nodes(2)).await;
    let server = client_of(&devnet, 0..2).await;
    let _service = server.serve("t").for_each(async |_: Request| "served").await.unwrap();
    let publishers = [client_of(&devnet, 0..1).await, client_of(&devnet, 1..2).await];
    for _ in 0..10 {
        let mut beside = server.subscribe("t").await.unwrap();
        for publisher in &publishers {
            let reply = publisher.publish("t", "x").wait_for_subscriber(true).await.unwrap();
            assert_eq!(reply.data(), "served");
            publisher.broadcast("t", "0").await.unwrap();
            gets(&mut beside, 1).await;
        }
        assert_eq!(beside.stats().accepted, 2, "broadcasts alone");
    }
}
