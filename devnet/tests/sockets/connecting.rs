//! Connections before they are sessions.

use std::time::Duration;

use amop::ErrorKind;
use amop::transport::{Connector, dial};
use amop_devnet::chain::{Chain, ChainOptions, LeafOptions, Role};
use amop_devnet::{Devnet, NodeCertificate, OnConnect};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::fixture::{connect, guarded, until};

#[tokio::test]
async fn refused_connections_are_counted() {
    guarded(async {
        let devnet = Devnet::builder().nodes(1).start().await.unwrap();
        let foreign = Chain::mint(&ChainOptions::default()).unwrap();
        let foreign = foreign.issue(Role::Sdk, "sdk", &LeafOptions::default()).unwrap();
        let foreign = foreign.trusting(&devnet.chain().ca_pem().unwrap()).credentials().unwrap();
        let endpoint = devnet.node(0).endpoint().parse().unwrap();
        let refused = dial(&endpoint, &Connector::rustls(&foreign).unwrap()).await.err().unwrap();
        assert_eq!(refused.kind(), ErrorKind::ClientCertificate, "{refused}");

        let mut plain = TcpStream::connect(devnet.node(0).address()).await.unwrap();
        plain.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
        let mut alert = Vec::new();
        let _ = plain.read_to_end(&mut alert).await;

        until("two refused", || devnet.counters().refused == 2).await;
        let mut stream = connect(&devnet, &devnet.node(0).endpoint()).await.unwrap();
        stream.write_all(&[0, 0, 0, 41]).await.unwrap();
        assert_eq!(
            stream.read(&mut [0; 8]).await.unwrap(),
            0,
            "the node sends close_notify before it closes"
        );
        devnet.stop().await;
    })
    .await;
}

#[tokio::test]
async fn connection_without_a_first_byte_is_refused() {
    guarded(async {
        let limit = Duration::from_millis(200);
        let devnet = Devnet::builder().nodes(1).first_byte_limit(limit).start().await.unwrap();
        let mut silent = TcpStream::connect(devnet.node(0).address()).await.unwrap();
        assert_eq!(silent.read(&mut [0; 8]).await.unwrap(), 0, "closed after the limit");
        until("one refused", || devnet.counters().refused == 1).await;
        devnet.stop().await;
    })
    .await;
}

#[tokio::test]
async fn incomplete_tls_handshake_is_closed() {
    guarded(async {
        let limit = Duration::from_millis(200);
        let devnet = Devnet::builder().nodes(1).first_byte_limit(limit).start().await.unwrap();
        for begun in [&b"\x16"[..], &b"\x16\x03\x01\x01\x00\x01\x00\x00\xfc\x03\x03"[..]] {
            let mut tcp = TcpStream::connect(devnet.node(0).address()).await.unwrap();
            tcp.write_all(begun).await.unwrap();
            assert!(tcp.read(&mut [0; 64]).await.map_or(true, |count| count == 0));
        }
        until("the tasks of both end", || devnet.counters().tasks == 1).await;
        devnet.stop().await;
    })
    .await;
}

#[tokio::test]
async fn on_connect_sets_what_new_connections_receive() {
    guarded(async {
        let devnet = Devnet::builder().nodes(1).start().await.unwrap();
        let node = devnet.node(0);
        let lasting = connect(&devnet, &node.endpoint()).await.unwrap();
        until("a session", || node.sessions().len() == 1).await;

        node.close_port().await;
        let refused = connect(&devnet, &node.endpoint()).await.err().unwrap();
        assert_eq!(refused.kind(), ErrorKind::Connect, "{refused}");
        assert_eq!(node.sessions().len(), 1, "sessions outlive the port");
        node.open_port().await.unwrap();

        for on_connect in [OnConnect::Close, OnConnect::Reset, OnConnect::Garbage] {
            node.on_connect(on_connect);
            let failed = connect(&devnet, &node.endpoint()).await.err().unwrap();
            assert_eq!(failed.kind(), ErrorKind::Tls, "{on_connect:?}: {failed}");
        }
        node.on_connect(OnConnect::Stall);
        let endpoint = node.endpoint();
        let tries = connect(&devnet, &endpoint);
        let waited = tokio::time::timeout(Duration::from_millis(300), tries).await;
        assert!(waited.is_err(), "the node does not answer");
        until("the stalled connection ends with its client", || node.counters().tasks == 2).await;
        node.on_connect(OnConnect::Serve);
        connect(&devnet, &node.endpoint()).await.unwrap();
        drop(lasting);
        devnet.stop().await;
    })
    .await;
}

#[tokio::test]
async fn frozen_node_serves_connections_when_thawed() {
    guarded(async {
        let devnet = Devnet::builder().nodes(1).start().await.unwrap();
        let node = devnet.node(0);
        node.freeze();
        let endpoint = node.endpoint();
        let mut tries = std::pin::pin!(connect(&devnet, &endpoint));
        let waited = tokio::time::timeout(Duration::from_millis(300), &mut tries).await;
        assert!(waited.is_err(), "the node is frozen");
        node.thaw();
        tries.await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn clients_refuse_invalid_node_certificates() {
    guarded(async {
        let devnet = Devnet::builder().nodes(2).start().await.unwrap();
        let node = devnet.node(1);
        for certificate in [NodeCertificate::Expired, NodeCertificate::NotYetValid, NodeCertificate::Foreign]
        {
            node.show_certificate(certificate).unwrap();
            let refused = connect(&devnet, &node.endpoint()).await.err().unwrap();
            assert_eq!(refused.kind(), ErrorKind::NodeCertificate, "{certificate:?}: {refused}");
            connect(&devnet, &devnet.node(0).endpoint()).await.unwrap();
        }
        node.show_certificate(NodeCertificate::Valid).unwrap();
        connect(&devnet, &node.endpoint()).await.unwrap();
        devnet.stop().await;
        let plain = Devnet::builder().plain(true).start().await.unwrap();
        let error = plain.node(0).show_certificate(NodeCertificate::Expired).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    })
    .await;
}

#[tokio::test]
async fn text_commands_set_what_new_connections_receive() {
    guarded(async {
        let devnet = Devnet::builder().nodes(2).start().await.unwrap();
        let endpoint = devnet.node(1).endpoint();
        for (command, undo, kind) in [
            ("on-connect 1 close", "on-connect 1 serve", ErrorKind::Tls),
            ("on-connect 1 garbage", "on-connect 1 serve", ErrorKind::Tls),
            ("certificate 1 expired", "certificate 1 valid", ErrorKind::NodeCertificate),
            ("certificate 1 foreign", "certificate 1 valid", ErrorKind::NodeCertificate),
            ("close-port 1", "open-port 1", ErrorKind::Connect),
        ] {
            assert_eq!(devnet.control(command).await.unwrap(), "{}");
            let failed = connect(&devnet, &endpoint).await.err().unwrap();
            assert_eq!(failed.kind(), kind, "{command}: {failed}");
            connect(&devnet, &devnet.node(0).endpoint()).await.unwrap();
            assert_eq!(devnet.control(undo).await.unwrap(), "{}");
            connect(&devnet, &endpoint).await.unwrap();
        }
        devnet.stop().await;
    })
    .await;
}
