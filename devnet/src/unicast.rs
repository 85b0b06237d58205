//! Unicasts (0x30) and their replies (0x31).
//!
//! The publisher's node chooses a node and waits for it up to the node limit. That node chooses one of its sessions,
//! waits for it up to the push limit, and then tries the next session. The next frame of a session with the
//! message's seq is the reply, whatever its type, and is passed on unchanged.

use std::collections::hash_map::Entry;

use amop::protocol::channel::amop::{TopicBodyError, split};
use amop::protocol::channel::{Frame, MessageType};
use amop::protocol::result;
use bytes::Bytes;
use tokio::time::Instant;

use crate::net::Net;
use crate::node::{Arrival, Power};
use crate::options::SameNode;
use crate::outbox::Head;
use crate::pending_unicast::{Stage, Unicast};
use crate::table::Key;

impl Net {
    /// Handles a unicast of a publisher.
    pub(crate) fn on_request(&mut self, from: Key, frame: &Frame<'_>, now: Instant) {
        let Some(session) = self.sessions.get(from) else { return };
        let origin = session.node;
        if split(frame.body).is_err() {
            return self.refuse(from, frame.seq, result::NO_SUBSCRIBER);
        }
        let in_flight = session.in_flight_bytes + frame.body.len();
        // The first unicast may be of any length. The limit keeps a publisher from filling the memory.
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
        self.send_to_node(unicast, now);
    }

    /// Handles a 0x31 that answers no pending unicast, because it is late or a second reply. It is ignored unless its
    /// topic has length 0: that crashes a real node, and is answered with code 100 here.
    pub(crate) fn on_stray_response(&mut self, from: Key, frame: &Frame<'_>) {
        if split(frame.body) == Err(TopicBodyError::LengthByte(0)) {
            self.refuse(from, frame.seq, result::NO_SUBSCRIBER);
        }
    }

    /// Sends a unicast to a node that was not tried before, or answers code 100 if there is none.
    fn send_to_node(&mut self, key: Key, now: Instant) {
        loop {
            let Some(unicast) = self.unicasts.get(key) else { return };
            let (origin, length) = (unicast.origin, unicast.body.len());
            let mut candidates = std::mem::take(&mut self.scratch);
            candidates.clear();
            // A node comes last among its own candidates, as on real nodes.
            let peers = (0..self.nodes.len()).filter(|node| *node != origin);
            candidates.extend(peers.chain([origin]).filter(|node| {
                !unicast.tried_nodes.contains(node) && self.knows_subscriber(origin, *node, unicast.topic())
            }));
            let chosen = self.choices.choose(candidates.len(), self.nodes[origin].clock_offset);
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
                return self.drop_for_own_session(key, answer_by);
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

    /// Returns whether `origin` can reach `node` and knows of a subscriber there.
    fn knows_subscriber(&self, origin: usize, node: usize, topic: &[u8]) -> bool {
        if node == origin {
            return self.nodes[origin].subscribers.contains_key(topic);
        }
        self.is_linked(origin, node) && self.nodes[origin].routes_to(node, topic)
    }

    /// Imitates what nodes of release 2.8.0 to 2.11.2 do with a unicast for one of their own sessions: they never
    /// deliver it and answer after the node limit. A second one during that time gets no answer.
    fn drop_for_own_session(&mut self, key: Key, answer_by: Instant) {
        let Some(unicast) = self.unicasts.get(key) else { return };
        let origin = &mut self.nodes[unicast.origin];
        if origin.undelivered_own.is_some_and(|lost| self.unicasts.get(lost).is_some()) {
            self.remove(key);
        } else {
            origin.undelivered_own = Some(key);
            self.deadlines.answer(answer_by, key);
        }
    }

    fn arrive(&mut self, key: Key, node: usize, now: Instant) {
        match self.nodes[node].power {
            Power::Up => self.push_to_session(key, now),
            Power::Frozen => {
                if let Some(unicast) = self.unicasts.get_mut(key) {
                    unicast.stage = Stage::Held;
                    self.nodes[node].held.push(Arrival::Unicast(key));
                }
            }
            Power::Down => {}
        }
    }

    /// Sends a unicast to a session of its node that was not tried before, or answers code 104 if there is none.
    fn push_to_session(&mut self, key: Key, now: Instant) {
        let Some(unicast) = self.unicasts.get_mut(key) else { return };
        let subscribers = self.nodes[unicast.at].subscribers.get(unicast.topic());
        let untried = subscribers.into_iter().flatten().filter(|key| !unicast.tried_sessions.contains(key));
        let count = untried.clone().count();
        let chosen = self.choices.choose(count, self.nodes[unicast.at].clock_offset);
        let Some(&chosen) = chosen.and_then(|index| untried.clone().nth(index)) else {
            return self.fail_as_unreachable(key);
        };
        let Some(session) = self.sessions.get_mut(chosen) else { return };
        let seq = unicast.head.seq;
        match session.awaiting.entry(seq) {
            Entry::Vacant(place) => {
                place.insert(key);
                let push_by = now + self.options.push_limit();
                unicast.stage = Stage::Pushed { session: chosen, push_by };
                self.deadlines.push(push_by, key);
            }
            // The message is still delivered, but the node assigns the reply to the first one with this seq.
            Entry::Occupied(_) => unicast.stage = Stage::Lost,
        }
        self.sessions.send(chosen, unicast.head, &unicast.body, || unicast.body.clone());
    }

    /// Sends a unicast on that waited for a frozen node.
    pub(crate) fn push_held(&mut self, key: Key, node: usize, now: Instant) {
        let Some(unicast) = self.unicasts.get(key) else { return };
        if unicast.stage == Stage::Held && unicast.at == node {
            self.push_to_session(key, now);
        }
    }

    /// Handles the end of a session before it answered a unicast.
    pub(crate) fn push_failed(&mut self, key: Key, now: Instant) {
        let Some(unicast) = self.unicasts.get_mut(key) else { return };
        if let Stage::Pushed { session, .. } = unicast.stage {
            unicast.tried_sessions.push(session);
            unicast.stage = Stage::Lost;
            // A dead node tries no other session; the publisher's node goes on once it notices the lost link.
            if self.nodes[unicast.at].power != Power::Down {
                self.push_to_session(key, now);
            }
        }
    }

    /// Handles the end of a push limit, which may belong to an earlier attempt.
    pub(crate) fn push_timed_out(&mut self, key: Key, now: Instant) {
        let Some(unicast) = self.unicasts.get_mut(key) else { return };
        let Stage::Pushed { session, push_by } = unicast.stage else { return };
        if push_by > now {
            return;
        }
        if self.nodes[unicast.at].power == Power::Frozen {
            let push_by = now + self.options.push_limit();
            unicast.stage = Stage::Pushed { session, push_by };
            return self.deadlines.push(push_by, key);
        }
        if let Some(session) = self.sessions.get_mut(session) {
            session.awaiting.remove(&unicast.head.seq);
        }
        self.push_failed(key, now);
    }

    /// Handles the end of a node limit, which may belong to an earlier attempt.
    pub(crate) fn answer_timed_out(&mut self, key: Key, now: Instant) {
        let Some(unicast) = self.unicasts.get_mut(key) else { return };
        if unicast.answer_by > now {
            return;
        }
        if self.nodes[unicast.origin].power == Power::Frozen {
            unicast.answer_by = now + self.options.node_limit;
            return self.deadlines.answer(unicast.answer_by, key);
        }
        self.try_next_node(key, now);
    }

    /// Stops waiting for the node that a unicast was sent to, and tries the next one.
    pub(crate) fn try_next_node(&mut self, key: Key, now: Instant) {
        self.detach(key);
        let Some(unicast) = self.unicasts.get_mut(key) else { return };
        unicast.tried_nodes.push(unicast.at);
        self.send_to_node(key, now);
    }

    /// Passes a session's reply on to the publisher, unchanged.
    pub(crate) fn on_reply(&mut self, key: Key, frame: &Frame<'_>) {
        let Some(unicast) = self.unicasts.get_mut(key) else { return };
        let (origin, at, publisher) = (unicast.origin, unicast.at, unicast.publisher);
        if origin != at && !self.is_linked(origin, at) {
            if let Some(unicast) = self.unicasts.get_mut(key) {
                unicast.stage = Stage::Lost;
            }
            return;
        }
        // The session's entry was removed by the caller, so there is nothing to detach.
        self.remove(key);
        self.sessions.forward(publisher, frame);
    }

    /// Answers code 104 for the node `at`, which has no session left to try, if its link to the publisher's node works.
    fn fail_as_unreachable(&mut self, key: Key) {
        let Some(unicast) = self.unicasts.get_mut(key) else { return };
        let (origin, at) = (unicast.origin, unicast.at);
        unicast.stage = Stage::Lost;
        if origin == at || self.is_linked(origin, at) {
            self.fail(key, result::SUBSCRIBER_UNREACHABLE);
        }
    }

    /// Answers a unicast with a code of the nodes.
    fn fail(&mut self, key: Key, code: i32) {
        self.detach(key);
        let Some(unicast) = self.remove(key) else { return };
        let head = Head { kind: MessageType::Response, seq: unicast.head.seq, result: code };
        // Code 104 comes from the remote node, which returns the message's own body.
        let body = if code == result::SUBSCRIBER_UNREACHABLE { unicast.body } else { Bytes::new() };
        self.sessions.send(unicast.publisher, head, &body, || body.clone());
    }

    /// Removes a unicast whose publisher's node is dead: its answer has no recipient.
    pub(crate) fn forget(&mut self, key: Key) {
        self.detach(key);
        self.remove(key);
    }

    /// Stops waiting for the session that a unicast was sent to. A later reply of it is ignored.
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
