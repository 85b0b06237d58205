//! `amop subscribe`: messages for people, for scripts, and raw.

use std::process::Command;

use amop_tests::program::Program;

use crate::amop::{Place, all_masked, masked};

#[test]
fn text_output_shows_time_kind_and_payload() {
    let place = Place::with_nodes();
    let subscriber = place.start(&["subscribe", &place.endpoint(1), "hello"]);
    assert_eq!(masked(&subscriber.error_line()), "subscribed to hello at NODE (Ctrl-C ends)");
    for (verb, data) in [("publish", "hi there"), ("broadcast", "hi all"), ("publish", "")] {
        assert_eq!(place.run(&[verb, &place.endpoint(0), "hello", data]).code, 0);
    }
    let input = b"{\n  \"json\": true\n}\n";
    assert_eq!(place.start_with(&["publish", &place.endpoint(0), "hello", "-"], input).end().code, 0);
    assert_eq!(place.start_with(&["publish", &place.endpoint(0), "hello", "-"], b"\xff\x1b").end().code, 0);
    assert_eq!(place.run(&["publish", &place.endpoint(0), "hello", "\x1b[31mred"]).code, 0);
    let expected = [
        "TIME unicast   hi there",
        "TIME broadcast hi all",
        "TIME unicast   (empty)",
        "TIME unicast   ",
        "    {",
        "      \"json\": true",
        "    }",
        "TIME unicast   ff1b (hex, 2 bytes)",
        "TIME unicast   \\u{1b}[31mred",
    ];
    for line in expected {
        assert_eq!(masked(&subscriber.line()), line);
    }
    let ended = subscriber.interrupted();
    assert_eq!((ended.code, ended.stdout), (0, vec![]));
    assert_eq!(ended.stderr, ["6 received, 0 lost, 0 not printed"]);
}

#[test]
fn json_has_a_line_for_every_event() {
    let place = Place::with_nodes();
    let subscriber = place.start(&["subscribe", &place.endpoint(1), "hello", "--count", "1", "--json"]);
    assert_eq!(masked(&subscriber.line()), r#"{"event":"subscribed","endpoint":"NODE","topic":"hello"}"#);
    assert_eq!(place.run(&["publish", &place.endpoint(0), "hello", "hi"]).code, 0);
    let ended = subscriber.end();
    assert_eq!((ended.code, ended.stderr), (0, vec![]));
    assert_eq!(
        all_masked(&ended.stdout),
        [
            r#"{"event":"message","kind":"unicast","topic":"hello","seq":"SEQ","endpoint":"NODE","received_at":"TIME","bytes":2,"encoding":"utf-8","data":"hi"}"#,
            r#"{"event":"summary","received":1,"lost":0,"unread":0}"#,
        ]
    );
}

#[test]
fn raw_output_has_payloads_only() {
    let place = Place::with_nodes();
    let subscriber = place.start(&["subscribe", &place.endpoint(1), "hello", "--count", "2", "--raw"]);
    subscriber.error_line();
    for data in ["one,", "two"] {
        assert_eq!(place.run(&["publish", &place.endpoint(0), "hello", data]).code, 0);
    }
    let ended = subscriber.end();
    assert_eq!((ended.code, ended.stdout), (0, vec!["one,two".to_owned()]));
}

#[test]
fn interrupt_before_count_exits_with_130() {
    let place = Place::with_nodes();
    let subscriber = place.start(&["subscribe", &place.endpoint(1), "hello", "--count", "2"]);
    subscriber.error_line();
    assert_eq!(place.run(&["publish", &place.endpoint(0), "hello", "hi"]).code, 0);
    subscriber.line();
    let ended = subscriber.interrupted();
    assert_eq!(ended.code, 130);
    assert_eq!(ended.stderr, ["1 received, 0 lost, 0 not printed"]);
}

#[test]
fn sigterm_ends_subscribe_as_ctrl_c_does() {
    let place = Place::with_nodes();
    let subscriber = place.start(&["subscribe", &place.endpoint(1), "hello"]);
    subscriber.error_line();
    subscriber.terminate();
    let ended = subscriber.end();
    assert_eq!((ended.code, ended.stderr), (0, vec!["0 received, 0 lost, 0 not printed".to_owned()]));
}

#[test]
fn lost_connection_is_reported_and_restored() {
    let place = Place::with_nodes();
    let subscriber = place.start(&["subscribe", &place.endpoint(1), "hello", "--json"]);
    subscriber.line();
    place.kill(1);
    let lost = masked(&subscriber.line());
    assert!(lost.starts_with(r#"{"event":"connection_lost","endpoint":"NODE","reason":""#), "{lost}");
    place.restart(1);
    let mut line = masked(&subscriber.line());
    // An attempt may happen in between; it is reported at most once.
    if line.starts_with(r#"{"event":"connect_failed","#) {
        line = masked(&subscriber.line());
    }
    assert_eq!(line, r#"{"event":"reconnected","endpoint":"NODE","node_version":"2.7.2","protocol":3}"#);
    assert_eq!(place.run(&["publish", &place.endpoint(0), "hello", "hi", "--wait"]).code, 0);
    assert!(subscriber.line().contains(r#""data":"hi""#));
    assert_eq!(subscriber.interrupted().code, 0);
}

#[test]
fn stats_option_reports_every_second() {
    let place = Place::with_nodes();
    let endpoint = place.endpoint(1);
    let scripts = place.start(&["subscribe", &endpoint, "hello", "--stats", "--json"]);
    scripts.line();
    let people = place.start(&["subscribe", &endpoint, "hello", "--stats"]);
    people.error_line();
    assert_eq!(place.run(&["broadcast", &place.endpoint(0), "hello", "hi"]).code, 0);

    let progress = loop {
        let line = scripts.line();
        if line.starts_with(r#"{"event":"progress","received":1,"#) {
            break serde_json::from_str::<serde_json::Value>(&line).unwrap();
        }
    };
    assert_eq!((&progress["bytes"], &progress["lost"]), (&2.into(), &0.into()));
    assert!(progress["rate"].is_f64() && progress["bytes_per_second"].is_f64(), "{progress}");

    let line = loop {
        let line = people.error_line();
        if line.starts_with("1 received") {
            break masked(&line);
        }
    };
    assert!(line.starts_with("1 received (2 B), RATE (") && line.ends_with("B/s), 0 lost"), "{line}");
    for subscriber in [scripts, people] {
        assert_eq!(subscriber.interrupted().code, 0);
    }
}

#[test]
fn messages_lost_to_slow_output_are_reported_and_counted() {
    let place = Place::with_nodes();
    // The output of the subscriber isn't read until too many messages are held for it.
    let script = "{ $AMOP subscribe $ENDPOINT hello --json & echo $! >&2; wait; } \
                  | { while [ ! -e read ]; do sleep 0.01; done; cat; }";
    let mut shell = Command::new("bash");
    shell.arg("-c").arg(script).env("AMOP", env!("CARGO_BIN_EXE_test-amop")).env_remove("AMOP_CREDENTIALS");
    shell.env("ENDPOINT", place.endpoint(1)).current_dir(place.folder());
    let subscriber = Program::spawn(shell, b"");
    let number = subscriber.error_line();

    std::fs::write(place.folder().join("large"), vec![b'x'; 1 << 20]).unwrap();
    assert_eq!(place.run(&["publish", &place.endpoint(0), "hello", "first", "--wait"]).code, 0);
    // A message is being written and 64 MiB are held, so the next one is refused.
    let more = ["--count", "70", "--json"];
    let sent = place.run(&[&["publish", &place.endpoint(0), "hello", "@large"], &more[..]].concat());
    assert_eq!(sent.code, 8, "{sent:?}");
    let busy = sent.stdout.iter().find(|line| line.starts_with(r#"{"event":"error","#)).unwrap();
    assert!(busy.contains(r#""kind":"SubscriberBusy""#), "{busy}");
    std::fs::write(place.folder().join("read"), "").unwrap();
    let mut lines = std::iter::repeat_with(|| subscriber.line());
    assert!(lines.any(|line| line == r#"{"event":"slow_consumer","topic":"hello"}"#));

    assert!(Command::new("kill").args(["-TERM", &number]).status().unwrap().success());
    let summary = lines.find(|line| line.starts_with(r#"{"event":"summary","#)).unwrap();
    let summary: serde_json::Value = serde_json::from_str(&summary).unwrap();
    assert!(summary["lost"].as_u64().unwrap() > 0, "{summary}");
}
