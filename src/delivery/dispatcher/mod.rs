//! An elastic pool of the threads that run handlers of the application.
//!
//! A job, one for each subscription, holds a thread only while it has messages, and runs on one thread at a time. The
//! pool grows with the number of ready jobs, up to its limit. At the limit jobs wait in order, and each wait is
//! counted. Idle threads end. Where the system refuses a thread, jobs wait likewise for those that run, and the pool
//! requests the thread again until it gets it or needs it no more.

mod job;
#[cfg(test)]
mod tests;

use job::Slot;
pub(crate) use job::{Job, Turn};

use std::cell::Cell;
use std::collections::VecDeque;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, Weak};
use std::task::Wake;
use std::time::Duration;

use tokio::runtime::Handle;

use crate::threads;

/// How long an idle thread waits for work before it ends.
const IDLE: Duration = Duration::from_secs(10);

/// The pause before a refused thread is requested again.
const PAUSE: Duration = Duration::from_millis(100);

/// The number of messages that a job handles before another ready job gets its thread.
pub(crate) const MAX_CALLS_PER_TURN: usize = 64;

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
            std::thread::Builder::new().name(name.clone()).spawn(thread).map(drop)
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
                self.ready.wait_timeout(state, IDLE).unwrap_or_else(|poisoned| poisoned.into_inner());
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
