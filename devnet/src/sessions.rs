//! What the nodes know of each session, and the way a frame takes to one.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use amop::protocol::Seq;
use amop::protocol::channel::Frame;
use amop::protocol::channel::MessageType;
use bytes::Bytes;

use crate::delayed::OwnedFrame;
use crate::faults::Rules;
use crate::node::TopicName;
use crate::outbox::{End, Full, Head, Outbox};
use crate::table::{Key, Table};

/// One connected client.
#[derive(Debug)]
pub(crate) struct Session {
    /// The node it is connected to.
    pub(crate) node: usize,
    pub(crate) outbox: Arc<Outbox>,
    /// The protocol version that the last handshake gave; 1 before any.
    pub(crate) protocol: u32,
    pub(crate) topics: HashSet<TopicName>,
    /// Unicasts pushed to it, by seq: the next frame with that seq is the reply, whatever its type.
    pub(crate) awaiting: HashMap<Seq, Key>,
    /// Bytes of the unicasts it published that aren't answered yet.
    pub(crate) in_flight_bytes: usize,
    /// Told to end: what still comes from it is not for the nodes.
    pub(crate) ending: bool,
}

/// All sessions of all nodes.
#[derive(Debug)]
pub(crate) struct Sessions {
    table: Table<Session>,
    /// Those whose tasks have to be woken once the present work is done.
    stirred: Vec<Arc<Outbox>>,
    /// Those that were told to end and have to be taken out of all lists.
    doomed: Vec<Key>,
    overfull: u64,
    pub(crate) faults: Rules,
    /// Frames that a fault holds back, and for how long.
    pub(crate) postponed: Vec<(Duration, Key, OwnedFrame)>,
}

impl Sessions {
    /// None yet; `seed` is that of random faults.
    pub(crate) fn new(seed: u64) -> Sessions {
        Sessions {
            table: Table::new(),
            stirred: Vec::new(),
            doomed: Vec::new(),
            overfull: 0,
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

    /// How many sessions were ended because their clients didn't read.
    pub(crate) fn overfull(&self) -> u64 {
        self.overfull
    }

    /// Queues a frame for a session, unless a fault happens to it; `keep` gives a long body to share.
    pub(crate) fn send(&mut self, to: Key, head: Head, body: &[u8], keep: impl FnOnce() -> Bytes) {
        if self.faults.is_empty() {
            self.enqueue(to, head, body, keep);
        } else {
            self.send_with_faults(to, head, body, keep);
        }
    }

    /// Queues a frame as it is.
    pub(crate) fn enqueue(&mut self, to: Key, head: Head, body: &[u8], keep: impl FnOnce() -> Bytes) {
        if let Some(session) = self.table.get(to) {
            let pushed = session.outbox.push(head, body, keep);
            self.pushed(to, pushed);
        }
    }

    /// Queues bytes that needn't be a frame.
    pub(crate) fn enqueue_raw(&mut self, to: Key, bytes: &[u8]) {
        if let Some(session) = self.table.get(to) {
            let pushed = session.outbox.push_raw(bytes);
            self.pushed(to, pushed);
        }
    }

    /// A session that is full ends: its client doesn't read, and what waits for it is bounded.
    fn pushed(&mut self, to: Key, pushed: Result<bool, Full>) {
        match pushed {
            Ok(true) => self.stirred.extend(self.table.get(to).map(|session| session.outbox.clone())),
            Ok(false) => {}
            Err(Full) => {
                tracing::warn!(
                    session = to.id(),
                    "the client doesn't read: its session ends with its queue full"
                );
                self.overfull += 1;
                self.end(to, End::Cut);
            }
        }
    }

    /// Stops reading and writing a session, or goes on with it.
    pub(crate) fn stall(&mut self, key: Key, stalled: bool) {
        if let Some(session) = self.table.get(key) {
            session.outbox.order(|orders| orders.stalled = stalled);
        }
    }

    /// Passes a frame on as it is.
    pub(crate) fn forward(&mut self, to: Key, frame: &Frame<'_>) {
        self.send(to, Head::of(frame), frame.body, || frame.keep(frame.body));
    }

    /// Queues a frame with a body of the node's own making.
    pub(crate) fn answer(&mut self, to: Key, kind: MessageType, seq: Seq, result: i32, body: Vec<u8>) {
        let body = Bytes::from(body);
        self.send(to, Head { kind, seq, result }, &body, || body.clone());
    }

    /// Ends a session; it is out of all lists when the present work is done.
    pub(crate) fn end(&mut self, key: Key, end: End) {
        if let Some(session) = self.table.get_mut(key) {
            session.ending = true;
            session.outbox.order(|orders| orders.end = Some(end));
            self.doomed.push(key);
        }
    }

    /// The next session to take out of all lists.
    pub(crate) fn next_doomed(&mut self) -> Option<Key> {
        self.doomed.pop()
    }

    /// The sessions to wake.
    pub(crate) fn take_stirred(&mut self) -> Vec<Arc<Outbox>> {
        std::mem::take(&mut self.stirred)
    }
}
