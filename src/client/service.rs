//! Serving: answering unicasts, with an async handler, a blocking one, or by hand.

use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::core::ClientCore;
use super::handlers::{self, BlockingJob, IntoAnswer, Owner, Source, Task};
use super::options::Placement;
use super::registry::Consumer;
use super::subscription::{HandlerGuard, Joined, Member};
use crate::delivery::{AnyLane, Lane, LaneLimits, LaneReader, Request, SubscriptionStats};
use crate::error::{Error, ErrorKind, Result};
use crate::protocol::Topic;

/// How many calls of an async service handler run at once, unless told otherwise.
const ASYNC_CONCURRENCY: usize = 64;

/// The same setting for all three kinds of service.
struct Settings {
    core: Arc<ClientCore>,
    topic: Result<Topic>,
    limits: LaneLimits,
    placement: Placement,
    timeout: Option<Duration>,
    concurrency: usize,
}

impl Settings {
    fn new(core: Arc<ClientCore>, topic: Result<Topic>, concurrency: usize) -> Settings {
        let (limits, placement) = (LaneLimits::default(), Placement::One);
        Settings { core, topic, limits, placement, timeout: None, concurrency }
    }

    /// Registers a consumer with a handler, which the caller starts at once: the topic is listed from here on.
    fn join(self) -> Result<Joined<Request>> {
        let finished = watch::Sender::new(());
        let (reader, member, deadline) = self.enter(Some(finished.subscribe()))?;
        Ok(Joined::new(reader, finished, member, deadline))
    }

    fn enter(self, finished: Option<watch::Receiver<()>>) -> Result<(LaneReader<Request>, Member, Instant)> {
        let Settings { core, topic, limits, placement, timeout, concurrency } = self;
        core.check()?;
        let topic = topic?;
        if concurrency == 0 {
            return Err(Error::undelivered(
                ErrorKind::InvalidArgument,
                "a service with concurrency 0 would answer nothing",
            ));
        }
        let deadline = core.deadline(timeout)?;
        let lane = Lane::new(limits, core.delivery.budget.clone());
        let reader = LaneReader::new(lane.clone());
        let member = Member::join(&core, &topic, |registry, id| {
            registry.add_service(&topic, Consumer { id, lane, placement, finished })
        });
        Ok((reader, member?, deadline))
    }
}

macro_rules! settings {
    () => {
        /// Most requests held for it; beyond, publishers are told BUSY. Default 65,536.
        pub fn max_messages(mut self, messages: usize) -> Self {
            self.settings.limits.max_messages = messages;
            self
        }

        /// Most bytes held for it, payloads and 160 for each request; one request of any size is taken when it is
        /// empty. Default 64 MiB.
        pub fn max_bytes(mut self, bytes: usize) -> Self {
            self.settings.limits.max_bytes = bytes;
            self
        }

        /// At how many nodes it is listed. Default: one at a time.
        pub fn placement(mut self, placement: Placement) -> Self {
            self.settings.placement = placement;
            self
        }

        /// How long to wait for a node to list the topic. Default: the client's `call_timeout`.
        pub fn timeout(mut self, timeout: Duration) -> Self {
            self.settings.timeout = Some(timeout);
            self
        }
    };
}

/// A service with a handler, to be started by awaiting it.
#[must_use = "nothing is served until this is awaited"]
pub struct Serve {
    settings: Settings,
    start: Start,
}

type Start = Box<dyn FnOnce(&Arc<ClientCore>, LaneReader<Request>, Owner, usize, watch::Sender<()>) + Send>;

impl Serve {
    pub(crate) fn with_async<H, F, A>(core: Arc<ClientCore>, topic: Result<Topic>, handler: H) -> Serve
    where
        H: Fn(Request) -> F + Send + Sync + 'static,
        F: Future<Output = A> + Send + 'static,
        A: IntoAnswer + Send + 'static,
    {
        let start: Start = Box::new(|core, reader, owner, concurrency, finished| {
            let task: Task = Box::pin(handlers::serve(reader, owner, handler, concurrency, finished));
            core.runtime.handle().spawn(task);
        });
        Serve { settings: Settings::new(core, topic, ASYNC_CONCURRENCY), start }
    }

    pub(crate) fn with_blocking<H>(core: Arc<ClientCore>, topic: Result<Topic>, handler: H) -> Serve
    where
        H: Fn(Request) + Send + Sync + 'static,
    {
        let handler = Arc::new(handler);
        Serve::with_jobs(core, topic, move |owner| {
            let handler = handler.clone();
            handlers::each_request(move |request| handler(request), owner)
        })
    }

    pub(crate) fn with_batches<H>(core: Arc<ClientCore>, topic: Result<Topic>, handler: H) -> Serve
    where
        H: Fn(&mut dyn Iterator<Item = Request>) + Send + Sync + 'static,
    {
        let handler = Arc::new(handler);
        Serve::with_jobs(core, topic, move |_| {
            let handler = handler.clone();
            move |ready: &mut dyn Iterator<Item = Request>| handler(ready)
        })
    }

    /// One job for each call that may run at once; each has a handler of its own, made by `make`.
    fn with_jobs<H>(
        core: Arc<ClientCore>,
        topic: Result<Topic>,
        make: impl Fn(Owner) -> H + Send + 'static,
    ) -> Serve
    where
        H: Fn(&mut dyn Iterator<Item = Request>) + Send + 'static,
    {
        let start: Start = Box::new(move |core, reader, owner, concurrency, finished| {
            for source in Source::for_jobs(reader, concurrency) {
                core.dispatcher.add(Box::new(BlockingJob {
                    source,
                    handler: make(owner.clone()),
                    owner: owner.clone(),
                    _finished: finished.clone(),
                }));
            }
        });
        Serve { settings: Settings::new(core, topic, 1), start }
    }

    settings!();

    /// How many handler calls may run at once. Default 64 for async handlers, 1 for blocking ones.
    pub fn concurrency(mut self, calls: usize) -> Serve {
        self.settings.concurrency = calls;
        self
    }
}

impl IntoFuture for Serve {
    type Output = Result<HandlerGuard>;
    type IntoFuture = Pin<Box<dyn Future<Output = Result<HandlerGuard>> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let Serve { settings, start } = self;
            let (core, concurrency) = (settings.core.clone(), settings.concurrency);
            let Joined { reader, finished, pending } = settings.join()?;
            let owner = pending.member.owner();
            start(&core, reader, owner, concurrency, finished);
            pending.confirmed().await
        })
    }
}

/// A service whose requests the application takes itself, to be started by awaiting it.
#[must_use = "nothing is served until this is awaited"]
pub struct ServeRequests {
    settings: Settings,
}

impl ServeRequests {
    pub(crate) fn new(core: Arc<ClientCore>, topic: Result<Topic>) -> ServeRequests {
        ServeRequests { settings: Settings::new(core, topic, 1) }
    }

    settings!();

    /// As [`Subscribe::with_external_handler`](crate::Subscribe::with_external_handler). For bindings.
    ///
    /// # Errors
    /// As for the stream.
    #[doc(hidden)]
    pub async fn with_external_handler(self) -> Result<(Requests, HandlerGuard)> {
        let Joined { reader, finished, pending } = self.settings.join()?;
        let member = pending.member.again();
        let requests = Requests { reader, member, _finished: Some(finished) };
        // The caller runs the handler, so there is none to wait for if this fails.
        Ok((requests, pending.confirmed_without_handler().await?))
    }
}

impl IntoFuture for ServeRequests {
    type Output = Result<Requests>;
    type IntoFuture = Pin<Box<dyn Future<Output = Result<Requests>> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let (reader, mut member, deadline) = self.settings.enter(None)?;
            member.confirmed(deadline).await?;
            Ok(Requests { reader, member, _finished: None })
        })
    }
}

/// The requests of a topic, in the order in which they arrived; each is to be answered through its handle.
///
/// Ends when the client closes. Dropping it ends the service; requests that were not read are answered DROPPED.
pub struct Requests {
    reader: LaneReader<Request>,
    member: Member,
    /// With a handler elsewhere: tells its end. Dropped last, so that what was not read is answered before.
    _finished: Option<watch::Sender<()>>,
}

impl Requests {
    /// The next request that can still be answered; `None` when the client has closed, and in the child of a fork.
    /// Safe to cancel.
    pub async fn next(&mut self) -> Option<Request> {
        std::future::poll_fn(|cx| self.poll_open(cx)).await
    }

    /// The topic.
    pub fn topic(&self) -> &str {
        &self.member.topic
    }

    /// What it holds, was given and lost so far.
    pub fn stats(&self) -> SubscriptionStats {
        self.reader.lane().stats()
    }

    /// Takes no more requests and tells the node; those that are queued can still be read.
    pub fn unsubscribe(&mut self) {
        self.member.leave();
    }

    /// As [`Subscription::poll_ready`](crate::Subscription::poll_ready); a request whose time ran out meanwhile may
    /// make it say so in vain.
    pub fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.member.process().or_end(self.reader.poll_ready(cx).map(Some)).map(drop)
    }

    fn poll_open(&mut self, cx: &mut Context<'_>) -> Poll<Option<Request>> {
        loop {
            match self.reader.poll_next(cx) {
                // Its time ran out in the lane; the publisher has been told.
                Poll::Ready(Some(request)) if !request.is_open() => {}
                other => return self.member.process().or_end(other),
            }
        }
    }
}

impl futures_core::Stream for Requests {
    type Item = Request;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Request>> {
        self.poll_open(cx)
    }
}
