//! The settings of the embedded nodes: times, limits and imitated behaviour of real nodes.

use std::collections::BTreeMap;
use std::time::Duration;

use amop::protocol::channel::frame::MAX_FRAME_LEN;
use amop::wall_clock::WallClock;

/// The settings of all nodes of a [`Devnet`](crate::Devnet). [`DevnetBuilder`](crate::DevnetBuilder) documents them.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub(crate) generation: Generation,
    /// `None`: the one of the generation.
    pub(crate) push_limit: Option<Duration>,
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
    /// `None`: the one of releases with this `same_node`.
    pub(crate) choice: Option<Choice>,
    pub(crate) wall_clock: WallClock,
    /// In milliseconds, by node.
    pub(crate) clock_offsets: BTreeMap<usize, i64>,
    pub(crate) reorder: Option<Duration>,
    /// Whether messages that arrive together are processed the last first.
    pub(crate) last_first: bool,
    pub(crate) nagle: bool,
    pub(crate) refuse_resumption: bool,
    pub(crate) own_agency_only: bool,
    pub(crate) seed: u64,
    pub(crate) chain_id: String,
    pub(crate) group: i64,
    pub(crate) agency: String,
}

/// The generation of the protocol that the nodes speak.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Generation {
    /// The channel protocol of 2.x.
    #[default]
    V2,
    /// WebSocket, as release 3.16.
    V3,
}

impl Generation {
    /// Returns the name that options use: `2` or `3`.
    pub fn name(self) -> &'static str {
        match self {
            Generation::V2 => "2",
            Generation::V3 => "3",
        }
    }
}

/// What a node does with a message whose subscriber is connected to the publisher's node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SameNode {
    /// The node delivers it, like releases 2.6.0 to 2.7.2, and reports version 2.7.2.
    Deliver,
    /// The node behaves like releases 2.8.0 to 2.11.2, and reports version 2.11.2: it does not deliver a multicast. A
    /// unicast for which it has chosen itself is not delivered either: the node tries the other nodes after the node
    /// limit, or answers with code 100, and never answers a second such unicast during that time.
    Drop,
}

/// How often a node's choice of a subscriber changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// At each message, at random.
    EachMessage,
    /// At each second of the node's wall clock, computed as real nodes do: all messages of one second go to the same
    /// subscriber, see [`node_choice`](amop::protocol::channel::node_choice).
    EachSecond,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            generation: Generation::V2,
            push_limit: None,
            node_limit: Duration::from_secs(30),
            topic_sync: Duration::ZERO,
            verify_interval: Duration::from_secs(5),
            link_loss: Duration::ZERO,
            link_rejoin: Duration::from_secs(2),
            idle_limit: Duration::from_secs(60),
            // Real nodes have no limit. Clients on slow links and busy machines also complete their TLS handshake in this time.
            first_byte_limit: Duration::from_secs(60),
            close_limit: Duration::from_secs(1),
            max_frame_len: MAX_FRAME_LEN,
            // Enough for two frames of the maximum length, and for every burst that a client reads within a second.
            max_queued_bytes: 256 * 1024 * 1024,
            max_in_flight_bytes: 256 * 1024 * 1024,
            bandwidth: None,
            same_node: SameNode::Deliver,
            choice: None,
            wall_clock: WallClock::default(),
            clock_offsets: BTreeMap::new(),
            reorder: None,
            last_first: false,
            nagle: false,
            refuse_resumption: false,
            own_agency_only: true,
            seed: 0,
            chain_id: "1".into(),
            group: 1,
            agency: "agency".into(),
        }
    }
}

impl Options {
    /// Returns how long a node waits for the answer of a session.
    pub(crate) fn push_limit(&self) -> Duration {
        self.push_limit.unwrap_or(match self.generation {
            Generation::V2 => Duration::from_secs(5),
            Generation::V3 => Duration::from_secs(30),
        })
    }

    /// Sets how long a node waits for the answer of a session, up to [`LONGEST_LIMIT`].
    pub(crate) fn set_push_limit(&mut self, limit: Duration) {
        self.push_limit = Some(limit.min(LONGEST_LIMIT));
    }

    /// Returns how often choices change. Unless it was set, nodes with the losses of real ones also choose as these do.
    pub(crate) fn choice(&self) -> Choice {
        self.choice.unwrap_or(match self.same_node {
            SameNode::Deliver => Choice::EachMessage,
            SameNode::Drop => Choice::EachSecond,
        })
    }

    /// Returns the release that the nodes report. Clients conclude from it what nodes do with messages for their own
    /// sessions.
    pub(crate) fn node_version(&self) -> &'static str {
        match self.same_node {
            SameNode::Deliver => "2.7.2",
            SameNode::Drop => "2.11.2",
        }
    }
}

/// Longer than every useful limit, and short enough to be added to any time.
const LONGEST_LIMIT: Duration = Duration::from_secs(365 * 24 * 3600);

/// How often nodes of 3.x exchange their topics.
pub(crate) const TOPIC_SYNC_3X: Duration = Duration::from_secs(2);

/// The maximum delay of reordered frames in imitation of real nodes. There a frame can be overtaken by some thousands
/// of others, which takes about a quarter of a second at the rate of those nodes (about 7,000 frames per second).
pub(crate) const DEFAULT_REORDER: Duration = Duration::from_millis(250);
