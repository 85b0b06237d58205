//! The programs of the documentation's pages about tasks, in each language: what each of them prints and does.

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use amop_devnet::Devnet;
use amop_tests::program::Program;

use crate::language::Language;
use crate::scene::Nodes;

/// Three nodes, and what the programs read in the folder that they run in.
fn nodes() -> Nodes {
    let nodes = Nodes::of(Devnet::builder().nodes(3).verify_interval(Duration::from_millis(50)));
    let folder = nodes.folder.path();
    // Where the official script puts them.
    let to = folder.join("nodes/127.0.0.1/sdk");
    fs::create_dir_all(&to).unwrap();
    for file in fs::read_dir(folder.join("amop-devnet/sdk")).unwrap() {
        let file = file.unwrap();
        if file.file_type().unwrap().is_file() {
            fs::copy(file.path(), to.join(file.file_name())).unwrap();
        }
    }
    let endpoint = nodes.devnet.node(0).endpoint();
    fs::write(folder.join("config.toml"), format!("endpoints = [\"{endpoint}\"]\n")).unwrap();
    let made = Program::start(env!("CARGO_BIN_EXE_test-amop"), &["keys", "new", "orders.pem"], folder).end();
    assert_eq!(made.code, 0, "{made:?}");
    nodes
}

impl Nodes {
    /// Starts a program of the documentation at the first node.
    fn task(&self, language: &Language, name: &str) -> Program {
        self.run(language, "run_tasks", &[name, "{0}", "{1}", "{2}"])
    }

    /// Runs one that ends by itself, and returns what it has printed.
    fn ended_task(&self, language: &Language, name: &str) -> Vec<String> {
        let ended = self.task(language, name).end();
        assert_eq!((ended.code, &ended.stderr), (0, &vec![]), "{name} in {}", language.name);
        ended.stdout
    }
}

#[test]
fn connect_prints_the_endpoint_or_the_reason() {
    let nodes = nodes();
    let endpoint = nodes.devnet.node(0).endpoint();
    for language in Language::all() {
        let ended = nodes.run(&language, "connect", &["{0}"]).end();
        let printed = (ended.code, ended.stdout, ended.stderr);
        assert_eq!(printed, (0, vec![format!("connected to {endpoint}")], vec![]), "{}", language.name);
    }
    nodes.block_on(nodes.devnet.node(0).kill());
    for language in Language::all() {
        let ended = nodes.run(&language, "connect", &["{0}"]).end();
        assert_eq!((ended.code, ended.stdout), (1, vec![]), "{}", language.name);
        let reason = format!("cannot connect to {endpoint}");
        let named = ended.stderr.iter().any(|line| line.contains(&reason));
        assert!(named, "{}: {:?}", language.name, ended.stderr);
    }
}

#[test]
fn subscribe_prints_messages() {
    let nodes = nodes();
    for language in Language::all() {
        let program = nodes.task(&language, "subscribe");
        let client = nodes.client(1);
        nodes.block_on(client.publish("news", "rain").wait_for_subscriber(true)).unwrap();
        assert_eq!(program.line(), "rain", "{}", language.name);
    }
}

#[test]
fn serve_and_publish_fit_each_other() {
    let nodes = nodes();
    for language in Language::all() {
        let service = nodes.run(&language, "run_tasks", &["serve", "{1}"]);
        assert_eq!(service.line(), "serving", "{}", language.name);
        assert_eq!(nodes.ended_task(&language, "publish"), ["hello, Ada"], "{}", language.name);
    }
}

#[test]
fn broadcast_reaches_a_subscriber() {
    let nodes = nodes();
    let [here, there] = [0, 1].map(|node| nodes.client(node));
    let mut news = nodes.block_on(there.subscribe("news")).unwrap();
    // Until the first node knows of it.
    nodes.block_on(here.publish("news", "first").wait_for_subscriber(true)).unwrap();
    assert_eq!(&nodes.block_on(news.next()).unwrap().data()[..], b"first");
    for language in Language::all() {
        assert_eq!(nodes.ended_task(&language, "broadcast"), [""; 0]);
        assert_eq!(&nodes.block_on(news.next()).unwrap().data()[..], b"rain", "{}", language.name);
    }
}

#[test]
fn nodes_are_added_and_removed() {
    let nodes = nodes();
    let mut left = nodes.devnet.endpoints().split_off(1);
    left.sort();
    for language in Language::all() {
        let mut printed = nodes.ended_task(&language, "nodes");
        printed.sort();
        assert_eq!(printed, left, "{}", language.name);
    }
}

#[test]
fn events_report_a_connection() {
    let nodes = nodes();
    let node = nodes.devnet.node(0);
    for language in Language::all() {
        let program = nodes.task(&language, "events");
        assert_eq!(program.line(), "connected");
        // It begins to listen at some time after this line: cut its connection until it has reported a loss.
        let reported = AtomicBool::new(false);
        let [lost, back] = [format!("lost {}: ", node.endpoint()), format!("{} is back", node.endpoint())];
        thread::scope(|scope| {
            scope.spawn(|| {
                while !reported.load(Ordering::Relaxed) {
                    node.cut_sessions();
                    thread::sleep(Duration::from_millis(100));
                }
            });
            while !program.line().starts_with(&lost) {}
            reported.store(true, Ordering::Relaxed);
        });
        while program.line() != back {}
    }
}

#[test]
fn flow_control_prints_what_was_dropped() {
    let nodes = nodes();
    for language in Language::all() {
        assert_eq!(nodes.ended_task(&language, "flow"), ["0 messages were dropped"], "{}", language.name);
    }
}

#[test]
fn private_topic_is_used_with_keys() {
    let nodes = nodes();
    for language in Language::all() {
        let printed = nodes.ended_task(&language, "private");
        assert_eq!(printed.last().map(String::as_str), Some("done"), "{}", language.name);
    }
}

#[test]
fn credentials_and_configuration_connect() {
    let nodes = nodes();
    for language in Language::all() {
        for name in ["credentials", "configuration"] {
            let printed = nodes.ended_task(&language, name).join("\n");
            let endpoint = nodes.devnet.node(0).endpoint();
            assert!(printed.contains(&endpoint), "{name} in {}: {printed}", language.name);
        }
    }
}

#[test]
fn testing_uses_embedded_nodes() {
    let nodes = nodes();
    for language in Language::all() {
        let printed = nodes.ended_task(&language, "testing").join("\n");
        // The program in Rust checks the reply itself, and the one in C only connects.
        let expected = match language.name.as_str() {
            "rust" => "",
            "c" => "connected to 127.0.0.1:",
            _ => "hi",
        };
        assert!(printed.contains(expected), "{}: {printed}", language.name);
    }
}

#[test]
fn observing_prints_retries() {
    let nodes = nodes();
    for language in Language::all() {
        let printed = nodes.ended_task(&language, "observe").join("\n");
        assert!(printed.contains("0 retries"), "{}: {printed}", language.name);
    }
}

#[test]
fn log_is_written_to_standard_error() {
    let nodes = nodes();
    for language in Language::all() {
        let program = nodes.task(&language, "log");
        while !program.error_line().contains("connected") {}
    }
}
