//! The settings of a session.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::transport::Generation;

/// The times and names that a session works with.
#[derive(Clone, Debug)]
pub(crate) struct SessionOptions {
    pub(crate) generation: Generation,
    pub(crate) endpoint: Arc<str>,
    pub(crate) heartbeat: Duration,
    /// After so many heartbeats in a row without a sign of life the connection is dead.
    pub(crate) missed_heartbeats: u32,
    /// How long a handler has before the session answers for it; by default half a second less than the node waits.
    pub(crate) answer_timeout: Option<Duration>,
    /// The group that nodes are asked about their peers in; AMOP itself knows no groups.
    pub(crate) group: i64,
    /// The handshake has to be done by then.
    pub(crate) handshake_by: Instant,
}
