//! How connections to 3.x nodes end. A real node that has sent a close waits for the client's end of TCP, and meanwhile may not
//! serve others; it goes on to pass messages to a client that has sent a close and not ended TCP.

use amop::protocol::websocket::frame::{put_close, put_message};
use amop::protocol::websocket::handshake::encode_answer;
use amop::protocol::websocket::upgrade::{Request, read_request};
use amop::protocol::websocket::{FrameReader, Message, MessageType as Type, Received, Side, status};
use amop::transport::{BoxedStream, Credentials, Generations, KeyExchange, NodeAcceptor};
use amop::{Client, ErrorKind, Event, Tls};
use amop_devnet::{Devnet, Generation};
use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::fixture::{devnet_with, event, patient, soon};

/// A 3.x node over TLS, played by a test.
struct Node {
    listener: TcpListener,
    acceptor: NodeAcceptor,
    /// The chain of the certificates.
    devnet: Devnet,
}

/// A client's connection to the node.
struct Connection {
    stream: BoxedStream,
    reader: FrameReader,
}

impl Node {
    async fn new() -> Node {
        let devnet = devnet_with(Devnet::builder().generation(Generation::V3).nodes(1), Tls::Ecdhe).await;
        let credentials = Credentials::load(&devnet.credentials()).unwrap();
        let acceptor = NodeAcceptor::new(&credentials, &[KeyExchange::X25519]).unwrap();
        Node { listener: TcpListener::bind("127.0.0.1:0").await.unwrap(), acceptor, devnet }
    }

    fn client(&self) -> amop::ClientBuilder {
        let builder = Client::builder().endpoint(self.listener.local_addr().unwrap().to_string());
        patient(builder.credential_source(self.devnet.credentials()).generation(Generations::V3))
    }

    /// Accepts a connection up to the offer of the client. Returns its id.
    async fn accept(&self) -> (Connection, Vec<u8>) {
        let (tcp, _) = soon("a connection", self.listener.accept()).await.unwrap();
        let mut stream = soon("TLS", self.acceptor.accept(tcp)).await.unwrap();
        let mut request = Vec::new();
        let answer = loop {
            assert_ne!(soon("the request", stream.read_buf(&mut request)).await.unwrap(), 0);
            match read_request(&request, "test").unwrap() {
                Some((_, Request::Upgrade(answer))) => break answer,
                Some(other) => panic!("{other:?}"),
                None => {}
            }
        };
        stream.write_all(&answer).await.unwrap();
        stream.flush().await.unwrap();
        let mut connection = Connection { stream, reader: FrameReader::new(Side::Client) };
        let Some(Seen::Message(Type::Handshake, seq)) = connection.next().await else { panic!("an offer") };
        (connection, seq)
    }

    /// Accepts a connection, and answers up to the probe that follows the list of topics.
    async fn accept_ready(&self) -> Connection {
        let (mut connection, seq) = self.accept().await;
        connection.send(Type::Handshake, 0, &seq, &encode_answer(2, &[])).await;
        loop {
            match connection.next().await {
                Some(Seen::Message(Type::Request, seq)) => {
                    connection.send(Type::Error, status::NO_SUBSCRIBER, &seq, b"").await;
                    return connection;
                }
                Some(_) => {}
                None => panic!("a probe"),
            }
        }
    }
}

/// What the client has sent.
#[derive(Debug, PartialEq, Eq)]
enum Seen {
    Message(Type, Vec<u8>),
    Close(Option<u16>),
}

impl Connection {
    /// Returns what comes next, `None` at the end of TCP.
    async fn next(&mut self) -> Option<Seen> {
        loop {
            while let Some(received) = self.reader.next().unwrap() {
                match received {
                    Received::Message(whole) => {
                        let message = Message::parse(whole.bytes()).unwrap();
                        return Some(Seen::Message(message.kind, message.seq.to_vec()));
                    }
                    Received::Close(code) => return Some(Seen::Close(code)),
                    Received::Ping(_) | Received::Pong(_) => {}
                }
            }
            // A client that doesn't read what has arrived may end TCP by a reset.
            match soon("the client", self.stream.read_buf(self.reader.buffer())).await {
                Ok(0) | Err(_) => return None,
                Ok(_) => {}
            }
        }
    }

    async fn send(&mut self, kind: Type, status: i16, seq: &[u8], payload: &[u8]) {
        let mut out = BytesMut::new();
        put_message(&mut out, None, &[&Message::new(kind, status, seq, payload).to_bytes()]);
        self.send_bytes(&out).await;
    }

    async fn close(&mut self, code: u16) {
        let mut out = BytesMut::new();
        put_close(&mut out, None, code);
        self.send_bytes(&out).await;
    }

    async fn send_bytes(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
        self.stream.flush().await.unwrap();
    }
}

#[tokio::test]
async fn client_that_is_refused_ends_tcp_at_once() {
    let node = Node::new().await;
    let refusing = async {
        let (mut connection, _) = node.accept().await;
        connection.close(1000).await;
        assert_eq!(connection.next().await, None);
    };
    let (connected, ()) = tokio::join!(node.client().connect(), refusing);
    let error = connected.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Handshake, "{error}");
    assert!(error.message().contains("WebSocket code 1000"), "{error}");
}

#[tokio::test]
async fn close_of_a_node_is_followed_by_the_end_of_tcp() {
    let node = Node::new().await;
    let (client, mut connection) = tokio::join!(node.client().connect(), node.accept_ready());
    let mut events = client.as_ref().unwrap().events();
    for code in [1000, 1002, 1009] {
        connection.close(code).await;
        assert_eq!(connection.next().await, None);
        let error = event(&mut events, "the loss", |event| match event {
            Event::Lost { error, .. } => Some(error),
            _ => None,
        });
        let error = error.await;
        assert!(error.message().contains(&format!("WebSocket code {code}")), "{error}");
        connection = node.accept_ready().await;
    }
}

#[tokio::test]
async fn client_that_closes_does_not_wait_for_the_node() {
    let node = Node::new().await;
    let (client, mut connection) = tokio::join!(node.client().connect(), node.accept_ready());
    let closing = tokio::spawn(async move { client.unwrap().close().await });
    loop {
        match connection.next().await {
            Some(Seen::Close(code)) => {
                assert_eq!(code, Some(1000));
                break;
            }
            Some(Seen::Message(..)) => {}
            None => panic!("a close comes before the end of TCP"),
        }
    }
    // The node answers nothing.
    assert_eq!(connection.next().await, None);
    soon("the close", closing).await.unwrap().unwrap();
}
