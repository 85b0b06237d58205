//! What the client asks of a link.

use std::time::Instant;

use tokio::sync::oneshot;

use super::call::{NewCall, Reply};
use super::effect::Callers;
use super::permit::Permit;
use super::topic_query::ReadAnswer;
use crate::delivery::{Answer, RouteSpec};
use crate::error::{Error, Result};
use crate::protocol::{Topic, Verification};

/// Waits for the outcome of a call.
pub(crate) struct Caller {
    pub(crate) done: oneshot::Sender<Result<Reply>>,
    pub(crate) permit: Permit,
}

impl Caller {
    /// Passes the outcome on. The permit is released first, so that the caller may begin its next call at once. A caller
    /// that has gone needs no outcome.
    pub(crate) fn complete(self, outcome: Result<Reply>) {
        let Caller { done, permit } = self;
        drop(permit);
        let _ = done.send(outcome);
    }
}

/// The callers of a client.
pub(crate) struct Channels;

impl Callers for Channels {
    type Call = Caller;
    type Listed = oneshot::Sender<Result<()>>;
    type Surveyed = oneshot::Sender<()>;
}

/// One thing to do.
pub(crate) enum Command {
    /// Send a message.
    Call(NewCall<Caller>),
    /// Forget the call with this number: its caller has gone.
    Cancel(u64),
    /// Answer a request that came with connection number `epoch`.
    Answer { epoch: u64, answer: Answer },
    /// Set where a topic goes. `applied` completes when the node lists it.
    Route { topic: Topic, spec: RouteSpec, applied: Option<oneshot::Sender<Result<()>>> },
    /// Ask the node who subscribes to a topic. `done` completes when that is known or can't be known.
    Survey { topic: Topic, done: Option<oneshot::Sender<()>> },
    /// Report to the node whether it may pass messages on a private topic on to a peer, if this is still connection number
    /// `epoch`.
    Verified { epoch: u64, verification: Verification },
    /// A long answer of the node was read.
    Read(Box<ReadAnswer>),
    /// End all calls in flight: the client is closing.
    EndCalls,
    /// End once no call is in flight, no topic listed and no request unanswered, soon after `by` at the latest. `why` is the
    /// error of calls that are still in flight then.
    Leave { by: Instant, why: Error },
    /// End as [`Command::Leave`] does, and connect again at once.
    Renew { by: Instant },
    /// Write what is queued and end, once the node lists no topic any more, or soon. `by` is when to end though the node has
    /// not read everything, `why` the error of calls that are still in flight.
    Close { by: Instant, why: Error },
}

/// Reports to a subscriber what became of its topic.
pub(crate) fn answer_route(applied: Option<oneshot::Sender<Result<()>>>, outcome: Result<()>) {
    if let Some(applied) = applied {
        let _ = applied.send(outcome);
    }
}
