//! The threads that run foreign handlers: an elastic pool.
//!
//! A job (one per subscription) holds a thread only while it has messages, and never runs on two threads at
//! once. The pool grows with the jobs that are ready, up to its limit; beyond that jobs wait, in order, and it is
//! counted. Idle threads end.

use std::cell::Cell;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, Weak};
use std::task::{Context, Wake, Waker};
use std::time::Duration;

/// An idle thread ends after this.
const IDLE: Duration = Duration::from_secs(10);

/// How many messages one job handles before another ready job gets its thread.
pub(crate) const CALLS_A_TURN: usize = 64;

thread_local! {
    static ON_DISPATCHER: Cell<bool> = const { Cell::new(false) };
}

/// Whether this thread belongs to a dispatcher, of any client: then nothing may wait for handlers here.
pub(crate) fn is_dispatcher_thread() -> bool {
    ON_DISPATCHER.with(Cell::get)
}

/// What a job says after a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// It handled as many messages as a turn allows; there may be more.
    More,
    /// It has registered the waker and waits.
    Waiting,
    /// It is over.
    Done,
}

/// One subscription's work.
pub(crate) trait Job: Send + 'static {
    /// Handles what is ready, at most [`CALLS_A_TURN`] messages; registers the context's waker when there is no more.
    fn turn(&mut self, cx: &mut Context<'_>) -> Turn;
}

/// The pool.
pub(crate) struct Dispatcher {
    max_threads: usize,
    name: String,
    state: Mutex<State>,
    ready: Condvar,
    waits: AtomicU64,
}

#[derive(Default)]
struct State {
    queue: VecDeque<Arc<Slot>>,
    threads: usize,
    idle: usize,
    /// The client has closed: no thread waits any more.
    closed: bool,
}

/// A job and where it stands.
struct Slot {
    pool: Weak<Dispatcher>,
    phase: AtomicU8,
    job: Mutex<Option<Box<dyn Job>>>,
}

const IDLE_JOB: u8 = 0;
const QUEUED: u8 = 1;
const RUNNING: u8 = 2;
const WOKEN: u8 = 3;

impl Dispatcher {
    pub(crate) fn new(max_threads: usize, name: &str) -> Arc<Dispatcher> {
        Arc::new(Dispatcher {
            max_threads: max_threads.max(1),
            name: name.to_owned(),
            state: Mutex::new(State::default()),
            ready: Condvar::new(),
            waits: AtomicU64::new(0),
        })
    }

    /// Takes a job; it runs at once, to register its waker.
    pub(crate) fn add(self: &Arc<Self>, job: Box<dyn Job>) {
        let slot =
            Slot { pool: Arc::downgrade(self), phase: AtomicU8::new(IDLE_JOB), job: Mutex::new(Some(job)) };
        Arc::new(slot).wake();
    }

    /// How often a ready job found all threads busy and no further one allowed.
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
            self.start_thread();
        } else {
            self.waits.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn start_thread(self: Arc<Self>) {
        let pool = self.clone();
        let started = std::thread::Builder::new().name(self.name.clone()).spawn(move || pool.work());
        if let Err(error) = started {
            let mut state = self.lock();
            state.threads -= 1;
            let alone = state.threads == 0;
            drop(state);
            tracing::error!(%error, alone, "no further handler thread could be started");
        }
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

    /// Ends the threads as soon as they have nothing to do; a job that becomes ready later gets one for itself.
    pub(crate) fn shut_down(&self) {
        self.lock().closed = true;
        self.ready.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl Slot {
    /// One turn of the job.
    fn run(self: Arc<Self>) {
        self.phase.store(RUNNING, Ordering::Release);
        let waker = Waker::from(self.clone());
        let mut cx = Context::from_waker(&waker);
        // Uncontended: only the thread that took the slot from the queue runs it.
        let mut job = self.job.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let Some(turn) = job.as_mut().map(|job| job.turn(&mut cx)) else { return };
        let over = if turn == Turn::Done { job.take() } else { None };
        drop(job);
        drop(over); // may run foreign code
        match turn {
            Turn::Done => {}
            Turn::More => self.requeue(),
            Turn::Waiting => {
                let waited =
                    self.phase.compare_exchange(RUNNING, IDLE_JOB, Ordering::AcqRel, Ordering::Acquire);
                if waited.is_err() {
                    self.requeue();
                }
            }
        }
    }

    fn requeue(self: Arc<Self>) {
        self.phase.store(QUEUED, Ordering::Release);
        match self.pool.upgrade() {
            Some(pool) => pool.enqueue(self),
            None => drop(self.job.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).take()),
        }
    }
}

impl Wake for Slot {
    fn wake(self: Arc<Self>) {
        let change = self.phase.fetch_update(Ordering::AcqRel, Ordering::Acquire, |phase| match phase {
            IDLE_JOB => Some(QUEUED),
            RUNNING => Some(WOKEN),
            _ => None,
        });
        if change == Ok(IDLE_JOB)
            && let Some(pool) = self.pool.upgrade()
        {
            pool.enqueue(self);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::lane::Room;
    use crate::delivery::{Budget, Lane, LaneItem, LaneLimits, LaneReader};
    use std::sync::mpsc;
    use std::task::Poll;

    struct Number(u32);
    impl LaneItem for Number {
        fn held_bytes(&self) -> usize {
            1
        }
    }

    struct Handler<F> {
        reader: LaneReader<Number>,
        call: F,
    }

    impl<F: FnMut(u32) + Send + 'static> Job for Handler<F> {
        fn turn(&mut self, cx: &mut Context<'_>) -> Turn {
            match self.reader.poll_next(cx) {
                Poll::Ready(Some(Number(n))) => {
                    (self.call)(n);
                    Turn::More
                }
                Poll::Ready(None) => Turn::Done,
                Poll::Pending => Turn::Waiting,
            }
        }
    }

    fn lane() -> Arc<Lane<Number>> {
        Lane::new(LaneLimits::default(), Arc::new(Budget::new(usize::MAX)))
    }

    fn put(lane: &Lane<Number>, n: u32) {
        assert_eq!(lane.reserve(1), Room::Taken);
        lane.push(&mut vec![Number(n)]);
    }

    #[test]
    fn one_subscription_is_served_in_order_and_never_twice_at_once() {
        let pool = Dispatcher::new(4, "test");
        let lane = lane();
        let (tx, rx) = mpsc::channel();
        let reader = LaneReader::new(lane.clone());
        pool.add(Box::new(Handler { reader, call: move |n| tx.send(n).unwrap() }));
        for n in 0..10_000 {
            put(&lane, n);
        }
        lane.close();
        assert_eq!(rx.iter().collect::<Vec<_>>(), (0..10_000).collect::<Vec<_>>());
    }

    #[test]
    fn a_blocked_handler_delays_only_its_own_subscription_and_the_limit_makes_jobs_wait() {
        let pool = Dispatcher::new(2, "test");
        let (block, unblock) = mpsc::channel::<()>();
        let (entered, is_in) = mpsc::channel();
        let slow = lane();
        let reader = LaneReader::new(slow.clone());
        pool.add(Box::new(Handler {
            reader,
            call: move |_| {
                entered.send(()).unwrap();
                let _ = unblock.recv();
            },
        }));
        put(&slow, 0);
        is_in.recv().unwrap();
        let (tx, rx) = mpsc::channel();
        for n in 0..3 {
            let (lane, tx) = (lane(), tx.clone());
            pool.add(Box::new(Handler {
                reader: LaneReader::new(lane.clone()),
                call: move |n| {
                    assert!(is_dispatcher_thread());
                    tx.send(n).unwrap();
                },
            }));
            put(&lane, n);
            lane.close();
        }
        drop(tx);
        let mut seen: Vec<_> = rx.iter().collect();
        seen.sort_unstable();
        assert_eq!(seen, [0, 1, 2]);
        assert!(pool.waits() > 0);
        assert!(!is_dispatcher_thread());
        drop(block);
        slow.close();
    }
}
