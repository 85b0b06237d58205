//! The output of doctor.

use amop_devnet::Devnet;

use crate::amop::{Place, Unused, all_masked, with_patience};

#[test]
fn text_output_shows_each_step_and_advice() {
    let place = Place::with_nodes();
    let ended = place.run(&["doctor", &place.endpoint(0)]);
    assert_eq!((ended.code, ended.stderr), (0, vec![]));
    let shown = all_masked(&ended.stdout).join("\n");
    let expected = "\
ok   endpoint    NODE is an address
ok   tcp         NODE accepts connections (SPAN)
ok   credentials CN=sdk, O=fisco-bcos, OU=sdk in amop-devnet/sdk/sdk.crt, secp256k1, issued by CN=agency, O=fisco-bcos, OU=agency, valid from TIME to TIME
ok   tls         TLS 1.2, both sides accept each other's certificates
ok   certificate CN=node0, O=fisco-bcos, OU=node, issued by CN=agency, O=fisco-bcos, OU=agency, valid from TIME to TIME
ok   handshake   FISCO BCOS 2.7.2, protocol 3
ok   heartbeat   answered in SPAN
ok   topics      listed; topics of other clients: 0; peers of the node: 1
ok   round trip  there and back in SPAN
everything works";
    assert_eq!(shown, expected);
}

#[test]
fn problem_is_explained() {
    let place = Place::empty();
    let unused = Unused::port();
    let ended = place.run(&["doctor", &unused.endpoint, "--credentials", "nowhere"]);
    assert_eq!((ended.code, ended.stderr), (4, vec![]));
    let shown = all_masked(&ended.stdout).join("\n");
    let expected = "\
ok   endpoint    NODE is an address
FAIL tcp         nothing listens at this port [nothing-listening]
                 NODE: Connection refused (os error 111)
                 -> start the node (start.sh); compare with channel_listen_port (usually 20200) and channel_listen_ip in its config.ini: with 127.0.0.1 there, only its own machine can connect
FAIL credentials no credentials were found [no-credentials]
                 no credentials in nowhere: no such folder; give a folder with ca.crt, sdk.crt and sdk.key
                 -> copy the chain's SDK folder (nodes/127.0.0.1/sdk) here, or pass it: --credentials DIR
2 problems: nothing-listening, no-credentials";
    assert_eq!(shown, expected);
}

#[test]
fn json_has_a_line_for_each_step() {
    let place = Place::with_nodes();
    let ended = place.run(&["doctor", &place.endpoint(0), "--json"]);
    let shown = all_masked(&ended.stdout);
    assert_eq!(
        shown[1],
        r#"{"event":"check","step":"tcp","outcome":"ok","text":"NODE accepts connections (SPAN)"}"#
    );
    assert_eq!(
        shown[shown.len() - 2],
        r#"{"event":"check","step":"round-trip","outcome":"ok","text":"there and back in SPAN"}"#
    );
    assert_eq!(shown[shown.len() - 1], r#"{"event":"summary","works":true,"problems":[],"notes":[]}"#);
}

#[test]
fn note_is_shown_after_what_works() {
    let place = Place::with(Devnet::builder().like_2_11());
    let shown = with_patience(|limit| {
        let ended = place.run(&["doctor", &place.endpoint(0), "--json", "--timeout", limit]);
        let shown = all_masked(&ended.stdout);
        // Only the unicast is never answered. On a slow machine other answers may be late.
        shown[shown.len() - 1].contains(r#""problems":[]"#).then_some(shown)
    });
    assert_eq!(
        shown[shown.len() - 2],
        r#"{"event":"check","step":"round-trip","outcome":"note","finding":"same-node-loss","headline":"nodes of 2.8 to 2.11 lose messages between clients of the same node","advice":"connect publishers and subscribers to different nodes, or each to several","text":"a unicast to another session at this node: no answer within SPAN"}"#
    );
    assert_eq!(
        shown[shown.len() - 1],
        r#"{"event":"summary","works":true,"problems":[],"notes":["same-node-loss"]}"#
    );
}

#[test]
fn each_listed_finding_has_a_test() {
    let tests = [
        include_str!("channel.rs"),
        include_str!("credentials.rs"),
        include_str!("generation_3.rs"),
        include_str!("listeners.rs"),
        include_str!("tls.rs"),
    ]
    .concat();
    let help = Place::empty().run(&["doctor", "--help"]).stdout;
    let begin = help.iter().position(|line| line.starts_with("Findings")).unwrap() + 1;
    // Continued lines begin at the same column, but with a word that is not a name.
    let names = help[begin..]
        .iter()
        .filter(|line| line.get(32..33) == Some(" "))
        .map(|line| line.split_whitespace().next().unwrap());
    let missing: Vec<_> = names.clone().filter(|name| !tests.contains(&format!("\"{name}\""))).collect();
    assert_eq!(missing, [""; 0]);
    assert!(names.count() > 30);
}
