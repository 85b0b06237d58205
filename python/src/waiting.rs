//! Waits on the calling thread for a future of the core, without the interpreter's lock. Signals are checked between
//! slices of the wait, so that Ctrl-C interrupts every wait.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;
use std::time::{Duration, Instant};

use pyo3::prelude::*;

use crate::error::{Result, checked};
use crate::{interpreter, log};

/// The longest wait before signals are checked: short for a user who presses Ctrl-C, and negligible for a processor.
const SLICE: Duration = Duration::from_millis(100);

/// Wakes one parked thread.
struct Parked {
    thread: Thread,
    woken: AtomicBool,
}

impl Wake for Parked {
    fn wake(self: Arc<Self>) {
        self.woken.store(true, Ordering::Release);
        self.thread.unpark();
    }
}

impl Parked {
    /// Parks until a wake or `until`, and returns whether there was a wake.
    fn park(&self, until: Instant) -> bool {
        loop {
            if self.woken.swap(false, Ordering::Acquire) {
                return true;
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            std::thread::park_timeout(left);
        }
    }
}

/// Returns the result of a future; `None` if `deadline` passed before.
///
/// # Errors
/// Returns exceptions of signal handlers. The future is dropped then, which cancels its call.
pub(crate) fn wait_until<F>(py: Python<'_>, deadline: Option<Instant>, future: F) -> Result<Option<F::Output>>
where
    F: Future + Send,
    F::Output: Send,
{
    let mut future = pin!(future);
    let parked = Arc::new(Parked { thread: std::thread::current(), woken: AtomicBool::new(false) });
    let waker = Waker::from(parked.clone());
    loop {
        let (outcome, late) = py.detach(|| {
            let now = Instant::now();
            let slice = deadline.map_or(now + SLICE, |deadline| deadline.min(now + SLICE));
            let mut cx = Context::from_waker(&waker);
            let outcome = loop {
                if let Poll::Ready(outcome) = future.as_mut().poll(&mut cx) {
                    break Some(outcome);
                }
                if !parked.park(slice) {
                    break None;
                }
            };
            interpreter::park_if_ending();
            (outcome, deadline.is_some_and(|deadline| Instant::now() >= deadline))
        });
        if outcome.is_some() {
            return Ok(outcome);
        }
        py.check_signals()?;
        log::refresh(py)?;
        if late {
            return Ok(None);
        }
    }
}

/// Returns the result of a future that has a deadline of its own.
///
/// # Errors
/// Returns the errors of the future, and exceptions of signal handlers.
pub(crate) fn wait<T: Send>(
    py: Python<'_>,
    future: impl Future<Output = amop::Result<T>> + Send,
) -> Result<T> {
    match wait_until(py, None, future)? {
        Some(outcome) => checked(py, outcome),
        None => unreachable!("there is no deadline"),
    }
}
