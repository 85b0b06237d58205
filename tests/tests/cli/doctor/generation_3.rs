//! Nodes of 3.x, and nodes with credentials or options that don't fit them.

use std::path::Path;

use amop::Tls;
use amop::transport::KeyExchange;
use amop_devnet::{Devnet, Fault, Generation};

use super::diagnosis::Diagnosis;
use super::forged_node::ForgedNode;
use super::listeners::{answer, listen};
use crate::amop::Place;

/// Starts one node, whose credentials are in a folder named after its generation and kind of TLS.
fn node(folder: &Path, generation: Generation, tls: Tls) -> Devnet {
    let dir = folder.join(format!("{}-{tls}", generation.name()));
    Devnet::builder().generation(generation).nodes(1).dir(dir).tls(tls).start_blocking().unwrap()
}

#[test]
fn embedded_3x_nodes_work() {
    for (tls, credentials, seen) in [
        (Tls::Ecdhe, "RSA", "TLS 1.2, both sides"),
        (Tls::Tlcp, "SM2 for TLCP", "TLCP, both sides"),
        (Tls::Off, "none are needed", "anybody on the way can read"),
    ] {
        let place = Place::with(Devnet::builder().generation(Generation::V3).tls(tls));
        let more: &[&str] = if tls == Tls::Off { &["--tls", "off"] } else { &[] };
        let diagnosis = Diagnosis::of(&place, &place.endpoint(0), more);
        diagnosis.works();
        for (step, text) in [
            ("tcp", "accepts connections"),
            ("credentials", credentials),
            ("tls", seen),
            ("handshake", "WebSocket, protocol 2"),
            ("heartbeat", "answered in"),
            ("topics", "neither acknowledge topics nor list them"),
            ("round-trip", "there and back"),
        ] {
            diagnosis.is_ok(step, text);
        }
        if tls != Tls::Off {
            diagnosis.is_ok("certificate", "OU=chain");
        }
    }
}

#[test]
fn plain_nodes_of_2x_work_without_tls() {
    let place = Place::empty();
    let plain = node(place.folder(), Generation::V2, Tls::Off);
    Diagnosis::of(&place, &plain.endpoints()[0], &["--tls", "off"]).works();
}

#[test]
fn tls_and_plain_ports_are_distinguished() {
    let place = Place::with_nodes();
    let plain = node(place.folder(), Generation::V3, Tls::Off);
    let diagnosis = Diagnosis::of(&place, &plain.endpoints()[0], &[]);
    diagnosis.is("tls", 5, "plain-node-3x", "without TLS (disable_ssl)");
    let nodes = [
        node(place.folder(), Generation::V3, Tls::Ecdhe),
        node(place.folder(), Generation::V3, Tls::Tlcp),
        node(place.folder(), Generation::V2, Tls::StaticRsa),
    ];
    for node in &nodes {
        let diagnosis = Diagnosis::of(&place, &node.endpoints()[0], &["--tls", "off"]);
        diagnosis.is("handshake", 5, "tls-port", "answers a TLS ClientHello");
    }
}

#[test]
fn credentials_of_another_kind_of_chain_are_named() {
    let place = Place::with_nodes();
    let rsa = node(place.folder(), Generation::V3, Tls::Ecdhe);
    let sm = node(place.folder(), Generation::V3, Tls::Tlcp);
    let of = |node: &Devnet, credentials: &str| {
        Diagnosis::of(&place, &node.endpoints()[0], &["--credentials", credentials])
    };
    let sdk_of = |kind: &str| format!("{kind}/sdk");
    of(&rsa, &sdk_of("3-ecdhe")).works();
    of(&sm, &sdk_of("3-tlcp")).works();
    of(&sm, &sdk_of("3-ecdhe")).is("tls", 5, "tlcp-channel", "in use are RSA credentials");
    of(&sm, "amop-devnet/sdk").is("tls", 5, "tlcp-channel", "in use are secp256k1 credentials");
    of(&rsa, &sdk_of("3-tlcp")).is("tls", 5, "rsa-node-3x", "in use are SM2 credentials");
    of(&rsa, "amop-devnet/sdk").is("tls", 5, "rsa-node-3x", "in use are secp256k1 credentials");
    let other = place.folder().join("other");
    let other_chain = node(&other, Generation::V3, Tls::Ecdhe);
    of(&rsa, "other/3-ecdhe/sdk").is("tls", 5, "wrong-ca", "another chain");
    let none = of(&rsa, "nowhere");
    none.is("credentials", 3, "no-credentials", "nowhere");
    none.is_ok("tls", "TLS with ECDHE, as 3.x nodes use it");
    drop(other_chain);
    let ended = place.run(&["publish", &rsa.endpoints()[0], "t", "hi", "--credentials", "amop-devnet/sdk"]);
    assert_eq!(ended.code, 5, "{ended:?}");
    assert!(ended.stderr[0].contains("a node of a 3.x chain with RSA certificates"), "{ended:?}");
}

#[test]
fn other_generation_than_asked_for_is_named() {
    let place = Place::with_nodes();
    let diagnosis = Diagnosis::of(&place, &place.endpoint(0), &["--generation", "3"]);
    diagnosis.is("handshake", 5, "node-2x", "version 2.7.2");
    let place = Place::with(Devnet::builder().generation(Generation::V3));
    let diagnosis = Diagnosis::of(&place, &place.endpoint(0), &["--generation", "2"]);
    diagnosis.is("handshake", 5, "node-3x", "WebSocket");
}

#[test]
fn json_rpc_port_without_tls() {
    let place = Place::empty();
    let body = r#"{"id":1,"jsonrpc":"2.0","result":{"FISCO-BCOS Version":"2.11.2"}}"#;
    let json_rpc = listen(move |mut stream| {
        let reply = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        answer(&mut stream, b"", reply.as_bytes());
    });
    let diagnosis = Diagnosis::of(&place, &json_rpc, &["--tls", "off"]);
    diagnosis.is("handshake", 5, "json-rpc-port", "answers JSON-RPC");
}

#[test]
fn p2p_port_of_3x() {
    let place = Place::with_nodes();
    // Length, version, type (heartbeat), seq, ext.
    let heartbeat = [0, 0, 0, 14, 0, 1, 0, 1, 0, 0, 0, 9, 0, 0];
    let p2p = ForgedNode::start(&place, KeyExchange::X25519, move |received| {
        Some(if received.is_empty() { heartbeat.to_vec() } else { Vec::new() })
    });
    Diagnosis::of(&place, &p2p.endpoint, &[]).is("handshake", 5, "p2p-port", "as nodes of 3.x do");
}

#[test]
fn deaf_node() {
    let place = Place::with(Devnet::builder().generation(Generation::V3));
    place.devnet().inject(Fault::lose().on_type(0x100));
    let diagnosis = Diagnosis::of_silence("handshake", &place, &place.endpoint(0));
    diagnosis.is("handshake", 7, "deaf-node", "did not answer the handshake");
}

#[test]
fn silent_subscriber_is_no_round_trip() {
    let place = Place::with(Devnet::builder().generation(Generation::V3));
    place.devnet().inject(Fault::lose().on_type(0x113));
    let diagnosis = Diagnosis::of_silence("round-trip", &place, &place.endpoint(0));
    diagnosis.is("round-trip", 7, "no-round-trip", "no answer within");
}
