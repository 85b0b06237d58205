//! `amop serve`: echo, fixed reply, command, failures, shutdown.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use amop::protocol::Seq;
use amop::protocol::channel::{Frame, FrameReader, MessageType};
use amop::transport::{Connector, Credentials, dial};
use amop_tests::program::{Ended, Program};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::amop::{Place, all_masked, masked, with_patience};

/// Repeats `attempt` until it returns a result. A request has to be answered within 4.5 s, which a busy machine can exceed.
fn in_time<T>(attempt: impl FnMut() -> Option<T>) -> T {
    std::iter::repeat_with(attempt).take(20).flatten().next().expect("an answer in time")
}

/// Returns a publisher's end unless the service answered too late.
fn unless_too_late(ended: Ended) -> Option<Ended> {
    let mut texts = ended.stdout.iter().chain(&ended.stderr);
    let is_late = texts.any(|text| text.contains("did not answer before the node's limit"));
    (!is_late).then_some(ended)
}

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
    let place = Place::with_nodes();
    let command = "printf '%s: ' $AMOP_TOPIC; tr a-z A-Z";
    let (server, long) = in_time(|| {
        let server = place.start(&["serve", &place.endpoint(1), "hello", "--exec", command, "--json"]);
        assert_eq!(masked(&server.line()), r#"{"event":"serving","endpoint":"NODE","topic":"hello"}"#);
        let ended = place.run(&["publish", &place.endpoint(0), "hello", "hi", "--wait"]);
        assert_eq!(unless_too_late(ended)?.stdout, ["hello: HI"]);
        // More than pipes hold, in each direction.
        let long = vec![b'x'; 1 << 20];
        let ended = place.start_with(&["publish", &place.endpoint(0), "hello", "-", "--raw"], &long).end();
        Some((server, unless_too_late(ended)?))
    });
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

/// Sends a unicast with this id to a node. Returns the data of the reply, unless it is an error.
fn reply_to(place: &Place, node: usize, seq: Seq, topic: &str) -> Option<String> {
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
                return (reply.result == 0).then(|| data[topic.len() + 1..].to_owned());
            }
        }
    })
}

#[test]
fn command_gets_any_seq_as_text() {
    let place = Place::with_nodes();
    let server = place.start(&["serve", &place.endpoint(1), "t", "--exec", "printf %s \"$AMOP_SEQ\""]);
    server.error_line();
    for (seq, expected) in [([0; 32], r"\u{0}".repeat(32)), ([b'7'; 32], "7".repeat(32))] {
        let reply = in_time(|| reply_to(&place, 0, Seq::new(seq), "t"));
        assert_eq!(reply, expected);
    }
    assert_eq!(server.interrupted().code, 0);
}

#[test]
fn failed_command_answers_without_details() {
    let place = Place::with_nodes();
    let command = "cat >&2; exit 3";
    let (server, ended) = in_time(|| {
        let server = place.start(&["serve", &place.endpoint(1), "hello", "--exec", command]);
        server.error_line();
        let ended = place.run(&["publish", &place.endpoint(0), "hello", "why\n", "--json", "--wait"]);
        Some((server, unless_too_late(ended)?))
    });
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
    let place = Place::with_nodes();
    // Each command waits for the other: they end only if both run at the same time.
    let command = r#"read me other; : > $me; while [ ! -e $other ]; do sleep 0.01; done; echo $me"#;
    let server =
        place.start(&["serve", &place.endpoint(1), "hello", "--exec", command, "--concurrency", "2"]);
    server.error_line();
    let mut attempt = 0;
    let replies = in_time(|| {
        attempt += 1;
        let (a, b) = (format!("a{attempt}"), format!("b{attempt}"));
        let publishers = [format!("{a} {b}\n"), format!("{b} {a}\n")]
            .map(|data| place.start(&["publish", &place.endpoint(0), "hello", &data]));
        let [first, second] = publishers.map(Program::end);
        let replies = [unless_too_late(first)?, unless_too_late(second)?].map(|ended| ended.stdout);
        Some((replies, [[a], [b]]))
    });
    assert_eq!(replies.0, replies.1);
}

/// Ends a service while its command runs, which may finish then. Returns the end of the service.
fn interrupted_with_a_command(place: &Place, interrupt: impl Fn(&Program)) -> Ended {
    let command = "echo started >&2; while [ ! -e go ]; do sleep 0.01; done; echo done";
    in_time(|| {
        let _ = fs::remove_file(place.folder().join("go"));
        let server = place.start(&["serve", &place.endpoint(1), "hello", "--exec", command]);
        server.error_line();
        let publisher = place.start(&["publish", &place.endpoint(0), "hello", "x", "--wait"]);
        assert_eq!(server.error_line(), "started");
        interrupt(&server);
        assert_eq!(server.error_line(), "waiting up to 5 s for 1 running command (Ctrl-C kills them)");
        fs::write(place.folder().join("go"), "").unwrap();
        let (reply, ended) = (publisher.end(), server.end());
        // With code 8 the command was too late for the node, or for the service, which kills it after 5 s.
        (reply.code != 8).then(|| {
            assert_eq!((reply.stdout, ended.code), (vec!["done".to_owned()], 0));
            ended
        })
    })
}

#[test]
fn ctrl_c_lets_running_command_finish() {
    let place = Place::with_nodes();
    let ended = interrupted_with_a_command(&place, Program::interrupt);
    assert_eq!(ended.stderr, ["1 received, 1 replied, 0 answered as failed, 0 answers not sent, 0 lost"]);
}

#[test]
fn oversized_output_is_answered_as_failed() {
    let place = Place::with_nodes();
    let server = place.start(&["serve", &place.endpoint(1), "hello", "--exec", "cat /dev/zero", "--json"]);
    server.line();
    let publish = ["publish", &place.endpoint(0), "hello", "x", "--timeout", "60"];
    assert_eq!(place.run(&publish).code, 8);
    let record: serde_json::Value = serde_json::from_str(&server.line()).unwrap();
    // On a slow machine the time limit may end the request before the output is too large.
    let reason = record["reason"].as_str().unwrap();
    if record["answer"] == "failed" {
        assert!(reason.starts_with("the command's output is larger than "), "{record}");
    } else {
        assert_eq!(record["answer"], "not_sent", "{record}");
    }
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
    let place = Place::with_nodes();
    let (server, _publisher, number) = stuck(&place);
    server.interrupt();
    assert_eq!(server.line(), r#"{"event":"finishing","commands":1}"#);
    assert_eq!(server.interrupted_again().code, 130);
    is_killed(&number);
}

#[test]
fn signals_that_arrive_at_once_count_as_one() {
    let place = Place::with_nodes();
    interrupted_with_a_command(&place, Program::interrupt_and_terminate_at_once);
}

#[test]
fn exec_timeout_kills_the_command_and_its_children() {
    let place = Place::with_nodes();
    let number = with_patience(|limit| {
        let arguments = ["serve", &place.endpoint(1), "hello", "--exec", STUCK, "--exec-timeout", limit];
        let server = place.start(&arguments);
        server.error_line();
        let ended = place.run(&["publish", &place.endpoint(0), "hello", "x", "--wait"]);
        assert_eq!(ended.code, 8, "{ended:?}");
        // On a busy machine the node's limit may have passed before.
        unless_too_late(ended)?;
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
    let place = Place::with_nodes();
    // The process in the background holds the output of the command open until this test ends.
    let command = "{ while [ ! -e go ]; do sleep 0.01; done; } 2>/dev/null & echo reply";
    let server = place.start(&["serve", &place.endpoint(1), "hello", "--exec", command]);
    server.error_line();
    let ended = in_time(|| unless_too_late(place.run(&["publish", &place.endpoint(0), "hello", "x"])));
    fs::write(place.folder().join("go"), "").unwrap();
    assert_eq!((ended.code, ended.stdout), (0, vec!["reply".to_owned()]), "{:?}", ended.stderr);
    assert_eq!(server.interrupted().code, 0);
}

#[test]
fn late_answer_is_counted_as_not_sent() {
    let place = Place::with_nodes();
    let command = "while [ ! -e go ]; do sleep 0.01; done";
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
