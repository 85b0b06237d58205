//! A call of a loop's, step by step.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use amop::{Error, ErrorKind};
use pyo3::prelude::*;

use super::queue::Queue;
use crate::error::{Result, checked};

/// A call to be stepped until it has an outcome.
pub(super) trait Work: Send {
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

/// A future of the core's, and what its outcome is for Python.
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
        let ended =
            self.ended.unwrap_or_else(|| Err(Error::undelivered(ErrorKind::Internal, "the call goes on")));
        (self.convert)(py, checked(py, ended)?)
    }
}

/// A call under way, with its place in the bridge.
pub(super) struct Step {
    queue: Arc<Queue<Step>>,
    /// Its place among the bridge's calls.
    pub(super) place: usize,
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
    pub(super) fn new(queue: Arc<Queue<Step>>, place: usize, work: Box<dyn Work>) -> Arc<Step> {
        Arc::new(Step { queue, place, queued: AtomicBool::new(false), work: Mutex::new(Some(work)) })
    }

    /// Gives the call up, unless it has ended.
    pub(super) fn cancel(&self) {
        let work = self.lock().take();
        drop(work);
    }

    fn lock(&self) -> MutexGuard<'_, Option<Box<dyn Work>>> {
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes its next step, or the first.
    pub(super) fn go_on(self: &Arc<Self>) -> Progress {
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
pub(super) enum Progress {
    Waiting,
    Ended(Box<dyn Work>),
    /// It was cancelled, or had ended before.
    Gone,
}
