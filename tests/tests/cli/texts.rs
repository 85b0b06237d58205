//! Texts for unusual arguments: bytes, numbers, lists, files.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::process::Command;

use amop_tests::program::{Ended, Program};

use crate::amop::{Place, Unused, masked};

fn run(place: &Place, arguments: &[&OsStr]) -> Ended {
    let mut command = Command::new(env!("CARGO_BIN_EXE_test-amop"));
    command.args(arguments).current_dir(place.folder()).env_remove("AMOP_CREDENTIALS");
    Program::spawn(command, b"").end()
}

#[test]
fn messages_and_replies_may_be_any_bytes_of_the_command_line() {
    let place = Place::with_nodes();
    let server = place.start(&["serve", &place.endpoint(1), "hello"]);
    server.error_line();
    let endpoint = place.endpoint(0);
    let start = ["publish", endpoint.as_str(), "hello"].map(OsStr::new);
    let ended = run(&place, &[&start[..], &[OsStr::from_bytes(b"\xff")]].concat());
    assert_eq!((ended.code, ended.stdout), (0, vec!["ff (hex, 1 byte)".to_owned()]));
    assert!(ended.stderr[0].starts_with("delivered, the reply has 1 byte ("), "{:?}", ended.stderr);
    assert_eq!(masked(&server.line()), "TIME replied with 1 byte in SPAN; message: ff (hex, 1 byte)");
    let ended = place.run(&["publish", &endpoint, "hello", "-1"]);
    assert_eq!((ended.code, ended.stdout), (0, vec!["-1".to_owned()]));
    std::fs::write(place.folder().join(OsStr::from_bytes(b"na\xefve")), "content").unwrap();
    let ended = run(&place, &[&start[..], &[OsStr::from_bytes(b"@na\xefve")]].concat());
    assert_eq!((ended.code, ended.stdout), (0, vec!["content".to_owned()]));
}

#[test]
fn file_that_is_missing_or_too_large_is_named() {
    let place = Place::with_nodes();
    let publish = |data| {
        let ended = place.run(&["publish", &place.endpoint(0), "hello", data]);
        assert_eq!((ended.code, ended.stdout.len()), (2, 0), "{ended:?}");
        ended.stderr[0].clone()
    };
    assert!(publish("@").starts_with("error: @ needs the name of a file, as in @picture.png"));
    let error = publish("@/dev/zero");
    assert!(error.starts_with("error: /dev/zero is larger than a message can be, "), "{error}");
}

#[test]
fn long_payloads_are_cut_unless_shown_in_full() {
    let place = Place::with_nodes();
    let server = place.start(&["serve", &place.endpoint(1), "hello"]);
    server.error_line();
    let nuls = vec![0; 100_000];
    let endpoint = place.endpoint(0);
    let publish = |more: &[&str]| {
        let arguments = [&["publish", &endpoint, "hello", "-"], more].concat();
        place.start_with(&arguments, &nuls).end().stdout[0].clone()
    };
    let cut = publish(&[]);
    assert!(cut.ends_with(r"\u{0}... (100000 bytes)") && cut.len() < 100_000, "{}", cut.len());
    assert!(server.line().ends_with(r"\u{0}... (100000 bytes)"));
    assert_eq!(publish(&["--full"]), r"\u{0}".repeat(100_000));
    assert_eq!(publish(&["--raw"]).len(), 100_000);
}

#[test]
fn lists_of_endpoints_are_read_in_every_form() {
    let place = Place::with_nodes();
    let (first, second) = (place.endpoint(0), place.endpoint(1));
    for separator in [",", ", ", ";", " ", "\u{ff0c}", "\u{ff1b}", "\u{3001}"] {
        let list = format!("{first}{separator}{second}");
        let ended = place.run(&["broadcast", &list, "hello", "hi"]);
        assert_eq!(ended.code, 0, "{separator:?}: {ended:?}");
    }
    let ended = place.run(&["broadcast", &first.replace(':', "\u{ff1a}"), "hello", "hi"]);
    assert_eq!(ended.code, 2);
    assert!(ended.stderr[0].ends_with(&format!("full-width characters; write {first:?}")), "{ended:?}");
}

#[test]
fn doctor_and_stats_take_lists_of_endpoints() {
    let place = Place::with_nodes();
    let unused = Unused::port();
    let list = format!("{},{},{}", place.endpoint(0), unused.endpoint, place.endpoint(1));
    let ended = place.run(&["stats", &list, "--json"]);
    assert_eq!(ended.code, 4, "{ended:?}");
    let events: Vec<_> = ended.stdout.iter().map(|line| &line[..17]).collect();
    assert_eq!(events, [r#"{"event":"error","#, r#"{"event":"stats","#, r#"{"event":"stats","#]);
    assert!(ended.stdout[2].contains(&place.endpoint(1)));

    let ended = place.run(&["doctor", &list]);
    assert_eq!(ended.code, 4, "{ended:?}");
    let headings: Vec<_> = ended.stdout.iter().filter(|line| list.contains(*line)).collect();
    assert_eq!(headings, [&place.endpoint(0), &unused.endpoint, &place.endpoint(1)]);
    let ended = place.run(&["doctor", &list, "--json"]);
    let last = ended.stdout.last().unwrap();
    assert!(last.contains(r#""event":"summary""#) && last.contains(&place.endpoint(1)), "{last}");
}

#[test]
fn refused_connection_names_the_address_once() {
    let place = Place::with_nodes();
    let unused = Unused::port();
    let ended = place.run(&["publish", &unused.endpoint, "hello", "hi"]);
    assert_eq!(ended.stderr[0].matches(&unused.endpoint).count(), 1, "{ended:?}");
}

#[test]
fn interrupted_wait_for_a_subscriber_reports_no_delivery() {
    let place = Place::with_nodes();
    // The signal may arrive while an attempt is under way, whose outcome is not known.
    let is_known = (0..20).any(|_| {
        let publisher = place.start(&["publish", &place.endpoint(0), "later", "hi", "--wait", "-v"]);
        while !publisher.error_line().contains("result=100") {}
        let ended = publisher.interrupted();
        assert_eq!((ended.code, ended.stdout), (130, vec![]));
        ended.stderr.last().unwrap() == "interrupted; the message was not delivered"
    });
    assert!(is_known);
}
