//! `amop publish`: replies, repeated sends, missing subscribers.

use std::io::Write;
use std::process::Command;

use amop_tests::program::Program;

use crate::amop::{Place, UNTIL_GO, all_masked, masked};

#[test]
fn only_the_reply_goes_to_stdout() {
    let place = Place::with_nodes();
    let server = place.start(&["serve", &place.endpoint(1), "hello"]);
    server.error_line();
    let ended = place.run(&["publish", &place.endpoint(0), "hello", "hi there"]);
    assert_eq!((ended.code, ended.stdout), (0, vec!["hi there".to_owned()]));
    assert_eq!(all_masked(&ended.stderr), ["delivered, the reply has 8 bytes (SPAN)"]);

    let ended = place.run(&["publish", &place.endpoint(0), "hello", "hi there", "--json"]);
    assert_eq!((ended.code, ended.stderr), (0, vec![]));
    assert_eq!(
        all_masked(&ended.stdout),
        [
            r#"{"event":"reply","number":0,"endpoint":"NODE","latency_us":N,"bytes":8,"encoding":"utf-8","data":"hi there"}"#
        ]
    );
}

#[test]
fn subscriber_sends_an_empty_reply() {
    let place = Place::with_nodes();
    let subscriber = place.start(&["subscribe", &place.endpoint(1), "hello"]);
    subscriber.error_line();
    let ended = place.run(&["publish", &place.endpoint(0), "hello", "hi there"]);
    assert_eq!((ended.code, ended.stdout), (0, vec![]));
    assert_eq!(all_masked(&ended.stderr), ["delivered, the reply is empty (SPAN)"]);
}

#[test]
fn payload_is_read_from_argument_file_or_stdin() {
    let place = Place::with_nodes();
    let server = place.start(&["serve", &place.endpoint(1), "hello", "--concurrency", "4"]);
    server.error_line();
    let bytes: Vec<u8> = (0..=255).collect();
    std::fs::write(place.folder().join("bytes"), &bytes).unwrap();
    let endpoint = place.endpoint(0);
    let publish = |data: &[&str], input: &[u8]| {
        let ended = place.start_with(&[&["publish", &endpoint, "hello"], data].concat(), input).end();
        assert_eq!(ended.code, 0, "{ended:?}");
        ended.stdout
    };
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(publish(&["@bytes"], b""), [format!("{hex} (hex, 256 bytes)")]);
    assert_eq!(publish(&["-"], b"two\nlines\n"), ["two", "lines"]);
    assert_eq!(publish(&[], b"no argument"), ["no argument"]);
    assert_eq!(publish(&[""], b"unread"), [""; 0]);
    assert_eq!(publish(&["-", "--raw"], b"as it is"), ["as it is"]);
    let json = publish(&["-", "--json"], b"\xff\x00");
    assert!(json[0].ends_with(r#""bytes":2,"encoding":"hex","data":"ff00"}"#), "{json:?}");

    let gone = place.run(&["publish", &endpoint, "hello", "@nowhere"]);
    assert_eq!(gone.code, 2);
    assert!(gone.stderr[0].starts_with("error: can't read nowhere: "), "{gone:?}");
}

#[test]
fn ctrl_c_ends_the_wait_for_stdin() {
    let place = Place::with_nodes();
    let mut command = Command::new(env!("CARGO_BIN_EXE_test-amop"));
    command.args(["publish", &place.endpoint(0), "hello", "-"]).current_dir(place.folder());
    let (publisher, mut input) = Program::talk(command);
    // More than a pipe holds: once it is written, most of it was read.
    input.write_all(&[b'x'; 1 << 20]).unwrap();
    let ended = publisher.interrupted();
    assert_eq!((ended.code, ended.stdout), (130, vec![]));
}

#[test]
fn repeated_sends_show_rate_and_percentiles() {
    let place = Place::with_nodes();
    let server = place.start(&["serve", &place.endpoint(1), "hello"]);
    server.error_line();
    let ended = place.run(&["publish", &place.endpoint(0), "hello", "again", "--count", "3"]);
    assert_eq!((ended.code, ended.stdout), (0, vec!["again".to_owned(); 3]));
    assert_eq!(
        all_masked(&ended.stderr),
        [
            "3 sent, 3 succeeded, 0 failed in SPAN (RATE)",
            "latency: min SPAN, p50 SPAN, p90 SPAN, p99 SPAN, max SPAN",
        ]
    );
    let ended = place.run(&["publish", &place.endpoint(0), "hello", "again", "--count", "2", "--json"]);
    assert_eq!(ended.code, 0);
    let shown = all_masked(&ended.stdout);
    assert!(shown[1].starts_with(r#"{"event":"reply","number":1,"#), "{shown:?}");
    assert_eq!(
        shown[2],
        r#"{"event":"summary","sent":2,"succeeded":2,"failed":0,"unanswered":0,"seconds":N,"rate":N,"latency_us":{"min":N,"p50":N,"p90":N,"p99":N,"max":N}}"#
    );
}

#[test]
fn interval_repeats_publish_until_ctrl_c() {
    let place = Place::with_nodes();
    let server = place.start(&["serve", &place.endpoint(1), "hello"]);
    server.error_line();
    let endpoint = place.endpoint(0);
    let endless = place.start(&["publish", &endpoint, "hello", "tick", "--interval", "0.01"]);
    for _ in 0..5 {
        assert_eq!(endless.line(), "tick");
    }
    let ended = endless.interrupted();
    assert_eq!(ended.code, 0);
    // Ctrl-C may arrive during a send.
    assert!(ended.stderr[0].contains(" succeeded, 0 failed"), "{ended:?}");
    assert!(masked(&ended.stderr[0]).ends_with(" in SPAN (RATE)"), "{ended:?}");

    let unfinished =
        place.start(&["publish", &endpoint, "hello", "x", "--count", "1000", "--interval", "60"]);
    assert_eq!(unfinished.line(), "x");
    let ended = unfinished.interrupted();
    assert_eq!(ended.code, 130);
    assert_eq!(masked(&ended.stderr[0]), "1 sent, 1 succeeded, 0 failed in SPAN (RATE)");
}

#[test]
fn publish_reports_that_there_is_no_subscriber() {
    let place = Place::with_nodes();
    let ended = place.run(&["publish", &place.endpoint(0), "unused", "hi"]);
    assert_eq!((ended.code, ended.stdout.len()), (6, 0));
    assert!(ended.stderr[0].starts_with("error: ") && ended.stderr[0].contains("subscribe"), "{ended:?}");

    let ended = place.run(&["publish", &place.endpoint(0), "unused", "hi", "--count", "2", "--json"]);
    assert_eq!((ended.code, ended.stderr), (6, vec![]));
    for (number, line) in ended.stdout[..2].iter().enumerate() {
        let error: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(error["event"], "error");
        assert_eq!(error["number"], number);
        assert_eq!((&error["kind"], &error["code"]), (&"NoSubscriber".into(), &100.into()));
        // Which of the two depends on how fast the node answers.
        assert!([&"no".into(), &"maybe".into()].contains(&&error["delivery"]), "{error}");
        assert_eq!(error["retriable"], true);
    }
    assert_eq!(
        masked(&ended.stdout[2]),
        r#"{"event":"summary","sent":2,"succeeded":0,"failed":2,"unanswered":0,"seconds":N,"rate":N}"#
    );
}

#[test]
fn wait_option_waits_for_a_subscriber() {
    let place = Place::with_nodes();
    let publisher = place.start(&["publish", &place.endpoint(0), "later", "hi", "--wait", "-v"]);
    // The first attempt was refused, so the next one is a retry.
    while !publisher.error_line().contains("result=100") {}
    let server = place.start(&["serve", &place.endpoint(1), "later"]);
    assert_eq!(publisher.line(), "hi");
    assert_eq!(publisher.end().code, 0);
    assert_eq!(server.interrupted().code, 0);
}

#[test]
fn subscriber_failure_has_its_own_exit_code() {
    let place = Place::with_nodes();
    let server = place.start(&["serve", &place.endpoint(1), "hello", "--exec", "exit 3"]);
    server.error_line();
    let ended = place.run(&["publish", &place.endpoint(0), "hello", "hi"]);
    assert_eq!((ended.code, ended.stdout.len()), (8, 0));
    assert_eq!(
        ended.stderr,
        [r#"error: the subscriber's handler for "hello" failed (code -5000): its log has the reason"#]
    );
}

#[test]
fn unanswered_messages_are_counted_at_ctrl_c() {
    let place = Place::with_nodes();
    let command = &format!("echo started >&2; {UNTIL_GO}");
    let server = place.start(&["serve", &place.endpoint(1), "slow", "--exec", command]);
    server.error_line();
    let (endpoint, timeout) = (place.endpoint(0), ["--timeout", "60"]);
    let publish = |more: &[&str]| {
        let arguments = [&["publish", &endpoint, "slow", "hi"], &timeout[..], more].concat();
        let publisher = place.start(&arguments);
        assert_eq!(server.error_line(), "started");
        let ended = publisher.interrupted();
        // The next message finds no earlier one.
        std::fs::write(place.folder().join("go"), "").unwrap();
        server.line();
        std::fs::remove_file(place.folder().join("go")).unwrap();
        ended
    };
    let once = publish(&[]);
    assert_eq!((once.code, once.stdout), (130, vec![]));
    assert_eq!(once.stderr, ["interrupted before the answer; the message may have been delivered"]);

    let several = publish(&["--count", "2"]);
    assert_eq!(several.code, 130);
    let expected = "1 sent, 0 succeeded, 0 failed, 1 not answered before the end in SPAN (RATE)";
    assert_eq!(all_masked(&several.stderr), [expected]);

    let json = publish(&["--count", "2", "--json"]);
    assert_eq!((json.code, json.stderr), (130, vec![]));
    let expected =
        r#"{"event":"summary","sent":1,"succeeded":0,"failed":0,"unanswered":1,"seconds":N,"rate":N}"#;
    assert_eq!(all_masked(&json.stdout), [expected]);
}

#[test]
fn forgotten_endpoint_is_named_before_the_message_is_read() {
    let place = Place::empty();
    for verb in ["publish", "broadcast"] {
        let ended = place.run(&[verb, "hello", "hi there"]);
        assert_eq!(ended.code, 2, "{ended:?}");
        let text =
            "error: endpoint \"hello\": the port is missing; write hello:port, for example hello:20200";
        assert_eq!(ended.stderr, [text], "{verb}");
    }
}
