//! A link with a driver over a stream in memory, for tests.

use std::sync::Mutex;
use std::task::{Wake, Waker};

use bytes::{Bytes, BytesMut};
use tokio::io::DuplexStream;
use tokio::sync::oneshot;

use super::*;
use crate::delivery::{
    Budget, DeliveryShared, DiscardCounters, Duplicates, EventHub, Lane, LaneLimits, LaneReader, Request,
    RouteSpec,
};
use crate::protocol::Topic;
use crate::protocol::channel::{Frame, FrameReader, MessageType, handshake};
use crate::session::call::{CallKind, NewCall, Reply};
use crate::session::command::Caller;
use crate::session::inbox::commands;
use crate::session::link_handle::LinkLimits;
use crate::transport::Generation;

/// The bytes that the stream holds in each direction. A call of this size is written in part.
pub(super) const PIPE: usize = 64 << 10;

pub(super) struct PanickingWaker;

impl Wake for PanickingWaker {
    fn wake(self: Arc<Self>) {
        // A test that fails drops the callers.
        assert!(std::thread::panicking(), "the waker of a caller panics");
    }
}

/// What a link keeps beside its driver.
pub(super) struct Link {
    pub(super) handle: Arc<LinkHandle>,
    pub(super) router: Router,
    pub(super) inbox: Inbox,
    pub(super) taken: Vec<Command>,
    pub(super) ids: Arc<SeqSource>,
    pub(super) service: LaneReader<Request>,
}

impl Link {
    pub(super) fn new() -> Link {
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

    /// Returns a driver over a stream, the node's end of it, and what the link's service receives.
    pub(super) fn connect(&mut self) -> (Driver<'_>, Node, &mut LaneReader<Request>) {
        let (client, node) = tokio::io::duplex(PIPE);
        let Link { handle, router, inbox, taken, ids, service } = self;
        let driver =
            Driver::new(Box::new(client), options(), ids.clone(), handle.clone(), router, inbox, taken);
        (driver, Node(node), service)
    }

    /// Refuses what the driver has left, as the link's task does.
    pub(super) fn refuse_rest(&mut self) {
        while let Some(command) = self.taken.pop().or_else(|| self.inbox.try_next()) {
            if let Command::Call(call) = command {
                refuse_call(&self.handle, call, closed());
            }
        }
    }
}

/// The node's end of the stream.
pub(super) struct Node(pub(super) DuplexStream);

impl Node {
    /// Reads until `most` bytes have arrived or no more are there.
    pub(super) fn read(&mut self, most: usize) -> BytesMut {
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

    pub(super) fn write(&mut self, bytes: &[u8]) {
        let written = Pin::new(&mut self.0).poll_write(&mut context(), bytes);
        assert!(matches!(written, Poll::Ready(Ok(written)) if written == bytes.len()));
    }

    pub(super) fn shake_hands(&mut self) {
        let mut reader = FrameReader::new(usize::MAX);
        reader.buffer().extend_from_slice(&self.read(PIPE));
        let offer = reader.next().unwrap().expect("the offer");
        let choice = handshake::Choice { node_version: "2.11.2".into(), protocol: 3 };
        self.write(&Frame::new(MessageType::Handshake, offer.seq, 0, &choice.encode()).to_bytes());
    }

    /// Refuses the question about topics that follows the list, as a node does that can't be asked. Returns what was read
    /// meanwhile.
    pub(super) fn refuse_question(&mut self) -> BytesMut {
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

pub(super) fn topic(name: &str) -> Topic {
    Topic::new(name).unwrap()
}

pub(super) fn context() -> Context<'static> {
    Context::from_waker(Waker::noop())
}

/// Polls a driver once. Returns whether it has ended.
pub(super) fn turn(driver: &mut Pin<Box<impl Future>>) -> bool {
    driver.as_mut().poll(&mut context()).is_ready()
}

/// Runs a driver up to its session with the node.
pub(super) fn establish(driver: &mut Pin<Box<impl Future>>, node: &mut Node, handle: &LinkHandle) {
    assert!(!turn(driver));
    node.shake_hands();
    assert!(!turn(driver) && handle.is_connected());
}

pub(super) fn call(handle: &LinkHandle, number: u64, len: usize) -> oneshot::Receiver<Result<Reply>> {
    let (topic, kind) = (topic("t"), CallKind::Publish);
    let (permit, counted) = handle.permit(&topic, len).unwrap();
    let (done, outcome) = oneshot::channel();
    let timeout = 600.0;
    let deadline = Instant::now() + Duration::from_secs_f32(timeout);
    let (data, caller) = (Bytes::from(vec![0; len]), Caller { done, permit });
    let call = NewCall { kind, number, topic, data, deadline, timeout, send_by: None, counted, caller };
    assert!(handle.send(Command::Call(call)).is_ok());
    outcome
}

/// Ends a connection when everything is written.
pub(super) fn close() -> Command {
    Command::Close { by: Instant::now() + Duration::from_secs(600), why: closed() }
}

pub(super) fn options() -> SessionOptions {
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
pub(super) fn in_runtime(test: impl FnOnce()) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let _entered = runtime.enter();
    test();
}
