//! Where the private topics of a client stand.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::core::ClientCore;
use super::verifications::{Between, Standing};
use crate::private::PublicKey;
use crate::protocol::Topic;

/// Where a private topic of the client stands.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct PrivateTopicStats {
    /// The name of the topic.
    pub topic: Arc<str>,
    /// The public half of the key with which this client proves that it may receive messages, if it subscribes or serves.
    pub key: Option<PublicKey>,
    /// Challenges that this client has signed.
    pub challenges_signed: u64,
    /// Messages that arrived as challenges and were not signed, because they are none or too many came at once. They get no
    /// answer, so that the node asks again.
    pub challenges_refused: u64,
    /// The keys that this client allows, if it publishes.
    pub allowed: Vec<PublicKey>,
    /// The nodes between which a verification took place. Those that were verified for an earlier publisher don't ask again,
    /// and are not among them.
    pub verifications: Vec<VerificationStats>,
}

/// Where the verification of the subscribers at one node stands, for messages through another one.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct VerificationStats {
    /// The endpoint that passes messages on.
    pub endpoint: Arc<str>,
    /// The id of the subscribers' node.
    pub node_id: Arc<str>,
    /// Where it stands.
    pub state: VerificationState,
    /// The key that the subscriber has signed with, if it has and it can be known.
    pub key: Option<PublicKey>,
    /// Why the subscriber was rejected; empty otherwise.
    pub reason: Arc<str>,
}

/// Where a verification stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum VerificationState {
    /// The first one is under way.
    #[default]
    Pending,
    /// The node passes messages on.
    Verified,
    /// The subscriber was not verified the last time, so that the node passes no messages on.
    Rejected,
}

impl VerificationState {
    /// Every state.
    pub const ALL: [VerificationState; 3] =
        [VerificationState::Pending, VerificationState::Verified, VerificationState::Rejected];

    /// Returns the name: `pending`, `verified` or `rejected`.
    pub fn name(self) -> &'static str {
        match self {
            VerificationState::Pending => "pending",
            VerificationState::Verified => "verified",
            VerificationState::Rejected => "rejected",
        }
    }
}

impl PrivateTopicStats {
    /// Returns those of a client, ordered by topic.
    pub(super) fn of(core: &ClientCore) -> Vec<PrivateTopicStats> {
        let mut topics = BTreeMap::new();
        let registry = core.registry();
        for (topic, key, challenges) in registry.proved_topics() {
            let stats: &mut PrivateTopicStats = topics.entry(topic).or_default();
            stats.key = Some(key);
            (stats.challenges_signed, stats.challenges_refused) = (challenges.signed, challenges.refused);
        }
        for (topic, allowed) in registry.published_topics() {
            let stats = topics.entry(topic).or_default();
            stats.allowed = allowed;
        }
        drop(registry);
        for (Between { topic, endpoint, node_id }, standing) in core.verifications.standings() {
            let (state, key, reason) = match standing {
                Standing::Pending => (VerificationState::Pending, None, "".into()),
                Standing::Verified(key) => (VerificationState::Verified, Some(key), "".into()),
                Standing::Rejected { key, reason } => (VerificationState::Rejected, key, reason),
            };
            // One without a publisher any more is of no interest.
            if let Some(stats) = topics.get_mut(&topic).filter(|stats| !stats.allowed.is_empty()) {
                stats.verifications.push(VerificationStats { endpoint, node_id, state, key, reason });
            }
        }
        let named = |(topic, mut stats): (Topic, PrivateTopicStats)| {
            stats.topic = topic.name().into();
            stats.verifications.sort_by(|a, b| (&a.endpoint, &a.node_id).cmp(&(&b.endpoint, &b.node_id)));
            stats
        };
        topics.into_iter().map(named).collect()
    }
}
