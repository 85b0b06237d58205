//! 0x12: JSON-RPC over the channel, limited to what AMOP needs: which topics the SDKs of which node subscribe to.
//!
//! Any SDK of the chain can add topics to these answers. So they are read as a stream: a [`NodeSink`] receives each topic
//! as it is read and decides what to keep; no tree of the whole answer is built.

mod answer;

#[cfg(test)]
mod tests;

use serde_json::Value;

use self::answer::Shape;
pub use self::answer::{MAX_NODE_TEXT, MAX_NODES, NodeSink, NodeText, Refused};

/// Returns a JSON-RPC request's body.
pub fn request(method: &str, params: &[i64]) -> Vec<u8> {
    let params = Value::from(params.to_vec());
    format!(r#"{{"jsonrpc":"2.0","method":"{method}","params":{params},"id":1}}"#).into_bytes()
}

/// Returns the request `getNodeInfo`: the node itself, with the union of the topics of all SDKs connected to it.
pub fn get_node_info() -> Vec<u8> {
    request("getNodeInfo", &[])
}

/// Returns the request `getPeers`: the node's peers with their SDKs' topics, without unverified private ones.
pub fn get_peers(group: i64) -> Vec<u8> {
    request("getPeers", &[group])
}

/// All that an answer says about one node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodeTopics {
    /// The node's id, 128 hex digits.
    pub node_id: String,
    /// The agency that the node belongs to.
    pub agency: String,
    /// Where other nodes reach the node. A node gives its own address or nothing for itself.
    pub address: String,
    /// Topics that its SDKs subscribe to.
    pub topics: Vec<String>,
}

/// Reads the answer to [`get_node_info`] into `sink`, as one node.
///
/// # Errors
/// Returns the node's refusal, or one with code 0 if the answer is not the expected JSON.
pub fn read_node_info(body: &[u8], sink: &mut impl NodeSink) -> Result<(), Refused> {
    answer::read(body, Shape::Node, sink)
}

/// Reads the answer to [`get_peers`] into `sink`.
///
/// # Errors
/// Returns the node's refusal, or one with code 0 if the answer is not the expected JSON.
pub fn read_peers(body: &[u8], sink: &mut impl NodeSink) -> Result<(), Refused> {
    answer::read(body, Shape::Peers, sink)
}

/// Returns all of the answer to [`get_node_info`].
///
/// # Errors
/// Returns an error as [`read_node_info`] does.
pub fn decode_node_info(body: &[u8]) -> Result<NodeTopics, Refused> {
    let mut nodes = Vec::new();
    read_node_info(body, &mut nodes)?;
    Ok(nodes.pop().unwrap_or_default())
}

/// Returns all of the answer to [`get_peers`].
///
/// # Errors
/// Returns an error as [`read_peers`] does.
pub fn decode_peers(body: &[u8]) -> Result<Vec<NodeTopics>, Refused> {
    let mut nodes = Vec::new();
    read_peers(body, &mut nodes)?;
    Ok(nodes)
}

impl NodeSink for Vec<NodeTopics> {
    fn begin_node(&mut self) {
        self.push(NodeTopics::default());
    }

    fn text(&mut self, which: NodeText, text: &str) {
        let Some(node) = self.last_mut() else { return };
        let field = match which {
            NodeText::Id => &mut node.node_id,
            NodeText::Agency => &mut node.agency,
            NodeText::Address => &mut node.address,
        };
        text.clone_into(field);
    }

    fn topic(&mut self, topic: &str) {
        if let Some(node) = self.last_mut() {
            node.topics.push(topic.to_owned());
        }
    }
}
