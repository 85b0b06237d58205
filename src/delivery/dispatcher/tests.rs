//! Tests of the pool with jobs over lanes.

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
fn one_job_runs_in_order_and_not_concurrently() {
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
fn one_job_needs_one_thread() {
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
fn blocked_handler_delays_its_own_subscription_only() {
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
fn refused_thread_is_counted_and_requested_again() {
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
    assert_eq!(pool.waits(), 1);
    lane.close();
}

#[test]
fn panic_in_a_handlers_drop_does_not_end_the_thread() {
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
