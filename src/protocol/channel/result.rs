//! The codes of a frame's `result` field.
//!
//! Nodes answer 100 to 104. A subscriber's own `result` is passed on to the publisher unchanged; ours fit 16
//! bits, because 3.x carries no more, and stay outside the nodes' own numbers.

/// All is well; for a multicast: accepted by the node, not delivered.
pub const OK: i32 = 0;
/// No node subscribes to the topic, or all of them failed.
pub const NO_SUBSCRIBER: i32 = 100;
/// Older nodes: the remote node could not reach its SDK.
pub const REMOTE_NODE: i32 = 101;
/// Time-out at the node; 2.11.2 doesn't send it.
pub const NODE_TIMEOUT: i32 = 102;
/// Over the node's AMOP bandwidth limit.
pub const BANDWIDTH: i32 = 103;
/// The remote node has no session left to try.
pub const SUBSCRIBER_UNREACHABLE: i32 = 104;

/// The handler failed, panicked, raised, or called `fail` without a code (java-sdk answers the same).
pub const FAILED: i32 = -5000;
/// The request was dropped unanswered, or its answer is no longer kept.
pub const DROPPED: i32 = -5010;
/// The handler didn't answer in time; the library did.
pub const TOO_SLOW: i32 = -5011;
/// Every lane for it was full: not delivered, another subscriber may take it.
pub const BUSY: i32 = -5012;
/// The topic was left, the node doesn't know yet: not delivered.
pub const UNSUBSCRIBED: i32 = -5013;
