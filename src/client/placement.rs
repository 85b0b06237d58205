//! At which nodes the topics of a client are listed.

use std::sync::Weak;

use tokio::sync::{oneshot, watch};

use super::core::ClientCore;
use super::link::Link;
use super::registry::{Id, Registry};
use crate::error::Result;
use crate::protocol::Topic;
use crate::session::Command;

impl ClientCore {
    /// Sends to all links where the messages of a topic go now. Returns the future answers of the links that list it.
    ///
    /// The registry is locked meanwhile, so that every link receives changes in the order in which they were made.
    pub(crate) fn send_routes(
        &self,
        registry: &Registry,
        topic: &Topic,
    ) -> Vec<oneshot::Receiver<Result<()>>> {
        let mut applied = Vec::new();
        for link in self.links.all().iter() {
            let (tx, rx) = oneshot::channel();
            self.send_challenge_route(registry, topic, link);
            let spec = registry.route(topic, link.id);
            if !spec.is_empty() {
                applied.push(rx);
            }
            // A link that has ended drops `tx`, which is an answer too.
            let _ = link.handle.send(Command::Route { topic: topic.clone(), spec, applied: Some(tx) });
        }
        applied
    }

    /// Sends to a link whether this client is challenged there because of a private topic. It goes first, so that one list
    /// has both topics.
    pub(super) fn send_challenge_route(&self, registry: &Registry, topic: &Topic, link: &Link) {
        if let Some((topic, spec)) = registry.challenge_route(topic, link.id) {
            let _ = link.handle.send(Command::Route { topic, spec, applied: None });
        }
    }

    /// Checks that every link can list the topics of this client together with `topic`.
    ///
    /// # Errors
    /// Returns [`ErrorKind::TooLarge`](crate::ErrorKind::TooLarge) if the list would not fit one frame.
    pub(crate) fn check_list(&self, registry: &Registry, topic: &Topic) -> Result<()> {
        let listed_len = registry.listed_len_with(topic);
        self.links.all().iter().try_for_each(|link| link.handle.check_list(listed_len))
    }

    /// Returns whether every link can list the topic, as far as is known before it is connected.
    pub(crate) fn can_be_listed(&self, topic: &Topic) -> bool {
        self.links.all().iter().all(|link| link.handle.can_carry(topic))
    }

    /// Removes a consumer.
    pub(crate) fn leave(&self, topic: &Topic, id: Id) {
        let mut registry = self.registry();
        let wakers = registry.remove(topic, id);
        self.send_routes(&registry, topic);
        drop(registry);
        drop(wakers);
    }
}

/// Moves topics with [`Placement::One`](crate::Placement::One) to a connected node when the node that lists them is
/// disconnected or removed.
pub(super) async fn reassign_single_node_topics(core: Weak<ClientCore>, mut changed: watch::Receiver<u64>) {
    while changed.changed().await.is_ok() {
        let Some(core) = core.upgrade() else { return };
        let mut registry = core.registry();
        let is_up = |link: &Link| link.handle.takes_calls();
        if core.links.by_id(registry.primary_link()).is_some_and(|link| is_up(&link)) {
            continue;
        }
        let Some(primary) = core.links.all().iter().find(|link| is_up(link)).map(|link| link.id) else {
            continue;
        };
        for topic in registry.set_primary_link(primary, core.links.broadcasts_from_one()) {
            core.send_routes(&registry, &topic);
        }
        drop(registry);
        core.links.notify_changed();
    }
}
