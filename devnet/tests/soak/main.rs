//! Everything at once for as long as one likes: 4 nodes, 16 clients, random faults, nodes that die, freeze, lose links
//! and show bad certificates. At the end nothing may be left over: no session, no unicast, no byte, no task.
//!
//! Once in memory on a clock that stands still unless everybody waits, where a minute costs seconds; and once over TLS in
//! real time, for `AMOP_SOAK_SECONDS` (3).

#[path = "../wire/sdk.rs"]
#[allow(dead_code)] // it is the client of more tests than these
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

/// When waiting is given up; nothing waits for it to pass.
const GUARD: Duration = Duration::from_secs(60);

/// How clients connect; `None` when it comes to nothing.
type Connect = Arc<dyn Fn(Node) -> Pin<Box<dyn Future<Output = Option<Sdk>> + Send>> + Send + Sync>;

/// Nodes with limits short enough to be met.
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

/// Every kind of fault, rare enough that most work is done.
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

/// Connects wherever it can, again and again: answers half of the requests, publishes, is lazy at times.
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
        let mut alive = tell(&mut sdk, &[offer.bytes(), topics.bytes()].concat()).await;
        while alive && Instant::now() < end {
            match rng.u8(..) {
                0 | 1 => break,
                // Doesn't read for a while: some are cut for it.
                2 => sleep(Duration::from_millis(500)).await,
                _ => {}
            }
            let kind = if rng.bool() { REQUEST } else { BROADCAST };
            let topic = if rng.bool() { "all".to_string() } else { format!("t{}", rng.u8(..5)) };
            let length = if rng.u8(..) < 4 { 100_000 } else { rng.usize(..500) };
            let body = message(&topic, &"x".repeat(length));
            let frame = raw(kind, seq(&rng.u64(..).to_string()), body);
            alive = tell(&mut sdk, &frame.bytes()).await;
            while alive {
                let wait = Duration::from_millis(rng.u64(1..20));
                match timeout(wait, next(&mut sdk)).await {
                    Ok(Some(got)) if got.kind == REQUEST && rng.bool() => {
                        frames += 1;
                        alive = tell(&mut sdk, &raw(RESPONSE, got.seq, got.body).bytes()).await;
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

/// The next frame; `None` at the end, and where what comes is no frame.
async fn next(sdk: &mut Sdk) -> Option<Raw> {
    sdk.read_frame().await.ok().flatten()
}

/// Sends bytes, unless the connection is gone or the node takes nothing for a second.
async fn tell(sdk: &mut Sdk, bytes: &[u8]) -> bool {
    timeout(Duration::from_secs(1), sdk.try_send_bytes(bytes)).await.is_ok_and(|sent| sent.is_ok())
}

/// Does something to the nodes every now and then, and leaves them whole.
async fn havoc(devnet: Arc<Devnet>, tls: bool, end: Instant) -> u32 {
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

/// All of it for `time`, and the question what is left.
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
    let havoc = tokio::spawn(havoc(devnet.clone(), tls, end));
    let frames: u64 = clients.join_all().await.iter().sum();
    let count = havoc.await.unwrap();

    // The last unicasts run into their limits, and what was stalled notices that its client is gone.
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
        "{} s: clients got {frames} frames, nodes {} and sent {} in {} records; {} connections, {} came to nothing, {} slow \
         readers cut; {count} blows to nodes",
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
async fn after_a_minute_of_everything_nothing_is_left_over() {
    let devnet = nodes().plain(true).start().await.unwrap();
    let connect: Connect = Arc::new(|node| Box::pin(async move { Sdk::attach(&node) }));
    soak(devnet, connect, false, MINUTE).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_tls_in_real_time_nothing_is_left_over_either() {
    let seconds = std::env::var("AMOP_SOAK_SECONDS").map_or(3, |text| text.parse().expect("seconds"));
    let devnet = nodes().start().await.unwrap();
    let credentials = Credentials::load(&devnet.credentials()).unwrap();
    let connector = Arc::new(Connector::rustls(&credentials).unwrap());
    let connect: Connect = Arc::new(move |node| {
        let connector = connector.clone();
        Box::pin(async move {
            let endpoint = node.endpoint().parse().unwrap();
            // A node that takes connections and says nothing is one of the faults.
            let dialled = timeout(Duration::from_secs(2), dial(&endpoint, &*connector)).await;
            dialled.ok()?.ok().map(Sdk::over)
        })
    });
    soak(devnet, connect, true, Duration::from_secs(seconds)).await;
}
