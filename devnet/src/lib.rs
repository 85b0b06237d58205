//! Embedded FISCO BCOS nodes: the AMOP of a chain in one process, for tests and trials.
//!
//! [`Devnet`] starts any number of nodes that are linked like the nodes of a chain: a message published at one node
//! reaches a subscriber at another. The nodes answer clients as real nodes were observed to: by default as 2.7.2 nodes,
//! which deliver to their own sessions, with [`DevnetBuilder::like_2_11`] as 2.11.2 nodes with their defects. Faults can
//! be injected.
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
//! - [`Devnet`], [`DevnetBuilder`], [`Node`] and [`Session`] start, inspect and stop nodes.
//! - [`Fault`], [`OnConnect`] and [`NodeCertificate`] are the faults of frames and connections. The handles kill,
//!   freeze and disconnect nodes. [`Devnet::control`] takes all of these as text commands.
//! - Inside, all nodes share one state ([`net`]), with a module for each kind of message. Each session has a task
//!   ([`session`]) and a bounded queue of frames to write ([`outbox`]).
#![forbid(unsafe_code)]
#![allow(rustdoc::private_intra_doc_links)]

mod acceptor;
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
mod inbound;
mod inner;
mod link;
mod listener;
mod multicast;
mod net;
mod node;
mod node_handle;
mod options;
mod outbox;
mod pending_unicast;
mod reordering;
mod resumption;
mod rpc;
mod rsa_key;
mod session;
mod session_guard;
mod session_handle;
mod sessions;
mod shared;
mod table;
mod topics;
mod unicast;
mod verify;
mod websocket;
mod wire;

#[doc(hidden)]
pub use acceptor::ChannelAcceptor;
pub use amop::wall_clock::WallClock;
pub use builder::DevnetBuilder;
pub use counters::Counters;
pub use devnet::Devnet;
pub use faults::{Fault, FaultId, NodeCertificate, OnConnect};
pub use node_handle::Node;
pub use options::{Choice, Generation, SameNode};
pub use session_handle::Session;
