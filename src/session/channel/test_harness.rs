//! What the machine's tests use: the node's end of the wire, and a clock that they set; no socket. Beside the machine it
//! holds what a driver holds.

use std::io::IoSlice;
use std::sync::Mutex;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::sync::oneshot;

use super::*;
use crate::delivery::{
    Budget, DeliveryShared, DiscardCounters, Duplicates, EventHub, Lane, LaneLimits, LaneReader, Message,
    Request, RouteSpec, Router,
};
use crate::error::Result;
use crate::protocol::channel::Frame;
use crate::session::apply::{apply, deliver};
use crate::session::call::{CallKind, NewCall, Reply};
use crate::session::command::{Caller, Channels, Command};
use crate::session::effect::Notice;
use crate::session::inbox::{Inbox, commands};
use crate::session::link_handle::{LinkHandle, LinkLimits};
use crate::session::open_requests::OpenRequests;
use crate::session::outbox::SLICES;
use crate::transport::Generation;

type AnyMachine = crate::session::machine::Machine<Channels>;

pub(super) const S: Duration = Duration::from_secs(1);

/// A machine, its router, and the node's end of the wire.
pub(super) struct Bench {
    pub(super) machine: AnyMachine,
    pub(super) router: Router,
    pub(super) link: Arc<LinkHandle>,
    pub(super) requests: OpenRequests,
    pub(super) inbox: Inbox,
    pub(super) shared: Arc<DeliveryShared>,
    pub(super) epoch: u64,
    pub(super) now: Instant,
    notices: Vec<Notice>,
}

/// A frame that the machine sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sent {
    pub(super) kind: MessageType,
    pub(super) seq: Seq,
    pub(super) result: i32,
    pub(super) body: Vec<u8>,
}

impl Bench {
    pub(super) fn new() -> Bench {
        Bench::with(1 << 30, false)
    }

    fn with(max_send_bytes: usize, echo: bool) -> Bench {
        let now = Instant::now();
        let (commands, inbox) = commands();
        let limits = LinkLimits { max_send_bytes };
        let link = Arc::new(LinkHandle::new(commands, limits));
        let seqs = Arc::new(SeqSource::new().unwrap());
        let shared = Arc::new(DeliveryShared {
            budget: Arc::new(Budget::new(1 << 30)),
            duplicates: Arc::new(Mutex::new(Duplicates::new(60 * S, 1000))),
            events: Arc::new(EventHub::new(16)),
            seqs: seqs.clone(),
            discarded: DiscardCounters::default(),
            echo,
        });
        let mut router = Router::new(shared.clone(), "node:1".into(), link.clone());
        let epoch = link.next_epoch();
        link.set_connected(true);
        router.start_epoch(epoch, true);
        let options = SessionOptions {
            generation: Generation::V2,
            endpoint: "node:1".into(),
            heartbeat: 10 * S,
            missed_heartbeats: 2,
            answer_timeout: None,
            group: 1,
            handshake_by: now + 10 * S,
        };
        let requests = OpenRequests::new(Duration::from_millis(4500));
        let machine = AnyMachine::new(options, seqs, HashSet::new(), now);
        let notices = Vec::new();
        let mut bench = Bench { machine, router, link, requests, inbox, shared, epoch, now, notices };
        bench.apply();
        bench
    }

    /// One that has done its handshake, at a protocol version.
    pub(super) fn ready(protocol: u32) -> Bench {
        Bench::new().handshake(protocol)
    }

    /// As [`Bench::ready`], of a client that receives its own broadcasts or doesn't.
    pub(super) fn ready_with_echo(echo: bool) -> Bench {
        Bench::with(1 << 30, echo).handshake(3)
    }

    /// As [`Bench::ready`], with a bound on the bytes that wait to be sent.
    pub(super) fn ready_with_send_bound(protocol: u32, max_send_bytes: usize) -> Bench {
        Bench::with(max_send_bytes, false).handshake(protocol)
    }

    pub(super) fn handshake(mut self, protocol: u32) -> Bench {
        let offer = self.sent().remove(0);
        let choice = handshake::Choice { node_version: "2.11.2".into(), protocol };
        self.answer_frame(MessageType::Handshake, offer.seq, 0, &choice.encode()).unwrap();
        assert!(self.machine.is_ready());
        self.take_notices();
        self
    }

    /// Returns what the client was notified of since the last time.
    pub(super) fn take_notices(&mut self) -> Vec<Notice> {
        std::mem::take(&mut self.notices)
    }

    /// Applies what the machine has decided.
    fn apply(&mut self) {
        self.machine.queue(self.now);
        apply(self.machine.outputs(), &mut Vec::new(), &self.link, &mut |notice| {
            self.notices.push(notice);
            Ok(())
        })
        .unwrap();
    }

    /// Returns what the machine has sent since the last time.
    pub(super) fn sent(&mut self) -> Vec<Sent> {
        self.apply();
        let mut bytes = Vec::new();
        let outbox = self.machine.outbox();
        while !outbox.is_empty() {
            let mut slices = [IoSlice::new(&[]); SLICES];
            let filled = outbox.slices(&mut slices);
            let piece: Vec<u8> = slices[..filled].iter().flat_map(|slice| slice.to_vec()).collect();
            outbox.advance(piece.len());
            bytes.extend(piece);
        }
        self.link.release_bytes(bytes.len());
        let mut reader = FrameReader::new(usize::MAX);
        reader.buffer().extend_from_slice(&bytes);
        let mut frames = Vec::new();
        while let Some(frame) = reader.next().unwrap() {
            let Frame { kind, seq, result, body, .. } = frame;
            frames.push(Sent { kind, seq, result, body: body.to_vec() });
        }
        frames
    }

    /// The node sends frames that arrive together.
    pub(super) fn receive(&mut self, frames: &[Frame<'_>]) -> Result<()> {
        self.receive_bytes(&frames.iter().flat_map(Frame::to_bytes).collect::<Vec<_>>())
    }

    /// The node sends bytes that arrive together.
    pub(super) fn receive_bytes(&mut self, bytes: &[u8]) -> Result<()> {
        let Bench { machine, router, link, requests, now, .. } = self;
        machine.read_buffer().extend_from_slice(bytes);
        machine.received(bytes.len(), *now);
        let received = router.batch(*now, |batch| deliver(machine, batch, requests, link, *now));
        self.apply();
        received
    }

    pub(super) fn answer_frame(
        &mut self,
        kind: MessageType,
        seq: Seq,
        result: i32,
        body: &[u8],
    ) -> Result<()> {
        self.receive(&[Frame::new(kind, seq, result, body)])
    }

    /// Lets time pass, and checks the timers once.
    pub(super) fn pass(&mut self, time: Duration) -> Result<()> {
        self.now += time;
        let Bench { machine, router, requests, now, .. } = self;
        machine.on_timer(*now)?;
        router.batch(*now, |batch| {
            while let Some(ticket) = requests.pop_expired(*now) {
                batch.too_slow(&ticket);
            }
        });
        self.apply();
        Ok(())
    }

    /// Returns when to check the timers next.
    pub(super) fn next_deadline(&self) -> Instant {
        let due = self.machine.next_deadline();
        self.requests.next_deadline().map_or(due, |request| due.min(request))
    }

    pub(super) fn call(
        &mut self,
        kind: CallKind,
        topic: &str,
        data: &[u8],
    ) -> (Seq, oneshot::Receiver<Result<Reply>>) {
        let topic = Topic::new(topic).unwrap();
        let (permit, counted) = self.link.permit(&topic, data.len()).unwrap();
        let (done, outcome) = oneshot::channel();
        let number = self.shared.seqs.next_number();
        let data = Bytes::copy_from_slice(data);
        let (deadline, caller) = (self.now + 10 * S, Caller { done, permit });
        self.handle(Input::Call(NewCall {
            kind,
            number,
            topic,
            data,
            deadline,
            timeout: 10.0,
            send_by: None,
            counted,
            caller,
        }));
        (self.shared.seqs.seq(number), outcome)
    }

    /// The caller of a call has gone.
    pub(super) fn cancel(&mut self, id: &Seq) {
        let number = self.shared.seqs.number(id).expect("an own id");
        self.handle(Input::Cancel(number));
    }

    pub(super) fn handle(&mut self, input: Input<Channels>) {
        self.machine.handle(input, self.now);
        self.apply();
    }

    /// The connection is lost.
    pub(super) fn end(&mut self, error: &Error) {
        self.machine.end(error);
        self.apply();
    }

    pub(super) fn subscribe(&mut self, topic: &str, limits: LaneLimits) -> LaneReader<Message> {
        let lane = Lane::new(limits, self.shared.budget.clone());
        let reader = LaneReader::new(lane.clone());
        let spec = RouteSpec { subscriptions: vec![lane], ..RouteSpec::default() };
        self.route(topic, spec);
        reader
    }

    pub(super) fn serve(&mut self, topic: &str, limits: LaneLimits) -> LaneReader<Request> {
        let lane = Lane::new(limits, self.shared.budget.clone());
        let reader = LaneReader::new(lane.clone());
        self.route(topic, RouteSpec { service: Some(lane), ..RouteSpec::default() });
        reader
    }

    pub(super) fn route(&mut self, topic: &str, spec: RouteSpec) {
        let topic = Topic::new(topic).unwrap();
        let wanted = !spec.is_empty();
        self.router.set(topic.clone(), spec);
        self.handle(Input::Route { topic, wanted, caller: None });
    }

    /// Passes on what request handles have answered.
    pub(super) fn pass_answers(&mut self) {
        while let Some(Command::Answer { epoch, answer }) = self.inbox.try_next() {
            assert_eq!(epoch, self.epoch);
            if answer.first {
                self.router.batch(self.now, |batch| {
                    batch.answered(&answer.ticket, answer.result, &answer.data);
                });
            }
            self.requests.answered();
            answer.queued.pass_on();
            self.machine.answer(&answer.id, answer.ticket.topic(), answer.result, &answer.data);
        }
        self.apply();
    }
}

pub(super) fn seq(n: u64) -> Seq {
    Seq::from_halves(7, n)
}

pub(super) fn body(topic: &str, data: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    amop::put_topic(&mut body, topic.as_bytes());
    body.extend_from_slice(data);
    body
}

pub(super) fn take<T: crate::delivery::LaneItem>(reader: &mut LaneReader<T>) -> Option<T> {
    match reader.poll_next(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(item) => item,
        Poll::Pending => None,
    }
}

pub(super) fn outcome(receiver: &mut oneshot::Receiver<Result<Reply>>) -> Result<Reply> {
    receiver.try_recv().expect("the call has ended")
}
