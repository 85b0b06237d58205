//! What all handles of one client share: its links, its consumers, its end.

use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use futures_core::Stream;
use futures_util::future::{Either, select};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;

use super::call_limits::CallLimits;
use super::calls::BackgroundCalls;
use super::dialler::Dialler;
use super::handlers::{StreamJob, is_in_handler};
use super::link::{Link, LinkState, LinkTask};
use super::links::Links;
use super::options::Options;
use super::registry::{Id, Registry};
use crate::delivery::{Budget, DeliveryShared, DiscardCounters, Dispatcher, Duplicates, Event, EventHub};
use crate::error::{Error, ErrorKind, Result};
use crate::protocol::{SeqSource, Topic};
use crate::runtime::RuntimeRef;
use crate::session::{self, Command};
use crate::transport::Endpoint;

/// The shared part of a client.
pub(crate) struct ClientCore {
    pub(crate) runtime: RuntimeRef,
    pub(crate) options: Arc<Options>,
    pub(crate) delivery: Arc<DeliveryShared>,
    pub(crate) dispatcher: Arc<Dispatcher>,
    pub(crate) links: Links,
    pub(crate) retries: AtomicU64,
    /// Broadcasts that fewer nodes acked than it takes to reach all.
    pub(crate) partial_broadcasts: AtomicU64,
    pub(crate) call_limits: CallLimits,
    registry: Mutex<Registry>,
    dialler: Arc<Dialler>,
    closing: AtomicBool,
    /// The value of `closing`, for tasks that wait for it.
    closing_signal: watch::Sender<bool>,
    ended: watch::Sender<bool>,
    tasks: Mutex<Vec<JoinHandle<()>>>,
    /// Calls that nobody awaits.
    pub(crate) calls: BackgroundCalls,
    /// Ends of the handlers that have no place in the registry.
    dispatched: Mutex<Vec<watch::Receiver<()>>>,
}

impl ClientCore {
    /// Loads the credentials and starts the links.
    pub(crate) async fn start(mut options: Options, runtime: RuntimeRef) -> Result<Arc<ClientCore>> {
        options.check()?;
        let endpoints: Vec<Endpoint> =
            options.endpoints.iter().map(|text| text.parse()).collect::<Result<_>>()?;
        let deadline = Instant::now() + options.connect_timeout;
        // Taken, so that no second copy of a key stays in memory.
        let source = std::mem::take(&mut options.credentials);
        let dialler = Dialler::new(source, options.resolver.clone(), &runtime, deadline).await?;
        let options = Arc::new(options);
        let delivery = Arc::new(DeliveryShared {
            budget: Arc::new(Budget::new(options.max_held_bytes)),
            duplicates: Arc::new(Mutex::new(Duplicates::new(
                options.duplicate_window,
                options.max_duplicates,
            ))),
            events: Arc::new(EventHub::new(options.max_events)),
            seqs: Arc::new(SeqSource::new()?),
            discarded: DiscardCounters::default(),
            echo: options.echo,
        });
        let call_limits = CallLimits::new(options.max_in_flight, options.max_send_bytes);
        let core = Arc::new(ClientCore {
            dispatcher: Dispatcher::new(options.dispatcher_threads, "amop-handler", runtime.handle().clone()),
            runtime,
            options,
            delivery,
            links: Links::new(),
            retries: AtomicU64::new(0),
            partial_broadcasts: AtomicU64::new(0),
            call_limits,
            registry: Mutex::default(),
            dialler: Arc::new(dialler),
            closing: AtomicBool::new(false),
            closing_signal: watch::Sender::new(false),
            ended: watch::Sender::new(false),
            tasks: Mutex::default(),
            calls: BackgroundCalls::default(),
            dispatched: Mutex::default(),
        });
        for endpoint in endpoints {
            core.add_link(endpoint, false)?;
        }
        core.runtime.handle().spawn(reassign_single_node_topics(Arc::downgrade(&core), core.links.watch()));
        Ok(core)
    }

    /// A further node.
    pub(crate) fn add_endpoint(&self, endpoint: &str) -> Result<()> {
        self.check()?;
        let endpoint: Endpoint = endpoint.parse()?;
        // The certificate may have been renewed since the client started.
        self.add_link(endpoint, true)
    }

    fn add_link(&self, endpoint: Endpoint, renew_first: bool) -> Result<()> {
        let mut registry = self.registry();
        if !registry.is_open() {
            return Err(session::closed());
        }
        if self.links.by_endpoint(&endpoint.to_string()).is_some() {
            return Ok(());
        }
        let id = registry.next_id();
        if self.links.by_id(registry.home()).is_none() {
            for topic in registry.set_primary_link(id) {
                self.send_routes(&registry, &topic);
            }
        }
        let (link, task) = LinkTask::new(
            id,
            endpoint,
            self.options.clone(),
            self.dialler.clone(),
            renew_first,
            self.delivery.clone(),
            self.links.changes(),
        );
        for topic in registry.topics() {
            let spec = registry.route(&topic, id);
            // The link's other end was made a moment ago.
            let _ = link.port.send(Command::Route { topic, spec, applied: None });
        }
        let task = self.runtime.handle().spawn(task.run(self.runtime.clone()));
        let mut tasks = self.tasks.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        // Of endpoints that were removed.
        tasks.retain(|task| !task.is_finished());
        tasks.push(task);
        self.links.add(link);
        Ok(())
    }

    /// A node less.
    pub(crate) fn remove_endpoint(&self, endpoint: &str) -> Result<()> {
        self.check()?;
        let endpoint: Endpoint = endpoint.parse()?;
        let registry = self.registry();
        if let Some(link) = self.links.by_endpoint(&endpoint.to_string()) {
            let why = Error::undelivered(
                ErrorKind::ConnectionLost,
                format!("{endpoint} was removed from the client while the call was in flight"),
            );
            // New calls and what is listed at one node go elsewhere first.
            self.links.remove(link.id);
            // A link that has ended needs no word.
            let by = Instant::now() + self.options.close_timeout;
            let _ = link.port.send(Command::Leave { by, why });
        }
        drop(registry);
        Ok(())
    }

    /// Waits until a link is connected, or all have failed once.
    pub(crate) async fn first_connection(&self, deadline: Instant) -> Result<()> {
        let mut changed = self.links.watch();
        loop {
            let mut failure = None;
            let mut starting = false;
            for link in self.links.all().iter() {
                match &*link.state.borrow() {
                    LinkState::Connected => return Ok(()),
                    LinkState::Starting => starting = true,
                    LinkState::Down(error) => failure = failure.or_else(|| Some(error.clone())),
                    LinkState::Ended => failure = failure.or_else(|| Some(session::closed())),
                }
            }
            if let (false, Some(error)) = (starting, failure) {
                return Err(error);
            }
            // A link ends its first try by itself; the spare second is for a machine under load.
            let limit = deadline + Duration::from_secs(1);
            if self.runtime.until(limit, changed.changed()).await.is_none() {
                return Err(Error::undelivered(
                    ErrorKind::ConnectTimeout,
                    format!("no node was ready within {:?}", self.options.connect_timeout),
                ));
            }
        }
    }

    /// What every call checks first.
    pub(crate) fn check(&self) -> Result<()> {
        self.runtime.check_fork()?;
        if self.is_closing() { Err(session::closed()) } else { Ok(()) }
    }

    /// Returns whether [`ClientCore::close`] has been called.
    pub(crate) fn is_closing(&self) -> bool {
        self.closing.load(Ordering::Acquire)
    }

    /// Runs `work` until the client starts to close.
    ///
    /// # Errors
    /// Returns [`ErrorKind::Closed`] if that happens before `work` is done.
    pub(crate) async fn unless_closing<T>(&self, work: impl Future<Output = T>) -> Result<T> {
        let closing = async {
            // Subscribed only if `work` has to wait, because this is on the way of every message.
            let mut closing = self.closing_signal.subscribe();
            // The sender lives as long as the client.
            let _ = closing.wait_for(|closing| *closing).await;
        };
        match select(pin!(work), pin!(closing)).await {
            Either::Left((done, _)) => Ok(done),
            Either::Right(_) => Err(session::closed()),
        }
    }

    pub(crate) fn registry(&self) -> MutexGuard<'_, Registry> {
        self.registry.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// The deadline of a call.
    pub(crate) fn deadline(&self, timeout: Option<Duration>) -> Result<Instant> {
        let timeout = timeout.unwrap_or(self.options.call_timeout);
        if timeout > super::options::MAX_TIME {
            return Err(Error::undelivered(
                ErrorKind::InvalidArgument,
                format!("a timeout of {timeout:?} is too long: take at most {:?}", super::options::MAX_TIME),
            ));
        }
        Ok(Instant::now() + timeout)
    }

    /// Tells all links where a topic goes now; what those that list it will say. Called with the registry locked,
    /// so that they hear the changes in the order in which they were made.
    pub(crate) fn send_routes(
        &self,
        registry: &Registry,
        topic: &Topic,
    ) -> Vec<oneshot::Receiver<Result<()>>> {
        let mut applied = Vec::new();
        for link in self.links.all().iter() {
            let (tx, rx) = oneshot::channel();
            let spec = registry.route(topic, link.id);
            if !spec.is_empty() {
                applied.push(rx);
            }
            // A link that has ended answers by dropping the other end.
            let _ = link.port.send(Command::Route { topic: topic.clone(), spec, applied: Some(tx) });
        }
        applied
    }

    /// Takes a consumer out.
    pub(crate) fn leave(&self, topic: &Topic, id: Id) {
        let mut registry = self.registry();
        let wakers = registry.remove(topic, id);
        self.send_routes(&registry, topic);
        drop(registry);
        drop(wakers);
    }

    /// Waits until a handler's last call has returned; defers when called from a handler.
    pub(crate) async fn until_finished(
        &self,
        mut finished: watch::Receiver<()>,
        deadline: Instant,
    ) -> Result<()> {
        if is_in_handler() {
            return Ok(());
        }
        // Nothing is ever sent: the channel ends with the handler.
        let ended = async { while finished.changed().await.is_ok() {} };
        self.runtime.until(deadline, ended).await.ok_or_else(|| {
            Error::undelivered(
                ErrorKind::Timeout,
                "a handler has not returned in time; its context is kept until it does",
            )
        })
    }

    /// Runs a blocking handler over a stream; see [`super::Client::dispatch`].
    pub(crate) fn dispatch<S, H>(&self, stream: S, handler: H) -> Result<()>
    where
        S: Stream + Send + 'static,
        H: FnMut(S::Item) + Send + 'static,
    {
        let finished = watch::Sender::new(());
        let mut dispatched = self.dispatched();
        // Checked with the list locked: a close that has begun either waits for this handler, or is seen here.
        self.check()?;
        dispatched.retain(|finished| finished.has_changed().is_ok());
        dispatched.push(finished.subscribe());
        drop(dispatched);
        self.dispatcher.add(Box::new(StreamJob { stream: Box::pin(stream), handler, _finished: finished }));
        Ok(())
    }

    fn dispatched(&self) -> MutexGuard<'_, Vec<watch::Receiver<()>>> {
        self.dispatched.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Ends the client; see [`super::Client::close`].
    pub(crate) async fn close(self: &Arc<Self>, timeout: Duration) -> Result<()> {
        self.runtime.check_fork()?;
        let timeout = timeout.min(super::options::MAX_TIME);
        let deadline = Instant::now() + timeout;
        if !self.closing.swap(true, Ordering::AcqRel) {
            self.closing_signal.send_replace(true);
            let core = self.clone();
            self.runtime.handle().spawn(async move { core.shut_down(deadline).await });
        }
        if is_in_handler() {
            return Ok(());
        }
        let mut ended = self.ended.subscribe();
        // One more second for goodbyes on the wire; handlers have had theirs by then.
        let limit = deadline + Duration::from_secs(1);
        match self.runtime.until(limit, ended.wait_for(|ended| *ended)).await {
            Some(_) => Ok(()),
            None => Err(Error::undelivered(
                ErrorKind::Timeout,
                format!("a handler has not returned within {timeout:?}; its context is kept until it does"),
            )),
        }
    }

    /// The end, in order: calls, topics, handlers, connections, the handlers of calls and events.
    async fn shut_down(self: Arc<Self>, deadline: Instant) {
        let (leftovers, wakers) = {
            let mut registry = self.registry();
            let (topics, leftovers, wakers) = registry.close();
            for link in self.links.all().iter() {
                let _ = link.port.send(Command::EndCalls);
            }
            for topic in &topics {
                self.send_routes(&registry, topic);
            }
            (leftovers, wakers)
        };
        drop(wakers);
        let calls = self.calls.close();
        let mut unfinished = Vec::new();
        for leftover in leftovers {
            let Some(mut finished) = leftover.finished.clone() else { continue };
            let ended = async { while finished.changed().await.is_ok() {} };
            if self.runtime.until(deadline, ended).await.is_none() {
                leftover.abandon();
                unfinished.push(finished);
            }
        }
        for link in self.links.all().iter() {
            let _ = link.port.send(Command::Close(session::closed()));
        }
        let tasks = std::mem::take(&mut *self.tasks.lock().unwrap_or_else(|poisoned| poisoned.into_inner()));
        // What is queued to send gets the rest of the time, and at least a moment.
        let limit = deadline.max(Instant::now() + Duration::from_millis(500));
        for mut task in tasks {
            if self.runtime.until(limit, &mut task).await.is_none() {
                task.abort();
                // Its state is final once it is dropped. A task that panicked has ended as well.
                let _ = task.await;
            }
        }
        if let Some(calls) = calls {
            // No call can be under way any more. The task ends when the last completion callback has returned.
            let _ = calls.await;
        }
        self.delivery.events.emit(Event::Closed);
        unfinished.append(&mut self.dispatched());
        for mut finished in unfinished {
            while finished.changed().await.is_ok() {}
        }
        self.dispatcher.shut_down();
        self.ended.send_replace(true);
    }
}

impl Drop for ClientCore {
    /// The last handle is gone without a close: end in the background, waiting for nobody.
    fn drop(&mut self) {
        if self.runtime.check_fork().is_err() {
            return;
        }
        let closed = self.registry.get_mut().unwrap_or_else(|poisoned| poisoned.into_inner()).close();
        drop(closed);
        for link in self.links.all().iter() {
            let _ = link.port.send(Command::Close(session::closed()));
        }
        self.delivery.events.emit(Event::Closed);
        self.dispatcher.shut_down();
    }
}

/// Keeps what is listed at one node at one that is connected.
async fn reassign_single_node_topics(core: std::sync::Weak<ClientCore>, mut changed: watch::Receiver<u64>) {
    while changed.changed().await.is_ok() {
        let Some(core) = core.upgrade() else { return };
        let mut registry = core.registry();
        let is_up = |link: &Link| link.port.is_connected();
        if core.links.by_id(registry.home()).is_some_and(|link| is_up(&link)) {
            continue;
        }
        let Some(home) = core.links.all().iter().find(|link| is_up(link)).map(|link| link.id) else {
            continue;
        };
        for topic in registry.set_primary_link(home) {
            core.send_routes(&registry, &topic);
        }
        drop(registry);
        core.links.notify_changed();
    }
}
