//! Programs of one language and those of another: each publisher with each subscriber.

use crate::language::Language;
use crate::scene::{Nodes, ends_well};
use crate::{MULTICAST, UNICAST};

/// Messages of one publisher.
const EACH: usize = 2;

#[test]
fn unicasts_go_from_each_language_to_each() {
    let (program, text) = UNICAST;
    let nodes = Nodes::start();
    let languages = Language::all();
    let count = (EACH * languages.len()).to_string();
    // Each subscriber has a topic of its own, so that nobody else gets its unicasts.
    for to in &languages {
        let subscriber = nodes.subscriber(to, &to.name, &["--count", &count]);
        for from in &languages {
            let publisher =
                nodes.publisher(from, program, &to.name, &["--count", &EACH.to_string(), "--interval", "0"]);
            for number in 0..EACH {
                nodes.expect(&publisher, &format!("publish message: {text}{number}"));
                nodes.expect(&subscriber, &format!("received: {text}{number}"));
            }
            ends_well(publisher);
        }
        ends_well(subscriber);
    }
}

#[test]
fn a_multicast_of_each_language_reaches_all() {
    let (program, text) = MULTICAST;
    let nodes = Nodes::start();
    let languages = Language::all();
    let count = (EACH * languages.len()).to_string();
    let subscribers: Vec<_> =
        languages.iter().map(|language| nodes.subscriber(language, "news", &["--count", &count])).collect();
    for from in &languages {
        let publisher =
            nodes.publisher(from, program, "news", &["--count", &EACH.to_string(), "--interval", "0"]);
        for number in 0..EACH {
            nodes.expect(&publisher, &format!("publish message: {text}{number}"));
            for subscriber in &subscribers {
                nodes.expect(subscriber, &format!("received: {text}{number}"));
            }
        }
        ends_well(publisher);
    }
    subscribers.into_iter().for_each(ends_well);
}
