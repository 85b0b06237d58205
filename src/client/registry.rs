//! Which topics the application wants, and which lanes they lead to, on each link.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::watch;

use crate::delivery::{Lane, LaneItem, Message, Request, RouteSpec};
use crate::error::{Error, ErrorKind, Result};
use crate::protocol::Topic;

/// A consumer's number within its client.
pub(crate) type Id = u64;

/// One subscription or service as the registry knows it.
pub(crate) struct Consumer<T: LaneItem> {
    pub(crate) id: Id,
    pub(crate) lane: Arc<Lane<T>>,
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
    /// The link that services are listed at: one at a time, so that a unicast never runs on two.
    home: usize,
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
            return Err(Error::new(
                ErrorKind::AlreadyServed,
                format!("this client serves {topic:?} already; a topic has one service, end it first"),
            ));
        }
        entry.service = Some(consumer);
        Ok(())
    }

    /// Takes a consumer out; its lane takes nothing more from then on.
    pub(crate) fn remove(&mut self, topic: &Topic, id: Id) -> Option<watch::Receiver<()>> {
        let entry = self.topics.get_mut(topic)?;
        let mut finished = None;
        for gone in entry.subscriptions.extract_if(.., |consumer| consumer.id == id) {
            gone.lane.close();
            finished = gone.finished;
        }
        if let Some(gone) = entry.service.take_if(|consumer| consumer.id == id) {
            gone.lane.close();
            finished = gone.finished;
        }
        if entry.subscriptions.is_empty() && entry.service.is_none() {
            self.topics.remove(topic);
        }
        finished
    }

    /// Where a topic goes on a link.
    pub(crate) fn route(&self, topic: &Topic, link: usize) -> RouteSpec {
        let Some(entry) = self.topics.get(topic) else { return RouteSpec::default() };
        RouteSpec {
            subscriptions: entry.subscriptions.iter().map(|consumer| consumer.lane.clone()).collect(),
            service: entry
                .service
                .as_ref()
                .filter(|_| link == self.home)
                .map(|consumer| consumer.lane.clone()),
        }
    }

    /// Moves the services to another link; the topics that this concerns.
    pub(crate) fn move_services(&mut self, home: usize) -> Vec<Topic> {
        if std::mem::replace(&mut self.home, home) == home {
            return Vec::new();
        }
        let served = self.topics.iter().filter(|(_, entry)| entry.service.is_some());
        served.map(|(topic, _)| topic.clone()).collect()
    }

    /// The link that services are listed at.
    pub(crate) fn home(&self) -> usize {
        self.home
    }

    /// Takes no more consumers and closes all lanes; what is to be waited for, and how to give up the rest.
    pub(crate) fn close(&mut self) -> Vec<(Topic, Vec<Leftover>)> {
        self.closed = true;
        let topics = self.topics.drain().map(|(topic, entry)| {
            let mut rest: Vec<Leftover> = entry.subscriptions.into_iter().map(Leftover::of).collect();
            rest.extend(entry.service.map(Leftover::of));
            (topic, rest)
        });
        topics.collect()
    }

    fn check_open(&self) -> Result<()> {
        if self.closed { Err(crate::session::closed()) } else { Ok(()) }
    }
}

/// A consumer of a client that has closed.
pub(crate) struct Leftover {
    pub(crate) finished: Option<watch::Receiver<()>>,
    abandon: Box<dyn FnOnce() + Send>,
}

impl Leftover {
    fn of<T: LaneItem>(consumer: Consumer<T>) -> Leftover {
        consumer.lane.close();
        let lane = consumer.lane;
        Leftover { finished: consumer.finished, abandon: Box::new(move || lane.abandon()) }
    }

    /// Drops and counts what is still queued for it.
    pub(crate) fn abandon(self) {
        (self.abandon)();
    }
}
