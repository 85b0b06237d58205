//! The private topics that a configuration file states, with their keys.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use crate::private::{PrivateKey, PublicKey};
use crate::protocol::Topic;

/// Private topics by their plain names. A topic that is here is private in all calls of the client.
#[derive(Clone, Default)]
pub(crate) struct ConfiguredTopics {
    subscribed: HashMap<Topic, PrivateKey>,
    published: HashMap<Topic, Arc<[PublicKey]>>,
}

impl ConfiguredTopics {
    /// Adds a topic that the client subscribes to with this key.
    #[cfg(feature = "config")]
    pub(crate) fn subscribe(&mut self, topic: Topic, key: PrivateKey) {
        self.subscribed.insert(topic, key);
    }

    /// Adds a topic that the client publishes on to the holders of these keys.
    #[cfg(feature = "config")]
    pub(crate) fn publish(&mut self, topic: Topic, keys: Vec<PublicKey>) {
        self.published.insert(topic, keys.into());
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.subscribed.is_empty() && self.published.is_empty()
    }

    /// Returns the key for subscriptions and services of a topic.
    pub(super) fn key(&self, topic: &Topic) -> Option<PrivateKey> {
        self.subscribed.get(topic).cloned()
    }

    /// Returns whether messages on the topic are for verified subscribers only.
    pub(super) fn is_published(&self, topic: &Topic) -> bool {
        self.published.contains_key(topic)
    }

    /// Returns the topics that the client publishes on, with the keys of their subscribers.
    pub(super) fn published(&self) -> impl Iterator<Item = (&Topic, &Arc<[PublicKey]>)> {
        self.published.iter()
    }
}

impl fmt::Debug for ConfiguredTopics {
    /// Shows the topics, never a key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConfiguredTopics")
            .field("subscribed", &self.subscribed.keys())
            .field("published", &self.published.keys())
            .finish()
    }
}
