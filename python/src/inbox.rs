//! An inbox is what is read item by item: one source, and any number of threads and event loops that wait for it.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Instant;

use amop::{Events, Requests, Subscription};
use futures_core::Stream;
use pyo3::prelude::*;
use pyo3::types::PyList;
use slab::Slab;

use crate::bridge::{Bridge, Operation};
use crate::error::{Result, checked, raised, unusable};
use crate::event;
use crate::message::{Message, Request};
use crate::owned::Owned;
use crate::stats::SubscriptionStats;
use crate::units::{optional_seconds, size};
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

/// The tasks that wait for a source. The source has one waker, this one, which wakes them all.
#[derive(Default)]
struct Waiters(Mutex<Slab<Waker>>);

impl Waiters {
    fn lock(&self) -> MutexGuard<'_, Slab<Waker>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wake for Waiters {
    fn wake(self: Arc<Self>) {
        let woken: Vec<Waker> = self.lock().iter().map(|(_, waker)| waker.clone()).collect();
        woken.into_iter().for_each(Waker::wake);
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

    /// Polls for an item.
    fn poll_next(&self) -> Poll<Option<Item>> {
        let waker = Waker::from(self.waiters.clone());
        let next = match &mut *self.lock() {
            Some(source) => source.poll_next(&mut Context::from_waker(&waker)),
            None => Poll::Ready(None),
        };
        if matches!(next, Poll::Ready(None)) {
            self.ended.store(true, Ordering::Relaxed);
        }
        next
    }
}

/// Waits until there is an item or the end. It takes nothing, so it may be cancelled at any time.
struct Ready {
    shared: Arc<Shared>,
    place: Option<usize>,
}

impl Future for Ready {
    type Output = amop::Result<()>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<amop::Result<()>> {
        let shared = self.shared.clone();
        // Registered before the source is polled, so that no wake in between is missed.
        let mut waiters = shared.waiters.lock();
        match self.place.and_then(|place| waiters.get_mut(place)) {
            Some(waker) => waker.clone_from(cx.waker()),
            None => self.place = Some(waiters.insert(cx.waker().clone())),
        }
        drop(waiters);
        let waker = Waker::from(shared.waiters.clone());
        match &mut *shared.lock() {
            Some(source) => source.poll_ready(&mut Context::from_waker(&waker)).map(Ok),
            None => Poll::Ready(Ok(())),
        }
    }
}

impl Drop for Ready {
    fn drop(&mut self) {
        if let Some(place) = self.place {
            self.shared.waiters.lock().remove(place);
        }
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
        let ready = Ready { shared: self.shared(py)?.clone(), place: None };
        match wait_until(py, deadline, ready)? {
            Some(ready) => checked(py, ready),
            None => {
                let time = timeout.unwrap_or_default();
                let text = format!("nothing arrived within {time} s: wait longer, or check the publisher");
                Err(raised(py, &amop::Error::undelivered(amop::ErrorKind::Timeout, text)))
            }
        }
    }
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

    /// Returns an operation that ends when there is an item or the end.
    fn ready(&self, py: Python<'_>, bridge: &Bridge) -> Result<Py<Operation>> {
        let shared = self.shared(py)?.clone();
        bridge.start(py, Ready { shared, place: None }, |py, ()| Ok(py.None()))
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
        shared.waiters.clone().wake();
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
