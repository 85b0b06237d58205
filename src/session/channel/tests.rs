//! The machine with frames made by the tests: no socket, no sleep, the time is passed in.

use std::time::Duration;

use tokio::sync::oneshot;

use super::test_harness::{Bench, S, Sent, body, outcome, seq};
use super::*;
use crate::delivery::{LaneLimits, RouteSpec};
use crate::error::{Delivery, ErrorKind};
use crate::protocol::channel::Frame;
use crate::protocol::channel::rpc;
use crate::session::Caller;
use crate::session::call::{CallKind, NewCall};
use crate::session::calls::MAX_QUEUED;
use crate::session::effect::Notice;
use crate::transport::Generation;

#[test]
fn unicast_ends_with_the_reply() {
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
fn unusual_replies_end_their_calls() {
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
fn broadcast_ends_with_the_ack() {
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
fn call_ends_at_its_deadline_and_states_whether_it_was_sent() {
    let mut bench = Bench::ready(3);
    let (large_id, mut large) = bench.call(CallKind::Publish, "t", &vec![0; MAX_QUEUED]);
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
    bench.machine.received(0, bench.now);
    bench.pass(10 * S).unwrap();
    let error = outcome(&mut sent).unwrap_err();
    assert_eq!((error.kind(), error.delivery()), (ErrorKind::Timeout, Delivery::Maybe));
}

#[test]
fn end_of_the_connection_ends_every_call_once() {
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
fn cancelled_call_releases_its_permit() {
    let mut bench = Bench::ready(3);
    let (id, done) = bench.call(CallKind::Publish, "t", b"1");
    drop(done);
    bench.cancel(&id);
    assert_eq!(bench.link.in_flight(), 0);
    bench.answer_frame(MessageType::Response, id, 0, b"").unwrap();
}

#[test]
fn topics_are_listed_and_confirmed() {
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
    for number in [0x12, 0x13, 0x14, 0x15, 0x31, 0x32, 0x33, 0x38, 0x1000, 0x1001, 0x1002, 0xffff] {
        bench.answer_frame(MessageType::from_wire(number), seq(9), 7, b"\xff\x00").unwrap();
    }
    assert!(bench.sent().is_empty());
}

#[test]
fn requests_to_verify_are_acknowledged_even_if_malformed() {
    let mut bench = Bench::ready(3);
    bench.answer_frame(MessageType::RequestVerify, seq(9), 7, b"\xff\x00").unwrap();
    let expected = Sent { kind: MessageType::RequestVerify, seq: seq(9), result: 0, body: vec![] };
    assert_eq!((bench.sent(), bench.take_notices()), (vec![expected], vec![]));
}

/// Callers that are only numbers.
struct Numbers;

impl Callers for Numbers {
    type Call = u32;
    type Listed = u32;
    type Surveyed = u32;
}

#[test]
fn machine_needs_neither_channels_nor_a_runtime() {
    let (now, ids) = (Instant::now(), Arc::new(SeqSource::new().unwrap()));
    let options = SessionOptions {
        generation: Generation::V2,
        endpoint: "node:1".into(),
        heartbeat: 10 * S,
        missed_heartbeats: 2,
        answer_timeout: Some(4 * S),
        group: 1,
        handshake_by: now + 10 * S,
    };
    let topic = Topic::new("t").unwrap();
    let mut machine = Machine::<Numbers>::new(options, ids.clone(), HashSet::from([topic.clone()]), now);
    let Phase::Handshaking { seq: offer, .. } = machine.session.phase else { panic!("it has just begun") };
    let number = ids.next_number();
    let receive = |machine: &mut Machine<Numbers>, kind, seq, body: &[u8]| {
        machine.read_buffer().extend_from_slice(&Frame::new(kind, seq, 0, body).to_bytes());
        machine.received(0, now);
        assert!(machine.next_message(now).unwrap().is_none());
        machine.queue(now);
        std::mem::take(&mut machine.outputs().effects)
    };
    let choice = handshake::Choice { node_version: "2.11.2".into(), protocol: 3 }.encode();
    let effects = receive(&mut machine, MessageType::Handshake, offer, &choice);
    assert!(matches!(&effects[..], [Effect::Notice(Notice::Ready { protocol: 3, .. })]));
    let call = NewCall {
        kind: CallKind::Publish,
        number,
        topic: topic.clone(),
        data: Bytes::new(),
        deadline: now + S,
        timeout: 1.0,
        send_by: None,
        counted: LIMITS.frame_len(1, 0),
        caller: 7,
    };
    machine.handle(Input::Call(call), now);
    machine.handle(Input::Route { topic, wanted: true, caller: Some(8) }, now);
    machine.queue(now);
    assert_eq!((machine.outputs().counts.calls, machine.outputs().counts.topic_lists_sent), (1, 1));
    let effects = receive(&mut machine, MessageType::Response, ids.seq(number), b"");
    assert!(matches!(&effects[..], [Effect::Complete { caller: 7, outcome: Ok(_), round_trip: Some(_) }]));
}

#[test]
fn topic_that_is_too_long_is_refused_and_never_listed() {
    let mut bench = Bench::ready(3);
    let long = Topic::new("x".repeat(255)).unwrap();
    let (caller, mut listed) = oneshot::channel();
    bench.handle(Input::Route { topic: long.clone(), wanted: true, caller: Some(caller) });
    let error = listed.try_recv().unwrap().unwrap_err();
    assert_eq!((error.kind(), error.delivery()), (ErrorKind::InvalidTopic, Delivery::No));
    assert!(error.message().contains("255 bytes") && error.message().contains("at most 254"), "{error}");
    let (caller, mut surveyed) = oneshot::channel();
    bench.handle(Input::Survey { topic: long.clone(), caller: Some(caller) });
    assert!(surveyed.try_recv().is_ok() && bench.sent().is_empty());
    let _reader = bench.subscribe("short", LaneLimits::default());
    assert_eq!(bench.sent()[0].body, br#"["short"]"#);
    bench.handle(Input::Route { topic: long, wanted: false, caller: None });
    assert!(bench.sent().is_empty());
}

#[test]
fn unicast_that_the_node_would_lose_by_now_is_not_sent() {
    let mut bench = Bench::ready(3);
    let mut call = |number, late: Duration| {
        let topic = Topic::new("t").unwrap();
        let (permit, counted) = bench.link.permit(&topic, 100).unwrap();
        let (done, outcome) = oneshot::channel();
        bench.handle(Input::Call(NewCall {
            kind: CallKind::Publish,
            number,
            topic,
            data: vec![0; 100].into(),
            deadline: bench.now + 10 * S,
            timeout: 10.0,
            send_by: Some(bench.now - late),
            counted,
            caller: Caller { done, permit },
        }));
        (bench.sent().len(), outcome)
    };
    let (sent, mut in_time) = call(1, Duration::ZERO);
    assert!(sent == 1 && in_time.try_recv().is_err(), "it is under way");
    let (sent, mut late) = call(2, Duration::from_millis(1));
    let error = outcome(&mut late).unwrap_err();
    assert_eq!((error.kind(), error.delivery()), (ErrorKind::OwnNodeOnly, Delivery::No), "{error}");
    assert_eq!((sent, bench.link.queued_bytes(), bench.link.in_flight()), (0, 0, 1));
}
