//! What goes into a machine beside bytes and the time, and what comes out of it beside bytes.

use std::sync::Arc;
use std::time::Duration;

use super::call::{NewCall, Reply};
use super::topic_query::{ReadAnswer, ReadJob};
use super::view::TopicView;
use crate::error::{Error, Result};
use crate::protocol::{ToVerify, Topic, Verification};

/// The types that stand for callers who wait. A machine stores such values and returns them, nothing else.
pub(crate) trait Callers {
    /// Waits for the outcome of a call.
    type Call;
    /// Waits until a topic is listed.
    type Listed;
    /// Waits until it is known who subscribes to a topic.
    type Surveyed;
}

/// A command of the client.
pub(crate) enum Input<K: Callers> {
    /// Send a message.
    Call(NewCall<K::Call>),
    /// Forget the call with this number: its caller has gone.
    Cancel(u64),
    /// A topic is wanted from now on, or not any more.
    Route { topic: Topic, wanted: bool, caller: Option<K::Listed> },
    /// Find out who subscribes to a topic.
    Survey { topic: Topic, caller: Option<K::Surveyed> },
    /// A long answer of the node was read, see [`Effect::Read`].
    Read(ReadAnswer),
    /// End all calls in flight with this error. What is queued is still written.
    EndCalls(Error),
    /// Report to the node whether it may pass messages on a private topic on to a peer.
    Verified(Verification),
}

/// Something for the driver to do.
pub(crate) enum Effect<K: Callers> {
    /// Pass a call's outcome to its caller. `round_trip`: how long a unicast took that succeeded.
    Complete { caller: K::Call, outcome: Result<Reply>, round_trip: Option<Duration> },
    /// The topic that this caller waits for is listed, as far as can be known, or the link can't list it.
    Listed { caller: K::Listed, outcome: Result<()> },
    /// What this caller waits for is in the view, or can't be known.
    Surveyed(K::Surveyed),
    /// Use this view of the node's topics from now on.
    View(Arc<TopicView>),
    /// Read an answer of the node elsewhere than on the link's task, and pass the outcome in as [`Input::Read`].
    Read(ReadJob),
    /// Notify the client.
    Notice(Notice),
}

/// What a session reports to its client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Notice {
    /// The handshake is done.
    Ready { node_version: String, protocol: u32 },
    /// The node lists all topics of this session for the first time.
    TopicsRestored,
    /// The node asks for the verification of a private topic's subscribers.
    ToVerify(ToVerify),
}

/// Why a connection has to end.
pub(crate) type Fatal = Error;

/// What is to be counted, since the last time.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) frames_sent: u64,
    pub(crate) frames_received: u64,
    pub(crate) calls: u64,
    pub(crate) messages_received: u64,
    pub(crate) topic_lists_sent: u64,
    pub(crate) stray_replies: u64,
    pub(crate) ignored_frames: u64,
    /// Bytes that the machine has queued without a command to do so.
    pub(crate) queued_bytes: usize,
    /// Bytes that were counted for calls and will not be written.
    pub(crate) withdrawn_bytes: usize,
}

/// All that comes out of a machine beside the bytes to write.
pub(crate) struct Outputs<K: Callers> {
    /// In the order in which they are to be applied.
    pub(crate) effects: Vec<Effect<K>>,
    pub(crate) counts: Counts,
}

impl<K: Callers> Outputs<K> {
    pub(crate) fn new() -> Outputs<K> {
        Outputs { effects: Vec::new(), counts: Counts::default() }
    }

    /// Adds a call's outcome.
    pub(crate) fn complete(&mut self, caller: K::Call, outcome: Result<Reply>, round_trip: Option<Duration>) {
        self.effects.push(Effect::Complete { caller, outcome, round_trip });
    }
}
