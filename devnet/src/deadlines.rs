//! What has to happen when: the nodes' deadlines in one place.
//!
//! The two that every unicast has are of constant length each, so they queue up in order; entries of unicasts
//! that have ended are left behind and swept out before they outnumber the living.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use tokio::time::Instant;

use crate::delayed::Delayed;
use crate::table::Key;

/// What is due.
#[derive(Debug)]
pub(crate) enum Due {
    /// A subscriber hasn't answered within the push limit: its node tries the next.
    Push(Key),
    /// A node hasn't answered within the node limit: the publisher's node tries the next.
    Answer(Key),
    /// Nodes tell each other their topics.
    TopicSync,
    /// Nodes ask for verification of private topics.
    Verify,
    /// A node notices that its link to another is gone.
    LinkLoss {
        /// The node that notices.
        node: usize,
        /// The one it has lost.
        lost: usize,
        /// Which loss of that link this was.
        loss: u64,
    },
    /// A link that broke by itself comes back.
    LinkRejoin(usize, usize),
    /// A frame that was held back goes on.
    Frame(Box<Delayed>),
}

#[derive(Debug, Default)]
pub(crate) struct Deadlines {
    push: VecDeque<(Instant, Key)>,
    answer: VecDeque<(Instant, Key)>,
    others: BinaryHeap<Reverse<Other>>,
    /// Keeps those of one instant in order.
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

/// Queues shorter than this aren't worth a sweep.
const SWEEP_FROM: usize = 1024;

impl Deadlines {
    pub(crate) fn push(&mut self, at: Instant, unicast: Key) {
        self.push.push_back((at, unicast));
    }

    pub(crate) fn answer(&mut self, at: Instant, unicast: Key) {
        self.answer.push_back((at, unicast));
    }

    pub(crate) fn set(&mut self, at: Instant, due: Due) {
        self.count += 1;
        self.others.push(Reverse(Other { at, number: self.count, due }));
    }

    /// When something is due next.
    pub(crate) fn next(&self) -> Option<Instant> {
        let fronts = [
            self.push.front().map(|(at, _)| *at),
            self.answer.front().map(|(at, _)| *at),
            self.others.peek().map(|Reverse(other)| other.at),
        ];
        fronts.into_iter().flatten().min()
    }

    /// The next that is due at `now`.
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

    /// Sweeps out deadlines of unicasts that have ended, where they outnumber the `living`.
    pub(crate) fn sweep(&mut self, living: usize, is_alive: impl Fn(Key) -> bool) {
        for queue in [&mut self.push, &mut self.answer] {
            if queue.len() > SWEEP_FROM + 2 * living {
                queue.retain(|(_, key)| is_alive(*key));
            }
        }
    }

    /// Frames that are held back, with the bytes they hold.
    pub(crate) fn held_bytes(&self) -> usize {
        self.others
            .iter()
            .map(|Reverse(other)| match &other.due {
                Due::Frame(delayed) => delayed.held_bytes(),
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
    fn what_is_due_comes_in_order_and_nothing_before_its_time() {
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
    fn deadlines_of_the_dead_dont_pile_up() {
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
