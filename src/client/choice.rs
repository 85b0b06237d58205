//! Which node a message goes through, and in which order the others are tried.
//!
//! Only a preference: where nodes refuse to say who subscribes, or none suits, it is the best guess.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::sync::oneshot;

use super::core::ClientCore;
use super::link::Link;
use crate::protocol::Topic;
use crate::session::{CallKind, Command, Fit, Passage, Refresh};

/// How long a message waits to learn who subscribes before it goes by the best guess.
const QUERY_TIMEOUT: Duration = Duration::from_secs(1);

/// A unicast isn't sent so shortly before or after a second in which its node would lose it.
const MIN_GUARD: Duration = Duration::from_millis(50);

/// A connected node and how well it suits.
pub(super) struct Candidate {
    pub(super) link: Arc<Link>,
    pub(super) fit: Fit,
    suspect: bool,
    /// Whether the node's answers are late.
    late: bool,
    /// How long it had to wait at the time of the choice.
    wait: Duration,
    /// The calls in flight there, for nodes that can't be asked who subscribes.
    load: usize,
    /// Whether this client takes broadcasts on the topic from this node only, and recognises its own there.
    is_source: bool,
}

impl Candidate {
    /// Returns when a unicast through the node isn't lost to SDKs of its own, or `None` if the next minutes have no such
    /// time.
    pub(super) fn passage(&self, core: &ClientCore, topic: &Topic) -> Option<Passage> {
        self.passage_from(core.options.wall_clock.now(), topic)
    }

    /// Returns the same for this time.
    fn passage_from(&self, now: SystemTime, topic: &Topic) -> Option<Passage> {
        match self.fit {
            Fit::OwnNodeOnly | Fit::InSomeSeconds | Fit::InSomeSecondsUnresponsive => {
                self.link.handle.views.passage(topic, now, guard(&self.link))
            }
            _ => Some(Passage::default()),
        }
    }

    /// Returns whether the node suits a unicast better than another one that was chosen at the same time.
    pub(super) fn is_better_than(&self, other: &Candidate) -> bool {
        self.rank() < other.rank()
    }

    fn rank(&self) -> Rank {
        let Candidate { fit, suspect, late, wait, load, .. } = *self;
        rank(fit, suspect, late, wait, load)
    }

    /// Returns whether the node may lose a unicast for which it chooses itself. One that has no subscribers of its own
    /// never does.
    pub(super) fn may_lose(&self) -> bool {
        !matches!(self.fit, Fit::Delivers | Fit::NoSubscriber) && self.link.handle.views.loses_own()
    }
}

/// A node's place in the order, see [`rank`].
type Rank = (bool, bool, Fit, bool, Duration, bool, usize);

/// Returns a node's place in the order, the best first. One that loses messages to SDKs of its own comes last if it has
/// any: the one with the nearest good second first, but before it those whose answers aren't `late`, because a stalled node
/// reads a unicast in another second. Of the others, one whose last unicast timed out comes after the rest.
fn rank(fit: Fit, suspect: bool, late: bool, wait: Duration, load: usize) -> Rank {
    let loses_own = fit.loses_own();
    (loses_own, suspect && !loses_own, fit, late && loses_own, wait, suspect, load)
}

/// Returns how far a unicast keeps from the edges of a second: two round trips.
pub(super) fn guard(link: &Link) -> Duration {
    // The fastest: the others show more of the subscribers than of the way to the node.
    link.handle.counters.round_trips.fastest().map_or(MIN_GUARD, |took| MIN_GUARD.max(2 * took))
}

/// Returns the connected nodes, the best first. A single node is asked about subscribers only if it may lose messages, or
/// if the caller has to know.
pub(super) async fn candidates(
    core: &ClientCore,
    topic: &Topic,
    kind: CallKind,
    deadline: Instant,
    has_to_know: bool,
) -> Vec<Candidate> {
    let connected = || -> Vec<Arc<Link>> {
        core.links.all().iter().filter(|link| link.handle.takes_calls()).cloned().collect()
    };
    let mut links = connected();
    let needs_choice =
        has_to_know || links.len() > 1 || links.iter().any(|link| link.handle.views.loses_own());
    if needs_choice && query(core, &links, topic, deadline, has_to_know).await {
        links = connected();
    }
    let (now, wall_clock) = (Instant::now(), core.options.wall_clock.now());
    let mut candidates: Vec<Candidate> = links
        .into_iter()
        .map(|link| {
            let views = &link.handle.views;
            let fit = if needs_choice { fit(core, &link, topic, now).0 } else { Fit::Unknown };
            let (suspect, late) = (views.is_suspect(), fit.loses_own() && views.is_late(now));
            let load = if views.can_be_asked() { 0 } else { link.handle.in_flight() };
            let is_source = kind == CallKind::Broadcast && is_source(core, &link, topic);
            let wait = Duration::ZERO;
            let mut candidate = Candidate { link, fit, suspect, late, wait, load, is_source };
            let passage = candidate.passage_from(wall_clock, topic);
            candidate.wait = passage.map_or(Duration::MAX, |passage| passage.wait);
            candidate
        })
        .collect();
    candidates.sort_by_key(|candidate| (!candidate.is_source, candidate.rank()));
    candidates
}

/// Returns whether the link is the only one that this client takes broadcasts on a topic from.
fn is_source(core: &ClientCore, link: &Link, topic: &Topic) -> bool {
    let is_primary = || {
        let registry = core.registry();
        registry.primary_link() == link.id && registry.is_listed(topic, link.id)
    };
    !link.handle.has_broadcast_ids() && is_primary()
}

fn fit(core: &ClientCore, link: &Link, topic: &Topic, now: Instant) -> (Fit, Refresh) {
    // If the node can't be asked, this client still knows where it subscribes itself.
    link.handle.views.fit(topic, now, || core.registry().is_listed(topic, link.id))
}

/// Queries the nodes of which too little is known. Returns whether that took time.
async fn query(
    core: &ClientCore,
    links: &[Arc<Link>],
    topic: &Topic,
    deadline: Instant,
    has_to_know: bool,
) -> bool {
    let now = Instant::now();
    let mut answers = Vec::new();
    let mut known = Vec::new();
    for link in links {
        let done = match fit(core, link, topic, now).1 {
            Refresh::NotNeeded => {
                known.push(link);
                continue;
            }
            Refresh::InBackground => {
                known.push(link);
                None
            }
            Refresh::BeforeSending => {
                let (done, answer) = oneshot::channel();
                answers.push(answer);
                Some(done)
            }
        };
        link.handle.views.want(now);
        // A link that has ended drops the sender, which ends the wait too.
        let _ = link.handle.send(Command::Survey { topic: topic.clone(), done });
    }
    // One node that suits is enough: the others' answers are of use to the next message.
    let suits = |link: &Arc<Link>| fit(core, link, topic, now).0 == Fit::Delivers;
    if answers.is_empty() || known.iter().any(|link| suits(link)) {
        return false;
    }
    let found = async {
        let mut answers: FuturesUnordered<_> = answers.into_iter().collect();
        while answers.next().await.is_some() && !links.iter().any(suits) {}
    };
    // A caller that has to know waits for the answers as long as the session does.
    let limit = if has_to_know { deadline } else { deadline.min(now + QUERY_TIMEOUT) };
    // Boxed, because it happens seldom and would make the state of every message larger.
    Box::pin(core.runtime.until(limit, found)).await;
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn node_that_loses_own_messages_comes_after_suspect_and_silent_ones() {
        let (now, later) = (Duration::ZERO, Duration::from_secs(3));
        let ranks = [
            rank(Fit::Delivers, false, false, now, 0),
            rank(Fit::Unresponsive, false, false, now, 0),
            rank(Fit::Delivers, true, false, now, 0),
            rank(Fit::ListedHere, true, false, now, 0),
            rank(Fit::ListedHere, true, false, now, 1),
            rank(Fit::Unresponsive, true, false, now, 0),
            rank(Fit::InSomeSeconds, false, false, now, 0),
            rank(Fit::InSomeSeconds, true, false, now, 0),
            rank(Fit::InSomeSeconds, false, false, later, 0),
            rank(Fit::InSomeSeconds, false, true, now, 0),
            rank(Fit::InSomeSecondsUnresponsive, false, false, now, 0),
            rank(Fit::MayLose, false, false, now, 0),
            rank(Fit::OwnNodeOnly, false, false, Duration::MAX, 0),
        ];
        assert!(ranks.is_sorted(), "{ranks:?}");
    }
}
