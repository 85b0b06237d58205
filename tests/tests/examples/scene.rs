//! Two embedded nodes, and example programs at them.

use std::path::Path;
use std::time::{Duration, SystemTime};

use amop::Tls;
use amop_devnet::{Devnet, Generation};
use amop_tests::program::Program;
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

/// Returns the kind of channel that `$AMOP_TEST_TLS` sets, so that the same programs run over each.
fn tls_of_run() -> Tls {
    std::env::var("AMOP_TEST_TLS").map_or(Tls::Ecdhe, |name| name.parse().expect("a kind of TLS"))
}

/// Returns the generation that `$AMOP_TEST_GENERATION` sets: 2 (the default) or 3.
fn generation_of_run() -> Generation {
    match std::env::var("AMOP_TEST_GENERATION").as_deref() {
        Ok("3") => Generation::V3,
        Ok("2") | Err(_) => Generation::V2,
        Ok(other) => panic!("{other} is not a generation"),
    }
}

/// Two nodes whose credentials are found from the folder that programs run in.
pub(crate) struct Nodes {
    folder: TempDir,
    devnet: Devnet,
    began: SystemTime,
}

impl Nodes {
    pub(crate) fn start() -> Nodes {
        let folder = TempDir::new().unwrap();
        let builder = Devnet::builder().generation(generation_of_run());
        let builder = builder.dir(folder.path().join("amop-devnet")).tls(tls_of_run());
        let devnet = builder.start_blocking().unwrap();
        Nodes { folder, devnet, began: SystemTime::now() }
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
