//! The state of all nodes of a devnet. Frames and deadlines go in; frames for sessions come out.
//!
//! It does no I/O and reads no clock but the replaceable wall clock, so that it can be tested without sockets. Each kind of message has its own file
//! with more methods of [`Net`].

use std::sync::Arc;

use amop::protocol::Seq;
use amop::protocol::channel::{Frame, MessageType};
use fastrand::Rng;
use tokio::time::Instant;

use crate::choice::ChoiceSource;
use crate::deadlines::{Deadlines, Due};
use crate::delayed::{Delayed, OwnedFrame};
use crate::node::{Arrival, Node, Power};
use crate::options::{Generation, Options};
use crate::outbox::{End, Outbox};
use crate::pending_unicast::Unicast;
use crate::sessions::Sessions;
use crate::table::{Key, Table};
use crate::websocket::Request;

/// The nodes, their sessions and the messages between them.
#[derive(Debug)]
pub(crate) struct Net {
    pub(crate) options: Options,
    pub(crate) nodes: Vec<Node>,
    pub(crate) sessions: Sessions,
    pub(crate) unicasts: Table<Unicast>,
    /// Unicasts of 3.x.
    pub(crate) requests: Table<Request>,
    pub(crate) deadlines: Deadlines,
    pub(crate) choices: ChoiceSource,
    pub(crate) rng: Rng,
    pub(crate) block_number: u64,
    /// The candidates of a choice, kept to reuse the allocation.
    pub(crate) scratch: Vec<usize>,
    closed: bool,
}

impl Net {
    pub(crate) fn new(options: Options, nodes: usize, now: Instant) -> Net {
        let mut rng = Rng::with_seed(options.seed);
        let mut nodes: Vec<Node> = (0..nodes)
            .map(|index| Node::new(index, node_id(&mut rng), nodes, options.bandwidth, now))
            .collect();
        for (node, offset) in &options.clock_offsets {
            nodes[*node].clock_offset = *offset;
        }
        let seed = options.seed;
        let choices = ChoiceSource::new(&options);
        let mut deadlines = Deadlines::default();
        if !options.topic_sync.is_zero() {
            deadlines.set(now + options.topic_sync, Due::TopicSync);
        }
        if options.generation == Generation::V2 {
            deadlines.set(now + options.verify_interval, Due::Verify);
        }
        Net {
            options,
            nodes,
            sessions: Sessions::new(seed),
            unicasts: Table::new(),
            requests: Table::new(),
            deadlines,
            choices,
            rng,
            block_number: 0,
            scratch: Vec::new(),
            closed: false,
        }
    }

    /// Adds a session of a new connection. Returns `None` if the node is dead or the devnet is stopping.
    pub(crate) fn join(&mut self, node: usize, outbox: Arc<Outbox>) -> Option<Key> {
        if self.closed || self.nodes[node].power == Power::Down {
            return None;
        }
        if self.nodes[node].power == Power::Frozen {
            outbox.order(|orders| orders.frozen = true);
        }
        // Clients of 3.x read any number of frames in a record.
        outbox.coalesce(self.options.generation == Generation::V3);
        let key = self.sessions.insert(node, outbox);
        self.nodes[node].sessions.push(key);
        Some(key)
    }

    /// Removes a session. Unicasts that waited for its reply are sent to the next session.
    pub(crate) fn leave(&mut self, key: Key, now: Instant) {
        let Some(session) = self.sessions.remove(key) else { return };
        self.nodes[session.node].sessions.retain(|other| *other != key);
        self.unsubscribe(key, &session);
        // Sort them by age, because a map has no order and tests need a fixed one.
        let mut waiting: Vec<Key> = session.awaiting.into_values().collect();
        waiting.sort_unstable_by_key(|unicast| unicast.id());
        for unicast in waiting {
            self.push_failed(unicast, now);
        }
        let mut waiting: Vec<Key> = session.websocket.awaiting.into_values().collect();
        waiting.sort_unstable_by_key(|request| request.id());
        for request in waiting {
            self.subscriber_left(request, now);
        }
        self.forget_requests(|request| request.publisher == key);
    }

    /// Handles a frame that was read from a session, subject to reordering and faults.
    pub(crate) fn receive(&mut self, from: Key, frame: &Frame<'_>, now: Instant) {
        if let Some(overtaking) = self.overtaking(from, now) {
            return self.hold_overtaken(overtaking, Delayed::FrameIn(from, OwnedFrame::keep(frame)));
        }
        if self.sessions.faults.is_empty() {
            self.dispatch(from, frame, now);
        } else {
            self.receive_with_faults(from, frame, now);
        }
    }

    /// Processes a frame of a session.
    pub(crate) fn dispatch(&mut self, from: Key, frame: &Frame<'_>, now: Instant) {
        let Some(session) = self.sessions.get_mut(from).filter(|session| !session.ending) else { return };
        if !session.awaiting.is_empty()
            && let Some(unicast) = session.awaiting.remove(&frame.seq)
        {
            return self.on_reply(unicast, frame);
        }
        match frame.kind {
            MessageType::Rpc => self.on_rpc(from, frame),
            MessageType::Heartbeat => self.on_heartbeat(from, frame),
            MessageType::Handshake => self.on_handshake(from, frame),
            MessageType::RegisterEvent => self.on_register_event(from, frame),
            MessageType::Request => self.on_request(from, frame, now),
            MessageType::Response => self.on_stray_response(from, frame),
            MessageType::TopicList => self.on_topic_list(from, frame),
            MessageType::Broadcast => self.on_broadcast(from, frame, now),
            // Nodes ignore the acknowledgement of a 0x37, and repeat it until they receive a 0x38.
            MessageType::RequestVerify => {}
            MessageType::UpdateTopicStatus => self.on_topic_status(from, frame),
            MessageType::TransactionNotify
            | MessageType::BlockNotify
            | MessageType::EventNotify
            | MessageType::Other(_) => {
                tracing::debug!(kind = frame.kind.to_wire(), "ignored a frame of this type, as nodes do");
            }
        }
    }

    /// Returns when [`Net::fire`] has something to do next.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.deadlines.next()
    }

    /// Fires all deadlines that have passed at `now`.
    pub(crate) fn fire(&mut self, now: Instant) {
        while let Some(due) = self.deadlines.pop(now) {
            match due {
                Due::Push(unicast) => match self.options.generation {
                    Generation::V2 => self.push_timed_out(unicast, now),
                    Generation::V3 => self.request_timed_out(unicast, now),
                },
                Due::Answer(unicast) => self.answer_timed_out(unicast, now),
                Due::TopicSync => {
                    self.sync_topics();
                    self.deadlines.set(now + self.options.topic_sync, Due::TopicSync);
                }
                Due::Verify => {
                    self.request_all_verification();
                    self.deadlines.set(now + self.options.verify_interval, Due::Verify);
                }
                Due::LinkLoss { node, lost, loss } => self.notice_loss(node, lost, loss, now),
                Due::LinkRejoin(a, b) => self.rejoin(a, b),
                Due::Frame(held) => self.resume(*held, now),
                Due::Overtaken(overtaken) => self.look_at_overtaken(overtaken, now),
            }
        }
    }

    /// Continues with a delayed frame.
    pub(crate) fn resume(&mut self, held: Delayed, now: Instant) {
        match held {
            Delayed::FrameIn(from, frame) => self.dispatch(from, &frame.frame(), now),
            Delayed::FrameOut(to, OwnedFrame { head, body }) => {
                self.sessions.enqueue(to, head, &body, || body.clone());
            }
            Delayed::MessageIn(from, message) => self.dispatch_message(from, message, now),
            Delayed::MessageOut(to, message) => self.sessions.enqueue_message(to, &message),
        }
    }

    /// Completes a change of the state: removes ended sessions and schedules delayed frames.
    pub(crate) fn settle(&mut self, now: Instant) {
        while let Some(key) = self.sessions.next_ended() {
            self.leave(key, now);
        }
        for (by, held) in std::mem::take(&mut self.sessions.postponed) {
            self.deadlines.set(now + by, Due::Frame(Box::new(held)));
        }
        let (unicasts, requests) = (&self.unicasts, &self.requests);
        match self.options.generation {
            Generation::V2 => self.deadlines.sweep(unicasts.len(), |key| unicasts.get(key).is_some()),
            Generation::V3 => self.deadlines.sweep(requests.len(), |key| requests.get(key).is_some()),
        }
    }

    /// Answers a unicast or multicast with an error code.
    pub(crate) fn refuse(&mut self, publisher: Key, seq: Seq, result: i32) {
        self.sessions.answer(publisher, MessageType::Response, seq, result, Vec::new());
    }

    /// Freezes a node: its sessions are neither read nor written.
    pub(crate) fn freeze(&mut self, node: usize) {
        if self.nodes[node].power == Power::Up {
            self.nodes[node].power = Power::Frozen;
            self.freeze_sessions(node, true);
        }
    }

    /// Resumes a frozen node.
    pub(crate) fn thaw(&mut self, node: usize, now: Instant) {
        if self.nodes[node].power != Power::Frozen {
            return;
        }
        self.nodes[node].power = Power::Up;
        self.freeze_sessions(node, false);
        for arrival in std::mem::take(&mut self.nodes[node].held) {
            match arrival {
                Arrival::Unicast(unicast) => self.push_held(unicast, node, now),
                Arrival::Broadcast(frame) => self.deliver_broadcast(node, &frame.frame(), None),
                Arrival::Request(request) => self.deliver_held(request, node, now),
                Arrival::Copy(message) => self.deliver_copies(node, &message),
            }
        }
        self.linked_again();
    }

    fn freeze_sessions(&mut self, node: usize, frozen: bool) {
        for key in &self.nodes[node].sessions {
            if let Some(session) = self.sessions.get(*key) {
                session.outbox.order(|orders| orders.frozen = frozen);
            }
        }
    }

    /// Kills a node: its sessions are cut, and the other nodes lose their links to it.
    pub(crate) fn kill(&mut self, node: usize, now: Instant) {
        self.nodes[node].power = Power::Down;
        self.end_sessions(node, End::Cut);
        self.nodes[node].held.clear();
        let own: Vec<Key> =
            self.unicasts.iter().filter(|(_, unicast)| unicast.origin == node).map(|(key, _)| key).collect();
        for unicast in own {
            self.forget(unicast);
        }
        self.forget_requests(|request| request.origin == node);
        for other in 0..self.nodes.len() {
            if other != node {
                self.lose(other, node, now);
                self.nodes[node].peers[other].topics.clear();
            }
        }
    }

    /// Starts a dead node again, without sessions.
    pub(crate) fn revive(&mut self, node: usize) {
        self.nodes[node].power = Power::Up;
        self.linked_again();
    }

    /// Ends all sessions of a node.
    pub(crate) fn end_sessions(&mut self, node: usize, end: End) {
        for key in &self.nodes[node].sessions {
            self.sessions.end(*key, end);
        }
    }

    /// Closes all sessions and accepts no more.
    pub(crate) fn close_all(&mut self) {
        self.closed = true;
        let keys: Vec<Key> = self.sessions.iter().map(|(key, _)| key).collect();
        for key in keys {
            self.sessions.end(key, End::Close);
        }
    }

    /// Returns the current number of bytes in payloads and queued output.
    pub(crate) fn held_bytes(&self) -> usize {
        let queued: usize = self.sessions.iter().map(|(_, session)| session.outbox.bytes()).sum();
        let unicasts: usize = self.unicasts.iter().map(|(_, unicast)| unicast.held_bytes()).sum();
        let requests: usize = self.requests.iter().map(|(_, request)| request.message.payload.len()).sum();
        let frozen: usize = self.nodes.iter().map(Node::held_bytes).sum();
        queued + unicasts + requests + frozen + self.deadlines.held_bytes()
    }
}

/// Returns a random node id in the form of real ones: 128 hex digits.
fn node_id(rng: &mut Rng) -> String {
    (0..4).map(|_| format!("{:032x}", rng.u128(..))).collect()
}
