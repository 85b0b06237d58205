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

/// Bytes before the body.
pub const HEADER_LEN: usize = 42;

/// The longest frame that a node reads; it drops the connection on a longer one.
pub const MAX_FRAME_LEN: usize = 100 * 1024 * 1024;

/// The longest frame that may be sent: nodes wrap it in a frame of their own between them, which has to stay
/// under the same limit, else the link between the nodes breaks.
pub const MAX_SENT_FRAME_LEN: usize = MAX_FRAME_LEN - 64 * 1024;

/// Frames from this size on keep the buffer they were read into; smaller ones are copied out when kept, so
/// that a kept message never pins a read buffer much larger than itself.
const OWN_BUFFER_LEN: usize = READ_CHUNK / 2;

/// The read buffer. A frame that is longer gets one of just its own size, which nothing else is ever read into.
pub const READ_CHUNK: usize = 64 * 1024;

/// The `type` of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MessageType {
    /// 0x12: JSON-RPC, both ways.
    Rpc,
    /// 0x13: heartbeat, both ways.
    Heartbeat,
    /// 0x14: handshake, both ways.
    Handshake,
    /// 0x15: registration for contract events, both ways. Not AMOP; known so that it can be told apart.
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
    /// From the number on the wire.
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

    /// The number on the wire.
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

/// Bytes that can't be a frame; the connection they came from can't be read any further.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// The length doesn't even cover the header.
    #[error("a frame says it has {0} bytes, less than its {HEADER_LEN}-byte header")]
    TooShort(u32),
    /// The length is over the reader's limit.
    #[error("a frame says it has {length} bytes, more than the limit of {limit}")]
    TooLong {
        /// What the frame says.
        length: u32,
        /// What is allowed.
        limit: usize,
    },
}

/// One decoded frame; its body is borrowed from the reader.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    /// What it is.
    pub kind: MessageType,
    /// Ties an answer to its request.
    pub seq: Seq,
    /// 0 or an error code.
    pub result: i32,
    /// What follows the header.
    pub body: &'a [u8],
    backing: Option<&'a Bytes>,
}

impl<'a> Frame<'a> {
    /// A frame over bytes that somebody else holds.
    pub fn new(kind: MessageType, seq: Seq, result: i32, body: &'a [u8]) -> Frame<'a> {
        Frame { kind, seq, result, body, backing: None }
    }

    /// Bytes of this frame's body to keep: shared when the frame is large, else copied.
    pub fn keep(&self, part: &[u8]) -> Bytes {
        match self.backing {
            Some(backing) => backing.slice_ref(part),
            None => Bytes::copy_from_slice(part),
        }
    }

    /// The whole frame as bytes on the wire.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(HEADER_LEN + self.body.len());
        put_header(&mut out, self.kind, self.seq, self.result, self.body.len());
        out.extend_from_slice(self.body);
        out
    }
}

/// Writes the header of a frame whose body has `body_len` bytes.
///
/// The caller has checked the size: see [`MAX_SENT_FRAME_LEN`].
pub fn put_header(out: &mut impl BufMut, kind: MessageType, seq: Seq, result: i32, body_len: usize) {
    debug_assert!(body_len <= MAX_FRAME_LEN - HEADER_LEN);
    out.put_u32((HEADER_LEN + body_len) as u32);
    out.put_u16(kind.to_wire());
    out.put_slice(seq.as_bytes());
    out.put_i32(result);
}

/// Decodes the frame at the start of `bytes`; `None` when it isn't complete.
///
/// # Errors
/// A length below the header's or above `limit`.
pub fn parse(bytes: &[u8], limit: usize) -> Result<Option<Frame<'_>>, FrameError> {
    let Some(length) = frame_len(bytes, limit)? else { return Ok(None) };
    if bytes.len() < length {
        return Ok(None);
    }
    let mut header = &bytes[4..HEADER_LEN];
    let kind = MessageType::from_wire(header.get_u16());
    let mut seq = [0; Seq::LEN];
    header.copy_to_slice(&mut seq);
    let result = header.get_i32();
    Ok(Some(Frame { kind, seq: Seq::new(seq), result, body: &bytes[HEADER_LEN..length], backing: None }))
}

/// The checked length of the frame at the start of `bytes`, once its first four bytes are there.
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
/// Read into [`FrameReader::buffer`], then call [`FrameReader::next`] until it gives `None`.
#[derive(Debug)]
pub struct FrameReader {
    buffer: BytesMut,
    /// Bytes of the frame given out last, still in front of the buffer.
    used: usize,
    /// The frame given out last, where it is large.
    large: Bytes,
    limit: usize,
}

impl FrameReader {
    /// A reader that refuses frames longer than `limit` bytes.
    pub fn new(limit: usize) -> FrameReader {
        FrameReader { buffer: BytesMut::new(), used: 0, large: Bytes::new(), limit }
    }

    /// Where the next bytes go: into what is spare there, which is never nothing.
    pub fn buffer(&mut self) -> &mut BytesMut {
        self.release();
        let begun = self.buffer.len();
        let length = match frame_len(&self.buffer, self.limit) {
            Ok(Some(length)) => length,
            Ok(None) | Err(_) => 0,
        };
        let whole = match length.max(READ_CHUNK) {
            whole if whole > begun => whole,
            _ => begun + READ_CHUNK,
        };
        // The rest of the frame, and no tiny reads.
        let least = length.saturating_sub(begun).max(READ_CHUNK / 4).min(whole - begun);
        let spare = self.buffer.capacity() - begun;
        if spare < least && !(whole == READ_CHUNK && self.buffer.try_reclaim(whole - begun)) {
            let mut fresh = BytesMut::with_capacity(whole);
            fresh.extend_from_slice(&self.buffer);
            self.buffer = fresh;
        }
        &mut self.buffer
    }

    /// The next complete frame.
    ///
    /// # Errors
    /// As [`parse`]; after one the stream can't be read any further.
    #[allow(clippy::should_implement_trait)] // it lends from the reader, an Iterator can't
    pub fn next(&mut self) -> Result<Option<Frame<'_>>, FrameError> {
        self.release();
        let Some(length) = frame_len(&self.buffer, self.limit)? else { return Ok(None) };
        if self.buffer.len() < length {
            return Ok(None);
        }
        if length < OWN_BUFFER_LEN {
            self.used = length;
            return parse(&self.buffer, self.limit);
        }
        self.large = self.buffer.split_to(length).freeze();
        if length > READ_CHUNK {
            // Once nobody keeps this frame, the buffer would take its memory back, and short frames would pin that.
            self.buffer = BytesMut::from(&self.buffer[..]);
        }
        let frame = parse(&self.large, self.limit)?;
        Ok(frame.map(|frame| Frame { backing: Some(&self.large), ..frame }))
    }

    /// Whether a frame has begun that isn't complete.
    pub fn is_mid_frame(&self) -> bool {
        self.buffer.len() > self.used
    }

    fn release(&mut self) {
        self.buffer.advance(std::mem::take(&mut self.used));
        if !self.large.is_empty() {
            self.large = Bytes::new();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seq() -> Seq {
        Seq::new(*b"00112233445566778899aabbccddeeff")
    }

    #[test]
    fn a_header_byte_by_byte() {
        let bytes = Frame::new(MessageType::Request, seq(), -2, b"xyz").to_bytes();
        let mut expected = vec![0, 0, 0, 45, 0x00, 0x30];
        expected.extend_from_slice(b"00112233445566778899aabbccddeeff");
        expected.extend_from_slice(&[0xff, 0xff, 0xff, 0xfe, b'x', b'y', b'z']);
        assert_eq!(bytes, expected);
    }

    #[test]
    fn every_type_keeps_its_number() {
        for number in 0..=u16::MAX {
            assert_eq!(MessageType::from_wire(number).to_wire(), number);
        }
        assert_eq!(MessageType::from_wire(0x35), MessageType::Broadcast);
        assert_eq!(MessageType::from_wire(0x33), MessageType::Other(0x33));
    }

    #[test]
    fn frames_cut_anywhere_come_out_whole() {
        let bodies: [&[u8]; 4] = [b"", b"one", &[7; 40_000], b"end"];
        let mut stream = Vec::new();
        for body in bodies {
            stream.extend(Frame::new(MessageType::Broadcast, seq(), 0, body).to_bytes());
        }
        for step in [1, 41, 42, 43, 1000, 39_999, stream.len()] {
            let mut reader = FrameReader::new(MAX_FRAME_LEN);
            let mut seen = Vec::new();
            for piece in stream.chunks(step) {
                reader.buffer().extend_from_slice(piece);
                while let Some(frame) = reader.next().unwrap() {
                    seen.push(frame.keep(frame.body));
                }
            }
            assert_eq!(seen, bodies, "step {step}");
            assert!(!reader.is_mid_frame());
        }
    }

    #[test]
    fn lengths_below_the_header_and_above_the_limit_are_refused() {
        for length in 0..42u32 {
            let mut reader = FrameReader::new(1000);
            reader.buffer().extend_from_slice(&length.to_be_bytes());
            assert_eq!(reader.next().unwrap_err(), FrameError::TooShort(length));
        }
        let mut reader = FrameReader::new(1000);
        reader.buffer().extend_from_slice(&1001u32.to_be_bytes());
        assert_eq!(reader.next().unwrap_err(), FrameError::TooLong { length: 1001, limit: 1000 });
    }

    #[test]
    fn a_large_frame_is_kept_without_a_copy_and_a_small_one_with() {
        let mut reader = FrameReader::new(MAX_FRAME_LEN);
        reader
            .buffer()
            .extend_from_slice(&Frame::new(MessageType::Request, seq(), 0, &[1; 60_000]).to_bytes());
        let frame = reader.next().unwrap().unwrap();
        assert_eq!(frame.keep(frame.body).as_ptr(), frame.body.as_ptr());
        reader.buffer().extend_from_slice(&Frame::new(MessageType::Request, seq(), 0, &[1; 100]).to_bytes());
        let frame = reader.next().unwrap().unwrap();
        assert_ne!(frame.keep(frame.body).as_ptr(), frame.body.as_ptr());
    }

    /// Reads as a connection does, into the room that is there; the bodies that are to be kept.
    fn read(reader: &mut FrameReader, mut bytes: &[u8], keep: impl Fn(&Frame<'_>) -> bool) -> Vec<Bytes> {
        let mut kept = Vec::new();
        while !bytes.is_empty() {
            let buffer = reader.buffer();
            let piece = bytes.len().min(buffer.capacity() - buffer.len());
            assert!(piece > 0, "a read of nothing means that the connection has ended");
            buffer.extend_from_slice(&bytes[..piece]);
            bytes = &bytes[piece..];
            while let Some(frame) = reader.next().unwrap() {
                if keep(&frame) {
                    kept.push(frame.keep(frame.body));
                }
            }
        }
        kept
    }

    #[test]
    fn a_kept_message_never_pins_a_large_frame_that_was_read_before_it() {
        const KEPT: usize = 33 * 1024;
        let mut reader = FrameReader::new(MAX_FRAME_LEN);
        let mut kept = Vec::new();
        for round in 0..20 {
            let mut stream = Vec::new();
            for len in [1 << 20, 100 * round, KEPT, READ_CHUNK, 7, KEPT, 3 * READ_CHUNK, KEPT] {
                stream.extend(Frame::new(MessageType::Request, seq(), 0, &vec![1; len]).to_bytes());
            }
            kept.extend(read(&mut reader, &stream, |frame| frame.body.len() == KEPT));
            assert!(reader.buffer().capacity() <= READ_CHUNK, "the reader itself pins no more");
        }
        drop(reader);
        assert_eq!(kept.len(), 60);
        for body in kept {
            let mut memory = body.try_into_mut().expect("nobody else holds it");
            memory.clear();
            assert!(!memory.try_reclaim(READ_CHUNK + 1), "it lies in {} bytes", memory.capacity());
        }
    }
}
