//! 0x37 and 0x38: a node asks a publisher to verify the subscribers of private topics.
//!
//! Nodes recognise private topics by these prefixes alone.

use serde::{Deserialize, Serialize};

/// The prefix of topics that a node doesn't route to another node until they are verified.
pub const NEED_VERIFY_PREFIX: &str = "#!$TopicNeedVerify_";
/// The prefix of the topic to which the challenge is sent: this, the private topic, `_`, 32 hex digits.
pub const VERIFY_CHANNEL_PREFIX: &str = "#!$VerifyChannel_";
/// The prefix of the topic to which publishers subscribe in order to be asked: this and the private topic.
pub const PUSH_CHANNEL_PREFIX: &str = "#!$PushChannel_";

/// 0x37, node to publisher: verify who subscribes to `topic` on `node_id`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VerifyRequest {
    /// The subscriber's node, 128 hex digits.
    pub node_id: String,
    /// The private topic, prefix included.
    pub topic: String,
    /// Where to send the challenge.
    pub topic_for_cert: String,
}

/// 0x38, publisher to node: 0 = verified.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TopicStatus {
    /// 0 = verified; anything else: not routed until the subscriber unsubscribes and subscribes again.
    pub check_result: i64,
    /// The subscriber's node.
    pub node_id: String,
    /// The private topic.
    pub topic: String,
}

impl VerifyRequest {
    /// Returns the body on the wire: keys sorted, a newline at the end, as nodes write it.
    pub fn encode(&self) -> Vec<u8> {
        let quote = |text: &str| serde_json::Value::from(text);
        let (node, topic, cert) = (quote(&self.node_id), quote(&self.topic), quote(&self.topic_for_cert));
        format!("{{\"nodeId\":{node},\"topic\":{topic},\"topicForCert\":{cert}}}\n").into_bytes()
    }

    /// Decodes the body on the wire.
    pub fn decode(body: &[u8]) -> Option<VerifyRequest> {
        serde_json::from_slice(body).ok()
    }
}

impl TopicStatus {
    /// Returns the body on the wire.
    pub fn encode(&self) -> Vec<u8> {
        let quote = |text: &str| serde_json::Value::from(text);
        let (result, node, topic) = (self.check_result, quote(&self.node_id), quote(&self.topic));
        format!("{{\"checkResult\":{result},\"nodeId\":{node},\"topic\":{topic}}}").into_bytes()
    }

    /// Decodes the body on the wire. A node ignores a frame in which a field is missing or `checkResult` is not an integer.
    pub fn decode(body: &[u8]) -> Option<TopicStatus> {
        serde_json::from_slice(body).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_have_the_documented_bytes() {
        let request = VerifyRequest { node_id: "ab".into(), topic: "t".into(), topic_for_cert: "c".into() };
        let body = b"{\"nodeId\":\"ab\",\"topic\":\"t\",\"topicForCert\":\"c\"}\n";
        assert_eq!(request.encode(), body);
        assert_eq!(VerifyRequest::decode(body), Some(request));
        let status = TopicStatus::decode(br#"{"checkResult": 0, "nodeId": "ab", "topic": "t"}"#).unwrap();
        assert_eq!(status.check_result, 0);
        assert_eq!(status.encode(), br#"{"checkResult":0,"nodeId":"ab","topic":"t"}"#);
        assert_eq!(TopicStatus::decode(&status.encode()), Some(status));
        assert_eq!(TopicStatus::decode(br#"{"checkResult": "0", "nodeId": "ab", "topic": "t"}"#), None);
    }
}
