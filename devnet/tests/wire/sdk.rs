//! A client that sends and receives raw frames, and devnets for it.

use std::time::Duration;

use amop::protocol::Seq;
use amop::protocol::channel::frame::MAX_FRAME_LEN;
use amop::protocol::channel::{Frame, FrameError, FrameReader, MessageType, topic_list};
use amop::transport::BoxedStream;
use amop_devnet::{Devnet, DevnetBuilder, Node};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, timeout};

/// Longer than every limit of the nodes. It takes no time on the paused clock.
pub(crate) const LONG: Duration = Duration::from_secs(300);

/// The capacity of an in-memory stream in each direction, as between two sockets.
const BUFFER: usize = 256 * 1024;

pub(crate) const REQUEST: u16 = 0x30;
pub(crate) const RESPONSE: u16 = 0x31;
pub(crate) const TOPICS: u16 = 0x32;
pub(crate) const BROADCAST: u16 = 0x35;

pub(crate) async fn devnet(nodes: usize, set: impl FnOnce(DevnetBuilder) -> DevnetBuilder) -> Devnet {
    set(Devnet::builder().nodes(nodes).plain(true)).start().await.expect("a devnet starts")
}

/// An owned frame.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Raw {
    pub(crate) kind: u16,
    pub(crate) seq: Seq,
    pub(crate) result: i32,
    pub(crate) body: Vec<u8>,
}

impl std::fmt::Debug for Raw {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let body = self.body[..self.body.len().min(200)].escape_ascii();
        write!(
            f,
            "{:#x} seq {} result {} body \"{body}\" ({})",
            self.kind,
            self.seq,
            self.result,
            self.body.len()
        )
    }
}

/// Returns a frame with result 0.
pub(crate) fn raw(kind: u16, seq: Seq, body: impl AsRef<[u8]>) -> Raw {
    Raw { kind, seq, result: 0, body: body.as_ref().to_vec() }
}

impl Raw {
    pub(crate) fn with_result(mut self, result: i32) -> Raw {
        self.result = result;
        self
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        Frame::new(MessageType::from_wire(self.kind), self.seq, self.result, &self.body).to_bytes()
    }
}

/// Returns a seq of this text, padded with zeros in front.
pub(crate) fn seq(text: &str) -> Seq {
    let padded = format!("{text:0>32}");
    Seq::new(padded.as_bytes().try_into().expect("32 bytes"))
}

/// Returns a topic body.
pub(crate) fn message(topic: &str, data: &str) -> Vec<u8> {
    let mut body = vec![(topic.len() + 1) as u8];
    body.extend_from_slice(topic.as_bytes());
    body.extend_from_slice(data.as_bytes());
    body
}

/// A client over a stream, in memory for most tests.
pub(crate) struct Sdk {
    stream: BoxedStream,
    reader: FrameReader,
}

impl Sdk {
    /// Returns a client on a connected stream.
    pub(crate) fn over(stream: BoxedStream) -> Sdk {
        Sdk { stream, reader: FrameReader::new(MAX_FRAME_LEN) }
    }

    /// Connects without sending anything. Returns `None` if the node is dead.
    pub(crate) fn attach(node: &Node) -> Option<Sdk> {
        let (stream, served) = tokio::io::duplex(BUFFER);
        node.attach(served).then(|| Sdk::over(Box::new(stream)))
    }

    /// Connects without sending anything.
    pub(crate) fn silent(node: &Node) -> Sdk {
        Sdk::attach(node).expect("the node is up")
    }

    /// Connects and agrees on protocol 3.
    pub(crate) async fn connect(node: &Node) -> Sdk {
        let mut sdk = Sdk::silent(node);
        let offer = br#"{"minimumSupport":1,"maximumSupport":3,"clientType":"test"}"#;
        sdk.send(&raw(0x14, seq("hello"), offer)).await;
        assert_eq!(sdk.frame().await.kind, 0x14);
        sdk
    }

    /// Connects and subscribes.
    pub(crate) async fn subscriber(node: &Node, topics: &[&str]) -> Sdk {
        let mut sdk = Sdk::connect(node).await;
        sdk.subscribe(topics).await;
        sdk
    }

    pub(crate) async fn send(&mut self, frame: &Raw) {
        self.send_bytes(&frame.bytes()).await;
    }

    pub(crate) async fn send_bytes(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.expect("the session is alive");
    }

    /// Sends bytes, where the node may have ended the session.
    pub(crate) async fn try_send_bytes(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.stream.write_all(bytes).await?;
        self.stream.flush().await
    }

    /// Sends a topic list, and returns once the node has processed it.
    pub(crate) async fn subscribe(&mut self, topics: &[&str]) {
        self.send(&raw(TOPICS, seq("topics"), topic_list::encode(topics.iter().copied()))).await;
        self.ping().await;
    }

    /// Makes a call, so that everything sent before was processed when this returns.
    pub(crate) async fn ping(&mut self) {
        let call = raw(0x12, seq("ping"), r#"{"jsonrpc":"2.0","method":"getGroupList","id":1}"#);
        self.send(&call).await;
        assert_eq!(self.frame().await.seq, seq("ping"), "no other frame was sent");
    }

    /// Returns the next frame.
    pub(crate) async fn frame(&mut self) -> Raw {
        timeout(LONG, self.try_frame()).await.expect("a frame arrives").expect("the session is alive")
    }

    /// Returns the next frame, or `None` at the end.
    pub(crate) async fn try_next(&mut self) -> Option<Raw> {
        timeout(LONG, self.try_frame()).await.expect("a frame or the end arrives")
    }

    async fn try_frame(&mut self) -> Option<Raw> {
        self.read_frame().await.expect("the node sends frames")
    }

    /// Returns the next frame, `None` at the end, or an error if the bytes are not a frame.
    pub(crate) async fn read_frame(&mut self) -> Result<Option<Raw>, FrameError> {
        loop {
            if let Some(frame) = self.reader.next()? {
                let (seq, result, body) = (frame.seq, frame.result, frame.body.to_vec());
                return Ok(Some(Raw { kind: frame.kind.to_wire(), seq, result, body }));
            }
            if self.stream.read_buf(self.reader.buffer()).await.unwrap_or(0) == 0 {
                return Ok(None);
            }
        }
    }

    /// Returns the next frame, and how long it took.
    pub(crate) async fn timed_frame(&mut self) -> (Raw, Duration) {
        let start = Instant::now();
        (self.frame().await, start.elapsed())
    }

    /// Asserts that no frame arrives within `time`, and that the session is alive.
    pub(crate) async fn nothing_for(&mut self, time: Duration) {
        if let Ok(outcome) = timeout(time, self.try_frame()).await {
            panic!("expected silence, got {outcome:?}");
        }
    }

    /// Returns the next `count` bytes.
    pub(crate) async fn bytes(&mut self, count: usize) -> Vec<u8> {
        while self.reader.buffer().len() < count {
            let read = timeout(LONG, self.stream.read_buf(self.reader.buffer())).await;
            assert!(read.expect("bytes arrive").expect("the session is alive") > 0, "the session is alive");
        }
        self.reader.buffer().split_to(count).to_vec()
    }

    /// Asserts that no byte arrives within `time`, and that the session is alive.
    pub(crate) async fn quiet_for(&mut self, time: Duration) {
        assert!(timeout(time, self.stream.read_u8()).await.is_err(), "no more bytes arrive");
    }

    /// Waits until the node closes without another byte.
    pub(crate) async fn closed_mid_frame(&mut self) {
        let read = timeout(LONG, self.stream.read_u8()).await.expect("the node closes");
        assert_eq!(read.unwrap_err().kind(), std::io::ErrorKind::UnexpectedEof);
    }

    /// Waits until the node closes without another frame. Returns how long it took.
    pub(crate) async fn closed(&mut self) -> Duration {
        let start = Instant::now();
        let outcome = timeout(LONG, self.try_frame()).await.expect("the node closes");
        assert_eq!(outcome, None);
        start.elapsed()
    }

    /// Sends a frame and returns the answer.
    pub(crate) async fn call(&mut self, frame: &Raw) -> Raw {
        self.send(frame).await;
        self.frame().await
    }
}
