//! How long recent unicasts of each topic took, for calls that send a message again when silence is unusual.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use crate::protocol::Topic;

/// The times kept for each topic. Their maximum stands for the 99th percentile.
const KEPT: usize = 64;
/// The most topics in each of the two generations.
const MAX_GENERATION: usize = 1024;

/// The times of topics, in two generations: a full one replaces the older, so that the number is bounded.
#[derive(Debug, Default)]
pub(crate) struct TopicTimes(Mutex<Generations>);

#[derive(Debug, Default)]
struct Generations {
    current: HashMap<Topic, Times>,
    older: HashMap<Topic, Times>,
}

#[derive(Clone, Debug, Default)]
struct Times {
    latest: Vec<Duration>,
    next: usize,
}

impl TopicTimes {
    /// Adds the time of a unicast that was answered.
    pub(crate) fn add(&self, topic: &Topic, took: Duration) {
        let mut generations = self.generations();
        let Generations { current, older } = &mut *generations;
        if !current.contains_key(topic) {
            if current.len() >= MAX_GENERATION {
                *older = std::mem::take(current);
            }
            let times = older.remove(topic).unwrap_or_default();
            current.insert(topic.clone(), times);
        }
        if let Some(Times { latest, next }) = current.get_mut(topic) {
            match latest.get_mut(*next) {
                Some(time) => *time = took,
                None => latest.push(took),
            }
            *next = (*next + 1) % KEPT;
        }
    }

    /// Returns the time within which nearly all recent unicasts of a topic were answered, or `None` if there were none.
    pub(crate) fn usual(&self, topic: &Topic) -> Option<Duration> {
        let generations = self.generations();
        let times = generations.current.get(topic).or_else(|| generations.older.get(topic))?;
        times.latest.iter().max().copied()
    }

    fn generations(&self) -> MutexGuard<'_, Generations> {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn topic(n: usize) -> Topic {
        Topic::new(n.to_string()).unwrap()
    }

    #[test]
    fn usual_time_is_the_longest_of_the_latest() {
        let times = TopicTimes::default();
        assert_eq!(times.usual(&topic(0)), None);
        times.add(&topic(0), 100 * MS);
        times.add(&topic(1), 7 * MS);
        (1..KEPT).for_each(|_| times.add(&topic(0), MS));
        assert_eq!(times.usual(&topic(0)), Some(100 * MS));
        times.add(&topic(0), MS);
        assert_eq!([0, 1].map(|n| times.usual(&topic(n))), [Some(MS), Some(7 * MS)]);
    }

    #[test]
    fn topics_are_bounded_and_those_in_use_are_kept() {
        let times = TopicTimes::default();
        for n in 1..5 * MAX_GENERATION {
            times.add(&topic(0), MS);
            times.add(&topic(n), MS);
        }
        let generations = times.generations();
        assert!(generations.current.len() <= MAX_GENERATION && generations.older.len() <= MAX_GENERATION);
        drop(generations);
        assert_eq!((times.usual(&topic(0)), times.usual(&topic(1))), (Some(MS), None));
    }
}
