//! What other SDKs can send through an honest node: it harms no other call, and never the connection.

use std::sync::atomic::Ordering;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use tokio::sync::oneshot;

use super::test_harness::{Bench, S, Sent, body, outcome, seq, take};
use super::*;
use crate::delivery::{LaneLimits, MessageKind};
use crate::error::{Delivery, ErrorKind, Result};
use crate::protocol::channel::Frame;
use crate::protocol::result;
use crate::session::apply::deliver;
use crate::session::call::{CallKind, Reply};

const MALFORMED: [&[u8]; 4] = [b"", b"\x00", b"\x01a", b"\x09a"];

fn ignored(bench: &Bench) -> u64 {
    bench.link.counters.ignored_frames.load(Ordering::Relaxed)
}

fn stray(bench: &Bench) -> u64 {
    bench.link.counters.stray_replies.load(Ordering::Relaxed)
}

#[test]
fn malformed_messages_are_counted_and_ignored() {
    let mut bench = Bench::ready(3);
    let (id, mut done) = bench.call(CallKind::Publish, "t", b"ping");
    let mut count = 0;
    for kind in [MessageType::Request, MessageType::Broadcast] {
        for bad in MALFORMED {
            count += 1;
            bench.answer_frame(kind, seq(1), 0, bad).unwrap();
            assert_eq!(ignored(&bench), count, "{kind:?} {bad:?}");
        }
    }
    bench.answer_frame(MessageType::Response, id, 0, &body("t", b"pong")).unwrap();
    assert_eq!(outcome(&mut done).unwrap().data(), "pong");
}

#[test]
fn malformed_or_mistyped_reply_ends_its_call_at_once() {
    let types = [0x30, 0x35, 0x12, 0x13, 0x14, 0x32, 0x37, 0x38, 0x1001, 0x7777];
    let replies =
        MALFORMED.iter().map(|bad| bad.to_vec()).chain([body("t", b"pong"), body("other", b"ping")]);
    let cases = replies.flat_map(|reply| types.map(|kind| (MessageType::from_wire(kind), reply.clone())));
    let malformed = MALFORMED[1..].iter().map(|bad| (MessageType::Response, bad.to_vec()));
    for (kind, reply) in cases.chain(malformed) {
        let mut bench = Bench::ready(3);
        let mut reader = bench.subscribe("t", LaneLimits::default());
        bench.sent();
        let (id, mut done) = bench.call(CallKind::Publish, "t", b"ping");
        let (_, mut other) = bench.call(CallKind::Publish, "t", b"ping");
        bench.sent();
        bench.answer_frame(kind, id, 0, &reply).unwrap();
        let error = outcome(&mut done).unwrap_err();
        assert_eq!((error.kind(), error.delivery()), (ErrorKind::Protocol, Delivery::Maybe), "{kind:?}");
        assert!(other.try_recv().is_err() && take(&mut reader).is_none() && bench.sent().is_empty());
        bench.answer_frame(kind, id, 0, &reply).unwrap();
        assert!(take(&mut reader).is_none(), "the call has ended");
        assert_eq!(stray(&bench), 1);
    }
}

#[test]
fn reply_with_the_requests_body_is_a_message_only_on_a_listed_topic() {
    let mut bench = Bench::ready(3);
    let (id, mut done) = bench.call(CallKind::Publish, "t", b"ping");
    bench.sent();
    bench.answer_frame(MessageType::Request, id, 0, &body("t", b"ping")).unwrap();
    assert_eq!(outcome(&mut done).unwrap_err().kind(), ErrorKind::Protocol);
    assert!(bench.sent().is_empty());
}

#[test]
fn own_unicast_is_delivered_and_answers_nothing() {
    let mut bench = Bench::ready(3);
    let mut reader = bench.serve("t", LaneLimits::default());
    bench.sent();
    let (id, mut done) = bench.call(CallKind::Publish, "t", b"ping");
    bench.sent();
    bench.answer_frame(MessageType::Request, id, 0, &body("t", b"ping")).unwrap();
    assert!(done.try_recv().is_err());
    take(&mut reader).expect("the own request").reply("pong").unwrap();
    bench.pass_answers();
    let reply = bench.sent().remove(0);
    bench.answer_frame(MessageType::Response, reply.seq, 0, &reply.body).unwrap();
    assert_eq!(outcome(&mut done).unwrap().data(), "pong");
}

#[test]
fn own_broadcast_comes_back_before_or_after_its_ack() {
    for echo in [false, true] {
        let mut bench = Bench::ready_with_echo(echo);
        let mut reader = bench.subscribe("t", LaneLimits::default());
        bench.sent();
        for ack_first in [false, true] {
            let (id, mut done) = bench.call(CallKind::Broadcast, "t", b"news");
            let frames = [MessageType::Broadcast, MessageType::Response];
            for at in [usize::from(ack_first), usize::from(!ack_first)] {
                bench.answer_frame(frames[at], id, 0, &body("t", b"news")).unwrap();
            }
            outcome(&mut done).unwrap();
            assert_eq!(take(&mut reader).is_some(), echo);
            // Not the message that was sent, though a body of its own topic.
            bench.answer_frame(MessageType::Broadcast, id, 0, &body("t", b"forged")).unwrap();
            assert!(take(&mut reader).is_none());
        }
        assert_eq!(stray(&bench), 2);
    }
}

#[test]
fn late_reply_is_no_message_while_the_client_closes() {
    let mut bench = Bench::ready(3);
    let mut reader = bench.subscribe("t", LaneLimits::default());
    let (id, mut done) = bench.call(CallKind::Publish, "t", b"ping");
    bench.sent();
    bench.handle(Input::EndCalls(Error::undelivered(ErrorKind::Closed, "closed")));
    let error = outcome(&mut done).unwrap_err();
    assert_eq!((error.kind(), error.delivery()), (ErrorKind::Closed, Delivery::Maybe));
    bench.answer_frame(MessageType::Request, id, 0, &body("t", b"pong")).unwrap();
    assert!(take(&mut reader).is_none() && bench.sent().is_empty());
    assert_eq!(stray(&bench), 1);
}

#[test]
fn own_ids_that_another_session_sent_are_ordinary() {
    let mut bench = Bench::ready(3);
    let mut reader = bench.subscribe("t", LaneLimits::default());
    bench.sent();
    let elsewhere = bench.shared.seqs.next();
    bench.answer_frame(MessageType::Request, elsewhere, 0, &body("t", b"any")).unwrap();
    let message = take(&mut reader).expect("a message like any other");
    assert_eq!((message.kind(), message.seq()), (MessageKind::Unicast, &elsewhere.as_bytes()[..]));
    bench.answer_frame(MessageType::Response, elsewhere, 0, b"").unwrap();
    assert_eq!(stray(&bench), 1);
}

#[test]
fn copies_of_a_running_request_take_one_answer() {
    let mut bench = Bench::ready(3);
    let mut reader = bench.serve("t", LaneLimits::default());
    bench.sent();
    for _ in 0..5000 {
        bench.answer_frame(MessageType::Request, seq(1), 0, &body("t", b"?")).unwrap();
    }
    assert_eq!(bench.requests.len(), (1, 1));
    assert_eq!(bench.shared.discarded.duplicates.load(Ordering::Relaxed), 4999);
    take(&mut reader).unwrap().reply(vec![1; 100_000]).unwrap();
    bench.pass_answers();
    assert_eq!(bench.sent().len(), 1);
    assert_eq!((bench.requests.is_empty(), bench.link.queued_bytes()), (true, 0));
}

#[test]
fn read_without_messages_takes_no_shared_lock() {
    let mut bench = Bench::ready(3);
    let _reader = bench.subscribe("t", LaneLimits::default());
    let (id, _done) = bench.call(CallKind::Publish, "t", b"");
    bench.sent();
    let Bench { router, machine, requests, link, shared, now, .. } = &mut bench;
    let (reply, message) = (body("t", b"reply"), body("t", b"message"));
    router.batch(*now, |batch| {
        let mut receive = |frame: Frame<'_>| {
            machine.read_buffer().extend_from_slice(&frame.to_bytes());
            deliver(machine, batch, requests, link, *now).unwrap();
            shared.duplicates.try_lock().is_err()
        };
        assert!(!receive(Frame::new(MessageType::Response, id, 0, &reply)));
        assert!(!receive(Frame::new(MessageType::Request, seq(1), 0, b"")));
        assert!(receive(Frame::new(MessageType::Request, seq(1), 0, &message)), "a message");
    });
}

#[test]
fn reply_without_capacity_is_overloaded_and_can_be_given_later() {
    let mut bench = Bench::ready_with_send_bound(3, 10_000);
    let mut reader = bench.serve("t", LaneLimits::default());
    bench.sent();
    bench.answer_frame(MessageType::Request, seq(1), 0, &body("t", b"?")).unwrap();
    bench.answer_frame(MessageType::Request, seq(2), 0, &body("t", b"?")).unwrap();
    let [first, second] = [(); 2].map(|()| take(&mut reader).unwrap());
    first.reply(vec![1; 9_000]).unwrap();
    assert!(bench.link.queued_bytes() > 9_000, "an answer counts before the session has taken it");
    for outcome in [second.reply(vec![2; 9_000]), second.fail(-7, vec![2; 9_000])] {
        let error = outcome.unwrap_err();
        assert_eq!((error.kind(), error.delivery()), (ErrorKind::Overloaded, Delivery::No));
        assert!(second.is_open());
    }
    assert_eq!(bench.link.counters.overloaded.load(Ordering::Relaxed), 2);
    bench.pass_answers();
    bench.sent();
    second.reply(vec![2; 9_000]).unwrap();
    assert_eq!(second.reply("again").unwrap_err().kind(), ErrorKind::AlreadyAnswered);
    bench.pass_answers();
    assert_eq!((bench.sent().len(), bench.link.queued_bytes()), (1, 0));
}

#[test]
fn own_answers_are_never_refused_and_full_reserve_stops_reading() {
    let mut bench = Bench::ready_with_send_bound(3, 10_000);
    let mut reader = bench.serve("t", LaneLimits { max_messages: 2, ..LaneLimits::default() });
    bench.sent();
    for n in 1..=2 {
        bench.answer_frame(MessageType::Request, seq(n), 0, &body("t", b"?")).unwrap();
    }
    let (kept, dropped) = (take(&mut reader).unwrap(), take(&mut reader).unwrap());
    kept.reply(vec![1; 9_000]).unwrap();
    drop(dropped);
    bench.pass_answers();
    let mut own = 1;
    while bench.link.may_read(READ_CHUNK) {
        // The kept answer finds no capacity either.
        bench.answer_frame(MessageType::Request, seq(1), 0, &body("t", b"?")).unwrap();
        bench.answer_frame(MessageType::Request, seq(9), 0, &body("left", b"?")).unwrap();
        own += 2;
    }
    assert!(bench.link.queued_bytes() <= 10_000 + crate::delivery::SendQueue::ANSWER_RESERVE);
    let answers: Vec<i32> =
        bench.sent().iter().skip(1).map(|sent| sent.result).filter(|code| *code != 0).collect();
    assert_eq!(answers.len(), own);
    assert!(answers.iter().all(|code| [result::DROPPED, result::UNSUBSCRIBED].contains(code)));
    assert!(bench.link.may_read(READ_CHUNK));
    bench.answer_frame(MessageType::Request, seq(1), 0, &body("t", b"?")).unwrap();
    assert_eq!(bench.sent()[0].body.len(), 2 + 9_000, "there is capacity again");
    assert_eq!(bench.link.queued_bytes(), 0);
}

/// A frame that another SDK has the node send.
#[derive(Clone, Debug)]
struct Hostile {
    kind: u16,
    id: Id,
    result: i32,
    body: Body,
}

#[derive(Clone, Debug)]
enum Id {
    /// Of a call that the hostile SDK has received.
    Attacked(Index),
    /// Of a call that another session of this client has sent.
    OtherSession,
    Foreign(u64),
}

#[derive(Clone, Debug)]
enum Body {
    Any(Vec<u8>),
    Topic(usize, Vec<u8>),
    /// That of the attacked call.
    OfCall,
}

const TOPICS: [&str; 3] = ["listed", "served", "elsewhere"];

fn hostile() -> impl Strategy<Value = Hostile> {
    let kind = prop_oneof![
        4 => prop_oneof![Just(0x30), Just(0x31), Just(0x35)],
        2 => prop_oneof![Just(0x12), Just(0x13), Just(0x14), Just(0x32), Just(0x37), Just(0x38), Just(0x1001)],
        1 => any::<u16>(),
    ];
    let id = prop_oneof![
        5 => any::<Index>().prop_map(Id::Attacked),
        1 => Just(Id::OtherSession),
        2 => (0..4u64).prop_map(Id::Foreign),
    ];
    let result = prop_oneof![Just(0), 100..105, -5013..-4999, any::<i32>()];
    let body = prop_oneof![
        2 => vec(any::<u8>(), 0..6).prop_map(Body::Any),
        3 => (0..TOPICS.len(), vec(any::<u8>(), 0..3)).prop_map(|(topic, data)| Body::Topic(topic, data)),
        2 => Just(Body::OfCall),
    ];
    (kind, id, result, body).prop_map(|(kind, id, result, body)| Hostile { kind, id, result, body })
}

type Pending = (Seq, usize, oneshot::Receiver<Result<Reply>>);

fn calls(bench: &mut Bench, count: usize, data: &[u8]) -> Vec<Pending> {
    let kinds = [CallKind::Publish, CallKind::Publish, CallKind::Broadcast];
    let call = |n: usize| {
        let topic = n % TOPICS.len();
        let (id, done) = bench.call(kinds[n / TOPICS.len() % kinds.len()], TOPICS[topic], data);
        (id, topic, done)
    };
    (0..count).map(call).collect()
}

proptest! {
    #[test]
    fn hostile_frames_affect_only_calls_that_their_author_received(frames in vec(hostile(), 1..60)) {
        let mut bench = Bench::ready(3);
        let limits = LaneLimits { max_messages: 4, ..LaneLimits::default() };
        let (_listed, mut served) = (bench.subscribe(TOPICS[0], limits), bench.serve(TOPICS[1], limits));
        let mut attacked = calls(&mut bench, 9, b"attacked");
        let mut others = calls(&mut bench, 9, b"others");
        bench.sent();
        let mut held = Vec::new();
        for Hostile { kind, id, result, body: content } in frames {
            let elsewhere = bench.shared.seqs.next();
            let (seq, of_call) = match id {
                Id::Attacked(index) => {
                    let (id, topic, _) = &attacked[index.index(attacked.len())];
                    (*id, body(TOPICS[*topic], b"attacked"))
                }
                Id::OtherSession => (elsewhere, vec![]),
                Id::Foreign(n) => (seq(n), vec![]),
            };
            let content = match content {
                Body::Any(bytes) => bytes,
                Body::Topic(topic, data) => body(TOPICS[topic], &data),
                Body::OfCall => of_call,
            };
            bench.answer_frame(MessageType::from_wire(kind), seq, result, &content).expect("the connection lives");
            held.extend(take(&mut served));
        }
        drop(held);
        bench.pass_answers();
        for Sent { kind, result, body, .. } in bench.sent() {
            if kind == MessageType::Response {
                amop::split(&body).expect("a topic in every answer");
                prop_assert!([0, result::DROPPED, result::BUSY, result::UNSUBSCRIBED].contains(&result));
            }
        }
        for (id, topic, done) in &mut others {
            prop_assert!(done.try_recv().is_err(), "a call of others has ended");
            bench.answer_frame(MessageType::Response, *id, 0, &body(TOPICS[*topic], b"reply")).unwrap();
            prop_assert!(outcome(done).is_ok());
        }
        bench.pass(10 * S).unwrap();
        for (_, _, done) in &mut attacked {
            // Ended by a frame or by its deadline, once.
            let _ = outcome(done);
        }
        bench.sent();
        prop_assert_eq!((bench.link.in_flight(), bench.link.queued_bytes()), (0, 0));
    }
}
