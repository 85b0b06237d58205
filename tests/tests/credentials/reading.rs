//! Files that can't be read in a bounded time or size: pipes without a writer, endless devices.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use amop::transport::{CredentialSource, Credentials};
use amop::{Client, ErrorKind, Event};
use amop_devnet::Devnet;
use amop_tests::setup::write_all;
use tempfile::TempDir;

use crate::fixture::{Folder, GUARD, assert_error};

/// Limits to test one after the other. Each is long enough to read files, unless the machine is busy.
const SHORT: [Duration; 3] = [Duration::from_millis(300), Duration::from_secs(2), Duration::from_secs(10)];

/// Replaces a file by a pipe that nothing is written to: opening it blocks.
fn put_pipe(path: &Path) {
    let _ = std::fs::remove_file(path);
    let status = Command::new("mkfifo").arg(path).status().expect("the mkfifo command is installed");
    assert!(status.success());
}

async fn connect_error(builder: amop::ClientBuilder, limit: Duration) -> amop::Error {
    let connecting = builder.endpoint("127.0.0.1:1").connect_timeout(limit).connect();
    tokio::time::timeout(GUARD, connecting).await.expect("connect returns").unwrap_err()
}

#[tokio::test]
async fn pipe_as_credential_file_fails_within_the_connect_limit() {
    for name in ["ca.crt", "sdk.crt", "sdk.key"] {
        let folder = Folder::new();
        let path = folder.file(name);
        put_pipe(&path);
        let builder = Client::builder().credentials(folder.path());
        let path = path.to_string_lossy();
        for builder in [builder.clone(), builder.start_offline(true)] {
            let mut limits = SHORT.into_iter();
            let error = loop {
                let limit = limits.next().expect("the other files are read in time");
                let error = connect_error(builder.clone(), limit).await;
                if error.message().contains(&*path) {
                    break error;
                }
            };
            assert_error(&error, ErrorKind::CredentialsInvalid, &[&path, "within", "regular file"]);
        }
    }
}

#[tokio::test]
async fn endless_file_is_refused_by_its_size() {
    let folder = Folder::new();
    let [ca, cert] = ["ca.crt", "sdk.crt"].map(|name| folder.file(name));
    let zero = Path::new("/dev/zero");
    let expected = ["/dev/zero", "larger than 1 MiB"];
    let source = CredentialSource::Files { ca: ca.clone(), cert: cert.clone(), key: zero.into() };
    let error = Credentials::load(&source).unwrap_err();
    assert_error(&error, ErrorKind::CredentialsInvalid, &expected);
    let error = connect_error(Client::builder().credential_files(ca, cert, zero), GUARD).await;
    assert_error(&error, ErrorKind::CredentialsInvalid, &expected);
}

#[test]
fn file_of_1_mib_is_read_and_a_larger_one_refused() {
    let folder = Folder::new();
    let key = folder.read("sdk.key");
    let padded = |len: usize| key.clone() + &"\n".repeat(len - key.len());
    folder.write("sdk.key", padded(1024 * 1024));
    folder.load().unwrap();
    folder.write("sdk.key", padded(1024 * 1024 + 1));
    folder.assert_fails(ErrorKind::CredentialsInvalid, "sdk.key", &["larger than 1 MiB"]);
}

#[tokio::test]
async fn pipe_at_a_renewal_leaves_the_previous_credentials_in_use() {
    let devnet = Devnet::builder().nodes(1).start().await.unwrap();
    let folder = TempDir::new().unwrap();
    write_all(folder.path(), devnet.credentials());
    let builder = Client::builder().credentials(folder.path()).endpoint(devnet.node(0).endpoint());
    let builder = builder.connect_timeout(Duration::from_secs(2)).reconnect_min(Duration::from_millis(1));
    let connected = async {
        loop {
            // On a busy machine it may take longer.
            if let Ok(client) = builder.clone().connect().await {
                break client;
            }
        }
    };
    let client = tokio::time::timeout(GUARD, connected).await.expect("the client connects");
    let mut events = client.events();
    put_pipe(&folder.path().join("sdk.key"));
    // The second time the thread of the first one still waits for the pipe.
    for _ in 0..2 {
        devnet.node(0).cut_sessions();
        let reconnected = async {
            while !matches!(events.next().await.expect("the client is open"), Event::Reconnected { .. }) {}
        };
        tokio::time::timeout(GUARD, reconnected).await.expect("the client reconnects");
    }
}
