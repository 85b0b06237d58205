//! Handlers: the subscriptions and services of the core that call a callback.

use std::sync::{Mutex, MutexGuard, PoisonError};

use amop::{Result, RunningHandler};

use crate::argument::time;
use crate::waiting::block_on;

/// Ends a handler and waits for it. The lock is released before waiting, because the handler may need it.
pub(crate) fn end(handler: &Mutex<RunningHandler>, timeout_ms: u64) -> Result<()> {
    let ended = lock(handler).end(time(timeout_ms));
    block_on(ended)
}

/// Ends a handler, and calls `done` when it has ended or has not in time.
pub(crate) fn start_end(
    handler: &Mutex<RunningHandler>,
    timeout_ms: u64,
    done: impl FnOnce(Result<()>) + Send + 'static,
) -> Result<()> {
    lock(handler).start_end(time(timeout_ms), done).map(drop)
}

/// Locks a handler.
pub(crate) fn lock(handler: &Mutex<RunningHandler>) -> MutexGuard<'_, RunningHandler> {
    handler.lock().unwrap_or_else(PoisonError::into_inner)
}
