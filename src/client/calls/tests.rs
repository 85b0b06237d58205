//! Tests of calls with a completion callback.

use super::*;
use crate::error::{Error, ErrorKind};
use std::future::poll_fn;
use std::sync::mpsc;
use std::task::Poll;
use tokio::sync::oneshot;

/// Returns a call that completes when the test sends its outcome.
fn call() -> (oneshot::Sender<Result<u32>>, Sending<u32>) {
    let (end, outcome) = oneshot::channel();
    (end, Box::pin(async move { outcome.await.expect("the test sends an outcome") }))
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap()
}

#[test]
fn each_of_thousands_of_calls_gets_its_own_outcome() {
    let (runtime, calls) = (runtime(), BackgroundCalls::default());
    let (done, outcomes) = mpsc::channel();
    let mut ends = Vec::new();
    for n in 0..4096 {
        let (end, call) = call();
        let done = done.clone();
        calls
            .start(runtime.handle(), call, move |outcome| done.send((n, outcome.unwrap())).unwrap())
            .unwrap();
        ends.push(end);
    }
    for (n, end) in ends.into_iter().enumerate().rev() {
        end.send(Ok(n as u32)).unwrap();
    }
    drop(done);
    let mut seen: Vec<u32> =
        outcomes.iter().inspect(|(n, outcome)| assert_eq!(n, outcome)).map(|t| t.0).collect();
    seen.sort_unstable();
    assert!(seen.into_iter().eq(0..4096));
}

#[test]
fn cancelled_call_completes_once() {
    let (runtime, calls) = (runtime(), BackgroundCalls::default());
    let (done, outcomes) = mpsc::channel();
    let (end, first) = call();
    let done_first = done.clone();
    let started = calls.start(runtime.handle(), first, move |o| done_first.send(o).unwrap()).unwrap();
    started.cancel();
    let error = outcomes.recv().unwrap().unwrap_err();
    assert_eq!((error.kind(), error.delivery()), (ErrorKind::Cancelled, Delivery::Maybe));
    assert!(end.send(Ok(1)).is_err(), "the call's future is gone");
    let (end, second) = call();
    let started = calls.start(runtime.handle(), second, move |o| done.send(o).unwrap()).unwrap();
    end.send(Ok(2)).unwrap();
    assert_eq!(outcomes.recv().unwrap().unwrap(), 2);
    started.cancel();
    assert!(outcomes.recv().is_err(), "the callback was called once");
}

#[test]
fn immediate_failure_is_returned_without_a_callback() {
    let (runtime, calls) = (runtime(), BackgroundCalls::default());
    let refused: Sending<u32> = Box::pin(async { Err(Error::undelivered(ErrorKind::Overloaded, "full")) });
    let started = calls.start(runtime.handle(), refused, |_| panic!("the callback was called"));
    assert_eq!(started.unwrap_err().kind(), ErrorKind::Overloaded);
}

#[test]
fn answer_within_the_first_step_goes_to_the_callback() {
    let (runtime, calls) = (runtime(), BackgroundCalls::default());
    let (done, outcomes) = mpsc::channel();
    for outcome in [Ok(7), Err(Error::undelivered(ErrorKind::NoSubscriber, "none"))] {
        let kind = outcome.as_ref().map_err(Error::kind).copied();
        let answered: Sending<u32> = Box::pin(async { outcome });
        let done = done.clone();
        calls.start(runtime.handle(), answered, move |o| done.send(o).unwrap()).unwrap();
        assert_eq!(outcomes.recv().unwrap().map_err(|error| error.kind()), kind);
    }
}

#[test]
fn panic_in_a_call_or_its_callback_ends_no_other_call() {
    let (runtime, calls) = (runtime(), BackgroundCalls::default());
    let (done, outcomes) = mpsc::channel();
    let (end_first, first) = call();
    let (end_last, last) = call();
    calls.start(runtime.handle(), first, |_| panic_quietly()).unwrap();
    let done_last = done.clone();
    calls.start(runtime.handle(), last, move |outcome| done_last.send(outcome).unwrap()).unwrap();
    end_first.send(Ok(1)).unwrap();
    let at_once: Sending<u32> = Box::pin(async { Ok(1) });
    calls.start(runtime.handle(), at_once, |_| panic_quietly()).expect("it was sent");
    let (end_broken, broken) = call();
    let broken: Sending<u32> = Box::pin(async { broken.await.map(|_| panic_quietly()) });
    calls.start(runtime.handle(), broken, move |outcome| done.send(outcome).unwrap()).unwrap();
    end_broken.send(Ok(1)).unwrap();
    assert_eq!(outcomes.recv().unwrap().unwrap_err().kind(), ErrorKind::Internal);
    end_last.send(Ok(2)).unwrap();
    assert_eq!(outcomes.recv().unwrap().unwrap(), 2);
}

/// Panics without the output of the default hook.
fn panic_quietly<T>() -> T {
    std::panic::resume_unwind(Box::new("refused"))
}

#[test]
fn ended_task_is_replaced() {
    let (lost, calls) = (runtime(), BackgroundCalls::default());
    let (done, outcomes) = mpsc::channel();
    let (_end, first) = call();
    let done_first = done.clone();
    calls.start(lost.handle(), first, move |outcome| done_first.send(outcome).unwrap()).unwrap();
    drop(lost);
    assert_eq!(outcomes.recv().unwrap().unwrap_err().kind(), ErrorKind::Closed);
    let runtime = runtime();
    let (end, second) = call();
    calls.start(runtime.handle(), second, move |outcome| done.send(outcome).unwrap()).unwrap();
    end.send(Ok(2)).unwrap();
    assert_eq!(outcomes.recv().unwrap().unwrap(), 2);
}

#[test]
fn calls_complete_when_their_task_or_the_client_ends() {
    let (done, outcomes) = mpsc::channel();
    let (lost, calls) = (runtime(), BackgroundCalls::default());
    let (_end, first) = call();
    let done_first = done.clone();
    calls.start(lost.handle(), first, move |o| done_first.send(o).unwrap()).unwrap();
    drop(lost);
    assert_eq!(outcomes.recv().unwrap().unwrap_err().kind(), ErrorKind::Closed);
    let calls = BackgroundCalls::default();
    assert!(calls.close().is_none());
    let (_end, second) = call();
    let refused = calls.start(runtime().handle(), second, move |o| done.send(o).unwrap());
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::Closed);
    assert!(outcomes.recv().is_err(), "the callback was dropped");
}

#[test]
fn call_that_is_woken_in_its_steps_is_polled_again() {
    let (runtime, calls) = (runtime(), BackgroundCalls::default());
    let (done, outcomes) = mpsc::channel();
    let mut steps = 0;
    let waking: Sending<u32> = Box::pin(poll_fn(move |cx| {
        steps += 1;
        cx.waker().wake_by_ref();
        if steps < 5 { Poll::Pending } else { Poll::Ready(Ok(steps)) }
    }));
    calls.start(runtime.handle(), waking, move |outcome| done.send(outcome).unwrap()).unwrap();
    assert_eq!(outcomes.recv().unwrap().unwrap(), 5);
    assert!(outcomes.recv().is_err(), "the callback was called once");
}

#[test]
fn task_ends_with_the_last_call_after_the_close() {
    let (runtime, calls) = (runtime(), BackgroundCalls::default());
    let (done, outcomes) = mpsc::channel();
    let (end, first) = call();
    calls.start(runtime.handle(), first, move |outcome| done.send(outcome).unwrap()).unwrap();
    let task = calls.close().expect("a task drives the call");
    assert!(!task.is_finished());
    end.send(Ok(1)).unwrap();
    runtime.block_on(task).unwrap();
    assert_eq!(outcomes.recv().unwrap().unwrap(), 1);
    // Without a call in flight it ends at once.
    let calls = BackgroundCalls::default();
    let refused: Sending<u32> = Box::pin(async { Err(Error::undelivered(ErrorKind::Overloaded, "full")) });
    calls.start(runtime.handle(), refused, |_| panic!("the callback was called")).unwrap_err();
    runtime.block_on(calls.close().expect("a task was started")).unwrap();
}

#[test]
fn panic_in_the_first_step_leaves_nothing_in_flight() {
    let (runtime, calls) = (runtime(), BackgroundCalls::default());
    let broken: Sending<u32> = Box::pin(async { panic_quietly() });
    let start = || calls.start(runtime.handle(), broken, |_| panic!("the callback was called"));
    assert!(std::panic::catch_unwind(AssertUnwindSafe(start)).is_err());
    runtime.block_on(calls.close().expect("a task was started")).unwrap();
}
