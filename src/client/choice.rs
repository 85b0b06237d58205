//! Which node a message goes through, and in which order the others are tried.
//!
//! Only a preference: where nodes refuse to say who subscribes, or none fits, it is the best guess.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use tokio::sync::oneshot;

use super::core::ClientCore;
use super::link::Link;
use crate::protocol::Topic;
use crate::session::{Asking, Command, Fit};

/// How long a message waits to learn who subscribes before it goes by the best guess.
const ASK_FOR: Duration = Duration::from_secs(1);

/// A connected node and how well it suits.
pub(super) struct Candidate {
    pub(super) link: Arc<Link>,
    pub(super) fit: Fit,
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
    let now = Instant::now();
    let alone = links.len() == 1;
    let mut candidates: Vec<Candidate> = links
        .into_iter()
        .map(|link| {
            let fit = if alone { Fit::Unknown } else { link.port.views.fit(topic, now).0 };
            // A node that doesn't say: this client knows at least where it subscribes itself.
            let own = !alone && fit == Fit::Unknown && core.registry().is_listed(topic, link.id);
            Candidate { link, fit: if own { Fit::AtBoth } else { fit } }
        })
        .collect();
    candidates.sort_by_key(|candidate| candidate.fit);
    candidates
}

/// Asks the nodes of which too little is known; true when that took time.
async fn ask(core: &ClientCore, links: &[Arc<Link>], topic: &Topic, deadline: Instant) -> bool {
    let now = Instant::now();
    let mut answers = Vec::new();
    for link in links {
        let done = match link.port.views.fit(topic, now).1 {
            Asking::No => continue,
            Asking::Meanwhile => None,
            Asking::First => {
                let (done, answer) = oneshot::channel();
                answers.push(answer);
                Some(done)
            }
        };
        // A link that has ended drops the other end, which is an answer too.
        let _ = link.port.send(Command::Survey { done });
    }
    if answers.is_empty() {
        return false;
    }
    // Boxed: it happens seldom, and would make the state of every message larger.
    Box::pin(core.runtime.until(deadline.min(now + ASK_FOR), join_all(answers))).await;
    true
}
