//! From sessions to subscriptions: bounded lanes, doubles, order, overflow, handler threads.
//!
//! The delivery contract, in short: the reader never waits and never runs foreign code; a message is refused
//! or accepted at once; what is accepted reaches its subscription in the order of arrival, once; whatever is
//! given up is counted.

mod budget;
mod dispatcher;
mod doubles;
mod events;
mod lane;
mod message;
mod request;
mod router;

pub(crate) use budget::Budget;
pub(crate) use dispatcher::{CALLS_A_TURN, Dispatcher, Job, Turn, is_dispatcher_thread};
pub(crate) use doubles::Doubles;
pub(crate) use events::EventHub;
pub use events::{Event, HandlerReports};
pub(crate) use lane::{AnyLane, Lane, LaneItem, LaneLimits, LaneReader};
pub use lane::{Overflow, SubscriptionStats};
pub use message::{Message, MessageKind};
pub use request::Request;
#[cfg(test)]
pub(crate) use request::Wire;
pub(crate) use request::{Answer, AnswerSink, Ticket};
pub(crate) use router::{Batch, DeliveryShared, PassedOver, RouteSpec, Router, Verdict};
