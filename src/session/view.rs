//! What a node has answered about who subscribes to what, and what that means for a message to send.
//!
//! Nodes 2.8.0 to 2.11.2 never deliver to SDKs of their own, and lose unicasts for which they choose themselves. So a
//! publisher prefers a node that doesn't list the topic itself, and uses one that does only in seconds in which it chooses
//! a peer.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant, SystemTime};

use arc_swap::ArcSwapOption;

use super::kept_topics::KeptTopics;
use super::node_clock::{NodeChoice, NodeClock, Passage};
use super::node_version::SameNode;
use crate::protocol::Topic;

/// The shortest time between two queries of a node about the same topics.
pub(crate) const MIN_QUERY_INTERVAL: Duration = Duration::from_secs(1);

/// The age from which a view isn't trusted any more: topic lists travel every 5 s. A younger one that is older than
/// [`MIN_QUERY_INTERVAL`] is used while a new one is fetched.
const TRUSTED_FOR: Duration = Duration::from_secs(5);

/// Answers that take longer are late. Nodes answer within a millisecond unless they are busy.
const LATE_AFTER: Duration = Duration::from_millis(500);

/// The topics of one node, as it answered `getNodeInfo` and `getPeers`.
#[derive(Debug)]
pub(crate) struct TopicView {
    /// Topics of SDKs connected to the node itself; `None` if the node can't be asked.
    pub(crate) own: Option<KeptTopics>,
    /// Topics of SDKs at its peers; `None` if the node can't be asked.
    pub(crate) peers: Option<KeptTopics>,
    /// Whether the node left a question unanswered. It may be stalled.
    pub(crate) silent: bool,
    /// The latest view from before the node was silent, if it is. It shows only how the node probably chooses when it
    /// goes on.
    pub(crate) former: Option<Arc<TopicView>>,
    pub(crate) fetched_at: Instant,
}

/// Where the subscribers of a topic are, as one node sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// At peers, and not at the node itself.
    PeersOnly,
    /// Nothing is known.
    Unknown,
    /// At peers and at the node itself.
    LocalAndPeers,
    /// At the node itself; the node can't be asked about its peers.
    LocalAndUnknown,
    /// At the node itself only.
    LocalOnly,
    /// At no node that it knows.
    NoSubscriber,
    /// The node doesn't answer questions, and perhaps nothing.
    Unresponsive,
    /// As it answered last, at peers and at the node itself. It doesn't answer now.
    UnresponsiveLocalAndPeers,
    /// As it answered last, at the node itself. It doesn't answer now.
    UnresponsiveLocal,
}

/// How well a node suits a message, the best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fit {
    /// A unicast reaches a subscriber.
    Delivers,
    /// Nothing is known.
    Unknown,
    /// The node can't be asked, and this client subscribes there itself. Its other subscribers are served first.
    ListedHere,
    /// No node that it knows has subscribers.
    NoSubscriber,
    /// The node doesn't answer questions, and perhaps nothing.
    Unresponsive,
    /// The node and peers have subscribers: a unicast reaches those of the peers, in seconds in which it chooses a peer.
    InSomeSeconds,
    /// The same as the node answered last. It doesn't answer now, and perhaps reads a unicast in another second.
    InSomeSecondsUnresponsive,
    /// The node has subscribers, perhaps peers have: a unicast may be lost.
    MayLose,
    /// Only the node itself has subscribers: nothing is delivered.
    OwnNodeOnly,
}

impl Fit {
    /// Returns whether the node has subscribers of its own, to which it doesn't deliver.
    pub(crate) fn loses_own(self) -> bool {
        self >= Fit::InSomeSeconds
    }
}

impl TopicView {
    /// Returns how well the node suits a message on this topic.
    pub(crate) fn reach(&self, topic: &str) -> Reach {
        let lists = |kept: &Option<KeptTopics>| kept.as_ref().and_then(|kept| kept.lists(topic));
        match (lists(&self.own), lists(&self.peers)) {
            (Some(false), Some(true)) => Reach::PeersOnly,
            (Some(true), Some(true)) => Reach::LocalAndPeers,
            (Some(true), Some(false)) => Reach::LocalOnly,
            (Some(true), None) => Reach::LocalAndUnknown,
            (Some(false), Some(false)) => Reach::NoSubscriber,
            (None, _) if self.silent => match self.former.as_ref().map(|former| former.reach(topic)) {
                Some(Reach::LocalAndPeers) => Reach::UnresponsiveLocalAndPeers,
                Some(Reach::LocalOnly | Reach::LocalAndUnknown) => Reach::UnresponsiveLocal,
                _ => Reach::Unresponsive,
            },
            (Some(false), None) if self.silent => Reach::Unresponsive,
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

    /// Returns the topics on which subscribers of a private topic at this peer are challenged; `None` if the node's answer
    /// doesn't show them.
    pub(crate) fn verify_channels(&self, topic: &Topic, node_id: &str) -> Option<Vec<Topic>> {
        let peers = self.peers.as_ref().filter(|peers| peers.covers(topic))?;
        let mut channels: Vec<_> =
            peers.topics_of(node_id).filter_map(|channel| topic.own_verify_channel(channel)).collect();
        channels.sort_unstable();
        Some(channels)
    }

    /// Returns how many peers list a topic.
    fn peers_listing(&self, topic: &str) -> usize {
        let kept = self.peers.as_ref().or_else(|| self.former.as_ref()?.peers.as_ref());
        kept.map_or(0, |kept| kept.nodes_listing(topic).count())
    }
}

/// The latest view of one node, read without a lock.
#[derive(Debug, Default)]
pub(crate) struct NodeTopicsCache {
    /// Whether the node's generation has no question for it.
    cannot_be_asked: AtomicBool,
    latest: ArcSwapOption<TopicView>,
    /// Whether a failure has shown that the latest view may be wrong.
    stale: AtomicBool,
    /// Whether, of the unicasts through the node that succeeded or timed out, the last one timed out.
    suspect: AtomicBool,
    /// Since when callers have wanted a view that has not come yet.
    wanted_since: Mutex<Option<Instant>>,
    /// Whether the node delivers to SDKs of its own.
    same_node: SameNode,
    clock: NodeClock,
}

impl NodeTopicsCache {
    /// Takes the version that the node has reported.
    pub(crate) fn set_version(&self, version: &str) {
        self.same_node.set_version(version);
    }

    /// Sets whether the node can be asked at all.
    pub(crate) fn set_can_be_asked(&self, can_be_asked: bool) {
        self.cannot_be_asked.store(!can_be_asked, Ordering::Relaxed);
    }

    /// Returns whether the node can be asked at all.
    pub(crate) fn can_be_asked(&self) -> bool {
        !self.cannot_be_asked.load(Ordering::Relaxed)
    }

    /// Returns whether the node loses messages to SDKs of its own.
    pub(crate) fn loses_own(&self) -> bool {
        self.same_node.loses()
    }

    /// Returns how well the node suits a message, and whether it should be queried before or meanwhile. `is_listed`
    /// returns whether this client lists the topic there, for nodes that can't be asked.
    pub(crate) fn fit(&self, topic: &str, now: Instant, is_listed: impl FnOnce() -> bool) -> (Fit, Refresh) {
        let (reach, refresh) = self.reach(topic, now);
        let fit = match reach {
            Reach::PeersOnly => Fit::Delivers,
            Reach::Unknown if (self.loses_own() || !self.can_be_asked()) && is_listed() => {
                if self.loses_own() { Fit::MayLose } else { Fit::ListedHere }
            }
            Reach::Unknown => Fit::Unknown,
            Reach::NoSubscriber => Fit::NoSubscriber,
            Reach::Unresponsive => Fit::Unresponsive,
            Reach::UnresponsiveLocalAndPeers | Reach::UnresponsiveLocal if !self.loses_own() => {
                Fit::Unresponsive
            }
            _ if !self.loses_own() => Fit::Delivers,
            Reach::LocalAndPeers => Fit::InSomeSeconds,
            Reach::UnresponsiveLocalAndPeers => Fit::InSomeSecondsUnresponsive,
            // Topics of peers may have come since it answered last.
            Reach::LocalAndUnknown | Reach::UnresponsiveLocal => Fit::MayLose,
            Reach::LocalOnly => Fit::OwnNodeOnly,
        };
        (fit, refresh)
    }

    /// Returns when a unicast through the node isn't lost to SDKs of its own: at any time where it has none; `None` if the
    /// next minutes have no such time.
    pub(crate) fn passage(&self, topic: &str, now: SystemTime, guard: Duration) -> Option<Passage> {
        let latest = self.latest.load();
        match latest.as_ref().map(|view| (view.reach(topic), view)) {
            Some((Reach::LocalAndPeers | Reach::UnresponsiveLocalAndPeers, view)) if self.loses_own() => {
                self.clock.passage(now, view.peers_listing(topic), guard)
            }
            Some((Reach::LocalOnly, _)) if self.loses_own() => None,
            _ => Some(Passage::default()),
        }
    }

    /// Returns the choice between peers and itself that the node makes for a unicast sent now, if it loses those for
    /// which it chooses itself.
    pub(crate) fn choice(&self, topic: &str, sent: SystemTime) -> Option<NodeChoice> {
        let latest = self.latest.load();
        let view = latest.as_ref().filter(|_| self.loses_own())?;
        let is_between = view.reach(topic) == Reach::LocalAndPeers;
        is_between.then(|| NodeChoice { sent, peers: view.peers_listing(topic) })
    }

    /// Returns where the subscribers are, and whether the node should be queried before or meanwhile.
    fn reach(&self, topic: &str, now: Instant) -> (Reach, Refresh) {
        if !self.can_be_asked() {
            return (Reach::Unknown, Refresh::NotNeeded);
        }
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
        } else if self.stale.load(Ordering::Relaxed)
            || reach == Reach::NoSubscriber
            || (reach == Reach::LocalOnly && self.loses_own())
            || age >= TRUSTED_FOR
        {
            Refresh::BeforeSending
        } else {
            Refresh::InBackground
        };
        (reach, refresh)
    }

    pub(crate) fn set(&self, view: Arc<TopicView>) {
        *self.wanted_since() = None;
        self.stale.store(false, Ordering::Relaxed);
        self.latest.store(Some(view));
    }

    /// Returns the latest view.
    pub(crate) fn latest(&self) -> Option<Arc<TopicView>> {
        self.latest.load_full()
    }

    /// Forgets the view, because the connection has ended.
    pub(crate) fn forget(&self) {
        self.latest.store(None);
        *self.wanted_since() = None;
        self.suspect.store(false, Ordering::Relaxed);
    }

    /// Notes that a unicast has succeeded.
    pub(crate) fn succeeded(&self) {
        if self.suspect.load(Ordering::Relaxed) {
            self.suspect.store(false, Ordering::Relaxed);
        }
    }

    /// Notes that a caller wants a new view.
    pub(crate) fn want(&self, now: Instant) {
        self.wanted_since().get_or_insert(now);
    }

    /// Returns whether the node's answers are late: it may be stalled. It counts as silent only after some seconds.
    pub(crate) fn is_late(&self, now: Instant) -> bool {
        self.wanted_since().is_some_and(|since| now.saturating_duration_since(since) >= LATE_AFTER)
    }

    fn wanted_since(&self) -> MutexGuard<'_, Option<Instant>> {
        self.wanted_since.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Returns what the node is known to choose by, which learns from the outcomes.
    pub(crate) fn clock(&self) -> &NodeClock {
        &self.clock
    }

    /// Notes that the node may have lost a unicast.
    pub(crate) fn lost(&self, topic: &str) {
        let lists = |view: &TopicView| view.own.as_ref().and_then(|kept| kept.lists(topic)) == Some(true);
        if self.latest.load().as_ref().is_some_and(|view| lists(view)) {
            self.same_node.lost();
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
