//! Log records: spans of sessions and calls with their ids, without payloads.

use std::fmt::Write as _;

use amop::{ErrorKind, Request};
use amop_tests::log::Log;

use crate::fixture::{builder, soon, two_nodes, until};

#[tokio::test]
async fn spans_have_ids_and_no_payload_is_logged() {
    let (log, _logging) = Log::collect("amop=debug");
    let here = tokio::runtime::Handle::current();
    let devnet = two_nodes().await;
    let [publisher, server] = [0, 1].map(|node| builder(&devnet, node).runtime(here.clone()).connect());
    let (publisher, server) = (publisher.await.unwrap(), server.await.unwrap());
    let answer = async |request: Request| match &request.data()[..] {
        b"secret-question" => request.reply("secret-answer").unwrap(),
        _ => request.fail(-7, "secret-reason").unwrap(),
    };
    let _service = server.serve("topic-of-calls").for_each(answer).await.unwrap();
    let publish = |data: &'static str| publisher.publish("topic-of-calls", data);
    soon("the reply", publish("secret-question")).await.unwrap();
    let error = soon("the failure", publish("secret-mistake")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Remote);
    soon("the ack", publisher.broadcast("topic-of-calls", "secret-news")).await.unwrap();
    devnet.node(0).kill().await;
    soon("the end", publisher.close()).await.unwrap();

    let log = log.text();
    let mut missing = String::new();
    for part in [
        &format!("session{{endpoint={} connection=1}}", devnet.endpoints()[0]),
        "call{kind=Publish topic=topic-of-calls bytes=15}",
        "call{kind=Broadcast topic=topic-of-calls bytes=11}",
        "seq=",
        "succeeded",
        "failed",
        "error=Remote delivery=Maybe",
    ] {
        if !log.contains(part) {
            writeln!(missing, "{part}").unwrap();
        }
    }
    assert!(missing.is_empty(), "missing:\n{missing}in:\n{log}");
    assert!(!log.contains("secret"), "{log}");
}

#[tokio::test]
async fn error_that_connect_returns_is_not_logged_as_well() {
    let (log, _logging) = Log::collect("amop=warn");
    let here = tokio::runtime::Handle::current();
    let devnet = two_nodes().await;
    devnet.node(0).kill().await;
    let builder = builder(&devnet, 0).runtime(here);
    builder.clone().connect().await.unwrap_err();
    assert_eq!(log.text(), "");

    // Of a client that is returned, the log has the nodes that are not connected.
    let warning = |part: &str| {
        let log = log.text();
        log.lines().any(|line| line.contains("WARN") && line.contains("not connected") && line.contains(part))
    };
    let offline = builder.clone().start_offline(true).connect().await.unwrap();
    until("a warning", || warning(&devnet.node(0).endpoint())).await;
    offline.close().await.unwrap();
    log.clear();
    let other = builder.endpoint(devnet.node(1).endpoint()).connect().await.unwrap();
    until("a warning", || warning(&devnet.node(0).endpoint())).await;
    assert!(!warning(&devnet.node(1).endpoint()));
    other.close().await.unwrap();
}
