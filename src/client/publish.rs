//! Sending: unicast with its reply, broadcast with the node's ack.

use std::future::IntoFuture;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::attempts::Attempts;
use super::calls::CallHandle;
use super::core::ClientCore;
use super::options::Retry;
use crate::error::Result;
use crate::protocol::Topic;
use crate::session::{CallKind, Reply};

/// A unicast to be sent; awaiting it sends.
///
/// Dropping the future cancels the call: nobody waits for its answer any more, but what was sent stays sent.
#[must_use = "a publish does nothing until it is awaited"]
pub struct Publish {
    call: Call,
    wait_for_subscriber: bool,
}

/// A broadcast to be sent; awaiting it sends.
#[must_use = "a broadcast does nothing until it is awaited"]
pub struct Broadcast {
    call: Call,
    all_nodes: bool,
}

struct Call {
    core: Arc<ClientCore>,
    topic: Result<Topic>,
    data: Bytes,
    timeout: Option<Duration>,
    retry: Option<Retry>,
}

impl Call {
    fn new(core: Arc<ClientCore>, topic: Result<Topic>, data: Bytes) -> Call {
        Call { core, topic, data, timeout: None, retry: None }
    }

    async fn send(self, kind: CallKind, wait: bool, all_nodes: bool) -> Result<Reply> {
        let Call { core, topic, data, timeout, retry } = self;
        core.check()?;
        let topic = topic?;
        let deadline = core.deadline(timeout)?;
        let retry = retry.unwrap_or(core.options.retry);
        Attempts { core, kind, topic, data, deadline, retry, wait, all_nodes }.run().await
    }
}

impl Publish {
    pub(crate) fn new(core: Arc<ClientCore>, topic: Result<Topic>, data: Bytes) -> Publish {
        Publish { call: Call::new(core, topic, data), wait_for_subscriber: false }
    }

    /// The call's own deadline, counted from the await. Default: the client's `call_timeout`.
    pub fn timeout(mut self, timeout: Duration) -> Publish {
        self.call.timeout = Some(timeout);
        self
    }

    /// Whether to go on trying until the deadline while nothing was delivered, say because no node knows a
    /// subscriber yet (topic lists take up to 5 s to travel). Default no.
    pub fn wait_for_subscriber(mut self, wait: bool) -> Publish {
        self.wait_for_subscriber = wait;
        self
    }

    /// When to try again by itself. Default: the client's.
    pub fn retry(mut self, retry: Retry) -> Publish {
        self.call.retry = Some(retry);
        self
    }

    /// Sends without anybody waiting: `done` is told the outcome, exactly once, by a task of the client's. It must
    /// not block; hand over what takes time. A panic of it is logged. Thousands may be under way.
    ///
    /// # Errors
    /// What is known at once, say a bad topic, no connection, or a bound reached; then `done` is dropped untold.
    pub fn start(self, done: impl FnOnce(Result<Reply>) + Send + 'static) -> Result<CallHandle> {
        let core = self.call.core.clone();
        core.calls.start(core.runtime.handle(), self.into_future(), done)
    }
}

impl Broadcast {
    pub(crate) fn new(core: Arc<ClientCore>, topic: Result<Topic>, data: Bytes) -> Broadcast {
        Broadcast { call: Call::new(core, topic, data), all_nodes: false }
    }

    /// The call's own deadline, counted from the await. Default: the client's `call_timeout`.
    pub fn timeout(mut self, timeout: Duration) -> Broadcast {
        self.call.timeout = Some(timeout);
        self
    }

    /// Sends through every connected node instead of one that reaches all. Subscribers of this library drop the
    /// duplicates, others see them. Default no.
    pub fn all_nodes(mut self, all: bool) -> Broadcast {
        self.all_nodes = all;
        self
    }

    /// When to try again by itself. Default: the client's.
    pub fn retry(mut self, retry: Retry) -> Broadcast {
        self.call.retry = Some(retry);
        self
    }

    /// As [`Publish::start`].
    ///
    /// # Errors
    /// As [`Publish::start`].
    pub fn start(self, done: impl FnOnce(Result<()>) + Send + 'static) -> Result<CallHandle> {
        let core = self.call.core.clone();
        core.calls.start(core.runtime.handle(), self.into_future(), done)
    }
}

/// A boxed future of this module.
type Boxed<T> = Pin<Box<dyn Future<Output = Result<T>> + Send>>;

impl IntoFuture for Publish {
    type Output = Result<Reply>;
    type IntoFuture = Boxed<Reply>;

    fn into_future(self) -> Boxed<Reply> {
        Box::pin(self.call.send(CallKind::Publish, self.wait_for_subscriber, false))
    }
}

impl IntoFuture for Broadcast {
    type Output = Result<()>;
    type IntoFuture = Boxed<()>;

    fn into_future(self) -> Boxed<()> {
        Box::pin(async move { self.call.send(CallKind::Broadcast, false, self.all_nodes).await.map(drop) })
    }
}
