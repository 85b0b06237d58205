//! Unicasts through one node after the other, each at most once in a round, with the same id.
//!
//! A failure after which the message was not delivered leads to the next node, as does the refusal of a subscriber. Any
//! other failure ends the call.

use std::collections::VecDeque;

use super::hold::Held;
use super::outcome::{Failed, can_try_other_node, can_wait, is_passage_over};
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
        candidates: Vec<Candidate>,
        number: u64,
        permit: &mut CallPermit<'_>,
    ) -> Result<Reply> {
        let once = self.retry == Retry::Never;
        let mut failed = Failed::default();
        let (mut tried, mut sent, mut turn) = (Vec::new(), false, None);
        let mut candidates = VecDeque::from(candidates);
        while let Some(candidate) = candidates.pop_front() {
            // With `Retry::Never` the message is sent at once.
            let mut send_by = None;
            if !once && candidate.fit.loses_own() {
                permit.keep_bytes(self.data.len());
                match self.hold(&candidate, &tried, &mut turn).await {
                    Ok(Held::SendBy(by)) => send_by = by,
                    Ok(Held::Better(better)) => {
                        candidates = better.into();
                        continue;
                    }
                    Err(error) if can_try_other_node(&error) => {
                        failed.add(error);
                        tried.push(candidate.link.id);
                        continue;
                    }
                    Err(error) => return Err(failed.end_with(error)),
                }
            }
            if std::mem::replace(&mut sent, true) {
                self.count_retry();
            }
            if !self.wait {
                permit.release_bytes();
            }
            match self.try_on(&candidate.link, number, turn.take(), send_by).await {
                Err(error) if send_by.is_some() && is_passage_over(&error) => {
                    sent = !tried.is_empty();
                    candidates.push_front(candidate);
                    continue;
                }
                Err(error) if can_try_other_node(&error) || (self.wait && can_wait(&error)) => {
                    failed.add(error);
                }
                Err(error) => return Err(failed.end_with(error)),
                reply => return reply,
            }
            if once {
                break;
            }
            tried.push(candidate.link.id);
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
            failed = self.pause(&mut pauses, failed).await?;
            self.count_retry();
        }
    }

    async fn one_round(&self, number: u64, permit: &mut CallPermit<'_>) -> Result<Reply> {
        match self.only_link() {
            Some(link) => self.send_on(&link, number, None, None).await,
            None => self.one_by_one(self.candidates().await?, number, permit).await,
        }
    }
}
