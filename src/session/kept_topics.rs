//! What is kept of a node's answer about topics, however long the answer is.
//!
//! Any SDK of the chain can add topics to these answers. A short answer is kept whole, so that it also shows which topics
//! are not listed; of a longer one only the topics in [`Interest`] are kept.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::protocol::channel::rpc::{NodeSink, NodeText};
use crate::protocol::{Topic, private_topic_of};

/// The most topics of an answer that is kept whole, those in [`Interest`] not counted. Chains with more are rare.
const MAX_OTHER_TOPICS: usize = 1024;
/// The most bytes of these topics' names.
const MAX_OTHER_BYTES: usize = 64 * 1024;
/// The most topics in each of the two generations of [`RecentTopics`].
const MAX_GENERATION: usize = 4096;

/// The topics to look for in an answer. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Interest {
    /// Topics that callers publish on.
    recent: Arc<RecentTopics>,
    /// Topics that this client lists at the node, or that the list before the latest had.
    listed: Arc<HashSet<Topic>>,
}

impl Interest {
    /// Notes that a caller publishes on a topic.
    pub(crate) fn note(&mut self, topic: &Topic) {
        if !self.recent.current.contains(topic) {
            Arc::make_mut(&mut self.recent).note(topic);
        }
    }

    /// Replaces the topics that this client lists at the node.
    pub(crate) fn set_listed(&mut self, topics: HashSet<Topic>) {
        self.listed = Arc::new(topics);
    }

    /// Returns whether this client lists the topic at the node, or did until the latest list.
    pub(crate) fn is_listed(&self, topic: &str) -> bool {
        self.listed.contains(topic)
    }

    /// Returns whether a topic is of interest. If a private one is, so are those on which its subscribers are challenged.
    pub(crate) fn contains(&self, topic: &str) -> bool {
        let is_noted = |topic: &str| self.recent.contains(topic) || self.is_listed(topic);
        is_noted(topic) || private_topic_of(topic).is_some_and(is_noted)
    }
}

/// The topics noted last, in two generations: a full one replaces the older, so that the number is bounded and forgetting
/// costs nothing.
#[derive(Clone, Debug, Default)]
struct RecentTopics {
    current: HashSet<Topic>,
    older: HashSet<Topic>,
}

impl RecentTopics {
    fn note(&mut self, topic: &Topic) {
        if self.current.len() >= MAX_GENERATION {
            self.older = std::mem::take(&mut self.current);
        }
        self.current.insert(topic.clone());
    }

    fn contains(&self, topic: &str) -> bool {
        self.current.contains(topic) || self.older.contains(topic)
    }
}

/// Which nodes of an answer list which topic.
#[derive(Debug)]
pub(crate) struct KeptTopics {
    interest: Interest,
    /// Node ids, in the order of the answer.
    nodes: Vec<Box<str>>,
    /// For each topic the places in `nodes` of those that list it, ascending.
    topics: HashMap<Box<str>, Vec<u32>>,
    /// The number of topics beside those in `interest`, and the bytes of their names.
    others: usize,
    other_bytes: usize,
    /// Whether all topics of the answer are kept.
    is_whole: bool,
}

impl KeptTopics {
    /// Returns an empty collection that keeps at least the topics in `interest`.
    pub(crate) fn new(interest: Interest) -> KeptTopics {
        KeptTopics {
            interest,
            nodes: Vec::new(),
            topics: HashMap::new(),
            others: 0,
            other_bytes: 0,
            is_whole: true,
        }
    }

    /// Returns whether the answer shows for this topic which nodes list it.
    pub(crate) fn covers(&self, topic: &str) -> bool {
        self.is_whole || self.interest.contains(topic)
    }

    /// Returns whether any node lists the topic; `None` if that was not kept.
    pub(crate) fn lists(&self, topic: &str) -> Option<bool> {
        match self.nodes_listing(topic).next() {
            Some(_) => Some(true),
            None => self.covers(topic).then_some(false),
        }
    }

    /// Returns the ids of the nodes that list a topic, in the order of the answer.
    pub(crate) fn nodes_listing(&self, topic: &str) -> impl Iterator<Item = &str> {
        let places = self.topics.get(topic).map_or(&[][..], Vec::as_slice);
        places.iter().map(|place| &*self.nodes[*place as usize])
    }

    /// Returns the topics that a node lists, in no particular order.
    pub(crate) fn topics_of<'a>(&'a self, node_id: &'a str) -> impl Iterator<Item = &'a str> {
        let is_its = move |place: &u32| &*self.nodes[*place as usize] == node_id;
        self.topics.iter().filter(move |(_, places)| places.iter().any(&is_its)).map(|(topic, _)| &**topic)
    }

    /// What is kept of a short answer about one node.
    #[cfg(test)]
    pub(crate) fn at_one_node(topics: &[&str]) -> KeptTopics {
        let mut kept = KeptTopics::new(Interest::default());
        kept.begin_node();
        topics.iter().for_each(|topic| kept.topic(topic));
        kept
    }

    /// The number of topics kept.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.topics.len()
    }

    fn keep(&mut self, topic: &str, place: u32) {
        self.topics.insert(topic.into(), vec![place]);
    }
}

impl NodeSink for KeptTopics {
    fn begin_node(&mut self) {
        self.nodes.push(Box::default());
    }

    fn text(&mut self, which: NodeText, text: &str) {
        if let (NodeText::Id, Some(id)) = (which, self.nodes.last_mut()) {
            *id = text.into();
        }
    }

    fn topic(&mut self, topic: &str) {
        // An answer has at most `MAX_NODES` nodes.
        let Some(place) = self.nodes.len().checked_sub(1).and_then(|place| u32::try_from(place).ok()) else {
            return;
        };
        if let Some(places) = self.topics.get_mut(topic) {
            if places.last() != Some(&place) {
                places.push(place);
            }
        } else if self.interest.contains(topic) {
            self.keep(topic, place);
        } else if self.is_whole {
            self.others += 1;
            self.other_bytes += topic.len();
            if self.others <= MAX_OTHER_TOPICS && self.other_bytes <= MAX_OTHER_BYTES {
                self.keep(topic, place);
            } else {
                self.is_whole = false;
                self.topics.retain(|topic, _| self.interest.contains(topic));
                self.topics.shrink_to_fit();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::channel::rpc;

    fn topic(name: &str) -> Topic {
        Topic::new(name).unwrap()
    }

    fn interest(recent: &[&str], listed: &[&str]) -> Interest {
        let mut interest = Interest::default();
        recent.iter().for_each(|name| interest.note(&topic(name)));
        interest.set_listed(listed.iter().map(|name| topic(name)).collect());
        interest
    }

    fn peers(lists: &[(&str, Vec<String>)], interest: Interest) -> KeptTopics {
        let peers: Vec<_> =
            lists.iter().map(|(id, topics)| serde_json::json!({ "Topic": topics, "NodeID": id })).collect();
        let mut kept = KeptTopics::new(interest);
        let body = serde_json::json!({ "result": peers }).to_string();
        rpc::read_peers(body.as_bytes(), &mut kept).unwrap();
        kept
    }

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|&name| name.into()).collect()
    }

    fn numbered(count: usize) -> Vec<String> {
        (0..count).map(|n| format!("topic/{n}")).collect()
    }

    #[test]
    fn short_answer_is_kept_whole_with_the_nodes_of_each_topic() {
        let lists = [("b", names(&["x", "y", "x"])), ("a", names(&["y"])), ("c", names(&[]))];
        let kept = peers(&lists, Interest::default());
        assert_eq!(kept.nodes_listing("y").collect::<Vec<_>>(), ["b", "a"]);
        assert_eq!(kept.nodes_listing("x").collect::<Vec<_>>(), ["b"]);
        assert_eq!((kept.lists("x"), kept.lists("elsewhere")), (Some(true), Some(false)));
    }

    #[test]
    fn only_topics_of_interest_are_kept_of_300_000() {
        let mut many = numbered(300_000);
        many.extend(names(&["published", "listed"]));
        let interest = interest(&["published", "nowhere"], &["listed"]);
        let kept = peers(&[("a", many.clone()), ("b", many)], interest);
        assert_eq!(kept.len(), 2);
        assert_eq!(kept.nodes_listing("published").count(), 2);
        assert_eq!(kept.lists("listed"), Some(true));
        assert_eq!(kept.lists("nowhere"), Some(false));
        assert_eq!(kept.lists("topic/7"), None, "the answer listed it, but that was not kept");
        assert!(kept.covers("nowhere") && !kept.covers("topic/7"));
    }

    #[test]
    fn challenge_channels_of_private_topics_of_interest_are_kept() {
        let private = topic("orders").private().unwrap();
        let (own, other) = (private.verify_channel(1), topic("ordersX").private().unwrap().verify_channel(2));
        let mut many = numbered(10_000);
        many.extend(names(&[&own, &other, &private]));
        let kept = peers(&[("a", many), ("b", names(&["x"]))], interest(&[&private], &[]));
        let mut of_a: Vec<_> = kept.topics_of("a").collect();
        of_a.sort_unstable();
        assert_eq!(of_a, [&*private, &*own]);
        assert_eq!((kept.topics_of("b").count(), kept.topics_of("c").count()), (0, 0));
    }

    #[test]
    fn whole_answers_are_bounded_in_topics_and_bytes() {
        let kept = peers(&[("a", numbered(MAX_OTHER_TOPICS))], Interest::default());
        assert_eq!((kept.len(), kept.covers("elsewhere")), (MAX_OTHER_TOPICS, true));
        let kept = peers(&[("a", numbered(MAX_OTHER_TOPICS + 1))], Interest::default());
        assert_eq!((kept.len(), kept.covers("elsewhere")), (0, false));
        let long: Vec<_> = (0..3).map(|n| n.to_string() + &"x".repeat(MAX_OTHER_BYTES / 3)).collect();
        let kept = peers(&[("a", long)], Interest::default());
        assert_eq!((kept.len(), kept.covers("elsewhere")), (0, false));
    }

    #[test]
    fn recent_topics_are_bounded_and_the_latest_are_kept() {
        let mut interest = Interest::default();
        for name in numbered(10 * MAX_GENERATION) {
            interest.note(&topic("often"));
            interest.note(&topic(&name));
        }
        let recent = &interest.recent;
        assert!(recent.current.len() + recent.older.len() <= 2 * MAX_GENERATION);
        assert!(interest.contains("often") && interest.contains("topic/40959"));
        assert!(!interest.contains("topic/0"));
    }
}
