//! A session's entry in the nodes' state, and what its task needs to know of its node.

use std::sync::Arc;
use std::time::Duration;

use crate::counters::NodeCounters;
use crate::options::Generation;
use crate::outbox::Outbox;
use crate::shared::Shared;
use crate::table::Key;

/// The limits of a session.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) idle: Duration,
    pub(crate) close: Duration,
    pub(crate) frame_len: usize,
    pub(crate) queued_bytes: usize,
}

/// What a session's task needs to know of its node.
#[derive(Clone, Debug)]
pub(crate) struct SessionContext {
    pub(crate) shared: Arc<Shared>,
    pub(crate) counters: Arc<NodeCounters>,
    pub(crate) node: usize,
    pub(crate) generation: Generation,
    pub(crate) limits: Limits,
}

/// A session's entry in the nodes' state. Dropping it removes the entry, however the session's task ends.
#[derive(Debug)]
pub(crate) struct SessionGuard {
    pub(crate) context: SessionContext,
    pub(crate) key: Key,
    pub(crate) outbox: Arc<Outbox>,
}

impl SessionGuard {
    /// Adds a session to the nodes' state. Returns `None` if the node is dead.
    pub(crate) fn join(context: SessionContext) -> Option<SessionGuard> {
        let outbox = Arc::new(Outbox::new(context.limits.queued_bytes));
        let key = context.shared.with(|net, _| net.join(context.node, outbox.clone()))?;
        Some(SessionGuard { context, key, outbox })
    }

    /// Queues bytes that need not be a frame.
    pub(crate) fn send_raw(&self, bytes: &[u8]) {
        self.context.shared.with(|net, _| net.sessions.enqueue_raw(self.key, bytes));
    }
}

impl Drop for SessionGuard {
    fn drop(&mut self) {
        self.context.shared.with(|net, now| net.leave(self.key, now));
    }
}
