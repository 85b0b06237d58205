//! The protocol's handshake (0x100).

use amop::protocol::websocket::frame::close_code;
use amop::protocol::websocket::handshake::{Group, MAX_VERSION, Node, Offer, encode_answer};

use super::OwnedMessage;
use crate::net::Net;
use crate::table::Key;

/// The release that the nodes report.
const RELEASE: [u8; 3] = [3, 16, 4];

impl Net {
    /// Answers with the version that the node chose and a description of the group. Ignores an offer that real nodes
    /// cannot read, and closes the session if no version is left to choose.
    pub(super) fn on_websocket_handshake(&mut self, from: Key, message: &OwnedMessage) {
        let Some(offer) = Offer::decode(&message.payload) else { return };
        let Some(version) = offer.choose(MAX_VERSION) else {
            return self.close_session(from, close_code::NORMAL);
        };
        if let Some(session) = self.sessions.get_mut(from) {
            session.protocol = version;
        }
        let answer = encode_answer(version, &[self.group()]);
        self.sessions.send_message(from, &OwnedMessage { payload: answer.into(), ..message.clone() });
    }

    fn group(&self) -> Group {
        let node = |node: &crate::node::Node| Node {
            name: node.name.clone(),
            id: node.id.clone(),
            release: RELEASE,
        };
        Group {
            chain_id: "chain0".to_owned(),
            group_id: "group0".to_owned(),
            block_number: self.block_number,
            is_sm: false,
            nodes: self.nodes.iter().map(node).collect(),
        }
    }
}
