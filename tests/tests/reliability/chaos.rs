//! Four nodes, eight clients, and whatever a seed says goes wrong, for as long as one likes.
//!
//! The same seed breaks the same things in the same order: what is broken is drawn before anything is looked at. What
//! the sockets and the scheduler make of it differs.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use amop::RunningHandler;
use amop_devnet::{Choice, Devnet, DevnetBuilder, Fault, Node, NodeCertificate, OnConnect, SameNode};
use fastrand::Rng;
use tokio::task::JoinHandle;

use crate::scene::Scene;
use crate::setup::{DESK, ECHO, INBOX, NEWS, Setup, nodes};

const NODES: usize = 4;
const PUBLISHERS: usize = 3;
const SUBSCRIBERS: usize = 4;

/// A number from the environment: `scripts/chaos.sh` sets it.
fn given(name: &str, or: u64) -> u64 {
    match std::env::var(name) {
        Ok(text) => text.parse().unwrap_or_else(|error| panic!("{name}={text:?} is no number: {error}")),
        Err(_) => or,
    }
}

/// What can be broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum What {
    Kill,
    Freeze,
    ResetAndRefuse,
    ExpiredCertificate,
    CutLink,
    AllNodesGone,
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
    VisitorSubscribes,
}

const ALL: [What; 18] = [
    What::Kill,
    What::Freeze,
    What::ResetAndRefuse,
    What::ExpiredCertificate,
    What::CutLink,
    What::AllNodesGone,
    What::CutSessions,
    What::StallSession,
    What::ResetSession,
    What::CutInMidFrame,
    What::Garbage,
    What::LoseReplies,
    What::LoseRepliesOfSubscribers,
    What::DuplicateFrames,
    What::DelayFrames,
    What::SlowHandlers,
    What::RemoveEndpoint,
    What::VisitorSubscribes,
];

/// One thing to break, and what is mended a while later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Step {
    what: What,
    /// Where, when it lasts: never node 0, so that something is there to be tested.
    lasting_at: usize,
    /// Where, when it passes by itself.
    passing_at: usize,
    /// Which of those that there are: to be taken modulo their number.
    which: usize,
    time: Duration,
    rest: Duration,
    mended: Option<usize>,
}

/// What a seed breaks. Each step draws the same numbers, whatever becomes of them.
fn plan(seed: u64) -> impl Iterator<Item = Step> {
    let mut rng = Rng::with_seed(seed);
    std::iter::repeat_with(move || Step {
        what: ALL[rng.usize(..ALL.len())],
        lasting_at: rng.usize(1..NODES),
        passing_at: rng.usize(..NODES),
        which: rng.usize(..1000),
        time: Duration::from_millis(rng.u64(10..500)),
        rest: Duration::from_millis(rng.u64(20..600)),
        mended: [None, Some(rng.usize(1..NODES))][rng.usize(..2)],
    })
}

/// The nodes of a seed: some behave as those of a real chain in one way or another.
fn world(seed: u64) -> DevnetBuilder {
    let mut rng = Rng::with_seed(!seed);
    let [drops, slow_sync, reorders, each_second] = [(); 4].map(|()| rng.bool());
    println!(
        "chaos: same-node drop {drops}, slow topic lists {slow_sync}, reorder {reorders}, choice each second \
         {each_second}"
    );
    nodes(NODES)
        .seed(seed)
        .same_node(if drops { SameNode::Drop } else { SameNode::Deliver })
        .topic_sync(Duration::from_millis(if slow_sync { 500 } else { 0 }))
        .reorder(Duration::from_millis(if reorders { 50 } else { 0 }))
        .choice(if each_second { Choice::EachSecond } else { Choice::EachMessage })
}

/// The scene, and what lasts until it is mended.
struct Chaos {
    scene: Scene,
    /// How long handlers take at the moment, in milliseconds.
    pace: Arc<AtomicU64>,
    /// A publisher that subscribes too, or is about to.
    visitor: Option<JoinHandle<amop::Result<RunningHandler>>>,
}

impl Chaos {
    async fn start(seed: u64) -> Chaos {
        let pace = Arc::new(AtomicU64::new(0));
        let slow = pace.clone();
        let thinking = move |topic: &str, call: usize| match (slow.load(Ordering::Relaxed), topic) {
            (0, _) => Duration::ZERO,
            // Now and then longer than the library and the node wait.
            (_, ECHO | DESK) if call.is_multiple_of(15) => Duration::from_millis(1300),
            (pace, ECHO | DESK) => Duration::from_millis(pace),
            // One after the other: more would pile up.
            _ => Duration::from_millis(2),
        };
        let setup = Setup::new(world(seed)).clients(PUBLISHERS, SUBSCRIBERS).thinking(thinking).with_desk();
        Chaos { scene: setup.start().await, pace, visitor: None }
    }

    fn devnet(&self) -> &Devnet {
        &self.scene.devnet
    }

    /// Breaks one thing; what it was.
    async fn breaks(&mut self, step: Step) -> String {
        let node = self.devnet().node(step.lasting_at);
        let any = self.devnet().node(step.passing_at);
        let inject = |fault: Fault| {
            self.devnet().inject(fault.at(&any));
            format!("at node {}", any.index())
        };
        let at = match step.what {
            What::Kill => {
                node.kill().await;
                format!("node {}", node.index())
            }
            What::Freeze => {
                node.freeze();
                format!("node {}", node.index())
            }
            What::ResetAndRefuse => {
                node.on_connect(OnConnect::Reset);
                node.reset_sessions();
                format!("at node {}", node.index())
            }
            What::ExpiredCertificate => {
                node.show_certificate(NodeCertificate::Expired).expect("the nodes have TLS");
                node.cut_sessions();
                format!("at node {}", node.index())
            }
            What::CutLink => {
                let other = self.devnet().node((node.index() + 1) % NODES);
                node.cut_link(&other);
                format!("from node {} to {}", node.index(), other.index())
            }
            What::AllNodesGone => {
                for node in self.devnet().nodes() {
                    node.kill().await;
                }
                tokio::time::sleep(step.time).await;
                for node in self.devnet().nodes() {
                    node.restart().await.expect("its port is still free");
                }
                format!("for {:?}", step.time)
            }
            What::CutSessions => {
                any.cut_sessions();
                format!("at node {}", any.index())
            }
            What::StallSession => one_of(&any, step, |session| session.stall()),
            What::ResetSession => one_of(&any, step, |session| session.reset()),
            What::CutInMidFrame => inject(Fault::cut_in_mid_frame().times(2)),
            What::Garbage => inject(Fault::garbage().times(2)),
            What::LoseReplies => inject(Fault::lose().on_type(0x31).chance(0.3).times(5)),
            What::LoseRepliesOfSubscribers => {
                inject(Fault::lose().from_clients().on_type(0x31).chance(0.3).times(5))
            }
            What::DuplicateFrames => inject(Fault::twice().chance(0.5).times(50)),
            What::DelayFrames => inject(Fault::delay(step.time).chance(0.3).times(50)),
            What::SlowHandlers => {
                self.pace.store(step.time.as_millis() as u64, Ordering::Relaxed);
                format!("by {:?}", step.time)
            }
            What::RemoveEndpoint => {
                let client = step.which % self.scene.len();
                self.scene.client(client).remove_endpoint(node.endpoint()).expect("it is an endpoint");
                format!("node {} of client {client}", node.index())
            }
            What::VisitorSubscribes => {
                self.visitor_leaves().await;
                let (client, topic) = (step.which % PUBLISHERS, [INBOX, NEWS][step.which / PUBLISHERS % 2]);
                self.visitor = Some(tokio::spawn(self.scene.subscribe(client, topic)));
                format!("client {client} to {topic}")
            }
        };
        format!("{:?} {at}", step.what)
    }

    /// The visitor is gone when this returns, also one that was still about to subscribe.
    async fn visitor_leaves(&mut self) {
        let Some(visitor) = self.visitor.take() else { return };
        visitor.abort();
        if let Ok(subscribed) = visitor.await {
            subscribed.expect("there is time enough to subscribe").leave();
        }
    }

    /// Mends all that lasts at a node, and what the clients suffer from.
    async fn mends(&self, index: usize) {
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
        node.restart().await.expect("its port is still free");
        self.pace.store(0, Ordering::Relaxed);
        for client in 0..self.scene.len() {
            self.scene.client(client).add_endpoint(node.endpoint()).expect("the client lives");
        }
    }

    async fn finish(mut self, row: &str) {
        self.visitor_leaves().await;
        self.devnet().clear_faults();
        for index in 0..NODES {
            self.mends(index).await;
        }
        self.scene.finish(row).await;
    }
}

/// Does something to one of a node's sessions, where there is any.
fn one_of(node: &Node, step: Step, does: impl FnOnce(&amop_devnet::Session)) -> String {
    let sessions = node.sessions();
    if let Some(session) = sessions.get(step.which % sessions.len().max(1)) {
        does(session);
    }
    format!("at node {}", node.index())
}

#[tokio::test]
async fn whatever_goes_wrong_in_whatever_order() {
    let seed = given("AMOP_CHAOS_SEED", 1);
    let duration = Duration::from_secs(given("AMOP_CHAOS_SECONDS", 5));
    println!("chaos: AMOP_CHAOS_SEED={seed} for {duration:?}");
    let mut chaos = Chaos::start(seed).await;
    let begun = Instant::now();
    let mut steps = 0;
    for step in plan(seed) {
        if begun.elapsed() >= duration {
            break;
        }
        let what = chaos.breaks(step).await;
        println!("{:>8.1?} {what}", begun.elapsed());
        steps += 1;
        // How long a fault lasts belongs to the chaos; nothing is waited for here.
        tokio::time::sleep(step.rest).await;
        if let Some(node) = step.mended {
            chaos.mends(node).await;
        }
    }
    chaos.finish(&format!("chaos, seed {seed}, {steps} faults")).await;
}

#[test]
fn a_seed_makes_one_plan_and_every_thing_gets_its_turn() {
    let steps = |seed| plan(seed).take(1000).collect::<Vec<_>>();
    assert_eq!(steps(7), steps(7));
    assert_ne!(steps(7), steps(8));
    let broken: std::collections::HashSet<_> = steps(7).iter().map(|step| step.what).collect();
    assert_eq!(broken.len(), ALL.len());
}
