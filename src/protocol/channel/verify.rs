//! 0x37 and 0x38: how a publisher's node has it verify the subscribers of private topics.
//!
//! The node decides by topic name alone; the prefixes are part of the wire.

use serde::{Deserialize, Serialize};

/// Topics with this prefix, coming from another node, aren't routable until verified.
pub const NEED_VERIFY_PREFIX: &str = "#!$TopicNeedVerify_";
/// A subscriber's route for the challenge: this, the needed topic, `_`, 32 hex digits.
pub const VERIFY_CHANNEL_PREFIX: &str = "#!$VerifyChannel_";
/// Publishers subscribe to this and the needed topic to be asked.
pub const PUSH_CHANNEL_PREFIX: &str = "#!$PushChannel_";

/// 0x37, node to publisher: verify who subscribes to `topic` on `node_id`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VerifyRequest {
    /// The subscriber's node, 128 hex digits.
    pub node_id: String,
    /// The needed topic, prefix included.
    pub topic: String,
    /// Where to send the challenge.
    pub topic_for_cert: String,
}

/// 0x38, publisher to node: 0 = verified.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TopicStatus {
    /// 0 = verified; anything else: never routable until the subscriber leaves and returns.
    pub check_result: i64,
    /// The subscriber's node.
    pub node_id: String,
    /// The needed topic.
    pub topic: String,
}

impl VerifyRequest {
    /// The body on the wire: keys sorted, a newline at the end, as nodes write it.
    pub fn encode(&self) -> Vec<u8> {
        let quote = |text: &str| serde_json::Value::from(text);
        let (node, topic, cert) = (quote(&self.node_id), quote(&self.topic), quote(&self.topic_for_cert));
        format!("{{\"nodeId\":{node},\"topic\":{topic},\"topicForCert\":{cert}}}\n").into_bytes()
    }

    /// From the body on the wire.
    pub fn decode(body: &[u8]) -> Option<VerifyRequest> {
        serde_json::from_slice(body).ok()
    }
}

impl TopicStatus {
    /// From the body on the wire; a node drops a frame with a missing field or a `checkResult` that is no integer.
    pub fn decode(body: &[u8]) -> Option<TopicStatus> {
        serde_json::from_slice(body).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_byte_by_byte() {
        let request = VerifyRequest { node_id: "ab".into(), topic: "t".into(), topic_for_cert: "c".into() };
        let body = b"{\"nodeId\":\"ab\",\"topic\":\"t\",\"topicForCert\":\"c\"}\n";
        assert_eq!(request.encode(), body);
        assert_eq!(VerifyRequest::decode(body), Some(request));
        let status = TopicStatus::decode(br#"{"checkResult": 0, "nodeId": "ab", "topic": "t"}"#).unwrap();
        assert_eq!(status.check_result, 0);
        assert_eq!(TopicStatus::decode(br#"{"checkResult": "0", "nodeId": "ab", "topic": "t"}"#), None);
    }
}
