//! A handler that runs: the handle that ends it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::calls::{CallHandle, start_detached};
use super::consumer::Member;
use super::options::Confirm;
use crate::delivery::{AnyLane, LaneItem, LaneReader, SubscriptionStats};
use crate::error::Result;

/// A handler that runs until it is unsubscribed or the client closes.
///
/// Dropping this value lets the handler run on.
pub struct RunningHandler {
    pub(super) member: Member,
    lane: Arc<dyn AnyLane>,
    finished: watch::Receiver<()>,
}

impl RunningHandler {
    /// Returns the topic.
    pub fn topic(&self) -> &str {
        self.member.topic.name()
    }

    /// Returns how many messages are queued for the handler, and how many it was given or lost so far.
    pub fn stats(&self) -> SubscriptionStats {
        self.lane.stats()
    }

    /// Unsubscribes. The handler receives what is queued and is dropped then.
    pub fn leave(&mut self) {
        self.member.leave();
    }

    /// Unsubscribes and waits until the handler has processed what is queued and its last call has returned, for at
    /// most the client's `close_timeout`. Inside a handler it returns at once instead.
    ///
    /// # Errors
    /// As [`RunningHandler::end`].
    pub async fn unsubscribe(mut self) -> Result<()> {
        self.end(None).await
    }

    /// Unsubscribes at once, and returns a future that waits as [`RunningHandler::unsubscribe`] does, for at most
    /// `timeout`. May be called again, to wait again.
    ///
    /// # Errors
    /// Returns [`ErrorKind::Timeout`](crate::ErrorKind::Timeout) if the handler has not returned in time: what is
    /// queued is dropped and counted, and what the handler holds is kept until it returns. Returns
    /// [`ErrorKind::Forked`](crate::ErrorKind::Forked) in the child of a fork, where it does nothing.
    pub fn end(
        &mut self,
        timeout: Option<Duration>,
    ) -> impl Future<Output = Result<()>> + Send + 'static + use<> {
        self.end_by(timeout, false)
    }

    /// Unsubscribes at once, and calls `done` with the outcome of [`RunningHandler::end`] from a task of its own; `done`
    /// must not block. In a handler it waits as anywhere else, because nobody waits for it there. For bindings.
    ///
    /// # Errors
    /// Returns [`ErrorKind::Forked`](crate::ErrorKind::Forked) in the child of a fork; `done` is then dropped without a
    /// call.
    #[doc(hidden)]
    pub fn start_end(
        &mut self,
        timeout: Option<Duration>,
        done: impl FnOnce(Result<()>) + Send + 'static,
    ) -> Result<CallHandle> {
        let runtime = self.member.core.runtime.clone();
        runtime.check_fork()?;
        let ended = self.end_by(timeout, true);
        Ok(start_detached(runtime, Box::pin(ended), done))
    }

    fn end_by(
        &mut self,
        timeout: Option<Duration>,
        also_in_handlers: bool,
    ) -> impl Future<Output = Result<()>> + Send + 'static + use<> {
        let here = self.member.core.runtime.check_fork();
        self.leave();
        let (core, lane, finished) = (self.member.core.clone(), self.lane.clone(), self.finished.clone());
        async move {
            here?;
            let deadline = core.deadline(Some(timeout.unwrap_or(core.options.close_timeout)))?;
            let ended = match also_in_handlers {
                true => core.wait_finished(finished, deadline).await,
                false => core.until_finished(finished, deadline).await,
            };
            if ended.is_err() {
                lane.abandon();
            }
            ended
        }
    }
}

impl Drop for RunningHandler {
    fn drop(&mut self) {
        self.member.stay();
    }
}

impl std::fmt::Debug for RunningHandler {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RunningHandler").field("topic", &self.topic()).finish_non_exhaustive()
    }
}

/// A consumer that is registered and has a handler to be started.
pub(super) struct Joined<T: LaneItem> {
    pub(super) reader: LaneReader<T>,
    /// Ends with the handler.
    pub(super) finished: watch::Sender<()>,
    pub(super) pending: Pending,
}

impl<T: LaneItem> Joined<T> {
    pub(super) fn new(
        reader: LaneReader<T>,
        finished: watch::Sender<()>,
        member: Member,
        confirm: Confirm,
        deadline: Instant,
    ) -> Joined<T> {
        let lane = reader.lane().clone();
        let pending = Pending { member, lane, finished: finished.subscribe(), confirm, deadline };
        Joined { reader, finished, pending }
    }
}

/// A consumer with a handler that no node has confirmed yet. Dropping it unsubscribes.
pub(super) struct Pending {
    pub(super) member: Member,
    lane: Arc<dyn AnyLane>,
    finished: watch::Receiver<()>,
    confirm: Confirm,
    deadline: Instant,
}

impl Pending {
    /// Waits for the confirmation. If it fails, unsubscribes and ends the handler.
    pub(super) async fn confirmed(self) -> Result<RunningHandler> {
        let (handler, confirmed) = self.split();
        confirmed.await?;
        Ok(handler)
    }

    /// Returns the handle of the handler, and a future that waits for the confirmation. If that fails or is dropped, it
    /// unsubscribes and ends the handler.
    pub(super) fn split(self) -> (RunningHandler, impl Future<Output = Result<()>> + Send + 'static) {
        let Pending { mut member, lane, finished, confirm, deadline } = self;
        let handler =
            RunningHandler { member: member.again(), lane: lane.clone(), finished: finished.clone() };
        let confirmed = async move {
            if let Err(error) = member.confirmed(confirm, deadline).await {
                member.leave();
                lane.abandon();
                let limit = Instant::now() + member.core.options.close_timeout;
                // A handler that doesn't return in time keeps what it holds until it does.
                let _ = member.core.until_finished(finished, limit).await;
                return Err(error);
            }
            member.stay();
            Ok(())
        };
        (handler, confirmed)
    }

    /// Waits for the confirmation. If it fails, unsubscribes. The caller runs the handler, so there is none to wait for
    /// then.
    pub(super) async fn confirmed_without_handler(mut self) -> Result<RunningHandler> {
        self.member.confirmed(self.confirm, self.deadline).await?;
        Ok(RunningHandler { member: self.member, lane: self.lane, finished: self.finished })
    }
}
