//! The result codes of replies, the same for all generations.
//!
//! Nodes answer with 100 to 104. They pass a subscriber's own `result` on to the publisher unchanged: any 32 bits
//! on 2.x. Those of this library fit 16 bits, because 3.x carries no more, and differ from the nodes' own.

use crate::error::ErrorKind;

/// Success. For a multicast: the node has accepted it, which doesn't mean that it is delivered.
pub const OK: i32 = 0;
/// No node subscribes to the topic, or all of them failed.
pub const NO_SUBSCRIBER: i32 = 100;
/// The remote node could not reach its SDK. Sent by older nodes.
pub const REMOTE_NODE: i32 = 101;
/// The node timed out. 2.11.2 doesn't send it.
pub const NODE_TIMEOUT: i32 = 102;
/// The node's limit on AMOP bandwidth is exceeded.
pub const BANDWIDTH: i32 = 103;
/// The remote node has no session left to try.
pub const SUBSCRIBER_UNREACHABLE: i32 = 104;

/// The handler failed, panicked, raised, or called `fail` without a code (java-sdk answers the same).
pub const FAILED: i32 = -5000;
/// The data of [`FAILED`] for a handler that panicked, raised or returned an error. The detail stays in the log and the
/// events of this client: it may name files, hosts or data that are no concern of other institutions.
pub const FAILED_TEXT: &str = "the handler failed";
/// The request was dropped unanswered, or its answer is no longer kept.
pub const DROPPED: i32 = -5010;
/// The handler didn't answer in time, so the library answered.
pub const TOO_SLOW: i32 = -5011;
/// Every lane for it was full. Another subscriber may take it.
pub const BUSY: i32 = -5012;
/// The client no longer subscribes to the topic, and the node doesn't know that yet.
pub const UNSUBSCRIBED: i32 = -5013;

/// Returns whether this library answers with a code by itself, or for a handler without a code of its own.
pub(crate) fn is_of_library(code: i32) -> bool {
    matches!(code, FAILED | UNSUBSCRIBED..=DROPPED)
}

/// Returns the kind of error that a `result` other than [`OK`] stands for.
pub(crate) fn error_kind(result: i32) -> ErrorKind {
    match result {
        NO_SUBSCRIBER => ErrorKind::NoSubscriber,
        REMOTE_NODE => ErrorKind::RemoteNode,
        NODE_TIMEOUT => ErrorKind::NodeTimeout,
        BANDWIDTH => ErrorKind::Bandwidth,
        SUBSCRIBER_UNREACHABLE => ErrorKind::SubscriberUnreachable,
        FAILED => ErrorKind::SubscriberFailed,
        DROPPED => ErrorKind::SubscriberDropped,
        TOO_SLOW => ErrorKind::SubscriberTooSlow,
        BUSY => ErrorKind::SubscriberBusy,
        UNSUBSCRIBED => ErrorKind::SubscriberUnsubscribed,
        _ => ErrorKind::Remote,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn node_codes_are_the_numbers_of_their_kinds() {
        for code in 100..=104 {
            assert_eq!(error_kind(code).code(), code);
        }
        assert_eq!(error_kind(-7), ErrorKind::Remote);
        assert_eq!(error_kind(-5012), ErrorKind::SubscriberBusy);
    }
}
