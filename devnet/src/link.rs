//! The links between nodes: their state, the effects of losing one, and their limits.

use amop::protocol::channel::Frame;
use amop::protocol::channel::frame::{HEADER_LEN, MAX_FRAME_LEN};
use tokio::time::Instant;

use crate::deadlines::Due;
use crate::net::Net;
use crate::node::Power;
use crate::table::Key;

/// The length of what nodes wrap around a frame that they pass on. Frames that exceed the frame limit with it break the
/// link between real nodes. Frames of 100 MiB - 16 KiB were observed to pass.
const LINK_OVERHEAD: usize = 8 * 1024;

impl Net {
    /// Returns whether frames pass between two nodes.
    pub(crate) fn is_linked(&self, a: usize, b: usize) -> bool {
        let alive = self.nodes[a].power != Power::Down && self.nodes[b].power != Power::Down;
        let peer = &self.nodes[a].peers[b];
        alive && !peer.cut && !peer.broken
    }

    /// Cuts the link between two nodes. Does nothing if it is cut.
    pub(crate) fn cut_link(&mut self, a: usize, b: usize, now: Instant) {
        if a != b && !self.nodes[a].peers[b].cut {
            self.nodes[a].peers[b].cut = true;
            self.nodes[b].peers[a].cut = true;
            self.lose(a, b, now);
            self.lose(b, a, now);
        }
    }

    /// Restores a link that was cut.
    pub(crate) fn restore_link(&mut self, a: usize, b: usize) {
        self.nodes[a].peers[b].cut = false;
        self.nodes[b].peers[a].cut = false;
        self.linked_again();
    }

    /// Restores a link that was broken by a frame that was too long.
    pub(crate) fn rejoin(&mut self, a: usize, b: usize) {
        self.nodes[a].peers[b].broken = false;
        self.nodes[b].peers[a].broken = false;
        self.linked_again();
    }

    /// Exchanges topic lists after a link was restored, unless they are exchanged at intervals.
    pub(crate) fn linked_again(&mut self) {
        if self.options.topic_sync.is_zero() {
            self.sync_topics();
        }
    }

    /// Returns whether a body is short enough for the link. A longer one breaks the link for a while, as on real nodes.
    pub(crate) fn crosses_link(&mut self, a: usize, b: usize, body_len: usize, now: Instant) -> bool {
        if HEADER_LEN + body_len <= MAX_FRAME_LEN - LINK_OVERHEAD {
            return true;
        }
        if !self.nodes[a].peers[b].broken {
            self.nodes[a].peers[b].broken = true;
            self.nodes[b].peers[a].broken = true;
            self.lose(a, b, now);
            self.lose(b, a, now);
            self.deadlines.set(now + self.options.link_rejoin, Due::LinkRejoin(a, b));
        }
        false
    }

    /// Loses the link from `node` to `lost`. The node notices after the loss time.
    pub(crate) fn lose(&mut self, node: usize, lost: usize, now: Instant) {
        let peer = &mut self.nodes[node].peers[lost];
        peer.losses += 1;
        let loss = peer.losses;
        if self.options.link_loss.is_zero() {
            self.notice_loss(node, lost, loss, now);
        } else {
            self.deadlines.set(now + self.options.link_loss, Due::LinkLoss { node, lost, loss });
        }
    }

    /// Makes `node` notice that its link to `lost` was lost: it removes the topics of that node, and tries another node
    /// for each unicast that it had sent there.
    pub(crate) fn notice_loss(&mut self, node: usize, lost: usize, loss: u64, now: Instant) {
        let down = !self.is_linked(node, lost);
        let peer = &mut self.nodes[node].peers[lost];
        if peer.losses == loss && down {
            peer.topics.clear();
        }
        let mut waiting: Vec<Key> = self
            .unicasts
            .iter()
            .filter(|(_, unicast)| unicast.is_lost_with(node, lost, loss))
            .map(|(key, _)| key)
            .collect();
        waiting.sort_unstable_by_key(|key| key.id());
        for unicast in waiting {
            self.try_next_node(unicast, now);
        }
        let lost_requests: Vec<Key> = self
            .requests
            .iter()
            .filter(|(_, request)| request.is_lost_with(node, lost, loss))
            .map(|(key, _)| key)
            .collect();
        for request in lost_requests {
            self.lose_request(request);
        }
    }

    /// Returns whether a frame is within the node's bandwidth limit, and counts it.
    pub(crate) fn within_bandwidth(&mut self, node: usize, frame: &Frame<'_>, now: Instant) -> bool {
        match &mut self.nodes[node].budget {
            Some(budget) => budget.take(HEADER_LEN + frame.body.len(), now),
            None => true,
        }
    }
}
