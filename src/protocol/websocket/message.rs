//! The message in a WebSocket frame.
//!
//! | offset | size | field |
//! |---|---|---|
//! | 0 | 2 | `version`: 0, ignored by nodes |
//! | 2 | 2 | `type` |
//! | 4 | 2 | `status`, signed: 0 or an error code |
//! | 6 | 2 | `seqLength` |
//! | 8 | seqLength | `seq` |
//! | 8 + seqLength | 2 | `ext`: 0, ignored by nodes and clients |
//! | 10 + seqLength | | payload |

use bytes::BufMut;

/// The bytes of a message without seq and payload. A node closes the connection on a shorter message.
pub const MIN_LEN: usize = 10;

/// The bytes before the seq.
const SEQ_AT: usize = 8;

/// The `type` of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MessageType {
    /// 0: an error of the node in place of a reply. The payload is a text.
    Error,
    /// 0x100: handshake, both ways.
    Handshake,
    /// 0x101: block number push.
    BlockNotify,
    /// 0x102: JSON-RPC, both ways. Not part of AMOP.
    Rpc,
    /// 0x103: push of a group's description.
    GroupNotify,
    /// 0x110: topics to subscribe to, added to the earlier ones.
    TopicList,
    /// 0x111: unicast, to the node and to the subscriber.
    Request,
    /// 0x112: broadcast, to the node and to the subscribers.
    Broadcast,
    /// 0x113: answer to a unicast. Nodes pass a subscriber's answer on whatever its type.
    Response,
    /// Anything else. Nodes ignore it; so does the client.
    Other(u16),
}

impl MessageType {
    /// Returns the type with this number on the wire.
    pub const fn from_wire(number: u16) -> MessageType {
        match number {
            0 => MessageType::Error,
            0x100 => MessageType::Handshake,
            0x101 => MessageType::BlockNotify,
            0x102 => MessageType::Rpc,
            0x103 => MessageType::GroupNotify,
            0x110 => MessageType::TopicList,
            0x111 => MessageType::Request,
            0x112 => MessageType::Broadcast,
            0x113 => MessageType::Response,
            other => MessageType::Other(other),
        }
    }

    /// Returns the number on the wire.
    pub const fn to_wire(self) -> u16 {
        match self {
            MessageType::Error => 0,
            MessageType::Handshake => 0x100,
            MessageType::BlockNotify => 0x101,
            MessageType::Rpc => 0x102,
            MessageType::GroupNotify => 0x103,
            MessageType::TopicList => 0x110,
            MessageType::Request => 0x111,
            MessageType::Broadcast => 0x112,
            MessageType::Response => 0x113,
            MessageType::Other(other) => other,
        }
    }
}

/// Why bytes are not a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MessageError {
    /// It is shorter than a message without seq and payload.
    #[error("a message has {0} bytes, fewer than {MIN_LEN}")]
    TooShort(usize),
    /// The seq runs past the end. A node that receives such a message no longer reads that connection, and neither does
    /// the official client.
    #[error("a message's seq should have {seq} bytes, the message has {rest} left")]
    SeqPastEnd {
        /// What the length says.
        seq: usize,
        /// What there is besides `ext`.
        rest: usize,
    },
}

/// One decoded message, borrowed from the frame.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Message<'a> {
    /// 0 by convention.
    pub version: u16,
    /// The message's type.
    pub kind: MessageType,
    /// 0 or an error code.
    pub status: i16,
    /// The id that an answer has in common with its request: any bytes, also none.
    pub seq: &'a [u8],
    /// 0 by convention.
    pub ext: u16,
    /// The rest.
    pub payload: &'a [u8],
}

impl<'a> Message<'a> {
    /// Returns a message with `version` and `ext` 0.
    pub fn new(kind: MessageType, status: i16, seq: &'a [u8], payload: &'a [u8]) -> Message<'a> {
        Message { version: 0, kind, status, seq, ext: 0, payload }
    }

    /// Decodes a message.
    ///
    /// # Errors
    /// Returns an error if it is shorter than its parts.
    pub fn parse(bytes: &'a [u8]) -> Result<Message<'a>, MessageError> {
        let (Some(head), true) = (bytes.first_chunk::<SEQ_AT>(), bytes.len() >= MIN_LEN) else {
            return Err(MessageError::TooShort(bytes.len()));
        };
        let [v0, v1, t0, t1, s0, s1, l0, l1] = *head;
        let seq_len = usize::from(u16::from_be_bytes([l0, l1]));
        let past_end = MessageError::SeqPastEnd { seq: seq_len, rest: bytes.len() - MIN_LEN };
        let (seq, rest) = bytes[SEQ_AT..].split_at_checked(seq_len).ok_or(past_end)?;
        let (&ext, payload) = rest.split_first_chunk().ok_or(past_end)?;
        Ok(Message {
            version: u16::from_be_bytes([v0, v1]),
            kind: MessageType::from_wire(u16::from_be_bytes([t0, t1])),
            status: i16::from_be_bytes([s0, s1]),
            seq,
            ext: u16::from_be_bytes(ext),
            payload,
        })
    }

    /// Writes all of the message except its payload.
    ///
    /// # Panics
    /// Panics if the seq has more than 65,535 bytes, because its length would be wrong and the node would not read the
    /// connection any further. Seqs of this client and those of decoded messages never have.
    pub fn put_head(&self, out: &mut impl BufMut) {
        let seq_len = u16::try_from(self.seq.len()).expect("a seq of at most 65,535 bytes");
        out.put_u16(self.version);
        out.put_u16(self.kind.to_wire());
        out.put_i16(self.status);
        out.put_u16(seq_len);
        out.put_slice(self.seq);
        out.put_u16(self.ext);
    }

    /// Returns the bytes of the whole message.
    #[allow(clippy::len_without_is_empty)] // none is empty
    pub fn len(&self) -> usize {
        MIN_LEN + self.seq.len() + self.payload.len()
    }

    /// Returns the whole message.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.len());
        self.put_head(&mut out);
        out.extend_from_slice(self.payload);
        out
    }
}

impl std::fmt::Debug for Message<'_> {
    /// Shows the number of payload bytes, never the bytes.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Message")
            .field("version", &self.version)
            .field("kind", &self.kind)
            .field("status", &self.status)
            .field("seq", &format_args!("{}", self.seq.escape_ascii()))
            .field("ext", &self.ext)
            .field("payload_len", &self.payload.len())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unicast_has_the_documented_bytes() {
        let message = Message::new(MessageType::Request, 0, b"0123456789abcdef0123456789abcdef", b"payload");
        let mut expected = vec![0, 0, 1, 0x11, 0, 0, 0, 0x20];
        expected.extend_from_slice(b"0123456789abcdef0123456789abcdef\0\0payload");
        assert_eq!(message.to_bytes(), expected);
        assert_eq!(Message::parse(&expected), Ok(message));
    }

    #[test]
    fn incomplete_messages_are_refused() {
        for len in 0..MIN_LEN {
            assert_eq!(Message::parse(&vec![0; len]), Err(MessageError::TooShort(len)));
        }
        let whole = Message::new(MessageType::Response, -7, b"seq", b"").to_bytes();
        assert_eq!(whole.len(), 13);
        for len in MIN_LEN..13 {
            let error = MessageError::SeqPastEnd { seq: 3, rest: len - MIN_LEN };
            assert_eq!(Message::parse(&whole[..len]), Err(error));
        }
        assert_eq!(Message::parse(&whole).unwrap().status, -7);
    }

    #[test]
    fn every_type_has_its_number() {
        for number in 0..=u16::MAX {
            assert_eq!(MessageType::from_wire(number).to_wire(), number);
        }
    }

    #[test]
    fn payload_is_not_shown() {
        let text = format!("{:?}", Message::new(MessageType::Request, 0, b"\xff", b"secret"));
        assert!(
            !text.contains("secret") && text.contains("\\xff") && text.contains("payload_len: 6"),
            "{text}"
        );
    }
}
