//! The nodes' random choices.

use fastrand::Rng;
use tokio::time::Instant;

use crate::options::{Choice, Options};

/// Who chooses.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Chooser {
    /// The publisher's node, between nodes.
    OfNode(usize),
    /// The subscribers' node, between its sessions.
    OfSession(usize),
}

/// What the choices of all nodes come from.
#[derive(Debug)]
pub(crate) struct Dice {
    choice: Choice,
    seed: u64,
    started: Instant,
    rng: Rng,
}

/// 2^64 by the golden ratio: makes seeds of neighbouring numbers unlike each other.
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;

impl Dice {
    pub(crate) fn new(options: &Options, now: Instant) -> Dice {
        let rng = Rng::with_seed(options.seed);
        Dice { choice: options.choice, seed: options.seed, started: now, rng }
    }

    /// Which of `count` candidates; `None` without any.
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
    fn a_second_has_one_choice_and_each_chooser_its_own() {
        let now = Instant::now();
        let options = Options { choice: Choice::EachSecond, ..Options::default() };
        let mut dice = Dice::new(&options, now);
        let mut seen = [[false; 2]; 2];
        for second in 0..64_u64 {
            let mut throw = |chooser, millis: u64| {
                dice.choose(2, chooser, now + Duration::from_millis(1000 * second + millis)).unwrap()
            };
            let (node, session) = (throw(Chooser::OfNode(0), 0), throw(Chooser::OfSession(1), 0));
            assert_eq!(throw(Chooser::OfNode(0), 999), node);
            seen[node][session] = true;
        }
        assert_eq!(seen, [[true; 2]; 2], "all combinations come");
        assert_eq!(dice.choose(1, Chooser::OfNode(0), now), Some(0));
        assert_eq!(dice.choose(0, Chooser::OfNode(0), now), None);
    }
}
