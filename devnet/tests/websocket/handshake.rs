//! The protocol's handshake.

use crate::peer::{HANDSHAKE, Peer, devnet, raw};

#[tokio::test(start_paused = true)]
async fn answer_chooses_the_version_and_describes_the_nodes() {
    let devnet = devnet(2, |b| b).await;
    let mut peer = Peer::connect(&devnet.node(1)).await;
    let offer = "{\"maxVersion\":2,\"minVersion\":0,\"moduleID\":2}\n";
    peer.send(&raw(HANDSHAKE, "00000000000000000000000000000101", offer)).await;
    let answer = peer.message().await;
    assert_eq!((answer.kind, answer.status), (HANDSHAKE, 0));
    assert_eq!(answer.seq, b"00000000000000000000000000000101");
    let json: serde_json::Value = serde_json::from_slice(&answer.payload).unwrap();
    assert_eq!(json["protocolVersion"], 2);
    assert_eq!(json["groupBlockNumber"][0]["group0"], 0);
    let nodes = &json["groupInfoList"][0]["nodeList"];
    assert_eq!(nodes[1]["nodeID"], devnet.node(1).id());
    let config: serde_json::Value = serde_json::from_str(nodes[1]["iniConfig"].as_str().unwrap()).unwrap();
    assert_eq!(config["binaryInfo"]["version"], "3.16.4");
    assert_eq!(devnet.node(1).sessions()[0].protocol(), 2);
    // A session may do it again.
    peer.send(&raw(HANDSHAKE, "x", "{\"maxVersion\":1}")).await;
    let answer: serde_json::Value = serde_json::from_slice(&peer.message().await.payload).unwrap();
    assert_eq!(answer["protocolVersion"], 1);
}

#[tokio::test(start_paused = true)]
async fn offer_without_a_common_version_closes_the_session() {
    let devnet = devnet(1, |b| b).await;
    for offer in ["{\"maxVersion\":9,\"minVersion\":3}", "{\"maxVersion\":1,\"minVersion\":5}"] {
        let mut peer = Peer::connect(&devnet.node(0)).await;
        peer.send(&raw(HANDSHAKE, "1", offer)).await;
        peer.is_closed_with(1000).await;
    }
}

#[tokio::test(start_paused = true)]
async fn unreadable_offer_is_ignored() {
    let devnet = devnet(1, |b| b).await;
    let mut peer = Peer::connect(&devnet.node(0)).await;
    for offer in ["", "hello", "[]", "{\"maxVersion\":-1}", "{\"maxVersion\":\"2\"}", "{\"moduleID\":4}"] {
        peer.send(&raw(HANDSHAKE, "1", offer)).await;
    }
    peer.sync().await;
    peer.gets_no_message().await;
}

#[tokio::test(start_paused = true)]
async fn calls_by_which_the_java_sdk_begins_are_answered() {
    let devnet = devnet(1, |b| b).await;
    let mut peer = Peer::connect(&devnet.node(0)).await;
    devnet.notify_block(7);
    let notice = peer.message().await;
    assert_eq!(
        notice,
        raw(
            0x101,
            "",
            "{\n\t\"blockNumber\" : 7,\n\t\"group\" : \"group0\",\n\t\"nodeName\" : \"node0\"\n}\n"
        )
    );
    for (call, result) in [
        (
            r#"{"id":3,"jsonrpc":"2.0","method":"getBlockNumber","params":["group0",""]}"#,
            r#"{"id":3,"jsonrpc":"2.0","result":7}"#,
        ),
        (
            r#"{"id":4,"method":"sendTransaction"}"#,
            r#"{"error":{"code":-32601,"message":"Method not found"},"id":4,"jsonrpc":"2.0"}"#,
        ),
    ] {
        peer.send(&raw(0x102, "1", call)).await;
        assert_eq!(peer.message().await, raw(0x102, "1", result));
    }
}
