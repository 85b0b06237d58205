//! The consumers of a client, and the lanes that the messages of a topic go to on each link.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::watch;

use crate::delivery::{AnyLane, Lane, LaneItem, Message, Request, RouteSpec, Wakers};
use crate::error::{Error, ErrorKind, Result};
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
}

impl Registry {
    pub(crate) fn next_id(&mut self) -> Id {
        self.next += 1;
        self.next
    }

    pub(crate) fn add_subscription(&mut self, topic: &Topic, consumer: Consumer<Message>) -> Result<()> {
        self.check_open()?;
        self.entry(topic).subscriptions.push(consumer);
        Ok(())
    }

    pub(crate) fn add_service(&mut self, topic: &Topic, consumer: Consumer<Request>) -> Result<()> {
        self.check_open()?;
        let entry = self.entry(topic);
        if entry.service.is_some() {
            return Err(Error::undelivered(
                ErrorKind::AlreadyServed,
                format!("this client serves {topic:?} already: end that service first"),
            ));
        }
        entry.service = Some(consumer);
        Ok(())
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
        if entry.subscriptions.is_empty() && entry.service.is_none() {
            self.topics.remove(topic);
            self.listed_len -= topic.listed_len();
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
        self.listed_len + if is_new { topic.listed_len() } else { 0 }
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
        }
    }

    /// Returns whether this client lists a topic at a link.
    pub(crate) fn is_listed(&self, topic: &Topic, link: LinkId) -> bool {
        let here = |placement| placement == Placement::All || link == self.primary_link;
        self.topics.get(topic).is_some_and(|entry| {
            entry.subscriptions.iter().any(|consumer| here(consumer.placement))
                || entry.service.as_ref().is_some_and(|consumer| here(consumer.placement))
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
            self.listed_len += topic.listed_len();
            Entry::default()
        })
    }

    fn check_open(&self) -> Result<()> {
        if self.is_open() { Ok(()) } else { Err(crate::session::closed()) }
    }
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
        registry.add_subscription(&a, consumer(1)).unwrap();
        registry.add_subscription(&a, consumer(2)).unwrap();
        registry.add_service(&a, consumer(3)).unwrap();
        registry.add_service(&a, consumer(4)).unwrap_err();
        assert_eq!((registry.listed_len(), registry.listed_len_with(&a)), (4, 4));
        registry.add_service(&b, consumer(5)).unwrap();
        assert_eq!(registry.listed_len(), 4 + 10);
        (1..=2).for_each(|id| drop(registry.remove(&a, id)));
        assert_eq!(registry.listed_len(), 4 + 10, "its service is left");
        drop(registry.remove(&a, 3));
        drop(registry.remove(&a, 3));
        assert_eq!(registry.listed_len(), 10);
        drop(registry.close());
        assert_eq!(registry.listed_len(), 0);
    }
}
