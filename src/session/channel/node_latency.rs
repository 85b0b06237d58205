//! How long the node itself takes to answer: measured at its own answers, not at those of subscribers.

use std::time::Duration;

/// A node that answers within this time has not passed the message on before, even if it usually answers faster.
const FLOOR: Duration = Duration::from_millis(5);

/// How many of the node's usual times a refusal may take that follows no delivery.
const FACTOR: u32 = 3;

/// The weight of each measurement is one part of these.
const SMOOTHING: u32 = 8;

/// The node's usual time to answer, as a moving average.
#[derive(Debug, Default)]
pub(super) struct NodeLatency {
    usual: Option<Duration>,
}

impl NodeLatency {
    /// Adds a measurement.
    pub(super) fn observe(&mut self, took: Duration) {
        self.usual = Some(match self.usual {
            None => took,
            Some(usual) => (usual * (SMOOTHING - 1) + took) / SMOOTHING,
        });
    }

    /// Returns whether a refusal came so fast that the node can't have waited for a subscriber before.
    pub(super) fn is_immediate(&self, took: Duration) -> bool {
        took <= self.usual.unwrap_or_default().saturating_mul(FACTOR).max(FLOOR)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn refusal_within_a_few_usual_times_is_immediate() {
        let mut latency = NodeLatency::default();
        assert!(latency.is_immediate(5 * MS) && !latency.is_immediate(6 * MS), "nothing was measured");
        latency.observe(MS);
        assert!(latency.is_immediate(5 * MS) && !latency.is_immediate(6 * MS), "a fast node");
        (0..100).for_each(|_| latency.observe(40 * MS));
        assert!(latency.is_immediate(119 * MS) && !latency.is_immediate(121 * MS), "a node far away");
    }
}
