//! The state of one unicast without an answer.

use amop::protocol::channel::amop::split;
use bytes::Bytes;
use tokio::time::Instant;

use crate::outbox::Head;
use crate::table::Key;

/// A unicast that has not been answered.
#[derive(Debug)]
pub(crate) struct Unicast {
    pub(crate) publisher: Key,
    /// The publisher's node.
    pub(crate) origin: usize,
    pub(crate) head: Head,
    /// Kept for the next attempt, and for code 104, whose answer repeats it.
    pub(crate) body: Bytes,
    /// The node that the unicast was sent to.
    pub(crate) at: usize,
    /// How often the link to that node had been lost when the unicast was sent.
    pub(crate) losses: u64,
    /// When the publisher's node stops waiting for the node `at`.
    pub(crate) answer_by: Instant,
    /// Nodes that the publisher's node has stopped waiting for.
    pub(crate) tried_nodes: Vec<usize>,
    /// Sessions of the node `at` that did not answer.
    pub(crate) tried_sessions: Vec<Key>,
    pub(crate) stage: Stage,
}

/// The progress of a unicast at the node that it was sent to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// The node is frozen and has not processed it.
    Held,
    /// It was sent to a session.
    Pushed {
        session: Key,
        /// When the node stops waiting for that session.
        push_by: Instant,
    },
    /// No answer will come: the link was lost, the node drops messages for its own sessions, or the session already
    /// has a message with the same seq.
    Lost,
}

impl Unicast {
    pub(crate) fn topic(&self) -> &[u8] {
        // The body was checked when the unicast was accepted.
        split(&self.body).map_or(&[], |(topic, _)| topic)
    }

    pub(crate) fn held_bytes(&self) -> usize {
        self.body.len()
    }

    /// Returns whether the unicast was sent from `origin` to `at` before the link between them was lost for the
    /// `loss`th time.
    pub(crate) fn is_lost_with(&self, origin: usize, at: usize, loss: u64) -> bool {
        self.origin == origin && self.at == at && self.losses < loss
    }
}
