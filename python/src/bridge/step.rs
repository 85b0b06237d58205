//! A call of an event loop, polled step by step.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use amop::{Error, ErrorKind};
use pyo3::prelude::*;

use super::queue::Queue;
use crate::error::{Result, checked};

/// A call that is polled until it has a result.
pub(super) trait Work: Send {
    /// Polls the call and returns whether it has ended.
    fn step(&mut self, cx: &mut Context<'_>) -> bool;

    /// Returns the result for Python.
    fn outcome(self: Box<Self>, py: Python<'_>) -> Result<Py<PyAny>>;
}

struct Call<F: Future, C> {
    future: Pin<Box<F>>,
    ended: Option<F::Output>,
    convert: C,
}

/// Combines a future of the core with the conversion of its result for Python.
pub(super) fn call<F, T, C>(future: F, convert: C) -> Box<dyn Work>
where
    F: Future<Output = amop::Result<T>> + Send + 'static,
    T: Send + 'static,
    C: FnOnce(Python<'_>, T) -> Result<Py<PyAny>> + Send + 'static,
{
    Box::new(Call { future: Box::pin(future), ended: None, convert })
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
        let ended = self
            .ended
            .unwrap_or_else(|| Err(Error::maybe_delivered(ErrorKind::Internal, "the call has not ended")));
        (self.convert)(py, checked(py, ended)?)
    }
}

/// A call in flight.
pub(super) struct Step {
    queue: Arc<Queue<Step>>,
    /// The address of its future, by which the bridge finds the call.
    pub(super) place: usize,
    /// Whether it is in the queue.
    queued: AtomicBool,
    /// `None` after it has ended or was cancelled.
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
    pub(super) fn new(queue: Arc<Queue<Step>>, place: usize, work: Box<dyn Work>) -> Arc<Step> {
        Arc::new(Step { queue, place, queued: AtomicBool::new(false), work: Mutex::new(Some(work)) })
    }

    /// Drops the call, unless it has ended.
    pub(super) fn cancel(&self) {
        let work = self.lock().take();
        drop(work);
    }

    fn lock(&self) -> MutexGuard<'_, Option<Box<dyn Work>>> {
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Polls the call.
    pub(super) fn poll(self: &Arc<Self>) -> Progress {
        // A wake from here on queues the call again.
        self.queued.store(false, Ordering::Release);
        let waker = Waker::from(self.clone());
        let mut work = self.lock();
        match work.take() {
            None => Progress::Finished,
            Some(mut running) => {
                if running.step(&mut Context::from_waker(&waker)) {
                    return Progress::Ended(running);
                }
                *work = Some(running);
                Progress::Waiting
            }
        }
    }
}

/// The state of a call after a poll.
pub(super) enum Progress {
    Waiting,
    Ended(Box<dyn Work>),
    /// It was cancelled, or had already ended.
    Finished,
}
