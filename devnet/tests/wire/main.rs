//! The nodes' answers to raw frames, with 1 to 4 nodes.
//!
//! Sessions use in-memory streams and a paused clock, so that the nodes' real limits (5 s, 30 s, 60 s) take no time and
//! tests can assert that nothing is sent.

mod blocks;
mod bounds;
mod computed_choice;
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
