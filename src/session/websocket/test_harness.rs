//! What the machine's tests use: the node's end of the wire, and a clock that they set; no socket.

use std::io::IoSlice;
use std::sync::Mutex;

use tokio::sync::oneshot;

use super::*;
use crate::delivery::{
    Budget, DeliveryShared, DiscardCounters, Duplicates, EventHub, Lane, LaneLimits, LaneReader,
    Message as Delivered, Request, RouteSpec, Router,
};
use crate::error::Result;
use crate::protocol::websocket::frame::{put_close, put_message, put_ping};
use crate::session::apply::{apply, deliver};
use crate::session::call::{CallKind, NewCall, Reply};
use crate::session::command::{Caller, Channels};
use crate::session::effect::Notice;
use crate::session::inbox::commands;
use crate::session::link_handle::{LinkHandle, LinkLimits};
use crate::session::open_requests::OpenRequests;
use crate::session::outbox::SLICES;
use crate::transport::Generation;

type AnyMachine = crate::session::machine::Machine<Channels>;

pub(super) const S: Duration = Duration::from_secs(1);

/// What the machine has sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Sent {
    Message { kind: MessageType, status: i16, seq: Vec<u8>, payload: Vec<u8> },
    Ping,
    Pong(Vec<u8>),
    Close(Option<u16>),
}

impl Sent {
    pub(super) fn seq(&self) -> &[u8] {
        match self {
            Sent::Message { seq, .. } => seq,
            other => panic!("a message, not {other:?}"),
        }
    }

    pub(super) fn kind(&self) -> Option<MessageType> {
        match self {
            Sent::Message { kind, .. } => Some(*kind),
            _ => None,
        }
    }

    pub(super) fn is_probe(&self) -> bool {
        matches!(self, Sent::Message { kind: MessageType::Request, payload, .. }
            if payload[6..].starts_with(b"amop/probe/"))
    }
}

/// A machine, its router, and the node's end of the wire.
pub(super) struct Bench {
    pub(super) machine: AnyMachine,
    pub(super) router: Router,
    pub(super) link: Arc<LinkHandle>,
    pub(super) requests: OpenRequests,
    pub(super) shared: Arc<DeliveryShared>,
    pub(super) now: Instant,
    /// Whether broadcasts are taken from this connection.
    pub(super) is_primary: bool,
    notices: Vec<Notice>,
    /// Reads what the machine sends.
    node: FrameReader,
}

impl Bench {
    pub(super) fn new() -> Bench {
        let now = Instant::now();
        let (commands, _) = commands();
        let link = Arc::new(LinkHandle::new(commands, LinkLimits { max_send_bytes: 1 << 30 }));
        let seqs = Arc::new(SeqSource::new().unwrap());
        let shared = Arc::new(DeliveryShared {
            budget: Arc::new(Budget::new(1 << 30)),
            duplicates: Arc::new(Mutex::new(Duplicates::new(60 * S, 1000))),
            events: Arc::new(EventHub::new(16)),
            seqs: seqs.clone(),
            discarded: DiscardCounters::default(),
            echo: false,
        });
        let mut router = Router::new(shared.clone(), "node:1".into(), link.clone());
        let epoch = link.next_epoch();
        link.set_limits(LIMITS);
        link.set_connected(true);
        router.start_epoch(epoch, false);
        let options = SessionOptions {
            generation: Generation::V3,
            endpoint: "node:1".into(),
            heartbeat: 10 * S,
            missed_heartbeats: 2,
            answer_timeout: None,
            group: 1,
            handshake_by: now + 10 * S,
        };
        let requests = OpenRequests::new(Duration::from_millis(29_500));
        let machine = AnyMachine::new(options, seqs, HashSet::new(), now);
        let node = FrameReader::new(Side::Client);
        let mut bench = Bench {
            machine,
            router,
            link,
            requests,
            shared,
            now,
            is_primary: true,
            notices: Vec::new(),
            node,
        };
        bench.apply();
        bench
    }

    /// One that has done its handshake and listed its topics.
    pub(super) fn ready() -> Bench {
        let mut bench = Bench::new();
        bench.handshake();
        bench.answer_probe();
        bench.notices.clear();
        bench
    }

    pub(super) fn handshake(&mut self) {
        let offer = self.sent().remove(0);
        assert_eq!(offer.kind(), Some(MessageType::Handshake));
        self.receive(MessageType::Handshake, 0, offer.seq(), &handshake::encode_answer(2, &[])).unwrap();
        assert!(self.machine.is_ready());
    }

    /// Answers the probe that is under way, and returns what was sent before it.
    pub(super) fn answer_probe(&mut self) -> Vec<Sent> {
        let mut sent = self.sent();
        let place = sent.iter().position(Sent::is_probe).expect("a probe");
        let probe = sent.remove(place);
        self.receive(MessageType::Error, 3001, probe.seq(), b"there has no node subscribe this topic")
            .unwrap();
        sent
    }

    pub(super) fn take_notices(&mut self) -> Vec<Notice> {
        std::mem::take(&mut self.notices)
    }

    pub(super) fn apply(&mut self) {
        self.machine.queue(self.now);
        apply(self.machine.outputs(), &mut Vec::new(), &self.link, &mut |notice| {
            self.notices.push(notice);
            Ok(())
        })
        .unwrap();
    }

    /// Returns what the machine has sent since the last time.
    pub(super) fn sent(&mut self) -> Vec<Sent> {
        let mut sent = Vec::new();
        loop {
            self.apply();
            let outbox = self.machine.outbox();
            if outbox.is_empty() {
                return sent;
            }
            let mut slices = [IoSlice::new(&[]); SLICES];
            let filled = outbox.slices(&mut slices);
            let piece: Vec<u8> = slices[..filled].iter().flat_map(|slice| slice.to_vec()).collect();
            outbox.advance(piece.len());
            self.link.release_bytes(piece.len());
            self.node.buffer().extend_from_slice(&piece);
            while let Some(received) = self.node.next().expect("valid frames") {
                sent.push(match received {
                    Received::Message(whole) => {
                        let message = Message::parse(whole.bytes()).unwrap();
                        assert_eq!((message.version, message.ext), (0, 0));
                        Sent::Message {
                            kind: message.kind,
                            status: message.status,
                            seq: message.seq.to_vec(),
                            payload: message.payload.to_vec(),
                        }
                    }
                    Received::Ping(payload) => {
                        assert!(payload.is_empty());
                        Sent::Ping
                    }
                    Received::Pong(payload) => Sent::Pong(payload.to_vec()),
                    Received::Close(code) => Sent::Close(code),
                });
            }
        }
    }

    /// The node sends a message.
    pub(super) fn receive(
        &mut self,
        kind: MessageType,
        status: i16,
        seq: &[u8],
        payload: &[u8],
    ) -> Result<()> {
        let mut out = BytesMut::new();
        put_message(&mut out, None, &[&Message::new(kind, status, seq, payload).to_bytes()]);
        self.receive_bytes(&out)
    }

    pub(super) fn receive_ping(&mut self, payload: &[u8]) {
        let mut out = BytesMut::new();
        put_ping(&mut out, None, payload);
        self.receive_bytes(&out).unwrap();
    }

    pub(super) fn receive_close(&mut self, code: u16) -> Error {
        let mut out = BytesMut::new();
        put_close(&mut out, None, code);
        self.receive_bytes(&out).unwrap_err()
    }

    pub(super) fn receive_bytes(&mut self, bytes: &[u8]) -> Result<()> {
        self.machine.read_buffer().extend_from_slice(bytes);
        self.machine.received(bytes.len(), self.now);
        let Bench { machine, router, link, requests, now, .. } = self;
        let outcome = router.batch(*now, |batch| deliver(machine, batch, requests, link, *now));
        self.apply();
        outcome
    }

    /// Lets time pass, checking the timers whenever they are due.
    pub(super) fn pass(&mut self, time: Duration) -> Result<()> {
        let end = self.now + time;
        while self.machine.next_deadline() <= end {
            self.now = self.now.max(self.machine.next_deadline());
            self.machine.on_timer(self.now)?;
            self.apply();
        }
        self.now = end;
        Ok(())
    }

    /// Begins a call; returns its id and its outcome.
    pub(super) fn call(
        &mut self,
        kind: CallKind,
        topic: &str,
        data: &[u8],
        time: Duration,
    ) -> (Seq, oneshot::Receiver<Result<Reply>>) {
        let topic = Topic::new(topic).unwrap();
        let (permit, counted) = self.link.permit(&topic, data.len()).unwrap();
        let (done, outcome) = oneshot::channel();
        let number = self.shared.seqs.next_number();
        let data = Bytes::copy_from_slice(data);
        let caller = Caller { done, permit };
        let deadline = self.now + time;
        let call = NewCall {
            kind,
            number,
            topic,
            data,
            deadline,
            timeout: time.as_secs_f32(),
            send_by: None,
            counted,
            caller,
        };
        self.machine.handle(Input::Call(call), self.now);
        self.apply();
        (self.shared.seqs.seq(number), outcome)
    }

    /// Subscribes to a topic; returns who waits for that, and the messages.
    pub(super) fn subscribe(&mut self, name: &str) -> (oneshot::Receiver<Result<()>>, LaneReader<Delivered>) {
        let lane = Lane::new(LaneLimits::default(), self.shared.budget.clone());
        let spec = RouteSpec {
            subscriptions: vec![lane.clone()],
            is_primary: self.is_primary,
            ..RouteSpec::default()
        };
        (self.route(name, spec), LaneReader::new(lane))
    }

    /// Serves a topic.
    pub(super) fn serve(&mut self, name: &str) -> LaneReader<Request> {
        let lane = Lane::new(LaneLimits::default(), self.shared.budget.clone());
        drop(self.route(name, RouteSpec { service: Some(lane.clone()), ..RouteSpec::default() }));
        LaneReader::new(lane)
    }

    pub(super) fn route(&mut self, name: &str, spec: RouteSpec) -> oneshot::Receiver<Result<()>> {
        let topic = Topic::new(name).unwrap();
        let (caller, listed) = oneshot::channel();
        let wanted = !spec.is_empty();
        self.router.set(topic.clone(), spec);
        self.machine.handle(Input::Route { topic, wanted, caller: Some(caller) }, self.now);
        self.apply();
        listed
    }
}

/// The payload of a message.
pub(super) fn amop_payload(topic: &str, data: &[u8]) -> Vec<u8> {
    let mut payload = Vec::new();
    amop::put_head(&mut payload, topic.as_bytes());
    payload.extend_from_slice(data);
    payload
}
