//! Sending: unicast with its reply, broadcast with the node's ack.

use std::fmt;
use std::future::IntoFuture;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::calls::CallHandle;
use super::core::ClientCore;
use super::options::Retry;
use super::sending::Outgoing;
use crate::error::Result;
use crate::protocol::Topic;
use crate::session::{CallKind, Reply};

/// A unicast to be sent. Awaiting it sends the message.
///
/// # Cancel safety
/// Dropping the future cancels the call. A message that was sent already may still be delivered.
#[must_use = "a publish does nothing until it is awaited"]
pub struct Publish {
    call: Call,
    wait_for_subscriber: bool,
}

/// A broadcast to be sent. Awaiting it sends the message.
#[must_use = "a broadcast does nothing until it is awaited"]
pub struct Broadcast {
    call: Call,
    wait_for_subscriber: bool,
    all_nodes: bool,
}

struct Call {
    core: Arc<ClientCore>,
    topic: Result<Topic>,
    data: Bytes,
    timeout: Option<Duration>,
    retry: Option<Retry>,
    /// Whether the name is that of a private topic, which this client publishes on.
    is_private: bool,
}

impl Call {
    fn new(core: Arc<ClientCore>, topic: Result<Topic>, data: Bytes) -> Call {
        Call { core, topic, data, timeout: None, retry: None, is_private: false }
    }

    /// Begins the debug output of a call, which shows the size of its payload only.
    fn debug<'a, 'b>(&self, f: &'a mut fmt::Formatter<'b>, name: &str) -> fmt::DebugStruct<'a, 'b> {
        let mut text = f.debug_struct(name);
        text.field("topic", &self.topic).field("bytes", &self.data.len());
        text.field("timeout", &self.timeout).field("retry", &self.retry);
        text
    }

    async fn send(self, kind: CallKind, wait: bool, all_nodes: bool) -> Result<Reply> {
        let Call { core, topic, data, timeout, retry, is_private } = self;
        core.check()?;
        let mut topic = topic?;
        if is_private {
            topic = core.published_topic(&topic)?;
        } else {
            topic.check_is_public()?;
            if core.options.private_topics.is_published(&topic) {
                topic = topic.private()?;
            }
        }
        let timeout = timeout.unwrap_or(core.options.call_timeout);
        let deadline = core.deadline(Some(timeout))?;
        let retry = retry.unwrap_or(core.options.retry);
        Outgoing { core, kind, topic, data, deadline, timeout, retry, wait, all_nodes }.run().await
    }
}

impl Publish {
    pub(crate) fn new(core: Arc<ClientCore>, topic: Result<Topic>, data: Bytes) -> Publish {
        Publish { call: Call::new(core, topic, data), wait_for_subscriber: false }
    }

    /// Sets whether the topic is a private one, which this client publishes on; see
    /// [`PrivateTopic::publish`](crate::PrivateTopic::publish). For bindings.
    #[doc(hidden)]
    pub fn private(mut self, private: bool) -> Publish {
        self.call.is_private = private;
        self
    }

    /// Sets the deadline of the call, counted from the await. Default: the client's `call_timeout`.
    pub fn timeout(mut self, timeout: Duration) -> Publish {
        self.call.timeout = Some(timeout);
        self
    }

    /// Sets whether the message is sent again, with the same id, until a subscriber has handled it or the deadline has
    /// passed, for example because no node knows a subscriber yet (topic lists take up to 5 s to travel). Default:
    /// false.
    pub fn wait_for_subscriber(mut self, wait: bool) -> Publish {
        self.wait_for_subscriber = wait;
        self
    }

    /// Sets when the client sends the message again automatically. Default: the client's setting.
    pub fn retry(mut self, retry: Retry) -> Publish {
        self.call.retry = Some(retry);
        self
    }

    /// Sends the message and calls `done` with the outcome, exactly once, from a task of the client. One task calls the
    /// callbacks of all calls, so `done` must not block. A panic of `done` is logged. Calls that end while the client
    /// is being closed complete before [`Client::close`](crate::Client::close) returns.
    ///
    /// # Errors
    /// Returns why the message was not sent if that is known at once: an invalid topic, no connection, a limit reached.
    /// `done` is then dropped without a call.
    pub fn start(self, done: impl FnOnce(Result<Reply>) + Send + 'static) -> Result<CallHandle> {
        let core = self.call.core.clone();
        core.calls.start(core.runtime.handle(), self.into_future(), done)
    }
}

impl Broadcast {
    pub(crate) fn new(core: Arc<ClientCore>, topic: Result<Topic>, data: Bytes) -> Broadcast {
        Broadcast { call: Call::new(core, topic, data), wait_for_subscriber: false, all_nodes: false }
    }

    /// Sets whether the topic is a private one, which this client publishes on; see
    /// [`PrivateTopic::broadcast`](crate::PrivateTopic::broadcast). For bindings.
    #[doc(hidden)]
    pub fn private(mut self, private: bool) -> Broadcast {
        self.call.is_private = private;
        self
    }

    /// Sets the deadline of the call, counted from the await. Default: the client's `call_timeout`.
    pub fn timeout(mut self, timeout: Duration) -> Broadcast {
        self.call.timeout = Some(timeout);
        self
    }

    /// Sets whether the message is sent only when a connected node knows a subscriber that it reaches. If none does until
    /// the deadline, nothing was sent and the call fails with [`ErrorKind::NoSubscriber`](crate::ErrorKind::NoSubscriber) or
    /// [`ErrorKind::OwnNodeOnly`](crate::ErrorKind::OwnNodeOnly). A node that can't be asked is
    /// sent the message at once. Default: false.
    pub fn wait_for_subscriber(mut self, wait: bool) -> Broadcast {
        self.wait_for_subscriber = wait;
        self
    }

    /// Sets whether the message is sent through every connected node instead of one that reaches all subscribers.
    /// Subscribers of this library drop the duplicates, others receive them. Default: false.
    pub fn all_nodes(mut self, all: bool) -> Broadcast {
        self.all_nodes = all;
        self
    }

    /// Sets when the client sends the message again automatically. Default: the client's setting.
    pub fn retry(mut self, retry: Retry) -> Broadcast {
        self.call.retry = Some(retry);
        self
    }

    /// Sends the message and calls `done` with the outcome; see [`Publish::start`].
    ///
    /// # Errors
    /// As [`Publish::start`].
    pub fn start(self, done: impl FnOnce(Result<()>) + Send + 'static) -> Result<CallHandle> {
        let core = self.call.core.clone();
        core.calls.start(core.runtime.handle(), self.into_future(), done)
    }
}

/// The boxed future of a call.
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
        let Broadcast { call, wait_for_subscriber, all_nodes } = self;
        Box::pin(
            async move { call.send(CallKind::Broadcast, wait_for_subscriber, all_nodes).await.map(drop) },
        )
    }
}

impl fmt::Debug for Publish {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = self.call.debug(f, "Publish");
        text.field("wait_for_subscriber", &self.wait_for_subscriber).finish_non_exhaustive()
    }
}

impl fmt::Debug for Broadcast {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = self.call.debug(f, "Broadcast");
        text.field("wait_for_subscriber", &self.wait_for_subscriber).field("all_nodes", &self.all_nodes);
        text.finish_non_exhaustive()
    }
}
