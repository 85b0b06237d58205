//! What is measured: each kind of traffic in each size, and how many messages make a round.

use amop::protocol::channel::amop::overhead;
use amop::protocol::channel::frame::HEADER_LEN;

/// Payloads, in bytes: a short note, and a small document.
const SIZES: [usize; 2] = [64, 1024];

/// Unicasts in flight, and how many of them make a round: half a second or so on a small machine.
const UNICASTS: [(usize, u64); 4] = [(1, 10_000), (16, 60_000), (256, 120_000), (4_096, 100_000)];

/// Broadcasts that make a round. All of them fit the subscription's bounds (65,536 messages; 64 MiB, with what each
/// message takes besides its payload), so that none is refused however slow the reader is.
const BROADCASTS: u64 = 50_000;

/// The rounds of a quick run are this much shorter, and still fill every window.
const QUICK: u64 = 20;

/// What goes over the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Traffic {
    /// The measured client publishes to a service that answers with as many bytes.
    Unicast { in_flight: usize },
    /// The measured client receives.
    Broadcast,
}

impl Traffic {
    /// The topic of its messages.
    pub(crate) fn topic(self) -> &'static str {
        match self {
            Traffic::Unicast { .. } => "bench/unicast",
            Traffic::Broadcast => "bench/broadcast",
        }
    }
}

/// One row of the report.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Case {
    pub(crate) traffic: Traffic,
    /// Bytes of each payload.
    pub(crate) size: usize,
    /// Messages in a round.
    pub(crate) messages: u64,
}

impl Case {
    /// All cases in the order of the report.
    pub(crate) fn all(quick: bool) -> Vec<Case> {
        let mut cases = Vec::new();
        for size in SIZES {
            for (in_flight, messages) in UNICASTS {
                cases.push(Case { traffic: Traffic::Unicast { in_flight }, size, messages });
            }
            cases.push(Case { traffic: Traffic::Broadcast, size, messages: BROADCASTS });
        }
        if quick {
            cases.iter_mut().for_each(|case| case.messages /= QUICK);
        }
        cases
    }

    /// What the report calls it.
    pub(crate) fn name(&self) -> String {
        match self.traffic {
            Traffic::Unicast { in_flight: 1 } => format!("unicast, one at a time, {} B", self.size),
            Traffic::Unicast { in_flight } => format!("unicast, {in_flight} in flight, {} B", self.size),
            Traffic::Broadcast => format!("broadcasts received, {} B", self.size),
        }
    }

    /// Bytes of each message's frame: header, length byte, topic, payload.
    pub(crate) fn frame_len(&self) -> usize {
        HEADER_LEN + overhead(self.traffic.topic().as_bytes()) + self.size
    }
}
