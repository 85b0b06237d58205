//! Starting threads of the library, of its bindings and of the command.
//!
//! A system that refuses a thread is an error here which names the limits that can cause it, never a panic and never
//! an endless wait. Public to the bindings and the command, but no promise.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, PoisonError, mpsc};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};

use crate::error::{Error, ErrorKind, Result};

/// How long [`runtime`] waits for threads that were created to run.
const START_LIMIT: Duration = Duration::from_secs(10);

/// Starts a thread, which is detached when the handle is dropped.
///
/// # Errors
/// Returns [`ErrorKind::Runtime`] if the system refuses it.
pub fn start(name: &str, work: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>> {
    let thread = thread::Builder::new().name(name.to_owned()).spawn(work);
    thread.map_err(|error| refused(&format!("the thread {name:?}"), &error))
}

/// Returns the error for threads that the system has refused; `what` names them.
pub fn refused(what: &str, error: &io::Error) -> Error {
    Error::undelivered(
        ErrorKind::Runtime,
        format!(
            "{what} could not be started ({error}): check RLIMIT_NPROC (ulimit -u), the pids limit of the \
             container (pids.max of its cgroup) and the memory limits"
        ),
    )
}

/// Builds a runtime from `builder` whose `workers` threads all run.
///
/// Tokio alone panics where no thread can be started, and starts without a part of its workers, and then loses tasks,
/// where the system refuses a later one. So the same number of threads, and one for the lookup of names, are started
/// first, and the workers are counted.
///
/// # Errors
/// Returns [`ErrorKind::Runtime`] if the system refuses a thread or a file descriptor.
pub fn runtime(builder: &mut Builder, workers: usize, name: &str) -> Result<Runtime> {
    let what = format!("the {workers} threads {name:?}");
    probe(workers + 1).map_err(|error| refused(&what, &error))?;
    let started = Arc::new((Mutex::new(0), Condvar::new()));
    let counted = started.clone();
    builder.worker_threads(workers).thread_name(name).on_thread_start(move || {
        *counted.0.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        counted.1.notify_all();
    });
    // Another program may have used up the limit since the probe.
    let runtime = catch_unwind(AssertUnwindSafe(|| builder.build()))
        .map_err(|_panic| refused(&what, &io::ErrorKind::WouldBlock.into()))?
        .map_err(|error| {
            let text =
                format!("the runtime {name:?} could not be created ({error}): check the limit on files");
            Error::undelivered(ErrorKind::Runtime, text)
        })?;
    let (count, changed) = &*started;
    let count = count.lock().unwrap_or_else(PoisonError::into_inner);
    let waited = changed.wait_timeout_while(count, START_LIMIT, |count| *count < workers);
    let all_run = *waited.unwrap_or_else(PoisonError::into_inner).0 >= workers;
    if !all_run {
        runtime.shutdown_background();
        return Err(refused(&what, &io::ErrorKind::WouldBlock.into()));
    }
    Ok(runtime)
}

/// Checks that `count` more threads can exist at once.
fn probe(count: usize) -> io::Result<()> {
    let mut held = Vec::new();
    let mut outcome = Ok(());
    for _ in 0..count {
        let (release, released) = mpsc::channel::<()>();
        match thread::Builder::new().name("amop-probe".to_owned()).spawn(move || _ = released.recv()) {
            Ok(thread) => held.push((release, thread)),
            Err(error) => {
                outcome = Err(error);
                break;
            }
        }
    }
    // One after the other, because the system releases a thread shortly after it was joined: once the last is joined,
    // the others no longer count against a limit.
    for (release, thread) in held {
        drop(release);
        let _ = thread.join();
    }
    outcome
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refused_thread_is_an_error_that_names_the_limits() {
        let error = refused("the thread \"amop\"", &io::ErrorKind::WouldBlock.into());
        assert_eq!(error.kind(), ErrorKind::Runtime);
        assert!(error.message().contains("RLIMIT_NPROC") && error.message().contains("pids.max"), "{error}");
    }

    #[test]
    fn all_workers_of_a_built_runtime_run() {
        let runtime = runtime(Builder::new_multi_thread().enable_time(), 3, "amop-test").unwrap();
        // Each of three tasks holds a worker until all three run.
        let together = Arc::new(std::sync::Barrier::new(3));
        let tasks: Vec<_> = (0..3)
            .map(|_| {
                let together = together.clone();
                runtime.spawn(async move { _ = together.wait() })
            })
            .collect();
        runtime.block_on(async {
            for task in tasks {
                task.await.unwrap()
            }
        });
    }
}
