//! What a node and a publisher say to each other about the subscribers of a private topic.

use super::Topic;

/// A node asks this client, which publishes on a private topic, to verify the subscribers at another node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ToVerify {
    pub(crate) topic: Topic,
    /// The id of the subscribers' node, as it is to be repeated.
    pub(crate) node_id: Box<str>,
    /// The topic on which the node proposes to challenge them. It may belong to another private topic.
    pub(crate) channel: Box<str>,
}

/// What this client answers to [`ToVerify`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Verification {
    pub(crate) topic: Topic,
    pub(crate) node_id: Box<str>,
    /// Whether the node may pass messages on to the subscribers.
    pub(crate) verified: bool,
}
