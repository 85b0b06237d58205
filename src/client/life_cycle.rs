//! The start and the end of a client, and what the end waits for.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use futures_core::Stream;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::call_limits::CallLimits;
use super::calls::BackgroundCalls;
use super::core::ClientCore;
use super::dialler::Dialler;
use super::expiry::watch_certificates;
use super::handlers::{StreamJob, is_in_handler};
use super::links::Links;
use super::listeners::Listeners;
use super::options::{MAX_TIME, Options};
use super::placement::reassign_single_node_topics;
use super::topic_times::TopicTimes;
use super::turns::Turns;
use super::verifications::Verifications;
use super::verifying::verify_subscribers;
use crate::delivery::{Budget, DeliveryShared, DiscardCounters, Dispatcher, Duplicates, Event, EventHub};
use crate::error::{Error, ErrorKind, Result};
use crate::protocol::SeqSource;
use crate::runtime::RuntimeRef;
use crate::session::{self, Command, LinkHandle};
use crate::text::span;
use crate::transport::Endpoint;

impl ClientCore {
    /// Loads the credentials and starts the links. The options have been checked.
    ///
    /// # Errors
    /// Returns [`ErrorKind::InvalidEndpoint`] if an endpoint is invalid, and why the credentials can't be used.
    pub(crate) async fn start(
        mut options: Options,
        listeners: Listeners,
        runtime: RuntimeRef,
    ) -> Result<Arc<ClientCore>> {
        let endpoints: Vec<Endpoint> =
            options.endpoints.iter().map(|text| text.parse()).collect::<Result<_>>()?;
        let deadline = Instant::now() + options.connect_timeout;
        // Taken, so that no second copy of a key stays in memory.
        let source = std::mem::take(&mut options.credentials);
        let (generations, tls, resolver) = (options.generations, options.tls, options.resolver.clone());
        let dialler = Dialler::new(source, generations, tls, resolver, &runtime, deadline).await?;
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
        let (verifications, requests) = Verifications::new();
        let call_limits = CallLimits::new(options.max_in_flight, options.max_send_bytes);
        let core = Arc::new(ClientCore {
            dispatcher: Dispatcher::new(options.dispatcher_threads, "amop-handler", runtime.handle().clone()),
            completer: Dispatcher::new(1, "amop-completer", runtime.handle().clone()),
            runtime,
            options,
            delivery,
            links: Links::new(),
            retries: AtomicU64::new(0),
            partial_broadcasts: AtomicU64::new(0),
            call_limits,
            turns: Turns::default(),
            topic_times: TopicTimes::default(),
            verifications,
            registry: Mutex::default(),
            dialler: Arc::new(dialler),
            reloading: tokio::sync::Mutex::default(),
            established: Arc::default(),
            closing: AtomicBool::new(false),
            closing_signal: watch::Sender::new(false),
            ended: watch::Sender::new(false),
            tasks: Mutex::default(),
            calls: BackgroundCalls::default(),
            dispatched: Mutex::default(),
        });
        listeners.start(&core)?;
        core.start_configured_topics()?;
        for endpoint in endpoints {
            core.add_link(endpoint, false)?;
        }
        core.runtime.handle().spawn(verify_subscribers(Arc::downgrade(&core), requests));
        let changes = core.dialler.changes();
        core.runtime.handle().spawn(watch_certificates(Arc::downgrade(&core), changes));
        core.runtime.handle().spawn(reassign_single_node_topics(Arc::downgrade(&core), core.links.watch()));
        Ok(core)
    }

    /// Waits until the last call of a handler has returned. Inside a handler it returns at once instead.
    ///
    /// # Errors
    /// Returns [`ErrorKind::Timeout`] if the handler has not returned by `deadline`.
    pub(crate) async fn until_finished(
        &self,
        finished: watch::Receiver<()>,
        deadline: Instant,
    ) -> Result<()> {
        if is_in_handler() { Ok(()) } else { self.wait_finished(finished, deadline).await }
    }

    /// Waits as [`ClientCore::until_finished`], also in a handler.
    pub(crate) async fn wait_finished(
        &self,
        mut finished: watch::Receiver<()>,
        deadline: Instant,
    ) -> Result<()> {
        // No value is ever sent. The channel is closed when the handler ends.
        let ended = async { while finished.changed().await.is_ok() {} };
        self.runtime.until(deadline, ended).await.ok_or_else(|| {
            Error::undelivered(
                ErrorKind::Timeout,
                "a handler has not returned in time; what it holds is kept until it does",
            )
        })
    }

    /// Runs a blocking handler over a stream; see [`Client::dispatch`](crate::Client::dispatch). Returns what is closed
    /// when the handler has ended.
    pub(crate) fn dispatch<S, H>(&self, stream: S, handler: H) -> Result<watch::Receiver<()>>
    where
        S: Stream + Send + 'static,
        H: FnMut(S::Item) + Send + 'static,
    {
        self.dispatch_on(&self.dispatcher, stream, handler)
    }

    /// See [`Client::dispatch_apart`](crate::Client::dispatch_apart).
    pub(crate) fn dispatch_apart<S, H>(&self, stream: S, handler: H) -> Result<()>
    where
        S: Stream + Send + 'static,
        H: FnMut(S::Item) + Send + 'static,
    {
        self.dispatch_on(&self.completer, stream, handler).map(drop)
    }

    fn dispatch_on<S, H>(
        &self,
        dispatcher: &Arc<Dispatcher>,
        stream: S,
        handler: H,
    ) -> Result<watch::Receiver<()>>
    where
        S: Stream + Send + 'static,
        H: FnMut(S::Item) + Send + 'static,
    {
        let finished = watch::Sender::new(());
        let ended = finished.subscribe();
        let mut dispatched = self.dispatched();
        // Checked with the list locked: a close that has begun either waits for this handler, or is seen here.
        self.check()?;
        dispatched.retain(|finished| finished.has_changed().is_ok());
        dispatched.push(finished.subscribe());
        drop(dispatched);
        dispatcher.add(Box::new(StreamJob { stream: Box::pin(stream), handler, _finished: finished }));
        Ok(ended)
    }

    /// Locks the list of handlers that are not in the registry.
    fn dispatched(&self) -> MutexGuard<'_, Vec<watch::Receiver<()>>> {
        self.dispatched.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Locks the list of the tasks of the links.
    pub(super) fn tasks(&self) -> MutexGuard<'_, Vec<(Arc<LinkHandle>, JoinHandle<()>)>> {
        self.tasks.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Ends the client; see [`Client::close`](crate::Client::close).
    pub(crate) async fn close(self: &Arc<Self>, timeout: Duration) -> Result<()> {
        let ended = self.begin_close(timeout)?;
        if is_in_handler() { Ok(()) } else { ended.await }
    }

    /// Begins to end the client, and returns a future that is ready when it has ended.
    pub(crate) fn begin_close(
        self: &Arc<Self>,
        timeout: Duration,
    ) -> Result<impl Future<Output = Result<()>> + Send + 'static + use<>> {
        self.runtime.check_fork()?;
        let timeout = timeout.min(MAX_TIME);
        let began = Instant::now();
        if !self.closing.swap(true, Ordering::AcqRel) {
            self.closing_signal.send_replace(true);
            let core = self.clone();
            self.runtime.handle().spawn(async move { core.shut_down(Limits::new(began, timeout)).await });
        }
        let (mut ended, runtime) = (self.ended.subscribe(), self.runtime.clone());
        Ok(async move {
            // The sender may be dropped with the client, after it has ended.
            match runtime.until(began + timeout, ended.wait_for(|ended| *ended)).await {
                Some(_) => Ok(()),
                None => Err(Error::undelivered(
                    ErrorKind::Timeout,
                    format!(
                        "the client has not ended within {}; a handler or callback that has not returned keeps what it \
                         holds until it does",
                        span(timeout)
                    ),
                )),
            }
        })
    }

    /// Ends in this order: calls, topics, handlers, connections, the callbacks of calls, the handlers of events.
    async fn shut_down(self: Arc<Self>, limits: Limits) {
        let (leftovers, wakers) = {
            let mut registry = self.registry();
            let (topics, leftovers, wakers) = registry.close();
            for (link, _) in self.tasks().iter() {
                let _ = link.send(Command::EndCalls);
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
            if self.runtime.until(limits.handlers, ended).await.is_none() {
                leftover.abandon();
                unfinished.push(finished);
            }
        }
        let tasks = std::mem::take(&mut *self.tasks());
        for (link, _) in &tasks {
            let by = limits.connections;
            let _ = link.send(Command::Close { by, why: session::closed() });
        }
        for (_, mut task) in tasks {
            // Until then, queued bytes are written.
            if self.runtime.until(limits.connections, &mut task).await.is_none() {
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
        self.completer.shut_down();
        self.ended.send_replace(true);
    }
}

/// Until when a close waits for what, so that it has ended after its timeout.
#[derive(Debug, PartialEq)]
struct Limits {
    /// When handlers are abandoned that have not returned.
    handlers: Instant,
    /// When connections are aborted that have not written what is queued.
    connections: Instant,
}

impl Limits {
    /// Reserves a fifth of the time, at most half a second, for the answers of the last handlers, and a fifth of that for
    /// what follows the connections. A close that does not wait gives the connections half a second in the background.
    fn new(began: Instant, timeout: Duration) -> Limits {
        let longest = Duration::from_millis(500);
        if timeout.is_zero() {
            return Limits { handlers: began, connections: began + longest };
        }
        let reserve = (timeout / 5).min(longest);
        let handlers = began + (timeout - reserve);
        Limits { handlers, connections: handlers + (reserve - reserve / 5) }
    }
}

impl Drop for ClientCore {
    /// Ends the client in the background, because its last handle was dropped without a close.
    fn drop(&mut self) {
        if self.runtime.check_fork().is_err() {
            return;
        }
        let closed = self.registry.get_mut().unwrap_or_else(|poisoned| poisoned.into_inner()).close();
        drop(closed);
        let by = Instant::now() + self.options.close_timeout;
        for (link, _) in self.tasks().iter() {
            let _ = link.send(Command::Close { by, why: session::closed() });
        }
        self.delivery.events.emit(Event::Closed);
        self.dispatcher.shut_down();
        self.completer.shut_down();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn end_of_the_connections_fits_in_the_timeout_of_a_close() {
        let began = Instant::now();
        for (timeout, handlers, connections) in [(0, 0, 500), (100, 80, 96), (5_000, 4_500, 4_900)] {
            let [timeout, handlers, connections] =
                [timeout, handlers, connections].map(Duration::from_millis);
            let limits = Limits { handlers: began + handlers, connections: began + connections };
            assert_eq!(Limits::new(began, timeout), limits);
        }
    }
}
