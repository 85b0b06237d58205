//! Wakes the threads that wait for a handle, and sets its file descriptor readable.

use std::io::{PipeReader, PipeWriter, Read, Write, pipe};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::Wake;
use std::time::Instant;

use amop::{Error, ErrorKind, Result};

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
    descriptor: Option<Descriptor>,
}

/// A pipe that contains one byte while there is something to read, and never more, so that writing does not block.
struct Descriptor {
    reader: PipeReader,
    writer: PipeWriter,
    raised: bool,
}

impl Descriptor {
    /// Sets the state. It can't fail while both ends are open, because the pipe has capacity for one byte.
    fn set(&mut self, raised: bool) {
        if self.raised == raised {
            return;
        }
        self.raised = raised;
        let moved = if raised { self.writer.write_all(&[1]) } else { self.reader.read_exact(&mut [0]) };
        if let Err(error) = moved {
            tracing::error!(%error, raised, "the program closed or used a file descriptor of the library");
        }
    }
}

impl Wake for Signal {
    fn wake(self: Arc<Self>) {
        let mut state = self.lock();
        state.wakes += 1;
        if let Some(descriptor) = &mut state.descriptor {
            descriptor.set(true);
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
        if let Some(descriptor) = &mut self.lock().descriptor {
            descriptor.set(readable);
        }
    }

    /// Returns whether there is a descriptor.
    pub(crate) fn has_descriptor(&self) -> bool {
        self.lock().descriptor.is_some()
    }

    /// Returns the number of the descriptor, which the first call creates.
    #[cfg(unix)]
    pub(crate) fn descriptor(&self) -> Result<i32> {
        use std::os::fd::AsRawFd;
        let mut state = self.lock();
        if let Some(descriptor) = &state.descriptor {
            return Ok(descriptor.reader.as_raw_fd());
        }
        let (reader, writer) = pipe().map_err(|error| {
            Error::undelivered(
                ErrorKind::Runtime,
                format!("could not create a pipe ({error}): raise the limit of open files"),
            )
        })?;
        let number = reader.as_raw_fd();
        state.descriptor = Some(Descriptor { reader, writer, raised: false });
        Ok(number)
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
