//! Waits on the calling thread for a future of the core's. Needs no runtime here, and may be used inside of
//! itself: a future's end may run a callback's `drop`, which may call the library.

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

/// Does what needs a living thread: this one, or, where this one's own data are gone, another. They are while the
/// process exits and runs what comes after `main`: destructors of C++, functions given to `atexit`.
pub(crate) fn on_living_thread<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    let is_over = Handle::try_current().is_err_and(|error| error.is_thread_local_destroyed());
    if !is_over {
        return work();
    }
    std::thread::scope(|scope| {
        // The export that waits here reports a panic, and an error that is passed as one.
        let outcome = match Builder::new().name("amop-exit".into()).spawn_scoped(scope, work) {
            Ok(thread) => thread.join(),
            Err(error) => {
                Err(Box::new(amop::threads::refused("a thread for the end of the process", &error)) as _)
            }
        };
        outcome.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// The future's outcome; the core's futures all end by a deadline of their own.
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

/// Makes a future's first step and leaves it.
pub(crate) fn begin<F: Future + Send>(future: F) {
    on_living_thread(|| {
        let _ = pin!(future).poll(&mut Context::from_waker(Waker::noop()));
    });
}
