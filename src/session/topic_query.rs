//! Questions to a node about topics, and reading the answers, off the link's task where they are long.

use std::panic::{AssertUnwindSafe, catch_unwind};

use bytes::Bytes;

use super::kept_topics::{Interest, KeptTopics};
use crate::protocol::Seq;
use crate::protocol::channel::rpc::{self, Refused};
use crate::threads;

/// The longest answer that is read on the link's task, in bytes. Reading it takes about as long as handing it to a thread:
/// 40 us, measured in an optimised build. One of 16 KiB takes 140 us and the longest allowed one 35 ms, which would delay
/// other links.
pub(crate) const MAX_INLINE_LEN: usize = 4 * 1024;

/// A question about topics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Method {
    /// `getNodeInfo`: the topics of the node's own SDKs.
    NodeInfo,
    /// `getPeers`: the topics of the SDKs of the node's peers.
    Peers,
}

impl Method {
    /// The method's name on the wire, for log records.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Method::NodeInfo => "getNodeInfo",
            Method::Peers => "getPeers",
        }
    }

    /// Reads an answer, keeping what is of interest.
    pub(crate) fn read(self, body: &[u8], interest: Interest) -> Result<KeptTopics, Refused> {
        let mut kept = KeptTopics::new(interest);
        match self {
            Method::NodeInfo => rpc::read_node_info(body, &mut kept)?,
            Method::Peers => rpc::read_peers(body, &mut kept)?,
        }
        Ok(kept)
    }
}

/// A long answer that is to be read elsewhere than on the link's task.
#[derive(Debug)]
pub(crate) struct ReadJob {
    pub(crate) method: Method,
    pub(crate) seq: Seq,
    pub(crate) body: Bytes,
    pub(crate) interest: Interest,
}

/// The outcome of a [`ReadJob`].
#[derive(Debug)]
pub(crate) struct ReadAnswer {
    pub(crate) method: Method,
    pub(crate) seq: Seq,
    pub(crate) outcome: Result<KeptTopics, Refused>,
}

impl ReadJob {
    /// Reads the answer.
    pub(crate) fn run(self) -> ReadAnswer {
        let ReadJob { method, seq, body, interest } = self;
        // A panic must not leave the question open for the rest of the session.
        let outcome = catch_unwind(AssertUnwindSafe(|| method.read(&body, interest)))
            .unwrap_or_else(|_| Err(Refused::new(0, "reading the answer panicked")));
        ReadAnswer { method, seq, outcome }
    }

    /// Reads the answer on a thread of its own and passes the outcome to `done`. A thread instead of the runtime's
    /// blocking pool, because a task there panics or waits if no thread can be started.
    pub(crate) fn run_on_thread(self, done: impl FnOnce(ReadAnswer) + Clone + Send + 'static) {
        let (method, seq) = (self.method, self.seq);
        let job = {
            let done = done.clone();
            move || done(self.run())
        };
        if let Err(error) = threads::start("amop-topics", job) {
            let text = format!("the answer was not read: {error}");
            done(ReadAnswer { method, seq, outcome: Err(Refused::new(0, &text)) });
        }
    }
}
