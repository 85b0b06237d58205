//! What one node knows: its own sessions' topics, and which topics it has heard of from each other node.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::time::Instant;

use crate::delayed::OwnedFrame;
use crate::table::Key;

/// A topic as the bytes that messages address it by.
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
    /// Topics of its own sessions, as they are now.
    pub(crate) subscribers: HashMap<TopicName, Vec<Key>>,
    /// What it has heard from the node of the same index; its own entry stays empty.
    pub(crate) peers: Vec<Peer>,
    /// What came from other nodes while it was frozen.
    pub(crate) held: Vec<Arrival>,
    /// With [`SameNode::Drop`](crate::SameNode::Drop): the unicast that waits in vain for an own session.
    pub(crate) lost_to_itself: Option<Key>,
    pub(crate) budget: Option<Budget>,
}

/// Whether a node works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Power {
    /// It does.
    Up,
    /// It is there, but does nothing.
    Frozen,
    /// It is gone.
    Down,
}

/// One node as another sees it.
#[derive(Debug, Default)]
pub(crate) struct Peer {
    /// Topics of its sessions, as far as they have travelled.
    pub(crate) topics: HashMap<TopicName, Standing>,
    /// Cut by the user, whatever the nodes do.
    pub(crate) cut: bool,
    /// Broken by itself, for some time.
    pub(crate) broken: bool,
    /// Counts the times the link was lost.
    pub(crate) losses: u64,
}

/// Whether a topic of another node can be addressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Anybody may: it isn't private.
    Open,
    /// Not before a publisher has verified it.
    Verifying {
        /// Whether publishers have been asked.
        asked: bool,
    },
    /// A publisher vouches for it.
    Verified,
    /// A publisher has refused it: never asked again.
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

/// What one node sends another.
#[derive(Debug)]
pub(crate) enum Arrival {
    Unicast(Key),
    Broadcast(OwnedFrame),
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
            lost_to_itself: None,
            budget: bandwidth.map(|rate| Budget::new(rate, now)),
        }
    }

    /// Its own sessions' topics in order, as `getNodeInfo` shows them.
    pub(crate) fn own_topics(&self) -> Vec<String> {
        sorted(self.subscribers.keys())
    }

    /// Another node's topics in order, as `getPeers` shows them: private ones only when verified.
    pub(crate) fn topics_of(&self, peer: usize) -> Vec<String> {
        let topics = &self.peers[peer].topics;
        sorted(topics.iter().filter(|(_, standing)| standing.is_routable()).map(|(topic, _)| topic))
    }

    /// Whether `peer` has told it of a subscriber that messages can be sent to.
    pub(crate) fn routes_to(&self, peer: usize, topic: &[u8]) -> bool {
        self.peers[peer].topics.get(topic).is_some_and(|standing| standing.is_routable())
    }

    /// Bytes that are held for when it wakes.
    pub(crate) fn held_bytes(&self) -> usize {
        self.held
            .iter()
            .map(|arrival| match arrival {
                Arrival::Unicast(_) => 0,
                Arrival::Broadcast(frame) => frame.body.len(),
            })
            .sum()
    }
}

fn sorted<'a>(topics: impl Iterator<Item = &'a TopicName>) -> Vec<String> {
    let mut topics: Vec<_> = topics.map(|topic| String::from_utf8_lossy(topic).into_owned()).collect();
    topics.sort_unstable();
    topics
}

/// A node's AMOP bandwidth: bytes a second, saved up for one second at most; what a long message overdraws is paid back.
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

    /// Takes `bytes` if any budget is left. As on real nodes the message that uses it up still passes.
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
    fn a_budget_refills_with_time() {
        let start = Instant::now();
        let mut budget = Budget::new(1000, start);
        assert!(budget.take(600, start));
        assert!(budget.take(600, start));
        assert!(!budget.take(1, start));
        assert!(budget.take(1, start + Duration::from_millis(500)));
        assert!(budget.take(1, start + Duration::from_secs(100)));
        assert!(budget.left <= 1000.0, "no more than a second is saved");
    }
}
