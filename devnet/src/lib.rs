//! Embedded FISCO BCOS nodes: a chain's AMOP in one process, for tests and trials.
//!
//! [`Devnet`] starts any number of nodes that are joined as a chain's nodes are: a message published at one
//! reaches a subscriber at another. They answer clients as 2.11.2 nodes were seen to, frame by frame; on demand
//! they imitate what those nodes do badly, and fail on purpose.
//!
//! ```no_run
//! # async fn example() -> amop::Result<()> {
//! let devnet = amop_devnet::Devnet::builder().nodes(2).start().await?;
//! let publisher = devnet.node(0).client().connect().await?;
//! let subscriber = devnet.node(1).client().connect().await?;
//! # let _ = (publisher, subscriber);
//! devnet.stop().await;
//! # Ok(())
//! # }
//! ```
//!
//! - [`Devnet`], [`DevnetBuilder`], [`Node`], [`Session`]: start, look at, stop.
//! - [`Fault`], [`OnConnect`], [`NodeCertificate`]: what goes wrong on demand. Nodes are killed, frozen and cut off by
//!   their handles. [`Devnet::control`] takes all of it in words.
//! - inside: one state for all nodes ([`net`]), with a file for each conversation; one task for each session
//!   ([`session`]), with a bounded queue of what is to be written ([`outbox`]).
#![forbid(unsafe_code)]
#![allow(rustdoc::private_intra_doc_links)]

mod blocks;
mod builder;
mod certificates;
pub mod chain;
mod choice;
mod connection_handler;
mod control;
mod counters;
mod deadlines;
mod delayed;
mod devnet;
mod faults;
mod handshake;
mod handshake_stream;
mod heartbeat;
mod hello;
mod link;
mod listener;
mod multicast;
mod net;
mod node;
mod node_handle;
mod options;
mod outbox;
mod resumption;
mod rpc;
mod session;
mod session_handle;
mod sessions;
mod shared;
mod table;
mod topics;
mod unicast;
mod verify;
mod wire;

pub use builder::DevnetBuilder;
pub use counters::Counters;
pub use devnet::Devnet;
pub use faults::{Fault, FaultId, NodeCertificate, OnConnect};
pub use node_handle::Node;
pub use options::{Choice, SameNode};
pub use session_handle::Session;

/// The release that the nodes say they are.
const NODE_VERSION: &str = "2.11.2";
