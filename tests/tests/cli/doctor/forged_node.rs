//! Servers with the TLS of a node that then send what a test wants.

use std::sync::Arc;

use amop::protocol::channel::frame::{HEADER_LEN, MAX_FRAME_LEN, parse};
use amop::protocol::channel::{Frame, MessageType, handshake, rpc, topic_list};
use amop::transport::{KeyExchange, NodeAcceptor};
use amop_devnet::ChannelAcceptor;
use amop_devnet::chain::{LeafOptions, Role};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use crate::amop::Place;

/// A server with a certificate of the place's chain. It stops when it is dropped.
pub(crate) struct ForgedNode {
    pub(crate) endpoint: String,
    _runtime: Runtime,
}

impl ForgedNode {
    /// Starts a server that sends the `answer` to everything received, and at the beginning to nothing; `None` closes the
    /// connection.
    pub(crate) fn start(
        place: &Place,
        group: KeyExchange,
        answer: impl Fn(&[u8]) -> Option<Vec<u8>> + Send + Sync + 'static,
    ) -> ForgedNode {
        let node = place.devnet().chain().issue(Role::Node, "forged", &LeafOptions::default()).unwrap();
        let acceptor = NodeAcceptor::new(&node.credentials().unwrap(), &[group]).unwrap();
        ForgedNode::with(ChannelAcceptor::Ecdhe(acceptor), answer)
    }

    /// Starts such a server with any kind of TLS.
    pub(crate) fn with(
        acceptor: ChannelAcceptor,
        answer: impl Fn(&[u8]) -> Option<Vec<u8>> + Send + Sync + 'static,
    ) -> ForgedNode {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let endpoint = listener.local_addr().unwrap().to_string();
        let answer = Arc::new(answer);
        runtime.spawn(async move {
            while let Ok((tcp, _)) = listener.accept().await {
                let (acceptor, answer) = (acceptor.clone(), answer.clone());
                tokio::spawn(async move {
                    // The ClientHellos of doctor end here.
                    let Ok(mut stream) = acceptor.accept(tcp).await else { return };
                    let mut buffer = [0; 4096];
                    let mut received = 0;
                    loop {
                        let Some(said) = answer(&buffer[..received]) else { return };
                        if stream.write_all(&said).await.is_err() || stream.flush().await.is_err() {
                            return;
                        }
                        // A read brings one write of a client or several, but no part of one: each is one TLS record.
                        received = match stream.read(&mut buffer).await {
                            Ok(0) | Err(_) => return,
                            Ok(read) => read,
                        };
                    }
                });
            }
        });
        ForgedNode { endpoint, _runtime: runtime }
    }

    /// Starts a server that sends the `answer` to each frame: result and body, or nothing.
    pub(crate) fn channel(
        place: &Place,
        answer: impl Fn(MessageType, &[u8]) -> Option<(i32, Vec<u8>)> + Send + Sync + 'static,
    ) -> ForgedNode {
        ForgedNode::start(place, KeyExchange::Secp256k1, frames(answer))
    }
}

/// Returns the answer to bytes that are whole frames, made of the `answer` to each.
pub(crate) fn frames(
    answer: impl Fn(MessageType, &[u8]) -> Option<(i32, Vec<u8>)> + Send + Sync + 'static,
) -> impl Fn(&[u8]) -> Option<Vec<u8>> + Send + Sync + 'static {
    move |received| {
        let (mut rest, mut said) = (received, Vec::new());
        loop {
            let frame = match parse(rest, MAX_FRAME_LEN) {
                Ok(Some(frame)) => frame,
                Ok(None) => return Some(said),
                Err(_) => return None,
            };
            rest = &rest[HEADER_LEN + frame.body.len()..];
            let kind = match frame.kind {
                MessageType::Request => MessageType::Response,
                other => other,
            };
            if let Some((result, body)) = answer(frame.kind, frame.body) {
                said.extend(Frame::new(kind, frame.seq, result, &body).to_bytes());
            }
        }
    }
}

/// Returns the answers of [`honest`], and an empty reply to each unicast.
pub(crate) fn replying(version: &'static str) -> impl Fn(MessageType, &[u8]) -> Option<(i32, Vec<u8>)> {
    let honest = honest(version);
    move |kind, body| match kind {
        MessageType::Request => Some((0, Vec::new())),
        _ => honest(kind, body),
    }
}

/// Returns the answers of an honest node of `version` that keeps one topic list and delivers nothing: it answers unicasts
/// with 100.
pub(crate) fn honest(version: &'static str) -> impl Fn(MessageType, &[u8]) -> Option<(i32, Vec<u8>)> {
    let topics = std::sync::Mutex::new(Vec::new());
    move |kind, body| match kind {
        MessageType::Handshake => {
            Some((0, handshake::Choice { node_version: version.into(), protocol: 3 }.encode()))
        }
        MessageType::Heartbeat => Some((0, b"{\"heartBeat\":1}\n".to_vec())),
        MessageType::TopicList => {
            *topics.lock().unwrap() = topic_list::decode(body)?;
            None
        }
        MessageType::Rpc if body == rpc::get_node_info() => {
            let listed = topics.lock().unwrap().clone();
            Some((0, serde_json::json!({ "result": { "NodeID": "ff", "Topic": listed } }).to_string().into()))
        }
        MessageType::Rpc => Some((0, br#"{"result":[]}"#.to_vec())),
        MessageType::Request => Some((100, Vec::new())),
        _ => None,
    }
}
