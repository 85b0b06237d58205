use super::*;

const TOPIC: &str = "t";

/// Records that a client handled call 0.
fn handle(oracle: &Oracle, client: usize, id: u8) {
    assert_eq!(oracle.handled(client, &[id; 32], b"0"), 0);
}

#[test]
fn oracle_finds_each_violation() {
    fn is_found(record: impl Fn(&Oracle, usize), kind: CallKind) -> bool {
        let oracle = Oracle::new(false);
        let call = oracle.begin(TOPIC, kind);
        record(&oracle, call);
        !oracle.violations().is_empty()
    }
    let failed = || Err::<(), _>(Error::undelivered(ErrorKind::NotConnected, "x"));
    assert!(is_found(|_, _| {}, CallKind::Unicast), "it did not end");
    assert!(is_found(|_, _| {}, CallKind::Hostile), "it did not end");
    assert!(!is_found(|oracle, call| oracle.end(call, Ok(())), CallKind::Hostile));
    assert!(
        is_found(|oracle, call| oracle.end(call, Ok(())), CallKind::Unicast),
        "it succeeded and was not handled"
    );
    assert!(!is_found(|oracle, call| oracle.end(call, Ok(())), CallKind::Broadcast));
    let twice = |ids: [u8; 2]| {
        move |oracle: &Oracle, call| {
            oracle.end(call, Ok(()));
            ids.iter().for_each(|id| handle(oracle, 7, *id));
        }
    };
    for ids in [[1, 2], [1, 1]] {
        assert!(is_found(twice(ids), CallKind::Unicast), "handled twice");
        assert!(is_found(twice(ids), CallKind::Broadcast), "handled twice");
    }
    assert!(!is_found(twice([1, 2]), CallKind::AtLeastOnce), "at-least-once delivery allows this");
    assert!(is_found(twice([1, 1]), CallKind::AtLeastOnce), "one id must not be handled twice");
    let failed_and_handled = |oracle: &Oracle, call| {
        oracle.end(call, failed());
        handle(oracle, 7, 1);
    };
    assert!(is_found(failed_and_handled, CallKind::Unicast), "delivery: no and handled");
    let ended_twice = |oracle: &Oracle, call| {
        oracle.end(call, failed());
        oracle.end(call, failed());
    };
    assert!(is_found(ended_twice, CallKind::Broadcast), "it ended twice");
}

#[test]
fn oracle_counts_duplicates_and_missed_copies() {
    let oracle = Oracle::new(false);
    (1..=3).for_each(|client| oracle.expect_broadcasts(TOPIC, client));
    let call = oracle.begin(TOPIC, CallKind::Broadcast);
    handle(&oracle, 1, 1);
    assert_eq!(oracle.totals().copies, 0, "not acknowledged");
    oracle.end(call, Ok(()));
    handle(&oracle, 9, 1);
    assert_eq!((oracle.totals().copies, oracle.totals().copies_missed), (3, 2));
    assert_eq!(oracle.totals().at_two_clients, 0, "a broadcast is for all clients");

    let oracle = Oracle::new(false);
    oracle.end(oracle.begin(TOPIC, CallKind::AtLeastOnce), Ok(()));
    [(1, 1), (1, 2), (2, 2)].iter().for_each(|(client, id)| handle(&oracle, *client, *id));
    let totals = oracle.totals();
    assert_eq!((totals.duplicates_asked_for, totals.at_two_clients, totals.copies), (1, 1, 0));
    assert_eq!(oracle.totals_of(|topic, _| topic != TOPIC), Totals::default());
}
