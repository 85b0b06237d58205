//! Losses of each retry and placement setting when publisher and subscriber are connected to the same two nodes, which
//! drop messages for their own sessions. The tables are in `docs/reliability.md`.
//!
//! With a subscriber listed at both nodes, each node chooses itself in about half of all seconds, and then loses every
//! unicast. The client computes these seconds and holds messages meanwhile, unless it is set never to retry.

mod broadcasts;
mod clock_offsets;
mod frozen_node;
mod pausing_clock;
mod unicasts;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use amop::{Client, ClientBuilder, Message, Placement, RunningHandler};
use amop_devnet::{Devnet, DevnetBuilder, SameNode, WallClock};
use tokio::runtime::Handle;
use tokio::sync::watch;

use crate::oracle::GUARD;

/// The number of messages per setting, the same as in the measurement of java-sdk.
const MESSAGES: usize = 40;

/// Returns nodes that only drop messages for their own sessions, which they choose by the second, with a short node
/// limit.
fn nodes_that_drop() -> DevnetBuilder {
    Devnet::builder().nodes(2).same_node(SameNode::Drop).node_limit(Duration::from_secs(2))
}

/// Returns nodes like those of release 2.11 that exchange topic lists more often.
fn nodes_like_2_11() -> DevnetBuilder {
    Devnet::builder().nodes(2).like_2_11().topic_sync(Duration::from_millis(500))
}

/// Sets time limits that no machine exceeds.
fn patient(builder: ClientBuilder) -> ClientBuilder {
    builder.connect_timeout(GUARD).close_timeout(GUARD)
}

/// Returns a client that is connected to all nodes.
async fn client_everywhere(devnet: &Devnet) -> Client {
    client_with_clock(devnet, WallClock::default()).await
}

/// Returns such a client with this wall clock. It runs on the thread of the test.
async fn client_with_clock(devnet: &Devnet, clock: WallClock) -> Client {
    let builder = patient(devnet.client()).wall_clock(clock).runtime(Handle::current());
    let client = builder.connect().await.unwrap();
    let mut events = client.events();
    while client.stats().endpoints.iter().any(|endpoint| !endpoint.connected) {
        tokio::time::timeout(GUARD, events.next()).await.expect("both nodes").expect("an open client");
    }
    client
}

/// The payloads that a subscriber has received, with the number of times.
#[derive(Clone)]
struct Received(Arc<Mutex<HashMap<String, usize>>>, watch::Sender<()>);

impl Received {
    async fn subscribe(client: &Client, topic: &str, placement: Placement) -> (Received, RunningHandler) {
        let received = Received(Arc::default(), watch::Sender::new(()));
        let recorder = received.clone();
        let handle = move |message: Message| {
            let payload = String::from_utf8(message.data().to_vec()).unwrap();
            *recorder.0.lock().unwrap().entry(payload).or_default() += 1;
            recorder.1.send_replace(());
            async {}
        };
        let subscribe = client.subscribe(topic).placement(placement).timeout(GUARD);
        (received, subscribe.for_each(handle).await.unwrap())
    }

    /// Returns how often a message was received.
    fn times(&self, n: usize) -> usize {
        self.0.lock().unwrap().get(&n.to_string()).copied().unwrap_or(0)
    }

    /// Returns how many messages were received a matching number of times.
    fn count(&self, matches: impl Fn(usize) -> bool) -> usize {
        (0..MESSAGES).filter(|n| matches(self.times(*n))).count()
    }

    /// Waits until a payload was received. Returns `false` after `limit`.
    async fn has_within(&self, payload: &str, limit: Duration) -> bool {
        let mut changed = self.1.subscribe();
        let reached = async {
            while !self.0.lock().unwrap().contains_key(payload) {
                changed.changed().await.expect("the sender exists");
            }
        };
        tokio::time::timeout(limit, reached).await.is_ok()
    }
}
