//! Services and programs that send them requests, in each language.

use amop_devnet::{Devnet, Generation};

use crate::language::{Language, UNICAST_PUBLISHER};
use crate::scene::{Nodes, ends_well};

#[test]
fn requests_go_from_each_language_to_each() {
    let nodes = Nodes::start();
    let languages = Language::all();
    for to in &languages {
        let topic = format!("price in {}", to.name);
        let service = nodes.run(to, "service", &["{1}", &topic]);
        assert_eq!(service.line(), format!("serving {topic}"));
        for from in &languages {
            let ended = nodes.run(from, "request", &["{0}", &topic, "apple"]).end();
            let said = (ended.code, ended.stdout, ended.stderr);
            assert_eq!(said, (0, vec!["1.20".into()], vec![]), "{} to {}", from.name, to.name);
        }
        let ended = nodes.run(to, "request", &["{0}", &topic, "plum"]).end();
        let said = "the service failed with code 1: no price for plum";
        assert_eq!((ended.code, ended.stdout, ended.stderr), (1, vec![], vec![said.into()]), "{}", to.name);
        service.terminate();
        ends_well(service);
    }
}

#[test]
fn ctrl_c_ends_a_service() {
    for language in Language::all() {
        let nodes = Nodes::start();
        let service = nodes.run(&language, "service", &["{1}", "price"]);
        assert_eq!(service.line(), "serving price");
        let ended = service.interrupted();
        assert_eq!((ended.code, ended.stdout, ended.stderr), (0, vec![], vec![]), "{}", language.name);
    }
}

#[test]
fn interrupts_end_a_publisher_that_waits_for_its_reply() {
    // Of 3.x, where a subscriber has 30 s for its answer. The call fails after 10 s.
    let nodes = Nodes::of(Devnet::builder().nodes(2).generation(Generation::V3));
    let client = nodes.client(1);
    for language in Language::all() {
        let topic = format!("hello to {}", language.name);
        let mut requests = nodes.block_on(client.serve(&topic)).unwrap();
        let publisher = nodes.run(&language, UNICAST_PUBLISHER, &["{0}", &topic]);
        let unanswered = nodes.block_on(requests.next()).unwrap();
        let code = publisher.interrupted_again().code;
        // Calls of C and C++ wait whatever happens. The second signal may meet the others while they close.
        let ends_by_itself = !["c", "cpp"].contains(&language.name.as_str());
        assert!(code == -2 || (ends_by_itself && [0, 130].contains(&code)), "{}: {code}", language.name);
        drop(unanswered);
    }
}
