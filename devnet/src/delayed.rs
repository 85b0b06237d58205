//! Frames that are kept longer than the read buffer that they were received in.

use amop::protocol::channel::Frame;
use bytes::Bytes;

use crate::outbox::Head;
use crate::table::Key;
use crate::websocket::OwnedMessage;

/// A frame that owns its body.
#[derive(Clone, Debug)]
pub(crate) struct OwnedFrame {
    pub(crate) head: Head,
    pub(crate) body: Bytes,
}

/// A delayed frame, and where it continues.
#[derive(Debug)]
pub(crate) enum Delayed {
    /// It was read from this session and not processed.
    FrameIn(Key, OwnedFrame),
    /// It is to be queued for this session.
    FrameOut(Key, OwnedFrame),
    /// A message of 3.x that was read from this session and not processed.
    MessageIn(Key, OwnedMessage),
    /// A message of 3.x that is to be queued for this session.
    MessageOut(Key, OwnedMessage),
}

impl OwnedFrame {
    /// Copies or shares a received frame.
    pub(crate) fn keep(frame: &Frame<'_>) -> OwnedFrame {
        OwnedFrame { head: Head::of(frame), body: frame.keep(frame.body) }
    }

    pub(crate) fn frame(&self) -> Frame<'_> {
        Frame::new(self.head.kind, self.head.seq, self.head.result, &self.body)
    }
}

impl Head {
    pub(crate) fn of(frame: &Frame<'_>) -> Head {
        Head { kind: frame.kind, seq: frame.seq, result: frame.result }
    }
}

impl Delayed {
    pub(crate) fn held_bytes(&self) -> usize {
        match self {
            Delayed::FrameIn(_, frame) | Delayed::FrameOut(_, frame) => frame.body.len(),
            Delayed::MessageIn(_, message) | Delayed::MessageOut(_, message) => message.payload.len(),
        }
    }
}
