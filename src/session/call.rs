//! Calls: what a caller asks for, and the reply.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;

use crate::protocol::Topic;

/// A subscriber's answer to a unicast.
#[derive(Clone, Debug)]
pub struct Reply {
    pub(crate) data: Bytes,
    pub(crate) endpoint: Arc<str>,
}

impl Reply {
    /// Returns a copy of a reply that was received by another process, for bindings that can serialise replies.
    #[doc(hidden)]
    pub fn restored(data: Bytes, endpoint: &str) -> Reply {
        Reply { data, endpoint: endpoint.into() }
    }

    /// Returns the subscriber's data, possibly empty.
    pub fn data(&self) -> &Bytes {
        &self.data
    }

    /// Returns the subscriber's data without a copy.
    pub fn into_data(self) -> Bytes {
        self.data
    }

    /// Returns the endpoint of the node that the message went through, as it was added.
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

/// A message to send. `C` stands for the caller, who gets the outcome.
pub(crate) struct NewCall<C> {
    pub(crate) kind: CallKind,
    /// The counter inside its id.
    pub(crate) number: u64,
    pub(crate) topic: Topic,
    pub(crate) data: Bytes,
    pub(crate) deadline: Instant,
    /// How many seconds before the deadline the caller began, possibly with other attempts. It is for texts, and small,
    /// because calls are moved often.
    pub(crate) timeout: f32,
    /// Until when the node passes a unicast on instead of losing it, if that is limited. Later it is not sent, and fails
    /// with [`ErrorKind::OwnNodeOnly`](crate::ErrorKind::OwnNodeOnly).
    pub(crate) send_by: Option<Instant>,
    /// The bytes that are counted for its frame in the link's send queue.
    pub(crate) counted: usize,
    pub(crate) caller: C,
}
