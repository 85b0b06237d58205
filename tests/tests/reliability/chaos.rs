//! Four nodes, eight clients, and whatever a seed says goes wrong, for as long as one likes.
//!
//! The same seed breaks the same things in the same order; what the sockets and the scheduler make of it differs.

use std::time::{Duration, Instant};

use amop_devnet::{Devnet, Fault, NodeCertificate, Welcome};
use fastrand::Rng;

use crate::scene::{Scene, nodes};

const NODES: usize = 4;

/// A number from the environment: `scripts/chaos.sh` sets it.
fn given(name: &str, or: u64) -> u64 {
    match std::env::var(name) {
        Ok(text) => text.parse().unwrap_or_else(|error| panic!("{name}={text:?} is no number: {error}")),
        Err(_) => or,
    }
}

/// Breaks one thing; what it was. Node 0 is never taken away altogether, so that something is there to be tested.
async fn breaks(devnet: &Devnet, rng: &mut Rng) -> String {
    let node = devnet.node(rng.usize(1..NODES));
    let any = devnet.node(rng.usize(..NODES));
    let (what, index) = match rng.u32(..14) {
        0 => {
            node.kill().await;
            ("kill", node.index())
        }
        1 => {
            node.freeze();
            ("freeze", node.index())
        }
        2 => {
            node.welcome(Welcome::Reset);
            node.reset_sessions();
            ("reset and refuse", node.index())
        }
        3 => {
            node.show_certificate(NodeCertificate::Expired).expect("the nodes have TLS");
            node.cut_sessions();
            ("cut, with an expired certificate", node.index())
        }
        4 => {
            node.cut_link(&devnet.node((node.index() + 1) % NODES));
            ("cut the link to the next", node.index())
        }
        5 => {
            any.cut_sessions();
            ("cut all sessions", any.index())
        }
        6 | 7 => {
            let sessions = any.sessions();
            if let Some(session) = rng.choice(&sessions) {
                session.stall();
            }
            ("stall a session", any.index())
        }
        8 => {
            let sessions = any.sessions();
            if let Some(session) = rng.choice(&sessions) {
                session.reset();
            }
            ("reset a session", any.index())
        }
        9 => {
            devnet.inject(Fault::cut_in_mid_frame().at(&any).times(2));
            ("cut in mid-frame", any.index())
        }
        10 => {
            devnet.inject(Fault::lose().on_type(0x31).at(&any).chance(0.3).times(5));
            ("lose replies to publishers", any.index())
        }
        11 => {
            devnet.inject(Fault::lose().from_clients().on_type(0x31).at(&any).chance(0.3).times(5));
            ("lose replies of subscribers", any.index())
        }
        12 => {
            devnet.inject(Fault::twice().at(&any).chance(0.5).times(50));
            ("double frames", any.index())
        }
        _ => {
            let by = Duration::from_millis(rng.u64(10..500));
            devnet.inject(Fault::delay(by).at(&any).chance(0.3).times(50));
            ("delay frames", any.index())
        }
    };
    format!("{what} at node {index}")
}

/// Mends all that lasts at a node.
async fn mends(devnet: &Devnet, index: usize) {
    let node = devnet.node(index);
    node.thaw();
    node.welcome(Welcome::Serve);
    node.show_certificate(NodeCertificate::Valid).expect("the nodes have TLS");
    for other in devnet.nodes() {
        if other.index() != index {
            node.restore_link(&other);
        }
    }
    node.restart().await.expect("its port is still free");
}

#[tokio::test]
async fn whatever_goes_wrong_in_whatever_order() {
    let seed = given("AMOP_CHAOS_SEED", 1);
    let duration = Duration::from_secs(given("AMOP_CHAOS_SECONDS", 5));
    println!("chaos: AMOP_CHAOS_SEED={seed} for {duration:?}");
    let mut rng = Rng::with_seed(seed);
    let scene = Scene::start_with(nodes(NODES).seed(seed), 3, 4, |_| Duration::ZERO).await;
    let begun = Instant::now();
    let mut steps = 0;
    while begun.elapsed() < duration {
        let step = breaks(&scene.devnet, &mut rng).await;
        println!("{:>8.1?} {step}", begun.elapsed());
        steps += 1;
        // How long a fault lasts belongs to the chaos; nothing is waited for here.
        tokio::time::sleep(Duration::from_millis(rng.u64(20..600))).await;
        if rng.bool() {
            mends(&scene.devnet, rng.usize(1..NODES)).await;
        }
    }
    scene.devnet.clear_faults();
    for index in 0..NODES {
        mends(&scene.devnet, index).await;
    }
    scene.finish(&format!("chaos, seed {seed}, {steps} faults")).await;
}
