//! Clients that connect with nothing but a configuration file.

use std::process::Command;
use std::time::Duration;

use amop::{Client, ErrorKind};
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
async fn fifo_without_writer_is_given_up() {
    let folder = TempDir::new().unwrap();
    let fifo = folder.path().join("config.toml");
    assert!(Command::new("mkfifo").arg(&fifo).status().expect("mkfifo is installed").success());
    let connect = Client::builder().config_file(&fifo).connect_timeout(Duration::from_millis(50)).connect();
    let error = connect.await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    assert!(error.message().contains("did not complete within"), "{error}");
}
