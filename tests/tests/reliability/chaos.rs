//! Random faults at four nodes with eight clients and two hostile peers, for a given time.
//!
//! A seed determines the faults and their order, because they are drawn before the state of any node is read. Their
//! effects also depend on sockets and the scheduler.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use amop::RunningHandler;
use amop_devnet::{
    Choice, Devnet, DevnetBuilder, Fault, Generation, Node, NodeCertificate, OnConnect, SameNode,
};
use fastrand::Rng;
use tokio::task::JoinHandle;

use crate::scenario::Scenario;
use crate::setup::{ECHO, INBOX, MIXED, NEWS, Setup, duplicates, nodes, reply_type};

const NODES: usize = 4;
const PUBLISHERS: usize = 3;
const SUBSCRIBERS: usize = 4;

/// Returns a number from an environment variable, which `scripts/chaos.sh` sets.
fn from_environment(name: &str, default: u64) -> u64 {
    match std::env::var(name) {
        Ok(text) => text.parse().unwrap_or_else(|error| panic!("{name}: invalid number {text:?}: {error}")),
        Err(_) => default,
    }
}

/// The kinds of faults.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum FaultKind {
    Kill,
    Freeze,
    ResetAndRefuse,
    ExpiredCertificate,
    CutLink,
    KillAllNodes,
    CutSessions,
    StallSession,
    ResetSession,
    CutInMidFrame,
    Garbage,
    LoseReplies,
    LoseRepliesOfSubscribers,
    DuplicateFrames,
    DelayFrames,
    SlowHandlers,
    RemoveEndpoint,
    PublisherSubscribes,
}

const ALL: [FaultKind; 18] = [
    FaultKind::Kill,
    FaultKind::Freeze,
    FaultKind::ResetAndRefuse,
    FaultKind::ExpiredCertificate,
    FaultKind::CutLink,
    FaultKind::KillAllNodes,
    FaultKind::CutSessions,
    FaultKind::StallSession,
    FaultKind::ResetSession,
    FaultKind::CutInMidFrame,
    FaultKind::Garbage,
    FaultKind::LoseReplies,
    FaultKind::LoseRepliesOfSubscribers,
    FaultKind::DuplicateFrames,
    FaultKind::DelayFrames,
    FaultKind::SlowHandlers,
    FaultKind::RemoveEndpoint,
    FaultKind::PublisherSubscribes,
];

/// One fault, and the node that is repaired after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Step {
    kind: FaultKind,
    /// The node of a fault that lasts. It is never node 0, so that calls can always succeed.
    lasting_at: usize,
    /// The node of a fault that ends without a repair.
    passing_at: usize,
    /// The index of a session or client, modulo their number.
    which: usize,
    time: Duration,
    rest: Duration,
    repaired: Option<usize>,
}

/// Returns the faults of a seed. Each step draws the same amount of random numbers.
fn plan(seed: u64) -> impl Iterator<Item = Step> {
    let mut rng = Rng::with_seed(seed);
    std::iter::repeat_with(move || Step {
        kind: ALL[rng.usize(..ALL.len())],
        lasting_at: rng.usize(1..NODES),
        passing_at: rng.usize(..NODES),
        which: rng.usize(..1000),
        time: Duration::from_millis(rng.u64(10..500)),
        rest: Duration::from_millis(rng.u64(20..600)),
        repaired: [None, Some(rng.usize(1..NODES))][rng.usize(..2)],
    })
}

/// Returns the nodes of a seed. Some behave like those of a real chain in some respects.
fn chaos_nodes(generation: Generation, seed: u64) -> DevnetBuilder {
    let mut rng = Rng::with_seed(!seed);
    let [drops, slow_sync, reorders, each_second] = [(); 4].map(|()| rng.bool());
    println!(
        "chaos on {generation:?}: same-node drop {drops}, slow topic lists {slow_sync}, reorder {reorders}, choice each second \
         {each_second}"
    );
    nodes(generation, NODES)
        .seed(seed)
        .same_node(if drops { SameNode::Drop } else { SameNode::Deliver })
        .topic_sync(Duration::from_millis(if slow_sync { 500 } else { 0 }))
        .reorder(Duration::from_millis(if reorders { 50 } else { 0 }))
        .choice(if each_second { Choice::EachSecond } else { Choice::EachMessage })
}

/// The scenario, and the faults outside of the nodes that last until they are repaired.
struct Chaos {
    generation: Generation,
    scenario: Scenario,
    /// How long handlers take now, in milliseconds.
    handler_delay: Arc<AtomicU64>,
    /// The subscription of a publisher, which may still be pending.
    subscription: Option<JoinHandle<amop::Result<RunningHandler>>>,
}

impl Chaos {
    async fn start(generation: Generation, seed: u64) -> Chaos {
        let handler_delay = Arc::new(AtomicU64::new(0));
        let slow = handler_delay.clone();
        let handler_time = move |topic: &str, call: usize| match (slow.load(Ordering::Relaxed), topic) {
            (0, _) => Duration::ZERO,
            // Some calls take longer than the answer timeout and the node's push limit.
            (_, ECHO | MIXED) if call.is_multiple_of(15) => Duration::from_millis(1300),
            (delay, ECHO | MIXED) => Duration::from_millis(delay),
            // These handlers run one after the other, so that longer times would accumulate.
            _ => Duration::from_millis(2),
        };
        let setup = Setup::new(generation, chaos_nodes(generation, seed))
            .clients(PUBLISHERS, SUBSCRIBERS)
            .handler_time(handler_time)
            .with_mixed_topic()
            .with_hostile_peers(seed);
        Chaos { generation, scenario: setup.start().await, handler_delay, subscription: None }
    }

    fn devnet(&self) -> &Devnet {
        &self.scenario.devnet
    }

    /// Causes one fault. Returns its description.
    async fn cause(&mut self, step: Step) -> String {
        let node = self.devnet().node(step.lasting_at);
        let any = self.devnet().node(step.passing_at);
        let inject = |fault: Fault| {
            self.devnet().inject(fault.at(&any));
            format!("at node {}", any.index())
        };
        let at = match step.kind {
            FaultKind::Kill => {
                node.kill().await;
                format!("node {}", node.index())
            }
            FaultKind::Freeze => {
                node.freeze();
                format!("node {}", node.index())
            }
            FaultKind::ResetAndRefuse => {
                node.on_connect(OnConnect::Reset);
                node.reset_sessions();
                format!("at node {}", node.index())
            }
            FaultKind::ExpiredCertificate => {
                node.show_certificate(NodeCertificate::Expired).expect("the nodes have TLS");
                node.cut_sessions();
                format!("at node {}", node.index())
            }
            FaultKind::CutLink => {
                let other = self.devnet().node((node.index() + 1) % NODES);
                node.cut_link(&other);
                format!("from node {} to {}", node.index(), other.index())
            }
            FaultKind::KillAllNodes => {
                for node in self.devnet().nodes() {
                    node.kill().await;
                }
                tokio::time::sleep(step.time).await;
                for node in self.devnet().nodes() {
                    node.restart().await.expect("the port is still free");
                }
                format!("for {:?}", step.time)
            }
            FaultKind::CutSessions => {
                any.cut_sessions();
                format!("at node {}", any.index())
            }
            FaultKind::StallSession => on_session(&any, step, |session| session.stall()),
            FaultKind::ResetSession => on_session(&any, step, |session| session.reset()),
            FaultKind::CutInMidFrame => inject(Fault::cut_in_mid_frame().times(2)),
            FaultKind::Garbage => inject(Fault::garbage().times(2)),
            FaultKind::LoseReplies => {
                inject(Fault::lose().on_type(reply_type(self.generation)).chance(0.3).times(5))
            }
            FaultKind::LoseRepliesOfSubscribers => {
                inject(Fault::lose().from_clients().on_type(reply_type(self.generation)).chance(0.3).times(5))
            }
            FaultKind::DuplicateFrames => {
                for fault in duplicates(self.generation) {
                    inject(fault.chance(0.5).times(50));
                }
                format!("at node {}", any.index())
            }
            FaultKind::DelayFrames => inject(Fault::delay(step.time).chance(0.3).times(50)),
            FaultKind::SlowHandlers => {
                self.handler_delay.store(step.time.as_millis() as u64, Ordering::Relaxed);
                format!("by {:?}", step.time)
            }
            FaultKind::RemoveEndpoint => {
                let client = step.which % self.scenario.len();
                self.scenario.client(client).remove_endpoint(node.endpoint()).expect("the client is open");
                format!("node {} of client {client}", node.index())
            }
            FaultKind::PublisherSubscribes => {
                self.end_subscription().await;
                let (client, topic) = (step.which % PUBLISHERS, [INBOX, NEWS][step.which / PUBLISHERS % 2]);
                self.subscription = Some(tokio::spawn(self.scenario.subscribe(client, topic)));
                format!("client {client} to {topic}")
            }
        };
        format!("{:?} {at}", step.kind)
    }

    /// Ends the subscription of a publisher, also a pending one.
    async fn end_subscription(&mut self) {
        let Some(subscription) = self.subscription.take() else { return };
        subscription.abort();
        if let Ok(subscribed) = subscription.await {
            subscribed.expect("the subscription is confirmed in time").leave();
        }
    }

    /// Repairs all lasting faults of a node and of the clients.
    async fn repair(&self, index: usize) {
        let node = self.devnet().node(index);
        node.thaw();
        node.on_connect(OnConnect::Serve);
        node.show_certificate(NodeCertificate::Valid).expect("the nodes have TLS");
        for session in node.sessions() {
            session.resume();
        }
        for other in self.devnet().nodes() {
            if other.index() != index {
                node.restore_link(&other);
            }
        }
        node.restart().await.expect("the port is still free");
        self.handler_delay.store(0, Ordering::Relaxed);
        for client in 0..self.scenario.len() {
            self.scenario.client(client).add_endpoint(node.endpoint()).expect("the client is open");
        }
    }

    async fn finish(mut self, row: &str) {
        self.end_subscription().await;
        self.devnet().clear_faults();
        for index in 0..NODES {
            self.repair(index).await;
        }
        self.scenario.finish(row).await;
    }
}

/// Applies a fault to one of a node's sessions, if it has any.
fn on_session(node: &Node, step: Step, apply: impl FnOnce(&amop_devnet::Session)) -> String {
    let sessions = node.sessions();
    if let Some(session) = sessions.get(step.which % sessions.len().max(1)) {
        apply(session);
    }
    format!("at node {}", node.index())
}

on_both_generations! { random_faults_break_no_promise }

async fn random_faults_break_no_promise(generation: Generation) {
    let seed = from_environment("AMOP_CHAOS_SEED", 1);
    let duration = Duration::from_secs(from_environment("AMOP_CHAOS_SECONDS", 5));
    println!("chaos: AMOP_CHAOS_SEED={seed} for {duration:?}");
    let mut chaos = Chaos::start(generation, seed).await;
    let begun = Instant::now();
    let mut steps = 0;
    for step in plan(seed) {
        if begun.elapsed() >= duration {
            break;
        }
        let description = chaos.cause(step).await;
        println!("{:>8.1?} {description}", begun.elapsed());
        steps += 1;
        // The duration of a fault is part of the plan. This does not wait for a state.
        tokio::time::sleep(step.rest).await;
        if let Some(node) = step.repaired {
            chaos.repair(node).await;
        }
    }
    chaos.finish(&format!("chaos on {generation:?}, seed {seed}, {steps} faults")).await;
}

#[test]
fn plan_depends_on_the_seed_only() {
    let steps = |seed| plan(seed).take(1000).collect::<Vec<_>>();
    assert_eq!(steps(7), steps(7));
    assert_ne!(steps(7), steps(8));
}

#[test]
fn plan_contains_every_kind_of_fault() {
    let kinds: std::collections::HashSet<_> = plan(7).take(1000).map(|step| step.kind).collect();
    assert_eq!(kinds.len(), ALL.len());
}
