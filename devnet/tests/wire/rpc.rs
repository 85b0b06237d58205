//! JSON-RPC calls (0x12).

use serde_json::Value;

use crate::sdk::{Sdk, devnet, raw, seq};

async fn call(sdk: &mut Sdk, body: &str) -> String {
    let answer = sdk.call(&raw(0x12, seq("300"), body)).await;
    assert_eq!((answer.kind, answer.seq, answer.result), (0x12, seq("300"), 0));
    String::from_utf8(answer.body).expect("JSON")
}

fn request(method: &str, params: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","method":"{method}","params":{params},"id":1}}"#)
}

async fn result(sdk: &mut Sdk, method: &str, params: &str) -> Value {
    let answer = call(sdk, &request(method, params)).await;
    let answer: Value = serde_json::from_str(&answer).expect("JSON");
    answer["result"].clone()
}

#[tokio::test(start_paused = true)]
async fn answers_are_those_of_real_nodes() {
    let devnet = devnet(2, |b| b).await;
    let mut sdk = Sdk::silent(&devnet.node(0));
    let line = |result: &str| format!("{{\"id\":1,\"jsonrpc\":\"2.0\",\"result\":{result}}}\n");
    let (own, other) = (devnet.node(0).id(), devnet.node(1).id());
    let both = line(&format!("[\"{own}\",\"{other}\"]"));
    for (method, params, expected) in [
        ("getBlockNumber", "[1]", line("\"0x0\"")),
        ("getGroupList", "[]", line("[1]")),
        ("getSystemConfigByKey", "[1,\"tx_count_limit\"]", line("\"1000\"")),
        ("getNodeIDList", "[1]", both.clone()),
        ("getGroupPeers", "[1]", both),
    ] {
        assert_eq!(call(&mut sdk, &request(method, params)).await, expected);
    }
    let refused = "{\"error\":{\"code\":-32601,\"message\":\"METHOD_NOT_FOUND: The method being requested is not \
                   available on this server\"},\"id\":1,\"jsonrpc\":\"2.0\"}\n";
    assert_eq!(call(&mut sdk, &request("nope", "[]")).await, refused);
}

#[tokio::test(start_paused = true)]
async fn errors_have_codes_and_answers_repeat_the_id() {
    let devnet = devnet(1, |b| b).await;
    let mut sdk = Sdk::silent(&devnet.node(0));
    for (body, code) in [
        (request("getBlockNumber", "[]"), -32602),
        (request("getBlockNumber", "[\"1\"]"), -32602),
        (request("getBlockNumber", "[1,2]"), -32602),
        (request("getClientVersion", "[1]"), -32602),
        (request("getSystemConfigByKey", "[1]"), -32602),
        (request("getPeers", "{}"), -32602),
        (request("getBlockNumber", "[9]"), -40001),
        (request("getSystemConfigByKey", "[1,\"other\"]"), -40008),
        (r#"{"jsonrpc":"2.0","id":1}"#.into(), -32600),
        ("{".into(), -32700),
        (String::new(), -32700),
    ] {
        let answer: Value = serde_json::from_str(&call(&mut sdk, &body).await).expect("JSON");
        assert_eq!(answer["error"]["code"], code, "{body}");
    }
    let answer = call(&mut sdk, r#"{"jsonrpc":"2.0","method":"getGroupList","id":"x"}"#).await;
    assert_eq!(answer, "{\"id\":\"x\",\"jsonrpc\":\"2.0\",\"result\":[1]}\n", "params may be missing");
}

#[tokio::test(start_paused = true)]
async fn client_version_has_the_fields_that_sdks_need() {
    let devnet = devnet(1, |b| b.chain_id("7")).await;
    let mut sdk = Sdk::silent(&devnet.node(0));
    let version = call(&mut sdk, r#"{"jsonrpc":"2.0","id":1,"method":"getClientVersion"}"#).await;
    let version: Value = serde_json::from_str(&version).expect("JSON");
    let version = version["result"].as_object().expect("an object");
    let keys: Vec<_> = version.keys().map(String::as_str).collect();
    assert_eq!(
        keys,
        [
            "Build Time",
            "Build Type",
            "Chain Id",
            "FISCO-BCOS Version",
            "Git Branch",
            "Git Commit Hash",
            "Supported Version"
        ]
    );
    assert_eq!(version["Chain Id"], "7");
    let supported = version["Supported Version"].as_str().expect("a string");
    assert_eq!(supported.split('.').filter(|part| part.parse::<u32>().is_ok()).count(), 3);
    assert!(!version["FISCO-BCOS Version"].as_str().expect("a string").contains("gm"));
}

#[tokio::test(start_paused = true)]
async fn topics_are_listed_at_their_node_and_at_its_peers() {
    let devnet = devnet(2, |b| b).await;
    let mut sdk = Sdk::subscriber(&devnet.node(0), &["b", "a"]).await;
    let own = result(&mut sdk, "getNodeInfo", "[]").await;
    let keys: Vec<_> = own.as_object().expect("an object").keys().map(String::as_str).collect();
    assert_eq!(keys, ["Agency", "IPAndPort", "Node", "NodeID", "Topic"]);
    assert_eq!(own["Topic"], serde_json::json!(["a", "b"]));
    assert_eq!(own["NodeID"].as_str().map(str::len), Some(128));
    assert_eq!(result(&mut sdk, "getPeers", "[1]").await[0]["Topic"], serde_json::json!([]));

    let mut other = Sdk::connect(&devnet.node(1)).await;
    let peers = result(&mut other, "getPeers", "[1]").await;
    assert_eq!(peers.as_array().map(Vec::len), Some(1));
    assert_eq!(peers[0]["NodeID"], own["NodeID"]);
    assert_eq!(peers[0]["Topic"], serde_json::json!(["a", "b"]));
    assert_eq!(result(&mut other, "getNodeInfo", "[]").await["Topic"], serde_json::json!([]));
}
