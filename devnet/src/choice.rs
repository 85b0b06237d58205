//! The random choice of nodes and sessions for unicasts.

use fastrand::Rng;
use tokio::time::Instant;

use crate::options::{Choice, Options};

/// The node that chooses, and between what.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Chooser {
    /// A publisher's node chooses a node.
    OfNode(usize),
    /// A subscriber's node chooses one of its sessions.
    OfSession(usize),
}

/// The source of all choices.
#[derive(Debug)]
pub(crate) struct ChoiceSource {
    choice: Choice,
    seed: u64,
    started: Instant,
    rng: Rng,
}

/// 2^64 divided by the golden ratio. Multiplying by it makes unlike seeds of neighbouring numbers.
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;

impl ChoiceSource {
    pub(crate) fn new(options: &Options, now: Instant) -> ChoiceSource {
        let rng = Rng::with_seed(options.seed);
        ChoiceSource { choice: options.choice, seed: options.seed, started: now, rng }
    }

    /// Returns the index of one of `count` candidates, or `None` if there are none.
    pub(crate) fn choose(&mut self, count: usize, chooser: Chooser, now: Instant) -> Option<usize> {
        match self.choice {
            _ if count < 2 => (count == 1).then_some(0),
            Choice::EachMessage => Some(self.rng.usize(..count)),
            Choice::EachSecond => {
                let second = now.saturating_duration_since(self.started).as_secs();
                let chooser = match chooser {
                    Chooser::OfNode(origin) => 2 * origin,
                    Chooser::OfSession(node) => 2 * node + 1,
                };
                let number = (second << 20) + chooser as u64;
                Some(Rng::with_seed(self.seed ^ number.wrapping_mul(SPREAD)).usize(..count))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn each_chooser_has_one_choice_per_second() {
        let now = Instant::now();
        let options = Options { choice: Choice::EachSecond, ..Options::default() };
        let mut choices = ChoiceSource::new(&options, now);
        let mut seen = [[false; 2]; 2];
        for second in 0..64_u64 {
            let mut choose = |chooser, millis: u64| {
                choices.choose(2, chooser, now + Duration::from_millis(1000 * second + millis)).unwrap()
            };
            let (node, session) = (choose(Chooser::OfNode(0), 0), choose(Chooser::OfSession(1), 0));
            assert_eq!(choose(Chooser::OfNode(0), 999), node);
            seen[node][session] = true;
        }
        assert_eq!(seen, [[true; 2]; 2], "all combinations occur");
        assert_eq!(choices.choose(1, Chooser::OfNode(0), now), Some(0));
        assert_eq!(choices.choose(0, Chooser::OfNode(0), now), None);
    }
}
