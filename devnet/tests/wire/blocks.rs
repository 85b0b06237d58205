//! Block notifications (0x1001) and registrations for contract events (0x15).

use crate::sdk::{Sdk, devnet, message, raw, seq};

#[tokio::test(start_paused = true)]
async fn block_numbers_have_the_form_of_the_protocol_version() {
    let devnet = devnet(2, |b| b).await;
    let mut newer = Sdk::subscriber(&devnet.node(0), &["_block_notify_1"]).await;
    let mut older = Sdk::silent(&devnet.node(1));
    older.subscribe(&["_block_notify_1"]).await;
    let mut other = Sdk::subscriber(&devnet.node(1), &["_block_notify_2"]).await;
    devnet.notify_block(1);
    assert_eq!(older.frame().await, raw(0x1001, seq("0"), message("_block_notify_1", "1,1")));
    let json = "{\"blockNumber\":1,\"groupID\":1}\n";
    assert_eq!(newer.frame().await, raw(0x1001, seq("0"), message("_block_notify_1", json)));
    other.ping().await;

    devnet.notify_block(255);
    newer.frame().await;
    let call = r#"{"jsonrpc":"2.0","method":"getBlockNumber","params":[1],"id":1}"#;
    let answer = newer.call(&raw(0x12, seq("331"), call)).await;
    assert_eq!(answer.body, b"{\"id\":1,\"jsonrpc\":\"2.0\",\"result\":\"0xff\"}\n");
}

#[tokio::test(start_paused = true)]
async fn group_has_its_own_topic_and_number() {
    let devnet = devnet(1, |b| b.group(2)).await;
    let mut sdk = Sdk::subscriber(&devnet.node(0), &["_block_notify_1", "_block_notify_2"]).await;
    devnet.notify_block(3);
    let json = "{\"blockNumber\":3,\"groupID\":2}\n";
    assert_eq!(sdk.frame().await, raw(0x1001, seq("0"), message("_block_notify_2", json)));
    for (call, result) in [
        (r#"{"jsonrpc":"2.0","method":"getGroupList","id":1}"#, "\"result\":[2]"),
        (r#"{"jsonrpc":"2.0","method":"getBlockNumber","params":[2],"id":1}"#, "\"result\":\"0x3\""),
        (r#"{"jsonrpc":"2.0","method":"getBlockNumber","params":[1],"id":1}"#, "\"code\":-40001"),
    ] {
        let answer = sdk.call(&raw(0x12, seq("1"), call)).await;
        let answer = String::from_utf8(answer.body).unwrap();
        assert!(answer.contains(result), "{answer}");
    }
}

#[tokio::test(start_paused = true)]
async fn registration_for_contract_events_is_refused() {
    let devnet = devnet(1, |b| b).await;
    let mut sdk = Sdk::connect(&devnet.node(0)).await;
    let body = r#"{"fromBlock":"latest","toBlock":"latest","addresses":[],"topics":[],"groupID":"1","filterID":"ab"}"#;
    let answer = sdk.call(&raw(0x15, seq("3f0"), body).with_result(1)).await;
    assert_eq!(answer, raw(0x15, seq("3f0"), "{\"result\":-41005}\n").with_result(1));
}
