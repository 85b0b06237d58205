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

/// Locks a handler.
pub(crate) fn lock(handler: &Mutex<RunningHandler>) -> MutexGuard<'_, RunningHandler> {
    handler.lock().unwrap_or_else(PoisonError::into_inner)
}
