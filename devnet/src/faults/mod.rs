//! Failing on purpose: what can go wrong between a node and its clients, on demand.
//!
//! A [`Fault`] is something that happens to frames; [`OnConnect`] and [`NodeCertificate`] are what new connections
//! meet. What happens to whole nodes, links and sessions is a method of their handles.

mod fault;
mod from_clients;
mod on_connect;
mod rules;
mod to_clients;
pub(crate) mod words;

pub use fault::Fault;
pub(crate) use fault::{Action, Direction};
pub use on_connect::{NodeCertificate, OnConnect};
pub use rules::FaultId;
pub(crate) use rules::Rules;
