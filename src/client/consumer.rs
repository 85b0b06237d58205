//! A subscription or service between its registration and its end.

use std::pin::pin;
use std::sync::{Arc, Weak};
use std::time::Instant;

use futures_util::future::{Either, select};
use tokio::runtime::Handle;
use tokio::sync::watch;

use super::confirmation::Applied;
use super::core::ClientCore;
use super::handlers::Owner;
use super::options::Confirm;
use super::registry::{Id, Registry};
use crate::error::{Error, ErrorKind, Result};
use crate::protocol::Topic;
use crate::runtime::Process;

/// A consumer in the registry of its client; removes it when dropped.
pub(super) struct Member {
    pub(super) core: Arc<ClientCore>,
    pub(super) topic: Topic,
    id: Id,
    joined: bool,
    /// Whether one of the handles of the consumer has removed it.
    left: watch::Sender<bool>,
    /// The answers of the nodes to the topic list with this consumer.
    applied: Vec<Applied>,
}

impl Member {
    /// Registers a consumer. The links list its topic from here on.
    ///
    /// # Errors
    /// As `enter`; [`ErrorKind::TooLarge`](crate::ErrorKind::TooLarge) if the list would not fit one frame.
    pub(super) fn join(
        core: &Arc<ClientCore>,
        topic: &Topic,
        enter: impl FnOnce(&mut Registry, Id) -> Result<()>,
    ) -> Result<Member> {
        let mut registry = core.registry();
        core.check_list(&registry, topic)?;
        let id = registry.next_id();
        enter(&mut registry, id)?;
        let applied = core.send_routes(&registry, topic);
        let left = watch::Sender::new(false);
        Ok(Member { core: core.clone(), topic: topic.clone(), id, joined: true, left, applied })
    }

    /// Waits until a node lists the topic, as far as `confirm` demands it.
    ///
    /// # Errors
    /// As [`ClientCore::until_listed`]; [`ErrorKind::Closed`] if another handle removes the consumer meanwhile.
    pub(super) async fn confirmed(&mut self, confirm: Confirm, deadline: Instant) -> Result<()> {
        let applied = std::mem::take(&mut self.applied);
        let mut left = self.left.subscribe();
        let listed = self.core.until_listed(&self.topic, applied, confirm, deadline);
        match select(pin!(left.wait_for(|left| *left)), pin!(listed)).await {
            Either::Right((outcome, _)) => outcome,
            Either::Left(_) => Err(Error::undelivered(
                ErrorKind::Closed,
                format!("the subscription to {:?} was ended before a node confirmed it", &*self.topic),
            )),
        }
    }

    /// Waits as [`Member::confirmed`]; then another handle keeps the consumer. If this fails or is dropped before, the
    /// consumer is removed.
    pub(super) async fn confirmed_for_other(mut self, confirm: Confirm, deadline: Instant) -> Result<()> {
        self.confirmed(confirm, deadline).await?;
        self.stay();
        Ok(())
    }

    /// Unsubscribes, unless that has happened. Does nothing in the child of a fork, where a lock may be held by a
    /// thread that doesn't exist there.
    pub(super) fn leave(&mut self) {
        if std::mem::replace(&mut self.joined, false) && self.core.runtime.check_fork().is_ok() {
            self.core.leave(&self.topic, self.id);
            self.left.send_replace(true);
        }
    }

    /// Returns the process that made the client.
    pub(super) fn process(&self) -> Process {
        self.core.runtime.process()
    }

    /// Returns the owner of the handler's failures.
    pub(super) fn owner(&self) -> Owner {
        Owner { topic: self.topic.clone(), events: self.core.delivery.events.clone() }
    }

    /// Returns a second handle of the same consumer. The first of the two that is dropped removes the consumer.
    pub(super) fn again(&self) -> Member {
        let (core, topic, left) = (self.core.clone(), self.topic.clone(), self.left.clone());
        Member { core, topic, id: self.id, joined: self.joined, left, applied: Vec::new() }
    }

    /// Lets the consumer stay when this handle is dropped.
    pub(super) fn stay(&mut self) {
        self.joined = false;
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.leave();
    }
}

/// The task of an async handler on a runtime that may end before the client.
///
/// If the task is dropped unfinished, its messages can't be handled any more: the consumer is removed, so that its
/// topic is not listed any longer. The task itself drops and counts what is queued, and so answers open requests
/// DROPPED.
pub(super) struct HandlerTask {
    core: Weak<ClientCore>,
    topic: Topic,
    id: Id,
    finished: bool,
}

impl HandlerTask {
    pub(super) fn new(member: &Member) -> HandlerTask {
        let core = Arc::downgrade(&member.core);
        HandlerTask { core, topic: member.topic.clone(), id: member.id, finished: false }
    }

    /// Drops this value for a handler that runs elsewhere.
    pub(super) fn finish(mut self) {
        self.finished = true;
    }

    /// Runs `task` on the given runtime, else on the caller's, else on the client's.
    pub(super) fn spawn(self, runtime: Option<Handle>, task: impl Future<Output = ()> + Send + 'static) {
        let Some(core) = self.core.upgrade() else { return };
        let runtime = runtime.or_else(|| Handle::try_current().ok());
        let runtime = runtime.unwrap_or_else(|| core.runtime.handle().clone());
        drop(core);
        runtime.spawn(async move {
            task.await;
            self.finish();
        });
    }
}

impl Drop for HandlerTask {
    fn drop(&mut self) {
        if self.finished {
            return;
        }
        if let Some(core) = self.core.upgrade()
            && core.runtime.check_fork().is_ok()
        {
            tracing::warn!(topic = %self.topic, "the runtime of a handler was shut down; its subscription ends");
            core.leave(&self.topic, self.id);
        }
    }
}
