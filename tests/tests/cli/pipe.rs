//! A reader that closes standard output is not an error.

use std::process::Command;

use amop_tests::program::Program;

use crate::amop::Place;

/// Runs `amop ARGUMENTS | head -1` and returns its line, the exit code of `amop` and all on standard error.
fn to_head(place: &Place, arguments: &str) -> (String, i32, Vec<String>) {
    let ended = start_to_head(place, arguments).end();
    (ended.stdout[0].clone(), ended.stdout[1].parse().unwrap(), ended.stderr)
}

/// Starts `amop ARGUMENTS | head -1`.
fn start_to_head(place: &Place, arguments: &str) -> Program {
    let mut shell = Command::new("bash");
    shell.arg("-c").arg(format!("$AMOP {arguments} | head -1; echo ${{PIPESTATUS[0]}}"));
    shell.env("AMOP", env!("CARGO_BIN_EXE_test-amop")).env_remove("AMOP_CREDENTIALS");
    shell.current_dir(place.folder());
    Program::spawn(shell, b"")
}

#[test]
fn piping_into_head_ends_without_an_error_line() {
    let place = Place::with_nodes();
    let server = place.start(&["serve", &place.endpoint(1), "hello"]);
    server.error_line();
    let publish = format!("publish {} hello hi --interval 0 --json", place.endpoint(0));
    let (line, code, stderr) = to_head(&place, &publish);
    assert!(line.contains(r#""data":"hi""#), "{line}");
    assert_eq!((code, stderr), (0, vec![]));
}

#[test]
fn output_of_finished_verbs_may_stay_unread() {
    let place = Place::empty();
    for arguments in ["--help", "completions bash", "man", "demo", "demo --json"] {
        let (_, code, stderr) = to_head(&place, arguments);
        assert_eq!((code, stderr), (0, vec![]), "{arguments}");
    }
}

#[test]
fn waiting_verbs_exit_when_the_reader_of_stdout_closes() {
    let place = Place::with_nodes();
    let endpoint = place.endpoint(1);
    for (verb, shown) in [("subscribe", "unicast   hi"), ("serve", "message: hi")] {
        let listener = start_to_head(&place, &format!("{verb} {endpoint} {verb}"));
        assert!(listener.error_line().ends_with("(Ctrl-C ends)"));
        // Send only one message, so that no later write can fail.
        assert_eq!(place.run(&["publish", &place.endpoint(0), verb, "hi"]).code, 0);
        assert!(listener.line().ends_with(shown));
        let ended = listener.end();
        assert_eq!((ended.stdout, ended.stderr), (vec!["0".to_owned()], vec![]));
    }
    let (_, code, stderr) = to_head(&place, &format!("stats {endpoint} --interval 3600 --json"));
    assert_eq!((code, stderr), (0, vec![]));
}
