//! How topics of this session are listed and confirmed.

use super::*;

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
