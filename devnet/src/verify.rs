//! Verification of private topics (0x37, 0x38): a publisher verifies the subscribers of a topic, node by node.

use amop::protocol::Seq;
use amop::protocol::channel::verify::{
    PUSH_CHANNEL_PREFIX, TopicStatus, VERIFY_CHANNEL_PREFIX, VerifyRequest,
};
use amop::protocol::channel::{Frame, MessageType};

use crate::net::Net;
use crate::node::{Power, Standing, TopicName};
use crate::table::Key;

impl Net {
    /// Requests verification of new private topics from the publishers at `node`.
    pub(crate) fn request_new_verification(&mut self, node: usize) {
        self.request_verifications(node, false);
    }

    /// Requests verification of all private topics without a result, at all nodes.
    pub(crate) fn request_all_verification(&mut self) {
        for node in 0..self.nodes.len() {
            self.request_verifications(node, true);
        }
    }

    fn request_verifications(&mut self, node: usize, again: bool) {
        if self.nodes[node].power != Power::Up {
            return;
        }
        for peer in 0..self.nodes.len() {
            let mut open: Vec<TopicName> = self.nodes[node].peers[peer]
                .topics
                .iter()
                .filter(|(_, standing)| match standing {
                    Standing::Verifying { asked } => again || !asked,
                    Standing::Open | Standing::Verified | Standing::Refused => false,
                })
                .map(|(topic, _)| topic.clone())
                .collect();
            open.sort_unstable();
            for topic in open {
                self.request_verification(node, peer, &topic);
            }
        }
    }

    /// Sends all publishers of the private `topic` the request to verify its subscriber at `peer`.
    fn request_verification(&mut self, node: usize, peer: usize, topic: &TopicName) {
        let push_channel = [PUSH_CHANNEL_PREFIX.as_bytes(), topic].concat();
        let Some(publishers) = self.nodes[node].subscribers.get(push_channel.as_slice()) else { return };
        let publishers = publishers.clone();
        // Like real nodes, compare only the prefix and choose the first topic in order.
        let route = [VERIFY_CHANNEL_PREFIX.as_bytes(), topic].concat();
        let known = &mut self.nodes[node].peers[peer].topics;
        let Some(route) = known.keys().filter(|known| known.starts_with(&route)).min() else { return };
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let (topic_for_cert, topic_text) = (text(route), text(topic));
        if let Some(standing) = known.get_mut(topic) {
            *standing = Standing::Verifying { asked: true };
        }
        let request =
            VerifyRequest { node_id: self.nodes[peer].id.clone(), topic: topic_text, topic_for_cert };
        let seq = Seq::from_halves(self.rng.u64(..), self.rng.u64(..));
        for publisher in publishers {
            self.sessions.answer(publisher, MessageType::RequestVerify, seq, 0, request.encode());
        }
    }

    /// Handles the result of a publisher's verification. Only the first result counts.
    pub(crate) fn on_topic_status(&mut self, from: Key, frame: &Frame<'_>) {
        let Some(status) = TopicStatus::decode(frame.body) else { return };
        let Some(session) = self.sessions.get(from) else { return };
        let node = session.node;
        let Some(peer) = self.nodes.iter().position(|node| node.id == status.node_id) else { return };
        let known = &mut self.nodes[node].peers[peer].topics;
        if let Some(standing @ Standing::Verifying { .. }) = known.get_mut(status.topic.as_bytes()) {
            *standing = if status.check_result == 0 { Standing::Verified } else { Standing::Refused };
        }
    }
}
