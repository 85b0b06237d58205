//! The bridge to asyncio: futures of the core's, awaited in an event loop.
//!
//! Each loop has one bridge. A future that can go on puts its operation into the bridge's queue, and the first one in
//! the queue wakes the loop, by a byte in a pipe that the loop watches; the loop then steps all that are queued,
//! on its own thread. So there is one wake-up for a batch, no thread for a call, and no thread of the library's ever
//! waits for the interpreter's lock.

mod queue;
mod step;

use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use amop::{Error, ErrorKind};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::{PyTraverseError, PyVisit, intern};
use slab::Slab;

use self::queue::Queue;
use self::step::{Progress, Step, Work};
use crate::calling::call_method;
use crate::error::{Result, checked};
use crate::owned::Owned;
use crate::waiting::{wait, wait_until};
use crate::{interpreter, log};

/// The calls that an event loop waits for.
#[pyclass(frozen, module = "amop._amop", weakref)]
pub(crate) struct Bridge(Owned<Inner>);

struct Inner {
    queue: Arc<Queue<Step>>,
    calls: Arc<Calls>,
}

/// The calls under way, with the asyncio futures to be told.
#[derive(Default)]
struct Calls(Mutex<Slab<Going>>);

struct Going {
    step: Arc<Step>,
    future: Py<PyAny>,
}

impl Calls {
    /// Only taken with the interpreter's lock held, and not while Python runs.
    fn lock(&self) -> MutexGuard<'_, Slab<Going>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn remove(&self, step: &Arc<Step>) -> Option<Going> {
        let mut going = self.lock();
        match going.get(step.place) {
            Some(there) if Arc::ptr_eq(&there.step, step) => Some(going.remove(step.place)),
            Some(_) | None => None,
        }
    }
}

impl Inner {
    fn close(&self) {
        self.queue.close();
        let going = std::mem::take(&mut *self.calls.lock());
        for (_, going) in going {
            going.step.cancel();
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

    /// Starts a call: its first step is made here, so that calls of one loop are sent in their order.
    pub(crate) fn start<F, T, C>(&self, py: Python<'_>, future: F, convert: C) -> Result<Py<Operation>>
    where
        F: Future<Output = amop::Result<T>> + Send + 'static,
        T: Send + 'static,
        C: FnOnce(Python<'_>, T) -> Result<Py<PyAny>> + Send + 'static,
    {
        self.start_with(py, future, convert, Step::go_on)
    }

    /// The same of a call whose first step takes time: it is made without the interpreter's lock.
    pub(crate) fn start_detached<F, T, C>(
        &self,
        py: Python<'_>,
        future: F,
        convert: C,
    ) -> Result<Py<Operation>>
    where
        F: Future<Output = amop::Result<T>> + Send + 'static,
        T: Send + 'static,
        C: FnOnce(Python<'_>, T) -> Result<Py<PyAny>> + Send + 'static,
    {
        self.start_with(py, future, convert, |step| py.detach(|| step.go_on()))
    }

    fn start_with<F, T, C>(
        &self,
        py: Python<'_>,
        future: F,
        convert: C,
        first: impl FnOnce(&Arc<Step>) -> Progress,
    ) -> Result<Py<Operation>>
    where
        F: Future<Output = amop::Result<T>> + Send + 'static,
        T: Send + 'static,
        C: FnOnce(Python<'_>, T) -> Result<Py<PyAny>> + Send + 'static,
    {
        static RUNNING_LOOP: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
        let inner = self.inner(py)?;
        let running = RUNNING_LOOP.import(py, "asyncio", "get_running_loop")?.call0()?;
        let waiter = call_method(&running, intern!(py, "create_future"), ())?;
        let work = step::call(future, convert);
        let step = {
            let mut going = inner.calls.lock();
            let entry = going.vacant_entry();
            let step = Step::new(inner.queue.clone(), entry.key(), work);
            entry.insert(Going { step: step.clone(), future: waiter.clone().unbind() });
            step
        };
        if let Progress::Ended(ended) = first(&step) {
            inner.calls.remove(&step);
            tell(py, &waiter, ended)?;
        }
        let of_bridge = Owned::new((step, inner.calls.clone()));
        Py::new(py, Operation { future: waiter.unbind(), of_bridge })
    }
}

/// Tells an asyncio future how its call ended, unless it was cancelled.
fn tell(py: Python<'_>, future: &Bound<'_, PyAny>, ended: Box<dyn Work>) -> Result<()> {
    let outcome = ended.outcome(py);
    if call_method(future, intern!(py, "done"), ())?.is_truthy()? {
        return Ok(());
    }
    match outcome {
        Ok(value) => call_method(future, intern!(py, "set_result"), (value,))?,
        Err(error) => call_method(future, intern!(py, "set_exception"), (error,))?,
    };
    Ok(())
}

/// A future's outcome: waited for here, or by the bridge's loop.
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
        Some(bridge) => bridge.start(py, future, convert).map(Py::into_any),
    }
}

#[pymethods]
impl Bridge {
    /// With `watched`, a loop watches the descriptor; else a thread waits with `wait`.
    #[new]
    fn new(py: Python<'_>, watched: bool) -> Result<Bridge> {
        let queue = Queue::new(watched).map_err(|error| {
            let text = format!("no file descriptor is left for this process: {error}");
            Error::undelivered(ErrorKind::Runtime, text)
        });
        let inner = Inner { queue: Arc::new(checked(py, queue)?), calls: Arc::default() };
        Ok(Bridge(Owned::new(inner)))
    }

    /// What the loop is to watch, -1 if there is nothing.
    fn fileno(&self, py: Python<'_>) -> Result<i32> {
        Ok(self.inner(py)?.queue.descriptor())
    }

    /// Waits until there is something to drain; False when there won't be any more.
    fn wait(&self, py: Python<'_>) -> Result<bool> {
        let queue = self.inner(py)?.queue.clone();
        let woken = std::future::poll_fn(|cx| queue.poll_woken(cx));
        Ok(wait_until(py, None, woken)?.unwrap_or(false))
    }

    /// Steps the calls that can go on, and tells the futures of those that have ended.
    fn drain(&self, py: Python<'_>) -> Result<()> {
        let inner = self.inner(py)?;
        log::refresh(py);
        let mut outcome = Ok(());
        for step in inner.queue.take() {
            let ended = match step.go_on() {
                Progress::Waiting => continue,
                Progress::Ended(ended) => Some(ended),
                Progress::Gone => None,
            };
            // At the interpreter's end nobody is left to be told.
            if let (Some(going), Some(ended), false) =
                (inner.calls.remove(&step), ended, interpreter::is_ending())
            {
                // One that can't be told mustn't keep the others waiting.
                outcome = outcome.and(tell(py, going.future.bind(py), ended));
            }
        }
        outcome
    }

    /// How often the loop was woken.
    #[getter]
    fn wakes(&self, py: Python<'_>) -> Result<u64> {
        Ok(self.inner(py)?.queue.wakes())
    }

    /// Calls under way.
    #[getter]
    fn going(&self, py: Python<'_>) -> Result<usize> {
        Ok(self.inner(py)?.calls.lock().len())
    }

    /// Drops all calls that are under way: the loop is closed.
    fn close(&self, py: Python<'_>) -> Result<()> {
        self.inner(py)?.close();
        Ok(())
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> std::result::Result<(), PyTraverseError> {
        let Ok(inner) = self.0.get() else { return Ok(()) };
        // The collector stops the program in the midst of a call of this bridge only if that call runs Python, and
        // then it doesn't hold the lock.
        let Ok(going) = inner.calls.0.try_lock() else { return Ok(()) };
        for (_, going) in &*going {
            visit.call(&going.future)?;
        }
        Ok(())
    }
}

/// One call that an event loop waits for.
#[pyclass(frozen, module = "amop._amop")]
pub(crate) struct Operation {
    future: Py<PyAny>,
    of_bridge: Owned<(Arc<Step>, Arc<Calls>)>,
}

#[pymethods]
impl Operation {
    /// The asyncio future that is told the outcome.
    #[getter]
    fn future(&self, py: Python<'_>) -> Py<PyAny> {
        self.future.clone_ref(py)
    }

    /// Drops the call, unless it has ended. What was sent stays sent.
    fn cancel(&self, py: Python<'_>) -> Result<()> {
        let (step, calls) = checked(py, self.of_bridge.get())?;
        step.cancel();
        let going = calls.remove(step);
        // No lock is held any more.
        drop(going);
        Ok(())
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> std::result::Result<(), PyTraverseError> {
        visit.call(&self.future)
    }
}
