//! The handle of one client's session at a node.

use std::sync::Arc;

use crate::devnet::Inner;
use crate::outbox::End;
use crate::table::Key;

/// One client's session at a [`Node`](crate::Node). What is done to one that has ended does nothing.
#[derive(Clone, Debug)]
pub struct Session {
    inner: Arc<Inner>,
    key: Key,
}

impl Session {
    pub(crate) fn new(inner: Arc<Inner>, key: Key) -> Session {
        Session { inner, key }
    }

    /// A number that no other session of the devnet ever has.
    pub fn id(&self) -> u64 {
        self.key.id()
    }

    /// Whether it lasts.
    pub fn is_alive(&self) -> bool {
        self.inner.shared.with(|net, _| net.sessions.get(self.key).is_some())
    }

    /// The protocol version that it has agreed on, 1 before any handshake; 0 when it has ended.
    pub fn protocol(&self) -> u32 {
        self.inner.shared.with(|net, _| net.sessions.get(self.key).map_or(0, |session| session.protocol))
    }

    /// The topics that it subscribes to, in order.
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

    /// Closes it as a node does, after what is queued for it.
    pub fn close(&self) {
        self.end(End::Close);
    }

    /// Cuts it: no goodbye, whatever is queued.
    pub fn cut(&self) {
        self.end(End::Cut);
    }

    /// Cuts it with a TCP reset.
    pub fn reset(&self) {
        self.end(End::Reset);
    }

    /// Neither reads nor writes it until [`Session::resume`]. What is for it is queued within its bound; that it
    /// is idle, or that its client goes, isn't noticed meanwhile.
    pub fn stall(&self) {
        self.inner.shared.with(|net, _| net.sessions.stall(self.key, true));
    }

    /// Goes on with a stalled session.
    pub fn resume(&self) {
        self.inner.shared.with(|net, _| net.sessions.stall(self.key, false));
    }

    /// Sends bytes to its client that needn't be a frame.
    pub fn send_raw(&self, bytes: &[u8]) {
        self.inner.shared.with(|net, _| net.sessions.enqueue_raw(self.key, bytes));
    }

    fn end(&self, end: End) {
        self.inner.shared.with(|net, _| net.sessions.end(self.key, end));
    }
}
