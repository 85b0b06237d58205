//! What a node has said of who subscribes to what, and what that means for a message to send.
//!
//! Nodes 2.8 to 2.11 never deliver to SDKs of their own, and lose unicasts that pick the own node. So a publisher does
//! well to go through a node that doesn't list the topic itself but sees it at a peer.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;

/// A node is asked at most this often.
pub(crate) const MIN_QUERY_INTERVAL: Duration = Duration::from_secs(1);

/// A view older than this isn't trusted any more: topic lists travel every 5 s. Between the two a message goes by the
/// view there is, while it is fetched anew.
const TRUSTED_FOR: Duration = Duration::from_secs(5);

/// The topics of one node, as it answered `getNodeInfo` and `getPeers`.
#[derive(Debug)]
pub(crate) struct TopicView {
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
pub(crate) enum Reach {
    /// A peer has subscribers, the node itself has none: what every release delivers.
    PeersOnly,
    /// Nothing is known.
    Unknown,
    /// A peer and the node itself have: some releases lose those that pick the own node.
    LocalAndPeers,
    /// Only the node itself has: some releases deliver none of them.
    LocalOnly,
    /// Nobody it knows has.
    NoSubscriber,
    /// The node doesn't answer questions, and perhaps nothing.
    Unresponsive,
}

impl TopicView {
    pub(crate) fn fit(&self, topic: &str) -> Reach {
        let listed = |topics: &Option<HashSet<String>>| topics.as_ref().map(|topics| topics.contains(topic));
        match (listed(&self.own), listed(&self.peers)) {
            (Some(false), Some(true)) => Reach::PeersOnly,
            (Some(true), Some(true)) => Reach::LocalAndPeers,
            (Some(true), Some(false) | None) => Reach::LocalOnly,
            (Some(false), Some(false)) => Reach::NoSubscriber,
            (None, _) | (Some(false), None) if self.silent => Reach::Unresponsive,
            (None, _) | (Some(false), None) => Reach::Unknown,
        }
    }
}

impl TopicView {
    /// Returns whether no peer of the node lists a topic; `None` if the node did not report its peers.
    pub(crate) fn no_peer_lists(&self, topic: &str) -> Option<bool> {
        self.peers.as_ref().map(|topics| !topics.contains(topic))
    }
}

/// The latest view of one node, read without a lock.
#[derive(Debug, Default)]
pub(crate) struct NodeTopicsCache {
    latest: ArcSwapOption<TopicView>,
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
pub(crate) enum RecentOutcome {
    /// A unicast of this second ended well: the node's random choice, which stays the same within a second, is good.
    Succeeded,
    /// None was tried in this second.
    NotTried,
    /// None of those tried in this second has ended well so far.
    NotSucceeded,
}

impl NodeTopicsCache {
    /// How well the node suits a message, and whether it should be asked first or meanwhile.
    pub(crate) fn fit(&self, topic: &str, now: Instant) -> (Reach, Refresh) {
        let latest = self.latest.load();
        let Some(view) = latest.as_ref() else { return (Reach::Unknown, Refresh::BeforeSending) };
        let age = now.saturating_duration_since(view.taken_at);
        let asking = if age < MIN_QUERY_INTERVAL {
            Refresh::NotNeeded
        } else if view.silent {
            // Nobody is to wait for it, each time in vain.
            Refresh::InBackground
        } else if self.doubted.load(Ordering::Relaxed)
            || view.fit(topic) == Reach::NoSubscriber
            || age >= TRUSTED_FOR
        {
            Refresh::BeforeSending
        } else {
            Refresh::InBackground
        };
        (view.fit(topic), asking)
    }

    /// Returns the latest view, if it is young enough to be trusted.
    pub(crate) fn trusted(&self, now: Instant) -> Option<Arc<TopicView>> {
        let latest = self.latest.load();
        let view = latest.as_ref()?;
        (now.saturating_duration_since(view.taken_at) < TRUSTED_FOR).then(|| view.clone())
    }

    pub(crate) fn set(&self, view: TopicView) {
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
    pub(crate) fn recent_outcome(&self, second: u64) -> RecentOutcome {
        match (self.worked.load(Ordering::Relaxed) >= second, self.tried.load(Ordering::Relaxed) >= second) {
            (true, _) => RecentOutcome::Succeeded,
            (false, false) => RecentOutcome::NotTried,
            (false, true) => RecentOutcome::NotSucceeded,
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
            .is_some_and(|view| now.saturating_duration_since(view.taken_at) < MIN_QUERY_INTERVAL)
    }
}

/// Whether to ask the node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refresh {
    /// What is known will do.
    NotNeeded,
    /// It will do for now; asking in the background keeps it so.
    InBackground,
    /// The answer is needed to choose well.
    BeforeSending,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn topics(names: &[&str]) -> Option<HashSet<String>> {
        Some(names.iter().map(|name| (*name).to_owned()).collect())
    }

    #[test]
    fn a_topic_at_a_peer_only_is_best() {
        let view = TopicView {
            own: topics(&["both", "own"]),
            peers: topics(&["both", "peer"]),
            silent: false,
            taken_at: Instant::now(),
        };
        let fits = ["peer", "both", "own", "none"].map(|topic| view.fit(topic));
        assert_eq!(fits, [Reach::PeersOnly, Reach::LocalAndPeers, Reach::LocalOnly, Reach::NoSubscriber]);
        assert!(Reach::PeersOnly < Reach::Unknown && Reach::Unknown < Reach::LocalAndPeers);
        let now = Instant::now();
        let refusing = TopicView { own: None, peers: None, silent: false, taken_at: now };
        assert_eq!(refusing.fit("peer"), Reach::Unknown);
        let silent = TopicView { own: None, peers: None, silent: true, taken_at: now };
        assert!(silent.fit("peer") > view.fit("both"), "anything is better than silence");
    }

    #[test]
    fn nobody_waits_for_a_silent_node_again() {
        let (views, now) = (NodeTopicsCache::default(), Instant::now());
        views.set(TopicView { own: None, peers: None, silent: true, taken_at: now });
        assert_eq!(views.fit("t", now + MIN_QUERY_INTERVAL).1, Refresh::InBackground);
        assert_eq!(views.fit("t", now + 10 * TRUSTED_FOR).1, Refresh::InBackground);
    }

    #[test]
    fn a_nodes_luck_is_that_of_the_second_and_a_time_out_makes_it_suspect() {
        let views = NodeTopicsCache::default();
        assert_eq!(views.recent_outcome(7), RecentOutcome::NotTried);
        views.tried(7);
        assert_eq!(views.recent_outcome(7), RecentOutcome::NotSucceeded);
        views.worked(7);
        views.tried(7);
        assert_eq!(
            (views.recent_outcome(7), views.recent_outcome(8)),
            (RecentOutcome::Succeeded, RecentOutcome::NotTried)
        );
        assert!(
            RecentOutcome::Succeeded < RecentOutcome::NotTried
                && RecentOutcome::NotTried < RecentOutcome::NotSucceeded
        );
        views.timed_out();
        assert!(views.is_suspect());
        views.worked(8);
        assert!(!views.is_suspect());
    }

    #[test]
    fn a_node_is_asked_when_nothing_is_known_in_doubt_and_now_and_then() {
        let start = Instant::now();
        let views = NodeTopicsCache::default();
        assert_eq!(views.fit("t", start), (Reach::Unknown, Refresh::BeforeSending));
        views.set(TopicView { own: topics(&[]), peers: topics(&["t"]), silent: false, taken_at: start });
        let after = |ms| start + Duration::from_millis(ms);
        assert_eq!(views.fit("t", after(10)).1, Refresh::NotNeeded);
        assert_eq!(views.fit("t", after(1000)), (Reach::PeersOnly, Refresh::InBackground));
        assert_eq!(views.fit("t", after(5000)), (Reach::PeersOnly, Refresh::BeforeSending));
        assert_eq!(views.fit("elsewhere", after(1000)), (Reach::NoSubscriber, Refresh::BeforeSending));
        views.doubt();
        assert_eq!(views.fit("t", after(900)).1, Refresh::NotNeeded, "not more than once a second");
        assert_eq!(views.fit("t", after(1000)).1, Refresh::BeforeSending);
        assert!(views.is_young(after(999)) && !views.is_young(after(1000)));
        views.forget();
        assert_eq!(views.fit("t", after(1)).0, Reach::Unknown);
    }
}
