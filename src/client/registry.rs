//! Which topics the application wants, and which lanes they lead to, on each link.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::watch;

use crate::delivery::{AnyLane, Lane, LaneItem, Message, Request, RouteSpec, Wakers};
use crate::error::{Error, ErrorKind, Result};
use crate::protocol::Topic;

use super::link::LinkId;
use super::options::Placement;

/// A consumer's number within its client.
pub(crate) type Id = u64;

/// One subscription or service as the registry knows it.
pub(crate) struct Consumer<T: LaneItem> {
    pub(crate) id: Id,
    pub(crate) lane: Arc<Lane<T>>,
    pub(crate) placement: Placement,
    /// Ends when the last handler call has returned; none where the application itself reads the lane.
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
    /// Consumers that were taken out and whose handlers haven't returned for the last time.
    leaving: Vec<Leftover>,
    /// The link for what is listed at one node at a time.
    home: LinkId,
}

impl Registry {
    pub(crate) fn next_id(&mut self) -> Id {
        self.next += 1;
        self.next
    }

    pub(crate) fn add_subscription(&mut self, topic: &Topic, consumer: Consumer<Message>) -> Result<()> {
        self.check_open()?;
        self.topics.entry(topic.clone()).or_default().subscriptions.push(consumer);
        Ok(())
    }

    pub(crate) fn add_service(&mut self, topic: &Topic, consumer: Consumer<Request>) -> Result<()> {
        self.check_open()?;
        let entry = self.topics.entry(topic.clone()).or_default();
        if entry.service.is_some() {
            return Err(Error::undelivered(
                ErrorKind::AlreadyServed,
                format!("this client serves {topic:?} already; a topic has one service, end it first"),
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
        }
        wakers
    }

    /// Where a topic goes on a link. Placement says where it is listed; where it is, all consumers have its messages: a
    /// service its unicasts, though the node sends them because of a subscription.
    pub(crate) fn route(&self, topic: &Topic, link: LinkId) -> RouteSpec {
        if !self.is_listed(topic, link) {
            return RouteSpec::default();
        }
        let Some(entry) = self.topics.get(topic) else { return RouteSpec::default() };
        RouteSpec {
            subscriptions: entry.subscriptions.iter().map(|consumer| consumer.lane.clone()).collect(),
            service: entry.service.as_ref().map(|consumer| consumer.lane.clone()),
        }
    }

    /// Whether this client has a topic listed at a link.
    pub(crate) fn is_listed(&self, topic: &Topic, link: LinkId) -> bool {
        let here = |placement| placement == Placement::All || link == self.home;
        self.topics.get(topic).is_some_and(|entry| {
            entry.subscriptions.iter().any(|consumer| here(consumer.placement))
                || entry.service.as_ref().is_some_and(|consumer| here(consumer.placement))
        })
    }

    /// Whether consumers are still taken.
    pub(crate) fn is_open(&self) -> bool {
        !self.closed
    }

    /// All topics.
    pub(crate) fn topics(&self) -> Vec<Topic> {
        self.topics.keys().cloned().collect()
    }

    /// Moves what is listed at one node to another link; the topics that this concerns.
    pub(crate) fn set_primary_link(&mut self, home: LinkId) -> Vec<Topic> {
        if std::mem::replace(&mut self.home, home) == home {
            return Vec::new();
        }
        let moves = |entry: &Entry| {
            let one = |placement| placement == Placement::One;
            entry.service.as_ref().is_some_and(|consumer| one(consumer.placement))
                || entry.subscriptions.iter().any(|consumer| one(consumer.placement))
        };
        self.topics.iter().filter(|(_, entry)| moves(entry)).map(|(topic, _)| topic.clone()).collect()
    }

    /// The link for what is listed at one node at a time.
    pub(crate) fn home(&self) -> LinkId {
        self.home
    }

    /// Accepts no further consumers and closes all lanes. Returns the topics that were listed, the handlers to wait for,
    /// and the lanes' readers, which are to be woken after the registry is unlocked.
    pub(crate) fn close(&mut self) -> (Vec<Topic>, Vec<Leftover>, Wakers) {
        self.closed = true;
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

    fn check_open(&self) -> Result<()> {
        if self.is_open() { Ok(()) } else { Err(crate::session::closed()) }
    }
}

/// A consumer that takes no more messages.
pub(crate) struct Leftover {
    pub(crate) finished: Option<watch::Receiver<()>>,
    lane: Arc<dyn AnyLane>,
}

impl Leftover {
    fn of<T: LaneItem>(consumer: Consumer<T>, wakers: &mut Wakers) -> Leftover {
        wakers.close(&consumer.lane);
        Leftover { finished: consumer.finished, lane: consumer.lane }
    }

    /// Whether its handler has not returned for the last time, or may even be called again.
    fn may_run(&self) -> bool {
        // Nothing is ever sent: the channel ends with the handler.
        self.finished.as_ref().is_some_and(|finished| finished.has_changed().is_ok())
    }

    /// Drops and counts what is still queued for it.
    pub(crate) fn abandon(self) {
        self.lane.abandon();
    }
}
