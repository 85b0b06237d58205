//! Calls that do not wait: their results are passed to `concurrent.futures` futures, in batches, on a thread that runs no code
//! of the program. The callbacks of futures run on dispatcher threads, so that they may wait for other futures.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use amop::{CallHandle, Client, Error, ErrorKind};
use futures_core::Stream;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyList;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::calling::call;
use crate::error::{Result, checked, exception};
use crate::interpreter::attached;
use crate::log;
use crate::message::Reply;
use crate::owned::Owned;

/// The maximum number of calls of a client that have not completed or whose futures have not been notified: as many
/// as may be in flight on one connection.
const MOST: usize = 65_536;

/// The maximum number of results that are passed on under one acquisition of the interpreter's lock.
const BATCH: usize = 256;

/// The result of a call, and its future.
struct Completion {
    outcome: amop::Result<Option<amop::Reply>>,
    future: Py<PyAny>,
    slot: Slot,
}

/// The callbacks of a future that has completed, a function without arguments. The slot is released when they have
/// returned.
struct Callbacks {
    run: Py<PyAny>,
    _slot: Slot,
}

/// One of [`MOST`] slots; released when dropped.
struct Slot(Arc<AtomicUsize>);

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Passes the results of a client's calls to their futures.
#[derive(Default)]
pub(crate) struct Completions {
    taken: Arc<AtomicUsize>,
    lane: Mutex<Lane>,
}

#[derive(Default)]
enum Lane {
    #[default]
    Unused,
    Open(UnboundedSender<Completion>),
    Closed,
}

/// Results or callbacks in batches.
struct Batches<T>(UnboundedReceiver<T>);

impl<T> Stream for Batches<T> {
    type Item = Vec<T>;

    fn poll_next(mut self: std::pin::Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Vec<T>>> {
        let mut batch = Vec::new();
        self.0.poll_recv_many(cx, &mut batch, BATCH).map(|taken| (taken > 0).then_some(batch))
    }
}

impl Completions {
    /// Refuses further calls. The lane ends after the last call has completed.
    pub(crate) fn close(&self) {
        *self.lane.lock().unwrap_or_else(PoisonError::into_inner) = Lane::Closed;
    }

    /// Returns the function that a call runs when it completes.
    ///
    /// # Errors
    /// Returns CLOSED if the client is closed, and OVERLOADED if no slot is left.
    pub(crate) fn callback<T>(
        &self,
        client: &Client,
        future: Py<PyAny>,
        reply: impl FnOnce(T) -> Option<amop::Reply> + Send + 'static,
    ) -> amop::Result<impl FnOnce(amop::Result<T>) + Send + 'static> {
        let sender = self.sender(client)?;
        let taken = self.taken.fetch_add(1, Ordering::Relaxed);
        let slot = Slot(self.taken.clone());
        if taken >= MOST {
            return Err(Error::undelivered(
                ErrorKind::Overloaded,
                format!(
                    "{taken} calls have not completed or the callbacks of their futures have not returned: wait"
                ),
            ));
        }
        Ok(move |outcome: amop::Result<T>| {
            let completion = Completion { outcome: outcome.map(reply), future, slot };
            // The lane lives until all calls have completed.
            let _ = sender.send(completion);
        })
    }

    fn sender(&self, client: &Client) -> amop::Result<UnboundedSender<Completion>> {
        let mut lane = self.lane.lock().unwrap_or_else(PoisonError::into_inner);
        match &*lane {
            Lane::Open(sender) => Ok(sender.clone()),
            Lane::Closed => Err(Error::undelivered(ErrorKind::Closed, "the client was closed")),
            Lane::Unused => {
                let (sender, receiver) = unbounded_channel();
                let (callbacks, queued) = unbounded_channel();
                client.dispatch(Batches(queued), run_callbacks)?;
                client.dispatch_apart(Batches(receiver), move |batch| complete_batch(batch, &callbacks))?;
                *lane = Lane::Open(sender.clone());
                Ok(sender)
            }
        }
    }
}

/// Runs the callbacks of futures.
fn run_callbacks(batch: Vec<Callbacks>) {
    attached(|py| {
        log::refresh_in_background(py);
        for callbacks in batch {
            if let Err(error) = call(callbacks.run.bind(py), ()) {
                tracing::error!(%error, "could not run the callbacks of a future");
            }
        }
    });
}

/// Completes the futures of a batch, and queues their callbacks.
fn complete_batch(batch: Vec<Completion>, callbacks: &UnboundedSender<Callbacks>) {
    attached(|py| {
        log::refresh_in_background(py);
        if let Err(error) = try_complete(py, batch, callbacks) {
            tracing::error!(%error, "could not complete the futures of calls");
        }
    });
}

fn try_complete(
    py: Python<'_>,
    batch: Vec<Completion>,
    callbacks: &UnboundedSender<Callbacks>,
) -> Result<()> {
    static COMPLETE: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let complete = COMPLETE.import(py, "amop._futures", "complete")?;
    let results = PyList::empty(py);
    let mut slots = Vec::with_capacity(batch.len());
    for Completion { outcome, future, slot } in batch {
        match outcome {
            Ok(Some(reply)) => results.append((future, Reply::new(reply), py.None()))?,
            Ok(None) => results.append((future, py.None(), py.None()))?,
            Err(error) => results.append((future, py.None(), exception(py, &error)?))?,
        }
        slots.push(Some(slot));
    }
    let with_callbacks: Vec<(usize, Py<PyAny>)> = call(complete, (results,))?.extract()?;
    for (number, run) in with_callbacks {
        if let Some(slot) = slots.get_mut(number).and_then(Option::take) {
            // The lane of callbacks lives as long as this one.
            let _ = callbacks.send(Callbacks { run, _slot: slot });
        }
    }
    Ok(())
}

/// A call in flight, which its future cancels.
#[pyclass(frozen, module = "amop._amop")]
pub(crate) struct Started(Owned<CallHandle>);

impl Started {
    pub(crate) fn new(call: CallHandle) -> Started {
        Started(Owned::new(call))
    }
}

#[pymethods]
impl Started {
    /// Cancels the call, unless it has completed. A message that has been sent can't be recalled.
    fn cancel(&self, py: Python<'_>) -> Result<()> {
        checked(py, self.0.get()).map(CallHandle::cancel)
    }
}
