//! What a node has answered about who subscribes to what, and what that means for a message to send.
//!
//! Nodes 2.8 to 2.11 never deliver to SDKs of their own, and lose unicasts for which they choose themselves. So a publisher
//! prefers a node that doesn't list the topic itself but sees it at a peer.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;

use super::kept_topics::KeptTopics;

/// The shortest time between two queries of a node about the same topics.
pub(crate) const MIN_QUERY_INTERVAL: Duration = Duration::from_secs(1);

/// The age from which a view isn't trusted any more: topic lists travel every 5 s. A younger one that is older than
/// [`MIN_QUERY_INTERVAL`] is used while a new one is fetched.
const TRUSTED_FOR: Duration = Duration::from_secs(5);

/// The topics of one node, as it answered `getNodeInfo` and `getPeers`.
#[derive(Debug)]
pub(crate) struct TopicView {
    /// Topics of SDKs connected to the node itself; `None` if the node can't be asked.
    pub(crate) own: Option<KeptTopics>,
    /// Topics of SDKs at its peers; `None` if the node can't be asked.
    pub(crate) peers: Option<KeptTopics>,
    /// Whether the node left a question unanswered. It may be stalled.
    pub(crate) silent: bool,
    pub(crate) fetched_at: Instant,
}

/// How well a node suits a message, the best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Reach {
    /// A peer has subscribers, the node itself has none: every release delivers.
    PeersOnly,
    /// Nothing is known.
    Unknown,
    /// A peer and the node itself have subscribers: some releases lose messages for which they choose themselves.
    LocalAndPeers,
    /// Only the node itself has subscribers: some releases deliver nothing.
    LocalOnly,
    /// No node that it knows has subscribers.
    NoSubscriber,
    /// The node doesn't answer questions, and perhaps nothing.
    Unresponsive,
}

impl TopicView {
    /// Returns how well the node suits a message on this topic.
    pub(crate) fn reach(&self, topic: &str) -> Reach {
        let lists = |kept: &Option<KeptTopics>| kept.as_ref().and_then(|kept| kept.lists(topic));
        match (lists(&self.own), lists(&self.peers)) {
            (Some(false), Some(true)) => Reach::PeersOnly,
            (Some(true), Some(true)) => Reach::LocalAndPeers,
            (Some(true), Some(false) | None) => Reach::LocalOnly,
            (Some(false), Some(false)) => Reach::NoSubscriber,
            (None, _) | (Some(false), None) if self.silent => Reach::Unresponsive,
            (None, _) | (Some(false), None) => Reach::Unknown,
        }
    }

    /// Returns whether the answers show all about this topic. Of long answers only topics of interest are kept.
    pub(crate) fn covers(&self, topic: &str) -> bool {
        [&self.own, &self.peers].into_iter().flatten().all(|kept| kept.covers(topic))
    }

    /// Returns whether the view is young enough to be trusted.
    pub(crate) fn is_trusted(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.fetched_at) < TRUSTED_FOR
    }

    /// Returns whether no SDK that the node knows lists a topic; `None` if the answers don't show that. Nodes of 2.7 and
    /// before also deliver to their own SDKs, so if one of those lists it, a message may have been delivered.
    pub(crate) fn no_sdk_lists(&self, topic: &str) -> Option<bool> {
        let lists = |kept: &Option<KeptTopics>| kept.as_ref().and_then(|kept| kept.lists(topic));
        match (lists(&self.own), lists(&self.peers)) {
            (_, Some(true)) => Some(false),
            (Some(false), Some(false)) => Some(true),
            (Some(true) | None, Some(false)) | (_, None) => None,
        }
    }
}

/// The latest view of one node, read without a lock.
#[derive(Debug, Default)]
pub(crate) struct NodeTopicsCache {
    latest: ArcSwapOption<TopicView>,
    /// Whether a failure has shown that the latest view may be wrong.
    stale: AtomicBool,
    /// Whether, of the unicasts through the node that succeeded or timed out, the last one timed out.
    suspect: AtomicBool,
    /// The latest second of the wall clock, by which nodes choose, in which a unicast was tried here, and the latest in
    /// which one that was tried has succeeded.
    tried: AtomicU64,
    succeeded: AtomicU64,
}

/// How unicasts through a node do, the best first: part of the order in which nodes are tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum RecentOutcome {
    /// A unicast of this second succeeded: the node's random choice, which stays the same within a second, is good.
    Succeeded,
    /// No unicast was tried in this second.
    NotTried,
    /// No unicast of those tried in this second has succeeded so far.
    NotSucceeded,
}

impl NodeTopicsCache {
    /// Returns how well the node suits a message, and whether it should be queried before or meanwhile.
    pub(crate) fn reach(&self, topic: &str, now: Instant) -> (Reach, Refresh) {
        let latest = self.latest.load();
        let Some(view) = latest.as_ref() else { return (Reach::Unknown, Refresh::BeforeSending) };
        let (reach, age) = (view.reach(topic), now.saturating_duration_since(view.fetched_at));
        let refresh = if !view.silent && !view.covers(topic) {
            Refresh::BeforeSending
        } else if age < MIN_QUERY_INTERVAL {
            Refresh::NotNeeded
        } else if view.silent {
            // Don't let callers wait for the node again and again.
            Refresh::InBackground
        } else if self.stale.load(Ordering::Relaxed) || reach == Reach::NoSubscriber || age >= TRUSTED_FOR {
            Refresh::BeforeSending
        } else {
            Refresh::InBackground
        };
        (reach, refresh)
    }

    pub(crate) fn set(&self, view: Arc<TopicView>) {
        self.stale.store(false, Ordering::Relaxed);
        self.latest.store(Some(view));
    }

    /// Forgets the view, because the connection has ended.
    pub(crate) fn forget(&self) {
        self.latest.store(None);
        self.suspect.store(false, Ordering::Relaxed);
    }

    /// Notes that a unicast is tried here in this second.
    pub(crate) fn tried(&self, second: u64) {
        self.tried.fetch_max(second, Ordering::Relaxed);
    }

    /// Notes that a unicast that was tried in this second has succeeded.
    pub(crate) fn succeeded(&self, second: u64) {
        self.succeeded.fetch_max(second, Ordering::Relaxed);
        if self.suspect.load(Ordering::Relaxed) {
            self.suspect.store(false, Ordering::Relaxed);
        }
    }

    /// Notes that a unicast was not answered in time.
    pub(crate) fn timed_out(&self) {
        self.suspect.store(true, Ordering::Relaxed);
    }

    /// Returns whether the last unicast through the node timed out.
    pub(crate) fn is_suspect(&self) -> bool {
        self.suspect.load(Ordering::Relaxed)
    }

    /// Returns how unicasts through the node do in this second.
    pub(crate) fn recent_outcome(&self, second: u64) -> RecentOutcome {
        match (self.succeeded.load(Ordering::Relaxed) >= second, self.tried.load(Ordering::Relaxed) >= second)
        {
            (true, _) => RecentOutcome::Succeeded,
            (false, false) => RecentOutcome::NotTried,
            (false, true) => RecentOutcome::NotSucceeded,
        }
    }

    /// Notes that a message failed in a way that a changed topic list would explain.
    pub(crate) fn mark_stale(&self) {
        self.stale.store(true, Ordering::Relaxed);
    }
}

/// Whether to query the node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refresh {
    /// What is known is recent enough.
    NotNeeded,
    /// What is known is used; a query in the background keeps it recent.
    InBackground,
    /// The answer is needed to choose a node.
    BeforeSending,
}

#[cfg(test)]
mod tests;
