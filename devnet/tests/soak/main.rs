//! A soak test with 4 nodes, 16 clients and random faults: nodes are killed and frozen, lose links and show invalid
//! certificates. At the end no session, unicast, byte or task may be left.
//!
//! It runs a minute in memory on a paused clock, which takes seconds, and `AMOP_SOAK_SECONDS` (default: 3) over TLS in
//! real time.

#[path = "../wire/sdk.rs"]
#[allow(dead_code)] // other tests use the rest of it
mod sdk;

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use amop::transport::{Connector, Credentials, dial};
use amop_devnet::{Devnet, DevnetBuilder, Node, NodeCertificate, OnConnect};
use fastrand::Rng;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use crate::sdk::{BROADCAST, REQUEST, RESPONSE, Raw, Sdk, message, raw, seq};

const NODES: usize = 4;
const CLIENTS: u64 = 16;
const MINUTE: Duration = Duration::from_secs(60);

/// The time limit for the end, which only ends a test that hangs.
const GUARD: Duration = Duration::from_secs(60);

/// Connects a client. Returns `None` if that fails.
type Connect = Arc<dyn Fn(Node) -> Pin<Box<dyn Future<Output = Option<Sdk>> + Send>> + Send + Sync>;

/// Returns nodes with limits short enough to be reached.
fn nodes() -> DevnetBuilder {
    Devnet::builder()
        .nodes(NODES)
        .seed(7)
        .push_limit(Duration::from_millis(500))
        .node_limit(Duration::from_secs(2))
        .first_byte_limit(Duration::from_secs(2))
        .close_limit(Duration::from_millis(200))
        .max_queued_bytes(256 << 10)
        .reorder(Duration::from_millis(50))
}

/// Faults of every kind, rare enough that most messages are delivered.
const FAULTS: [&str; 17] = [
    "lose chance=0.01",
    "delay=0.03 chance=0.01",
    "twice chance=0.01",
    "other-seq chance=0.01",
    "other-type=0x33 chance=0.01",
    "garbage chance=0.0005",
    "cut chance=0.0005",
    "close chance=0.0005",
    "reset chance=0.0005",
    "stall chance=0.0005",
    "lose from-clients chance=0.01",
    "delay=0.03 from-clients chance=0.01",
    "twice from-clients chance=0.01",
    "other-seq from-clients chance=0.01",
    "garbage from-clients chance=0.01",
    "close from-clients chance=0.0005",
    "stall from-clients chance=0.0005",
];

/// Connects to random nodes again and again, publishes, answers half of the requests, and sometimes stops reading.
async fn client(devnet: Arc<Devnet>, connect: Connect, number: u64, end: Instant) -> u64 {
    let mut rng = Rng::with_seed(number);
    let mut frames = 0;
    while Instant::now() < end {
        let node = devnet.node(rng.usize(..NODES));
        let Some(mut sdk) = connect(node).await else {
            sleep(Duration::from_millis(50)).await;
            continue;
        };
        let offer = raw(0x14, seq("hi"), r#"{"minimumSupport":1,"maximumSupport":3,"clientType":"soak"}"#);
        let topics = raw(0x32, seq("topics"), format!("[\"t{}\",\"all\"]", number % 4));
        let mut alive = send(&mut sdk, &[offer.bytes(), topics.bytes()].concat()).await;
        while alive && Instant::now() < end {
            match rng.u8(..) {
                0 | 1 => break,
                // Stop reading for a while, so that some sessions are cut.
                2 => sleep(Duration::from_millis(500)).await,
                _ => {}
            }
            let kind = if rng.bool() { REQUEST } else { BROADCAST };
            let topic = if rng.bool() { "all".to_string() } else { format!("t{}", rng.u8(..5)) };
            let length = if rng.u8(..) < 4 { 100_000 } else { rng.usize(..500) };
            let body = message(&topic, &"x".repeat(length));
            let frame = raw(kind, seq(&rng.u64(..).to_string()), body);
            alive = send(&mut sdk, &frame.bytes()).await;
            while alive {
                let wait = Duration::from_millis(rng.u64(1..20));
                match timeout(wait, next(&mut sdk)).await {
                    Ok(Some(got)) if got.kind == REQUEST && rng.bool() => {
                        frames += 1;
                        alive = send(&mut sdk, &raw(RESPONSE, got.seq, got.body).bytes()).await;
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

/// Returns the next frame, or `None` at the end or if the bytes are not a frame.
async fn next(sdk: &mut Sdk) -> Option<Raw> {
    sdk.read_frame().await.ok().flatten()
}

/// Sends bytes. Returns whether the connection is alive and the node reads within a second.
async fn send(sdk: &mut Sdk, bytes: &[u8]) -> bool {
    timeout(Duration::from_secs(1), sdk.try_send_bytes(bytes)).await.is_ok_and(|sent| sent.is_ok())
}

/// Disturbs the nodes at random times, and repairs each disturbance.
async fn disturb(devnet: Arc<Devnet>, tls: bool, end: Instant) -> u32 {
    let mut rng = Rng::with_seed(99);
    let mut count = 0;
    while Instant::now() < end {
        sleep(Duration::from_millis(rng.u64(100..700))).await;
        let (node, other) = (devnet.node(rng.usize(..NODES)), devnet.node(rng.usize(..NODES)));
        let a_while = sleep(Duration::from_millis(300));
        count += 1;
        match rng.u8(..if tls { 7 } else { 4 }) {
            0 => {
                node.kill().await;
                a_while.await;
                node.restart().await.unwrap();
            }
            1 => {
                node.freeze();
                a_while.await;
                node.thaw();
            }
            2 => {
                node.cut_link(&other);
                a_while.await;
                node.restore_link(&other);
            }
            3 => node.reset_sessions(),
            4 => {
                node.close_port().await;
                a_while.await;
                node.open_port().await.unwrap();
            }
            5 => {
                let choices = [OnConnect::Close, OnConnect::Reset, OnConnect::Stall, OnConnect::Garbage];
                node.on_connect(choices[rng.usize(..choices.len())]);
                a_while.await;
                node.on_connect(OnConnect::Serve);
            }
            _ => {
                let certificates =
                    [NodeCertificate::Expired, NodeCertificate::NotYetValid, NodeCertificate::Foreign];
                node.show_certificate(certificates[rng.usize(..certificates.len())]).unwrap();
                a_while.await;
                node.show_certificate(NodeCertificate::Valid).unwrap();
            }
        }
        resume_all(&devnet);
    }
    count
}

fn resume_all(devnet: &Devnet) {
    devnet.nodes().iter().flat_map(Node::sessions).for_each(|session| session.resume());
}

/// Runs clients and disturbances for `time`, and checks that nothing is left.
async fn soak(devnet: Devnet, connect: Connect, tls: bool, time: Duration) {
    let idle = devnet.counters();
    for fault in FAULTS {
        devnet.control(&format!("fault {fault}")).await.unwrap();
    }
    let devnet = Arc::new(devnet);
    let end = Instant::now() + time;
    let mut clients = JoinSet::new();
    for number in 0..CLIENTS {
        clients.spawn(client(devnet.clone(), connect.clone(), number, end));
    }
    let disturbing = tokio::spawn(disturb(devnet.clone(), tls, end));
    let frames: u64 = clients.join_all().await.iter().sum();
    let count = disturbing.await.unwrap();

    // The last unicasts reach their limits, and stalled sessions notice that their clients have disconnected.
    let left = || {
        resume_all(&devnet);
        let counters = devnet.counters();
        (counters.sessions, counters.in_flight, counters.held_bytes, counters.tasks)
    };
    let wait = async {
        while left() != (0, 0, 0, idle.tasks) {
            sleep(Duration::from_millis(20)).await;
        }
    };
    let settled = timeout(GUARD, wait).await;
    assert!(settled.is_ok(), "sessions, unicasts, bytes, tasks left over: {:?} of {}", left(), idle.tasks);

    let counters = devnet.counters();
    println!(
        "{} s: clients received {frames} frames, nodes received {} and sent {} in {} records; {} connections, {} refused, \
         {} slow readers cut; {count} disturbances",
        time.as_secs(),
        counters.frames_in,
        counters.frames_out,
        counters.records_out,
        counters.accepted,
        counters.refused,
        counters.slow_readers,
    );
    for (fault, number) in FAULTS.iter().zip(1..) {
        println!("  {fault}: {}", devnet.control(&format!("hits {number}")).await.unwrap());
    }
    assert!(frames > 0 && count > 0);
    Arc::into_inner(devnet).unwrap().stop().await;
}

#[tokio::test(start_paused = true)]
async fn soak_in_memory_leaves_nothing() {
    let devnet = nodes().plain(true).start().await.unwrap();
    let connect: Connect = Arc::new(|node| Box::pin(async move { Sdk::attach(&node) }));
    soak(devnet, connect, false, MINUTE).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn soak_over_tls_leaves_nothing() {
    let seconds = std::env::var("AMOP_SOAK_SECONDS").map_or(3, |text| text.parse().expect("seconds"));
    let devnet = nodes().start().await.unwrap();
    let credentials = Credentials::load(&devnet.credentials()).unwrap();
    let connector = Arc::new(Connector::rustls(&credentials).unwrap());
    let connect: Connect = Arc::new(move |node| {
        let connector = connector.clone();
        Box::pin(async move {
            let endpoint = node.endpoint().parse().unwrap();
            // A node that accepts connections and does not answer is one of the faults.
            let dialled = timeout(Duration::from_secs(2), dial(&endpoint, &connector)).await;
            dialled.ok()?.ok().map(Sdk::over)
        })
    });
    soak(devnet, connect, true, Duration::from_secs(seconds)).await;
}
