//! Faults of connections.

use std::time::Duration;

use amop::{ErrorKind, Event};
use amop_devnet::{Fault, FaultId, Generation, NodeCertificate, OnConnect};

use crate::scenario::Scenario;
use crate::setup::{Setup, nodes, reply_type};

on_both_generations! {
    connections_are_cut_in_the_middle_of_a_frame,
    node_sends_garbage,
    connections_are_half_open,
    node_is_slow,
    node_refuses_tls,
    node_certificate_has_expired,
}

/// Waits, under load, until a fault has happened a number of times.
async fn hits(scenario: &Scenario, fault: FaultId, times: u64) {
    let what = "the fault to happen";
    scenario.oracle.wait_until(what, |_| scenario.devnet.hits(fault).is_some_and(|hits| hits >= times)).await;
}

fn is_lost(event: &Event) -> bool {
    matches!(event, Event::Lost { .. })
}

async fn connections_are_cut_in_the_middle_of_a_frame(generation: Generation) {
    let scenario = Scenario::start(generation, 3).await;
    let replies =
        Fault::cut_in_mid_frame().at(&scenario.devnet.node(0)).on_type(reply_type(generation)).times(3);
    let requests = Fault::cut_in_mid_frame().at(&scenario.devnet.node(1)).on_topic("news").times(3);
    let faults = [scenario.devnet.inject(replies), scenario.devnet.inject(requests)];
    for fault in faults {
        hits(&scenario, fault, 3).await;
    }
    scenario.finish("cut in mid-frame").await;
}

async fn node_sends_garbage(generation: Generation) {
    let scenario = Scenario::start(generation, 3).await;
    let fault = scenario.devnet.inject(Fault::garbage().at(&scenario.devnet.node(0)).after(5).times(4));
    hits(&scenario, fault, 4).await;
    scenario.finish("garbage").await;
}

async fn connections_are_half_open(generation: Generation) {
    let mut scenario = Scenario::start(generation, 3).await;
    let node = scenario.devnet.node(0);
    node.on_connect(OnConnect::Stall);
    for session in node.sessions() {
        session.stall();
    }
    scenario.wait_for_event("the loss after missed heartbeats", is_lost).await;
    scenario.wait_for_progress().await;
    node.on_connect(OnConnect::Serve);
    scenario.finish("half-open").await;
}

async fn node_is_slow(generation: Generation) {
    let scenario = Setup::new(generation, nodes(generation, 3)).patient().start().await;
    let late = Fault::delay(Duration::from_millis(250)).at(&scenario.devnet.node(0));
    let fault = scenario.devnet.inject(late);
    hits(&scenario, fault, 50).await;
    scenario.wait_for_progress().await;
    scenario.devnet.clear_faults();
    let totals = scenario.finish("slow node").await;
    assert_eq!((totals.failed, totals.uncertain), (0, 0), "a slow node loses no call");
}

async fn node_refuses_tls(generation: Generation) {
    let mut scenario = Scenario::start(generation, 3).await;
    let node = scenario.devnet.node(0);
    for on_connect in [OnConnect::Reset, OnConnect::Garbage] {
        node.on_connect(on_connect);
        node.reset_sessions();
        scenario
            .wait_for_event("a failed attempt", |event| matches!(event, Event::ConnectFailed { .. }))
            .await;
    }
    scenario.wait_for_progress().await;
    node.on_connect(OnConnect::Serve);
    scenario.finish("TLS refused").await;
}

async fn node_certificate_has_expired(generation: Generation) {
    let mut scenario = Scenario::start(generation, 3).await;
    let node = scenario.devnet.node(0);
    node.show_certificate(NodeCertificate::Expired).unwrap();
    node.cut_sessions();
    let refused = |event: &Event| matches!(event, Event::ConnectFailed { error, .. } if error.kind() == ErrorKind::NodeCertificate);
    scenario.wait_for_event("a refused certificate", refused).await;
    scenario.wait_for_progress().await;
    node.show_certificate(NodeCertificate::Valid).unwrap();
    scenario.finish("certificate expired").await;
}
