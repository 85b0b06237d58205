//! The measured cases: each kind of traffic with each payload size, and the number of messages per round.

use amop::protocol::channel::amop::overhead;
use amop::protocol::channel::frame::HEADER_LEN;
use amop::protocol::websocket::{self, Side};
use amop_devnet::Generation;

/// The payload sizes in bytes.
const SIZES: [usize; 2] = [64, 1024];

/// The numbers of unicasts in flight, and of messages per round, which takes about half a second on a small machine.
const UNICASTS: [(usize, u64); 4] = [(1, 10_000), (16, 60_000), (256, 120_000), (4_096, 100_000)];

/// The number of broadcasts per round. All of them fit into the subscription's lane (65,536 messages and 64 MiB,
/// overhead included), so that none is refused even if the reader is slow.
const BROADCASTS: u64 = 50_000;

/// The factor by which the rounds of a quick run are shorter. They still fill every window.
const QUICK: u64 = 20;

/// The kind of traffic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Traffic {
    /// The measured client publishes to a service that replies with the same number of bytes.
    Unicast { in_flight: usize },
    /// The measured client receives broadcasts.
    Broadcast,
}

impl Traffic {
    /// Returns the topic of the messages.
    pub(crate) fn topic(self) -> &'static str {
        match self {
            Traffic::Unicast { .. } => "bench/unicast",
            Traffic::Broadcast => "bench/broadcast",
        }
    }
}

/// One measured case.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Case {
    /// The generation of the nodes.
    pub(crate) generation: Generation,
    pub(crate) traffic: Traffic,
    /// The length of each payload in bytes.
    pub(crate) size: usize,
    /// The number of messages per round.
    pub(crate) messages: u64,
}

impl Case {
    /// Returns all cases in the order of the report.
    pub(crate) fn all(generation: Generation, quick: bool) -> Vec<Case> {
        let mut cases = Vec::new();
        for size in SIZES {
            for (in_flight, messages) in UNICASTS {
                cases.push(Case { generation, traffic: Traffic::Unicast { in_flight }, size, messages });
            }
            cases.push(Case { generation, traffic: Traffic::Broadcast, size, messages: BROADCASTS });
        }
        if quick {
            cases.iter_mut().for_each(|case| case.messages /= QUICK);
        }
        cases
    }

    /// Returns the name in the report.
    pub(crate) fn name(&self) -> String {
        let generation = match self.generation {
            Generation::V2 => "2.x",
            Generation::V3 => "3.x",
        };
        let size = self.size;
        match self.traffic {
            Traffic::Unicast { in_flight: 1 } => format!("{generation}, unicast, one at a time, {size} B"),
            Traffic::Unicast { in_flight } => {
                format!("{generation}, unicast, {in_flight} in flight, {size} B")
            }
            Traffic::Broadcast => format!("{generation}, broadcasts received, {size} B"),
        }
    }

    /// Returns the length of each message's frame: headers, topic, payload.
    pub(crate) fn frame_len(&self) -> usize {
        let topic = self.traffic.topic().as_bytes();
        match self.generation {
            Generation::V2 => HEADER_LEN + overhead(topic) + self.size,
            Generation::V3 => {
                websocket::frame::frame_len(Side::Client, websocket::amop::OVERHEAD + topic.len() + self.size)
            }
        }
    }
}
