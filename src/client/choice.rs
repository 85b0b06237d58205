//! Which node a message goes through, and in which order the others are tried.
//!
//! Only a preference: where nodes refuse to say who subscribes, or none fits, it is the best guess.

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
    pub(super) fit: Reach,
    suspect: bool,
    luck: RecentOutcome,
}

impl Candidate {
    /// A node whose last unicast timed out comes after the others. Among those that may pick SDKs of their own, which
    /// some releases lose, what this second has shown decides.
    fn rank(&self) -> (bool, Reach, RecentOutcome) {
        let luck = if self.fit == Reach::LocalAndPeers { self.luck } else { RecentOutcome::NotTried };
        (self.suspect, self.fit, luck)
    }
}

/// The second of the wall clock: nodes seed their random choice with theirs.
pub(super) fn wall_second() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// The connected nodes, the best first.
pub(super) async fn candidates(core: &ClientCore, topic: &Topic, deadline: Instant) -> Vec<Candidate> {
    let connected = || -> Vec<Arc<Link>> {
        core.links.all().iter().filter(|link| link.port.is_connected()).cloned().collect()
    };
    let mut links = connected();
    if links.len() > 1 && ask(core, &links, topic, deadline).await {
        links = connected();
    }
    let (now, second) = (Instant::now(), wall_second());
    let alone = links.len() == 1;
    let mut candidates: Vec<Candidate> = links
        .into_iter()
        .map(|link| {
            let fit = if alone { Reach::Unknown } else { link.port.views.fit(topic, now).0 };
            // A node that doesn't say: this client knows at least where it subscribes itself.
            let own = !alone && fit == Reach::Unknown && core.registry().is_listed(topic, link.id);
            let (suspect, luck) = (link.port.views.is_suspect(), link.port.views.recent_outcome(second));
            Candidate { link, fit: if own { Reach::LocalAndPeers } else { fit }, suspect, luck }
        })
        .collect();
    candidates.sort_by_key(Candidate::rank);
    candidates
}

/// Asks the nodes of which too little is known; true when that took time.
async fn ask(core: &ClientCore, links: &[Arc<Link>], topic: &Topic, deadline: Instant) -> bool {
    let now = Instant::now();
    let mut answers = Vec::new();
    let mut trusted = Vec::new();
    for link in links {
        let done = match link.port.views.fit(topic, now).1 {
            Refresh::NotNeeded => {
                trusted.push(link);
                continue;
            }
            Refresh::InBackground => {
                trusted.push(link);
                None
            }
            Refresh::BeforeSending => {
                let (done, answer) = oneshot::channel();
                answers.push(answer);
                Some(done)
            }
        };
        // A link that has ended drops the other end, which is an answer too.
        let _ = link.port.send(Command::Survey { done });
    }
    // One node that suits is enough: the others' answers are of use to the next message.
    let suits = |link: &Arc<Link>| link.port.views.fit(topic, now).0 == Reach::PeersOnly;
    if answers.is_empty() || trusted.iter().any(|link| suits(link)) {
        return false;
    }
    let found = async {
        let mut answers: FuturesUnordered<_> = answers.into_iter().collect();
        while answers.next().await.is_some() && !links.iter().any(suits) {}
    };
    // Boxed: it happens seldom, and would make the state of every message larger.
    Box::pin(core.runtime.until(deadline.min(now + QUERY_TIMEOUT), found)).await;
    true
}
