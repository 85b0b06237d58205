//! Answers about topics that others have made huge: the connection, the other calls and the other nodes are unaffected.

use std::time::Duration;

use amop::protocol::channel::frame::MAX_FRAME_LEN;
use amop::protocol::channel::{Frame, FrameReader, MessageType, rpc};
use amop::protocol::result;
use amop::transport::BoxedStream;
use amop::{Client, Event};
use amop_devnet::Devnet;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::fixture::{client, devnet, event, soon, until};
use crate::garbage::{FakeNode, builder_at};

/// Answers that list `count` topics besides `topics`, at one node: to `getNodeInfo`, and as the list of `getPeers`.
///
/// They are made before a node that takes long to answer would look dead, and as text, because a tree of millions of
/// values takes a busy machine a minute.
fn answers(count: usize, topics: &[&str]) -> [Vec<u8>; 2] {
    let mut names: Vec<_> = topics.iter().map(|topic| format!("{topic:?}")).collect();
    names.extend((0..count).map(|n| format!("\"topic/{n}\"")));
    let node = format!(r#"{{"NodeID":"aa","Topic":[{}]}}"#, names.join(","));
    let peers = format!("[{node}]");
    [node, peers].map(|result| format!(r#"{{"id":1,"jsonrpc":"2.0","result":{result}}}"#).into_bytes())
}

/// Plays a node that answers each question with one of these answers, and each unicast with its own data and `result`.
async fn play(mut stream: BoxedStream, [info, peers]: [Vec<u8>; 2], result: i32) {
    let mut reader = FrameReader::new(MAX_FRAME_LEN);
    loop {
        let mut answers = Vec::new();
        while let Some(frame) = reader.next().unwrap() {
            let (kind, code, body) = match frame.kind {
                MessageType::Rpc if frame.body == rpc::get_node_info() => (MessageType::Rpc, 0, &info[..]),
                MessageType::Rpc => (MessageType::Rpc, 0, &peers[..]),
                MessageType::Request => (MessageType::Response, result, frame.body),
                MessageType::Heartbeat => (MessageType::Heartbeat, 0, &[][..]),
                _ => continue,
            };
            answers.extend(Frame::new(kind, frame.seq, code, body).to_bytes());
        }
        if stream.write_all(&answers).await.is_err() || stream.flush().await.is_err() {
            return;
        }
        if !matches!(stream.read_buf(reader.buffer()).await, Ok(1..)) {
            return;
        }
    }
}

/// A client of a fake node that answers so, and of the embedded node if there is to be another.
async fn client_of_fake(
    devnet: &Devnet,
    count: usize,
    topics: &[&str],
    result: i32,
    other: Option<String>,
) -> Client {
    let node = FakeNode::new(devnet).await;
    let builder = other.into_iter().fold(builder_at(devnet, &node), |builder, other| builder.endpoint(other));
    let answers = answers(count, topics);
    let accept = async { drop(tokio::spawn(play(node.accept_ready().await, answers, result))) };
    let (client, ()) = tokio::join!(builder.connect(), accept);
    let client = client.unwrap();
    let is_up = || client.stats().endpoints.iter().all(|endpoint| endpoint.connected);
    until("all its nodes", is_up).await;
    client
}

#[tokio::test]
async fn answer_over_the_limit_is_skipped_and_the_connection_lives() {
    let devnet = devnet(Devnet::builder().nodes(1)).await;
    let client = client_of_fake(&devnet, 2_000_000, &[], 0, None).await;
    let mut events = client.events();
    let _subscription = soon("the subscription, unconfirmed", client.subscribe("a")).await.unwrap();
    let reply = soon("a reply behind the answer", client.publish("b", "data")).await.unwrap();
    assert_eq!(reply.data(), "data");
    let stats = client.stats().endpoints.remove(0);
    assert_eq!((stats.connects, stats.losses), (1, 0));
    // More than one if a slow machine let the first answer come too late.
    assert!(stats.ignored_frames >= 1);
    soon("the end", client.close()).await.unwrap();
    let lost = event(&mut events, "the end", |event| match event {
        Event::Lost { .. } => Some(true),
        Event::Closed => Some(false),
        _ => None,
    });
    assert!(!lost.await, "the connection was not lost");
}

#[tokio::test]
async fn topics_of_interest_are_found_among_many() {
    let devnet = devnet(Devnet::builder().nodes(1)).await;
    let client = client_of_fake(&devnet, 200_000, &["a", "b"], 0, None).await;
    for topic in ["a", "b"] {
        drop(soon("a confirmed subscription", client.subscribe(topic)).await.unwrap());
    }
    let stats = client.stats().endpoints.remove(0);
    assert_eq!((stats.losses, stats.ignored_frames), (0, 0));
}

#[tokio::test]
async fn other_node_delivers_while_one_answers_with_huge_lists() {
    for count in [150_000, 2_000_000] {
        let devnet = devnet(Devnet::builder().nodes(2)).await;
        let subscriber = client(&devnet, 1).await;
        let mut subscription = soon("the subscription", subscriber.subscribe("t")).await.unwrap();
        let node = devnet.node(0).endpoint().to_owned();
        let client = client_of_fake(&devnet, count, &[], result::NO_SUBSCRIBER, Some(node.clone())).await;
        let publish = client.publish("t", "data").wait_for_subscriber(true).timeout(Duration::from_secs(60));
        let reply = soon("the reply", publish).await.unwrap();
        assert_eq!(reply.endpoint(), node);
        assert_eq!(soon("the message", subscription.next()).await.unwrap().data(), "data");
    }
}
