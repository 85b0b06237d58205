//! Multicasts (0x35): copies to every subscribed session, and the acknowledgement to the publisher.

use amop::protocol::channel::amop::split;
use amop::protocol::channel::{Frame, MessageType};
use amop::protocol::result;
use tokio::time::Instant;

use crate::delayed::OwnedFrame;
use crate::net::Net;
use crate::node::{Arrival, Power};
use crate::options::SameNode;
use crate::outbox::Head;
use crate::table::Key;

impl Net {
    /// Sends copies to every subscribed session except the publisher's, and acknowledges with the message itself,
    /// even if there is no subscriber. A message with an empty body is not acknowledged.
    pub(crate) fn on_broadcast(&mut self, from: Key, frame: &Frame<'_>, now: Instant) {
        let Some(session) = self.sessions.get(from) else { return };
        let node = session.node;
        if frame.body.is_empty() {
            return;
        }
        let Ok((topic, _)) = split(frame.body) else {
            return self.refuse(from, frame.seq, result::NO_SUBSCRIBER);
        };
        if !self.within_bandwidth(node, frame, now) {
            return self.refuse(from, frame.seq, result::BANDWIDTH);
        }
        let ack = Head { kind: MessageType::Response, seq: frame.seq, result: result::OK };
        self.sessions.send(from, ack, frame.body, || frame.keep(frame.body));
        for other in 0..self.nodes.len() {
            if other == node {
                if self.options.same_node == SameNode::Deliver {
                    self.deliver_broadcast(node, frame, Some(from));
                }
            } else if self.is_linked(node, other)
                && self.nodes[node].routes_to(other, topic)
                && self.crosses_link(node, other, frame.body.len(), now)
            {
                match self.nodes[other].power {
                    Power::Up => self.deliver_broadcast(other, frame, None),
                    Power::Frozen => {
                        self.nodes[other].held.push(Arrival::Broadcast(OwnedFrame::keep(frame)));
                    }
                    Power::Down => {}
                }
            }
        }
    }

    /// Sends a multicast to the subscribed sessions of `node`, `except` for one.
    pub(crate) fn deliver_broadcast(&mut self, node: usize, frame: &Frame<'_>, except: Option<Key>) {
        let Ok((topic, _)) = split(frame.body) else { return };
        let Some(subscribers) = self.nodes[node].subscribers.get(topic) else { return };
        for subscriber in subscribers {
            if Some(*subscriber) != except {
                self.sessions.forward(*subscriber, frame);
            }
        }
    }
}
