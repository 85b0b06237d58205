//! What subscriptions and services have in common: a topic, and items that are read or passed to a callback.

use std::ffi::CStr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use amop::{Process, Result, RunningHandler, SubscriptionStats};

use crate::argument::{invalid_argument, time};
use crate::boundary::Miss;
use crate::inbox::{Inbox, Source};
use crate::waiting::block_on;

/// A source of items of a topic.
pub(crate) trait TopicSource: Source {
    /// Why the items can't be read if a callback receives them.
    const PASSED_TO_CALLBACK: &'static str;

    fn unsubscribe(&mut self);

    fn stats(&self) -> SubscriptionStats;
}

/// A subscription or service.
pub(crate) struct Consumer<S> {
    pub(crate) process: Process,
    topic: Arc<CStr>,
    kind: Kind<S>,
}

enum Kind<S> {
    /// Read with `_next`.
    Pulled(Inbox<S>),
    /// Passed to a callback.
    Called(Mutex<RunningHandler>),
}

impl<S: TopicSource> Consumer<S> {
    /// Returns a consumer whose items are read.
    pub(crate) fn pulled(topic: Arc<CStr>, source: S) -> Consumer<S> {
        Consumer { process: Process::current(), topic, kind: Kind::Pulled(Inbox::new(source)) }
    }

    /// Returns a consumer whose items are passed to a callback.
    pub(crate) fn called(topic: Arc<CStr>, handler: RunningHandler) -> Consumer<S> {
        Consumer { process: Process::current(), topic, kind: Kind::Called(Mutex::new(handler)) }
    }

    /// Fails in a child process of the one that created it.
    pub(crate) fn check_fork(&self) -> Result<()> {
        self.process.check()
    }

    pub(crate) fn topic(&self) -> &CStr {
        &self.topic
    }

    /// Waits for the first item, then takes up to `most` items that are available, with their topic.
    pub(crate) fn next(
        &self,
        timeout_ms: u64,
        most: usize,
        mut take: impl FnMut(S::Item, Arc<CStr>),
    ) -> Result<usize, Miss> {
        self.inbox()?.next(timeout_ms, most, |item| take(item, self.topic.clone()))
    }

    /// Returns the file descriptor that is readable while `next` would not wait.
    pub(crate) fn descriptor(&self) -> Result<i32> {
        self.inbox()?.descriptor()
    }

    fn inbox(&self) -> Result<&Inbox<S>> {
        match &self.kind {
            Kind::Pulled(inbox) => Ok(inbox),
            Kind::Called(_) => Err(invalid_argument(S::PASSED_TO_CALLBACK)),
        }
    }

    pub(crate) fn stats(&self) -> Result<SubscriptionStats> {
        self.check_fork()?;
        match &self.kind {
            Kind::Pulled(inbox) => Ok(inbox.source()?.stats()),
            Kind::Called(handler) => Ok(lock(handler).stats()),
        }
    }

    /// Ends it, and waits until its callback has returned.
    pub(crate) fn unsubscribe(&self, timeout_ms: u64) -> Result<()> {
        self.check_fork()?;
        match &self.kind {
            Kind::Pulled(inbox) => inbox.source().map(|mut source| source.unsubscribe()),
            Kind::Called(handler) => {
                // The lock is released before waiting, because the handler may need it.
                let ended = lock(handler).end(time(timeout_ms));
                block_on(ended)
            }
        }
    }

    /// Ends it, and calls `done` when its callback has returned, or has not in time.
    pub(crate) fn start_unsubscribe(
        &self,
        timeout_ms: u64,
        done: impl FnOnce(Result<()>) + Send + 'static,
    ) -> Result<()> {
        self.check_fork()?;
        match &self.kind {
            Kind::Pulled(inbox) => {
                inbox.source()?.unsubscribe();
                done(Ok(()));
                Ok(())
            }
            Kind::Called(handler) => lock(handler).start_end(time(timeout_ms), done).map(drop),
        }
    }

    /// Ends it without waiting. To be called before it is dropped.
    pub(crate) fn leave(&self) {
        if let Kind::Called(handler) = &self.kind {
            lock(handler).leave();
        }
    }
}

fn lock(handler: &Mutex<RunningHandler>) -> MutexGuard<'_, RunningHandler> {
    handler.lock().unwrap_or_else(PoisonError::into_inner)
}
