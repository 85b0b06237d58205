//! Control by text commands.

use std::time::Duration;

use amop::ErrorKind;
use amop_devnet::Devnet;
use serde_json::{Value, json};

use crate::sdk::{REQUEST, RESPONSE, Raw, Sdk, devnet, message, raw, seq};

const A_WHILE: Duration = Duration::from_secs(20);

fn sent() -> Raw {
    raw(REQUEST, seq("1"), message("t", "x"))
}

/// Runs a command without an answer.
async fn command(devnet: &Devnet, command: &str) {
    assert_eq!(devnet.control(command).await.unwrap(), "{}", "{command}");
}

/// Runs a command and returns its answer.
async fn answer(devnet: &Devnet, command: &str) -> Value {
    serde_json::from_str(&devnet.control(command).await.unwrap()).unwrap()
}

async fn pair() -> (Devnet, Sdk, Sdk) {
    let devnet = devnet(2, |b| b).await;
    let publisher = Sdk::connect(&devnet.node(0)).await;
    let subscriber = Sdk::subscriber(&devnet.node(1), &["t"]).await;
    (devnet, publisher, subscriber)
}

#[tokio::test(start_paused = true)]
async fn nodes_and_links_are_controlled() {
    let (devnet, mut publisher, mut subscriber) = pair().await;
    command(&devnet, "cut-link 0 1").await;
    assert_eq!(publisher.call(&sent()).await.result, 100);
    command(&devnet, "restore-link 1 0").await;
    publisher.send(&sent()).await;
    assert_eq!(subscriber.frame().await, sent());

    command(&devnet, "freeze 0").await;
    publisher.send(&raw(0x13, seq("2"), "")).await;
    publisher.nothing_for(A_WHILE).await;
    command(&devnet, " thaw  0 ").await;
    assert_eq!(publisher.frame().await.result, 104, "for the message before");
    assert_eq!(publisher.frame().await.kind, 0x13);

    command(&devnet, "reset-sessions 0").await;
    publisher.closed().await;
    command(&devnet, "cut-sessions 1").await;
    subscriber.closed().await;
    command(&devnet, "kill 1").await;
    assert!(Sdk::attach(&devnet.node(1)).is_none());
    command(&devnet, "restart 1").await;
    Sdk::connect(&devnet.node(1)).await.ping().await;
}

#[tokio::test(start_paused = true)]
async fn push_limit_applies_to_later_deliveries() {
    let (devnet, mut publisher, mut subscriber) = pair().await;
    command(&devnet, "push-limit 10").await;
    publisher.send(&sent()).await;
    subscriber.frame().await;
    command(&devnet, "push-limit 0.5").await;
    let second = raw(REQUEST, seq("2"), message("t", "x"));
    publisher.send(&second).await;
    subscriber.frame().await;
    let mut answers = Vec::new();
    for _ in 0..2 {
        let (answer, took) = publisher.timed_frame().await;
        answers.push((answer.seq, answer.result, took));
    }
    let expected = [(second.seq, Duration::from_millis(500)), (sent().seq, Duration::from_millis(9_500))];
    assert_eq!(answers, expected.map(|(seq, after)| (seq, 104, after)));
}

#[tokio::test(start_paused = true)]
async fn sessions_are_listed_ended_and_stalled() {
    let (devnet, mut publisher, mut subscriber) = pair().await;
    let listed = answer(&devnet, "sessions").await;
    let expected = json!({ "sessions": [
        { "id": 0, "node": 0, "protocol": 3, "topics": [] },
        { "id": 1, "node": 1, "protocol": 3, "topics": ["t"] },
    ] });
    assert_eq!(listed, expected);
    command(&devnet, "stall 0").await;
    publisher.send(&raw(0x13, seq("2"), "")).await;
    publisher.nothing_for(A_WHILE).await;
    command(&devnet, "resume 0").await;
    assert_eq!(publisher.frame().await.kind, 0x13);
    command(&devnet, "close 0").await;
    publisher.closed().await;
    command(&devnet, "cut 1").await;
    subscriber.closed().await;
    let mut third = Sdk::connect(&devnet.node(1)).await;
    command(&devnet, "reset 2").await;
    third.closed().await;
    assert_eq!(answer(&devnet, "sessions").await, json!({ "sessions": [] }));
}

#[tokio::test(start_paused = true)]
async fn faults_are_injected_and_counted() {
    let (devnet, mut publisher, mut subscriber) = pair().await;
    let lost = answer(&devnet, "fault lose from-clients session=0 type=0x30 times=1 topic=t").await;
    assert_eq!(lost, json!({ "fault": 1 }));
    let late = answer(&devnet, "fault delay=2 node=1 type=0x30 topic=t").await;
    assert_eq!(late, json!({ "fault": 2 }));
    publisher.send(&sent()).await;
    subscriber.nothing_for(A_WHILE).await;
    publisher.send(&sent()).await;
    let (frame, took) = subscriber.timed_frame().await;
    assert_eq!((frame, took.as_secs()), (sent(), 2));
    assert_eq!(answer(&devnet, "hits 1").await, json!({ "hits": 1 }));
    assert_eq!(answer(&devnet, "hits 2").await, json!({ "hits": 1 }));

    command(&devnet, "remove-fault 1").await;
    assert!(devnet.control("hits 1").await.is_err());
    command(&devnet, "clear-faults").await;
    assert!(devnet.control("hits 2").await.is_err());
    subscriber.send(&raw(RESPONSE, seq("1"), "")).await;
    assert_eq!(publisher.frame().await.kind, RESPONSE);
}

#[tokio::test(start_paused = true)]
async fn blocks_are_notified_and_counters_returned() {
    let devnet = devnet(1, |b| b).await;
    let mut sdk = Sdk::subscriber(&devnet.node(0), &["_block_notify_1"]).await;
    command(&devnet, "block 7").await;
    assert_eq!(sdk.frame().await.kind, 0x1001);
    let counters = devnet.counters();
    let counted = answer(&devnet, "counters").await;
    assert_eq!(counted["frames_in"], counters.frames_in);
    assert_eq!(
        (&counted["sessions"], &counted["held_bytes"], &counted["tasks"]),
        (&json!(1), &json!(0), &json!(2))
    );
    // The debug text names every field of the structure.
    for name in format!("{counters:?}").split([' ', '{']).filter_map(|word| word.strip_suffix(':')) {
        assert!(counted[name].is_u64(), "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn error_of_an_unknown_command_lists_all() {
    let (devnet, ..) = pair().await;
    let error = devnet.control("help").await.unwrap_err();
    let (_, listed) = error.message().split_once(": use ").unwrap();
    let listed: Vec<_> = listed.split(", ").collect();
    assert!(listed.contains(&"kill") && listed.contains(&"counters"), "{error}");
    for command in listed {
        let unknown = devnet.control(command).await.is_err_and(|error| error.message().contains("unknown"));
        // Without its values a fault is unknown, too.
        assert!(!unknown || command == "fault", "{command}");
    }
}

#[tokio::test(start_paused = true)]
async fn invalid_commands_are_rejected() {
    let (devnet, ..) = pair().await;
    for (command, named) in [
        ("", "unknown devnet command \"\""),
        ("explode 1", "unknown devnet command \"explode\""),
        ("kill", "invalid number \"\""),
        ("kill 2", "there is no node 2: the last node is 1"),
        ("cut-link 0", "invalid number \"\""),
        ("clock-offset 2 1", "there is no node 2"),
        ("clock-offset 0", "invalid time \"\": use a number of seconds, such as 2 or -0.25"),
        ("clock-offset 0 inf", "invalid time \"inf\""),
        ("push-limit", "invalid time \"\": use a number of seconds, such as 2 or 0.5"),
        ("push-limit -1", "invalid time \"-1\""),
        ("on-connect 0 warmly", "invalid value \"warmly\": use one of serve, close, reset, stall, garbage"),
        ("certificate 0 good", "invalid value \"good\": use one of valid, expired, early, foreign"),
        ("certificate 0 expired", "runs without TLS"),
        ("close 9", "there is no session 9"),
        ("fault lose node=2", "there is no node 2"),
        ("fault lose session=9", "there is no session 9"),
        ("fault lose often", "unknown restriction \"often\""),
        ("hits 1", "there is no fault 1"),
        ("remove-fault 1", "there is no fault 1"),
        ("clear-faults now", "unexpected text after the command"),
        ("block x", "invalid number \"x\""),
    ] {
        let error = devnet.control(command).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{command}");
        assert!(error.message().contains(named), "{command}: {error}");
    }
}
