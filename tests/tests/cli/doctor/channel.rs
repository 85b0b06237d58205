//! Problems after TLS: no channel, or a channel that doesn't work.

use amop::protocol::channel::MessageType;
use amop::transport::KeyExchange;
use amop_devnet::{Devnet, Fault};

use super::diagnosis::Diagnosis;
use super::forged_node::{ForgedNode, honest};
use crate::amop::Place;

#[test]
fn p2p_port() {
    let place = Place::with_nodes();
    // Length, version, protocol, packet, seq, and the number of the topic list.
    let greeting = [0, 0, 0, 17, 0, 3, 0, 0, 0, 2, 0, 1, 0, 0, 0, 5, b'0'];
    let p2p = ForgedNode::start(&place, KeyExchange::Secp256k1, move |received| {
        Some(if received.is_empty() { greeting.to_vec() } else { Vec::new() })
    });
    Diagnosis::of(&place, &p2p.endpoint, &[]).is("handshake", 5, "p2p-port", "topic list");
}

#[test]
fn websocket_server_with_a_wrong_answer() {
    let place = Place::with_nodes();
    let node = ForgedNode::start(&place, KeyExchange::X25519, |received| match received {
        [] => Some(Vec::new()),
        [b'G', b'E', b'T', ..] => {
            Some(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n".to_vec())
        }
        _ => None,
    });
    Diagnosis::of(&place, &node.endpoint, &[]).is("handshake", 5, "no-common-protocol", "header Connection");
}

#[test]
fn web_server_with_chain_certificate() {
    let place = Place::with_nodes();
    let web = ForgedNode::start(&place, KeyExchange::X25519, |received| match received {
        [] => Some(Vec::new()),
        _ => Some(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n".to_vec()),
    });
    Diagnosis::of(&place, &web.endpoint, &[]).is("handshake", 5, "wrong-port", "400 Bad Request");
}

#[test]
fn no_channel() {
    let place = Place::with_nodes();
    let closing = ForgedNode::start(&place, KeyExchange::Secp256k1, |received| match received {
        [] => Some(Vec::new()),
        _ => None,
    });
    let diagnosis = Diagnosis::of(&place, &closing.endpoint, &[]);
    diagnosis.is("handshake", 5, "no-channel", "closed instead of an answer");
    let silent = ForgedNode::start(&place, KeyExchange::Secp256k1, |_| Some(Vec::new()));
    let diagnosis = Diagnosis::of_silence("handshake", &place, &silent.endpoint);
    diagnosis.is("handshake", 5, "no-channel", "no answer within");
}

#[test]
fn no_common_protocol() {
    let place = Place::with_nodes();
    let node = ForgedNode::channel(&place, |_, _| Some((0, b"no choice".to_vec())));
    Diagnosis::of(&place, &node.endpoint, &[]).is("handshake", 5, "no-common-protocol", "can't be read");
    let node = ForgedNode::channel(&place, |_, _| Some((0, br#"{"protocol":9}"#.to_vec())));
    Diagnosis::of(&place, &node.endpoint, &[]).is("handshake", 5, "no-common-protocol", "protocol version 9");
    let ended = place.run(&["stats", &node.endpoint]);
    assert_eq!(ended.code, 5, "{ended:?}");
    assert!(ended.stderr[0].contains("protocol version 9"), "{ended:?}");
    assert!(!ended.stderr[0].contains("as a node of 3.x"), "{ended:?}");
}

#[test]
fn no_heartbeat() {
    let place = Place::with_nodes();
    place.devnet().inject(Fault::lose().on_type(0x13));
    let diagnosis = Diagnosis::of_silence("heartbeat", &place, &place.endpoint(0));
    diagnosis.is("heartbeat", 7, "no-heartbeat", "no answer within");
}

#[test]
fn topics_not_listed() {
    let place = Place::with_nodes();
    let honest = honest("2.7.2");
    let node = ForgedNode::channel(&place, move |kind, body| match kind {
        MessageType::TopicList => None,
        // It delivers in spite of its version.
        MessageType::Request => Some((0, Vec::new())),
        _ => honest(kind, body),
    });
    let diagnosis = Diagnosis::of_silence("topics", &place, &node.endpoint);
    diagnosis.is("topics", 7, "topics-not-listed", "within");
}

#[test]
fn calls_refused() {
    let place = Place::with_nodes();
    let honest = honest("2.7.2");
    let node = ForgedNode::channel(&place, move |kind, body| match kind {
        MessageType::Rpc => Some((0, br#"{"error":{"code":-32601,"message":"no such method"}}"#.to_vec())),
        MessageType::Request => Some((0, Vec::new())),
        _ => honest(kind, body),
    });
    let diagnosis = Diagnosis::of(&place, &node.endpoint, &[]);
    diagnosis.works_with_note("topics", "calls-refused", "-32601 no such method");
}

#[test]
fn no_round_trip() {
    let place = Place::with_nodes();
    let node = ForgedNode::channel(&place, honest("2.7.2"));
    Diagnosis::of(&place, &node.endpoint, &[]).is("round-trip", 7, "no-round-trip", "answered 100");
}

#[test]
fn same_node_loss() {
    let place = Place::with(Devnet::builder().like_2_11());
    let diagnosis = Diagnosis::of_silence("round-trip", &place, &place.endpoint(0));
    diagnosis.works_with_note("round-trip", "same-node-loss", "another session at this node");
}

#[test]
fn embedded_node_works() {
    let place = Place::with_nodes();
    let diagnosis = Diagnosis::of(&place, &place.endpoint(0), &[]);
    diagnosis.works();
    for (step, text) in [
        ("endpoint", "127.0.0.1"),
        ("tcp", "accepts connections"),
        ("credentials", "CN=sdk"),
        ("tls", "both sides"),
        ("certificate", "CN=node0"),
        ("handshake", "FISCO BCOS 2.7.2, protocol 3"),
        ("heartbeat", "answered in"),
        ("topics", "listed"),
        ("round-trip", "there and back"),
    ] {
        diagnosis.is_ok(step, text);
    }
}

#[test]
fn embedded_rsa_node_works() {
    let place = Place::with(Devnet::builder().rsa(true));
    let diagnosis = Diagnosis::of(&place, &place.endpoint(0), &[]);
    diagnosis.works();
    diagnosis.is_ok("credentials", "RSA");
    diagnosis.is_ok("tls", "static RSA (no forward secrecy)");
    diagnosis.is_ok("certificate", "CN=node0");
}
