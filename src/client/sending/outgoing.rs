//! A message to be sent, and what all strategies need.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::stream::{FuturesUnordered, StreamExt};

use super::outcome::Failed;
use crate::client::backoff::Backoff;
use crate::client::choice::{Candidate, candidates};
use crate::client::core::ClientCore;
use crate::client::link::{COMING_FOR, Link};
use crate::client::options::Retry;
use crate::error::Result;
use crate::protocol::Topic;
use crate::session::{self, CallKind, Fit};

/// The first pause between rounds of attempts; it doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// The longest pause. Topic lists travel between nodes every 5 s, so that shorter pauses gain little.
const LONGEST_PAUSE: Duration = Duration::from_millis(500);
/// How long after its deadline a call waits for its session, which ends it at the deadline.
const DEADLINE_GRACE: Duration = Duration::from_millis(100);
/// An attempt of a call that makes several side by side may take this part of the time before the next begins.
const ATTEMPTS_PER_DEADLINE: u32 = 10;

/// One message with the settings of its call.
pub(crate) struct Outgoing {
    pub(crate) core: Arc<ClientCore>,
    pub(crate) kind: CallKind,
    pub(crate) topic: Topic,
    pub(crate) data: Bytes,
    pub(crate) deadline: Instant,
    /// How long before the deadline the call began.
    pub(crate) timeout: Duration,
    pub(crate) retry: Retry,
    /// For unicasts: try again while no subscriber has handled the message. For broadcasts: wait for a subscriber.
    pub(crate) wait: bool,
    /// For broadcasts: send through every connected node.
    pub(crate) all_nodes: bool,
}

impl Outgoing {
    /// Returns the link of a client of one node, if there is nothing to know before a message is sent to it.
    pub(super) fn only_link(&self) -> Option<Arc<Link>> {
        // The guard is dropped here, before any await: each thread has only a few fast slots for guards.
        match self.core.links.all().as_slice() {
            [link] if !link.handle.views.loses_own() => Some(link.clone()),
            _ => None,
        }
    }

    /// Returns the connected nodes, the best first. If none suits now, waits a moment for further nodes whose connection
    /// is probably established soon.
    ///
    /// # Errors
    /// Returns [`NotConnected`](crate::ErrorKind::NotConnected) if there is none.
    pub(super) async fn candidates(&self) -> Result<Vec<Candidate>> {
        let core = &self.core;
        let candidates = core
            .unless_closing(candidates(core, &self.topic, self.kind, self.deadline, self.has_to_know()))
            .await?;
        let is_enough = self.retry == Retry::Never || candidates.is_empty() || self.suits_now(&candidates);
        let candidates = match is_enough || !self.is_any_coming() {
            true => candidates,
            // Boxed, because it happens seldom and would make the state of every message larger.
            false => Box::pin(self.candidates_soon()).await?,
        };
        if candidates.is_empty() { Err(session::nobody_connected()) } else { Ok(candidates) }
    }

    /// Returns the connected nodes as soon as one suits, as none is coming any more, or after [`COMING_FOR`].
    async fn candidates_soon(&self) -> Result<Vec<Candidate>> {
        let core = &self.core;
        let limit = self.deadline.min(Instant::now() + COMING_FOR);
        let mut changes = core.links.watch();
        loop {
            changes.borrow_and_update();
            let candidates = core
                .unless_closing(candidates(core, &self.topic, self.kind, self.deadline, self.has_to_know()))
                .await?;
            if Instant::now() >= limit || self.suits_now(&candidates) || !self.is_any_coming() {
                return Ok(candidates);
            }
            let passage = candidates.first().and_then(|best| best.passage(core, &self.topic));
            let wake =
                passage.map_or(limit, |passage| limit.min(Instant::now() + passage.wait.min(COMING_FOR)));
            core.unless_closing(core.runtime.until(wake, changes.changed())).await?;
        }
    }

    /// Returns whether the call has to know of a subscriber before it sends anything.
    fn has_to_know(&self) -> bool {
        self.wait && self.kind == CallKind::Broadcast
    }

    fn is_any_coming(&self) -> bool {
        let now = Instant::now();
        self.core.links.all().iter().any(|link| link.is_coming(now))
    }

    /// Returns whether the message can be sent now to where it isn't lost, as far as is known.
    fn suits_now(&self, candidates: &[Candidate]) -> bool {
        candidates.first().is_some_and(|best| match (best.fit, self.kind) {
            (fit, _) if !fit.loses_own() => true,
            // Two nodes reach each other's subscribers.
            (_, CallKind::Broadcast) => candidates.len() > 1,
            (Fit::InSomeSeconds, CallKind::Publish) => {
                best.passage(&self.core, &self.topic).is_some_and(|passage| passage.wait.is_zero())
            }
            (_, CallKind::Publish) => false,
        })
    }

    /// Returns the pauses between rounds of attempts.
    pub(super) fn pauses() -> Backoff {
        Backoff::new(FIRST_PAUSE, LONGEST_PAUSE)
    }

    /// Pauses between two rounds of attempts, which have `failed` so far.
    ///
    /// # Errors
    /// Returns the error of the call if the deadline comes first or the client closes.
    pub(super) async fn pause(&self, pauses: &mut Backoff, failed: Failed) -> Result<Failed> {
        let pause = pauses.pause();
        if Instant::now() + pause >= self.deadline {
            return Err(failed.into_error());
        }
        match self.core.unless_closing(self.core.runtime.sleep(pause)).await {
            Ok(()) => Ok(failed),
            Err(closed) => Err(failed.end_with(closed)),
        }
    }

    /// Returns how long one of several attempts may take before the next begins beside it.
    pub(super) fn time_for_one(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now()) / ATTEMPTS_PER_DEADLINE
    }

    /// Waits for at most `time` until one of the attempts under way ends. There must be one.
    pub(super) async fn next_of<F: Future>(
        &self,
        running: &mut FuturesUnordered<F>,
        time: Duration,
    ) -> Option<F::Output> {
        let limit = (Instant::now() + time).min(self.deadline + DEADLINE_GRACE);
        self.core.runtime.until(limit, running.next()).await.flatten()
    }

    pub(super) fn count_retry(&self) {
        self.core.retries.fetch_add(1, Ordering::Relaxed);
    }
}
