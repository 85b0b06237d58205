use std::task::{Context, Poll, Waker};

use tokio::sync::oneshot::error::TryRecvError;

use super::test_harness::{Bench, S, Sent, amop_payload};
use super::*;
use crate::delivery::{LaneItem, LaneReader, RouteSpec};
use crate::error::{Delivery, ErrorKind, Result};
use crate::protocol::result;
use crate::protocol::websocket::message::MIN_LEN;
use crate::session::call::{CallKind, Reply};
use crate::session::effect::Notice;

use MessageType as Type;

fn next<T: LaneItem>(reader: &mut LaneReader<T>) -> Option<T> {
    match reader.poll_next(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(item) => item,
        Poll::Pending => None,
    }
}

fn message(kind: Type, seq: &[u8], payload: &[u8]) -> Sent {
    Sent::Message { kind, status: 0, seq: seq.to_vec(), payload: payload.to_vec() }
}

fn outcome(outcome: &mut tokio::sync::oneshot::Receiver<Result<Reply>>) -> Option<Result<Reply>> {
    match outcome.try_recv() {
        Ok(outcome) => Some(outcome),
        Err(TryRecvError::Empty) => None,
        Err(TryRecvError::Closed) => panic!("the call was dropped"),
    }
}

#[test]
fn handshake_is_followed_by_the_list_and_a_probe() {
    let mut bench = Bench::new();
    let offer = bench.sent().remove(0);
    assert_eq!(
        offer,
        message(Type::Handshake, offer.seq(), b"{\"maxVersion\":2,\"minVersion\":0,\"moduleID\":2}\n")
    );
    bench.receive(Type::Handshake, 0, &[b'0'; 32], b"{\"protocolVersion\":2}").unwrap();
    assert!(!bench.machine.is_ready(), "the answer to another offer");
    bench.receive(Type::Handshake, 0, offer.seq(), b"{\"protocolVersion\":1}").unwrap();
    let ready = Notice::Ready { node_version: String::new(), protocol: 1 };
    assert_eq!(bench.take_notices(), [ready]);
    let sent = bench.answer_probe();
    assert!(matches!(&sent[..], [Sent::Message { kind: Type::TopicList, payload, .. }]
        if payload == b"{\"topics\":[]}\n"));
    assert_eq!(bench.take_notices(), [Notice::TopicsRestored]);
}

#[test]
fn topics_are_gathered_while_a_list_is_under_way_and_then_confirmed() {
    let mut bench = Bench::ready();
    let (mut first, _a) = bench.subscribe("a");
    let (mut second, _b) = bench.subscribe("b");
    let (mut again, _a2) = bench.subscribe("a");
    let sent = bench.answer_probe();
    assert!(matches!(&sent[..], [Sent::Message { kind: Type::TopicList, payload, .. }]
        if payload == b"{\"topics\":[\"a\"]}\n"));
    assert!(first.try_recv().unwrap().is_ok() && second.try_recv().is_err());
    let sent = bench.answer_probe();
    assert!(matches!(&sent[..], [Sent::Message { kind: Type::TopicList, payload, .. }]
        if payload == b"{\"topics\":[\"b\"]}\n"));
    assert!(second.try_recv().unwrap().is_ok() && again.try_recv().unwrap().is_ok());
    let (mut known, _b2) = bench.subscribe("b");
    assert!(bench.sent().is_empty() && known.try_recv().unwrap().is_ok(), "the node lists it already");
    assert_eq!(bench.link.queued_bytes(), 0);
}

#[test]
fn reply_is_matched_by_its_seq_whatever_its_type() {
    let mut bench = Bench::ready();
    for kind in [Type::Response, Type::Other(0x999), Type::Request, Type::TopicList, Type::Error] {
        let (seq, mut done) = bench.call(CallKind::Publish, "t", b"hi", 10 * S);
        assert_eq!(bench.sent(), [message(Type::Request, seq.as_bytes(), &amop_payload("t", b"hi"))]);
        bench.receive(kind, 0, seq.as_bytes(), b"pong").unwrap();
        let reply = outcome(&mut done).expect("an outcome").unwrap();
        assert_eq!((&reply.data()[..], reply.endpoint()), (&b"pong"[..], "node:1"), "{kind:?}");
    }
    assert_eq!(bench.link.queued_bytes(), 0);
}

#[test]
fn late_duplicated_and_nameless_replies_complete_nothing() {
    let mut bench = Bench::ready();
    let (seq, mut done) = bench.call(CallKind::Publish, "t", b"", 2 * S);
    bench.sent();
    // What a node sends when a subscriber of its own is lost.
    bench.receive(Type::Error, 0, b"", b"").unwrap();
    bench.receive(Type::Response, 0, b"short", b"").unwrap();
    assert!(outcome(&mut done).is_none());
    bench.pass(2 * S).unwrap();
    let error = outcome(&mut done).expect("an outcome").unwrap_err();
    assert_eq!((error.kind(), error.delivery()), (ErrorKind::Timeout, Delivery::Maybe));
    bench.receive(Type::Response, 0, seq.as_bytes(), b"late").unwrap();
    let (seq, mut done) = bench.call(CallKind::Publish, "t", b"", 2 * S);
    bench.sent();
    bench.receive(Type::Response, 0, seq.as_bytes(), b"first").unwrap();
    bench.receive(Type::Response, 0, seq.as_bytes(), b"second").unwrap();
    assert_eq!(outcome(&mut done).expect("an outcome").unwrap().data(), "first");
    let stray = bench.link.counters.stray_replies.load(std::sync::atomic::Ordering::Relaxed);
    assert_eq!(stray, 4);
}

#[test]
fn errors_keep_the_number_of_the_node() {
    let mut bench = Bench::ready();
    let (seq, mut done) = bench.call(CallKind::Publish, "t", b"", 10 * S);
    bench.sent();
    bench.receive(Type::Error, -4008, seq.as_bytes(), b"waiting for message response timed out").unwrap();
    let error = outcome(&mut done).expect("an outcome").unwrap_err();
    assert_eq!((error.kind(), error.node_code()), (ErrorKind::NodeTimeout, Some(-4008)));
}

#[test]
fn own_request_that_comes_back_is_a_delivery_and_no_answer() {
    let mut bench = Bench::ready();
    let mut requests = bench.serve("self");
    bench.answer_probe();
    let (seq, mut done) = bench.call(CallKind::Publish, "self", b"hi", 60 * S);
    bench.sent();
    let payload = amop_payload("self", b"hi");
    bench.receive(Type::Request, 0, &[b'1'; 32], &payload).unwrap();
    let first = next(&mut requests).expect("a request");
    // 30 s later the node delivers it again, with the publisher's seq.
    bench.receive(Type::Request, 0, seq.as_bytes(), &payload).unwrap();
    let second = next(&mut requests).expect("a second one");
    assert!(outcome(&mut done).is_none());
    drop((first, second));
    bench.receive(Type::Response, 0, seq.as_bytes(), b"pong").unwrap();
    assert_eq!(outcome(&mut done).expect("an outcome").unwrap().data(), "pong");
    // After the call has ended it is still recognised.
    bench.receive(Type::Request, 0, seq.as_bytes(), &payload).unwrap();
    assert_eq!(outcome_count(&bench), 0);
}

fn outcome_count(bench: &Bench) -> usize {
    bench.link.in_flight()
}

#[test]
fn broadcast_completes_once_it_is_written() {
    let mut bench = Bench::ready();
    let (_, mut messages) = bench.subscribe("t");
    bench.answer_probe();
    let (seq, mut done) = bench.call(CallKind::Broadcast, "t", b"news", 10 * S);
    assert!(outcome(&mut done).is_none());
    let sent = bench.sent();
    assert_eq!(sent, [message(Type::Broadcast, seq.as_bytes(), &amop_payload("t", b"news"))]);
    assert!(outcome(&mut done).expect("an outcome").unwrap().data().is_empty());
    bench.receive(Type::Broadcast, 0, seq.as_bytes(), &amop_payload("t", b"news")).unwrap();
    assert!(next(&mut messages).is_none(), "a client doesn't receive its own broadcasts");
    // Copies of other nodes carry no id, so each is delivered.
    for _ in 0..2 {
        bench.receive(Type::Broadcast, 0, b"", &amop_payload("t", b"others")).unwrap();
        assert_eq!(next(&mut messages).expect("a message").data(), "others");
    }
    assert_eq!(bench.link.queued_bytes(), 0);
}

#[test]
fn broadcasts_are_taken_from_the_primary_connection_only() {
    let mut bench = Bench::ready();
    bench.is_primary = false;
    let (_, mut messages) = bench.subscribe("t");
    bench.answer_probe();
    for seq in [&b""[..], &[b'7'; 32]] {
        bench.receive(Type::Broadcast, 0, seq, &amop_payload("t", b"copy")).unwrap();
    }
    assert!(next(&mut messages).is_none());
    assert_eq!(bench.shared.discarded.duplicates.load(std::sync::atomic::Ordering::Relaxed), 2);
    bench.receive(Type::Request, 0, b"1", &amop_payload("t", b"unicast")).unwrap();
    assert_eq!(next(&mut messages).expect("a message").data(), "unicast");
}

#[test]
fn messages_on_a_topic_that_was_left_are_refused_and_counted() {
    let mut bench = Bench::ready();
    let (_, mut messages) = bench.subscribe("t");
    bench.answer_probe();
    bench.receive(Type::Request, 0, b"1", &amop_payload("t", b"x")).unwrap();
    assert!(next(&mut messages).is_some());
    assert_eq!(bench.sent(), [message(Type::Response, b"1", b"")]);
    drop(bench.route("t", RouteSpec::default()));
    assert!(bench.sent().is_empty(), "a node has no message for it");
    bench.receive(Type::Request, 0, b"2", &amop_payload("t", b"x")).unwrap();
    bench.receive(Type::Broadcast, 0, b"3", &amop_payload("t", b"x")).unwrap();
    let refused = Sent::Message {
        kind: Type::Response,
        status: result::UNSUBSCRIBED as i16,
        seq: b"2".to_vec(),
        payload: Vec::new(),
    };
    assert_eq!(bench.sent(), [refused]);
    assert_eq!(bench.shared.discarded.unwanted.load(std::sync::atomic::Ordering::Relaxed), 2);
    assert_eq!(bench.link.queued_bytes(), 0);
}

#[test]
fn pings_leave_every_5_seconds_and_those_of_the_node_are_answered() {
    let mut bench = Bench::ready();
    for _ in 0..3 {
        bench.pass(5 * S).unwrap();
        assert_eq!(bench.sent(), [Sent::Ping]);
        bench.receive_ping(b"");
        bench.receive_ping(b"pp");
        assert_eq!(bench.sent(), [Sent::Pong(vec![]), Sent::Pong(b"pp".to_vec())]);
    }
    let error = bench.pass(20 * S).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionLost);
    assert!(error.message().contains("nothing was received for 10 s"), "{error}");
    assert_eq!(bench.link.queued_bytes(), bench.machine.outbox().len());
}

#[test]
fn node_that_only_pongs_is_probed_and_given_up() {
    let mut bench = Bench::ready();
    let began = bench.now;
    let probe = loop {
        bench.pass(S).unwrap();
        bench.receive_ping(b"");
        if let Some(probe) = bench.sent().into_iter().find(Sent::is_probe) {
            break probe;
        }
    };
    assert_eq!(bench.now - began, 20 * S, "two heartbeats");
    bench.receive(Type::Error, 3001, probe.seq(), b"").unwrap();
    let error = loop {
        if let Err(error) = bench.pass(S) {
            break error;
        }
        bench.receive_ping(b"");
        bench.sent();
    };
    assert!(error.message().contains("answers pings"), "{error}");
    assert_eq!(bench.now - began, 45 * S, "two heartbeats after the answer, and 5 s");
}

#[test]
fn close_of_the_node_ends_the_connection_at_once() {
    let mut bench = Bench::ready();
    let error = bench.receive_close(1009);
    assert_eq!(error.kind(), ErrorKind::ConnectionLost);
    assert!(error.message().contains("code 1009, because a message was longer"), "{error}");
    assert!(bench.sent().is_empty(), "the close is not answered: TCP is closed");
    let mut bench = Bench::new();
    let error = bench.receive_close(1000);
    assert_eq!(error.kind(), ErrorKind::Handshake);
    assert!(error.message().contains("protocol versions 0 to 2"), "{error}");
}

#[test]
fn malformed_messages_are_counted_and_harm_nothing() {
    let mut bench = Bench::ready();
    let (_, mut messages) = bench.subscribe("t");
    bench.answer_probe();
    // Each of these made the official client, or a session of a node, deaf.
    let past_end = [&[0, 0, 1, 0x11, 0, 0, 3, 0xe7][..], &[b'x'; 20]].concat();
    let mut frames: Vec<Vec<u8>> = vec![past_end, vec![], vec![0; 9]];
    for payload in [&[][..], &[0], &[0; 2], &[0; 5], b"\0\0\0\0\0\x64abcd"] {
        for kind in [Type::Request, Type::Broadcast] {
            frames.push(Message::new(kind, 0, &[b'd'; 32], payload).to_bytes());
        }
    }
    frames.push(Message::new(Type::Other(0x999), 0, b"", b"").to_bytes());
    frames.push(Message::new(Type::TopicList, 0, b"", b"{\"topics\":[\"t\"]}").to_bytes());
    frames.push(Message::new(Type::Handshake, 0, b"", b"hello").to_bytes());
    frames.push(Message::new(Type::BlockNotify, 0, b"", b"\xff").to_bytes());
    for frame in &frames {
        let mut out = BytesMut::new();
        crate::protocol::websocket::frame::put_message(&mut out, None, &[frame]);
        bench.receive_bytes(&out).unwrap();
    }
    let ignored = bench.link.counters.ignored_frames.load(std::sync::atomic::Ordering::Relaxed);
    assert_eq!(ignored, frames.len() as u64);
    assert!(bench.sent().is_empty());
    bench.receive(Type::Request, 0, b"1", &amop_payload("t", b"x")).unwrap();
    assert!(next(&mut messages).is_some());
}

#[test]
fn breach_of_websocket_ends_the_connection() {
    let mut bench = Bench::ready();
    let error = bench.receive_bytes(&[0x82, 0x80, 1, 2, 3, 4]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Protocol);
    let mut bench = Bench::new();
    let error = bench.receive_bytes(b"HTTP/1.1 400").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Handshake);
    assert!(error.message().contains("HTTP/1.1 400"), "{error}");
}

#[test]
fn close_frame_is_the_last_one_and_follows_what_is_queued() {
    let mut bench = Bench::ready();
    let (_, mut done) = bench.call(CallKind::Broadcast, "t", &vec![7; 300 << 10], 10 * S);
    let (seq, _second) = bench.call(CallKind::Publish, "t", b"", 10 * S);
    bench.machine.close();
    let sent = bench.sent();
    assert_eq!(sent.len(), 3);
    assert_eq!((sent[1].seq(), &sent[2]), (&seq.as_bytes()[..], &Sent::Close(Some(1000))));
    assert!(outcome(&mut done).expect("an outcome").is_ok());
    bench.receive_ping(b"");
    let (_listed, _messages) = bench.subscribe("t");
    assert!(bench.sent().is_empty());
}

#[test]
fn handshake_that_is_not_answered_or_refused_fails() {
    let mut bench = Bench::new();
    let error = bench.pass(11 * S).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectTimeout);
    for (answer, text) in
        [(&b"hello"[..], "names no protocol version"), (b"{\"protocolVersion\":3}", "supports 0 to 2")]
    {
        let mut bench = Bench::new();
        let offer = bench.sent().remove(0);
        let error = bench.receive(Type::Handshake, 0, offer.seq(), answer).unwrap_err();
        assert!(error.kind() == ErrorKind::Handshake && error.message().contains(text), "{error}");
    }
}

#[test]
fn loss_ends_calls_with_what_may_have_been_delivered() {
    let mut bench = Bench::ready();
    let (_, mut written) = bench.call(CallKind::Publish, "t", b"", 10 * S);
    bench.sent();
    let (_, mut queued) = bench.call(CallKind::Broadcast, "t", b"", 10 * S);
    bench.machine.end(&Error::undelivered(ErrorKind::ConnectionLost, "lost"));
    bench.sent();
    let delivery = |done| outcome(done).expect("an outcome").unwrap_err().delivery();
    assert_eq!((delivery(&mut written), delivery(&mut queued)), (Delivery::Maybe, Delivery::No));
}

#[test]
fn answer_that_does_not_fit_beside_a_long_id_is_a_failure() {
    let mut bench = Bench::ready();
    let data = Bytes::from(vec![0; amop::MAX_SENT_MESSAGE_LEN - MIN_LEN - Seq::LEN]);
    for (id_len, status, len) in [(Seq::LEN, 0, data.len()), (Seq::LEN + 1, result::FAILED as i16, 0)] {
        bench.machine.answer(&MessageId::new(&vec![b'i'; id_len]), &Topic::new("t").unwrap(), 0, &data);
        match &bench.sent()[..] {
            [Sent::Message { kind: Type::Response, status: sent, seq, payload }] => {
                assert_eq!((*sent, seq.len(), payload.len()), (status, id_len, len));
            }
            _ => panic!("one answer"),
        }
    }
}
