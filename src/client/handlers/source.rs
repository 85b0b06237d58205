//! One lane, read by one job or several.

use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Wake, Waker};

use crate::delivery::{LaneItem, LaneReader};

/// Where a job takes its items from.
pub(crate) enum Source<T: LaneItem> {
    /// From a lane that it has for itself: the lane wakes the job, nothing is in between.
    Own(LaneReader<T>),
    /// From a lane that other jobs read too.
    Shared(Arc<SharedReader<T>>),
}

/// A lane's reader and the jobs that share it.
pub(crate) struct SharedReader<T: LaneItem> {
    reader: Mutex<LaneReader<T>>,
    /// What the lane wakes: all of `waiting`.
    waker: Waker,
    waiting: Arc<Waiting>,
}

/// The jobs that found the lane empty; a new batch wakes them all.
#[derive(Default)]
struct Waiting(Mutex<Vec<Waker>>);

impl Waiting {
    fn lock(&self) -> MutexGuard<'_, Vec<Waker>> {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl Wake for Waiting {
    fn wake(self: Arc<Self>) {
        let wakers = std::mem::take(&mut *self.lock());
        wakers.into_iter().for_each(Waker::wake);
    }
}

impl<T: LaneItem> Source<T> {
    /// One for each of so many jobs.
    pub(crate) fn for_jobs(reader: LaneReader<T>, jobs: usize) -> impl Iterator<Item = Source<T>> {
        let (own, shared) = if jobs == 1 { (Some(reader), None) } else { (None, Some(reader)) };
        let shared = shared.map(SharedReader::new).into_iter();
        let shared = shared.flat_map(move |shared| std::iter::repeat_n(shared, jobs)).map(Source::Shared);
        own.into_iter().map(Source::Own).chain(shared)
    }

    /// The next item; `None` when the lane is closed and empty.
    pub(super) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<T>> {
        self.poll(cx, LaneReader::poll_next)
    }

    /// Whether there is anything to take, or the end to be seen.
    pub(super) fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.poll(cx, LaneReader::poll_ready)
    }

    /// Counts items that were taken, and are given up all the same.
    pub(super) fn count_given_up(&self, items: usize) {
        match self {
            Source::Own(reader) => reader.count_given_up(items),
            Source::Shared(shared) => shared.lock().count_given_up(items),
        }
    }

    /// Whether nothing will ever be there to take.
    pub(super) fn is_over(&self) -> bool {
        match self {
            Source::Own(reader) => reader.is_over(),
            Source::Shared(shared) => shared.lock().is_over(),
        }
    }

    fn poll<R>(
        &mut self,
        cx: &mut Context<'_>,
        mut ask: impl FnMut(&mut LaneReader<T>, &mut Context<'_>) -> Poll<R>,
    ) -> Poll<R> {
        match self {
            Source::Own(reader) => ask(reader, cx),
            Source::Shared(shared) => shared.poll(cx, ask),
        }
    }
}

impl<T: LaneItem> SharedReader<T> {
    fn new(reader: LaneReader<T>) -> Arc<SharedReader<T>> {
        let waiting = Arc::<Waiting>::default();
        Arc::new(SharedReader { reader: Mutex::new(reader), waker: waiting.clone().into(), waiting })
    }

    fn lock(&self) -> MutexGuard<'_, LaneReader<T>> {
        self.reader.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn poll<R>(
        &self,
        cx: &mut Context<'_>,
        mut ask: impl FnMut(&mut LaneReader<T>, &mut Context<'_>) -> Poll<R>,
    ) -> Poll<R> {
        let mut reader = self.lock();
        let mut all = Context::from_waker(&self.waker);
        let answer = ask(&mut reader, &mut all);
        if answer.is_ready() {
            return answer;
        }
        self.waiting.lock().push(cx.waker().clone());
        // What came after the first look has woken those who waited then, and this job was not among them.
        ask(&mut reader, &mut all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use crate::delivery::{Budget, Event, Lane, LaneLimits};

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    fn lane() -> Arc<Lane<Event>> {
        Lane::new(LaneLimits::default(), Arc::new(Budget::new(1 << 20)))
    }

    fn put(lane: &Lane<Event>) {
        lane.reserve(0);
        lane.push(&mut vec![Event::Closed]);
    }

    #[test]
    fn a_job_sees_what_comes_between_its_look_and_its_wait() {
        for jobs in [1, 2] {
            let lane = lane();
            let mut source = Source::for_jobs(LaneReader::new(lane.clone()), jobs).next().unwrap();
            let woken = Arc::new(Count::default());
            let waker = Waker::from(woken.clone());
            let mut cx = Context::from_waker(&waker);
            let mut comes = true;
            let taken = source.poll(&mut cx, |reader, cx| {
                let answer = reader.poll_next(cx);
                if answer.is_pending() && std::mem::take(&mut comes) {
                    put(&lane);
                }
                answer
            });
            assert!(
                taken.is_ready() || woken.0.load(Ordering::SeqCst) > 0,
                "{jobs} jobs: it would wait for ever"
            );
        }
    }

    #[test]
    fn a_batch_wakes_all_jobs_that_wait_for_it() {
        let lane = lane();
        let mut sources: Vec<_> = Source::for_jobs(LaneReader::new(lane.clone()), 3).collect();
        assert_eq!(sources.len(), 3);
        let woken = Arc::new(Count::default());
        let waker = Waker::from(woken.clone());
        let mut cx = Context::from_waker(&waker);
        assert!(sources.iter_mut().all(|source| source.poll_next(&mut cx).is_pending()));
        put(&lane);
        assert_eq!(woken.0.load(Ordering::SeqCst), 3);
        assert!(sources[1].poll_next(&mut cx).is_ready());
        assert!(sources[2].poll_next(&mut cx).is_pending());
        lane.close();
        assert_eq!(woken.0.load(Ordering::SeqCst), 4);
        assert!(sources.iter_mut().all(|source| source.poll_ready(&mut cx).is_ready() && source.is_over()));
    }
}
