//! Publishing on private topics.

use std::sync::Arc;

use bytes::Bytes;

use super::consumer::Member;
use super::core::ClientCore;
use super::publish::{Broadcast, Publish};
use crate::error::{Error, ErrorKind, Result};
use crate::private::{PrivateKey, PublicKey};
use crate::protocol::Topic;

/// A private topic to publish on, see [`Client::private_topic`](crate::Client::private_topic).
#[must_use = "nobody is verified until keys are allowed"]
pub struct OpenPrivateTopic {
    core: Arc<ClientCore>,
    topic: Result<Topic>,
}

/// A private topic that this client publishes on: while this value exists, the client verifies the subscribers that hold
/// one of the allowed keys.
///
/// Dropping it ends the verification. Nodes go on passing messages on to subscribers that were verified.
#[must_use = "dropping a private topic ends the verification of its subscribers"]
pub struct PrivateTopic {
    name: Topic,
    topic: Topic,
    /// One for each call of [`PrivateTopic::allow`].
    members: std::sync::Mutex<Vec<Member>>,
    core: Arc<ClientCore>,
}

impl OpenPrivateTopic {
    pub(super) fn new(core: Arc<ClientCore>, topic: Result<Topic>) -> OpenPrivateTopic {
        OpenPrivateTopic { core, topic }
    }

    /// Verifies subscribers that hold the private half of one of these keys, from here on.
    ///
    /// Each node of this client asks for the verification within 5 s of its learning of a subscriber. A message that is
    /// published before is not delivered: use [`Publish::wait_for_subscriber`], or wait for
    /// [`Event::Verified`](crate::Event::Verified).
    ///
    /// # Errors
    /// Returns [`ErrorKind::InvalidArgument`] if there is no key, [`ErrorKind::InvalidTopic`] if the topic is invalid or
    /// has more than 185 bytes, [`ErrorKind::Unsupported`] if the connected nodes are of generation 3.x, and
    /// [`ErrorKind::TooLarge`] if the list of this client's topics would not fit one frame.
    pub fn allow(self, keys: impl IntoIterator<Item = PublicKey>) -> Result<PrivateTopic> {
        self.core.check()?;
        let name = self.topic?;
        let topic = name.private()?;
        self.core.check_private(&topic)?;
        let private = PrivateTopic { name, topic, members: Default::default(), core: self.core };
        private.allow(keys)?;
        Ok(private)
    }
}

impl PrivateTopic {
    /// Allows further keys. A subscriber that was rejected before has to leave the topic for some 5 s, until its node no
    /// longer lists it, before nodes ask for its verification again.
    ///
    /// # Errors
    /// As [`OpenPrivateTopic::allow`].
    pub fn allow(&self, keys: impl IntoIterator<Item = PublicKey>) -> Result<()> {
        self.core.check()?;
        let keys: Arc<[PublicKey]> = keys.into_iter().collect();
        if keys.is_empty() {
            let text =
                format!("no key is allowed for {:?}: give the public key of each subscriber", self.topic);
            return Err(Error::undelivered(ErrorKind::InvalidArgument, text));
        }
        let push_channel = self.topic.push_channel();
        let member = Member::join(&self.core, &push_channel, |registry, id| {
            registry.add_publisher(&push_channel, id, keys)
        })?;
        self.members.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).push(member);
        Ok(())
    }

    /// Returns the name of the topic.
    pub fn topic(&self) -> &str {
        self.topic.name()
    }

    /// Sends a unicast to one verified subscriber; see [`Client::publish`](crate::Client::publish).
    pub fn publish(&self, data: impl Into<Bytes>) -> Publish {
        Publish::new(self.core.clone(), Ok(self.name.clone()), data.into()).private(true)
    }

    /// Sends a message to all verified subscribers; see [`Client::broadcast`](crate::Client::broadcast).
    pub fn broadcast(&self, data: impl Into<Bytes>) -> Broadcast {
        Broadcast::new(self.core.clone(), Ok(self.name.clone()), data.into()).private(true)
    }
}

impl ClientCore {
    /// Verifies subscribers of the topics that a configuration file states, until the client is closed.
    ///
    /// # Errors
    /// Returns an error if a topic is too long for a private one, or if there are too many.
    pub(super) fn start_configured_topics(self: &Arc<ClientCore>) -> Result<()> {
        for (topic, keys) in self.options.private_topics.published() {
            let push_channel = topic.private()?.push_channel();
            let mut member = Member::join(self, &push_channel, |registry, id| {
                registry.add_publisher(&push_channel, id, keys.clone())
            })?;
            member.stay();
        }
        Ok(())
    }

    /// Returns the topic that a consumer with or without a key receives messages on.
    ///
    /// # Errors
    /// Returns [`ErrorKind::InvalidTopic`] if its name is one that private topics have on the wire or is too long for a
    /// private topic, [`ErrorKind::Unsupported`] as [`ClientCore::check_private`], and [`ErrorKind::InvalidArgument`] if
    /// the key is that of a certificate of this client.
    pub(super) fn consumed_topic(&self, topic: Topic, key: Option<&PrivateKey>) -> Result<Topic> {
        let Some(key) = key else {
            topic.check_is_public()?;
            return Ok(topic);
        };
        let topic = topic.private()?;
        self.check_private(&topic)?;
        let credentials = self.dialler.credentials();
        if credentials.is_some_and(|own| own.has_point(&key.public_key().to_point())) {
            let text = format!(
                "the key for {topic:?} is that of this client's certificate, which must sign nothing but TLS handshakes: \
                 use a key of its own (amop keys new makes one)"
            );
            return Err(Error::undelivered(ErrorKind::InvalidArgument, text));
        }
        Ok(topic)
    }

    /// Returns the topic that messages on a private topic are sent on.
    ///
    /// # Errors
    /// Returns [`ErrorKind::InvalidTopic`] as [`Topic::private`], and [`ErrorKind::InvalidArgument`] if this client doesn't
    /// publish on it.
    pub(super) fn published_topic(&self, name: &Topic) -> Result<Topic> {
        let topic = name.private()?;
        match self.registry().allowed_keys(&topic) {
            Some(_) => Ok(topic),
            None => Err(Error::undelivered(
                ErrorKind::InvalidArgument,
                format!("this client does not publish on {topic:?}: allow keys for it first (private_topic)"),
            )),
        }
    }

    /// Checks that some connected node has private topics, as far as is known.
    ///
    /// # Errors
    /// Returns [`ErrorKind::Unsupported`] if none has.
    fn check_private(&self, topic: &Topic) -> Result<()> {
        let links = self.links.all();
        let mut refused = None;
        for link in links.iter() {
            match link.handle.check_topic(topic) {
                Ok(()) => return Ok(()),
                Err(error) => refused = Some(error),
            }
        }
        refused.map_or(Ok(()), Err)
    }
}

impl std::fmt::Debug for OpenPrivateTopic {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OpenPrivateTopic").field("topic", &self.topic).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for PrivateTopic {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PrivateTopic").field("topic", &self.topic()).finish_non_exhaustive()
    }
}
