//! All deadlines of the nodes.
//!
//! Each unicast has two deadlines. Their limits seldom change, so that a queue keeps each kind in order and new entries
//! belong at its end. Entries of unicasts that have ended stay in the queues until they outnumber the others, and are then
//! removed together.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use tokio::time::Instant;

use crate::delayed::{Delayed, Overtaken};
use crate::table::Key;

/// What happens at a deadline.
#[derive(Debug)]
pub(crate) enum Due {
    /// A session has not answered within the push limit, so its node tries the next one.
    Push(Key),
    /// A node has not answered within the node limit, so the publisher's node tries the next one.
    Answer(Key),
    /// Nodes exchange their topic lists.
    TopicSync,
    /// Nodes request the verification of private topics.
    Verify,
    /// A node notices that its link to another node was lost.
    LinkLoss {
        /// The node that notices.
        node: usize,
        /// The other node.
        lost: usize,
        /// The number of times that the link had been lost, including this one.
        loss: u64,
    },
    /// A broken link is restored.
    LinkRejoin(usize, usize),
    /// A delayed frame continues.
    Frame(Box<Delayed>),
    /// A frame that others overtake continues, or is overtaken by more.
    Overtaken(Box<Overtaken>),
}

#[derive(Debug, Default)]
pub(crate) struct Deadlines {
    push: VecDeque<(Instant, Key)>,
    answer: VecDeque<(Instant, Key)>,
    others: BinaryHeap<Reverse<Other>>,
    /// The number of deadlines set so far, which keeps those of one instant in order.
    count: u64,
}

#[derive(Debug)]
struct Other {
    at: Instant,
    number: u64,
    due: Due,
}

impl PartialEq for Other {
    fn eq(&self, other: &Other) -> bool {
        self.number == other.number
    }
}

impl Eq for Other {}

impl PartialOrd for Other {
    fn partial_cmp(&self, other: &Other) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Other {
    fn cmp(&self, other: &Other) -> std::cmp::Ordering {
        (self.at, self.number).cmp(&(other.at, other.number))
    }
}

/// Queues shorter than this are not swept.
const SWEEP_FROM: usize = 1024;

impl Deadlines {
    pub(crate) fn push(&mut self, at: Instant, unicast: Key) {
        // Before the deadlines of a longer limit that was in force earlier.
        let place = match self.push.back() {
            Some((last, _)) if *last > at => self.push.partition_point(|(due, _)| *due <= at),
            _ => self.push.len(),
        };
        self.push.insert(place, (at, unicast));
    }

    pub(crate) fn answer(&mut self, at: Instant, unicast: Key) {
        self.answer.push_back((at, unicast));
    }

    pub(crate) fn set(&mut self, at: Instant, due: Due) {
        self.count += 1;
        self.others.push(Reverse(Other { at, number: self.count, due }));
    }

    /// Returns the earliest deadline.
    pub(crate) fn next(&self) -> Option<Instant> {
        let fronts = [
            self.push.front().map(|(at, _)| *at),
            self.answer.front().map(|(at, _)| *at),
            self.others.peek().map(|Reverse(other)| other.at),
        ];
        fronts.into_iter().flatten().min()
    }

    /// Removes and returns a deadline that has passed at `now`.
    pub(crate) fn pop(&mut self, now: Instant) -> Option<Due> {
        if self.push.front().is_some_and(|(at, _)| *at <= now) {
            return self.push.pop_front().map(|(_, key)| Due::Push(key));
        }
        if self.answer.front().is_some_and(|(at, _)| *at <= now) {
            return self.answer.pop_front().map(|(_, key)| Due::Answer(key));
        }
        if self.others.peek().is_some_and(|Reverse(other)| other.at <= now) {
            return self.others.pop().map(|Reverse(other)| other.due);
        }
        None
    }

    /// Removes the deadlines of unicasts that have ended, if they outnumber those of the `living` ones.
    pub(crate) fn sweep(&mut self, living: usize, is_alive: impl Fn(Key) -> bool) {
        for queue in [&mut self.push, &mut self.answer] {
            if queue.len() > SWEEP_FROM + 2 * living {
                queue.retain(|(_, key)| is_alive(*key));
            }
        }
    }

    /// Returns the number of bytes in delayed frames.
    pub(crate) fn held_bytes(&self) -> usize {
        self.others
            .iter()
            .map(|Reverse(other)| match &other.due {
                Due::Frame(delayed) => delayed.held_bytes(),
                Due::Overtaken(overtaken) => overtaken.held.held_bytes(),
                Due::Push(_) | Due::Answer(_) | Due::TopicSync | Due::Verify => 0,
                Due::LinkLoss { .. } | Due::LinkRejoin(..) => 0,
            })
            .sum()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::table::Table;

    #[test]
    fn pop_returns_passed_deadlines_in_order() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut deadlines = Deadlines::default();
        deadlines.set(at(3), Due::Verify);
        deadlines.set(at(2), Due::TopicSync);
        deadlines.set(at(2), Due::LinkRejoin(0, 1));
        assert_eq!(deadlines.next(), Some(at(2)));
        assert!(deadlines.pop(at(1)).is_none());
        assert!(matches!(deadlines.pop(at(2)), Some(Due::TopicSync)));
        assert!(matches!(deadlines.pop(at(2)), Some(Due::LinkRejoin(0, 1))));
        assert!(deadlines.pop(at(2)).is_none());
        assert!(matches!(deadlines.pop(at(9)), Some(Due::Verify)));
        assert_eq!(deadlines.next(), None);
    }

    #[test]
    fn deadlines_of_a_shorter_limit_precede_earlier_ones() {
        let (mut table, mut deadlines) = (Table::new(), Deadlines::default());
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let keys = [8, 9, 1, 2, 8, 9].map(|seconds| {
            let key = table.insert(());
            deadlines.push(at(seconds), key);
            key
        });
        let mut order = Vec::new();
        while let Some(next) = deadlines.next() {
            match deadlines.pop(next) {
                Some(Due::Push(key)) => order.push(key),
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(order, [2, 3, 0, 4, 1, 5].map(|index| keys[index]));
    }

    #[test]
    fn sweep_removes_deadlines_of_ended_unicasts() {
        let (mut table, mut deadlines) = (Table::new(), Deadlines::default());
        let start = Instant::now();
        let living = table.insert(());
        deadlines.push(start, living);
        for _ in 0..10 * SWEEP_FROM {
            let key = table.insert(());
            deadlines.push(start, key);
            table.remove(key);
            deadlines.sweep(table.len(), |key| table.get(key).is_some());
            assert!(deadlines.push.len() <= SWEEP_FROM + 3);
        }
        assert!(matches!(deadlines.pop(start), Some(Due::Push(key)) if key == living));
    }
}
