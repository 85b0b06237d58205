//! How the nodes answer, row by row: raw frames in, raw frames out, over 1 to 3 nodes.
//!
//! Sessions run over in-memory streams on a clock that stands still unless everybody waits, so real limits
//! (5 s, 30 s, 60 s) cost nothing and silence can be asserted.

mod blocks;
mod bounds;
mod control;
mod faults;
mod handshake;
mod heartbeat;
mod links;
mod multicast;
mod private_topics;
mod rpc;
mod sdk;
mod topics;
mod unicast;
