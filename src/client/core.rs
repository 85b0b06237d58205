//! The state that all handles of one client share, and the checks that every call makes.
//!
//! The modules `life_cycle`, `endpoints`, `placement`, `confirmation` and `sending` work on it.

use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use futures_util::future::{Either, select};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::call_limits::CallLimits;
use super::calls::BackgroundCalls;
use super::dialler::Dialler;
use super::links::Links;
use super::options::{MAX_TIME, Options};
use super::registry::Registry;
use super::topic_times::TopicTimes;
use super::turns::Turns;
use super::verifications::Verifications;
use crate::delivery::{DeliveryShared, Dispatcher};
use crate::error::{Error, ErrorKind, Result};
use crate::runtime::RuntimeRef;
use crate::session::{self, LinkHandle};
use crate::text::span;

/// The state that all handles of one client share.
pub(crate) struct ClientCore {
    pub(crate) runtime: RuntimeRef,
    pub(crate) options: Arc<Options>,
    pub(crate) delivery: Arc<DeliveryShared>,
    pub(crate) dispatcher: Arc<Dispatcher>,
    /// Runs what completes futures, so that no handler of the application delays it.
    pub(super) completer: Arc<Dispatcher>,
    pub(crate) links: Links,
    pub(crate) retries: AtomicU64,
    /// Broadcasts that fewer nodes acknowledged than are needed to reach all subscribers.
    pub(crate) partial_broadcasts: AtomicU64,
    pub(crate) call_limits: CallLimits,
    pub(crate) turns: Turns,
    pub(crate) topic_times: TopicTimes,
    pub(super) verifications: Arc<Verifications>,
    pub(super) registry: Mutex<Registry>,
    pub(super) dialler: Arc<Dialler>,
    /// Held while connections are made anew with credentials that were loaded again.
    pub(super) reloading: tokio::sync::Mutex<()>,
    /// Whether there is a client whose caller learns of lost nodes from the log only. Before, connect returns the errors.
    pub(super) established: Arc<AtomicBool>,
    pub(super) closing: AtomicBool,
    /// The value of `closing`, for tasks that wait for it.
    pub(super) closing_signal: watch::Sender<bool>,
    /// Whether the shutdown is complete.
    pub(super) ended: watch::Sender<bool>,
    /// The tasks of the links, also of those that were removed and have not ended yet.
    pub(super) tasks: Mutex<Vec<(Arc<LinkHandle>, JoinHandle<()>)>>,
    /// Calls with a completion callback.
    pub(crate) calls: BackgroundCalls,
    /// The ends of handlers that are not in the registry.
    pub(super) dispatched: Mutex<Vec<watch::Receiver<()>>>,
}

impl ClientCore {
    /// Returns an error if the client is closing, or if this process was forked from the one that made it.
    pub(crate) fn check(&self) -> Result<()> {
        self.runtime.check_fork()?;
        if self.is_closing() { Err(session::closed()) } else { Ok(()) }
    }

    /// Returns whether [`ClientCore::close`] has been called.
    pub(crate) fn is_closing(&self) -> bool {
        self.closing.load(Ordering::Acquire)
    }

    /// Runs `work` until the client starts to close.
    ///
    /// # Errors
    /// Returns [`ErrorKind::Closed`] if that happens before `work` is done.
    pub(crate) async fn unless_closing<T>(&self, work: impl Future<Output = T>) -> Result<T> {
        let closing = async {
            // Subscribed only if `work` has to wait, because this is on the way of every message.
            let mut closing = self.closing_signal.subscribe();
            // The sender lives as long as the client.
            let _ = closing.wait_for(|closing| *closing).await;
        };
        match select(pin!(work), pin!(closing)).await {
            Either::Left((done, _)) => Ok(done),
            Either::Right(_) => Err(session::closed()),
        }
    }

    /// Locks the registry.
    pub(crate) fn registry(&self) -> MutexGuard<'_, Registry> {
        self.registry.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Returns the deadline of a call with this timeout, or with the client's `call_timeout`.
    ///
    /// # Errors
    /// Returns [`ErrorKind::InvalidArgument`] if the timeout is longer than [`MAX_TIME`].
    pub(crate) fn deadline(&self, timeout: Option<Duration>) -> Result<Instant> {
        let timeout = timeout.unwrap_or(self.options.call_timeout);
        if timeout > MAX_TIME {
            return Err(Error::undelivered(
                ErrorKind::InvalidArgument,
                format!("a timeout of {} is too long: use at most {}", span(timeout), span(MAX_TIME)),
            ));
        }
        Ok(Instant::now() + timeout)
    }
}
