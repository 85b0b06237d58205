//! What a frozen node costs publishers that are connected to it and to a working one.

use std::collections::BTreeMap;
use std::time::Duration;

use amop::{Placement, Retry};
use futures_util::future::join_all;

use super::{Received, client_everywhere, nodes_like_2_11};
use crate::oracle::GUARD;

/// The calls that are sent while the node is frozen, and the time between them.
const CALLS: u32 = 1000;
const PAUSE: Duration = Duration::from_millis(10);

/// Prints how many calls fail, for `docs/reliability.md`.
#[tokio::test]
#[ignore = "what is lost depends on the seconds in which it is sent"]
async fn losses_while_a_node_is_frozen() {
    let settings = [(2, Placement::All), (2, Placement::One), (3, Placement::All), (3, Placement::One)];
    // Where nodes suit as well, the first one is chosen.
    for ((nodes, placement), frozen) in settings.into_iter().flat_map(|setting| [(setting, 0), (setting, 1)])
    {
        for retry in [Retry::Definite, Retry::AtLeastOnce] {
            let devnet = nodes_like_2_11().nodes(nodes).start().await.unwrap();
            let (publisher, subscriber) =
                (client_everywhere(&devnet).await, client_everywhere(&devnet).await);
            let (_received, _running) = Received::subscribe(&subscriber, "t", placement).await;
            let first = publisher.publish("t", "first").retry(Retry::AtLeastOnce).timeout(GUARD);
            first.wait_for_subscriber(true).await.unwrap();
            devnet.node(frozen).freeze();
            let mut calls = Vec::new();
            // Also on a busy machine the node is not frozen for longer.
            let mut due = tokio::time::interval(PAUSE);
            for n in 0..CALLS {
                due.tick().await;
                let publish = publisher.publish("t", n.to_string()).retry(retry);
                calls.push(tokio::spawn(publish.into_future()));
            }
            devnet.node(frozen).thaw();
            let mut failed: BTreeMap<String, u32> = BTreeMap::new();
            for outcome in join_all(calls).await {
                if let Err(error) = outcome.unwrap() {
                    *failed.entry(format!("{:?} ({:?})", error.kind(), error.delivery())).or_default() += 1;
                }
            }
            println!(
                "{nodes} nodes, node {frozen} frozen, placement {placement:?}, retry {retry:?}: of {CALLS} calls failed \
                 {failed:?}"
            );
        }
    }
}
