//! Passwords of keys, asked for on a terminal.

use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use rustix::termios::{LocalModes, tcgetattr};

use crate::amop::Place;
use crate::terminal::{GUARD, Session};

/// An encrypted key of the library's test data, whose password is 123456.
const ENCRYPTED: [&str; 2] = ["java.p12", "encrypted-aes.pem"];

fn data(name: &str) -> String {
    format!("{}/../src/private/testdata/{name}", env!("CARGO_MANIFEST_DIR"))
}

impl Session {
    /// Returns whether the terminal shows what is typed.
    fn shows_keys(&self) -> bool {
        let settings = tcgetattr(self.keyboard()).expect("the terminal has settings");
        settings.local_modes.contains(LocalModes::ECHO)
    }

    /// Waits for a prompt that does not show what is typed.
    fn expect_prompt(&mut self, text: &str) {
        self.expect(text);
        let since = std::time::Instant::now();
        while self.shows_keys() {
            assert!(since.elapsed() < GUARD, "what is typed at the prompt {text:?} is shown");
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Waits until `amop` has ended and the terminal is as before. Returns its exit code, and all that it wrote.
    fn end_with_keys_shown(mut self) -> (i32, String) {
        self.expect("ended with code");
        assert!(self.shows_keys(), "the terminal is not restored");
        self.end()
    }
}

#[test]
fn password_of_a_key_is_asked_for_and_not_shown() {
    let place = Place::empty();
    for file in ENCRYPTED {
        for (password, expected) in [("123456", 0), ("wrong", 3)] {
            let mut session = Session::start(&place, &["keys", "show", &data(file)]);
            session.expect_prompt("Password of ");
            session.type_line(password);
            let (code, seen) = session.end_with_keys_shown();
            assert_eq!(code, expected, "{file}: {seen:?}");
            assert!(!seen.contains(password), "{file}: {seen:?}");
            let part = if expected == 0 { "BEGIN PUBLIC KEY" } else { "the password is not the right one" };
            assert!(seen.contains(part), "{file}: {seen:?}");
        }
    }
}

#[test]
fn end_of_input_at_a_password_prompt_is_an_error() {
    let place = Place::empty();
    let mut session = Session::start(&place, &["keys", "show", &data(ENCRYPTED[0])]);
    session.expect_prompt("Password of ");
    session.press(b"\x04");
    let (code, seen) = session.end_with_keys_shown();
    assert_eq!(code, 1, "{seen:?}");
    assert!(seen.contains("can't read the password"), "{seen:?}");
}

#[test]
fn ctrl_c_at_a_password_prompt_restores_the_terminal() {
    let place = Place::with_nodes();
    let key = data(ENCRYPTED[0]);
    let endpoint = place.endpoint(0);
    for arguments in [
        &["keys", "show", &key][..],
        &["keys", "convert", &key, "new.pem"],
        &["subscribe", &endpoint, "orders", "--topic-key", &key],
        &["serve", &endpoint, "orders", "--topic-key", &key],
    ] {
        let mut session = Session::start(&place, arguments);
        session.expect_prompt("Password of ");
        session.press(b"q7z\x03");
        let (code, seen) = session.end_with_keys_shown();
        assert_eq!(code, 130, "{arguments:?}: {seen:?}");
        assert!(!seen.contains("q7z") && !seen.contains("error"), "{arguments:?}: {seen:?}");
    }
    assert!(!place.folder().join("new.pem").exists());
}

#[test]
fn signal_at_a_password_prompt_restores_the_terminal() {
    let place = Place::empty();
    let mut session = Session::start(&place, &["keys", "show", &data(ENCRYPTED[0])]);
    session.expect_prompt("Password of ");
    // The shell, which leads the group, goes on after it.
    let group = Pid::from_raw(session.pid().try_into().unwrap()).unwrap();
    kill_process_group(group, Signal::INT).unwrap();
    let (code, seen) = session.end_with_keys_shown();
    assert_eq!(code, 130, "{seen:?}");
}

#[test]
fn new_password_is_asked_for_twice() {
    let place = Place::empty();
    let ask = |second: &str| {
        let mut session = Session::start(&place, &["keys", "new", "orders.pem", "--encrypt"]);
        session.expect_prompt("New password: ");
        session.type_line("first");
        session.expect_prompt("The same again: ");
        session.type_line(second);
        session.end_with_keys_shown()
    };
    let (code, seen) = ask("other");
    assert_eq!(code, 2, "{seen:?}");
    assert!(seen.contains("the two passwords differ"), "{seen:?}");
    assert!(!place.folder().join("orders.pem").exists());
    let (code, seen) = ask("first");
    assert_eq!(code, 0, "{seen:?}");
    assert!(!seen.contains("first"), "{seen:?}");
    let key = std::fs::read_to_string(place.folder().join("orders.pem")).unwrap();
    assert!(key.starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----\n"));
    let mut session = Session::start(&place, &["keys", "show", "orders.pem"]);
    session.expect_prompt("Password of orders.pem: ");
    session.type_line("first");
    assert_eq!(session.end_with_keys_shown().0, 0);
}
