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

/// All of them, as groups of the first and the last: a subscriber that answered with one would be taken for a node.
pub const OF_NODES: [(i32, i32); 5] = [
    (UNKNOWN as i32, UNKNOWN as i32),
    (*GATEWAY.start() as i32, *GATEWAY.end() as i32),
    (NO_SUBSCRIBER as i32, NOT_SENT_TO_NODE as i32),
    (SUBSCRIBER_DISCONNECTED as i32, SUBSCRIBER_DISCONNECTED as i32),
    (SUBSCRIBER_SILENT as i32, SUBSCRIBER_SILENT as i32),
];

#[cfg(test)]
mod tests {
    use super::super::amop::LIMITS;

    #[test]
    fn subscribers_can_not_use_the_numbers_of_nodes() {
        for code in [3001, 3002, 3003, -4006, -4008, -1, 1000, 1005, 32_768, 3001 + 65_536, i32::MIN] {
            assert!(LIMITS.failure_codes.check(code).is_err(), "{code}");
        }
        for code in [7, 999, 1006, 3000, 3004, -5000, -5013, -4007, 32_767, -32_768] {
            assert!(LIMITS.failure_codes.check(code).is_ok(), "{code}");
        }
    }
}
