//! How views for callers are collected, and what long answers cost.

use super::*;

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
fn view_of_a_silent_node_keeps_what_it_answered_before() {
    let mut session = Session::new(&[]);
    session.survey("t", 1);
    session.lists(&["t"]);
    session.peer_lists(&["t"]);
    for caller in 2..5 {
        session.pass(MIN_QUERY_INTERVAL);
        session.survey("t", caller);
        session.pass(QUERY_TIMEOUT);
        let view = session.view.take().unwrap();
        assert_eq!(view.reach("t"), Reach::UnresponsiveLocalAndPeers, "after {} timeouts", caller - 1);
        assert!(view.former.as_ref().is_some_and(|former| !former.silent && former.former.is_none()));
    }
    session.pass(MAX_BLOCK);
    session.survey("t", 5);
    session.lists(&[]);
    session.peer_lists(&["t"]);
    assert_eq!(session.view.take().unwrap().reach("t"), Reach::PeersOnly);
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
    session.holds_jobs = true;
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
