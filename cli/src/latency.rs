//! How long calls took: percentiles of all of them, in a form that doesn't grow.

use std::time::Duration;

use hdrhistogram::Histogram;
use serde::{Serialize, Serializer};

/// The times of calls so far.
pub(crate) struct Latencies(Histogram<u64>);

/// Their percentiles, in microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Percentiles {
    min: u64,
    p50: u64,
    p90: u64,
    p99: u64,
    max: u64,
}

/// The longest time that is told apart, in microseconds: a day. Whoever waits longer is shown this.
const LONGEST: u64 = 24 * 3600 * 1_000_000;

impl Latencies {
    pub(crate) fn new() -> Latencies {
        // Three digits are more than a network's times are worth. Without bounds the histogram would begin with
        // room for 2 ms, and a record that saturates doesn't widen it.
        Latencies(Histogram::new_with_bounds(1, LONGEST, 3).expect("3 digits and these bounds are possible"))
    }

    pub(crate) fn record(&mut self, time: Duration) {
        self.0.saturating_record(u64::try_from(time.as_micros()).unwrap_or(u64::MAX));
    }

    /// `None` before the first.
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
    /// `min 0.9 ms, p50 1.0 ms, ...`
    pub(crate) fn text(&self) -> String {
        let Percentiles { min, p50, p90, p99, max } = self;
        let all = [("min", min), ("p50", p50), ("p90", p90), ("p99", p99), ("max", max)];
        all.map(|(name, micros)| format!("{name} {}", in_words(Duration::from_micros(*micros)))).join(", ")
    }
}

/// A time in the unit that suits it: `850 us`, `1.23 ms`, `4.50 s`.
pub(crate) fn in_words(time: Duration) -> String {
    if time < Duration::from_millis(1) {
        format!("{} us", time.as_micros())
    } else if time < Duration::from_secs(1) {
        format!("{:.2} ms", time.as_secs_f64() * 1e3)
    } else {
        format!("{:.2} s", time.as_secs_f64())
    }
}

/// A time as JSON: whole microseconds.
pub(crate) fn as_micros<S: Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u128(time.as_micros())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_of_a_hundred_times() {
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
    fn times_of_any_size_count_as_what_they_are() {
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

    #[test]
    fn times_have_the_unit_that_suits_them() {
        assert_eq!(in_words(Duration::from_micros(999)), "999 us");
        assert_eq!(in_words(Duration::from_micros(1234)), "1.23 ms");
        assert_eq!(in_words(Duration::from_millis(4500)), "4.50 s");
    }
}
