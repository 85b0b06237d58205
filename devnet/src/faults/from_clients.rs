//! Faults on frames that clients send.

use amop::protocol::Seq;
use amop::protocol::channel::{Frame, MessageType};
use tokio::time::Instant;

use super::rules::{Seen, topic_of};
use super::{Action, Direction};
use crate::deadlines::Due;
use crate::delayed::{Delayed, OwnedFrame};
use crate::net::Net;
use crate::outbox::End;
use crate::table::Key;

impl Net {
    /// Applies the faults to a frame that was read, and processes the result.
    pub(crate) fn receive_with_faults(&mut self, from: Key, frame: &Frame<'_>, now: Instant) {
        let Some(session) = self.sessions.get(from) else { return };
        let seen = Seen {
            direction: Direction::FromClients,
            node: session.node,
            session: from.id(),
            kind: frame.kind.to_wire(),
            topic: topic_of(frame.kind, frame.body),
        };
        let Some((action, rng)) = self.sessions.faults.judge(seen) else {
            return self.dispatch(from, frame, now);
        };
        tracing::debug!(session = from.id(), kind = frame.kind.to_wire(), ?action, "applied a fault");
        match action {
            Action::Lose => {}
            Action::Delay(by) => {
                let held = Delayed::FrameIn(from, OwnedFrame::keep(frame));
                self.deadlines.set(now + by, Due::Frame(Box::new(held)));
            }
            Action::Twice => {
                self.dispatch(from, frame, now);
                self.dispatch(from, frame, now);
            }
            Action::OtherSeq => {
                let seq = Seq::from_halves(rng.u64(..), rng.u64(..));
                self.dispatch(from, &Frame::new(frame.kind, seq, frame.result, frame.body), now);
            }
            Action::OtherType(kind) => {
                let kind = MessageType::from_wire(kind);
                self.dispatch(from, &Frame::new(kind, frame.seq, frame.result, frame.body), now);
            }
            Action::Garbage => {
                let mut garbage = frame.body.to_vec();
                rng.fill(&mut garbage);
                self.dispatch(from, &Frame::new(frame.kind, frame.seq, frame.result, &garbage), now);
            }
            Action::CutInMidFrame => self.sessions.end(from, End::Cut),
            Action::Close => self.sessions.end(from, End::Close),
            Action::Reset => self.sessions.end(from, End::Reset),
            Action::Stall => {
                self.dispatch(from, frame, now);
                self.sessions.stall(from, true);
            }
        }
    }
}
