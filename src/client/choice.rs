//! Which node a message goes through, and in which order the others are tried.
//!
//! Only a preference: where nodes refuse to say who subscribes, or none suits, it is the best guess.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::sync::oneshot;

use super::core::ClientCore;
use super::link::Link;
use crate::protocol::Topic;
use crate::session::{Command, Reach, RecentOutcome, Refresh};

/// How long a message waits to learn who subscribes before it goes by the best guess.
const QUERY_TIMEOUT: Duration = Duration::from_secs(1);

/// A connected node and how well it suits.
pub(super) struct Candidate {
    pub(super) link: Arc<Link>,
    pub(super) reach: Reach,
    suspect: bool,
    recent_outcome: RecentOutcome,
}

impl Candidate {
    /// Returns the node's place in the order, the best first. A node whose last unicast timed out comes after the
    /// others. The outcomes of this second only order nodes that may choose SDKs of their own, which some releases
    /// lose.
    fn rank(&self) -> (bool, Reach, RecentOutcome) {
        let recent_outcome = match self.reach {
            Reach::LocalAndPeers => self.recent_outcome,
            _ => RecentOutcome::NotTried,
        };
        (self.suspect, self.reach, recent_outcome)
    }
}

/// Returns the current second of the wall clock: nodes seed their random choice with theirs.
pub(super) fn wall_second() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// Returns the connected nodes, the best first.
pub(super) async fn candidates(core: &ClientCore, topic: &Topic, deadline: Instant) -> Vec<Candidate> {
    let connected = || -> Vec<Arc<Link>> {
        core.links.all().iter().filter(|link| link.handle.is_connected()).cloned().collect()
    };
    let mut links = connected();
    if links.len() > 1 && query(core, &links, topic, deadline).await {
        links = connected();
    }
    let (now, second) = (Instant::now(), wall_second());
    let alone = links.len() == 1;
    let mut candidates: Vec<Candidate> = links
        .into_iter()
        .map(|link| {
            let views = &link.handle.views;
            let mut reach = if alone { Reach::Unknown } else { views.reach(topic, now).0 };
            // If the node can't be asked, this client still knows where it subscribes itself.
            if !alone && reach == Reach::Unknown && core.registry().is_listed(topic, link.id) {
                reach = Reach::LocalAndPeers;
            }
            let (suspect, recent_outcome) = (views.is_suspect(), views.recent_outcome(second));
            Candidate { link, reach, suspect, recent_outcome }
        })
        .collect();
    candidates.sort_by_key(Candidate::rank);
    candidates
}

/// Queries the nodes of which too little is known. Returns whether that took time.
async fn query(core: &ClientCore, links: &[Arc<Link>], topic: &Topic, deadline: Instant) -> bool {
    let now = Instant::now();
    let mut answers = Vec::new();
    let mut known = Vec::new();
    for link in links {
        let done = match link.handle.views.reach(topic, now).1 {
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
        // A link that has ended drops the sender, which ends the wait too.
        let _ = link.handle.send(Command::Survey { topic: topic.clone(), done });
    }
    // One node that suits is enough: the others' answers are of use to the next message.
    let suits = |link: &Arc<Link>| link.handle.views.reach(topic, now).0 == Reach::PeersOnly;
    if answers.is_empty() || known.iter().any(|link| suits(link)) {
        return false;
    }
    let found = async {
        let mut answers: FuturesUnordered<_> = answers.into_iter().collect();
        while answers.next().await.is_some() && !links.iter().any(suits) {}
    };
    // Boxed, because it happens seldom and would make the state of every message larger.
    Box::pin(core.runtime.until(deadline.min(now + QUERY_TIMEOUT), found)).await;
    true
}
