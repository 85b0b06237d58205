//! Frames that are kept longer than the read buffer that they were received in.

use amop::protocol::channel::Frame;
use bytes::Bytes;

use crate::outbox::Head;
use crate::table::Key;

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
    FromSession(Key, OwnedFrame),
    /// It is to be queued for this session.
    ToSession(Key, OwnedFrame),
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
            Delayed::FromSession(_, frame) | Delayed::ToSession(_, frame) => frame.body.len(),
        }
    }
}
