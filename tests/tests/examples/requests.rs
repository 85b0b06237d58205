//! Services and programs that send them requests, in each language.

use crate::language::Language;
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
