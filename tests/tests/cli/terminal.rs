//! Output on a terminal: colour, progress, Ctrl-C.

use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use amop_devnet::OnConnect;
use amop_tests::program::reset_ignored_signals;

use crate::amop::Place;

/// A last guard: the time after which a test fails.
pub(crate) const GUARD: Duration = Duration::from_secs(120);

/// Runs a command, reports its exit code, and stays until it gets a line. When the first process of a terminal ends, Linux
/// discards what the terminal has not passed on yet, so that must not be `amop`.
const SHELL: &str = r#"trap : INT; "$@"; echo "ended with code $?"; read -r _"#;

/// `amop` on a pseudo-terminal, started by a shell.
pub(crate) struct Session {
    keyboard: std::fs::File,
    screen: Receiver<Vec<u8>>,
    seen: String,
    child: std::process::Child,
}

impl Session {
    pub(crate) fn start(place: &Place, arguments: &[&str]) -> Session {
        Session::start_with(place, arguments, &[])
    }

    /// Starts it with further variables in its environment.
    fn start_with(place: &Place, arguments: &[&str], variables: &[(&str, &str)]) -> Session {
        reset_ignored_signals();
        let (pty, pts) = pty_process::blocking::open().unwrap();
        pty.resize(pty_process::Size::new(24, 100)).unwrap();
        let command = pty_process::blocking::Command::new("sh")
            .args(["-c", SHELL, "sh", env!("CARGO_BIN_EXE_test-amop")])
            .args(arguments)
            .current_dir(place.folder())
            .env("TERM", "xterm-256color")
            .env_remove("NO_COLOR")
            .env_remove("CI")
            .env_remove("AMOP_CREDENTIALS")
            .envs(variables.iter().copied());
        let child = command.spawn(pts).unwrap();
        let keyboard = std::fs::File::from(OwnedFd::from(pty));
        let mut screen = keyboard.try_clone().unwrap();
        let (sender, seen) = channel();
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            // After the program has exited, reading its terminal is an error.
            while let Ok(read) = screen.read(&mut buffer) {
                if read == 0 || sender.send(buffer[..read].to_vec()).is_err() {
                    return;
                }
            }
        });
        Session { keyboard, screen: seen, seen: String::new(), child }
    }

    /// Waits until `text` was written.
    pub(crate) fn expect(&mut self, text: &str) {
        self.expect_match(&regex::escape(text));
    }

    /// Waits until text that matches a regular expression was written.
    fn expect_match(&mut self, pattern: &str) {
        let text = regex::Regex::new(pattern).unwrap();
        while !text.is_match(&self.seen) {
            let more = self
                .screen
                .recv_timeout(GUARD)
                .unwrap_or_else(|error| panic!("{pattern:?} doesn't come ({error}): {:?}", self.seen));
            self.seen.push_str(&String::from_utf8_lossy(&more));
        }
    }

    pub(crate) fn press(&mut self, keys: &[u8]) {
        self.keyboard.write_all(keys).unwrap();
    }

    pub(crate) fn type_line(&mut self, text: &str) {
        self.press(format!("{text}\n").as_bytes());
    }

    fn press_ctrl_c(&mut self) {
        self.press(b"\x03");
    }

    /// Returns the terminal.
    pub(crate) fn keyboard(&self) -> &std::fs::File {
        &self.keyboard
    }

    /// Returns the id of the shell, which leads the process group of `amop`.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits until `amop` has ended. Returns its exit code, and all that it wrote.
    pub(crate) fn end(mut self) -> (i32, String) {
        self.expect_match("ended with code [0-9]+\r\n");
        self.keyboard.write_all(b"\n").unwrap();
        self.child.wait().unwrap();
        let (written, code) = self.seen.rsplit_once("ended with code ").unwrap();
        (code.trim_end().parse().unwrap(), written.to_owned())
    }
}

const FAINT: &str = "\x1b[2m";
const GREEN: &str = "\x1b[32m";
const BOLD: &str = "\x1b[1m";

#[test]
fn subscribe_is_coloured_and_summarises_at_ctrl_c() {
    let place = Place::with_nodes();
    let mut session = Session::start(&place, &["subscribe", &place.endpoint(1), "hello"]);
    session.expect(&format!("{GREEN}subscribed\x1b[0m to {BOLD}hello\x1b[0m at"));
    assert_eq!(place.run(&["publish", &place.endpoint(0), "hello", "hi there"]).code, 0);
    session.expect("hi there");
    assert!(session.seen.contains(&format!("{GREEN}unicast")), "{:?}", session.seen);
    assert!(session.seen.contains(FAINT), "{:?}", session.seen);
    session.press_ctrl_c();
    let (code, seen) = session.end();
    assert_eq!(code, 0, "{seen:?}");
    assert!(seen.contains("1 received, 0 lost, 0 not printed"), "{seen:?}");
}

#[test]
fn repeated_sends_show_progress_and_summary() {
    let place = Place::with_nodes();
    let subscriber = place.start(&["subscribe", &place.endpoint(1), "hello"]);
    subscriber.error_line();
    let count = ["--count", "100000", "--interval", "0.01"];
    let endpoint = place.endpoint(0);
    let arguments = [&["publish", &endpoint, "hello", "hi"], &count[..]].concat();
    let mut session = Session::start(&place, &arguments);
    session.expect_match("[1-9][0-9]* of 100000 sent, 0 failed, ");
    session.press_ctrl_c();
    let (code, seen) = session.end();
    assert_eq!(code, 130, "{seen:?}");
    // The terminal's ^C fits the line: on the next line it would keep the progress line from being cleared.
    let lines = seen.split("\x1b[2K").flat_map(|drawn| drawn.split(['\r', '\n']));
    for line in lines.filter(|line| line.contains(" of 100000 sent")) {
        assert!(line.chars().count() < 100, "{line:?}");
    }
    // Ctrl-C may arrive during a send.
    assert!(seen.contains(" succeeded, 0 failed") && seen.contains("latency: min "), "{seen:?}");
}

#[test]
fn subscribe_stats_stay_in_one_line() {
    let place = Place::with_nodes();
    let mut session = Session::start(&place, &["subscribe", &place.endpoint(1), "hello", "--stats"]);
    session.expect("no message yet");
    assert_eq!(place.run(&["publish", &place.endpoint(0), "hello", "hi there"]).code, 0);
    session.expect("hi there");
    session.expect("1 received (8 B), ");
    assert!(!session.seen.contains("1 received (8 B)\r\n"), "{:?}", session.seen);
    session.press_ctrl_c();
    assert_eq!(session.end().0, 0);
}

#[test]
fn progress_line_shows_what_is_waited_for() {
    let place = Place::with_nodes();
    let endpoint = place.endpoint(0);
    let mut session = Session::start(&place, &["publish", &endpoint, "unused", "hi", "--wait"]);
    session.expect("waiting for a subscriber of unused, ");
    session.press_ctrl_c();
    let (code, seen) = session.end();
    assert_eq!(code, 130, "{seen:?}");
    // What follows depends on whether an attempt was under way.
    assert!(seen.contains("interrupted"), "{seen:?}");

    place.node(0).on_connect(OnConnect::Stall);
    for verb in ["publish", "broadcast", "subscribe", "serve"] {
        let data = if matches!(verb, "publish" | "broadcast") { &["hi"][..] } else { &[] };
        let mut session = Session::start(&place, &[&[verb, &endpoint, "hello"], data].concat());
        session.expect(&format!("connecting to {endpoint}, "));
        session.press_ctrl_c();
        let (code, seen) = session.end();
        assert_eq!(code, 130, "{verb}: {seen:?}");
    }
}

#[test]
fn doctor_shows_the_current_check() {
    let place = Place::with_nodes();
    place.node(0).on_connect(OnConnect::Stall);
    let mut session = Session::start(&place, &["doctor", &place.endpoint(0), "--timeout", "60"]);
    session.expect("checking tls, ");
    assert!(session.seen.contains(&format!("{GREEN}ok  ")), "{:?}", session.seen);
    session.press_ctrl_c();
    let (code, seen) = session.end();
    assert_eq!(code, 130, "{seen:?}");
}

#[test]
fn publish_without_message_on_terminal_is_an_error() {
    let place = Place::with_nodes();
    let (code, seen) = Session::start(&place, &["publish", &place.endpoint(0), "hello"]).end();
    assert_eq!(code, 2, "{seen:?}");
    assert!(seen.contains("no message to send: pass DATA, - for standard input, or @FILE"), "{seen:?}");
}

#[test]
fn errors_are_red() {
    let place = Place::with_nodes();
    let session = Session::start(&place, &["publish", &place.endpoint(0), "unused", "hi"]);
    let (code, seen) = session.end();
    assert_eq!(code, 6);
    assert!(seen.contains("\x1b[31merror:") || seen.contains("\x1b[1m\x1b[31merror:"), "{seen:?}");
}

#[test]
fn no_color_disables_colour() {
    let place = Place::with_nodes();
    let quiet = [("NO_COLOR", "1")];
    for arguments in [&["publish", &place.endpoint(0), "unused", "hi"][..], &["nonsense"], &["--help"]] {
        let (_, seen) = Session::start_with(&place, arguments, &quiet).end();
        assert!(!seen.is_empty() && !seen.contains('\x1b'), "{arguments:?}: {seen:?}");
    }
}

#[test]
fn verbose_log_is_plain_and_replaces_progress() {
    let place = Place::with_nodes();
    let session =
        Session::start(&place, &["broadcast", &place.endpoint(0), "hello", "hi", "--count", "2", "-v"]);
    let (code, seen) = session.end();
    assert_eq!(code, 0, "{seen:?}");
    assert!(seen.contains("sent Broadcast (0x35)") && seen.contains("2 succeeded"), "{seen:?}");
    assert!(!seen.contains(" of 2 sent") && !seen.contains('\x1b'), "{seen:?}");
}
