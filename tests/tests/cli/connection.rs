//! The sources of credentials.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use amop_devnet::Devnet;
use amop_tests::program::{Ended, Program};

use crate::amop::Place;

/// Nodes whose credentials are in the place's folder `given`, which is not searched.
fn place() -> (Place, Devnet) {
    let place = Place::empty();
    let devnet = Devnet::builder().dir(place.folder().join("chain")).start_blocking().unwrap();
    fs::rename(place.folder().join("chain/sdk"), place.folder().join("given")).unwrap();
    (place, devnet)
}

/// A broadcast needs no subscriber.
fn broadcast(place: &Place, devnet: &Devnet, more: &[&str]) -> Ended {
    place.run(&[&["broadcast", &devnet.endpoints()[0], "hello", "hi"], more].concat())
}

#[test]
fn credentials_are_read_from_folder_or_three_files() {
    let (place, devnet) = place();
    assert_eq!(broadcast(&place, &devnet, &[]).code, 3, "that folder is not searched");
    assert_eq!(broadcast(&place, &devnet, &["--credentials", "given"]).code, 0);
    let files = ["--ca", "given/ca.crt", "--cert", "given/sdk.crt", "--key", "given/sdk.key"];
    assert_eq!(broadcast(&place, &devnet, &files).code, 0);

    let missing = ["--ca", "given/ca.crt", "--cert", "given/sdk.crt", "--key", "given/other.key"];
    let ended = broadcast(&place, &devnet, &missing);
    assert_eq!(ended.code, 3);
    assert!(ended.stderr[0].contains("given/other.key"), "{ended:?}");
}

#[test]
fn environment_variable_names_credentials_folder() {
    let (place, devnet) = place();
    for (folder, code) in [("given", 0), ("elsewhere", 3)] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_test-amop"));
        command.args(["broadcast", &devnet.endpoints()[0], "hello", "hi"]).current_dir(place.folder());
        command.env("AMOP_CREDENTIALS", folder);
        let ended = Program::spawn(command, b"").end();
        assert_eq!(ended.code, code, "{folder}: {ended:?}");
    }
}

#[test]
fn credentials_are_found_in_each_listed_place() {
    let (place, devnet) = place();
    for found in [".", "conf", "sdk", "nodes/127.0.0.1/sdk", "amop-devnet/sdk"] {
        let found = place.folder().join(found);
        copy(&place.folder().join("given"), &found);
        assert_eq!(broadcast(&place, &devnet, &[]).code, 0, "{}", found.display());
        for file in FILES {
            fs::remove_file(found.join(file)).unwrap();
        }
    }
}

const FILES: [&str; 3] = ["ca.crt", "sdk.crt", "sdk.key"];

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for file in FILES {
        fs::copy(from.join(file), to.join(file)).unwrap();
    }
}

/// Runs `amop broadcast` as another user than root, who reads any file. Returns `None` if that user can't start it.
fn broadcast_without_privileges(place: &Place, devnet: &Devnet) -> Option<Ended> {
    const NOBODY: u32 = 65_534;
    let mut command = Command::new(env!("CARGO_BIN_EXE_test-amop"));
    if rustix::process::geteuid().is_root() {
        command.uid(NOBODY).gid(NOBODY);
    }
    command.args(["broadcast", &devnet.endpoints()[0], "hello", "hi", "--credentials", "given"]);
    command.current_dir(place.folder()).env_remove("AMOP_CREDENTIALS");
    // The checkout and the folder for temporary files may be closed to other users.
    match command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn() {
        Ok(mut probe) => drop(probe.wait()),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => return None,
        Err(error) => panic!("{error}"),
    }
    Some(Program::spawn(command, b"").end())
}

#[test]
fn unreadable_key_is_named_with_what_to_type() {
    let (place, devnet) = place();
    let given = place.folder().join("given");
    for folder in [place.folder(), &given] {
        fs::set_permissions(folder, Permissions::from_mode(0o755)).unwrap();
    }
    fs::set_permissions(given.join("sdk.key"), Permissions::from_mode(0o000)).unwrap();
    let Some(ended) = broadcast_without_privileges(&place, &devnet) else { return };
    assert_eq!(ended.code, 3, "{ended:?}");
    let [error] = &ended.stderr[..] else { panic!("{ended:?}") };
    assert!(
        error.starts_with("error: cannot read ") && error.contains("given/sdk.key: Permission"),
        "{error}"
    );
    assert!(error.contains("chmod u+r ") && error.ends_with("or run the program as its owner"), "{error}");
}
