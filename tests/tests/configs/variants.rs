//! Files written in other ways than the templates of the SDKs: on Windows, without quotes, in other letters, for several groups.

use amop::config::{Kind, PrivateRole, Secret};

use super::files::{check, private_topics};

#[test]
fn java_sdk_2x_of_windows_is_read() {
    let config = check(
        "java-sdk-2x-windows.toml",
        Kind::JavaSdk2,
        &[("endpoints", "127.0.0.1:20200, 127.0.0.1:20201"), ("credentials", "conf"), ("generation", "2")],
    );
    assert_eq!(
        private_topics(&config),
        [
            ("PrivateTopic1".into(), "allow conf/amop/consumer_public_key_1.pem".into()),
            ("PrivateTopic2".into(), "key conf/amop/consumer_private_key.p12 with a password".into()),
        ]
    );
    let PrivateRole::Subscriber { password: Some(Secret::Text(password)), .. } =
        &config.private_topics[1].role
    else {
        panic!("{config:?}")
    };
    assert_eq!(&**password, "12#34=\"56");
}

#[test]
fn java_sdk_3x_with_values_without_quotes_is_read() {
    check(
        "java-sdk-3x-unquoted.toml",
        Kind::JavaSdk3,
        &[
            ("endpoints", "127.0.0.1:20200"),
            (
                "credential_files_gm",
                "conf/sm_ca.crt, conf/sm_sdk.crt, conf/sm_sdk.key, conf/sm_ensdk.crt, conf/sm_ensdk.key",
            ),
            ("generation", "3"),
            ("call_timeout", "10s"),
        ],
    );
}

#[test]
fn go_sdk_2x_with_keys_in_any_case_and_several_groups_is_read() {
    for (name, endpoints) in [
        ("go-sdk-2x-lower-case.toml", "127.0.0.1:20200"),
        ("go-sdk-2x-groups.toml", "127.0.0.1:20200, 127.0.0.1:20201"),
    ] {
        let options = [
            ("endpoints", endpoints),
            ("credential_files", "ca.crt, sdk.crt, sdk.key"),
            ("generation", "2"),
            ("group", "1"),
        ];
        check(name, Kind::GoSdk2, &options);
    }
}

#[test]
fn c_sdk_3x_without_tls_is_read() {
    let options = [
        ("endpoints", "localhost:20200, b.example.com:20200, [::1]:20202"),
        ("generation", "3"),
        ("tls", "off"),
        ("call_timeout", "10s"),
    ];
    let config = check("c-sdk-3x-plain.ini", Kind::CSdk3, &options);
    assert_eq!(config.line("tls"), Some(3));
}

#[test]
fn web3sdk_with_several_groups_has_the_nodes_of_its_service() {
    let options = [
        ("endpoints", "127.0.0.1:20201, 127.0.0.1:20202"),
        ("credential_files", "app/ca.crt, app/sdk.crt, app/sdk.key"),
        ("generation", "2"),
        ("group", "2"),
    ];
    check("applicationContext-groups.xml", Kind::Web3Sdk, &options);
}

#[test]
fn nodejs_sdk_of_windows_is_read() {
    let options = [
        ("endpoints", "127.0.0.1:20200, localhost:20201"),
        ("credential_files", "app/./conf/ca.crt, app/./conf/sdk.crt, app/./conf/sdk.key"),
        ("generation", "2"),
        ("call_timeout", "10s"),
        ("group", "1"),
    ];
    check("nodejs-sdk-windows.json", Kind::NodeJsSdk, &options);
}
