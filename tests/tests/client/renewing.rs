//! Renewed certificates: a running client reads the files again at each connect.

use std::fs;
use std::path::Path;
use std::time::Duration;

use amop::transport::CredentialSource;
use amop::{Client, ErrorKind, Event, Events};
use amop_devnet::Devnet;
use tempfile::TempDir;

use crate::fixture::{GUARD, devnet, event, until};

/// Returns the credential files of a devnet's chain.
fn files(devnet: &Devnet) -> [(&'static str, Vec<u8>); 3] {
    let source = devnet.credentials();
    let CredentialSource::Pem { ca, cert, key } = source else { panic!("{source:?}") };
    [("ca.crt", ca), ("sdk.crt", cert), ("sdk.key", key)]
}

fn write(folder: &Path, files: &[(&str, Vec<u8>)]) {
    for (name, content) in files {
        fs::write(folder.join(name), content).unwrap();
    }
}

async fn client(folder: &Path, endpoint: &str) -> Client {
    let builder = Client::builder().credentials(folder).endpoint(endpoint).connect_timeout(GUARD);
    let builder = builder.reconnect_min(Duration::from_millis(1)).reconnect_max(Duration::from_millis(50));
    builder.connect().await.unwrap()
}

/// Waits until an attempt to connect fails with this kind of error.
async fn fails(events: &mut Events, kind: ErrorKind) {
    let such = |event| match event {
        Event::ConnectFailed { error, .. } if error.kind() == kind => Some(()),
        _ => None,
    };
    event(events, &format!("{kind:?}"), such).await;
}

async fn returns(events: &mut Events) {
    event(events, "the return", |event| matches!(event, Event::Reconnected { .. }).then_some(())).await;
}

#[tokio::test]
async fn renewed_certificate_needs_no_restart() {
    let former = devnet(Devnet::builder().nodes(1)).await;
    let (port, endpoint) = (former.node(0).address().port(), former.node(0).endpoint());
    let folder = TempDir::new().unwrap();
    write(folder.path(), &files(&former));
    let client = client(folder.path(), &endpoint).await;
    let mut events = client.events();
    let _messages = client.subscribe("t").await.unwrap();
    // The node has a new certificate of a CA that the client doesn't trust, and accepts certificates of that CA only.
    former.node(0).kill().await;
    let renewed = devnet(Devnet::builder().ports([port])).await;
    fails(&mut events, ErrorKind::NodeCertificate).await;
    let [(ca, new_ca), new_cert, new_key] = files(&renewed);
    let both = [fs::read(folder.path().join(ca)).unwrap(), new_ca].concat();
    write(folder.path(), &[(ca, both)]);
    fails(&mut events, ErrorKind::ClientCertificate).await;
    // Between the two writes the files don't match, so that the previous ones stay in use.
    write(folder.path(), &[new_cert]);
    fails(&mut events, ErrorKind::ClientCertificate).await;
    write(folder.path(), &[new_key]);
    returns(&mut events).await;
    assert_eq!(renewed.node(0).topics(), ["t"]);
}

#[tokio::test]
async fn unreadable_files_leave_the_previous_credentials_in_use() {
    let devnet = devnet(Devnet::builder().nodes(1)).await;
    let folder = TempDir::new().unwrap();
    write(folder.path(), &files(&devnet));
    let client = client(folder.path(), &devnet.node(0).endpoint()).await;
    let mut events = client.events();
    let spoil: [fn(&Path); 4] = [
        |folder| fs::write(folder.join("sdk.crt"), "no certificate").unwrap(),
        |folder| fs::write(folder.join("sdk.key"), "").unwrap(),
        |folder| fs::remove_file(folder.join("ca.crt")).unwrap(),
        |folder| fs::remove_dir_all(folder).unwrap(),
    ];
    for spoil in spoil {
        spoil(folder.path());
        devnet.node(0).cut_sessions();
        returns(&mut events).await;
    }
    until("the session", || devnet.node(0).counters().sessions == 1).await;
    // A client that starts now reports it.
    let error =
        Client::builder().credentials(folder.path()).endpoint("127.0.0.1:1").connect().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::CredentialsNotFound, "{error}");
}
