//! A minute of everything at once: 4 nodes, 16 clients, random faults, nodes that die, freeze and lose links.

use std::time::Duration;

use amop_devnet::{Devnet, Fault};
use fastrand::Rng;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use crate::sdk::{BROADCAST, REQUEST, RESPONSE, Sdk, devnet, message, raw, seq};

const NODES: usize = 4;
const MINUTE: Duration = Duration::from_secs(60);

/// Connects wherever it can, again and again: answers half of the requests, publishes, is lazy at times.
async fn client(devnet: std::sync::Arc<Devnet>, number: u64, end: Instant) -> u64 {
    let mut rng = Rng::with_seed(number);
    let mut frames = 0;
    while Instant::now() < end {
        let node = devnet.node(rng.usize(..NODES));
        let Some(mut sdk) = Sdk::attach(&node) else {
            sleep(Duration::from_millis(50)).await;
            continue;
        };
        let offer = raw(0x14, seq("hi"), r#"{"minimumSupport":1,"maximumSupport":3,"clientType":"soak"}"#);
        let topics = raw(0x32, seq("topics"), format!("[\"t{}\",\"all\"]", number % 4));
        let hello = [offer.bytes(), topics.bytes()].concat();
        let mut alive = sdk.try_send_bytes(&hello).await.is_ok();
        while alive && Instant::now() < end {
            if rng.u8(..) < 2 {
                break;
            }
            let kind = if rng.bool() { REQUEST } else { BROADCAST };
            let topic = if rng.bool() { "all".to_string() } else { format!("t{}", rng.u8(..5)) };
            let length = if rng.u8(..) < 4 { 100_000 } else { rng.usize(..500) };
            let body = message(&topic, &"x".repeat(length));
            let frame = raw(kind, seq(&rng.u64(..).to_string()), body);
            alive = sdk.try_send_bytes(&frame.bytes()).await.is_ok();
            while alive {
                let wait = Duration::from_millis(rng.u64(1..20));
                match timeout(wait, sdk.try_any()).await {
                    Ok(Some(got)) if got.kind == REQUEST && rng.bool() => {
                        frames += 1;
                        let reply = raw(RESPONSE, got.seq, got.body);
                        alive = sdk.try_send_bytes(&reply.bytes()).await.is_ok();
                    }
                    Ok(Some(_)) => frames += 1,
                    Ok(None) => alive = false,
                    Err(_) => break,
                }
            }
        }
    }
    frames
}

/// Does something to the nodes every now and then, and leaves them whole.
async fn havoc(devnet: std::sync::Arc<Devnet>, end: Instant) {
    let mut rng = Rng::with_seed(99);
    while Instant::now() < end {
        sleep(Duration::from_millis(rng.u64(100..700))).await;
        let (node, other) = (devnet.node(rng.usize(..NODES)), devnet.node(rng.usize(..NODES)));
        match rng.u8(..4) {
            0 => {
                node.kill().await;
                sleep(Duration::from_millis(200)).await;
                node.restart().await.unwrap();
            }
            1 => {
                node.freeze();
                sleep(Duration::from_millis(300)).await;
                node.thaw();
            }
            2 => {
                node.cut_link(&other);
                sleep(Duration::from_millis(300)).await;
                node.restore_link(&other);
            }
            _ => node.reset_sessions(),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn after_a_minute_of_everything_nothing_is_left_over() {
    let devnet = devnet(NODES, |b| {
        b.seed(7)
            .push_limit(Duration::from_millis(500))
            .node_limit(Duration::from_secs(2))
            .max_queued_bytes(8 << 20)
            .reorder(Duration::from_millis(50))
    })
    .await;
    let idle = devnet.counters().tasks;
    for fault in [
        Fault::lose(),
        Fault::delay(Duration::from_millis(30)),
        Fault::twice(),
        Fault::other_seq(),
        Fault::other_type(0x33),
        Fault::lose().from_clients(),
        Fault::twice().from_clients(),
        Fault::garbage().from_clients(),
    ] {
        devnet.inject(fault.chance(0.01));
    }
    for fault in [Fault::cut_in_mid_frame(), Fault::close(), Fault::reset()] {
        devnet.inject(fault.chance(0.0005));
    }
    let devnet = std::sync::Arc::new(devnet);
    let end = Instant::now() + MINUTE;
    let mut clients = JoinSet::new();
    for number in 0..16 {
        clients.spawn(client(devnet.clone(), number, end));
    }
    let havoc = tokio::spawn(havoc(devnet.clone(), end));
    let frames: u64 = clients.join_all().await.iter().sum();
    havoc.await.unwrap();
    assert!(frames > 10_000, "{frames} frames came through");
    // The last unicasts run into their limits.
    sleep(Duration::from_secs(10)).await;
    let counters = devnet.counters();
    let left = (counters.sessions, counters.in_flight, counters.held_bytes, counters.tasks);
    assert_eq!(left, (0, 0, 0, idle));
    std::sync::Arc::into_inner(devnet).unwrap().stop().await;
}
