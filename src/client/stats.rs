//! The statistics of a client.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::core::ClientCore;
use super::link::{Link, LinkState};
use super::private_stats::PrivateTopicStats;
use crate::error::Error;
use crate::session::RoundTrips;
use crate::transport::Tls;

/// The statistics of a client.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Stats {
    /// The statistics of each endpoint, in the order in which they were added. Those of a removed endpoint are not
    /// kept.
    pub endpoints: Vec<EndpointStats>,
    /// Attempts of calls after their first.
    pub retries: u64,
    /// Calls whose messages the client itself keeps now: no node is chosen yet, or they may be retried
    /// (`wait_for_subscriber`, at least once).
    pub calls_waiting: usize,
    /// Calls refused before a node was chosen, because of `max_in_flight` or because the messages of waiting calls
    /// reached `max_send_bytes`.
    pub overloaded: u64,
    /// Broadcasts that were acknowledged by at least one node, but by too few to reach all subscribers.
    pub partial_broadcasts: u64,
    /// Bytes queued in subscriptions and services now.
    pub held_bytes: usize,
    /// How often a blocking handler had to wait for a thread.
    pub dispatcher_waits: u64,
    /// Messages refused because a subscription or service was full, counted once for each of them. The publisher of a
    /// unicast that none accepted received BUSY.
    pub refused: u64,
    /// Messages discarded after they were accepted: in favour of newer ones, or because their subscription ended before
    /// they were read.
    pub dropped: u64,
    /// Duplicates from the same or another node: answered as the first message was, not delivered again.
    pub duplicates: u64,
    /// Messages on topics without a subscription or service.
    pub unwanted: u64,
    /// Broadcasts of this client that came back (without `echo`).
    pub own_broadcasts: u64,
    /// Events dropped because a listener read too slowly, or was dropped itself.
    pub events_dropped: u64,
    /// The private topics that the client subscribes to, serves or publishes on, ordered by name.
    pub private_topics: Vec<PrivateTopicStats>,
}

/// The statistics of one endpoint, or the total of all.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct EndpointStats {
    /// The endpoint; empty in a total.
    pub endpoint: Arc<str>,
    /// Whether a session is established; in a total: any.
    pub connected: bool,
    /// The state of the endpoint; in a total: the best of all.
    pub state: EndpointState,
    /// The kind of TLS by which the node was reached the last time; `None` before, and in a total.
    pub tls: Option<Tls>,
    /// Why the session was lost, or why the last attempt to connect failed; `None` while a session is established, and
    /// in a total.
    pub last_error: Option<Error>,
    /// Sessions established; all after the first are reconnects.
    pub connects: u64,
    /// Sessions that were lost.
    pub losses: u64,
    /// Attempts to connect that failed.
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
    /// Unicasts and broadcasts sent, counting each attempt.
    pub calls: u64,
    /// The round-trip times of unicasts that succeeded.
    pub round_trips: RoundTrips,
    /// Unicasts and broadcasts received, including duplicates.
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
    /// Replies that match no call in flight: late, duplicate or foreign.
    pub stray_replies: u64,
    /// Frames of types that a client does not use, and malformed ones of those that other SDKs make.
    pub ignored_frames: u64,
    /// Requests that the library answered TOO_SLOW.
    pub too_slow: u64,
    /// Unicasts refused because every subscription or service for them was full.
    pub busy: u64,
}

/// The state of an endpoint. A greater value is a better state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum EndpointState {
    /// The client is closed, or the endpoint was removed.
    #[default]
    Ended,
    /// The last attempt to connect failed, or the session was lost. The client will try again.
    Down,
    /// The first attempt to connect is in progress.
    Connecting,
    /// A session is established.
    Connected,
}

impl EndpointStats {
    /// Returns the number of sessions after the first.
    pub fn reconnects(&self) -> u64 {
        self.connects.saturating_sub(1)
    }

    fn of(core: &ClientCore, link: &Link) -> EndpointStats {
        let counters = &link.handle.counters;
        let connected = link.handle.is_connected();
        let (state, last_error) = match &*link.state.borrow() {
            _ if connected => (EndpointState::Connected, None),
            LinkState::Starting => (EndpointState::Connecting, None),
            // The session was lost, and its link has not stored the reason yet.
            LinkState::Connected => (EndpointState::Down, None),
            LinkState::Down { error, .. } => (EndpointState::Down, Some(error.clone())),
            LinkState::Ended => (EndpointState::Ended, None),
        };
        EndpointStats {
            endpoint: link.endpoint.clone(),
            connected,
            state,
            tls: link.endpoint.parse().ok().and_then(|endpoint| core.dialler.tls_of(&endpoint)),
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
            in_flight: link.handle.in_flight(),
            queued_bytes: link.handle.queued_bytes(),
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
    /// Returns the total of all endpoints.
    pub fn total(&self) -> EndpointStats {
        let mut total = EndpointStats { overloaded: self.overloaded, ..EndpointStats::default() };
        self.endpoints.iter().for_each(|endpoint| total.add(endpoint));
        total
    }

    pub(crate) fn of(core: &ClientCore) -> Stats {
        let delivery = &core.delivery;
        Stats {
            endpoints: core.links.all().iter().map(|link| EndpointStats::of(core, link)).collect(),
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
            private_topics: PrivateTopicStats::of(core),
        }
    }
}

fn read(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}
