//! The nodes' state of each session, and the queueing of frames for it.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use amop::protocol::Seq;
use amop::protocol::channel::Frame;
use amop::protocol::channel::MessageType;
use bytes::Bytes;

use crate::delayed::Delayed;
use crate::faults::Rules;
use crate::node::TopicName;
use crate::outbox::{End, Full, Head, Outbox};
use crate::table::{Key, Table};
use crate::websocket::SessionState;

/// One connected client.
#[derive(Debug)]
pub(crate) struct Session {
    /// The node that the client is connected to.
    pub(crate) node: usize,
    pub(crate) outbox: Arc<Outbox>,
    /// The protocol version of the last handshake, 1 before any.
    pub(crate) protocol: u32,
    pub(crate) topics: HashSet<TopicName>,
    /// Unicasts sent to the session, by seq. The session's next frame with that seq is the reply, whatever its type.
    pub(crate) awaiting: HashMap<Seq, Key>,
    /// What only sessions of 3.x have.
    pub(crate) websocket: SessionState,
    /// The number of bytes in its published unicasts that have not been answered.
    pub(crate) in_flight_bytes: usize,
    /// Whether the session is being ended. Frames that still arrive from it are ignored.
    pub(crate) ending: bool,
}

/// All sessions of all nodes.
#[derive(Debug)]
pub(crate) struct Sessions {
    table: Table<Session>,
    /// Queues whose tasks have to be woken after the current change of the state.
    woken: Vec<Arc<Outbox>>,
    /// Sessions that are being ended and have to be removed from the state.
    ended: Vec<Key>,
    slow_readers: u64,
    pub(crate) faults: Rules,
    /// Frames that a fault delays, and for how long.
    pub(crate) postponed: Vec<(Duration, Delayed)>,
}

impl Sessions {
    /// Returns an empty table. `seed` is that of random faults.
    pub(crate) fn new(seed: u64) -> Sessions {
        Sessions {
            table: Table::new(),
            woken: Vec::new(),
            ended: Vec::new(),
            slow_readers: 0,
            faults: Rules::new(seed),
            postponed: Vec::new(),
        }
    }

    pub(crate) fn insert(&mut self, node: usize, outbox: Arc<Outbox>) -> Key {
        self.table.insert(Session {
            node,
            outbox,
            protocol: 1,
            topics: HashSet::new(),
            awaiting: HashMap::new(),
            websocket: SessionState::default(),
            in_flight_bytes: 0,
            ending: false,
        })
    }

    pub(crate) fn get(&self, key: Key) -> Option<&Session> {
        self.table.get(key)
    }

    pub(crate) fn get_mut(&mut self, key: Key) -> Option<&mut Session> {
        self.table.get_mut(key)
    }

    pub(crate) fn remove(&mut self, key: Key) -> Option<Session> {
        self.table.remove(key)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (Key, &Session)> {
        self.table.iter()
    }

    pub(crate) fn len(&self) -> usize {
        self.table.len()
    }

    /// Returns how many sessions were cut because their clients did not read.
    pub(crate) fn slow_readers(&self) -> u64 {
        self.slow_readers
    }

    /// Queues a frame for a session, subject to the injected faults. `keep` returns the body as shared bytes, for a
    /// long body.
    pub(crate) fn send(&mut self, to: Key, head: Head, body: &[u8], keep: impl FnOnce() -> Bytes) {
        if self.faults.is_empty() {
            self.enqueue(to, head, body, keep);
        } else {
            self.send_with_faults(to, head, body, keep);
        }
    }

    /// Queues a frame without applying faults.
    pub(crate) fn enqueue(&mut self, to: Key, head: Head, body: &[u8], keep: impl FnOnce() -> Bytes) {
        if let Some(session) = self.table.get(to) {
            let pushed = session.outbox.push(head, body, keep);
            self.pushed(to, pushed);
        }
    }

    /// Queues bytes that need not be a frame.
    pub(crate) fn enqueue_raw(&mut self, to: Key, bytes: &[u8]) {
        if let Some(session) = self.table.get(to) {
            let pushed = session.outbox.push_raw(bytes);
            self.pushed(to, pushed);
        }
    }

    /// Handles the result of queueing: wakes the session's task, or cuts the session if its queue is full.
    pub(crate) fn pushed(&mut self, to: Key, pushed: Result<bool, Full>) {
        match pushed {
            Ok(true) => self.woken.extend(self.table.get(to).map(|session| session.outbox.clone())),
            Ok(false) => {}
            Err(Full) => {
                tracing::warn!(
                    session = to.id(),
                    "cut a session whose queue is full because its client does not read"
                );
                self.slow_readers += 1;
                self.end(to, End::Cut);
            }
        }
    }

    /// Sets whether a session is neither read nor written.
    pub(crate) fn stall(&mut self, key: Key, stalled: bool) {
        if let Some(session) = self.table.get(key) {
            session.outbox.order(|orders| orders.stalled = stalled);
        }
    }

    /// Queues a received frame, unchanged, for another session.
    pub(crate) fn forward(&mut self, to: Key, frame: &Frame<'_>) {
        self.send(to, Head::of(frame), frame.body, || frame.keep(frame.body));
    }

    /// Queues a frame of the node itself.
    pub(crate) fn answer(&mut self, to: Key, kind: MessageType, seq: Seq, result: i32, body: Vec<u8>) {
        let body = Bytes::from(body);
        self.send(to, Head { kind, seq, result }, &body, || body.clone());
    }

    /// Ends a session. It is removed from the state after the current change.
    pub(crate) fn end(&mut self, key: Key, end: End) {
        if let Some(session) = self.table.get_mut(key) {
            session.ending = true;
            session.outbox.order(|orders| orders.end = Some(end));
            self.ended.push(key);
        }
    }

    /// Returns the next session to remove from the state.
    pub(crate) fn next_ended(&mut self) -> Option<Key> {
        self.ended.pop()
    }

    /// Returns the queues whose tasks have to be woken.
    pub(crate) fn take_woken(&mut self) -> Vec<Arc<Outbox>> {
        std::mem::take(&mut self.woken)
    }
}
