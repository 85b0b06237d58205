//! Frames that others overtake, as in the thread pools of real nodes.
//!
//! A real node passes the frames that it reads to some threads. One whose thread has to wait is overtaken by frames that
//! are read after it, at most by some thousands. Where none follow, nothing delays it: single messages take about a
//! millisecond at real nodes.

use std::time::Duration;

use tokio::time::Instant;

use crate::deadlines::Due;
use crate::delayed::{Delayed, Overtaken, Overtaking};
use crate::net::Net;
use crate::table::Key;

/// How many frames of 256 are overtaken when frames are reordered. Real nodes reorder 2 to 5 %.
const REORDERED_OF_256: u8 = 9;

/// When a node has read nothing for this time, its threads have caught up.
const IDLE_AFTER: Duration = Duration::from_millis(2);

impl Net {
    /// Notes that a frame of a session was read. Returns how long others overtake it, if they do.
    pub(crate) fn overtaking(&mut self, from: Key, now: Instant) -> Option<Overtaking> {
        let most = self.options.reorder?;
        let node = self.sessions.get(from)?.node;
        self.nodes[node].last_frame = now;
        if self.rng.u8(..) >= REORDERED_OF_256 {
            return None;
        }
        let part = self.rng.f64();
        Some(Overtaking { node, until: now + most.mul_f64(part), idle: IDLE_AFTER.mul_f64(part) })
    }

    /// Lets others overtake a frame.
    pub(crate) fn hold_overtaken(&mut self, overtaking: Overtaking, held: Delayed) {
        let at = self.next_look(overtaking);
        self.deadlines.set(at, Due::Overtaken(Box::new(Overtaken { overtaking, held })));
    }

    /// Processes an overtaken frame if no more are to overtake it.
    pub(crate) fn look_at_overtaken(&mut self, overtaken: Box<Overtaken>, now: Instant) {
        let at = self.next_look(overtaken.overtaking);
        if at > now {
            self.deadlines.set(at, Due::Overtaken(overtaken));
        } else {
            self.resume(overtaken.held, now);
        }
    }

    /// Returns when a frame may be processed, if the node reads nothing until then.
    fn next_look(&self, Overtaking { node, until, idle }: Overtaking) -> Instant {
        until.min(self.nodes[node].last_frame + idle)
    }
}
