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

fn words<'a>(words: &[&'a str]) -> Vec<&'a OsStr> {
    words.iter().copied().map(OsStr::new).collect()
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

#[test]
fn invalid_values_are_named_with_what_to_write() {
    let place = Place::empty();
    for (arguments, expected) in [
        (&["publish", "a:1", "hello", "hi", "--timeout", "-1"][..], "seconds from 0 up, such as 2 or 0.5"),
        (&["publish", "a:1", "hello", "hi", "--count", "-1"], "a whole number from 1 up"),
        (&["publish", "a:1", "hello", "hi", "--count", "0"], "a whole number from 1 up"),
        (&["publish", "a:1", "hello", "hi", "--count", "9e9"], "a whole number from 1 up"),
        (&["serve", "a:1", "hello", "--concurrency", "70000"], "a whole number from 1 to 65535"),
        (&["stats", "a:1", "--group", "-5"], "a whole number from 1 to 32767"),
        (&["stats", "a:1", "--interval", "-1"], "seconds from 0 up, such as 2 or 0.5"),
        (&["devnet", "--nodes", "5000"], "a whole number from 1 to 1000"),
        (&["devnet", "--port", "70000"], "a whole number from 0 to 65535"),
        (&["devnet", "--push-limit", "-1"], "seconds from 0 up, such as 2 or 0.5"),
        (&["devnet", "--bandwidth", "0"], "a whole number from 1 up"),
        (&["devnet", "--seed", "x"], "a whole number from 0 up"),
    ] {
        let ended = place.run(arguments);
        let error = &ended.stderr[0];
        assert_eq!(ended.code, 2, "{arguments:?}: {ended:?}");
        assert!(error.starts_with("error: invalid value '"), "{error}");
        assert!(error.ends_with(&format!(": write {expected}")), "{error}");
    }
}

#[test]
fn argument_that_is_not_utf_8_is_named() {
    let place = Place::empty();
    let bytes = OsStr::from_bytes(b"he\xff");
    for (arguments, name) in [
        ([&words(&["publish", "a:1"])[..], &[bytes], &words(&["hi"])].concat(), "<TOPIC>"),
        ([&words(&["stats"])[..], &[bytes]].concat(), "<ENDPOINT>"),
        ([&words(&["devnet", "--fault"])[..], &[bytes]].concat(), "--fault <FAULT>"),
    ] {
        let ended = run(&place, &arguments);
        let expected = format!(r#"for '{name}': "he\xff" is not UTF-8"#);
        assert!(ended.code == 2 && ended.stderr[0].ends_with(&expected), "{ended:?}");
    }
}

#[test]
fn paths_and_commands_may_be_any_bytes() {
    let place = Place::with_nodes();
    let bytes = OsStr::from_bytes(b"sd\xff");
    std::fs::rename(place.folder().join("amop-devnet/sdk"), place.folder().join(bytes)).unwrap();
    let endpoint = place.endpoint(0);
    let with_credentials = |start: &[&str], folder: &OsStr| {
        run(&place, &[&words(start)[..], &[OsStr::new("--credentials"), folder]].concat())
    };
    for start in [&["broadcast", &endpoint, "hello", "hi"][..], &["stats", &endpoint], &["doctor", &endpoint]]
    {
        let ended = with_credentials(start, bytes);
        assert_eq!(ended.code, 0, "{ended:?}");
        let ended = with_credentials(start, OsStr::from_bytes(b"no\nsd\xff"));
        let shown = [ended.stdout, ended.stderr].concat();
        assert!(shown.iter().any(|line| line.contains(r"no\nsd")), "{shown:?}");
    }
    let mut command = Command::new(env!("CARGO_BIN_EXE_test-amop"));
    command.args(["serve", &place.endpoint(1), "hello", "--exec"]).arg(OsStr::from_bytes(b"printf '\xff'"));
    command.arg("--credentials").arg(bytes).current_dir(place.folder());
    let server = Program::spawn(command, b"");
    server.error_line();
    assert_eq!(with_credentials(&["publish", &endpoint, "hello", "hi"], bytes).stdout, ["ff (hex, 1 byte)"]);
    assert_eq!(server.interrupted().code, 0);
}

#[test]
fn tip_for_an_unexpected_argument_works() {
    let place = Place::empty();
    let publish = ["publish", "a:1", "hello", "-x", "--timeout", "5"];
    let ended = place.run(&publish);
    assert!(ended.stderr.iter().any(|line| line.contains("use '-- -x'")), "{ended:?}");
    for arguments in [&["subscribe", "a:1", "hello", "-x"][..], &["stats", "a:1", "-x"], &["demo", "-1"]] {
        let ended = place.run(arguments);
        assert_eq!(ended.code, 2);
        assert!(ended.stderr[0].starts_with("error: unexpected argument '-"), "{ended:?}");
        assert!(!ended.stderr.concat().contains("tip"), "{ended:?}");
    }
    let ended = place.run(&["subscribe", "a:1", "hello", "--cuont", "5"]);
    assert!(ended.stderr.concat().contains("'--count'"), "a similar one is still named: {ended:?}");
}

#[test]
fn errors_of_the_command_line_do_not_command_a_terminal() {
    let place = Place::empty();
    for arguments in
        [&["\x1b[31mpublish"][..], &["stats", "a:1", "--group", "\x1b[2J"], &["demo", "\u{9b}2J"]]
    {
        let ended = place.run(arguments);
        assert_eq!(ended.code, 2);
        assert!(!ended.stderr.concat().contains(|c: char| c.is_control()), "{ended:?}");
    }
}
