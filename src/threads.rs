//! Starting threads of the library, of its bindings and of the command.
//!
//! Threads of the library block all signals, so that the system delivers a signal of the process to a thread of the
//! program, which may have blocked it to receive it by `sigwait` or `signalfd`.
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
    let thread = without_signals(|| thread::Builder::new().name(name.to_owned()).spawn(work));
    thread.map_err(|error| refused(&format!("the thread {name:?}"), &error))
}

/// Runs `start`; threads that it starts block all signals.
///
/// Signals of faults, such as SIGSEGV, stay unblocked: they are raised by the thread itself, and the system ends a process
/// at once if they are blocked.
pub fn without_signals<T>(start: impl FnOnce() -> T) -> T {
    #[cfg(unix)]
    let _restored = blocked::Signals::block();
    start()
}

/// Blocking signals on a thread.
#[cfg(unix)]
mod blocked {
    use nix::sys::signal::{SigSet, SigmaskHow, Signal};

    /// The signals that a thread raises by what it executes.
    const FAULTS: [Signal; 7] = [
        Signal::SIGABRT,
        Signal::SIGBUS,
        Signal::SIGFPE,
        Signal::SIGILL,
        Signal::SIGSEGV,
        Signal::SIGSYS,
        Signal::SIGTRAP,
    ];

    /// The signal mask that this thread had; sets it again when dropped.
    pub(super) struct Signals(Option<SigSet>);

    impl Signals {
        /// Blocks all signals on this thread. Threads inherit the mask of the thread that starts them.
        pub(super) fn block() -> Signals {
            let mut all = SigSet::all();
            FAULTS.into_iter().for_each(|fault| all.remove(fault));
            // Fails only for an invalid argument.
            Signals(all.thread_swap_mask(SigmaskHow::SIG_BLOCK).ok())
        }
    }

    impl Drop for Signals {
        fn drop(&mut self) {
            if let Some(former) = &self.0 {
                let _ = former.thread_set_mask();
            }
        }
    }
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
    let runtime = catch_unwind(AssertUnwindSafe(|| without_signals(|| builder.build())))
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
        let work = move || _ = released.recv();
        match without_signals(|| thread::Builder::new().name("amop-probe".to_owned()).spawn(work)) {
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

    #[cfg(unix)]
    #[test]
    fn started_threads_block_signals_but_faults() {
        use nix::sys::signal::{SigSet, Signal};

        let (send, masks) = mpsc::channel();
        let workers = runtime(Builder::new_multi_thread().enable_time(), 1, "amop-test").unwrap();
        for started in 0..3 {
            let send = send.clone();
            let report = move || send.send(SigSet::thread_get_mask().unwrap()).unwrap();
            match started {
                0 => drop(start("amop-test", report).unwrap()),
                1 => drop(workers.spawn(async move { report() })),
                // A thread that tokio starts later, from one of the workers.
                _ => drop(workers.spawn(async move { tokio::task::spawn_blocking(report).await })),
            }
        }
        drop(send);
        let masks: Vec<_> = masks.iter().collect();
        assert_eq!(masks.len(), 3);
        for mask in masks {
            assert!(mask.contains(Signal::SIGTERM) && mask.contains(Signal::SIGCHLD), "{mask:?}");
            assert!(!mask.contains(Signal::SIGSEGV), "{mask:?}");
        }
        assert!(
            !SigSet::thread_get_mask().unwrap().contains(Signal::SIGTERM),
            "this thread's mask has changed"
        );
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
