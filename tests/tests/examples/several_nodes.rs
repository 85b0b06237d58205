//! A program at two nodes, one of which goes down.

use std::time::Instant;

use amop_devnet::Devnet;
use amop_tests::program::Program;

use crate::language::Language;
use crate::scene::{GUARD, Nodes};

/// Returns what `found` returns for a line of the program, skipping the lines before.
fn find<T>(program: &Program, found: impl Fn(&str) -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = found(&program.line()) {
            return found;
        }
        assert!(began.elapsed() < GUARD, "no such line");
    }
}

/// Returns the endpoint that a message went through.
fn went_through(line: &str) -> Option<String> {
    line.split_once(" went through ").map(|(_, endpoint)| endpoint.to_owned())
}

#[test]
fn calls_go_on_when_one_of_several_nodes_goes_down() {
    let Some(go) = Language::named("go") else { return };
    let nodes = Nodes::of(Devnet::builder().nodes(3));
    let client = nodes.client(2);
    let _messages = nodes.block_on(client.subscribe("hello")).unwrap();
    let program = nodes.run(&go, "several_nodes", &["hello", "{0}", "{1}"]);

    let first = find(&program, went_through);
    let number = nodes.devnet.endpoints().iter().position(|endpoint| *endpoint == first).unwrap();
    nodes.block_on(nodes.devnet.node(number).kill());
    find(&program, |line| (line == format!("lost {first}")).then_some(()));
    let second = find(&program, went_through);
    assert_ne!(first, second);
    nodes.block_on(nodes.devnet.node(number).restart()).unwrap();
    find(&program, |line| (line == format!("{first} is back")).then_some(()));
    let ended = program.interrupted();
    assert_eq!((ended.code, ended.stderr), (0, vec![]));
}
