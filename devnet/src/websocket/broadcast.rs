//! Broadcasts (0x112): copies to every subscribed session, without an acknowledgement.

use amop::protocol::websocket::MessageType;
use bytes::Bytes;

use super::OwnedMessage;
use super::unicast::topic_of;
use crate::net::Net;
use crate::node::{Arrival, Power};
use crate::table::Key;

impl Net {
    /// Sends copies to every subscribed session, also to the publisher's. Those of other nodes carry no seq.
    pub(super) fn on_websocket_broadcast(&mut self, from: Key, message: &OwnedMessage) {
        let Some(session) = self.sessions.get(from) else { return };
        let node = session.node;
        let topic = match topic_of(&message.payload) {
            Ok(topic) => topic,
            Err(error) => {
                tracing::warn!(
                    session = from.id(),
                    "ignored a broadcast that would stop a real node: {error}"
                );
                return;
            }
        };
        self.deliver_copies(node, message);
        let copy = OwnedMessage::new(MessageType::Broadcast, 0, Bytes::new(), message.payload.clone());
        for other in 0..self.nodes.len() {
            if other != node && self.is_linked(node, other) && self.nodes[node].routes_to(other, topic) {
                match self.nodes[other].power {
                    Power::Up => self.deliver_copies(other, &copy),
                    Power::Frozen => self.nodes[other].held.push(Arrival::Copy(copy.clone())),
                    Power::Down => {}
                }
            }
        }
    }

    /// Sends a broadcast to the subscribed sessions of a node.
    pub(crate) fn deliver_copies(&mut self, node: usize, message: &OwnedMessage) {
        let Ok(topic) = topic_of(&message.payload) else { return };
        let Some(subscribers) = self.nodes[node].subscribers.get(topic) else { return };
        for subscriber in subscribers {
            self.sessions.send_message(*subscriber, message);
        }
    }
}
