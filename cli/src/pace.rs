//! The number and rate of messages, reported once per second.

use std::io;
use std::time::{Duration, Instant};

use amop::text::digits;
use serde::Serialize;

use crate::output::{Output, Record};

/// The interval between two reports.
const EVERY: Duration = Duration::from_secs(1);

/// Counts messages and reports their rate.
pub(crate) struct Pace {
    received: u64,
    bytes: u64,
    /// The messages and bytes at the last report, and its time.
    reported: (u64, u64, Instant),
}

impl Pace {
    /// Starts to count at `now`.
    pub(crate) fn new(now: Instant) -> Pace {
        Pace { received: 0, bytes: 0, reported: (0, 0, now) }
    }

    /// Counts a message of `bytes` bytes.
    pub(crate) fn count(&mut self, bytes: usize) {
        self.received += 1;
        self.bytes += bytes as u64;
    }

    /// Returns a report if one is due at `now`; `lost` returns the number of messages lost so far.
    pub(crate) fn due(&mut self, now: Instant, lost: impl FnOnce() -> u64) -> Option<Progress> {
        let (received, bytes, reported) = self.reported;
        let since = now.duration_since(reported);
        if since < EVERY {
            return None;
        }
        self.reported = (self.received, self.bytes, now);
        let seconds = since.as_secs_f64();
        Some(Progress {
            received: self.received,
            bytes: self.bytes,
            lost: lost(),
            rate: (self.received - received) as f64 / seconds,
            bytes_per_second: (self.bytes - bytes) as f64 / seconds,
        })
    }

    /// Waits until a report is due. Never returns if there is no `pace`. It can be cancelled safely.
    pub(crate) async fn until_due(pace: Option<&Pace>) {
        match pace {
            Some(pace) => tokio::time::sleep_until((pace.reported.2 + EVERY).into()).await,
            None => std::future::pending().await,
        }
    }
}

/// The messages so far, and the rate since the last report.
#[derive(Debug, PartialEq, Serialize)]
#[serde(tag = "event", rename = "progress")]
pub(crate) struct Progress {
    received: u64,
    bytes: u64,
    lost: u64,
    rate: f64,
    bytes_per_second: f64,
}

impl Record for Progress {
    fn show(&self, output: &mut Output) -> io::Result<()> {
        let Progress { received, bytes, lost, rate, bytes_per_second } = self;
        let (amount, speed) = (in_bytes(*bytes as f64), in_bytes(*bytes_per_second));
        let rate = digits(*rate);
        output.progress(&format!("{received} received ({amount}), {rate}/s ({speed}/s), {lost} lost"))
    }
}

/// Formats an amount with a fitting unit and at most three digits: `850 B`, `1.23 MB`.
fn in_bytes(bytes: f64) -> String {
    const UNITS: [&str; 4] = ["B", "kB", "MB", "GB"];
    let mut amount = bytes;
    for unit in UNITS {
        // From here on the number is rounded to the next unit.
        if amount < 999.5 {
            return format!("{} {unit}", digits(amount));
        }
        amount /= 1000.0;
    }
    format!("{} TB", digits(amount))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_cover_the_time_since_the_last_report() {
        let begin = Instant::now();
        let mut pace = Pace::new(begin);
        pace.count(10);
        assert_eq!(pace.due(begin + EVERY / 2, || 3), None);
        let first = Progress { received: 1, bytes: 10, lost: 3, rate: 1.0, bytes_per_second: 10.0 };
        assert_eq!(pace.due(begin + EVERY, || 3), Some(first));
        pace.count(6);
        pace.count(4);
        let second = Progress { received: 3, bytes: 20, lost: 3, rate: 1.0, bytes_per_second: 5.0 };
        assert_eq!(pace.due(begin + EVERY * 3, || 3), Some(second));
        assert_eq!(pace.due(begin + EVERY * 3, || 3), None);
    }

    #[test]
    fn amounts_have_a_fitting_unit() {
        for (bytes, shown) in [
            (0.0, "0 B"),
            (999.0, "999 B"),
            (999.7, "1 kB"),
            (1234.0, "1.23 kB"),
            (12_345.0, "12.3 kB"),
            (999_600.0, "1 MB"),
            (5e9, "5 GB"),
            (7e15, "7000 TB"),
        ] {
            assert_eq!(in_bytes(bytes), shown);
        }
    }
}
