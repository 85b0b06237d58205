//! Signals that were ignored when the command started.

use std::process::Command;

use amop_tests::program::Program;

use crate::amop::Place;

#[test]
fn signal_that_was_ignored_at_the_start_stays_ignored() {
    let place = Place::with_nodes();
    let mut shell = Command::new("sh");
    shell.args(["-c", "trap '' INT; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_test-amop")]);
    shell.args(["subscribe", &place.endpoint(1), "hello", "--json"]);
    shell.current_dir(place.folder()).env_remove("AMOP_CREDENTIALS");
    let subscriber = Program::spawn(shell, b"");
    assert!(subscriber.line().contains(r#""event":"subscribed""#));
    subscriber.interrupt();
    assert_eq!(place.run(&["publish", &place.endpoint(0), "hello", "hi"]).code, 0);
    assert!(subscriber.line().contains(r#""data":"hi""#), "Ctrl-C did not end it");
    subscriber.terminate();
    assert_eq!(subscriber.end().code, 0);
}
