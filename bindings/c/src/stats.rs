//! Figures. A snapshot of what a client, a subscription or a service has done so far, and holds now.

use std::ffi::{CString, c_char};
use std::time::Duration;

use amop::{EndpointState, EndpointStats, RoundTrips, Stats, SubscriptionStats};

use crate::boundary::{borrow, borrow_optional, c_text, free, guard, out, unusable};
use crate::client::amop_client;
use crate::error::amop_error;
use crate::status::amop_status;

/// One figure. Those of a client first, then those of each of its endpoints, which a client has as totals too, then
/// those of subscriptions and services, of which a client has some too.
#[repr(i32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum amop_stat {
    /// Payload bytes held: of a client in all its subscriptions and services together, else in this one.
    AMOP_STAT_HELD_BYTES = 1,
    /// Further tries of calls, after the first.
    AMOP_STAT_RETRIES = 2,
    /// How often a callback had to wait for a thread.
    AMOP_STAT_DISPATCHER_WAITS = 3,
    /// Messages that had come before: answered as the first was, not delivered again.
    AMOP_STAT_DUPLICATES = 4,
    /// Messages on topics that nobody here subscribes to, or no longer.
    AMOP_STAT_UNWANTED = 5,
    /// The client's own broadcasts that came back (without echo).
    AMOP_STAT_OWN_BROADCASTS = 6,
    /// Events that a listener lost because it read too slowly, or left unread.
    AMOP_STAT_EVENTS_DROPPED = 7,
    /// Calls whose messages the client keeps now: they wait for a node or a subscriber, or may be retried.
    AMOP_STAT_CALLS_WAITING = 8,
    /// Broadcasts that fewer nodes acked than it takes to reach all subscribers, one of them at least.
    AMOP_STAT_PARTIAL_BROADCASTS = 9,

    /// 1 while a session is up, else 0; of a client: while any is.
    AMOP_STAT_CONNECTED = 20,
    /// Sessions so far; all after the first are reconnects.
    AMOP_STAT_CONNECTS = 21,
    /// Frames written, of all kinds.
    AMOP_STAT_FRAMES_SENT = 22,
    /// Frames read, of all kinds.
    AMOP_STAT_FRAMES_RECEIVED = 23,
    /// Bytes written, before encryption.
    AMOP_STAT_BYTES_SENT = 24,
    /// Bytes read, after decryption.
    AMOP_STAT_BYTES_RECEIVED = 25,
    /// Writes to the connection.
    AMOP_STAT_WRITES = 26,
    /// Calls in flight now.
    AMOP_STAT_IN_FLIGHT = 27,
    /// Bytes queued to send now.
    AMOP_STAT_QUEUED_BYTES = 28,
    /// Topic lists sent.
    AMOP_STAT_TOPIC_LISTS_SENT = 29,
    /// Answers to nothing in flight: late, duplicate or foreign.
    AMOP_STAT_STRAY_REPLIES = 30,
    /// Frames of types that a client has nothing to do with.
    AMOP_STAT_IGNORED_FRAMES = 31,
    /// Requests that the library answered for a service that was too slow.
    AMOP_STAT_TOO_SLOW = 32,
    /// Unicasts refused because every subscription or service for them was full.
    AMOP_STAT_BUSY = 33,
    /// Sessions that were lost.
    AMOP_STAT_LOSSES = 34,
    /// Tries to connect that failed.
    AMOP_STAT_FAILED_CONNECTS = 35,
    /// Unicasts and broadcasts sent for callers, each further try too.
    AMOP_STAT_CALLS = 36,
    /// Unicasts and broadcasts that came, duplicates too.
    AMOP_STAT_MESSAGES_RECEIVED = 37,
    /// Unicasts that were answered well; amop_stats_round_trip tells how long they took.
    AMOP_STAT_ROUND_TRIPS = 38,
    /// Where the endpoint stands: an AMOP_ENDPOINT_*; of a client: the best of all.
    AMOP_STAT_STATE = 39,
    /// Calls refused because of a limit: bytes queued at this connection; of a client: also calls under way.
    AMOP_STAT_OVERLOADED = 40,

    /// Messages held now.
    AMOP_STAT_HELD_MESSAGES = 50,
    /// Messages accepted so far.
    AMOP_STAT_ACCEPTED = 51,
    /// Messages refused because it was full; of a client: by all its subscriptions and services.
    AMOP_STAT_REFUSED = 52,
    /// Accepted messages given up: for newer ones, or because it ended before they were read; of a client: by all.
    AMOP_STAT_DROPPED = 53,
}

use amop_stat::*;

/// Where an endpoint stands; the better, the higher.
#[repr(i32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum amop_endpoint_state {
    /// The client has left it.
    AMOP_ENDPOINT_ENDED = 0,
    /// The last try failed, or the session was lost; the next try comes by itself. amop_stats_endpoint_error says why.
    AMOP_ENDPOINT_DOWN = 1,
    /// The first try is under way.
    AMOP_ENDPOINT_CONNECTING = 2,
    /// A session is up.
    AMOP_ENDPOINT_CONNECTED = 3,
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

type Figures = Vec<(amop_stat, u64)>;

/// A snapshot of figures. Immutable.
pub struct amop_stats {
    figures: Figures,
    round_trips: RoundTrips,
    endpoints: Vec<Endpoint>,
}

struct Endpoint {
    name: CString,
    figures: Figures,
    round_trips: RoundTrips,
    error: Option<amop_error>,
}

impl Endpoint {
    fn new(node: &EndpointStats) -> Endpoint {
        Endpoint {
            name: c_text(&node.endpoint),
            figures: of_endpoint(node),
            round_trips: node.round_trips.clone(),
            error: node.last_error.clone().map(amop_error::new),
        }
    }
}

impl amop_stats {
    fn of_client(stats: &Stats) -> amop_stats {
        let total = stats.total();
        let mut figures = vec![
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
        figures.append(&mut of_endpoint(&total));
        let endpoints = stats.endpoints.iter().map(Endpoint::new).collect();
        amop_stats { figures, round_trips: total.round_trips, endpoints }
    }

    fn endpoint(&self, index: usize) -> amop::Result<&Endpoint> {
        self.endpoints.get(index).ok_or_else(|| unusable(format!("there is no endpoint {index}")))
    }

    pub(crate) fn of_subscription(stats: SubscriptionStats) -> amop_stats {
        amop_stats {
            figures: vec![
                (AMOP_STAT_HELD_BYTES, stats.held_bytes as u64),
                (AMOP_STAT_HELD_MESSAGES, stats.held_messages as u64),
                (AMOP_STAT_ACCEPTED, stats.accepted),
                (AMOP_STAT_REFUSED, stats.refused),
                (AMOP_STAT_DROPPED, stats.dropped),
            ],
            round_trips: RoundTrips::default(),
            endpoints: Vec::new(),
        }
    }
}

fn of_endpoint(node: &EndpointStats) -> Figures {
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
    ]
}

fn figure(figures: &Figures, stat: i32) -> amop::Result<u64> {
    let found = figures.iter().find(|(name, _)| *name as i32 == stat);
    found.map(|(_, value)| *value).ok_or_else(|| unusable(format!("there is no figure {stat} here")))
}

fn quantile(trips: &RoundTrips, part: f64) -> amop::Result<u64> {
    if !(0.0..=1.0).contains(&part) {
        return Err(unusable(format!("a part of all is from 0 to 1, not {part}")));
    }
    Ok(trips.quantile(part).map_or(0, micros))
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

/// A client's figures: AMOP_STAT_HELD_BYTES to _PARTIAL_BROADCASTS, _REFUSED and _DROPPED; those of each endpoint, see
/// amop_stats_endpoint_get, and their totals. An endpoint that was removed takes its figures along.
///
/// - Ownership: `*stats` is the caller's, for amop_stats_free.
/// - Threads: any, callbacks too.
/// - Errors: AMOP_ERROR_INVALID_ARGUMENT, _FORKED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_client_stats(
    client: *const amop_client,
    stats: *mut *mut amop_stats,
    error: *mut *mut amop_error,
) -> amop_status {
    guard!(error, {
        let out = out!(stats)?;
        out.give(amop_stats::of_client(&borrow!(client)?.client()?.stats()));
        Ok(())
    })
}

/// One figure, an AMOP_STAT_*, of what the snapshot was taken of.
///
/// - Ownership: nothing changes hands.
/// - Threads: any, callbacks too.
/// - Errors: AMOP_ERROR_INVALID_ARGUMENT also for a figure that it doesn't have.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_stats_get(
    stats: *const amop_stats,
    stat: i32,
    value: *mut u64,
    error: *mut *mut amop_error,
) -> amop_status {
    guard!(error, {
        let out = out!(value)?;
        out.set(figure(&borrow!(stats)?.figures, stat)?);
        Ok(())
    })
}

/// How many endpoints a client's snapshot has, in the order given; 0 for other snapshots and NULL.
///
/// - Ownership: nothing changes hands.
/// - Threads: any, callbacks too.
/// - Errors: none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_stats_endpoint_count(stats: *const amop_stats) -> usize {
    guard!(or 0, { borrow_optional!(stats).map_or(0, |stats| stats.endpoints.len()) })
}

/// The name of an endpoint, as it was given; NULL where there is none of that index.
///
/// - Ownership: the text is lent as long as the snapshot.
/// - Threads: any, callbacks too.
/// - Errors: none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_stats_endpoint(stats: *const amop_stats, index: usize) -> *const c_char {
    guard!(or std::ptr::null(), {
        let endpoint = borrow_optional!(stats).and_then(|stats| stats.endpoints.get(index));
        endpoint.map_or(std::ptr::null(), |endpoint| endpoint.name.as_ptr())
    })
}

/// One figure of an endpoint: AMOP_STAT_CONNECTED to AMOP_STAT_OVERLOADED.
///
/// - Ownership: nothing changes hands.
/// - Threads: any, callbacks too.
/// - Errors: AMOP_ERROR_INVALID_ARGUMENT also for an endpoint or figure that it doesn't have.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_stats_endpoint_get(
    stats: *const amop_stats,
    index: usize,
    stat: i32,
    value: *mut u64,
    error: *mut *mut amop_error,
) -> amop_status {
    guard!(error, {
        let out = out!(value)?;
        out.set(figure(&borrow!(stats)?.endpoint(index)?.figures, stat)?);
        Ok(())
    })
}

/// Why no session is up at an endpoint, or why the last try to connect failed; NULL while one is up, before the first
/// try has ended, and where there is no endpoint of that index.
///
/// - Ownership: the error is lent as long as the snapshot; amop_error_clone keeps it.
/// - Threads: any, callbacks too.
/// - Errors: none of its own.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_stats_endpoint_error(
    stats: *const amop_stats,
    index: usize,
) -> *const amop_error {
    guard!(or std::ptr::null(), {
        let endpoint = borrow_optional!(stats).and_then(|stats| stats.endpoints.get(index));
        endpoint.and_then(|endpoint| endpoint.error.as_ref()).map_or(std::ptr::null(), |error| error)
    })
}

/// The time within which a part of the unicasts that were answered well had their reply, in microseconds: of all
/// endpoints together. A `part` of 0.5 gives the median, 0.99 leaves the slowest hundredth out, 1 gives the slowest.
/// Known to an eighth of itself; 0 when there were none.
///
/// - Ownership: nothing changes hands.
/// - Threads: any, callbacks too.
/// - Errors: AMOP_ERROR_INVALID_ARGUMENT, also for a part that isn't from 0 to 1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_stats_round_trip(
    stats: *const amop_stats,
    part: f64,
    microseconds: *mut u64,
    error: *mut *mut amop_error,
) -> amop_status {
    guard!(error, {
        let out = out!(microseconds)?;
        out.set(quantile(&borrow!(stats)?.round_trips, part)?);
        Ok(())
    })
}

/// How many buckets of the histogram of round trips, of all endpoints together, hold any; for
/// amop_stats_round_trip_bucket. 0 for NULL.
///
/// - Ownership: nothing changes hands.
/// - Threads: any, callbacks too.
/// - Errors: none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_stats_round_trip_bucket_count(stats: *const amop_stats) -> usize {
    guard!(or 0, { borrow_optional!(stats).map_or(0, |stats| stats.round_trips.buckets().count()) })
}

/// One bucket, the fastest first: the longest time that falls into it, in microseconds, and how many round trips did.
///
/// - Ownership: nothing changes hands.
/// - Threads: any, callbacks too.
/// - Errors: AMOP_ERROR_INVALID_ARGUMENT, also where there is no bucket of that index.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_stats_round_trip_bucket(
    stats: *const amop_stats,
    bucket: usize,
    up_to_microseconds: *mut u64,
    count: *mut u64,
    error: *mut *mut amop_error,
) -> amop_status {
    guard!(error, {
        let (longest, number) = (out!(up_to_microseconds), out!(count));
        let (longest, number) = (longest?, number?);
        let found = borrow!(stats)?.round_trips.buckets().nth(bucket);
        let (up_to, count) = found.ok_or_else(|| unusable(format!("there is no bucket {bucket}")))?;
        longest.set(micros(up_to));
        number.set(count);
        Ok(())
    })
}

/// As amop_stats_round_trip, of one endpoint.
///
/// - Ownership: nothing changes hands.
/// - Threads: any, callbacks too.
/// - Errors: as amop_stats_round_trip, also for an endpoint that it doesn't have.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_stats_endpoint_round_trip(
    stats: *const amop_stats,
    index: usize,
    part: f64,
    microseconds: *mut u64,
    error: *mut *mut amop_error,
) -> amop_status {
    guard!(error, {
        let out = out!(microseconds)?;
        out.set(quantile(&borrow!(stats)?.endpoint(index)?.round_trips, part)?);
        Ok(())
    })
}

/// Frees a snapshot.
///
/// - Ownership: `stats` is gone; NULL is fine.
/// - Threads: any, callbacks too.
/// - Errors: none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_stats_free(stats: *mut amop_stats) {
    guard!(or(), { free!(stats) })
}
