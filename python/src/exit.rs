//! The end of the interpreter while clients are open: they are closed in order, without the interpreter's lock. After
//! that no thread of the library calls Python.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::task::Poll;
use std::time::{Duration, Instant};

use pyo3::prelude::*;

use crate::error::Result;
use crate::live::Live;
use crate::owned::Owned;
use crate::waiting::wait_until;
use crate::{interpreter, log};

/// How long handlers get at the end of the interpreter.
const GRACE: Duration = Duration::from_secs(1);

/// The clients of this process. Locked only with the interpreter's lock held, which a fork holds, too, so that a
/// child never finds it locked.
static CLIENTS: Mutex<Vec<Weak<Owned<Live>>>> = Mutex::new(Vec::new());

/// Registers a client, to be closed at the end of the interpreter.
pub(crate) fn register(client: &Arc<Owned<Live>>) {
    let mut clients = CLIENTS.lock().unwrap_or_else(PoisonError::into_inner);
    clients.retain(|client| client.strong_count() > 0);
    clients.push(Arc::downgrade(client));
}

/// Closes all clients. The package registers it with `atexit`.
#[pyfunction]
pub(crate) fn end_all(py: Python<'_>) -> Result<()> {
    interpreter::begin_end();
    let clients: Vec<_> = std::mem::take(&mut *CLIENTS.lock().unwrap_or_else(PoisonError::into_inner));
    let mut closing: Vec<Pin<Box<dyn Future<Output = ()> + Send>>> = Vec::new();
    for client in clients.iter().filter_map(Weak::upgrade) {
        // Skip clients of a parent process.
        let Ok(live) = client.get() else { continue };
        let closed = live.close(Some(GRACE));
        closing.push(Box::pin(async move {
            // Ignore a handler that does not return.
            let _ = closed.await;
        }));
    }
    let all_closed = std::future::poll_fn(|cx| {
        closing.retain_mut(|closing| closing.as_mut().poll(cx).is_pending());
        if closing.is_empty() { Poll::Ready(()) } else { Poll::Pending }
    });
    let closed = wait_until(py, Some(Instant::now() + GRACE), all_closed);
    py.detach(log::flush);
    interpreter::finish_end();
    closed.map(drop)
}
