//! One connection to a node: what to answer, what to wait for, when it is dead.
//!
//! A [`machine`] decides, without I/O and with the time passed in; [`channel`] is that of generation 2.x, [`websocket`]
//! that of 3.x. The [`driver`] moves the bytes and applies what the machine decides. Above them only neutral things pass:
//! commands, outcomes and [`Notice`]s.

mod apply;
mod call;
mod calls;
pub(crate) mod channel;
mod command;
mod deadlines;
mod departure;
mod driver;
mod effect;
mod ended_calls;
mod errors;
mod frame_progress;
mod gathering;
mod heartbeat;
mod inbox;
mod kept_topics;
mod link_handle;
mod machine;
mod node_clock;
mod node_version;
mod open_requests;
mod options;
mod outbox;
mod permit;
mod quick_hash;
mod round_trips;
mod topic_query;
mod view;
mod websocket;

pub use call::Reply;
pub(crate) use call::{CallKind, NewCall};
pub(crate) use command::{Caller, Command, answer_route};
pub(crate) use driver::{Driver, End};
pub(crate) use effect::Notice;
pub(crate) use errors::{
    closed, no_second, no_subscriber_known, nobody_connected, not_connected, own_node_only,
};
pub(crate) use inbox::{Inbox, commands};
pub(crate) use link_handle::{LinkHandle, LinkLimits, refuse_call};
pub(crate) use node_clock::{NodeChoice, Passage};
pub(crate) use options::SessionOptions;
pub use round_trips::RoundTrips;
pub(crate) use view::{Fit, Refresh};
