//! The scripts of the make targets: two runs in one checkout don't disturb each other.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use amop_tests::program::Program;
use tempfile::TempDir;

const SCRIPTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../scripts");

/// Returns the lines of a script.
fn lines(name: &str) -> Vec<String> {
    let text = fs::read_to_string(Path::new(SCRIPTS).join(name)).unwrap();
    text.lines().map(str::to_owned).collect()
}

#[test]
fn every_script_takes_the_lock_of_the_checkout() {
    for entry in fs::read_dir(SCRIPTS).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        // The first four are sourced by the others, the last two work on the files of their arguments only.
        let exceptions = [
            "lock.sh",
            "go-toolchain.sh",
            "release-settings.sh",
            "release-tools.sh",
            "prelink.sh",
            "release-try.sh",
        ];
        if !name.ends_with(".sh") || exceptions.contains(&name.as_str()) {
            continue;
        }
        let locks = lines(&name).iter().filter(|line| *line == ". scripts/lock.sh").count();
        assert_eq!(locks, 1, "{name}: the line `. scripts/lock.sh` belongs after the change to the checkout");
    }
}

/// Writes scripts into a checkout of their own: `outer.sh` runs `inner.sh`, and both take the lock.
fn checkout() -> TempDir {
    let checkout = TempDir::new().unwrap();
    let scripts = checkout.path().join("scripts");
    fs::create_dir(&scripts).unwrap();
    fs::copy(Path::new(SCRIPTS).join("lock.sh"), scripts.join("lock.sh")).unwrap();
    let head = "#!/usr/bin/env bash\nset -euo pipefail\ncd \"$(dirname \"$0\")/..\"\n. scripts/lock.sh\n";
    for (name, body) in [
        ("outer.sh", "echo \"begins with $*\"; scripts/inner.sh \"$@\"; read -r || echo ends; exit 3"),
        ("inner.sh", "echo \"inner script with $*\""),
    ] {
        let path = scripts.join(name);
        fs::write(&path, format!("{head}{body}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    checkout
}

#[test]
fn second_run_in_a_checkout_waits_for_the_first() {
    let checkout = checkout();
    let start = |argument| {
        // A script may be started in any folder, and the test itself under the lock of this checkout.
        let mut script = Command::new(checkout.path().join("scripts/outer.sh"));
        script.args([argument, "two words"]).current_dir("/");
        Program::talk(script)
    };
    let (first, first_input) = start("first");
    assert_eq!(first.line(), "begins with first two words");
    assert_eq!(first.line(), "inner script with first two words");
    let (second, second_input) = start("second");
    assert_eq!(second.error_line(), "waiting for another run in this checkout");
    // A script of another checkout doesn't wait.
    let other = self::checkout();
    let other = Program::spawn(Command::new(other.path().join("scripts/inner.sh")), b"").end();
    assert_eq!((other.code, other.stderr), (0, vec![]));

    drop(first_input);
    let first = first.end();
    drop(second_input);
    let second = second.end();
    assert_eq!((first.code, first.stdout), (3, vec!["ends".to_owned()]));
    assert_eq!(second.code, 3);
    let expected = ["begins with second two words", "inner script with second two words", "ends"];
    assert_eq!(second.stdout, expected);
}
