//! A client made of raw frames, and the devnets it talks to.

use std::time::Duration;

use amop::protocol::Seq;
use amop::protocol::channel::frame::MAX_FRAME_LEN;
use amop::protocol::channel::{Frame, FrameError, FrameReader, MessageType, topic_list};
use amop::transport::BoxedStream;
use amop_devnet::{Devnet, DevnetBuilder, Node};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, timeout};

/// Far over every limit of the nodes; on the paused clock it costs nothing.
pub(crate) const LONG: Duration = Duration::from_secs(300);

/// What is on its way in each direction of an in-memory stream, as between two sockets.
const BUFFER: usize = 256 * 1024;

pub(crate) const REQUEST: u16 = 0x30;
pub(crate) const RESPONSE: u16 = 0x31;
pub(crate) const TOPICS: u16 = 0x32;
pub(crate) const BROADCAST: u16 = 0x35;

pub(crate) async fn devnet(nodes: usize, set: impl FnOnce(DevnetBuilder) -> DevnetBuilder) -> Devnet {
    set(Devnet::builder().nodes(nodes).plain(true)).start().await.expect("a devnet starts")
}

/// A frame that the test owns.
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

/// A frame with result 0.
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

/// A seq of one's own: the text, filled up with zeros in front.
pub(crate) fn seq(text: &str) -> Seq {
    let padded = format!("{text:0>32}");
    Seq::new(padded.as_bytes().try_into().expect("32 bytes"))
}

/// A topic body.
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
    /// A client that is connected.
    pub(crate) fn over(stream: BoxedStream) -> Sdk {
        Sdk { stream, reader: FrameReader::new(MAX_FRAME_LEN) }
    }

    /// Connects without saying anything; `None` when the node is dead.
    pub(crate) fn attach(node: &Node) -> Option<Sdk> {
        let (stream, served) = tokio::io::duplex(BUFFER);
        node.attach(served).then(|| Sdk::over(Box::new(stream)))
    }

    /// Connects without saying anything.
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
        self.stream.write_all(bytes).await.expect("the session lives");
    }

    /// As [`Sdk::send_bytes`] where the node may have ended the session.
    pub(crate) async fn try_send_bytes(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.stream.write_all(bytes).await?;
        self.stream.flush().await
    }

    /// Sends a topic list, and returns when the node has taken it.
    pub(crate) async fn subscribe(&mut self, topics: &[&str]) {
        self.send(&raw(TOPICS, seq("topics"), topic_list::encode(topics.iter().copied()))).await;
        self.ping().await;
    }

    /// Has the node answer something, so that all that was sent before is done.
    pub(crate) async fn ping(&mut self) {
        let call = raw(0x12, seq("ping"), r#"{"jsonrpc":"2.0","method":"getGroupList","id":1}"#);
        self.send(&call).await;
        assert_eq!(self.frame().await.seq, seq("ping"), "nothing else was on its way");
    }

    /// The next frame.
    pub(crate) async fn frame(&mut self) -> Raw {
        timeout(LONG, self.try_frame()).await.expect("a frame comes").expect("the session lives")
    }

    /// The next frame, or the end.
    pub(crate) async fn try_next(&mut self) -> Option<Raw> {
        timeout(LONG, self.try_frame()).await.expect("a frame or the end comes")
    }

    async fn try_frame(&mut self) -> Option<Raw> {
        self.read_frame().await.expect("the node sends frames")
    }

    /// The next frame, the end, or that what comes is no frame.
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

    /// The next frame, and how long it took.
    pub(crate) async fn timed_frame(&mut self) -> (Raw, Duration) {
        let start = Instant::now();
        (self.frame().await, start.elapsed())
    }

    /// Asserts that nothing comes within `time`, and that the session lives.
    pub(crate) async fn nothing_for(&mut self, time: Duration) {
        if let Ok(outcome) = timeout(time, self.try_frame()).await {
            panic!("expected silence, got {outcome:?}");
        }
    }

    /// The next `count` bytes as they are.
    pub(crate) async fn bytes(&mut self, count: usize) -> Vec<u8> {
        while self.reader.buffer().len() < count {
            let read = timeout(LONG, self.stream.read_buf(self.reader.buffer())).await;
            assert!(read.expect("bytes come").expect("the session lives") > 0, "the session lives");
        }
        self.reader.buffer().split_to(count).to_vec()
    }

    /// Asserts that not a byte comes within `time`, and that the session lives.
    pub(crate) async fn quiet_for(&mut self, time: Duration) {
        assert!(timeout(time, self.stream.read_u8()).await.is_err(), "not a byte more");
    }

    /// Waits for the node to close without another byte.
    pub(crate) async fn closed_mid_frame(&mut self) {
        let read = timeout(LONG, self.stream.read_u8()).await.expect("the node closes");
        assert_eq!(read.unwrap_err().kind(), std::io::ErrorKind::UnexpectedEof);
    }

    /// Waits for the node to close without another frame; gives the time it took.
    pub(crate) async fn closed(&mut self) -> Duration {
        let start = Instant::now();
        let outcome = timeout(LONG, self.try_frame()).await.expect("the node closes");
        assert_eq!(outcome, None);
        start.elapsed()
    }

    /// Publishes and gives the answer.
    pub(crate) async fn call(&mut self, frame: &Raw) -> Raw {
        self.send(frame).await;
        self.frame().await
    }
}
