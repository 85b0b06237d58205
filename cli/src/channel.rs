//! A channel session without a client, frame by frame, for the verbs that query the node itself: `doctor` and `stats`.

use std::fmt;
use std::io;
use std::time::Duration;

use amop::protocol::channel::{
    Frame, FrameReader, MessageType, amop as topic_body, frame, handshake, heartbeat, rpc, topic_list,
};
use amop::protocol::{Seq, UnsupportedVersion};
use amop::text::{foreign, span};
use amop::transport::BoxedStream;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// A session. Each wait has the same time limit.
pub(crate) struct Channel {
    stream: BoxedStream,
    reader: FrameReader,
    limit: Duration,
    /// The agreed version; 1 before the handshake.
    protocol: u32,
}

/// A received frame.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    pub(crate) seq: Seq,
    pub(crate) result: i32,
    pub(crate) body: Vec<u8>,
    /// Bytes of a body that is too long, which was skipped.
    discarded: usize,
}

/// Why there is no usable answer of the node.
#[derive(Debug)]
pub(crate) enum ChannelError {
    /// No answer arrived in time.
    Silent(Duration),
    /// The connection was closed.
    Closed,
    /// The connection broke.
    Io(io::Error),
    /// These bytes are not a frame.
    NoFrame(Vec<u8>),
    /// The body of the frame is malformed.
    Unreadable(&'static str),
    /// The answer has so many bytes that it was skipped.
    TooLong(usize),
    /// The node has chosen a protocol version that this client doesn't support.
    Version(UnsupportedVersion),
    /// A call was refused.
    Refused(rpc::Refused),
}

impl fmt::Display for ChannelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ChannelError::Silent(limit) => write!(f, "no answer within {}", span(*limit)),
            ChannelError::Closed => f.write_str("the connection was closed instead of an answer"),
            ChannelError::Io(error) => write!(f, "the connection broke: {error}"),
            ChannelError::NoFrame(bytes) => {
                write!(f, "the answer is not a channel frame, it begins with {}", beginning(bytes))
            }
            ChannelError::Unreadable(what) => write!(f, "the answer to {what} can't be read"),
            ChannelError::TooLong(bytes) => {
                write!(f, "the answer is too long: {bytes} bytes")
            }
            ChannelError::Version(unsupported) => unsupported.fmt(f),
            ChannelError::Refused(refused) => {
                write!(f, "the call is refused: {} {}", refused.code, refused.message)
            }
        }
    }
}

/// Returns the first bytes of unexpected data, for texts.
pub(crate) fn beginning(bytes: &[u8]) -> String {
    const MOST: usize = 48;
    let start = &bytes[..bytes.len().min(MOST)];
    match std::str::from_utf8(start) {
        Ok(text) => format!("{:?}", foreign(text)),
        Err(_) => start.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" "),
    }
}

type Result<T> = std::result::Result<T, ChannelError>;

impl Channel {
    /// Creates a session over a connection on which nothing was sent yet.
    pub(crate) fn new(stream: BoxedStream, limit: Duration) -> Channel {
        let reader = FrameReader::with_body_limits(frame::MAX_FRAME_LEN, frame::client_body_limit);
        Channel { stream, reader, limit, protocol: handshake::MIN_PROTOCOL }
    }

    /// Does the channel handshake.
    pub(crate) async fn handshake(&mut self) -> Result<handshake::Choice> {
        let offer = handshake::Offer {
            minimum_support: handshake::MIN_PROTOCOL.into(),
            maximum_support: handshake::MAX_PROTOCOL.into(),
            client_type: concat!("amop-cli-", env!("CARGO_PKG_VERSION")).to_owned(),
        };
        let answer = self.call(MessageType::Handshake, &offer.encode()).await?;
        let choice = handshake::Choice::decode(&answer.body)
            .ok_or(ChannelError::Unreadable("the channel handshake"))?
            .supported()
            .map_err(ChannelError::Version)?;
        self.protocol = choice.protocol;
        Ok(choice)
    }

    /// Sends a heartbeat and waits for its answer.
    pub(crate) async fn heartbeat(&mut self) -> Result<()> {
        self.call(MessageType::Heartbeat, heartbeat::request(self.protocol)).await.map(drop)
    }

    /// Queries the node itself and the topics of its SDKs.
    pub(crate) async fn node_info(&mut self) -> Result<rpc::NodeTopics> {
        let answer = self.call(MessageType::Rpc, &rpc::get_node_info()).await?;
        rpc::decode_node_info(&answer.body).map_err(ChannelError::Refused)
    }

    /// Queries the node's peers and the topics of their SDKs.
    pub(crate) async fn peers(&mut self, group: i64) -> Result<Vec<rpc::NodeTopics>> {
        let answer = self.call(MessageType::Rpc, &rpc::get_peers(group)).await?;
        rpc::decode_peers(&answer.body).map_err(ChannelError::Refused)
    }

    /// Makes `topics` the list of this session; nodes don't answer that.
    pub(crate) async fn subscribe(&mut self, topics: &[&str]) -> Result<()> {
        let seq = new_seq();
        self.send(MessageType::TopicList, seq, &topic_list::encode(topics.iter().copied())).await
    }

    /// Sends a unicast; its seq.
    pub(crate) async fn publish(&mut self, topic: &str, data: &[u8]) -> Result<Seq> {
        let seq = new_seq();
        self.send(MessageType::Request, seq, &body(topic, data)).await?;
        Ok(seq)
    }

    /// Answers a unicast on `topic`.
    pub(crate) async fn reply(&mut self, request: &Received, topic: &str, data: &[u8]) -> Result<()> {
        self.send(MessageType::Response, request.seq, &body(topic, data)).await
    }

    /// The next frame that has this seq; others are passed over.
    pub(crate) async fn frame_of(&mut self, seq: &Seq) -> Result<Received> {
        let limit = self.limit;
        let frames = async {
            loop {
                let frame = self.frame().await?;
                if frame.seq == *seq {
                    return match frame.discarded {
                        0 => Ok(frame),
                        bytes => Err(ChannelError::TooLong(bytes)),
                    };
                }
            }
        };
        tokio::time::timeout(limit, frames).await.unwrap_or(Err(ChannelError::Silent(limit)))
    }

    async fn call(&mut self, kind: MessageType, body: &[u8]) -> Result<Received> {
        let seq = new_seq();
        self.send(kind, seq, body).await?;
        self.frame_of(&seq).await
    }

    async fn send(&mut self, kind: MessageType, seq: Seq, body: &[u8]) -> Result<()> {
        tracing::debug!("sent {kind:?} seq={seq} body={} bytes", body.len());
        let bytes = Frame::new(kind, seq, 0, body).to_bytes();
        let limit = self.limit;
        let write = async {
            self.stream.write_all(&bytes).await?;
            self.stream.flush().await
        };
        match tokio::time::timeout(limit, write).await {
            Ok(written) => written.map_err(ended),
            Err(_) => Err(ChannelError::Silent(limit)),
        }
    }

    async fn frame(&mut self) -> Result<Received> {
        loop {
            match self.reader.next() {
                Ok(Some(frame)) => {
                    let Frame { kind, seq, result, body, discarded, .. } = frame;
                    tracing::debug!("received {kind:?} seq={seq} result={result} body={} bytes", body.len());
                    return Ok(Received { seq, result, body: body.to_vec(), discarded });
                }
                Ok(None) => {}
                Err(_) => return Err(ChannelError::NoFrame(self.reader.buffer().to_vec())),
            }
            if self.stream.read_buf(self.reader.buffer()).await.map_err(ended)? == 0 {
                return Err(ChannelError::Closed);
            }
        }
    }
}

fn body(topic: &str, data: &[u8]) -> Vec<u8> {
    let mut body = Vec::with_capacity(topic_body::overhead(topic.as_bytes()) + data.len());
    topic_body::put_topic(&mut body, topic.as_bytes());
    body.extend_from_slice(data);
    body
}

fn new_seq() -> Seq {
    Seq::from_halves(fastrand::u64(..), fastrand::u64(..))
}

/// Counts a connection that ended without an orderly close as closed, too.
fn ended(error: io::Error) -> ChannelError {
    match error.kind() {
        io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => {
            ChannelError::Closed
        }
        _ => ChannelError::Io(error),
    }
}
