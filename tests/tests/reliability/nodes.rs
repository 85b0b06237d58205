//! Faults of whole nodes.

use amop::{ErrorKind, Event};

use crate::scenario::Scenario;
use crate::setup::nodes;

fn is_lost(event: &Event) -> bool {
    matches!(event, Event::Lost { .. })
}

#[tokio::test]
async fn node_is_killed_and_restarts() {
    let mut scenario = Scenario::start(nodes(3)).await;
    scenario.devnet.node(0).kill().await;
    scenario.wait_for_event("the loss", is_lost).await;
    scenario.wait_for_progress().await;
    scenario.devnet.node(0).restart().await.unwrap();
    scenario.finish("node killed").await;
}

#[tokio::test]
async fn node_freezes_with_its_connections_open() {
    let mut scenario = Scenario::start(nodes(3)).await;
    scenario.devnet.node(0).freeze();
    scenario.wait_for_event("the loss after missed heartbeats", is_lost).await;
    scenario.wait_for_progress().await;
    scenario.devnet.node(0).thaw();
    scenario.finish("node frozen").await;
}

#[tokio::test]
async fn all_nodes_are_killed_and_restart() {
    let scenario = Scenario::start(nodes(2)).await;
    for node in scenario.devnet.nodes() {
        node.kill().await;
    }
    scenario
        .oracle
        .wait_until("calls that are refused", |oracle| oracle.failures(ErrorKind::NotConnected) > 0)
        .await;
    for node in scenario.devnet.nodes() {
        node.restart().await.unwrap();
    }
    scenario.finish("all nodes killed").await;
}

#[tokio::test]
async fn node_is_killed_repeatedly() {
    let mut scenario = Scenario::start(nodes(3)).await;
    for _ in 0..4 {
        scenario.devnet.node(0).kill().await;
        scenario.wait_for_event("the loss", is_lost).await;
        scenario.devnet.node(0).restart().await.unwrap();
        scenario.wait_for_event("the reconnect", |event| matches!(event, Event::Reconnected { .. })).await;
    }
    scenario.finish("node killed repeatedly").await;
}
