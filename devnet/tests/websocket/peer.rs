//! A client that writes and reads raw frames, and devnets for it.

use std::sync::Arc;
use std::time::Duration;

use amop::protocol::websocket::{Message, MessageType};
use amop_devnet::{Devnet, DevnetBuilder, Generation, Node};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, ReadHalf, WriteHalf};
use tokio::sync::Mutex;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

/// Longer than every limit of the nodes. It takes no time on the paused clock.
pub(crate) const LONG: Duration = Duration::from_secs(300);

pub(crate) const HANDSHAKE: u16 = 0x100;
pub(crate) const TOPICS: u16 = 0x110;
pub(crate) const REQUEST: u16 = 0x111;
pub(crate) const BROADCAST: u16 = 0x112;
pub(crate) const RESPONSE: u16 = 0x113;

/// The request that official clients send, with the key of RFC 6455.
pub(crate) const UPGRADE: &str = "GET / HTTP/1.1\r\nHost: 127.0.0.1:28200\r\nUpgrade: websocket\r\n\
     Connection: upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";

/// The mask of all frames of the test.
const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

pub(crate) async fn devnet(nodes: usize, set: impl FnOnce(DevnetBuilder) -> DevnetBuilder) -> Devnet {
    let builder = Devnet::builder().nodes(nodes).generation(Generation::V3).plain(true);
    set(builder).start().await.expect("a devnet starts")
}

/// What a node has sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Sent {
    Message(Raw),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(Vec<u8>),
}

/// An owned message.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Raw {
    pub(crate) kind: u16,
    pub(crate) status: i16,
    pub(crate) seq: Vec<u8>,
    pub(crate) ext: u16,
    pub(crate) payload: Vec<u8>,
}

impl std::fmt::Debug for Raw {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (seq, payload) = (self.seq.escape_ascii(), self.payload.escape_ascii());
        write!(f, "{:#x} status {} seq {seq} ext {} \"{payload}\"", self.kind, self.status, self.ext)
    }
}

/// Returns a message with status and ext 0.
pub(crate) fn raw(kind: u16, seq: impl AsRef<[u8]>, payload: impl AsRef<[u8]>) -> Raw {
    let (seq, payload) = (seq.as_ref().to_vec(), payload.as_ref().to_vec());
    Raw { kind, status: 0, seq, ext: 0, payload }
}

impl Raw {
    pub(crate) fn with_status(self, status: i16) -> Raw {
        Raw { status, ..self }
    }

    pub(crate) fn with_seq(&self, seq: impl AsRef<[u8]>) -> Raw {
        Raw { seq: seq.as_ref().to_vec(), ..self.clone() }
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let kind = MessageType::from_wire(self.kind);
        let message = Message::new(kind, self.status, &self.seq, &self.payload);
        Message { ext: self.ext, ..message }.to_bytes()
    }
}

/// Returns the payload of a unicast or broadcast.
pub(crate) fn message(topic: &str, data: &str) -> Vec<u8> {
    let mut payload = vec![0, 0, 0, 0];
    payload.extend_from_slice(&(topic.len() as u16).to_be_bytes());
    payload.extend_from_slice(topic.as_bytes());
    payload.extend_from_slice(data.as_bytes());
    payload
}

/// Returns a masked frame whose first byte is `first`.
pub(crate) fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match payload.len() {
        length @ 0..=125 => frame.push(0x80 | length as u8),
        length @ 126..=0xffff => {
            frame.push(0x80 | 126);
            frame.extend_from_slice(&(length as u16).to_be_bytes());
        }
        length => {
            frame.push(0x80 | 127);
            frame.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    frame.extend_from_slice(&MASK);
    frame.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    frame
}

/// A client over an in-memory stream. A task of its own reads, and answers pings unless the peer is passive.
pub(crate) struct Peer {
    write: Arc<Mutex<WriteHalf<DuplexStream>>>,
    /// Before the upgrade.
    read: Option<ReadHalf<DuplexStream>>,
    sent: UnboundedReceiver<Sent>,
    frames: UnboundedSender<Sent>,
    reader: Option<JoinHandle<()>>,
    began: Instant,
}

impl Drop for Peer {
    /// Closes the connection: its reading half is the task's.
    fn drop(&mut self) {
        if let Some(reader) = &self.reader {
            reader.abort();
        }
    }
}

impl Peer {
    /// Connects without sending anything.
    pub(crate) fn silent(node: &Node) -> Peer {
        let (stream, served) = tokio::io::duplex(256 * 1024);
        assert!(node.attach(served), "the node is up");
        let (read, write) = tokio::io::split(stream);
        let (frames, sent) = unbounded_channel();
        let write = Arc::new(Mutex::new(write));
        Peer { write, read: Some(read), sent, frames, reader: None, began: Instant::now() }
    }

    /// Connects and upgrades.
    pub(crate) async fn connect(node: &Node) -> Peer {
        let mut peer = Peer::silent(node);
        peer.upgrade().await;
        peer.read_frames(true);
        peer
    }

    /// Connects and upgrades, and leaves pings to the test.
    pub(crate) async fn passive(node: &Node) -> Peer {
        let mut peer = Peer::silent(node);
        peer.upgrade().await;
        peer.read_frames(false);
        peer
    }

    async fn upgrade(&mut self) {
        self.send_bytes(UPGRADE.as_bytes()).await;
        let answer = self.http_answer().await;
        assert!(answer.starts_with("HTTP/1.1 101 "), "{answer}");
        self.began = Instant::now();
    }

    /// Reads frames from now on.
    pub(crate) fn read_frames(&mut self, answers_pings: bool) {
        let mut read = self.read.take().expect("the connection was not upgraded before");
        let (write, frames) =
            (Arc::downgrade(&self.write), std::mem::replace(&mut self.frames, unbounded_channel().0));
        self.reader = Some(tokio::spawn(async move {
            while let Some(sent) = read_frame(&mut read).await {
                let Some(write) = write.upgrade() else { return };
                match sent {
                    Sent::Ping(payload) if answers_pings => {
                        // An error means that the session has ended, which the next read reports.
                        let _ = write.lock().await.write_all(&frame(0x8a, &payload)).await;
                    }
                    sent => drop(frames.send(sent)),
                }
            }
        }));
    }

    /// Connects, upgrades and subscribes.
    pub(crate) async fn subscriber(node: &Node, topics: &[&str]) -> Peer {
        let mut peer = Peer::connect(node).await;
        peer.subscribe(topics).await;
        peer
    }

    /// Subscribes. Returns once the node has processed it.
    pub(crate) async fn subscribe(&mut self, topics: &[&str]) {
        let list = serde_json::json!({ "topics": topics }).to_string();
        self.send(&raw(TOPICS, "topics", list)).await;
        self.sync().await;
    }

    /// Returns once the node has processed everything sent before.
    pub(crate) async fn sync(&mut self) {
        self.send_bytes(&frame(0x89, b"sync")).await;
        assert_eq!(self.next().await, Some(Sent::Pong(b"sync".to_vec())));
    }

    pub(crate) async fn send(&mut self, message: &Raw) {
        self.send_bytes(&frame(0x82, &message.bytes())).await;
    }

    pub(crate) async fn send_bytes(&mut self, bytes: &[u8]) {
        self.write.lock().await.write_all(bytes).await.expect("the session is alive");
    }

    /// Returns the head and body of an HTTP answer, with as many bytes as it says.
    pub(crate) async fn http_answer(&mut self) -> String {
        let read = self.read.as_mut().expect("the connection was not upgraded before");
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(read.read_u8().await.expect("an answer"));
        }
        let mut answer = String::from_utf8(head).expect("a text");
        let length = answer.lines().find_map(|line| line.strip_prefix("Content-Length: "));
        let mut body = vec![0; length.map_or(0, |length| length.parse().expect("a number"))];
        read.read_exact(&mut body).await.expect("the body");
        answer.push_str(&String::from_utf8(body).expect("a text"));
        answer
    }

    /// Returns what the node sends next; `None` if it ends the connection.
    pub(crate) async fn next(&mut self) -> Option<Sent> {
        match &mut self.read {
            Some(read) => read_frame(read).await,
            None => self.sent.recv().await,
        }
    }

    /// Returns the next message.
    pub(crate) async fn message(&mut self) -> Raw {
        match self.next().await {
            Some(Sent::Message(message)) => message,
            other => panic!("{other:?} instead of a message"),
        }
    }

    /// Asserts that nothing comes, however long the peer waits.
    pub(crate) async fn gets_no_message(&mut self) {
        let sent = timeout(LONG, self.next()).await;
        assert!(sent.is_err(), "{sent:?}");
    }

    /// Asserts that the node sends a close with this code, then ends the connection.
    pub(crate) async fn is_closed_with(&mut self, code: u16) {
        assert_eq!(self.next().await, Some(Sent::Close(code.to_be_bytes().to_vec())));
        assert_eq!(self.next().await, None);
    }

    /// Returns the seconds since the connection was upgraded, to a tenth.
    pub(crate) fn seconds(&self) -> f64 {
        (self.began.elapsed().as_secs_f64() * 10.0).round() / 10.0
    }
}

/// Reads a frame; `None` at the end of the connection.
async fn read_frame(stream: &mut ReadHalf<DuplexStream>) -> Option<Sent> {
    let first = stream.read_u8().await.ok()?;
    let length = match stream.read_u8().await.ok()? {
        126 => usize::from(stream.read_u16().await.ok()?),
        127 => stream.read_u64().await.ok()? as usize,
        length => usize::from(length),
    };
    let mut payload = vec![0; length];
    stream.read_exact(&mut payload).await.ok()?;
    Some(match first {
        0x82 => {
            let Message { kind, status, seq, ext, payload, .. } =
                Message::parse(&payload).expect("a message");
            let (seq, payload) = (seq.to_vec(), payload.to_vec());
            Sent::Message(Raw { kind: kind.to_wire(), status, seq, ext, payload })
        }
        0x88 => Sent::Close(payload),
        0x89 => Sent::Ping(payload),
        0x8a => Sent::Pong(payload),
        other => panic!("a frame that begins with {other:#x}"),
    })
}
