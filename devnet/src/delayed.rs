//! Frames that are kept longer than the read buffer that they were received in.

use std::time::Duration;

use amop::protocol::channel::Frame;
use bytes::Bytes;
use tokio::time::Instant;

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

/// How long a frame is overtaken by others.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Overtaking {
    /// The node that has read the frame.
    pub(crate) node: usize,
    /// When it is processed at the latest.
    pub(crate) until: Instant,
    /// After this time in which the node reads nothing it is processed before that. It differs between frames, so that
    /// those that are left are in a random order too.
    pub(crate) idle: Duration,
}

/// A frame that is overtaken.
#[derive(Debug)]
pub(crate) struct Overtaken {
    pub(crate) overtaking: Overtaking,
    pub(crate) held: Delayed,
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
