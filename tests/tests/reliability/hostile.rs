//! Peer SDKs that attack the other clients with raw frames, through the embedded nodes, which behave like real ones.
//!
//! They subscribe to [`TRAP`] and answer its unicasts with every kind of wrong reply. They also send duplicates of one
//! seq, replies with unknown seqs and long topic lists. Calls on other topics must not be affected.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use amop::protocol::Seq;
use amop::protocol::channel::frame::MAX_FRAME_LEN;
use amop::protocol::channel::{Frame, FrameReader, MessageType, topic_list};
use amop_devnet::Node;
use fastrand::Rng;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
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

const REQUEST: u16 = 0x30;
const RESPONSE: u16 = 0x31;
const TOPIC_LIST: u16 = 0x32;
const BROADCAST: u16 = 0x35;

/// Types that no reply has.
const WRONG_TYPES: [u16; 13] =
    [REQUEST, BROADCAST, 0x12, 0x13, 0x14, 0x15, TOPIC_LIST, 0x37, 0x38, 0x1000, 0x1001, 0x1002, 0x4321];

/// Results of nodes and of this library, and others.
const RESULTS: [i32; 12] = [0, 100, 101, 102, 103, 104, -5000, -5010, -5011, -5012, -5013, i32::MIN];

/// The running peers.
pub(crate) struct HostilePeers {
    stop: Arc<AtomicBool>,
    replies: Arc<AtomicUsize>,
    tasks: Vec<JoinHandle<()>>,
}

impl HostilePeers {
    /// Starts the peers. They connect to random nodes, and again after they lose a connection.
    pub(crate) fn start(nodes: &[Node], seed: u64) -> HostilePeers {
        let (stop, replies) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let start = |number| {
            let (nodes, stop, replies) = (nodes.to_vec(), stop.clone(), replies.clone());
            tokio::spawn(async move {
                let mut rng = Rng::with_seed(seed ^ number);
                while !stop.load(Ordering::Relaxed) {
                    let (stream, served) = tokio::io::duplex(BUFFER);
                    if nodes[rng.usize(..nodes.len())].attach(served) {
                        let peer = Peer { stream, reader: FrameReader::new(MAX_FRAME_LEN), rng: rng.fork() };
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
    stream: DuplexStream,
    reader: FrameReader,
    rng: Rng,
}

impl Peer {
    async fn attack(mut self, stop: &AtomicBool, replies: &AtomicUsize) -> Option<()> {
        let offer = br#"{"minimumSupport":1,"maximumSupport":3,"clientType":"hostile"}"#;
        let hello = self.random_seq();
        self.send(&frame(0x14, hello, 0, offer)).await?;
        self.send_topics().await?;
        while !stop.load(Ordering::Relaxed) {
            match timeout(PAUSE, self.next_request()).await {
                Ok(request) => {
                    let (seq, body) = request?;
                    replies.fetch_add(1, Ordering::Relaxed);
                    self.reply(seq, &body).await?;
                }
                Err(_) => self.send_unasked().await?,
            }
        }
        Some(())
    }

    /// Returns the seq and body of the next unicast.
    async fn next_request(&mut self) -> Option<(Seq, Vec<u8>)> {
        loop {
            if let Some(frame) = self.reader.next().ok()? {
                if frame.kind == MessageType::Request {
                    return Some((frame.seq, frame.body.to_vec()));
                }
            } else if self.stream.read_buf(self.reader.buffer()).await.ok()? == 0 {
                return None;
            }
        }
    }

    /// Answers a unicast in a wrong way. The node passes the first frame with its seq on to the publisher, unchanged.
    async fn reply(&mut self, seq: Seq, request: &[u8]) -> Option<()> {
        let kind = WRONG_TYPES[self.rng.usize(..WRONG_TYPES.len())];
        let result = RESULTS[self.rng.usize(..RESULTS.len())];
        let malformed: [&[u8]; 5] = [b"", b"\x00x", b"\x01x", b"\x09short", &[0xff; 300]];
        let body = malformed[self.rng.usize(..malformed.len())];
        let bytes = match self.rng.u8(..9) {
            0 => frame(kind, seq, result, body),
            1 => frame(kind, seq, 0, &message(TRAP)),
            2 => frame(REQUEST, seq, 0, request),
            3 => frame(BROADCAST, seq, 0, request),
            4 => frame(BROADCAST, seq, 0, &message(NEWS)),
            5 => frame(RESPONSE, seq, result, body),
            6 => frame(RESPONSE, seq, result, &message(TRAP)).repeat(COPIES),
            // The first copy is the reply. The others are unicasts to the service with the publisher's seq.
            7 => frame(REQUEST, seq, 0, &message(ECHO)).repeat(COPIES),
            _ => frame(RESPONSE, seq, result, &[message(TRAP), vec![0xff; 100_000]].concat()),
        };
        self.send(&bytes).await
    }

    /// Sends frames that answer nothing.
    async fn send_unasked(&mut self) -> Option<()> {
        let seq = self.random_seq();
        match self.rng.u8(..16) {
            0 => self.send(&frame(REQUEST, seq, 0, &message(ECHO)).repeat(COPIES)).await,
            1 => self.send(&frame(REQUEST, seq, 0, &message(INBOX)).repeat(COPIES)).await,
            2 => self.send(&frame(REQUEST, seq, 0, &message(MIXED)).repeat(COPIES)).await,
            3 => self.send(&frame(BROADCAST, seq, 0, &message(NEWS)).repeat(COPIES)).await,
            4 => self.send_topics().await,
            5..10 => {
                let kind = WRONG_TYPES[self.rng.usize(..2)];
                self.send(&frame(kind, seq, 0, &message(TRAP))).await
            }
            _ => self.send(&frame(RESPONSE, seq, 0, &message(TRAP)).repeat(COPIES)).await,
        }
    }

    /// Subscribes to [`TRAP`] and other topics, sometimes to thousands.
    async fn send_topics(&mut self) -> Option<()> {
        let count = TOPICS[self.rng.usize(..TOPICS.len())];
        let others: Vec<String> = (0..count).map(|_| format!("hostile/{:016x}", self.rng.u64(..))).collect();
        let list = topic_list::encode(others.iter().map(String::as_str).chain([TRAP]));
        let seq = self.random_seq();
        self.send(&frame(TOPIC_LIST, seq, 0, &list)).await
    }

    /// Sends bytes. Fails if the node does not read them in time.
    async fn send(&mut self, bytes: &[u8]) -> Option<()> {
        timeout(WRITE_LIMIT, self.stream.write_all(bytes)).await.ok()?.ok()
    }

    fn random_seq(&mut self) -> Seq {
        Seq::from_halves(self.rng.u64(..), self.rng.u64(..))
    }
}

fn frame(kind: u16, seq: Seq, result: i32, body: &[u8]) -> Vec<u8> {
    Frame::new(MessageType::from_wire(kind), seq, result, body).to_bytes()
}

/// Returns the body of a hostile message.
fn message(topic: &str) -> Vec<u8> {
    let length = [topic.len() as u8 + 1];
    [&length[..], topic.as_bytes(), PAYLOAD].concat()
}

#[tokio::test]
async fn hostile_peers_affect_no_other_call() {
    let setup = Setup::new(nodes(2)).with_mixed_topic().with_hostile_peers(1).patient();
    let scenario = setup.start().await;
    let hostile = scenario.hostile.as_ref().expect("there are hostile peers");
    scenario.oracle.wait_until("wrong replies", |_| hostile.replies() >= 300).await;
    scenario.wait_for_progress().await;
    let totals = scenario.finish("hostile peers").await;
    assert_eq!((totals.failed, totals.uncertain), (0, 0), "other calls are not affected");
}
