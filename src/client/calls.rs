//! Calls that nobody awaits: started from any thread, driven to their end by one task of the client's, however
//! many there are.

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

use futures_util::future::{AbortHandle, Abortable, Aborted, FutureExt};
use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::runtime::Handle;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle;

use super::handlers::as_handler;
use crate::error::{Delivery, Error, ErrorKind, Result};
use crate::session;

/// A call under way; see [`Publish::start`](crate::Publish::start). Dropping it lets the call go on.
#[derive(Debug)]
pub struct CallHandle(AbortHandle);

impl CallHandle {
    /// Ends the call with [`ErrorKind::Cancelled`], unless it has ended. What was sent stays sent.
    pub fn cancel(&self) {
        self.0.abort();
    }
}

/// Calls the completion callback exactly once, even if the call is dropped unfinished. Catches a panic of the
/// callback, because one task drives all calls of the client.
struct Done<T, F: FnOnce(Result<T>)> {
    callback: Option<F>,
    _outcome: std::marker::PhantomData<fn(T)>,
}

impl<T, F: FnOnce(Result<T>)> Done<T, F> {
    fn new(callback: F) -> Done<T, F> {
        Done { callback: Some(callback), _outcome: std::marker::PhantomData }
    }

    fn complete(&mut self, outcome: Result<T>) {
        let Some(callback) = self.callback.take() else { return };
        // A callback that closes the client must not wait for itself.
        let call = || as_handler(|| callback(outcome));
        if catch_unwind(AssertUnwindSafe(call)).is_err() {
            tracing::error!("a callback of an asynchronous call panicked");
        }
    }
}

impl<T, F: FnOnce(Result<T>)> Drop for Done<T, F> {
    /// Completes a call that its task has dropped, because the runtime of the caller was shut down before the client.
    fn drop(&mut self) {
        self.complete(Err(session::closed().with_delivery(Delivery::Maybe)));
    }
}

/// A call as it is started.
type Sending<T> = Pin<Box<dyn Future<Output = Result<T>> + Send>>;

/// A call together with its completion callback.
type Call = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The calls of one client.
#[derive(Default)]
pub(crate) struct BackgroundCalls(Mutex<State>);

#[derive(Default)]
enum State {
    /// No call was started yet.
    #[default]
    Unused,
    /// A task drives the calls.
    Driven { calls: UnboundedSender<Call>, task: JoinHandle<()> },
    /// No more calls are accepted.
    Closed,
}

impl BackgroundCalls {
    /// Starts a call. Makes its first step on this thread, so that the calls of one thread are sent in their order.
    ///
    /// # Errors
    /// Returns why the call was never sent if the first step fails with such an error; `done` is then dropped without a
    /// call. Any other outcome of the first step is passed to `done`.
    pub(crate) fn start<T: Send + 'static>(
        &self,
        runtime: &Handle,
        mut call: Sending<T>,
        done: impl FnOnce(Result<T>) + Send + 'static,
    ) -> Result<CallHandle> {
        // The task runs at least until this sender is dropped, so that every callback runs there.
        let calls = self.sender(runtime)?;
        let first = match call.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(Err(error)) if is_refusal(&error) => return Err(error),
            first => first,
        };
        let (handle, registration) = AbortHandle::new_pair();
        let mut done = Done::new(done);
        let call: Call = match first {
            Poll::Ready(outcome) => Box::pin(async move { done.complete(outcome) }),
            Poll::Pending => {
                let call = AssertUnwindSafe(Abortable::new(call, registration)).catch_unwind();
                Box::pin(async move {
                    let (kind, text) = match call.await {
                        Ok(Ok(outcome)) => return done.complete(outcome),
                        Ok(Err(Aborted)) => (
                            ErrorKind::Cancelled,
                            "the call was cancelled; the message may have been delivered",
                        ),
                        Err(_) => (
                            ErrorKind::Internal,
                            "a bug in the library: the call panicked; the message may have been delivered",
                        ),
                    };
                    done.complete(Err(Error::maybe_delivered(kind, text)));
                })
            }
        };
        // Fails if the runtime has ended meanwhile: dropping the call completes it.
        drop(calls.send(call));
        Ok(CallHandle(handle))
    }

    /// Returns the way to the task that drives the calls, and starts one if there is none.
    fn sender(&self, runtime: &Handle) -> Result<UnboundedSender<Call>> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &*state {
            State::Closed => return Err(session::closed()),
            State::Driven { calls, .. } if !calls.is_closed() => return Ok(calls.clone()),
            State::Unused | State::Driven { .. } => {}
        }
        let (calls, started) = unbounded_channel();
        let task = runtime.spawn(drive(started));
        *state = State::Driven { calls: calls.clone(), task };
        Ok(calls)
    }

    /// Accepts no more calls. Returns the task that drives those under way; it ends when the last callback has returned.
    pub(crate) fn close(&self) -> Option<JoinHandle<()>> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match std::mem::replace(&mut *state, State::Closed) {
            State::Driven { task, .. } => Some(task),
            State::Unused | State::Closed => None,
        }
    }
}

/// Whether an error says that the call was never sent.
fn is_refusal(error: &Error) -> bool {
    use ErrorKind as K;
    error.delivery() == Delivery::No
        && matches!(
            error.kind(),
            K::InvalidArgument
                | K::InvalidTopic
                | K::TooLarge
                | K::NotConnected
                | K::Overloaded
                | K::Closed
                | K::Forked
        )
}

/// Drives all calls until the last has ended and no more can come.
async fn drive(mut started: UnboundedReceiver<Call>) {
    let mut running = FuturesUnordered::new();
    let mut open = true;
    poll_fn(|cx| {
        while open {
            match started.poll_recv(cx) {
                Poll::Ready(Some(call)) => running.push(call),
                Poll::Ready(None) => open = false,
                Poll::Pending => break,
            }
        }
        while let Poll::Ready(Some(())) = running.poll_next_unpin(cx) {}
        if open || !running.is_empty() { Poll::Pending } else { Poll::Ready(()) }
    })
    .await;
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;
    use tokio::sync::oneshot;

    /// A call whose end the test decides.
    fn call() -> (oneshot::Sender<Result<u32>>, Sending<u32>) {
        let (end, outcome) = oneshot::channel();
        (end, Box::pin(async move { outcome.await.expect("the test ends it") }))
    }

    fn runtime() -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap()
    }

    #[test]
    fn thousands_in_flight_each_get_their_own_outcome() {
        let (runtime, calls) = (runtime(), BackgroundCalls::default());
        let (tell, told) = mpsc::channel();
        let mut ends = Vec::new();
        for n in 0..4096 {
            let (end, call) = call();
            let tell = tell.clone();
            calls
                .start(runtime.handle(), call, move |outcome| tell.send((n, outcome.unwrap())).unwrap())
                .unwrap();
            ends.push(end);
        }
        for (n, end) in ends.into_iter().enumerate().rev() {
            end.send(Ok(n as u32)).unwrap();
        }
        drop(tell);
        let mut seen: Vec<u32> =
            told.iter().inspect(|(n, outcome)| assert_eq!(n, outcome)).map(|t| t.0).collect();
        seen.sort_unstable();
        assert!(seen.into_iter().eq(0..4096));
    }

    #[test]
    fn a_cancelled_call_is_told_so_once_and_one_that_has_ended_is_not() {
        let (runtime, calls) = (runtime(), BackgroundCalls::default());
        let (tell, told) = mpsc::channel();
        let (end, first) = call();
        let tell_first = tell.clone();
        let started = calls.start(runtime.handle(), first, move |o| tell_first.send(o).unwrap()).unwrap();
        started.cancel();
        let error = told.recv().unwrap().unwrap_err();
        assert_eq!((error.kind(), error.delivery()), (ErrorKind::Cancelled, Delivery::Maybe));
        assert!(end.send(Ok(1)).is_err(), "the call's future is gone");
        let (end, second) = call();
        let started = calls.start(runtime.handle(), second, move |o| tell.send(o).unwrap()).unwrap();
        end.send(Ok(2)).unwrap();
        assert_eq!(told.recv().unwrap().unwrap(), 2);
        started.cancel();
        assert!(told.recv().is_err(), "nobody is left to tell");
    }

    #[test]
    fn what_fails_at_once_is_returned_and_not_told() {
        let (runtime, calls) = (runtime(), BackgroundCalls::default());
        let refused: Sending<u32> =
            Box::pin(async { Err(Error::undelivered(ErrorKind::Overloaded, "full")) });
        let started = calls.start(runtime.handle(), refused, |_| panic!("told"));
        assert_eq!(started.unwrap_err().kind(), ErrorKind::Overloaded);
    }

    #[test]
    fn an_answer_within_the_first_step_is_told_and_not_returned() {
        let (runtime, calls) = (runtime(), BackgroundCalls::default());
        let (tell, told) = mpsc::channel();
        for outcome in [Ok(7), Err(Error::undelivered(ErrorKind::NoSubscriber, "nobody"))] {
            let kind = outcome.as_ref().map_err(Error::kind).copied();
            let answered: Sending<u32> = Box::pin(async { outcome });
            let tell = tell.clone();
            calls.start(runtime.handle(), answered, move |o| tell.send(o).unwrap()).unwrap();
            assert_eq!(told.recv().unwrap().map_err(|error| error.kind()), kind);
        }
    }

    #[test]
    fn a_panic_in_one_calls_callback_or_in_the_call_itself_ends_no_other() {
        let (runtime, calls) = (runtime(), BackgroundCalls::default());
        let (tell, told) = mpsc::channel();
        let (end_first, first) = call();
        let (end_last, last) = call();
        calls.start(runtime.handle(), first, |_| panic_quietly()).unwrap();
        let tell_last = tell.clone();
        calls.start(runtime.handle(), last, move |outcome| tell_last.send(outcome).unwrap()).unwrap();
        end_first.send(Ok(1)).unwrap();
        let at_once: Sending<u32> = Box::pin(async { Ok(1) });
        calls.start(runtime.handle(), at_once, |_| panic_quietly()).expect("it was sent");
        let (end_broken, broken) = call();
        let broken: Sending<u32> = Box::pin(async { broken.await.map(|_| panic_quietly()) });
        calls.start(runtime.handle(), broken, move |outcome| tell.send(outcome).unwrap()).unwrap();
        end_broken.send(Ok(1)).unwrap();
        assert_eq!(told.recv().unwrap().unwrap_err().kind(), ErrorKind::Internal);
        end_last.send(Ok(2)).unwrap();
        assert_eq!(told.recv().unwrap().unwrap(), 2);
    }

    /// Without the default hook's words on the tests' output.
    fn panic_quietly<T>() -> T {
        std::panic::resume_unwind(Box::new("refused"))
    }

    #[test]
    fn a_task_that_is_gone_is_replaced() {
        let (lost, calls) = (runtime(), BackgroundCalls::default());
        let (tell, told) = mpsc::channel();
        let (_end, first) = call();
        let tell_first = tell.clone();
        calls.start(lost.handle(), first, move |outcome| tell_first.send(outcome).unwrap()).unwrap();
        drop(lost);
        assert_eq!(told.recv().unwrap().unwrap_err().kind(), ErrorKind::Closed);
        let runtime = runtime();
        let (end, second) = call();
        calls.start(runtime.handle(), second, move |outcome| tell.send(outcome).unwrap()).unwrap();
        end.send(Ok(2)).unwrap();
        assert_eq!(told.recv().unwrap().unwrap(), 2);
    }

    #[test]
    fn calls_end_also_when_their_task_or_the_client_does() {
        let (tell, told) = mpsc::channel();
        let (lost, calls) = (runtime(), BackgroundCalls::default());
        let (_end, first) = call();
        let tell_first = tell.clone();
        calls.start(lost.handle(), first, move |o| tell_first.send(o).unwrap()).unwrap();
        drop(lost);
        assert_eq!(told.recv().unwrap().unwrap_err().kind(), ErrorKind::Closed);
        let calls = BackgroundCalls::default();
        assert!(calls.close().is_none());
        let (_end, second) = call();
        let refused = calls.start(runtime().handle(), second, move |o| tell.send(o).unwrap());
        assert_eq!(refused.unwrap_err().kind(), ErrorKind::Closed);
        assert!(told.recv().is_err(), "the callback was dropped");
    }
}
