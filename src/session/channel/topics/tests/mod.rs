//! The conversation about topics with a node played by hand; the clock is an argument.

mod confirming;
mod surveying;

use std::time::Duration;

use super::list::{FIRST_PAUSE, LIST_SETTLES, MAX_PAUSE};
use super::question::{FIRST_BLOCK, MAX_BLOCK, QUERY_TIMEOUT};
use super::*;
use crate::protocol::channel::MessageType;
use crate::session::view::{MIN_QUERY_INTERVAL, Reach};

const MS: Duration = Duration::from_millis(1);
const S: Duration = Duration::from_secs(1);
const REFUSAL: &[u8] = br#"{"id":1,"jsonrpc":"2.0","error":{"code":-32601,"message":"METHOD_NOT_FOUND"}}"#;

/// A conversation, the topics wanted, and what it has done.
struct Session {
    topics: Topics<u32, u32>,
    wanted: Vec<Topic>,
    now: Instant,
    next_seq: u64,
    /// Questions without an answer.
    open: Vec<(Method, Seq)>,
    lists: usize,
    questions: usize,
    confirmed: Vec<u32>,
    surveyed: Vec<u32>,
    restored: usize,
    /// Keeps long answers in `jobs` instead of reading them at once.
    holds_jobs: bool,
    jobs: Vec<ReadJob>,
    view: Option<Arc<TopicView>>,
}

fn topic(name: &str) -> Topic {
    Topic::new(name).unwrap()
}

fn node(topics: &[&str]) -> serde_json::Value {
    serde_json::json!({ "NodeID": "aa", "Topic": topics })
}

impl Session {
    /// A session that begins with these topics.
    fn new(wanted: &[&str]) -> Session {
        let mut session = Session {
            topics: Topics::new(),
            wanted: wanted.iter().map(|name| topic(name)).collect(),
            now: Instant::now(),
            next_seq: 0,
            open: Vec::new(),
            lists: 0,
            questions: 0,
            confirmed: Vec::new(),
            surveyed: Vec::new(),
            restored: 0,
            holds_jobs: false,
            jobs: Vec::new(),
            view: None,
        };
        session.topics.start(!wanted.is_empty());
        session.act();
        session
    }

    /// Does all that is to be done.
    fn act(&mut self) {
        while let Some(action) = self.topics.next_action(self.now) {
            match action {
                Action::SendList => {
                    self.lists += 1;
                    self.topics.list_sent(self.wanted.clone(), self.now);
                }
                Action::Ask(method) => {
                    assert!(self.open.iter().all(|(open, _)| *open != method), "one question at a time");
                    self.questions += 1;
                    self.next_seq += 1;
                    let seq = Seq::from_halves(0, self.next_seq);
                    self.open.push((method, seq));
                    self.topics.asked(method, seq, self.now);
                }
                Action::Read(job) if self.holds_jobs => self.jobs.push(job),
                Action::Read(job) => self.topics.read(job.run(), self.now),
                Action::SetView(view) => self.view = Some(view),
                Action::Confirmed(caller) => self.confirmed.push(caller),
                Action::Surveyed(caller) => self.surveyed.push(caller),
                Action::Restored => self.restored += 1,
            }
        }
    }

    fn subscribe(&mut self, name: &str, caller: u32) {
        self.wanted.push(topic(name));
        self.topics.route(topic(name), true, Some(caller));
        self.act();
    }

    fn unsubscribe(&mut self, name: &str) {
        self.wanted.retain(|topic| topic.as_str() != name);
        self.topics.route(topic(name), true, None);
        self.act();
    }

    fn survey(&mut self, name: &str, caller: u32) {
        self.topics.survey(topic(name), Some(caller), self.now);
        self.act();
    }

    /// Passes an answer to the open question of this kind. `discarded`: bytes that the reader skipped.
    fn answer(&mut self, method: Method, body: &[u8], discarded: usize) {
        let at = self.open.iter().position(|(open, _)| *open == method).expect("an open question");
        let (_, seq) = self.open.remove(at);
        let mut frame = Frame::new(MessageType::Rpc, seq, 0, body);
        frame.discarded = discarded;
        assert!(self.topics.on_answer(&frame, self.now));
        assert!(!self.topics.on_answer(&frame, self.now), "an answer is taken once");
        self.act();
    }

    /// The node answers `getNodeInfo` with these topics.
    fn lists(&mut self, topics: &[&str]) {
        let body = serde_json::json!({ "result": node(topics) }).to_string();
        self.answer(Method::NodeInfo, body.as_bytes(), 0);
    }

    /// The node answers `getPeers` with these topics at one peer.
    fn peer_lists(&mut self, topics: &[&str]) {
        let body = serde_json::json!({ "result": [node(topics)] }).to_string();
        self.answer(Method::Peers, body.as_bytes(), 0);
    }

    fn pass(&mut self, time: Duration) {
        self.now += time;
        self.topics.on_timer(self.now);
        // A question that timed out is no longer open.
        let topics = &self.topics;
        self.open.retain(|(method, seq)| match method {
            Method::NodeInfo => topics.own.expects(seq),
            Method::Peers => topics.peers.expects(seq),
        });
        self.act();
    }

    /// Lets time pass until something is due. Returns how long that took.
    fn pass_until_due(&mut self) -> Duration {
        let due = self.topics.next_deadline().expect("something is due");
        let time = due.saturating_duration_since(self.now);
        assert!(time > Duration::ZERO, "nothing is due twice");
        self.pass(time);
        time
    }

    /// Lets time pass while the node lists these topics whenever it is asked, after a round trip of 1 ms.
    fn run(&mut self, time: Duration, topics: &[&str]) {
        let end = self.now + time;
        loop {
            if !self.open.is_empty() {
                self.pass(MS);
                self.lists(topics);
            }
            match self.topics.next_deadline() {
                Some(due) if due < end => self.pass(due.saturating_duration_since(self.now)),
                _ => break,
            }
        }
        self.now = end;
    }
}
