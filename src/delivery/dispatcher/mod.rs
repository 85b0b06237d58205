//! An elastic pool of the threads that run handlers of the application.
//!
//! A job, one for each subscription, holds a thread only while it has messages, and runs on one thread at a time. The
//! pool grows with the number of ready jobs, up to its limit. At the limit jobs wait in order, and each wait is
//! counted. Idle threads end. Where the system refuses a thread, jobs wait likewise for those that run, and the pool
//! requests the thread again until it gets it or needs it no more.

mod job;
#[cfg(test)]
mod tests;

pub(crate) use job::{Job, MAX_CALLS_PER_TURN, Turn};

use std::cell::Cell;
use std::collections::VecDeque;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, Weak};
use std::task::{Context, Wake, Waker};
use std::time::Duration;

use tokio::runtime::Handle;

use crate::threads;

/// How long an idle thread waits for work before it ends.
const IDLE_LIMIT: Duration = Duration::from_secs(10);

/// The pause before a refused thread is requested again.
const PAUSE: Duration = Duration::from_millis(100);

thread_local! {
    static ON_DISPATCHER: Cell<bool> = const { Cell::new(false) };
}

/// Returns whether this thread belongs to the dispatcher of any client. Nothing may wait for handlers on it.
pub(crate) fn is_dispatcher_thread() -> bool {
    ON_DISPATCHER.with(Cell::get)
}

/// Starts a thread.
type Start = dyn Fn(Box<dyn FnOnce() + Send>) -> io::Result<()> + Send + Sync;

/// A pool of handler threads.
pub(crate) struct Dispatcher {
    max_threads: usize,
    start: Box<Start>,
    /// The runtime of the task that requests refused threads again.
    runtime: Handle,
    state: Mutex<State>,
    ready: Condvar,
    waits: AtomicU64,
}

#[derive(Default)]
struct State {
    queue: VecDeque<Arc<Slot>>,
    threads: usize,
    idle: usize,
    /// Set while a task requests refused threads again.
    retrying: bool,
    /// Set once the client has closed: threads without work end at once.
    closed: bool,
}

impl Dispatcher {
    pub(crate) fn new(max_threads: usize, name: &str, runtime: Handle) -> Arc<Dispatcher> {
        let name = name.to_owned();
        Dispatcher::with_start(max_threads, runtime, move |thread| {
            let builder = std::thread::Builder::new().name(name.clone());
            threads::without_signals(|| builder.spawn(thread)).map(drop)
        })
    }

    fn with_start(
        max_threads: usize,
        runtime: Handle,
        start: impl Fn(Box<dyn FnOnce() + Send>) -> io::Result<()> + Send + Sync + 'static,
    ) -> Arc<Dispatcher> {
        Arc::new(Dispatcher {
            max_threads: max_threads.max(1),
            start: Box::new(start),
            runtime,
            state: Mutex::new(State::default()),
            ready: Condvar::new(),
            waits: AtomicU64::new(0),
        })
    }

    /// Adds a job, which runs at once to register its waker.
    pub(crate) fn add(self: &Arc<Self>, job: Box<dyn Job>) {
        Slot::new(self, job).wake();
    }

    /// Returns how often a ready job found all threads busy, and no further one allowed by the pool or the system.
    pub(crate) fn waits(&self) -> u64 {
        self.waits.load(Ordering::Relaxed)
    }

    fn enqueue(self: Arc<Self>, slot: Arc<Slot>) {
        let mut state = self.lock();
        state.queue.push_back(slot);
        if state.idle >= state.queue.len() {
            drop(state);
            self.ready.notify_one();
        } else if state.threads < self.max_threads {
            state.threads += 1;
            drop(state);
            self.start_thread_or_retry();
        } else {
            self.waits.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Queues a job after its turn on one of the threads. That thread takes the next job of the queue, so no further
    /// one is needed.
    fn put_back(&self, slot: Arc<Slot>) {
        self.lock().queue.push_back(slot);
    }

    /// Starts a thread, which the caller has counted, or has a task request it again. The running threads take queued
    /// jobs meanwhile, but there may be none, or they may be busy for long.
    fn start_thread_or_retry(self: Arc<Self>) {
        let Err(error) = self.start_thread() else { return };
        self.waits.fetch_add(1, Ordering::Relaxed);
        let mut state = self.lock();
        if !std::mem::replace(&mut state.retrying, true) {
            let running = state.threads;
            drop(state);
            let error = threads::refused("a handler thread", &error);
            tracing::error!(%error, running, "handlers wait for a thread, which is requested again");
            self.runtime.spawn(retry(Arc::downgrade(&self)));
        }
    }

    /// Starts a thread, which the caller has counted.
    fn start_thread(self: &Arc<Self>) -> io::Result<()> {
        let pool = self.clone();
        let started = (self.start)(Box::new(move || pool.work()));
        if started.is_err() {
            self.lock().threads -= 1;
        }
        started
    }

    fn work(self: Arc<Self>) {
        ON_DISPATCHER.with(|on| on.set(true));
        let mut state = self.lock();
        loop {
            if let Some(slot) = state.queue.pop_front() {
                drop(state);
                slot.run();
                state = self.lock();
                continue;
            }
            if state.closed {
                state.threads -= 1;
                return;
            }
            state.idle += 1;
            let (woken, timeout) =
                self.ready.wait_timeout(state, IDLE_LIMIT).unwrap_or_else(|poisoned| poisoned.into_inner());
            state = woken;
            state.idle -= 1;
            if state.queue.is_empty() && timeout.timed_out() {
                state.threads -= 1;
                return;
            }
        }
    }

    /// Ends the threads as soon as they have no work. A job that becomes ready later gets a thread of its own.
    pub(crate) fn shut_down(&self) {
        self.lock().closed = true;
        self.ready.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

/// Requests threads until there are enough for the queued jobs.
async fn retry(pool: Weak<Dispatcher>) {
    loop {
        tokio::time::sleep(PAUSE).await;
        let Some(pool) = pool.upgrade() else { return };
        let mut state = pool.lock();
        let jobs = state.queue.len().saturating_sub(state.idle);
        let missing = jobs.min(pool.max_threads.saturating_sub(state.threads));
        if missing == 0 {
            state.retrying = false;
            return;
        }
        state.threads += missing;
        drop(state);
        let refused = (0..missing).find(|_| pool.start_thread().is_err());
        if let Some(started) = refused {
            pool.lock().threads -= missing - started - 1;
        }
    }
}

/// A job and its state.
struct Slot {
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
    fn new(pool: &Arc<Dispatcher>, job: Box<dyn Job>) -> Arc<Slot> {
        let (pool, phase) = (Arc::downgrade(pool), AtomicU8::new(IDLE));
        Arc::new(Slot { pool, phase, job: Mutex::new(Some(job)) })
    }

    /// Runs one turn of the job.
    fn run(self: Arc<Self>) {
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
