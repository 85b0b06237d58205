//! Wakes the threads that wait for a handle, and sets its file descriptor readable.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::Wake;
use std::time::Instant;

use amop::{Error, ErrorKind, Result};

#[cfg(unix)]
use crate::descriptor::Descriptor;

/// A waker for any number of threads and at most one file descriptor.
///
/// Each wake wakes one thread. That thread wakes the next one if it leaves something to read.
#[derive(Default)]
pub(crate) struct Signal {
    state: Mutex<State>,
    woken: Condvar,
}

#[derive(Default)]
struct State {
    /// The number of wakes, so that a thread does not miss one between its check and its wait.
    wakes: u64,
    /// The threads that wait.
    waiting: usize,
    #[cfg(unix)]
    descriptor: Option<Descriptor>,
}

impl Wake for Signal {
    fn wake(self: Arc<Self>) {
        let mut state = self.lock();
        state.wakes += 1;
        #[cfg(unix)]
        if let Some(descriptor) = &mut state.descriptor {
            descriptor.raise();
        }
        drop(state);
        self.woken.notify_one();
    }
}

impl Signal {
    /// Returns the number of wakes so far. Read it before checking the source.
    pub(crate) fn wakes(&self) -> u64 {
        self.lock().wakes
    }

    /// Returns the number of threads that wait.
    pub(crate) fn waiting(&self) -> usize {
        self.lock().waiting
    }

    /// Wakes another thread.
    pub(crate) fn wake_next(&self) {
        self.lock().wakes += 1;
        self.woken.notify_one();
    }

    /// Waits for a wake after `seen`. Returns false if there was none until the deadline.
    pub(crate) fn wait(&self, seen: u64, deadline: Instant) -> bool {
        let mut state = self.lock();
        state.waiting += 1;
        while state.wakes == seen {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            state = self.woken.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        state.waiting -= 1;
        state.wakes != seen
    }

    /// Sets the descriptor readable or not. Does nothing without a descriptor.
    pub(crate) fn set_readable(&self, readable: bool) {
        #[cfg(unix)]
        match &mut self.lock().descriptor {
            Some(descriptor) if readable => descriptor.raise_again(),
            Some(descriptor) => descriptor.lower(),
            None => {}
        }
        #[cfg(not(unix))]
        let _ = readable;
    }

    /// Returns whether there is a descriptor.
    pub(crate) fn has_descriptor(&self) -> bool {
        #[cfg(unix)]
        return self.lock().descriptor.is_some();
        #[cfg(not(unix))]
        false
    }

    /// Returns the number of the descriptor, which the first call creates.
    #[cfg(unix)]
    pub(crate) fn descriptor(&self) -> Result<i32> {
        let mut state = self.lock();
        if let Some(descriptor) = &state.descriptor {
            return Ok(descriptor.number());
        }
        let descriptor = Descriptor::new().map_err(|error| {
            Error::undelivered(
                ErrorKind::Runtime,
                format!("could not create a file descriptor ({error}): raise the limit of open files"),
            )
        })?;
        Ok(state.descriptor.insert(descriptor).number())
    }

    /// Fails, because there are no file descriptors to wait for on this system.
    #[cfg(not(unix))]
    pub(crate) fn descriptor(&self) -> Result<i32> {
        Err(Error::undelivered(
            ErrorKind::Unsupported,
            "file descriptors to wait for are available on Unix only",
        ))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
