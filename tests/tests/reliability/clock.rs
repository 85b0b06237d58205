//! Jumps of the wall clock, as when it is set, or corrected after a long sleep.
//!
//! The process under test is started with a preloaded library that shifts its wall clock.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

use amop_devnet::{Devnet, Generation};
use amop_tests::preload;
use amop_tests::program::Program;
use tempfile::TempDir;

use crate::setup::{Setup, nodes};

/// The environment variable with the path of the file that holds the shift in seconds.
const CLOCK_SHIFT: &str = "CLOCK_SHIFT";

const HOUR: Duration = Duration::from_secs(3600);
const DAY_IN_SECONDS: i64 = 24 * 3600;

/// The wall clock of other processes.
struct Clock {
    folder: TempDir,
    library: PathBuf,
    shift: File,
}

impl Clock {
    fn new() -> Clock {
        let folder = TempDir::new().unwrap();
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/reliability/clock_shift.c");
        let library = preload::compile(source, folder.path());
        let path = folder.path().join("shift");
        std::fs::write(&path, 0i64.to_ne_bytes()).unwrap();
        Clock { shift: shift_file(&path), folder, library }
    }

    /// Returns a command that uses this clock.
    fn command(&self, program: impl AsRef<Path>, arguments: &[&str]) -> Command {
        let mut command = Command::new(program.as_ref());
        command.args(arguments).current_dir(self.folder.path());
        command.env("LD_PRELOAD", &self.library).env(CLOCK_SHIFT, self.folder.path().join("shift"));
        command
    }
}

fn shift_file(path: impl AsRef<Path>) -> File {
    OpenOptions::new().write(true).open(path).unwrap()
}

/// Sets the shift of the clock.
fn jump(shift: &File, seconds: i64) {
    shift.write_all_at(&seconds.to_ne_bytes(), 0).unwrap();
}

/// Runs the scenario in a process of its own, whose clock jumps.
#[test]
fn wall_clock_jumps_by_a_day() {
    let clock = Clock::new();
    let row = "clock::load_continues_when_the_clock_jumps";
    let arguments = ["--exact", row, "--ignored", "--nocapture"];
    let ended = Program::spawn(clock.command(std::env::current_exe().unwrap(), &arguments), b"").end();
    println!("{}", ended.stdout.join("\n"));
    assert_eq!(ended.code, 0, "{:#?}", ended.stderr);
    assert!(ended.stdout.iter().any(|line| line.starts_with("test result: ok. 1 passed")), "the test ran");
}

#[tokio::test]
#[ignore = "started by wall_clock_jumps_by_a_day, in a process with a clock of its own"]
async fn load_continues_when_the_clock_jumps() {
    let shift = std::env::var_os(CLOCK_SHIFT).expect("this test is started by another one");
    let shift = shift_file(shift);
    let scenario = Setup::new(Generation::V2, nodes(Generation::V2, 3)).patient().start().await;
    for seconds in [DAY_IN_SECONDS, -DAY_IN_SECONDS, 0] {
        let before = SystemTime::now();
        jump(&shift, seconds);
        let apart = before.duration_since(SystemTime::now()).unwrap_or_else(|error| error.duration());
        assert!(apart > 23 * HOUR, "the clock jumped only by {apart:?}");
        scenario.wait_for_progress().await;
    }
    let totals = scenario.finish("clock jump").await;
    assert_eq!((totals.failed, totals.uncertain), (0, 0), "calls do not depend on the wall clock");
}

/// Returns the time in a record of a received message.
fn received_at(line: &str) -> Option<jiff::Timestamp> {
    let record: serde_json::Value = serde_json::from_str(line).unwrap();
    record.get("received_at").map(|time| time.as_str().unwrap().parse().unwrap())
}

#[test]
fn programs_continue_when_the_clock_jumps() {
    let clock = Clock::new();
    let devnet = Devnet::builder().dir(clock.folder.path().join("amop-devnet")).start_blocking().unwrap();
    let endpoint = |node: usize| devnet.node(node).endpoint();
    let start = |arguments: &[&str]| {
        let mut command = clock.command(env!("CARGO_BIN_EXE_test-amop"), arguments);
        command.arg("--json").env_remove("AMOP_CREDENTIALS").env("TZ", "UTC");
        Program::spawn(command, b"")
    };
    let server = start(&["serve", &endpoint(1), "echo"]);
    let subscriber = start(&["subscribe", &endpoint(1), "news"]);
    assert!(server.line().contains(r#""event":"serving""#));
    assert!(subscriber.line().contains(r#""event":"subscribed""#));
    // More messages than are sent during the test.
    let often = ["hi", "--count", "1000000", "--interval", "0.01"];
    let publisher = start(&[&["publish", &endpoint(0), "echo"], &often[..]].concat());
    let broadcaster = start(&[&["broadcast", &endpoint(0), "news"], &often[..]].concat());
    for seconds in [0, DAY_IN_SECONDS, -DAY_IN_SECONDS, 0] {
        jump(&clock.shift, seconds);
        for receiver in [&server, &subscriber] {
            let is_now = |time: jiff::Timestamp| {
                let off = time.as_second() - jiff::Timestamp::now().as_second();
                (off - seconds).unsigned_abs() < HOUR.as_secs()
            };
            // Skip the messages from before the jump.
            while !received_at(&receiver.line()).is_some_and(is_now) {}
            for _ in 0..10 {
                assert!(received_at(&receiver.line()).is_some_and(is_now));
            }
        }
    }
    for (sender, what) in [(publisher, "reply"), (broadcaster, "sent")] {
        let ended = sender.interrupted();
        let failures = ended.stdout.iter().filter(|line| line.contains(r#""event":"error""#)).count();
        let sent = ended.stdout.iter().filter(|line| line.contains(&format!(r#""event":"{what}""#))).count();
        assert_eq!((failures, ended.code), (0, 130), "{:?}", ended.stdout.last());
        assert!(sent >= 40, "{what}: {sent}");
    }
    for receiver in [server, subscriber] {
        assert_eq!(receiver.interrupted().code, 0);
    }
    devnet.stop_blocking();
}
