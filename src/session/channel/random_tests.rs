//! Promises of the machine that hold whatever happens in whatever order: random steps, a simulated clock, a node that
//! answers late, in another order or not at all.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use tokio::sync::oneshot;

use super::test_harness::{Bench, S, Sent, body, seq, take};
use super::*;
use crate::delivery::{Lane, LaneLimits, LaneReader, Message, Overflow, Request, RouteSpec};
use crate::error::{Delivery, ErrorKind, Result};
use crate::protocol::channel::topic_list;
use crate::session::call::{CallKind, Reply};

const TOPICS: [&str; 3] = ["a", "b", "c"];

/// One thing that happens.
#[derive(Clone, Debug)]
enum Step {
    /// The application sends.
    Call { kind: CallKind, topic: usize, len: usize },
    /// The caller goes before the end.
    Forget { call: Index },
    /// The node answers some call, perhaps one that has ended.
    Answer { call: Index, code: i32 },
    /// A message comes; an old number is a duplicate.
    Arrive { kind: MessageType, topic: usize, number: u64 },
    /// A handler answers, fails or drops a request, or keeps it longer.
    Handle { request: Index, how: Handling },
    /// All subscriptions and services read what is there.
    Read,
    /// Where a topic goes from now on.
    Route { topic: usize, subscribed: bool, served: bool },
    /// The next topic list is overtaken in the node: it takes effect when the node next speaks of its topics.
    DelayList,
    /// The node answers which topics it lists.
    AnswerQuestions,
    /// Bytes leave for the node, or stay queued until the next of these.
    Write,
    /// Time passes.
    Pass { millis: u64 },
}

#[derive(Clone, Copy, Debug)]
enum Handling {
    Reply,
    Fail,
    Drop,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let topic = 0..TOPICS.len();
    let step = prop_oneof![
        3 => (prop_oneof![Just(CallKind::Publish), Just(CallKind::Broadcast)], topic.clone(),
              prop_oneof![12 => Just(4), 1 => Just(crate::session::calls::MAX_QUEUED)])
            .prop_map(|(kind, topic, len)| Step::Call { kind, topic, len }),
        1 => any::<Index>().prop_map(|call| Step::Forget { call }),
        3 => (any::<Index>(), prop_oneof![3 => Just(0), 1 => Just(100), 1 => Just(104), 1 => Just(-5012)])
            .prop_map(|(call, code)| Step::Answer { call, code }),
        4 => (prop_oneof![3 => Just(MessageType::Request), 1 => Just(MessageType::Broadcast)], topic.clone(), 1..9u64)
            .prop_map(|(kind, topic, number)| Step::Arrive { kind, topic, number }),
        3 => (any::<Index>(), prop_oneof![Just(Handling::Reply), Just(Handling::Fail), Just(Handling::Drop)])
            .prop_map(|(request, how)| Step::Handle { request, how }),
        2 => Just(Step::Read),
        3 => (topic, any::<bool>(), any::<bool>())
            .prop_map(|(topic, subscribed, served)| Step::Route { topic, subscribed, served }),
        1 => Just(Step::DelayList),
        2 => Just(Step::AnswerQuestions),
        3 => Just(Step::Write),
        3 => prop_oneof![0..50u64, 0..5_000u64].prop_map(|millis| Step::Pass { millis }),
    ];
    vec(step, 1..120)
}

/// A machine, the node at its other end, and the application at this one.
struct Play {
    bench: Bench,
    calls: Vec<(Seq, oneshot::Receiver<Result<Reply>>)>,
    /// Callers that went, by their place in `calls`.
    forgotten: BTreeSet<usize>,
    subscriptions: BTreeMap<usize, LaneReader<Message>>,
    services: BTreeMap<usize, LaneReader<Request>>,
    /// Requests whose handlers run.
    running: Vec<Request>,
    /// What arrived, and how often it was answered, by id.
    arrived: BTreeMap<Seq, usize>,
    answered: BTreeMap<Seq, usize>,
    /// How often each message reached a consumer, by consumer's topic, kind and id.
    delivered: BTreeMap<(usize, bool, Vec<u8>), usize>,
    listed: BTreeSet<String>,
    delay_next_list: bool,
    delayed: Option<BTreeSet<String>>,
    /// Calls whose frames have left.
    sent: BTreeSet<Seq>,
    /// Questions that the node hasn't answered.
    asked: Vec<Seq>,
}

impl Play {
    fn new() -> Play {
        let bench = Bench::ready(3);
        Play {
            bench,
            calls: Vec::new(),
            forgotten: BTreeSet::new(),
            subscriptions: BTreeMap::new(),
            services: BTreeMap::new(),
            running: Vec::new(),
            arrived: BTreeMap::new(),
            answered: BTreeMap::new(),
            delivered: BTreeMap::new(),
            listed: BTreeSet::new(),
            delay_next_list: false,
            delayed: None,
            sent: BTreeSet::new(),
            asked: Vec::new(),
        }
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Call { kind, topic, len } => {
                let call = self.bench.call(kind, TOPICS[topic], &vec![0; len]);
                self.calls.push(call);
            }
            Step::Forget { call } if !self.calls.is_empty() => {
                let place = call.index(self.calls.len());
                let (id, done) = &mut self.calls[place];
                done.close();
                self.forgotten.insert(place);
                let id = *id;
                self.bench.cancel(&id);
            }
            Step::Answer { call, code } if !self.calls.is_empty() => {
                let (id, _) = self.calls[call.index(self.calls.len())];
                self.receive(MessageType::Response, id, code, &body("a", b"reply"));
            }
            Step::Arrive { kind, topic, number } => {
                if kind == MessageType::Request {
                    *self.arrived.entry(seq(number)).or_default() += 1;
                }
                self.receive(kind, seq(number), 0, &body(TOPICS[topic], b"data"));
            }
            Step::Handle { request, how } if !self.running.is_empty() => {
                let request = self.running.swap_remove(request.index(self.running.len()));
                // Late ones are refused, and were answered for.
                let _ = match how {
                    Handling::Reply => request.reply("reply"),
                    Handling::Fail => request.fail(-7, "why"),
                    Handling::Drop => Ok(()),
                };
            }
            Step::Read => self.read(),
            Step::Route { topic, subscribed, served } => self.route(topic, subscribed, served),
            Step::DelayList => self.delay_next_list = true,
            Step::AnswerQuestions => self.answer_questions(),
            Step::Write => self.write(),
            Step::Pass { millis } => self.pass(Duration::from_millis(millis)),
            Step::Forget { .. } | Step::Answer { .. } | Step::Handle { .. } => {}
        }
        self.bench.take_notices();
        self.bench.pass_answers();
    }

    fn receive(&mut self, kind: MessageType, seq: Seq, result: i32, body: &[u8]) {
        self.bench.answer_frame(kind, seq, result, body).expect("what a node may send");
    }

    fn route(&mut self, topic: usize, subscribed: bool, served: bool) {
        let mut spec = RouteSpec::default();
        // Small enough to be full now and then.
        let limits = LaneLimits { max_messages: 2, max_bytes: 1000, overflow: Overflow::Refuse };
        let budget = self.bench.shared.budget.clone();
        self.read();
        self.subscriptions.remove(&topic);
        self.services.remove(&topic);
        if subscribed {
            let lane = Lane::new(limits, budget.clone());
            self.subscriptions.insert(topic, LaneReader::new(lane.clone()));
            spec.subscriptions.push(lane);
        }
        if served {
            let lane = Lane::new(limits, budget);
            self.services.insert(topic, LaneReader::new(lane.clone()));
            spec.service = Some(lane);
        }
        self.bench.route(TOPICS[topic], spec);
    }

    fn read(&mut self) {
        let count = |delivered: &mut BTreeMap<_, usize>, topic: usize, message: &Message| {
            let is_unicast = message.kind() == crate::MessageKind::Unicast;
            *delivered.entry((topic, is_unicast, message.seq().to_vec())).or_default() += 1;
        };
        for (topic, reader) in &mut self.subscriptions {
            while let Some(message) = take(reader) {
                count(&mut self.delivered, *topic, &message);
            }
        }
        for (topic, reader) in &mut self.services {
            while let Some(request) = take(reader) {
                count(&mut self.delivered, *topic, request.message());
                self.running.push(request);
            }
        }
    }

    /// What has left for the node: it takes lists, notes questions, answers heartbeats.
    fn write(&mut self) {
        for Sent { kind, seq, body, .. } in self.bench.sent() {
            match kind {
                MessageType::TopicList => {
                    let list = topic_list::decode(&body).expect("a list").into_iter().collect();
                    match std::mem::take(&mut self.delay_next_list) {
                        true => self.delayed = Some(list),
                        false => self.listed = list,
                    }
                }
                MessageType::Rpc => self.asked.push(seq),
                MessageType::Heartbeat => {
                    self.receive(MessageType::Heartbeat, seq, 0, b"{\"heartBeat\":1}\n")
                }
                MessageType::Response => {
                    let (topic, _) = amop::split(&body).expect("a topic in every reply");
                    assert!(!topic.is_empty(), "a length byte of 0 or 1 kills nodes");
                    *self.answered.entry(seq).or_default() += 1;
                }
                MessageType::Request | MessageType::Broadcast => {
                    assert!(self.sent.insert(seq), "sent twice: {seq}");
                }
                kind => panic!("a client never sends {kind:?}"),
            }
        }
    }

    fn answer_questions(&mut self) {
        self.write();
        if let Some(late) = self.delayed.take() {
            self.listed = late;
        }
        for question in std::mem::take(&mut self.asked) {
            let info = serde_json::json!({"id": 1, "result": {"NodeID": "", "Topic": self.listed}});
            self.receive(MessageType::Rpc, question, 0, info.to_string().as_bytes());
        }
    }

    /// Lets time pass as the driver does: it checks the timers whenever the machine asked for that.
    fn pass(&mut self, time: Duration) {
        let until = self.bench.now + time;
        loop {
            let due = self.bench.next_deadline();
            if due > until {
                break;
            }
            let wait = due.saturating_duration_since(self.bench.now);
            self.bench.pass(wait).expect("a node that shows life");
            assert!(self.bench.next_deadline() > self.bench.now, "nothing is due twice");
            self.bench.pass_answers();
            self.write();
        }
        self.bench.now = until;
    }

    /// The connection goes, or the client closes: every call ends.
    fn end(mut self, lost: bool) {
        let error = Error::undelivered(ErrorKind::ConnectionLost, "gone");
        if lost {
            self.bench.end(&error);
        } else {
            self.bench.handle(Input::EndCalls(error));
            self.write();
        }
        self.check_calls();
    }

    fn check_calls(&mut self) {
        for (place, (id, done)) in self.calls.iter_mut().enumerate() {
            match done.try_recv() {
                Ok(Err(error)) if error.node_code().is_none() && error.delivery() == Delivery::No => {
                    assert!(!self.sent.contains(id), "{error}, but it was sent");
                }
                Ok(_) => {}
                Err(_) => assert!(self.forgotten.contains(&place), "call {id} never ended"),
            }
        }
        assert_eq!((self.bench.link.in_flight(), self.bench.link.queued_bytes()), (0, 0));
    }

    /// Completes all that is open, with a node that works properly, then checks the promises.
    fn finish(mut self) {
        self.read();
        self.running.clear();
        self.bench.pass_answers();
        self.delay_next_list = false;
        let wanted: BTreeSet<String> =
            self.bench.router.topics().map(|topic| topic.as_str().to_owned()).collect();
        for round in 100..120 {
            self.answer_questions();
            // The node delivers what it has a list for.
            for stale in self.listed.difference(&wanted).cloned().collect::<Vec<_>>() {
                *self.arrived.entry(seq(round)).or_default() += 1;
                self.receive(MessageType::Request, seq(round), 0, &body(&stale, b"data"));
            }
            self.pass(10 * S);
        }
        assert_eq!(self.listed, wanted, "the node lists what is wanted");
        self.write();
        self.check_calls();
        assert!(self.answered.keys().eq(self.arrived.keys()), "every unicast is answered");
        for (id, answers) in &self.answered {
            assert!(*answers <= self.arrived[id], "answered more often than it came: {id}");
        }
        for (which, times) in &self.delivered {
            assert_eq!(*times, 1, "delivered more than once: {which:?}");
        }
        drop((self.subscriptions, self.services));
        assert_eq!(self.bench.shared.budget.held(), 0);
    }
}

proptest! {
    #[test]
    fn calls_end_once_and_unicasts_are_answered(steps in steps()) {
        let mut play = Play::new();
        steps.into_iter().for_each(|step| play.step(step));
        play.finish();
    }

    #[test]
    fn calls_end_with_the_connection_and_state_if_they_were_sent(steps in steps(), lost: bool) {
        let mut play = Play::new();
        steps.into_iter().for_each(|step| play.step(step));
        play.end(lost);
    }
}
