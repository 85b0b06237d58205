//! Making services: with an async handler, a blocking one, or with requests that the application reads.

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
use crate::protocol::Topic;

/// The default number of concurrent calls of an async service handler.
const ASYNC_CONCURRENCY: usize = 64;

/// The settings of all kinds of service.
struct Settings {
    core: Arc<ClientCore>,
    topic: Result<Topic>,
    limits: LaneLimits,
    placement: Placement,
    confirm: Confirm,
    timeout: Option<Duration>,
    concurrency: usize,
    runtime: Option<Handle>,
}

impl Settings {
    fn new(core: Arc<ClientCore>, topic: Result<Topic>, concurrency: usize) -> Settings {
        let (limits, placement, confirm) = (LaneLimits::default(), Placement::One, Confirm::Auto);
        Settings { core, topic, limits, placement, confirm, timeout: None, concurrency, runtime: None }
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
        let Settings { core, topic, limits, placement, confirm, timeout, concurrency, runtime: _ } = self;
        core.check()?;
        let topic = topic?;
        if concurrency == 0 {
            return Err(Error::undelivered(
                ErrorKind::InvalidArgument,
                "concurrency is 0: it has to be at least 1",
            ));
        }
        let deadline = core.deadline(timeout)?;
        let lane = Lane::new(limits, core.delivery.budget.clone());
        let reader = LaneReader::new(lane.clone());
        let member = Member::join(&core, &topic, |registry, id| {
            registry.add_service(&topic, Consumer { id, lane, placement, finished })
        });
        Ok((reader, member?, confirm, deadline))
    }
}

macro_rules! settings {
    () => {
        /// Sets the maximum number of queued requests. The publishers of further requests receive BUSY. Default:
        /// 65,536.
        pub fn max_messages(mut self, messages: usize) -> Self {
            self.settings.limits.max_messages = messages;
            self
        }

        /// Sets the maximum number of queued bytes, counting 160 bytes per request besides its payload. An empty queue
        /// accepts one request of any size. Default: 64 MiB.
        pub fn max_bytes(mut self, bytes: usize) -> Self {
            self.settings.limits.max_bytes = bytes;
            self
        }

        /// Sets at how many nodes the topic is listed. Default: one at a time.
        pub fn placement(mut self, placement: Placement) -> Self {
            self.settings.placement = placement;
            self
        }

        /// Sets whether to wait until a node lists the topic. Default: while a node is connected.
        pub fn confirm(mut self, confirm: Confirm) -> Self {
            self.settings.confirm = confirm;
            self
        }

        /// Sets how long to wait until a node lists the topic. Default: the client's `call_timeout`.
        pub fn timeout(mut self, timeout: Duration) -> Self {
            self.settings.timeout = Some(timeout);
            self
        }
    };
}

/// A service with a handler. Awaiting it starts the service.
#[must_use = "nothing is served until this is awaited"]
pub struct Serve {
    settings: Settings,
    start: Start,
}

/// Starts the handler of a service.
type Start = Box<dyn FnOnce(Starting) + Send>;

/// What the handler of a service is started with.
struct Starting {
    core: Arc<ClientCore>,
    reader: LaneReader<Request>,
    owner: Owner,
    concurrency: usize,
    finished: watch::Sender<()>,
    task: HandlerTask,
    runtime: Option<Handle>,
}

impl Serve {
    pub(crate) fn with_async<H, F, A>(core: Arc<ClientCore>, topic: Result<Topic>, handler: H) -> Serve
    where
        H: Fn(Request) -> F + Send + Sync + 'static,
        F: Future<Output = A> + Send + 'static,
        A: IntoAnswer + Send + 'static,
    {
        let start: Start = Box::new(|starting| {
            let Starting { reader, owner, concurrency, finished, task, runtime, .. } = starting;
            let serve: Task = Box::pin(handlers::serve(reader, owner, handler, concurrency, finished));
            task.spawn(runtime, serve);
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

    /// Runs one job for each call that may run at once. Each has a handler of its own, made by `make`.
    fn with_jobs<H>(
        core: Arc<ClientCore>,
        topic: Result<Topic>,
        make: impl Fn(Owner) -> H + Send + 'static,
    ) -> Serve
    where
        H: Fn(&mut dyn Iterator<Item = Request>) + Send + 'static,
    {
        let start: Start = Box::new(move |starting| {
            let Starting { core, reader, owner, concurrency, finished, task, .. } = starting;
            // The dispatcher lives as long as the client.
            task.finish();
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

    /// Sets how many calls of the handler may run at once. Default: 64 for async handlers, 1 for blocking ones.
    pub fn concurrency(mut self, calls: usize) -> Serve {
        self.settings.concurrency = calls;
        self
    }

    /// Sets the tokio runtime that runs an async handler. Default: the one that the service is awaited on, else the
    /// client's. If that runtime is shut down before the client, open requests are answered DROPPED and the service
    /// ends. Has no effect on blocking handlers.
    pub fn runtime(mut self, handle: Handle) -> Serve {
        self.settings.runtime = Some(handle);
        self
    }

    /// Starts the service, and returns its handle at once; see
    /// [`Subscribe::begin_blocking`](crate::Subscribe::begin_blocking). For bindings.
    ///
    /// # Errors
    /// As [`Subscribe::begin`](crate::Subscribe::begin).
    #[doc(hidden)]
    pub fn begin(self) -> Result<(RunningHandler, impl Future<Output = Result<()>> + Send + 'static)> {
        self.start().map(Pending::split)
    }

    fn start(self) -> Result<Pending> {
        let Serve { settings, start } = self;
        let (concurrency, runtime) = (settings.concurrency, settings.runtime.clone());
        let Joined { reader, finished, pending } = settings.join()?;
        let (core, owner) = (pending.member.core.clone(), pending.member.owner());
        let task = HandlerTask::new(&pending.member);
        start(Starting { core, reader, owner, concurrency, finished, task, runtime });
        Ok(pending)
    }
}

impl IntoFuture for Serve {
    type Output = Result<RunningHandler>;
    type IntoFuture = Pin<Box<dyn Future<Output = Result<RunningHandler>> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move { self.start()?.confirmed().await })
    }
}

/// A service whose requests the application reads. Awaiting it starts the service.
#[must_use = "nothing is served until this is awaited"]
pub struct ServeRequests {
    settings: Settings,
}

impl ServeRequests {
    pub(crate) fn new(core: Arc<ClientCore>, topic: Result<Topic>) -> ServeRequests {
        ServeRequests { settings: Settings::new(core, topic, 1) }
    }

    settings!();

    /// Serves with a handler that the caller runs; see
    /// [`Subscribe::with_external_handler`](crate::Subscribe::with_external_handler). For bindings.
    ///
    /// # Errors
    /// As for the stream.
    #[doc(hidden)]
    pub fn with_external_handler(
        self,
    ) -> Result<(Requests, impl Future<Output = Result<RunningHandler>> + Send + 'static)> {
        let Joined { reader, finished, pending } = self.settings.join()?;
        let member = pending.member.again();
        let requests = Requests { reader, member, _finished: Some(finished) };
        Ok((requests, pending.confirmed_without_handler()))
    }

    /// Starts the service, and returns the stream of requests at once; see
    /// [`Subscribe::begin`](crate::Subscribe::begin). For bindings.
    ///
    /// # Errors
    /// As [`Subscribe::begin`](crate::Subscribe::begin).
    #[doc(hidden)]
    pub fn begin(self) -> Result<(Requests, impl Future<Output = Result<()>> + Send + 'static)> {
        let (reader, mut unconfirmed, confirm, deadline) = self.settings.enter(None)?;
        let requests = Requests { reader, member: unconfirmed.again(), _finished: None };
        let confirmed = async move {
            unconfirmed.confirmed(confirm, deadline).await?;
            unconfirmed.stay();
            Ok(())
        };
        Ok((requests, confirmed))
    }
}

impl IntoFuture for ServeRequests {
    type Output = Result<Requests>;
    type IntoFuture = Pin<Box<dyn Future<Output = Result<Requests>> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let (reader, mut member, confirm, deadline) = self.settings.enter(None)?;
            member.confirmed(confirm, deadline).await?;
            Ok(Requests { reader, member, _finished: None })
        })
    }
}

impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Settings")
            .field("topic", &self.topic)
            .field("limits", &self.limits)
            .field("placement", &self.placement)
            .field("confirm", &self.confirm)
            .field("timeout", &self.timeout)
            .field("concurrency", &self.concurrency)
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Serve {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Serve").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for ServeRequests {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ServeRequests").field("settings", &self.settings).finish_non_exhaustive()
    }
}
