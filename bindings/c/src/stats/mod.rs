//! Snapshots of statistics.
//!
//! Unless a function states otherwise:
//!
//! - Ownership: pointers returned are valid until the snapshot is freed.

use std::ffi::{CString, c_char};
use std::time::Duration;

use amop::{EndpointStats, RoundTrips, Stats, SubscriptionStats};

use crate::argument::{c_text, invalid_argument};
use crate::boundary::guard;
use crate::client::amop_client;
use crate::error::amop_error;
use crate::macros::{borrow, borrow_optional, free, out};
use crate::status::amop_status;
use crate::unwind::guard_or;

mod private_topic;
mod private_values;
mod stat;

use private_values::PrivateTopic;
use stat::Values;

/// A snapshot of statistics. Immutable.
pub struct amop_stats {
    values: Values,
    round_trips: RoundTrips,
    endpoints: Vec<Endpoint>,
    private_topics: Vec<PrivateTopic>,
}

struct Endpoint {
    name: CString,
    values: Values,
    round_trips: RoundTrips,
    error: Option<amop_error>,
}

impl Endpoint {
    fn new(node: &EndpointStats) -> Endpoint {
        Endpoint {
            name: c_text(&node.endpoint),
            values: stat::of_endpoint(node),
            round_trips: node.round_trips.clone(),
            error: node.last_error.clone().map(amop_error::new),
        }
    }
}

impl amop_stats {
    fn of_client(stats: &Stats) -> amop_stats {
        let total = stats.total();
        let values = stat::of_client(stats, &total);
        let endpoints = stats.endpoints.iter().map(Endpoint::new).collect();
        let private_topics = stats.private_topics.iter().map(PrivateTopic::new).collect();
        amop_stats { values, round_trips: total.round_trips, endpoints, private_topics }
    }

    fn endpoint(&self, index: usize) -> amop::Result<&Endpoint> {
        self.endpoints.get(index).ok_or_else(|| {
            invalid_argument(format!(
                "invalid index {index}: the snapshot has {} endpoints",
                self.endpoints.len()
            ))
        })
    }

    pub(crate) fn of_subscription(stats: SubscriptionStats) -> amop_stats {
        amop_stats {
            values: stat::of_subscription(&stats),
            round_trips: RoundTrips::default(),
            endpoints: Vec::new(),
            private_topics: Vec::new(),
        }
    }
}

fn quantile(trips: &RoundTrips, part: f64) -> amop::Result<u64> {
    if !(0.0..=1.0).contains(&part) {
        return Err(invalid_argument(format!("invalid part {part}: use a value from 0 to 1")));
    }
    Ok(trips.quantile(part).map_or(0, micros))
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

/// Stores a snapshot of a client in `*stats`: AMOP_STAT_HELD_BYTES to _PARTIAL_BROADCASTS, _REFUSED and _DROPPED, the
/// statistics of each endpoint (see amop_stats_endpoint_get), their totals, and where each private topic stands (see
/// amop_stats_private_topic). Endpoints that were removed are not included.
///
/// - Errors: AMOP_ERROR_INVALID_ARGUMENT, _FORKED.
#[unsafe(no_mangle)]
#[must_use]
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

/// Stores one statistic, an AMOP_STAT_*, of the client, subscription or service in `*value`.
///
/// - Errors: AMOP_ERROR_INVALID_ARGUMENT, also if the snapshot does not have that statistic.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_stats_get(
    stats: *const amop_stats,
    stat: i32,
    value: *mut u64,
    error: *mut *mut amop_error,
) -> amop_status {
    guard!(error, {
        let out = out!(value)?;
        out.set(stat::value(&borrow!(stats)?.values, stat)?);
        Ok(())
    })
}

/// Returns the number of endpoints in the snapshot of a client; 0 for other snapshots and NULL. Endpoints are in the
/// order in which they were added.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_stats_endpoint_count(stats: *const amop_stats) -> usize {
    guard_or!(0, { borrow_optional!(stats).map_or(0, |stats| stats.endpoints.len()) })
}

/// Returns the name of an endpoint, as it was added, or NULL for an invalid index.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_stats_endpoint(stats: *const amop_stats, index: usize) -> *const c_char {
    guard_or!(std::ptr::null(), {
        let endpoint = borrow_optional!(stats).and_then(|stats| stats.endpoints.get(index));
        endpoint.map_or(std::ptr::null(), |endpoint| endpoint.name.as_ptr())
    })
}

/// Stores one statistic of an endpoint, AMOP_STAT_CONNECTED to AMOP_STAT_TLS, in `*value`.
///
/// - Errors: AMOP_ERROR_INVALID_ARGUMENT, also for an invalid index or statistic.
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
        out.set(stat::value(&borrow!(stats)?.endpoint(index)?.values, stat)?);
        Ok(())
    })
}

/// Returns why an endpoint has no session: the error of the last attempt to connect or of the lost session. Returns
/// NULL while a session is established, before the first attempt has completed, and for an invalid index.
/// amop_error_clone makes a copy that outlives the snapshot.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_stats_endpoint_error(
    stats: *const amop_stats,
    index: usize,
) -> *const amop_error {
    guard_or!(std::ptr::null(), {
        let endpoint = borrow_optional!(stats).and_then(|stats| stats.endpoints.get(index));
        endpoint.and_then(|endpoint| endpoint.error.as_ref()).map_or(std::ptr::null(), |error| error)
    })
}

/// Stores a quantile of the round trip times in `*microseconds`: of the unicasts that received a reply, over all
/// endpoints. A `part` of 0.5 gives the median, 0.99 the time that the slowest hundredth exceeded, 1 the longest. The
/// precision is one eighth of the value; 0 if there were none.
///
/// - Errors: AMOP_ERROR_INVALID_ARGUMENT, also for a part that is not from 0 to 1.
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

/// Returns the number of non-empty buckets in the histogram of round trip times, over all endpoints, for
/// amop_stats_round_trip_bucket; 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_stats_round_trip_bucket_count(stats: *const amop_stats) -> usize {
    guard_or!(0, { borrow_optional!(stats).map_or(0, |stats| stats.round_trips.buckets().count()) })
}

/// Reads one bucket of the histogram, the fastest first. Stores the longest time that falls into it in
/// `*up_to_microseconds`, and the number of round trips in `*count`.
///
/// - Errors: AMOP_ERROR_INVALID_ARGUMENT, also for an invalid index.
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
        let (up_to, count) =
            found.ok_or_else(|| invalid_argument(format!("invalid index {bucket} of a bucket")))?;
        longest.set(micros(up_to));
        number.set(count);
        Ok(())
    })
}

/// Stores a quantile of the round trip times of one endpoint in `*microseconds`, see amop_stats_round_trip.
///
/// - Errors: AMOP_ERROR_INVALID_ARGUMENT, also for an invalid index or part.
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
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_stats_free(stats: *mut amop_stats) {
    guard_or!((), { free!(stats) })
}
