//! Faults of whole nodes.

use amop::{ErrorKind, Event};
use amop_devnet::{Fault, Generation};

use crate::scenario::Scenario;

on_both_generations! {
    node_is_killed_and_restarts,
    node_freezes_with_its_connections_open,
    all_nodes_are_killed_and_restart,
    node_is_killed_repeatedly,
}

fn is_lost(event: &Event) -> bool {
    matches!(event, Event::Lost { .. })
}

async fn node_is_killed_and_restarts(generation: Generation) {
    let mut scenario = Scenario::start(generation, 3).await;
    scenario.devnet.node(0).kill().await;
    scenario.wait_for_event("the loss", is_lost).await;
    scenario.wait_for_progress().await;
    scenario.devnet.node(0).restart().await.unwrap();
    scenario.finish("node killed").await;
}

async fn node_freezes_with_its_connections_open(generation: Generation) {
    let mut scenario = Scenario::start(generation, 3).await;
    scenario.devnet.node(0).freeze();
    scenario.wait_for_event("the loss after missed heartbeats", is_lost).await;
    scenario.wait_for_progress().await;
    scenario.devnet.node(0).thaw();
    scenario.finish("node frozen").await;
}

async fn all_nodes_are_killed_and_restart(generation: Generation) {
    let scenario = Scenario::start(generation, 2).await;
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

async fn node_is_killed_repeatedly(generation: Generation) {
    let mut scenario = Scenario::start(generation, 3).await;
    for _ in 0..4 {
        scenario.devnet.node(0).kill().await;
        scenario.wait_for_event("the loss", is_lost).await;
        scenario.devnet.node(0).restart().await.unwrap();
        scenario.wait_for_event("the reconnect", |event| matches!(event, Event::Reconnected { .. })).await;
    }
    scenario.finish("node killed repeatedly").await;
}

/// A 3.x node that has received certain malformed messages does this until it is restarted.
#[tokio::test]
async fn node_answers_pings_and_no_messages() {
    let mut scenario = Scenario::start(Generation::V3, 3).await;
    for kind in [0x110, 0x111, 0x112, 0x113] {
        scenario.devnet.inject(Fault::lose().from_clients().on_type(kind).at(&scenario.devnet.node(0)));
    }
    scenario.wait_for_event("the loss after an unanswered probe", is_lost).await;
    scenario.wait_for_progress().await;
    scenario.devnet.clear_faults();
    scenario.finish("node deaf").await;
}
