//! Subscribing: as a stream, with an async handler, or with a blocking one.

use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::core::ClientCore;
use super::handlers::{self, BlockingJob, Owner, Source};
use super::options::Placement;
use super::registry::{Consumer, Id};
use crate::delivery::{
    AnyLane, Lane, LaneItem, LaneLimits, LaneReader, Message, Overflow, SubscriptionStats,
};
use crate::error::Result;
use crate::protocol::Topic;
use crate::runtime::Process;

/// A subscription to be made; awaiting it subscribes and gives a stream.
#[must_use = "nothing is subscribed until this is awaited"]
pub struct Subscribe {
    core: Arc<ClientCore>,
    topic: Result<Topic>,
    limits: LaneLimits,
    placement: Placement,
    timeout: Option<Duration>,
}

impl Subscribe {
    pub(crate) fn new(core: Arc<ClientCore>, topic: Result<Topic>) -> Subscribe {
        Subscribe { core, topic, limits: LaneLimits::default(), placement: Placement::All, timeout: None }
    }

    /// Most messages held for it. Default 65,536.
    pub fn max_messages(mut self, messages: usize) -> Subscribe {
        self.limits.max_messages = messages;
        self
    }

    /// Most bytes held for it, payloads and 160 for each message; one message of any size is taken when it is empty.
    /// Default 64 MiB.
    pub fn max_bytes(mut self, bytes: usize) -> Subscribe {
        self.limits.max_bytes = bytes;
        self
    }

    /// What happens beyond. Default: refuse, and tell a unicast's publisher BUSY.
    pub fn overflow(mut self, overflow: Overflow) -> Subscribe {
        self.limits.overflow = overflow;
        self
    }

    /// At how many nodes it is listed. Default: all.
    pub fn placement(mut self, placement: Placement) -> Subscribe {
        self.placement = placement;
        self
    }

    /// How long to wait for a node to list the topic. Default: the client's `call_timeout`.
    pub fn timeout(mut self, timeout: Duration) -> Subscribe {
        self.timeout = Some(timeout);
        self
    }

    /// Subscribes with an async handler, which runs as one task on the client's runtime: one message after the
    /// other, in order. A handler that panics is reported as an event and doesn't end delivery.
    ///
    /// # Errors
    /// As for the stream.
    pub async fn for_each<H, F>(self, handler: H) -> Result<HandlerGuard>
    where
        H: FnMut(Message) -> F + Send + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        let Joined { reader, finished, pending } = self.join()?;
        let (core, owner) = (&pending.member.core, pending.member.owner());
        core.runtime.handle().spawn(handlers::for_each(reader, owner, handler, finished));
        pending.confirmed().await
    }

    /// Subscribes with a blocking handler, which runs on the client's dispatcher threads: one message after the
    /// other, in order. It may call anything; what would wait for itself is deferred.
    ///
    /// # Errors
    /// As for the stream.
    pub async fn for_each_blocking(
        self,
        handler: impl FnMut(Message) + Send + 'static,
    ) -> Result<HandlerGuard> {
        self.start(|owner| handlers::each_message(handler, owner)).await
    }

    /// The same with a handler that is given all messages that are ready, and takes them one by one: for a language
    /// in which entering the handler costs more than a message. Those that it leaves come with its next call; of a
    /// call that takes none, returning or by a panic, the first is dropped and counted.
    ///
    /// # Errors
    /// As for the stream.
    pub async fn for_each_batch_blocking(
        self,
        handler: impl FnMut(&mut dyn Iterator<Item = Message>) + Send + 'static,
    ) -> Result<HandlerGuard> {
        self.start(|_| handler).await
    }

    /// The messages for a handler that runs elsewhere, say in another language's event loop, and that handler's guard:
    /// [`HandlerGuard::unsubscribe`] and [`Client::close`](crate::Client::close) wait until the stream is dropped, as
    /// they wait for a handler's last call. For bindings.
    ///
    /// # Errors
    /// As for the stream.
    #[doc(hidden)]
    pub async fn with_external_handler(self) -> Result<(Subscription, HandlerGuard)> {
        let Joined { reader, finished, pending } = self.join()?;
        let member = pending.member.again();
        let subscription = Subscription { reader, member, _finished: Some(finished) };
        // The caller runs the handler, so there is none to wait for if this fails.
        Ok((subscription, pending.confirmed_without_handler().await?))
    }

    async fn start<H>(self, make: impl FnOnce(Owner) -> H) -> Result<HandlerGuard>
    where
        H: FnMut(&mut dyn Iterator<Item = Message>) + Send + 'static,
    {
        let Joined { reader, finished, pending } = self.join()?;
        let owner = pending.member.owner();
        let (source, handler) = (Source::Own(reader), make(owner.clone()));
        let job = BlockingJob { source, handler, owner, _finished: finished };
        pending.member.core.dispatcher.add(Box::new(job));
        pending.confirmed().await
    }

    /// Registers a consumer with a handler, which the caller starts at once: the topic is listed from here on.
    fn join(self) -> Result<Joined<Message>> {
        let finished = watch::Sender::new(());
        let (reader, member, deadline) = self.enter(Some(finished.subscribe()))?;
        Ok(Joined::new(reader, finished, member, deadline))
    }

    fn enter(self, finished: Option<watch::Receiver<()>>) -> Result<(LaneReader<Message>, Member, Instant)> {
        let Subscribe { core, topic, limits, placement, timeout } = self;
        core.check()?;
        let topic = topic?;
        let deadline = core.deadline(timeout)?;
        let lane = Lane::new(limits, core.delivery.budget.clone());
        let reader = LaneReader::new(lane.clone());
        let member = Member::join(&core, &topic, |registry, id| {
            registry.add_subscription(&topic, Consumer { id, lane, placement, finished })
        });
        Ok((reader, member?, deadline))
    }
}

impl IntoFuture for Subscribe {
    type Output = Result<Subscription>;
    type IntoFuture = Pin<Box<dyn Future<Output = Result<Subscription>> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let (reader, mut member, deadline) = self.enter(None)?;
            member.confirmed(deadline).await?;
            Ok(Subscription { reader, member, _finished: None })
        })
    }
}

/// A subscription's messages, in the order in which they arrived.
///
/// A [`Stream`](futures_core::Stream), and [`Subscription::next`] without further traits. Ends when the client
/// closes, and in the child of a fork. Dropping it unsubscribes, and drops and counts what was not read.
pub struct Subscription {
    reader: LaneReader<Message>,
    member: Member,
    /// With a handler elsewhere: tells its end. Dropped last, so that what was not read is counted before.
    _finished: Option<watch::Sender<()>>,
}

impl Subscription {
    /// The next message; `None` when the client has closed and all was read. Safe to cancel.
    pub async fn next(&mut self) -> Option<Message> {
        std::future::poll_fn(|cx| self.poll_message(cx)).await
    }

    /// The topic.
    pub fn topic(&self) -> &str {
        &self.member.topic
    }

    /// What it holds, accepted and lost so far.
    pub fn stats(&self) -> SubscriptionStats {
        self.reader.lane().stats()
    }

    /// Takes no more messages and tells the node; those that are queued can still be read. Does nothing in the child
    /// of a fork.
    pub fn unsubscribe(&mut self) {
        self.member.leave();
    }

    /// Whether the stream would say something at once: a message, or its end. Takes nothing; for those who wait
    /// with other things than futures, such as a file descriptor that their waker writes to.
    pub fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.member.process().or_end(self.reader.poll_ready(cx).map(Some)).map(drop)
    }

    fn poll_message(&mut self, cx: &mut Context<'_>) -> Poll<Option<Message>> {
        self.member.process().or_end(self.reader.poll_next(cx))
    }
}

impl futures_core::Stream for Subscription {
    type Item = Message;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Message>> {
        self.poll_message(cx)
    }
}

/// A handler that runs until it is unsubscribed or the client closes. Dropping it lets the handler run on.
pub struct HandlerGuard {
    pub(super) member: Member,
    lane: Arc<dyn AnyLane>,
    finished: watch::Receiver<()>,
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
    pub(super) async fn confirmed(mut self) -> Result<HandlerGuard> {
        if let Err(error) = self.member.confirmed(self.deadline).await {
            self.member.leave();
            self.lane.abandon();
            let core = &self.member.core;
            let limit = Instant::now() + core.options.close_timeout;
            // A handler that doesn't return in time keeps what it holds until it does.
            let _ = core.until_finished(self.finished, limit).await;
            return Err(error);
        }
        Ok(HandlerGuard { member: self.member, lane: self.lane, finished: self.finished })
    }

    /// Waits until a node lists the topic. If none does in time, unsubscribes.
    pub(super) async fn confirmed_without_handler(mut self) -> Result<HandlerGuard> {
        self.member.confirmed(self.deadline).await?;
        Ok(HandlerGuard { member: self.member, lane: self.lane, finished: self.finished })
    }
}

impl HandlerGuard {
    /// The topic.
    pub fn topic(&self) -> &str {
        &self.member.topic
    }

    /// What its handler holds, was given and lost so far.
    pub fn stats(&self) -> SubscriptionStats {
        self.lane.stats()
    }

    /// Stops taking messages and tells the node. The handler gets what is queued, and is dropped then.
    pub fn leave(&mut self) {
        self.member.leave();
    }

    /// Stops taking messages, lets the handler work off what is queued, and returns after its last call has
    /// returned, within the client's `close_timeout`. Called from inside a handler it returns at once instead.
    ///
    /// # Errors
    /// As [`HandlerGuard::end`].
    pub async fn unsubscribe(mut self) -> Result<()> {
        self.end(None).await
    }

    /// The same with a time of its own. It leaves at once, and gives a future that waits; may be called again,
    /// to wait again.
    ///
    /// # Errors
    /// [`ErrorKind::Timeout`](crate::ErrorKind::Timeout) when the handler hasn't returned in time: the rest is
    /// dropped and counted, and the handler's context is kept until it does return.
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

impl Drop for HandlerGuard {
    fn drop(&mut self) {
        self.member.stay();
    }
}

/// A consumer's place in the registry; leaves it when dropped.
pub(super) struct Member {
    pub(super) core: Arc<ClientCore>,
    pub(super) topic: Topic,
    id: Id,
    joined: bool,
    applied: Vec<tokio::sync::oneshot::Receiver<Result<()>>>,
}

impl Member {
    /// Enters a consumer and tells the links.
    pub(super) fn join(
        core: &Arc<ClientCore>,
        topic: &Topic,
        enter: impl FnOnce(&mut super::registry::Registry, Id) -> Result<()>,
    ) -> Result<Member> {
        let mut registry = core.registry();
        let id = registry.next_id();
        enter(&mut registry, id)?;
        let applied = core.send_routes(&registry, topic);
        Ok(Member { core: core.clone(), topic: topic.clone(), id, joined: true, applied })
    }

    /// Waits until a node lists the topic.
    pub(super) async fn confirmed(&mut self, deadline: Instant) -> Result<()> {
        let applied = std::mem::take(&mut self.applied);
        self.core.until_listed(&self.topic, applied, deadline).await
    }

    /// Leaves, unless that has happened. Not in the child of a fork: there a lock may be held by a thread that isn't
    /// there.
    pub(super) fn leave(&mut self) {
        if std::mem::replace(&mut self.joined, false) && self.core.runtime.check_fork().is_ok() {
            self.core.leave(&self.topic, self.id);
        }
    }

    /// Where its client was made.
    pub(super) fn process(&self) -> Process {
        self.core.runtime.process()
    }

    /// To whom its handler belongs.
    pub(super) fn owner(&self) -> Owner {
        Owner { topic: self.topic.clone(), events: self.core.delivery.events.clone() }
    }

    /// The same place, for a second one who may leave it.
    pub(super) fn again(&self) -> Member {
        let (core, topic) = (self.core.clone(), self.topic.clone());
        Member { core, topic, id: self.id, joined: self.joined, applied: Vec::new() }
    }

    /// Gives up the right to leave.
    fn stay(&mut self) {
        self.joined = false;
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.leave();
    }
}
