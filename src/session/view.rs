//! What a node has said of who subscribes to what, and what that means for a message to send.
//!
//! Nodes 2.8 to 2.11 never deliver to SDKs of their own, and lose unicasts that pick the own node. So a publisher does
//! well to go through a node that doesn't list the topic itself but sees it at a peer.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
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
    /// It said nothing in time: it may be stalled.
    pub(crate) silent: bool,
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
    /// The node doesn't answer questions, and perhaps nothing.
    Silent,
}

impl View {
    pub(crate) fn fit(&self, topic: &str) -> Fit {
        let listed = |topics: &Option<HashSet<String>>| topics.as_ref().map(|topics| topics.contains(topic));
        match (listed(&self.own), listed(&self.peers)) {
            (Some(false), Some(true)) => Fit::AtAPeer,
            (Some(true), Some(true)) => Fit::AtBoth,
            (Some(true), Some(false) | None) => Fit::AtTheNode,
            (Some(false), Some(false)) => Fit::Nowhere,
            (None, _) | (Some(false), None) if self.silent => Fit::Silent,
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
    /// The last unicast through the node that ended well or timed out did time out.
    suspect: AtomicBool,
    /// The latest seconds (of the wall clock, as nodes count them) in which a unicast was tried here, and in which one
    /// that was tried ended well.
    tried: AtomicU64,
    worked: AtomicU64,
}

/// What is known of a node beside what it says, the best first: part of the order in which nodes are tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Luck {
    /// A unicast of this second ended well: the node's random choice, which stays the same within a second, is good.
    Good,
    /// None was tried in this second.
    Untried,
    /// None of those tried in this second has ended well so far.
    Bad,
}

impl Views {
    /// How well the node suits a message, and whether it should be asked first or meanwhile.
    pub(crate) fn fit(&self, topic: &str, now: Instant) -> (Fit, Asking) {
        let latest = self.latest.load();
        let Some(view) = latest.as_ref() else { return (Fit::Unknown, Asking::First) };
        let age = now.saturating_duration_since(view.taken_at);
        let asking = if age < ASK_EVERY {
            Asking::No
        } else if view.silent {
            // Nobody is to wait for it, each time in vain.
            Asking::Meanwhile
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
        self.suspect.store(false, Ordering::Relaxed);
    }

    /// A unicast is tried here in this second.
    pub(crate) fn tried(&self, second: u64) {
        self.tried.fetch_max(second, Ordering::Relaxed);
    }

    /// One that was tried in this second has ended well.
    pub(crate) fn worked(&self, second: u64) {
        self.worked.fetch_max(second, Ordering::Relaxed);
        if self.suspect.load(Ordering::Relaxed) {
            self.suspect.store(false, Ordering::Relaxed);
        }
    }

    /// One was not answered in time.
    pub(crate) fn timed_out(&self) {
        self.suspect.store(true, Ordering::Relaxed);
    }

    /// Whether the last unicast through the node timed out.
    pub(crate) fn is_suspect(&self) -> bool {
        self.suspect.load(Ordering::Relaxed)
    }

    /// How unicasts through the node do in this second.
    pub(crate) fn luck(&self, second: u64) -> Luck {
        match (self.worked.load(Ordering::Relaxed) >= second, self.tried.load(Ordering::Relaxed) >= second) {
            (true, _) => Luck::Good,
            (false, false) => Luck::Untried,
            (false, true) => Luck::Bad,
        }
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
            silent: false,
            taken_at: Instant::now(),
        };
        let fits = ["peer", "both", "own", "none"].map(|topic| view.fit(topic));
        assert_eq!(fits, [Fit::AtAPeer, Fit::AtBoth, Fit::AtTheNode, Fit::Nowhere]);
        assert!(Fit::AtAPeer < Fit::Unknown && Fit::Unknown < Fit::AtBoth);
        let now = Instant::now();
        let refusing = View { own: None, peers: None, silent: false, taken_at: now };
        assert_eq!(refusing.fit("peer"), Fit::Unknown);
        let silent = View { own: None, peers: None, silent: true, taken_at: now };
        assert!(silent.fit("peer") > view.fit("both"), "anything is better than silence");
    }

    #[test]
    fn nobody_waits_for_a_silent_node_again() {
        let (views, now) = (Views::default(), Instant::now());
        views.set(View { own: None, peers: None, silent: true, taken_at: now });
        assert_eq!(views.fit("t", now + ASK_EVERY).1, Asking::Meanwhile);
        assert_eq!(views.fit("t", now + 10 * TRUSTED_FOR).1, Asking::Meanwhile);
    }

    #[test]
    fn a_nodes_luck_is_that_of_the_second_and_a_time_out_makes_it_suspect() {
        let views = Views::default();
        assert_eq!(views.luck(7), Luck::Untried);
        views.tried(7);
        assert_eq!(views.luck(7), Luck::Bad);
        views.worked(7);
        views.tried(7);
        assert_eq!((views.luck(7), views.luck(8)), (Luck::Good, Luck::Untried));
        assert!(Luck::Good < Luck::Untried && Luck::Untried < Luck::Bad);
        views.timed_out();
        assert!(views.is_suspect());
        views.worked(8);
        assert!(!views.is_suspect());
    }

    #[test]
    fn a_node_is_asked_when_nothing_is_known_in_doubt_and_now_and_then() {
        let start = Instant::now();
        let views = Views::default();
        assert_eq!(views.fit("t", start), (Fit::Unknown, Asking::First));
        views.set(View { own: topics(&[]), peers: topics(&["t"]), silent: false, taken_at: start });
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
