//! Peer SDKs that attack the other clients with raw frames, through the embedded nodes, which behave like real ones.
//!
//! They subscribe to [`TRAP`] and answer its unicasts with every kind of wrong reply. They also send duplicates of one
//! seq, replies with unknown seqs and long topic lists. Calls on other topics must not be affected.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use amop::protocol::Seq;
use amop_devnet::{Generation, Node};
use amop_tests::wire::{Types, Wire};
use fastrand::Rng;
use tokio::io::DuplexStream;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use crate::setup::{ECHO, INBOX, MIXED, NEWS, Setup, TRAP, nodes};

/// The payload of all messages of hostile peers. Handlers ignore it.
pub(crate) const PAYLOAD: &[u8] = b"hostile";

const PEERS: u64 = 2;

/// The capacity of a peer's connection in each direction.
const BUFFER: usize = 1 << 20;

/// The pause between two attacks that answer no unicast.
const PAUSE: Duration = Duration::from_millis(100);

/// How long a peer waits for a node that does not read, before it connects anew.
const WRITE_LIMIT: Duration = Duration::from_secs(1);

const COPIES: usize = 100;

/// The lengths of topic lists. Most are short, because clients and nodes of this test share a thread.
const TOPICS: [usize; 4] = [2_000, 10, 10, 10];

on_both_generations! { hostile_peers_affect_no_other_call }

/// The running peers.
pub(crate) struct HostilePeers {
    stop: Arc<AtomicBool>,
    replies: Arc<AtomicUsize>,
    tasks: Vec<JoinHandle<()>>,
}

impl HostilePeers {
    /// Starts the peers. They connect to random nodes, and again after they lose a connection.
    pub(crate) fn start(generation: Generation, nodes: &[Node], seed: u64) -> HostilePeers {
        let (stop, replies) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let start = |number| {
            let (nodes, stop, replies) = (nodes.to_vec(), stop.clone(), replies.clone());
            tokio::spawn(async move {
                let mut rng = Rng::with_seed(seed ^ number);
                while !stop.load(Ordering::Relaxed) {
                    let (stream, served) = tokio::io::duplex(BUFFER);
                    if nodes[rng.usize(..nodes.len())].attach(served)
                        // A node that is frozen does not answer.
                        && let Ok(Ok(wire)) = timeout(WRITE_LIMIT, open(generation, stream)).await
                    {
                        let peer = Peer { generation, wire, rng: rng.fork() };
                        // A connection that ends here is replaced by another one.
                        let _ = peer.attack(&stop, &replies).await;
                    }
                    sleep(PAUSE).await;
                }
            })
        };
        let tasks = (0..PEERS).map(start).collect();
        HostilePeers { stop, replies, tasks }
    }

    /// Returns the number of wrong replies so far.
    pub(crate) fn replies(&self) -> usize {
        self.replies.load(Ordering::Relaxed)
    }

    /// Stops the peers. They have disconnected when this returns.
    pub(crate) async fn stop(self) {
        self.stop.store(true, Ordering::Relaxed);
        for task in self.tasks {
            task.await.expect("a hostile peer ends");
        }
    }
}

/// One connection of a peer. Its methods return `None` once the connection is lost.
struct Peer {
    generation: Generation,
    wire: Wire,
    rng: Rng,
}

impl Peer {
    async fn attack(mut self, stop: &AtomicBool, replies: &AtomicUsize) -> Option<()> {
        let (hello, offer) = (self.random_seq(), self.wire.offer());
        self.send(&self.wire.frame(self.wire.types().hello, &hello, 0, &offer)).await?;
        self.send_topics().await?;
        while !stop.load(Ordering::Relaxed) {
            match timeout(PAUSE, self.wire.next_request()).await {
                Ok(request) => {
                    let (seq, body) = request.ok()?;
                    replies.fetch_add(1, Ordering::Relaxed);
                    self.reply(&seq, &body).await?;
                }
                Err(_) => self.send_unasked().await?,
            }
        }
        Some(())
    }

    /// Answers a unicast in a wrong way. The node passes the first frame with its seq on to the publisher, unchanged.
    async fn reply(&mut self, seq: &[u8], request: &[u8]) -> Option<()> {
        let Types { request: unicast, response, broadcast, wrong, .. } = self.wire.types();
        let kind = wrong[self.rng.usize(..wrong.len())];
        let result = self.wire.results()[self.rng.usize(..self.wire.results().len())];
        let malformed = self.wire.malformed();
        let body = malformed[self.rng.usize(..malformed.len())];
        let frame = |kind, result, body: &[u8]| self.wire.frame(kind, seq, result, body);
        let bytes = match self.rng.u8(..10) {
            0 => frame(kind, result, body),
            1 => frame(kind, 0, &self.message(TRAP)),
            2 => frame(unicast, 0, request),
            3 => frame(broadcast, 0, request),
            4 => frame(broadcast, 0, &self.message(NEWS)),
            5 => frame(response, result, body),
            6 => frame(response, result, &self.message(TRAP)).repeat(COPIES),
            // The first copy is the reply. The others are unicasts to the service with the publisher's seq.
            7 => frame(unicast, 0, &self.message(ECHO)).repeat(COPIES),
            8 => frame(unicast, 0, body),
            _ => frame(response, result, &[self.message(TRAP), vec![0xff; 100_000]].concat()),
        };
        self.send(&bytes).await
    }

    /// Sends frames that answer nothing.
    async fn send_unasked(&mut self) -> Option<()> {
        let Types { request, response, broadcast, wrong, .. } = self.wire.types();
        let seq = self.random_seq();
        let wire = &self.wire;
        let frame = |kind, topic| wire.frame(kind, &seq, 0, &wire.message(topic, PAYLOAD));
        let bytes = match self.rng.u8(..16) {
            0 => frame(request, ECHO).repeat(COPIES),
            1 => frame(request, INBOX).repeat(COPIES),
            2 => frame(request, MIXED).repeat(COPIES),
            3 => frame(broadcast, NEWS).repeat(COPIES),
            4 => return self.send_topics().await,
            5..10 => frame(wrong[self.rng.usize(..2)], TRAP),
            10 => {
                let malformed = self.wire.malformed();
                let body = malformed[self.rng.usize(..malformed.len())];
                let kind = [request, broadcast][self.rng.usize(..2)];
                self.wire.frame(kind, &seq, 0, body)
            }
            _ => frame(response, TRAP).repeat(COPIES),
        };
        self.send(&bytes).await
    }

    /// Subscribes to [`TRAP`] and other topics, sometimes to thousands.
    async fn send_topics(&mut self) -> Option<()> {
        let count = TOPICS[self.rng.usize(..TOPICS.len())];
        let others: Vec<String> = (0..count).map(|_| format!("hostile/{:016x}", self.rng.u64(..))).collect();
        let list = self.wire.list(others.iter().map(String::as_str).chain([TRAP]));
        let seq = self.random_seq();
        self.send(&self.wire.frame(self.wire.types().topic_list, &seq, 0, &list)).await
    }

    /// Sends bytes. Fails if the node does not read them in time.
    async fn send(&mut self, bytes: &[u8]) -> Option<()> {
        timeout(WRITE_LIMIT, self.wire.send(bytes)).await.ok()?.ok()
    }

    /// Returns the body of a hostile message.
    fn message(&self, topic: &str) -> Vec<u8> {
        self.wire.message(topic, PAYLOAD)
    }

    fn random_seq(&mut self) -> Vec<u8> {
        let seq = Seq::from_halves(self.rng.u64(..), self.rng.u64(..)).as_bytes().to_vec();
        match self.generation {
            Generation::V2 => seq,
            // Any bytes are an id.
            Generation::V3 => match self.rng.u8(..6) {
                0 => Vec::new(),
                1 => vec![0xff; 6_000],
                _ => seq,
            },
        }
    }
}

/// Begins a connection.
async fn open(generation: Generation, stream: DuplexStream) -> std::io::Result<Wire> {
    match generation {
        Generation::V2 => Ok(Wire::channel(stream)),
        Generation::V3 => Wire::websocket(stream).await,
    }
}

async fn hostile_peers_affect_no_other_call(generation: Generation) {
    let setup = Setup::new(generation, nodes(generation, 2)).with_mixed_topic().with_hostile_peers(1);
    let scenario = setup.patient().start().await;
    let hostile = scenario.hostile.as_ref().expect("there are hostile peers");
    scenario.oracle.wait_until("wrong replies", |_| hostile.replies() >= 300).await;
    scenario.wait_for_progress().await;
    let totals = scenario.finish("hostile peers").await;
    assert_eq!((totals.failed, totals.uncertain), (0, 0), "other calls are not affected");
}
