//! Programs with an event loop of their own, and with coroutines.

use std::time::Instant;

use amop_devnet::{Devnet, Generation};

use crate::language::Language;
use crate::scene::{GUARD, Nodes, ends_well};

#[test]
fn event_loop_sends_and_receives_until_it_is_stopped() {
    if cfg!(not(target_os = "linux")) {
        return;
    }
    let Some(c) = Language::named("c") else { return };
    let nodes = Nodes::of(Devnet::builder().nodes(2));
    let client = nodes.client(1);
    let mut readings = nodes.block_on(client.subscribe("readings")).unwrap();
    let sensor = nodes.run(&c, "event_loop", &["{0}"]);
    assert_eq!(sensor.line(), "running");
    let reading = nodes.block_on(readings.next()).unwrap();
    assert!(reading.data().starts_with(b"reading "), "{reading:?}");

    nodes.block_on(client.broadcast("commands", "faster").wait_for_subscriber(true)).unwrap();
    let began = Instant::now();
    let mut delivered = false;
    let mut commanded = false;
    while !(delivered && commanded) {
        let line = sensor.line();
        delivered |= line.starts_with("reading ") && line.ends_with(" was delivered");
        commanded |= line == "command: faster";
        assert!(began.elapsed() < GUARD, "{line}");
    }
    sensor.terminate();
    let ended = sensor.end();
    assert_eq!((ended.code, ended.stderr), (0, vec![]));
    // Calls that were in flight were completed.
    assert!(ended.stdout.iter().all(|line| line.ends_with(" was delivered")), "{:?}", ended.stdout);
}

#[test]
fn second_interrupt_ends_the_event_loop_at_once() {
    if cfg!(not(target_os = "linux")) {
        return;
    }
    let Some(c) = Language::named("c") else { return };
    // Of 3.x, where a subscriber has 30 s for its answer. The reading fails after 10 s.
    let nodes = Nodes::of(Devnet::builder().nodes(2).generation(Generation::V3));
    let client = nodes.client(1);
    let mut readings = nodes.block_on(client.serve("readings")).unwrap();
    let sensor = nodes.run(&c, "event_loop", &["{0}"]);
    assert_eq!(sensor.line(), "running");
    let unanswered = nodes.block_on(readings.next()).unwrap();
    assert_eq!(sensor.interrupted_again().code, -2, "it does not wait for the reading");
    drop(unanswered);
}

#[test]
fn coroutines_wait_for_several_replies_at_once() {
    let Some(cpp) = Language::named("cpp") else { return };
    let nodes = Nodes::of(Devnet::builder().nodes(2));
    let service = nodes.run(&cpp, "service", &["{1}", "price"]);
    assert_eq!(service.line(), "serving price");
    let ended = nodes.run(&cpp, "coroutines", &["{0}"]).end();
    let lines = vec!["apple: 1.20".to_owned(), "pear: 0.95".to_owned()];
    assert_eq!((ended.code, ended.stdout, ended.stderr), (0, lines, vec![]));
    let ended = nodes.run(&cpp, "coroutines", &["{0}", "price", "plum", "pear"]).end();
    let lines = vec!["plum: no price for plum".to_owned(), "pear: 0.95".to_owned()];
    assert_eq!((ended.code, ended.stdout, ended.stderr), (1, lines, vec![]));
    service.terminate();
    ends_well(service);
}
