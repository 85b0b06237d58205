//! The `status` of messages that a node sends in place of a reply, with type 0.

/// No node has a subscriber of the topic.
pub const NO_SUBSCRIBER: i16 = 3001;
/// The remote node no longer has a subscriber of the topic.
pub const SUBSCRIBER_GONE: i16 = 3002;
/// The message could not be sent to the remote node.
pub const NOT_SENT_TO_NODE: i16 = 3003;
/// The remote node's subscriber disconnected before it replied.
pub const SUBSCRIBER_DISCONNECTED: i16 = -4006;
/// The remote node's subscriber didn't reply within 30 s.
pub const SUBSCRIBER_SILENT: i16 = -4008;
/// Something failed inside of the node.
pub const UNKNOWN: i16 = -1;
/// Failures of the gateway between nodes: 1000 to 1005.
pub const GATEWAY: std::ops::RangeInclusive<i16> = 1000..=1005;

/// Returns whether nodes send this number themselves, so that a subscriber that answered with it would be taken for one.
pub fn is_of_a_node(status: i32) -> bool {
    const NODES: [i16; 6] = [
        NO_SUBSCRIBER,
        SUBSCRIBER_GONE,
        NOT_SENT_TO_NODE,
        SUBSCRIBER_DISCONNECTED,
        SUBSCRIBER_SILENT,
        UNKNOWN,
    ];
    i16::try_from(status).is_ok_and(|status| NODES.contains(&status) || GATEWAY.contains(&status))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_nodes_are_known() {
        for status in [3001, 3002, 3003, -4006, -4008, -1, 1000, 1005] {
            assert!(is_of_a_node(status), "{status}");
        }
        for status in [0, 7, 999, 1006, 3000, 3004, -5000, -5013, 3001 + 65_536, i32::MIN] {
            assert!(!is_of_a_node(status), "{status}");
        }
    }
}
