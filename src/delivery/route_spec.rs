//! Where the messages of one topic go on one connection.

use std::sync::Arc;

use super::lane::Lane;
use super::message::Message;
use super::request::Request;
use crate::private::Prover;

/// Where a topic's messages go.
#[derive(Clone, Default)]
pub(crate) struct RouteSpec {
    /// Each gets every message.
    pub(crate) subscriptions: Vec<Arc<Lane<Message>>>,
    /// Gets the unicasts instead of the subscriptions.
    pub(crate) service: Option<Arc<Lane<Request>>>,
    /// Whether this is the one connection that broadcasts without ids are taken from.
    pub(crate) is_primary: bool,
    /// What the library itself uses the topic for.
    pub(crate) own_use: Option<OwnUse>,
}

/// What the library itself uses a topic for, on which no consumer receives messages.
#[derive(Clone)]
pub(crate) enum OwnUse {
    /// It is listed, so that the node asks this client to verify subscribers.
    Listed,
    /// Its unicasts are challenges.
    Challenges(Arc<Prover>),
}

impl RouteSpec {
    pub(crate) fn is_empty(&self) -> bool {
        self.subscriptions.is_empty() && self.service.is_none() && self.own_use.is_none()
    }
}
