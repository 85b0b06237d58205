//! How long recent unicasts of each topic took, for calls that send a message again when silence is unusual.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use crate::protocol::Topic;

/// The times kept for each topic, in microseconds: enough for a 99th percentile that leaves out the two longest.
const KEPT: usize = 256;
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
    latest: Vec<u32>,
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
            let micros = u32::try_from(took.as_micros()).unwrap_or(u32::MAX);
            match latest.get_mut(*next) {
                Some(time) => *time = micros,
                None => latest.push(micros),
            }
            *next = (*next + 1) % KEPT;
        }
    }

    /// Returns the time within which 99 % of the recent unicasts of a topic were answered, or `None` if there were none.
    pub(crate) fn usual(&self, topic: &Topic) -> Option<Duration> {
        let mut latest = {
            let generations = self.generations();
            let times = generations.current.get(topic).or_else(|| generations.older.get(topic))?;
            times.latest.clone()
        };
        let last = (latest.len() * 99).div_ceil(100).checked_sub(1)?;
        let (_, micros, _) = latest.select_nth_unstable(last);
        Some(Duration::from_micros((*micros).into()))
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
    fn usual_time_is_the_99th_percentile_of_the_latest() {
        let times = TopicTimes::default();
        assert_eq!(times.usual(&topic(0)), None);
        (1..=50).for_each(|n| times.add(&topic(0), n * MS));
        assert_eq!(times.usual(&topic(0)), Some(50 * MS), "of few the longest");
        (51..=200).for_each(|n| times.add(&topic(0), n * MS));
        assert_eq!(times.usual(&topic(0)), Some(198 * MS));
        times.add(&topic(1), Duration::MAX);
        assert!(times.usual(&topic(1)).unwrap() > Duration::from_secs(3600));
        // Two slow ones don't change what is usual; a third does, until it is no longer one of the latest.
        (0..KEPT).for_each(|_| times.add(&topic(0), MS));
        (0..2).for_each(|_| times.add(&topic(0), 900 * MS));
        assert_eq!(times.usual(&topic(0)), Some(MS));
        times.add(&topic(0), 900 * MS);
        assert_eq!(times.usual(&topic(0)), Some(900 * MS));
        (0..KEPT - 2).for_each(|_| times.add(&topic(0), MS));
        assert_eq!(times.usual(&topic(0)), Some(MS));
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
