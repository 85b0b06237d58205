//! Embedded nodes, and example programs at them.

use std::path::Path;
use std::time::{Duration, SystemTime};

use amop::{Client, ClientBuilder};
use amop_devnet::{Devnet, DevnetBuilder, Generation};
use amop_tests::program::Program;
use amop_tests::setup::tls_of_run;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use tempfile::TempDir;

use crate::language::{Language, SUBSCRIBER};

/// Starts an example in `folder`.
pub(crate) fn start(language: &Language, program: &str, arguments: &[&str], folder: &Path) -> Program {
    let (path, mut all) = language.command(program);
    all.extend(arguments.iter().map(|argument| (*argument).to_owned()));
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    Program::start(&path, &all, folder)
}

/// Returns the generation that `$AMOP_TEST_GENERATION` sets: 2 (the default) or 3.
fn generation_of_run() -> Generation {
    match std::env::var("AMOP_TEST_GENERATION").as_deref() {
        Ok("3") => Generation::V3,
        Ok("2") | Err(_) => Generation::V2,
        Ok(other) => panic!("{other} is not a generation"),
    }
}

/// The limit of every wait. A test that passes does not come near it.
pub(crate) const GUARD: Duration = Duration::from_secs(60);

/// Nodes whose credentials are found from the folder that programs run in.
pub(crate) struct Nodes {
    pub(crate) folder: TempDir,
    pub(crate) devnet: Devnet,
    began: SystemTime,
}

impl Nodes {
    /// Starts two nodes of the generation and with the channels of this run.
    pub(crate) fn start() -> Nodes {
        Nodes::of(Devnet::builder().generation(generation_of_run()).tls(tls_of_run()))
    }

    /// Starts other nodes.
    pub(crate) fn of(builder: DevnetBuilder) -> Nodes {
        let folder = TempDir::new().unwrap();
        // A busy machine doesn't make a node deliver a message to another subscriber.
        let builder = builder.push_limit(GUARD).dir(folder.path().join("amop-devnet"));
        let devnet = builder.start_blocking().unwrap();
        Nodes { folder, devnet, began: SystemTime::now() }
    }

    /// Waits for a future on the threads of the nodes.
    pub(crate) fn block_on<F: IntoFuture>(&self, future: F) -> F::Output {
        self.devnet.handle().block_on(future.into_future())
    }

    /// Connects a client of this test to a node, with time limits that no machine exceeds.
    pub(crate) fn client(&self, node: usize) -> Client {
        self.client_with(node, |builder| builder)
    }

    /// Connects a client of this test with further options.
    pub(crate) fn client_with(
        &self,
        node: usize,
        options: impl FnOnce(ClientBuilder) -> ClientBuilder,
    ) -> Client {
        let builder = self.devnet.node(node).client();
        let builder = builder.connect_timeout(GUARD).call_timeout(GUARD).close_timeout(GUARD);
        self.block_on(options(builder).connect()).unwrap()
    }

    /// Starts a program with these arguments; `{0}` stands for the endpoint of the first node, and so on.
    pub(crate) fn run(&self, language: &Language, program: &str, arguments: &[&str]) -> Program {
        let endpoints = self.devnet.endpoints();
        let named = |argument: &&str| {
            let numbered = endpoints.iter().enumerate();
            numbered.fold((*argument).to_owned(), |text, (number, endpoint)| {
                text.replace(&format!("{{{number}}}"), endpoint)
            })
        };
        let arguments: Vec<String> = arguments.iter().map(named).collect();
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        start(language, program, &arguments, self.folder.path())
    }

    /// A subscriber at the second node, which has said that it is one.
    pub(crate) fn subscriber(&self, language: &Language, topic: &str, arguments: &[&str]) -> Program {
        let program = self.at(1, language, SUBSCRIBER, topic, arguments);
        assert_eq!(program.line(), "Subscriber success");
        program
    }

    /// A publisher at the first node.
    pub(crate) fn publisher(
        &self,
        language: &Language,
        program: &str,
        topic: &str,
        arguments: &[&str],
    ) -> Program {
        self.at(0, language, program, topic, arguments)
    }

    fn at(&self, node: usize, language: &Language, program: &str, topic: &str, rest: &[&str]) -> Program {
        let endpoint = &self.devnet.endpoints()[node];
        start(language, program, &[&[endpoint.as_str(), topic], rest].concat(), self.folder.path())
    }

    /// Takes the local time off a line and checks that it is one of this test's run.
    pub(crate) fn without_time<'a>(&self, line: &'a str) -> &'a str {
        let (time, rest) = line.split_at_checked(19).unwrap_or_else(|| panic!("{line:?}"));
        let time = DateTime::strptime("%Y/%m/%d %H:%M:%S", time).unwrap_or_else(|e| panic!("{line:?}: {e}"));
        let zone = TimeZone::get("Asia/Shanghai").unwrap();
        let time: SystemTime = zone.to_zoned(time).unwrap().timestamp().into();
        assert!(self.began - Duration::from_secs(1) <= time && time <= SystemTime::now(), "{line:?}");
        rest.strip_prefix(' ').unwrap_or_else(|| panic!("{line:?}"))
    }

    /// The next line is this one, behind a time.
    pub(crate) fn expect(&self, program: &Program, line: &str) {
        assert_eq!(self.without_time(&program.line()), line);
    }
}

/// The program ends by itself, well, without a further word.
pub(crate) fn ends_well(program: Program) {
    let ended = program.end();
    assert_eq!((ended.code, ended.stdout, ended.stderr), (0, vec![], vec![]));
}
