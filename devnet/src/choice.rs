//! The choice of nodes and sessions for unicasts.

use amop::protocol::channel::node_choice::{index_at, second_at};
use amop::wall_clock::WallClock;
use fastrand::Rng;

use crate::options::{Choice, Options};

/// The source of all choices.
#[derive(Debug)]
pub(crate) struct ChoiceSource {
    choice: Choice,
    wall_clock: WallClock,
    rng: Rng,
}

impl ChoiceSource {
    pub(crate) fn new(options: &Options) -> ChoiceSource {
        let rng = Rng::with_seed(options.seed);
        ChoiceSource { choice: options.choice(), wall_clock: options.wall_clock.clone(), rng }
    }

    /// Returns the index of one of `count` candidates, or `None` if there are none. The clock of the node that chooses
    /// differs from the wall clock by `clock_offset` milliseconds.
    pub(crate) fn choose(&mut self, count: usize, clock_offset: i64) -> Option<usize> {
        match self.choice {
            _ if count < 2 => (count == 1).then_some(0),
            Choice::EachMessage => Some(self.rng.usize(..count)),
            Choice::EachSecond => index_at(second_at(self.wall_clock.now(), clock_offset), count),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    #[test]
    fn choice_of_each_second_follows_the_nodes_own_clock() {
        let second = UNIX_EPOCH + Duration::from_secs(1_795_973_429);
        let wall_clock = WallClock::from_fn(move || second + Duration::from_millis(600));
        let options = Options { choice: Some(Choice::EachSecond), wall_clock, ..Options::default() };
        let mut choices = ChoiceSource::new(&options);
        let offsets = [0, 399, 400, -601, 4399, 4400];
        assert_eq!(offsets.map(|offset| choices.choose(2, offset)), [0, 0, 1, 0, 1, 0].map(Some));
        assert_eq!((choices.choose(1, 400), choices.choose(0, 400)), (Some(0), None));
    }
}
