//! An inbox is what is read item by item: one source, and any number of threads and event loops that wait for it.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use amop::{Events, Requests, Subscription};
use futures_core::Stream;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyList;

use crate::bridge::Bridge;
use crate::calling::call;
use crate::error::{Result, checked, unusable};
use crate::event;
use crate::message::{Message, Request};
use crate::owned::Owned;
use crate::stats::SubscriptionStats;
use crate::units::{optional_seconds, size};
use crate::waiters::{Place, Waiters};
use crate::waiting::wait_until;

/// A source of items.
pub(crate) enum Source {
    Messages(Subscription),
    Requests(Requests),
    Events(Events),
}

/// An item.
enum Item {
    Message(amop::Message),
    Request(amop::Request),
    Event(amop::Event),
}

impl Source {
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Item>> {
        match self {
            Source::Messages(source) => Pin::new(source).poll_next(cx).map(|item| item.map(Item::Message)),
            Source::Requests(source) => Pin::new(source).poll_next(cx).map(|item| item.map(Item::Request)),
            Source::Events(source) => Pin::new(source).poll_next(cx).map(|item| item.map(Item::Event)),
        }
    }

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match self {
            Source::Messages(source) => source.poll_ready(cx),
            Source::Requests(source) => source.poll_ready(cx),
            Source::Events(source) => source.poll_ready(cx),
        }
    }
}

impl Item {
    fn object(self, py: Python<'_>) -> Result<Bound<'_, PyAny>> {
        match self {
            Item::Message(message) => Ok(Bound::new(py, Message::new(message))?.into_any()),
            Item::Request(request) => Ok(Request::object(py, request)?.into_any()),
            Item::Event(event) => event::object(py, event),
        }
    }
}

/// A source with the tasks that wait for it.
struct Shared {
    /// `None` when nothing can be read any more.
    source: Mutex<Option<Source>>,
    waiters: Arc<Waiters>,
    /// Whether the end has been read.
    ended: AtomicBool,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Option<Source>> {
        self.source.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Polls for an item. Wakes the next one that waits if there is more to read, or nothing ever again.
    fn poll_next(&self) -> Poll<Option<Item>> {
        let waker = Waker::from(self.waiters.clone());
        let mut cx = Context::from_waker(&waker);
        let mut source = self.lock();
        let next = match &mut *source {
            Some(source) => source.poll_next(&mut cx),
            None => Poll::Ready(None),
        };
        let others = next.is_ready() && self.waiters.count() > 0;
        let more = others && source.as_mut().is_none_or(|source| source.poll_ready(&mut cx).is_ready());
        drop(source);
        if matches!(next, Poll::Ready(None)) {
            self.ended.store(true, Ordering::Relaxed);
        }
        if more {
            self.waiters.wake_one();
        }
        next
    }
}

/// Waits until there is an item or the end. It takes nothing, so it may be cancelled at any time.
struct Ready {
    shared: Arc<Shared>,
    place: Place,
}

impl Ready {
    fn new(shared: &Arc<Shared>) -> Ready {
        Ready { shared: shared.clone(), place: Place::default() }
    }
}

impl Future for Ready {
    type Output = amop::Result<()>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<amop::Result<()>> {
        let Ready { shared, place } = self.get_mut();
        shared.waiters.wait(place, cx.waker());
        let waker = Waker::from(shared.waiters.clone());
        let ready = match &mut *shared.lock() {
            Some(source) => source.poll_ready(&mut Context::from_waker(&waker)),
            None => Poll::Ready(()),
        };
        if ready.is_ready() {
            shared.waiters.arrive(place);
        }
        ready.map(Ok)
    }
}

impl Drop for Ready {
    fn drop(&mut self) {
        self.shared.waiters.give_up(&mut self.place);
    }
}

/// The native part of subscriptions, services and events that are read.
#[pyclass(frozen, module = "amop._amop")]
pub(crate) struct Inbox(Owned<Arc<Shared>>);

impl Inbox {
    pub(crate) fn new(source: Source) -> Inbox {
        let (source, ended) = (Mutex::new(Some(source)), AtomicBool::new(false));
        Inbox(Owned::new(Arc::new(Shared { source, waiters: Arc::default(), ended })))
    }

    fn shared(&self, py: Python<'_>) -> Result<&Arc<Shared>> {
        checked(py, self.0.get())
    }

    /// Waits until there is an item or the end.
    ///
    /// # Errors
    /// Returns TIMEOUT after the deadline, and exceptions of signal handlers.
    fn wait_until(&self, py: Python<'_>, timeout: Option<f64>, deadline: Option<Instant>) -> Result<()> {
        let ready = Ready::new(self.shared(py)?);
        match wait_until(py, deadline, ready)? {
            Some(ready) => checked(py, ready),
            None => Err(nothing(py, timeout.unwrap_or_default())),
        }
    }
}

/// Returns the error of a wait in which nothing arrived.
fn nothing(py: Python<'_>, timeout: f64) -> PyErr {
    static MAKE: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let made = MAKE.import(py, "amop._errors", "nothing_arrived").and_then(|make| call(make, (timeout,)));
    made.map_or_else(|failed| failed, PyErr::from_value)
}

#[pymethods]
impl Inbox {
    /// Returns the next item; None after the last. Raises CallTimeoutError after `timeout` seconds (None: never).
    #[pyo3(signature = (timeout = None))]
    fn next<'py>(&self, py: Python<'py>, timeout: Option<f64>) -> Result<Option<Bound<'py, PyAny>>> {
        let shared = self.shared(py)?;
        let mut deadline = None;
        loop {
            match shared.poll_next() {
                Poll::Ready(Some(item)) => return item.object(py).map(Some),
                Poll::Ready(None) => return Ok(None),
                Poll::Pending => {}
            }
            if timeout == Some(0.0) {
                return Err(nothing(py, 0.0));
            }
            if deadline.is_none() {
                deadline = optional_seconds(py, "timeout", timeout)?.map(|time| Instant::now() + time);
            }
            self.wait_until(py, timeout, deadline)?;
        }
    }

    /// Waits like `next`, and returns up to `limit` items that are available then; an empty list after the last.
    #[pyo3(signature = (limit, timeout = None))]
    fn next_many<'py>(
        &self,
        py: Python<'py>,
        limit: i128,
        timeout: Option<f64>,
    ) -> Result<Bound<'py, PyList>> {
        if size(py, "limit", limit)? == 0 {
            return Err(unusable(py, "invalid limit 0: use 1 or more"));
        }
        let taken = PyList::empty(py);
        if let Some(item) = self.next(py, timeout)? {
            taken.append(item)?;
            while (taken.len() as i128) < limit
                && let Some(item) = self.try_next(py)?
            {
                taken.append(item)?;
            }
        }
        Ok(taken)
    }

    /// Returns the next item if there is one.
    fn try_next<'py>(&self, py: Python<'py>) -> Result<Option<Bound<'py, PyAny>>> {
        match self.shared(py)?.poll_next() {
            Poll::Ready(Some(item)) => item.object(py).map(Some),
            Poll::Ready(None) | Poll::Pending => Ok(None),
        }
    }

    /// Returns an asyncio future that completes when there is an item or the end.
    fn ready(&self, py: Python<'_>, bridge: &Bridge) -> Result<Py<PyAny>> {
        bridge.start(py, Ready::new(self.shared(py)?), |py, ()| Ok(py.None()))
    }

    /// Wakes the next one that waits. For a task that was cancelled after a future of `ready` had completed for it.
    fn pass_on(&self, py: Python<'_>) -> Result<()> {
        self.shared(py)?.waiters.wake_one();
        Ok(())
    }

    /// How many wait and have not been woken.
    #[getter]
    fn waiting(&self, py: Python<'_>) -> Result<usize> {
        Ok(self.shared(py)?.waiters.count())
    }

    /// How often one that waits was woken.
    #[getter]
    fn wakes(&self, py: Python<'_>) -> Result<u64> {
        Ok(self.shared(py)?.waiters.wakes())
    }

    /// Whether `try_next` returned None because nothing will arrive any more.
    #[getter]
    fn ended(&self, py: Python<'_>) -> Result<bool> {
        Ok(self.shared(py)?.ended.load(Ordering::Relaxed))
    }

    /// Stops accepting messages and updates the topic list; what is queued can still be read.
    fn unsubscribe(&self, py: Python<'_>) -> Result<()> {
        match &mut *self.shared(py)?.lock() {
            Some(Source::Messages(source)) => source.unsubscribe(),
            Some(Source::Requests(source)) => source.unsubscribe(),
            Some(Source::Events(_)) | None => {}
        }
        Ok(())
    }

    /// Drops the source: what was not read is discarded and counted, and waiting tasks read the end.
    fn finish(&self, py: Python<'_>) -> Result<()> {
        let shared = self.shared(py)?;
        let source = shared.lock().take();
        drop(source);
        shared.waiters.wake_one();
        Ok(())
    }

    /// Returns the statistics; zeros for events.
    fn stats(&self, py: Python<'_>) -> Result<SubscriptionStats> {
        Ok(match &*self.shared(py)?.lock() {
            Some(Source::Messages(source)) => source.stats().into(),
            Some(Source::Requests(source)) => source.stats().into(),
            Some(Source::Events(_)) | None => amop::SubscriptionStats::default().into(),
        })
    }
}
