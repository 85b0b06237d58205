//! The task that keeps the client connected to one node. It connects, runs the session, waits for the backoff time and
//! reconnects, until the client is closed or the endpoint is removed. A panic in it ends the session like a lost
//! connection.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::FutureExt;
use tokio::sync::watch;
use tracing::Instrument;

use super::attempt::{may_be_other_generation, with_advice, with_former};
use super::backoff::Backoff;
use super::dialler::{Dialler, Reached};
use super::link::{Link, LinkId, LinkState, SharedByLinks, log_down};
use super::options::Options;
use super::verifications::{Requested, Verifications};
use crate::delivery::{DeliveryShared, Event, Router};
use crate::error::{Error, ErrorKind};
use crate::runtime::RuntimeRef;
use crate::session::{self, Command, Driver, End, Inbox, LinkHandle, Notice, SessionOptions};
use crate::text::span;
use crate::transport::{Dialled, Endpoint, Failed, Generation, OtherGeneration};

/// How long a node may be silent before the other generation is tried.
const PATIENCE: Duration = Duration::from_secs(2);

/// The link's own side: one task.
pub(crate) struct LinkTask {
    endpoint: Endpoint,
    name: Arc<str>,
    options: Arc<Options>,
    dialler: Arc<Dialler>,
    /// Whether the credentials are loaded again before the first attempt to connect as well.
    renew_first: bool,
    delivery: Arc<DeliveryShared>,
    handle: Arc<LinkHandle>,
    router: Router,
    inbox: Inbox,
    /// Commands that the session has taken from the inbox; empty unless it has panicked. The last comes first.
    taken: Vec<Command>,
    state: watch::Sender<LinkState>,
    /// Counts changes of the state of any link, for tasks that wait for some node.
    changed: Arc<watch::Sender<u64>>,
    id: LinkId,
    verifications: Arc<Verifications>,
    established: Arc<AtomicBool>,
    /// The pauses between attempts to connect; none before the first.
    backoff: Backoff,
    started: bool,
    /// Whether the next attempt follows at once, because the session was ended for renewed credentials.
    renewing: bool,
    /// Why the link has ended, for calls that come too late.
    ended: Option<Error>,
}

/// How a step of the link ended.
enum Step<T> {
    Done(T),
    /// The link ends; the error is for calls that come too late.
    Closed(Error),
}

impl LinkTask {
    pub(crate) fn new(
        id: LinkId,
        endpoint: Endpoint,
        renew_first: bool,
        shared: SharedByLinks,
    ) -> (Link, LinkTask) {
        let SharedByLinks { options, dialler, delivery, changed, verifications, established } = shared;
        let (commands, inbox) = session::commands();
        let limits = session::LinkLimits { max_send_bytes: options.max_send_bytes };
        let handle = Arc::new(LinkHandle::new(commands, limits));
        let name: Arc<str> = endpoint.to_string().into();
        let router = Router::new(delivery.clone(), name.clone(), handle.clone());
        let (state, watched) = watch::channel(LinkState::Starting);
        let link = Link { id, endpoint: name.clone(), handle: handle.clone(), state: watched };
        let backoff = Backoff::new(options.reconnect_min, options.reconnect_max);
        let task = LinkTask {
            endpoint,
            name,
            options,
            dialler,
            renew_first,
            delivery,
            handle,
            router,
            inbox,
            taken: Vec::new(),
            state,
            changed,
            id,
            verifications,
            established,
            backoff,
            started: false,
            renewing: false,
            ended: None,
        };
        (link, task)
    }

    /// Runs until the client closes. Keeps the runtime alive until then, so that a client that was dropped without a
    /// close still ends its connection in order.
    pub(crate) async fn run(mut self, _runtime: RuntimeRef) {
        loop {
            // After a panic everything of the session is dropped; what is kept here is valid between any two steps.
            match AssertUnwindSafe(self.keep_connected()).catch_unwind().await {
                Ok(why) => {
                    self.ended = Some(why);
                    return;
                }
                // What is notified of the panic may panic as well: the waker of a listener, for example.
                Err(_) => drop(catch_unwind(AssertUnwindSafe(|| self.panicked()))),
            }
        }
    }

    /// Connects again and again; returns why the link ends.
    async fn keep_connected(&mut self) -> Error {
        if let Step::Closed(why) = self.refuse_taken() {
            return why;
        }
        loop {
            let renewing = std::mem::take(&mut self.renewing);
            // Credentials were loaded before the session was ended.
            let again = std::mem::replace(&mut self.started, true) && !renewing;
            if again {
                let pause = self.backoff.pause();
                if let Step::Closed(why) = self.offline(tokio::time::sleep(pause)).await {
                    return why;
                }
            }
            if (again || self.renew_first && !renewing)
                && let Step::Closed(why) = self.renew_credentials().await
            {
                return why;
            }
            match self.connect_and_run().await {
                Step::Done(was_up_for) => self.backoff.lasted(was_up_for),
                Step::Closed(why) => return why,
            }
        }
    }

    /// Treats a panic as a lost connection. The text of the panic is left to the panic hook, because it may contain
    /// anything.
    fn panicked(&mut self) {
        let was_up = matches!(&*self.state.borrow(), LinkState::Connected);
        self.handle.set_connected(false);
        let error = Error::undelivered(
            ErrorKind::Internal,
            format!("a bug in the library: the task of {} panicked; the client reconnects", self.name),
        );
        self.set_down(error, was_up);
    }

    /// Refuses the commands that a session has left behind, so that no caller and no route is lost with it.
    fn refuse_taken(&mut self) -> Step<()> {
        while let Some(command) = self.taken.pop() {
            if let Step::Closed(why) = self.refuse(command) {
                return Step::Closed(why);
            }
        }
        Step::Done(())
    }

    /// Connects and runs a session to its end; how long that was up. If the node may turn out to be of the other
    /// generation than the first one, that is tried over a new connection.
    async fn connect_and_run(&mut self) -> Step<Duration> {
        let by = Instant::now() + self.options.connect_timeout;
        let mut order = self.dialler.generations(&self.endpoint).into_iter().peekable();
        let mut former = None;
        let mut other = OtherGeneration::Possible;
        while let Some(generation) = order.next() {
            // A peer that has answered the first attempt answers the second one soon or not at all.
            let waits_briefly = order.peek().is_some() || other == OtherGeneration::Likely;
            let patience = waits_briefly.then_some(PATIENCE);
            let (error, up_since);
            ((error, other), up_since) = match self.dial(generation, patience, by).await {
                Step::Closed(why) => return Step::Closed(why),
                Step::Done(Err(Failed { error, other })) => ((error, other), None),
                Step::Done(Ok(Reached { dialled, other })) => {
                    let patience = patience.filter(|_| other != OtherGeneration::Excluded);
                    let handshake_by = patience.map_or(by, |patience| by.min(Instant::now() + patience));
                    match self.run_session(dialled, handshake_by).await {
                        (End::Closed(why), _) => return Step::Closed(why),
                        (End::Lost(error, seen), up_since) => ((error, other.or(seen)), up_since),
                        (End::Renewed, up_since) => {
                            self.renewing = true;
                            self.set_state(LinkState::Starting);
                            return Step::Done(up_since.map_or(Duration::ZERO, |since| since.elapsed()));
                        }
                    }
                }
            };
            let is_late = Instant::now() >= by;
            let ends = order.peek().is_none() || up_since.is_some() || is_late;
            if ends || other == OtherGeneration::Excluded || !may_be_other_generation(&error) {
                let error = with_former(generation, error, former);
                let error = match up_since {
                    None => with_advice(self.options.generations, self.options.tls, other, error),
                    Some(_) => error,
                };
                return self.is_down(error, up_since);
            }
            tracing::debug!(endpoint = %self.name, %generation, %error, "trying the other generation");
            former = Some((generation, error));
        }
        // There is at least one generation, and the last one returns above.
        Step::Done(Duration::ZERO)
    }

    /// Opens a connection for a session of this generation.
    async fn dial(
        &mut self,
        generation: Generation,
        patience: Option<Duration>,
        by: Instant,
    ) -> Step<std::result::Result<Reached, Failed>> {
        let (dialler, endpoint) = (self.dialler.clone(), self.endpoint.clone());
        let dialling = async move { dialler.dial(&endpoint, generation, patience).await };
        match self.offline(tokio::time::timeout_at(by.into(), dialling)).await {
            Step::Closed(why) => Step::Closed(why),
            Step::Done(Ok(reached)) => Step::Done(reached),
            Step::Done(Err(_)) => Step::Done(Err(Error::undelivered(
                ErrorKind::ConnectTimeout,
                format!(
                    "connecting to {} timed out after {}: check the address and port; a firewall may be dropping packets, \
                     or the service there may not speak TLS",
                    self.name,
                    span(self.options.connect_timeout)
                ),
            )
            .into())),
        }
    }

    async fn run_session(&mut self, dialled: Dialled, handshake_by: Instant) -> (End, Option<Instant>) {
        let Dialled { stream, way } = dialled;
        let options = SessionOptions {
            generation: way.generation,
            endpoint: self.name.clone(),
            heartbeat: self.options.heartbeat,
            missed_heartbeats: self.options.missed_heartbeats,
            answer_timeout: self.options.answer_timeout,
            group: self.options.group,
            handshake_by,
        };
        let (handle, seqs) = (self.handle.clone(), self.delivery.seqs.clone());
        let driver = Driver::new(
            stream,
            options,
            seqs,
            handle.clone(),
            &mut self.router,
            &mut self.inbox,
            &mut self.taken,
        );
        let (events, name) = (&self.delivery.events, &self.name);
        let (dialler, endpoint) = (&self.dialler, &self.endpoint);
        let (state, changed) = (&self.state, &self.changed);
        let (verifications, link) = (&self.verifications, self.id);
        let mut node: Option<(Arc<str>, u32)> = None;
        let mut up_since = None;
        let again = handle.counters.connects.load(Ordering::Relaxed) > 0;
        let connection = handle.counters.connects.load(Ordering::Relaxed) + 1;
        let span = tracing::info_span!("session", endpoint = %self.name, connection);
        let end = driver
            .run(|notice| {
                match notice {
                    Notice::Ready { node_version, protocol } => {
                        dialler.settle(endpoint, way.generation)?;
                        tracing::info!(
                            endpoint = %name, node_version, protocol, tls = way.security.tls().name(), "connected"
                        );
                        handle.counters.connects.fetch_add(1, Ordering::Relaxed);
                        let node_version: Arc<str> = node_version.into();
                        node = Some((node_version.clone(), protocol));
                        up_since = Some(Instant::now());
                        // Emit the event before setting the state: `connect` returns as soon as it sees the state, and
                        // listeners created after that must not receive this event.
                        if !again {
                            events.emit(Event::Connected { endpoint: name.clone(), node_version, protocol });
                        }
                        state.send_replace(LinkState::Connected);
                        changed.send_modify(|count| *count += 1);
                    }
                    Notice::ToVerify(request) => {
                        verifications.request(Requested { link, epoch: handle.epoch(), request });
                    }
                    Notice::TopicsRestored => {
                        if let (true, Some((node_version, protocol))) = (again, node.clone()) {
                            events.emit(Event::Reconnected {
                                endpoint: name.clone(),
                                node_version,
                                protocol,
                            });
                        }
                    }
                }
                Ok(())
            })
            .instrument(span)
            .await;
        (end, up_since)
    }

    /// Waits for `work` while no session is established. Refuses calls and stores routes meanwhile.
    async fn offline<T>(&mut self, work: impl Future<Output = T>) -> Step<T> {
        let mut work = std::pin::pin!(work);
        loop {
            let command = tokio::select! {
                done = &mut work => return Step::Done(done),
                command = self.inbox.next() => command,
            };
            if let Step::Closed(why) = self.refuse(command) {
                return Step::Closed(why);
            }
        }
    }

    fn refuse(&mut self, command: Command) -> Step<()> {
        if let Command::Close { why, .. } | Command::Leave { why, .. } = command {
            return Step::Closed(why);
        }
        refuse(&self.handle, &mut self.router, command, session::not_connected(&self.name));
        Step::Done(())
    }

    fn is_down(&mut self, error: Error, up_since: Option<Instant>) -> Step<Duration> {
        self.set_down(error, up_since.is_some());
        Step::Done(up_since.map_or(Duration::ZERO, |since| since.elapsed()))
    }

    /// Counts and reports a lost session, or a failed attempt to connect.
    fn set_down(&mut self, error: Error, was_up: bool) {
        if was_up || self.established.load(Ordering::Relaxed) {
            log_down(&self.name, &error, was_up);
        } else {
            // Connect returns this error, or logs it when it returns a client that has another node.
            tracing::debug!(endpoint = %self.name, %error, "not connected yet");
        }
        let endpoint = self.name.clone();
        let counters = &self.handle.counters;
        let counter = if was_up { &counters.losses } else { &counters.failed_connects };
        counter.fetch_add(1, Ordering::Relaxed);
        self.delivery.events.emit(if was_up {
            Event::Lost { endpoint, error: error.clone() }
        } else {
            Event::ConnectFailed { endpoint, error: error.clone() }
        });
        let since = match &*self.state.borrow() {
            LinkState::Down { since, .. } => *since,
            _ => Instant::now(),
        };
        self.set_state(LinkState::Down { error, since });
    }

    fn set_state(&self, state: LinkState) {
        self.state.send_replace(state);
        self.changed.send_modify(|count| *count += 1);
    }

    /// Loads the credentials again, because the files may have been renewed. If that fails, the link goes on with the
    /// previous ones.
    async fn renew_credentials(&mut self) -> Step<()> {
        let (dialler, limit) = (self.dialler.clone(), self.options.connect_timeout);
        match self.offline(async move { dialler.renew_credentials(limit).await }).await {
            Step::Closed(why) => return Step::Closed(why),
            Step::Done(Ok(())) => {}
            Step::Done(Err(error)) => tracing::warn!(
                endpoint = %self.name, %error, "could not load the credentials again: the previous ones stay in use"
            ),
        }
        Step::Done(())
    }
}

impl Drop for LinkTask {
    /// Ends the link however its task ends: when the client closes, when it is aborted, or with its runtime.
    fn drop(&mut self) {
        self.handle.set_connected(false);
        self.set_state(LinkState::Ended);
        self.inbox.close();
        let why = self.ended.take().unwrap_or_else(session::closed);
        while let Some(command) = self.taken.pop().or_else(|| self.inbox.try_next()) {
            refuse(&self.handle, &mut self.router, command, why.clone());
        }
    }
}

/// Handles a command while no session is established.
fn refuse(handle: &LinkHandle, router: &mut Router, command: Command, error: Error) {
    match command {
        Command::Call(call) => session::refuse_call(handle, call, error),
        Command::Route { topic, spec, applied } => {
            router.set(topic, spec);
            session::answer_route(applied, Err(error));
        }
        // The connection that the request came from is lost. A duplicate of the request may wait at another node.
        Command::Answer { answer, .. } if answer.first => router.batch(Instant::now(), |batch| {
            batch.answered(&answer.ticket, answer.result, &answer.data);
        }),
        Command::Answer { .. }
        | Command::Cancel(_)
        | Command::Survey { .. }
        | Command::Read(_)
        | Command::Verified { .. }
        | Command::EndCalls
        | Command::Renew { .. }
        | Command::Leave { .. }
        | Command::Close { .. } => {}
    }
}
