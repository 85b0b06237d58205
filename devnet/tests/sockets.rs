//! Nodes on real sockets with real TLS: who gets in, how records are cut, and that nothing is left over.

use std::net::TcpStream as BlockingTcp;
use std::time::Duration;

use amop::ErrorKind;
use amop::transport::{BoxedStream, Credentials, Endpoint, RustlsConnector, dial};
use amop_devnet::chain::{Chain, ChainOptions, LeafOptions, Role};
use amop_devnet::{Devnet, Node};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// When a test gives up; nothing waits for it to pass.
const GUARD: Duration = Duration::from_secs(60);

async fn guarded<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(GUARD, future).await.expect("done long before the guard")
}

/// Waits until a count is as wanted.
async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let wait = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(GUARD, wait).await.unwrap_or_else(|_| panic!("{what}"));
}

async fn dial_with(devnet: &Devnet, node: &Node) -> amop::Result<BoxedStream> {
    let credentials = Credentials::load(&devnet.credentials())?;
    let endpoint: Endpoint = node.endpoint().parse()?;
    dial(&endpoint, &RustlsConnector::new(&credentials)?).await
}

#[tokio::test]
async fn a_client_publishes_at_one_node_and_is_heard_at_another() {
    guarded(async {
        let devnet = Devnet::builder().start().await.unwrap();
        let publisher = devnet.node(0).client().connect().await.unwrap();
        let subscriber = devnet.node(1).client().connect().await.unwrap();
        let _serving = subscriber
            .serve("upper", |request| async move { request.data().to_ascii_uppercase() })
            .await
            .unwrap();
        let reply = publisher.publish("upper", "hello").await.unwrap();
        assert_eq!(&reply.data()[..], b"HELLO");
        drop((publisher, subscriber));
        devnet.stop().await;
    })
    .await;
}

#[tokio::test]
async fn certificates_live_in_a_folder_that_is_used_again() {
    guarded(async {
        let folder = tempfile::tempdir().unwrap();
        let devnet = Devnet::builder().nodes(1).dir(folder.path()).start().await.unwrap();
        assert_eq!(devnet.credentials_dir(), Some(folder.path().join("sdk").as_path()));
        let first = Credentials::load(&devnet.credentials()).unwrap();
        devnet.stop().await;
        let devnet = Devnet::builder().nodes(2).dir(folder.path()).start().await.unwrap();
        for node in devnet.nodes() {
            let connector = RustlsConnector::new(&first).unwrap();
            dial(&node.endpoint().parse().unwrap(), &connector).await.unwrap();
        }
        devnet.stop().await;
    })
    .await;
}

#[tokio::test]
async fn a_foreign_certificate_and_no_tls_are_refused_and_counted() {
    guarded(async {
        let limit = Duration::from_millis(200);
        let devnet = Devnet::builder().nodes(1).first_byte_limit(limit).start().await.unwrap();
        let foreign = Chain::mint(&ChainOptions::default()).unwrap();
        let foreign = foreign.issue(Role::Sdk, "sdk", &LeafOptions::default()).unwrap();
        let foreign = foreign.trusting(&devnet.chain().ca_pem().unwrap()).credentials().unwrap();
        let endpoint = devnet.node(0).endpoint().parse().unwrap();
        let refused = dial(&endpoint, &RustlsConnector::new(&foreign).unwrap()).await.err().unwrap();
        assert_eq!(refused.kind(), ErrorKind::ClientCertificate, "{refused}");

        let mut mute = tokio::net::TcpStream::connect(devnet.node(0).address()).await.unwrap();
        assert_eq!(mute.read(&mut [0; 8]).await.unwrap(), 0, "closed after the first-byte limit");
        let mut plain = tokio::net::TcpStream::connect(devnet.node(0).address()).await.unwrap();
        plain.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
        let mut alert = Vec::new();
        let _ = plain.read_to_end(&mut alert).await;

        until("three refused", || devnet.counters().refused == 3).await;
        let mut stream = dial_with(&devnet, &devnet.node(0)).await.unwrap();
        stream.write_all(&[0, 0, 0, 41]).await.unwrap();
        assert_eq!(stream.read(&mut [0; 8]).await.unwrap(), 0, "goodbye by close_notify, not an abrupt end");
        devnet.stop().await;
    })
    .await;
}

#[tokio::test]
async fn kill_frees_the_port_and_restart_takes_it_again() {
    guarded(async {
        let devnet = Devnet::builder().nodes(2).start().await.unwrap();
        let node = devnet.node(1);
        let mut stream = dial_with(&devnet, &node).await.unwrap();
        until("a session", || node.counters().sessions == 1).await;
        node.kill().await;
        assert!(stream.read(&mut [0; 8]).await.map_or(true, |count| count == 0));
        assert_eq!(node.counters().tasks, 0);
        let refused = tokio::net::TcpStream::connect(node.address()).await.unwrap_err();
        assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
        node.restart().await.unwrap();
        dial_with(&devnet, &node).await.unwrap();
        devnet.stop().await;
    })
    .await;
}

#[tokio::test]
async fn a_port_that_is_taken_is_named() {
    guarded(async {
        let devnet = Devnet::builder().nodes(1).start().await.unwrap();
        let port = devnet.node(0).address().port();
        let error = Devnet::builder().ports([port]).start().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Listen);
        assert!(error.message().contains(&port.to_string()), "{error}");
        let error = Devnet::builder().nodes(0).start().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument);
        devnet.stop().await;
    })
    .await;
}

#[test]
fn without_a_runtime_it_brings_its_own_and_takes_it_along() {
    let devnet = Devnet::builder().start_blocking().unwrap();
    let address = devnet.node(1).address();
    BlockingTcp::connect(address).unwrap();
    devnet.handle().block_on(devnet.node(0).kill());
    devnet.stop_blocking();
    BlockingTcp::connect(address).unwrap_err();

    let devnet = Devnet::builder().start_blocking().unwrap();
    let address = devnet.node(0).address();
    drop(devnet);
    let gone = std::time::Instant::now();
    while BlockingTcp::connect(address).is_ok() {
        assert!(gone.elapsed() < GUARD, "a devnet that was dropped ends by itself");
        std::thread::yield_now();
    }
}
