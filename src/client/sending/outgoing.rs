//! A message to be sent, and what all strategies need.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::stream::{FuturesUnordered, StreamExt};

use crate::client::backoff::Backoff;
use crate::client::choice::{Candidate, candidates};
use crate::client::core::ClientCore;
use crate::client::link::Link;
use crate::client::options::Retry;
use crate::error::Result;
use crate::protocol::Topic;
use crate::session::{self, CallKind, Reply};

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
    pub(crate) retry: Retry,
    /// For unicasts: try again while no subscriber has handled the message.
    pub(crate) wait: bool,
    /// For broadcasts: send through every connected node.
    pub(crate) all_nodes: bool,
}

impl Outgoing {
    /// Returns the link of a client of one node.
    pub(super) fn only_link(&self) -> Option<Arc<Link>> {
        // The guard is dropped here, before any await: each thread has only a few fast slots for guards.
        match self.core.links.all().as_slice() {
            [link] => Some(link.clone()),
            _ => None,
        }
    }

    /// Returns the connected nodes, the best first.
    ///
    /// # Errors
    /// Returns [`NotConnected`](crate::ErrorKind::NotConnected) if there is none.
    pub(super) async fn candidates(&self) -> Result<Vec<Candidate>> {
        let candidates = candidates(&self.core, &self.topic, self.deadline);
        let candidates = self.core.unless_closing(candidates).await?;
        if candidates.is_empty() { Err(session::nobody_connected()) } else { Ok(candidates) }
    }

    /// Returns the pauses between rounds of attempts.
    pub(super) fn pauses() -> Backoff {
        Backoff::new(FIRST_PAUSE, LONGEST_PAUSE)
    }

    /// Returns how long one of several attempts may take before the next begins beside it.
    pub(super) fn time_for_one(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now()) / ATTEMPTS_PER_DEADLINE
    }

    /// Waits for at most `time` until one of the attempts under way ends. There must be one.
    pub(super) async fn next_of<F>(
        &self,
        running: &mut FuturesUnordered<F>,
        time: Duration,
    ) -> Option<Result<Reply>>
    where
        F: Future<Output = Result<Reply>>,
    {
        let limit = (Instant::now() + time).min(self.deadline + DEADLINE_GRACE);
        self.core.runtime.until(limit, running.next()).await.flatten()
    }

    pub(super) fn count_retry(&self) {
        self.core.retries.fetch_add(1, Ordering::Relaxed);
    }
}
