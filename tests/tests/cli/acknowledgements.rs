//! Acknowledgements that the command sends at once, because nodes hold back their next short segment until then.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::process::Command;
use std::time::Instant;

use amop_devnet::Devnet;
use amop_tests::preload;
use amop_tests::program::{Ended, Program};

use crate::amop::Place;

/// Runs the command in a place. Returns its end and how many acknowledgements it has sent at once.
fn run(place: &Place, arguments: &[&str]) -> (Ended, u64) {
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cli/count_acknowledgements.c");
    let library = preload::compile(source, place.folder());
    let path = place.folder().join("counted");
    std::fs::write(&path, 0u64.to_ne_bytes()).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_test-amop"));
    command.args(arguments).current_dir(place.folder()).env_remove("AMOP_CREDENTIALS");
    command.env("LD_PRELOAD", library).env("COUNTED_ACKNOWLEDGEMENTS", &path);
    let ended = Program::spawn(command, b"").end();
    let mut count = [0; 8];
    File::open(path).unwrap().read_exact_at(&mut count, 0).unwrap();
    (ended, u64::from_ne_bytes(count))
}

#[test]
fn answers_of_nodes_are_acknowledged_at_once_and_not_each_frame() {
    const MESSAGES: u64 = 300;
    let place = Place::with(Devnet::builder().nodes(2).nagle(true));
    let server = place.start(&["serve", &place.endpoint(1), "echo"]);
    server.error_line();
    let both = format!("{},{}", place.endpoint(0), place.endpoint(1));
    // Before the first message both nodes are asked who subscribes, with two questions each, which no write follows.
    let (ended, first) = run(&place, &["publish", &both, "echo", "hi"]);
    assert_eq!(ended.code, 0, "{ended:?}");
    assert!(first > 0, "no acknowledgement was sent at once");
    let count = MESSAGES.to_string();
    let began = Instant::now();
    let (ended, all) = run(&place, &["publish", &both, "echo", "hi", "--count", &count]);
    assert_eq!(ended.code, 0, "{ended:?}");
    // At most one for each reply, and those of the connections and of the questions that keep the lists recent, of which
    // there are some in each second.
    let most = 2 * MESSAGES + 16 * began.elapsed().as_secs();
    assert!(all <= most, "{all} for {MESSAGES} messages, which is more than {most}");
    assert_eq!(server.interrupted().code, 0);
}
