//! The threads and event loops that wait for one source. Each wake of the source wakes one of them, the one that has
//! waited longest, and that one wakes the next if it leaves something to read.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Wake, Waker};

/// The waiting tasks. The source has one waker, this one.
#[derive(Default)]
pub(crate) struct Waiters(Mutex<Waiting>);

#[derive(Default)]
struct Waiting {
    /// The wakers of those that wait and have not been woken, by the order in which they began.
    wakers: BTreeMap<u64, Waker>,
    /// The number of the last place.
    last: u64,
    /// How often one was woken.
    wakes: u64,
}

/// A place among those that wait, for one wait. If it is dropped after it was woken, the wake is passed on.
#[derive(Default)]
pub(crate) struct Place(Option<u64>);

impl Waiters {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes the one that has waited longest.
    pub(crate) fn wake_one(&self) {
        let mut waiting = self.lock();
        let first = waiting.wakers.pop_first();
        waiting.wakes += u64::from(first.is_some());
        drop(waiting);
        if let Some((_, waker)) = first {
            waker.wake();
        }
    }

    /// Returns how many wait and have not been woken.
    pub(crate) fn count(&self) -> usize {
        self.lock().wakers.len()
    }

    /// Returns how often one was woken.
    pub(crate) fn wakes(&self) -> u64 {
        self.lock().wakes
    }

    /// Sets the waker of a place, which goes to the end if it was woken before. Call it before polling the source, so
    /// that no wake in between is missed.
    pub(crate) fn wait(&self, place: &mut Place, waker: &Waker) {
        let mut waiting = self.lock();
        if let Some(known) = place.0.and_then(|number| waiting.wakers.get_mut(&number)) {
            known.clone_from(waker);
            return;
        }
        waiting.last += 1;
        let number = waiting.last;
        waiting.wakers.insert(number, waker.clone());
        place.0 = Some(number);
    }

    /// Leaves a place whose owner reads the source now.
    pub(crate) fn arrive(&self, place: &mut Place) {
        if let Some(number) = place.0.take() {
            self.lock().wakers.remove(&number);
        }
    }

    /// Leaves a place whose owner does not read the source: a wake that it has received is passed on.
    pub(crate) fn give_up(&self, place: &mut Place) {
        let Some(number) = place.0.take() else { return };
        let was_woken = self.lock().wakers.remove(&number).is_none();
        if was_woken {
            self.wake_one();
        }
    }
}

impl Wake for Waiters {
    fn wake(self: Arc<Self>) {
        self.wake_one();
    }
}
