//! JSON-RPC (0x102), as far as SDKs need it to open a connection for AMOP.

use serde_json::{Value, json};

use super::OwnedMessage;
use crate::net::Net;
use crate::table::Key;

/// The JSON-RPC code of a method that the embedded node does not have.
const METHOD_NOT_FOUND: i32 = -32601;

impl Net {
    /// Answers the calls by which the official Java SDK begins; refuses others.
    pub(super) fn on_json_rpc(&mut self, from: Key, message: &OwnedMessage) {
        let Ok(call) = serde_json::from_slice::<Value>(&message.payload) else { return };
        let id = call.get("id").cloned().unwrap_or(Value::Null);
        let result = match call.get("method").and_then(Value::as_str) {
            Some("getBlockNumber") => json!(self.block_number),
            Some("getSystemConfigByKey") => json!({ "blockNumber": 0, "value": "1000" }),
            _ => return self.answer_call(from, message, refusal(&id)),
        };
        self.answer_call(from, message, json!({ "id": id, "jsonrpc": "2.0", "result": result }));
    }

    fn answer_call(&mut self, to: Key, call: &OwnedMessage, answer: Value) {
        let payload = answer.to_string().into();
        self.sessions.send_message(to, &OwnedMessage { payload, ..call.clone() });
    }
}

fn refusal(id: &Value) -> Value {
    let error = json!({ "code": METHOD_NOT_FOUND, "message": "Method not found" });
    json!({ "id": id, "jsonrpc": "2.0", "error": error })
}
