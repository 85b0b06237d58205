//! Notifications of a new block (0x101), which every session gets.

use amop::protocol::websocket::MessageType;
use bytes::Bytes;

use super::OwnedMessage;
use crate::net::Net;
use crate::table::Key;

impl Net {
    /// Notifies all sessions of the chain's block number.
    pub(crate) fn push_block_number(&mut self, number: u64) {
        let sessions: Vec<(Key, usize)> =
            self.sessions.iter().map(|(key, session)| (key, session.node)).collect();
        for (key, node) in sessions {
            let name = &self.nodes[node].name;
            let text = format!(
                "{{\n\t\"blockNumber\" : {number},\n\t\"group\" : \"group0\",\n\t\"nodeName\" : \"{name}\"\n}}\n"
            );
            let message = OwnedMessage::new(MessageType::BlockNotify, 0, Bytes::new(), text);
            self.sessions.send_message(key, &message);
        }
    }
}
