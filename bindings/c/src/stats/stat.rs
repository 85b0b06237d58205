//! Statistics. Counters and current values of a client, an endpoint, a subscription or a service.

use std::ffi::{CStr, c_char};

use amop::{EndpointState, EndpointStats, Stats, SubscriptionStats};

use crate::argument::{invalid_argument, name_of};
use crate::macros::named;
use crate::tls::number_of;
use crate::unwind::guard_or;

/// One statistic. 1 to 19 belong to a client. 20 to 49 belong to an endpoint; a client has their totals. 50 and
/// above, and AMOP_STAT_HELD_BYTES, belong to a subscription or service; a client has some of them.
#[repr(i32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum amop_stat {
    /// Payload bytes queued now: of a client in all its subscriptions and services together.
    AMOP_STAT_HELD_BYTES = 1,
    /// Retries of calls.
    AMOP_STAT_RETRIES = 2,
    /// How often a callback had to wait for a thread.
    AMOP_STAT_DISPATCHER_WAITS = 3,
    /// Messages that had been received before: answered as the first one was, and not delivered again.
    AMOP_STAT_DUPLICATES = 4,
    /// Messages on topics that the client is not, or no longer, subscribed to.
    AMOP_STAT_UNWANTED = 5,
    /// The client's own broadcasts that were received and discarded (without echo).
    AMOP_STAT_OWN_BROADCASTS = 6,
    /// Events that were discarded because a listener read too slowly, or was freed before it had read them.
    AMOP_STAT_EVENTS_DROPPED = 7,
    /// Calls whose messages the client keeps now: they wait for a node or a subscriber, or may be retried.
    AMOP_STAT_CALLS_WAITING = 8,
    /// Broadcasts that were acknowledged by at least one node, but by too few to reach all subscribers.
    AMOP_STAT_PARTIAL_BROADCASTS = 9,

    /// 1 if a session is established, else 0; of a client: if any is.
    AMOP_STAT_CONNECTED = 20,
    /// Sessions established; all after the first are reconnects.
    AMOP_STAT_CONNECTS = 21,
    /// Frames written, of all types.
    AMOP_STAT_FRAMES_SENT = 22,
    /// Frames read, of all types.
    AMOP_STAT_FRAMES_RECEIVED = 23,
    /// Bytes written, before encryption.
    AMOP_STAT_BYTES_SENT = 24,
    /// Bytes read, after decryption.
    AMOP_STAT_BYTES_RECEIVED = 25,
    /// Write operations on the connection.
    AMOP_STAT_WRITES = 26,
    /// Calls in flight now.
    AMOP_STAT_IN_FLIGHT = 27,
    /// Bytes queued for sending now.
    AMOP_STAT_QUEUED_BYTES = 28,
    /// Topic lists sent.
    AMOP_STAT_TOPIC_LISTS_SENT = 29,
    /// Replies that match no call in flight: late, duplicate or of unknown origin.
    AMOP_STAT_STRAY_REPLIES = 30,
    /// Frames of types that a client does not use, and malformed ones of types that other SDKs create.
    AMOP_STAT_IGNORED_FRAMES = 31,
    /// Requests that the library answered TOO_SLOW on behalf of a service.
    AMOP_STAT_TOO_SLOW = 32,
    /// Unicasts refused because every subscription or service of the topic was full.
    AMOP_STAT_BUSY = 33,
    /// Sessions lost.
    AMOP_STAT_LOSSES = 34,
    /// Failed attempts to connect.
    AMOP_STAT_FAILED_CONNECTS = 35,
    /// Unicasts and broadcasts sent for callers, retries included.
    AMOP_STAT_CALLS = 36,
    /// Unicasts and broadcasts received, duplicates included.
    AMOP_STAT_MESSAGES_RECEIVED = 37,
    /// Unicasts that received a reply; amop_stats_round_trip returns how long they took.
    AMOP_STAT_ROUND_TRIPS = 38,
    /// The state of the endpoint, an AMOP_ENDPOINT_*; of a client: the highest of all its endpoints.
    AMOP_STAT_STATE = 39,
    /// Calls and replies refused because of a limit: bytes queued at this connection; of a client: also calls under
    /// way.
    AMOP_STAT_OVERLOADED = 40,
    /// The kind of TLS by which the endpoint was reached the last time, an AMOP_TLS_*; AMOP_TLS_AUTO before, and of a
    /// client.
    AMOP_STAT_TLS = 41,

    /// Messages queued now.
    AMOP_STAT_HELD_MESSAGES = 50,
    /// Messages accepted so far.
    AMOP_STAT_ACCEPTED = 51,
    /// Messages refused because the queue was full; of a client: by all its subscriptions and services.
    AMOP_STAT_REFUSED = 52,
    /// Messages discarded after they were accepted: in favour of newer ones, or because the subscription or service
    /// ended before they were read; of a client: by all its subscriptions and services.
    AMOP_STAT_DROPPED = 53,
}

impl From<amop_stat> for i32 {
    fn from(variant: amop_stat) -> i32 {
        variant as i32
    }
}

/// Every statistic, with its name.
const STATS: [(amop_stat, &CStr); 35] = named!(amop_stat {
    AMOP_STAT_HELD_BYTES,
    AMOP_STAT_RETRIES,
    AMOP_STAT_DISPATCHER_WAITS,
    AMOP_STAT_DUPLICATES,
    AMOP_STAT_UNWANTED,
    AMOP_STAT_OWN_BROADCASTS,
    AMOP_STAT_EVENTS_DROPPED,
    AMOP_STAT_CALLS_WAITING,
    AMOP_STAT_PARTIAL_BROADCASTS,
    AMOP_STAT_CONNECTED,
    AMOP_STAT_CONNECTS,
    AMOP_STAT_FRAMES_SENT,
    AMOP_STAT_FRAMES_RECEIVED,
    AMOP_STAT_BYTES_SENT,
    AMOP_STAT_BYTES_RECEIVED,
    AMOP_STAT_WRITES,
    AMOP_STAT_IN_FLIGHT,
    AMOP_STAT_QUEUED_BYTES,
    AMOP_STAT_TOPIC_LISTS_SENT,
    AMOP_STAT_STRAY_REPLIES,
    AMOP_STAT_IGNORED_FRAMES,
    AMOP_STAT_TOO_SLOW,
    AMOP_STAT_BUSY,
    AMOP_STAT_LOSSES,
    AMOP_STAT_FAILED_CONNECTS,
    AMOP_STAT_CALLS,
    AMOP_STAT_MESSAGES_RECEIVED,
    AMOP_STAT_ROUND_TRIPS,
    AMOP_STAT_STATE,
    AMOP_STAT_OVERLOADED,
    AMOP_STAT_TLS,
    AMOP_STAT_HELD_MESSAGES,
    AMOP_STAT_ACCEPTED,
    AMOP_STAT_REFUSED,
    AMOP_STAT_DROPPED,
});

/// The state of an endpoint. A higher value is a better state.
#[repr(i32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum amop_endpoint_state {
    /// The client has closed the connection, or removed the endpoint.
    AMOP_ENDPOINT_ENDED = 0,
    /// The last attempt to connect failed, or the session was lost; the client will try again.
    /// amop_stats_endpoint_error returns the reason.
    AMOP_ENDPOINT_DOWN = 1,
    /// The first attempt to connect is in progress.
    AMOP_ENDPOINT_CONNECTING = 2,
    /// A session is established.
    AMOP_ENDPOINT_CONNECTED = 3,
}

use amop_stat::*;

/// Returns the name of a statistic, such as `AMOP_STAT_IN_FLIGHT`, or NULL for an unknown number.
///
/// - Ownership: the string is owned by the library and valid until the process exits.
#[unsafe(no_mangle)]
pub extern "C" fn amop_stat_name(stat: i32) -> *const c_char {
    guard_or!(std::ptr::null(), { name_of(&STATS, stat) })
}

/// The statistics of a snapshot.
pub(super) type Values = Vec<(amop_stat, u64)>;

/// Returns the statistics of an endpoint, or the totals of a client.
pub(super) fn of_endpoint(node: &EndpointStats) -> Values {
    vec![
        (AMOP_STAT_CONNECTED, u64::from(node.connected)),
        (AMOP_STAT_CONNECTS, node.connects),
        (AMOP_STAT_FRAMES_SENT, node.frames_sent),
        (AMOP_STAT_FRAMES_RECEIVED, node.frames_received),
        (AMOP_STAT_BYTES_SENT, node.bytes_sent),
        (AMOP_STAT_BYTES_RECEIVED, node.bytes_received),
        (AMOP_STAT_WRITES, node.writes),
        (AMOP_STAT_IN_FLIGHT, node.in_flight as u64),
        (AMOP_STAT_QUEUED_BYTES, node.queued_bytes as u64),
        (AMOP_STAT_TOPIC_LISTS_SENT, node.topic_lists_sent),
        (AMOP_STAT_STRAY_REPLIES, node.stray_replies),
        (AMOP_STAT_IGNORED_FRAMES, node.ignored_frames),
        (AMOP_STAT_TOO_SLOW, node.too_slow),
        (AMOP_STAT_BUSY, node.busy),
        (AMOP_STAT_LOSSES, node.losses),
        (AMOP_STAT_FAILED_CONNECTS, node.failed_connects),
        (AMOP_STAT_CALLS, node.calls),
        (AMOP_STAT_MESSAGES_RECEIVED, node.messages_received),
        (AMOP_STAT_ROUND_TRIPS, node.round_trips.count()),
        (AMOP_STAT_STATE, state_of(node.state)),
        (AMOP_STAT_OVERLOADED, node.overloaded),
        (AMOP_STAT_TLS, number_of(node.tls.unwrap_or_default()) as u64),
    ]
}

/// Returns one statistic, or an error if the snapshot does not have it.
pub(super) fn value(values: &Values, stat: i32) -> amop::Result<u64> {
    let found = values.iter().find(|(name, _)| *name as i32 == stat);
    found
        .map(|(_, value)| *value)
        .ok_or_else(|| invalid_argument(format!("the snapshot has no statistic {stat}")))
}

fn state_of(state: EndpointState) -> u64 {
    use amop_endpoint_state::*;
    (match state {
        EndpointState::Down => AMOP_ENDPOINT_DOWN,
        EndpointState::Connecting => AMOP_ENDPOINT_CONNECTING,
        EndpointState::Connected => AMOP_ENDPOINT_CONNECTED,
        _ => AMOP_ENDPOINT_ENDED,
    }) as u64
}

/// Returns the statistics of a client, `total` included.
pub(super) fn of_client(stats: &Stats, total: &EndpointStats) -> Values {
    let mut values = vec![
        (AMOP_STAT_HELD_BYTES, stats.held_bytes as u64),
        (AMOP_STAT_RETRIES, stats.retries),
        (AMOP_STAT_DISPATCHER_WAITS, stats.dispatcher_waits),
        (AMOP_STAT_DUPLICATES, stats.duplicates),
        (AMOP_STAT_UNWANTED, stats.unwanted),
        (AMOP_STAT_OWN_BROADCASTS, stats.own_broadcasts),
        (AMOP_STAT_EVENTS_DROPPED, stats.events_dropped),
        (AMOP_STAT_CALLS_WAITING, stats.calls_waiting as u64),
        (AMOP_STAT_PARTIAL_BROADCASTS, stats.partial_broadcasts),
        (AMOP_STAT_REFUSED, stats.refused),
        (AMOP_STAT_DROPPED, stats.dropped),
    ];
    values.append(&mut of_endpoint(total));
    values
}

/// Returns the statistics of a subscription or service.
pub(super) fn of_subscription(stats: &SubscriptionStats) -> Values {
    vec![
        (AMOP_STAT_HELD_BYTES, stats.held_bytes as u64),
        (AMOP_STAT_HELD_MESSAGES, stats.held_messages as u64),
        (AMOP_STAT_ACCEPTED, stats.accepted),
        (AMOP_STAT_REFUSED, stats.refused),
        (AMOP_STAT_DROPPED, stats.dropped),
    ]
}
