//! Waits on the calling thread for a future of the core. It needs no runtime and may be used recursively: a future
//! may run the `drop` of a callback, which may call the library.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{Builder, Thread};

use tokio::runtime::Handle;

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

/// Runs `work` on this thread, or on a new one if the thread-local data of this thread are destroyed. That is so
/// while the process exits and runs destructors of C++ and functions registered with `atexit`.
pub(crate) fn on_living_thread<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    let is_over = Handle::try_current().is_err_and(|error| error.is_thread_local_destroyed());
    if !is_over {
        return work();
    }
    std::thread::scope(|scope| {
        // The export that waits here reports a panic, and an error that is passed as one.
        let builder = Builder::new().name("amop-exit".into());
        let outcome = match amop::threads::without_signals(|| builder.spawn_scoped(scope, work)) {
            Ok(thread) => thread.join(),
            Err(error) => {
                Err(Box::new(amop::threads::refused("a thread for the end of the process", &error)) as _)
            }
        };
        outcome.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// Returns the output of a future. The futures of the core have deadlines, so it does not wait without a limit.
pub(crate) fn block_on<F: Future<Output: Send> + Send>(future: F) -> F::Output {
    on_living_thread(|| park_on(future))
}

fn park_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let parked = Arc::new(Parked { thread: std::thread::current(), woken: AtomicBool::new(false) });
    let waker = Waker::from(parked.clone());
    let mut cx = Context::from_waker(&waker);
    loop {
        if let Poll::Ready(outcome) = future.as_mut().poll(&mut cx) {
            return outcome;
        }
        while !parked.woken.swap(false, Ordering::Acquire) {
            std::thread::park();
        }
    }
}

/// Polls a future once and drops it.
pub(crate) fn begin<F: Future + Send>(future: F) {
    on_living_thread(|| {
        let _ = pin!(future).poll(&mut Context::from_waker(Waker::noop()));
    });
}
