//! The bridge to asyncio: futures of the core that an event loop awaits.
//!
//! Each loop has one bridge. A future that can make progress puts its step into the queue of the bridge, and the
//! first one in the queue wakes the loop by a byte in a pipe. The loop then polls all queued futures on its own
//! thread. So there is one wake-up per batch, no thread per call, and no thread of the library ever waits for the
//! interpreter's lock.

mod queue;
mod step;

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use self::queue::Queue;
use self::step::{Progress, Step, Work};
use crate::calling::call_method;
use crate::error::{Result, checked};
use crate::owned::Owned;
use crate::waiting::{wait, wait_until};
use crate::{interpreter, log};
use amop::{Error, ErrorKind};
use pyo3::exceptions::PyRuntimeError;
use pyo3::exceptions::asyncio::InvalidStateError;
use pyo3::prelude::*;
use pyo3::types::PyWeakrefReference;
use pyo3::{PyTraverseError, PyVisit, intern};

/// The calls that an event loop waits for.
#[pyclass(frozen, module = "amop._amop", weakref)]
pub(crate) struct Bridge(Owned<Inner>);

struct Inner {
    queue: Arc<Queue<Step>>,
    calls: Arc<Calls>,
    /// The event loop, which keeps the bridge, not the other way round.
    event_loop: Py<PyWeakrefReference>,
}

/// The calls in flight, with the asyncio futures for their results, by the addresses of these.
#[derive(Default)]
struct Calls(Mutex<HashMap<usize, InFlight>>);

struct InFlight {
    step: Arc<Step>,
    future: Py<PyAny>,
}

impl Calls {
    /// Taken only with the interpreter's lock held, and not while Python runs.
    fn lock(&self) -> MutexGuard<'_, HashMap<usize, InFlight>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn remove(&self, step: &Arc<Step>) -> Option<InFlight> {
        let mut in_flight = self.lock();
        match in_flight.entry(step.place) {
            Entry::Occupied(there) if Arc::ptr_eq(&there.get().step, step) => Some(there.remove()),
            // A later future may have the same address.
            Entry::Occupied(_) | Entry::Vacant(_) => None,
        }
    }
}

impl Inner {
    fn close(&self) {
        self.queue.close();
        let in_flight = std::mem::take(&mut *self.calls.lock());
        for in_flight in in_flight.into_values() {
            in_flight.step.cancel();
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.close();
    }
}

impl Bridge {
    fn inner(&self, py: Python<'_>) -> Result<&Inner> {
        checked(py, self.0.get())
    }

    /// Starts a call and returns the asyncio future for its result. It is polled once here, so that calls of one loop are
    /// sent in their order.
    pub(crate) fn start<F, T, C>(&self, py: Python<'_>, future: F, convert: C) -> Result<Py<PyAny>>
    where
        F: Future<Output = amop::Result<T>> + Send + 'static,
        T: Send + 'static,
        C: FnOnce(Python<'_>, T) -> Result<Py<PyAny>> + Send + 'static,
    {
        self.start_with(py, future, convert, Step::poll)
    }

    /// Starts a call whose first poll takes time. It is made without the interpreter's lock.
    pub(crate) fn start_detached<F, T, C>(&self, py: Python<'_>, future: F, convert: C) -> Result<Py<PyAny>>
    where
        F: Future<Output = amop::Result<T>> + Send + 'static,
        T: Send + 'static,
        C: FnOnce(Python<'_>, T) -> Result<Py<PyAny>> + Send + 'static,
    {
        self.start_with(py, future, convert, |step| py.detach(|| step.poll()))
    }

    fn start_with<F, T, C>(
        &self,
        py: Python<'_>,
        future: F,
        convert: C,
        first: impl FnOnce(&Arc<Step>) -> Progress,
    ) -> Result<Py<PyAny>>
    where
        F: Future<Output = amop::Result<T>> + Send + 'static,
        T: Send + 'static,
        C: FnOnce(Python<'_>, T) -> Result<Py<PyAny>> + Send + 'static,
    {
        let inner = self.inner(py)?;
        // The caller runs in the loop.
        let event_loop = inner.event_loop.bind(py).upgrade();
        let event_loop = event_loop.ok_or_else(|| PyRuntimeError::new_err("the event loop was collected"))?;
        let waiter = call_method(&event_loop, intern!(py, "create_future"), None)?;
        let work = step::call(future, convert);
        let step = {
            let place = waiter.as_ptr().addr();
            let step = Step::new(inner.queue.clone(), place, work);
            inner
                .calls
                .lock()
                .insert(place, InFlight { step: step.clone(), future: waiter.clone().unbind() });
            step
        };
        if let Progress::Ended(ended) = first(&step) {
            inner.calls.remove(&step);
            complete(py, &waiter, ended)?;
        }
        Ok(waiter.unbind())
    }
}

/// Completes an asyncio future with the result of its call, unless it was cancelled.
fn complete(py: Python<'_>, future: &Bound<'_, PyAny>, ended: Box<dyn Work>) -> Result<()> {
    let completed = match ended.outcome(py) {
        Ok(value) => call_method(future, intern!(py, "set_result"), Some(value.bind(py))),
        Err(error) => call_method(future, intern!(py, "set_exception"), Some(error.value(py).as_any())),
    };
    match completed {
        // The future was cancelled. Any other error is that of a signal handler or of the loop.
        Err(error) if error.is_instance_of::<InvalidStateError>(py) => Ok(()),
        completed => completed.map(drop),
    }
}

/// Waits for a future on this thread or, with a bridge, starts it for the event loop.
pub(crate) fn run<F, T, C>(
    py: Python<'_>,
    bridge: Option<&Bridge>,
    future: F,
    convert: C,
) -> Result<Py<PyAny>>
where
    F: Future<Output = amop::Result<T>> + Send + 'static,
    T: Send + 'static,
    C: FnOnce(Python<'_>, T) -> Result<Py<PyAny>> + Send + 'static,
{
    match bridge {
        None => {
            let outcome = wait(py, future)?;
            convert(py, outcome)
        }
        Some(bridge) => bridge.start(py, future, convert),
    }
}

#[pymethods]
impl Bridge {
    /// Creates a bridge for an event loop. With `watched` the loop watches its descriptor, else a thread waits with
    /// `wait`.
    #[new]
    fn new(py: Python<'_>, event_loop: &Bound<'_, PyAny>, watched: bool) -> Result<Bridge> {
        let queue = Queue::new(watched).map_err(|error| {
            let text = format!("could not create a pipe ({error}): raise the limit of open files");
            Error::undelivered(ErrorKind::Runtime, text)
        });
        let event_loop = PyWeakrefReference::new(event_loop)?.unbind();
        let inner = Inner { queue: Arc::new(checked(py, queue)?), calls: Arc::default(), event_loop };
        Ok(Bridge(Owned::new(inner)))
    }

    /// Returns the descriptor for the loop to watch, or -1 if there is none.
    fn fileno(&self, py: Python<'_>) -> Result<i32> {
        Ok(self.inner(py)?.queue.descriptor())
    }

    /// Waits until there is something to drain; False if there never will be.
    fn wait(&self, py: Python<'_>) -> Result<bool> {
        let queue = self.inner(py)?.queue.clone();
        let woken = std::future::poll_fn(|cx| queue.poll_woken(cx));
        Ok(wait_until(py, None, woken)?.unwrap_or(false))
    }

    /// Polls the calls that can make progress, and completes the futures of those that have ended.
    fn drain(&self, py: Python<'_>) -> Result<()> {
        let inner = self.inner(py)?;
        let mut outcome = log::refresh(py);
        for step in inner.queue.take() {
            let ended = match step.poll() {
                Progress::Waiting => continue,
                Progress::Ended(ended) => Some(ended),
                Progress::Finished => None,
            };
            // While the interpreter ends, no future is completed.
            if let (Some(in_flight), Some(ended), false) =
                (inner.calls.remove(&step), ended, interpreter::is_ending())
            {
                // A future that can't be completed must not delay the others.
                outcome = outcome.and(complete(py, in_flight.future.bind(py), ended));
            }
        }
        outcome
    }

    /// How often the loop was woken.
    #[getter]
    fn wakes(&self, py: Python<'_>) -> Result<u64> {
        Ok(self.inner(py)?.queue.wakes())
    }

    /// The number of calls in flight.
    #[getter]
    fn in_flight(&self, py: Python<'_>) -> Result<usize> {
        Ok(self.inner(py)?.calls.lock().len())
    }

    /// Drops the call that this future waits for, unless it has ended. A message that has been sent can't be recalled.
    fn cancel(&self, py: Python<'_>, future: &Bound<'_, PyAny>) -> Result<()> {
        let in_flight = self.inner(py)?.calls.lock().remove(&future.as_ptr().addr());
        if let Some(in_flight) = &in_flight {
            in_flight.step.cancel();
        }
        // Dropped without a lock held, because that may run Python.
        drop(in_flight);
        Ok(())
    }

    /// Drops all calls in flight, because the loop is closed.
    fn close(&self, py: Python<'_>) -> Result<()> {
        self.inner(py)?.close();
        Ok(())
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> std::result::Result<(), PyTraverseError> {
        let Ok(inner) = self.0.get() else { return Ok(()) };
        // The collector runs inside of a call of this bridge only if that call runs Python, and then the lock is free.
        let Ok(in_flight) = inner.calls.0.try_lock() else { return Ok(()) };
        for in_flight in in_flight.values() {
            visit.call(&in_flight.future)?;
        }
        Ok(())
    }
}
