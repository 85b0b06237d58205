//! WebSocket frames (RFC 6455), without I/O.
//!
//! Headers are read and written by `tungstenite`. What it leaves to its caller is here: the rules that a header has to
//! keep, the mask, and fragments.
//!
//! Only the headers, because its frames and sockets copy each payload twice and write frame by frame; here a payload is
//! masked while it is copied into the bytes of all frames that leave together. The codec of `soketto` masks byte by byte.

use std::io::Cursor;

use bytes::{BufMut, Bytes, BytesMut};
use tungstenite::protocol::frame::FrameHeader;
use tungstenite::protocol::frame::coding::{Control, Data, OpCode};

use super::mask;
use crate::protocol::message::Payload;
pub use crate::protocol::read_buffer::READ_CHUNK;
use crate::protocol::read_buffer::{OWN_BUFFER_LEN, ReadBuffer};

/// The longest message in bytes, all its fragments together, that a node takes.
pub const MAX_MESSAGE_LEN: usize = 32 * 1024 * 1024;

/// The longest message in bytes that a client takes. A node checks what it receives, and then sends it on with another id:
/// with a longer one the message exceeds [`MAX_MESSAGE_LEN`].
pub const MAX_NODE_MESSAGE_LEN: usize = MAX_MESSAGE_LEN + u16::MAX as usize;

/// The longest payload of a ping, pong or close in bytes.
pub const MAX_CONTROL_LEN: usize = 125;

/// The longest header of a frame in bytes, mask included.
pub const MAX_HEADER_LEN: usize = 14;

/// The bytes that are copied into a frame in one go, so that they are masked while they are in the processor's cache.
const COPY_CHUNK: usize = 8 * 1024;

/// One of the two ends of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Its frames are masked.
    Client,
    /// Its frames are not masked.
    Node,
}

/// Why the bytes of a peer are not valid. The connection can't be read any further.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// A bit that belongs to an extension is set.
    #[error("a WebSocket frame has reserved bits set, but no extension was agreed on")]
    ReservedBits,
    /// The opcode is reserved.
    #[error("a WebSocket frame has the reserved opcode {0}")]
    Opcode(u8),
    /// A client's frame is not masked, or a node's is.
    #[error("a WebSocket frame is {}", if *.masked { "masked, which those of a node must not be" } else { "not masked, which those of a client must be" })]
    Masked {
        /// Whether the frame is masked.
        masked: bool,
    },
    /// A ping, pong or close is in fragments.
    #[error("a WebSocket control frame is in fragments")]
    FragmentedControl,
    /// A ping, pong or close is too long.
    #[error("a WebSocket control frame has {0} bytes, of at most {MAX_CONTROL_LEN}")]
    LongControl(u64),
    /// The length takes more bytes than it needs.
    #[error("the length of a WebSocket frame, {0}, is not written in the fewest bytes")]
    NotMinimal(u64),
    /// A fragment continues nothing.
    #[error("a WebSocket frame continues a message that hasn't begun")]
    NothingToContinue,
    /// A message begins before another one has ended.
    #[error("a WebSocket message begins inside of another one")]
    InsideAnother,
    /// The message is too long.
    #[error("a WebSocket message has at least {length} bytes, of at most {limit}")]
    TooLong {
        /// The bytes that are announced.
        length: u64,
        /// The bytes that a message may have.
        limit: usize,
    },
    /// A message sent as text is not UTF-8.
    #[error("a WebSocket text message is not UTF-8")]
    NotUtf8,
    /// A close has an invalid payload.
    #[error("a WebSocket close frame is malformed")]
    Close,
}

impl FrameError {
    /// Returns the code with which to close the connection.
    pub fn close_code(self) -> u16 {
        match self {
            FrameError::TooLong { .. } => close_code::TOO_BIG,
            FrameError::NotUtf8 => close_code::INVALID_DATA,
            FrameError::ReservedBits
            | FrameError::Opcode(_)
            | FrameError::Masked { .. }
            | FrameError::FragmentedControl
            | FrameError::LongControl(_)
            | FrameError::NotMinimal(_)
            | FrameError::NothingToContinue
            | FrameError::InsideAnother
            | FrameError::Close => close_code::PROTOCOL_ERROR,
        }
    }
}

/// Codes of close frames.
pub mod close_code {
    /// The peer is done. A node also refuses handshakes and short messages with it.
    pub const NORMAL: u16 = 1000;
    /// The peer goes away.
    pub const GOING_AWAY: u16 = 1001;
    /// A breach of the protocol.
    pub const PROTOCOL_ERROR: u16 = 1002;
    /// A text message that is not UTF-8.
    pub const INVALID_DATA: u16 = 1007;
    /// A message is too long.
    pub const TOO_BIG: u16 = 1009;

    /// Returns whether a close frame may carry the code: not the reserved ones, nor any above 4999.
    pub const fn may_be_sent(code: u16) -> bool {
        matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999)
    }
}

/// What has arrived.
#[derive(Clone, Copy, Debug)]
pub enum Received<'a> {
    /// A message, whole.
    Message(Payload<'a>),
    /// To be answered by a pong with the same payload.
    Ping(&'a [u8]),
    /// The answer to a ping, or an unsolicited one.
    Pong(&'a [u8]),
    /// The peer closes the connection, with this code if it gave one. Nothing may follow.
    Close(Option<u16>),
}

/// A frame that begins the unread bytes.
struct Head {
    header: FrameHeader,
    /// The bytes of the header.
    len: usize,
    payload_len: usize,
}

/// A message of which some fragments have arrived.
#[derive(Debug)]
struct Begun {
    is_text: bool,
    bytes: BytesMut,
}

/// Where the message returned last lies.
#[derive(Debug)]
enum Place {
    Nowhere,
    /// In the frame taken last, from this byte on.
    Frame(usize),
    /// It came in fragments.
    Assembled(Bytes),
}

/// Cuts a stream of bytes into messages, pings, pongs and closes.
///
/// Read into [`FrameReader::buffer`], then call [`FrameReader::next`] until it returns `None`. A message in one frame is
/// lent from the buffer; fragments are copied once, into one message.
#[derive(Debug)]
pub struct FrameReader {
    input: ReadBuffer,
    peer: Side,
    begun: Option<Begun>,
    place: Place,
}

impl FrameReader {
    /// Returns a reader of what `peer` sends.
    pub fn new(peer: Side) -> FrameReader {
        FrameReader { input: ReadBuffer::default(), peer, begun: None, place: Place::Nowhere }
    }

    /// Returns the buffer for the next bytes. It always has spare capacity.
    pub fn buffer(&mut self) -> &mut BytesMut {
        self.release();
        let length = match self.head() {
            Ok(Some(head)) => head.len + head.payload_len,
            Ok(None) | Err(_) => 0,
        };
        self.input.for_next(length)
    }

    /// Returns what has arrived next, once it is complete.
    ///
    /// # Errors
    /// Returns an error if the peer breaks the rules of RFC 6455 or a message is too long ([`MAX_MESSAGE_LEN`] of a client,
    /// [`MAX_NODE_MESSAGE_LEN`] of a node); after one the
    /// stream can't be read any further.
    #[allow(clippy::should_implement_trait)] // it lends from the reader, an Iterator can't
    pub fn next(&mut self) -> Result<Option<Received<'_>>, FrameError> {
        loop {
            self.release();
            let Some(Head { header, len, payload_len }) = self.head()? else { return Ok(None) };
            let whole = len + payload_len;
            if self.input.unread().len() < whole {
                return Ok(None);
            }
            if let Some(key) = header.mask {
                mask::apply(&mut self.input.unread_mut()[len..whole], key);
            }
            self.input.take(whole);
            let payload = &self.input.taken().0[len..];
            let is_text = match header.opcode {
                OpCode::Control(control) => {
                    return control_frame(control, &self.input.taken().0[len..]).map(Some);
                }
                OpCode::Data(Data::Continue) => {
                    let Some(begun) = &mut self.begun else { return Err(FrameError::NothingToContinue) };
                    begun.bytes.extend_from_slice(payload);
                    if !header.is_final {
                        continue;
                    }
                    let is_text = begun.is_text;
                    let bytes = self.begun.take().map(|begun| begun.bytes.freeze());
                    self.place = Place::Assembled(bytes.unwrap_or_default());
                    is_text
                }
                OpCode::Data(kind) => {
                    let is_text = kind == Data::Text;
                    if !header.is_final {
                        self.begun = Some(Begun { is_text, bytes: BytesMut::from(payload) });
                        continue;
                    }
                    self.place = Place::Frame(len);
                    is_text
                }
            };
            let message = self.current();
            if is_text && message.is_some_and(|message| str::from_utf8(message.bytes()).is_err()) {
                return Err(FrameError::NotUtf8);
            }
            return Ok(self.current().map(Received::Message));
        }
    }

    /// Returns the message that [`FrameReader::next`] returned last, until that or [`FrameReader::buffer`] is called again.
    pub fn current(&self) -> Option<Payload<'_>> {
        match &self.place {
            Place::Nowhere => None,
            Place::Frame(start) => {
                let (frame, backing) = self.input.taken();
                Some(Payload::new(&frame[*start..], backing))
            }
            Place::Assembled(bytes) => {
                Some(Payload::new(bytes, (bytes.len() >= OWN_BUFFER_LEN).then_some(bytes)))
            }
        }
    }

    /// Returns the bytes that have arrived after what was returned last.
    pub fn unread(&self) -> &[u8] {
        self.input.unread()
    }

    /// Returns whether a frame or a message has begun that isn't complete.
    pub fn is_mid_frame(&self) -> bool {
        !self.input.unread().is_empty() || self.begun.is_some()
    }

    /// Returns the header at the start of the unread bytes, once it is complete, and checks it.
    fn head(&self) -> Result<Option<Head>, FrameError> {
        let mut cursor = Cursor::new(self.input.unread());
        let (header, length) = match FrameHeader::parse(&mut cursor) {
            Ok(Some(parsed)) => parsed,
            Ok(None) => return Ok(None),
            // The only error of a header that is read from memory.
            Err(_) => return Err(FrameError::Opcode(self.input.unread()[0] & 0x0f)),
        };
        if header.rsv1 || header.rsv2 || header.rsv3 {
            return Err(FrameError::ReservedBits);
        }
        let masked = header.mask.is_some();
        if masked != (self.peer == Side::Client) {
            return Err(FrameError::Masked { masked });
        }
        let len = cursor.position() as usize;
        if header.len(length) != len {
            return Err(FrameError::NotMinimal(length));
        }
        let before = match header.opcode {
            OpCode::Control(_) if !header.is_final => return Err(FrameError::FragmentedControl),
            OpCode::Control(_) if length > MAX_CONTROL_LEN as u64 => {
                return Err(FrameError::LongControl(length));
            }
            OpCode::Control(_) => 0,
            OpCode::Data(Data::Continue) => match &self.begun {
                None => return Err(FrameError::NothingToContinue),
                Some(begun) => begun.bytes.len(),
            },
            OpCode::Data(_) if self.begun.is_some() => return Err(FrameError::InsideAnother),
            OpCode::Data(_) => 0,
        };
        let limit = match self.peer {
            Side::Client => MAX_MESSAGE_LEN,
            Side::Node => MAX_NODE_MESSAGE_LEN,
        };
        if length > (limit - before) as u64 {
            return Err(FrameError::TooLong { length: (before as u64).saturating_add(length), limit });
        }
        Ok(Some(Head { header, len, payload_len: length as usize }))
    }

    fn release(&mut self) {
        self.input.release();
        self.place = Place::Nowhere;
    }
}

/// Returns what a control frame says.
fn control_frame(control: Control, payload: &[u8]) -> Result<Received<'_>, FrameError> {
    match control {
        Control::Ping => Ok(Received::Ping(payload)),
        Control::Pong => Ok(Received::Pong(payload)),
        Control::Close => match payload {
            [] => Ok(Received::Close(None)),
            [high, low, reason @ ..] => {
                let code = u16::from_be_bytes([*high, *low]);
                if !close_code::may_be_sent(code) || str::from_utf8(reason).is_err() {
                    return Err(FrameError::Close);
                }
                Ok(Received::Close(Some(code)))
            }
            [_] => Err(FrameError::Close),
        },
        Control::Reserved(opcode) => Err(FrameError::Opcode(opcode)),
    }
}

/// Returns the bytes of a frame that holds `payload_len` bytes.
pub fn frame_len(from: Side, payload_len: usize) -> usize {
    header(OpCode::Data(Data::Binary), (from == Side::Client).then_some([0; 4])).len(payload_len as u64)
        + payload_len
}

/// Writes a message as one frame: masked if there is a mask, as a client has to. `parts` together are the message.
pub fn put_message(out: &mut BytesMut, mask: Option<[u8; 4]>, parts: &[&[u8]]) {
    put(out, OpCode::Data(Data::Binary), mask, parts);
}

/// Writes the header of a node's frame that holds a message of `length` bytes, which the caller writes after it.
pub fn put_message_header(out: &mut BytesMut, length: usize) {
    // Writing into memory doesn't fail.
    let _ = header(OpCode::Data(Data::Binary), None).format(length as u64, &mut out.writer());
}

/// Writes a ping. `payload` has at most [`MAX_CONTROL_LEN`] bytes.
pub fn put_ping(out: &mut BytesMut, mask: Option<[u8; 4]>, payload: &[u8]) {
    put(out, OpCode::Control(Control::Ping), mask, &[payload]);
}

/// Writes a pong. `payload` is that of the ping.
pub fn put_pong(out: &mut BytesMut, mask: Option<[u8; 4]>, payload: &[u8]) {
    put(out, OpCode::Control(Control::Pong), mask, &[payload]);
}

/// Writes a close with this code and no reason.
pub fn put_close(out: &mut BytesMut, mask: Option<[u8; 4]>, code: u16) {
    put(out, OpCode::Control(Control::Close), mask, &[&code.to_be_bytes()]);
}

fn header(opcode: OpCode, mask: Option<[u8; 4]>) -> FrameHeader {
    FrameHeader { is_final: true, rsv1: false, rsv2: false, rsv3: false, opcode, mask }
}

fn put(out: &mut BytesMut, opcode: OpCode, key: Option<[u8; 4]>, parts: &[&[u8]]) {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    out.reserve(MAX_HEADER_LEN + length);
    // Writing into memory doesn't fail.
    let _ = header(opcode, key).format(length as u64, &mut (&mut *out).writer());
    let Some(key) = key else {
        parts.iter().for_each(|part| out.extend_from_slice(part));
        return;
    };
    let mut offset = 0;
    for chunk in parts.iter().flat_map(|part| part.chunks(COPY_CHUNK)) {
        let start = out.len();
        out.extend_from_slice(chunk);
        mask::apply(&mut out[start..], mask::from(key, offset));
        offset += chunk.len();
    }
}

#[cfg(test)]
mod tests;
