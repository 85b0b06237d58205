//! A handler that runs: the handle that ends it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::consumer::Member;
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
        &self.member.topic
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
        let here = self.member.core.runtime.check_fork();
        self.leave();
        let (core, lane, finished) = (self.member.core.clone(), self.lane.clone(), self.finished.clone());
        async move {
            here?;
            let deadline = core.deadline(Some(timeout.unwrap_or(core.options.close_timeout)))?;
            let ended = core.until_finished(finished, deadline).await;
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
        deadline: Instant,
    ) -> Joined<T> {
        let lane = reader.lane().clone();
        let pending = Pending { member, lane, finished: finished.subscribe(), deadline };
        Joined { reader, finished, pending }
    }
}

/// A consumer with a handler that no node has confirmed yet. Dropping it unsubscribes.
pub(super) struct Pending {
    pub(super) member: Member,
    lane: Arc<dyn AnyLane>,
    finished: watch::Receiver<()>,
    deadline: Instant,
}

impl Pending {
    /// Waits until a node lists the topic. If none does in time, unsubscribes and ends the handler.
    pub(super) async fn confirmed(mut self) -> Result<RunningHandler> {
        if let Err(error) = self.member.confirmed(self.deadline).await {
            self.member.leave();
            self.lane.abandon();
            let core = &self.member.core;
            let limit = Instant::now() + core.options.close_timeout;
            // A handler that doesn't return in time keeps what it holds until it does.
            let _ = core.until_finished(self.finished, limit).await;
            return Err(error);
        }
        Ok(RunningHandler { member: self.member, lane: self.lane, finished: self.finished })
    }

    /// Waits until a node lists the topic. If none does in time, unsubscribes. The caller runs the handler, so there is
    /// none to wait for then.
    pub(super) async fn confirmed_without_handler(mut self) -> Result<RunningHandler> {
        self.member.confirmed(self.deadline).await?;
        Ok(RunningHandler { member: self.member, lane: self.lane, finished: self.finished })
    }
}
