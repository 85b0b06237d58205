//! The threads that clients run on: one runtime for the whole process, counted, or one that the caller gave.
//!
//! Started by the first client, shut down in the background with the last. After a fork the child has memory of
//! a runtime whose threads don't exist there: noticed by the process id.

use std::future::Future;
use std::sync::{Arc, Mutex, Weak};
use std::task::Poll;
use std::time::{Duration, Instant};

use once_cell::sync::OnceCell;
use tokio::runtime::{Builder, Handle, Runtime};

use crate::error::{Error, ErrorKind, Result};

/// Workers of the process-wide runtime.
const WORKERS: usize = 2;

/// The process-wide runtime, while anyone uses it.
static SHARED: Mutex<Weak<Shared>> = Mutex::new(Weak::new());

/// The process that made something. For bindings too, whose handles outlive forks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Process(u32);

impl Process {
    /// This one.
    pub fn current() -> Process {
        Process(std::process::id())
    }

    /// Another one, as after a fork.
    #[cfg(test)]
    pub(crate) fn other() -> Process {
        Process(0)
    }

    /// What a stream says: in the child of a fork, where nothing more can come, the end instead of a wait.
    pub(crate) fn or_end<T>(self, answer: Poll<Option<T>>) -> Poll<Option<T>> {
        // Asked only when it would wait: the answer takes a system call.
        if answer.is_pending() && self != Process::current() { Poll::Ready(None) } else { answer }
    }

    /// An error in the child of a fork.
    ///
    /// # Errors
    /// [`ErrorKind::Forked`].
    pub fn check(self) -> Result<()> {
        if self == Process::current() {
            return Ok(());
        }
        Err(Error::undelivered(
            ErrorKind::Forked,
            "this process was forked from the one that made the client: its threads and connections are not \
             here; make a new client in the child, or start it without fork",
        ))
    }
}

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
            // The threads belong to the parent process; there is nothing here to end.
            std::mem::forget(runtime);
        }
    }
}

/// A client's share of a runtime.
#[derive(Clone)]
pub(crate) struct RuntimeRef {
    handle: Handle,
    process: Process,
    _shared: Option<Arc<Shared>>,
}

impl RuntimeRef {
    /// The process-wide runtime, started now if nobody uses it yet.
    pub(crate) fn shared() -> Result<RuntimeRef> {
        let process = Process::current();
        let shared = {
            let mut slot = SHARED.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
            match slot.upgrade() {
                // After a fork the parent's runtime is of no use here: the child may start its own.
                Some(shared) if shared.process == process => shared,
                _ => {
                    let shared = Arc::new(Shared { process, runtime: OnceCell::new() });
                    *slot = Arc::downgrade(&shared);
                    shared
                }
            }
        };
        let runtime = shared.runtime.get_or_try_init(|| {
            Builder::new_multi_thread()
                .worker_threads(WORKERS)
                .thread_name("amop")
                .enable_io()
                .enable_time()
                .build()
                .map_err(|error| {
                    Error::undelivered(
                        ErrorKind::Runtime,
                        format!(
                            "the library's threads could not be started: {error}; check the process limits"
                        ),
                    )
                })
        })?;
        Ok(RuntimeRef { handle: runtime.handle().clone(), process, _shared: Some(shared) })
    }

    /// A runtime of the caller's.
    pub(crate) fn given(handle: Handle) -> RuntimeRef {
        RuntimeRef { handle, process: Process::current(), _shared: None }
    }

    /// The runtime itself.
    pub(crate) fn handle(&self) -> &Handle {
        &self.handle
    }

    /// The process that made it.
    pub(crate) fn process(&self) -> Process {
        self.process
    }

    /// An error in the child of a fork.
    pub(crate) fn check_fork(&self) -> Result<()> {
        self.process.check()
    }

    /// `future`, given up at `deadline`; may be awaited outside of any runtime.
    pub(crate) async fn until<F: Future>(&self, deadline: Instant, future: F) -> Option<F::Output> {
        let limited = {
            let _context = self.handle.enter();
            tokio::time::timeout_at(deadline.into(), future)
        };
        limited.await.ok()
    }

    /// Waits; may be awaited outside of any runtime.
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
    fn a_stream_ends_in_the_child_of_a_fork_once_it_would_wait() {
        let (here, elsewhere) = (Process::current(), Process::other());
        assert!(here.or_end(Poll::<Option<u8>>::Pending).is_pending());
        assert_eq!(elsewhere.or_end(Poll::<Option<u8>>::Pending), Poll::Ready(None));
        assert_eq!(elsewhere.or_end(Poll::Ready(Some(1))), Poll::Ready(Some(1)));
        assert_eq!(elsewhere.check().unwrap_err().kind(), ErrorKind::Forked);
    }

    #[test]
    fn the_runtime_is_shared_and_ends_with_its_last_user() {
        let first = RuntimeRef::shared().unwrap();
        let second = RuntimeRef::shared().unwrap();
        assert_eq!(first.handle.id(), second.handle.id());
        assert!(first.check_fork().is_ok());
        let slot = Arc::downgrade(first._shared.as_ref().unwrap());
        drop((first, second));
        // Other tests of this process may hold it; what counts is that these two don't.
        assert!(slot.upgrade().is_none_or(|shared| shared.runtime.get().is_some()));
    }

    #[test]
    fn times_work_outside_of_a_runtime() {
        let runtime = RuntimeRef::shared().unwrap();
        let waited = futures_util::future::FutureExt::now_or_never(
            runtime.until(Instant::now() + Duration::from_secs(60), async { 7 }),
        );
        assert_eq!(waited, Some(Some(7)));
    }
}
