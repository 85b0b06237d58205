//! The client's side of a link: its state, and what the client sends to its task.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::dialler::Dialler;
use super::options::Options;
use super::verifications::Verifications;
use crate::delivery::DeliveryShared;
use crate::error::Error;
use crate::session::LinkHandle;

/// How long a link that is down is expected to be back soon.
pub(crate) const COMING_FOR: Duration = Duration::from_secs(2);

/// The number of a link within its client; it is never used again.
pub(crate) type LinkId = u64;

/// The state of a link.
#[derive(Clone, Debug)]
pub(crate) enum LinkState {
    /// The first attempt to connect is in progress, or the one that follows credentials that were loaded again.
    Starting,
    /// A session is established.
    Connected,
    /// No session is established, for this reason.
    Down {
        /// Why the session was lost, or why the last attempt to connect failed.
        error: Error,
        /// When the session was lost, or when the first attempt to connect failed.
        since: Instant,
    },
    /// The link has ended and does not connect again.
    Ended,
}

/// The client's side of a link.
pub(crate) struct Link {
    pub(crate) id: LinkId,
    pub(crate) endpoint: Arc<str>,
    pub(crate) handle: Arc<LinkHandle>,
    pub(crate) state: watch::Receiver<LinkState>,
}

impl Link {
    /// Returns whether a session will probably be established soon: the first attempt to connect is in progress, or the
    /// session was lost less than [`COMING_FOR`] ago.
    pub(crate) fn is_coming(&self, now: Instant) -> bool {
        !self.handle.takes_calls()
            && match &*self.state.borrow() {
                // The session was lost a moment ago, and its link has not stored that yet.
                LinkState::Starting | LinkState::Connected => true,
                LinkState::Down { since, .. } => now.saturating_duration_since(*since) < COMING_FOR,
                LinkState::Ended => false,
            }
    }
}

/// What the links of a client share.
pub(crate) struct SharedByLinks {
    pub(crate) options: Arc<Options>,
    pub(crate) dialler: Arc<Dialler>,
    pub(crate) delivery: Arc<DeliveryShared>,
    /// Counts changes of the state of any link, for tasks that wait for some node.
    pub(crate) changed: Arc<watch::Sender<u64>>,
    pub(crate) verifications: Arc<Verifications>,
    /// Whether the caller has a client, and learns of lost nodes from the log.
    pub(crate) established: Arc<AtomicBool>,
}

/// Logs that there is no session with a node.
pub(super) fn log_down(endpoint: &str, error: &Error, was_up: bool) {
    tracing::warn!(endpoint, %error, was_up, "not connected");
}
