//! What is read with `_next`: one source, any number of threads that wait for it, and its file descriptor.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use amop::{Error, ErrorKind, Process, Result};

use crate::boundary::{time, unusable};
use crate::signal::Signal;

/// Where items come from.
pub(crate) trait Source: Send {
    /// One of them.
    type Item;

    /// What they are called in an error's text.
    const NAME: &'static str;

    /// The next item; `None` after the last.
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Self::Item>>;

    /// Whether there is one, or the end; takes nothing.
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<()>;
}

/// A source that many threads may read.
pub(crate) struct Inbox<S> {
    process: Process,
    source: Mutex<S>,
    signal: Arc<Signal>,
}

/// Nothing is infinite: as in the core, no time is longer than ten years.
const LONGEST: Duration = Duration::from_secs(10 * 365 * 24 * 3600);

impl<S: Source> Inbox<S> {
    pub(crate) fn new(source: S) -> Inbox<S> {
        Inbox { process: Process::current(), source: Mutex::new(source), signal: Arc::default() }
    }

    /// Whether this process made it.
    pub(crate) fn check_fork(&self) -> Result<()> {
        self.process.check()
    }

    /// The source, for what isn't reading.
    pub(crate) fn source(&self) -> Result<MutexGuard<'_, S>> {
        self.check_fork()?;
        Ok(self.lock())
    }

    /// Waits for the first of up to `most` items and takes what there is; at least one.
    pub(crate) fn next(&self, timeout_ms: u64, most: usize, mut take: impl FnMut(S::Item)) -> Result<usize> {
        self.check_fork()?;
        if most == 0 {
            return Err(unusable("room for 0 items was given"));
        }
        let wait = time(timeout_ms).unwrap_or_default();
        if wait > LONGEST {
            return Err(unusable(format!("a time of {wait:?} is too long: take at most {LONGEST:?}")));
        }
        let deadline = Instant::now() + wait;
        let waker = Waker::from(self.signal.clone());
        let mut cx = Context::from_waker(&waker);
        loop {
            let seen = self.signal.wakes();
            let mut source = self.lock();
            let mut taken = 0;
            let ended = loop {
                match source.poll_next(&mut cx) {
                    Poll::Ready(Some(item)) => {
                        take(item);
                        taken += 1;
                        if taken == most {
                            break false;
                        }
                    }
                    Poll::Ready(None) => break true,
                    Poll::Pending => break false,
                }
            };
            self.settle(&mut source, &mut cx);
            drop(source);
            if taken > 0 {
                return Ok(taken);
            }
            if ended {
                return Err(Error::undelivered(
                    ErrorKind::Closed,
                    format!("no more {} will come: it has ended", S::NAME),
                ));
            }
            if !self.signal.wait(seen, deadline) {
                return Err(Error::undelivered(
                    ErrorKind::Timeout,
                    format!("no {} came within {wait:?}", S::NAME),
                ));
            }
        }
    }

    /// The file descriptor, readable while `next` would not wait.
    pub(crate) fn descriptor(&self) -> Result<i32> {
        self.check_fork()?;
        let number = self.signal.descriptor()?;
        let waker = Waker::from(self.signal.clone());
        self.settle(&mut self.lock(), &mut Context::from_waker(&waker));
        Ok(number)
    }

    /// Makes the descriptor say what is so.
    fn settle(&self, source: &mut S, cx: &mut Context<'_>) {
        if !self.signal.has_descriptor() {
            return;
        }
        if source.poll_ready(cx).is_pending() {
            self.signal.set_readable(false);
            // A wake that came in between was just wiped out: look again.
            if source.poll_ready(cx).is_pending() {
                return;
            }
        }
        self.signal.set_readable(true);
    }

    fn lock(&self) -> MutexGuard<'_, S> {
        self.source.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
