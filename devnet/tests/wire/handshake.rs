//! Handshakes (0x14).

use amop_devnet::{Choice, DevnetBuilder, SameNode};
use serde_json::Value;

use crate::sdk::{LONG, Sdk, devnet, raw, seq};

const HEARTBEAT: u16 = 0x13;

fn offer(minimum: i64, maximum: i64) -> String {
    format!(r#"{{"minimumSupport":{minimum},"maximumSupport":{maximum},"clientType":"probe"}}"#)
}

#[tokio::test(start_paused = true)]
async fn answer_has_the_highest_common_version() {
    let devnet = devnet(1, |b| b).await;
    for (minimum, maximum, protocol) in [(1, 1, 1), (1, 2, 2), (1, 3, 3), (0, 3, 3), (1, 99, 3), (3, 1, 1)] {
        let mut sdk = Sdk::silent(&devnet.node(0));
        let answer = sdk.call(&raw(0x14, seq("20"), offer(minimum, maximum))).await;
        let body = format!("{{\"nodeVersion\":\"2.7.2\",\"protocol\":{protocol}}}\n");
        assert_eq!(answer, raw(0x14, seq("20"), body), "{minimum}..{maximum}");
    }
}

#[tokio::test(start_paused = true)]
async fn version_depends_on_delivery_to_own_sessions() {
    type Setting = fn(DevnetBuilder) -> DevnetBuilder;
    fn as_they_are(builder: DevnetBuilder) -> DevnetBuilder {
        builder
    }
    let cases: [(Setting, &str); 5] = [
        (as_they_are, "2.7.2"),
        (|b| b.choice(Choice::EachSecond), "2.7.2"),
        (|b| b.like_2_11().same_node(SameNode::Deliver), "2.7.2"),
        (|b| b.same_node(SameNode::Drop), "2.11.2"),
        (DevnetBuilder::like_2_11, "2.11.2"),
    ];
    for (set, expected) in cases {
        let devnet = devnet(1, set).await;
        let mut sdk = Sdk::silent(&devnet.node(0));
        let answer = sdk.call(&raw(0x14, seq("20"), offer(1, 3))).await;
        let answer: Value = serde_json::from_slice(&answer.body).unwrap();
        assert_eq!(answer["nodeVersion"], expected);
        let call = raw(0x12, seq("21"), r#"{"jsonrpc":"2.0","method":"getClientVersion","id":1}"#);
        let answer: Value = serde_json::from_slice(&sdk.call(&call).await.body).unwrap();
        assert_eq!(answer["result"]["FISCO-BCOS Version"], expected);
        assert_eq!(answer["result"]["Supported Version"], expected);
    }
}

#[tokio::test(start_paused = true)]
async fn session_without_a_common_version_is_closed() {
    let devnet = devnet(1, |b| b).await;
    for (minimum, maximum) in [(4, 9), (0, 0), (-1, 3)] {
        let mut sdk = Sdk::silent(&devnet.node(0));
        sdk.send(&raw(0x14, seq("20"), offer(minimum, maximum))).await;
        sdk.closed().await;
    }
    assert_eq!(devnet.counters().sessions, 0);
}

#[tokio::test(start_paused = true)]
async fn invalid_offer_is_ignored() {
    let devnet = devnet(1, |b| b).await;
    for body in ["", "nonsense", "[]", "7", "\"text\""] {
        let mut sdk = Sdk::silent(&devnet.node(0));
        sdk.send(&raw(0x14, seq("20"), body)).await;
        let answer = sdk.call(&raw(HEARTBEAT, seq("21"), "0")).await;
        assert_eq!(answer, raw(HEARTBEAT, seq("21"), "1"), "{body}");
    }
}

#[tokio::test(start_paused = true)]
async fn answer_repeats_the_result_field() {
    let devnet = devnet(1, |b| b).await;
    let mut sdk = Sdk::silent(&devnet.node(0));
    let answer = sdk.call(&raw(0x14, seq("20"), offer(1, 3)).with_result(-7)).await;
    assert_eq!(answer.result, -7);
}

#[tokio::test(start_paused = true)]
async fn second_handshake_changes_the_version() {
    let devnet = devnet(1, |b| b).await;
    let mut sdk = Sdk::connect(&devnet.node(0)).await;
    assert_eq!(sdk.call(&raw(HEARTBEAT, seq("1"), "")).await.body, b"{\"heartBeat\":1}\n");
    sdk.call(&raw(0x14, seq("2"), offer(1, 1))).await;
    sdk.send(&raw(HEARTBEAT, seq("3"), "")).await;
    assert_eq!(sdk.call(&raw(HEARTBEAT, seq("4"), "0")).await, raw(HEARTBEAT, seq("4"), "1"));
    sdk.nothing_for(LONG / 10).await;
}
