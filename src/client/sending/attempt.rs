//! One attempt: one message through one node.

use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;
use tokio::task::unconstrained;

use super::outgoing::Outgoing;
use crate::client::choice::guard;
use crate::client::link::Link;
use crate::client::options::Retry;
use crate::client::turns::Turn;
use crate::error::{Delivery, Error, ErrorKind, Result};
use crate::session::{self, CallKind, Caller, Command, NewCall, NodeChoice, Reply};

/// The target of log records about calls.
pub(super) const TARGET: &str = "amop::call";

/// Nodes report a unicast that they lost themselves after 30 s. No other refusal takes nearly as long.
const MIN_NODE_LIMIT: Duration = Duration::from_secs(20);

/// Silence shows nothing about a node's choice before this time, whatever is usual.
const MIN_SILENCE: Duration = Duration::from_secs(1);
/// A unicast that was not answered after so many times the usual time of its topic is taken to be lost.
pub(super) const SILENCE_FACTOR: u32 = 4;

impl Outgoing {
    /// Sends through a node, and remembers the outcome for the choice of later messages. `turn` ends when the message
    /// is queued.
    ///
    /// # Errors
    /// Returns [`ErrorKind::OwnNodeOnly`] if the connection could not send it until `send_by`.
    pub(super) async fn try_on(
        &self,
        link: &Arc<Link>,
        number: u64,
        turn: Option<Turn<'_>>,
        send_by: Option<Instant>,
    ) -> Result<Reply> {
        let views = &link.handle.views;
        let began = Instant::now();
        let outcome = match self.choice_of(link) {
            // Boxed, because it happens seldom and would make the state of every message larger.
            Some(choice) => {
                Box::pin(self.learn(link, choice, self.send_on(link, number, turn, send_by))).await
            }
            None => self.send_on(link, number, turn, send_by).await,
        };
        let is_unicast = self.kind == CallKind::Publish;
        match &outcome {
            Ok(_) => {
                if is_unicast && (views.loses_own() || self.retry == Retry::AtLeastOnce) {
                    self.core.topic_times.add(&self.topic, began.elapsed());
                }
                views.succeeded();
            }
            Err(error) => match error.kind() {
                ErrorKind::Timeout if error.delivery() == Delivery::Maybe => {
                    views.mark_stale();
                    views.timed_out();
                    if is_unicast {
                        views.lost(&self.topic);
                    }
                }
                ErrorKind::NoSubscriber | ErrorKind::SubscriberUnreachable | ErrorKind::Timeout => {
                    views.mark_stale();
                    if is_unicast && is_late_refusal(error, began) {
                        views.lost(&self.topic);
                    }
                }
                _ => {}
            },
        }
        outcome
    }

    /// Returns the choice that a node makes for this message if it is sent now. Broadcasts don't show which node a unicast
    /// would be sent to.
    pub(super) fn choice_of(&self, link: &Link) -> Option<NodeChoice> {
        let now = || self.core.options.wall_clock.now();
        (self.kind == CallKind::Publish).then(|| link.handle.views.choice(&self.topic, now())).flatten()
    }

    /// Waits for the outcome of a unicast, from which the clock of the node is learned.
    async fn learn(
        &self,
        link: &Link,
        choice: NodeChoice,
        sending: impl Future<Output = Result<Reply>>,
    ) -> Result<Reply> {
        let clock = link.handle.views.clock();
        let began = Instant::now();
        let silence = self.core.topic_times.usual(&self.topic).unwrap_or_default() * SILENCE_FACTOR;
        let mut sending = pin!(sending);
        let prompt = self.core.runtime.until(began + MIN_SILENCE.max(silence), sending.as_mut()).await;
        let is_prompt = prompt.is_some();
        let outcome = match prompt {
            Some(outcome) => outcome,
            None => {
                // Most likely it is lost. Later messages don't wait for the deadline of this one to learn of that.
                clock.was_lost(choice, guard(link));
                sending.await
            }
        };
        match &outcome {
            outcome if is_prompt && is_by_subscriber(outcome) => {
                clock.was_passed_on(choice, self.core.options.wall_clock.now(), began.elapsed());
            }
            Err(error) if is_lost(error) || is_late_refusal(error, began) => {
                clock.was_lost(choice, guard(link));
            }
            // It shows nothing about the choice.
            _ => clock.was_late(choice),
        }
        outcome
    }

    /// Sends through a node and waits for the outcome.
    pub(super) async fn send_on(
        &self,
        link: &Arc<Link>,
        number: u64,
        turn: Option<Turn<'_>>,
        send_by: Option<Instant>,
    ) -> Result<Reply> {
        let Outgoing { kind, topic, data, deadline, timeout, .. } = self;
        let handle = &link.handle;
        if !handle.takes_calls() {
            return Err(session::not_connected(&link.endpoint));
        }
        tracing::debug!(
            target: TARGET, endpoint = %link.endpoint, seq = %self.core.delivery.seqs.seq(number), "to be sent"
        );
        let (permit, counted) = handle.permit(topic, data.len())?;
        let (done, outcome) = oneshot::channel();
        let (topic, data) = (topic.clone(), data.clone());
        let caller = Caller { done, permit };
        let call = NewCall {
            kind: *kind,
            number,
            topic,
            data,
            deadline: *deadline,
            timeout: timeout.as_secs_f32(),
            send_by,
            counted,
            caller,
        };
        if let Err(Command::Call(call)) = handle.send(Command::Call(call)) {
            session::refuse_call(handle, call, session::closed());
            return Err(self.ended(link));
        }
        drop(turn);
        if self.core.is_closing() {
            // The command that ends all calls may have been sent before this call.
            let _ = handle.send(Command::EndCalls);
        }
        let mut in_flight = InFlight { link, number, ended: false };
        // A call waits for the connection in any case, so tokio's budget is not needed to let other tasks run. With the
        // budget, a task that polls a set of calls would poll the rest of them without progress once it is used up.
        let outcome = unconstrained(outcome).await;
        in_flight.ended = true;
        outcome.unwrap_or_else(|_| Err(self.ended(link).with_delivery(Delivery::Maybe)))
    }

    /// Returns the error for a link that has ended, with the client or because its endpoint was removed.
    fn ended(&self, link: &Link) -> Error {
        self.core.check().err().unwrap_or_else(|| session::not_connected(&link.endpoint))
    }
}

/// Returns whether a subscriber, or the node of one, has answered.
fn is_by_subscriber(outcome: &Result<Reply>) -> bool {
    use ErrorKind as K;
    outcome.as_ref().err().is_none_or(|error| {
        matches!(
            error.kind(),
            K::SubscriberFailed
                | K::SubscriberBusy
                | K::SubscriberUnsubscribed
                | K::SubscriberTooSlow
                | K::SubscriberUnreachable
        )
    })
}

/// Returns whether nothing has come back for a unicast until its deadline.
fn is_lost(error: &Error) -> bool {
    error.kind() == ErrorKind::Timeout && error.delivery() == Delivery::Maybe
}

/// Returns whether a node has reported a unicast that it lost, which it does after its own time limit.
fn is_late_refusal(error: &Error, began: Instant) -> bool {
    let is_maybe = error.kind() == ErrorKind::NoSubscriber && error.delivery() == Delivery::Maybe;
    is_maybe && began.elapsed() >= MIN_NODE_LIMIT
}

/// Cancels the call at the session if it is dropped before the call has ended.
struct InFlight<'a> {
    link: &'a Link,
    number: u64,
    ended: bool,
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        if !self.ended {
            // A link that has ended has no calls.
            let _ = self.link.handle.send(Command::Cancel(self.number));
        }
    }
}
