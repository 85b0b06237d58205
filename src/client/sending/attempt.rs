//! One attempt: one message through one node.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;
use tokio::task::unconstrained;

use super::outgoing::Outgoing;
use crate::client::choice::guard;
use crate::client::link::Link;
use crate::client::turns::Turn;
use crate::error::{Delivery, Error, ErrorKind, Result};
use crate::session::{self, CallKind, Caller, Command, NewCall, Reply};

/// The target of log records about calls.
pub(super) const TARGET: &str = "amop::call";

/// Nodes report a unicast that they lost themselves after 30 s. No other refusal takes nearly as long.
const MIN_NODE_LIMIT: Duration = Duration::from_secs(20);

impl Outgoing {
    /// Sends through a node, and remembers the outcome for the choice of later messages. `turn` ends when the message
    /// is queued.
    pub(super) async fn try_on(
        &self,
        link: &Arc<Link>,
        number: u64,
        turn: Option<Turn<'_>>,
    ) -> Result<Reply> {
        let views = &link.handle.views;
        // Broadcasts don't show which node a unicast would be sent to.
        let is_unicast = self.kind == CallKind::Publish;
        let choice = is_unicast
            .then(|| views.peers_in_choice(&self.topic))
            .flatten()
            .map(|peers| (self.core.options.wall_clock.now(), peers));
        let began = Instant::now();
        let outcome = self.send_on(link, number, turn).await;
        let lost = || views.lost(&self.topic, choice.map(|(sent, peers)| (sent, guard(link), peers)));
        match &outcome {
            Ok(_) => views.succeeded(choice.map(|(sent, peers)| (sent, began.elapsed(), peers))),
            Err(error) => match error.kind() {
                ErrorKind::Timeout if error.delivery() == Delivery::Maybe => {
                    views.mark_stale();
                    views.timed_out();
                    if is_unicast {
                        lost();
                    }
                }
                kind @ (ErrorKind::NoSubscriber | ErrorKind::SubscriberUnreachable | ErrorKind::Timeout) => {
                    views.mark_stale();
                    // A node that has lost a unicast may report that after its own time limit.
                    let late = kind == ErrorKind::NoSubscriber && error.delivery() == Delivery::Maybe;
                    if late && is_unicast && began.elapsed() >= MIN_NODE_LIMIT {
                        lost();
                    }
                }
                _ => {}
            },
        }
        outcome
    }

    /// Sends through a node and waits for the outcome.
    pub(super) async fn send_on(
        &self,
        link: &Arc<Link>,
        number: u64,
        turn: Option<Turn<'_>>,
    ) -> Result<Reply> {
        let Outgoing { kind, topic, data, deadline, .. } = self;
        let handle = &link.handle;
        if !handle.is_connected() {
            return Err(session::not_connected(&link.endpoint));
        }
        tracing::debug!(
            target: TARGET, endpoint = %link.endpoint, seq = %self.core.delivery.seqs.seq(number), "to be sent"
        );
        let (permit, counted) = handle.permit(topic, data.len())?;
        let (done, outcome) = oneshot::channel();
        let (topic, data) = (topic.clone(), data.clone());
        let caller = Caller { done, permit };
        let call = NewCall { kind: *kind, number, topic, data, deadline: *deadline, counted, caller };
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
