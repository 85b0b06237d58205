//! Topic lists of sessions (0x32), and their exchange between nodes.

use std::collections::HashSet;
use std::collections::hash_map::Entry;

use amop::protocol::channel::{Frame, topic_list, verify};

use crate::net::Net;
use crate::node::{Power, Standing, TopicName};
use crate::options::Generation;
use crate::sessions::Session;
use crate::table::Key;

/// The separator in the topic lists that nodes exchange. A topic that contains one arrives as two topics.
const SEPARATOR: u8 = b'\t';

impl Net {
    /// Replaces a session's topics. Ignores a list that real nodes cannot read.
    pub(crate) fn on_topic_list(&mut self, from: Key, frame: &Frame<'_>) {
        let Some(list) = topic_list::decode(frame.body) else { return };
        self.set_topics(from, list.iter().map(|topic| TopicName::from(topic.as_bytes())).collect());
    }

    /// Replaces a session's topics.
    pub(crate) fn set_topics(&mut self, from: Key, topics: HashSet<TopicName>) {
        let Some(session) = self.sessions.get_mut(from) else { return };
        let node = session.node;
        let former = std::mem::replace(&mut session.topics, topics.clone());
        let mut changed = Vec::new();
        for topic in topics.difference(&former) {
            let subscribers = self.nodes[node].subscribers.entry(topic.clone()).or_default();
            subscribers.push(from);
            if subscribers.len() == 1 {
                changed.push(topic.clone());
            }
        }
        for topic in former.difference(&topics) {
            if self.drop_subscriber(node, topic, from) {
                changed.push(topic.clone());
            }
        }
        self.topics_changed(node, changed);
        if self.options.topic_sync.is_zero() {
            self.request_new_verification(node);
        }
    }

    /// Removes the topics of a session that has ended.
    pub(crate) fn unsubscribe(&mut self, key: Key, session: &Session) {
        let mut changed = Vec::new();
        for topic in &session.topics {
            if self.drop_subscriber(session.node, topic, key) {
                changed.push(topic.clone());
            }
        }
        self.topics_changed(session.node, changed);
    }

    /// Removes a subscriber. Returns whether it was the last one of the topic at the node.
    fn drop_subscriber(&mut self, node: usize, topic: &TopicName, key: Key) -> bool {
        let Entry::Occupied(mut place) = self.nodes[node].subscribers.entry(topic.clone()) else {
            return false;
        };
        place.get_mut().retain(|other| *other != key);
        if !place.get().is_empty() {
            return false;
        }
        place.remove();
        true
    }

    /// Sends topics that were added to or removed from `node` to the other nodes, unless lists are exchanged at
    /// intervals.
    fn topics_changed(&mut self, node: usize, changed: Vec<TopicName>) {
        if !self.options.topic_sync.is_zero() || changed.is_empty() || self.nodes[node].power != Power::Up {
            return;
        }
        let generation = self.options.generation;
        let whole = generation == Generation::V2 && changed.iter().any(|topic| topic.contains(&SEPARATOR));
        for peer in 0..self.nodes.len() {
            if !self.receives_topics(peer, node) {
                continue;
            }
            if whole {
                self.store_list(peer, node);
            } else {
                for topic in &changed {
                    let present = self.nodes[node].subscribers.contains_key(topic);
                    let known = &mut self.nodes[peer].peers[node].topics;
                    if present {
                        known.entry(topic.clone()).or_insert_with(|| standing(topic, generation));
                    } else {
                        known.remove(topic);
                    }
                }
            }
            self.request_new_verification(peer);
        }
    }

    /// Exchanges the topic lists of all nodes.
    pub(crate) fn sync_topics(&mut self) {
        for node in 0..self.nodes.len() {
            for peer in 0..self.nodes.len() {
                if self.receives_topics(peer, node) {
                    self.store_list(peer, node);
                }
            }
        }
        for node in 0..self.nodes.len() {
            self.request_new_verification(node);
        }
    }

    /// Returns whether `peer` receives topic lists of `node` now.
    fn receives_topics(&self, peer: usize, node: usize) -> bool {
        let awake = self.nodes[peer].power == Power::Up && self.nodes[node].power == Power::Up;
        peer != node && awake && self.is_linked(peer, node)
    }

    /// Stores the whole list of `node` at `peer`. Topics that were listed before keep their standing.
    fn store_list(&mut self, peer: usize, node: usize) {
        let generation = self.options.generation;
        let own = self.nodes[node].subscribers.keys();
        let pieces: HashSet<TopicName> = match generation {
            Generation::V2 => own
                .flat_map(|topic| topic.split(|byte| *byte == SEPARATOR))
                .filter(|piece| !piece.is_empty())
                .map(TopicName::from)
                .collect(),
            Generation::V3 => own.cloned().collect(),
        };
        let known = &mut self.nodes[peer].peers[node].topics;
        known.retain(|topic, _| pieces.contains(topic));
        for topic in pieces {
            let first = standing(&topic, generation);
            known.entry(topic).or_insert(first);
        }
    }
}

/// Returns the first standing of a topic of another node.
fn standing(topic: &[u8], generation: Generation) -> Standing {
    if generation == Generation::V2 && topic.starts_with(verify::NEED_VERIFY_PREFIX.as_bytes()) {
        Standing::Verifying { asked: false }
    } else {
        Standing::Open
    }
}
