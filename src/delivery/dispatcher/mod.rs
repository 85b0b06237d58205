//! The threads that run foreign handlers: an elastic pool.
//!
//! A job (one per subscription) holds a thread only while it has messages, and never runs on two threads at
//! once. The pool grows with the jobs that are ready, up to its limit; beyond that jobs wait, in order, and it is
//! counted. Idle threads end. Where the system gives no further thread, the pool asks again until it does.

mod job;

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

/// An idle thread ends after this.
const IDLE: Duration = Duration::from_secs(10);

/// After this the system is asked again for a thread that it refused.
const PAUSE: Duration = Duration::from_millis(100);

/// How many messages one job handles before another ready job gets its thread.
pub(crate) const MAX_CALLS_PER_TURN: usize = 64;

thread_local! {
    static ON_DISPATCHER: Cell<bool> = const { Cell::new(false) };
}

/// Whether this thread belongs to a dispatcher, of any client: then nothing may wait for handlers here.
pub(crate) fn is_dispatcher_thread() -> bool {
    ON_DISPATCHER.with(Cell::get)
}

/// How threads are started.
type Start = dyn Fn(Box<dyn FnOnce() + Send>) -> io::Result<()> + Send + Sync;

/// The pool.
pub(crate) struct Dispatcher {
    max_threads: usize,
    start: Box<Start>,
    /// Where the pauses pass.
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
    /// The system refused a thread, and is being asked again.
    asking: bool,
    /// The client has closed: no thread waits any more.
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

    /// Takes a job; it runs at once, to register its waker.
    pub(crate) fn add(self: &Arc<Self>, job: Box<dyn Job>) {
        Slot::new(self, job).wake();
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
            self.start_thread_or_ask_again();
        } else {
            self.waits.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Takes a job back after its turn on one of the threads, which is free now for this job or the one before it: a
    /// further thread would find nothing to do.
    fn put_back(&self, slot: Arc<Slot>) {
        self.lock().queue.push_back(slot);
    }

    /// The threads that run take what is queued when they can; but there may be none, or they are busy for long.
    fn start_thread_or_ask_again(self: Arc<Self>) {
        let Err(error) = self.start_thread() else { return };
        let mut state = self.lock();
        if !std::mem::replace(&mut state.asking, true) {
            let threads = state.threads;
            drop(state);
            tracing::error!(%error, threads, "no further handler thread can be started; trying again");
            self.runtime.spawn(ask_again(Arc::downgrade(&self)));
        }
    }

    /// A further thread, which the caller has counted.
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

    /// Ends the threads as soon as they have nothing to do; a job that becomes ready later gets one for itself.
    pub(crate) fn shut_down(&self) {
        self.lock().closed = true;
        self.ready.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

/// Asks for threads until the system gives what is needed.
async fn ask_again(pool: Weak<Dispatcher>) {
    loop {
        tokio::time::sleep(PAUSE).await;
        let Some(pool) = pool.upgrade() else { return };
        let mut state = pool.lock();
        let jobs = state.queue.len().saturating_sub(state.idle);
        let missing = jobs.min(pool.max_threads.saturating_sub(state.threads));
        if missing == 0 {
            state.asking = false;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::lane::Reservation;
    use crate::delivery::{Budget, Lane, LaneItem, LaneLimits, LaneReader};
    use std::sync::atomic::AtomicUsize;
    use std::sync::mpsc;
    use std::task::{Context, Poll};
    use tokio::runtime::Runtime;

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

    fn runtime() -> Runtime {
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_time().build().unwrap()
    }

    fn pool(max_threads: usize) -> (Arc<Dispatcher>, Runtime) {
        let runtime = runtime();
        (Dispatcher::new(max_threads, "test", runtime.handle().clone()), runtime)
    }

    fn lane() -> Arc<Lane<Number>> {
        Lane::new(LaneLimits::default(), Arc::new(Budget::new(usize::MAX)))
    }

    fn put(lane: &Lane<Number>, n: u32) {
        assert_eq!(lane.reserve(1), Reservation::Reserved);
        lane.push(&mut vec![Number(n)]);
    }

    #[test]
    fn one_subscription_is_served_in_order_and_never_twice_at_once() {
        let (pool, _runtime) = pool(4);
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
    fn one_subscription_needs_one_thread_however_much_it_has_to_do() {
        let runtime = runtime();
        let started = Arc::new(AtomicUsize::new(0));
        let starts = started.clone();
        let pool = Dispatcher::with_start(4, runtime.handle().clone(), move |thread| {
            starts.fetch_add(1, Ordering::SeqCst);
            std::thread::Builder::new().spawn(thread).map(drop)
        });
        let lane = lane();
        for n in 0..1_000 {
            put(&lane, n);
        }
        lane.close();
        let (tx, rx) = mpsc::channel();
        let reader = LaneReader::new(lane);
        pool.add(Box::new(Handler { reader, call: move |n| tx.send(n).unwrap() }));
        assert_eq!(rx.iter().count(), 1_000);
        assert_eq!(started.load(Ordering::SeqCst), 1);
    }

    #[test]
    fn a_blocked_handler_delays_only_its_own_subscription_and_the_limit_makes_jobs_wait() {
        let (pool, _runtime) = pool(2);
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

    #[test]
    fn a_thread_that_the_system_refuses_is_asked_for_again() {
        let runtime = runtime();
        let tries = AtomicUsize::new(0);
        let pool = Dispatcher::with_start(4, runtime.handle().clone(), move |thread| {
            match tries.fetch_add(1, Ordering::SeqCst) {
                0 | 1 => Err(io::ErrorKind::WouldBlock.into()),
                _ => std::thread::Builder::new().spawn(thread).map(drop),
            }
        });
        let (tx, rx) = mpsc::channel();
        let lane = lane();
        put(&lane, 7);
        let reader = LaneReader::new(lane.clone());
        pool.add(Box::new(Handler { reader, call: move |n| tx.send(n).unwrap() }));
        assert_eq!(rx.recv_timeout(Duration::from_secs(60)), Ok(7));
        lane.close();
    }

    #[test]
    fn a_handler_that_panics_when_dropped_takes_no_thread_along() {
        struct Bomb;
        impl Drop for Bomb {
            fn drop(&mut self) {
                std::panic::resume_unwind(Box::new("refused"));
            }
        }
        let (pool, _runtime) = pool(1);
        let (tx, rx) = mpsc::channel();
        for n in 0..3 {
            let (lane, tx, bomb) = (lane(), tx.clone(), Bomb);
            put(&lane, n);
            lane.close();
            let reader = LaneReader::new(lane);
            let call = move |n| {
                let _kept = &bomb;
                tx.send(n).unwrap();
            };
            pool.add(Box::new(Handler { reader, call }));
            assert_eq!(rx.recv_timeout(Duration::from_secs(60)), Ok(n));
        }
    }
}
