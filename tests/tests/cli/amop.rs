//! The command under test, a folder to run it in, and nodes to run it against.

use std::path::Path;
use std::time::Duration;

use amop_devnet::{Devnet, DevnetBuilder, Node};
use amop_tests::program::{Ended, Program};
use tempfile::TempDir;
use tokio::net::TcpSocket;

/// A separate folder for each test, in which the credentials of its nodes are found.
pub(crate) struct Place {
    folder: TempDir,
    devnet: Option<Devnet>,
    /// What the command finds in its environment.
    environment: &'static [(&'static str, &'static str)],
}

/// A command that runs until the file `go` is in the folder of the place, or the folder is removed.
pub(crate) const UNTIL_GO: &str = r#"while [ ! -e go ] && [ -d "$PWD" ]; do sleep 0.01; done"#;

/// Longer than any test runs.
pub(crate) const NEVER: Duration = Duration::from_secs(3600);

impl Place {
    pub(crate) fn empty() -> Place {
        Place { folder: TempDir::new().unwrap(), devnet: None, environment: &[] }
    }

    /// Starts two nodes.
    pub(crate) fn with_nodes() -> Place {
        Place::with(Devnet::builder())
    }

    /// Starts two nodes that wait for answers as long as a test runs, and lets services do the same: no answer is too late on a
    /// busy machine.
    pub(crate) fn without_time_limits() -> Place {
        let environment = &[("AMOP_ANSWER_TIMEOUT", "3600s"), ("AMOP_CLOSE_TIMEOUT", "3600s")];
        Place { environment, ..Place::with(Devnet::builder().push_limit(NEVER).node_limit(NEVER)) }
    }

    pub(crate) fn with(builder: DevnetBuilder) -> Place {
        let mut place = Place::empty();
        place.devnet = Some(builder.dir(place.folder.path().join("amop-devnet")).start_blocking().unwrap());
        place
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn devnet(&self) -> &Devnet {
        self.devnet.as_ref().expect("this place has nodes")
    }

    pub(crate) fn node(&self, index: usize) -> Node {
        self.devnet().node(index)
    }

    pub(crate) fn endpoint(&self, node: usize) -> String {
        self.node(node).endpoint()
    }

    pub(crate) fn kill(&self, node: usize) {
        self.devnet().handle().block_on(self.node(node).kill());
    }

    pub(crate) fn restart(&self, node: usize) {
        self.devnet().handle().block_on(self.node(node).restart()).unwrap();
    }

    /// Starts `amop`.
    pub(crate) fn start(&self, arguments: &[&str]) -> Program {
        self.start_with(arguments, b"")
    }

    /// Starts `amop` with `input` on its standard input.
    pub(crate) fn start_with(&self, arguments: &[&str], input: &[u8]) -> Program {
        let arguments = [arguments, &patience(arguments)].concat();
        let mut command = Program::command(env!("CARGO_BIN_EXE_test-amop"), &arguments, self.folder());
        command.envs(self.environment.iter().copied());
        Program::spawn(command, input)
    }

    /// Runs `amop` until it exits.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ended {
        self.start(arguments).end()
    }
}

/// Returns options that raise the default time limits of a verb, which a busy machine can exceed, unless they are given.
fn patience(arguments: &[&str]) -> Vec<&'static str> {
    let limits: &[&str] = match arguments.first() {
        Some(&"publish" | &"broadcast") => &["--timeout", "--connect-timeout"],
        Some(&"subscribe" | &"serve") => &["--connect-timeout"],
        Some(&"stats" | &"doctor") => &["--timeout"],
        _ => &[],
    };
    let missing = limits.iter().filter(|limit| !arguments.contains(limit));
    missing.flat_map(|limit| [*limit, "60"]).collect()
}

/// Runs `attempt` with increasing time limits, in seconds, until it returns a result. A test of silence ends quickly with a
/// short limit, but on a busy machine a short limit may end an earlier step.
pub(crate) fn with_patience<T>(attempt: impl Fn(&str) -> Option<T>) -> T {
    let limits = ["0.3", "1", "4", "16", "60"];
    limits.into_iter().find_map(attempt).expect("a result within the longest limit")
}

/// An endpoint whose name no resolver knows: a label of more than 63 characters, which is refused without asking a server.
pub(crate) fn unresolvable() -> String {
    format!("{}.invalid:20200", "a".repeat(64))
}

/// An endpoint at which nothing listens, and which no other process can use meanwhile.
pub(crate) struct Unused {
    pub(crate) endpoint: String,
    _bound: TcpSocket,
}

impl Unused {
    pub(crate) fn port() -> Unused {
        let bound = TcpSocket::new_v4().unwrap();
        bound.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        Unused { endpoint: bound.local_addr().unwrap().to_string(), _bound: bound }
    }
}

/// Replaces what differs between runs: times, durations, rates, ports, seqs.
pub(crate) fn masked(line: &str) -> String {
    let mut text = line.to_owned();
    for (pattern, mask) in MASKS {
        text = regex::Regex::new(pattern).unwrap().replace_all(&text, *mask).into_owned();
    }
    text
}

/// Masks all lines.
pub(crate) fn all_masked(lines: &[String]) -> Vec<String> {
    lines.iter().map(|line| masked(line)).collect()
}

const MASKS: &[(&str, &str)] = &[
    (r"[0-9]{4}/[0-9]{2}/[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{3})?", "TIME"),
    (r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}(\+08:00|Z)", "TIME"),
    (r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z", "TIME"),
    (r"127\.0\.0\.1:[0-9]+", "NODE"),
    (r"[0-9.]+ (us|ms|s)\b", "SPAN"),
    (r"[0-9.]+/s\b", "RATE"),
    (r#""(latency_us|took_us|seconds|rate|min|p50|p90|p99|max)":[0-9.e-]+"#, "\"$1\":N"),
    (r"[0-9a-f]{32}", "SEQ"),
];
