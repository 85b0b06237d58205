//! The conversation about topics with a node played by hand; the clock is an argument.

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
                Action::Read(job) => self.jobs.push(job),
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

#[test]
fn topics_are_confirmed_one_by_one() {
    let mut session = Session::new(&[]);
    assert_eq!((session.restored, session.lists), (1, 0), "nothing was wanted");
    session.subscribe("a", 1);
    session.subscribe("b", 2);
    session.subscribe("c", 3);
    assert_eq!(session.lists, 1, "changes are gathered while a list is unconfirmed");
    session.lists(&["a"]);
    assert_eq!((session.confirmed.as_slice(), session.lists), (&[1][..], 2));
    session.lists(&["a", "c"]);
    assert_eq!(session.confirmed, [1, 3], "one that isn't listed does not delay another");
    session.pass_until_due();
    session.lists(&["a", "c", "b", "another SDK's"]);
    assert_eq!(session.confirmed, [1, 3, 2]);
    assert_eq!(session.topics.next_deadline(), None);
}

#[test]
fn topic_that_is_never_confirmed_costs_few_lists_and_questions() {
    let mut session = Session::new(&["a", "never"]);
    session.run(10 * S, &["a"]);
    assert!(session.lists <= 5, "{} lists", session.lists);
    assert!(session.questions <= 20, "{} questions", session.questions);
    assert_eq!(session.restored, 0);
    session.run(MAX_PAUSE, &["a", "never"]);
    assert_eq!(session.restored, 1);
}

#[test]
fn pause_before_asking_again_doubles_up_to_its_maximum() {
    let mut session = Session::new(&["never"]);
    let mut expected = FIRST_PAUSE;
    for _ in 0..14 {
        session.lists(&[]);
        assert_eq!(session.pass_until_due(), expected);
        expected = (2 * expected).min(MAX_PAUSE);
    }
    assert_eq!((expected, session.lists), (MAX_PAUSE, 3));
}

#[test]
fn unconfirmed_topic_does_not_delay_a_new_one() {
    let mut session = Session::new(&["never"]);
    session.run(5 * S, &[]);
    let (lists, questions) = (session.lists, session.questions);
    for caller in 0..20 {
        session.subscribe(&format!("new/{caller}"), caller);
        let names: Vec<String> = (0..=caller).map(|n| format!("new/{n}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        if session.open.is_empty() {
            session.pass_until_due();
        }
        session.lists(&names);
        assert_eq!(session.confirmed.last(), Some(&caller));
    }
    assert!(session.lists - lists <= 20 && session.questions - questions <= 21);
}

#[test]
fn answer_to_a_question_older_than_the_list_confirms_nothing() {
    let mut session = Session::new(&[]);
    session.survey("x", 7);
    session.subscribe("a", 1);
    assert_eq!((session.lists, session.questions), (1, 2), "the list does not wait for the answer");
    session.lists(&["a"]);
    assert!(session.confirmed.is_empty(), "another SDK of the node may list it");
    assert_eq!(session.questions, 3, "it is asked again at once");
    session.lists(&["a"]);
    assert_eq!(session.confirmed, [1]);
}

#[test]
fn removed_topic_that_stays_listed_belongs_to_another_sdk() {
    let mut session = Session::new(&["a", "b"]);
    session.lists(&["a", "b"]);
    session.unsubscribe("b");
    for _ in 0..2 {
        session.lists(&["a", "b"]);
        session.pass_until_due();
    }
    session.lists(&["a", "b"]);
    assert_eq!((session.topics.next_deadline(), session.lists), (None, 2));
}

#[test]
fn node_that_refuses_or_ignores_the_question_gets_lists_only() {
    for silent in [false, true] {
        let mut session = Session::new(&[]);
        session.subscribe("a", 1);
        if silent {
            (0..3).for_each(|_| assert_eq!(session.pass_until_due(), QUERY_TIMEOUT));
        } else {
            session.answer(Method::NodeInfo, REFUSAL, 0);
        }
        assert_eq!(session.confirmed, [1]);
        assert_eq!(session.lists, 1 + usize::from(silent), "one that may be lost is sent again");
        let (questions, lists) = (session.questions, session.lists);
        session.subscribe("b", 2);
        assert_eq!(
            (session.confirmed.as_slice(), session.lists),
            (&[1, 2][..], lists + 1),
            "after the write"
        );
        assert_eq!((session.questions, session.topics.next_deadline()), (questions, None));
        session.pass(FIRST_BLOCK);
        session.subscribe("c", 3);
        assert_eq!(session.questions, questions + 1, "it is asked again after a while");
    }
}

#[test]
fn message_on_a_topic_that_was_left_has_the_list_sent_again() {
    let mut session = Session::new(&["a"]);
    let unwanted = |session: &mut Session| {
        session.topics.on_unwanted(session.now);
        session.act();
        session.lists
    };
    assert_eq!(unwanted(&mut session), 1, "the list is not confirmed yet");
    session.lists(&["a"]);
    assert_eq!(unwanted(&mut session), 1, "it may not have reached the whole node yet");
    session.pass(LIST_SETTLES);
    assert_eq!(unwanted(&mut session), 2);
    session.answer(Method::NodeInfo, REFUSAL, 0);
    session.pass(LIST_SETTLES);
    assert_eq!(unwanted(&mut session), 3);
}

#[test]
fn list_is_checked_with_every_third_heartbeat() {
    let mut session = Session::new(&["a"]);
    session.lists(&["a"]);
    let mut questions = Vec::new();
    for _ in 0..6 {
        session.topics.on_heartbeat(session.now);
        session.act();
        questions.push(session.questions);
        if !session.open.is_empty() {
            session.lists(&["a"]);
        }
    }
    assert_eq!((questions.as_slice(), session.lists), (&[1, 1, 2, 2, 2, 3][..], 1));
    // Another process may have replaced the list.
    (0..3).for_each(|_| session.topics.on_heartbeat(session.now));
    session.act();
    session.run(S, &[]);
    assert!(session.lists > 1);
}

#[test]
fn check_that_fails_has_the_list_sent_again() {
    let mut session = Session::new(&["a"]);
    session.lists(&["a"]);
    session.pass(30 * S);
    (0..3).for_each(|_| session.topics.on_heartbeat(session.now));
    session.act();
    session.answer(Method::NodeInfo, b"", 29_000_000);
    assert_eq!(session.lists, 2);
    (0..3).for_each(|_| session.topics.on_heartbeat(session.now));
    session.act();
    assert_eq!((session.lists, session.open.len()), (3, 0), "while the node can't be asked too");
}

#[test]
fn both_answers_make_one_view_for_all_callers() {
    let mut session = Session::new(&[]);
    session.survey("y", 1);
    session.survey("own", 2);
    assert_eq!(session.questions, 2, "both questions once");
    session.peer_lists(&["x", "y"]);
    assert!(session.surveyed.is_empty());
    session.lists(&["own"]);
    assert_eq!(session.surveyed, [1, 2]);
    let view = session.view.take().unwrap();
    assert_eq!(["y", "own"].map(|topic| view.reach(topic)), [Reach::PeersOnly, Reach::LocalOnly]);
    session.survey("z", 3);
    assert_eq!((session.questions, session.surveyed.len()), (2, 3), "at most once a second");
    session.pass(MIN_QUERY_INTERVAL);
    session.survey("z", 4);
    assert_eq!((session.questions, session.surveyed.len()), (4, 3));
}

#[test]
fn one_question_in_flight_serves_confirmation_and_survey() {
    let mut session = Session::new(&["a"]);
    session.survey("x", 1);
    let methods: Vec<_> = session.open.iter().map(|(method, _)| *method).collect();
    assert_eq!(methods, [Method::NodeInfo, Method::Peers]);
    session.peer_lists(&["x"]);
    session.lists(&["a"]);
    assert_eq!((session.surveyed.as_slice(), session.restored, session.questions), (&[1][..], 1, 2));
}

#[test]
fn refusing_node_is_unknown_and_a_silent_one_unresponsive() {
    let mut session = Session::new(&[]);
    session.survey("t", 1);
    session.answer(Method::NodeInfo, REFUSAL, 0);
    assert!(session.surveyed.is_empty());
    session.pass(QUERY_TIMEOUT);
    assert_eq!(session.surveyed, [1]);
    assert_eq!(session.view.take().unwrap().reach("t"), Reach::Unresponsive);
    session.pass(MAX_BLOCK);
    session.survey("t", 2);
    session.answer(Method::NodeInfo, REFUSAL, 0);
    session.answer(Method::Peers, REFUSAL, 0);
    assert_eq!(session.surveyed, [1, 2]);
    assert_eq!(session.view.take().unwrap().reach("t"), Reach::Unknown);
    session.pass(MIN_QUERY_INTERVAL);
    session.survey("t", 3);
    let open: Vec<_> = session.open.iter().map(|(method, _)| *method).collect();
    assert_eq!(open, [Method::Peers], "the question that failed twice is not asked for 2 s");
}

#[test]
fn answer_that_was_skipped_counts_as_a_refusal() {
    let mut session = Session::new(&[]);
    session.subscribe("a", 1);
    session.survey("t", 2);
    session.answer(Method::NodeInfo, b"", 29_000_000);
    session.answer(Method::Peers, b"", 29_000_000);
    assert_eq!((session.confirmed.as_slice(), session.surveyed.as_slice()), (&[1][..], &[2][..]));
    assert_eq!(session.view.as_ref().unwrap().reach("t"), Reach::Unknown);
    let questions = session.questions;
    for _ in 0..60 {
        session.pass(S);
        session.survey("t", 3);
        for method in session.open.iter().map(|(method, _)| *method).collect::<Vec<_>>() {
            session.answer(method, b"", 29_000_000);
        }
    }
    assert!(session.questions - questions <= 2 * 6, "{} questions in a minute", session.questions);
}

#[test]
fn long_answer_is_read_elsewhere_and_delays_nothing() {
    let mut session = Session::new(&[]);
    session.subscribe("a", 1);
    session.survey("wanted", 2);
    let mut names: Vec<String> = (0..300_000).map(|n| format!("topic/{n}")).collect();
    names.extend(["a".to_owned(), "wanted".to_owned()]);
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    session.lists(&names);
    session.peer_lists(&names);
    assert!(session.confirmed.is_empty() && session.jobs.len() == 2, "nothing is read here");
    session.subscribe("b", 3);
    session.pass(10 * QUERY_TIMEOUT);
    assert_eq!((session.lists, session.open.len()), (2, 0), "one question at a time");
    for job in std::mem::take(&mut session.jobs) {
        let answer = job.run();
        session.topics.read(answer, session.now);
        session.act();
    }
    let view = session.view.take().unwrap();
    assert_eq!((session.surveyed.as_slice(), view.reach("wanted")), (&[2][..], Reach::LocalAndPeers));
    let kept = [&view.own, &view.peers].map(|kept| kept.as_ref().unwrap().len());
    assert_eq!(kept, [2, 2], "of 300,002 topics those of interest are held");
    session.lists(&["a", "b"]);
    assert_eq!(session.confirmed, [1, 3]);
}

#[test]
fn answer_read_for_a_former_connection_is_ignored() {
    let mut session = Session::new(&["a"]);
    let outcome = Method::NodeInfo.read(br#"{"result":{"Topic":["a"]}}"#, Interest::default());
    let answer = ReadAnswer { method: Method::NodeInfo, seq: Seq::from_halves(9, 9), outcome };
    session.topics.read(answer, session.now);
    session.act();
    assert_eq!((session.restored, session.open.len()), (0, 1));
}

#[test]
fn topic_that_a_long_answer_did_not_keep_is_asked_for_soon() {
    let names: Vec<String> = (0..2000).map(|n| format!("{n}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut session = Session::new(&[]);
    session.survey("5", 1);
    session.lists(&[]);
    session.peer_lists(&names);
    assert_eq!(session.view.as_ref().unwrap().reach("5"), Reach::PeersOnly);
    session.survey("6", 2);
    assert_eq!(session.surveyed, [1], "the view says nothing about it");
    assert!(session.pass_until_due() < MIN_QUERY_INTERVAL);
    session.lists(&[]);
    session.peer_lists(&names);
    assert_eq!(session.view.as_ref().unwrap().reach("6"), Reach::PeersOnly);
    assert_eq!(session.surveyed, [1, 2]);
}
