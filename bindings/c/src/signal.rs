//! Wakes whoever waits for a handle: threads that block, and a file descriptor that is readable meanwhile.

use std::io::{PipeReader, PipeWriter, Read, Write, pipe};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::Wake;
use std::time::Instant;

use amop::{Error, ErrorKind, Result};

/// A waker for any number of threads and at most one file descriptor.
#[derive(Default)]
pub(crate) struct Signal {
    state: Mutex<State>,
    woken: Condvar,
}

#[derive(Default)]
struct State {
    /// Counts wakes, so that none is missed between a look and a wait.
    wakes: u64,
    descriptor: Option<Descriptor>,
}

/// A pipe that holds one byte while there is something to read. No more than that is ever written, so nobody
/// blocks on it.
struct Descriptor {
    reader: PipeReader,
    writer: PipeWriter,
    raised: bool,
}

impl Descriptor {
    /// Errors can't happen: both ends are open, and the pipe has room for its one byte.
    fn set(&mut self, raised: bool) {
        if self.raised == raised {
            return;
        }
        self.raised = raised;
        let moved = if raised { self.writer.write_all(&[1]) } else { self.reader.read_exact(&mut [0]) };
        if let Err(error) = moved {
            tracing::error!(%error, raised, "a file descriptor of the library was closed or used by somebody else");
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
        self.woken.notify_all();
    }
}

impl Signal {
    /// How often it was woken so far; to be asked before one looks.
    pub(crate) fn wakes(&self) -> u64 {
        self.lock().wakes
    }

    /// Waits for a wake after `seen`; false when there was none until the deadline.
    pub(crate) fn wait(&self, seen: u64, deadline: Instant) -> bool {
        let mut state = self.lock();
        while state.wakes == seen {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            state = self.woken.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }

    /// Makes the descriptor readable, or not. Without one nothing happens.
    pub(crate) fn set_readable(&self, readable: bool) {
        if let Some(descriptor) = &mut self.lock().descriptor {
            descriptor.set(readable);
        }
    }

    /// Whether there is a descriptor.
    pub(crate) fn has_descriptor(&self) -> bool {
        self.lock().descriptor.is_some()
    }

    /// The descriptor's number; it's made by the first who asks.
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
                format!("no file descriptor is left for this process: {error}"),
            )
        })?;
        let number = reader.as_raw_fd();
        state.descriptor = Some(Descriptor { reader, writer, raised: false });
        Ok(number)
    }

    /// There are no file descriptors to wait for on this system.
    #[cfg(not(unix))]
    pub(crate) fn descriptor(&self) -> Result<i32> {
        Err(Error::undelivered(ErrorKind::Unsupported, "file descriptors to wait for exist on Unix only"))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
