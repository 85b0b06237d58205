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
use tracing::Instrument;

use super::backoff::Backoff;
use super::choice::{Candidate, candidates, wall_second};
use super::core::ClientCore;
use super::link::Link;
use super::options::Retry;
use crate::error::{Delivery, Error, ErrorKind, Result};
use crate::protocol::Topic;
use crate::session::{self, CallKind, Command, NewCall, Reach, Reply};

/// What is logged of calls.
const TARGET: &str = "amop::call";

/// First pause between rounds while waiting for a subscriber; doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// Topic lists travel between nodes every 5 s: asking more often than this gains little.
const LONGEST_PAUSE: Duration = Duration::from_millis(500);
/// The session ends calls at their deadline; this long after it even a busy one has.
const DEADLINE_GRACE: Duration = Duration::from_millis(100);
/// A caller who wants at least one delivery has a further try begun after this part of the time.
const ATTEMPTS_PER_DEADLINE: u32 = 10;

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
        if tracing::enabled!(target: TARGET, tracing::Level::DEBUG) {
            return Box::pin(self.deliver_in_a_span()).await;
        }
        self.deliver().await
    }

    /// With a span around all that is logged of this call, and a line of its end. No payload, and no error text, which
    /// may hold what the subscriber said.
    async fn deliver_in_a_span(self) -> Result<Reply> {
        let span = tracing::debug_span!(
            target: TARGET, "call", kind = ?self.kind, topic = %self.topic, bytes = self.data.len()
        );
        let began = Instant::now();
        let deliver = async move {
            let outcome = self.deliver().await;
            let took = began.elapsed();
            match &outcome {
                Ok(reply) => tracing::debug!(
                    target: TARGET, ?took, endpoint = reply.endpoint(), bytes = reply.data().len(), "ended well"
                ),
                Err(error) => tracing::debug!(
                    target: TARGET, ?took, error = ?error.kind(), delivery = ?error.delivery(), "failed"
                ),
            }
            outcome
        };
        deliver.instrument(span).await
    }

    async fn deliver(self) -> Result<Reply> {
        if self.kind == CallKind::Publish && self.retry == Retry::AtLeastOnce {
            // Boxed, as is all that happens seldom: it would make the state of every message larger.
            return Box::pin(self.at_least_once()).await;
        }
        match self.round(self.core.delivery.seqs.next_number()).await {
            Err(error) if self.wait => Box::pin(self.wait_on(error)).await,
            ended => ended,
        }
    }

    /// Tries again for as long as the caller waits for a subscriber and nothing was delivered.
    async fn wait_on(&self, mut error: Error) -> Result<Reply> {
        let mut backoff = Backoff::new(FIRST_PAUSE, LONGEST_PAUSE);
        let _place = self.core.waiting.enter(self.data.len())?;
        loop {
            let pause = backoff.pause();
            if !self.may_wait(&error, pause) {
                return Err(error);
            }
            self.core.runtime.sleep(pause).await;
            self.count_retry();
            match self.round(self.core.delivery.seqs.next_number()).await {
                Err(again) => error = again,
                ended => return ended,
            }
        }
    }

    /// Whether a further try after a pause makes sense, since the caller waits for a subscriber.
    fn may_wait(&self, error: &Error, pause: Duration) -> bool {
        self.wait
            && (can_try_other_node(error) || error.kind() == ErrorKind::NoSubscriber)
            && Instant::now() + pause < self.deadline
            && self.core.check().is_ok()
    }

    /// Each connected node once at most, with one id.
    async fn round(&self, number: u64) -> Result<Reply> {
        // Not held across the call: it is one of few places that a thread has for such looks.
        let only = match self.core.links.all().as_slice() {
            [link] => Some(link.clone()),
            _ => None,
        };
        if let Some(link) = only {
            // Nothing to choose from, so nothing to learn for the next choice.
            return self.send_on(&link, number).await;
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
        if candidates.is_empty() { Err(session::nobody_connected()) } else { Ok(candidates) }
    }

    async fn one_by_one(&self, candidates: &[Candidate], number: u64) -> Result<Reply> {
        let mut outcome: Option<Error> = None;
        for candidate in candidates {
            if outcome.is_some() {
                self.count_retry();
            }
            match self.try_on(&candidate.link, number).await {
                Err(error) if can_try_other_node(&error) => outcome = Some(more_informative(outcome, error)),
                ended => return ended,
            }
        }
        Err(outcome.unwrap_or_else(session::closed))
    }

    /// Tries overlap: the next node is tried with the same id when the one before has failed or taken its part of the
    /// time; when all were, they are tried again with a fresh id, in another second (a node's random choice stays
    /// the same within one). Whichever answers first ends the call.
    async fn at_least_once(&self) -> Result<Reply> {
        let _place = self.core.waiting.enter(self.data.len())?;
        let part = self.part();
        let mut running = FuturesUnordered::new();
        let mut failed = Failed::default();
        let mut backoff = Backoff::new(FIRST_PAUSE, LONGEST_PAUSE);
        let mut first = true;
        loop {
            let number = self.core.delivery.seqs.next_number();
            let mut of_this_round = None;
            match self.candidates().await {
                Err(error) => of_this_round = Some(error),
                Ok(candidates) => {
                    for Candidate { link, .. } in candidates {
                        if !std::mem::take(&mut first) {
                            self.count_retry();
                        }
                        running.push(async move { self.try_on(&link, number).await });
                        match self.first_of(&mut running, part).await {
                            Some(Err(error)) if can_retry(&error) => {
                                failed.add(&error);
                                of_this_round = Some(more_informative(of_this_round, error));
                            }
                            Some(Err(error)) => return Err(failed.with(error, !running.is_empty())),
                            Some(reply) => return reply,
                            // It is still under way.
                            None => failed.maybe = true,
                        }
                    }
                }
            }
            let rest = if failed.maybe || !running.is_empty() {
                until_next_second(SystemTime::now())
            } else {
                let error = of_this_round.unwrap_or_else(session::nobody_connected);
                let pause = backoff.pause();
                if !self.may_wait(&error, pause) {
                    return Err(error);
                }
                failed.add(&error);
                pause
            };
            let resume = Instant::now() + rest;
            // Those under way may still answer; at the deadline the session ends them all.
            while let Some(ended) =
                self.first_of(&mut running, resume.saturating_duration_since(Instant::now())).await
            {
                match ended {
                    Err(error) if can_retry(&error) => failed.add(&error),
                    Err(error) => return Err(failed.with(error, !running.is_empty())),
                    reply => return reply,
                }
            }
            if Instant::now() >= self.deadline || self.core.check().is_err() {
                let error = failed.error.take().unwrap_or_else(|| self.unanswered(part));
                return Err(failed.with(error, !running.is_empty()));
            }
        }
    }

    /// What one try of several may take before the next begins beside it.
    fn part(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now()) / ATTEMPTS_PER_DEADLINE
    }

    /// The next of the running tries to end, within `time`; with none running, waits that long.
    async fn first_of<F>(&self, running: &mut FuturesUnordered<F>, time: Duration) -> Option<Result<Reply>>
    where
        F: Future<Output = Result<Reply>>,
    {
        let limit = (Instant::now() + time).min(self.deadline + DEADLINE_GRACE);
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
        Error::undelivered(ErrorKind::Timeout, text).with_delivery(Delivery::Maybe)
    }

    /// One node reaches all subscribers, unless it drops those of its own: then two together do. Where one of them fails
    /// before its ack another takes its part, with the same id; who wants at least one delivery doesn't wait for it to
    /// fail. Once one has acked, the others get a part of the time.
    async fn broadcast(&self, candidates: &[Candidate], number: u64) -> Result<Reply> {
        let wanted = match candidates[0].fit {
            _ if self.all_nodes => candidates.len(),
            Reach::PeersOnly | Reach::Unknown | Reach::NoSubscriber | Reach::Unresponsive => 1,
            Reach::LocalAndPeers | Reach::LocalOnly => 2.min(candidates.len()),
        };
        let (first, spare) = candidates.split_at(wanted);
        let part = self.part();
        let mut running: FuturesUnordered<_> =
            first.iter().map(|candidate| self.try_on(&candidate.link, number)).collect();
        let mut spare = spare.iter();
        let mut acks = 0;
        let mut acked = None;
        let mut failed = Failed::default();
        while acks < wanted && !running.is_empty() {
            let hurry = acked.is_some() || (self.retry == Retry::AtLeastOnce && spare.len() > 0);
            // Else the session ends them, at the deadline.
            let time = if hurry { part } else { super::options::MAX_TIME };
            match self.first_of(&mut running, time).await {
                Some(Ok(reply)) => {
                    acks += 1;
                    acked = Some(reply);
                    continue;
                }
                Some(Err(error)) => {
                    let lost = error.kind() == ErrorKind::ConnectionLost;
                    let elsewhere = (lost || can_try_other_node(&error)) && self.retry != Retry::Never;
                    failed.add(&error);
                    if !elsewhere {
                        continue;
                    }
                }
                // Those that are still silent are not waited for any longer.
                None if acked.is_some() || !hurry => break,
                None => failed.maybe = true,
            }
            if let Some(candidate) = spare.next() {
                self.count_retry();
                running.push(self.try_on(&candidate.link, number));
            }
        }
        let Some(reply) = acked else {
            let error = failed.error.take().unwrap_or_else(|| self.unacked());
            return Err(failed.with(error, !running.is_empty()));
        };
        if acks < wanted {
            self.core.partial_broadcasts.fetch_add(1, Ordering::Relaxed);
            tracing::warn!(
                topic = %self.topic, acks, wanted,
                "not every node that a broadcast needs has acked it: subscribers of the others may miss it"
            );
        }
        Ok(reply)
    }

    fn unacked(&self) -> Error {
        let text = format!("no node acked the broadcast on {:?} in time", self.topic);
        Error::undelivered(ErrorKind::Timeout, text).with_delivery(Delivery::Maybe)
    }

    async fn try_on(&self, link: &Arc<Link>, number: u64) -> Result<Reply> {
        let views = &link.port.views;
        let second = match self.kind {
            CallKind::Publish => wall_second(),
            // Says nothing of what becomes of unicasts.
            CallKind::Broadcast => 0,
        };
        views.tried(second);
        let outcome = self.send_on(link, number).await;
        match &outcome {
            Ok(_) => views.worked(second),
            Err(error) => match error.kind() {
                ErrorKind::Timeout if error.delivery() == Delivery::Maybe => {
                    views.doubt();
                    views.timed_out();
                }
                ErrorKind::NoSubscriber | ErrorKind::SubscriberUnreachable | ErrorKind::Timeout => {
                    views.doubt()
                }
                _ => {}
            },
        }
        outcome
    }

    async fn send_on(&self, link: &Arc<Link>, number: u64) -> Result<Reply> {
        let Attempts { kind, topic, data, deadline, .. } = self;
        let port = &link.port;
        if !port.is_connected() {
            return Err(session::not_connected(&link.endpoint));
        }
        tracing::debug!(
            target: TARGET, endpoint = %link.endpoint, seq = %self.core.delivery.seqs.seq(number), "to be sent"
        );
        let permit = port.permit(session::frame_len(topic, data.len()))?;
        let (done, outcome) = oneshot::channel();
        let (topic, data) = (topic.clone(), data.clone());
        let call = NewCall { kind: *kind, number, topic, data, deadline: *deadline, done, permit };
        if let Err(Command::Call(call)) = port.send(Command::Call(call)) {
            session::refuse_call(port, call, session::closed());
            return Err(self.ended(link));
        }
        let mut in_flight = InFlight { link, number, ended: false };
        // A call waits for the wire in any case, so it needs no budget to let others run; with one, a set of calls in
        // one task would be gone through in vain, again and again, once the task has used it up.
        let outcome = unconstrained(outcome).await;
        in_flight.ended = true;
        outcome.unwrap_or_else(|_| Err(self.ended(link).with_delivery(Delivery::Maybe)))
    }

    /// The link has ended: with the client, or because its node was removed a moment ago.
    fn ended(&self, link: &Link) -> Error {
        self.core.check().err().unwrap_or_else(|| session::not_connected(&link.endpoint))
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

/// Another node may take it: it was not delivered, this one has no capacity for it, or a subscriber refused it. In the
/// last case another subscriber may have had it before; the same id lets it recognise the copy.
fn can_try_other_node(error: &Error) -> bool {
    is_definite(error)
        || matches!(error.kind(), ErrorKind::SubscriberBusy | ErrorKind::SubscriberUnsubscribed)
        || (error.kind() == ErrorKind::Overloaded && error.delivery() == Delivery::No)
}

/// A further try makes sense for who wants at least one delivery.
fn can_retry(error: &Error) -> bool {
    can_try_other_node(error) || is_maybe(error)
}

/// What has failed so far of a call with several tries.
#[derive(Default)]
struct Failed {
    error: Option<Error>,
    /// Some try may have been delivered.
    maybe: bool,
}

impl Failed {
    fn add(&mut self, error: &Error) {
        self.maybe |= error.delivery() == Delivery::Maybe;
        self.error = Some(more_informative(self.error.take(), error.clone()));
    }

    /// The error that ends the call; `running`: tries are still under way.
    fn with(&self, error: Error, running: bool) -> Error {
        if self.maybe || running { error.with_delivery(Delivery::Maybe) } else { error }
    }
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
fn more_informative(former: Option<Error>, latter: Error) -> Error {
    match former {
        Some(former) if former.delivery() == Delivery::Maybe && latter.delivery() == Delivery::No => former,
        Some(former) if latter.kind() == ErrorKind::NotConnected => former,
        _ => latter,
    }
}

/// A second at most, whatever the wall clock says.
fn until_next_second(now: SystemTime) -> Duration {
    let now = now.duration_since(UNIX_EPOCH).unwrap_or_default();
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
        Error::undelivered(kind, "").with_delivery(delivery)
    }

    #[test]
    fn what_may_be_tried_again() {
        use Delivery::{Maybe, No};
        assert!(is_definite(&error(ErrorKind::NoSubscriber, No)));
        assert!(can_try_other_node(&error(ErrorKind::SubscriberBusy, Maybe)));
        assert!(is_definite(&error(ErrorKind::ConnectionLost, No)));
        assert!(!is_definite(&error(ErrorKind::NoSubscriber, Maybe)));
        assert!(!is_definite(&error(ErrorKind::TooLarge, No)));
        assert!(!is_definite(&error(ErrorKind::Timeout, No)), "its time is over");
        assert!(
            can_try_other_node(&error(ErrorKind::Overloaded, No))
                && !is_definite(&error(ErrorKind::Overloaded, No))
        );
        assert!(is_maybe(&error(ErrorKind::SubscriberUnreachable, Maybe)));
        assert!(!is_maybe(&error(ErrorKind::SubscriberFailed, Maybe)), "somebody handled it");
    }

    #[test]
    fn the_failure_to_report_is_the_one_that_says_most() {
        use Delivery::{Maybe, No};
        let first = error(ErrorKind::Timeout, Maybe);
        assert_eq!(
            more_informative(Some(first), error(ErrorKind::NoSubscriber, No)).kind(),
            ErrorKind::Timeout
        );
        let first = error(ErrorKind::NoSubscriber, No);
        let told = more_informative(Some(first), error(ErrorKind::NotConnected, No));
        assert_eq!(told.kind(), ErrorKind::NoSubscriber);
    }

    #[test]
    fn the_next_second_is_never_far_whatever_the_clock_says() {
        let second = Duration::from_secs(1);
        for now in [Duration::ZERO, second / 3, 7 * second, Duration::from_secs(1 << 40)] {
            let rest = until_next_second(UNIX_EPOCH + now);
            assert!(rest > Duration::ZERO && rest <= second);
        }
        assert_eq!(until_next_second(UNIX_EPOCH + second / 4), second * 3 / 4);
        assert_eq!(until_next_second(UNIX_EPOCH - second), second, "a clock before 1970");
    }

    #[test]
    fn what_may_have_been_delivered_once_stays_so() {
        use Delivery::{Maybe, No};
        let mut failed = Failed::default();
        failed.add(&error(ErrorKind::NoSubscriber, No));
        assert_eq!(failed.with(error(ErrorKind::Overloaded, No), false).delivery(), No);
        assert_eq!(
            failed.with(error(ErrorKind::Overloaded, No), true).delivery(),
            Maybe,
            "a try is under way"
        );
        failed.add(&error(ErrorKind::ConnectionLost, Maybe));
        failed.add(&error(ErrorKind::NoSubscriber, No));
        assert_eq!(failed.error.as_ref().unwrap().kind(), ErrorKind::ConnectionLost);
        assert_eq!(failed.with(error(ErrorKind::Closed, No), false).delivery(), Maybe);
    }
}
