//! The frame around every 2.x message.
//!
//! | offset | size | field |
//! |---|---|---|
//! | 0 | 4 | `length` of the whole frame, header included |
//! | 4 | 2 | `type` |
//! | 6 | 32 | `seq` |
//! | 38 | 4 | `result`, signed |
//! | 42 | length - 42 | body |

use bytes::{Buf, BufMut, Bytes, BytesMut};

use crate::protocol::Seq;
use crate::protocol::message::Payload;
pub use crate::protocol::read_buffer::READ_CHUNK;
use crate::protocol::read_buffer::ReadBuffer;

/// Bytes before the body.
pub const HEADER_LEN: usize = 42;

/// The longest frame that a node reads; it drops the connection on a longer one.
pub const MAX_FRAME_LEN: usize = 100 * 1024 * 1024;

/// The longest frame that a client sends. Nodes wrap it in a frame of their own, which has to stay under the same limit,
/// else the connection between the nodes breaks.
pub const MAX_SENT_FRAME_LEN: usize = MAX_FRAME_LEN - 64 * 1024;

/// The longest body of an answer to a JSON-RPC request that a client reads, in bytes: some 500,000 short topics, far
/// more than a chain uses. Any SDK of the chain can make the topic lists in such answers longer.
pub const MAX_RPC_BODY_LEN: usize = 4 * 1024 * 1024;

/// The longest body that a client reads of the other frames that carry no message, in bytes. Nodes send less than 1 KiB.
pub const MAX_CONTROL_BODY_LEN: usize = 64 * 1024;

/// The `type` of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MessageType {
    /// 0x12: JSON-RPC, both ways.
    Rpc,
    /// 0x13: heartbeat, both ways.
    Heartbeat,
    /// 0x14: handshake, both ways.
    Handshake,
    /// 0x15: registration for contract events, both ways. Not part of AMOP.
    RegisterEvent,
    /// 0x30: unicast, to the node and to the subscriber.
    Request,
    /// 0x31: answer to a unicast, or the node's ack of a multicast.
    Response,
    /// 0x32: the whole list of subscribed topics.
    TopicList,
    /// 0x35: multicast, to the node and to the subscribers.
    Broadcast,
    /// 0x37: the node asks a publisher to verify a private topic's subscriber.
    RequestVerify,
    /// 0x38: the publisher's verdict.
    UpdateTopicStatus,
    /// 0x1000: transaction receipt push.
    TransactionNotify,
    /// 0x1001: block number push.
    BlockNotify,
    /// 0x1002: contract event push.
    EventNotify,
    /// Anything else. Nodes ignore it; so does the client.
    Other(u16),
}

impl MessageType {
    /// Returns the type with this number on the wire.
    pub const fn from_wire(number: u16) -> MessageType {
        match number {
            0x12 => MessageType::Rpc,
            0x13 => MessageType::Heartbeat,
            0x14 => MessageType::Handshake,
            0x15 => MessageType::RegisterEvent,
            0x30 => MessageType::Request,
            0x31 => MessageType::Response,
            0x32 => MessageType::TopicList,
            0x35 => MessageType::Broadcast,
            0x37 => MessageType::RequestVerify,
            0x38 => MessageType::UpdateTopicStatus,
            0x1000 => MessageType::TransactionNotify,
            0x1001 => MessageType::BlockNotify,
            0x1002 => MessageType::EventNotify,
            other => MessageType::Other(other),
        }
    }

    /// Returns the number on the wire.
    pub const fn to_wire(self) -> u16 {
        match self {
            MessageType::Rpc => 0x12,
            MessageType::Heartbeat => 0x13,
            MessageType::Handshake => 0x14,
            MessageType::RegisterEvent => 0x15,
            MessageType::Request => 0x30,
            MessageType::Response => 0x31,
            MessageType::TopicList => 0x32,
            MessageType::Broadcast => 0x35,
            MessageType::RequestVerify => 0x37,
            MessageType::UpdateTopicStatus => 0x38,
            MessageType::TransactionNotify => 0x1000,
            MessageType::BlockNotify => 0x1001,
            MessageType::EventNotify => 0x1002,
            MessageType::Other(other) => other,
        }
    }
}

/// Returns the longest body that a client reads of frames of this type. The body of a message may fill its frame.
pub fn client_body_limit(kind: MessageType) -> usize {
    match kind {
        MessageType::Request | MessageType::Response | MessageType::Broadcast => usize::MAX,
        MessageType::Rpc => MAX_RPC_BODY_LEN,
        MessageType::Heartbeat
        | MessageType::Handshake
        | MessageType::RegisterEvent
        | MessageType::TopicList
        | MessageType::RequestVerify
        | MessageType::UpdateTopicStatus
        | MessageType::TransactionNotify
        | MessageType::BlockNotify
        | MessageType::EventNotify
        | MessageType::Other(_) => MAX_CONTROL_BODY_LEN,
    }
}

/// Why bytes are not a frame. The connection that they came from can't be read any further.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// The length is less than that of the header.
    #[error("a frame says it has {0} bytes, less than its {HEADER_LEN}-byte header")]
    TooShort(u32),
    /// The length is above the reader's limit.
    #[error("a frame says it has {length} bytes, more than the limit of {limit}")]
    TooLong {
        /// The length in the frame's header.
        length: u32,
        /// The limit.
        limit: usize,
    },
}

/// One decoded frame; its body is borrowed from the reader.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    /// The frame's type.
    pub kind: MessageType,
    /// The id that an answer has in common with its request.
    pub seq: Seq,
    /// 0 or an error code.
    pub result: i32,
    /// The bytes after the header.
    pub body: &'a [u8],
    /// The number of bytes of the body that the reader discards, because the body exceeds the limit for frames of this
    /// type; `body` is empty then. 0 for a frame that was read whole.
    pub discarded: usize,
    backing: Option<&'a Bytes>,
}

impl<'a> Frame<'a> {
    /// Returns a frame over borrowed bytes.
    pub fn new(kind: MessageType, seq: Seq, result: i32, body: &'a [u8]) -> Frame<'a> {
        Frame { kind, seq, result, body, discarded: 0, backing: None }
    }

    /// Returns bytes of this frame's body to keep: shared with the reader if the frame is large, else copied.
    pub fn keep(&self, part: &[u8]) -> Bytes {
        Payload::new(part, self.backing).keep()
    }

    /// Returns a part of this frame's body that may be kept.
    pub fn payload(&self, part: &'a [u8]) -> Payload<'a> {
        Payload::new(part, self.backing)
    }

    /// Returns the whole frame as bytes on the wire.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(HEADER_LEN + self.body.len());
        put_header(&mut out, self.kind, self.seq, self.result, self.body.len());
        out.extend_from_slice(self.body);
        out
    }
}

/// Writes the header of a frame whose body has `body_len` bytes.
///
/// The caller has checked the size, see [`MAX_SENT_FRAME_LEN`].
pub fn put_header(out: &mut impl BufMut, kind: MessageType, seq: Seq, result: i32, body_len: usize) {
    debug_assert!(body_len <= MAX_FRAME_LEN - HEADER_LEN);
    out.put_u32((HEADER_LEN + body_len) as u32);
    out.put_u16(kind.to_wire());
    out.put_slice(seq.as_bytes());
    out.put_i32(result);
}

/// Decodes the frame at the start of `bytes`; `None` if it isn't complete.
///
/// # Errors
/// Returns an error if the length is less than that of the header or above `limit`.
pub fn parse(bytes: &[u8], limit: usize) -> Result<Option<Frame<'_>>, FrameError> {
    let Some(length) = frame_len(bytes, limit)? else { return Ok(None) };
    if bytes.len() < length {
        return Ok(None);
    }
    let frame = parse_header(bytes);
    Ok(frame.map(|frame| Frame { body: &bytes[HEADER_LEN..length], ..frame }))
}

/// Decodes the header at the start of `bytes`, as a frame without a body; `None` if it isn't complete.
fn parse_header(bytes: &[u8]) -> Option<Frame<'static>> {
    let mut header = bytes.get(4..HEADER_LEN)?;
    let kind = MessageType::from_wire(header.get_u16());
    let mut seq = [0; Seq::LEN];
    header.copy_to_slice(&mut seq);
    Some(Frame::new(kind, Seq::new(seq), header.get_i32(), &[]))
}

/// Returns the length of the frame at the start of `bytes`, `None` if less than four bytes have arrived.
fn frame_len(bytes: &[u8], limit: usize) -> Result<Option<usize>, FrameError> {
    let Some(&prefix) = bytes.first_chunk::<4>() else { return Ok(None) };
    let length = u32::from_be_bytes(prefix);
    if (length as usize) < HEADER_LEN {
        return Err(FrameError::TooShort(length));
    }
    if length as usize > limit {
        return Err(FrameError::TooLong { length, limit });
    }
    Ok(Some(length as usize))
}

/// Cuts a stream of bytes into frames.
///
/// Read into [`FrameReader::buffer`], then call [`FrameReader::next`] until it returns `None`.
#[derive(Debug)]
pub struct FrameReader {
    input: ReadBuffer,
    limit: usize,
    body_limit: fn(MessageType) -> usize,
    /// Bytes of the body of the frame returned last that are still to be discarded.
    to_discard: usize,
}

impl FrameReader {
    /// Returns a reader that refuses frames longer than `limit` bytes.
    pub fn new(limit: usize) -> FrameReader {
        FrameReader::with_body_limits(limit, |_| usize::MAX)
    }

    /// Returns a reader that refuses frames longer than `limit` bytes, and discards bodies longer than `body_limit`
    /// allows for their type without buffering them. Such a frame is returned as soon as its header has arrived, see
    /// [`Frame::discarded`].
    pub fn with_body_limits(limit: usize, body_limit: fn(MessageType) -> usize) -> FrameReader {
        FrameReader { input: ReadBuffer::default(), limit, body_limit, to_discard: 0 }
    }

    /// Returns the buffer for the next bytes. It always has spare capacity.
    pub fn buffer(&mut self) -> &mut BytesMut {
        self.release();
        let unread = self.input.unread();
        let length = match frame_len(unread, self.limit) {
            // Until the header is complete the body may turn out to be one to discard.
            Ok(Some(length)) if unread.len() >= HEADER_LEN && self.oversized(length).is_none() => length,
            Ok(_) | Err(_) => 0,
        };
        self.input.for_next(length)
    }

    /// Returns the next complete frame, or the header of one whose body is discarded.
    ///
    /// # Errors
    /// Returns an error as [`parse`] does; after one the stream can't be read any further.
    #[allow(clippy::should_implement_trait)] // it lends from the reader, an Iterator can't
    pub fn next(&mut self) -> Result<Option<Frame<'_>>, FrameError> {
        self.release();
        let Some(length) = frame_len(self.input.unread(), self.limit)? else { return Ok(None) };
        if let Some(header) = self.oversized(length) {
            self.input.take(HEADER_LEN);
            self.to_discard = header.discarded;
            return Ok(Some(header));
        }
        if self.input.unread().len() < length {
            return Ok(None);
        }
        self.input.take(length);
        let (bytes, backing) = self.input.taken();
        let frame = parse(bytes, self.limit)?;
        Ok(frame.map(|frame| Frame { backing, ..frame }))
    }

    /// Returns the frame that [`FrameReader::next`] returned last, until that or [`FrameReader::buffer`] is called again.
    pub fn current(&self) -> Option<Frame<'_>> {
        let (bytes, backing) = self.input.taken();
        let header = parse_header(bytes)?;
        Some(Frame { body: &bytes[HEADER_LEN..], discarded: self.to_discard, backing, ..header })
    }

    /// Returns the bytes that have arrived after the frame returned last.
    pub fn unread(&self) -> &[u8] {
        self.input.unread()
    }

    /// Returns whether a frame has begun that isn't complete.
    pub fn is_mid_frame(&self) -> bool {
        !self.input.unread().is_empty() || self.to_discard > 0
    }

    /// Returns the header of the frame at the start of the buffer if its body exceeds the limit of its type.
    fn oversized(&self, length: usize) -> Option<Frame<'static>> {
        let unread = self.input.unread();
        let &[first, second] = unread.get(4..6)?.first_chunk()?;
        let kind = MessageType::from_wire(u16::from_be_bytes([first, second]));
        let body_len = length - HEADER_LEN;
        if body_len <= (self.body_limit)(kind) {
            return None;
        }
        parse_header(unread).map(|header| Frame { discarded: body_len, ..header })
    }

    fn release(&mut self) {
        self.input.release();
        self.to_discard -= self.input.discard(self.to_discard);
    }
}

#[cfg(test)]
mod tests;
