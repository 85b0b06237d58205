//! Making services: as a stream of requests, with an async handler, or with a blocking one.

use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::sync::watch;

use super::consumer::{HandlerTask, Member};
use super::core::ClientCore;
use super::handlers::{self, BlockingJob, IntoAnswer, Owner, Source, Task};
use super::options::{Confirm, Placement};
use super::registry::Consumer;
use super::requests::Requests;
use super::running_handler::{Joined, Pending, RunningHandler};
use crate::delivery::{Lane, LaneLimits, LaneReader, Request};
use crate::error::{Error, ErrorKind, Result};
use crate::private::PrivateKey;
use crate::protocol::Topic;

/// The default number of concurrent calls of an async service handler.
const ASYNC_CONCURRENCY: usize = 64;

/// A service to be made. Awaiting it serves the topic and returns a stream of the requests.
#[must_use = "nothing is served until this is awaited"]
pub struct Serve {
    core: Arc<ClientCore>,
    topic: Result<Topic>,
    limits: LaneLimits,
    placement: Placement,
    confirm: Confirm,
    timeout: Option<Duration>,
    concurrency: Option<usize>,
    runtime: Option<Handle>,
    key: Option<PrivateKey>,
}

impl Serve {
    pub(crate) fn new(core: Arc<ClientCore>, topic: Result<Topic>) -> Serve {
        let (limits, placement, confirm) = (LaneLimits::default(), Placement::One, Confirm::Auto);
        Serve {
            core,
            topic,
            limits,
            placement,
            confirm,
            timeout: None,
            concurrency: None,
            runtime: None,
            key: None,
        }
    }

    /// Sets the maximum number of queued requests. The publishers of further requests receive BUSY. Default: 65,536.
    pub fn max_messages(mut self, messages: usize) -> Serve {
        self.limits.max_messages = messages;
        self
    }

    /// Sets the maximum number of queued bytes, counting 160 bytes per request besides its payload. An empty queue
    /// accepts one request of any size. Default: 64 MiB.
    pub fn max_bytes(mut self, bytes: usize) -> Serve {
        self.limits.max_bytes = bytes;
        self
    }

    /// Sets at how many nodes the topic is listed. Default: one at a time.
    pub fn placement(mut self, placement: Placement) -> Serve {
        self.placement = placement;
        self
    }

    /// Sets whether to wait until a node lists the topic. Default: while a node is connected.
    pub fn confirm(mut self, confirm: Confirm) -> Serve {
        self.confirm = confirm;
        self
    }

    /// Sets how long to wait until a node lists the topic. Default: the client's `call_timeout`.
    pub fn timeout(mut self, timeout: Duration) -> Serve {
        self.timeout = Some(timeout);
        self
    }

    /// Sets how many calls of a handler may run at once. Default: 64 for async handlers, 1 for blocking ones. Has no
    /// effect without a handler.
    pub fn concurrency(mut self, calls: usize) -> Serve {
        self.concurrency = Some(calls);
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
    pub fn key(mut self, key: PrivateKey) -> Serve {
        self.key = Some(key);
        self
    }

    /// Sets the tokio runtime that runs an async handler. Default: the one that the service is awaited on, else the
    /// client's. If that runtime is shut down before the client, open requests are answered DROPPED and the service
    /// ends. Has no effect on blocking handlers.
    pub fn runtime(mut self, handle: Handle) -> Serve {
        self.runtime = Some(handle);
        self
    }

    /// Serves with an async handler, whose result is the reply to each request.
    ///
    /// Its tasks run on the tokio runtime that this future is awaited on, or on the client's if there is none; see
    /// [`Serve::runtime`].
    ///
    /// # Errors
    /// As for the stream.
    pub async fn for_each<H, F, A>(self, handler: H) -> Result<RunningHandler>
    where
        H: Fn(Request) -> F + Send + Sync + 'static,
        F: Future<Output = A> + Send + 'static,
        A: IntoAnswer + Send + 'static,
    {
        let concurrency = self.concurrency.unwrap_or(ASYNC_CONCURRENCY);
        let runtime = self.runtime.clone();
        let Joined { reader, finished, pending } = self.join()?;
        let owner = pending.member.owner();
        let serve: Task = Box::pin(handlers::serve(reader, owner, handler, concurrency, finished));
        HandlerTask::new(&pending.member).spawn(runtime, serve);
        pending.confirmed().await
    }

    /// Serves with a blocking handler on the client's dispatcher threads, which answers through the request. It may call
    /// any function of the library; one that would wait for this handler returns at once instead.
    ///
    /// # Errors
    /// As for the stream.
    pub async fn for_each_blocking(
        self,
        handler: impl Fn(Request) + Send + Sync + 'static,
    ) -> Result<RunningHandler> {
        self.start_each(handler)?.confirmed().await
    }

    /// Serves with a blocking handler that receives all requests that are ready, as an iterator: for languages in which
    /// entering the handler costs more than a request. Its next call receives those that it leaves. If a call takes
    /// none, because it returns or panics, the first request is answered DROPPED and counted.
    ///
    /// # Errors
    /// As for the stream.
    pub async fn for_each_batch_blocking(
        self,
        handler: impl Fn(&mut dyn Iterator<Item = Request>) + Send + Sync + 'static,
    ) -> Result<RunningHandler> {
        let handler = Arc::new(handler);
        self.start(move |_| {
            let handler = handler.clone();
            move |ready: &mut dyn Iterator<Item = Request>| handler(ready)
        })?
        .confirmed()
        .await
    }

    /// Serves with a handler that the caller runs; see
    /// [`Subscribe::with_external_handler`](crate::Subscribe::with_external_handler). For bindings.
    ///
    /// # Errors
    /// As for the stream.
    #[doc(hidden)]
    pub fn with_external_handler(
        self,
    ) -> Result<(Requests, impl Future<Output = Result<RunningHandler>> + Send + 'static)> {
        let Joined { reader, finished, pending } = self.join()?;
        let member = pending.member.again();
        let requests = Requests { reader, member, _finished: Some(finished) };
        Ok((requests, pending.confirmed_without_handler()))
    }

    /// Serves, and returns the stream of requests at once; see [`Subscribe::begin`](crate::Subscribe::begin). For
    /// bindings.
    ///
    /// # Errors
    /// As [`Subscribe::begin`](crate::Subscribe::begin).
    #[doc(hidden)]
    pub fn begin(self) -> Result<(Requests, impl Future<Output = Result<()>> + Send + 'static)> {
        let (reader, unconfirmed, confirm, deadline) = self.enter(None)?;
        let requests = Requests { reader, member: unconfirmed.again(), _finished: None };
        Ok((requests, unconfirmed.confirmed_for_other(confirm, deadline)))
    }

    /// Serves with a blocking handler, and returns its handle at once; see
    /// [`Subscribe::begin_blocking`](crate::Subscribe::begin_blocking). For bindings.
    ///
    /// # Errors
    /// As [`Subscribe::begin`](crate::Subscribe::begin).
    #[doc(hidden)]
    pub fn begin_blocking(
        self,
        handler: impl Fn(Request) + Send + Sync + 'static,
    ) -> Result<(RunningHandler, impl Future<Output = Result<()>> + Send + 'static)> {
        self.start_each(handler).map(Pending::split)
    }

    fn start_each(self, handler: impl Fn(Request) + Send + Sync + 'static) -> Result<Pending> {
        let handler = Arc::new(handler);
        self.start(move |owner| {
            let handler = handler.clone();
            handlers::each_request(move |request| handler(request), owner)
        })
    }

    /// Runs one job for each call that may run at once. Each has a handler of its own, made by `make`.
    fn start<H>(self, make: impl Fn(Owner) -> H) -> Result<Pending>
    where
        H: Fn(&mut dyn Iterator<Item = Request>) + Send + 'static,
    {
        let concurrency = self.concurrency.unwrap_or(1);
        let Joined { reader, finished, pending } = self.join()?;
        let owner = pending.member.owner();
        for source in Source::for_jobs(reader, concurrency) {
            let (handler, owner) = (make(owner.clone()), owner.clone());
            let job = BlockingJob { source, handler, owner, _finished: finished.clone() };
            pending.member.core.dispatcher.add(Box::new(job));
        }
        Ok(pending)
    }

    /// Registers a consumer with a handler, which the caller starts at once: the topic is listed from here on.
    fn join(self) -> Result<Joined<Request>> {
        let finished = watch::Sender::new(());
        let (reader, member, confirm, deadline) = self.enter(Some(finished.subscribe()))?;
        Ok(Joined::new(reader, finished, member, confirm, deadline))
    }

    fn enter(
        self,
        finished: Option<watch::Receiver<()>>,
    ) -> Result<(LaneReader<Request>, Member, Confirm, Instant)> {
        let Serve { core, topic, limits, placement, confirm, timeout, concurrency, runtime: _, key } = self;
        core.check()?;
        let topic = topic?;
        let key = key.or_else(|| core.options.private_topics.key(&topic));
        let topic = core.consumed_topic(topic, key.as_ref())?;
        if concurrency == Some(0) {
            return Err(Error::undelivered(
                ErrorKind::InvalidArgument,
                "concurrency is 0: it has to be at least 1",
            ));
        }
        let deadline = core.deadline(timeout)?;
        let lane = Lane::new(limits, core.delivery.budget.clone());
        let reader = LaneReader::new(lane.clone());
        let member = Member::join(&core, &topic, |registry, id| {
            registry.add_service(&topic, key, Consumer { id, lane, placement, finished })
        });
        Ok((reader, member?, confirm, deadline))
    }
}

impl IntoFuture for Serve {
    type Output = Result<Requests>;
    type IntoFuture = Pin<Box<dyn Future<Output = Result<Requests>> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let (reader, mut member, confirm, deadline) = self.enter(None)?;
            member.confirmed(confirm, deadline).await?;
            Ok(Requests { reader, member, _finished: None })
        })
    }
}

impl std::fmt::Debug for Serve {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Serve")
            .field("topic", &self.topic)
            .field("limits", &self.limits)
            .field("placement", &self.placement)
            .field("confirm", &self.confirm)
            .field("timeout", &self.timeout)
            .field("key", &self.key)
            .field("concurrency", &self.concurrency)
            .finish_non_exhaustive()
    }
}
