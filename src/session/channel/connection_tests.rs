//! The handshake, and what ends a connection: silence, and frames that never end.

use super::test_harness::{Bench, S, Sent, body, outcome, seq, take};
use super::*;
use crate::delivery::LaneLimits;
use crate::error::{Delivery, ErrorKind};
use crate::protocol::channel::Frame;
use crate::session::call::CallKind;
use crate::session::effect::Notice;

#[test]
fn handshake_offers_versions_1_to_3_and_takes_the_choice() {
    let mut bench = Bench::new();
    let offer = bench.sent().remove(0);
    assert_eq!(offer.kind, MessageType::Handshake);
    let said: serde_json::Value = serde_json::from_slice(&offer.body).unwrap();
    assert_eq!((said["minimumSupport"].as_i64(), said["maximumSupport"].as_i64()), (Some(1), Some(3)));
    let choice = b"{\"nodeVersion\":\"2.7.1\",\"protocol\":2}\n";
    bench.answer_frame(MessageType::Handshake, seq(1), 0, choice).unwrap();
    assert!(!bench.machine.is_ready(), "an answer to another question");
    bench.answer_frame(MessageType::Handshake, offer.seq, 0, choice).unwrap();
    let ready = Notice::Ready { node_version: "2.7.1".into(), protocol: 2 };
    assert_eq!(bench.take_notices(), [ready, Notice::TopicsRestored], "no topic has to be listed");
}

#[test]
fn failed_handshake_ends_the_connection() {
    let mut bench = Bench::new();
    assert!(bench.pass(9 * S).is_ok());
    assert_eq!(bench.pass(S).unwrap_err().kind(), ErrorKind::ConnectTimeout);
}

#[test]
fn wrong_answer_to_the_handshake_is_named() {
    let answers: [(&[u8], &str); 7] = [
        (b"", r#"its answer "" names no protocol version"#),
        (b"{}", "its answer \"{}\" names no"),
        (b"{\"protocol\":9}", "it chose protocol version 9, this client supports 1 to 3"),
        (b"{\"protocol\":0}", "protocol version 0"),
        (b"\xff\x1b[2J", r#""\xff\u{1b}[2J""#),
        (b"{\"minimumSupport\":1,\"maximumSupport\":3}", "as an echo server does"),
        (&[b'x'; 1 << 20], "its answer has 1048576 bytes"),
    ];
    for (answer, text) in answers {
        let mut bench = Bench::new();
        let offer = bench.sent().remove(0);
        let error = bench.answer_frame(MessageType::Handshake, offer.seq, 0, answer).unwrap_err();
        assert_eq!((error.kind(), error.delivery()), (ErrorKind::Handshake, Delivery::No));
        assert!(error.message().contains(text), "{error}");
    }
    let bytes: [(Vec<u8>, &str); 3] = [
        (
            b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(),
            r#"it sent "HTTP/1.1 400 Bad Request\r\n\r\n", which"#,
        ),
        (vec![0; 64], r"\u{0}"),
        (Frame::new(MessageType::Request, seq(1), 0, b"").to_bytes(), "malformed frame of type 0x30"),
    ];
    for (bytes, text) in bytes {
        let mut bench = Bench::new();
        let error = bench.receive_bytes(&bytes).unwrap_err();
        assert_eq!((error.kind(), error.delivery()), (ErrorKind::Handshake, Delivery::No));
        assert!(error.message().contains(text), "{error}");
    }
}

#[test]
fn heartbeat_has_the_form_of_the_protocol_version() {
    for (protocol, expected) in [(1, &b"0"[..]), (2, br#"{"heartBeat":0}"#), (3, br#"{"heartBeat":0}"#)] {
        let mut bench = Bench::ready(protocol);
        bench.pass(10 * S).unwrap();
        let beat = bench.sent().remove(0);
        assert_eq!((beat.kind, &beat.body[..]), (MessageType::Heartbeat, expected));
    }
}

#[test]
fn silent_node_is_dead_after_two_heartbeats() {
    let mut bench = Bench::ready(3);
    for _ in 0..5 {
        bench.pass(10 * S).unwrap();
        let beat = bench.sent().remove(0);
        bench.answer_frame(MessageType::Heartbeat, beat.seq, 0, b"{\"heartBeat\":1}\n").unwrap();
    }
    bench.pass(10 * S).unwrap();
    let error = bench.pass(10 * S).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionLost);
}

/// Returns a frame of a megabyte on a topic, or one that is too long to be read.
fn long_frame(kind: MessageType) -> Vec<u8> {
    Frame::new(kind, seq(1), 0, &body("t", &[0; 1 << 20])).to_bytes()
}

#[test]
fn frame_that_never_ends_ends_the_connection() {
    for kind in [MessageType::Broadcast, MessageType::BlockNotify] {
        let mut bench = Bench::ready(3);
        let (_, mut done) = bench.call(CallKind::Publish, "demo", b"");
        let frame = long_frame(kind);
        bench.receive_bytes(&frame[..100]).unwrap();
        for byte in &frame[100..119] {
            bench.pass(S).unwrap();
            bench.receive_bytes(&[*byte]).unwrap();
        }
        assert_eq!(outcome(&mut done).unwrap_err().kind(), ErrorKind::Timeout);
        assert!(bench.next_deadline() <= bench.now + S);
        let error = bench.pass(S).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionLost, "{kind:?}");
        assert!(error.message().contains("gained less than 1024 bytes in 20 s"), "{error}");
    }
}

#[test]
fn slow_frame_that_gains_bytes_is_received() {
    for kind in [MessageType::Broadcast, MessageType::BlockNotify] {
        let mut bench = Bench::ready(3);
        let reader = &mut bench.subscribe("t", LaneLimits::default());
        for piece in long_frame(kind).chunks(10 << 10) {
            for _ in 0..19 {
                bench.pass(S).unwrap();
            }
            bench.receive_bytes(piece).unwrap();
        }
        assert_eq!(take(reader).is_some(), kind == MessageType::Broadcast);
        bench.sent();
        bench.pass(10 * S).unwrap();
        let beat = bench.sent().remove(0);
        bench.answer_frame(MessageType::Heartbeat, beat.seq, 0, b"{\"heartBeat\":1}\n").unwrap();
    }
}

/// The node answers the question among these frames, that it lists these topics.
fn answer_question(bench: &mut Bench, sent: &[Sent], topics: &[&str]) {
    let question = sent.iter().find(|frame| frame.kind == MessageType::Rpc).expect("a question");
    let answer = serde_json::json!({ "id": 1, "result": { "NodeID": "aa", "Topic": topics } });
    bench.answer_frame(MessageType::Rpc, question.seq, 0, answer.to_string().as_bytes()).unwrap();
}

#[test]
fn topics_are_withdrawn_before_the_connection_ends() {
    let mut bench = Bench::ready(3);
    let mut requests = bench.serve("t", LaneLimits::default());
    let sent = bench.sent();
    answer_question(&mut bench, &sent, &["t"]);
    assert!(bench.machine.is_withdrawn(), "nothing is under way");
    bench.machine.withdraw_topics();
    bench.machine.withdraw_topics();
    assert!(!bench.machine.is_withdrawn());
    let sent = bench.sent();
    assert_eq!(
        sent.iter().map(|frame| frame.kind).collect::<Vec<_>>(),
        [MessageType::TopicList, MessageType::Rpc]
    );
    assert_eq!(sent[0].body, b"[]");
    // The node has sent it before it read the list.
    bench.answer_frame(MessageType::Request, seq(1), 0, &body("t", b"late")).unwrap();
    take(&mut requests).expect("a request").reply("answer").unwrap();
    bench.pass_answers();
    let answer = bench.sent().remove(0);
    assert_eq!((answer.kind, answer.seq), (MessageType::Response, seq(1)));
    answer_question(&mut bench, &sent, &[]);
    assert!(bench.machine.is_withdrawn());
}

#[test]
fn topic_that_is_wanted_after_the_withdrawal_is_not_listed() {
    let mut bench = Bench::ready(3);
    bench.machine.withdraw_topics();
    assert!(bench.machine.is_withdrawn(), "none was listed");
    let _messages = bench.subscribe("t", LaneLimits::default());
    assert_eq!(bench.sent(), []);
    assert!(bench.machine.is_withdrawn());
}
