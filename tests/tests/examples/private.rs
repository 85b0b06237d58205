//! A private topic: a publisher, a subscriber with an allowed key, and one with another key.

use std::time::Duration;

use amop_devnet::Devnet;
use amop_tests::program::Program;

use crate::language::Language;
use crate::scene::{Nodes, ends_well};

#[test]
fn private_message_reaches_only_the_holder_of_the_key() {
    let Some(python) = Language::named("python") else { return };
    let nodes = Nodes::of(Devnet::builder().nodes(3).verify_interval(Duration::from_millis(50)));
    for key in ["allowed.pem", "other.pem"] {
        let made =
            Program::start(env!("CARGO_BIN_EXE_test-amop"), &["keys", "new", key], nodes.folder.path()).end();
        assert_eq!(made.code, 0, "{made:?}");
    }
    let others = nodes.run(&python, "private_subscriber", &["{2}", "orders", "other.pem"]);
    let subscriber =
        nodes.run(&python, "private_subscriber", &["{1}", "orders", "allowed.pem", "--count", "1"]);
    for program in [&others, &subscriber] {
        assert_eq!(program.line(), "subscribed to orders");
    }
    let published =
        nodes.run(&python, "private_publisher", &["{0}", "orders", "two apples", "allowed.pem.pub"]).end();
    // Standard error may have a warning that the other subscriber was rejected.
    assert_eq!(published.code, 0, "{published:?}");
    assert!(published.stdout.contains(&"delivered".to_owned()), "{published:?}");
    assert_eq!(subscriber.line(), "received: two apples");
    ends_well(subscriber);
    let ended = others.interrupted();
    assert_eq!((ended.code, ended.stdout, ended.stderr), (0, vec![], vec![]));
}
