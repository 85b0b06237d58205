//! Waits until nodes list a new topic.

use std::future::pending;
use std::pin::pin;
use std::time::{Duration, Instant};

use futures_util::future::{Either, select};
use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::sync::{oneshot, watch};

use super::core::ClientCore;
use super::options::Confirm;
use crate::error::{Error, ErrorKind, Result};
use crate::protocol::Topic;
use crate::runtime::RuntimeRef;
use crate::session;

/// The answer of one node: sent when it lists the topic, dropped with the connection.
pub(super) type Applied = oneshot::Receiver<Result<()>>;

/// How long a subscription that no node has confirmed waits for a change before it asks the links again.
const RECHECK_INTERVAL: Duration = Duration::from_millis(100);

/// How long the other nodes have once the first has confirmed a topic. A node takes milliseconds; one that is stalled
/// must not delay a subscription that works.
const GRACE: Duration = Duration::from_secs(1);

impl ClientCore {
    /// Waits, as far as `confirm` demands it, until a connected node lists a new topic, and for the other nodes as long
    /// as [`GRACE`] allows.
    ///
    /// # Errors
    /// Returns [`ErrorKind::InvalidTopic`] or [`ErrorKind::Unsupported`] at once if a connection can't carry the topic and
    /// no other node lists it,
    /// [`ErrorKind::Closed`] if the client is closed, else why no node has confirmed the topic by `deadline`.
    pub(super) async fn until_listed(
        &self,
        topic: &Topic,
        mut applied: Vec<Applied>,
        confirm: Confirm,
        deadline: Instant,
    ) -> Result<()> {
        let mut changed = self.links.watch();
        loop {
            match confirm {
                Confirm::Never => return Ok(()),
                // Checked again after each wait, because the only node may be lost meanwhile. A topic that the first node
                // may refuse has to wait for it: its subscription might never become active.
                Confirm::Auto if !self.links.any_connected() && self.can_be_listed(topic) => return Ok(()),
                Confirm::Auto | Confirm::Always => {}
            }
            let failure = match first_and_grace(&self.runtime, applied, &mut changed, deadline).await {
                Confirmed::Yes => return Ok(()),
                // No later answer of that connection differs.
                Confirmed::No(error) if is_refusal(&error) => return Err(error),
                Confirmed::No(error) => Some(error),
                Confirmed::TimedOut => Some(not_listed(topic)),
                Confirmed::Changed => None,
            };
            self.check()?;
            if let Some(failure) = failure {
                if Instant::now() >= deadline {
                    return Err(failure);
                }
                let limit = deadline.min(Instant::now() + RECHECK_INTERVAL);
                self.runtime.until(limit, changed.changed()).await;
            }
            // The next session lists the topic, and may do so already. Or a topic with `Placement::One` moves to a node
            // that is connected.
            applied = self.send_routes(&self.registry(), topic);
        }
    }
}

/// What the nodes said.
#[derive(Debug)]
enum Confirmed {
    /// At least one lists the topic.
    Yes,
    /// None does; the refusal of a connection that can't carry the topic, else the last reason given.
    No(Error),
    /// The deadline passed before any answered.
    TimedOut,
    /// None does yet, and the state of a link has changed: another node may list it by now.
    Changed,
}

/// Awaits the answers of all nodes side by side: until all are there, or some time after the first confirmation. Before
/// that, a change of any link ends the wait, so that a node that doesn't answer hides no other.
async fn first_and_grace(
    runtime: &RuntimeRef,
    applied: Vec<Applied>,
    changed: &mut watch::Receiver<u64>,
    deadline: Instant,
) -> Confirmed {
    let mut answers: FuturesUnordered<_> = applied.into_iter().collect();
    let mut outcome = Confirmed::No(session::nobody_connected());
    let mut limit = deadline;
    loop {
        let is_confirmed = matches!(outcome, Confirmed::Yes);
        let change = async { if is_confirmed { pending().await } else { _ = changed.changed().await } };
        // The answers are polled first.
        let answer = match runtime.until(limit, select(answers.next(), pin!(change))).await {
            Some(Either::Left((answer, _))) => Some(answer),
            Some(Either::Right(_)) => return Confirmed::Changed,
            None => None,
        };
        outcome = match (answer, outcome) {
            (None, Confirmed::No(_)) => return Confirmed::TimedOut,
            (None | Some(None), outcome) => return outcome,
            (Some(Some(Ok(Ok(())))), Confirmed::No(_)) => {
                limit = deadline.min(tokio_now() + GRACE);
                Confirmed::Yes
            }
            (Some(Some(_)), Confirmed::Yes) => Confirmed::Yes,
            (Some(Some(_)), Confirmed::No(refusal)) if is_refusal(&refusal) => Confirmed::No(refusal),
            (Some(Some(Ok(Err(error)))), _) => Confirmed::No(error),
            // The connection was lost before the node confirmed the topic. The next connection lists it.
            (Some(Some(Err(_))), _) => Confirmed::No(session::nobody_connected()),
            (Some(Some(Ok(Ok(())))), outcome) => outcome,
        };
    }
}

/// Returns whether a connection can't carry the topic.
fn is_refusal(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::InvalidTopic | ErrorKind::Unsupported)
}

/// Returns the time of tokio's clock, which tests can stop.
fn tokio_now() -> Instant {
    tokio::time::Instant::now().into_std()
}

fn not_listed(topic: &Topic) -> Error {
    Error::undelivered(
        ErrorKind::Timeout,
        format!("no node confirmed the subscription to {topic:?} in time; the node may be overloaded"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const FAR: Duration = Duration::from_secs(24 * 3600);

    fn runtime() -> RuntimeRef {
        RuntimeRef::given(tokio::runtime::Handle::current())
    }

    async fn until_confirmed(applied: Vec<Applied>, deadline: Instant) -> Confirmed {
        let (_keep, mut unchanged) = watch::channel(0);
        first_and_grace(&runtime(), applied, &mut unchanged, deadline).await
    }

    fn answered(answer: Result<()>) -> Applied {
        let (tx, rx) = oneshot::channel();
        tx.send(answer).unwrap();
        rx
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_node_delays_a_confirmation_by_the_grace_only() {
        let began = tokio::time::Instant::now();
        let deadline = began.into_std() + FAR;
        for silent_first in [true, false] {
            let before = tokio::time::Instant::now();
            let (_keep, silent) = oneshot::channel();
            let mut applied = vec![answered(Ok(())), silent];
            if silent_first {
                applied.reverse();
            }
            let outcome = until_confirmed(applied, deadline).await;
            assert!(matches!(outcome, Confirmed::Yes));
            assert!((GRACE..2 * GRACE).contains(&before.elapsed()));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn confirmations_of_all_nodes_need_no_grace() {
        let before = tokio::time::Instant::now();
        let deadline = before.into_std() + FAR;
        let (late, rx) = oneshot::channel();
        let (gone, lost) = oneshot::channel::<Result<()>>();
        drop(gone);
        tokio::spawn(async move {
            tokio::time::sleep(GRACE / 2).await;
            late.send(Ok(())).unwrap();
        });
        let outcome = until_confirmed(vec![lost, answered(Ok(())), rx], deadline).await;
        assert!(matches!(outcome, Confirmed::Yes));
        assert!(before.elapsed() < GRACE);
    }

    #[tokio::test(start_paused = true)]
    async fn failures_are_reported_when_no_node_confirms() {
        let deadline = tokio::time::Instant::now().into_std() + FAR;
        let refused = answered(Err(Error::undelivered(ErrorKind::Protocol, "refused")));
        let outcome = until_confirmed(vec![refused], deadline).await;
        assert!(matches!(outcome, Confirmed::No(error) if error.kind() == ErrorKind::Protocol));
        let is_down = || Err(Error::undelivered(ErrorKind::NotConnected, ""));
        let too_long = || Err(Error::undelivered(ErrorKind::InvalidTopic, ""));
        for answers in [[is_down(), too_long()], [too_long(), is_down()]] {
            let outcome = until_confirmed(answers.map(answered).into(), deadline).await;
            assert!(matches!(outcome, Confirmed::No(error) if error.kind() == ErrorKind::InvalidTopic));
        }
        let outcome = until_confirmed(Vec::new(), deadline).await;
        assert!(matches!(outcome, Confirmed::No(error) if error.kind() == ErrorKind::NotConnected));
        let (_keep, silent) = oneshot::channel();
        let outcome = until_confirmed(vec![silent], deadline).await;
        assert!(matches!(outcome, Confirmed::TimedOut));
    }

    #[tokio::test(start_paused = true)]
    async fn a_change_ends_the_wait_for_a_silent_node_until_one_confirms() {
        let began = tokio::time::Instant::now();
        let deadline = began.into_std() + FAR;
        let (changes, mut changed) = watch::channel(0);
        let (_keep, silent) = oneshot::channel();
        changes.send_replace(1);
        let outcome = first_and_grace(&runtime(), vec![silent], &mut changed, deadline).await;
        assert!(matches!(outcome, Confirmed::Changed));
        assert_eq!(began.elapsed(), Duration::ZERO);
        let (_keep, silent) = oneshot::channel();
        changes.send_replace(2);
        let applied = vec![answered(Ok(())), silent];
        let outcome = first_and_grace(&runtime(), applied, &mut changed, deadline).await;
        assert!(matches!(outcome, Confirmed::Yes));
    }
}
