//! Who can have made a frame that reaches this client, and so what a malformed one means.
//!
//! A frame of any type that carries the sequence id of one of this session's calls is a subscriber's reply, because
//! nodes pass a reply's type on unchanged; [`super::calls`] takes those first. This table is about all others.

use crate::protocol::channel::MessageType;

/// Who can have made a frame of some type, on a connection to an honest node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Author {
    /// Another SDK: the node passes type, result and body on unchanged.
    Peer,
    /// The node, out of texts that other SDKs chose.
    NodeQuotingPeers,
    /// The node alone.
    Node,
    /// No node sends it to a client.
    Unknown,
}

/// What to do about a malformed frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Malformed {
    /// Count it and ignore it: another SDK may have made it, and must not harm this client.
    Ignored,
    /// End the connection: what is at its other end is not a 2.x node.
    EndsConnection,
}

/// Returns who can have made a frame of this type.
pub(super) const fn author(kind: MessageType) -> Author {
    match kind {
        MessageType::Request | MessageType::Broadcast | MessageType::Response => Author::Peer,
        // `getNodeInfo` and `getPeers` list topics, a request to verify names one: the bytes are those of an SDK.
        MessageType::Rpc | MessageType::RequestVerify => Author::NodeQuotingPeers,
        MessageType::Handshake
        | MessageType::Heartbeat
        | MessageType::RegisterEvent
        | MessageType::TransactionNotify
        | MessageType::BlockNotify
        | MessageType::EventNotify => Author::Node,
        MessageType::TopicList | MessageType::UpdateTopicStatus | MessageType::Other(_) => Author::Unknown,
    }
}

/// Returns what a malformed frame of this type means.
pub(super) const fn malformed(kind: MessageType) -> Malformed {
    match author(kind) {
        Author::Node => Malformed::EndsConnection,
        Author::Peer | Author::NodeQuotingPeers | Author::Unknown => Malformed::Ignored,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_of_other_sdks_never_end_a_connection() {
        for number in [0x30, 0x31, 0x35, 0x12, 0x37, 0x32, 0x38, 0xffff] {
            assert_eq!(malformed(MessageType::from_wire(number)), Malformed::Ignored, "{number:#x}");
        }
        assert_eq!(malformed(MessageType::Handshake), Malformed::EndsConnection);
    }
}
