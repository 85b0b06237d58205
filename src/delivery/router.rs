//! One session's table from topics to lanes, and the decision about each message that arrives.
//!
//! A [`Batch`] covers what one read brought: the shared table of duplicates is locked at the first message, if there
//! is any, and afterwards each lane gets its messages in one go.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Instant, SystemTime};

use bytes::Bytes;

use super::budget::Budget;
use super::duplicates::{Duplicates, Lookup};
use super::events::{Event, EventHub};
use super::lane::{Lane, LaneItem, Reservation, SPARE};
use super::message::{Message, held_bytes};
use super::request::{Request, Responder};
use super::route_spec::{OwnUse, RouteSpec};
use super::ticket::{AnswerSink, Key, Origin, Ticket};
use crate::protocol::message::{Incoming, MessageKind};
use crate::protocol::{SeqSource, Topic, result};
use crate::runtime::Process;

/// What all sessions of a client share for delivery.
pub(crate) struct DeliveryShared {
    pub(crate) budget: Arc<Budget>,
    pub(crate) duplicates: Arc<Mutex<Duplicates>>,
    pub(crate) events: Arc<EventHub>,
    pub(crate) seqs: Arc<SeqSource>,
    pub(crate) discarded: DiscardCounters,
    /// Whether the client receives its own broadcasts.
    pub(crate) echo: bool,
}

/// Counts messages that went to no lane although none was full, by reason.
#[derive(Debug, Default)]
pub(crate) struct DiscardCounters {
    /// They had arrived before.
    pub(crate) duplicates: AtomicU64,
    /// This client has no subscription to their topic.
    pub(crate) unwanted: AtomicU64,
    /// This client's own broadcasts.
    pub(crate) own: AtomicU64,
}

/// A lane, and the messages of the current batch for it.
struct StagedLane<T: LaneItem> {
    lane: Arc<Lane<T>>,
    staged: Vec<T>,
}

impl<T: LaneItem> StagedLane<T> {
    fn new(lane: Arc<Lane<T>>) -> StagedLane<T> {
        StagedLane { lane, staged: Vec::new() }
    }

    fn pass_on(&mut self, topic: &Topic, events: &EventHub) {
        if self.staged.is_empty() {
            return;
        }
        if self.lane.push(&mut self.staged) > 0 && self.lane.begin_slow_episode() {
            report_slow_consumer(events, topic);
        }
        self.staged.shrink_to(SPARE);
    }
}

struct Route {
    topic: Topic,
    subscriptions: Vec<StagedLane<Message>>,
    service: Option<StagedLane<Request>>,
    /// Whether it has staged messages.
    touched: bool,
    is_primary: bool,
    own_use: Option<OwnUse>,
}

impl Route {
    /// Stages a message in every subscription's lane that has capacity. Returns `Reserved` if any lane accepted it, `Full`
    /// if none did and one was full, else `Closed`. Adds the topic to `slow` if a slow-consumer episode begins.
    fn stage(
        &mut self,
        slow: &mut Vec<Topic>,
        bytes: usize,
        message: impl FnOnce() -> Message,
    ) -> Reservation {
        let mut make = Some(message);
        let mut made: Option<Message> = None;
        let mut full = false;
        for staged in &mut self.subscriptions {
            match staged.lane.reserve(bytes) {
                Reservation::Reserved => {
                    if let Some(make) = make.take() {
                        made = Some(make());
                    }
                    staged.staged.extend(made.clone());
                }
                Reservation::Full => {
                    note_slow_consumer(slow, &self.topic, &staged.lane);
                    full = true;
                }
                Reservation::Closed => {}
            }
        }
        match made {
            Some(_) => Reservation::Reserved,
            None if full => Reservation::Full,
            None => Reservation::Closed,
        }
    }

    fn touch(&mut self, touched: &mut Vec<Topic>) {
        if !std::mem::replace(&mut self.touched, true) {
            touched.push(self.topic.clone());
        }
    }
}

/// The table of one session.
pub(crate) struct Router {
    shared: Arc<DeliveryShared>,
    endpoint: Arc<str>,
    sink: Arc<dyn AnswerSink>,
    epoch: u64,
    process: Process,
    routes: HashMap<Topic, Route>,
    touched: Vec<Topic>,
    /// Whether copies of a broadcast can't be recognised, so that they are taken from one connection.
    broadcasts_from_one: bool,
}

/// What the session has to do about a message.
pub(crate) enum Verdict {
    /// Answer now.
    Answer(i32, Bytes),
    /// A handler answers, within the session's time limit.
    Later(Arc<Ticket>),
    /// No answer is due: it is a broadcast, or a copy of a request whose answer this connection waits for already.
    NoAnswer,
    /// A broadcast that no subscription here wants.
    Unwanted,
}

impl Router {
    pub(crate) fn new(shared: Arc<DeliveryShared>, endpoint: Arc<str>, sink: Arc<dyn AnswerSink>) -> Router {
        let process = Process::current();
        let (routes, touched) = (HashMap::new(), Vec::new());
        Router { shared, endpoint, sink, epoch: 0, process, routes, touched, broadcasts_from_one: false }
    }

    /// Begins a new connection, to which answers to requests of former ones must not go. `has_broadcast_ids`: whether each
    /// copy of a broadcast carries its id over it.
    pub(crate) fn start_epoch(&mut self, epoch: u64, has_broadcast_ids: bool) {
        self.epoch = epoch;
        self.broadcasts_from_one = !has_broadcast_ids;
    }

    /// Sets where a topic goes. An empty route removes it.
    pub(crate) fn set(&mut self, topic: Topic, spec: RouteSpec) {
        if spec.is_empty() {
            self.routes.remove(&topic);
            return;
        }
        let route = Route {
            topic: topic.clone(),
            subscriptions: spec.subscriptions.into_iter().map(StagedLane::new).collect(),
            service: spec.service.map(StagedLane::new),
            touched: false,
            is_primary: spec.is_primary,
            own_use: spec.own_use,
        };
        self.routes.insert(topic, route);
    }

    /// Returns the topics that the node has to list for this session.
    pub(crate) fn topics(&self) -> impl Iterator<Item = &Topic> {
        self.routes.keys()
    }

    /// Decides about what one read brought, then passes the messages to their lanes.
    pub(crate) fn batch<R>(&mut self, now: Instant, decide: impl FnOnce(&mut Batch<'_>) -> R) -> R {
        let Router { shared, endpoint, sink, epoch, process, routes, touched, broadcasts_from_one } = self;
        let arrival = Arrival { endpoint, received_at: None };
        let table = Table { shared: &shared.duplicates, locked: None };
        let (epoch, process, broadcasts_from_one) = (*epoch, *process, *broadcasts_from_one);
        let slow = Vec::new();
        let mut batch = Batch {
            shared,
            arrival,
            sink,
            epoch,
            process,
            routes,
            touched,
            broadcasts_from_one,
            slow,
            table,
            now,
        };
        let decided = decide(&mut batch);
        let slow = std::mem::take(&mut batch.slow);
        // Unlocked first: a lane that was closed meanwhile drops requests, which then look for their duplicates.
        drop(batch);
        slow.iter().for_each(|topic| report_slow_consumer(&self.shared.events, topic));
        self.pass_on();
        decided
    }

    fn pass_on(&mut self) {
        let Router { shared, routes, touched, .. } = self;
        // A topic is only taken off once it is done: if the waker of a consumer panics, the next batch does the rest.
        while let Some(topic) = touched.last() {
            if let Some(route) = routes.get_mut(topic) {
                for staged in &mut route.subscriptions {
                    staged.pass_on(topic, &shared.events);
                }
                if let Some(staged) = &mut route.service {
                    staged.pass_on(topic, &shared.events);
                }
                route.touched = false;
            }
            touched.pop();
        }
    }
}

/// From where and when the messages of a batch arrived.
struct Arrival<'a> {
    endpoint: &'a Arc<str>,
    /// Read from the clock at the first message.
    received_at: Option<SystemTime>,
}

/// The shared table of duplicates, locked from its first use in a batch on.
struct Table<'a> {
    shared: &'a Mutex<Duplicates>,
    locked: Option<MutexGuard<'a, Duplicates>>,
}

impl Table<'_> {
    fn lock(&mut self) -> &mut Duplicates {
        let Table { shared, locked } = self;
        locked.get_or_insert_with(|| shared.lock().unwrap_or_else(|poisoned| poisoned.into_inner()))
    }
}

impl Arrival<'_> {
    /// Returns a message's identity, and how to make it once a lane takes it.
    fn describe<'f>(
        &'f mut self,
        topic: &Topic,
        incoming: &'f Incoming<'_>,
    ) -> (Key, impl FnOnce() -> Message + use<'f>) {
        let topic = topic.clone();
        let id = incoming.id.clone();
        let key = Key { id: id.clone(), kind: incoming.kind, topic: topic.clone() };
        let received_at = *self.received_at.get_or_insert_with(SystemTime::now);
        let endpoint = self.endpoint;
        let make = move || Message {
            topic,
            kind: incoming.kind,
            id,
            data: incoming.data.keep(),
            endpoint: endpoint.clone(),
            received_at,
        };
        (key, make)
    }
}

/// The messages of one read.
pub(crate) struct Batch<'a> {
    shared: &'a DeliveryShared,
    arrival: Arrival<'a>,
    sink: &'a Arc<dyn AnswerSink>,
    epoch: u64,
    process: Process,
    routes: &'a mut HashMap<Topic, Route>,
    touched: &'a mut Vec<Topic>,
    broadcasts_from_one: bool,
    /// Topics with a consumer that has become slow. Reported once the table is unlocked, because the waker of a
    /// listener may run code of another crate.
    slow: Vec<Topic>,
    table: Table<'a>,
    now: Instant,
}

impl Batch<'_> {
    /// Offers a message to the lanes of its topic.
    pub(crate) fn offer(&mut self, incoming: &Incoming<'_>) -> Verdict {
        match incoming.kind {
            MessageKind::Unicast => self.unicast(incoming),
            MessageKind::Broadcast => self.broadcast(incoming),
        }
    }

    fn unicast(&mut self, incoming: &Incoming<'_>) -> Verdict {
        let Some(route) = find(self.routes, incoming.topic) else {
            return self.shared.discarded.answer(Reservation::Closed);
        };
        match &route.own_use {
            None => {}
            // No node sends anything to it by itself.
            Some(OwnUse::Listed) => return Verdict::Answer(result::FAILED, Bytes::new()),
            // Without an answer the node asks for a new challenge later. An empty one could lock the topic for good.
            Some(OwnUse::Challenges(prover)) => {
                let answer = prover.answer(incoming.data.bytes(), self.now);
                return answer.map_or(Verdict::NoAnswer, |answer| Verdict::Answer(result::OK, answer));
            }
        }
        let origin = || Origin::new(self.sink.clone(), self.epoch, incoming.id.clone());
        let (key, message) = self.arrival.describe(&route.topic, incoming);
        let duplicates = self.table.lock();
        match duplicates.look(&key, self.now, origin) {
            Lookup::New => {}
            Lookup::Answer(code, data) => {
                count(&self.shared.discarded.duplicates);
                return Verdict::Answer(code, data);
            }
            Lookup::Joined(ticket) => {
                count(&self.shared.discarded.duplicates);
                return Verdict::Later(ticket);
            }
            Lookup::Waiting => {
                count(&self.shared.discarded.duplicates);
                return Verdict::NoAnswer;
            }
        }
        let bytes = held_bytes(incoming.data.len(), &incoming.id);
        let Some(service) = &mut route.service else {
            let reservation = route.stage(&mut self.slow, bytes, message);
            if reservation == Reservation::Reserved {
                route.touch(self.touched);
                duplicates.taken(key, self.now);
            }
            return self.shared.discarded.answer(reservation);
        };
        let reservation = service.lane.reserve(bytes);
        if reservation != Reservation::Reserved {
            if reservation == Reservation::Full {
                note_slow_consumer(&mut self.slow, &route.topic, &service.lane);
            }
            return self.shared.discarded.answer(reservation);
        }
        let ticket = Ticket::new(key, origin());
        let responder = Responder::new(ticket.clone(), self.shared.duplicates.clone(), self.process);
        service.staged.push(Request::new(message(), responder));
        route.touch(self.touched);
        duplicates.running(ticket.clone());
        Verdict::Later(ticket)
    }

    fn broadcast(&mut self, incoming: &Incoming<'_>) -> Verdict {
        let Some(route) = find(self.routes, incoming.topic) else {
            count(&self.shared.discarded.unwanted);
            return Verdict::Unwanted;
        };
        if !self.shared.echo && incoming.is_own {
            count(&self.shared.discarded.own);
            return Verdict::NoAnswer;
        }
        if self.broadcasts_from_one && !route.is_primary {
            count(&self.shared.discarded.duplicates);
            return Verdict::NoAnswer;
        }
        let origin = || Origin::new(self.sink.clone(), self.epoch, incoming.id.clone());
        let (key, message) = self.arrival.describe(&route.topic, incoming);
        let duplicates = self.table.lock();
        if !matches!(duplicates.look(&key, self.now, origin), Lookup::New) {
            count(&self.shared.discarded.duplicates);
            return Verdict::NoAnswer;
        }
        let bytes = held_bytes(incoming.data.len(), &incoming.id);
        match route.stage(&mut self.slow, bytes, message) {
            Reservation::Reserved => {
                route.touch(self.touched);
                duplicates.taken(key, self.now);
            }
            Reservation::Closed => count(&self.shared.discarded.unwanted),
            // The lanes have counted it.
            Reservation::Full => {}
        }
        Verdict::NoAnswer
    }

    /// Passes an answer that its first origin has, or can't have any more, on to the duplicates that wait for it.
    pub(crate) fn answered(&mut self, ticket: &Arc<Ticket>, code: i32, data: &Bytes) {
        self.table.lock().answered(ticket, code, data, self.now);
    }

    /// A session's clock ran out, any of those that brought this request, and the ticket was still open: all are
    /// answered alike.
    pub(crate) fn too_slow(&mut self, ticket: &Arc<Ticket>) {
        // A connection that is gone needs no answer.
        ticket.origin.answer_copy(ticket, result::TOO_SLOW, &Bytes::new());
        self.answered(ticket, result::TOO_SLOW, &Bytes::new());
    }
}

impl DiscardCounters {
    /// Returns the answer to a unicast with this outcome, and counts it.
    fn answer(&self, reservation: Reservation) -> Verdict {
        let code = match reservation {
            Reservation::Reserved => result::OK,
            // The lanes have counted it.
            Reservation::Full => result::BUSY,
            Reservation::Closed => {
                count(&self.unwanted);
                result::UNSUBSCRIBED
            }
        };
        Verdict::Answer(code, Bytes::new())
    }
}

fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

fn find<'a>(routes: &'a mut HashMap<Topic, Route>, topic: &[u8]) -> Option<&'a mut Route> {
    routes.get_mut(std::str::from_utf8(topic).ok()?)
}

fn note_slow_consumer<T: LaneItem>(slow: &mut Vec<Topic>, topic: &Topic, lane: &Lane<T>) {
    if lane.begin_slow_episode() {
        slow.push(topic.clone());
    }
}

fn report_slow_consumer(events: &EventHub, topic: &Topic) {
    events.emit(Event::SlowConsumer { topic: topic.name().into() });
}

#[cfg(test)]
mod tests;
