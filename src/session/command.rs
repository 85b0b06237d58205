//! What the client asks of a session.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use tokio::sync::oneshot;

use super::link_handle::Permit;
use super::topic_query::ReadAnswer;
use crate::delivery::{Answer, RouteSpec};
use crate::error::{Error, Result};
use crate::protocol::Topic;
use crate::protocol::channel::amop;
use crate::protocol::channel::frame::HEADER_LEN;

/// A subscriber's answer to a unicast.
#[derive(Clone, Debug)]
pub struct Reply {
    pub(crate) data: Bytes,
    pub(crate) endpoint: Arc<str>,
}

impl Reply {
    /// What the subscriber answered; empty when it had nothing to say.
    pub fn data(&self) -> &Bytes {
        &self.data
    }

    /// The same, without a copy.
    pub fn into_data(self) -> Bytes {
        self.data
    }

    /// The node that the message went through, as the endpoint was given.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }
}

/// What kind of call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CallKind {
    /// Ends with the subscriber's reply.
    Publish,
    /// Ends with the node's ack.
    Broadcast,
}

/// A message to send, and where its outcome goes.
pub(crate) struct NewCall {
    pub(crate) kind: CallKind,
    /// The counter inside its id.
    pub(crate) number: u64,
    pub(crate) topic: Topic,
    pub(crate) data: Bytes,
    pub(crate) deadline: Instant,
    pub(crate) done: oneshot::Sender<Result<Reply>>,
    pub(crate) permit: Permit,
}

/// One thing to do.
pub(crate) enum Command {
    /// Send a message.
    Call(NewCall),
    /// The caller of the call with this number has gone.
    Cancel(u64),
    /// Answer a request that came with connection number `epoch`.
    Answer { epoch: u64, answer: Answer },
    /// Set where a topic goes; `applied` is told when the node lists it.
    Route { topic: Topic, spec: RouteSpec, applied: Option<oneshot::Sender<Result<()>>> },
    /// Ask the node who subscribes to a topic. `done` completes when that is known or can't be known.
    Survey { topic: Topic, done: Option<oneshot::Sender<()>> },
    /// A long answer of the node was read.
    Read(Box<ReadAnswer>),
    /// End all calls in flight: the client is closing.
    EndCalls,
    /// End once no call is in flight and no request unanswered, by this time at the latest; what calls that are still in
    /// flight then are told.
    Leave { by: Instant, why: Error },
    /// Write what is queued and end; what calls that are still in flight are told.
    Close(Error),
}

impl NewCall {
    /// Bytes of its frame, as counted by the port.
    pub(crate) fn frame_len(&self) -> usize {
        frame_len(&self.topic, self.data.len())
    }
}

/// Bytes of a message's frame.
pub(crate) fn frame_len(topic: &Topic, data_len: usize) -> usize {
    HEADER_LEN + amop::overhead(topic.as_bytes()) + data_len
}
