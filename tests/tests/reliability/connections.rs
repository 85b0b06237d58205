//! Connections fail, or can't be made.

use std::time::Duration;

use amop::{ErrorKind, Event};
use amop_devnet::{Fault, FaultId, NodeCertificate, OnConnect};

use crate::scene::Scene;
use crate::setup::{Setup, nodes};

/// Waits, with the load going on, until a fault has happened so often.
async fn hits(scene: &Scene, fault: FaultId, times: u64) {
    let what = "the fault to happen";
    scene.oracle.says(what, |_| scene.devnet.hits(fault).is_some_and(|hits| hits >= times)).await;
}

fn is_lost(event: &Event) -> bool {
    matches!(event, Event::Lost { .. })
}

#[tokio::test]
async fn connections_are_cut_in_the_middle_of_a_frame() {
    let scene = Scene::start(nodes(3)).await;
    let replies = Fault::cut_in_mid_frame().at(&scene.devnet.node(0)).on_type(0x31).times(3);
    let requests = Fault::cut_in_mid_frame().at(&scene.devnet.node(1)).on_topic("news").times(3);
    let faults = [scene.devnet.inject(replies), scene.devnet.inject(requests)];
    for fault in faults {
        hits(&scene, fault, 3).await;
    }
    scene.finish("cut in mid-frame").await;
}

#[tokio::test]
async fn a_node_sends_garbage() {
    let scene = Scene::start(nodes(3)).await;
    let fault = scene.devnet.inject(Fault::garbage().at(&scene.devnet.node(0)).after(5).times(4));
    hits(&scene, fault, 4).await;
    scene.finish("garbage").await;
}

#[tokio::test]
async fn connections_are_half_open() {
    let mut scene = Scene::start(nodes(3)).await;
    let node = scene.devnet.node(0);
    node.on_connect(OnConnect::Stall);
    for session in node.sessions() {
        session.stall();
    }
    scene.all_hear("silence taken for death", is_lost).await;
    scene.load_flows().await;
    node.on_connect(OnConnect::Serve);
    scene.finish("half-open").await;
}

#[tokio::test]
async fn a_node_is_slow() {
    let scene = Setup::new(nodes(3)).patient().start().await;
    let late = Fault::delay(Duration::from_millis(250)).at(&scene.devnet.node(0));
    let fault = scene.devnet.inject(late);
    hits(&scene, fault, 50).await;
    scene.load_flows().await;
    scene.devnet.clear_faults();
    let tally = scene.finish("slow node").await;
    assert_eq!((tally.failed, tally.uncertain), (0, 0), "slow is not lost");
}

#[tokio::test]
async fn a_node_refuses_tls() {
    let mut scene = Scene::start(nodes(3)).await;
    let node = scene.devnet.node(0);
    for on_connect in [OnConnect::Reset, OnConnect::Garbage] {
        node.on_connect(on_connect);
        node.reset_sessions();
        scene.all_hear("a failed try", |event| matches!(event, Event::ConnectFailed { .. })).await;
    }
    scene.load_flows().await;
    node.on_connect(OnConnect::Serve);
    scene.finish("TLS refused").await;
}

#[tokio::test]
async fn a_nodes_certificate_has_expired() {
    let mut scene = Scene::start(nodes(3)).await;
    let node = scene.devnet.node(0);
    node.show_certificate(NodeCertificate::Expired).unwrap();
    node.cut_sessions();
    let refused = |event: &Event| matches!(event, Event::ConnectFailed { error, .. } if error.kind() == ErrorKind::NodeCertificate);
    scene.all_hear("the certificate refused", refused).await;
    scene.load_flows().await;
    node.show_certificate(NodeCertificate::Valid).unwrap();
    scene.finish("certificate expired").await;
}
