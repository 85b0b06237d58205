//! What each file states.

use amop::Settings;
use amop::config::{Config, KeySource, Kind, PrivateRole, Secret};
use amop::transport::CredentialSource;

use super::{given, import};

/// Checks the kind and the options of a file.
pub(super) fn check(name: &str, kind: Kind, expected: &[(&str, &str)]) -> Config {
    let config = import(name);
    assert_eq!(config.kind, kind, "{name}");
    let given = given(&config.settings);
    let given: Vec<_> = given.iter().map(|(option, text)| (*option, text.as_str())).collect();
    assert_eq!(given, expected, "{name}");
    config
}

/// Returns the keys that were not used, without their lines.
fn unused(config: &Config) -> Vec<&str> {
    config.unused.iter().map(|(key, _)| key.as_str()).collect()
}

/// Returns the private topics: of a publisher its public keys, of a subscriber its private key.
pub(super) fn private_topics(config: &Config) -> Vec<(String, String)> {
    let key = |key: &KeySource| match key {
        KeySource::File(path) => path.display().to_string(),
        KeySource::Hex(digits) => format!("hex of {}", digits.len()),
    };
    let topics = config.private_topics.iter().map(|topic| {
        let role = match &topic.role {
            PrivateRole::Publisher { public_keys } => {
                format!("allow {}", public_keys.iter().map(key).collect::<Vec<_>>().join(", "))
            }
            PrivateRole::Subscriber { private_key, password } => {
                let with = match password {
                    None => "",
                    Some(Secret::Text(_)) => " with a password",
                    Some(Secret::Environment(_)) => " with a password in the environment",
                    Some(Secret::File(_)) => " with a password in a file",
                };
                format!("key {}{with}", key(private_key))
            }
        };
        (topic.topic.clone(), role)
    });
    topics.collect()
}

#[test]
fn java_sdk_2x_is_read() {
    let config = check(
        "java-sdk-2x.toml",
        Kind::JavaSdk2,
        &[("endpoints", "127.0.0.1:20200, 127.0.0.1:20201"), ("credentials", "conf"), ("generation", "2")],
    );
    assert_eq!(
        private_topics(&config),
        [
            (
                "PrivateTopic1".into(),
                "allow conf/amop/consumer_public_key_1.pem, conf/amop/consumer_public_key_2.pem".into(),
            ),
            ("PrivateTopic2".into(), "key conf/amop/consumer_private_key.p12 with a password".into()),
        ]
    );
    assert_eq!(
        (config.line("endpoints"), config.line("credentials"), config.line("generation")),
        (Some(9), Some(2), None)
    );
    assert_eq!(unused(&config), ["account", "threadPool"]);
    assert!(!format!("{config:?}").contains("123456"), "a password is shown");
}

#[test]
fn java_sdk_sample_with_empty_topics_is_read() {
    let config = check(
        "java-sdk-2x-sample.toml",
        Kind::JavaSdk2,
        &[
            ("endpoints", "node0.example.com:20200"),
            ("credential_files", "conf/ca.crt, certs/sdk.crt, conf/sdk.key"),
            ("generation", "2"),
        ],
    );
    assert_eq!(private_topics(&config), []);
}

#[test]
fn java_sdk_2x_gm_is_read() {
    check(
        "java-sdk-2x-gm.toml",
        Kind::JavaSdk2,
        &[
            ("endpoints", "[::1]:20200"),
            (
                "credential_files_gm",
                "conf/gm/gmca.crt, conf/gm/gmsdk.crt, conf/gm/gmsdk.key, conf/gm/gmensdk.crt, conf/gm/gmensdk.key",
            ),
            ("generation", "2"),
        ],
    );
}

#[test]
fn java_sdk_3x_is_read() {
    let config = check(
        "java-sdk-3x.toml",
        Kind::JavaSdk3,
        &[
            ("endpoints", "127.0.0.1:20200, 127.0.0.1:20201"),
            ("credential_files", "conf/ca.crt, conf/sdk.crt, conf/sdk.key"),
            ("generation", "3"),
            ("call_timeout", "5s"),
        ],
    );
    // The SDK for 3.x chains does nothing with private topics.
    assert_eq!(private_topics(&config), []);
    assert_eq!(unused(&config), ["network.defaultGroup", "amop", "account", "threadPool"]);
}

#[test]
fn java_sdk_3x_sm_is_read() {
    check(
        "java-sdk-3x-sm.toml",
        Kind::JavaSdk3,
        &[
            ("endpoints", "127.0.0.1:20200"),
            (
                "credential_files_gm",
                "conf/sm/sm_ca.crt, conf/sm/sm_sdk.crt, conf/sm/sm_sdk.key, conf/sm/sm_ensdk.crt, keys/sm_ensdk.key",
            ),
            ("generation", "3"),
        ],
    );
}

#[test]
fn java_sdk_3x_without_tls_is_read() {
    let config = check(
        "java-sdk-3x-plain.toml",
        Kind::JavaSdk3,
        &[("endpoints", "127.0.0.1:20200"), ("generation", "3"), ("tls", "off")],
    );
    assert_eq!(config.line("tls"), Some(2));
}

#[test]
fn go_sdk_2x_is_read() {
    let config = check(
        "go-sdk-2x.toml",
        Kind::GoSdk2,
        &[
            ("endpoints", "127.0.0.1:20200"),
            ("credential_files", "ca.crt, sdk.crt, sdk.key"),
            ("generation", "2"),
            ("group", "2"),
        ],
    );
    assert_eq!(unused(&config), ["Account", "Chain", "log"]);
}

#[test]
fn go_sdk_2x_with_certificates_in_the_file_is_read() {
    let config = check(
        "go-sdk-2x-inline.toml",
        Kind::GoSdk2,
        &[("endpoints", "node0.example.com:20200"), ("generation", "2")],
    );
    let Some(CredentialSource::Pem { ca, cert, key }) = &config.settings.credentials else {
        panic!("{config:?}")
    };
    let has = |pem: &[u8], text: &str| String::from_utf8_lossy(pem).contains(text);
    assert!(has(ca, "AAAA") && has(cert, "BBBB") && has(key, "SECRET"));
    let toml = config.to_toml().unwrap();
    assert!(toml.contains("BBBB") && !toml.contains("SECRET") && toml.contains("AMOP_KEY_PEM"), "{toml}");
    assert!(!format!("{config:?}").contains("SECRET"));
}

#[test]
fn c_sdk_3x_is_read() {
    let config = check(
        "c-sdk-3x.ini",
        Kind::CSdk3,
        &[
            ("endpoints", "127.0.0.1:20200, 127.0.0.1:20201, [::1]:20202"),
            ("credential_files", "./conf/ca.crt, ./conf/sdk.crt, ./conf/sdk.key"),
            ("generation", "3"),
            ("call_timeout", "20s"),
        ],
    );
    assert_eq!(unused(&config), ["common.thread_pool_size"]);
    assert_eq!((config.line("endpoints"), config.line("call_timeout")), (Some(24), Some(7)));
}

#[test]
fn c_sdk_3x_sm_is_read() {
    check(
        "c-sdk-3x-sm.ini",
        Kind::CSdk3,
        &[
            ("endpoints", "127.0.0.1:20200"),
            (
                "credential_files_gm",
                "/etc/chain/sdk/sm_ca.crt, /etc/chain/sdk/sm_sdk.crt, /etc/chain/sdk/sm_sdk.key, \
             /etc/chain/sdk/sm_ensdk.crt, /etc/chain/sdk/sm_ensdk.key",
            ),
            ("generation", "3"),
        ],
    );
}

#[test]
fn web3sdk_is_read() {
    let config = check(
        "applicationContext.xml",
        Kind::Web3Sdk,
        &[
            ("endpoints", "127.0.0.1:20200, 127.0.0.1:20201"),
            ("credential_files", "app/ca.crt, app/sdk.crt, app/sdk.key"),
            ("generation", "2"),
            ("group", "1"),
        ],
    );
    assert_eq!(
        private_topics(&config),
        [
            ("orders".into(), "allow app/consumer_public_key_1.pem, app/consumer_public_key_2.pem".into()),
            ("bills".into(), "key app/consumer_private_key.pem".into()),
        ]
    );
    let unused = unused(&config);
    assert!(unused.contains(&"channelService.agencyName") && unused.contains(&"pool"), "{unused:?}");
}

#[test]
fn web3sdk_gm_is_read() {
    check(
        "applicationContext-gm.xml",
        Kind::Web3Sdk,
        &[
            ("endpoints", "node.example.com:20200"),
            (
                "credential_files_gm",
                "app/gm/gmca.crt, app/gmsdk.crt, app/gmsdk.key, app/gmensdk.crt, app/gmensdk.key",
            ),
            ("generation", "2"),
            ("group", "3"),
        ],
    );
}

#[test]
fn nodejs_sdk_is_read() {
    let config = check(
        "nodejs-sdk.json",
        Kind::NodeJsSdk,
        &[
            ("endpoints", "127.0.0.1:20200, [::1]:20201"),
            (
                "credential_files",
                "/etc/chain/ca.crt, app/./authentication/sdk.crt, app/./authentication/sdk.key",
            ),
            ("generation", "2"),
            ("call_timeout", "10s"),
            ("group", "1"),
        ],
    );
    assert_eq!(unused(&config), ["accounts", "chainID"]);
    assert_eq!((config.line("endpoints"), config.line("call_timeout")), (Some(10), Some(23)));
}

#[test]
fn python_sdk_is_read() {
    let config = check(
        "client_config.py",
        Kind::PythonSdk,
        &[
            ("endpoints", "127.0.0.1:20200"),
            ("credential_files", "bin/ca.crt, bin/sdk.crt, bin/sdk.key"),
            ("generation", "2"),
            ("group", "1"),
        ],
    );
    assert_eq!(config.line("endpoints"), Some(22));
    assert!(unused(&config).contains(&"account_password"));
}

#[test]
fn python_sdk_gm_is_read() {
    check(
        "client_config-gm.py",
        Kind::PythonSdk,
        &[
            ("endpoints", "node0.example.com:20300"),
            (
                "credential_files_gm",
                "bin/gmca.crt, bin/gmsdk.crt, bin/gmsdk.key, bin/gmensdk.crt, bin/gmensdk.key",
            ),
            ("generation", "2"),
        ],
    );
}

#[test]
fn every_option_of_our_own_file_is_read() {
    let config = check(
        "amop.toml",
        Kind::Amop,
        &[
            ("endpoints", "127.0.0.1:20200, 127.0.0.1:20201"),
            ("credential_files", "app/chain/ca.crt, app/chain/sdk.crt, /etc/chain/sdk.key"),
            ("generation", "2"),
            ("tls", "ecdhe"),
            ("expiry_warning", "168h"),
            ("connect_timeout", "5s"),
            ("call_timeout", "500ms"),
            ("close_timeout", "2s"),
            ("heartbeat", "15s"),
            ("missed_heartbeats", "3"),
            ("start_offline", "true"),
            ("reconnect_min", "1s"),
            ("reconnect_max", "1m"),
            ("answer_timeout", "3s"),
            ("retry", "at_least_once"),
            ("echo", "true"),
            ("group", "2"),
            ("max_in_flight", "100"),
            ("max_send_bytes", "67108864"),
            ("max_held_bytes", "1048576"),
            ("max_events", "10"),
            ("duplicate_window", "30s"),
            ("max_duplicates", "1000"),
            ("dispatcher_threads", "8"),
        ],
    );
    let named: Vec<_> = given(&config.settings).into_iter().map(|(name, _)| name).collect();
    let missing: Vec<_> = Settings::names().filter(|name| !named.contains(name)).collect();
    assert_eq!(missing, ["credentials", "credential_files_gm"], "the file has to have every option");
    assert_eq!(
        private_topics(&config),
        [
            ("orders".into(), "allow app/keys/a.pem, hex of 128".into()),
            ("bills".into(), "key app/keys/b.p12 with a password in the environment".into()),
        ]
    );
    assert_eq!(unused(&config), [""; 0]);
}

#[test]
fn imported_files_state_the_same_again() {
    let files = std::fs::read_dir(super::path("")).unwrap();
    let mut read = 0;
    for file in files {
        let name = file.unwrap().file_name().into_string().unwrap();
        if name == "go-sdk-2x-inline.toml" {
            continue;
        }
        let config = import(&name);
        let toml = config.to_toml().unwrap();
        let again =
            super::parse("again.toml", &toml).unwrap_or_else(|error| panic!("{name}: {error}\n{toml}"));
        assert_eq!(again.kind, Kind::Amop);
        assert_eq!(without_comments(&again.to_toml().unwrap()), without_comments(&toml), "{name}");
        read += 1;
    }
    assert!(read >= 14, "{read}");
}

fn without_comments(toml: &str) -> Vec<&str> {
    toml.lines().filter(|line| !line.starts_with('#')).collect()
}
