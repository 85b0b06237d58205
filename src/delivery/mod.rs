//! From sessions to subscriptions: bounded lanes, duplicates, order, overflow, handler threads.
//!
//! The delivery contract, in short: the reader never waits and never runs foreign code; a message is refused
//! or accepted at once; what is accepted reaches its subscription in the order of arrival, once; whatever is
//! given up is counted.

mod budget;
mod dispatcher;
mod duplicates;
mod events;
mod lane;
mod message;
mod request;
mod route_spec;
mod router;
mod send_queue;
mod ticket;

pub use crate::protocol::message::MessageKind;
pub(crate) use budget::Budget;
pub(crate) use dispatcher::{Dispatcher, Job, MAX_CALLS_PER_TURN, Turn, is_dispatcher_thread};
pub(crate) use duplicates::Duplicates;
pub(crate) use events::{EarlyListener, EventHub};
pub use events::{Event, HandlerReports};
pub(crate) use lane::{AnyLane, Lane, LaneItem, LaneLimits, LaneReader, Wakers};
pub use lane::{Overflow, SubscriptionStats};
pub use message::Message;
pub use request::Request;
pub(crate) use route_spec::{OwnUse, RouteSpec};
pub(crate) use router::{Batch, DeliveryShared, DiscardCounters, Router, Verdict};
pub(crate) use send_queue::{QueuedBytes, SendQueue};
#[cfg(test)]
pub(crate) use ticket::Wire;
pub(crate) use ticket::{Answer, AnswerSink, Author, Ticket, Unsent};
