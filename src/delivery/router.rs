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
use super::duplicates::{Duplicates, Key, Lookup};
use super::events::{Event, EventHub};
use super::lane::{Lane, LaneItem, Reservation, SPARE};
use super::message::{Message, MessageKind};
use super::request::{AnswerSink, Origin, Request, Responder, Ticket};
use crate::protocol::channel::Frame;
use crate::protocol::{SeqSource, Topic, result};
use crate::runtime::Process;

/// What all sessions of a client share for delivery.
pub(crate) struct DeliveryShared {
    pub(crate) budget: Arc<Budget>,
    pub(crate) duplicates: Arc<Mutex<Duplicates>>,
    pub(crate) events: Arc<EventHub>,
    pub(crate) seqs: Arc<SeqSource>,
    pub(crate) discarded: DiscardCounters,
    /// Whether the client hears its own broadcasts.
    pub(crate) echo: bool,
}

/// Messages that came and went to no lane, though none was full; by reason.
#[derive(Debug, Default)]
pub(crate) struct DiscardCounters {
    /// They had come before.
    pub(crate) duplicates: AtomicU64,
    /// Nobody here subscribes, or no longer.
    pub(crate) unwanted: AtomicU64,
    /// This client's own broadcasts.
    pub(crate) own: AtomicU64,
}

/// Where a topic's messages go.
#[derive(Clone, Default)]
pub(crate) struct RouteSpec {
    /// Each gets every message.
    pub(crate) subscriptions: Vec<Arc<Lane<Message>>>,
    /// Gets the unicasts instead of the subscriptions.
    pub(crate) service: Option<Arc<Lane<Request>>>,
}

impl RouteSpec {
    pub(crate) fn is_empty(&self) -> bool {
        self.subscriptions.is_empty() && self.service.is_none()
    }
}

/// A lane with what the present batch brings for it.
struct StagedLane<T: LaneItem> {
    lane: Arc<Lane<T>>,
    staged: Vec<T>,
}

impl<T: LaneItem> StagedLane<T> {
    fn new(lane: Arc<Lane<T>>) -> StagedLane<T> {
        StagedLane { lane, staged: Vec::new() }
    }

    fn hand_over(&mut self, topic: &Topic, events: &EventHub) {
        if self.staged.is_empty() {
            return;
        }
        if self.lane.push(&mut self.staged) > 0 {
            report_slow_consumer(events, topic, &self.lane);
        }
        self.staged.shrink_to(SPARE);
    }
}

struct Route {
    topic: Topic,
    subscriptions: Vec<StagedLane<Message>>,
    service: Option<StagedLane<Request>>,
    /// Has staged messages.
    touched: bool,
}

impl Route {
    /// Puts a message into every subscription's lane with room; what became of it at the luckiest.
    fn stage(&mut self, events: &EventHub, bytes: usize, message: impl FnOnce() -> Message) -> Reservation {
        let mut make = Some(message);
        let mut made: Option<Message> = None;
        let mut full = false;
        for port in &mut self.subscriptions {
            match port.lane.reserve(bytes) {
                Reservation::Reserved => {
                    if let Some(make) = make.take() {
                        made = Some(make());
                    }
                    port.staged.extend(made.clone());
                }
                Reservation::Full => {
                    report_slow_consumer(events, &self.topic, &port.lane);
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
}

/// What the session has to do about a unicast.
pub(crate) enum Verdict {
    /// Answer now.
    Answer(i32, Bytes),
    /// A handler answers, before the session's clock runs out.
    Later(Arc<Ticket>),
    /// A copy of a request whose answer this connection waits for already: no further answer is due.
    NoAnswer,
}

impl Router {
    pub(crate) fn new(shared: Arc<DeliveryShared>, endpoint: Arc<str>, sink: Arc<dyn AnswerSink>) -> Router {
        let process = Process::current();
        Router { shared, endpoint, sink, epoch: 0, process, routes: HashMap::new(), touched: Vec::new() }
    }

    /// A new connection: answers to requests of former ones must not go there.
    pub(crate) fn start_epoch(&mut self, epoch: u64) {
        self.epoch = epoch;
    }

    /// Sets where a topic goes; an empty route removes it. True when the node's list has to change for it.
    pub(crate) fn set(&mut self, topic: Topic, spec: RouteSpec) -> bool {
        if spec.is_empty() {
            return self.routes.remove(&topic).is_some();
        }
        let route = Route {
            topic: topic.clone(),
            subscriptions: spec.subscriptions.into_iter().map(StagedLane::new).collect(),
            service: spec.service.map(StagedLane::new),
            touched: false,
        };
        self.routes.insert(topic, route).is_none()
    }

    /// All topics that the node should list for this session.
    pub(crate) fn topics(&self) -> impl Iterator<Item = &Topic> {
        self.routes.keys()
    }

    /// Whether no topic is wanted.
    pub(crate) fn is_empty(&self) -> bool {
        self.routes.is_empty()
    }

    /// Decides about what one read brought, then hands the messages to their lanes.
    pub(crate) fn batch<R>(&mut self, now: Instant, decide: impl FnOnce(&mut Batch<'_>) -> R) -> R {
        let Router { shared, endpoint, sink, epoch, process, routes, touched } = self;
        let arrival = Arrival { endpoint, received_at: None };
        let table = Table { shared: &shared.duplicates, locked: None };
        let (epoch, process) = (*epoch, *process);
        let mut batch = Batch { shared, arrival, sink, epoch, process, routes, touched, table, now };
        let decided = decide(&mut batch);
        // Unlocked first: a lane that was closed meanwhile drops requests, which then look for their duplicates.
        drop(batch);
        self.hand_over();
        decided
    }

    fn hand_over(&mut self) {
        let Router { shared, routes, touched, .. } = self;
        for topic in touched.drain(..) {
            let Some(route) = routes.get_mut(&topic) else { continue };
            route.touched = false;
            for port in &mut route.subscriptions {
                port.hand_over(&topic, &shared.events);
            }
            if let Some(port) = &mut route.service {
                port.hand_over(&topic, &shared.events);
            }
        }
    }
}

/// Whence and when the messages of a batch came.
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
    /// A message's identity, and how to make it once somebody takes it.
    fn describe<'f>(
        &'f mut self,
        topic: &Topic,
        kind: MessageKind,
        frame: &'f Frame<'_>,
        data: &'f [u8],
    ) -> (Key, impl FnOnce() -> Message + use<'f>) {
        let topic = topic.clone();
        let key = Key { seq: frame.seq, kind, topic: topic.clone() };
        let received_at = *self.received_at.get_or_insert_with(SystemTime::now);
        let endpoint = self.endpoint;
        let make = move || Message {
            topic,
            kind,
            seq: frame.seq,
            data: frame.keep(data),
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
    table: Table<'a>,
    now: Instant,
}

impl Batch<'_> {
    /// Offers a unicast; `data` is part of the frame's body.
    pub(crate) fn unicast(&mut self, frame: &Frame<'_>, topic: &[u8], data: &[u8]) -> Verdict {
        let Some(route) = find(self.routes, topic) else {
            return self.shared.discarded.answer(Reservation::Closed);
        };
        let origin = || Origin::new(self.sink.clone(), self.epoch, frame.seq);
        let (key, message) = self.arrival.describe(&route.topic, MessageKind::Unicast, frame, data);
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
        let Some(port) = &mut route.service else {
            let room = route.stage(&self.shared.events, data.len(), message);
            if room == Reservation::Reserved {
                route.touch(self.touched);
                duplicates.taken(key, self.now);
            }
            return self.shared.discarded.answer(room);
        };
        let room = port.lane.reserve(data.len());
        if room != Reservation::Reserved {
            if room == Reservation::Full {
                report_slow_consumer(&self.shared.events, &route.topic, &port.lane);
            }
            return self.shared.discarded.answer(room);
        }
        let ticket = Ticket::new(key, origin());
        let responder = Responder::new(ticket.clone(), self.shared.duplicates.clone(), self.process);
        port.staged.push(Request::new(message(), responder));
        route.touch(self.touched);
        duplicates.running(ticket.clone());
        Verdict::Later(ticket)
    }

    /// Returns whether messages on this topic go anywhere.
    pub(crate) fn has_route(&self, topic: &[u8]) -> bool {
        std::str::from_utf8(topic).is_ok_and(|topic| self.routes.contains_key(topic))
    }

    /// Offers a broadcast, which needs no answer; `is_own`: this client made it. Returns false if this client has no
    /// subscription to its topic.
    pub(crate) fn broadcast(&mut self, frame: &Frame<'_>, topic: &[u8], data: &[u8], is_own: bool) -> bool {
        let Some(route) = find(self.routes, topic) else {
            count(&self.shared.discarded.unwanted);
            return false;
        };
        if !self.shared.echo && is_own {
            count(&self.shared.discarded.own);
            return true;
        }
        let origin = || Origin::new(self.sink.clone(), self.epoch, frame.seq);
        let (key, message) = self.arrival.describe(&route.topic, MessageKind::Broadcast, frame, data);
        let duplicates = self.table.lock();
        if !matches!(duplicates.look(&key, self.now, origin), Lookup::New) {
            count(&self.shared.discarded.duplicates);
            return true;
        }
        match route.stage(&self.shared.events, data.len(), message) {
            Reservation::Reserved => {
                route.touch(self.touched);
                duplicates.taken(key, self.now);
            }
            Reservation::Closed => count(&self.shared.discarded.unwanted),
            // The lanes have counted it.
            Reservation::Full => {}
        }
        true
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
    /// The answer to a unicast that met this room, counted.
    fn answer(&self, room: Reservation) -> Verdict {
        let code = match room {
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

fn report_slow_consumer<T: LaneItem>(events: &EventHub, topic: &Topic, lane: &Lane<T>) {
    if lane.begin_slow_episode() {
        events.emit(Event::SlowConsumer { topic: topic.as_str().into() });
    }
}
