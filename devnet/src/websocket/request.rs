//! The state of a unicast without an answer, and what a session has to remember for such unicasts.

use std::collections::HashMap;

use bytes::Bytes;
use tokio::time::Instant;

use super::OwnedMessage;
use crate::node::TopicName;
use crate::table::Key;

/// A unicast that has not been answered.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) publisher: Key,
    /// The publisher's node.
    pub(crate) origin: usize,
    /// As it was published.
    pub(crate) message: OwnedMessage,
    pub(crate) topic: TopicName,
    /// The node that delivers it.
    pub(crate) at: usize,
    /// How often the link to that node had been lost when the unicast was sent there.
    pub(crate) losses: u64,
    pub(crate) stage: Stage,
}

/// The progress of a unicast at the node that delivers it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// The node is frozen and has not processed it.
    Held,
    /// It was delivered to a session.
    Delivered {
        session: Key,
        /// The seq of the delivery, by which the answer is recognised.
        seq: Bytes,
        /// Whether the publisher's own node has delivered it before.
        again: bool,
        /// When the node stops waiting.
        until: Instant,
    },
    /// No answer will come, because the link was lost. Nodes have no limit for an answer of another node.
    Lost,
}

impl Request {
    /// Returns whether a session of the publisher's own node has it.
    pub(crate) fn is_local(&self) -> bool {
        self.at == self.origin
    }

    /// Returns whether the unicast was sent from `origin` to `at` before the link between them was lost for the
    /// `loss`th time.
    pub(crate) fn is_lost_with(&self, origin: usize, at: usize, loss: u64) -> bool {
        self.origin == origin && self.at == at && self.losses < loss
    }
}

/// What a node remembers of a session of 3.x.
#[derive(Debug, Default)]
pub(crate) struct SessionState {
    /// Unicasts delivered to the session, by the seq of the delivery. The session's next message with that seq is the
    /// answer, whatever its type.
    pub(crate) awaiting: HashMap<Bytes, Key>,
    /// Whether a malformed message has stopped the reading of this session, as it does at real nodes.
    pub(crate) deaf: bool,
}
