//! Points in time with something due at each. Those that are over early are removed lazily.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;
use std::time::Instant;

/// A heap of deadlines. What is over early stays until it is due or until [`Deadlines::tidy`].
pub(crate) struct Deadlines<T> {
    heap: BinaryHeap<Reverse<Entry<T>>>,
}

struct Entry<T> {
    at: Instant,
    what: T,
}

impl<T> PartialEq for Entry<T> {
    fn eq(&self, other: &Self) -> bool {
        self.at == other.at
    }
}
impl<T> Eq for Entry<T> {}
impl<T> PartialOrd for Entry<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl<T> Ord for Entry<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.at.cmp(&other.at)
    }
}

impl<T> Deadlines<T> {
    /// The number of entries below which tidying is not worth the time.
    const SMALL: usize = 1024;

    pub(crate) fn new() -> Deadlines<T> {
        Deadlines { heap: BinaryHeap::new() }
    }

    pub(crate) fn add(&mut self, at: Instant, what: T) {
        self.heap.push(Reverse(Entry { at, what }));
    }

    /// The earliest one.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.heap.peek().map(|Reverse(entry)| entry.at)
    }

    /// Takes one that is due.
    pub(crate) fn pop_due(&mut self, now: Instant) -> Option<T> {
        if self.next()? > now {
            return None;
        }
        self.heap.pop().map(|Reverse(entry)| entry.what)
    }

    /// Forgets what is over, once that is more than the `live` rest: the cost is paid by what was added.
    pub(crate) fn tidy(&mut self, live: usize, mut is_live: impl FnMut(&T) -> bool) {
        if self.heap.len() > 2 * live + Self::SMALL {
            self.heap.retain(|Reverse(entry)| is_live(&entry.what));
        }
    }

    pub(crate) fn clear(&mut self) {
        self.heap.clear();
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.heap.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn deadlines_come_in_order_and_dead_ones_are_removed() {
        let start = Instant::now();
        let at = |s| start + Duration::from_secs(s);
        let mut deadlines = Deadlines::new();
        for n in [3, 1, 2] {
            deadlines.add(at(n), n);
        }
        assert_eq!(deadlines.next(), Some(at(1)));
        assert_eq!(deadlines.pop_due(start), None);
        assert_eq!((deadlines.pop_due(at(2)), deadlines.pop_due(at(2))), (Some(1), Some(2)));
        assert_eq!(deadlines.pop_due(at(2)), None);
        for n in 0..5000 {
            deadlines.add(at(10), n);
        }
        deadlines.tidy(1, |n| *n == 3);
        assert_eq!(deadlines.len(), 2, "the live one and the 3 from above");
    }
}
