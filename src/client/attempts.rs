//! One message and the tries to get it through.
//!
//! A failure is *definite* (nothing was delivered) or *maybe delivered*. Definite ones go on to the next node with the
//! same id. Maybe-delivered ones are errors, unless the caller wants it delivered at least once.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::sync::oneshot;

use super::choice::{Candidate, candidates};
use super::core::ClientCore;
use super::link::Link;
use super::options::Retry;
use crate::error::{Delivery, Error, ErrorKind, Result};
use crate::protocol::{Seq, Topic};
use crate::session::{self, CallKind, Command, Fit, NewCall, Reply};

/// First pause between rounds while waiting for a subscriber; doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// Topic lists travel between nodes every 5 s: asking more often than this gains little.
const LONGEST_PAUSE: Duration = Duration::from_millis(500);
/// A caller who wants at least one delivery gives each try this part of the time.
const TRIES_IN_THE_TIME: u32 = 3;

/// A message on its way.
pub(super) struct Attempts {
    pub(super) core: Arc<ClientCore>,
    pub(super) kind: CallKind,
    pub(super) topic: Topic,
    pub(super) data: Bytes,
    pub(super) deadline: Instant,
    pub(super) retry: Retry,
    /// Go on while nothing was delivered.
    pub(super) wait: bool,
    /// For broadcasts: through every connected node.
    pub(super) all_nodes: bool,
}

impl Attempts {
    pub(super) async fn run(self) -> Result<Reply> {
        let began = Instant::now();
        let mut pause = FIRST_PAUSE;
        loop {
            let seq = self.core.delivery.seqs.next();
            let error = match self.round(seq, began).await {
                Ok(reply) => return Ok(reply),
                Err(error) => error,
            };
            let pause = if is_definite(&error) && self.wait {
                let this = pause;
                pause = (pause * 2).min(LONGEST_PAUSE);
                this
            } else if self.retry == Retry::AtLeastOnce && is_maybe(&error) {
                // A node's random choice stays the same within a second: a retry before it ends goes the same way.
                until_next_second()
            } else {
                return Err(error);
            };
            if Instant::now() + pause >= self.deadline || self.core.check().is_err() {
                return Err(error);
            }
            self.count_retry();
            self.core.runtime.sleep(pause).await;
        }
    }

    /// Each connected node once, with one id.
    async fn round(&self, seq: Seq, began: Instant) -> Result<Reply> {
        let links = self.core.links.all();
        if let [link] = links.as_slice() {
            let link = link.clone();
            drop(links);
            return self.try_on(&link, seq).await;
        }
        drop(links);
        let candidates = candidates(&self.core, &self.topic, self.deadline).await;
        if candidates.is_empty() {
            let down = self.core.links.all().first().map(|link| link.endpoint.clone());
            return Err(session::not_connected(down.as_deref().unwrap_or("no node")));
        }
        if self.kind == CallKind::Broadcast {
            return self.broadcast(&candidates, seq).await;
        }
        match self.retry {
            Retry::AtLeastOnce => self.overlapping(&candidates, seq, began).await,
            Retry::Definite => self.one_by_one(&candidates, seq).await,
            Retry::Never => self.try_on(&candidates[0].link, seq).await,
        }
    }

    async fn one_by_one(&self, candidates: &[Candidate], seq: Seq) -> Result<Reply> {
        let mut outcome: Option<Error> = None;
        for candidate in candidates {
            if outcome.is_some() {
                self.count_retry();
            }
            match self.try_on(&candidate.link, seq).await {
                Err(error) if is_definite(&error) => outcome = Some(more_telling(outcome, error)),
                ended => return ended,
            }
        }
        Err(outcome.unwrap_or_else(session::closed))
    }

    /// The next node gets its try when the one before has failed or used up its time; whichever answers first.
    async fn overlapping(&self, candidates: &[Candidate], seq: Seq, began: Instant) -> Result<Reply> {
        let each = (self.deadline - began) / TRIES_IN_THE_TIME;
        let mut running = FuturesUnordered::new();
        let mut outcome: Option<Error> = None;
        let mut waiting = candidates.iter();
        let mut next = waiting.next();
        loop {
            if let Some(candidate) = next.take() {
                if outcome.is_some() || !running.is_empty() {
                    self.count_retry();
                }
                running.push(self.try_on(&candidate.link, seq));
            }
            let limit = (Instant::now() + each).min(self.deadline + each);
            match self.core.runtime.until(limit, running.next()).await {
                Some(Some(Err(error))) if is_definite(&error) || is_maybe(&error) => {
                    outcome = Some(more_telling(outcome, error));
                    next = waiting.next();
                }
                Some(Some(ended)) => return ended,
                Some(None) => return Err(outcome.unwrap_or_else(session::closed)),
                None => {
                    next = waiting.next();
                    if next.is_none() {
                        // All have had their time with this id: a fresh one may fare better.
                        let error = outcome.unwrap_or_else(|| {
                            Error::new(
                                ErrorKind::Timeout,
                                format!("no answer on {:?} by any node within {each:?}", self.topic),
                            )
                        });
                        return Err(error.with_delivery(Delivery::Maybe));
                    }
                }
            }
        }
    }

    /// One node reaches all subscribers, unless it drops those of its own: then two together do.
    async fn broadcast(&self, candidates: &[Candidate], seq: Seq) -> Result<Reply> {
        let at_once = match candidates[0].fit {
            _ if self.all_nodes => candidates.len(),
            Fit::AtAPeer | Fit::Unknown | Fit::Nowhere => 1,
            Fit::AtBoth | Fit::AtTheNode => 2.min(candidates.len()),
        };
        let (first, spare) = candidates.split_at(at_once);
        let mut running: FuturesUnordered<_> =
            first.iter().map(|candidate| self.try_on(&candidate.link, seq)).collect();
        let mut spare = spare.iter();
        let mut acked = None;
        let mut outcome: Option<Error> = None;
        while let Some(ended) = running.next().await {
            match ended {
                Ok(reply) => acked = Some(reply),
                Err(error) => {
                    if is_definite(&error)
                        && self.retry != Retry::Never
                        && let Some(candidate) = spare.next()
                    {
                        self.count_retry();
                        running.push(self.try_on(&candidate.link, seq));
                    }
                    outcome = Some(more_telling(outcome, error));
                }
            }
        }
        acked.ok_or_else(|| outcome.unwrap_or_else(session::closed))
    }

    async fn try_on(&self, link: &Arc<Link>, seq: Seq) -> Result<Reply> {
        let outcome = self.send_on(link, seq).await;
        if let Err(error) = &outcome
            && matches!(
                error.kind(),
                ErrorKind::NoSubscriber | ErrorKind::SubscriberUnreachable | ErrorKind::Timeout
            )
        {
            link.port.views.doubt();
        }
        outcome
    }

    async fn send_on(&self, link: &Arc<Link>, seq: Seq) -> Result<Reply> {
        let Attempts { kind, topic, data, deadline, .. } = self;
        let port = &link.port;
        if !port.is_connected() {
            return Err(session::not_connected(&link.endpoint));
        }
        let permit = port.permit(session::frame_len(topic, data.len()))?;
        let (done, outcome) = oneshot::channel();
        let (topic, data) = (topic.clone(), data.clone());
        let call = NewCall { kind: *kind, seq, topic, data, deadline: *deadline, done, permit };
        if let Err(Command::Call(call)) = port.send(Command::Call(call)) {
            port.bytes_gone(call.frame_len());
            return Err(session::closed());
        }
        let mut in_flight = InFlight { link, seq, ended: false };
        let outcome = outcome.await;
        in_flight.ended = true;
        outcome.unwrap_or_else(|_| Err(session::closed().with_delivery(Delivery::Maybe)))
    }

    fn count_retry(&self) {
        self.core.retries.fetch_add(1, Ordering::Relaxed);
    }
}

/// Nothing was delivered, and another try may do better.
fn is_definite(error: &Error) -> bool {
    error.delivery() == Delivery::No
        && error.is_retriable()
        && !matches!(error.kind(), ErrorKind::Timeout | ErrorKind::Overloaded)
}

/// It may have been delivered, but nobody who handled it has said so.
fn is_maybe(error: &Error) -> bool {
    error.delivery() == Delivery::Maybe
        && matches!(
            error.kind(),
            ErrorKind::Timeout
                | ErrorKind::ConnectionLost
                | ErrorKind::NoSubscriber
                | ErrorKind::RemoteNode
                | ErrorKind::NodeTimeout
                | ErrorKind::SubscriberUnreachable
        )
}

/// Of two failures the one to report: one that may have been delivered before one that was not, and what a node
/// said before that another wasn't connected.
fn more_telling(former: Option<Error>, latter: Error) -> Error {
    match former {
        Some(former) if former.delivery() == Delivery::Maybe && latter.delivery() == Delivery::No => former,
        Some(former) if latter.kind() == ErrorKind::NotConnected => former,
        _ => latter,
    }
}

fn until_next_second() -> Duration {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Duration::from_secs(1) - Duration::from_nanos(now.subsec_nanos().into())
}

/// Tells the session when the caller goes before the call has ended.
struct InFlight<'a> {
    link: &'a Link,
    seq: Seq,
    ended: bool,
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        if !self.ended {
            // A link that has ended has no calls.
            let _ = self.link.port.send(Command::Cancel(self.seq));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(kind: ErrorKind, delivery: Delivery) -> Error {
        Error::new(kind, "").with_delivery(delivery)
    }

    #[test]
    fn what_may_be_tried_again() {
        use Delivery::{Maybe, No};
        assert!(is_definite(&error(ErrorKind::NoSubscriber, No)));
        assert!(is_definite(&error(ErrorKind::SubscriberBusy, No)));
        assert!(is_definite(&error(ErrorKind::ConnectionLost, No)));
        assert!(!is_definite(&error(ErrorKind::NoSubscriber, Maybe)));
        assert!(!is_definite(&error(ErrorKind::TooLarge, No)));
        assert!(!is_definite(&error(ErrorKind::Timeout, No)), "its time is over");
        assert!(is_maybe(&error(ErrorKind::SubscriberUnreachable, Maybe)));
        assert!(!is_maybe(&error(ErrorKind::SubscriberFailed, Maybe)), "somebody handled it");
    }

    #[test]
    fn the_failure_to_report_is_the_one_that_says_most() {
        use Delivery::{Maybe, No};
        let first = error(ErrorKind::Timeout, Maybe);
        assert_eq!(more_telling(Some(first), error(ErrorKind::NoSubscriber, No)).kind(), ErrorKind::Timeout);
        let first = error(ErrorKind::NoSubscriber, No);
        let told = more_telling(Some(first), error(ErrorKind::NotConnected, No));
        assert_eq!(told.kind(), ErrorKind::NoSubscriber);
        assert!(until_next_second() <= Duration::from_secs(1));
    }
}
