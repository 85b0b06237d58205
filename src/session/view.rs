//! What a node has said of who subscribes to what, and what that means for a message to send.
//!
//! Nodes 2.8 to 2.11 never deliver to SDKs of their own, and lose unicasts that pick the own node. So a publisher does
//! well to go through a node that doesn't list the topic itself but sees it at a peer.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;

/// A node is asked at most this often.
pub(crate) const ASK_EVERY: Duration = Duration::from_secs(1);

/// A view older than this isn't trusted any more: topic lists travel every 5 s. Between the two a message goes by the
/// view there is, while it is fetched anew.
const TRUSTED_FOR: Duration = Duration::from_secs(5);

/// The topics of one node, as it answered `getNodeInfo` and `getPeers`.
#[derive(Debug)]
pub(crate) struct View {
    /// Topics of SDKs connected to the node itself; `None` where it refuses to say.
    pub(crate) own: Option<HashSet<String>>,
    /// Topics of SDKs at its peers; `None` where it refuses to say.
    pub(crate) peers: Option<HashSet<String>>,
    pub(crate) taken_at: Instant,
}

/// How well a node suits a message, the best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fit {
    /// A peer has subscribers, the node itself has none: what every release delivers.
    AtAPeer,
    /// Nothing is known.
    Unknown,
    /// A peer and the node itself have: some releases lose those that pick the own node.
    AtBoth,
    /// Only the node itself has: some releases deliver none of them.
    AtTheNode,
    /// Nobody it knows has.
    Nowhere,
}

impl View {
    pub(crate) fn fit(&self, topic: &str) -> Fit {
        let listed = |topics: &Option<HashSet<String>>| topics.as_ref().map(|topics| topics.contains(topic));
        match (listed(&self.own), listed(&self.peers)) {
            (Some(false), Some(true)) => Fit::AtAPeer,
            (Some(true), Some(true)) => Fit::AtBoth,
            (Some(true), Some(false) | None) => Fit::AtTheNode,
            (Some(false), Some(false)) => Fit::Nowhere,
            (None, _) | (Some(false), None) => Fit::Unknown,
        }
    }
}

/// The latest view of one node, read without a lock.
#[derive(Debug, Default)]
pub(crate) struct Views {
    latest: ArcSwapOption<View>,
    /// A failure has shown that the latest may be wrong.
    doubted: AtomicBool,
}

impl Views {
    /// How well the node suits a message, and whether it should be asked first or meanwhile.
    pub(crate) fn fit(&self, topic: &str, now: Instant) -> (Fit, Asking) {
        let latest = self.latest.load();
        let Some(view) = latest.as_ref() else { return (Fit::Unknown, Asking::First) };
        let age = now.saturating_duration_since(view.taken_at);
        let asking = if age < ASK_EVERY {
            Asking::No
        } else if self.doubted.load(Ordering::Relaxed)
            || view.fit(topic) == Fit::Nowhere
            || age >= TRUSTED_FOR
        {
            Asking::First
        } else {
            Asking::Meanwhile
        };
        (view.fit(topic), asking)
    }

    pub(crate) fn set(&self, view: View) {
        self.doubted.store(false, Ordering::Relaxed);
        self.latest.store(Some(view.into()));
    }

    /// The connection is gone; the next one asks anew.
    pub(crate) fn forget(&self) {
        self.latest.store(None);
    }

    /// A message failed in a way that a changed topic list would explain.
    pub(crate) fn doubt(&self) {
        self.doubted.store(true, Ordering::Relaxed);
    }

    /// Whether the latest is too young to be fetched again.
    pub(crate) fn is_young(&self, now: Instant) -> bool {
        self.latest
            .load()
            .as_ref()
            .is_some_and(|view| now.saturating_duration_since(view.taken_at) < ASK_EVERY)
    }
}

/// Whether to ask the node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asking {
    /// What is known will do.
    No,
    /// It will do for now; asking in the background keeps it so.
    Meanwhile,
    /// The answer is needed to choose well.
    First,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn topics(names: &[&str]) -> Option<HashSet<String>> {
        Some(names.iter().map(|name| (*name).to_owned()).collect())
    }

    #[test]
    fn a_topic_at_a_peer_only_is_best() {
        let view = View {
            own: topics(&["both", "own"]),
            peers: topics(&["both", "peer"]),
            taken_at: Instant::now(),
        };
        let fits = ["peer", "both", "own", "none"].map(|topic| view.fit(topic));
        assert_eq!(fits, [Fit::AtAPeer, Fit::AtBoth, Fit::AtTheNode, Fit::Nowhere]);
        assert!(Fit::AtAPeer < Fit::Unknown && Fit::Unknown < Fit::AtBoth);
        let silent = View { own: None, peers: None, taken_at: Instant::now() };
        assert_eq!(silent.fit("peer"), Fit::Unknown);
    }

    #[test]
    fn a_node_is_asked_when_nothing_is_known_in_doubt_and_now_and_then() {
        let start = Instant::now();
        let views = Views::default();
        assert_eq!(views.fit("t", start), (Fit::Unknown, Asking::First));
        views.set(View { own: topics(&[]), peers: topics(&["t"]), taken_at: start });
        let after = |ms| start + Duration::from_millis(ms);
        assert_eq!(views.fit("t", after(10)).1, Asking::No);
        assert_eq!(views.fit("t", after(1000)), (Fit::AtAPeer, Asking::Meanwhile));
        assert_eq!(views.fit("t", after(5000)), (Fit::AtAPeer, Asking::First));
        assert_eq!(views.fit("elsewhere", after(1000)), (Fit::Nowhere, Asking::First));
        views.doubt();
        assert_eq!(views.fit("t", after(900)).1, Asking::No, "not more than once a second");
        assert_eq!(views.fit("t", after(1000)).1, Asking::First);
        assert!(views.is_young(after(999)) && !views.is_young(after(1000)));
        views.forget();
        assert_eq!(views.fit("t", after(1)).0, Fit::Unknown);
    }
}
