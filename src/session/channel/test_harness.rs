//! What the machine's tests use: the node's end of the wire, and a clock that they set; no socket.

use std::io::IoSlice;
use std::sync::Mutex;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::*;
use crate::delivery::{
    Budget, DeliveryShared, DiscardCounters, Duplicates, EventHub, Lane, LaneLimits, LaneReader, Message,
    Request, RouteSpec,
};
use crate::protocol::channel::FrameReader;
use crate::session::command::{CallKind, Command, Reply, frame_len};
use crate::session::link_handle::LinkLimits;
use crate::session::outbox::SLICES;

pub(super) const S: Duration = Duration::from_secs(1);

/// A machine, its router, and the node's end of the wire.
pub(super) struct Bench {
    pub(super) machine: Machine,
    pub(super) router: Router,
    pub(super) port: Arc<LinkHandle>,
    pub(super) inbox: UnboundedReceiver<Command>,
    pub(super) shared: Arc<DeliveryShared>,
    pub(super) epoch: u64,
    pub(super) now: Instant,
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
        let (commands, inbox) = unbounded_channel();
        let limits = LinkLimits { max_send_bytes };
        let port = Arc::new(LinkHandle::new(commands, limits));
        let seqs = Arc::new(SeqSource::new().unwrap());
        let shared = Arc::new(DeliveryShared {
            budget: Arc::new(Budget::new(1 << 30)),
            duplicates: Arc::new(Mutex::new(Duplicates::new(60 * S, 1000))),
            events: Arc::new(EventHub::new(16)),
            seqs: seqs.clone(),
            discarded: DiscardCounters::default(),
            echo,
        });
        let mut router = Router::new(shared.clone(), "node:1".into(), port.clone());
        let epoch = port.next_epoch();
        port.set_connected(true);
        router.start_epoch(epoch);
        let options = SessionOptions {
            endpoint: "node:1".into(),
            heartbeat: 10 * S,
            missed_heartbeats: 2,
            answer_timeout: Duration::from_millis(4500),
            group: 1,
            handshake_by: now + 10 * S,
        };
        let machine = Machine::new(options, seqs, port.clone(), now);
        Bench { machine, router, port, inbox, shared, epoch, now }
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

    fn handshake(mut self, protocol: u32) -> Bench {
        let offer = self.sent().remove(0);
        let choice = handshake::Choice { node_version: "2.11.2".into(), protocol };
        self.answer_frame(MessageType::Handshake, offer.seq, 0, &choice.encode()).unwrap();
        assert!(self.machine.is_ready());
        self.machine.take_notices();
        self
    }

    /// What the machine has sent since the last look.
    pub(super) fn sent(&mut self) -> Vec<Sent> {
        let mut bytes = Vec::new();
        while !self.machine.outbox.is_empty() {
            let mut slices = [IoSlice::new(&[]); SLICES];
            let filled = self.machine.outbox.slices(&mut slices);
            let piece: Vec<u8> = slices[..filled].iter().flat_map(|slice| slice.to_vec()).collect();
            self.machine.outbox.advance(piece.len());
            bytes.extend(piece);
        }
        self.port.release_bytes(bytes.len());
        let mut reader = FrameReader::new(usize::MAX);
        reader.buffer().extend_from_slice(&bytes);
        let mut frames = Vec::new();
        while let Some(frame) = reader.next().unwrap() {
            let Frame { kind, seq, result, body, .. } = frame;
            frames.push(Sent { kind, seq, result, body: body.to_vec() });
        }
        frames
    }

    pub(super) fn answer_frame(
        &mut self,
        kind: MessageType,
        seq: Seq,
        result: i32,
        body: &[u8],
    ) -> Result<()> {
        let (machine, now) = (&mut self.machine, self.now);
        machine.heard(now);
        let frame = Frame::new(kind, seq, result, body);
        self.router.batch(now, |batch| machine.on_frame(&frame, batch, now))?;
        self.machine.send_topics(&self.router, now);
        Ok(())
    }

    pub(super) fn pass(&mut self, time: Duration) -> Result<()> {
        self.now += time;
        let (machine, now) = (&mut self.machine, self.now);
        self.router.batch(now, |batch| machine.on_timer(now, batch))?;
        self.machine.send_topics(&self.router, now);
        Ok(())
    }

    pub(super) fn call(
        &mut self,
        kind: CallKind,
        topic: &str,
        data: &[u8],
    ) -> (Seq, oneshot::Receiver<Result<Reply>>) {
        let topic = Topic::new(topic).unwrap();
        let permit = self.port.permit(frame_len(&topic, data.len())).unwrap();
        let (done, outcome) = oneshot::channel();
        let number = self.shared.seqs.next_number();
        let data = Bytes::copy_from_slice(data);
        let deadline = self.now + 10 * S;
        self.machine.call(NewCall { kind, number, topic, data, deadline, done, permit }, self.now);
        (self.shared.seqs.seq(number), outcome)
    }

    pub(super) fn subscribe(&mut self, topic: &str, limits: LaneLimits) -> LaneReader<Message> {
        let lane = Lane::new(limits, self.shared.budget.clone());
        let reader = LaneReader::new(lane.clone());
        let spec = RouteSpec { subscriptions: vec![lane], service: None };
        self.route(topic, spec);
        reader
    }

    pub(super) fn serve(&mut self, topic: &str, limits: LaneLimits) -> LaneReader<Request> {
        let lane = Lane::new(limits, self.shared.budget.clone());
        let reader = LaneReader::new(lane.clone());
        self.route(topic, RouteSpec { subscriptions: vec![], service: Some(lane) });
        reader
    }

    pub(super) fn route(&mut self, topic: &str, spec: RouteSpec) {
        let topic = Topic::new(topic).unwrap();
        let changed = self.router.set(topic.clone(), spec);
        self.machine.on_route(topic, changed, None);
        self.machine.send_topics(&self.router, self.now);
    }

    /// Has the machine ask who subscribes to a topic.
    pub(super) fn survey(&mut self, topic: &str) {
        self.machine.survey(Topic::new(topic).unwrap(), None, self.now);
        self.machine.send_topics(&self.router, self.now);
    }

    /// Passes on what request handles have answered.
    pub(super) fn pass_answers(&mut self) {
        while let Ok(Command::Answer { epoch, answer }) = self.inbox.try_recv() {
            assert_eq!(epoch, self.epoch);
            let machine = &mut self.machine;
            self.router.batch(self.now, |batch| machine.answer(answer, batch));
        }
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
