//! `amop serve`: echo, a fixed reply, a command; failures; the end.

use crate::amop::{Place, all_masked, masked};

#[test]
fn it_echoes_and_says_what_it_did() {
    let place = Place::with_nodes();
    let server = place.start(&["serve", &place.endpoint(1), "hello"]);
    assert_eq!(masked(&server.error_line()), "serving hello at NODE (Ctrl-C ends)");
    assert_eq!(place.run(&["publish", &place.endpoint(0), "hello", "hi"]).stdout, ["hi"]);
    assert_eq!(masked(&server.line()), "TIME replied 2 bytes in SPAN to hi");
    let ended = server.interrupted();
    assert_eq!((ended.code, ended.stdout), (0, vec![]));
    assert_eq!(ended.stderr, ["1 received, 1 replied, 0 answered as failed, 0 answers not sent"]);
}

#[test]
fn it_replies_with_one_text_or_file() {
    let place = Place::with_nodes();
    std::fs::write(place.folder().join("reply"), "from a file").unwrap();
    for (reply, expected) in [("got it", "got it"), ("@reply", "from a file")] {
        let server = place.start(&["serve", &place.endpoint(1), "hello", "--reply", reply]);
        server.error_line();
        let replied = place.run(&["publish", &place.endpoint(0), "hello", "hi", "--wait"]).stdout;
        assert_eq!(replied, [expected]);
        assert_eq!(server.interrupted().code, 0);
    }
}

#[test]
fn a_command_gets_the_payload_and_its_output_is_the_reply() {
    let place = Place::with_nodes();
    let command = "printf '%s: ' $AMOP_TOPIC; tr a-z A-Z";
    let server = place.start(&["serve", &place.endpoint(1), "hello", "--exec", command, "--json"]);
    assert_eq!(masked(&server.line()), r#"{"event":"serving","endpoint":"NODE","topic":"hello"}"#);
    assert_eq!(place.run(&["publish", &place.endpoint(0), "hello", "hi"]).stdout, ["hello: HI"]);
    // More than pipes hold, each way.
    let long = vec![b'x'; 1 << 20];
    let ended = place.start_with(&["publish", &place.endpoint(0), "hello", "-", "--raw"], &long).end();
    assert_eq!(ended.stdout[0].len(), "hello: ".len() + long.len());
    assert_eq!(
        masked(&server.line()),
        r#"{"event":"request","kind":"unicast","topic":"hello","seq":"SEQ","endpoint":"NODE","received_at":"TIME","bytes":2,"encoding":"utf-8","data":"hi","took_us":N,"answer":"replied","reply_bytes":9}"#
    );
    assert!(server.line().contains(r#""bytes":1048576"#));
    let ended = server.interrupted();
    assert_eq!(
        all_masked(&ended.stdout),
        [r#"{"event":"summary","received":2,"replied":2,"failed":0,"not_sent":0}"#]
    );
}

#[test]
fn a_command_that_fails_answers_failed() {
    let place = Place::with_nodes();
    let command = "cat >&2; exit 3";
    let server = place.start(&["serve", &place.endpoint(1), "hello", "--exec", command]);
    server.error_line();
    let ended = place.run(&["publish", &place.endpoint(0), "hello", "why\n", "--json"]);
    let error: serde_json::Value = serde_json::from_str(&ended.stdout[0]).unwrap();
    assert_eq!((&error["kind"], &error["node_code"]), (&"SubscriberFailed".into(), &(-5000).into()));
    assert_eq!(error["data"]["data"], "the command failed (exit status: 3)");
    assert_eq!(masked(&server.line()), "TIME failed in SPAN: the command failed (exit status: 3), at why");
    assert_eq!(server.error_line(), "why", "what it writes to standard error is passed on");
    let ended = server.interrupted();
    assert_eq!(ended.stderr, ["1 received, 0 replied, 1 answered as failed, 0 answers not sent"]);
}

#[test]
fn commands_run_side_by_side_as_told() {
    let place = Place::with_nodes();
    // Each waits for the other one: it ends only if both run at once.
    let command = r#"read me other; : > $me; while [ ! -e $other ]; do sleep 0.01; done; echo $me"#;
    let server =
        place.start(&["serve", &place.endpoint(1), "hello", "--exec", command, "--concurrency", "2"]);
    server.error_line();
    let publishers = ["a b\n", "b a\n"]
        .map(|data| place.start(&["publish", &place.endpoint(0), "hello", data, "--timeout", "60"]));
    let replies = publishers.map(|publisher| publisher.end().stdout);
    assert_eq!(replies, [["a"], ["b"]]);
}

#[test]
fn ctrl_c_lets_a_running_command_finish() {
    let place = Place::with_nodes();
    let command = "echo started >&2; while [ ! -e go ]; do sleep 0.01; done; echo done";
    let server = place.start(&["serve", &place.endpoint(1), "hello", "--exec", command]);
    server.error_line();
    let publisher = place.start(&["publish", &place.endpoint(0), "hello", "x"]);
    assert_eq!(server.error_line(), "started");
    server.interrupt();
    std::fs::write(place.folder().join("go"), "").unwrap();
    assert_eq!(publisher.end().stdout, ["done"]);
    let ended = server.end();
    assert_eq!(ended.code, 0);
    assert_eq!(ended.stderr, ["1 received, 1 replied, 0 answered as failed, 0 answers not sent"]);
}
