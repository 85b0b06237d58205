//! The links between nodes: whether they hold, what is lost with them, how wide they are.

use amop::protocol::channel::Frame;
use amop::protocol::channel::frame::{HEADER_LEN, MAX_FRAME_LEN};
use tokio::time::Instant;

use crate::deadlines::Due;
use crate::net::Net;
use crate::node::Power;
use crate::table::Key;

/// What nodes wrap around a frame that they pass on. Frames that leave less room than this below the limit
/// break the link between real nodes; 100 MiB - 16 KiB was seen to pass.
const LINK_OVERHEAD: usize = 8 * 1024;

impl Net {
    /// Whether frames pass between two nodes.
    pub(crate) fn is_linked(&self, a: usize, b: usize) -> bool {
        let alive = self.nodes[a].power != Power::Down && self.nodes[b].power != Power::Down;
        let peer = &self.nodes[a].peers[b];
        alive && !peer.cut && !peer.broken
    }

    /// Cuts the link between two nodes; nothing happens when it is cut already.
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

    /// A link that broke by itself is back.
    pub(crate) fn rejoin(&mut self, a: usize, b: usize) {
        self.nodes[a].peers[b].broken = false;
        self.nodes[b].peers[a].broken = false;
        self.linked_again();
    }

    pub(crate) fn linked_again(&mut self) {
        if self.options.topic_sync.is_zero() {
            self.sync_topics();
        }
    }

    /// Whether a body fits the link; one that doesn't breaks it for a while, as on real nodes.
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

    /// `node` has lost its link to `lost`; it notices after the loss time.
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

    /// `node` notices that its link to `lost` went: it forgets the topics there, and what it waits for from
    /// there goes on.
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
            self.give_node_up(unicast, now);
        }
    }

    /// Whether the node's bandwidth limit lets a frame pass.
    pub(crate) fn within_bandwidth(&mut self, node: usize, frame: &Frame<'_>, now: Instant) -> bool {
        match &mut self.nodes[node].budget {
            Some(budget) => budget.take(HEADER_LEN + frame.body.len(), now),
            None => true,
        }
    }
}
