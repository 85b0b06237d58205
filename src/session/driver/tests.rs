//! The ends of a connection, over a stream in memory.

use std::collections::HashMap;
use std::task::Waker;

use proptest::collection::vec;
use proptest::prelude::*;
use tokio::sync::oneshot;
use tokio::sync::oneshot::error::TryRecvError;

use super::test_harness::*;
use super::*;
use crate::delivery::RouteSpec;
use crate::error::Delivery;
use crate::protocol::Seq;
use crate::protocol::channel::{Frame, MessageType, amop};
use crate::transport::Generation;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    NodeCloses,
    Garbage,
    Closed,
    Aborted,
    WakerPanics,
}

fn endings() -> impl Strategy<Value = Ending> {
    use Ending::{Aborted, Closed, Garbage, NodeCloses, WakerPanics};
    prop::sample::select(vec![NodeCloses, Garbage, Closed, Aborted, WakerPanics])
}

/// Plays one connection: `before` are the sizes of calls that the driver has taken, of which the node reads `read`
/// bytes; `after` of those that wait in the inbox at the end. A third of the requests are answered early, a third late.
fn play(before: &[usize], after: &[usize], requests: u64, read: usize, ending: Ending) {
    let mut link = Link::new();
    let (handle, ids) = (link.handle.clone(), link.ids.clone());
    let (driver, mut node, service) = link.connect();
    let mut driver = Box::pin(driver.run(|_| Ok(())));
    establish(&mut driver, &mut node, &handle);
    node.refuse_question();
    for n in 0..requests {
        let mut body = Vec::new();
        amop::put_topic(&mut body, b"served");
        node.write(&Frame::new(MessageType::Request, Seq::from_halves(7, n), 0, &body).to_bytes());
    }
    let mut calls: Vec<_> = before.iter().map(|len| call(&handle, ids.next_number(), *len)).collect();
    assert!(!turn(&mut driver));
    let mut open = HashMap::new();
    for n in 0..requests {
        let Poll::Ready(Some(request)) = service.poll_next(&mut context()) else { panic!("request {n}") };
        if n % 3 == 0 {
            request.reply(vec![0; 5000]).unwrap();
        } else {
            open.insert(n, request);
        }
    }
    assert!(!turn(&mut driver));
    node.read(read);
    assert!(!turn(&mut driver));
    for (_, request) in open.extract_if(|n, _| n % 3 == 1) {
        request.reply(vec![0; 5000]).unwrap();
    }
    calls.extend(after.iter().map(|len| call(&handle, ids.next_number(), *len)));
    let panicking = Waker::from(Arc::new(PanickingWaker));
    match ending {
        Ending::NodeCloses | Ending::WakerPanics => drop(node),
        Ending::Garbage => node.write(&[0; 8]),
        Ending::Closed => {
            assert!(handle.send(close()).is_ok());
            while !turn(&mut driver) {
                node.read(usize::MAX);
            }
        }
        Ending::Aborted => {}
    }
    match ending {
        Ending::NodeCloses | Ending::Garbage => assert!(turn(&mut driver)),
        Ending::WakerPanics => {
            if let Some(call) = calls.first_mut() {
                assert!(Pin::new(call).poll(&mut Context::from_waker(&panicking)).is_pending());
            }
            let ended = catch_unwind(AssertUnwindSafe(|| turn(&mut driver)));
            assert_eq!(ended.is_err(), !calls.is_empty());
        }
        Ending::Closed | Ending::Aborted => {}
    }
    drop(driver);
    link.refuse_rest();
    assert!(!handle.is_connected());
    assert_eq!(handle.in_flight(), 0);
    drop((open, link));
    assert_eq!(handle.queued_bytes(), 0);
    for mut call in calls {
        match call.try_recv() {
            Ok(outcome) => assert!(outcome.is_err()),
            // A caller whose outcome is lost reports that the message may have been delivered.
            Err(TryRecvError::Closed) => assert_eq!(ending, Ending::WakerPanics),
            Err(TryRecvError::Empty) => panic!("the call has not ended"),
        }
    }
}

fn sizes() -> impl Strategy<Value = Vec<usize>> {
    vec(prop_oneof![0..100usize, 4000..5000usize, 0..3 * PIPE], 0..6)
}

#[test]
fn handler_has_half_a_second_less_than_its_node_waits() {
    let of = |generation| match generation {
        Generation::V2 => crate::session::channel::LIMITS.answer_time,
        Generation::V3 => crate::session::websocket::LIMITS.answer_time,
    };
    let seconds = Duration::from_secs_f64;
    assert_eq!(answer_time(None, of(Generation::V2)), seconds(4.5));
    assert_eq!(answer_time(None, of(Generation::V3)), seconds(29.5));
    assert_eq!(answer_time(Some(seconds(60.0)), of(Generation::V3)), seconds(60.0));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn every_end_of_a_connection_ends_calls_and_releases_bytes(
        before in sizes(),
        after in sizes(),
        requests in 0..10u64,
        read in 0..6 * PIPE,
        ending in endings(),
    ) {
        in_runtime(|| play(&before, &after, requests, read, ending));
    }
}

#[test]
fn commands_behind_one_that_panics_are_left_to_the_link() {
    in_runtime(|| {
        let mut link = Link::new();
        let handle = link.handle.clone();
        let (driver, _node, _) = link.connect();
        let (applied, mut listed) = oneshot::channel();
        let panicking = Waker::from(Arc::new(PanickingWaker));
        assert!(Pin::new(&mut listed).poll(&mut Context::from_waker(&panicking)).is_pending());
        // Refused at once, because no session is up.
        let route = Command::Route { topic: topic("t"), spec: RouteSpec::default(), applied: Some(applied) };
        assert!(handle.send(route).is_ok());
        let mut calls: Vec<_> = (0..3).map(|n| call(&handle, n, 100)).collect();
        assert!(handle.send(close()).is_ok());
        let mut driver = Box::pin(driver.run(|_| Ok(())));
        let turn = catch_unwind(AssertUnwindSafe(|| driver.as_mut().poll(&mut context()).is_ready()));
        assert!(turn.is_err());
        drop(driver);
        assert!(matches!(link.taken.first(), Some(Command::Close { .. })), "the last comes first");
        link.refuse_rest();
        assert_eq!((handle.in_flight(), handle.queued_bytes()), (0, 0));
        assert!(calls.iter_mut().all(|call| matches!(call.try_recv(), Ok(Err(_)))));
    });
}

#[test]
fn request_that_overlaps_with_the_end_is_answered() {
    in_runtime(|| {
        for ending in 0..3 {
            let mut link = Link::new();
            let handle = link.handle.clone();
            let (driver, mut node, service) = link.connect();
            let mut driver = Box::pin(driver.run(|_| Ok(())));
            establish(&mut driver, &mut node, &handle);
            let by = Instant::now() + Duration::from_secs(600);
            let command = match ending {
                0 => Command::Leave { by, why: closed() },
                1 => Command::Renew { by },
                _ => close(),
            };
            assert!(handle.send(command).is_ok());
            assert!(!turn(&mut driver), "the node has not confirmed yet that it lists nothing");
            let mut request = Vec::new();
            amop::put_topic(&mut request, b"served");
            let request = Frame::new(MessageType::Request, Seq::from_halves(7, 1), 0, &request).to_bytes();
            // The node has sent it before it read the list, and its answer to the question comes after it.
            node.write(&request);
            assert!(!turn(&mut driver));
            let Poll::Ready(Some(request)) = service.poll_next(&mut context()) else { panic!("no request") };
            request.reply("answer").unwrap();
            assert!(!turn(&mut driver));
            let mut answer = node.refuse_question();
            let end = loop {
                if let Poll::Ready(end) = driver.as_mut().poll(&mut context()) {
                    break end;
                }
            };
            assert_eq!(matches!(end, End::Renewed), ending == 1);
            answer.extend_from_slice(&node.read(PIPE));
            assert!(answer.windows(6).any(|window| window == b"answer"), "{answer:?}");
        }
    });
}

#[test]
fn close_that_an_aborted_task_has_not_read_ends_its_calls_as_closed() {
    in_runtime(|| {
        let mut link = Link::new();
        let handle = link.handle.clone();
        let (driver, mut node, _) = link.connect();
        let mut driver = Box::pin(driver.run(|_| Ok(())));
        establish(&mut driver, &mut node, &handle);
        let mut in_flight = call(&handle, 1, 100);
        assert!(!turn(&mut driver));
        let mut queued = call(&handle, 2, 100);
        assert!(handle.send(close()).is_ok());
        drop(driver);
        let error = in_flight.try_recv().unwrap().unwrap_err();
        assert_eq!((error.kind(), error.delivery()), (ErrorKind::Closed, Delivery::Maybe), "{error}");
        assert!(matches!(link.taken[..], [Command::Close { .. }, Command::Call(_)]), "the last comes first");
        link.refuse_rest();
        let error = queued.try_recv().unwrap().unwrap_err();
        assert_eq!((error.kind(), error.delivery()), (ErrorKind::Closed, Delivery::No), "{error}");
    });
}
