//! The consumers of a client, and the lanes that the messages of a topic go to on each link.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::watch;

use super::verify_ids::VerifyIds;
use crate::delivery::{AnyLane, Lane, LaneItem, Message, OwnUse, Request, RouteSpec, Wakers};
use crate::error::{Error, ErrorKind, Result};
use crate::private::{PrivateKey, Prover, ProverStats, PublicKey};
use crate::protocol::Topic;

use super::link::LinkId;
use super::options::Placement;

/// The number of a consumer or link within its client.
pub(crate) type Id = u64;

/// A subscription or service in the registry.
pub(crate) struct Consumer<T: LaneItem> {
    pub(crate) id: Id,
    pub(crate) lane: Arc<Lane<T>>,
    pub(crate) placement: Placement,
    /// Closed when the last call of the handler has returned; `None` if the application reads the lane.
    pub(crate) finished: Option<watch::Receiver<()>>,
}

#[derive(Default)]
struct Entry {
    subscriptions: Vec<Consumer<Message>>,
    service: Option<Consumer<Request>>,
    /// For a private topic with consumers: what answers challenges.
    prover: Option<Arc<Prover>>,
    /// For the push channel of a private topic: the keys that each of its publishers allows.
    publishers: Vec<(Id, Arc<[PublicKey]>)>,
}

impl Entry {
    fn is_empty(&self) -> bool {
        self.subscriptions.is_empty() && self.service.is_none() && self.publishers.is_empty()
    }

    fn allowed_keys(&self) -> Vec<PublicKey> {
        let mut keys: Vec<_> = self.publishers.iter().flat_map(|(_, keys)| keys.iter().cloned()).collect();
        keys.sort_unstable();
        keys.dedup();
        keys
    }
}

/// All consumers of a client.
#[derive(Default)]
pub(crate) struct Registry {
    next: Id,
    closed: bool,
    topics: HashMap<Topic, Entry>,
    /// The bytes that all topics take in a list.
    listed_len: usize,
    /// Consumers that were removed and whose handlers may still run.
    leaving: Vec<Leftover>,
    /// The link that topics with [`Placement::One`] are listed at, and that broadcasts without ids are taken from.
    primary_link: LinkId,
    /// Made with the first private topic.
    verify_ids: Option<VerifyIds>,
}

impl Registry {
    pub(crate) fn next_id(&mut self) -> Id {
        self.next += 1;
        self.next
    }

    /// Adds a subscription. A private topic comes with a key.
    pub(crate) fn add_subscription(
        &mut self,
        topic: &Topic,
        key: Option<PrivateKey>,
        consumer: Consumer<Message>,
    ) -> Result<()> {
        self.check_open()?;
        self.keyed_entry(topic, key)?.subscriptions.push(consumer);
        Ok(())
    }

    /// Adds a service. A private topic comes with a key.
    pub(crate) fn add_service(
        &mut self,
        topic: &Topic,
        key: Option<PrivateKey>,
        consumer: Consumer<Request>,
    ) -> Result<()> {
        self.check_open()?;
        let entry = self.keyed_entry(topic, key)?;
        if entry.service.is_some() {
            return Err(Error::undelivered(
                ErrorKind::AlreadyServed,
                format!("this client serves {topic:?} already: end that service first"),
            ));
        }
        entry.service = Some(consumer);
        Ok(())
    }

    /// Adds a publisher of a private topic. `push_channel` is what nodes ask it by.
    pub(crate) fn add_publisher(
        &mut self,
        push_channel: &Topic,
        id: Id,
        keys: Arc<[PublicKey]>,
    ) -> Result<()> {
        self.check_open()?;
        self.entry(push_channel).publishers.push((id, keys));
        Ok(())
    }

    /// Returns the keys that the publishers of a private topic allow, `None` if there is no publisher.
    pub(crate) fn allowed_keys(&self, topic: &Topic) -> Option<Vec<PublicKey>> {
        self.topics.get(&topic.push_channel()).map(Entry::allowed_keys)
    }

    /// Returns the private topics with publishers, and the keys that these allow.
    pub(crate) fn published_topics(&self) -> Vec<(Topic, Vec<PublicKey>)> {
        let published =
            |(topic, entry): (&Topic, &Entry)| Some((topic.pushed_topic()?, entry.allowed_keys()));
        self.topics.iter().filter_map(published).collect()
    }

    /// Returns the private topics with consumers: the public half of each key, and what it was asked for.
    pub(crate) fn proved_topics(&self) -> Vec<(Topic, PublicKey, ProverStats)> {
        let proved = |(topic, entry): (&Topic, &Entry)| {
            entry.prover.as_ref().map(|prover| (topic.clone(), prover.public_key(), prover.stats()))
        };
        self.topics.iter().filter_map(proved).collect()
    }

    /// Removes a consumer and closes its lane. The lane's reader is to be woken after the registry is unlocked.
    pub(crate) fn remove(&mut self, topic: &Topic, id: Id) -> Wakers {
        let mut wakers = Wakers::default();
        let Some(entry) = self.topics.get_mut(topic) else { return wakers };
        self.leaving.retain(Leftover::may_run);
        let gone = entry.subscriptions.extract_if(.., |consumer| consumer.id == id);
        let gone = gone.map(|consumer| Leftover::of(consumer, &mut wakers));
        self.leaving.extend(gone.filter(Leftover::may_run));
        let gone = entry.service.take_if(|consumer| consumer.id == id);
        let gone = gone.map(|consumer| Leftover::of(consumer, &mut wakers));
        self.leaving.extend(gone.filter(Leftover::may_run));
        entry.publishers.retain(|(publisher, _)| *publisher != id);
        if entry.is_empty() {
            self.topics.remove(topic);
            self.listed_len -= listed_len(topic);
        }
        wakers
    }

    /// Returns the bytes that all topics take in a list, whatever their placement: any link may have to list them all.
    pub(crate) fn listed_len(&self) -> usize {
        self.listed_len
    }

    /// Returns [`Registry::listed_len`] as it is with a further topic, or one that is there already.
    pub(crate) fn listed_len_with(&self, topic: &Topic) -> usize {
        let is_new = !self.topics.contains_key(topic);
        self.listed_len + if is_new { listed_len(topic) } else { 0 }
    }

    /// Returns the lanes that receive the messages of `topic` on `link`, none if the topic is not listed there.
    ///
    /// Placement only decides where the topic is listed. Where it is, all its consumers receive messages, including a
    /// service whose own placement would not have listed it there.
    pub(crate) fn route(&self, topic: &Topic, link: LinkId) -> RouteSpec {
        if !self.is_listed(topic, link) {
            return RouteSpec::default();
        }
        let Some(entry) = self.topics.get(topic) else { return RouteSpec::default() };
        RouteSpec {
            subscriptions: entry.subscriptions.iter().map(|consumer| consumer.lane.clone()).collect(),
            service: entry.service.as_ref().map(|consumer| consumer.lane.clone()),
            is_primary: link == self.primary_link,
            own_use: (!entry.publishers.is_empty()).then_some(OwnUse::Listed),
        }
    }

    /// Returns the topic on which this client is challenged over a link because of a private topic, and its route, which is
    /// empty if the private topic is not listed there. `None` for any other topic.
    pub(crate) fn challenge_route(&self, topic: &Topic, link: LinkId) -> Option<(Topic, RouteSpec)> {
        let ids = self.verify_ids.as_ref().filter(|_| topic.is_private())?;
        let entry = self.topics.get(topic).filter(|_| self.is_listed(topic, link));
        let prover = entry.and_then(|entry| entry.prover.clone());
        let spec = RouteSpec { own_use: prover.map(OwnUse::Challenges), ..RouteSpec::default() };
        Some((topic.verify_channel(ids.id(topic, link)), spec))
    }

    /// Returns whether this client lists a topic at a link.
    pub(crate) fn is_listed(&self, topic: &Topic, link: LinkId) -> bool {
        let here = |placement| placement == Placement::All || link == self.primary_link;
        self.topics.get(topic).is_some_and(|entry| {
            entry.subscriptions.iter().any(|consumer| here(consumer.placement))
                || entry.service.as_ref().is_some_and(|consumer| here(consumer.placement))
                || !entry.publishers.is_empty()
        })
    }

    /// Returns whether consumers are still accepted.
    pub(crate) fn is_open(&self) -> bool {
        !self.closed
    }

    /// Returns all topics.
    pub(crate) fn topics(&self) -> Vec<Topic> {
        self.topics.keys().cloned().collect()
    }

    /// Moves topics with [`Placement::One`] to another link, and the broadcasts that are taken from one link only. Returns
    /// the topics whose routes may have changed: all if `broadcasts_move`.
    pub(crate) fn set_primary_link(&mut self, link: LinkId, broadcasts_move: bool) -> Vec<Topic> {
        if std::mem::replace(&mut self.primary_link, link) == link {
            return Vec::new();
        }
        let moves = |entry: &Entry| {
            let one = |placement| placement == Placement::One;
            entry.service.as_ref().is_some_and(|consumer| one(consumer.placement))
                || entry.subscriptions.iter().any(|consumer| one(consumer.placement))
        };
        self.topics
            .iter()
            .filter(|(_, entry)| broadcasts_move || moves(entry))
            .map(|(topic, _)| topic.clone())
            .collect()
    }

    /// Returns the link that topics with [`Placement::One`] are listed at.
    pub(crate) fn primary_link(&self) -> LinkId {
        self.primary_link
    }

    /// Accepts no further consumers and closes all lanes. Returns the topics that were listed, the handlers to wait
    /// for, and the lanes' readers, which are to be woken after the registry is unlocked.
    pub(crate) fn close(&mut self) -> (Vec<Topic>, Vec<Leftover>, Wakers) {
        self.closed = true;
        self.listed_len = 0;
        let mut wakers = Wakers::default();
        let mut leftovers = std::mem::take(&mut self.leaving);
        let mut topics = Vec::new();
        for (topic, entry) in self.topics.drain() {
            leftovers.extend(entry.subscriptions.into_iter().map(|gone| Leftover::of(gone, &mut wakers)));
            leftovers.extend(entry.service.map(|gone| Leftover::of(gone, &mut wakers)));
            topics.push(topic);
        }
        (topics, leftovers, wakers)
    }

    fn entry(&mut self, topic: &Topic) -> &mut Entry {
        self.topics.entry(topic.clone()).or_insert_with_key(|topic| {
            self.listed_len += listed_len(topic);
            Entry::default()
        })
    }

    /// Returns the entry of a topic, which answers challenges with `key` from here on, if there is one.
    fn keyed_entry(&mut self, topic: &Topic, key: Option<PrivateKey>) -> Result<&mut Entry> {
        let Some(key) = key else { return Ok(self.entry(topic)) };
        if self.verify_ids.is_none() {
            self.verify_ids = Some(VerifyIds::new()?);
        }
        let entry = self.entry(topic);
        match &entry.prover {
            None => entry.prover = Some(Arc::new(Prover::new(key))),
            Some(prover) if prover.public_key() == key.public_key() => {}
            Some(_) => {
                return Err(Error::undelivered(
                    ErrorKind::InvalidArgument,
                    format!(
                        "this client has subscribed to {topic:?} with another key, and is verified with one key for each \
                         topic: use the same key, or a further client"
                    ),
                ));
            }
        }
        Ok(entry)
    }

    fn check_open(&self) -> Result<()> {
        if self.is_open() { Ok(()) } else { Err(crate::session::closed()) }
    }
}

/// Returns the bytes that a topic takes in a list, with the one on which its consumers are challenged.
fn listed_len(topic: &Topic) -> usize {
    topic.listed_len() + if topic.is_private() { topic.verify_channel_listed_len() } else { 0 }
}

/// A consumer whose lane is closed.
pub(crate) struct Leftover {
    pub(crate) finished: Option<watch::Receiver<()>>,
    lane: Arc<dyn AnyLane>,
}

impl Leftover {
    fn of<T: LaneItem>(consumer: Consumer<T>, wakers: &mut Wakers) -> Leftover {
        wakers.close(&consumer.lane);
        Leftover { finished: consumer.finished, lane: consumer.lane }
    }

    /// Returns whether the handler runs or may be called again.
    fn may_run(&self) -> bool {
        // No value is ever sent. The channel is closed when the handler ends.
        self.finished.as_ref().is_some_and(|finished| finished.has_changed().is_ok())
    }

    /// Drops and counts what is queued.
    pub(crate) fn abandon(self) {
        self.lane.abandon();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::{Budget, LaneLimits};

    fn consumer<T: LaneItem>(id: Id) -> Consumer<T> {
        let lane = Lane::new(LaneLimits::default(), Arc::new(Budget::new(1 << 20)));
        Consumer { id, lane, placement: Placement::One, finished: None }
    }

    #[test]
    fn bytes_of_the_list_follow_the_topics() {
        let mut registry = Registry::default();
        let [a, b] = ["a", "quo\"te"].map(|name| Topic::new(name).unwrap());
        assert_eq!(registry.listed_len_with(&a), 4);
        registry.add_subscription(&a, None, consumer(1)).unwrap();
        registry.add_subscription(&a, None, consumer(2)).unwrap();
        registry.add_service(&a, None, consumer(3)).unwrap();
        registry.add_service(&a, None, consumer(4)).unwrap_err();
        assert_eq!((registry.listed_len(), registry.listed_len_with(&a)), (4, 4));
        registry.add_service(&b, None, consumer(5)).unwrap();
        assert_eq!(registry.listed_len(), 4 + 10);
        (1..=2).for_each(|id| drop(registry.remove(&a, id)));
        assert_eq!(registry.listed_len(), 4 + 10, "its service is left");
        drop(registry.remove(&a, 3));
        drop(registry.remove(&a, 3));
        assert_eq!(registry.listed_len(), 10);
        drop(registry.close());
        assert_eq!(registry.listed_len(), 0);
    }
    fn key(digit: &str) -> PrivateKey {
        PrivateKey::read(digit.repeat(64), None).unwrap()
    }

    fn private(name: &str) -> Topic {
        Topic::new(name).unwrap().private().unwrap()
    }

    #[test]
    fn private_topic_is_listed_with_a_channel_of_its_own_on_each_link() {
        let (mut registry, topic) = (Registry::default(), private("a"));
        assert!(registry.challenge_route(&topic, 1).is_none(), "no topic ever had a key");
        let everywhere = Consumer { placement: Placement::All, ..consumer(1) };
        registry.add_subscription(&topic, Some(key("1")), everywhere).unwrap();
        let [(one, first), (other, second)] =
            [1, 2].map(|link| registry.challenge_route(&topic, link).unwrap());
        assert!(one != other && !first.is_empty() && !second.is_empty());
        assert_eq!(registry.challenge_route(&topic, 1).unwrap().0, one, "it stays the same");
        assert_eq!(registry.listed_len(), topic.listed_len() + one.listed_len());
        let other_topic = private("b");
        assert!(registry.challenge_route(&other_topic, 1).unwrap().1.is_empty());
        drop(registry.remove(&topic, 1));
        let (left, spec) = registry.challenge_route(&topic, 1).unwrap();
        assert!(left == one && spec.is_empty(), "so that it is taken off the list");
        assert_eq!(registry.listed_len(), 0);
    }

    #[test]
    fn consumers_of_a_private_topic_share_one_key() {
        let (mut registry, topic) = (Registry::default(), private("a"));
        registry.add_subscription(&topic, Some(key("1")), consumer(1)).unwrap();
        registry.add_service(&topic, Some(key("1")), consumer(2)).unwrap();
        let error = registry.add_subscription(&topic, Some(key("2")), consumer(3)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument);
        (1..=2).for_each(|id| drop(registry.remove(&topic, id)));
        registry.add_subscription(&topic, Some(key("2")), consumer(4)).unwrap();
        assert_eq!(registry.proved_topics()[0].1, key("2").public_key());
    }

    #[test]
    fn publishers_of_a_private_topic_allow_their_keys_together() {
        let (mut registry, topic) = (Registry::default(), private("a"));
        let push = topic.push_channel();
        assert_eq!(registry.allowed_keys(&topic), None);
        let [one, two] = ["1", "2"].map(|digit| key(digit).public_key());
        registry.add_publisher(&push, 1, [one.clone()].into()).unwrap();
        registry.add_publisher(&push, 2, [one.clone(), two.clone()].into()).unwrap();
        assert_eq!(registry.allowed_keys(&topic).unwrap().len(), 2);
        assert!(!registry.route(&push, 7).is_empty() && registry.is_listed(&push, 7));
        drop(registry.remove(&push, 2));
        assert_eq!(registry.allowed_keys(&topic), Some(vec![one]));
        drop(registry.remove(&push, 1));
        assert_eq!(registry.allowed_keys(&topic), None);
        assert!(registry.route(&push, 7).is_empty());
    }
}
