//! Standard error that can't be written, and standard input that holds no message.

use std::process::Command;

use amop_tests::program::{Ended, Program};

use crate::amop::Place;

/// Runs a script in which `$AMOP` is the command, without anything on standard input.
fn shell(place: &Place, script: &str) -> Ended {
    let mut shell = Command::new("bash");
    shell.args(["-c", script]).env("AMOP", env!("CARGO_BIN_EXE_test-amop"));
    shell.env_remove("AMOP_CREDENTIALS").current_dir(place.folder());
    Program::spawn(shell, b"").end()
}

#[test]
fn unwritable_standard_error_changes_no_exit_code() {
    let place = Place::with_nodes();
    let server = place.start(&["serve", &place.endpoint(1), "hello", "--json"]);
    server.line();
    let endpoint = place.endpoint(0);
    // The last is a pipe that the reader has closed.
    for redirection in ["2>/dev/full", "2>&-", "2> >(exec true); wait $!"] {
        let (redirection, wait) = redirection.split_once(';').unwrap_or((redirection, ""));
        for (arguments, code) in [
            ("hello hi", 0),
            ("hello hi --count 2", 0),
            ("hello hi -v", 0),
            ("nothing hi", 6),
            ("nothing hi --count 2", 6),
        ] {
            let script = format!(
                "exec {redirection}; {wait}
                $AMOP publish {endpoint} {arguments}; echo $?"
            );
            let ended = shell(&place, &script);
            assert_eq!(ended.stdout.last(), Some(&code.to_string()), "{redirection} {arguments}: {ended:?}");
        }
        let script = format!(
            "exec {redirection}; {wait}
            $AMOP publish {endpoint}; echo $?"
        );
        assert_eq!(shell(&place, &script).stdout, ["2"], "{redirection}");
    }
    assert_eq!(server.interrupted().code, 0);
}

#[test]
fn input_without_data_is_not_sent_as_a_message() {
    let place = Place::with_nodes();
    let server = place.start(&["serve", &place.endpoint(1), "hello", "--json"]);
    server.line();
    for verb in ["publish", "broadcast"] {
        let command = format!("$AMOP {verb} {} hello", place.endpoint(0));
        for script in ["", "<&-", "</dev/null", "- <&-", "- </dev/null"] {
            let ended = shell(&place, &format!("{command} {script}"));
            assert_eq!((ended.code, ended.stdout), (2, vec![]), "{verb} {script}");
            assert!(
                ended.stderr[0].starts_with("error: no message to send: standard input is "),
                "{:?}",
                ended.stderr
            );
        }
        for script in ["-", "''", "'' <&-", "@empty", "- <empty"] {
            let ended = shell(&place, &format!(": >empty; {command} {script}"));
            assert_eq!(ended.code, 0, "{verb} {script}: {ended:?}");
        }
    }
    let summary = server.interrupted().stdout.pop().unwrap();
    assert!(summary.contains(r#""received":5"#), "{summary}");
}
