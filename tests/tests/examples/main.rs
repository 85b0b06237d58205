//! The example programs as processes, on two embedded nodes: every line that they print, in each language, and between
//! any two of them.
//!
//! Without more only those in Rust are there. scripts/test-examples.sh builds all languages and runs these tests with them.

mod documentation;
mod fan_out;
mod language;
mod loops;
mod pairings;
mod private;
mod requests;
mod scene;
mod several_nodes;
mod shutdown;

use tempfile::TempDir;

use crate::language::{Language, MULTICAST_PUBLISHER, SUBSCRIBER, UNICAST_PUBLISHER};
use crate::scene::{Nodes, ends_well, start};

/// What publishers send, before a number; with the publisher that sends it.
const UNICAST: (&str, &str) = (UNICAST_PUBLISHER, "hello, FISCO BCOS, I am unique broadcast publisher! ");
const MULTICAST: (&str, &str) = (MULTICAST_PUBLISHER, "hello, FISCO BCOS, I am multi broadcast publisher! ");

#[test]
fn what_either_publisher_sends_the_subscriber_prints() {
    for language in Language::all() {
        let nodes = Nodes::start();
        let subscriber = nodes.subscriber(&language, "hello", &["--count", "6"]);
        for (program, text) in [UNICAST, MULTICAST] {
            let publisher =
                nodes.publisher(&language, program, "hello", &["--count", "3", "--interval", "0"]);
            for number in 0..3 {
                nodes.expect(&publisher, &format!("publish message: {text}{number}"));
                nodes.expect(&subscriber, &format!("received: {text}{number}"));
            }
            ends_well(publisher);
        }
        ends_well(subscriber);
    }
}

#[test]
fn a_publisher_that_finds_no_subscriber_says_so_and_goes_on() {
    for language in Language::all() {
        let nodes = Nodes::start();
        let publisher = nodes.publisher(&language, UNICAST_PUBLISHER, "hello", &["--interval=0.1"]);
        for number in 0..2 {
            let line = publisher.error_line();
            let said = nodes.without_time(&line);
            assert!(said.starts_with(&format!("message {number} failed: ")), "{said}");
            assert!(said.contains("subscribe"), "{said}");
        }
        let subscriber = nodes.subscriber(&language, "hello", &["--count", "1"]);
        let received = subscriber.line();
        let published = publisher.line();
        let received = nodes.without_time(&received).strip_prefix("received: ").unwrap();
        assert_eq!(nodes.without_time(&published), format!("publish message: {received}"));
        assert!(received.starts_with(UNICAST.1));
        assert_eq!(publisher.interrupted().code, 0, "{}", language.name);
    }
}

#[test]
fn ctrl_c_ends_each_of_them_in_order() {
    for language in Language::all() {
        let nodes = Nodes::start();
        let subscriber = nodes.subscriber(&language, "hello", &[]);
        assert!(subscriber.catches_interrupts(), "{}", language.name);
        for (program, text) in [UNICAST, MULTICAST] {
            let publisher = nodes.publisher(&language, program, "hello", &["--interval", "600"]);
            nodes.expect(&publisher, &format!("publish message: {text}0"));
            nodes.expect(&subscriber, &format!("received: {text}0"));
            let ended = publisher.interrupted();
            assert_eq!((ended.code, ended.stderr), (0, vec![]), "{}", language.name);
        }
        let ended = subscriber.interrupted();
        assert_eq!((ended.code, ended.stdout, ended.stderr), (0, vec![], vec![]), "{}", language.name);
    }
}

#[test]
fn sigterm_ends_each_of_them_in_order() {
    for language in Language::all() {
        let nodes = Nodes::start();
        let subscriber = nodes.subscriber(&language, "hello", &[]);
        for (program, text) in [UNICAST, MULTICAST] {
            let publisher = nodes.publisher(&language, program, "hello", &["--interval", "600"]);
            nodes.expect(&publisher, &format!("publish message: {text}0"));
            nodes.expect(&subscriber, &format!("received: {text}0"));
            publisher.terminate();
            ends_well(publisher);
        }
        subscriber.terminate();
        ends_well(subscriber);
    }
}

#[test]
fn without_arguments_they_use_the_ports_of_a_chains_first_two_nodes() {
    let folder = TempDir::new().unwrap();
    for language in Language::all() {
        for (program, endpoint) in [
            (SUBSCRIBER, "127.0.0.1:20201"),
            (UNICAST_PUBLISHER, "127.0.0.1:20200"),
            (MULTICAST_PUBLISHER, "127.0.0.1:20200"),
        ] {
            let help = start(&language, program, &["--help"], folder.path()).end();
            assert_eq!(help.code, 0, "{}: {help:?}", language.name);
            for part in [endpoint, "[default: hello]", "--count"] {
                let said = help.stdout.iter().any(|line| line.contains(part));
                assert!(said, "{} doesn't say {part}: {help:?}", language.name);
            }
            let interval = help.stdout.iter().any(|line| line.contains("--interval"));
            assert_eq!(interval, program != SUBSCRIBER, "{}: {help:?}", language.name);
            let ended = start(&language, program, &[], folder.path()).end();
            assert_eq!(ended.code, 1, "{}: {ended:?}", language.name);
            assert!(ended.stderr[0].contains("no credentials found"), "{}: {ended:?}", language.name);
        }
    }
}

#[test]
fn wrong_arguments_are_refused_with_the_code_for_that() {
    let folder = TempDir::new().unwrap();
    for language in Language::all() {
        for wrong in [&["--nonsense"][..], &["--count", "x"], &["--interval", "-1"], &["a", "b", "c"]] {
            let ended = start(&language, UNICAST_PUBLISHER, wrong, folder.path()).end();
            assert_eq!((ended.code, ended.stdout), (2, vec![]), "{} {wrong:?}", language.name);
            assert!(!ended.stderr.is_empty(), "{} {wrong:?}", language.name);
        }
    }
}
