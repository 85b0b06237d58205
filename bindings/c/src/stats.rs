//! Figures. A snapshot of what a client, a subscription or a service has done so far, and holds now.

use std::ffi::{CString, c_char};

use amop::{EndpointStats, Stats, SubscriptionStats};

use crate::boundary::{borrow, borrow_optional, c_text, free, guard, out, unusable};
use crate::client::amop_client;
use crate::error::amop_error;
use crate::status::amop_status;

/// One figure. Those of a client first, then those of each of its endpoints, then those of subscriptions and
/// services.
#[repr(i32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum amop_stat {
    /// Payload bytes held: of a client in all its subscriptions and services together, else in this one.
    AMOP_STAT_HELD_BYTES = 1,
    /// Further tries of calls, after the first.
    AMOP_STAT_RETRIES = 2,
    /// How often a callback had to wait for a thread.
    AMOP_STAT_DISPATCHER_WAITS = 3,

    /// 1 while a session is up, else 0.
    AMOP_STAT_CONNECTED = 20,
    /// Sessions so far.
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
    /// Answers to nothing in flight: late, doubled or foreign.
    AMOP_STAT_STRAY_REPLIES = 30,
    /// Frames of types that a client has nothing to do with.
    AMOP_STAT_IGNORED_FRAMES = 31,
    /// Requests that the library answered for a service that was too slow.
    AMOP_STAT_TOO_SLOW = 32,
    /// Unicasts refused because every subscription or service for them was full.
    AMOP_STAT_BUSY = 33,

    /// Messages held now.
    AMOP_STAT_HELD_MESSAGES = 50,
    /// Messages accepted so far.
    AMOP_STAT_ACCEPTED = 51,
    /// Messages refused because it was full.
    AMOP_STAT_REFUSED = 52,
    /// Accepted messages given up: for newer ones, or because it ended before they were read.
    AMOP_STAT_DROPPED = 53,
}

use amop_stat::*;

type Figures = Vec<(amop_stat, u64)>;

/// A snapshot of figures. Immutable.
pub struct amop_stats {
    figures: Figures,
    endpoints: Vec<(CString, Figures)>,
}

impl amop_stats {
    fn of_client(stats: &Stats) -> amop_stats {
        amop_stats {
            figures: vec![
                (AMOP_STAT_HELD_BYTES, stats.held_bytes as u64),
                (AMOP_STAT_RETRIES, stats.retries),
                (AMOP_STAT_DISPATCHER_WAITS, stats.dispatcher_waits),
            ],
            endpoints: stats
                .endpoints
                .iter()
                .map(|node| (c_text(&node.endpoint), of_endpoint(node)))
                .collect(),
        }
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
    ]
}

fn figure(figures: &Figures, stat: i32) -> amop::Result<u64> {
    let found = figures.iter().find(|(name, _)| *name as i32 == stat);
    found.map(|(_, value)| *value).ok_or_else(|| unusable(format!("there is no figure {stat} here")))
}

/// A client's figures: AMOP_STAT_HELD_BYTES, _RETRIES, _DISPATCHER_WAITS, and those of each endpoint.
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
        endpoint.map_or(std::ptr::null(), |(name, _)| name.as_ptr())
    })
}

/// One figure of an endpoint: AMOP_STAT_CONNECTED to AMOP_STAT_BUSY.
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
        let endpoint = borrow!(stats)?.endpoints.get(index);
        let (_, figures) = endpoint.ok_or_else(|| unusable(format!("there is no endpoint {index}")))?;
        out.set(figure(figures, stat)?);
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
