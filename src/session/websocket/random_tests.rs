//! Promises of the machine that hold whatever a node sends in whatever order: random steps and a simulated clock.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bytes::BufMut;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use tokio::sync::oneshot;

use super::test_harness::{Bench, Sent, amop_payload};
use super::*;
use crate::delivery::{LaneReader, Message as Delivered, RouteSpec};
use crate::error::{Delivery, ErrorKind, Result};
use crate::protocol::websocket::topic_list;
use crate::session::call::{CallKind, Reply};
use crate::session::calls::MAX_QUEUED;

const TOPICS: [&str; 3] = ["a", "b", "c"];

/// Payloads that hold no topic. Some of them stop the official client.
const MALFORMED: [&[u8]; 5] = [b"", b"\0", b"\0\0\0", b"\0\0\0\0\0", b"\0\0\0\0\0\x64abc"];

const KINDS: [u16; 9] = [0, 0x100, 0x101, 0x102, 0x103, 0x110, 0x111, 0x112, 0x113];

const STATUSES: [i16; 8] = [0, 3001, 3002, 1000, -1, -4006, -5012, i16::MIN];

/// One thing that happens.
#[derive(Clone, Debug)]
enum Step {
    /// The application sends.
    Call { kind: CallKind, topic: usize, len: usize },
    /// The node sends a message with the id of some call, perhaps one that has ended.
    Answer { call: Index, kind: Index, status: Index, payload: Index },
    /// A unicast or broadcast comes.
    Arrive { kind: MessageType, topic: usize, seq_len: usize, number: u8 },
    /// A message that holds no topic comes.
    Malformed { kind: Index, payload: Index, seq_len: usize },
    /// A message comes that is shorter than its parts.
    Short { len: usize },
    /// A unicast comes in fragments, with a ping between any two.
    Fragments { topic: usize, number: u8, pieces: usize },
    /// Where a topic goes from now on.
    Route { topic: usize, subscribed: bool },
    /// The node answers the probes that have left.
    AnswerProbes,
    /// Bytes leave for the node, or stay queued until the next of these.
    Write,
    /// Time passes, after a ping of the node.
    Pass { millis: u64 },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let topic = 0..TOPICS.len();
    let message = prop_oneof![3 => Just(MessageType::Request), 1 => Just(MessageType::Broadcast)];
    let seq_len = prop_oneof![4 => Just(32usize), 1 => Just(0usize), 1 => Just(1usize), 1 => Just(300usize)];
    let any = || any::<Index>();
    let step = prop_oneof![
        3 => (prop_oneof![Just(CallKind::Publish), Just(CallKind::Broadcast)], topic.clone(),
              prop_oneof![12 => Just(4), 1 => Just(MAX_QUEUED)])
            .prop_map(|(kind, topic, len)| Step::Call { kind, topic, len }),
        3 => (any(), any(), any(), any())
            .prop_map(|(call, kind, status, payload)| Step::Answer { call, kind, status, payload }),
        4 => (message, topic.clone(), seq_len.clone(), 0..9u8)
            .prop_map(|(kind, topic, seq_len, number)| Step::Arrive { kind, topic, seq_len, number }),
        2 => (any(), any(), seq_len)
            .prop_map(|(kind, payload, seq_len)| Step::Malformed { kind, payload, seq_len }),
        1 => (0..50usize).prop_map(|len| Step::Short { len }),
        1 => (topic.clone(), 0..9u8, 1..5usize)
            .prop_map(|(topic, number, pieces)| Step::Fragments { topic, number, pieces }),
        3 => (topic, proptest::bool::ANY).prop_map(|(topic, subscribed)| Step::Route { topic, subscribed }),
        3 => Just(Step::AnswerProbes),
        3 => Just(Step::Write),
        2 => (0..3_000u64).prop_map(|millis| Step::Pass { millis }),
    ];
    vec(step, 1..120)
}

/// A machine, the node at its other end, and the application at this one.
struct Play {
    bench: Bench,
    calls: Vec<(Seq, oneshot::Receiver<Result<Reply>>)>,
    subscriptions: BTreeMap<usize, LaneReader<Delivered>>,
    /// How often unicasts arrived, and how often they were answered, by id.
    arrived: BTreeMap<Vec<u8>, usize>,
    answered: BTreeMap<Vec<u8>, usize>,
    /// Calls whose frames have left.
    sent: BTreeSet<Vec<u8>>,
    probes: Vec<Vec<u8>>,
}

impl Play {
    fn new() -> Play {
        Play {
            bench: Bench::ready(),
            calls: Vec::new(),
            subscriptions: BTreeMap::new(),
            arrived: BTreeMap::new(),
            answered: BTreeMap::new(),
            sent: BTreeSet::new(),
            probes: Vec::new(),
        }
    }

    /// # Errors
    /// Returns an error if the machine gives the connection up.
    fn step(&mut self, step: Step) -> Result<()> {
        match step {
            Step::Call { kind, topic, len } => {
                let call = self.bench.call(kind, TOPICS[topic], &vec![0; len], Duration::from_secs(10));
                self.calls.push(call);
            }
            Step::Answer { call, kind, status, payload } if !self.calls.is_empty() => {
                let (seq, _) = self.calls[call.index(self.calls.len())];
                let kind = KINDS[kind.index(KINDS.len())];
                let payload = MALFORMED[payload.index(MALFORMED.len())];
                let status = STATUSES[status.index(STATUSES.len())];
                self.bench.receive(MessageType::from_wire(kind), status, seq.as_bytes(), payload)?;
            }
            Step::Answer { .. } => {}
            Step::Arrive { kind, topic, seq_len, number } => {
                let seq = vec![number; seq_len];
                if kind == MessageType::Request {
                    *self.arrived.entry(seq.clone()).or_default() += 1;
                }
                self.bench.receive(kind, 0, &seq, &amop_payload(TOPICS[topic], b"data"))?;
            }
            Step::Malformed { kind, payload, seq_len } => {
                let kind = MessageType::from_wire(KINDS[kind.index(KINDS.len())]);
                let payload = MALFORMED[payload.index(MALFORMED.len())];
                self.bench.receive(kind, 0, &vec![7; seq_len], payload)?;
            }
            Step::Short { len } => {
                // The id would have more bytes than there are.
                let message = [&[0, 0, 1, 0x11, 0, 0, 0xff, 0xff][..], &vec![0; len]].concat();
                self.bench.receive_bytes(&frame(0x82, &message[..len.min(message.len())]))?;
            }
            Step::Fragments { topic, number, pieces } => {
                let seq = [number; 32];
                *self.arrived.entry(seq.to_vec()).or_default() += 1;
                let payload = amop_payload(TOPICS[topic], b"data");
                let message = Message::new(MessageType::Request, 0, &seq, &payload).to_bytes();
                let last = message.chunks(message.len().div_ceil(pieces)).count() - 1;
                for (at, piece) in message.chunks(message.len().div_ceil(pieces)).enumerate() {
                    let opcode = if at == 0 { 2 } else { 0 };
                    let is_final = if at == last { 0x80 } else { 0 };
                    self.bench.receive_bytes(&frame(is_final | opcode, piece))?;
                    self.bench.receive_ping(b"between");
                }
            }
            Step::Route { topic, subscribed } => {
                self.subscriptions.remove(&topic);
                match subscribed {
                    true => drop(self.subscriptions.insert(topic, self.bench.subscribe(TOPICS[topic]).1)),
                    false => drop(self.bench.route(TOPICS[topic], RouteSpec::default())),
                }
            }
            Step::AnswerProbes => {
                self.write();
                for probe in std::mem::take(&mut self.probes) {
                    self.bench.receive(MessageType::Error, 3001, &probe, b"no subscriber")?;
                }
            }
            Step::Write => self.write(),
            Step::Pass { millis } => {
                self.bench.receive_ping(b"");
                self.bench.pass(Duration::from_millis(millis))?;
            }
        }
        self.bench.take_notices();
        Ok(())
    }

    /// Takes what has left for the node, and checks that it would harm none.
    fn write(&mut self) {
        for sent in self.bench.sent() {
            let Sent::Message { kind, seq, payload, .. } = &sent else { continue };
            match kind {
                MessageType::TopicList => assert!(topic_list::decode(payload).is_some()),
                MessageType::Request if sent.is_probe() => self.probes.push(seq.clone()),
                MessageType::Request | MessageType::Broadcast => {
                    assert!(amop::split(payload).is_ok() && seq.len() == Seq::LEN);
                    assert!(self.sent.insert(seq.clone()), "sent twice");
                }
                MessageType::Response => *self.answered.entry(seq.clone()).or_default() += 1,
                kind => panic!("a client never sends {kind:?} now"),
            }
        }
    }

    /// The connection is lost. Every call has ended then, and every unicast was answered unless its answer was lost.
    fn end(mut self, given_up: bool) {
        if !given_up {
            self.write();
            assert_eq!(self.answered, self.arrived, "every unicast is answered, each time");
        }
        self.bench.machine.end(&Error::undelivered(ErrorKind::ConnectionLost, "gone"));
        self.bench.apply();
        for (seq, done) in &mut self.calls {
            match done.try_recv().expect("every call has ended") {
                Err(error) if error.node_code().is_none() && error.delivery() == Delivery::No => {
                    assert!(!self.sent.contains(&seq.as_bytes()[..]), "{error}, but it was sent");
                }
                _ => {}
            }
        }
        assert_eq!((self.bench.link.in_flight(), self.bench.link.queued_bytes()), (0, 0));
        drop(self.subscriptions);
        assert_eq!(self.bench.shared.budget.held(), 0);
    }
}

/// Returns a frame of a node.
fn frame(first: u8, payload: &[u8]) -> BytesMut {
    let mut frame = BytesMut::new();
    frame.put_u8(first);
    match u8::try_from(payload.len()).ok().filter(|len| *len < 126) {
        Some(len) => frame.put_u8(len),
        None => {
            frame.put_u8(126);
            frame.put_u16(payload.len() as u16);
        }
    }
    frame.put_slice(payload);
    frame
}

proptest! {
    #[test]
    fn calls_end_once_and_unicasts_are_answered_whatever_comes(steps in steps()) {
        let mut play = Play::new();
        let given_up = steps.into_iter().try_for_each(|step| play.step(step)).is_err();
        play.end(given_up);
    }
}
