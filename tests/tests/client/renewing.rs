//! Renewed certificates: a running client reads the files again at each connect.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use amop::transport::CredentialSource;
use amop::wall_clock::WallClock;
use amop::{Client, ErrorKind, Event, Events, Request};
use amop_devnet::Devnet;
use amop_devnet::chain::{Chain, ChainOptions, Identity, LeafOptions, Period, Role};
use futures_util::FutureExt;
use tempfile::TempDir;

use crate::fixture::{GUARD, devnet, event, soon, until};

/// Returns the credential files of a devnet's chain: CA, certificate and key, and on GM chains the pair for encryption.
fn files(devnet: &Devnet) -> Vec<(&'static str, Vec<u8>)> {
    match devnet.credentials() {
        CredentialSource::Pem { ca, cert, key } => {
            vec![("ca.crt", ca), ("sdk.crt", cert), ("sdk.key", key.to_vec())]
        }
        CredentialSource::GmPem { ca, cert, key, enc_cert, enc_key } => vec![
            ("gmca.crt", ca),
            ("gmsdk.crt", cert),
            ("gmsdk.key", key.to_vec()),
            ("gmensdk.crt", enc_cert),
            ("gmensdk.key", enc_key.to_vec()),
        ],
        source => panic!("{source:?}"),
    }
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
    let mut renewed_files = files(&renewed).into_iter();
    let (ca, new_ca) = renewed_files.next().unwrap();
    let new_cert = renewed_files.next().unwrap();
    let both = [fs::read(folder.path().join(ca)).unwrap(), new_ca].concat();
    write(folder.path(), &[(ca, both)]);
    fails(&mut events, ErrorKind::ClientCertificate).await;
    // Between the two writes the files don't match, so that the previous ones stay in use.
    write(folder.path(), &[new_cert]);
    fails(&mut events, ErrorKind::ClientCertificate).await;
    write(folder.path(), &renewed_files.collect::<Vec<_>>());
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
    let names: Vec<_> = files(&devnet).into_iter().map(|(name, _)| folder.path().join(name)).collect();
    let spoil: [&dyn Fn(); 4] = [
        &|| fs::write(&names[1], "no certificate").unwrap(),
        &|| fs::write(&names[2], "").unwrap(),
        &|| fs::remove_file(&names[0]).unwrap(),
        &|| fs::remove_dir_all(folder.path()).unwrap(),
    ];
    for spoil in spoil {
        spoil();
        devnet.node(0).cut_sessions();
        returns(&mut events).await;
    }
    until("the session", || devnet.node(0).counters().sessions == 1).await;
    // A client that starts now reports it.
    let error =
        Client::builder().credentials(folder.path()).endpoint("127.0.0.1:1").connect().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::CredentialsNotFound, "{error}");
}

/// Issues another certificate for the SDK of a devnet, valid for this time.
fn issue(devnet: &Devnet, valid_for: Duration) -> Identity {
    let now = SystemTime::now();
    let day = Duration::from_secs(24 * 3600);
    let period = Period { not_before: now - day, not_after: now + valid_for };
    let options = LeafOptions { period, ..LeafOptions::of(devnet.chain().kind()) };
    devnet.chain().issue(Role::Sdk, "sdk", &options).unwrap()
}

/// Writes an identity over the files of a devnet's SDK.
fn write_identity(folder: &Path, devnet: &Devnet, identity: &Identity) {
    let mut contents = vec![identity.ca_pem(), identity.certificate_pem(), identity.key_pem()];
    contents.extend(identity.encryption_pem().into_iter().flat_map(|(cert, key)| [cert, key]));
    for ((name, _), content) in files(devnet).into_iter().zip(contents) {
        fs::write(folder.join(name), content).unwrap();
    }
}

#[tokio::test]
async fn reload_makes_every_connection_anew_without_losing_a_call() {
    let devnet = devnet(Devnet::builder().nodes(2)).await;
    let folder = TempDir::new().unwrap();
    write(folder.path(), &files(&devnet));
    let builder = Client::builder().credentials(folder.path()).endpoints(devnet.endpoints());
    let client = crate::fixture::everywhere(builder).await;
    let mut events = client.events();
    let _service =
        client.serve("echo").for_each(async |request: Request| request.data().clone()).await.unwrap();
    let caller = crate::fixture::everywhere(devnet.client()).await;
    // One call after the other while the connections are made anew.
    let calls = async {
        let mut made = 0;
        while client.stats().endpoints.iter().any(|endpoint| endpoint.connects < 2) {
            caller.publish("echo", "x").wait_for_subscriber(true).await.unwrap();
            made += 1;
        }
        made
    };
    write_identity(folder.path(), &devnet, &issue(&devnet, Duration::from_secs(365 * 24 * 3600)));
    let (reloaded, made) =
        soon("the reload", async { tokio::join!(client.reload_credentials(), calls) }).await;
    reloaded.unwrap();
    assert!(made > 0);
    for endpoint in client.stats().endpoints {
        assert_eq!((endpoint.connects, endpoint.losses, endpoint.failed_connects), (2, 0, 0), "{endpoint:?}");
        assert!(endpoint.connected);
    }
    for _ in 0..2 {
        returns(&mut events).await;
    }
    assert_eq!(&caller.publish("echo", "after").await.unwrap().data()[..], b"after");
}

#[tokio::test]
async fn reload_needs_no_tokio_runtime() {
    let devnet = devnet(Devnet::builder().nodes(1)).await;
    let folder = TempDir::new().unwrap();
    write(folder.path(), &files(&devnet));
    let client = client(folder.path(), &devnet.node(0).endpoint()).await;
    let own = client.clone();
    let outside = std::thread::spawn(move || futures::executor::block_on(own.reload_credentials()));
    let joined = soon("the thread", tokio::task::spawn_blocking(|| outside.join())).await;
    joined.unwrap().expect("the reload does not panic").unwrap();
    assert_eq!(client.stats().endpoints[0].connects, 2);
}

#[tokio::test]
async fn reload_of_unusable_files_ends_no_connection() {
    let devnet = devnet(Devnet::builder().nodes(1)).await;
    let folder = TempDir::new().unwrap();
    write(folder.path(), &files(&devnet));
    let client = client(folder.path(), &devnet.node(0).endpoint()).await;
    let key = files(&devnet)[2].0;
    fs::write(folder.path().join(key), "").unwrap();
    let error = client.reload_credentials().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::CredentialsInvalid, "{error}");
    assert_eq!(client.stats().endpoints[0].connects, 1);
    assert!(client.stats().endpoints[0].connected);
    let _messages = client.subscribe("t").await.unwrap();
}

#[tokio::test]
async fn reload_stops_at_the_first_node_that_refuses() {
    let devnet = devnet(Devnet::builder().nodes(2)).await;
    let kind = devnet.chain().kind();
    let other = Chain::mint(&ChainOptions::of(kind)).unwrap();
    let other = other.issue(Role::Sdk, "sdk", &LeafOptions::of(kind)).unwrap();
    let folder = TempDir::new().unwrap();
    write(folder.path(), &files(&devnet));
    let builder = Client::builder().credentials(folder.path()).endpoints(devnet.endpoints());
    let client = crate::fixture::everywhere(builder).await;
    write_identity(folder.path(), &devnet, &other.trusting(&devnet.chain().ca_pem().unwrap()));
    let error = soon("the reload", client.reload_credentials()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ClientCertificate, "{error}");
    let stats = client.stats();
    assert!(!stats.endpoints[0].connected && stats.endpoints[1].connected);
    assert_eq!(stats.endpoints[1].connects, 1, "the other node keeps its connection");
}

#[tokio::test]
async fn reload_needs_files() {
    let devnet = devnet(Devnet::builder().nodes(1)).await;
    let client = devnet.client().connect().await.unwrap();
    let error = client.reload_credentials().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    assert!(error.message().contains("given as text"), "{error}");
    client.close().await.unwrap();
    assert_eq!(client.reload_credentials().await.unwrap_err().kind(), ErrorKind::Closed);
}

/// Returns certificate and end of the next event that warns of one.
async fn expiring(events: &mut Events) -> (String, SystemTime) {
    event(events, "the warning", |event| match event {
        Event::CertificateExpiring { certificate, expires, .. } => Some((certificate.to_string(), expires)),
        _ => None,
    })
    .await
}

#[tokio::test]
async fn certificate_that_ends_soon_is_reported_until_it_is_renewed() {
    const DAY: Duration = Duration::from_secs(24 * 3600);
    let devnet = devnet(Devnet::builder().nodes(1)).await;
    let folder = TempDir::new().unwrap();
    write(folder.path(), &files(&devnet));
    write_identity(folder.path(), &devnet, &issue(&devnet, 15 * DAY));
    let skew = Arc::new(AtomicU64::new(0));
    let ahead = skew.clone();
    let clock =
        WallClock::from_fn(move || SystemTime::now() + Duration::from_secs(ahead.load(Ordering::Relaxed)));
    let builder = Client::builder().credentials(folder.path()).endpoint(devnet.node(0).endpoint());
    let client = builder.wall_clock(clock).connect().await.unwrap();
    let mut early = client.events();
    // Two days later the warning is due. A reload makes the client look at the clock at once.
    skew.store(2 * 24 * 3600, Ordering::Relaxed);
    soon("the reload", client.reload_credentials()).await.unwrap();
    let (certificate, expires) = expiring(&mut early).await;
    let file = files(&devnet)[1].0;
    assert!(certificate.starts_with("CN=sdk") && certificate.ends_with(file), "{certificate}");
    let left = expires.duration_since(SystemTime::now()).unwrap();
    assert!(left > 14 * DAY && left <= 15 * DAY, "{left:?}");
    // A later listener is notified as well; a renewed certificate ends that.
    assert_eq!(expiring(&mut client.events()).await, (certificate, expires));
    write_identity(folder.path(), &devnet, &issue(&devnet, 365 * DAY));
    soon("the reload", client.reload_credentials()).await.unwrap();
    until("the warning is withdrawn", || {
        let next = client.events().next().now_or_never();
        !matches!(next, Some(Some(Event::CertificateExpiring { .. })))
    })
    .await;
}
