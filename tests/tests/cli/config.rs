//! Configuration files, the environment, and what is in force.

use std::process::Command;

use amop_tests::program::{Ended, Program};

use crate::amop::Place;

/// Nodes, and a `config.toml` of java-sdk that names the first of them, in the place's folder.
fn place_with_config() -> Place {
    let place = Place::with_nodes();
    let text = format!(
        "[cryptoMaterial]\ncertPath = \"amop-devnet/sdk\"\n[network]\npeers = [\"{}\"]\n[[amop]]\n\
         topicName = \"orders\"\nprivateKey = \"orders.p12\"\npassword = \"123456\"\n",
        place.endpoint(0)
    );
    std::fs::write(place.folder().join("config.toml"), text).unwrap();
    place
}

fn run_with(place: &Place, arguments: &[&str], variables: &[(&str, &str)]) -> Ended {
    let mut command = Command::new(env!("CARGO_BIN_EXE_test-amop"));
    command.args(arguments).current_dir(place.folder()).envs(variables.iter().copied());
    Program::spawn(command, b"").end()
}

#[test]
fn verbs_take_nodes_from_configuration_file() {
    let place = place_with_config();
    for (arguments, code) in [
        (&["broadcast", "--config", "config.toml", "hello", "hi"][..], 0),
        (&["broadcast", "hello", "hi", "--config=config.toml"], 0),
        (&["publish", "--config", "config.toml", "hello", "hi"], 6),
        (&["stats", "--config", "config.toml"], 0),
        (&["doctor", "--config", "config.toml"], 0),
        (&["broadcast", "--config", "config.toml", "--endpoint", &place.endpoint(1), "hello", "hi"], 0),
        (&["broadcast", "--config", "config.toml", "--endpoint", "nowhere", "hello", "hi"], 2),
        (&["broadcast", "--config", "other.toml", "hello", "hi"], 2),
    ] {
        let ended = place.run(arguments);
        assert_eq!(ended.code, code, "{arguments:?}: {ended:?}");
    }
}

#[test]
fn options_precede_environment_and_file() {
    let place = place_with_config();
    let broadcast = ["broadcast", "--config", "config.toml", "hello", "hi"];
    let ended = run_with(&place, &broadcast, &[("AMOP_ENDPOINTS", "nowhere")]);
    assert_eq!(ended.code, 2, "the environment precedes the file: {ended:?}");
    let endpoint = place.endpoint(0);
    let with_option = [&broadcast[..], &["--endpoint", &endpoint]].concat();
    assert_eq!(
        run_with(&place, &with_option, &[("AMOP_ENDPOINTS", "nowhere")]).code,
        0,
        "options precede both"
    );
    let ended = run_with(&place, &broadcast, &[("AMOP_CALL_TIMEOUT", "soon")]);
    assert_eq!(ended.code, 2);
    assert!(ended.stderr[0].contains("AMOP_CALL_TIMEOUT: invalid value \"soon\""), "{ended:?}");
    let named = run_with(&place, &["broadcast", &endpoint, "hello", "hi"], &[("AMOP_CONFIG", "other.toml")]);
    assert!(named.stderr[0].contains("other.toml"), "the variable names the file: {named:?}");
}

#[test]
fn show_states_where_values_come_from() {
    let place = place_with_config();
    let shown = run_with(
        &place,
        &["config", "show", "--config", "config.toml", "--tls", "ecdhe"],
        &[("AMOP_GROUP", "7")],
    );
    assert_eq!(shown.code, 0, "{shown:?}");
    let line = |name: &str| {
        shown.stdout.iter().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("{name}: {shown:?}"))
    };
    assert_eq!(*line("endpoints"), format!("endpoints = [\"{}\"]  # config.toml, line 4", place.endpoint(0)));
    assert!(line("credentials").ends_with("amop-devnet/sdk\"  # config.toml, line 2"));
    assert_eq!(line("generation"), "generation = \"2\"  # config.toml, by the defaults of its SDK");
    assert_eq!(line("tls"), "tls = \"ecdhe\"  # from an option");
    assert_eq!(line("group"), "group = 7  # from $AMOP_GROUP");
    assert_eq!(line("call_timeout"), "call_timeout = \"10s\"  # default");
    assert_eq!(
        line("# private topic"),
        "# private topic \"orders\": subscriber, keys: 1  # config.toml, line 5"
    );
    assert!(!format!("{shown:?}").contains("123456"));
}

#[test]
fn imported_file_is_read_again_without_its_secrets() {
    let place = place_with_config();
    let imported = place.run(&["config", "import", "config.toml"]);
    assert_eq!(imported.code, 0, "{imported:?}");
    let text = imported.stdout.join("\n");
    assert!(
        !text.contains("123456") && text.contains("password = { env = \"AMOP_KEY_PASSWORD_1\" }"),
        "{text}"
    );
    std::fs::create_dir(place.folder().join("elsewhere")).unwrap();
    std::fs::write(place.folder().join("elsewhere/amop.toml"), text).unwrap();
    let ended = place.run(&["broadcast", "--config", "elsewhere/amop.toml", "hello", "hi"]);
    assert_eq!(ended.code, 0, "{ended:?}");
}
