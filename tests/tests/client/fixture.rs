//! Nodes to talk to, clients of them, and ways to wait for a state.

use std::time::Duration;

use amop::{Client, ClientBuilder, Event, Events};
use amop_devnet::{Devnet, DevnetBuilder};

/// No test waits longer than this; none that passes comes near it.
pub(crate) const GUARD: Duration = Duration::from_secs(60);

/// Nodes with their TLS and their credentials.
pub(crate) async fn devnet(builder: DevnetBuilder) -> Devnet {
    builder.start().await.expect("the devnet starts")
}

/// Two nodes.
pub(crate) async fn two_nodes() -> Devnet {
    devnet(Devnet::builder().nodes(2)).await
}

/// A client to be, at one node of a devnet.
pub(crate) fn builder(devnet: &Devnet, node: usize) -> ClientBuilder {
    devnet.node(node).client()
}

/// A client at one node.
pub(crate) async fn client(devnet: &Devnet, node: usize) -> Client {
    builder(devnet, node).connect().await.expect("the client connects")
}

/// A client at all the nodes that it was given.
pub(crate) async fn everywhere(builder: ClientBuilder) -> Client {
    let client = builder.connect().await.expect("the client connects");
    until("all its nodes", || client.stats().endpoints.iter().all(|endpoint| endpoint.connected)).await;
    client
}

/// Something that has to happen.
pub(crate) async fn soon<T>(what: &str, future: impl IntoFuture<Output = T>) -> T {
    match tokio::time::timeout(GUARD, future).await {
        Ok(done) => done,
        Err(_) => panic!("still waiting for: {what}"),
    }
}

/// A state that has to come about.
pub(crate) async fn until(what: &str, mut reached: impl FnMut() -> bool) {
    soon(what, async {
        while !reached() {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

/// The next event that `pick` takes.
pub(crate) async fn event<T>(events: &mut Events, what: &str, mut pick: impl FnMut(Event) -> Option<T>) -> T {
    soon(what, async {
        loop {
            let event = events.next().await.unwrap_or_else(|| panic!("no more events, waiting for: {what}"));
            if let Some(picked) = pick(event) {
                return picked;
            }
        }
    })
    .await
}
