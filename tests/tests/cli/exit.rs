//! Exit codes of each kind of failure.

use std::process::Command;

use amop::transport::KeyExchange;
use amop_devnet::{NodeCertificate, OnConnect};
use amop_tests::program::Program;

use crate::amop::{Place, UNTIL_GO, Unused, unresolvable, with_patience};
use crate::doctor::forged_node::ForgedNode;

#[test]
fn usage_error_exits_with_2() {
    let place = Place::with_nodes();
    let endpoint = place.endpoint(0);
    for arguments in [
        &["publish"][..],
        &["publish", "127.0.0.1", "hello", "hi"],
        &["publish", &endpoint, "tab\tin it", "hi"],
        &["publish", &endpoint, "hello", "hi", "--count", "0"],
        &["publish", &endpoint, "hello", "hi", "--interval", "-1"],
        &["subscribe", &endpoint, "hello", "--json", "--raw"],
        &["subscribe", &endpoint, "hello", "--ca", "ca.crt"],
        &["serve", &endpoint, "hello", "--reply", "x", "--exec", "y"],
        &["nonsense"],
    ] {
        let ended = place.run(arguments);
        assert_eq!((ended.code, ended.stdout.len()), (2, 0), "{arguments:?}: {ended:?}");
        assert!(ended.stderr[0].starts_with("error: "), "{ended:?}");
    }
}

#[test]
fn unwritable_output_exits_with_1_and_reports_on_stderr() {
    let place = Place::empty();
    for arguments in ["man", "demo --json", "--version"] {
        let mut shell = Command::new("sh");
        shell.arg("-c").arg(format!("exec $AMOP {arguments} >/dev/full"));
        shell.env("AMOP", env!("CARGO_BIN_EXE_test-amop")).current_dir(place.folder());
        let ended = Program::spawn(shell, b"").end();
        assert_eq!(ended.code, 1, "{arguments}: {ended:?}");
        assert!(ended.stderr[0].starts_with("error: can't write the output: "), "{arguments}: {ended:?}");
    }
}

#[test]
fn missing_credentials_exit_with_3_and_list_places() {
    let place = Place::empty();
    let ended = place.run(&["subscribe", "127.0.0.1:1", "hello"]);
    assert_eq!(ended.code, 3);
    for part in ["AMOP_CREDENTIALS", "conf: ", "sdk: ", "nodes/127.0.0.1/sdk: ", "amop-devnet/sdk: "] {
        assert!(ended.stderr[0].contains(part), "{part:?} isn't in {ended:?}");
    }
    let ended = place.run(&["subscribe", "127.0.0.1:1", "hello", "--credentials", "elsewhere"]);
    assert_eq!(ended.code, 3);
    assert!(ended.stderr[0].contains("no credentials in elsewhere: no such folder"), "{ended:?}");
}

#[test]
fn failed_connection_exits_with_4() {
    let place = Place::with_nodes();
    let ended = place.run(&["publish", &Unused::port().endpoint, "hello", "hi"]);
    assert_eq!(ended.code, 4, "{ended:?}");
    let ended = place.run(&["publish", &unresolvable(), "hello", "hi"]);
    assert_eq!(ended.code, 4, "{ended:?}");
    place.node(0).on_connect(OnConnect::Stall);
    let ended = with_patience(|limit| {
        let ended = place.run(&["publish", &place.endpoint(0), "hello", "hi", "--connect-timeout", limit]);
        // With code 3 the credentials were not read in that time.
        (ended.code != 3).then_some(ended)
    });
    assert_eq!(ended.code, 4, "{ended:?}");
}

#[test]
fn failed_handshake_exits_with_5() {
    let place = Place::with_nodes();
    place.node(0).show_certificate(NodeCertificate::Foreign).unwrap();
    let ended = place.run(&["publish", &place.endpoint(0), "hello", "hi"]);
    assert_eq!(ended.code, 5, "{ended:?}");
}

#[test]
fn peer_that_is_no_channel_exits_with_5() {
    let place = Place::with_nodes();
    let chosen =
        ForgedNode::channel(&place, |_, _| Some((0, br#"{"nodeVersion":"9.0.0","protocol":9}"#.into())));
    let echo = ForgedNode::start(&place, KeyExchange::Secp256k1, |received| Some(received.to_vec()));
    let web = ForgedNode::start(&place, KeyExchange::Secp256k1, |received| match received {
        b"" => Some(Vec::new()),
        _ => Some(b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec()),
    });
    let garbage = ForgedNode::start(&place, KeyExchange::Secp256k1, |_| Some(vec![0; 64]));
    for (node, text) in [
        (chosen, "protocol version 9"),
        (echo, "an echo server"),
        (web, "HTTP/1.1 400 Bad Request"),
        (garbage, "not a channel frame"),
    ] {
        let ended = place.run(&["publish", &node.endpoint, "hello", "hi"]);
        assert_eq!(ended.code, 5, "{text}: {ended:?}");
        assert!(ended.stderr[0].contains(text), "{ended:?}");
        assert!(!ended.stderr[0].contains("may have been delivered"), "{ended:?}");
        let ended = place.run(&["publish", &node.endpoint, "hello", "hi", "--json"]);
        let last = ended.stdout.last().unwrap();
        assert!(ended.code == 5 && last.contains(r#""delivery":"no""#), "{ended:?}");
    }
}

#[test]
fn time_out_exits_with_7_and_lost_connection_with_9() {
    let place = Place::with_nodes();
    let command = UNTIL_GO;
    let server = place.start(&["serve", &place.endpoint(1), "slow", "--exec", command]);
    server.error_line();
    let ended = with_patience(|limit| {
        let ended = place.run(&["publish", &place.endpoint(0), "slow", "hi", "--timeout", limit]);
        assert_eq!(ended.code, 7, "{ended:?}");
        // Otherwise the message could not be sent in that time.
        ended.stderr[0].contains("delivered").then_some(ended)
    });
    assert!(ended.stderr[0].ends_with("may have been delivered"), "{ended:?}");

    place.devnet().inject(amop_devnet::Fault::close().on_type(0x35).from_clients());
    let ended = place.run(&["broadcast", &place.endpoint(0), "lost", "hi", "--timeout", "60"]);
    assert_eq!(ended.code, 9, "{ended:?}");
    std::fs::write(place.folder().join("go"), "").unwrap();
    assert_eq!(server.interrupted().code, 0);
}
