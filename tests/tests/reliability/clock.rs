//! The wall clock jumps: somebody sets it, or it is corrected after a long sleep.
//!
//! The process under test is started with a library before the C library, by which it sees another wall clock.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

use amop_devnet::Devnet;
use amop_tests::program::Program;
use tempfile::TempDir;

use crate::setup::{Setup, nodes};

/// Names the file with the seconds by which the wall clock is off.
const CLOCK_SHIFT: &str = "CLOCK_SHIFT";

const HOUR: Duration = Duration::from_secs(3600);
const DAY_IN_SECONDS: i64 = 24 * 3600;

/// A wall clock for other processes.
struct Clock {
    folder: TempDir,
    library: PathBuf,
    shift: File,
}

impl Clock {
    fn new() -> Clock {
        let folder = TempDir::new().unwrap();
        let library = folder.path().join("clock_shift.so");
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/reliability/clock_shift.c");
        let compiler = std::env::var("CC").unwrap_or_else(|_| "cc".into());
        let mut compile = Command::new(compiler);
        compile.args(["-shared", "-fPIC", "-Wall", "-Werror", "-o"]).arg(&library).arg(source);
        let compiled = compile.status().unwrap_or_else(|error| panic!("{compile:?}: {error}"));
        assert!(compiled.success(), "{compile:?}");
        let path = folder.path().join("shift");
        std::fs::write(&path, 0i64.to_ne_bytes()).unwrap();
        Clock { shift: shift_file(&path), folder, library }
    }

    /// A program that lives by this clock.
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

/// The clock is off by so much from now on.
fn jump(shift: &File, seconds: i64) {
    shift.write_all_at(&seconds.to_ne_bytes(), 0).unwrap();
}

/// The row itself, in a process of its own: nodes, clients and load, all by the clock that jumps.
#[test]
fn the_wall_clock_jumps_by_a_day() {
    let clock = Clock::new();
    let row = "clock::the_row_under_a_clock_that_jumps";
    let arguments = ["--exact", row, "--ignored", "--nocapture"];
    let ended = Program::spawn(clock.command(std::env::current_exe().unwrap(), &arguments), b"").end();
    println!("{}", ended.stdout.join("\n"));
    assert_eq!(ended.code, 0, "{:#?}", ended.stderr);
    assert!(ended.stdout.iter().any(|line| line.starts_with("test result: ok. 1 passed")), "it ran");
}

#[tokio::test]
#[ignore = "started by the_wall_clock_jumps_by_a_day, in a process with a clock of its own"]
async fn the_row_under_a_clock_that_jumps() {
    let shift = std::env::var_os(CLOCK_SHIFT).expect("this test is started by another one");
    let shift = shift_file(shift);
    let scene = Setup::new(nodes(3)).patient().start().await;
    for seconds in [DAY_IN_SECONDS, -DAY_IN_SECONDS, 0] {
        let before = SystemTime::now();
        jump(&shift, seconds);
        let apart = before.duration_since(SystemTime::now()).unwrap_or_else(|error| error.duration());
        assert!(apart > 23 * HOUR, "the clock didn't jump, only by {apart:?}");
        scene.load_flows().await;
    }
    let tally = scene.finish("clock jump").await;
    assert_eq!((tally.failed, tally.uncertain), (0, 0), "nobody minds the wall clock");
}

/// The time of a message that a program tells of.
fn received_at(line: &str) -> Option<jiff::Timestamp> {
    let record: serde_json::Value = serde_json::from_str(line).unwrap();
    record.get("received_at").map(|time| time.as_str().unwrap().parse().unwrap())
}

/// The command's programs go on too.
#[test]
fn programs_go_on_when_the_wall_clock_jumps() {
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
    // More than there is time for.
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
            // Those from before the jump come first.
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
