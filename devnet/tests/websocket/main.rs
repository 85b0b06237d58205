//! The 3.x nodes' answers to raw WebSocket frames, which the test encodes and decodes itself.
//!
//! Sessions use in-memory streams and a paused clock, so that the nodes' limits (5 s, 30 s, 60 s) take no time and tests can
//! assert that nothing is sent. The expected bytes and times are those that nodes of release 3.16 were observed to send.

mod broadcasts;
mod faults;
mod framing;
mod handshake;
mod links;
mod peer;
mod topics;
mod unicasts;
mod upgrade;
