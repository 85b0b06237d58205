//! The work of one subscription, and its states: it runs, waits for a thread, or waits for messages.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::task::{Context, Wake, Waker};

use super::Dispatcher;

/// The result of a job's turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// The job used up its turn; there may be more messages.
    More,
    /// The job has registered the waker and waits.
    Waiting,
    /// The job has ended.
    Done,
}

/// The work of one subscription.
pub(crate) trait Job: Send + 'static {
    /// Handles the messages that are ready, at most [`MAX_CALLS_PER_TURN`](super::MAX_CALLS_PER_TURN). Registers the
    /// context's waker once there are no more.
    fn turn(&mut self, cx: &mut Context<'_>) -> Turn;
}

/// A job and its state.
pub(super) struct Slot {
    pool: Weak<Dispatcher>,
    phase: AtomicU8,
    job: Mutex<Option<Box<dyn Job>>>,
}

const IDLE: u8 = 0;
const QUEUED: u8 = 1;
const RUNNING: u8 = 2;
const WOKEN: u8 = 3;

/// Catches a panic of application code outside of handler calls, because the thread has other jobs.
fn contain<T>(call: impl FnOnce() -> T) -> Option<T> {
    let outcome = catch_unwind(AssertUnwindSafe(call)).ok();
    if outcome.is_none() {
        tracing::error!("a handler panicked outside of its calls, for example when it was dropped");
    }
    outcome
}

impl Slot {
    pub(super) fn new(pool: &Arc<Dispatcher>, job: Box<dyn Job>) -> Arc<Slot> {
        let (pool, phase) = (Arc::downgrade(pool), AtomicU8::new(IDLE));
        Arc::new(Slot { pool, phase, job: Mutex::new(Some(job)) })
    }

    /// Runs one turn of the job.
    pub(super) fn run(self: Arc<Self>) {
        self.phase.store(RUNNING, Ordering::Release);
        let waker = Waker::from(self.clone());
        let mut cx = Context::from_waker(&waker);
        // Uncontended, because only the thread that took the slot from the queue runs it.
        let mut job = self.job.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let Some(turn) = job.as_mut().map(|job| contain(|| job.turn(&mut cx)).unwrap_or(Turn::Done)) else {
            return;
        };
        let over = if turn == Turn::Done { job.take() } else { None };
        drop(job);
        contain(|| drop(over));
        match turn {
            Turn::Done => {}
            Turn::More => self.requeue(),
            Turn::Waiting => {
                let waited = self.phase.compare_exchange(RUNNING, IDLE, Ordering::AcqRel, Ordering::Acquire);
                if waited.is_err() {
                    self.requeue();
                }
            }
        }
    }

    fn requeue(self: Arc<Self>) {
        self.phase.store(QUEUED, Ordering::Release);
        match self.pool.upgrade() {
            Some(pool) => pool.put_back(self),
            None => drop(self.job.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).take()),
        }
    }
}

impl Wake for Slot {
    fn wake(self: Arc<Self>) {
        let change = self.phase.fetch_update(Ordering::AcqRel, Ordering::Acquire, |phase| match phase {
            IDLE => Some(QUEUED),
            RUNNING => Some(WOKEN),
            _ => None,
        });
        if change == Ok(IDLE)
            && let Some(pool) = self.pool.upgrade()
        {
            pool.enqueue(self);
        }
    }
}
