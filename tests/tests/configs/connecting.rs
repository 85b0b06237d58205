//! Clients that connect with nothing but a configuration file.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use amop::config::{Config, Kind};
use amop::{Client, ErrorKind, Generations, PrivateKey, Request};
use amop_devnet::Devnet;
use tempfile::TempDir;

/// The last guard of calls.
const GUARD: Duration = Duration::from_secs(60);

#[tokio::test]
async fn java_sdk_file_connects_a_client() {
    let folder = TempDir::new().unwrap();
    let devnet = Devnet::builder().dir(folder.path()).start().await.unwrap();
    let credentials = folder.path().join("sdk");
    let file = folder.path().join("config.toml");
    let endpoint = &devnet.endpoints()[0];
    let text =
        format!("[cryptoMaterial]\ncertPath = {credentials:?}\n\n[network]\npeers = [\"{endpoint}\"]\n");
    std::fs::write(&file, text).unwrap();

    let client = Client::builder().config_file(&file).connect_timeout(GUARD).connect().await.unwrap();
    client.broadcast("hello", "hi").timeout(GUARD).await.unwrap();
    client.close().await.unwrap();

    // What the builder is given precedes the file.
    let error = Client::builder()
        .config_file(&file)
        .credentials(folder.path().join("none"))
        .connect()
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::CredentialsNotFound, "{error}");
    devnet.stop().await;
}

#[tokio::test]
async fn missing_and_endless_files_are_refused() {
    let missing = Client::builder().config_file("/nonexistent/config.toml").connect().await.unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::InvalidArgument);
    assert!(missing.message().contains("/nonexistent/config.toml"), "{missing}");
    let endless =
        Client::builder().config_file("/dev/zero").connect_timeout(GUARD).connect().await.unwrap_err();
    assert!(endless.message().contains("larger than 1 MiB"), "{endless}");
}

#[tokio::test]
async fn error_of_an_option_names_its_line() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("amop.toml");
    let refused = async |option: &str, text: &str| {
        std::fs::write(&file, format!("endpoints = [\"127.0.0.1:1\"]\n{text}")).unwrap();
        let error = Client::builder().config_file(&file).connect_timeout(GUARD).connect().await.unwrap_err();
        assert!(error.message().starts_with(&format!("{}, line 2: {option}", file.display())), "{error}");
        assert_eq!(error.message().matches(option).count(), 1, "{error}");
        error
    };
    for (option, value) in
        [("call_timeout", "100000h"), ("heartbeat", "999999h"), ("close_timeout", "88000h")]
    {
        let error = refused(option, &format!("{option} = \"{value}\"\n")).await;
        assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{error}");
    }
    refused("reconnect_min", "reconnect_min = \"20s\"\n").await;
    // What the builder is given is not in the file.
    let client = Client::builder().config_file(&file).connect_timeout(GUARD).reconnect_min(2 * GUARD);
    let error = client.connect().await.unwrap_err();
    assert!(error.message().starts_with("reconnect_min is longer"), "{error}");
}

#[tokio::test]
async fn fifo_without_writer_is_given_up() {
    let folder = TempDir::new().unwrap();
    let fifo = folder.path().join("config.toml");
    assert!(Command::new("mkfifo").arg(&fifo).status().expect("mkfifo is installed").success());
    let connect = Client::builder().config_file(&fifo).connect_timeout(Duration::from_millis(50)).connect();
    let error = connect.await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    assert!(error.message().contains("did not complete within"), "{error}");
}

#[test]
fn relative_paths_follow_the_rules_of_each_sdk() {
    // The current folder of this process has no such folder, so that java-sdk's second place counts.
    let folder = TempDir::new().unwrap();
    std::fs::create_dir(folder.path().join("certs-of-a-test")).unwrap();
    let file = folder.path().join("config.toml");
    let below = |name: &str| Some(folder.path().join(name).display().to_string());
    let java = b"[cryptoMaterial]\ncertPath = \"certs-of-a-test\"\n[network]\npeers = [\"a:1\"]\n";
    let java = Config::parse(&file, java).unwrap();
    assert_eq!(java.settings.text("credentials"), below("certs-of-a-test"));
    let go = b"[Network]\nType = \"channel\"\n[[Network.Connection]]\nNodeURL = \"a:1\"\n";
    let go = Config::parse(&file, go).unwrap();
    assert_eq!(go.settings.text("credential_files").as_deref(), Some("ca.crt, sdk.crt, sdk.key"));
    let ours = Config::parse(&file, b"credentials = \"sdk\"\n").unwrap();
    assert_eq!(ours.settings.text("credentials"), below("sdk"));
}

#[test]
fn python_file_leads_to_the_ini_of_3x_chains() {
    let folder = TempDir::new().unwrap();
    let ini = folder.path().join("bcos3_sdk_config.ini");
    std::fs::copy(super::path("c-sdk-3x.ini"), &ini).unwrap();
    let text = format!(
        "class client_config:\n    channel_host = \"127.0.0.1\"\n    channel_ca = \"/nonexistent/ca.crt\"\n    \
         bcos3_config_file = {ini:?}\n"
    );
    let config = super::parse("client_config.py", &text).unwrap();
    assert_eq!(config.kind, Kind::PythonSdk);
    assert_eq!(config.settings.generation, Some(Generations::V3));
    // With the certificate of a 2.x chain it is not clear which is meant.
    let text = text.replace("/nonexistent/ca.crt", &ini.display().to_string());
    let error = super::parse("client_config.py", text).unwrap_err();
    assert!(error.message().contains("line 4") && error.message().contains("bcos3_config_file"), "{error}");
}

/// Writes a `config.toml` of java-sdk with a private topic, and returns its path.
fn java_config(folder: &Path, name: &str, endpoint: &str, topic: &str) -> PathBuf {
    let file = folder.join(name);
    let credentials = folder.join("sdk");
    let text = format!(
        "[cryptoMaterial]\ncertPath = {credentials:?}\n[network]\npeers = [\"{endpoint}\"]\n[[amop]]\n\
         topicName = \"orders\"\n{topic}\n"
    );
    std::fs::write(&file, text).unwrap();
    file
}

#[tokio::test]
async fn private_topics_of_a_java_sdk_file_are_private_in_all_calls() {
    let folder = TempDir::new().unwrap();
    let nodes = Devnet::builder().nodes(2).verify_interval(Duration::from_millis(100)).push_limit(GUARD);
    let devnet = nodes.dir(folder.path()).start().await.unwrap();
    let (key, other) = (PrivateKey::generate().unwrap(), PrivateKey::generate().unwrap());
    for (name, text) in [
        ("key.pem", key.to_encrypted_pem("123456").unwrap().to_string()),
        ("public.pem", key.public_key().to_pem().unwrap()),
        ("other.pem", other.public_key().to_pem().unwrap()),
    ] {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    let [private, public, others] =
        ["key.pem", "public.pem", "other.pem"].map(|name| folder.path().join(name));
    let endpoints = devnet.endpoints();
    let allow = format!("publicKeys = [{others:?}, {public:?}]");
    let publisher = java_config(folder.path(), "publisher.toml", &endpoints[0], &allow);
    let prove = format!("privateKey = {private:?}\npassword = \"123456\"");
    let subscriber = java_config(folder.path(), "subscriber.toml", &endpoints[1], &prove);
    let connect = |file: &Path| {
        Client::builder().config_file(file).connect_timeout(GUARD).call_timeout(GUARD).connect()
    };

    let (publisher, subscriber) = (connect(&publisher).await.unwrap(), connect(&subscriber).await.unwrap());
    subscriber.serve("orders").for_each(async |request: Request| request.data().clone()).await.unwrap();
    let reply = publisher.publish("orders", "hi").wait_for_subscriber(true).await.unwrap();
    assert_eq!(&reply.data()[..], b"hi");
    let topics = publisher.stats().private_topics;
    assert!(topics.iter().any(|topic| &*topic.topic == "orders"), "{topics:?}");

    // A client of the same node that allows nobody reaches no one by that name.
    let without = Client::builder()
        .endpoint(&endpoints[0])
        .credentials(folder.path().join("sdk"))
        .connect_timeout(GUARD)
        .call_timeout(GUARD)
        .connect()
        .await
        .unwrap();
    let error = without.publish("orders", "hi").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NoSubscriber, "{error}");

    // A key that can't be read is reported with the line of its topic.
    let wrong = java_config(folder.path(), "wrong.toml", &endpoints[1], "privateKey = \"missing.pem\"");
    let error = connect(&wrong).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::CredentialsNotFound, "{error}");
    assert!(error.message().contains("line 5") && error.message().contains("missing.pem"), "{error}");
    devnet.stop().await;
}

#[tokio::test]
async fn empty_paths_are_named() {
    let node = || Client::builder().endpoint("127.0.0.1:1");
    let cases = [
        (node().config_file(""), ErrorKind::InvalidArgument, "the path of the configuration file is empty"),
        (node().credentials(""), ErrorKind::CredentialsNotFound, "the path of the credentials is empty"),
        (
            node().credential_files("", "sdk.crt", "sdk.key"),
            ErrorKind::CredentialsNotFound,
            "the path of a credential file is empty",
        ),
    ];
    for (builder, kind, text) in cases {
        let error = builder.connect_timeout(GUARD).connect().await.unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.message().starts_with(text), "{error}");
    }
}
