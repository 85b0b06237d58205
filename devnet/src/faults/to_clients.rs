//! Faults on frames that nodes send.

use amop::protocol::Seq;
use amop::protocol::channel::{Frame, MessageType};
use bytes::Bytes;

use super::rules::{Seen, topic_of};
use super::{Action, Direction};
use crate::delayed::{Delayed, OwnedFrame};
use crate::outbox::{End, Head};
use crate::sessions::Sessions;
use crate::table::Key;

impl Sessions {
    /// Applies the faults to a frame, and queues the result.
    pub(crate) fn send_with_faults(
        &mut self,
        to: Key,
        head: Head,
        body: &[u8],
        keep: impl FnOnce() -> Bytes,
    ) {
        let Some(session) = self.get(to) else { return };
        let seen = Seen {
            direction: Direction::ToClients,
            node: session.node,
            session: to.id(),
            kind: head.kind.to_wire(),
            topic: topic_of(head.kind, body),
        };
        let Some((action, rng)) = self.faults.judge(seen) else {
            return self.enqueue(to, head, body, keep);
        };
        tracing::debug!(session = to.id(), kind = head.kind.to_wire(), ?action, "applied a fault");
        match action {
            Action::Lose => {}
            Action::Delay(by) => {
                let held = Delayed::FrameOut(to, OwnedFrame { head, body: keep() });
                self.postponed.push((by, held));
            }
            Action::Twice => {
                let body = keep();
                self.enqueue(to, head, &body, || body.clone());
                self.enqueue(to, head, &body, || body.clone());
            }
            Action::OtherSeq => {
                let seq = Seq::from_halves(rng.u64(..), rng.u64(..));
                self.enqueue(to, Head { seq, ..head }, body, keep);
            }
            Action::OtherType(kind) => {
                let kind = MessageType::from_wire(kind);
                self.enqueue(to, Head { kind, ..head }, body, keep);
            }
            Action::Garbage => {
                let mut garbage = Frame::new(head.kind, head.seq, head.result, body).to_bytes();
                rng.fill(&mut garbage);
                self.enqueue_raw(to, &garbage);
            }
            Action::CutInMidFrame => {
                let frame = Frame::new(head.kind, head.seq, head.result, body).to_bytes();
                self.enqueue_raw(to, &frame[..frame.len() / 2]);
                self.end(to, End::CutWhenWritten);
            }
            Action::Close => self.end(to, End::Close),
            Action::Reset => self.end(to, End::Reset),
            Action::Stall => {
                self.enqueue(to, head, body, keep);
                self.stall(to, true);
            }
        }
    }
}
