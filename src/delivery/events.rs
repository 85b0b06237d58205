//! Events of connections and lanes, and the hub that passes them to listeners, each by a lane of its own.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, Weak};
use std::time::SystemTime;

use super::budget::Budget;
use super::lane::{Lane, LaneItem, LaneLimits, LaneReader, Overflow, Reservation};
use crate::error::Error;
use crate::private::PublicKey;

/// An event of a client.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event {
    /// A node is connected for the first time.
    #[non_exhaustive]
    Connected {
        /// The endpoint as it was configured.
        endpoint: Arc<str>,
        /// The version that the node reports, such as `2.11.2`.
        node_version: Arc<str>,
        /// The agreed protocol version, 1 to 3.
        protocol: u32,
    },
    /// A connection is lost. The client reconnects automatically.
    #[non_exhaustive]
    Lost {
        /// The endpoint as it was configured.
        endpoint: Arc<str>,
        /// The cause.
        error: Error,
    },
    /// A node is connected again and lists all topics of this client.
    #[non_exhaustive]
    Reconnected {
        /// The endpoint as it was configured.
        endpoint: Arc<str>,
        /// The version that the node reports.
        node_version: Arc<str>,
        /// The agreed protocol version.
        protocol: u32,
    },
    /// An attempt to connect failed. The client tries again automatically.
    #[non_exhaustive]
    ConnectFailed {
        /// The endpoint as it was configured.
        endpoint: Arc<str>,
        /// The cause.
        error: Error,
    },
    /// A subscription begins to lose messages. Emitted once per episode; the subscription's counters say how many.
    #[non_exhaustive]
    SlowConsumer {
        /// The subscription's topic.
        topic: Arc<str>,
    },
    /// A handler panicked, returned an error, or raised an exception of another language. Delivery continues, and the
    /// text is not sent to the publisher.
    #[non_exhaustive]
    HandlerFailed {
        /// The subscription's topic.
        topic: Arc<str>,
        /// The text of the panic, error or exception.
        message: String,
    },
    /// A subscriber of a private topic has proved to hold an allowed key: the node passes messages on to the subscribers at
    /// that subscriber's node. A node that was told so before doesn't ask again, so that no event is emitted.
    #[non_exhaustive]
    Verified {
        /// The name of the private topic.
        topic: Arc<str>,
        /// The node that passes messages on, as it was configured.
        endpoint: Arc<str>,
        /// The id of the subscriber's node.
        node_id: Arc<str>,
        /// The key that the subscriber holds.
        key: PublicKey,
    },
    /// A subscriber of a private topic could not be verified. Emitted when the reason is a new one for this topic and these
    /// nodes.
    #[non_exhaustive]
    Rejected {
        /// The name of the private topic.
        topic: Arc<str>,
        /// The node that has asked for the verification, as it was configured.
        endpoint: Arc<str>,
        /// The id of the subscriber's node.
        node_id: Arc<str>,
        /// The key that the subscriber has signed with, if it has and it can be known.
        key: Option<PublicKey>,
        /// Why, and what follows.
        reason: Arc<str>,
    },
    /// A certificate in use ends soon, see [`ClientBuilder::expiry_warning`](crate::ClientBuilder::expiry_warning).
    /// Emitted once for each certificate. A listener that is created after that receives it first.
    #[non_exhaustive]
    CertificateExpiring {
        /// The subject of the certificate, and the file that holds it.
        certificate: Arc<str>,
        /// The last moment at which it is valid.
        expires: SystemTime,
    },
    /// The client is closed. This is the last event.
    Closed,
}

impl LaneItem for Event {
    fn held_bytes(&self) -> usize {
        0
    }
}

/// Passes events to all listeners.
pub(crate) struct EventHub {
    max: usize,
    /// Has no limit; it counts the events that listeners lost.
    budget: Arc<Budget>,
    any: AtomicBool,
    listeners: Mutex<Listeners>,
}

#[derive(Default)]
struct Listeners {
    lanes: Vec<Weak<Lane<Event>>>,
    /// Events that hold until they are withdrawn: later listeners receive them first.
    standing: Vec<Event>,
    /// The last event was emitted. A later listener receives that one only.
    closed: bool,
}

impl EventHub {
    pub(crate) fn new(max: usize) -> EventHub {
        EventHub {
            max,
            budget: Arc::new(Budget::new(usize::MAX)),
            any: AtomicBool::new(false),
            listeners: Mutex::default(),
        }
    }

    /// Replaces the events that hold until they are withdrawn, and emits `new` of them to present listeners.
    pub(crate) fn set_standing(&self, standing: Vec<Event>, new: Vec<Event>) {
        let lanes: Vec<_> = {
            let mut listeners = self.lock();
            listeners.standing = standing;
            listeners.lanes.iter().filter_map(Weak::upgrade).collect()
        };
        for lane in lanes {
            new.iter().for_each(|event| put(&lane, event.clone()));
        }
    }

    /// Returns a new listener. It receives all later events, at least the last one.
    pub(crate) fn listen(&self) -> LaneReader<Event> {
        let lane = new_lane(self.max, self.budget.clone());
        self.add(&lane);
        LaneReader::new(lane)
    }

    fn add(&self, lane: &Arc<Lane<Event>>) {
        let mut listeners = self.lock();
        if listeners.closed {
            drop(listeners);
            end(lane);
        } else {
            listeners.standing.iter().for_each(|event| put(lane, event.clone()));
            listeners.lanes.push(Arc::downgrade(lane));
            self.any.store(true, Ordering::Release);
        }
    }

    /// Emits an event to all listeners.
    pub(crate) fn emit(&self, event: Event) {
        if matches!(event, Event::Closed) {
            return self.close();
        }
        if !self.any.load(Ordering::Acquire) {
            return;
        }
        let mut listeners = self.lock();
        listeners.lanes.retain(|lane| lane.strong_count() > 0);
        self.any.store(!listeners.lanes.is_empty(), Ordering::Release);
        let lanes: Vec<_> = listeners.lanes.iter().filter_map(Weak::upgrade).collect();
        drop(listeners);
        for lane in lanes {
            put(&lane, event.clone());
        }
    }

    fn close(&self) {
        let lanes = {
            let mut listeners = self.lock();
            listeners.closed = true;
            self.any.store(false, Ordering::Release);
            std::mem::take(&mut listeners.lanes)
        };
        lanes.iter().filter_map(Weak::upgrade).for_each(|lane| end(&lane));
    }

    /// Returns the number of events that listeners read too slowly for, or left unread.
    pub(crate) fn dropped(&self) -> u64 {
        self.budget.dropped()
    }

    fn lock(&self) -> MutexGuard<'_, Listeners> {
        self.listeners.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

fn new_lane(max: usize, budget: Arc<Budget>) -> Arc<Lane<Event>> {
    let limits = LaneLimits { max_messages: max, max_bytes: usize::MAX, overflow: Overflow::DropOldest };
    Lane::new(limits, budget)
}

/// A listener that exists before its client. It receives the events of the first client that takes it. If none does, it
/// receives the last event when this value is dropped.
pub(crate) struct EarlyListener(Mutex<Option<Arc<Lane<Event>>>>);

impl EarlyListener {
    /// Returns the listener, which keeps at most `max` events, and what it is read by.
    pub(crate) fn new(max: usize) -> (EarlyListener, LaneReader<Event>) {
        // The events that it loses are counted by no client, because it may belong to none.
        let lane = new_lane(max, Arc::new(Budget::new(usize::MAX)));
        (EarlyListener(Mutex::new(Some(lane.clone()))), LaneReader::new(lane))
    }

    /// Adds the listener to the events of a client, unless it belongs to one already.
    pub(crate) fn join(&self, events: &EventHub) {
        if let Some(lane) = self.take() {
            events.add(&lane);
        }
    }

    fn take(&self) -> Option<Arc<Lane<Event>>> {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).take()
    }
}

impl Drop for EarlyListener {
    fn drop(&mut self) {
        if let Some(lane) = self.take() {
            end(&lane);
        }
    }
}

fn put(lane: &Lane<Event>, event: Event) {
    if lane.reserve(0) == Reservation::Reserved {
        lane.push(&mut vec![event]);
    }
}

/// Emits the last event to a listener and ends it.
fn end(lane: &Lane<Event>) {
    put(lane, Event::Closed);
    lane.close();
}

/// Reports failed handlers to a client's listeners, without keeping the client alive.
#[derive(Clone)]
pub struct HandlerReports(Arc<EventHub>);

impl HandlerReports {
    pub(crate) fn new(events: Arc<EventHub>) -> HandlerReports {
        HandlerReports(events)
    }

    /// Emits [`Event::HandlerFailed`] for a handler of this topic.
    pub fn failed(&self, topic: &str, message: impl Into<String>) {
        self.0.emit(Event::HandlerFailed { topic: topic.into(), message: message.into() });
    }
}

impl fmt::Debug for HandlerReports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HandlerReports").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::task::{Context, Poll, Waker};

    #[test]
    fn listeners_receive_all_in_order_and_then_the_end() {
        let hub = EventHub::new(2);
        hub.emit(Event::SlowConsumer { topic: "without listeners".into() });
        let mut reader = hub.listen();
        for name in ["a", "b", "c"] {
            hub.emit(Event::SlowConsumer { topic: name.into() });
        }
        let mut cx = Context::from_waker(Waker::noop());
        let mut names = Vec::new();
        while let Poll::Ready(Some(Event::SlowConsumer { topic })) = reader.poll_next(&mut cx) {
            names.push(topic.to_string());
        }
        assert_eq!(names, ["b", "c"], "the oldest is dropped at the limit");
        assert_eq!(hub.dropped(), 1);
        hub.emit(Event::Closed);
        hub.emit(Event::Closed);
        hub.emit(Event::SlowConsumer { topic: "late".into() });
        for mut reader in [reader, hub.listen()] {
            assert!(matches!(reader.poll_next(&mut cx), Poll::Ready(Some(Event::Closed))));
            assert!(matches!(reader.poll_next(&mut cx), Poll::Ready(None)), "also for a late listener");
        }
    }
}
