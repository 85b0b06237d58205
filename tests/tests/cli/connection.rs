//! The sources of credentials.

use std::fs;
use std::path::Path;
use std::process::Command;

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
