//! The figures of one round.

use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use rustix::time::{ClockId, clock_gettime};

use crate::Result;

/// The maximum recorded latency in nanoseconds: a minute.
const MAX_LATENCY: u64 = 60_000_000_000;

/// The figures of one round.
pub(crate) struct Sample {
    /// Messages per second.
    pub(crate) rate: f64,
    /// User and system time of this process per message, in microseconds.
    pub(crate) cpu: f64,
    /// Frames per write of the measured client, or of its node for broadcasts.
    pub(crate) frames_per_write: f64,
    /// The time from call to reply, in microseconds.
    pub(crate) latency: Option<Latency>,
}

/// Two quantiles, in microseconds.
#[derive(Clone, Copy)]
pub(crate) struct Latency {
    pub(crate) p50: f64,
    pub(crate) p99: f64,
}

/// All latencies of one round.
pub(crate) struct Latencies(Histogram<u64>);

impl Latencies {
    pub(crate) fn new() -> Result<Latencies> {
        Ok(Latencies(Histogram::new_with_bounds(1, MAX_LATENCY, 3)?))
    }

    /// Records a latency of `count` messages.
    pub(crate) fn record(&mut self, took: Duration, count: u64) {
        let nanoseconds = u64::try_from(took.as_nanos()).unwrap_or(MAX_LATENCY);
        self.0.saturating_record_n(nanoseconds, count);
    }

    pub(crate) fn quantiles(&self) -> Latency {
        let at = |quantile| self.0.value_at_quantile(quantile) as f64 / 1000.0;
        Latency { p50: at(0.5), p99: at(0.99) }
    }
}

/// Measures the time of a round.
pub(crate) struct Stopwatch {
    wall: Instant,
    cpu: Duration,
}

impl Stopwatch {
    pub(crate) fn start() -> Stopwatch {
        Stopwatch { wall: Instant::now(), cpu: process_time() }
    }

    /// Returns the figures of the round, which has ended.
    pub(crate) fn stop(self, messages: u64, frames_per_write: f64, latency: Option<Latency>) -> Sample {
        let (wall, cpu) = (self.wall.elapsed(), process_time() - self.cpu);
        Sample {
            rate: messages as f64 / wall.as_secs_f64(),
            cpu: cpu.as_secs_f64() * 1e6 / messages as f64,
            frames_per_write,
            latency,
        }
    }
}

/// Returns the user and system time of all threads of this process so far.
fn process_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    // The kernel returns no negative times, and less than a billion nanoseconds.
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}
