//! Unicasts through one node after the other, each at most once in a round, with the same id.
//!
//! A failure after which the message was not delivered leads to the next node, as does the refusal of a subscriber. Any
//! other failure ends the call.

use std::time::Instant;

use super::outcome::{Failed, can_try_other_node, can_wait};
use super::outgoing::Outgoing;
use crate::client::choice::Candidate;
use crate::client::options::Retry;
use crate::error::Result;
use crate::session::Reply;

impl Outgoing {
    /// Makes one round; with [`Retry::Never`], one attempt.
    pub(super) async fn one_by_one(&self, candidates: &[Candidate], number: u64) -> Result<Reply> {
        let nodes = if self.retry == Retry::Never { 1 } else { candidates.len() };
        let mut failed = Failed::default();
        for candidate in &candidates[..nodes.min(candidates.len())] {
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

    /// Makes rounds with the same id until a subscriber has handled the message, the deadline has passed, or the client
    /// closes.
    pub(super) async fn wait_for_subscriber(&self) -> Result<Reply> {
        let number = self.core.delivery.seqs.next_number();
        let mut pauses = Outgoing::pauses();
        let mut failed = Failed::default();
        loop {
            match self.one_round(number).await {
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

    async fn one_round(&self, number: u64) -> Result<Reply> {
        match self.only_link() {
            Some(link) => self.send_on(&link, number).await,
            None => self.one_by_one(&self.candidates().await?, number).await,
        }
    }
}
