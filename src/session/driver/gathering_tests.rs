//! Calls that are made while the node sends.

use std::collections::VecDeque;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::oneshot;

use super::test_harness::*;
use super::*;
use crate::protocol::Seq;
use crate::protocol::channel::{Frame, FrameReader, MessageType, amop};
use crate::session::call::Reply;

/// Threads that make calls.
const THREADS: usize = 4;
/// Calls of each thread in flight, so that those of all threads are gathered.
const IN_FLIGHT: usize = 40;
/// Calls of each thread.
const CALLS: usize = 4000;

/// Replies to each request, until the client ends the connection.
async fn answer(mut node: Node) {
    let mut reader = FrameReader::new(usize::MAX);
    while node.0.read_buf(reader.buffer()).await.unwrap() > 0 {
        let mut replies = Vec::new();
        while let Some(frame) = reader.next().unwrap() {
            if frame.kind == MessageType::Request {
                replies.extend(Frame::new(MessageType::Response, frame.seq, 0, frame.body).to_bytes());
            }
        }
        node.0.write_all(&replies).await.unwrap();
    }
}

/// Makes calls, so many at a time. Returns how many were answered.
fn make_calls(handle: &LinkHandle, ids: &SeqSource) -> usize {
    let mut in_flight: VecDeque<oneshot::Receiver<Result<Reply>>> = VecDeque::new();
    let mut answered = 0;
    for n in 0..CALLS + IN_FLIGHT {
        if in_flight.len() == IN_FLIGHT || n >= CALLS {
            let Some(oldest) = in_flight.pop_front() else { break };
            answered += usize::from(oldest.blocking_recv().unwrap().is_ok());
        }
        if n < CALLS {
            in_flight.push_back(call(handle, ids.next_number(), n % 100));
        }
    }
    answered
}

#[test]
fn each_call_of_many_threads_is_answered() {
    let mut link = Link::new();
    let (handle, ids) = (link.handle.clone(), link.ids.clone());
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_time().build().unwrap();
    let running = AtomicUsize::new(THREADS);
    let answered = std::thread::scope(|scope| {
        let (driver, node) = {
            let _entered = runtime.enter();
            let (driver, mut node, _) = link.connect();
            let mut driver = Box::pin(driver.run(|_| Ok(())));
            establish(&mut driver, &mut node, &handle);
            (driver, node)
        };
        runtime.spawn(answer(node));
        let threads: Vec<_> = (0..THREADS)
            .map(|_| {
                scope.spawn(|| {
                    let answered = make_calls(&handle, &ids);
                    if running.fetch_sub(1, Ordering::AcqRel) == 1 {
                        assert!(handle.send(close()).is_ok());
                    }
                    answered
                })
            })
            .collect();
        let guard = Duration::from_secs(60);
        runtime
            .block_on(async { tokio::time::timeout(guard, driver).await })
            .expect("no call waits endlessly");
        threads.into_iter().map(|thread| thread.join().unwrap()).sum::<usize>()
    });
    assert_eq!(answered, THREADS * CALLS);
}

/// Sends a message to a client that has so many calls in flight; returns whether further ones are gathered then.
fn gathers_after_a_message(in_flight: usize) -> bool {
    let mut gathers = false;
    in_runtime(|| {
        let mut link = Link::new();
        let handle = link.handle.clone();
        let (mut driver, mut node, _) = link.connect();
        let poll = |driver: &mut Driver<'_>| {
            assert!(driver.poll(&mut context(), &mut |_| Ok(())).is_pending());
        };
        poll(&mut driver);
        node.shake_hands();
        poll(&mut driver);
        let _calls: Vec<_> = (0..in_flight).map(|n| call(&handle, n as u64, 1)).collect();
        poll(&mut driver);
        let mut body = Vec::new();
        amop::put_topic(&mut body, b"served");
        // Until the handshake no calls are in flight.
        driver.gathering = Gathering::new(Instant::now());
        node.write(&Frame::new(MessageType::Request, Seq::from_halves(7, 1), 0, &body).to_bytes());
        poll(&mut driver);
        gathers = driver.gathering.is_on();
    });
    gathers
}

#[test]
fn arrival_starts_no_timer_with_few_calls_in_flight() {
    // Each message would cost a subscriber two more wake-ups.
    assert!(!gathers_after_a_message(0));
    assert!(!gathers_after_a_message(31));
}
