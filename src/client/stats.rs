//! A client's figures at one moment.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::core::ClientCore;
use super::link::{Link, LinkState};
use crate::error::Error;
use crate::session::RoundTrips;

/// What a client has done so far, and holds now.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Stats {
    /// Per endpoint, in the order given. One that was removed takes its figures along.
    pub endpoints: Vec<EndpointStats>,
    /// Further tries of calls, after the first.
    pub retries: u64,
    /// Calls whose messages the client itself keeps now: no node is chosen yet, or they may be retried
    /// (`wait_for_subscriber`, at least once).
    pub calls_waiting: usize,
    /// Calls refused before a node was chosen, because of `max_in_flight` or because the messages of waiting calls
    /// reached `max_send_bytes`.
    pub overloaded: u64,
    /// Broadcasts that fewer nodes acked than it takes to reach all subscribers, one of them at least.
    pub partial_broadcasts: u64,
    /// Payload bytes held in subscriptions and services now.
    pub held_bytes: usize,
    /// How often a blocking handler had to wait for a thread.
    pub dispatcher_waits: u64,
    /// Messages not delivered because a subscription or service was full: counted once for each of them. The publisher
    /// of a unicast that none took was told BUSY.
    pub refused: u64,
    /// Messages accepted, and given up: for newer ones, or because their subscription ended before they were read.
    pub dropped: u64,
    /// Messages that had come before, from the same or another node: answered as the first was, not delivered again.
    pub duplicates: u64,
    /// Messages on topics that nobody here subscribes to, or no longer.
    pub unwanted: u64,
    /// This client's own broadcasts that came back (without `echo`).
    pub own_broadcasts: u64,
    /// Events that a listener lost because it read too slowly, or left unread.
    pub events_dropped: u64,
}

/// What went over the connections to one endpoint, and waits there now.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct EndpointStats {
    /// The endpoint as given; of a total: empty.
    pub endpoint: Arc<str>,
    /// Whether a session is up; of a total: any.
    pub connected: bool,
    /// Where the endpoint stands; of a total: the best of all.
    pub state: EndpointState,
    /// Why no session is up, or why the last try to connect failed; `None` while one is up, and of a total.
    pub last_error: Option<Error>,
    /// Sessions so far; all after the first are reconnects.
    pub connects: u64,
    /// Sessions that were lost.
    pub losses: u64,
    /// Tries to connect that failed.
    pub failed_connects: u64,
    /// Frames written, of all kinds.
    pub frames_sent: u64,
    /// Frames read, of all kinds.
    pub frames_received: u64,
    /// Bytes written, before encryption.
    pub bytes_sent: u64,
    /// Bytes read, after decryption.
    pub bytes_received: u64,
    /// Writes to the connection.
    pub writes: u64,
    /// Unicasts and broadcasts sent for callers, each further try too.
    pub calls: u64,
    /// How long unicasts took that were answered well.
    pub round_trips: RoundTrips,
    /// Unicasts and broadcasts that came, duplicates too.
    pub messages_received: u64,
    /// Calls and replies refused because the bytes queued at this connection reached `max_send_bytes`. Of a total: also
    /// the calls that the client refused before a node was chosen, see [`Stats::overloaded`].
    pub overloaded: u64,
    /// Calls in flight now.
    pub in_flight: usize,
    /// Bytes queued to send now.
    pub queued_bytes: usize,
    /// Topic lists sent.
    pub topic_lists_sent: u64,
    /// Answers to nothing in flight: late, duplicate or foreign.
    pub stray_replies: u64,
    /// Frames of types that a client does not use, and malformed ones of those that other SDKs make.
    pub ignored_frames: u64,
    /// Requests answered TOO_SLOW for a handler.
    pub too_slow: u64,
    /// Unicasts refused because every lane for them was full.
    pub busy: u64,
}

/// Where an endpoint stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum EndpointState {
    /// The client has left it.
    #[default]
    Ended,
    /// The last try failed, or the session was lost; the next try comes by itself.
    Down,
    /// The first try is under way.
    Connecting,
    /// A session is up.
    Connected,
}

impl EndpointStats {
    /// Sessions after the first.
    pub fn reconnects(&self) -> u64 {
        self.connects.saturating_sub(1)
    }

    fn of(link: &Link) -> EndpointStats {
        let counters = &link.port.counters;
        let connected = link.port.is_connected();
        let (state, last_error) = match &*link.state.borrow() {
            _ if connected => (EndpointState::Connected, None),
            LinkState::Starting => (EndpointState::Connecting, None),
            // A moment ago.
            LinkState::Connected => (EndpointState::Down, None),
            LinkState::Down(error) => (EndpointState::Down, Some(error.clone())),
            LinkState::Ended => (EndpointState::Ended, None),
        };
        EndpointStats {
            endpoint: link.endpoint.clone(),
            connected,
            state,
            last_error,
            connects: read(&counters.connects),
            losses: read(&counters.losses),
            failed_connects: read(&counters.failed_connects),
            frames_sent: read(&counters.frames_sent),
            frames_received: read(&counters.frames_received),
            bytes_sent: read(&counters.bytes_sent),
            bytes_received: read(&counters.bytes_received),
            writes: read(&counters.writes),
            calls: read(&counters.calls),
            round_trips: counters.round_trips.read(),
            messages_received: read(&counters.messages_received),
            overloaded: read(&counters.overloaded),
            in_flight: link.port.in_flight(),
            queued_bytes: link.port.queued_bytes(),
            topic_lists_sent: read(&counters.topic_lists_sent),
            stray_replies: read(&counters.stray_replies),
            ignored_frames: read(&counters.ignored_frames),
            too_slow: read(&counters.too_slow),
            busy: read(&counters.busy),
        }
    }

    fn add(&mut self, other: &EndpointStats) {
        self.connected |= other.connected;
        self.state = self.state.max(other.state);
        self.connects += other.connects;
        self.losses += other.losses;
        self.failed_connects += other.failed_connects;
        self.frames_sent += other.frames_sent;
        self.frames_received += other.frames_received;
        self.bytes_sent += other.bytes_sent;
        self.bytes_received += other.bytes_received;
        self.writes += other.writes;
        self.calls += other.calls;
        self.round_trips.add(&other.round_trips);
        self.messages_received += other.messages_received;
        self.overloaded += other.overloaded;
        self.in_flight += other.in_flight;
        self.queued_bytes += other.queued_bytes;
        self.topic_lists_sent += other.topic_lists_sent;
        self.stray_replies += other.stray_replies;
        self.ignored_frames += other.ignored_frames;
        self.too_slow += other.too_slow;
        self.busy += other.busy;
    }
}

impl Stats {
    /// The figures of all endpoints together.
    pub fn total(&self) -> EndpointStats {
        let mut total = EndpointStats { overloaded: self.overloaded, ..EndpointStats::default() };
        self.endpoints.iter().for_each(|endpoint| total.add(endpoint));
        total
    }

    pub(crate) fn of(core: &ClientCore) -> Stats {
        let delivery = &core.delivery;
        Stats {
            endpoints: core.links.all().iter().map(|link| EndpointStats::of(link)).collect(),
            retries: read(&core.retries),
            calls_waiting: core.call_limits.waiting(),
            overloaded: core.call_limits.refused(),
            partial_broadcasts: read(&core.partial_broadcasts),
            held_bytes: delivery.budget.held(),
            dispatcher_waits: core.dispatcher.waits(),
            refused: delivery.budget.refused(),
            dropped: delivery.budget.dropped(),
            duplicates: read(&delivery.discarded.duplicates),
            unwanted: read(&delivery.discarded.unwanted),
            own_broadcasts: read(&delivery.discarded.own),
            events_dropped: delivery.events.dropped(),
        }
    }
}

fn read(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}
