//! Host names: resolved again at each connect; all their addresses are tried.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use amop::transport::{Endpoint, Resolve, Resolving};
use amop::{ClientBuilder, Event};
use amop_devnet::{Devnet, Node};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

use crate::fixture::{GUARD, event, soon, two_nodes};

/// A name that no system resolves.
const NAME: &str = "node.invalid:20200";

/// A resolver with the current addresses of the name.
#[derive(Clone, Debug)]
struct Names(Arc<Mutex<Vec<SocketAddr>>>);

impl Names {
    fn of(addresses: &[SocketAddr]) -> Names {
        Names(Arc::new(Mutex::new(addresses.to_vec())))
    }

    fn become_of(&self, addresses: &[SocketAddr]) {
        *self.0.lock().unwrap() = addresses.to_vec();
    }
}

impl Resolve for Names {
    fn resolve<'a>(&'a self, endpoint: &'a Endpoint) -> Resolving<'a> {
        assert_eq!(endpoint.to_string(), NAME);
        let addresses = self.0.lock().unwrap().clone();
        Box::pin(async { Ok(addresses) })
    }
}

/// Returns the builder of a client that knows the name only. Attempts are not limited in time, because no test waits
/// for the end of one.
fn named(devnet: &Devnet, names: &Names) -> ClientBuilder {
    amop::Client::builder()
        .credential_source(devnet.credentials())
        .endpoint(NAME)
        .resolver(names.clone())
        .connect_timeout(GUARD * 10)
        .reconnect_min(Duration::from_millis(1))
        .reconnect_max(Duration::from_millis(50))
}

/// Returns an address at which connections are refused while the socket exists.
fn dead() -> (TcpSocket, SocketAddr) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = socket.local_addr().unwrap();
    (socket, address)
}

async fn is_seen_by(node: &Node) {
    crate::fixture::until("the session at the node", || node.counters().sessions == 1).await;
}

#[tokio::test]
async fn node_that_moved_is_found_by_its_name() {
    let devnet = two_nodes().await;
    let names = Names::of(&[devnet.node(0).address()]);
    let client = named(&devnet, &names).connect().await.unwrap();
    let mut events = client.events();
    is_seen_by(&devnet.node(0)).await;
    names.become_of(&[devnet.node(1).address()]);
    devnet.node(0).kill().await;
    let back = |event| matches!(event, Event::Reconnected { .. }).then_some(());
    event(&mut events, "the return", back).await;
    is_seen_by(&devnet.node(1)).await;
    assert_eq!(client.stats().endpoints[0].connects, 2);
}

#[tokio::test]
async fn name_without_a_reachable_node_is_resolved_again() {
    let devnet = two_nodes().await;
    let (_socket, dead) = dead();
    let names = Names::of(&[dead]);
    let client = named(&devnet, &names).start_offline(true).connect().await.unwrap();
    let mut events = client.events();
    let failed = |event| match event {
        Event::ConnectFailed { error, .. } => Some(error),
        _ => None,
    };
    let error = event(&mut events, "a failed attempt", failed).await;
    assert!(error.message().contains(&dead.to_string()), "it names the address tried: {error}");
    names.become_of(&[devnet.node(0).address()]);
    event(&mut events, "the connection", |event| matches!(event, Event::Connected { .. }).then_some(()))
        .await;
    is_seen_by(&devnet.node(0)).await;
}

#[tokio::test]
async fn address_that_refuses_is_skipped() {
    let devnet = two_nodes().await;
    let (_socket, dead) = dead();
    let names = Names::of(&[dead, devnet.node(1).address()]);
    let _client = soon("the connection", named(&devnet, &names).connect()).await.unwrap();
    is_seen_by(&devnet.node(1)).await;
}

#[tokio::test]
async fn address_that_drops_packets_is_not_waited_for() {
    let devnet = two_nodes().await;
    // A connect to a listener whose queue is full gets no answer, as behind a firewall.
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let full = socket.listen(1).unwrap();
    let hole = full.local_addr().unwrap();
    let _queue = [TcpStream::connect(hole).await.unwrap(), TcpStream::connect(hole).await.unwrap()];
    let names = Names::of(&[hole, devnet.node(0).address()]);
    let _client = soon("the connection", named(&devnet, &names).connect()).await.unwrap();
    is_seen_by(&devnet.node(0)).await;
}

#[tokio::test]
async fn silent_address_is_not_waited_for() {
    let devnet = two_nodes().await;
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let names = Names::of(&[silent.local_addr().unwrap(), devnet.node(0).address()]);
    let _client = soon("the connection", named(&devnet, &names).connect()).await.unwrap();
    is_seen_by(&devnet.node(0)).await;
    // The connection that was not chosen is closed after its first message.
    let (mut lost, _) = soon("the attempt", silent.accept()).await.unwrap();
    let mut hello = Vec::new();
    let end = tokio::io::AsyncReadExt::read_to_end(&mut lost, &mut hello);
    soon("its end", end).await.unwrap();
}
