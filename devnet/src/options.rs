//! What can be set on the embedded nodes: every time and bound, and how much of a real chain to imitate.

use std::time::Duration;

use amop::protocol::channel::frame::MAX_FRAME_LEN;

/// Settings of all nodes of a [`Devnet`](crate::Devnet); set through its builder.
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

/// What a node does with a message whose subscriber is connected to the very node it was published at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SameNode {
    /// It is delivered.
    Deliver,
    /// As nodes from 2.8.0 to 2.11.2: a multicast isn't delivered, a unicast that picks the own node waits for
    /// the node limit in vain, and a second one at the same time is never answered.
    Drop,
}

/// How often a node's random choice of subscriber changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// With each message.
    EachMessage,
    /// With each full second since the start, as on real nodes, which seed their choice with the second: a whole
    /// burst goes to one subscriber.
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
            // Real nodes have none; a client on the slowest link has done its TLS handshake by then.
            first_byte_limit: Duration::from_secs(10),
            close_limit: Duration::from_secs(1),
            max_frame_len: MAX_FRAME_LEN,
            // Room for the two longest frames and for any burst that a live reader takes within a second.
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

/// How far a frame falls back at most when frames overtake each other: at the rates of real nodes (about 7,000
/// a second) some thousands of places need about a quarter of a second.
pub(crate) const DEFAULT_REORDER: Duration = Duration::from_millis(250);
