//! Frames that are kept beyond the read they came with.

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

/// A frame on its way that was held back, and where it goes on.
#[derive(Debug)]
pub(crate) enum Delayed {
    /// Read from this session, not looked at yet.
    FromSession(Key, OwnedFrame),
    /// On its way to this session.
    ToSession(Key, OwnedFrame),
}

impl OwnedFrame {
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
