//! Messages that arrive: what is delivered, and what is answered by whom.

use std::time::Duration;

use super::test_harness::{Bench, Sent, body, seq, take};
use super::*;
use crate::delivery::{LaneLimits, Overflow, Request, RouteSpec, Router, Verdict, Wire};
use crate::error::ErrorKind;
use crate::protocol::message::Payload;

#[test]
fn subscribed_unicast_is_answered_empty_and_delivered_once() {
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
fn broadcasts_are_delivered_once_and_not_answered() {
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
fn full_lane_answers_busy_and_unknown_topic_unsubscribed() {
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
fn slow_handler_is_answered_for() {
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
    assert_eq!(bench.sent()[0].result, -5011, "a duplicate gets the same answer");
}

fn id(n: u64) -> MessageId {
    MessageId::new(seq(n).as_bytes())
}

#[test]
fn first_timeout_answers_a_request_and_its_duplicates_once() {
    for first_is_gone in [false, true] {
        let mut bench = Bench::ready(3);
        let mut reader = bench.serve("t", LaneLimits::default());
        bench.sent();
        let first = Arc::new(Wire { is_gone: first_is_gone, ..Wire::default() });
        let mut other = Router::new(bench.shared.clone(), "node:2".into(), first.clone());
        let service = Some(reader.lane().clone());
        other.set(Topic::new("t").unwrap(), RouteSpec { service, ..RouteSpec::default() });
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
    for n in 1..=4 {
        bench.answer_frame(MessageType::Request, seq(n), 0, &body("t", b"ask")).unwrap();
    }
    let failing = take(&mut reader).unwrap();
    for code in [0, 100, 104, -5010, -5011, -5012, -5013] {
        assert_eq!(failing.fail(code, "").unwrap_err().kind(), ErrorKind::InvalidArgument);
    }
    failing.fail(160_010, "why").unwrap();
    take(&mut reader).unwrap().fail(i32::MIN, "").unwrap();
    take(&mut reader).unwrap().fail(Request::FAILED, "").unwrap();
    drop(take(&mut reader));
    bench.pass_answers();
    let answers: Vec<_> = bench.sent().into_iter().map(|sent| (sent.result, sent.body)).collect();
    let empty = || body("t", b"");
    let expected = [(160_010, body("t", b"why")), (i32::MIN, empty()), (-5000, empty()), (-5010, empty())];
    assert_eq!(answers, expected);
}

#[test]
fn answer_of_a_former_connection_is_not_sent_on_a_new_one() {
    let mut bench = Bench::ready(3);
    let mut reader = bench.serve("t", LaneLimits::default());
    bench.answer_frame(MessageType::Request, seq(1), 0, &body("t", b"ask")).unwrap();
    let request = take(&mut reader).unwrap();
    bench.link.next_epoch();
    assert_eq!(request.reply("late").unwrap_err().kind(), ErrorKind::RequestExpired);
    assert!(bench.inbox.try_next().is_none());
    // The node delivers it again by the new connection: it gets the kept answer.
    bench.sent();
    bench.answer_frame(MessageType::Request, seq(1), 0, &body("t", b"ask")).unwrap();
    assert_eq!(bench.sent()[0].body, body("t", b"late"));
}
