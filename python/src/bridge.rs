//! The bridge to asyncio: futures of the core's, awaited in an event loop.
//!
//! Each loop has one bridge. A future that can go on puts its operation into the bridge's queue, and the first one in
//! the queue wakes the loop, by a byte in a pipe that the loop watches; the loop then steps all that are queued,
//! on its own thread. So there is one wake-up for a batch, no thread for a call, and no thread of the library's ever
//! waits for the interpreter's lock.

use std::future::Future;
use std::io::{PipeReader, PipeWriter, Read, Write, pipe};
use std::os::fd::AsRawFd;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use amop::{Error, ErrorKind};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::{PyTraverseError, PyVisit, intern};
use slab::Slab;

use crate::calling::call_method;
use crate::error::{Result, checked};
use crate::owned::Owned;
use crate::waiting::wait_until;
use crate::{exit, log};

/// A call to be stepped until it has an outcome.
trait Work: Send {
    /// Whether it has ended.
    fn step(&mut self, cx: &mut Context<'_>) -> bool;

    /// How it ended, as Python is told.
    fn outcome(self: Box<Self>, py: Python<'_>) -> Result<Py<PyAny>>;
}

struct Call<F: Future, C> {
    future: Pin<Box<F>>,
    ended: Option<F::Output>,
    convert: C,
}

impl<F, T, C> Work for Call<F, C>
where
    F: Future<Output = amop::Result<T>> + Send,
    T: Send,
    C: FnOnce(Python<'_>, T) -> Result<Py<PyAny>> + Send,
{
    fn step(&mut self, cx: &mut Context<'_>) -> bool {
        if self.ended.is_none()
            && let Poll::Ready(ended) = self.future.as_mut().poll(cx)
        {
            self.ended = Some(ended);
        }
        self.ended.is_some()
    }

    fn outcome(self: Box<Self>, py: Python<'_>) -> Result<Py<PyAny>> {
        let ended = self.ended.unwrap_or_else(|| Err(Error::new(ErrorKind::Internal, "the call goes on")));
        (self.convert)(py, checked(py, ended)?)
    }
}

/// A call under way, with its place in the bridge.
struct Step {
    queue: Arc<Queue>,
    place: usize,
    /// In the queue already.
    queued: AtomicBool,
    /// `None` once it has ended or was cancelled.
    work: Mutex<Option<Box<dyn Work>>>,
}

impl Wake for Step {
    fn wake(self: Arc<Self>) {
        if !self.queued.swap(true, Ordering::AcqRel) {
            self.queue.clone().push(self);
        }
    }
}

impl Step {
    fn lock(&self) -> MutexGuard<'_, Option<Box<dyn Work>>> {
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn go_on(self: &Arc<Self>) -> Progress {
        // From here on a wake counts as a new one.
        self.queued.store(false, Ordering::Release);
        let waker = Waker::from(self.clone());
        let mut work = self.lock();
        match work.take() {
            None => Progress::Gone,
            Some(mut going) => {
                if going.step(&mut Context::from_waker(&waker)) {
                    return Progress::Ended(going);
                }
                *work = Some(going);
                Progress::Waiting
            }
        }
    }
}

/// Where a call stands after a step.
enum Progress {
    Waiting,
    Ended(Box<dyn Work>),
    /// It was cancelled, or had ended before.
    Gone,
}

/// Those that can go on.
struct Queue(Mutex<Woken>);

struct Woken {
    steps: Vec<Arc<Step>>,
    signal: Signal,
    /// The loop has been woken and hasn't looked yet.
    raised: bool,
    /// Nobody will look any more.
    closed: bool,
    /// How often the loop was woken.
    wakes: u64,
}

/// How the loop is woken.
enum Signal {
    /// A byte in a pipe; never more than one, so nobody blocks on it.
    Pipe(PipeReader, PipeWriter),
    /// A thread waits for it, where the loop can't watch a pipe.
    Thread(Option<Waker>),
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, Woken> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, step: Arc<Step>) {
        let mut woken = self.lock();
        if woken.closed {
            drop(woken);
            return;
        }
        woken.steps.push(step);
        let waker = if woken.raised { None } else { woken.raise() };
        drop(woken);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn take(&self) -> Vec<Arc<Step>> {
        let mut woken = self.lock();
        let Woken { signal, raised, .. } = &mut *woken;
        if let Signal::Pipe(reader, _) = signal
            && std::mem::replace(raised, false)
        {
            report(reader.read_exact(&mut [0]));
        }
        std::mem::take(&mut woken.steps)
    }

    /// Takes nothing more.
    fn close(&self) {
        let mut woken = self.lock();
        woken.closed = true;
        let steps = std::mem::take(&mut woken.steps);
        let waker = if woken.raised { None } else { woken.raise() };
        drop(woken);
        drop(steps);
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl Woken {
    /// Wakes the loop; the waker, if there is one, is to be woken without the lock.
    fn raise(&mut self) -> Option<Waker> {
        self.raised = true;
        self.wakes += 1;
        match &mut self.signal {
            Signal::Pipe(_, writer) => {
                report(writer.write_all(&[1]));
                None
            }
            Signal::Thread(waker) => waker.take(),
        }
    }
}

/// Errors can't happen: both ends are open, and the pipe has room for its one byte.
fn report(moved: std::io::Result<()>) {
    if let Err(error) = moved {
        tracing::error!(%error, "a file descriptor of the library was closed or used by somebody else");
    }
}

/// The calls that an event loop waits for.
#[pyclass(frozen, module = "amop._amop", weakref)]
pub(crate) struct Bridge(Owned<Inner>);

struct Inner {
    queue: Arc<Queue>,
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
            drop(going.step.lock().take());
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
        let work: Box<dyn Work> = Box::new(Call { future: Box::pin(future), ended: None, convert });
        let step = {
            let mut going = inner.calls.lock();
            let entry = going.vacant_entry();
            let step = Arc::new(Step {
                queue: inner.queue.clone(),
                place: entry.key(),
                queued: AtomicBool::new(false),
                work: Mutex::new(Some(work)),
            });
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

#[pymethods]
impl Bridge {
    /// With `watched`, a loop watches the descriptor; else a thread waits with `wait`.
    #[new]
    fn new(py: Python<'_>, watched: bool) -> Result<Bridge> {
        let signal = if watched {
            let pipe = pipe().map_err(|error| {
                let text = format!("no file descriptor is left for this process: {error}");
                Error::new(ErrorKind::Runtime, text)
            });
            let (reader, writer) = checked(py, pipe)?;
            Signal::Pipe(reader, writer)
        } else {
            Signal::Thread(None)
        };
        let woken = Woken { steps: Vec::new(), signal, raised: false, closed: false, wakes: 0 };
        let inner = Inner { queue: Arc::new(Queue(Mutex::new(woken))), calls: Arc::default() };
        Ok(Bridge(Owned::new(inner)))
    }

    /// What the loop is to watch, -1 if there is nothing.
    fn fileno(&self, py: Python<'_>) -> Result<i32> {
        Ok(match &self.inner(py)?.queue.lock().signal {
            Signal::Pipe(reader, _) => reader.as_raw_fd(),
            Signal::Thread(_) => -1,
        })
    }

    /// Waits until there is something to drain; False when there won't be any more.
    fn wait(&self, py: Python<'_>) -> Result<bool> {
        let queue = self.inner(py)?.queue.clone();
        let raised = std::future::poll_fn(|cx| {
            let mut woken = queue.lock();
            if woken.closed || std::mem::replace(&mut woken.raised, false) {
                return Poll::Ready(!woken.closed);
            }
            woken.signal = Signal::Thread(Some(cx.waker().clone()));
            Poll::Pending
        });
        Ok(wait_until(py, None, raised)?.unwrap_or(false))
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
            if let (Some(going), Some(ended), false) = (inner.calls.remove(&step), ended, exit::has_begun()) {
                // One that can't be told mustn't keep the others waiting.
                outcome = outcome.and(tell(py, going.future.bind(py), ended));
            }
        }
        outcome
    }

    /// How often the loop was woken.
    #[getter]
    fn wakes(&self, py: Python<'_>) -> Result<u64> {
        Ok(self.inner(py)?.queue.lock().wakes)
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
        let (work, going) = (step.lock().take(), calls.remove(step));
        // Neither lock is held any more.
        drop((work, going));
        Ok(())
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> std::result::Result<(), PyTraverseError> {
        visit.call(&self.future)
    }
}
