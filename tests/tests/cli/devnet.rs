//! `amop devnet`: reports the endpoints of its nodes, runs until Ctrl-C, and prints a summary.

use std::io::Write;
use std::process::Command;

use amop_tests::program::Program;
use serde_json::{Value, json};

use crate::amop::{Place, masked};

#[test]
fn first_json_line_has_endpoints_and_credentials() {
    let place = Place::empty();
    let devnet = place.start(&["devnet", "--port", "0", "--nodes", "3", "--json"]);
    let first = devnet.line();
    assert_eq!(
        masked(&first),
        r#"{"event":"ready","endpoints":["NODE","NODE","NODE"],"credentials":"amop-devnet/sdk"}"#
    );
    let ready: Value = serde_json::from_str(&first).unwrap();
    for file in ["ca.crt", "sdk.crt", "sdk.key"] {
        assert!(place.folder().join(ready["credentials"].as_str().unwrap()).join(file).is_file(), "{file}");
    }
    let (first, last) = (ready["endpoints"][0].as_str().unwrap(), ready["endpoints"][2].as_str().unwrap());
    let subscriber = place.start(&["subscribe", last, "hello", "--count", "1", "--json"]);
    assert!(subscriber.line().contains("subscribed"));
    assert_eq!(place.run(&["publish", first, "hello", "hi"]).code, 0);
    assert_eq!(subscriber.end().code, 0);

    let ended = devnet.interrupted();
    assert_eq!((ended.code, ended.stderr), (0, vec![]));
    let summary: Value = serde_json::from_str(&ended.stdout[0]).unwrap();
    assert_eq!((&summary["event"], &summary["connections"]), (&"summary".into(), &2.into()));
}

#[test]
fn text_output_suggests_commands_that_work_anywhere() {
    suggested_commands_work(&[]);
}

#[test]
fn suggested_commands_work_on_every_kind_of_3x_node() {
    for kind in [&[][..], &["--sm"], &["--tls", "off"], &["--tls", "tlcp", "--nodes", "3"]] {
        suggested_commands_work(&[&["--generation", "3"], kind].concat());
    }
}

/// Starts nodes with these options and runs the commands that are printed.
fn suggested_commands_work(options: &[&str]) {
    let place = Place::empty();
    let devnet = place.start(&[&["devnet", "--port", "0", "--dir", "it's a chain"], options].concat());
    let lines: Vec<_> = (0..6).map(|_| devnet.line()).collect();
    let shown: Vec<_> = lines.iter().map(|line| masked(line)).collect();
    let (credentials, given) = match options.contains(&"off") {
        true => ("none, the nodes use no TLS", "--tls off".to_owned()),
        false => {
            let folder = place.folder().canonicalize().unwrap();
            ("it's a chain/sdk", format!("--credentials '{}/it'\\''s a chain/sdk'", folder.display()))
        }
    };
    let nodes = if options.contains(&"--nodes") { "NODE  NODE  NODE" } else { "NODE  NODE" };
    assert_eq!(
        shown,
        [
            &format!("ready: {nodes}"),
            &format!("credentials: {credentials}"),
            "try in other terminals:",
            &format!("  amop subscribe NODE hello {given}"),
            &format!("  amop publish NODE hello 'hi there' {given}"),
            "Ctrl-C ends",
        ]
    );
    let type_in = |line: &str| {
        let mut shell = Command::new("sh");
        shell.args(["-c", &line.trim().replacen("amop", "exec $AMOP", 1)]).current_dir("/");
        Program::spawn(
            {
                shell.env("AMOP", env!("CARGO_BIN_EXE_test-amop"));
                shell
            },
            b"",
        )
    };
    let subscriber = type_in(&lines[3]);
    assert!(subscriber.error_line().starts_with("subscribed"));
    assert_eq!(type_in(&lines[4]).end().code, 0);
    assert!(subscriber.line().ends_with("hi there"));
    assert_eq!(subscriber.interrupted().code, 0);
    let ended = devnet.interrupted();
    assert_eq!((ended.code, ended.stdout), (0, vec![]));
    assert_eq!(ended.stderr.len(), 1);
}

#[test]
fn suggested_commands_name_the_path_that_the_command_was_started_by() {
    let place = Place::empty();
    let folder = place.folder().canonicalize().unwrap();
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_test-amop"), folder.join("amop")).unwrap();
    for path in ["./amop", folder.join("amop").to_str().unwrap()] {
        let mut command = Program::command(path, &["devnet", "--port", "0"], &folder);
        command.current_dir(&folder);
        let devnet = Program::spawn(command, b"");
        let lines: Vec<_> = (0..4).map(|_| devnet.line()).collect();
        let expected = format!("  {}/amop subscribe ", folder.display());
        assert!(lines[3].starts_with(&expected), "{path}: {lines:?}");
        assert_eq!(devnet.interrupted().code, 0);
    }
}

#[test]
fn listening_beyond_this_machine_is_warned_of() {
    let place = Place::empty();
    let devnet = place.start(&["devnet", "--port", "0", "--host", "0.0.0.0"]);
    assert!(devnet.error_line().starts_with("warning: the nodes listen on 0.0.0.0, "));
    assert!(devnet.line().starts_with("ready: 0.0.0.0:"));
    assert_eq!(devnet.interrupted().code, 0);
    let devnet = place.start(&["devnet", "--port", "0", "--host", "127.0.0.2", "--json"]);
    assert!(devnet.line().contains("127.0.0.2:"), "the first line is the ready record");
    assert_eq!(devnet.interrupted().code, 0);
}

#[test]
fn existing_certificates_are_reused() {
    let place = Place::empty();
    let key = || {
        let devnet = place.start(&["devnet", "--port", "0", "--json"]);
        devnet.line();
        assert_eq!(devnet.interrupted().code, 0);
        std::fs::read(place.folder().join("amop-devnet/sdk/sdk.key")).unwrap()
    };
    assert_eq!(key(), key());
}

#[test]
fn impossible_settings_are_reported() {
    let place = Place::with_nodes();
    let endpoint = place.endpoint(0);
    let port = endpoint.rsplit_once(':').unwrap().1;
    let taken = place.run(&["devnet", "--port", port, "--dir", "other"]);
    assert_eq!(taken.code, 4);
    assert!(taken.stderr[0].contains(port) && taken.stderr[0].contains("port"), "{taken:?}");

    assert_eq!(place.run(&["devnet", "--port", "65535"]).code, 2);
    assert_eq!(place.run(&["devnet", "--nodes", "0"]).code, 2);
    assert_eq!(place.run(&["devnet", "--bandwidth", "0"]).code, 2);
    assert_eq!(place.run(&["devnet", "--group", "0"]).code, 2);
    assert_eq!(place.run(&["devnet", "--generation", "4"]).code, 2);
    for wrong in [
        "--sm",
        "--generation=3 --gm",
        "--generation=3 --like-2.11",
        "--like-3.16",
        "--tls=tlcp",
        "--rsa --tls=off",
    ] {
        let options: Vec<_> = ["devnet", "--port", "0"].into_iter().chain(wrong.split(' ')).collect();
        assert_eq!(place.run(&options).code, 2, "{wrong}");
    }
}

#[test]
fn control_accepts_faults_and_commands() {
    let place = Place::empty();
    let mut command = Command::new(env!("CARGO_BIN_EXE_test-amop"));
    command.args(["devnet", "--port", "0", "--json", "--control"]).current_dir(place.folder());
    command.args(["--fault", "lose from-clients times=1 topic=hello", "--push-limit", "60"]);
    let (devnet, mut input) = Program::talk(command);
    let ready: Value = serde_json::from_str(&devnet.line()).unwrap();
    let endpoint = |node: usize| ready["endpoints"][node].as_str().unwrap();
    let mut control = |line: &str| -> Value {
        writeln!(input, "{line}").unwrap();
        serde_json::from_str(&devnet.line()).unwrap()
    };

    let serving = place.start(&["serve", endpoint(1), "hello", "--json"]);
    assert!(serving.line().contains("serving"));
    let publish = |timeout| place.run(&["publish", endpoint(0), "hello", "hi", "--timeout", timeout]).code;
    let mut limits = ["0.5", "4", "16", "60"].into_iter();
    let hits = loop {
        let limit = limits.next().expect("the message is sent in that time");
        assert_eq!(publish(limit), 7, "lost on its way to the node");
        let hits = control("# a note\n\n hits 1 ");
        if hits["hits"] != 0 {
            break hits;
        }
    };
    assert_eq!(hits, json!({ "event": "answer", "command": "hits 1", "hits": 1 }));
    assert_eq!(publish("60"), 0);
    assert_eq!(control("kill 1"), json!({ "event": "answer", "command": "kill 1" }));
    assert_eq!(publish("60"), 6, "the subscriber's node is dead");
    let refused = control("kill 2");
    assert_eq!((&refused["event"], &refused["kind"]), (&json!("error"), &json!("InvalidArgument")));
    assert!(refused["message"].as_str().unwrap().contains("no node 2"), "{refused}");

    drop(input);
    let ended = devnet.end();
    assert_eq!((ended.code, ended.stderr), (0, vec![]), "it ends with its input");
    assert!(ended.stdout[0].contains("summary"));
    let wrong = place.run(&["devnet", "--port", "0", "--fault", "explode"]);
    assert_eq!(wrong.code, 2);
    assert!(wrong.stderr[0].contains("unknown fault \"explode\""), "{wrong:?}");
}

#[test]
fn rsa_chain_with_id_and_limits_serves_clients() {
    let place = Place::empty();
    let options = ["--rsa", "--dir", "rsa", "--bandwidth", "1", "--chain-id", "7", "--group", "2"];
    let devnet = place.start(&[&["devnet", "--port", "0", "--json"], &options[..]].concat());
    let ready: Value = serde_json::from_str(&devnet.line()).unwrap();
    let endpoint = ready["endpoints"][0].as_str().unwrap();
    let connect = [endpoint, "news", "--credentials", "rsa/sdk"];
    // The first message exceeds the limit per second so far that the node refuses others for a quarter of an hour.
    let large = "x".repeat(1000);
    assert_eq!(place.run(&[&["broadcast"], &connect[..], &[large.as_str()]].concat()).code, 0);
    let refused = place.run(&[&["broadcast"], &connect[..], &["small"]].concat());
    assert!(refused.code != 0 && refused.stderr[0].contains("103"), "{refused:?}");
    assert_eq!(devnet.interrupted().code, 0);

    let other_kind = place.run(&["devnet", "--port", "0", "--dir", "rsa"]);
    assert!(other_kind.stderr[0].contains("RSA certificates, not secp256k1"), "{other_kind:?}");
}
