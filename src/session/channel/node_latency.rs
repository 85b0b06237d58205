//! How long the node itself takes to answer: measured at its own answers, not at those of subscribers.

use std::time::Duration;

/// A node that answers within this time has not passed the message on before, even if it usually answers faster.
const FLOOR: Duration = Duration::from_millis(5);

/// How many of the node's usual times a refusal may take that follows no delivery.
const FACTOR: u32 = 3;

/// A refusal that takes longer may follow a delivery, however slowly the node answers otherwise.
const CEILING: Duration = Duration::from_millis(500);

/// How many measurements are kept.
const KEPT: usize = 8;

/// The node's usual time to answer: the shortest of the latest measurements. Others include the time that large
/// messages of this client took to leave, which says nothing of the node.
#[derive(Debug, Default)]
pub(super) struct NodeLatency {
    latest: [Option<Duration>; KEPT],
    next: usize,
}

impl NodeLatency {
    /// Adds a measurement.
    pub(super) fn observe(&mut self, took: Duration) {
        self.latest[self.next] = Some(took);
        self.next = (self.next + 1) % KEPT;
    }

    /// Returns whether a refusal came so fast that the node can't have waited for a subscriber before.
    pub(super) fn is_immediate(&self, took: Duration) -> bool {
        let usual = self.latest.iter().flatten().min().copied().unwrap_or_default();
        took <= usual.saturating_mul(FACTOR).clamp(FLOOR, CEILING)
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
    #[test]
    fn answers_behind_large_messages_do_not_make_slow_refusals_definite() {
        let mut latency = NodeLatency::default();
        latency.observe(2 * MS);
        (1..KEPT).for_each(|_| latency.observe(10_000 * MS));
        assert!(latency.is_immediate(6 * MS) && !latency.is_immediate(7 * MS), "one was short");
        (0..KEPT).for_each(|_| latency.observe(10_000 * MS));
        assert!(latency.is_immediate(500 * MS) && !latency.is_immediate(501 * MS), "none was short");
    }
}
