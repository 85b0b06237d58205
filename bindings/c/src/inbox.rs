//! An inbox is what the `_next` functions read: one source of items, any number of waiting threads, and a file
//! descriptor.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use amop::{Error, ErrorKind, Process, Result};

use crate::argument::{invalid_argument, time};
use crate::boundary::Miss;
use crate::signal::Signal;

/// A source of items.
pub(crate) trait Source: Send {
    /// An item.
    type Item;

    /// What the items are called in error texts.
    const NAME: &'static str;

    /// Why no more items arrive, for the error text of a read after the last one.
    const ENDED: &'static str;

    /// Returns the next item; `None` after the last one.
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Self::Item>>;

    /// Is ready if `poll_next` would return an item or `None`. Consumes nothing.
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<()>;
}

/// A source that any number of threads may read.
pub(crate) struct Inbox<S> {
    process: Process,
    source: Mutex<S>,
    signal: Arc<Signal>,
}

/// The longest time to wait, ten years as in the core, so that deadlines do not overflow.
const LONGEST: Duration = Duration::from_secs(10 * 365 * 24 * 3600);

impl<S: Source> Inbox<S> {
    pub(crate) fn new(source: S) -> Inbox<S> {
        Inbox { process: Process::current(), source: Mutex::new(source), signal: Arc::default() }
    }

    /// Fails in a child process of the one that created the inbox.
    pub(crate) fn check_fork(&self) -> Result<()> {
        self.process.check()
    }

    /// Locks the source, for uses other than reading.
    pub(crate) fn source(&self) -> Result<MutexGuard<'_, S>> {
        self.check_fork()?;
        Ok(self.lock())
    }

    /// Waits for the first item, then takes up to `most` items, at least 1, that are available.
    pub(crate) fn next(
        &self,
        timeout_ms: u64,
        most: usize,
        mut take: impl FnMut(S::Item),
    ) -> Result<usize, Miss> {
        self.check_fork()?;
        let wait = time(timeout_ms).unwrap_or_default();
        if wait > LONGEST {
            let text =
                format!("the time {timeout_ms} ms is too long: use at most {} ms", LONGEST.as_millis());
            return Err(invalid_argument(text).into());
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
            // One wake is for one thread: what this thread leaves, or the end, is for the next one.
            let pass_on = taken > 0 || ended;
            if pass_on && self.signal.waiting() > 0 && source.poll_ready(&mut cx).is_ready() {
                self.signal.wake_next();
            }
            drop(source);
            if taken > 0 {
                return Ok(taken);
            }
            if ended {
                let text = format!("no more {} will arrive: {}", S::NAME, S::ENDED);
                return Err(Error::undelivered(ErrorKind::Closed, text).into());
            }
            if !self.signal.wait(seen, deadline) {
                return Err(Miss::Nothing(S::NAME, wait));
            }
        }
    }

    /// Returns the file descriptor that is readable while `next` would not wait.
    pub(crate) fn descriptor(&self) -> Result<i32> {
        self.check_fork()?;
        let number = self.signal.descriptor()?;
        let waker = Waker::from(self.signal.clone());
        self.settle(&mut self.lock(), &mut Context::from_waker(&waker));
        Ok(number)
    }

    /// Sets the descriptor readable or not, according to the source.
    fn settle(&self, source: &mut S, cx: &mut Context<'_>) {
        if !self.signal.has_descriptor() {
            return;
        }
        if source.poll_ready(cx).is_pending() {
            self.signal.set_readable(false);
            // Check again, because a wake between the two previous calls set the descriptor, and that was reset.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::boundary::Failure;
    use std::collections::VecDeque;

    /// Items of a test, and the number of times that the source was asked for one.
    #[derive(Default)]
    struct Items {
        items: VecDeque<u32>,
        ended: bool,
        waker: Option<Waker>,
        polls: usize,
    }

    impl Source for Items {
        type Item = u32;
        const NAME: &'static str = "numbers";
        const ENDED: &'static str = "the test has ended";

        fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<u32>> {
            self.polls += 1;
            match self.items.pop_front() {
                Some(item) => Poll::Ready(Some(item)),
                None => self.poll_ready(cx).map(|()| None),
            }
        }

        fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<()> {
            if self.ended || !self.items.is_empty() {
                return Poll::Ready(());
            }
            self.waker = Some(cx.waker().clone());
            Poll::Pending
        }
    }

    impl Inbox<Items> {
        fn change(&self, change: impl FnOnce(&mut Items)) {
            let waker = {
                let mut source = self.lock();
                change(&mut source);
                source.waker.take()
            };
            waker.into_iter().for_each(Waker::wake);
        }

        fn until_waiting(&self, threads: usize) {
            while self.signal.waiting() != threads {
                std::thread::sleep(Duration::from_millis(1));
            }
        }
    }

    #[test]
    fn item_wakes_one_thread_and_the_end_wakes_all() {
        const THREADS: usize = 8;
        let inbox = Inbox::new(Items::default());
        std::thread::scope(|scope| {
            let threads: Vec<_> = (0..THREADS)
                .map(|_| scope.spawn(|| inbox.next(60_000, 1, drop).map_err(|miss| miss.kind())))
                .collect();
            inbox.until_waiting(THREADS);
            inbox.change(|source| source.items.push_back(1));
            inbox.until_waiting(THREADS - 1);
            inbox.change(|source| source.items.extend([2, 3]));
            inbox.until_waiting(THREADS - 3);
            inbox.change(|source| source.ended = true);
            let ends: Vec<_> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
            assert_eq!(ends.iter().filter(|end| **end == Ok(1)).count(), 3);
            assert_eq!(ends.iter().filter(|end| **end == Err(ErrorKind::Closed)).count(), THREADS - 3);
        });
        // Each thread found nothing once, and an item or the end once.
        assert_eq!(inbox.lock().polls, 2 * THREADS);
    }
}
