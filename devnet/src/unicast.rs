//! 0x30 and 0x31: one message to one subscriber, and its reply.
//!
//! The publisher's node picks a node and waits for it up to the node limit; that node picks one of its sessions
//! and waits for it up to the push limit, then tries its next. A session's next frame with the message's seq is
//! the reply and passes through as it is.

use std::collections::hash_map::Entry;

use amop::protocol::channel::amop::{TopicBodyError, split};
use amop::protocol::channel::{Frame, MessageType};
use amop::protocol::result;
use bytes::Bytes;
use tokio::time::Instant;

use crate::choice::Chooser;
use crate::net::Net;
use crate::node::{Arrival, Power};
use crate::options::SameNode;
use crate::outbox::Head;
use crate::table::Key;

/// A unicast that isn't answered yet.
#[derive(Debug)]
pub(crate) struct Unicast {
    publisher: Key,
    /// The publisher's node.
    origin: usize,
    head: Head,
    /// Kept for the next try, and for 104, which echoes it.
    body: Bytes,
    /// The node that has it now.
    at: usize,
    /// How often the link to that node had been lost before it was sent.
    losses: u64,
    /// When the publisher's node gives that node up.
    answer_by: Instant,
    /// Nodes given up before.
    tried_nodes: Vec<usize>,
    /// Sessions of the node `at` given up before.
    tried_sessions: Vec<Key>,
    stage: Stage,
}

/// What has become of it at the node that has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// It waits for a frozen node.
    Held,
    /// A session has it.
    Pushed {
        session: Key,
        /// When its node gives that session up.
        push_by: Instant,
    },
    /// No answer will come: the link is gone, the node drops what is for itself, or the session had a message
    /// with the same seq already.
    Lost,
}

impl Unicast {
    fn topic(&self) -> &[u8] {
        // Checked before it was taken in.
        split(&self.body).map_or(&[], |(topic, _)| topic)
    }

    pub(crate) fn held_bytes(&self) -> usize {
        self.body.len()
    }

    /// Whether it was sent from one node to the other before the link's loss of this number.
    pub(crate) fn is_lost_with(&self, origin: usize, at: usize, loss: u64) -> bool {
        self.origin == origin && self.at == at && self.losses < loss
    }

    /// The publisher's node.
    pub(crate) fn origin(&self) -> usize {
        self.origin
    }
}

impl Net {
    /// A publisher sends a message.
    pub(crate) fn on_request(&mut self, from: Key, frame: &Frame<'_>, now: Instant) {
        let Some(session) = self.sessions.get(from) else { return };
        let origin = session.node;
        if split(frame.body).is_err() {
            return self.refuse(from, frame.seq, result::NO_SUBSCRIBER);
        }
        let in_flight = session.in_flight_bytes + frame.body.len();
        // An empty account takes any frame; beyond that a publisher's own messages would fill the memory.
        let over = session.in_flight_bytes > 0 && in_flight > self.options.max_in_flight_bytes;
        if over || !self.within_bandwidth(origin, frame, now) {
            return self.refuse(from, frame.seq, result::BANDWIDTH);
        }
        if let Some(session) = self.sessions.get_mut(from) {
            session.in_flight_bytes = in_flight;
        }
        let unicast = self.unicasts.insert(Unicast {
            publisher: from,
            origin,
            head: Head::of(frame),
            body: frame.keep(frame.body),
            at: origin,
            losses: 0,
            answer_by: now,
            tried_nodes: Vec::new(),
            tried_sessions: Vec::new(),
            stage: Stage::Lost,
        });
        self.send_to_a_node(unicast, now);
    }

    /// A 0x31 that answers nothing under way: late, or a second one. Ignored, unless its topic has length 0,
    /// which kills a real node and is answered 100 here.
    pub(crate) fn on_stray_response(&mut self, from: Key, frame: &Frame<'_>) {
        if split(frame.body) == Err(TopicBodyError::LengthByte(0)) {
            self.refuse(from, frame.seq, result::NO_SUBSCRIBER);
        }
    }

    /// Sends a unicast to one of the nodes that haven't had it; 100 when there is none.
    fn send_to_a_node(&mut self, key: Key, now: Instant) {
        loop {
            let Some(unicast) = self.unicasts.get(key) else { return };
            let (origin, length) = (unicast.origin, unicast.body.len());
            let mut candidates = std::mem::take(&mut self.scratch);
            candidates.clear();
            candidates.extend((0..self.nodes.len()).filter(|node| {
                !unicast.tried_nodes.contains(node) && self.knows_subscriber(origin, *node, unicast.topic())
            }));
            let chosen = self.dice.choose(candidates.len(), Chooser::OfNode(origin), now);
            let chosen = chosen.map(|index| candidates[index]);
            self.scratch = candidates;
            let Some(chosen) = chosen else {
                return self.fail(key, result::NO_SUBSCRIBER);
            };
            let answer_by = now + self.options.node_limit;
            let Some(unicast) = self.unicasts.get_mut(key) else { return };
            unicast.at = chosen;
            unicast.losses = self.nodes[origin].peers[chosen].losses;
            unicast.answer_by = answer_by;
            unicast.stage = Stage::Lost;
            unicast.tried_sessions.clear();
            if chosen == origin && self.options.same_node == SameNode::Drop {
                return self.lose_to_itself(key, answer_by);
            }
            if chosen == origin || self.crosses_link(origin, chosen, length, now) {
                self.deadlines.answer(answer_by, key);
                return self.arrive(key, chosen, now);
            }
            if let Some(unicast) = self.unicasts.get_mut(key) {
                unicast.tried_nodes.push(chosen);
            }
        }
    }

    /// Whether `origin` knows of a subscriber at `node` that it can reach.
    fn knows_subscriber(&self, origin: usize, node: usize, topic: &[u8]) -> bool {
        if node == origin {
            return self.nodes[origin].subscribers.contains_key(topic);
        }
        self.is_linked(origin, node) && self.nodes[origin].routes_to(node, topic)
    }

    /// What nodes from 2.8.0 to 2.11.2 do with a unicast for themselves: it waits in vain; a second one in that
    /// time is forgotten.
    fn lose_to_itself(&mut self, key: Key, answer_by: Instant) {
        let Some(unicast) = self.unicasts.get(key) else { return };
        let origin = &mut self.nodes[unicast.origin];
        if origin.lost_to_itself.is_some_and(|lost| self.unicasts.get(lost).is_some()) {
            self.remove(key);
        } else {
            origin.lost_to_itself = Some(key);
            self.deadlines.answer(answer_by, key);
        }
    }

    fn arrive(&mut self, key: Key, node: usize, now: Instant) {
        match self.nodes[node].power {
            Power::Up => self.push_to_a_session(key, now),
            Power::Frozen => {
                if let Some(unicast) = self.unicasts.get_mut(key) {
                    unicast.stage = Stage::Held;
                    self.nodes[node].held.push(Arrival::Unicast(key));
                }
            }
            Power::Down => {}
        }
    }

    /// Pushes a unicast to one of its node's sessions that haven't had it; 104 when there is none.
    fn push_to_a_session(&mut self, key: Key, now: Instant) {
        let Some(unicast) = self.unicasts.get_mut(key) else { return };
        let subscribers = self.nodes[unicast.at].subscribers.get(unicast.topic());
        let untried = subscribers.into_iter().flatten().filter(|key| !unicast.tried_sessions.contains(key));
        let count = untried.clone().count();
        let chosen = self.dice.choose(count, Chooser::OfSession(unicast.at), now);
        let Some(&chosen) = chosen.and_then(|index| untried.clone().nth(index)) else {
            return self.fail_from_afar(key);
        };
        let Some(session) = self.sessions.get_mut(chosen) else { return };
        let seq = unicast.head.seq;
        match session.awaiting.entry(seq) {
            Entry::Vacant(place) => {
                place.insert(key);
                let push_by = now + self.options.push_limit;
                unicast.stage = Stage::Pushed { session: chosen, push_by };
                self.deadlines.push(push_by, key);
            }
            // Delivered all the same, but the reply will be taken for the first one's.
            Entry::Occupied(_) => unicast.stage = Stage::Lost,
        }
        self.sessions.send(chosen, unicast.head, &unicast.body, || unicast.body.clone());
    }

    /// The node that a unicast waited for has woken.
    pub(crate) fn push_held(&mut self, key: Key, node: usize, now: Instant) {
        let Some(unicast) = self.unicasts.get(key) else { return };
        if unicast.stage == Stage::Held && unicast.at == node {
            self.push_to_a_session(key, now);
        }
    }

    /// A session that had a unicast is gone.
    pub(crate) fn push_failed(&mut self, key: Key, now: Instant) {
        let Some(unicast) = self.unicasts.get_mut(key) else { return };
        if let Stage::Pushed { session, .. } = unicast.stage {
            unicast.tried_sessions.push(session);
            unicast.stage = Stage::Lost;
            // A dead node tries nobody: the loss of the link ends it.
            if self.nodes[unicast.at].power != Power::Down {
                self.push_to_a_session(key, now);
            }
        }
    }

    /// A push limit has passed, perhaps one of an earlier try.
    pub(crate) fn push_timed_out(&mut self, key: Key, now: Instant) {
        let Some(unicast) = self.unicasts.get_mut(key) else { return };
        let Stage::Pushed { session, push_by } = unicast.stage else { return };
        if push_by > now {
            return;
        }
        if self.nodes[unicast.at].power == Power::Frozen {
            let push_by = now + self.options.push_limit;
            unicast.stage = Stage::Pushed { session, push_by };
            return self.deadlines.push(push_by, key);
        }
        if let Some(session) = self.sessions.get_mut(session) {
            session.awaiting.remove(&unicast.head.seq);
        }
        self.push_failed(key, now);
    }

    /// A node limit has passed, perhaps one of an earlier try.
    pub(crate) fn answer_timed_out(&mut self, key: Key, now: Instant) {
        let Some(unicast) = self.unicasts.get_mut(key) else { return };
        if unicast.answer_by > now {
            return;
        }
        if self.nodes[unicast.origin].power == Power::Frozen {
            unicast.answer_by = now + self.options.node_limit;
            return self.deadlines.answer(unicast.answer_by, key);
        }
        self.give_node_up(key, now);
    }

    /// The publisher's node stops waiting for the node that has a unicast, and tries the next.
    pub(crate) fn give_node_up(&mut self, key: Key, now: Instant) {
        self.detach(key);
        let Some(unicast) = self.unicasts.get_mut(key) else { return };
        unicast.tried_nodes.push(unicast.at);
        self.send_to_a_node(key, now);
    }

    /// A session has answered.
    pub(crate) fn on_reply(&mut self, key: Key, frame: &Frame<'_>) {
        let Some(unicast) = self.unicasts.get_mut(key) else { return };
        let (origin, at, publisher) = (unicast.origin, unicast.at, unicast.publisher);
        if origin != at && !self.is_linked(origin, at) {
            if let Some(unicast) = self.unicasts.get_mut(key) {
                unicast.stage = Stage::Lost;
            }
            return;
        }
        // Its session has forgotten it already, so there is nothing to detach.
        self.remove(key);
        self.sessions.forward(publisher, frame);
    }

    /// The node that has a unicast finds no session for it, and says so if its link to the publisher's node holds.
    fn fail_from_afar(&mut self, key: Key) {
        let Some(unicast) = self.unicasts.get_mut(key) else { return };
        let (origin, at) = (unicast.origin, unicast.at);
        unicast.stage = Stage::Lost;
        if origin == at || self.is_linked(origin, at) {
            self.fail(key, result::SUBSCRIBER_UNREACHABLE);
        }
    }

    /// Ends a unicast with a code of the nodes.
    fn fail(&mut self, key: Key, code: i32) {
        self.detach(key);
        let Some(unicast) = self.remove(key) else { return };
        let head = Head { kind: MessageType::Response, seq: unicast.head.seq, result: code };
        // 104 comes from the remote node, which turns the message round as it is.
        let body = if code == result::SUBSCRIBER_UNREACHABLE { unicast.body } else { Bytes::new() };
        self.sessions.send(unicast.publisher, head, &body, || body.clone());
    }

    /// A unicast's own node is dead: nobody waits for its answer.
    pub(crate) fn forget(&mut self, key: Key) {
        self.detach(key);
        self.remove(key);
    }

    /// Takes a unicast from the session that has it: what that one answers now is late.
    fn detach(&mut self, key: Key) {
        let Some(unicast) = self.unicasts.get_mut(key) else { return };
        if let Stage::Pushed { session, .. } = unicast.stage {
            unicast.stage = Stage::Lost;
            if let Some(session) = self.sessions.get_mut(session) {
                session.awaiting.remove(&unicast.head.seq);
            }
        }
    }

    fn remove(&mut self, key: Key) -> Option<Unicast> {
        let unicast = self.unicasts.remove(key)?;
        if let Some(publisher) = self.sessions.get_mut(unicast.publisher) {
            publisher.in_flight_bytes -= unicast.body.len();
        }
        Some(unicast)
    }
}
