//! Messages that are kept longer than the read buffer that they were received in.

use std::fmt;

use amop::protocol::message::Payload;
use amop::protocol::websocket::{Message, MessageError, MessageType};
use bytes::Bytes;

/// A message that owns its bytes.
#[derive(Clone)]
pub(crate) struct OwnedMessage {
    pub(crate) kind: MessageType,
    pub(crate) status: i16,
    pub(crate) seq: Bytes,
    pub(crate) payload: Bytes,
    pub(super) version: u16,
    pub(super) ext: u16,
}

impl OwnedMessage {
    /// Returns a message of the node itself.
    pub(crate) fn new(kind: MessageType, status: i16, seq: Bytes, payload: impl Into<Bytes>) -> OwnedMessage {
        OwnedMessage { kind, status, seq, payload: payload.into(), version: 0, ext: 0 }
    }

    /// Copies or shares the message in a received frame.
    ///
    /// # Errors
    /// Returns an error if the frame is shorter than the parts of its message.
    pub(crate) fn keep(frame: Payload<'_>) -> Result<OwnedMessage, MessageError> {
        let bytes = frame.keep();
        let Message { version, kind, status, seq, ext, payload } = Message::parse(&bytes)?;
        let (seq, payload) = (bytes.slice_ref(seq), bytes.slice_ref(payload));
        Ok(OwnedMessage { kind, status, seq, payload, version, ext })
    }

    /// Returns the same message with another seq.
    pub(crate) fn with_seq(&self, seq: Bytes) -> OwnedMessage {
        OwnedMessage { seq, ..self.clone() }
    }

    /// Returns the message in the form that is encoded.
    pub(crate) fn as_message(&self) -> Message<'_> {
        Message {
            version: self.version,
            kind: self.kind,
            status: self.status,
            seq: &self.seq,
            ext: self.ext,
            payload: &self.payload,
        }
    }

    /// Returns the length of the whole message.
    pub(crate) fn len(&self) -> usize {
        amop::protocol::websocket::message::MIN_LEN + self.seq.len() + self.payload.len()
    }
}

impl fmt::Debug for OwnedMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_message().fmt(f)
    }
}
