//! The command under test, a folder to run it in, and nodes to run it against.

use std::path::Path;

use amop_devnet::{Devnet, DevnetBuilder};
use amop_tests::program::{Ended, Program};
use tempfile::TempDir;

/// A folder of its own for each test; credentials of its nodes, where there are any, are found from it.
pub(crate) struct Place {
    folder: TempDir,
    devnet: Option<Devnet>,
}

impl Place {
    pub(crate) fn empty() -> Place {
        Place { folder: TempDir::new().unwrap(), devnet: None }
    }

    /// Two nodes.
    pub(crate) fn with_nodes() -> Place {
        Place::with(Devnet::builder())
    }

    pub(crate) fn with(builder: DevnetBuilder) -> Place {
        let mut place = Place::empty();
        place.devnet = Some(builder.dir(place.folder.path().join("amop-devnet")).start_blocking().unwrap());
        place
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn endpoint(&self, node: usize) -> String {
        self.devnet.as_ref().unwrap().endpoints()[node].clone()
    }

    /// Starts `amop`.
    pub(crate) fn start(&self, arguments: &[&str]) -> Program {
        self.start_with(arguments, b"")
    }

    /// Starts `amop` with something on its standard input.
    pub(crate) fn start_with(&self, arguments: &[&str], input: &[u8]) -> Program {
        Program::start_with(env!("CARGO_BIN_EXE_test-amop"), arguments, self.folder(), input)
    }

    /// Runs `amop` to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ended {
        self.start(arguments).end()
    }
}

/// Replaces what differs from run to run: local times, ports, folders; `HH:MM` parts, numbers of a port and so on.
pub(crate) fn masked(line: &str) -> String {
    let mut text = line.to_owned();
    for (pattern, mask) in MASKS {
        text = regex::Regex::new(pattern).unwrap().replace_all(&text, *mask).into_owned();
    }
    text
}

const MASKS: &[(&str, &str)] = &[
    (r"\d{4}/\d\d/\d\d \d\d:\d\d:\d\d", "TIME"),
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+08:00", "TIME"),
    (r"127\.0\.0\.1:\d+", "NODE"),
];
