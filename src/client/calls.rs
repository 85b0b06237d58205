//! Calls with a completion callback: started from any thread, driven by one task of the client.

mod done;
mod driven;

use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::future::{AbortHandle, Abortable, Aborted, FutureExt};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use self::done::{Cancel, Done, Sending};
use self::driven::Driven;
use crate::error::{Delivery, Result};
use crate::runtime::RuntimeRef;
use crate::session;

/// A call with a completion callback; see [`Publish::start`](crate::Publish::start). Dropping this value lets the call
/// go on.
pub struct CallHandle(Arc<dyn Cancel>);

impl Cancel for AbortHandle {
    fn cancel(self: Arc<Self>) {
        self.abort();
    }
}

impl CallHandle {
    /// Completes the call with [`ErrorKind::Cancelled`](crate::ErrorKind::Cancelled), unless it has completed. A
    /// message that was sent already may still be delivered.
    pub fn cancel(&self) {
        self.0.clone().cancel();
    }
}

impl fmt::Debug for CallHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallHandle").finish_non_exhaustive()
    }
}

/// Drives a call to its end and completes it.
async fn finish<T, F: FnOnce(Result<T>)>(call: Abortable<Sending<T>>, mut done: Done<T, F>) {
    match AssertUnwindSafe(call).catch_unwind().await {
        Ok(Ok(outcome)) => done.complete(outcome),
        Ok(Err(Aborted)) => done.cancelled(),
        Err(_) => done.panicked(),
    }
}

/// Starts a call that belongs to no client, or that outlives its own: connecting, or closing. It runs as a task, and
/// `done` is called by that task.
pub(crate) fn start_detached<T: Send + 'static>(
    runtime: RuntimeRef,
    call: Sending<T>,
    done: impl FnOnce(Result<T>) + Send + 'static,
) -> CallHandle {
    let (handle, registration) = AbortHandle::new_pair();
    let finished = finish(Abortable::new(call, registration), Done::new(Delivery::No, done));
    let task = runtime.handle().clone();
    task.spawn(async move {
        finished.await;
        drop(runtime);
    });
    CallHandle(Arc::new(handle))
}

/// The calls of one client.
#[derive(Default)]
pub(crate) struct BackgroundCalls(Mutex<State>);

#[derive(Default)]
enum State {
    /// No call was started yet.
    #[default]
    Unused,
    /// A task drives the calls.
    Driven { calls: Arc<Driven>, task: JoinHandle<()> },
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
        call: Sending<T>,
        done: impl FnOnce(Result<T>) + Send + 'static,
    ) -> Result<CallHandle> {
        self.start_as(Delivery::Maybe, runtime, call, done)
    }

    /// Starts a call as [`BackgroundCalls::start`]. If it ends without an outcome of its own, its error has this
    /// delivery.
    pub(crate) fn start_as<T: Send + 'static>(
        &self,
        delivery: Delivery,
        runtime: &Handle,
        call: Sending<T>,
        done: impl FnOnce(Result<T>) + Send + 'static,
    ) -> Result<CallHandle> {
        let calls = self.driven(runtime)?;
        driven::start(calls, call, delivery, done).map(CallHandle)
    }

    /// Returns the calls that a task drives, and starts that task if there is none.
    fn driven(&self, runtime: &Handle) -> Result<Arc<Driven>> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &*state {
            State::Closed => return Err(session::closed()),
            State::Driven { calls, .. } if !calls.has_ended() => return Ok(calls.clone()),
            State::Unused | State::Driven { .. } => {}
        }
        let calls = Arc::new(Driven::default());
        let task = runtime.spawn(calls.clone().drive());
        *state = State::Driven { calls: calls.clone(), task };
        Ok(calls)
    }

    /// Accepts no more calls. Returns the task that drives those under way; it ends when the last callback has
    /// returned.
    pub(crate) fn close(&self) -> Option<JoinHandle<()>> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match std::mem::replace(&mut *state, State::Closed) {
            State::Driven { calls, task } => {
                calls.close();
                Some(task)
            }
            State::Unused | State::Closed => None,
        }
    }
}

#[cfg(test)]
mod tests;
