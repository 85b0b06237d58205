//! One connection to a node: what to answer, what to wait for, when it is dead.
//!
//! [`channel::Machine`] decides for generation 2.x, without sockets and with the time told to it;
//! [`driver`] moves the bytes. Above them only neutral things pass: commands, completions, [`Notice`]s.

pub(crate) mod channel;
mod command;
mod deadlines;
mod driver;
mod kept_topics;
mod link_handle;
mod outbox;
mod round_trips;
mod topic_query;
mod view;
mod wire_log;

pub use command::Reply;
pub(crate) use command::{CallKind, Command, NewCall, check_size, frame_len};
pub(crate) use driver::{Driver, End, answer_route, closed, nobody_connected, not_connected, refuse_call};
pub(crate) use link_handle::{LinkHandle, LinkLimits};
pub use round_trips::RoundTrips;
pub(crate) use view::{Reach, RecentOutcome, Refresh};

use std::time::{Duration, Instant};

use crate::error::Error;

/// What a session tells its client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Notice {
    /// The handshake is done.
    Ready { node_version: String, protocol: u32 },
    /// The node lists all topics of this session for the first time.
    TopicsRestored,
}

/// The times and bounds of a session.
#[derive(Clone, Debug)]
pub(crate) struct SessionOptions {
    pub(crate) endpoint: std::sync::Arc<str>,
    pub(crate) heartbeat: Duration,
    /// After so many heartbeats in a row without a sign of life the connection is dead.
    pub(crate) missed_heartbeats: u32,
    /// How long a handler has before the session answers for it.
    pub(crate) answer_timeout: Duration,
    /// The group that nodes are asked about their peers in; AMOP itself knows no groups.
    pub(crate) group: i64,
    /// The handshake has to be done by then.
    pub(crate) handshake_by: Instant,
}

/// Why a connection has to end, seen from the machine.
pub(crate) type Fatal = Error;
