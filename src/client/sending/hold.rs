//! Holds a unicast until its node passes it on instead of losing it, or until another node suits better.

use std::time::{Duration, Instant};

use super::outgoing::Outgoing;
use crate::client::choice::Candidate;
use crate::client::link::LinkId;
use crate::client::turns::Turn;
use crate::error::{Error, Result};
use crate::session::{self, Fit, Passage};

/// How often a held unicast looks for a node that suits better, if no connection changes. It also bounds how long a step
/// of the wall clock goes unnoticed.
const RECHECK_INTERVAL: Duration = Duration::from_secs(1);

/// How the hold of a unicast ended.
pub(super) enum Held {
    /// It is to be sent now, and not later than this, if that is limited.
    SendBy(Option<Instant>),
    /// Another node suits better by now: the nodes that were not tried, the best first.
    Better(Vec<Candidate>),
}

impl Outgoing {
    /// Waits until the node passes a unicast on instead of losing it, and until it is the turn of this one. `turn` is the
    /// place of this unicast among those that are held, which it keeps while nodes are chosen again; none is taken where
    /// the node loses nothing. `tried` are the nodes that don't count as better ones.
    ///
    /// # Errors
    /// Returns [`OwnNodeOnly`](crate::ErrorKind::OwnNodeOnly) at once if that won't happen before the deadline.
    pub(super) async fn hold<'a>(
        &'a self,
        candidate: &Candidate,
        tried: &[LinkId],
        turn: &mut Option<Turn<'a>>,
    ) -> Result<Held> {
        match candidate.fit {
            Fit::OwnNodeOnly => Err(session::own_node_only(&self.topic, &candidate.link.endpoint)),
            Fit::InSomeSeconds | Fit::InSomeSecondsUnresponsive => {
                self.core.unless_closing(Box::pin(self.wait_for_passage(candidate, tried, turn))).await?
            }
            _ => Ok(Held::SendBy(None)),
        }
    }

    async fn wait_for_passage<'a>(
        &'a self,
        candidate: &Candidate,
        tried: &[LinkId],
        turn: &mut Option<Turn<'a>>,
    ) -> Result<Held> {
        let core = &self.core;
        let mut changes = core.links.watch();
        self.passage(candidate)?;
        let turn = turn.get_or_insert_with(|| core.turns.enqueue(&self.topic));
        // The nodes were chosen just now, unless others had their turn meanwhile.
        let mut is_choice_old = !turn.has_come();
        core.runtime.until(self.deadline, turn.wait()).await.ok_or_else(|| self.no_passage(candidate))?;
        loop {
            let Passage { wait, lasts } = self.passage(candidate)?;
            let now = Instant::now();
            if wait.is_zero() {
                return Ok(Held::SendBy(lasts.map(|lasts| now + lasts)));
            }
            let opens = now + wait;
            if is_choice_old {
                // It must not take longer than the message is held.
                match core.runtime.until(opens, self.better_than(candidate, tried)).await {
                    Some(Ok(Some(better))) => return Ok(Held::Better(better)),
                    Some(Err(error)) => return Err(error),
                    Some(Ok(None)) | None => {}
                }
            }
            let recheck = opens.min(Instant::now() + RECHECK_INTERVAL);
            // The list of links exists as long as the client, so that this ends with a change.
            let _ = core.runtime.until(recheck, changes.changed()).await;
            is_choice_old = true;
        }
    }

    /// Returns when the node passes the unicast on.
    fn passage(&self, candidate: &Candidate) -> Result<Passage> {
        let passage = candidate.passage(&self.core, &self.topic);
        let in_time = passage.filter(|passage| Instant::now() + passage.wait < self.deadline);
        in_time.ok_or_else(|| self.no_passage(candidate))
    }

    fn no_passage(&self, candidate: &Candidate) -> Error {
        session::no_second(&self.topic, &candidate.link.endpoint)
    }

    /// Returns the nodes that were not tried, if the first suits better than the one that was chosen.
    async fn better_than(&self, chosen: &Candidate, tried: &[LinkId]) -> Result<Option<Vec<Candidate>>> {
        let mut candidates = self.candidates().await?;
        let chosen = chosen.link.id;
        candidates.retain(|other| other.link.id == chosen || !tried.contains(&other.link.id));
        let is_better = candidates.first().is_some_and(|best| {
            // If it is no longer connected, any other node is better.
            let chosen = candidates.iter().find(|candidate| candidate.link.id == chosen);
            chosen.is_none_or(|chosen| best.is_better_than(chosen))
        });
        Ok(is_better.then_some(candidates))
    }
}
