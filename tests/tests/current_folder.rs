//! What a change of the current folder does to a running client. A test target of its own with a single test, because
//! the folder is that of the whole process.

use std::time::Duration;

use amop::{Client, ErrorKind, Event, Events};
use amop_devnet::Devnet;
use amop_tests::setup::write_all;
use tempfile::TempDir;

/// The time after which a test fails. No test waits for it to pass.
const GUARD: Duration = Duration::from_secs(60);

/// Returns the next event that is an outcome of an attempt to connect: `Ok` if it succeeded.
async fn attempt(events: &mut Events) -> Result<(), amop::Error> {
    let next = async {
        loop {
            match events.next().await.expect("the client is open") {
                Event::Reconnected { .. } => return Ok(()),
                Event::ConnectFailed { error, .. } => return Err(error),
                _ => {}
            }
        }
    };
    tokio::time::timeout(GUARD, next).await.expect("the client tries to connect")
}

#[tokio::test]
async fn client_trusts_no_ca_of_a_folder_that_is_entered_later() {
    let former = Devnet::builder().nodes(1).start().await.unwrap();
    let port = former.node(0).address().port();
    let [start, later] = [(); 2].map(|()| TempDir::new().unwrap());
    write_all(&start.path().join("sdk"), former.credentials());
    std::env::set_current_dir(start.path()).unwrap();
    let builders = [Client::builder(), Client::builder().credentials("sdk")];
    let builders = builders.into_iter().chain([Client::builder().credential_files(
        "sdk/ca.crt",
        "sdk/sdk.crt",
        "sdk/sdk.key",
    )]);
    let mut clients = Vec::new();
    for builder in builders {
        let builder = builder.endpoint(former.node(0).endpoint());
        let builder =
            builder.reconnect_min(Duration::from_millis(1)).reconnect_max(Duration::from_millis(50));
        let client = builder.connect().await.unwrap();
        clients.push((client.events(), client));
    }
    // Another chain takes the node's place, and its credentials lie in the folder that the process enters.
    former.node(0).kill().await;
    let other = Devnet::builder().ports([port]).start().await.unwrap();
    write_all(later.path(), other.credentials());
    write_all(&later.path().join("sdk"), other.credentials());
    std::env::set_current_dir(later.path()).unwrap();
    for (events, _) in &mut clients {
        // The first attempts may be from before; each one after them has loaded the credentials again.
        for _ in 0..5 {
            let error = attempt(events).await.expect_err("the other chain's CA is not trusted");
            assert!(matches!(error.kind(), ErrorKind::NodeCertificate | ErrorKind::Connect), "{error}");
        }
    }
    // The files of the start are still loaded again.
    write_all(&start.path().join("sdk"), other.credentials());
    for (events, _) in &mut clients {
        while attempt(events).await.is_err() {}
    }
}
