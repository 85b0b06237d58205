//! Chooses the strategy for a message, and logs the call.

use std::time::Instant;

use tracing::Instrument;

use super::attempt::TARGET;
use super::outcome::after_waiting;
use super::outgoing::Outgoing;
use crate::client::options::Retry;
use crate::error::{ErrorKind, Result};
use crate::session::{self, CallKind, Reply};

impl Outgoing {
    /// Sends the message.
    ///
    /// # Errors
    /// Returns [`ErrorKind::Overloaded`] at once if a limit of the client is reached, else why no attempt succeeded.
    pub(crate) async fn run(self) -> Result<Reply> {
        if tracing::enabled!(target: TARGET, tracing::Level::DEBUG) {
            return Box::pin(self.run_in_a_span()).await;
        }
        self.deliver_or_closed().await
    }

    /// Sends the message with a span around all that is logged of this call, and a record of its end. Neither payloads
    /// nor error texts are logged, because a text may contain what the subscriber answered.
    async fn run_in_a_span(self) -> Result<Reply> {
        let span = tracing::debug_span!(
            target: TARGET, "call", kind = ?self.kind, topic = %self.topic, bytes = self.data.len()
        );
        let began = Instant::now();
        let deliver = async move {
            let outcome = self.deliver_or_closed().await;
            let took = began.elapsed();
            match &outcome {
                Ok(reply) => tracing::debug!(
                    target: TARGET, ?took, endpoint = reply.endpoint(), bytes = reply.data().len(), "succeeded"
                ),
                Err(error) => tracing::debug!(
                    target: TARGET, ?took, error = ?error.kind(), delivery = ?error.delivery(), "failed"
                ),
            }
            outcome
        };
        deliver.instrument(span).await
    }

    /// Reports a closed client instead of a missing connection, because trying again is of no use then.
    async fn deliver_or_closed(&self) -> Result<Reply> {
        match self.deliver().await {
            Err(error) if error.kind() == ErrorKind::NotConnected && self.core.is_closing() => {
                Err(session::closed().with_delivery(error.delivery()))
            }
            outcome => outcome,
        }
    }

    async fn deliver(&self) -> Result<Reply> {
        if !self.wait {
            return self.deliver_by_strategy().await;
        }
        let began = Instant::now();
        let outcome = Box::pin(self.deliver_by_strategy()).await;
        outcome.map_err(|error| after_waiting(error, &self.topic, began.elapsed()))
    }

    async fn deliver_by_strategy(&self) -> Result<Reply> {
        let limits = &self.core.call_limits;
        // Strategies that are rare are boxed, because they would enlarge the state of every message.
        if self.kind == CallKind::Publish && self.retry == Retry::AtLeastOnce {
            let _permit = limits.accept_waiting(self.data.len())?;
            return Box::pin(self.at_least_once()).await;
        }
        if self.wait {
            let mut permit = limits.accept_waiting(self.data.len())?;
            return match self.kind {
                CallKind::Publish => Box::pin(self.wait_for_subscriber(&mut permit)).await,
                CallKind::Broadcast => Box::pin(self.broadcast_to_subscriber()).await,
            };
        }
        let number = self.core.delivery.seqs.next_number();
        if let Some(link) = self.only_link() {
            // There is no choice to make, so the message goes to the connection at once.
            let _permit = limits.accept()?;
            return self.send_on(&link, number, None, None).await;
        }
        // Boxed, because its state is several times as large as that of a message to the only node.
        Box::pin(self.through_candidates(number)).await
    }

    /// Sends through the node that suits best, or through several.
    async fn through_candidates(&self, number: u64) -> Result<Reply> {
        let mut permit = self.core.call_limits.accept_waiting(self.data.len())?;
        let candidates = self.candidates().await?;
        match self.kind {
            CallKind::Broadcast => {
                // The connections count the bytes from here on.
                permit.release_bytes();
                self.broadcast(&candidates, number).await
            }
            CallKind::Publish => self.one_by_one(candidates, number, &mut permit).await,
        }
    }
}
