//! JSON-RPC calls (0x12): those that SDKs need to start, and those that return nodes and their topics.
//!
//! The answers have the form of real nodes: keys are sorted, and a newline ends the text.

use amop::protocol::channel::{Frame, MessageType};
use serde::Serialize;
use serde_json::Value;

use crate::net::Net;
use crate::table::Key;

/// The error of an answer, with the text of real nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
struct Refusal {
    code: i32,
    message: &'static str,
}

const PARSE_ERROR: Refusal =
    Refusal { code: -32700, message: "JSON_PARSE_ERROR: The JSON-Object is not JSON-Valid" };
const INVALID_REQUEST: Refusal = Refusal {
    code: -32600,
    message: "INVALID_JSON_REQUEST: The JSON sent is not a valid JSON-RPC Request object",
};
const METHOD_NOT_FOUND: Refusal = Refusal {
    code: -32601,
    message: "METHOD_NOT_FOUND: The method being requested is not available on this server",
};
const INVALID_PARAMS: Refusal = Refusal {
    code: -32602,
    message: "INVALID_PARAMS: Invalid method parameters (invalid name and/or type) recognised",
};
const NO_GROUP: Refusal = Refusal { code: -40001, message: "GroupID does not exist" };
const NO_CONFIG: Refusal = Refusal { code: -40008, message: "Invalid System Config" };

#[derive(Serialize)]
struct Success<'a> {
    id: &'a Value,
    jsonrpc: &'static str,
    result: Value,
}

#[derive(Serialize)]
struct Failure<'a> {
    error: Refusal,
    id: &'a Value,
    jsonrpc: &'static str,
}

impl Net {
    /// Answers a JSON-RPC call.
    pub(crate) fn on_rpc(&mut self, from: Key, frame: &Frame<'_>) {
        let Some(session) = self.sessions.get(from) else { return };
        let body = self.call(session.node, frame.body);
        self.sessions.answer(from, MessageType::Rpc, frame.seq, 0, body);
    }

    fn call(&self, node: usize, body: &[u8]) -> Vec<u8> {
        let request: Value = match serde_json::from_slice(body) {
            Ok(request) => request,
            Err(_) => return failure(&Value::Null, PARSE_ERROR),
        };
        let id = request.get("id").unwrap_or(&Value::Null);
        let version = request.get("jsonrpc").and_then(Value::as_str);
        let (Some("2.0"), Some(method)) = (version, request.get("method").and_then(Value::as_str)) else {
            return failure(id, INVALID_REQUEST);
        };
        let params = match request.get("params") {
            None => &[],
            Some(Value::Array(params)) => params.as_slice(),
            Some(_) => return failure(id, INVALID_PARAMS),
        };
        match self.answer(node, method, params) {
            Ok(result) => json_line(&Success { id, jsonrpc: "2.0", result }),
            Err(refusal) => failure(id, refusal),
        }
    }

    fn answer(&self, node: usize, method: &str, params: &[Value]) -> Result<Value, Refusal> {
        match method {
            "getClientVersion" => no_params(params).map(|()| self.client_version()),
            "getGroupList" => no_params(params).map(|()| Value::from(vec![self.options.group])),
            "getNodeInfo" => no_params(params).map(|()| self.node_info(node, self.nodes[node].own_topics())),
            "getPeers" => {
                group(params)?;
                let linked =
                    (0..self.nodes.len()).filter(|peer| *peer != node && self.is_linked(node, *peer));
                Ok(linked.map(|peer| self.node_info(peer, self.nodes[node].topics_of(peer))).collect())
            }
            "getBlockNumber" => {
                self.own_group(params).map(|()| Value::from(format!("{:#x}", self.block_number)))
            }
            "getNodeIDList" | "getGroupPeers" => {
                self.own_group(params)?;
                let first = std::iter::once(node);
                let others =
                    (0..self.nodes.len()).filter(|peer| *peer != node && self.is_linked(node, *peer));
                Ok(first.chain(others).map(|node| Value::from(self.nodes[node].id.as_str())).collect())
            }
            "getSystemConfigByKey" => {
                let [group, Value::String(key)] = params else { return Err(INVALID_PARAMS) };
                self.own_group(std::slice::from_ref(group))?;
                match key.as_str() {
                    "tx_count_limit" => Ok("1000".into()),
                    "tx_gas_limit" => Ok("300000000".into()),
                    _ => Err(NO_CONFIG),
                }
            }
            _ => Err(METHOD_NOT_FOUND),
        }
    }

    fn client_version(&self) -> Value {
        serde_json::json!({
            "Build Time": concat!("amop-devnet ", env!("CARGO_PKG_VERSION")),
            "Build Type": "Linux/rust/embedded",
            "Chain Id": self.options.chain_id,
            "FISCO-BCOS Version": self.options.node_version(),
            "Git Branch": "",
            "Git Commit Hash": "",
            "Supported Version": self.options.node_version(),
        })
    }

    fn node_info(&self, node: usize, topics: Vec<String>) -> Value {
        let node = &self.nodes[node];
        serde_json::json!({
            "Agency": self.options.agency,
            "IPAndPort": node.address,
            "Node": node.name,
            "NodeID": node.id,
            "Topic": topics,
        })
    }

    fn own_group(&self, params: &[Value]) -> Result<(), Refusal> {
        if group(params)? == self.options.group { Ok(()) } else { Err(NO_GROUP) }
    }
}

fn no_params(params: &[Value]) -> Result<(), Refusal> {
    if params.is_empty() { Ok(()) } else { Err(INVALID_PARAMS) }
}

fn group(params: &[Value]) -> Result<i64, Refusal> {
    match params {
        [group] => group.as_i64().ok_or(INVALID_PARAMS),
        _ => Err(INVALID_PARAMS),
    }
}

fn failure(id: &Value, error: Refusal) -> Vec<u8> {
    json_line(&Failure { error, id, jsonrpc: "2.0" })
}

fn json_line(answer: &impl Serialize) -> Vec<u8> {
    // Answers contain only strings, numbers and string keys, all of which JSON can represent.
    let mut line = serde_json::to_vec(answer).expect("an answer is plain JSON");
    line.push(b'\n');
    line
}
