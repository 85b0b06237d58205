//! Embedded nodes, clients of them, and functions that wait for a state.

use std::time::Duration;

use amop::{Client, ClientBuilder, Event, Events, Tls};
use amop_devnet::{Devnet, DevnetBuilder, Generation};
use amop_tests::setup::tls_of_run;

/// The limit of every wait. A test that passes does not come near it.
pub(crate) const GUARD: Duration = Duration::from_secs(60);

/// The pause between two looks at a state, so that waiting takes no processor from what is waited for.
const PAUSE: Duration = Duration::from_millis(2);

/// Short limits to test one after the other: on a busy machine the first may pass before the step that a test is about.
pub(crate) const SHORT_LIMITS: [Duration; 4] = [
    Duration::from_millis(50),
    Duration::from_millis(400),
    Duration::from_millis(1500),
    // Less than the time after which a node passes a request to another subscriber.
    Duration::from_secs(4),
];

/// Returns the kind of TLS for nodes of 2.x, `None` if this run is about nodes of 3.x alone.
pub(crate) fn tls_of_2x() -> Option<Tls> {
    Some(tls_of_run()).filter(|tls| !matches!(tls, Tls::Tlcp | Tls::Off))
}

/// Returns the kind of TLS for nodes of 3.x.
fn tls_of_3x() -> Tls {
    match tls_of_run() {
        of_3x @ (Tls::Tlcp | Tls::Off) => of_3x,
        _ => Tls::Ecdhe,
    }
}

/// Starts nodes of 2.x with TLS and credentials.
pub(crate) async fn devnet(builder: DevnetBuilder) -> Devnet {
    devnet_with(builder, tls_of_2x().unwrap_or(Tls::Ecdhe)).await
}

/// Starts nodes of 3.x, with credentials unless TLS is off.
pub(crate) async fn devnet_of_3x(builder: DevnetBuilder) -> Devnet {
    devnet_with(builder.generation(Generation::V3), tls_of_3x()).await
}

/// Starts nodes with this kind of channel.
pub(crate) async fn devnet_with(builder: DevnetBuilder, tls: Tls) -> Devnet {
    builder.tls(tls).start().await.expect("the devnet starts")
}

/// Starts two nodes, which wait for replies longer than any machine takes.
pub(crate) async fn two_nodes() -> Devnet {
    devnet(Devnet::builder().nodes(2).push_limit(GUARD).node_limit(GUARD)).await
}

/// Sets time limits that no machine exceeds.
pub(crate) fn patient(builder: ClientBuilder) -> ClientBuilder {
    builder.connect_timeout(GUARD).call_timeout(GUARD).close_timeout(GUARD).answer_timeout(GUARD)
}

/// Returns the builder of a client at one node of a devnet, with time limits that no machine exceeds.
pub(crate) fn builder(devnet: &Devnet, node: usize) -> ClientBuilder {
    patient(devnet.node(node).client())
}

/// Connects a client to one node.
pub(crate) async fn client(devnet: &Devnet, node: usize) -> Client {
    builder(devnet, node).connect().await.expect("the client connects")
}

/// Connects a client to all nodes that its builder names.
pub(crate) async fn everywhere(builder: ClientBuilder) -> Client {
    let client = builder.connect().await.expect("the client connects");
    until("all its nodes", || client.stats().endpoints.iter().all(|endpoint| endpoint.connected)).await;
    client
}

/// Waits for something that has to happen.
pub(crate) async fn soon<T>(what: &str, future: impl IntoFuture<Output = T>) -> T {
    match tokio::time::timeout(GUARD, future).await {
        Ok(done) => done,
        Err(_) => panic!("still waiting for: {what}"),
    }
}

/// Waits until a state is reached.
pub(crate) async fn until(what: &str, mut reached: impl FnMut() -> bool) {
    soon(what, async {
        while !reached() {
            tokio::time::sleep(PAUSE).await;
        }
    })
    .await;
}

/// Returns what `pick` makes of the next event that it accepts.
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
