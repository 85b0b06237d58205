//! The machine with frames put in by hand: no socket, no sleep, the clock is an argument.

use std::time::Duration;

use super::test_harness::{Bench, S, Sent, body, outcome, seq, take};
use super::*;
use crate::delivery::{LaneLimits, Overflow, Request, RouteSpec, Router, Verdict, Wire};
use crate::error::Delivery;
use crate::protocol::message::Payload;
use crate::session::call::CallKind;

#[test]
fn the_handshake_offers_1_to_3_and_takes_the_nodes_choice() {
    let mut bench = Bench::new();
    let offer = bench.sent().remove(0);
    assert_eq!(offer.kind, MessageType::Handshake);
    let said: serde_json::Value = serde_json::from_slice(&offer.body).unwrap();
    assert_eq!((said["minimumSupport"].as_i64(), said["maximumSupport"].as_i64()), (Some(1), Some(3)));
    let choice = b"{\"nodeVersion\":\"2.7.1\",\"protocol\":2}\n";
    bench.answer_frame(MessageType::Handshake, seq(1), 0, choice).unwrap();
    assert!(!bench.machine.is_ready(), "an answer to somebody else");
    bench.answer_frame(MessageType::Handshake, offer.seq, 0, choice).unwrap();
    let ready = Notice::Ready { node_version: "2.7.1".into(), protocol: 2 };
    assert_eq!(bench.take_notices(), [ready, Notice::TopicsRestored], "no topic has to be listed");
}

#[test]
fn a_handshake_without_an_answer_or_with_nonsense_ends_the_connection() {
    let mut bench = Bench::new();
    assert!(bench.pass(9 * S).is_ok());
    assert_eq!(bench.pass(S).unwrap_err().kind(), ErrorKind::ConnectTimeout);
    for nonsense in [&b""[..], b"{}", b"{\"protocol\":4}", b"{\"protocol\":0}", b"\xff\xff"] {
        let mut bench = Bench::new();
        let offer = bench.sent().remove(0);
        let error = bench.answer_frame(MessageType::Handshake, offer.seq, 0, nonsense).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Protocol);
    }
}

#[test]
fn heartbeats_take_the_form_of_the_protocol_version() {
    for (protocol, expected) in [(1, &b"0"[..]), (2, br#"{"heartBeat":0}"#), (3, br#"{"heartBeat":0}"#)] {
        let mut bench = Bench::ready(protocol);
        bench.pass(10 * S).unwrap();
        let beat = bench.sent().remove(0);
        assert_eq!((beat.kind, &beat.body[..]), (MessageType::Heartbeat, expected));
    }
}

#[test]
fn a_silent_node_is_dead_after_two_heartbeats_and_an_answer_keeps_it() {
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

#[test]
fn a_unicast_ends_with_the_subscribers_reply() {
    let mut bench = Bench::ready(3);
    let (id, mut done) = bench.call(CallKind::Publish, "demo/topic", b"ping");
    let sent = bench.sent();
    let expected = Sent { kind: MessageType::Request, seq: id, result: 0, body: body("demo/topic", b"ping") };
    assert_eq!(sent, [expected]);
    bench.answer_frame(MessageType::Response, id, 0, &body("demo/topic", b"pong")).unwrap();
    assert_eq!(outcome(&mut done).unwrap().data(), "pong");
    bench.answer_frame(MessageType::Response, id, 0, &body("demo/topic", b"again")).unwrap();
    assert_eq!(bench.link.counters.stray_replies.load(std::sync::atomic::Ordering::Relaxed), 1);
    assert_eq!((bench.link.in_flight(), bench.link.queued_bytes()), (0, 0));
}

#[test]
fn replies_of_odd_shapes() {
    let cases = [
        (0, vec![], Ok(&b""[..])),
        (0, body("another", b"x"), Ok(b"x")),
        (0, body("demo", b""), Ok(b"")),
        (0, vec![0, 1, 2], Err(ErrorKind::Protocol)),
        (0, vec![9, 1], Err(ErrorKind::Protocol)),
        (-7, body("demo", b"bad"), Err(ErrorKind::Remote)),
    ];
    for (result, reply, expected) in cases {
        let mut bench = Bench::ready(3);
        let (id, mut done) = bench.call(CallKind::Publish, "demo", b"");
        bench.answer_frame(MessageType::Response, id, result, &reply).unwrap();
        match expected {
            Ok(data) => assert_eq!(outcome(&mut done).unwrap().data(), data),
            Err(kind) => {
                let error = outcome(&mut done).unwrap_err();
                assert_eq!((error.kind(), error.delivery()), (kind, Delivery::Maybe));
                if result != 0 {
                    assert_eq!((error.node_code(), &error.data()[..]), (Some(-7), &b"bad"[..]));
                }
            }
        }
    }
}

#[test]
fn refusal_codes_state_the_delivery() {
    use Delivery::{Maybe, No};
    let quick = Duration::from_millis(5);
    let cases = [
        (100, quick, ErrorKind::NoSubscriber, No),
        (100, Duration::from_millis(500), ErrorKind::NoSubscriber, Maybe),
        (101, quick, ErrorKind::RemoteNode, Maybe),
        (102, quick, ErrorKind::NodeTimeout, Maybe),
        (103, quick, ErrorKind::Bandwidth, No),
        (103, 5 * S, ErrorKind::Bandwidth, No),
        (104, quick, ErrorKind::SubscriberUnreachable, Maybe),
        (-5000, quick, ErrorKind::SubscriberFailed, Maybe),
        (-5010, quick, ErrorKind::SubscriberDropped, Maybe),
        (-5011, quick, ErrorKind::SubscriberTooSlow, Maybe),
        (-5012, quick, ErrorKind::SubscriberBusy, Maybe),
        (-5013, quick, ErrorKind::SubscriberUnsubscribed, Maybe),
    ];
    for (code, after, kind, delivery) in cases {
        let mut bench = Bench::ready(3);
        let (id, mut done) = bench.call(CallKind::Publish, "demo", b"mine");
        bench.now += after;
        bench.answer_frame(MessageType::Response, id, code, &body("demo", b"mine")).unwrap();
        let error = outcome(&mut done).unwrap_err();
        assert_eq!((error.kind(), error.delivery(), error.node_code()), (kind, delivery, Some(code)));
        let is_nodes_own = (100..=104).contains(&code);
        assert_eq!(error.data().is_empty(), is_nodes_own, "a node echoes the request: no data ({code})");
    }
}

/// Has the machine ask who subscribes to the topic, and answers for the node; `None`: it refuses to list its peers.
fn survey(bench: &mut Bench, peers: Option<&[&str]>) {
    bench.handle(Input::Survey { topic: Topic::new("demo").unwrap(), caller: None });
    let peers = match peers {
        Some(topics) => serde_json::json!({ "result": [{ "NodeID": "a", "Topic": topics }] }),
        None => serde_json::json!({ "error": { "code": -32601, "message": "no" } }),
    };
    let own = serde_json::json!({ "result": { "NodeID": "b", "Topic": [] } });
    let questions = bench.sent().into_iter().filter(|sent| sent.kind == MessageType::Rpc);
    for Sent { seq, body, .. } in questions.collect::<Vec<_>>() {
        let answer = if body == rpc::get_node_info() { &own } else { &peers };
        bench.answer_frame(MessageType::Rpc, seq, 0, answer.to_string().as_bytes()).unwrap();
    }
}

#[test]
fn no_subscriber_follows_the_view_from_before_the_call() {
    use Delivery::{Maybe, No};
    let cases = [
        (Some(&["other"][..]), 4 * S, No),
        (Some(&["other", "demo"]), Duration::ZERO, Maybe),
        (None, Duration::ZERO, No),
        (None, 4 * S, Maybe),
    ];
    for (peers, after, delivery) in cases {
        let mut bench = Bench::ready(3);
        survey(&mut bench, peers);
        let (id, mut done) = bench.call(CallKind::Publish, "demo", b"");
        bench.now += after;
        if after > S {
            // What is learnt later says nothing of what the node knew before.
            survey(&mut bench, Some(&[]));
        }
        bench.answer_frame(MessageType::Response, id, 100, b"").unwrap();
        assert_eq!(outcome(&mut done).unwrap_err().delivery(), delivery, "{peers:?} {after:?}");
    }
    let mut bench = Bench::ready(3);
    survey(&mut bench, Some(&[]));
    bench.now += 5 * S;
    let (id, mut done) = bench.call(CallKind::Publish, "demo", b"");
    bench.now += S;
    bench.answer_frame(MessageType::Response, id, 100, b"").unwrap();
    assert_eq!(outcome(&mut done).unwrap_err().delivery(), Maybe, "an old view proves nothing");
}

#[test]
fn no_subscriber_without_a_view_follows_the_nodes_own_latency() {
    let mut bench = Bench::ready(3);
    for _ in 0..50 {
        let (id, mut done) = bench.call(CallKind::Broadcast, "news", b"");
        bench.now += Duration::from_millis(100);
        bench.answer_frame(MessageType::Response, id, 0, b"").unwrap();
        outcome(&mut done).unwrap();
    }
    for (millis, delivery) in [(250, Delivery::No), (350, Delivery::Maybe)] {
        let (id, mut done) = bench.call(CallKind::Publish, "demo", b"");
        bench.now += Duration::from_millis(millis);
        bench.answer_frame(MessageType::Response, id, 100, b"").unwrap();
        assert_eq!(outcome(&mut done).unwrap_err().delivery(), delivery, "{millis} ms");
    }
}

#[test]
fn a_broadcast_ends_with_the_nodes_ack() {
    let mut bench = Bench::ready(3);
    let (id, mut done) = bench.call(CallKind::Broadcast, "news", b"all");
    let sent = bench.sent().remove(0);
    assert_eq!((sent.kind, &sent.body), (MessageType::Broadcast, &body("news", b"all")));
    bench.answer_frame(MessageType::Response, id, 0, &body("news", b"all")).unwrap();
    assert!(outcome(&mut done).unwrap().data().is_empty());
    let (id, mut done) = bench.call(CallKind::Broadcast, "news", b"all");
    bench.answer_frame(MessageType::Response, id, 103, b"").unwrap();
    assert_eq!(outcome(&mut done).unwrap_err().kind(), ErrorKind::Bandwidth);
}

#[test]
fn a_call_ends_at_its_deadline_and_says_whether_it_was_sent() {
    let mut bench = Bench::ready(3);
    let (large_id, mut large) = bench.call(CallKind::Publish, "t", &vec![0; MAX_QUEUED_FOR_CALLS]);
    let (_, mut waiting) = bench.call(CallKind::Publish, "t", b"1");
    bench.pass(10 * S).unwrap();
    let error = outcome(&mut waiting).unwrap_err();
    assert_eq!((error.kind(), error.delivery()), (ErrorKind::Timeout, Delivery::No));
    let error = outcome(&mut large).unwrap_err();
    assert_eq!((error.kind(), error.delivery()), (ErrorKind::Timeout, Delivery::Maybe), "it still leaves");
    let requests: Vec<_> = bench
        .sent()
        .into_iter()
        .filter(|sent| sent.kind == MessageType::Request)
        .map(|sent| sent.seq)
        .collect();
    assert_eq!(requests, [large_id], "what was not delivered never leaves");
    assert_eq!((bench.link.in_flight(), bench.link.queued_bytes()), (0, 0));
    let (_, mut sent) = bench.call(CallKind::Publish, "t", b"2");
    bench.sent();
    bench.machine.received(bench.now);
    bench.pass(10 * S).unwrap();
    let error = outcome(&mut sent).unwrap_err();
    assert_eq!((error.kind(), error.delivery()), (ErrorKind::Timeout, Delivery::Maybe));
}

#[test]
fn the_end_of_the_connection_ends_every_call_once() {
    let mut bench = Bench::ready(3);
    let (_, mut sent) = bench.call(CallKind::Publish, "t", b"1");
    bench.sent();
    let (_, mut unsent) = bench.call(CallKind::Publish, "t", b"2");
    bench.end(&Error::undelivered(ErrorKind::ConnectionLost, "gone"));
    assert_eq!(outcome(&mut sent).unwrap_err().delivery(), Delivery::Maybe);
    assert_eq!(outcome(&mut unsent).unwrap_err().delivery(), Delivery::No);
    assert_eq!(bench.link.in_flight(), 0);
}

#[test]
fn a_cancelled_call_leaves_nothing_behind() {
    let mut bench = Bench::ready(3);
    let (id, done) = bench.call(CallKind::Publish, "t", b"1");
    drop(done);
    bench.cancel(&id);
    assert_eq!(bench.link.in_flight(), 0);
    bench.answer_frame(MessageType::Response, id, 0, b"").unwrap();
}

#[test]
fn a_subscribed_unicast_is_answered_empty_at_once_and_a_duplicate_is_not_delivered() {
    let mut bench = Bench::ready(3);
    let mut reader = bench.subscribe("t", LaneLimits::default());
    bench.sent();
    for _ in 0..2 {
        bench.answer_frame(MessageType::Request, seq(1), 0, &body("t", b"hello")).unwrap();
        let expected = Sent { kind: MessageType::Response, seq: seq(1), result: 0, body: body("t", b"") };
        assert_eq!(bench.sent(), [expected]);
    }
    let message = take(&mut reader).unwrap();
    assert_eq!((message.topic(), &message.data()[..], message.endpoint()), ("t", &b"hello"[..], "node:1"));
    assert_eq!(message.seq(), seq(1).as_bytes());
    assert!(take(&mut reader).is_none());
}

#[test]
fn broadcasts_are_not_answered_come_once_and_own_ones_not_at_all() {
    let mut bench = Bench::ready(3);
    let mut reader = bench.subscribe("t", LaneLimits::default());
    bench.sent();
    for _ in 0..2 {
        bench.answer_frame(MessageType::Broadcast, seq(1), 0, &body("t", b"b")).unwrap();
    }
    let own = bench.shared.seqs.next();
    bench.answer_frame(MessageType::Broadcast, own, 0, &body("t", b"own")).unwrap();
    bench.answer_frame(MessageType::Broadcast, seq(2), 0, &body("elsewhere", b"x")).unwrap();
    assert_eq!(take(&mut reader).unwrap().data(), "b");
    assert!(take(&mut reader).is_none());
    assert!(bench.sent().is_empty());
}

#[test]
fn a_full_lane_answers_busy_and_an_unknown_topic_unsubscribed() {
    let mut bench = Bench::ready(3);
    let limits = LaneLimits { max_messages: 1, max_bytes: 100, overflow: Overflow::Refuse };
    let mut reader = bench.subscribe("t", limits);
    bench.sent();
    for n in 1..=2 {
        bench.answer_frame(MessageType::Request, seq(n), 0, &body("t", b"x")).unwrap();
    }
    bench.answer_frame(MessageType::Request, seq(3), 0, &body("left", b"x")).unwrap();
    let codes: Vec<_> = bench.sent().iter().map(|sent| (sent.result, sent.body.clone())).collect();
    assert_eq!(codes, [(0, body("t", b"")), (-5012, body("t", b"")), (-5013, body("left", b""))]);
    // A refused one was not accepted: it may come again.
    assert!(take(&mut reader).is_some());
    bench.answer_frame(MessageType::Request, seq(2), 0, &body("t", b"x")).unwrap();
    assert_eq!(bench.sent()[0].result, 0);
}

#[test]
fn service_answers_later_and_duplicates_get_the_same_answer() {
    let mut bench = Bench::ready(3);
    let mut reader = bench.serve("t", LaneLimits::default());
    bench.sent();
    bench.answer_frame(MessageType::Request, seq(1), 0, &body("t", b"ask")).unwrap();
    bench.answer_frame(MessageType::Request, seq(1), 0, &body("t", b"ask")).unwrap();
    assert!(bench.sent().is_empty());
    let request = take(&mut reader).unwrap();
    assert!(take(&mut reader).is_none(), "the duplicate joined");
    request.reply("answer").unwrap();
    assert_eq!(request.reply("again").unwrap_err().kind(), ErrorKind::AlreadyAnswered);
    bench.pass_answers();
    let expected = Sent { kind: MessageType::Response, seq: seq(1), result: 0, body: body("t", b"answer") };
    assert_eq!(bench.sent(), std::slice::from_ref(&expected), "a node takes one reply");
    bench.answer_frame(MessageType::Request, seq(1), 0, &body("t", b"ask")).unwrap();
    assert_eq!(bench.sent(), [expected]);
}

#[test]
fn a_handler_that_is_too_slow_is_answered_for() {
    let mut bench = Bench::ready(3);
    let mut reader = bench.serve("t", LaneLimits::default());
    bench.sent();
    bench.answer_frame(MessageType::Request, seq(1), 0, &body("t", b"ask")).unwrap();
    let request = take(&mut reader).unwrap();
    bench.pass(Duration::from_millis(4499)).unwrap();
    assert!(request.is_open());
    bench.pass(Duration::from_millis(1)).unwrap();
    bench.pass_answers();
    let answers: Vec<_> = bench.sent().into_iter().filter(|f| f.kind == MessageType::Response).collect();
    assert_eq!(answers[0].result, -5011);
    assert_eq!(answers[0].body, body("t", b""));
    assert_eq!(request.reply("late").unwrap_err().kind(), ErrorKind::RequestExpired);
    bench.pass_answers();
    assert!(bench.sent().is_empty());
    bench.answer_frame(MessageType::Request, seq(1), 0, &body("t", b"ask")).unwrap();
    assert_eq!(bench.sent()[0].result, -5011, "a duplicate hears the same");
}

fn id(n: u64) -> MessageId {
    MessageId::new(seq(n).as_bytes())
}

#[test]
fn whichever_clock_runs_out_first_answers_a_request_and_its_duplicates_once_each() {
    for first_is_gone in [false, true] {
        let mut bench = Bench::ready(3);
        let mut reader = bench.serve("t", LaneLimits::default());
        bench.sent();
        let first = Arc::new(Wire { is_gone: first_is_gone, ..Wire::default() });
        let mut other = Router::new(bench.shared.clone(), "node:2".into(), first.clone());
        let service = Some(reader.lane().clone());
        other.set(Topic::new("t").unwrap(), RouteSpec { subscriptions: vec![], service });
        let body = body("t", b"ask");
        let incoming = Incoming {
            kind: MessageKind::Unicast,
            id: id(1),
            topic: b"t",
            data: Payload::new(b"ask", None),
            is_own: false,
        };
        let verdict = other.batch(bench.now, |batch| batch.offer(&incoming));
        assert!(matches!(verdict, Verdict::Later(_)));
        bench.answer_frame(MessageType::Request, seq(1), 0, &body).unwrap();
        bench.pass(Duration::from_millis(4500)).unwrap();
        bench.pass_answers();
        let answers = bench.sent().into_iter().filter(|f| f.kind == MessageType::Response);
        assert_eq!(answers.map(|f| f.result).collect::<Vec<_>>(), [-5011]);
        assert_eq!(*first.answers.lock().unwrap(), [(id(1), -5011)][usize::from(first_is_gone)..]);
        assert_eq!(take(&mut reader).unwrap().reply("late").unwrap_err().kind(), ErrorKind::RequestExpired);
        bench.pass_answers();
        assert!(bench.sent().is_empty());
    }
}

#[test]
fn failures_and_dropped_requests_have_codes() {
    let mut bench = Bench::ready(3);
    let mut reader = bench.serve("t", LaneLimits::default());
    bench.sent();
    for n in 1..=3 {
        bench.answer_frame(MessageType::Request, seq(n), 0, &body("t", b"ask")).unwrap();
    }
    let failing = take(&mut reader).unwrap();
    for code in [0, 100, 104, -5010, -5011, -5012, -5013, 40_000, -40_000] {
        assert_eq!(failing.fail(code, "").unwrap_err().kind(), ErrorKind::InvalidArgument);
    }
    failing.fail(-7, "why").unwrap();
    take(&mut reader).unwrap().fail(Request::FAILED, "").unwrap();
    drop(take(&mut reader));
    bench.pass_answers();
    let answers: Vec<_> = bench.sent().into_iter().map(|sent| (sent.result, sent.body)).collect();
    assert_eq!(answers, [(-7, body("t", b"why")), (-5000, body("t", b"")), (-5010, body("t", b""))]);
}

#[test]
fn an_answer_of_a_former_connection_is_not_sent_on_a_new_one() {
    let mut bench = Bench::ready(3);
    let mut reader = bench.serve("t", LaneLimits::default());
    bench.answer_frame(MessageType::Request, seq(1), 0, &body("t", b"ask")).unwrap();
    let request = take(&mut reader).unwrap();
    bench.link.next_epoch();
    assert_eq!(request.reply("late").unwrap_err().kind(), ErrorKind::RequestExpired);
    assert!(bench.inbox.try_recv().is_err());
    // The node delivers it again by the new connection: it gets the kept answer.
    bench.sent();
    bench.answer_frame(MessageType::Request, seq(1), 0, &body("t", b"ask")).unwrap();
    assert_eq!(bench.sent()[0].body, body("t", b"late"));
}

#[test]
fn topics_are_listed_and_asked_for() {
    let mut bench = Bench::new();
    let _reader = bench.subscribe("b", LaneLimits::default());
    let mut bench = bench.handshake(3);
    let sent = bench.sent();
    assert_eq!(sent[0].kind, MessageType::TopicList);
    assert_eq!(sent[0].body, br#"["b"]"#);
    assert_eq!(sent[1].body, rpc::get_node_info());
    let info = br#"{"id":1,"jsonrpc":"2.0","result":{"NodeID":"","Topic":["b"]}}"#;
    bench.answer_frame(MessageType::Rpc, sent[1].seq, 0, info).unwrap();
    assert_eq!(bench.take_notices(), [Notice::TopicsRestored]);
    bench.route("b", RouteSpec::default());
    assert_eq!(bench.sent()[0].body, b"[]");
}

#[test]
fn frames_of_unused_types_are_ignored() {
    let mut bench = Bench::ready(3);
    for number in [0x12, 0x13, 0x14, 0x15, 0x31, 0x32, 0x33, 0x37, 0x38, 0x1000, 0x1001, 0x1002, 0xffff] {
        bench.answer_frame(MessageType::from_wire(number), seq(9), 7, b"\xff\x00").unwrap();
    }
    assert!(bench.sent().is_empty());
}
