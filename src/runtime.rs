//! The runtime of clients: one for the whole process, or one that the caller supplies.
//!
//! The first client starts the process-wide runtime, and the last one shuts it down in the background. A fork copies
//! the memory of a runtime without its threads, so its owner is the process that started it.

use std::future::Future;
use std::sync::{Arc, Mutex, Weak};
use std::task::Poll;
use std::time::{Duration, Instant};

use once_cell::sync::OnceCell;
use tokio::runtime::{Builder, Handle, Runtime};

use crate::error::{Error, ErrorKind, Result};
use crate::threads;

/// The worker threads of the process-wide runtime.
const WORKERS: usize = 2;

/// The process-wide runtime, while a client uses it.
static SHARED: Mutex<Weak<Shared>> = Mutex::new(Weak::new());

/// The process that created an object. Bindings use it as well, because their handles outlive a fork.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Process(amop_fork::Process);

impl Process {
    /// Returns the process that runs.
    pub fn current() -> Process {
        Process(amop_fork::Process::current())
    }

    /// Returns another process, as after a fork.
    #[cfg(test)]
    pub(crate) fn other() -> Process {
        Process(amop_fork::Process::NONE)
    }

    /// Returns what a stream returns: in the child of a fork, where no further item can arrive, its end instead of
    /// `Pending`.
    pub(crate) fn or_end<T>(self, answer: Poll<Option<T>>) -> Poll<Option<T>> {
        if answer.is_pending() && self != Process::current() { Poll::Ready(None) } else { answer }
    }

    /// Checks that this process created the object.
    ///
    /// # Errors
    /// Returns [`ErrorKind::Forked`] in the child of a fork.
    pub fn check(self) -> Result<()> {
        if self == Process::current() {
            return Ok(());
        }
        Err(Error::undelivered(
            ErrorKind::Forked,
            "this process was forked from the one that made the client, and has neither its threads nor its \
             connections: make a new client in the child, or start the process without fork",
        ))
    }
}

#[derive(Debug)]
struct Shared {
    process: Process,
    runtime: OnceCell<Runtime>,
}

impl Drop for Shared {
    fn drop(&mut self) {
        let Some(runtime) = self.runtime.take() else { return };
        if self.process.check().is_ok() {
            runtime.shutdown_background();
        } else {
            // Its threads exist in the parent process only: waiting for them would never end.
            std::mem::forget(runtime);
        }
    }
}

/// A client's share of a runtime.
#[derive(Clone, Debug)]
pub(crate) struct RuntimeRef {
    handle: Handle,
    process: Process,
    _shared: Option<Arc<Shared>>,
}

impl RuntimeRef {
    /// Returns the process-wide runtime, which the first user starts.
    pub(crate) fn shared() -> Result<RuntimeRef> {
        let process = Process::current();
        let shared = {
            let mut slot = SHARED.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
            match slot.upgrade() {
                // After a fork the parent's runtime can't run here, and the child starts its own.
                Some(shared) if shared.process == process => shared,
                _ => {
                    let shared = Arc::new(Shared { process, runtime: OnceCell::new() });
                    *slot = Arc::downgrade(&shared);
                    shared
                }
            }
        };
        let runtime = shared.runtime.get_or_try_init(|| {
            threads::runtime(Builder::new_multi_thread().enable_io().enable_time(), WORKERS, "amop")
        })?;
        Ok(RuntimeRef { handle: runtime.handle().clone(), process, _shared: Some(shared) })
    }

    /// Returns a share of the caller's runtime.
    pub(crate) fn given(handle: Handle) -> RuntimeRef {
        RuntimeRef { handle, process: Process::current(), _shared: None }
    }

    /// Returns the runtime's handle.
    pub(crate) fn handle(&self) -> &Handle {
        &self.handle
    }

    /// Returns the process that started it.
    pub(crate) fn process(&self) -> Process {
        self.process
    }

    /// Fails in the child of a fork, see [`Process::check`].
    pub(crate) fn check_fork(&self) -> Result<()> {
        self.process.check()
    }

    /// Returns the output of `future`, `None` at `deadline`. May be awaited outside of any runtime.
    pub(crate) async fn until<F: Future>(&self, deadline: Instant, future: F) -> Option<F::Output> {
        let limited = {
            let _context = self.handle.enter();
            tokio::time::timeout_at(deadline.into(), future)
        };
        limited.await.ok()
    }

    /// Waits for this time. May be awaited outside of any runtime.
    pub(crate) async fn sleep(&self, time: Duration) {
        let sleep = {
            let _context = self.handle.enter();
            tokio::time::sleep(time)
        };
        sleep.await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stream_that_would_wait_ends_in_a_forked_child() {
        let (here, elsewhere) = (Process::current(), Process::other());
        assert!(here.or_end(Poll::<Option<u8>>::Pending).is_pending());
        assert_eq!(elsewhere.or_end(Poll::<Option<u8>>::Pending), Poll::Ready(None));
        assert_eq!(elsewhere.or_end(Poll::Ready(Some(1))), Poll::Ready(Some(1)));
        assert_eq!(elsewhere.check().unwrap_err().kind(), ErrorKind::Forked);
    }

    #[test]
    fn clients_share_one_runtime() {
        let first = RuntimeRef::shared().unwrap();
        let second = RuntimeRef::shared().unwrap();
        assert_eq!(first.handle.id(), second.handle.id());
        assert!(first.check_fork().is_ok());
        let slot = Arc::downgrade(first._shared.as_ref().unwrap());
        drop((first, second));
        // Other tests of this process may still use the runtime.
        assert!(slot.upgrade().is_none_or(|shared| shared.runtime.get().is_some()));
    }

    #[test]
    fn time_limit_works_outside_of_a_runtime() {
        let runtime = RuntimeRef::shared().unwrap();
        let waited = futures_util::future::FutureExt::now_or_never(
            runtime.until(Instant::now() + Duration::from_secs(60), async { 7 }),
        );
        assert_eq!(waited, Some(Some(7)));
    }
}
