//! Faults on demand between a node and its clients.
//!
//! A [`Fault`] applies to frames. [`OnConnect`] and [`NodeCertificate`] apply to new connections. Faults of whole
//! nodes, links and sessions are methods of their handles.

mod fault;
mod from_clients;
mod narrow;
mod on_connect;
mod rules;
mod to_clients;
pub(crate) mod words;

pub use fault::Fault;
pub(crate) use fault::{Action, Direction};
pub use on_connect::{NodeCertificate, OnConnect};
pub use rules::FaultId;
pub(crate) use rules::{Rules, Seen};
