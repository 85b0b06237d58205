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
use super::call_limits::CallPermit;
use super::choice::{Candidate, candidates, wall_second};
use super::core::ClientCore;
use super::link::Link;
use super::options::Retry;
use crate::error::{Delivery, Error, ErrorKind, Result};
use crate::protocol::Topic;
use crate::session::{self, CallKind, Caller, Command, NewCall, Reach, Reply};

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
        self.deliver_or_closed().await
    }

    /// Delivers the message. Once the client closes, a missing connection is no reason to try again any more.
    async fn deliver_or_closed(self) -> Result<Reply> {
        let core = self.core.clone();
        match self.deliver().await {
            Err(error) if error.kind() == ErrorKind::NotConnected && core.is_closing() => {
                Err(session::closed().with_delivery(error.delivery()))
            }
            outcome => outcome,
        }
    }

    /// With a span around all that is logged of this call, and a line of its end. No payload, and no error text, which
    /// may hold what the subscriber said.
    async fn deliver_in_a_span(self) -> Result<Reply> {
        let span = tracing::debug_span!(
            target: TARGET, "call", kind = ?self.kind, topic = %self.topic, bytes = self.data.len()
        );
        let began = Instant::now();
        let deliver = async move {
            let outcome = self.deliver_or_closed().await;
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
        let limits = &self.core.call_limits;
        if self.kind == CallKind::Publish && self.retry == Retry::AtLeastOnce {
            let _permit = limits.accept_waiting(self.data.len())?;
            // Boxed, like everything that is rare, because it would enlarge the state of every message.
            return Box::pin(self.at_least_once()).await;
        }
        let number = self.core.delivery.seqs.next_number();
        if self.wait {
            let _permit = limits.accept_waiting(self.data.len())?;
            return Box::pin(self.wait_for_subscriber(number)).await;
        }
        if let Some(link) = self.only_link() {
            // There is no choice to make, so the message goes to the connection at once.
            let _permit = limits.accept()?;
            return self.send_on(&link, number).await;
        }
        let permit = limits.accept_waiting(self.data.len())?;
        self.round(number, Some(permit)).await
    }

    /// Tries again with the same id, for as long as no subscriber has handled the message.
    async fn wait_for_subscriber(&self, number: u64) -> Result<Reply> {
        let mut backoff = Backoff::new(FIRST_PAUSE, LONGEST_PAUSE);
        let mut failed = Failed::default();
        loop {
            let outcome = match self.only_link() {
                Some(link) => self.send_on(&link, number).await,
                None => self.round(number, None).await,
            };
            match outcome {
                Err(error) if can_wait(&error) => failed.add(error),
                Err(error) => return Err(failed.end_with(error)),
                reply => return reply,
            }
            let pause = backoff.pause();
            if Instant::now() + pause >= self.deadline {
                return Err(failed.into_error());
            }
            if let Err(closed) = self.core.unless_closing(self.core.runtime.sleep(pause)).await {
                return Err(failed.end_with(closed));
            }
            self.count_retry();
        }
    }

    /// Returns the link of a client of one node.
    fn only_link(&self) -> Option<Arc<Link>> {
        // The guard is dropped here, before any await: each thread has only a few fast slots for guards.
        match self.core.links.all().as_slice() {
            [link] => Some(link.clone()),
            _ => None,
        }
    }

    /// Tries each connected node at most once, with one id. Releases the bytes of `permit` as soon as a node is chosen,
    /// because its connection counts them from then on.
    async fn round(&self, number: u64, mut permit: Option<CallPermit<'_>>) -> Result<Reply> {
        let candidates = self.candidates().await?;
        if let Some(permit) = &mut permit {
            permit.release_bytes();
        }
        match self.kind {
            CallKind::Broadcast => self.broadcast(&candidates, number).await,
            CallKind::Publish if self.retry == Retry::Never => self.try_on(&candidates[0].link, number).await,
            CallKind::Publish => self.one_by_one(&candidates, number).await,
        }
    }

    /// The connected nodes, the best first; at least one.
    async fn candidates(&self) -> Result<Vec<Candidate>> {
        let candidates = candidates(&self.core, &self.topic, self.deadline);
        let candidates = self.core.unless_closing(candidates).await?;
        if candidates.is_empty() { Err(session::nobody_connected()) } else { Ok(candidates) }
    }

    async fn one_by_one(&self, candidates: &[Candidate], number: u64) -> Result<Reply> {
        let mut failed = Failed::default();
        for candidate in candidates {
            if failed.any() {
                self.count_retry();
            }
            match self.try_on(&candidate.link, number).await {
                Err(error) if can_try_other_node(&error) || (self.wait && can_wait(&error)) => {
                    failed.add(error);
                }
                Err(error) => return Err(failed.end_with(error)),
                reply => return reply,
            }
        }
        Err(failed.into_error())
    }

    /// Tries overlap: the next node is tried with the same id when the one before has failed or taken its part of the
    /// time; when all were, they are tried again with a fresh id, in another second (a node's random choice stays
    /// the same within one). Whichever answers first ends the call.
    async fn at_least_once(&self) -> Result<Reply> {
        let part = self.part();
        let mut running = FuturesUnordered::new();
        let mut failed = Failed::default();
        let mut backoff = Backoff::new(FIRST_PAUSE, LONGEST_PAUSE);
        let mut first = true;
        loop {
            let number = self.core.delivery.seqs.next_number();
            let mut of_this_round = None;
            match self.candidates().await {
                Err(error) if error.kind() == ErrorKind::Closed => {
                    return Err(failed.end(error, !running.is_empty()));
                }
                Err(error) => of_this_round = Some(error),
                Ok(candidates) => {
                    for Candidate { link, .. } in candidates {
                        if !std::mem::take(&mut first) {
                            self.count_retry();
                        }
                        running.push(async move { self.try_on(&link, number).await });
                        match self.first_of(&mut running, part).await {
                            Some(Err(error)) if can_retry(&error) => {
                                failed.add(error.clone());
                                of_this_round = Some(more_informative(of_this_round, error));
                            }
                            Some(Err(error)) => return Err(failed.end(error, !running.is_empty())),
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
                if !(self.wait && can_wait(&error)) || Instant::now() + pause >= self.deadline {
                    return Err(failed.end_with(error));
                }
                failed.add(error);
                pause
            };
            let resume = Instant::now() + rest;
            // Attempts under way may still be answered; at the deadline the session ends them all.
            loop {
                let time = resume.saturating_duration_since(Instant::now());
                let ended = if running.is_empty() {
                    let pause = self.core.unless_closing(self.core.runtime.sleep(time)).await;
                    pause.err().map(Err)
                } else {
                    // When the client closes, the sessions end the attempts.
                    self.first_of(&mut running, time).await
                };
                match ended {
                    Some(Err(error)) if can_retry(&error) => failed.add(error),
                    Some(Err(error)) => return Err(failed.end(error, !running.is_empty())),
                    Some(reply) => return reply,
                    None => break,
                }
            }
            if Instant::now() >= self.deadline {
                let error = failed.error.take().unwrap_or_else(|| self.unanswered(part));
                return Err(failed.end(error, !running.is_empty()));
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
        let wanted = match candidates[0].reach {
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
                    failed.add(error);
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
            return Err(failed.end(error, !running.is_empty()));
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
            Ok(_) => views.succeeded(second),
            Err(error) => match error.kind() {
                ErrorKind::Timeout if error.delivery() == Delivery::Maybe => {
                    views.mark_stale();
                    views.timed_out();
                }
                ErrorKind::NoSubscriber | ErrorKind::SubscriberUnreachable | ErrorKind::Timeout => {
                    views.mark_stale()
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
        let (permit, counted) = port.permit(topic, data.len())?;
        let (done, outcome) = oneshot::channel();
        let (topic, data) = (topic.clone(), data.clone());
        let caller = Caller { done, permit };
        let call = NewCall { kind: *kind, number, topic, data, deadline: *deadline, counted, caller };
        if let Err(Command::Call(call)) = port.send(Command::Call(call)) {
            session::refuse_call(port, call, session::closed());
            return Err(self.ended(link));
        }
        if self.core.is_closing() {
            // The command that ends all calls may have been sent before this call.
            let _ = port.send(Command::EndCalls);
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

/// Returns whether nothing was delivered, and a later attempt may succeed.
fn is_definite(error: &Error) -> bool {
    error.delivery() == Delivery::No
        && error.is_retriable()
        && !matches!(error.kind(), ErrorKind::Timeout | ErrorKind::Overloaded)
}

/// Returns whether the same message, with the same id, may be sent through another node.
///
/// It was not delivered, this connection's queue is full, or a subscriber refused it. Another subscriber may have
/// received it before that one; subscribers of this library recognise the id.
fn can_try_other_node(error: &Error) -> bool {
    is_definite(error)
        || (error.kind() == ErrorKind::Overloaded && error.delivery() == Delivery::No)
        || matches!(error.kind(), ErrorKind::SubscriberBusy | ErrorKind::SubscriberUnsubscribed)
}

/// Returns whether a call that waits for a subscriber tries again, with the same id.
fn can_wait(error: &Error) -> bool {
    can_try_other_node(error) || error.kind() == ErrorKind::NoSubscriber
}

/// Returns whether a call with [`Retry::AtLeastOnce`] tries again.
fn can_retry(error: &Error) -> bool {
    can_try_other_node(error) || is_maybe(error)
}

/// The failures so far of a call with several attempts.
#[derive(Default)]
struct Failed {
    error: Option<Error>,
    /// Some attempt may have been delivered.
    maybe: bool,
}

impl Failed {
    fn add(&mut self, error: Error) {
        self.maybe |= error.delivery() == Delivery::Maybe;
        self.error = Some(more_informative(self.error.take(), error));
    }

    /// Returns whether any attempt has failed.
    fn any(&self) -> bool {
        self.error.is_some()
    }

    /// Returns the error that ends the call while attempts may be under way.
    fn end(&self, error: Error, running: bool) -> Error {
        if self.maybe || running { error.with_delivery(Delivery::Maybe) } else { error }
    }

    /// Returns the error that ends the call when no attempt is under way.
    fn end_with(&self, error: Error) -> Error {
        self.end(error, false)
    }

    /// Returns the most informative of the failures. Without any there was no node to try.
    fn into_error(mut self) -> Error {
        let error = self.error.take().unwrap_or_else(session::nobody_connected);
        self.end_with(error)
    }
}

/// Returns whether the message may have been delivered and no subscriber has reported its outcome.
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

/// Returns the failure to report of two: one that may have been delivered rather than one that was not, and the answer
/// of a node rather than a missing connection.
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
    fn errors_state_which_calls_try_again() {
        use Delivery::{Maybe, No};
        let table = [
            // kind, delivery: through another node, while waiting for a subscriber, at least once
            (ErrorKind::NoSubscriber, No, [true, true, true]),
            (ErrorKind::NoSubscriber, Maybe, [false, true, true]),
            (ErrorKind::SubscriberBusy, No, [true, true, true]),
            (ErrorKind::SubscriberBusy, Maybe, [true, true, true]),
            (ErrorKind::SubscriberUnsubscribed, Maybe, [true, true, true]),
            (ErrorKind::ConnectionLost, No, [true, true, true]),
            (ErrorKind::ConnectionLost, Maybe, [false, false, true]),
            (ErrorKind::NotConnected, No, [true, true, true]),
            (ErrorKind::Overloaded, No, [true, true, true]),
            (ErrorKind::Bandwidth, No, [true, true, true]),
            (ErrorKind::SubscriberUnreachable, Maybe, [false, false, true]),
            (ErrorKind::NodeTimeout, Maybe, [false, false, true]),
            (ErrorKind::Timeout, No, [false, false, false]),
            (ErrorKind::Timeout, Maybe, [false, false, true]),
            (ErrorKind::SubscriberFailed, Maybe, [false, false, false]),
            (ErrorKind::SubscriberTooSlow, Maybe, [false, false, false]),
            (ErrorKind::TooLarge, No, [false, false, false]),
            (ErrorKind::Closed, No, [false, false, false]),
            (ErrorKind::Cancelled, Maybe, [false, false, false]),
        ];
        for (kind, delivery, expected) in table {
            let error = error(kind, delivery);
            let found = [can_try_other_node(&error), can_wait(&error), can_retry(&error)];
            assert_eq!(found, expected, "{kind:?} {delivery:?}");
        }
    }

    #[test]
    fn most_informative_failure_is_reported() {
        use Delivery::{Maybe, No};
        let first = error(ErrorKind::Timeout, Maybe);
        assert_eq!(
            more_informative(Some(first), error(ErrorKind::NoSubscriber, No)).kind(),
            ErrorKind::Timeout
        );
        let first = error(ErrorKind::NoSubscriber, No);
        let reported = more_informative(Some(first), error(ErrorKind::NotConnected, No));
        assert_eq!(reported.kind(), ErrorKind::NoSubscriber);
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
    fn delivery_stays_maybe_after_one_attempt_that_may_be_delivered() {
        use Delivery::{Maybe, No};
        let mut failed = Failed::default();
        failed.add(error(ErrorKind::NoSubscriber, No));
        assert_eq!(failed.end_with(error(ErrorKind::Overloaded, No)).delivery(), No);
        let running = failed.end(error(ErrorKind::Overloaded, No), true);
        assert_eq!(running.delivery(), Maybe, "an attempt is under way");
        failed.add(error(ErrorKind::SubscriberBusy, Maybe));
        failed.add(error(ErrorKind::NoSubscriber, No));
        assert_eq!(failed.end_with(error(ErrorKind::Closed, No)).delivery(), Maybe);
        let error = failed.into_error();
        assert_eq!((error.kind(), error.delivery()), (ErrorKind::SubscriberBusy, Maybe));
    }
}
