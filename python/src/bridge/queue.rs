//! The queue of the calls that can go on, and how it wakes their loop: once for all that are in it.

use std::io::{PipeReader, PipeWriter, Read, Write, pipe};
use std::os::fd::AsRawFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// Those that can go on.
pub(super) struct Queue<T>(Mutex<Woken<T>>);

struct Woken<T> {
    items: Vec<Arc<T>>,
    signal: Signal,
    /// The loop has been woken and hasn't looked yet.
    raised: bool,
    /// Nobody will look any more.
    closed: bool,
    /// How often the loop was woken.
    wakes: u64,
}

/// How the loop is woken.
enum Signal {
    /// A byte in a pipe; never more than one, so nobody blocks on it.
    Pipe(PipeReader, PipeWriter),
    /// A thread waits for it, where the loop can't watch a pipe.
    Thread(Option<Waker>),
}

impl<T> Queue<T> {
    /// With `watched` the loop watches a pipe; else a thread has to wait.
    pub(super) fn new(watched: bool) -> std::io::Result<Queue<T>> {
        let signal = if watched {
            let (reader, writer) = pipe()?;
            Signal::Pipe(reader, writer)
        } else {
            Signal::Thread(None)
        };
        Ok(Queue(Mutex::new(Woken { items: Vec::new(), signal, raised: false, closed: false, wakes: 0 })))
    }

    /// What the loop is to watch, -1 if there is nothing.
    pub(super) fn descriptor(&self) -> i32 {
        match &self.lock().signal {
            Signal::Pipe(reader, _) => reader.as_raw_fd(),
            Signal::Thread(_) => -1,
        }
    }

    /// How often the loop was woken.
    pub(super) fn wakes(&self) -> u64 {
        self.lock().wakes
    }

    /// Waits, where there is no pipe, until there is something to take; false when there won't be any more.
    pub(super) fn poll_woken(&self, cx: &mut Context<'_>) -> Poll<bool> {
        let mut woken = self.lock();
        if woken.closed || std::mem::replace(&mut woken.raised, false) {
            return Poll::Ready(!woken.closed);
        }
        woken.signal = Signal::Thread(Some(cx.waker().clone()));
        Poll::Pending
    }

    fn lock(&self) -> MutexGuard<'_, Woken<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Enters one, and wakes the loop unless that has happened.
    pub(super) fn push(&self, item: Arc<T>) {
        let mut woken = self.lock();
        if woken.closed {
            drop(woken);
            return;
        }
        woken.items.push(item);
        let waker = if woken.raised { None } else { woken.raise() };
        drop(woken);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Takes all that are there.
    pub(super) fn take(&self) -> Vec<Arc<T>> {
        let mut woken = self.lock();
        let Woken { signal, raised, .. } = &mut *woken;
        if let Signal::Pipe(reader, _) = signal
            && std::mem::replace(raised, false)
        {
            report(reader.read_exact(&mut [0]));
        }
        std::mem::take(&mut woken.items)
    }

    /// Takes nothing more.
    pub(super) fn close(&self) {
        let mut woken = self.lock();
        woken.closed = true;
        let items = std::mem::take(&mut woken.items);
        let waker = if woken.raised { None } else { woken.raise() };
        drop(woken);
        drop(items);
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl<T> Woken<T> {
    /// Wakes the loop; the waker, if there is one, is to be woken without the lock.
    fn raise(&mut self) -> Option<Waker> {
        self.raised = true;
        self.wakes += 1;
        match &mut self.signal {
            Signal::Pipe(_, writer) => {
                report(writer.write_all(&[1]));
                None
            }
            Signal::Thread(waker) => waker.take(),
        }
    }
}

/// Errors can't happen: both ends are open, and the pipe has room for its one byte.
fn report(moved: std::io::Result<()>) {
    if let Err(error) = moved {
        tracing::error!(%error, "a file descriptor of the library was closed or used by somebody else");
    }
}
