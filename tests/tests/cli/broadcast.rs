//! `amop broadcast`: sends to all subscribers; only the node acknowledges.

use crate::amop::{Place, all_masked, with_patience};

#[test]
fn broadcast_reaches_all_subscribers() {
    let place = Place::with_nodes();
    let subscribers = [0, 1, 1].map(|node| {
        let subscriber = place.start(&["subscribe", &place.endpoint(node), "hello", "--count", "1", "--raw"]);
        subscriber.error_line();
        subscriber
    });
    let ended = place.run(&["broadcast", &place.endpoint(0), "hello", "hi all"]);
    assert_eq!((ended.code, ended.stdout), (0, vec![]));
    assert_eq!(
        all_masked(&ended.stderr),
        ["the node has acknowledged 6 bytes (SPAN); it doesn't report who receives them"]
    );
    for subscriber in subscribers {
        assert_eq!(subscriber.end().stdout, ["hi all"]);
    }
}

#[test]
fn json_has_a_line_for_each_broadcast_and_a_summary() {
    let place = Place::with_nodes();
    let ended =
        place.start_with(&["broadcast", &place.endpoint(0), "hello", "--count", "2", "--json"], b"abc").end();
    assert_eq!((ended.code, ended.stderr), (0, vec![]));
    assert_eq!(
        all_masked(&ended.stdout),
        [
            r#"{"event":"sent","number":0,"latency_us":N,"bytes":3}"#,
            r#"{"event":"sent","number":1,"latency_us":N,"bytes":3}"#,
            r#"{"event":"summary","sent":2,"succeeded":2,"failed":0,"unanswered":0,"seconds":N,"rate":N,"latency_us":{"min":N,"p50":N,"p90":N,"p99":N,"max":N}}"#,
        ]
    );
}

#[test]
fn wait_option_waits_for_a_subscriber() {
    let place = Place::with_nodes();
    let endpoint = place.endpoint(0);
    let publisher = place.start(&["broadcast", &endpoint, "later", "hi", "--wait", "-v"]);
    // The node was asked and knows no subscriber, so nothing is sent yet.
    while !publisher.error_line().contains("0x12") {}
    let subscriber = place.start(&["subscribe", &place.endpoint(1), "later", "--count", "1", "--raw"]);
    assert_eq!(subscriber.end().stdout, ["hi"]);
    assert_eq!(publisher.end().code, 0);

    let ended = with_patience(|limit| {
        let ended = place.run(&["broadcast", &endpoint, "never", "hi", "--wait", "--timeout", limit]);
        // With code 7 the node was not asked in that time.
        (ended.code != 7).then_some(ended)
    });
    assert_eq!((ended.code, ended.stdout.len()), (6, 0), "{ended:?}");
    assert!(ended.stderr[0].contains("nothing was sent"), "{ended:?}");
}
