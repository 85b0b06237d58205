//! Making subscriptions: as a stream, with an async handler, or with a blocking one.

use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::sync::watch;

use super::consumer::{HandlerTask, Member};
use super::core::ClientCore;
use super::handlers::{self, BlockingJob, Owner, Source};
use super::options::{Confirm, Placement};
use super::registry::Consumer;
use super::running_handler::{Joined, Pending, RunningHandler};
use super::subscription::Subscription;
use crate::delivery::{Lane, LaneLimits, LaneReader, Message, Overflow};
use crate::error::Result;
use crate::private::PrivateKey;
use crate::protocol::Topic;

/// A subscription to be made. Awaiting it subscribes and returns a stream.
#[must_use = "nothing is subscribed until this is awaited"]
pub struct Subscribe {
    core: Arc<ClientCore>,
    topic: Result<Topic>,
    limits: LaneLimits,
    placement: Placement,
    confirm: Confirm,
    timeout: Option<Duration>,
    runtime: Option<Handle>,
    key: Option<PrivateKey>,
}

impl Subscribe {
    pub(crate) fn new(core: Arc<ClientCore>, topic: Result<Topic>) -> Subscribe {
        let (limits, placement, confirm) = (LaneLimits::default(), Placement::All, Confirm::Auto);
        Subscribe { core, topic, limits, placement, confirm, timeout: None, runtime: None, key: None }
    }

    /// Sets the maximum number of queued messages. Default: 65,536.
    pub fn max_messages(mut self, messages: usize) -> Subscribe {
        self.limits.max_messages = messages;
        self
    }

    /// Sets the maximum number of queued bytes, counting 160 bytes per message besides its payload. An empty queue
    /// accepts one message of any size. Default: 64 MiB.
    pub fn max_bytes(mut self, bytes: usize) -> Subscribe {
        self.limits.max_bytes = bytes;
        self
    }

    /// Sets what happens at these limits. Default: messages are refused, and the publisher of a unicast receives BUSY.
    pub fn overflow(mut self, overflow: Overflow) -> Subscribe {
        self.limits.overflow = overflow;
        self
    }

    /// Sets at how many nodes the topic is listed. Default: all.
    pub fn placement(mut self, placement: Placement) -> Subscribe {
        self.placement = placement;
        self
    }

    /// Sets whether to wait until a node lists the topic. Default: while a node is connected.
    pub fn confirm(mut self, confirm: Confirm) -> Subscribe {
        self.confirm = confirm;
        self
    }

    /// Sets how long to wait until a node lists the topic. Default: the client's `call_timeout`.
    pub fn timeout(mut self, timeout: Duration) -> Subscribe {
        self.timeout = Some(timeout);
        self
    }

    /// Sets the key with which this client proves that it may receive the messages of a *private* topic: a publisher has
    /// to allow its public half, see [`Client::private_topic`](crate::Client::private_topic). The private topic is another
    /// topic than the one of the same name without a key. Private topics exist at nodes of generation 2.x.
    ///
    /// With a key, awaiting this also fails with [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported) if the node is
    /// one of generation 3.x, with [`ErrorKind::InvalidTopic`](crate::ErrorKind::InvalidTopic) if the topic has more than
    /// 185 bytes, and with [`ErrorKind::InvalidArgument`](crate::ErrorKind::InvalidArgument) if the key is that of the
    /// client's certificate, or the client uses the topic with another key.
    pub fn key(mut self, key: PrivateKey) -> Subscribe {
        self.key = Some(key);
        self
    }

    /// Sets the tokio runtime that runs an async handler. Default: the one that the subscription is awaited on, else
    /// the client's. If that runtime is shut down before the client, the subscription ends.
    pub fn runtime(mut self, handle: Handle) -> Subscribe {
        self.runtime = Some(handle);
        self
    }

    /// Subscribes with an async handler, which runs as one task: one message after the other, in order. A handler that
    /// panics is reported as an event and doesn't end delivery.
    ///
    /// The task runs on the tokio runtime that this future is awaited on, or on the client's if there is none; see
    /// [`Subscribe::runtime`].
    ///
    /// # Errors
    /// As for the stream.
    pub async fn for_each<H, F>(self, handler: H) -> Result<RunningHandler>
    where
        H: FnMut(Message) -> F + Send + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        let runtime = self.runtime.clone();
        let Joined { reader, finished, pending } = self.join()?;
        let owner = pending.member.owner();
        let task = handlers::for_each(reader, owner, handler, finished);
        HandlerTask::new(&pending.member).spawn(runtime, task);
        pending.confirmed().await
    }

    /// Subscribes with a blocking handler, which runs on the client's dispatcher threads: one message after the other,
    /// in order. It may call any function of the library; one that would wait for this handler returns at once instead.
    ///
    /// # Errors
    /// As for the stream.
    pub async fn for_each_blocking(
        self,
        handler: impl FnMut(Message) + Send + 'static,
    ) -> Result<RunningHandler> {
        self.start(|owner| handlers::each_message(handler, owner))?.confirmed().await
    }

    /// Subscribes with a blocking handler that receives all messages that are ready, as an iterator: for languages in
    /// which entering the handler costs more than a message. Its next call receives those that it leaves. If a call
    /// takes none, because it returns or panics, the first message is dropped and counted.
    ///
    /// # Errors
    /// As for the stream.
    pub async fn for_each_batch_blocking(
        self,
        handler: impl FnMut(&mut dyn Iterator<Item = Message>) + Send + 'static,
    ) -> Result<RunningHandler> {
        self.start(|_| handler)?.confirmed().await
    }

    /// Subscribes for a handler that the caller runs, for example in the event loop of another language. Returns the
    /// stream at once, for a handler that runs from here on, and a future that is ready when the topic is confirmed; see
    /// [`Subscribe::confirm`]. Dropping that future before unsubscribes.
    ///
    /// [`RunningHandler::unsubscribe`] and [`Client::close`](crate::Client::close) wait until the stream is dropped, as
    /// they wait for the last call of a handler. For bindings.
    ///
    /// # Errors
    /// As for the stream. If the future fails, no more messages arrive.
    #[doc(hidden)]
    pub fn with_external_handler(
        self,
    ) -> Result<(Subscription, impl Future<Output = Result<RunningHandler>> + Send + 'static)> {
        let Joined { reader, finished, pending } = self.join()?;
        let member = pending.member.again();
        let subscription = Subscription { reader, member, _finished: Some(finished) };
        Ok((subscription, pending.confirmed_without_handler()))
    }

    /// Subscribes, and returns the stream at once, with a future that is ready when the topic is confirmed; see
    /// [`Subscribe::confirm`]. If that future fails, or is dropped before, the subscription is removed: the stream ends.
    /// It fails with [`ErrorKind::Closed`](crate::ErrorKind::Closed) if the stream is dropped before. For bindings.
    ///
    /// # Errors
    /// Returns the errors of the stream that are known at once.
    #[doc(hidden)]
    pub fn begin(self) -> Result<(Subscription, impl Future<Output = Result<()>> + Send + 'static)> {
        let (reader, unconfirmed, confirm, deadline) = self.enter(None)?;
        let subscription = Subscription { reader, member: unconfirmed.again(), _finished: None };
        Ok((subscription, unconfirmed.confirmed_for_other(confirm, deadline)))
    }

    /// Subscribes with a blocking handler; otherwise as [`Subscribe::begin`]. If the future fails, it is ready only when
    /// the last call of the handler has returned, or after the client's `close_timeout`. For bindings.
    ///
    /// # Errors
    /// As [`Subscribe::begin`].
    #[doc(hidden)]
    pub fn begin_blocking(
        self,
        handler: impl FnMut(Message) + Send + 'static,
    ) -> Result<(RunningHandler, impl Future<Output = Result<()>> + Send + 'static)> {
        self.start(|owner| handlers::each_message(handler, owner)).map(Pending::split)
    }

    fn start<H>(self, make: impl FnOnce(Owner) -> H) -> Result<Pending>
    where
        H: FnMut(&mut dyn Iterator<Item = Message>) + Send + 'static,
    {
        let Joined { reader, finished, pending } = self.join()?;
        let owner = pending.member.owner();
        let (source, handler) = (Source::Own(reader), make(owner.clone()));
        let job = BlockingJob { source, handler, owner, _finished: finished };
        pending.member.core.dispatcher.add(Box::new(job));
        Ok(pending)
    }

    /// Registers a consumer with a handler, which the caller starts at once: the topic is listed from here on.
    fn join(self) -> Result<Joined<Message>> {
        let finished = watch::Sender::new(());
        let (reader, member, confirm, deadline) = self.enter(Some(finished.subscribe()))?;
        Ok(Joined::new(reader, finished, member, confirm, deadline))
    }

    fn enter(
        self,
        finished: Option<watch::Receiver<()>>,
    ) -> Result<(LaneReader<Message>, Member, Confirm, Instant)> {
        let Subscribe { core, topic, limits, placement, confirm, timeout, runtime: _, key } = self;
        core.check()?;
        let topic = topic?;
        let key = key.or_else(|| core.options.private_topics.key(&topic));
        let topic = core.consumed_topic(topic, key.as_ref())?;
        let deadline = core.deadline(timeout)?;
        let lane = Lane::new(limits, core.delivery.budget.clone());
        let reader = LaneReader::new(lane.clone());
        let member = Member::join(&core, &topic, |registry, id| {
            registry.add_subscription(&topic, key, Consumer { id, lane, placement, finished })
        });
        Ok((reader, member?, confirm, deadline))
    }
}

impl IntoFuture for Subscribe {
    type Output = Result<Subscription>;
    type IntoFuture = Pin<Box<dyn Future<Output = Result<Subscription>> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let (reader, mut member, confirm, deadline) = self.enter(None)?;
            member.confirmed(confirm, deadline).await?;
            Ok(Subscription { reader, member, _finished: None })
        })
    }
}

impl std::fmt::Debug for Subscribe {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Subscribe")
            .field("topic", &self.topic)
            .field("limits", &self.limits)
            .field("placement", &self.placement)
            .field("confirm", &self.confirm)
            .field("timeout", &self.timeout)
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}
