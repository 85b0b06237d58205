//! Block notifications (0x1001), and registrations for contract events (0x15), of which there are none.

use amop::protocol::Seq;
use amop::protocol::Topic;
use amop::protocol::channel::amop::put_topic;
use amop::protocol::channel::{Frame, MessageType};

use crate::net::Net;
use crate::options::Generation;
use crate::table::Key;

/// The seq of frames that a node sends unasked.
const NO_SEQ: Seq = Seq::new([b'0'; Seq::LEN]);

/// The answer to a registration for contract events, as observed at a node without contracts.
const NO_EVENTS: &[u8] = b"{\"result\":-41005}\n";

impl Net {
    /// Sets the block number and notifies the sessions that subscribe to the group's block topic.
    pub(crate) fn notify_block(&mut self, number: u64) {
        self.block_number = number;
        if self.options.generation == Generation::V3 {
            return self.push_block_number(number);
        }
        let group = self.options.group;
        let topic = format!("_block_notify_{group}");
        let Ok(topic) = Topic::new(&topic) else { return };
        for node in &self.nodes {
            let Some(subscribers) = node.subscribers.get(topic.as_bytes()) else { continue };
            for key in subscribers {
                let Some(session) = self.sessions.get(*key) else { continue };
                let mut body = Vec::new();
                put_topic(&mut body, topic.as_bytes());
                let text = match session.protocol {
                    0 | 1 => format!("{group},{number}"),
                    _ => format!("{{\"blockNumber\":{number},\"groupID\":{group}}}\n"),
                };
                body.extend_from_slice(text.as_bytes());
                self.sessions.answer(*key, MessageType::BlockNotify, NO_SEQ, 0, body);
            }
        }
    }

    /// Refuses a registration for contract events.
    pub(crate) fn on_register_event(&mut self, from: Key, frame: &Frame<'_>) {
        let (seq, result) = (frame.seq, frame.result);
        self.sessions.answer(from, MessageType::RegisterEvent, seq, result, NO_EVENTS.to_vec());
    }
}
