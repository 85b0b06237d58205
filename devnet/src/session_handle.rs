//! The public handle of one session.

use std::sync::Arc;

use crate::inner::DevnetInner;
use crate::outbox::End;
use crate::table::Key;

/// A client's session at a [`Node`](crate::Node). Methods do nothing once the session has ended.
#[derive(Clone, Debug)]
pub struct Session {
    inner: Arc<DevnetInner>,
    key: Key,
}

impl Session {
    pub(crate) fn new(inner: Arc<DevnetInner>, key: Key) -> Session {
        Session { inner, key }
    }

    /// Returns the session's number, which no other session of the devnet ever has.
    pub fn id(&self) -> u64 {
        self.key.id()
    }

    /// Returns whether the session still exists.
    pub fn is_alive(&self) -> bool {
        self.inner.shared.with(|net, _| net.sessions.get(self.key).is_some())
    }

    /// Returns the protocol version of the last handshake: 1 before any handshake, 0 once the session has ended.
    pub fn protocol(&self) -> u32 {
        self.inner.shared.with(|net, _| net.sessions.get(self.key).map_or(0, |session| session.protocol))
    }

    /// Returns the topics that the session subscribes to, in order.
    pub fn topics(&self) -> Vec<String> {
        let topics = self.inner.shared.with(|net, _| {
            net.sessions
                .get(self.key)
                .map_or_else(Vec::new, |session| session.topics.iter().cloned().collect())
        });
        let mut topics: Vec<_> =
            topics.iter().map(|topic| String::from_utf8_lossy(topic).into_owned()).collect();
        topics.sort_unstable();
        topics
    }

    /// Closes the session as a node does: frames queued for it are written first.
    pub fn close(&self) {
        self.end(End::Close);
    }

    /// Cuts the session without a `close_notify`. Frames queued for it are dropped.
    pub fn cut(&self) {
        self.end(End::Cut);
    }

    /// Cuts the session with a TCP reset.
    pub fn reset(&self) {
        self.end(End::Reset);
    }

    /// Stops reading and writing the session until [`Session::resume`].
    ///
    /// Frames for it are queued up to its limit. Meanwhile the node does not notice that the session is idle or
    /// that its client has disconnected.
    pub fn stall(&self) {
        self.inner.shared.with(|net, _| net.sessions.stall(self.key, true));
    }

    /// Resumes a stalled session.
    pub fn resume(&self) {
        self.inner.shared.with(|net, _| net.sessions.stall(self.key, false));
    }

    /// Sends bytes to the client as they are. They need not be a frame.
    pub fn send_raw(&self, bytes: &[u8]) {
        self.inner.shared.with(|net, _| net.sessions.enqueue_raw(self.key, bytes));
    }

    fn end(&self, end: End) {
        self.inner.shared.with(|net, _| net.sessions.end(self.key, end));
    }
}
