//! Latencies of calls: percentiles of all calls, in constant memory.

use std::time::Duration;

use amop::text::span;
use hdrhistogram::Histogram;
use serde::{Serialize, Serializer};

/// The latencies of all calls so far.
pub(crate) struct Latencies(Histogram<u64>);

/// Percentiles of latencies, in microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Percentiles {
    min: u64,
    p50: u64,
    p90: u64,
    p99: u64,
    max: u64,
}

/// The longest latency that is recorded, in microseconds: a day. Longer ones count as this.
const LONGEST: u64 = 24 * 3600 * 1_000_000;

impl Latencies {
    pub(crate) fn new() -> Latencies {
        // Three digits are precise enough. Set the bounds, because the default histogram covers 2 ms, and recording
        // with saturation doesn't extend it.
        Latencies(Histogram::new_with_bounds(1, LONGEST, 3).expect("3 digits and these bounds are possible"))
    }

    pub(crate) fn record(&mut self, time: Duration) {
        self.0.saturating_record(u64::try_from(time.as_micros()).unwrap_or(u64::MAX));
    }

    /// Returns the percentiles, `None` before the first call.
    pub(crate) fn percentiles(&self) -> Option<Percentiles> {
        let at = |quantile| self.0.value_at_quantile(quantile);
        (!self.0.is_empty()).then(|| Percentiles {
            min: self.0.min(),
            p50: at(0.5),
            p90: at(0.9),
            p99: at(0.99),
            max: self.0.max(),
        })
    }
}

impl Percentiles {
    /// Returns the percentiles as `min 0.9 ms, p50 1.0 ms, ...`.
    pub(crate) fn text(&self) -> String {
        let Percentiles { min, p50, p90, p99, max } = self;
        let all = [("min", min), ("p50", p50), ("p90", p90), ("p99", p99), ("max", max)];
        all.map(|(name, micros)| format!("{name} {}", span(Duration::from_micros(*micros)))).join(", ")
    }
}

/// Serializes a time as whole microseconds.
pub(crate) fn as_micros<S: Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u128(time.as_micros())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_cover_all_calls() {
        let mut latencies = Latencies::new();
        assert_eq!(latencies.percentiles(), None);
        for micros in 1..=100 {
            latencies.record(Duration::from_micros(micros));
        }
        let expected = Percentiles { min: 1, p50: 50, p90: 90, p99: 99, max: 100 };
        assert_eq!(latencies.percentiles(), Some(expected));
        assert_eq!(expected.text(), "min 1 us, p50 50 us, p90 90 us, p99 99 us, max 100 us");
    }

    #[test]
    fn latencies_of_any_size_are_recorded() {
        let mut latencies = Latencies::new();
        for millis in [1, 50, 2_000, 60_000, 3_600_000] {
            latencies.record(Duration::from_millis(millis));
        }
        let Percentiles { min, p50, max, .. } = latencies.percentiles().unwrap();
        for (seen, millis) in [(min, 1), (p50, 2_000), (max, 3_600_000)] {
            let true_micros = millis * 1000;
            assert!(seen.abs_diff(true_micros) <= true_micros / 1000, "{seen} for {true_micros}");
        }
        latencies.record(Duration::MAX);
        assert!(latencies.percentiles().unwrap().max >= LONGEST);
    }
}
