//! What 3.x nodes and clients behind them may send that stops the official client: this one counts it, and goes on.

use amop::protocol::websocket::frame::{put_message, put_ping};
use amop::protocol::websocket::message::MIN_LEN;
use amop::protocol::websocket::{Message, MessageType as Type};
use amop::{Client, Delivery, ErrorKind, Request, Retry, Tls};
use amop_devnet::{Devnet, Generation, Session};
use amop_tests::wire::Wire;
use bytes::{BufMut, BytesMut};

use crate::fixture::{client, devnet_of_3x, devnet_with, soon, until};

const SEQ: &[u8] = b"c0ffee00000000000000000000000001";

/// The capacity of a stream in memory.
const BUFFER: usize = 1 << 20;

/// Returns an unmasked frame whose first byte is `first`.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut out = BytesMut::new();
    put_message(&mut out, None, &[payload]);
    out[0] = first;
    out.to_vec()
}

fn message(kind: Type, seq: &[u8], payload: &[u8]) -> Vec<u8> {
    frame(0x82, &Message::new(kind, 0, seq, payload).to_bytes())
}

/// Returns the payload of a message on a topic of any bytes.
fn on(topic: &[u8], data: &[u8]) -> Vec<u8> {
    let mut payload = Vec::new();
    payload.put_u32(0);
    payload.put_u16(topic.len() as u16);
    payload.put_slice(topic);
    payload.put_slice(data);
    payload
}

/// Frames that hold no message for a client. It ignores and counts each.
fn ignored() -> Vec<Vec<u8>> {
    let mut frames: Vec<Vec<u8>> = (0..MIN_LEN).map(|len| frame(0x82, &vec![0; len])).collect();
    // An id that runs past the end, with and without bytes of it.
    frames.push(frame(0x82, b"\0\0\x01\x11\0\0\x03\xe7xxxxxxxxxxxxxxxxxxxx"));
    frames.push(frame(0x82, b"\0\0\x01\x12\0\0\xff\xff\0\0"));
    for kind in [Type::Request, Type::Broadcast] {
        for payload in (0..6).map(|len| vec![0; len]).chain([on(b"t", b"")[..6].to_vec(), vec![0xff; 300]]) {
            frames.push(message(kind, SEQ, &payload));
        }
    }
    // The official client can't decode these.
    for kind in [Type::Handshake, Type::BlockNotify, Type::GroupNotify, Type::Rpc, Type::TopicList] {
        for payload in [&b""[..], b"{", b"[]", b"\xff\xfe", b"{\"protocolVersion\":\"x\"}"] {
            frames.push(message(kind, SEQ, payload));
        }
    }
    frames.push(message(Type::Other(0x999), SEQ, b""));
    frames.push(message(Type::Other(0xffff), b"", b""));
    frames
}

/// A client that serves `t` by returning the data, its session at the node, and another client of the node.
struct Scene {
    server: Client,
    session: Session,
    publisher: Client,
    _service: amop::RunningHandler,
}

impl Scene {
    async fn new(devnet: &Devnet) -> Scene {
        let server = client(devnet, 0).await;
        let session = devnet.node(0).sessions().remove(0);
        let served = server.serve("t").for_each(async |request: Request| request.data().clone());
        let _service = served.await.unwrap();
        Scene { server, session, publisher: client(devnet, 0).await, _service }
    }

    /// Asserts that the server still handles messages over its first connection.
    async fn goes_on(&self, what: &str) {
        let reply = soon(what, self.publisher.publish("t", what.to_owned())).await.unwrap();
        assert_eq!(reply.data(), what);
        assert_eq!(self.server.stats().total().connects, 1);
    }
}

#[tokio::test]
async fn frames_that_stop_the_official_client_are_ignored_and_counted() {
    let devnet = devnet_of_3x(Devnet::builder().nodes(1)).await;
    let scene = Scene::new(&devnet).await;
    let frames = ignored();
    for (number, frame) in frames.iter().enumerate() {
        scene.session.send_raw(frame);
        scene.goes_on(&format!("frame {number}: {frame:02x?}")).await;
    }
    assert_eq!(scene.server.stats().total().ignored_frames, frames.len() as u64);
}

#[tokio::test]
async fn unusual_frames_of_a_node_are_read() {
    let devnet = devnet_of_3x(Devnet::builder().nodes(1)).await;
    let scene = Scene::new(&devnet).await;
    let whole = Message::new(Type::Request, 0, b"odd", &on(b"t", b"x")).to_bytes();
    let mut ping = BytesMut::new();
    put_ping(&mut ping, None, &[b'p'; 125]);
    // Fragments with a ping between them, empty ones among them, and a message that is sent as text.
    let fragments = [
        frame(0x02, &whole[..3]),
        ping.to_vec(),
        frame(0x00, b""),
        frame(0x00, &whole[3..9]),
        frame(0x80, &whole[9..]),
    ];
    let received = || scene.server.stats().total().messages_received;
    for (count, frames) in [(1, fragments.concat()), (2, frame(0x81, &whole))] {
        let before = received();
        scene.session.send_raw(&frames);
        until("the message", || received() == before + 1).await;
        scene.goes_on(&format!("message {count}")).await;
    }
    // An answer that belongs to no call, as a node sends it when a subscriber of its own is lost.
    scene.session.send_raw(&message(Type::Error, b"", b""));
    until("the stray reply", || scene.server.stats().total().stray_replies == 1).await;
    // A topic that no client can subscribe to: it is not UTF-8, or empty.
    for (unwanted, topic) in [&b"\xff\xfe"[..], b""].into_iter().enumerate() {
        scene.session.send_raw(&message(Type::Request, SEQ, &on(topic, b"x")));
        scene.session.send_raw(&message(Type::Broadcast, SEQ, &on(topic, b"x")));
        until("both", || scene.server.stats().unwanted == 2 * (unwanted as u64 + 1)).await;
    }
    scene.goes_on("the end").await;
}

/// Subscribes to `t` by raw frames.
async fn raw_subscriber(devnet: &Devnet, node: usize) -> Wire {
    let (stream, served) = tokio::io::duplex(BUFFER);
    assert!(devnet.node(node).attach(served), "the node is up");
    let mut wire = Wire::websocket(stream).await.unwrap();
    wire.answers_pings = true;
    let list = wire.frame(wire.types().topic_list, SEQ, 0, &wire.list(["t"].into_iter()));
    wire.send(&list).await.unwrap();
    until("the subscription", || devnet.node(node).topics() == ["t"]).await;
    wire
}

#[tokio::test]
async fn numbers_of_nodes_have_their_kind_and_delivery_over_tls() {
    use Delivery::{Maybe, No};
    use ErrorKind as Kind;
    let devnet = devnet_of_3x(Devnet::builder().nodes(1)).await;
    let publisher = client(&devnet, 0).await;
    let mut subscriber = raw_subscriber(&devnet, 0).await;
    let gateway = (1000..=1005).map(|number| (number, Kind::RemoteNode, Maybe));
    let others = [
        (3001, Kind::NoSubscriber, No),
        (3002, Kind::SubscriberUnreachable, No),
        (3003, Kind::RemoteNode, Maybe),
        (-4006, Kind::SubscriberUnreachable, Maybe),
        (-4008, Kind::NodeTimeout, Maybe),
        (-1, Kind::Remote, Maybe),
    ];
    for (number, kind, delivery) in gateway.chain(others) {
        let call = publisher.publish("t", "x").retry(Retry::Never).into_future();
        let answer = async {
            let (seq, _) = soon("a unicast", subscriber.next_request()).await.unwrap();
            // A node passes the whole message on, so that this one looks like the node's own.
            let error = subscriber.frame(Type::Error.to_wire(), &seq, number, b"a text of the node");
            subscriber.send(&error).await.unwrap();
        };
        let (outcome, ()) = tokio::join!(call, answer);
        let error = outcome.unwrap_err();
        let found = (error.kind(), error.delivery(), error.node_code());
        assert_eq!(found, (kind, delivery, Some(number)), "{error}");
    }
}

#[tokio::test]
async fn answers_that_stop_the_official_client_complete_their_call() {
    let devnet = devnet_of_3x(Devnet::builder().nodes(1)).await;
    let publisher = client(&devnet, 0).await;
    let mut subscriber = raw_subscriber(&devnet, 0).await;
    for kind in [Type::Error, Type::Handshake, Type::TopicList, Type::GroupNotify, Type::Other(0x999)] {
        for payload in [&b""[..], b"\0\0", b"\0\0\0\0\xff\xff"] {
            let call = publisher.publish("t", "x").retry(Retry::Never).into_future();
            let answer = async {
                let (seq, _) = soon("a unicast", subscriber.next_request()).await.unwrap();
                let answer = subscriber.frame(kind.to_wire(), &seq, 0, payload);
                // The second one belongs to no call any more.
                subscriber.send(&[answer.clone(), answer].concat()).await.unwrap();
            };
            let (outcome, ()) = tokio::join!(call, answer);
            assert_eq!(outcome.unwrap().data()[..], *payload, "{kind:?}");
        }
    }
    assert_eq!(publisher.stats().total().connects, 1);
}

/// A node counts the bytes that it receives. With the longer id of a delivery they exceed what it takes itself, which ends the
/// connection of an official client.
#[tokio::test]
async fn message_that_its_node_has_made_too_long_is_received() {
    // Not over TLCP, which takes minutes for so much in a build without optimisation.
    let devnet = devnet_with(Devnet::builder().generation(Generation::V3).nodes(1), Tls::Ecdhe).await;
    let server = client(&devnet, 0).await;
    let mut requests = server.serve("t").await.unwrap();
    let (stream, served) = tokio::io::duplex(BUFFER);
    assert!(devnet.node(0).attach(served));
    let mut publisher = Wire::websocket(stream).await.unwrap();
    // The longest message that the node takes, with an empty id.
    let data = vec![7; (32 << 20) - MIN_LEN - on(b"t", b"").len()];
    let unicast = publisher.frame(publisher.types().request, b"", 0, &on(b"t", &data));
    publisher.send(&unicast).await.unwrap();
    let request = soon("the request", requests.next()).await.unwrap();
    assert_eq!(request.data().len(), data.len());
    request.reply("whole").unwrap();
    assert_eq!(server.stats().total().connects, 1);
}
