//! The queue of the calls that can make progress. It wakes their loop once for all queued items.

use std::io::{PipeReader, PipeWriter, Read, Write, pipe};
use std::os::fd::AsRawFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// The queued items.
pub(super) struct Queue<T>(Mutex<Woken<T>>);

struct Woken<T> {
    items: Vec<Arc<T>>,
    signal: Signal,
    /// The loop has been woken and has not taken the items yet.
    raised: bool,
    /// No items will be taken any more.
    closed: bool,
    /// How often the loop was woken.
    wakes: u64,
}

/// How the loop is woken.
enum Signal {
    /// A byte in a pipe, never more than one, so that writing does not block.
    Pipe(PipeReader, PipeWriter),
    /// A thread that waits for it, if the loop can't watch a pipe.
    Thread(Option<Waker>),
}

impl<T> Queue<T> {
    /// Creates a queue. With `watched` the loop watches a pipe, else a thread has to wait.
    pub(super) fn new(watched: bool) -> std::io::Result<Queue<T>> {
        let signal = if watched {
            let (reader, writer) = pipe()?;
            Signal::Pipe(reader, writer)
        } else {
            Signal::Thread(None)
        };
        Ok(Queue(Mutex::new(Woken { items: Vec::new(), signal, raised: false, closed: false, wakes: 0 })))
    }

    /// Returns the descriptor for the loop to watch, or -1 if there is none.
    pub(super) fn descriptor(&self) -> i32 {
        match &self.lock().signal {
            Signal::Pipe(reader, _) => reader.as_raw_fd(),
            Signal::Thread(_) => -1,
        }
    }

    /// Returns how often the loop was woken.
    pub(super) fn wakes(&self) -> u64 {
        self.lock().wakes
    }

    /// Waits, without a pipe, until there are items; false if there never will be.
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

    /// Queues an item, and wakes the loop unless that has been done.
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

    /// Takes all items.
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

    /// Refuses further items and drops the queued ones.
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
    /// Wakes the loop. The returned waker, if any, has to be woken without the lock held.
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

/// Logs an error. It can't happen while both ends are open, because the pipe has capacity for one byte.
fn report(moved: std::io::Result<()>) {
    if let Err(error) = moved {
        tracing::error!(%error, "the program closed or used a file descriptor of the library");
    }
}
