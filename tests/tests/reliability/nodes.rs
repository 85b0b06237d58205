//! Whole nodes fail.

use amop::{ErrorKind, Event};

use crate::scene::Scene;
use crate::setup::nodes;

fn is_lost(event: &Event) -> bool {
    matches!(event, Event::Lost { .. })
}

#[tokio::test]
async fn a_node_is_killed_and_comes_back() {
    let mut scene = Scene::start(nodes(3)).await;
    scene.devnet.node(0).kill().await;
    scene.all_hear("the loss", is_lost).await;
    scene.load_flows().await;
    scene.devnet.node(0).restart().await.unwrap();
    scene.finish("node killed").await;
}

#[tokio::test]
async fn a_node_stalls_with_its_connections_open() {
    let mut scene = Scene::start(nodes(3)).await;
    scene.devnet.node(0).freeze();
    scene.all_hear("silence taken for death", is_lost).await;
    scene.load_flows().await;
    scene.devnet.node(0).thaw();
    scene.finish("node stalled").await;
}

#[tokio::test]
async fn all_nodes_go_and_come_back() {
    let scene = Scene::start(nodes(2)).await;
    for node in scene.devnet.nodes() {
        node.kill().await;
    }
    scene.oracle.says("calls refused", |oracle| oracle.failures(ErrorKind::NotConnected) > 0).await;
    for node in scene.devnet.nodes() {
        node.restart().await.unwrap();
    }
    scene.finish("all nodes gone").await;
}

#[tokio::test]
async fn a_node_flaps() {
    let mut scene = Scene::start(nodes(3)).await;
    for _ in 0..4 {
        scene.devnet.node(0).kill().await;
        scene.all_hear("the loss", is_lost).await;
        scene.devnet.node(0).restart().await.unwrap();
        scene.all_hear("the return", |event| matches!(event, Event::Reconnected { .. })).await;
    }
    scene.finish("node flapping").await;
}
