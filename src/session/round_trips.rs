//! How long answered unicasts took: a histogram of fixed size that one task writes and any thread reads.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Times below this many microseconds have a bucket each.
const EXACT: u64 = 16;
/// Buckets of each doubling above: a time is known to an eighth.
const PER_OCTAVE: u64 = 8;
/// The last octave begins at 2^30 microseconds, some 18 minutes; what takes longer counts there.
const LAST_OCTAVE: u32 = 30;
const BUCKETS: usize = (EXACT + (LAST_OCTAVE as u64 - 3) * PER_OCTAVE) as usize;

/// The histogram as the session's task keeps it: one atomic addition for each call, no lock.
#[derive(Debug)]
pub(crate) struct RoundTripCounters([AtomicU64; BUCKETS]);

impl Default for RoundTripCounters {
    fn default() -> RoundTripCounters {
        RoundTripCounters(std::array::from_fn(|_| AtomicU64::new(0)))
    }
}

impl RoundTripCounters {
    pub(crate) fn count(&self, took: Duration) {
        self.0[bucket(took)].fetch_add(1, Ordering::Relaxed);
    }

    /// Returns the shortest time so far.
    pub(crate) fn fastest(&self) -> Option<Duration> {
        let bucket = self.0.iter().position(|count| count.load(Ordering::Relaxed) > 0)?;
        Some(Duration::from_micros(longest(bucket as u64)))
    }

    pub(crate) fn read(&self) -> RoundTrips {
        let counts = self.0.iter().map(|count| count.load(Ordering::Relaxed));
        RoundTrips { counts: counts.collect() }
    }
}

/// How long successful unicasts took, from the start of the call at the connection to the subscriber's reply.
///
/// It is a histogram: a time is known to an eighth of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RoundTrips {
    counts: Vec<u64>,
}

impl RoundTrips {
    /// Returns the number of unicasts.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Returns the time within which this part of them was answered: 0.5 is the median, 0.99 leaves out the slowest
    /// hundredth, 1 is the slowest. Returns `None` if there were none. A part outside of 0 to 1 counts as the nearer of
    /// the two.
    pub fn quantile(&self, part: f64) -> Option<Duration> {
        let count = self.count();
        // At least one of them, so that 0 is the fastest.
        let wanted = ((count as f64 * part.clamp(0.0, 1.0)).ceil() as u64).max(1);
        let mut seen = 0;
        self.buckets().find_map(|(up_to, count)| {
            seen += count;
            (seen >= wanted).then_some(up_to)
        })
    }

    /// The buckets that hold any, the fastest first: the longest time that falls into each, and how many did.
    pub fn buckets(&self) -> impl Iterator<Item = (Duration, u64)> + '_ {
        let all = self.counts.iter().enumerate().filter(|(_, count)| **count > 0);
        all.map(|(bucket, count)| (Duration::from_micros(longest(bucket as u64)), *count))
    }

    /// Adds another's.
    pub(crate) fn add(&mut self, other: &RoundTrips) {
        self.counts.resize(self.counts.len().max(other.counts.len()), 0);
        for (count, further) in self.counts.iter_mut().zip(&other.counts) {
            *count += further;
        }
    }
}

impl FromIterator<(Duration, u64)> for RoundTrips {
    /// Counts times, as [`RoundTrips::buckets`] returns them.
    fn from_iter<I: IntoIterator<Item = (Duration, u64)>>(times: I) -> RoundTrips {
        let mut counts = vec![0; BUCKETS];
        for (took, count) in times {
            counts[bucket(took)] += count;
        }
        RoundTrips { counts }
    }
}

fn bucket(took: Duration) -> usize {
    let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX).min((2 << LAST_OCTAVE) - 1);
    if micros < EXACT {
        return micros as usize;
    }
    let octave = u64::from(micros.ilog2());
    let eighth = (micros >> (octave - 3)) & (PER_OCTAVE - 1);
    (EXACT + (octave - 4) * PER_OCTAVE + eighth) as usize
}

/// The longest time in a bucket, in microseconds.
fn longest(bucket: u64) -> u64 {
    let Some(above) = bucket.checked_sub(EXACT) else { return bucket };
    let (octave, eighth) = (above / PER_OCTAVE + 4, above % PER_OCTAVE);
    ((PER_OCTAVE + eighth + 1) << (octave - 3)) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_at_most_an_eighth_too_long() {
        let times = (0..2_000).chain((11..31).flat_map(|bit| [(1 << bit) - 1, 1 << bit, (1 << bit) + 1]));
        for micros in times {
            let longest = longest(bucket(Duration::from_micros(micros)) as u64);
            assert!(longest >= micros && longest - micros <= micros / 8, "{micros} us in {longest} us");
        }
        assert_eq!(bucket(Duration::MAX), BUCKETS - 1);
        assert_eq!(longest(BUCKETS as u64 - 1), (2 << LAST_OCTAVE) - 1);
    }

    #[test]
    fn quantiles_match_the_counted_times() {
        let counters = RoundTripCounters::default();
        assert_eq!((counters.read().count(), counters.read().quantile(0.5)), (0, None));
        for micros in 1..=10 {
            counters.count(Duration::from_micros(micros));
        }
        let micros = |trips: &RoundTrips, part| trips.quantile(part).unwrap().as_micros();
        let mut trips = counters.read();
        assert_eq!([-1.0, 0.0, 0.5, 0.51, 1.0, 7.0].map(|part| micros(&trips, part)), [1, 1, 5, 6, 10, 10]);
        let slow = RoundTripCounters::default();
        (0..10).for_each(|_| slow.count(Duration::from_secs(3)));
        trips.add(&slow.read());
        assert_eq!((trips.count(), micros(&trips, 0.5)), (20, 10));
        assert!((3_000_000..3_400_000).contains(&micros(&trips, 0.99)));
        assert_eq!(trips.buckets().map(|(_, count)| count).sum::<u64>(), 20);
        assert_eq!(trips.buckets().collect::<RoundTrips>(), trips);
    }
}
