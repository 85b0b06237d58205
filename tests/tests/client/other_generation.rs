//! When a peer whose answer fits one generation is tried as a node of the other one: only if the answer leaves that open.

use amop::protocol::Seq;
use amop::protocol::channel::{Frame, FrameReader, MessageType};
use amop::protocol::websocket::upgrade::{Request, read_request};
use amop::transport::{BoxedStream, Credentials};
use amop::{Client, ClientBuilder, Delivery, Error, ErrorKind, Tls};
use amop_devnet::{ChannelAcceptor, Devnet};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::fixture::{GUARD, devnet_with, soon};

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
        // No client must reach this limit: each connection but the first is silent that long.
        let builder = builder.connect_timeout(GUARD);
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
        let connecting = self.builder.clone().connect();
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
