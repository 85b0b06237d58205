//! A peer of an embedded node that reads and writes raw frames, in either generation, over a stream in memory.

use std::io::{self, ErrorKind};

use amop::protocol::channel::frame::MAX_FRAME_LEN;
use amop::protocol::websocket::frame::{put_message, put_pong};
use amop::protocol::websocket::upgrade::Upgrade;
use amop::protocol::websocket::{self, Received, Side};
use amop::protocol::{Seq, channel};
use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

/// The mask of all frames. No peer looks at it.
const MASK: Option<[u8; 4]> = Some([0x37, 0xfa, 0x21, 0x3d]);

/// The types of frames on the wire.
#[derive(Clone, Copy, Debug)]
pub struct Types {
    /// The first message of a client.
    pub hello: u16,
    /// A unicast.
    pub request: u16,
    /// The answer to a unicast.
    pub response: u16,
    /// A list of topics.
    pub topic_list: u16,
    /// A broadcast.
    pub broadcast: u16,
    /// Those that no reply has.
    pub wrong: &'static [u16],
}

const CHANNEL: Types = Types {
    hello: 0x14,
    request: 0x30,
    response: 0x31,
    topic_list: 0x32,
    broadcast: 0x35,
    wrong: &[0x30, 0x35, 0x12, 0x13, 0x14, 0x15, 0x32, 0x37, 0x38, 0x1000, 0x1001, 0x1002, 0x4321],
};

const WEBSOCKET: Types = Types {
    hello: 0x100,
    request: 0x111,
    response: 0x113,
    topic_list: 0x110,
    broadcast: 0x112,
    wrong: &[0x111, 0x112, 0, 0x100, 0x101, 0x102, 0x103, 0x110, 0x4321],
};

/// Numbers of nodes and of this library in replies, and others. 3.x has 16 bits for them.
const CHANNEL_RESULTS: &[i32] = &[0, 100, 101, 102, 103, 104, -5000, -5010, -5011, -5012, -5013, i32::MIN];
const WEBSOCKET_RESULTS: &[i32] =
    &[0, 1000, 3001, 3002, 3003, -1, -4006, -4008, -5000, -5010, -5011, -5012, -5013, i16::MIN as i32];

/// A frame of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrived {
    /// Its type.
    pub kind: u16,
    /// Its id.
    pub seq: Vec<u8>,
    /// Its result code or status.
    pub result: i32,
    /// Its body or payload.
    pub body: Vec<u8>,
}

/// One connection of a peer.
#[derive(Debug)]
pub struct Wire {
    stream: DuplexStream,
    reader: Reader,
    /// Whether the pings of a node are answered while the peer waits for a unicast. Otherwise the node ends the connection
    /// after some seconds.
    pub answers_pings: bool,
}

#[derive(Debug)]
enum Reader {
    Channel(channel::FrameReader),
    WebSocket(websocket::FrameReader),
}

impl Wire {
    /// Returns a connection to a 2.x node.
    pub fn channel(stream: DuplexStream) -> Wire {
        let reader = Reader::Channel(channel::FrameReader::new(MAX_FRAME_LEN));
        Wire { stream, reader, answers_pings: false }
    }

    /// Upgrades a connection to a 3.x node.
    ///
    /// # Errors
    /// Returns an error if the node closes the connection or answers something else.
    pub async fn websocket(mut stream: DuplexStream) -> io::Result<Wire> {
        let mut reader = websocket::FrameReader::new(Side::Node);
        upgrade(&mut stream, reader.buffer()).await?;
        Ok(Wire { stream, reader: Reader::WebSocket(reader), answers_pings: false })
    }

    /// Returns the types of this generation.
    pub fn types(&self) -> Types {
        match self.reader {
            Reader::Channel(_) => CHANNEL,
            Reader::WebSocket(_) => WEBSOCKET,
        }
    }

    /// Returns numbers of nodes, of this library and of others.
    pub fn results(&self) -> &'static [i32] {
        match self.reader {
            Reader::Channel(_) => CHANNEL_RESULTS,
            Reader::WebSocket(_) => WEBSOCKET_RESULTS,
        }
    }

    /// Returns the next frame, pings and pongs aside.
    ///
    /// # Errors
    /// Returns an error if the node ends the connection, or sends a frame that holds none of its messages.
    pub async fn next_frame(&mut self) -> io::Result<Arrived> {
        loop {
            let mut pong = BytesMut::new();
            let arrived = match &mut self.reader {
                Reader::Channel(reader) => reader.next().map_err(io::Error::other)?.map(|frame| Arrived {
                    kind: frame.kind.to_wire(),
                    seq: frame.seq.as_bytes().to_vec(),
                    result: frame.result,
                    body: frame.body.to_vec(),
                }),
                Reader::WebSocket(reader) => loop {
                    match reader.next().map_err(io::Error::other)? {
                        Some(Received::Message(whole)) => {
                            let message =
                                websocket::Message::parse(whole.bytes()).map_err(io::Error::other)?;
                            break Some(Arrived {
                                kind: message.kind.to_wire(),
                                seq: message.seq.to_vec(),
                                result: message.status.into(),
                                body: message.payload.to_vec(),
                            });
                        }
                        Some(Received::Close(_)) => return Err(ErrorKind::ConnectionAborted.into()),
                        Some(Received::Ping(payload)) if self.answers_pings => {
                            put_pong(&mut pong, MASK, payload);
                        }
                        Some(Received::Ping(_) | Received::Pong(_)) => {}
                        None => break None,
                    }
                },
            };
            self.stream.write_all(&pong).await?;
            if let Some(arrived) = arrived {
                return Ok(arrived);
            }
            let buffer = match &mut self.reader {
                Reader::Channel(reader) => reader.buffer(),
                Reader::WebSocket(reader) => reader.buffer(),
            };
            if self.stream.read_buf(buffer).await? == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
        }
    }

    /// Returns the id and body of the next unicast.
    ///
    /// # Errors
    /// As [`Wire::next_frame`].
    pub async fn next_request(&mut self) -> io::Result<(Vec<u8>, Vec<u8>)> {
        loop {
            let Arrived { kind, seq, body, .. } = self.next_frame().await?;
            if kind == self.types().request {
                return Ok((seq, body));
            }
        }
    }

    /// Sends bytes.
    ///
    /// # Errors
    /// Returns an error if the node has ended the connection.
    pub async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes).await
    }

    /// Returns the bytes of a frame.
    ///
    /// # Panics
    /// Panics if the id of a frame of 2.x has not 32 bytes.
    pub fn frame(&self, kind: u16, seq: &[u8], result: i32, body: &[u8]) -> Vec<u8> {
        match &self.reader {
            Reader::Channel(_) => {
                let seq = Seq::new(seq.try_into().expect("an id of 32 bytes"));
                let kind = channel::MessageType::from_wire(kind);
                channel::Frame::new(kind, seq, result, body).to_bytes()
            }
            Reader::WebSocket(_) => {
                let kind = websocket::MessageType::from_wire(kind);
                masked(&websocket::Message::new(kind, result as i16, seq, body).to_bytes())
            }
        }
    }

    /// Returns the body of a first message.
    pub fn offer(&self) -> Vec<u8> {
        match &self.reader {
            Reader::Channel(_) => {
                br#"{"minimumSupport":1,"maximumSupport":3,"clientType":"hostile"}"#.to_vec()
            }
            Reader::WebSocket(_) => websocket::handshake::Offer::OURS.encode(),
        }
    }

    /// Returns the body of a message.
    pub fn message(&self, topic: &str, data: &[u8]) -> Vec<u8> {
        match &self.reader {
            Reader::Channel(_) => [&[topic.len() as u8 + 1][..], topic.as_bytes(), data].concat(),
            Reader::WebSocket(_) => {
                let mut body = Vec::new();
                websocket::amop::put_head(&mut body, topic.as_bytes());
                body.extend_from_slice(data);
                body
            }
        }
    }

    /// Returns the body of a topic list.
    pub fn list<'a>(&self, topics: impl Iterator<Item = &'a str>) -> Vec<u8> {
        match &self.reader {
            Reader::Channel(_) => channel::topic_list::encode(topics),
            Reader::WebSocket(_) => websocket::topic_list::encode(topics),
        }
    }

    /// Returns bodies that hold no topic. Those of 3.x stop a real node, and the official client.
    pub fn malformed(&self) -> &'static [&'static [u8]] {
        match &self.reader {
            Reader::Channel(_) => &[b"", b"\x00x", b"\x01x", b"\x09short", &[0xff; 300]],
            Reader::WebSocket(_) => {
                &[b"", b"\0", b"\0\0", b"\0\0\0\0\0", b"\0\0\0\0\0\x09short", &[0xff; 300]]
            }
        }
    }
}

fn masked(message: &[u8]) -> Vec<u8> {
    let mut frame = BytesMut::new();
    put_message(&mut frame, MASK, &[message]);
    frame.to_vec()
}

/// Upgrades a connection. What follows the answer is put into `rest`.
async fn upgrade(stream: &mut DuplexStream, rest: &mut BytesMut) -> io::Result<()> {
    let upgrade = Upgrade::with_random_key();
    stream.write_all(&upgrade.request("hostile")).await?;
    let mut answer = BytesMut::new();
    loop {
        if stream.read_buf(&mut answer).await? == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        if let Some(length) = upgrade.read_answer(&answer).map_err(io::Error::other)? {
            rest.extend_from_slice(&answer[length..]);
            return Ok(());
        }
    }
}
