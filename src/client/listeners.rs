//! Handlers of events, and listeners that are set before a client exists.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::core::ClientCore;
use super::events::Events;
use super::handlers::is_in_handler;
use crate::delivery::{AnyLane, EarlyListener, Event, LaneReader};
use crate::error::{Error, ErrorKind, Result};
use crate::runtime::{Process, RuntimeRef};

/// A handler of events, for all clients that are made with the same settings.
type Handler = Arc<dyn Fn(Event) + Send + Sync>;

/// The listeners among the settings of a client.
#[derive(Clone, Default)]
pub(crate) struct Listeners {
    handlers: Vec<Handler>,
    streams: Vec<Arc<EarlyListener>>,
}

impl Listeners {
    pub(super) fn add_handler(&mut self, handler: Handler) {
        self.handlers.push(handler);
    }

    /// Returns a stream of at most `max` events for the first client that is made with these settings.
    pub(super) fn add_stream(&mut self, max: usize) -> Events {
        let (listener, reader) = EarlyListener::new(max.max(1));
        self.streams.push(listener.into());
        Events { reader, process: Process::current() }
    }

    /// Starts all listeners for a client that emits no events yet.
    ///
    /// # Errors
    /// As [`ClientCore::listen`].
    pub(super) fn start(self, core: &ClientCore) -> Result<()> {
        for stream in self.streams {
            stream.join(&core.delivery.events);
        }
        for handler in self.handlers {
            core.listen(move |event| handler(event))?;
        }
        Ok(())
    }

    /// Returns whether a handler is among them, which must not run any more after a connect that has failed.
    pub(super) fn have_handlers(&self) -> bool {
        !self.handlers.is_empty()
    }
}

impl fmt::Debug for Listeners {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listeners")
            .field("handlers", &self.handlers.len())
            .field("streams", &self.streams.len())
            .finish()
    }
}

impl ClientCore {
    /// Calls a blocking handler with each event from now on; see [`Client::on_event`](crate::Client::on_event).
    pub(super) fn listen(&self, handler: impl FnMut(Event) + Send + 'static) -> Result<EventListener> {
        self.check()?;
        let events = Events { reader: self.delivery.events.listen(), process: self.runtime.process() };
        let lane = LaneReader::lane(&events.reader).clone();
        let finished = self.dispatch(events, handler)?;
        let (runtime, close_timeout) = (self.runtime.clone(), self.options.close_timeout);
        Ok(EventListener { lane, finished, runtime, close_timeout })
    }
}

/// A handler of events that runs until it is removed or the client is closed. It doesn't keep the client alive.
///
/// Dropping this value lets the handler run on.
pub struct EventListener {
    lane: Arc<dyn AnyLane>,
    finished: watch::Receiver<()>,
    runtime: RuntimeRef,
    close_timeout: Duration,
}

impl EventListener {
    /// Removes the handler without waiting: it is called for no event that it has not been called for yet, and dropped
    /// when the call under way has returned.
    pub fn remove(&self) {
        // In the child of a fork, a thread that doesn't exist there may hold the lane.
        if self.runtime.check_fork().is_ok() {
            self.lane.abandon();
        }
    }

    /// Removes the handler and waits until the call under way has returned, for at most the client's `close_timeout`.
    /// Afterwards no call runs or begins, and the handler is dropped. Inside a handler it returns at once instead.
    ///
    /// # Errors
    /// As [`EventListener::end`].
    pub async fn removed(self) -> Result<()> {
        self.end(None).await
    }

    /// Removes the handler at once, and returns a future that waits as [`EventListener::removed`] does, for at most
    /// `timeout`. May be called again, to wait again.
    ///
    /// # Errors
    /// Returns [`ErrorKind::Timeout`] if the call under way has not returned in time: what the handler holds is kept until
    /// it does. Returns [`ErrorKind::Forked`] in the child of a fork, where it does nothing.
    pub fn end(
        &self,
        timeout: Option<Duration>,
    ) -> impl Future<Output = Result<()>> + Send + 'static + use<> {
        let here = self.runtime.check_fork();
        self.remove();
        let (runtime, mut finished) = (self.runtime.clone(), self.finished.clone());
        let deadline = Instant::now() + timeout.unwrap_or(self.close_timeout).min(super::options::MAX_TIME);
        async move {
            here?;
            if is_in_handler() {
                return Ok(());
            }
            // No value is ever sent. The channel is closed when the handler ends.
            let ended = async { while finished.changed().await.is_ok() {} };
            runtime.until(deadline, ended).await.ok_or_else(|| {
                Error::undelivered(
                    ErrorKind::Timeout,
                    "a handler of events has not returned in time; what it holds is kept until it does",
                )
            })
        }
    }
}

impl fmt::Debug for EventListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventListener").finish_non_exhaustive()
    }
}
