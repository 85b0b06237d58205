//! Signals that were ignored when the command started, and Ctrl-C while files are read.

use std::fs::{self, File};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

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

#[test]
fn hang_up_loads_the_credentials_again_if_asked_for() {
    let place = Place::with_nodes();
    let topic = [&place.endpoint(1), "hello", "--json"];
    let subscriber = place.start(&[&["subscribe", "--reload-on-hup"], &topic[..]].concat());
    assert!(subscriber.line().contains(r#""event":"subscribed""#));
    subscriber.hang_up();
    // The reload and the new connection are reported, in either order.
    let mut lines = [subscriber.line(), subscriber.line()];
    lines.sort();
    assert!(lines[0].contains("credentials_reloaded") && lines[1].contains("reconnected"), "{lines:?}");
    assert_eq!(place.run(&["publish", &place.endpoint(0), "hello", "hi"]).code, 0);
    assert!(subscriber.line().contains(r#""data":"hi""#));
    // Unusable files are reported, and end nothing.
    fs::remove_file(place.folder().join("amop-devnet/sdk/sdk.key")).unwrap();
    subscriber.hang_up();
    let failed = subscriber.line();
    assert!(failed.contains("reload_failed") && failed.contains("sdk.key"), "{failed}");
    assert_eq!(subscriber.interrupted().code, 0);
}

#[test]
fn hang_up_that_was_ignored_at_the_start_stays_ignored() {
    let place = Place::with_nodes();
    let mut shell = Command::new("sh");
    shell.args(["-c", "trap '' HUP; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_test-amop")]);
    shell.args(["subscribe", "--reload-on-hup", &place.endpoint(1), "hello", "--json"]);
    shell.current_dir(place.folder()).env_remove("AMOP_CREDENTIALS");
    let subscriber = Program::spawn(shell, b"");
    assert!(subscriber.line().contains(r#""event":"subscribed""#));
    subscriber.hang_up();
    assert_eq!(place.run(&["publish", &place.endpoint(0), "hello", "hi"]).code, 0);
    assert!(subscriber.line().contains(r#""data":"hi""#));
    let ended = subscriber.interrupted();
    assert_eq!((ended.code, ended.stderr), (0, vec![]), "nothing was loaded again");
}

#[test]
fn ctrl_c_ends_the_read_of_credentials_without_end() {
    let place = Place::with_nodes();
    let folder = place.folder().join("pipes");
    fs::create_dir(&folder).unwrap();
    let pipe = folder.join("ca.crt");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    for name in ["sdk.crt", "sdk.key"] {
        fs::write(folder.join(name), "").unwrap();
    }
    let endpoint = place.endpoint(0);
    for arguments in
        [&["publish", &endpoint, "hello", "hi"][..], &["stats", &endpoint], &["doctor", &endpoint]]
    {
        let program = place.start(&[arguments, &["--credentials", "pipes"]].concat());
        // Opens as soon as the command reads the pipe, and gives it nothing.
        let _writer = File::options().write(true).open(&pipe).unwrap();
        let ended = program.interrupted();
        assert_eq!(ended.code, 130, "{arguments:?}: {ended:?}");
    }
}

#[test]
fn only_the_main_thread_receives_signals() {
    let place = Place::with_nodes();
    let subscriber = place.start(&["subscribe", &place.endpoint(1), "hello", "--json"]);
    assert!(subscriber.line().contains(r#""event":"subscribed""#));
    let main = subscriber.pid().as_raw_nonzero().to_string();
    let mut others = 0;
    for task in fs::read_dir(format!("/proc/{main}/task")).unwrap() {
        let task = task.unwrap();
        // SIGINT and SIGTERM.
        let expected = if *task.file_name() == *main { 0 } else { 1 << 1 | 1 << 14 };
        let guard = Instant::now() + Duration::from_secs(60);
        // A thread may have ended meanwhile.
        while let Ok(status) = fs::read_to_string(task.path().join("status")) {
            let blocked = status.lines().find_map(|line| line.strip_prefix("SigBlk:")).unwrap();
            let blocked = u64::from_str_radix(blocked.trim(), 16).unwrap();
            if blocked & (1 << 1 | 1 << 14) == expected {
                others += usize::from(expected != 0);
                break;
            }
            // The main thread blocks its signals for as long as it starts another one.
            assert!(expected == 0 && Instant::now() < guard, "{status}");
            thread::sleep(Duration::from_millis(2));
        }
    }
    assert!(others > 0);
    assert_eq!(subscriber.interrupted().code, 0);
}
