//! 0x12: JSON-RPC over the channel; only what AMOP needs of it: which topics are subscribed where.

use serde::Deserialize;
use serde_json::Value;

use crate::text::foreign;

/// A JSON-RPC request's body.
pub fn request(method: &str, params: &[i64]) -> Vec<u8> {
    let params = Value::from(params.to_vec());
    format!(r#"{{"jsonrpc":"2.0","method":"{method}","params":{params},"id":1}}"#).into_bytes()
}

/// `getNodeInfo`: the node itself, with the union of the topics of all SDKs connected to it.
pub fn get_node_info() -> Vec<u8> {
    request("getNodeInfo", &[])
}

/// `getPeers`: the node's peers with their SDKs' topics (unverified private ones hidden).
pub fn get_peers(group: i64) -> Vec<u8> {
    request("getPeers", &[group])
}

/// What both calls say of one node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct NodeTopics {
    /// The node's id, 128 hex digits.
    #[serde(rename = "NodeID", default)]
    pub node_id: String,
    /// The agency that it belongs to.
    #[serde(rename = "Agency", default)]
    pub agency: String,
    /// Where other nodes reach it; the node asked names its own place or nothing.
    #[serde(rename = "IPAndPort", default)]
    pub address: String,
    /// Topics that its SDKs subscribe to.
    #[serde(rename = "Topic")]
    pub topics: Vec<String>,
}

/// Why an answer can't be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// JSON-RPC's code, 0 when the answer was no JSON-RPC at all.
    pub code: i64,
    /// The node's text, made safe to show.
    pub message: String,
}

#[derive(Deserialize)]
struct Answer<T> {
    result: Option<T>,
    error: Option<AnswerError>,
}

#[derive(Deserialize)]
struct AnswerError {
    #[serde(default)]
    code: i64,
    #[serde(default)]
    message: String,
}

fn decode<T: serde::de::DeserializeOwned>(body: &[u8]) -> Result<T, Refused> {
    // The parser's text quotes the answer.
    let refused = |code, why: &str| Refused { code, message: foreign(why).to_string() };
    let answer: Answer<T> = serde_json::from_slice(body).map_err(|e| refused(0, &e.to_string()))?;
    match answer {
        Answer { error: Some(error), .. } => Err(refused(error.code, &error.message)),
        Answer { result: Some(result), .. } => Ok(result),
        Answer { .. } => Err(refused(0, "neither result nor error")),
    }
}

/// The answer to [`get_node_info`].
///
/// # Errors
/// The node's refusal, or JSON that isn't the expected one.
pub fn decode_node_info(body: &[u8]) -> Result<NodeTopics, Refused> {
    decode(body)
}

/// The answer to [`get_peers`].
///
/// # Errors
/// As [`decode_node_info`].
pub fn decode_peers(body: &[u8]) -> Result<Vec<NodeTopics>, Refused> {
    decode(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_byte_by_byte() {
        assert_eq!(get_node_info(), br#"{"jsonrpc":"2.0","method":"getNodeInfo","params":[],"id":1}"#);
        assert_eq!(get_peers(1), br#"{"jsonrpc":"2.0","method":"getPeers","params":[1],"id":1}"#);
    }

    #[test]
    fn answers_and_refusals() {
        let info = br#"{"id":1,"jsonrpc":"2.0","result":{"Agency":"a","NodeID":"ff","Topic":["x","y"]}}"#;
        assert_eq!(decode_node_info(info).unwrap().topics, ["x", "y"]);
        let refused = br#"{"error":{"code":-32601,"message":"METHOD_NOT_FOUND"},"id":1,"jsonrpc":"2.0"}"#;
        assert_eq!(decode_node_info(refused).unwrap_err().code, -32601);
        assert_eq!(decode_node_info(b"nonsense").unwrap_err().code, 0);
        let peers = br#"{"id":1,"jsonrpc":"2.0","result":[{"NodeID":"aa","Topic":[]}]}"#;
        assert_eq!(decode_peers(peers).unwrap().len(), 1);
    }

    #[test]
    fn refusal_text_is_escaped_and_bounded() {
        let body = r#"{"error":{"code":-1,"message":"no\n\u001b[2J\u202e"},"id":1,"jsonrpc":"2.0"}"#;
        assert_eq!(decode_node_info(body.as_bytes()).unwrap_err().message, r"no\n\u{1b}[2J\u{202e}");
        let quoted = format!(r#"{{"result":"{}"}}"#, r"\u202e".repeat(1000));
        let message = decode_node_info(quoted.as_bytes()).unwrap_err().message;
        assert!(message.len() < 3000 && !message.contains('\u{202e}'), "{message}");
    }
}
