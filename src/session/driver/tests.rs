//! The ends of a connection, over a stream in memory.

use std::collections::HashMap;
use std::sync::Mutex;
use std::task::{Wake, Waker};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use proptest::collection::vec;
use proptest::prelude::*;
use tokio::io::DuplexStream;
use tokio::sync::oneshot;
use tokio::sync::oneshot::error::TryRecvError;

use super::*;
use crate::delivery::{
    Budget, DeliveryShared, DiscardCounters, Duplicates, EventHub, Lane, LaneLimits, LaneReader, Request,
    RouteSpec,
};
use crate::error::Delivery;
use crate::protocol::channel::{Frame, FrameReader, MessageType, amop, handshake};
use crate::protocol::{Seq, Topic};
use crate::session::call::{CallKind, NewCall, Reply};
use crate::session::command::Caller;
use crate::session::inbox::commands;
use crate::session::link_handle::LinkLimits;
use crate::transport::Generation;

/// The bytes that the stream holds in each direction. A call of this size is written in part.
const PIPE: usize = 64 << 10;

struct PanickingWaker;

impl Wake for PanickingWaker {
    fn wake(self: Arc<Self>) {
        // A test that fails drops the callers.
        assert!(std::thread::panicking(), "the waker of a caller panics");
    }
}

/// What a link keeps beside its driver.
struct Link {
    handle: Arc<LinkHandle>,
    router: Router,
    inbox: Inbox,
    taken: Vec<Command>,
    ids: Arc<SeqSource>,
    service: LaneReader<Request>,
}

impl Link {
    fn new() -> Link {
        let (commands, inbox) = commands();
        let handle = Arc::new(LinkHandle::new(commands, LinkLimits { max_send_bytes: 1 << 30 }));
        let ids = Arc::new(SeqSource::new().unwrap());
        let shared = DeliveryShared {
            budget: Arc::new(Budget::new(1 << 30)),
            duplicates: Arc::new(Mutex::new(Duplicates::new(Duration::from_secs(60), 1000))),
            events: Arc::new(EventHub::new(16)),
            seqs: ids.clone(),
            discarded: DiscardCounters::default(),
            echo: false,
        };
        let lane = Lane::new(LaneLimits::default(), shared.budget.clone());
        let service = LaneReader::new(lane.clone());
        let mut router = Router::new(Arc::new(shared), "node:1".into(), handle.clone());
        router.set(topic("served"), RouteSpec { service: Some(lane), ..RouteSpec::default() });
        Link { handle, router, inbox, taken: Vec::new(), ids, service }
    }

    /// Refuses what the driver has left, as the link's task does.
    fn refuse_rest(&mut self) {
        while let Some(command) = self.taken.pop().or_else(|| self.inbox.try_next()) {
            if let Command::Call(call) = command {
                refuse_call(&self.handle, call, closed());
            }
        }
    }
}

/// The node's end of the stream.
struct Node(DuplexStream);

impl Node {
    /// Reads until `most` bytes have arrived or no more are there.
    fn read(&mut self, most: usize) -> BytesMut {
        let mut bytes = BytesMut::new();
        while bytes.len() < most {
            let mut piece = BytesMut::with_capacity((most - bytes.len()).min(PIPE));
            match tokio_util::io::poll_read_buf(Pin::new(&mut self.0), &mut context(), &mut piece) {
                Poll::Ready(Ok(read)) if read > 0 => bytes.extend_from_slice(&piece),
                _ => break,
            }
        }
        bytes
    }

    fn write(&mut self, bytes: &[u8]) {
        let written = Pin::new(&mut self.0).poll_write(&mut context(), bytes);
        assert!(matches!(written, Poll::Ready(Ok(written)) if written == bytes.len()));
    }

    fn shake_hands(&mut self) {
        let mut reader = FrameReader::new(usize::MAX);
        reader.buffer().extend_from_slice(&self.read(PIPE));
        let offer = reader.next().unwrap().expect("the offer");
        let choice = handshake::Choice { node_version: "2.11.2".into(), protocol: 3 };
        self.write(&Frame::new(MessageType::Handshake, offer.seq, 0, &choice.encode()).to_bytes());
    }

    /// Refuses the question about topics that follows the list, as a node does that can't be asked. Returns what was read
    /// meanwhile.
    fn refuse_question(&mut self) -> BytesMut {
        let read = self.read(PIPE);
        let mut reader = FrameReader::new(usize::MAX);
        reader.buffer().extend_from_slice(&read);
        let seq = loop {
            let frame = reader.next().unwrap().expect("a question");
            if frame.kind == MessageType::Rpc {
                break frame.seq;
            }
        };
        let refusal = br#"{"id":1,"jsonrpc":"2.0","error":{"code":-32601,"message":"METHOD_NOT_FOUND"}}"#;
        self.write(&Frame::new(MessageType::Rpc, seq, 0, refusal).to_bytes());
        read
    }
}

fn topic(name: &str) -> Topic {
    Topic::new(name).unwrap()
}

fn context() -> Context<'static> {
    Context::from_waker(Waker::noop())
}

/// Polls a driver once. Returns whether it has ended.
fn turn(driver: &mut Pin<Box<impl Future>>) -> bool {
    driver.as_mut().poll(&mut context()).is_ready()
}

fn call(handle: &LinkHandle, number: u64, len: usize) -> oneshot::Receiver<Result<Reply>> {
    let (topic, kind) = (topic("t"), CallKind::Publish);
    let (permit, counted) = handle.permit(&topic, len).unwrap();
    let (done, outcome) = oneshot::channel();
    let deadline = Instant::now() + Duration::from_secs(600);
    let (data, caller) = (Bytes::from(vec![0; len]), Caller { done, permit });
    let call = NewCall { kind, number, topic, data, deadline, send_by: None, counted, caller };
    assert!(handle.send(Command::Call(call)).is_ok());
    outcome
}

fn options() -> SessionOptions {
    SessionOptions {
        generation: Generation::V2,
        endpoint: "node:1".into(),
        heartbeat: Duration::from_secs(600),
        missed_heartbeats: 2,
        answer_timeout: Some(Duration::from_secs(600)),
        group: 1,
        handshake_by: Instant::now() + Duration::from_secs(600),
    }
}

/// Enters a runtime, because the driver has a timer.
fn in_runtime(test: impl FnOnce()) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let _entered = runtime.enter();
    test();
}

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
    let (client, node) = tokio::io::duplex(PIPE);
    let mut node = Node(node);
    let Link { router, inbox, taken, service, .. } = &mut link;
    let driver = Driver::new(Box::new(client), options(), ids.clone(), handle.clone(), router, inbox, taken);
    let mut driver = Box::pin(driver.run(|_| Ok(())));
    assert!(!turn(&mut driver));
    node.shake_hands();
    assert!(!turn(&mut driver) && handle.is_connected());
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
            assert!(handle.send(Command::Close(closed())).is_ok());
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
        let (handle, ids) = (link.handle.clone(), link.ids.clone());
        let (client, _node) = tokio::io::duplex(PIPE);
        let Link { router, inbox, taken, .. } = &mut link;
        let driver = Driver::new(Box::new(client), options(), ids, handle.clone(), router, inbox, taken);
        let (applied, mut listed) = oneshot::channel();
        let panicking = Waker::from(Arc::new(PanickingWaker));
        assert!(Pin::new(&mut listed).poll(&mut Context::from_waker(&panicking)).is_pending());
        // Refused at once, because no session is up.
        let route = Command::Route { topic: topic("t"), spec: RouteSpec::default(), applied: Some(applied) };
        assert!(handle.send(route).is_ok());
        let mut calls: Vec<_> = (0..3).map(|n| call(&handle, n, 100)).collect();
        assert!(handle.send(Command::Close(closed())).is_ok());
        let mut driver = Box::pin(driver.run(|_| Ok(())));
        let turn = catch_unwind(AssertUnwindSafe(|| driver.as_mut().poll(&mut context()).is_ready()));
        assert!(turn.is_err());
        drop(driver);
        assert!(matches!(link.taken.first(), Some(Command::Close(_))), "the last comes first");
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
            let (handle, ids) = (link.handle.clone(), link.ids.clone());
            let (client, node) = tokio::io::duplex(PIPE);
            let mut node = Node(node);
            let Link { router, inbox, taken, service, .. } = &mut link;
            let driver = Driver::new(Box::new(client), options(), ids, handle.clone(), router, inbox, taken);
            let mut driver = Box::pin(driver.run(|_| Ok(())));
            assert!(!turn(&mut driver));
            node.shake_hands();
            assert!(!turn(&mut driver) && handle.is_connected());
            let by = Instant::now() + Duration::from_secs(600);
            let command = match ending {
                0 => Command::Leave { by, why: closed() },
                1 => Command::Renew { by },
                _ => Command::Close(closed()),
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
        let (handle, ids) = (link.handle.clone(), link.ids.clone());
        let (client, node) = tokio::io::duplex(PIPE);
        let mut node = Node(node);
        let Link { router, inbox, taken, .. } = &mut link;
        let driver = Driver::new(Box::new(client), options(), ids, handle.clone(), router, inbox, taken);
        let mut driver = Box::pin(driver.run(|_| Ok(())));
        assert!(!turn(&mut driver));
        node.shake_hands();
        assert!(!turn(&mut driver) && handle.is_connected());
        let mut in_flight = call(&handle, 1, 100);
        assert!(!turn(&mut driver));
        let mut queued = call(&handle, 2, 100);
        assert!(handle.send(Command::Close(closed())).is_ok());
        drop(driver);
        let error = in_flight.try_recv().unwrap().unwrap_err();
        assert_eq!((error.kind(), error.delivery()), (ErrorKind::Closed, Delivery::Maybe), "{error}");
        assert!(matches!(link.taken[..], [Command::Close(_), Command::Call(_)]), "the last comes first");
        link.refuse_rest();
        let error = queued.try_recv().unwrap().unwrap_err();
        assert_eq!((error.kind(), error.delivery()), (ErrorKind::Closed, Delivery::No), "{error}");
    });
}
