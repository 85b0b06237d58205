//! The state of one node: the topics of its own sessions, and the topics that it received from the other nodes.

use std::collections::HashMap;
use std::sync::Arc;

use amop::VerificationState;
use tokio::time::Instant;

use crate::delayed::OwnedFrame;
use crate::table::Key;
use crate::websocket::OwnedMessage;

/// A topic in the bytes that messages contain.
pub(crate) type TopicName = Arc<[u8]>;

/// One node of the chain.
#[derive(Debug)]
pub(crate) struct Node {
    /// 128 hex digits.
    pub(crate) id: String,
    /// `node0`, `node1` ...
    pub(crate) name: String,
    /// `127.0.0.1:20200`.
    pub(crate) address: String,
    pub(crate) power: Power,
    pub(crate) sessions: Vec<Key>,
    /// The topics of the node's own sessions, with the sessions that subscribe to each.
    pub(crate) subscribers: HashMap<TopicName, Vec<Key>>,
    /// What the node knows of each node, by index. Its own entry stays empty.
    pub(crate) peers: Vec<Peer>,
    /// What other nodes sent while the node was frozen.
    pub(crate) held: Vec<Arrival>,
    /// The unicast for one of the node's own sessions that it does not deliver, with
    /// [`SameNode::Drop`](crate::SameNode::Drop).
    pub(crate) undelivered_own: Option<Key>,
    pub(crate) budget: Option<Budget>,
    /// By how many milliseconds the node's clock is ahead of the wall clock.
    pub(crate) clock_offset: i64,
    /// When the node has read a frame of a session last, if frames are reordered.
    pub(crate) last_frame: Instant,
}

/// Whether a node runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Power {
    /// The node runs.
    Up,
    /// The node neither reads nor writes.
    Frozen,
    /// The node is killed.
    Down,
}

/// What one node knows of another.
#[derive(Debug, Default)]
pub(crate) struct Peer {
    /// The topics of the other node's sessions that were received.
    pub(crate) topics: HashMap<TopicName, Standing>,
    /// Whether the link was cut by a handle.
    pub(crate) cut: bool,
    /// Whether the link was broken by a frame that was too long.
    pub(crate) broken: bool,
    /// How often the link was lost.
    pub(crate) losses: u64,
}

/// Whether messages can be sent to a topic of another node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// The topic is not private.
    Open,
    /// The topic is private, and no publisher has verified it.
    Verifying {
        /// Whether verification was requested.
        asked: bool,
    },
    /// A publisher has verified the topic.
    Verified,
    /// A publisher has refused the topic. Its verification is not requested again.
    Refused,
}

impl Standing {
    pub(crate) fn is_routable(self) -> bool {
        match self {
            Standing::Open | Standing::Verified => true,
            Standing::Verifying { .. } | Standing::Refused => false,
        }
    }
}

/// A message that one node sends another.
#[derive(Debug)]
pub(crate) enum Arrival {
    Unicast(Key),
    Broadcast(OwnedFrame),
    /// A unicast of 3.x.
    Request(Key),
    /// A copy of a broadcast of 3.x.
    Copy(OwnedMessage),
}

impl Node {
    pub(crate) fn new(index: usize, id: String, nodes: usize, bandwidth: Option<u64>, now: Instant) -> Node {
        Node {
            id,
            name: format!("node{index}"),
            address: String::new(),
            power: Power::Up,
            sessions: Vec::new(),
            subscribers: HashMap::new(),
            peers: (0..nodes).map(|_| Peer::default()).collect(),
            held: Vec::new(),
            undelivered_own: None,
            budget: bandwidth.map(|rate| Budget::new(rate, now)),
            clock_offset: 0,
            last_frame: now,
        }
    }

    /// Returns the topics of the node's own sessions in order, as in `getNodeInfo`.
    pub(crate) fn own_topics(&self) -> Vec<String> {
        sorted(self.subscribers.keys())
    }

    /// Returns the topics of another node in order, as in `getPeers`. Private ones are included once verified.
    pub(crate) fn topics_of(&self, peer: usize) -> Vec<String> {
        let topics = &self.peers[peer].topics;
        sorted(topics.iter().filter(|(_, standing)| standing.is_routable()).map(|(topic, _)| topic))
    }

    /// Returns whether messages on a topic can be sent to `peer`.
    pub(crate) fn routes_to(&self, peer: usize, topic: &[u8]) -> bool {
        self.peers[peer].topics.get(topic).is_some_and(|standing| standing.is_routable())
    }

    /// Returns where the verification of a private topic of `peer` stands, `None` if `peer` doesn't list it.
    pub(crate) fn verification(&self, peer: usize, topic: &[u8]) -> Option<VerificationState> {
        match self.peers[peer].topics.get(topic)? {
            Standing::Open => None,
            Standing::Verifying { .. } => Some(VerificationState::Pending),
            Standing::Verified => Some(VerificationState::Verified),
            Standing::Refused => Some(VerificationState::Rejected),
        }
    }

    /// Returns the number of bytes in messages held while the node is frozen.
    pub(crate) fn held_bytes(&self) -> usize {
        self.held
            .iter()
            .map(|arrival| match arrival {
                Arrival::Unicast(_) | Arrival::Request(_) => 0,
                Arrival::Broadcast(frame) => frame.body.len(),
                Arrival::Copy(message) => message.payload.len(),
            })
            .sum()
    }
}

fn sorted<'a>(topics: impl Iterator<Item = &'a TopicName>) -> Vec<String> {
    let mut topics: Vec<_> = topics.map(|topic| String::from_utf8_lossy(topic).into_owned()).collect();
    topics.sort_unstable();
    topics
}

/// A node's bandwidth limit in bytes per second. At most the bytes of one second are saved. A long message may exceed
/// what is left, and the following seconds make up for it.
#[derive(Debug)]
pub(crate) struct Budget {
    rate: u64,
    left: f64,
    at: Instant,
}

impl Budget {
    fn new(rate: u64, now: Instant) -> Budget {
        Budget { rate, left: rate as f64, at: now }
    }

    /// Takes `bytes` if any budget is left. As on real nodes, the message that exhausts the budget still passes.
    pub(crate) fn take(&mut self, bytes: usize, now: Instant) -> bool {
        let gained = now.saturating_duration_since(self.at).as_secs_f64();
        self.left = (self.left + gained * self.rate as f64).min(self.rate as f64);
        self.at = now;
        if self.left <= 0.0 {
            return false;
        }
        self.left -= bytes as f64;
        true
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn budget_refills_with_time() {
        let start = Instant::now();
        let mut budget = Budget::new(1000, start);
        assert!(budget.take(600, start));
        assert!(budget.take(600, start));
        assert!(!budget.take(1, start));
        assert!(budget.take(1, start + Duration::from_millis(500)));
        assert!(budget.take(1, start + Duration::from_secs(100)));
        assert!(budget.left <= 1000.0, "at most the bytes of one second are saved");
    }
}
