//! The items of one lane for one job, or for several jobs that share the lane.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use crate::delivery::{LaneItem, LaneReader};

/// Where a job takes its items from.
pub(crate) enum Source<T: LaneItem> {
    /// A lane that no other job reads: it wakes the job directly.
    Own(LaneReader<T>),
    /// A lane that other jobs read as well.
    Shared(Share<T>),
}

/// A job's share of a lane.
pub(crate) struct Share<T: LaneItem> {
    job: usize,
    lane: Arc<SharedReader<T>>,
}

/// The reader of a lane and the jobs that share it.
///
/// One item wakes one job: the lane wakes the first job that waits, and a job that has taken an item wakes the next
/// one if there are more. While no item is left and jobs wait, the lane holds the waker.
struct SharedReader<T: LaneItem> {
    reader: Mutex<LaneReader<T>>,
    /// Wakes the first of `waiting`.
    waker: Waker,
    waiting: Arc<Waiting>,
}

/// The jobs that found the lane empty, each at most once, in the order in which they are woken.
#[derive(Default)]
struct Waiting(Mutex<VecDeque<(usize, Waker)>>);

impl Waiting {
    fn lock(&self) -> MutexGuard<'_, VecDeque<(usize, Waker)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes the first `jobs`.
    fn wake_first(&self, jobs: usize) {
        let woken: Vec<_> = {
            let mut waiting = self.lock();
            let jobs = jobs.min(waiting.len());
            waiting.drain(..jobs).collect()
        };
        woken.into_iter().for_each(|(_, waker)| waker.wake());
    }
}

impl Wake for Waiting {
    fn wake(self: Arc<Self>) {
        self.wake_first(1);
    }
}

impl<T: LaneItem> Source<T> {
    /// Returns one source for each of `jobs`.
    pub(crate) fn for_jobs(reader: LaneReader<T>, jobs: usize) -> impl Iterator<Item = Source<T>> {
        let (own, shared) = if jobs == 1 { (Some(reader), None) } else { (None, Some(reader)) };
        let shared = shared.map(SharedReader::new).into_iter().flat_map(move |lane| {
            (0..jobs).map(move |job| Source::Shared(Share { job, lane: lane.clone() }))
        });
        own.into_iter().map(Source::Own).chain(shared)
    }

    /// Returns the next item, `None` once the lane is closed and empty.
    pub(super) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<T>> {
        match self {
            Source::Own(reader) => reader.poll_next(cx),
            Source::Shared(share) => {
                let item = share.poll_by(cx, LaneReader::poll_next);
                if item.is_ready() {
                    share.lane.pass_on();
                }
                item
            }
        }
    }

    /// Counts items that were taken and then dropped unhandled.
    pub(super) fn count_given_up(&self, items: usize) {
        match self {
            Source::Own(reader) => reader.count_given_up(items),
            Source::Shared(share) => share.lane.lock().count_given_up(items),
        }
    }
}

impl<T: LaneItem> Share<T> {
    /// Returns the next item, which `poll` takes from the reader.
    fn poll_by(
        &self,
        cx: &mut Context<'_>,
        mut poll: impl FnMut(&mut LaneReader<T>, &mut Context<'_>) -> Poll<Option<T>>,
    ) -> Poll<Option<T>> {
        let mut reader = self.lane.lock();
        let mut shared = Context::from_waker(&self.lane.waker);
        let first = poll(&mut reader, &mut shared);
        if first.is_ready() {
            return first;
        }
        self.lane.waiting.lock().push_back((self.job, cx.waker().clone()));
        // An item that arrived after the first poll did not wake this job, which was not in the list yet.
        let second = poll(&mut reader, &mut shared);
        if second.is_ready() {
            // A job that does not wait must not consume the wake of a later item.
            self.lane.waiting.lock().retain(|(job, _)| *job != self.job);
        }
        second
    }
}

impl<T: LaneItem> Drop for Share<T> {
    /// Passes on a wake that the job received and did not use, and the end of the lane.
    fn drop(&mut self) {
        self.lane.waiting.lock().retain(|(job, _)| *job != self.job);
        self.lane.pass_on();
    }
}

impl<T: LaneItem> SharedReader<T> {
    fn new(reader: LaneReader<T>) -> Arc<SharedReader<T>> {
        let waiting = Arc::<Waiting>::default();
        Arc::new(SharedReader { reader: Mutex::new(reader), waker: waiting.clone().into(), waiting })
    }

    fn lock(&self) -> MutexGuard<'_, LaneReader<T>> {
        self.reader.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes the next job if an item is left, all jobs if the lane has ended; else the lane's next item wakes one.
    fn pass_on(&self) {
        let jobs = {
            let mut reader = self.lock();
            // A job that begins to wait later polls the lane itself.
            if self.waiting.lock().is_empty()
                || reader.poll_ready(&mut Context::from_waker(&self.waker)).is_pending()
            {
                return;
            }
            if reader.is_over() { usize::MAX } else { 1 }
        };
        self.waiting.wake_first(jobs);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::delivery::{AnyLane, Budget, Event, Lane, LaneLimits};
    use crate::wake_count::WakeCount;

    /// A source and the number of times its job was woken.
    struct Job {
        source: Source<Event>,
        wakes: WakeCount,
    }

    impl Job {
        fn poll(&mut self) -> Poll<Option<Event>> {
            self.wakes.poll(|cx| self.source.poll_next(cx))
        }

        fn wakes(&self) -> usize {
            self.wakes.count()
        }
    }

    /// A lane and jobs that share it; all of them wait.
    fn waiting_jobs(jobs: usize) -> (Arc<Lane<Event>>, Vec<Job>) {
        let lane = lane();
        let sources = Source::for_jobs(LaneReader::new(lane.clone()), jobs);
        let mut jobs: Vec<_> = sources.map(|source| Job { source, wakes: WakeCount::default() }).collect();
        assert!(jobs.iter_mut().all(|job| job.poll().is_pending()));
        (lane, jobs)
    }

    fn lane() -> Arc<Lane<Event>> {
        Lane::new(LaneLimits::default(), Arc::new(Budget::new(1 << 20)))
    }

    fn put(lane: &Lane<Event>, items: usize) {
        (0..items).for_each(|_| _ = lane.reserve(0));
        lane.push(&mut vec![Event::Closed; items]);
    }

    fn wakes(jobs: &[Job]) -> usize {
        jobs.iter().map(Job::wakes).sum()
    }

    #[test]
    fn item_that_arrives_while_a_job_begins_to_wait_is_noticed() {
        let lane = lane();
        let mut sources = Source::for_jobs(LaneReader::new(lane.clone()), 2);
        let Some(Source::Shared(share)) = sources.next() else { panic!("the lane is shared") };
        let wakes = WakeCount::default();
        let waker = wakes.waker();
        let mut arrives = true;
        let item = share.poll_by(&mut Context::from_waker(&waker), |reader, cx| {
            let item = reader.poll_next(cx);
            if item.is_pending() && std::mem::take(&mut arrives) {
                put(&lane, 1);
            }
            item
        });
        assert!(item.is_ready(), "the job would wait for an item that is there");
        // The job does not wait, and its place in the list does not swallow the wake of another one.
        let mut other = Job { source: sources.next().unwrap(), wakes: WakeCount::default() };
        assert!(other.poll().is_pending());
        put(&lane, 1);
        assert_eq!((wakes.count(), other.wakes()), (0, 1));
    }

    #[test]
    fn item_wakes_one_of_many_waiting_jobs() {
        let (lane, mut jobs) = waiting_jobs(64);
        put(&lane, 1);
        assert_eq!(wakes(&jobs), 1);
        let woken = jobs.iter().position(|job| job.wakes() == 1).unwrap();
        assert!(jobs[woken].poll().is_ready());
        assert_eq!(wakes(&jobs), 1, "no item is left for another job");
        // While the woken job is busy, the next item wakes another one.
        put(&lane, 1);
        assert_eq!((wakes(&jobs), jobs[woken].wakes()), (2, 1));
    }

    #[test]
    fn batch_wakes_one_job_for_each_item() {
        let (lane, mut jobs) = waiting_jobs(64);
        put(&lane, 5);
        // Each woken job takes one item and is busy with it.
        let mut busy = 0;
        while let Some(woken) = jobs[..].iter().position(|job| job.wakes() > 0) {
            let mut job = jobs.swap_remove(woken);
            assert!(job.poll().is_ready());
            assert_eq!(job.wakes(), 1);
            busy += 1;
            std::mem::forget(job);
        }
        assert_eq!((busy, lane.stats().held_messages), (5, 0));
    }

    #[test]
    fn ended_job_passes_its_wake_on() {
        let (lane, mut jobs) = waiting_jobs(3);
        put(&lane, 1);
        let woken = jobs.iter().position(|job| job.wakes() == 1).unwrap();
        drop(jobs.remove(woken));
        assert_eq!(wakes(&jobs), 1);
        assert!(jobs.iter_mut().find(|job| job.wakes() == 1).unwrap().poll().is_ready());
    }

    #[test]
    fn end_of_the_lane_reaches_all_jobs() {
        let (lane, mut jobs) = waiting_jobs(3);
        lane.close();
        let woken = jobs.iter().position(|job| job.wakes() == 1).unwrap();
        assert!(matches!(jobs[woken].poll(), Poll::Ready(None)));
        assert!(jobs.iter().all(|job| job.wakes() == 1));
        assert!(jobs.iter_mut().all(|job| matches!(job.poll(), Poll::Ready(None))));
    }

    #[test]
    fn single_job_reads_the_lane_itself() {
        let (lane, mut jobs) = waiting_jobs(1);
        put(&lane, 1);
        assert_eq!(wakes(&jobs), 1);
        assert!(jobs[0].poll().is_ready() && jobs[0].poll().is_pending());
        lane.close();
        assert!(matches!(jobs[0].poll(), Poll::Ready(None)));
    }
}
