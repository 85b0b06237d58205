//! Unicasts through one node after the other, each at most once in a round, with the same id.
//!
//! A failure after which the message was not delivered leads to the next node, as does the refusal of a subscriber. Any
//! other failure ends the call.

use std::time::Instant;

use super::outcome::{Failed, can_try_other_node, can_wait};
use super::outgoing::Outgoing;
use crate::client::call_limits::CallPermit;
use crate::client::choice::Candidate;
use crate::client::options::Retry;
use crate::error::Result;
use crate::session::Reply;

impl Outgoing {
    /// Makes one round; with [`Retry::Never`], one attempt. `permit` stops counting the bytes of the message when it goes
    /// to a connection, which counts them from then on.
    pub(super) async fn one_by_one(
        &self,
        candidates: &[Candidate],
        number: u64,
        permit: &mut CallPermit<'_>,
    ) -> Result<Reply> {
        let nodes = if self.retry == Retry::Never { 1 } else { candidates.len() };
        let mut failed = Failed::default();
        let mut tried = false;
        for candidate in &candidates[..nodes.min(candidates.len())] {
            // With `Retry::Never` the message is sent at once.
            let turn = if self.retry == Retry::Never { Ok(None) } else { self.hold(candidate).await };
            let turn = match turn {
                Ok(turn) => turn,
                Err(error) if can_try_other_node(&error) => {
                    failed.add(error);
                    continue;
                }
                Err(error) => return Err(failed.end_with(error)),
            };
            if std::mem::replace(&mut tried, true) {
                self.count_retry();
            }
            if !self.wait {
                permit.release_bytes();
            }
            match self.try_on(&candidate.link, number, turn).await {
                Err(error) if can_try_other_node(&error) || (self.wait && can_wait(&error)) => {
                    failed.add(error);
                }
                Err(error) => return Err(failed.end_with(error)),
                reply => return reply,
            }
        }
        Err(failed.into_error())
    }

    /// Makes rounds with the same id until a subscriber has handled the message, the deadline has passed, or the client
    /// closes.
    pub(super) async fn wait_for_subscriber(&self, permit: &mut CallPermit<'_>) -> Result<Reply> {
        let number = self.core.delivery.seqs.next_number();
        let mut pauses = Outgoing::pauses();
        let mut failed = Failed::default();
        loop {
            match self.one_round(number, permit).await {
                Err(error) if can_wait(&error) => failed.add(error),
                Err(error) => return Err(failed.end_with(error)),
                reply => return reply,
            }
            let pause = pauses.pause();
            if Instant::now() + pause >= self.deadline {
                return Err(failed.into_error());
            }
            if let Err(closed) = self.core.unless_closing(self.core.runtime.sleep(pause)).await {
                return Err(failed.end_with(closed));
            }
            self.count_retry();
        }
    }

    async fn one_round(&self, number: u64, permit: &mut CallPermit<'_>) -> Result<Reply> {
        match self.only_link() {
            Some(link) => self.send_on(&link, number, None).await,
            None => self.one_by_one(&self.candidates().await?, number, permit).await,
        }
    }
}
