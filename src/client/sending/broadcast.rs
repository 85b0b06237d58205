//! Broadcasts: through as few nodes as reach all subscribers, or through all.

use std::sync::atomic::Ordering;

use futures_util::stream::FuturesUnordered;

use super::outcome::{Failed, can_try_other_node};
use super::outgoing::Outgoing;
use crate::client::choice::Candidate;
use crate::client::options::{MAX_TIME, Retry};
use crate::error::{Error, ErrorKind, Result};
use crate::session::{self, Fit, Reply};
use crate::text::span;

impl Outgoing {
    /// Sends as soon as a connected node knows a subscriber that it reaches.
    pub(super) async fn broadcast_to_subscriber(&self) -> Result<Reply> {
        let number = self.core.delivery.seqs.next_number();
        let mut pauses = Outgoing::pauses();
        let mut failed = Failed::default();
        loop {
            let outcome = match self.candidates().await {
                Ok(candidates) => match self.nobody_reached(&candidates) {
                    Some(error) => Err(error),
                    None => self.broadcast(&candidates, number).await,
                },
                Err(error) => Err(error),
            };
            match outcome {
                Err(error) if can_try_other_node(&error) => failed.add(error),
                Err(error) => return Err(failed.end_with(error)),
                reply => return reply,
            }
            failed = self.pause(&mut pauses, failed).await?;
        }
    }

    /// Returns the error of a broadcast that would reach no subscriber, as far as is known.
    fn nobody_reached(&self, candidates: &[Candidate]) -> Option<Error> {
        let reaches = |candidate: &Candidate| {
            matches!(
                candidate.fit,
                Fit::Delivers | Fit::Unknown | Fit::ListedHere | Fit::InSomeSeconds | Fit::MayLose
            )
        };
        // The first two are sent to if one loses messages.
        if candidates.iter().take(2).any(reaches) {
            return None;
        }
        let own = candidates.iter().find(|candidate| candidate.fit == Fit::OwnNodeOnly);
        Some(match own {
            Some(own) => session::own_node_only(&self.topic, &own.link.endpoint),
            None => session::no_subscriber_known(&self.topic),
        })
    }

    /// Sends through one node, or through two if the first may drop messages for its own SDKs. If one fails before its
    /// acknowledgement, another replaces it with the same id. With [`Retry::AtLeastOnce`] the replacement starts once
    /// the node has used its share of the time, without waiting for a failure. After the first acknowledgement the
    /// other nodes get a share of the time.
    pub(super) async fn broadcast(&self, candidates: &[Candidate], number: u64) -> Result<Reply> {
        let wanted = match candidates[0].fit {
            _ if self.all_nodes => candidates.len(),
            // It reaches the subscribers of its peers, if it knows any.
            Fit::NoSubscriber if !candidates.iter().any(|candidate| candidate.fit.loses_own()) => 1,
            Fit::Delivers | Fit::Unknown | Fit::ListedHere | Fit::Unresponsive => 1,
            _ => 2.min(candidates.len()),
        };
        let (first, spare) = candidates.split_at(wanted);
        let time_for_one = self.time_for_one();
        let mut running: FuturesUnordered<_> =
            first.iter().map(|candidate| self.try_on(&candidate.link, number, None, None)).collect();
        let mut spare = spare.iter();
        let mut acks = 0;
        let mut acked = None;
        let mut failed = Failed::default();
        while acks < wanted && !running.is_empty() {
            let hurry = acked.is_some() || (self.retry == Retry::AtLeastOnce && spare.len() > 0);
            // Otherwise the sessions end the attempts, at the deadline.
            let time = if hurry { time_for_one } else { MAX_TIME };
            match self.next_of(&mut running, time).await {
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
                // Nodes that have not acknowledged it by now are not waited for.
                None if acked.is_some() || !hurry => break,
                None => failed.maybe = true,
            }
            if let Some(candidate) = spare.next() {
                self.count_retry();
                running.push(self.try_on(&candidate.link, number, None, None));
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
                "too few nodes acknowledged a broadcast: subscribers of the others may miss it"
            );
        }
        Ok(reply)
    }

    fn unacked(&self) -> Error {
        let text = format!(
            "no node acknowledged the broadcast on {:?} within {}; the message may have been delivered",
            self.topic,
            span(self.timeout)
        );
        Error::maybe_delivered(ErrorKind::Timeout, text)
    }
}
