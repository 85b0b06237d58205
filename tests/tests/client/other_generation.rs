//! When a peer whose answer fits one generation is tried as a node of the other one: only if the answer leaves that open.

use std::time::Duration;

use amop::protocol::Seq;
use amop::protocol::channel::{Frame, FrameReader, MessageType};
use amop::protocol::websocket::upgrade::{Request, read_request};
use amop::transport::{BoxedStream, Credentials};
use amop::{Client, ClientBuilder, Delivery, Error, ErrorKind, Tls};
use amop_devnet::{ChannelAcceptor, Devnet};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::fixture::{GUARD, devnet_with, soon, until};

/// A server that answers a client's first connection and is silent on all others.
struct Peer {
    listener: TcpListener,
    /// What protects connections, `None` without TLS.
    acceptor: Option<ChannelAcceptor>,
    builder: ClientBuilder,
    /// The chain of the certificates.
    _devnet: Devnet,
}

impl Peer {
    /// Returns a server that clients try as a node of 2.x first, because of its certificates.
    async fn like_2x() -> Peer {
        let devnet = devnet_with(Devnet::builder().nodes(1), Tls::Ecdhe).await;
        let acceptor = ChannelAcceptor::new(&Credentials::load(&devnet.credentials()).unwrap()).unwrap();
        let builder = Client::builder().credential_source(devnet.credentials());
        Peer::new(Some(acceptor), builder, devnet).await
    }

    /// Returns a server that clients try as a node of 3.x first, because it uses no TLS.
    async fn like_3x() -> Peer {
        let devnet = devnet_with(Devnet::builder().nodes(1), Tls::Off).await;
        Peer::new(None, Client::builder().tls(Tls::Off), devnet).await
    }

    async fn new(acceptor: Option<ChannelAcceptor>, builder: ClientBuilder, devnet: Devnet) -> Peer {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let builder = builder.endpoint(listener.local_addr().unwrap().to_string());
        Peer { listener, acceptor, builder, _devnet: devnet }
    }

    async fn accept(&self) -> BoxedStream {
        let (tcp, _) = soon("a connection", self.listener.accept()).await.unwrap();
        match &self.acceptor {
            Some(acceptor) => soon("TLS", acceptor.accept(tcp)).await.unwrap(),
            None => Box::new(tcp),
        }
    }

    /// Returns why a client that finds out the generation itself does not connect, if `answer` plays the first connection.
    async fn error(&self, answer: impl AsyncFnOnce(&mut BoxedStream)) -> Error {
        self.error_within(GUARD, answer).await
    }

    /// Does the same with this limit for connecting.
    async fn error_within(&self, limit: Duration, answer: impl AsyncFnOnce(&mut BoxedStream)) -> Error {
        let connecting = self.builder.clone().connect_timeout(limit).connect();
        let playing = async {
            let mut first = self.accept().await;
            answer(&mut first).await;
            first.flush().await.unwrap();
            let mut silent = Vec::new();
            loop {
                silent.push(self.accept().await);
            }
        };
        tokio::select! {
            connected = connecting => connected.expect_err("no node answers"),
            () = playing => unreachable!("the server does not end"),
        }
    }
}

/// Reads up to the offer of a client of 2.x.
async fn offer(stream: &mut BoxedStream) -> Seq {
    let mut reader = FrameReader::new(1 << 20);
    loop {
        assert_ne!(stream.read_buf(reader.buffer()).await.unwrap(), 0);
        if let Some(offer) = reader.next().unwrap() {
            assert_eq!(offer.kind, MessageType::Handshake);
            return offer.seq;
        }
    }
}

/// Reads the request for an upgrade; returns the answer that accepts it.
async fn upgrade(stream: &mut BoxedStream) -> Vec<u8> {
    let mut request = Vec::new();
    loop {
        assert_ne!(stream.read_buf(&mut request).await.unwrap(), 0);
        match read_request(&request, "test").unwrap() {
            Some((_, Request::Upgrade(answer))) => return answer,
            Some(other) => panic!("{other:?}"),
            None => {}
        }
    }
}

fn assert_tried_once(error: &Error, text: &str) {
    assert_eq!((error.kind(), error.delivery()), (ErrorKind::Handshake, Delivery::No), "{error}");
    assert!(error.message().contains(text), "{error}");
    assert!(!error.message().contains("tried as a node of"), "{error}");
}

#[tokio::test]
async fn peer_that_answers_the_2x_handshake_is_not_tried_as_3x() {
    let peer = Peer::like_2x().await;
    for (body, text) in [
        (&br#"{"nodeVersion":"9.0.0","protocol":9}"#[..], "protocol version 9"),
        (b"nonsense", "names no protocol version"),
    ] {
        let error = peer.error(async |stream: &mut BoxedStream| {
            let answer = Frame::new(MessageType::Handshake, offer(stream).await, 0, body).to_bytes();
            stream.write_all(&answer).await.unwrap();
        });
        assert_tried_once(&error.await, text);
    }
}

#[tokio::test]
async fn peer_that_is_no_node_at_all_is_not_tried_as_3x() {
    let peer = Peer::like_2x().await;
    let echo = peer.error(async |stream: &mut BoxedStream| {
        let mut received = [0; 64];
        while let Ok(read @ 1..) = stream.read(&mut received).await {
            stream.write_all(&received[..read]).await.unwrap();
            stream.flush().await.unwrap();
        }
    });
    assert_tried_once(&echo.await, "an echo server");
    let garbage = peer.error(async |stream: &mut BoxedStream| {
        offer(stream).await;
        stream.write_all(&[0; 64]).await.unwrap();
    });
    assert_tried_once(&garbage.await, "not a channel frame");
}

#[tokio::test]
async fn peer_that_answers_http_is_tried_as_3x_for_two_seconds() {
    let peer = Peer::like_2x().await;
    let error = peer.error(async |stream: &mut BoxedStream| {
        offer(stream).await;
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
    });
    let error = error.await;
    assert_eq!((error.kind(), error.delivery()), (ErrorKind::Handshake, Delivery::No), "{error}");
    for text in ["HTTP/1.1 400", "tried as a node of", "didn't answer the upgrade to WebSocket within 2"] {
        assert!(error.message().contains(text), "{error}");
    }
}

#[tokio::test]
async fn peer_that_speaks_http_is_not_tried_as_2x() {
    let peer = Peer::like_3x().await;
    let refusing = peer.error(async |stream: &mut BoxedStream| {
        upgrade(stream).await;
        stream.write_all(b"HTTP/1.1 404 Not Found\r\nServer: other\r\n\r\n").await.unwrap();
    });
    assert_tried_once(&refusing.await, "HTTP 404");
    let garbage = peer.error(async |stream: &mut BoxedStream| {
        let mut answer = upgrade(stream).await;
        answer.extend_from_slice(&[0xff; 64]);
        stream.write_all(&answer).await.unwrap();
    });
    assert_tried_once(&garbage.await, "WebSocket handshake");
}

/// A client whose first guess was wrong does not repeat it.
#[tokio::test]
async fn generation_that_was_found_is_tried_first_the_next_time() {
    // Without TLS 3.x comes first.
    let devnet = devnet_with(Devnet::builder().nodes(1), Tls::Off).await;
    let builder = devnet.node(0).client().connect_timeout(GUARD).reconnect_min(Duration::from_millis(1));
    let client = builder.connect().await.unwrap();
    assert_eq!(devnet.counters().accepted, 2, "one connection for each generation");
    for connects in 2..5 {
        devnet.node(0).cut_sessions();
        until("the next session", || client.stats().endpoints[0].connects == connects).await;
    }
    assert_eq!(devnet.counters().accepted, 5);
}

#[tokio::test]
async fn both_attempts_share_the_limit_for_connecting() {
    for peer in [Peer::like_2x().await, Peer::like_3x().await] {
        // On a busy machine TLS may take longer than half of a short limit.
        for limit in [4, 16, 60] {
            let silent = peer.error_within(Duration::from_secs(limit), async |_: &mut BoxedStream| {});
            let error = silent.await;
            assert_eq!(
                (error.kind(), error.delivery()),
                (ErrorKind::ConnectTimeout, Delivery::No),
                "{error}"
            );
            let upgrade = format!("didn't answer the upgrade to WebSocket within {} s", limit / 2);
            let says = |text: &str| error.message().contains(text);
            if says("tried as a node of") && (says("channel handshake in time") || says(&upgrade)) {
                break;
            }
            assert!(limit < 60, "{error}");
        }
    }
}

/// A node's P2P port accepts the same certificates, and closes a connection on which it reads something else.
#[tokio::test]
async fn peer_that_closes_every_connection_is_named_as_neither() {
    let devnet = devnet_with(Devnet::builder().nodes(1), Tls::Ecdhe).await;
    let acceptor = ChannelAcceptor::new(&Credentials::load(&devnet.credentials()).unwrap()).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let builder = Client::builder().endpoint(listener.local_addr().unwrap().to_string());
    let connecting = builder.credential_source(devnet.credentials()).connect_timeout(GUARD).connect();
    let closing = async {
        loop {
            let (tcp, _) = soon("a connection", listener.accept()).await.unwrap();
            let mut stream = soon("TLS", acceptor.accept(tcp)).await.unwrap();
            let read = stream.read(&mut [0; 1000]).await.unwrap();
            assert!(read > 0);
        }
    };
    let error = tokio::select! {
        connected = connecting => connected.expect_err("it is no node"),
        () = closing => unreachable!("the server does not end"),
    };
    assert_eq!((error.kind(), error.delivery()), (ErrorKind::Handshake, Delivery::No), "{error}");
    for text in ["RPC port of a 3.x node", "tried as a node of generation 2.x", "channel port of a 2.x node"]
    {
        assert!(error.message().contains(text), "{error}");
    }
}
