//! Unicasts (0x111) and their answers.
//!
//! A node that has subscribers on other nodes chooses one of those nodes, which chooses one of its sessions. Only if no
//! other node has a subscriber, one of the publisher's own node gets the message. A node sends each delivery with a seq
//! of its own; the answer reaches the publisher with the publisher's seq, else unchanged.

use amop::protocol::websocket::MessageType;
use amop::protocol::websocket::amop::{self as topic_body, AmopError};
use bytes::Bytes;
use tokio::time::Instant;

use super::OwnedMessage;
use super::answers::{Failure, of_own_node};
use super::request::{Request, Stage};
use super::sending::new_seq;
use crate::net::Net;
use crate::node::{Arrival, Power, TopicName};
use crate::table::Key;

/// How often in 256 a node delivers a unicast to another own session when the first one disconnects: 3 of 24 were
/// observed. Otherwise the publisher gets a message that belongs to no request.
const SECOND_SESSION_OF_256: u8 = 32;

/// Returns the topic of a unicast or broadcast, as a node reads it.
///
/// # Errors
/// Returns an error for what stops a real node for good: the embedded node ignores it.
pub(super) fn topic_of(payload: &[u8]) -> Result<&[u8], AmopError> {
    match payload {
        [] | [_] => Ok(&[]),
        payload => topic_body::split(payload).map(|(topic, _)| topic),
    }
}

impl Net {
    /// Handles a unicast of a publisher.
    pub(super) fn on_websocket_request(&mut self, from: Key, message: OwnedMessage, now: Instant) {
        let Some(session) = self.sessions.get_mut(from) else { return };
        let origin = session.node;
        let topic = match topic_of(&message.payload) {
            Ok(topic) => TopicName::from(topic),
            Err(error) => {
                tracing::warn!(session = from.id(), "ignored a unicast that would stop a real node: {error}");
                return;
            }
        };
        let length = message.payload.len();
        let in_flight = session.in_flight_bytes + length;
        // The first unicast may be of any length. The limit keeps a publisher from filling the memory.
        if session.in_flight_bytes > 0 && in_flight > self.options.max_in_flight_bytes {
            return self.sessions.send_message(from, &Failure::NotSent.answer(message.seq, &topic));
        }
        session.in_flight_bytes = in_flight;
        let publisher = from;
        let stage = Stage::Lost;
        let request = Request { publisher, origin, message, topic, at: origin, losses: 0, stage };
        let key = self.requests.insert(request);
        self.route(key, now);
    }

    /// Chooses the node that delivers a unicast.
    fn route(&mut self, key: Key, now: Instant) {
        let Some(request) = self.requests.get_mut(key) else { return };
        let (origin, topic) = (request.origin, request.topic.clone());
        let mut reachable = std::mem::take(&mut self.scratch);
        reachable.clear();
        let mut is_known = false;
        for node in (0..self.nodes.len()).filter(|node| *node != origin) {
            if self.nodes[origin].routes_to(node, &topic) {
                is_known = true;
                reachable.extend(self.is_linked(origin, node).then_some(node));
            }
        }
        let chosen = self.rng.choice(&reachable).copied();
        self.scratch = reachable;
        if let Some(node) = chosen {
            let losses = self.nodes[origin].peers[node].losses;
            if let Some(request) = self.requests.get_mut(key) {
                (request.at, request.losses) = (node, losses);
            }
            return match self.nodes[node].power {
                Power::Up => self.deliver(key, now),
                Power::Frozen => {
                    if let Some(request) = self.requests.get_mut(key) {
                        request.stage = Stage::Held;
                        self.nodes[node].held.push(Arrival::Request(key));
                    }
                }
                Power::Down => {}
            };
        }
        if self.nodes[origin].subscribers.contains_key(&topic) {
            return self.deliver(key, now);
        }
        let failure = if is_known { Failure::NotSent } else { Failure::NoSubscriber };
        self.fail_request(key, failure);
    }

    /// Delivers a unicast to a session of its node, with a new seq.
    fn deliver(&mut self, key: Key, now: Instant) {
        let seq = new_seq(&mut self.rng);
        if !self.deliver_as(key, seq, false, now) {
            self.fail_request(key, Failure::SubscriberGone);
        }
    }

    /// Delivers a unicast to a random session of its node. Returns `false` if the node has no subscriber.
    fn deliver_as(&mut self, key: Key, seq: Bytes, again: bool, now: Instant) -> bool {
        let Some(request) = self.requests.get_mut(key) else { return true };
        let subscribers = self.nodes[request.at].subscribers.get(&request.topic);
        let Some(session) = subscribers.and_then(|keys| self.rng.choice(keys)).copied() else {
            return false;
        };
        let until = now + self.options.push_limit();
        request.stage = Stage::Delivered { session, seq: seq.clone(), again, until };
        let delivery = request.message.with_seq(seq.clone());
        if let Some(session) = self.sessions.get_mut(session) {
            session.websocket.awaiting.insert(seq, key);
        }
        self.deadlines.push(until, key);
        self.sessions.send_message(session, &delivery);
        true
    }

    /// Delivers a unicast that waited for a frozen node.
    pub(crate) fn deliver_held(&mut self, key: Key, node: usize, now: Instant) {
        let Some(request) = self.requests.get(key) else { return };
        if request.stage == Stage::Held && request.at == node {
            self.deliver(key, now);
        }
    }

    /// Passes a session's answer on to the publisher: the whole message, with the publisher's seq.
    ///
    /// Real nodes also pass on what stops the official client if it comes late. Here a subscriber that answers so has failed.
    pub(super) fn on_answer(&mut self, key: Key, answer: &OwnedMessage, now: Instant) {
        let Some(request) = self.requests.get_mut(key) else { return };
        let (origin, at) = (request.origin, request.at);
        if origin != at && !self.is_linked(origin, at) {
            return self.lose_request(key);
        }
        if matches!(answer.kind, MessageType::Request | MessageType::Broadcast)
            && let Err(error) = topic_of(&answer.payload)
        {
            tracing::warn!("did not pass an answer on that would stop a real client: {error}");
            return self.subscriber_failed(key, Failure::Silent, true, now);
        }
        // The caller has removed the session's entry.
        if let Some(request) = self.remove_request(key) {
            self.sessions.send_message(request.publisher, &answer.with_seq(request.message.seq));
        }
    }

    /// Handles the end of the time for an answer, which may belong to an earlier delivery.
    ///
    /// The publisher's own node delivers the unicast once more, with the publisher's seq.
    pub(crate) fn request_timed_out(&mut self, key: Key, now: Instant) {
        let Some(request) = self.requests.get_mut(key) else { return };
        let Stage::Delivered { again, until, .. } = &mut request.stage else { return };
        if *until > now {
            return;
        }
        if self.nodes[request.at].power == Power::Frozen {
            *until = now + self.options.push_limit();
            let until = *until;
            return self.deadlines.push(until, key);
        }
        let again = *again;
        self.stop_waiting(key);
        self.subscriber_failed(key, Failure::Silent, again, now);
    }

    /// Handles the end of a session before it answered a unicast.
    pub(crate) fn subscriber_left(&mut self, key: Key, now: Instant) {
        let Some(request) = self.requests.get_mut(key) else { return };
        let Stage::Delivered { again, .. } = request.stage else { return };
        let at = request.at;
        request.stage = Stage::Lost;
        // A dead node sends nothing.
        if self.nodes[at].power != Power::Down {
            let give_up = again || self.rng.u8(..) >= SECOND_SESSION_OF_256;
            self.subscriber_failed(key, Failure::Disconnected, give_up, now);
        }
    }

    /// Answers the publisher on another node, or delivers a unicast of the own node again unless it `gives_up`.
    fn subscriber_failed(&mut self, key: Key, failure: Failure, gives_up: bool, now: Instant) {
        let Some(request) = self.requests.get(key) else { return };
        if !request.is_local() {
            return self.fail_request(key, failure);
        }
        let seq = request.message.seq.clone();
        if (gives_up || !self.deliver_as(key, seq, true, now))
            && let Some(request) = self.remove_request(key)
        {
            self.sessions.send_message(request.publisher, &of_own_node());
        }
    }

    /// Answers a unicast in place of a subscriber, if the link to its node works.
    fn fail_request(&mut self, key: Key, failure: Failure) {
        let Some(request) = self.requests.get(key) else { return };
        if !request.is_local() && !self.is_linked(request.origin, request.at) {
            return self.lose_request(key);
        }
        if let Some(request) = self.remove_request(key) {
            let answer = failure.answer(request.message.seq, &request.topic);
            self.sessions.send_message(request.publisher, &answer);
        }
    }

    /// Notes that no answer to a unicast will come.
    pub(crate) fn lose_request(&mut self, key: Key) {
        self.stop_waiting(key);
        if let Some(request) = self.requests.get_mut(key) {
            request.stage = Stage::Lost;
        }
    }

    /// Removes the unicasts for which this holds, because nobody waits for their answers.
    pub(crate) fn forget_requests(&mut self, gone: impl Fn(&Request) -> bool) {
        let keys: Vec<Key> =
            self.requests.iter().filter(|(_, request)| gone(request)).map(|(key, _)| key).collect();
        for key in keys {
            self.stop_waiting(key);
            self.remove_request(key);
        }
    }

    /// Stops waiting for the session that has a unicast. A later answer of it is ignored.
    fn stop_waiting(&mut self, key: Key) {
        let Some(request) = self.requests.get(key) else { return };
        if let Stage::Delivered { session, seq, .. } = &request.stage
            && let Some(session) = self.sessions.get_mut(*session)
        {
            session.websocket.awaiting.remove(seq);
        }
    }

    fn remove_request(&mut self, key: Key) -> Option<Request> {
        let request = self.requests.remove(key)?;
        if let Some(publisher) = self.sessions.get_mut(request.publisher) {
            publisher.in_flight_bytes -= request.message.payload.len();
        }
        Some(request)
    }
}
