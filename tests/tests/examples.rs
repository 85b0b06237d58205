//! The example programs as processes, on two embedded nodes: every line that they print.

use std::path::Path;
use std::time::SystemTime;

use amop_devnet::Devnet;
use amop_tests::program::Program;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use tempfile::TempDir;

const SUBSCRIBER: &str = env!("CARGO_BIN_EXE_test-subscriber");
const UNICAST_PUBLISHER: &str = env!("CARGO_BIN_EXE_test-unicast-publisher");
const MULTICAST_PUBLISHER: &str = env!("CARGO_BIN_EXE_test-multicast-publisher");

const UNICAST: &str = "hello, FISCO BCOS, I am unique broadcast publisher! ";
const MULTICAST: &str = "hello, FISCO BCOS, I am multi broadcast publisher! ";

/// Two nodes whose credentials are found from the folder that programs run in.
struct Nodes {
    folder: TempDir,
    devnet: Devnet,
    began: SystemTime,
}

impl Nodes {
    fn start() -> Nodes {
        let folder = TempDir::new().unwrap();
        let devnet = Devnet::builder().dir(folder.path().join("amop-devnet")).start_blocking().unwrap();
        Nodes { folder, devnet, began: SystemTime::now() }
    }

    fn folder(&self) -> &Path {
        self.folder.path()
    }

    fn endpoint(&self, node: usize) -> String {
        self.devnet.endpoints()[node].clone()
    }

    fn subscriber(&self, arguments: &[&str]) -> Program {
        let endpoint = self.endpoint(1);
        let program = Program::start(SUBSCRIBER, &[&[&endpoint, "hello"], arguments].concat(), self.folder());
        assert_eq!(program.line(), "Subscriber success");
        program
    }

    fn publisher(&self, path: &str, arguments: &[&str]) -> Program {
        let endpoint = self.endpoint(0);
        Program::start(path, &[&[&endpoint, "hello"], arguments].concat(), self.folder())
    }

    /// Takes the local time off a line and checks that it is one of this test's run.
    fn without_time<'a>(&self, line: &'a str) -> &'a str {
        let (time, rest) = line.split_at(19);
        let time = DateTime::strptime("%Y/%m/%d %H:%M:%S", time).unwrap_or_else(|e| panic!("{line:?}: {e}"));
        let zone = TimeZone::get("Asia/Shanghai").unwrap();
        let time: SystemTime = zone.to_zoned(time).unwrap().timestamp().into();
        let second = std::time::Duration::from_secs(1);
        assert!(self.began - second <= time && time <= SystemTime::now(), "{line:?}");
        rest.strip_prefix(' ').unwrap_or_else(|| panic!("{line:?}"))
    }

    fn expect(&self, program: &Program, line: &str) {
        assert_eq!(self.without_time(&program.line()), line);
    }
}

#[test]
fn what_either_publisher_sends_the_subscriber_prints() {
    let nodes = Nodes::start();
    let subscriber = nodes.subscriber(&["--count", "6"]);
    for (path, text) in [(UNICAST_PUBLISHER, UNICAST), (MULTICAST_PUBLISHER, MULTICAST)] {
        let publisher = nodes.publisher(path, &["--count", "3", "--interval", "0"]);
        for number in 0..3 {
            nodes.expect(&publisher, &format!("publish message: {text}{number}"));
            nodes.expect(&subscriber, &format!("received: {text}{number}"));
        }
        let ended = publisher.end();
        assert_eq!((ended.code, ended.stdout, ended.stderr), (0, vec![], vec![]));
    }
    let ended = subscriber.end();
    assert_eq!((ended.code, ended.stdout, ended.stderr), (0, vec![], vec![]));
}

#[test]
fn a_publisher_that_finds_no_subscriber_says_so_and_goes_on() {
    let nodes = Nodes::start();
    let publisher = nodes.publisher(UNICAST_PUBLISHER, &["--interval", "0.1"]);
    for number in 0..2 {
        let line = publisher.error_line();
        let said = nodes.without_time(&line);
        assert!(said.starts_with(&format!("message {number} not delivered: ")), "{said}");
        assert!(said.contains("subscribe"), "{said}");
    }
    let subscriber = nodes.subscriber(&["--count", "1"]);
    let received = subscriber.line();
    let published = publisher.line();
    let (_, received) = nodes.without_time(&received).split_once("received: ").unwrap();
    assert_eq!(nodes.without_time(&published), format!("publish message: {received}"));
    assert!(received.starts_with(UNICAST));
    assert_eq!(publisher.interrupted().code, 0);
}

#[test]
fn ctrl_c_ends_each_of_them_in_order() {
    let nodes = Nodes::start();
    let subscriber = nodes.subscriber(&[]);
    for (path, text) in [(UNICAST_PUBLISHER, UNICAST), (MULTICAST_PUBLISHER, MULTICAST)] {
        let publisher = nodes.publisher(path, &[]);
        nodes.expect(&publisher, &format!("publish message: {text}0"));
        nodes.expect(&subscriber, &format!("received: {text}0"));
        let ended = publisher.interrupted();
        assert_eq!((ended.code, ended.stderr), (0, vec![]));
    }
    let ended = subscriber.interrupted();
    assert_eq!((ended.code, ended.stdout, ended.stderr), (0, vec![], vec![]));
}

#[test]
fn without_arguments_they_use_the_ports_of_a_chains_first_two_nodes() {
    let folder = TempDir::new().unwrap();
    for (path, endpoint) in [
        (SUBSCRIBER, "127.0.0.1:20201"),
        (UNICAST_PUBLISHER, "127.0.0.1:20200"),
        (MULTICAST_PUBLISHER, "127.0.0.1:20200"),
    ] {
        let help = Program::start(path, &["--help"], folder.path()).end();
        assert_eq!(help.code, 0);
        assert!(help.stdout.iter().any(|line| line.contains(endpoint)), "{help:?}");
        assert!(help.stdout.iter().any(|line| line.contains("[default: hello]")), "{help:?}");
        let ended = Program::start(path, &[], folder.path()).end();
        assert_eq!(ended.code, 1);
        assert!(ended.stderr[0].contains("no credentials found"), "{ended:?}");
    }
}
