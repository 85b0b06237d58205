//! Start, credentials, stop, kill and restart.

use std::net::TcpStream as BlockingTcp;

use amop::ErrorKind;
use amop::transport::{Connector, Credentials, dial};
use amop_devnet::Devnet;
use tokio::io::AsyncReadExt;

use crate::fixture::{GUARD, connect, guarded, until};

#[tokio::test]
async fn message_passes_from_one_node_to_another() {
    guarded(async {
        let devnet = Devnet::builder().start().await.unwrap();
        let publisher = devnet.node(0).client().connect().await.unwrap();
        let subscriber = devnet.node(1).client().connect().await.unwrap();
        let _serving = subscriber
            .serve("upper")
            .for_each(|request| async move { request.data().to_ascii_uppercase() })
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
async fn certificate_folder_is_reused() {
    guarded(async {
        let folder = tempfile::tempdir().unwrap();
        let devnet = Devnet::builder().nodes(1).dir(folder.path()).start().await.unwrap();
        assert_eq!(devnet.credentials_dir(), Some(folder.path().join("sdk").as_path()));
        let first = Credentials::load(&devnet.credentials()).unwrap();
        devnet.stop().await;
        let devnet = Devnet::builder().nodes(2).dir(folder.path()).start().await.unwrap();
        for node in devnet.nodes() {
            let connector = Connector::rustls(&first).unwrap();
            dial(&node.endpoint().parse().unwrap(), &connector).await.unwrap();
        }
        devnet.stop().await;
    })
    .await;
}

#[tokio::test]
async fn kill_frees_the_port_and_restart_binds_it() {
    guarded(async {
        let devnet = Devnet::builder().nodes(2).start().await.unwrap();
        let node = devnet.node(1);
        let mut stream = connect(&devnet, &node.endpoint()).await.unwrap();
        until("a session", || node.counters().sessions == 1).await;
        node.kill().await;
        assert!(stream.read(&mut [0; 8]).await.map_or(true, |count| count == 0));
        assert_eq!(node.counters().tasks, 0);
        let refused = tokio::net::TcpStream::connect(node.address()).await.unwrap_err();
        assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
        node.restart().await.unwrap();
        connect(&devnet, &node.endpoint()).await.unwrap();
        devnet.stop().await;
    })
    .await;
}

#[tokio::test]
async fn port_in_use_is_reported() {
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
fn start_blocking_runs_and_stops_its_own_runtime() {
    let devnet = Devnet::builder().start_blocking().unwrap();
    let address = devnet.node(1).address();
    BlockingTcp::connect(address).unwrap();
    devnet.handle().block_on(devnet.node(0).kill());
    devnet.stop_blocking();
    BlockingTcp::connect(address).unwrap_err();

    let devnet = Devnet::builder().start_blocking().unwrap();
    let address = devnet.node(0).address();
    drop(devnet);
    let dropped = std::time::Instant::now();
    while BlockingTcp::connect(address).is_ok() {
        assert!(dropped.elapsed() < GUARD, "a dropped devnet stops");
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
}
