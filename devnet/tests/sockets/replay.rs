//! Recorded requests of real nodes, sent to the embedded ones over TLS: the answers must have the same bytes.
//!
//! Some answers identify the node: `getClientVersion` (build texts), `getNodeInfo`, `getPeers` (addresses and ids),
//! `getNodeIDList` and `getGroupPeers` (ids). Of these only the keys, in order, and the types of the values are
//! compared. `register_event` is left out, because it is not AMOP.

use std::collections::BTreeMap;

use amop::transport::BoxedStream;
use amop_devnet::{Devnet, SameNode};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::fixture::{connect, guarded, until};

/// Returns all recorded frames by name.
fn vectors() -> BTreeMap<String, Vec<u8>> {
    let vectors: Vec<Value> =
        serde_json::from_str(include_str!("../../../tests/vectors/channel-2x.json")).unwrap();
    let bytes = |hex: &str| -> Vec<u8> {
        (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
    };
    vectors
        .iter()
        .map(|vector| (vector["name"].as_str().unwrap().to_owned(), bytes(vector["hex"].as_str().unwrap())))
        .collect()
}

async fn send(stream: &mut BoxedStream, frame: &[u8]) {
    stream.write_all(frame).await.unwrap();
    stream.flush().await.unwrap();
}

/// Reads the next frame.
async fn receive(stream: &mut BoxedStream) -> Vec<u8> {
    let mut frame = vec![0; 4];
    stream.read_exact(&mut frame).await.unwrap();
    frame.resize(u32::from_be_bytes(frame[..].try_into().unwrap()) as usize, 0);
    stream.read_exact(&mut frame[4..]).await.unwrap();
    frame
}

/// Replaces the texts in an answer, so that answers of different nodes are equal.
fn shape(value: &Value) -> Value {
    match value {
        Value::String(text) if text.len() == 128 => "an id".into(),
        Value::String(_) => "a text".into(),
        Value::Array(values) => values.iter().map(shape).collect(),
        Value::Object(members) => members.iter().map(|(key, value)| (key.clone(), shape(value))).collect(),
        other => other.clone(),
    }
}

#[tokio::test]
async fn answers_have_the_bytes_of_real_nodes() {
    guarded(async {
        let vectors = vectors();
        // Those nodes report the release that was recorded.
        let devnet = Devnet::builder().nodes(2).same_node(SameNode::Drop).start().await.unwrap();
        let mut stream = connect(&devnet, &devnet.node(0).endpoint()).await.unwrap();
        let mut names =
            vec!["heartbeat_v1", "handshake_1_1", "handshake_1_2", "handshake_1_3", "heartbeat_v3"];
        names.extend(
            vectors
                .keys()
                .filter_map(|name| name.strip_suffix("_request"))
                .filter(|name| name.starts_with("rpc_")),
        );
        names.extend(["unicast_100_unknown_topic", "multicast_ack_no_subscriber"]);
        assert_eq!(names.len(), 16, "{names:?}");
        for name in names {
            send(&mut stream, &vectors[&format!("{name}_request")]).await;
            let (got, expected) = (receive(&mut stream).await, &vectors[&format!("{name}_response")]);
            match name {
                "rpc_getClientVersion"
                | "rpc_getNodeInfo"
                | "rpc_getPeers"
                | "rpc_getNodeIDList"
                | "rpc_getGroupPeers" => {
                    assert_eq!(got[4..42], expected[4..42], "{name}");
                    let json = |frame: &[u8]| shape(&serde_json::from_slice(&frame[42..]).unwrap());
                    assert_eq!(json(&got), json(expected), "{name}");
                    assert_eq!(got.last(), Some(&b'\n'), "{name}");
                }
                _ => {
                    assert_eq!(got.escape_ascii().to_string(), expected.escape_ascii().to_string(), "{name}")
                }
            }
        }
        devnet.stop().await;
    })
    .await;
}

#[tokio::test]
async fn messages_and_replies_have_the_bytes_of_real_nodes() {
    guarded(async {
        let vectors = vectors();
        let devnet = Devnet::builder().nodes(2).start().await.unwrap();
        let mut publisher = connect(&devnet, &devnet.node(0).endpoint()).await.unwrap();
        let mut subscriber = connect(&devnet, &devnet.node(1).endpoint()).await.unwrap();
        send(&mut subscriber, &vectors["subscribe_request"]).await;
        until("the topics are listed", || devnet.node(1).topics().len() == 2).await;
        for name in ["echo", "err", "emptydata", "emptybody", "utf8_topic"] {
            let request = &vectors[&format!("unicast_{name}_request")];
            send(&mut publisher, request).await;
            // A publisher's frame is passed on unchanged.
            let pushed = vectors.get(&format!("unicast_{name}_pushed")).unwrap_or(request);
            assert_eq!(&receive(&mut subscriber).await, pushed, "{name}");
            let response = &vectors[&format!("unicast_{name}_response")];
            send(&mut subscriber, response).await;
            assert_eq!(&receive(&mut publisher).await, response, "{name}");
        }
        send(&mut publisher, &vectors["multicast_ack_request"]).await;
        assert_eq!(receive(&mut publisher).await, vectors["multicast_ack_response"]);
        assert_eq!(receive(&mut subscriber).await, vectors["multicast_pushed"]);
        devnet.stop().await;
    })
    .await;
}

#[tokio::test]
async fn code_104_has_the_bytes_of_real_nodes() {
    guarded(async {
        let vectors = vectors();
        let limit = std::time::Duration::from_millis(200);
        let devnet = Devnet::builder().nodes(2).push_limit(limit).start().await.unwrap();
        let mut publisher = connect(&devnet, &devnet.node(0).endpoint()).await.unwrap();
        let mut subscriber = connect(&devnet, &devnet.node(1).endpoint()).await.unwrap();
        send(&mut subscriber, &vectors["subscribe_request"]).await;
        until("the topics are listed", || devnet.node(1).topics().len() == 2).await;
        // The subscriber does not answer.
        send(&mut publisher, &vectors["unicast_104_silent_subscriber_request"]).await;
        assert_eq!(receive(&mut publisher).await, vectors["unicast_104_silent_subscriber_response"]);
        devnet.stop().await;
    })
    .await;
}

#[tokio::test]
async fn code_103_has_the_bytes_of_real_nodes() {
    guarded(async {
        let vectors = vectors();
        let devnet = Devnet::builder().nodes(1).bandwidth(1).start().await.unwrap();
        let mut stream = connect(&devnet, &devnet.node(0).endpoint()).await.unwrap();
        // This message exceeds the limit of a second by far.
        send(&mut stream, &vectors["multicast_ack_no_subscriber_request"]).await;
        receive(&mut stream).await;
        for (kind, name) in [(0x30, "unicast"), (0x35, "multicast")] {
            let expected = &vectors[&format!("{name}_103_bandwidth")];
            let mut request = vectors["unicast_echo_request"].clone();
            request[5] = kind;
            request[6..38].copy_from_slice(&expected[6..38]);
            send(&mut stream, &request).await;
            assert_eq!(&receive(&mut stream).await, expected, "{name}");
        }
        devnet.stop().await;
    })
    .await;
}
