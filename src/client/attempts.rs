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
use tokio::task::unconstrained;

use super::choice::{Candidate, candidates};
use super::core::ClientCore;
use super::link::Link;
use super::options::Retry;
use crate::error::{Delivery, Error, ErrorKind, Result};
use crate::protocol::Topic;
use crate::session::{self, CallKind, Command, Fit, NewCall, Reply};

/// First pause between rounds while waiting for a subscriber; doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// Topic lists travel between nodes every 5 s: asking more often than this gains little.
const LONGEST_PAUSE: Duration = Duration::from_millis(500);
/// The session ends calls at their deadline; this long after it even a busy one has.
const AFTER_THE_DEADLINE: Duration = Duration::from_millis(100);
/// A caller who wants at least one delivery has a further try begun after this part of the time.
const TRIES_IN_THE_TIME: u32 = 10;

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
        if self.kind == CallKind::Publish && self.retry == Retry::AtLeastOnce {
            // Boxed, as is all that happens seldom: it would make the state of every message larger.
            return Box::pin(self.at_least_once()).await;
        }
        let mut pause = FIRST_PAUSE;
        loop {
            let error = match self.round(self.core.delivery.seqs.next_number()).await {
                Ok(reply) => return Ok(reply),
                Err(error) => error,
            };
            if !self.may_wait(&error, pause) {
                return Err(error);
            }
            self.core.runtime.sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Whether to try again after a pause, because the caller waits for a subscriber.
    fn may_wait(&self, error: &Error, pause: Duration) -> bool {
        let again = self.wait
            && is_definite(error)
            && Instant::now() + pause < self.deadline
            && self.core.check().is_ok();
        if again {
            self.count_retry();
        }
        again
    }

    /// Each connected node once at most, with one id.
    async fn round(&self, number: u64) -> Result<Reply> {
        if let [link] = self.core.links.all().as_slice() {
            let link = link.clone();
            return self.try_on(&link, number).await;
        }
        let candidates = self.candidates().await?;
        match self.kind {
            CallKind::Broadcast => self.broadcast(&candidates, number).await,
            CallKind::Publish if self.retry == Retry::Never => self.try_on(&candidates[0].link, number).await,
            CallKind::Publish => self.one_by_one(&candidates, number).await,
        }
    }

    /// The connected nodes, the best first; at least one.
    async fn candidates(&self) -> Result<Vec<Candidate>> {
        let candidates = candidates(&self.core, &self.topic, self.deadline).await;
        if candidates.is_empty() {
            let down = self.core.links.all().first().map(|link| link.endpoint.clone());
            return Err(session::not_connected(down.as_deref().unwrap_or("no node")));
        }
        Ok(candidates)
    }

    async fn one_by_one(&self, candidates: &[Candidate], number: u64) -> Result<Reply> {
        let mut outcome: Option<Error> = None;
        for candidate in candidates {
            if outcome.is_some() {
                self.count_retry();
            }
            match self.try_on(&candidate.link, number).await {
                Err(error) if is_definite(&error) => outcome = Some(more_telling(outcome, error)),
                ended => return ended,
            }
        }
        Err(outcome.unwrap_or_else(session::closed))
    }

    /// Tries overlap: the next node is tried with the same id when the one before has failed or taken its part of the
    /// time; when all were, they are tried again with a fresh id, in another second (a node's random choice stays
    /// the same within one). Whichever answers first ends the call.
    async fn at_least_once(&self) -> Result<Reply> {
        let part = self.deadline.saturating_duration_since(Instant::now()) / TRIES_IN_THE_TIME;
        let mut running = FuturesUnordered::new();
        let mut outcome: Option<Error> = None;
        let mut pause = FIRST_PAUSE;
        let mut first = true;
        loop {
            let number = self.core.delivery.seqs.next_number();
            let mut nothing_delivered = true;
            match self.candidates().await {
                Err(error) => outcome = Some(more_telling(outcome, error)),
                Ok(candidates) => {
                    for Candidate { link, .. } in candidates {
                        if !std::mem::take(&mut first) {
                            self.count_retry();
                        }
                        running.push(async move { self.try_on(&link, number).await });
                        match self.first_of(&mut running, part).await {
                            Some(Err(error)) if is_definite(&error) => {
                                outcome = Some(more_telling(outcome, error));
                            }
                            Some(Err(error)) if is_maybe(&error) => {
                                nothing_delivered = false;
                                outcome = Some(more_telling(outcome, error));
                            }
                            Some(ended) => return ended,
                            None => nothing_delivered = false,
                        }
                    }
                }
            }
            let error = outcome.clone().unwrap_or_else(|| self.unanswered(part));
            let rest = if nothing_delivered && running.is_empty() {
                if !self.may_wait(&error, pause) {
                    return Err(error);
                }
                pause = (pause * 2).min(LONGEST_PAUSE);
                pause
            } else {
                until_next_second()
            };
            let resume = Instant::now() + rest;
            // Those under way may still answer; at the deadline the session ends them all.
            while let Some(ended) = self.first_of(&mut running, resume - Instant::now()).await {
                match ended {
                    Err(error) if is_definite(&error) || is_maybe(&error) => {
                        outcome = Some(more_telling(outcome, error));
                    }
                    ended => return ended,
                }
            }
            if Instant::now() >= self.deadline || self.core.check().is_err() {
                return Err(outcome.unwrap_or(error));
            }
        }
    }

    /// The next of the running tries to end, within `time`; with none running, waits that long.
    async fn first_of<F>(&self, running: &mut FuturesUnordered<F>, time: Duration) -> Option<Result<Reply>>
    where
        F: Future<Output = Result<Reply>>,
    {
        let limit = (Instant::now() + time).min(self.deadline + AFTER_THE_DEADLINE);
        let ended = async {
            match running.next().await {
                Some(ended) => ended,
                None => std::future::pending().await,
            }
        };
        self.core.runtime.until(limit, ended).await
    }

    fn unanswered(&self, part: Duration) -> Error {
        let text = format!("no answer to the unicast on {:?} by any node within {part:?} each", self.topic);
        Error::new(ErrorKind::Timeout, text).with_delivery(Delivery::Maybe)
    }

    /// One node reaches all subscribers, unless it drops those of its own: then two together do.
    async fn broadcast(&self, candidates: &[Candidate], number: u64) -> Result<Reply> {
        let at_once = match candidates[0].fit {
            _ if self.all_nodes => candidates.len(),
            Fit::AtAPeer | Fit::Unknown | Fit::Nowhere => 1,
            Fit::AtBoth | Fit::AtTheNode => 2.min(candidates.len()),
        };
        let (first, spare) = candidates.split_at(at_once);
        let mut running: FuturesUnordered<_> =
            first.iter().map(|candidate| self.try_on(&candidate.link, number)).collect();
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
                        running.push(self.try_on(&candidate.link, number));
                    }
                    outcome = Some(more_telling(outcome, error));
                }
            }
        }
        acked.ok_or_else(|| outcome.unwrap_or_else(session::closed))
    }

    async fn try_on(&self, link: &Arc<Link>, number: u64) -> Result<Reply> {
        let outcome = self.send_on(link, number).await;
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

    async fn send_on(&self, link: &Arc<Link>, number: u64) -> Result<Reply> {
        let Attempts { kind, topic, data, deadline, .. } = self;
        let port = &link.port;
        if !port.is_connected() {
            return Err(session::not_connected(&link.endpoint));
        }
        let permit = port.permit(session::frame_len(topic, data.len()))?;
        let (done, outcome) = oneshot::channel();
        let (topic, data) = (topic.clone(), data.clone());
        let call = NewCall { kind: *kind, number, topic, data, deadline: *deadline, done, permit };
        if let Err(Command::Call(call)) = port.send(Command::Call(call)) {
            port.bytes_gone(call.frame_len());
            return Err(session::closed());
        }
        let mut in_flight = InFlight { link, number, ended: false };
        // A call waits for the wire in any case, so it needs no budget to let others run; with one, a set of calls in
        // one task would be gone through in vain, again and again, once the task has used it up.
        let outcome = unconstrained(outcome).await;
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
    number: u64,
    ended: bool,
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        if !self.ended {
            // A link that has ended has no calls.
            let _ = self.link.port.send(Command::Cancel(self.number));
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
