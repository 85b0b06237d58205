//! A server that isn't a node, or sends what nodes never send: the connection ends with a typed event.

use amop::protocol::Seq;
use amop::protocol::channel::{Frame, FrameReader, MessageType, handshake};
use amop::transport::{BoxedStream, Credentials, Generations};
use amop::{Client, ClientBuilder, Delivery, Error, ErrorKind, Event};
use amop_devnet::ChannelAcceptor;
use amop_devnet::Devnet;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::fixture::{GUARD, devnet, event, soon};

/// A TLS server with a node's certificate, whose connections are played by a test.
pub(crate) struct FakeNode {
    listener: TcpListener,
    acceptor: ChannelAcceptor,
    pub(crate) endpoint: String,
}

impl FakeNode {
    pub(crate) async fn new(devnet: &Devnet) -> FakeNode {
        let credentials = Credentials::load(&devnet.credentials()).unwrap();
        FakeNode::with(ChannelAcceptor::new(&credentials).unwrap()).await
    }

    pub(crate) async fn with(acceptor: ChannelAcceptor) -> FakeNode {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = listener.local_addr().unwrap().to_string();
        FakeNode { listener, acceptor, endpoint }
    }

    /// Accepts a connection up to the handshake request of the client.
    async fn accept(&self) -> (BoxedStream, Seq) {
        self.try_accept().await.expect("the client sends its request")
    }

    /// Does the same with a client that may give up before.
    async fn try_accept(&self) -> Option<(BoxedStream, Seq)> {
        let mut stream = loop {
            let (tcp, _) = soon("a connection", self.listener.accept()).await.ok()?;
            // A client tries ECDHE before static RSA, and TLCP before GM.
            if let Ok(stream) = soon("TLS", self.acceptor.accept(tcp)).await {
                break stream;
            }
        };
        let mut reader = FrameReader::new(1 << 20);
        loop {
            if stream.read_buf(reader.buffer()).await.ok()? == 0 {
                return None;
            }
            if let Some(offer) = reader.next().unwrap() {
                assert_eq!(offer.kind, MessageType::Handshake);
                return Some((stream, offer.seq));
            }
        }
    }

    /// Accepts a connection and closes it without an answer to the handshake.
    pub(crate) async fn refuse(&self) {
        drop(self.accept().await);
    }

    /// Accepts a connection and completes the handshake.
    pub(crate) async fn accept_ready(&self) -> BoxedStream {
        let (mut stream, seq) = self.accept().await;
        let choice = handshake::Choice { node_version: "2.11.2".into(), protocol: 3 }.encode();
        let answer = Frame::new(MessageType::Handshake, seq, 0, &choice).to_bytes();
        stream.write_all(&answer).await.unwrap();
        stream.flush().await.unwrap();
        stream
    }
}

/// Returns the builder of a client of the fake node.
pub(crate) fn builder_at(devnet: &Devnet, node: &FakeNode) -> ClientBuilder {
    let builder = Client::builder().endpoint(&node.endpoint).credential_source(devnet.credentials());
    // The fake node answers as 2.x, and not always at once: what it sends may be long.
    builder.generation(Generations::V2).connect_timeout(GUARD).call_timeout(GUARD)
}

/// Returns why a connection was lost. If it was lost together with the handshake's answer, it never counted as up.
fn lost(event: Event) -> Option<Error> {
    match event {
        Event::Lost { error, .. } | Event::ConnectFailed { error, .. } => Some(error),
        _ => None,
    }
}

fn frame(kind: u16, body: &[u8]) -> Vec<u8> {
    Frame::new(MessageType::from_wire(kind), Seq::new([b'9'; 32]), 0, body).to_bytes()
}

#[tokio::test]
async fn garbage_ends_the_connection_and_the_client_reconnects() {
    let devnet = devnet(Devnet::builder().nodes(1)).await;
    let node = FakeNode::new(&devnet).await;
    let builder = builder_at(&devnet, &node);
    let builder = builder.reconnect_min(std::time::Duration::from_millis(1));
    let (client, mut stream) = tokio::join!(builder.connect(), node.accept_ready());
    let client = client.unwrap();
    let mut events = client.events();
    let mut cases: Vec<Vec<u8>> = vec![
        b"HTTP/1.1 400 Bad Request\r\n\r\n".repeat(4),
        vec![0xff; 64],
        vec![0; 64],
        0x0640_0001u32.to_be_bytes().to_vec(),
    ];
    cases.extend((1..42u32).step_by(8).map(|length| length.to_be_bytes().to_vec()));
    for case in cases {
        stream.write_all(&case).await.unwrap();
        stream.flush().await.unwrap();
        let error = event(&mut events, "the loss", lost).await;
        assert_eq!(error.kind(), ErrorKind::Protocol, "{case:02x?}: {error}");
        stream = node.accept_ready().await;
    }
    // Frames that other SDKs can have made, or that no client uses, are ignored and counted: what ends the connection
    // is the cut in the middle of a frame.
    let ignored = client.stats().total().ignored_frames;
    for kind in [0x30, 0x35] {
        for body in [&b""[..], b"\x00", b"\x01x", b"\xff", b"\x05ab"] {
            stream.write_all(&frame(kind, body)).await.unwrap();
        }
    }
    for kind in [0x12, 0x13, 0x14, 0x15, 0x31, 0x32, 0x37, 0x38, 0x1000, 0x1001, 0x1002, 0x7777] {
        stream.write_all(&frame(kind, b"\xff\xfe")).await.unwrap();
    }
    stream.write_all(&frame(0x13, b"")[..20]).await.unwrap();
    stream.shutdown().await.unwrap();
    let error = event(&mut events, "the loss", lost).await;
    assert_eq!(error.kind(), ErrorKind::ConnectionLost);
    assert!(error.message().contains("middle of a frame"), "{error}");
    // 0x13 is a heartbeat's answer whatever it holds, and 0x31 a stray reply.
    assert_eq!(client.stats().total().ignored_frames - ignored, 10 + 10);
}

#[tokio::test]
async fn failed_handshake_is_reported_to_the_caller() {
    let devnet = devnet(Devnet::builder().nodes(1)).await;
    let node = FakeNode::new(&devnet).await;
    let builder = || builder_at(&devnet, &node);
    let (error, ()) = tokio::join!(builder().connect(), node.refuse());
    assert_eq!(error.unwrap_err().kind(), ErrorKind::Handshake);
    let nonsense = async {
        let (mut stream, seq) = node.accept().await;
        let answer = Frame::new(MessageType::Handshake, seq, 0, b"nonsense").to_bytes();
        stream.write_all(&answer).await.unwrap();
        stream.flush().await.unwrap();
        stream
    };
    let (error, _stream) = tokio::join!(builder().connect(), nonsense);
    let error = error.unwrap_err();
    assert_eq!((error.kind(), error.delivery()), (ErrorKind::Handshake, Delivery::No));
    let web = async {
        let (mut stream, _) = node.accept().await;
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
        stream.flush().await.unwrap();
        stream
    };
    let (error, _stream) = tokio::join!(builder().connect(), web);
    let error = error.unwrap_err();
    assert_eq!((error.kind(), error.delivery()), (ErrorKind::Handshake, Delivery::No));
    assert!(error.message().contains("HTTP/1.1 400"), "{error}");
    let silence = async {
        let _silent = node.try_accept().await;
        std::future::pending::<()>().await;
    };
    // Long enough for TLS, unless the machine is busy.
    let short = std::time::Duration::from_secs(2);
    let error = tokio::select! {
        outcome = builder().connect_timeout(short).connect() => outcome.unwrap_err(),
        () = silence => unreachable!("silence does not end"),
    };
    assert_eq!(error.kind(), ErrorKind::ConnectTimeout);
}

#[tokio::test]
async fn node_version_is_escaped_and_bounded() {
    let devnet = devnet(Devnet::builder().nodes(1)).await;
    let node = FakeNode::new(&devnet).await;
    let builder = builder_at(&devnet, &node).reconnect_min(std::time::Duration::from_millis(1));
    let (client, first) = tokio::join!(builder.connect(), node.accept_ready());
    let client = client.unwrap();
    let mut events = client.events();
    drop(first);
    let (mut stream, seq) = node.accept().await;
    let node_version = format!("2.11.2\n\u{1b}[2J\u{202e}{}", "x".repeat(1000));
    let choice = handshake::Choice { node_version, protocol: 3 }.encode();
    let answer = Frame::new(MessageType::Handshake, seq, 0, &choice).to_bytes();
    stream.write_all(&answer).await.unwrap();
    stream.flush().await.unwrap();
    let version = event(&mut events, "the connection", |event| match event {
        Event::Reconnected { node_version, .. } => Some(node_version),
        _ => None,
    });
    let version = version.await;
    assert!(version.starts_with(r"2.11.2\n\u{1b}[2J\u{202e}xxx"), "{version}");
    assert!(version.len() < 100, "{version}");
}
