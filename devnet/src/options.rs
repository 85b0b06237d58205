//! The settings of the embedded nodes: times, limits and imitated behaviour of real nodes.

use std::time::Duration;

use amop::protocol::channel::frame::MAX_FRAME_LEN;

/// The settings of all nodes of a [`Devnet`](crate::Devnet). [`DevnetBuilder`](crate::DevnetBuilder) documents them.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub(crate) push_limit: Duration,
    pub(crate) node_limit: Duration,
    pub(crate) topic_sync: Duration,
    pub(crate) verify_interval: Duration,
    pub(crate) link_loss: Duration,
    pub(crate) link_rejoin: Duration,
    pub(crate) idle_limit: Duration,
    pub(crate) first_byte_limit: Duration,
    pub(crate) close_limit: Duration,
    pub(crate) max_frame_len: usize,
    pub(crate) max_queued_bytes: usize,
    pub(crate) max_in_flight_bytes: usize,
    pub(crate) bandwidth: Option<u64>,
    pub(crate) same_node: SameNode,
    pub(crate) choice: Choice,
    pub(crate) reorder: Option<Duration>,
    pub(crate) refuse_resumption: bool,
    pub(crate) own_agency_only: bool,
    pub(crate) seed: u64,
    pub(crate) chain_id: String,
    pub(crate) group: i64,
    pub(crate) agency: String,
}

/// What a node does with a message whose subscriber is connected to the publisher's node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SameNode {
    /// The node delivers it.
    Deliver,
    /// The node behaves like releases 2.8.0 to 2.11.2: it does not deliver a multicast. It answers a unicast for which
    /// it has chosen itself with code 100 after the node limit, and never answers a second one during that time.
    Drop,
}

/// How often a node's random choice of a subscriber changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// At each message.
    EachMessage,
    /// At each full second since the start. Real nodes seed the choice with the second, so that all messages of one
    /// second go to the same subscriber.
    EachSecond,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            push_limit: Duration::from_secs(5),
            node_limit: Duration::from_secs(30),
            topic_sync: Duration::ZERO,
            verify_interval: Duration::from_secs(5),
            link_loss: Duration::ZERO,
            link_rejoin: Duration::from_secs(2),
            idle_limit: Duration::from_secs(60),
            // Real nodes have no limit. Clients on slow links also complete their TLS handshake in this time.
            first_byte_limit: Duration::from_secs(10),
            close_limit: Duration::from_secs(1),
            max_frame_len: MAX_FRAME_LEN,
            // Enough for two frames of the maximum length, and for every burst that a client reads within a second.
            max_queued_bytes: 256 * 1024 * 1024,
            max_in_flight_bytes: 256 * 1024 * 1024,
            bandwidth: None,
            same_node: SameNode::Deliver,
            choice: Choice::EachMessage,
            reorder: None,
            refuse_resumption: false,
            own_agency_only: true,
            seed: 0,
            chain_id: "1".into(),
            group: 1,
            agency: "agency".into(),
        }
    }
}

/// The maximum delay of reordered frames in imitation of real nodes. There a frame can be overtaken by some thousands
/// of others, which takes about a quarter of a second at the rate of those nodes (about 7,000 frames per second).
pub(crate) const DEFAULT_REORDER: Duration = Duration::from_millis(250);
