//! A WebSocket session with a 3.x node without a client, message by message, for the verbs that examine the node itself:
//! `doctor` and `stats`.

use std::fmt;
use std::io;
use std::time::{Duration, Instant};

use amop::protocol::Seq;
use amop::protocol::UnsupportedVersion;
use amop::protocol::websocket::{
    FrameError, FrameReader, Message, MessageError, MessageType, Received, Side, amop as topic_payload,
    frame, handshake, topic_list,
};
use amop::text::span;
use amop::transport::{BoxedStream, Endpoint, upgrade};
use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// A session. Each wait has the same time limit.
pub(crate) struct WebSocket {
    stream: BoxedStream,
    reader: FrameReader,
    limit: Duration,
}

/// A received message.
#[derive(Clone, Debug)]
pub(crate) struct Arrived {
    pub(crate) kind: MessageType,
    pub(crate) seq: Vec<u8>,
    pub(crate) status: i16,
    pub(crate) payload: Vec<u8>,
}

/// Why there is no usable answer of the node.
#[derive(Debug)]
pub(crate) enum WebSocketError {
    /// The connection could not be upgraded.
    Upgrade(amop::Error),
    /// No answer arrived in time.
    Silent(Duration),
    /// The connection was closed, with a code if the node sent one.
    Closed(Option<u16>),
    /// The connection broke.
    Io(io::Error),
    /// The bytes are not WebSocket frames.
    Frame(FrameError),
    /// The frame holds no message.
    Message(MessageError),
    /// The node has chosen a protocol version that this client doesn't support.
    Version(UnsupportedVersion),
    /// The payload of the message is malformed.
    Unreadable(&'static str),
}

impl fmt::Display for WebSocketError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WebSocketError::Upgrade(error) => f.write_str(error.message()),
            WebSocketError::Silent(limit) => write!(f, "no answer within {}", span(*limit)),
            WebSocketError::Closed(None) => f.write_str("the connection was closed instead of an answer"),
            WebSocketError::Closed(Some(code)) => {
                write!(f, "the node closed the connection (WebSocket code {code})")
            }
            WebSocketError::Io(error) => write!(f, "the connection broke: {error}"),
            WebSocketError::Frame(error) => error.fmt(f),
            WebSocketError::Message(error) => error.fmt(f),
            WebSocketError::Version(unsupported) => unsupported.fmt(f),
            WebSocketError::Unreadable(what) => write!(f, "the answer to {what} can't be read"),
        }
    }
}

type Result<T> = std::result::Result<T, WebSocketError>;

/// What has arrived, without borrowing from the reader.
enum Seen {
    Message(Arrived),
    Pong(Vec<u8>),
}

impl WebSocket {
    /// Upgrades a connection on which nothing was sent yet.
    pub(crate) async fn open(
        mut stream: BoxedStream,
        endpoint: &Endpoint,
        limit: Duration,
    ) -> Result<WebSocket> {
        match tokio::time::timeout(limit, upgrade(&mut stream, endpoint)).await {
            Ok(Ok(())) => Ok(WebSocket { stream, reader: FrameReader::new(Side::Node), limit }),
            Ok(Err(error)) => Err(WebSocketError::Upgrade(error)),
            Err(_) => Err(WebSocketError::Silent(limit)),
        }
    }

    /// Does the handshake of the protocol.
    pub(crate) async fn handshake(&mut self) -> Result<handshake::Choice> {
        let seq = new_seq();
        self.send(MessageType::Handshake, seq.as_bytes(), &[&handshake::Offer::OURS.encode()]).await?;
        let answer = self.message_of(seq.as_bytes()).await?;
        let choice = handshake::Choice::decode(&answer.payload);
        choice
            .ok_or(WebSocketError::Unreadable("the handshake"))?
            .supported()
            .map_err(WebSocketError::Version)
    }

    /// Sends a ping and waits for its pong. Returns how long that took.
    pub(crate) async fn ping(&mut self) -> Result<Duration> {
        let mark = fastrand::u64(..).to_be_bytes();
        let mut bytes = BytesMut::new();
        frame::put_ping(&mut bytes, Some(new_mask()), &mark);
        let began = Instant::now();
        self.write(&bytes).await?;
        self.first(|seen| matches!(seen, Seen::Pong(payload) if payload == mark).then_some(())).await?;
        Ok(began.elapsed())
    }

    /// Adds `topics` to the list of this session; nodes don't answer that.
    pub(crate) async fn subscribe(&mut self, topics: &[&str]) -> Result<()> {
        let list = topic_list::encode(topics.iter().copied());
        self.send(MessageType::TopicList, new_seq().as_bytes(), &[&list]).await
    }

    /// Sends a unicast; its seq.
    pub(crate) async fn publish(&mut self, topic: &str, data: &[u8]) -> Result<Seq> {
        let seq = new_seq();
        let mut head = Vec::new();
        topic_payload::put_head(&mut head, topic.as_bytes());
        self.send(MessageType::Request, seq.as_bytes(), &[&head, data]).await?;
        Ok(seq)
    }

    /// Answers a unicast.
    pub(crate) async fn reply(&mut self, request: &Arrived, data: &[u8]) -> Result<()> {
        self.send(MessageType::Response, &request.seq, &[data]).await
    }

    /// Returns the next unicast on `topic`; other messages are passed over.
    pub(crate) async fn request_on(&mut self, topic: &str) -> Result<Arrived> {
        let is_on_topic = |message: &Arrived| {
            message.kind == MessageType::Request
                && topic_payload::split(&message.payload).is_ok_and(|(of, _)| of == topic.as_bytes())
        };
        self.first(|seen| match seen {
            Seen::Message(message) if is_on_topic(&message) => Some(message),
            _ => None,
        })
        .await
    }

    /// Returns the next message with this seq; others are passed over.
    pub(crate) async fn message_of(&mut self, seq: &[u8]) -> Result<Arrived> {
        self.first(|seen| match seen {
            Seen::Message(message) if message.seq == seq => Some(message),
            _ => None,
        })
        .await
    }

    /// Returns what `pick` makes of the first that it accepts, within the time limit.
    async fn first<T>(&mut self, mut pick: impl FnMut(Seen) -> Option<T>) -> Result<T> {
        let limit = self.limit;
        let picked = async {
            loop {
                if let Some(picked) = pick(self.next().await?) {
                    return Ok(picked);
                }
            }
        };
        tokio::time::timeout(limit, picked).await.unwrap_or(Err(WebSocketError::Silent(limit)))
    }

    async fn send(&mut self, kind: MessageType, seq: &[u8], payload: &[&[u8]]) -> Result<()> {
        let mut head = Vec::new();
        Message::new(kind, 0, seq, &[]).put_head(&mut head);
        let parts: Vec<_> = [head.as_slice()].into_iter().chain(payload.iter().copied()).collect();
        tracing::debug!(
            "sent {kind:?} seq={} payload={} bytes",
            seq.escape_ascii(),
            payload.iter().map(|part| part.len()).sum::<usize>()
        );
        let mut bytes = BytesMut::new();
        frame::put_message(&mut bytes, Some(new_mask()), &parts);
        self.write(&bytes).await
    }

    async fn write(&mut self, bytes: &[u8]) -> Result<()> {
        let limit = self.limit;
        let write = async {
            self.stream.write_all(bytes).await?;
            self.stream.flush().await
        };
        match tokio::time::timeout(limit, write).await {
            Ok(written) => written.map_err(ended),
            Err(_) => Err(WebSocketError::Silent(limit)),
        }
    }

    /// Returns what arrives next, and answers pings.
    async fn next(&mut self) -> Result<Seen> {
        loop {
            match self.reader.next().map_err(WebSocketError::Frame)? {
                Some(Received::Message(payload)) => {
                    let message = Message::parse(payload.bytes()).map_err(WebSocketError::Message)?;
                    let Message { kind, seq, status, payload, .. } = message;
                    tracing::debug!(
                        "received {kind:?} seq={} status={status} payload={} bytes",
                        seq.escape_ascii(),
                        payload.len()
                    );
                    let (seq, payload) = (seq.to_vec(), payload.to_vec());
                    return Ok(Seen::Message(Arrived { kind, seq, status, payload }));
                }
                Some(Received::Ping(payload)) => {
                    let mut bytes = BytesMut::new();
                    frame::put_pong(&mut bytes, Some(new_mask()), payload);
                    self.write(&bytes).await?;
                }
                Some(Received::Pong(payload)) => return Ok(Seen::Pong(payload.to_vec())),
                Some(Received::Close(code)) => return Err(WebSocketError::Closed(code)),
                None => {
                    if self.stream.read_buf(self.reader.buffer()).await.map_err(ended)? == 0 {
                        return Err(WebSocketError::Closed(None));
                    }
                }
            }
        }
    }
}

fn new_seq() -> Seq {
    Seq::from_halves(fastrand::u64(..), fastrand::u64(..))
}

/// Returns the mask of a frame. These sessions carry no data of others, so that it need not be unpredictable.
fn new_mask() -> [u8; 4] {
    fastrand::u32(..).to_be_bytes()
}

/// Counts a connection that ended without an orderly close as closed, too.
fn ended(error: io::Error) -> WebSocketError {
    match error.kind() {
        io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => {
            WebSocketError::Closed(None)
        }
        _ => WebSocketError::Io(error),
    }
}
