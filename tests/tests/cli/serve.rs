//! `amop serve`: echo, fixed reply, command, failures, shutdown.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use amop::protocol::Seq;
use amop::protocol::channel::{Frame, FrameReader, MessageType};
use amop::transport::{Connector, Credentials, dial};
use amop_tests::program::{Ended, Program};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::amop::{NEVER, Place, UNTIL_GO, all_masked, masked, with_patience};
use amop_devnet::Devnet;

#[test]
fn serve_echoes_and_reports_requests() {
    let place = Place::with_nodes();
    let server = place.start(&["serve", &place.endpoint(1), "hello"]);
    assert_eq!(masked(&server.error_line()), "serving hello at NODE (Ctrl-C ends)");
    assert_eq!(place.run(&["publish", &place.endpoint(0), "hello", "hi"]).stdout, ["hi"]);
    assert_eq!(masked(&server.line()), "TIME replied with 2 bytes in SPAN; message: hi");
    let ended = server.interrupted();
    assert_eq!((ended.code, ended.stdout), (0, vec![]));
    assert_eq!(ended.stderr, ["1 received, 1 replied, 0 answered as failed, 0 answers not sent, 0 lost"]);
}

#[test]
fn serve_replies_with_text_or_file() {
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
fn exec_passes_payload_and_replies_with_output() {
    let place = Place::without_time_limits();
    let command = "printf '%s: ' $AMOP_TOPIC; tr a-z A-Z";
    let server = place.start(&["serve", &place.endpoint(1), "hello", "--exec", command, "--json"]);
    assert_eq!(masked(&server.line()), r#"{"event":"serving","endpoint":"NODE","topic":"hello"}"#);
    assert_eq!(place.run(&["publish", &place.endpoint(0), "hello", "hi"]).stdout, ["hello: HI"]);
    // More than pipes hold, in each direction.
    let long = vec![b'x'; 1 << 20];
    let long = place.start_with(&["publish", &place.endpoint(0), "hello", "-", "--raw"], &long).end();
    assert_eq!(long.stdout[0].len(), "hello: ".len() + (1 << 20));
    assert_eq!(
        masked(&server.line()),
        r#"{"event":"request","kind":"unicast","topic":"hello","seq":"SEQ","endpoint":"NODE","received_at":"TIME","bytes":2,"encoding":"utf-8","data":"hi","took_us":N,"answer":"replied","reply_bytes":9}"#
    );
    assert!(server.line().contains(r#""bytes":1048576"#));
    let ended = server.interrupted();
    assert_eq!(
        all_masked(&ended.stdout),
        [r#"{"event":"summary","received":2,"replied":2,"failed":0,"not_sent":0,"lost":0}"#]
    );
}

/// Sends a unicast with this id to a node. Returns the data of the reply.
fn reply_to(place: &Place, node: usize, seq: Seq, topic: &str) -> String {
    place.devnet().handle().block_on(async {
        let credentials = Credentials::load(&place.devnet().credentials()).unwrap();
        let endpoint = place.endpoint(node).parse().unwrap();
        let mut stream = dial(&endpoint, &Connector::rustls(&credentials).unwrap()).await.unwrap();
        let body = [&[topic.len() as u8 + 1], topic.as_bytes()].concat();
        let request = Frame::new(MessageType::Request, seq, 0, &body).to_bytes();
        stream.write_all(&request).await.unwrap();
        stream.flush().await.unwrap();
        let mut reader = FrameReader::new(1 << 20);
        loop {
            assert!(stream.read_buf(reader.buffer()).await.unwrap() > 0, "the node closes the connection");
            if let Some(reply) = reader.next().unwrap() {
                let data = String::from_utf8_lossy(reply.body).into_owned();
                assert_eq!(reply.result, 0, "{data}");
                return data[topic.len() + 1..].to_owned();
            }
        }
    })
}

#[test]
fn command_gets_any_seq_as_text() {
    let place = Place::without_time_limits();
    let server = place.start(&["serve", &place.endpoint(1), "t", "--exec", "printf %s \"$AMOP_SEQ\""]);
    server.error_line();
    for (seq, expected) in [([0; 32], r"\u{0}".repeat(32)), ([b'7'; 32], "7".repeat(32))] {
        assert_eq!(reply_to(&place, 0, Seq::new(seq), "t"), expected);
    }
    assert_eq!(server.interrupted().code, 0);
}

#[test]
fn failed_command_answers_without_details() {
    let place = Place::without_time_limits();
    let command = "cat >&2; exit 3";
    let server = place.start(&["serve", &place.endpoint(1), "hello", "--exec", command]);
    server.error_line();
    let ended = place.run(&["publish", &place.endpoint(0), "hello", "why\n", "--json"]);
    let error: serde_json::Value = serde_json::from_str(&ended.stdout[0]).unwrap();
    assert_eq!((&error["kind"], &error["node_code"]), (&"SubscriberFailed".into(), &(-5000).into()));
    assert_eq!(error["data"]["data"], "the handler failed");
    assert_eq!(
        masked(&server.line()),
        "TIME failed in SPAN: the command failed (exit status: 3); message: why"
    );
    assert_eq!(server.error_line(), "why", "what it writes to standard error is passed on");
    let ended = server.interrupted();
    assert_eq!(ended.stderr, ["1 received, 0 replied, 1 answered as failed, 0 answers not sent, 0 lost"]);
}

#[test]
fn concurrency_runs_commands_in_parallel() {
    let place = Place::without_time_limits();
    // Each command waits for the other: they end only if both run at the same time.
    let command = r#"read me other; : > $me; while [ ! -e $other ]; do sleep 0.01; done; echo $me"#;
    let server =
        place.start(&["serve", &place.endpoint(1), "hello", "--exec", command, "--concurrency", "2"]);
    server.error_line();
    let publishers =
        ["a b\n", "b a\n"].map(|data| place.start(&["publish", &place.endpoint(0), "hello", data]));
    assert_eq!(publishers.map(|publisher| publisher.end().stdout), [["a"], ["b"]]);
}

/// Ends a service while its command runs, which may finish then. Returns the end of the service.
fn interrupted_with_a_command(place: &Place, interrupt: impl Fn(&Program)) -> Ended {
    let command = &format!("echo started >&2; {UNTIL_GO}; echo done");
    let server = place.start(&["serve", &place.endpoint(1), "hello", "--exec", command]);
    server.error_line();
    let publisher = place.start(&["publish", &place.endpoint(0), "hello", "x"]);
    assert_eq!(server.error_line(), "started");
    interrupt(&server);
    assert_eq!(server.error_line(), "waiting up to 3600 s for 1 running command (Ctrl-C kills them)");
    fs::write(place.folder().join("go"), "").unwrap();
    let (reply, ended) = (publisher.end(), server.end());
    assert_eq!((reply.stdout, ended.code), (vec!["done".to_owned()], 0));
    ended
}

#[test]
fn ctrl_c_lets_running_command_finish() {
    let place = Place::without_time_limits();
    let ended = interrupted_with_a_command(&place, Program::interrupt);
    assert_eq!(ended.stderr, ["1 received, 1 replied, 0 answered as failed, 0 answers not sent, 0 lost"]);
}

#[test]
fn oversized_output_is_answered_as_failed() {
    let place = Place::without_time_limits();
    let server = place.start(&["serve", &place.endpoint(1), "hello", "--exec", "cat /dev/zero", "--json"]);
    server.line();
    let publish = ["publish", &place.endpoint(0), "hello", "x", "--timeout", "60"];
    assert_eq!(place.run(&publish).code, 8);
    let record: serde_json::Value = serde_json::from_str(&server.line()).unwrap();
    assert_eq!(record["answer"], "failed", "{record}");
    let reason = record["reason"].as_str().unwrap();
    assert!(reason.starts_with("the command's output is larger than "), "{record}");
    assert_eq!(server.interrupted().code, 0);
}

/// Prints the id of a child process and waits for it: the child would outlive its parent if it were not killed.
const STUCK: &str = "sleep 1000 >/dev/null 2>&1 & echo $! >&2; wait";

/// Starts a service that runs [`STUCK`]. Returns it and the id of the child process.
fn stuck(place: &Place) -> (Program, Program, String) {
    let server = place.start(&["serve", &place.endpoint(1), "hello", "--exec", STUCK, "--json"]);
    server.line();
    let publisher = place.start(&["publish", &place.endpoint(0), "hello", "x"]);
    let number = server.error_line();
    (server, publisher, number)
}

/// Waits until a process has been killed.
fn is_killed(number: &str) {
    let guard = Instant::now() + Duration::from_secs(60);
    let stat = format!("/proc/{number}/stat");
    // A dead process may stay as a zombie if no parent reaps it.
    while fs::read_to_string(&stat).is_ok_and(|stat| !stat.contains(") Z ")) {
        assert!(Instant::now() < guard, "{number} lives on");
        thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn endless_commands_are_killed_with_the_service() {
    let place = Place::with_nodes();
    let (server, _publisher, number) = stuck(&place);
    let ended = server.interrupted();
    assert_eq!((ended.code, ended.stderr), (0, vec![]));
    assert_eq!(ended.stdout[0], r#"{"event":"finishing","commands":1}"#);
    assert!(ended.stdout[1].contains(r#""event":"request""#), "{:?}", ended.stdout);
    let summary: serde_json::Value = serde_json::from_str(&ended.stdout[2]).unwrap();
    assert_eq!((&summary["event"], &summary["received"]), (&"summary".into(), &1.into()));
    assert_eq!(summary["replied"], 0);
    is_killed(&number);
}

#[test]
fn second_ctrl_c_kills_commands_immediately() {
    // Otherwise the service may end by itself before the second signal.
    let place = Place::without_time_limits();
    let (server, _publisher, number) = stuck(&place);
    server.interrupt();
    assert_eq!(server.line(), r#"{"event":"finishing","commands":1}"#);
    assert_eq!(server.interrupted_again().code, 130);
    is_killed(&number);
}

#[test]
fn signals_that_arrive_at_once_count_as_one() {
    let place = Place::without_time_limits();
    interrupted_with_a_command(&place, Program::interrupt_and_terminate_at_once);
}

#[test]
fn exec_timeout_kills_the_command_and_its_children() {
    let place = Place::without_time_limits();
    let number = with_patience(|limit| {
        let arguments = ["serve", &place.endpoint(1), "hello", "--exec", STUCK, "--exec-timeout", limit];
        let server = place.start(&arguments);
        server.error_line();
        let ended = place.run(&["publish", &place.endpoint(0), "hello", "x"]);
        assert_eq!(ended.code, 8, "{ended:?}");
        let expected = "TIME failed in SPAN: the command was killed after SPAN (--exec-timeout); message: x";
        assert_eq!(masked(&server.line()), expected);
        let ended = server.interrupted();
        assert_eq!(ended.code, 0);
        // On a busy machine the time may have passed before the command printed the number.
        ended.stderr.into_iter().find(|line| line.parse::<u32>().is_ok())
    });
    is_killed(&number);
}

#[test]
fn reply_does_not_wait_for_processes_in_the_background() {
    let place = Place::without_time_limits();
    // The process in the background holds the output of the command open until this test ends.
    let command = &format!("{{ {UNTIL_GO}; }} 2>/dev/null & echo reply");
    let server = place.start(&["serve", &place.endpoint(1), "hello", "--exec", command]);
    server.error_line();
    let ended = place.run(&["publish", &place.endpoint(0), "hello", "x"]);
    fs::write(place.folder().join("go"), "").unwrap();
    assert_eq!((ended.code, ended.stdout), (0, vec!["reply".to_owned()]), "{:?}", ended.stderr);
    assert_eq!(server.interrupted().code, 0);
}

#[test]
fn late_answer_is_counted_as_not_sent() {
    // The service answers before its node does, however late it comes to that.
    let place = Place::with(Devnet::builder().push_limit(NEVER).node_limit(NEVER));
    let command = UNTIL_GO;
    let server = place.start(&["serve", &place.endpoint(1), "hello", "--exec", command]);
    server.error_line();
    let ended = place.run(&["publish", &place.endpoint(0), "hello", "x", "--timeout", "60"]);
    assert_eq!(ended.code, 8, "{ended:?}");
    assert!(ended.stderr[0].contains("did not answer before the node's limit"), "{ended:?}");
    fs::write(place.folder().join("go"), "").unwrap();
    let line = masked(&server.line());
    assert!(line.starts_with("TIME not answered after SPAN: ") && line.ends_with("; message: x"), "{line}");
    let ended = server.interrupted();
    assert_eq!(ended.stderr, ["1 received, 0 replied, 0 answered as failed, 1 answers not sent, 0 lost"]);
}
