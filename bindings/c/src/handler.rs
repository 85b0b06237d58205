//! Handlers: the subscriptions and services of the core that call a callback.

use std::sync::{Mutex, MutexGuard, PoisonError};

use amop::{HandlerGuard, Result};

use crate::argument::time;
use crate::waiting::block_on;

/// Ends a handler and waits for it. The lock is released before waiting, because the handler may need it.
pub(crate) fn end(handler: &Mutex<HandlerGuard>, timeout_ms: u64) -> Result<()> {
    let ended = lock(handler).end(time(timeout_ms));
    block_on(ended)
}

/// Locks a handler.
pub(crate) fn lock(handler: &Mutex<HandlerGuard>) -> MutexGuard<'_, HandlerGuard> {
    handler.lock().unwrap_or_else(PoisonError::into_inner)
}
