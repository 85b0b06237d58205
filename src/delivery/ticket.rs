//! Requests on their way to an answer: what identifies them, where they came from, and that they take one answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use bytes::Bytes;

use super::send_queue::QueuedBytes;
use crate::error::{Error, Result};
use crate::protocol::message::{MessageId, MessageKind};
use crate::protocol::{Topic, result};

/// What makes two messages the same.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    pub(crate) id: MessageId,
    pub(crate) kind: MessageKind,
    pub(crate) topic: Topic,
}

/// Where answers go: implemented by the layer that owns connections.
pub(crate) trait AnswerSink: Send + Sync {
    /// Counts the bytes of an answer to connection number `epoch`, before anything else is done about it.
    fn reserve(
        &self,
        epoch: u64,
        topic: &Topic,
        data_len: usize,
        author: Author,
    ) -> Result<QueuedBytes, Unsent>;

    /// Checks a code with which a handler reports a failure.
    fn check_code(&self, code: i32) -> Result<()>;

    /// Passes an answer to connection number `epoch`; returns it if that one is gone.
    fn answer(&self, epoch: u64, answer: Answer) -> Result<(), Answer>;
}

/// Whose answer it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Author {
    /// A handler's: refused when the connection's send queue is full.
    Handler,
    /// The library's own, small: never refused.
    Library,
}

/// Why an answer can't be passed to a connection.
pub(crate) enum Unsent {
    /// The connection is gone.
    ConnectionGone,
    /// The connection can't carry an answer of this size.
    TooLarge(Error),
    /// The connection's send queue is full.
    QueueFull(Error),
}

/// An answer on its way to the node.
pub(crate) struct Answer {
    pub(crate) id: MessageId,
    pub(crate) result: i32,
    pub(crate) data: Bytes,
    /// The request that it ends, for duplicates that wait for the same answer.
    pub(crate) ticket: Arc<Ticket>,
    /// Whether this answer still has to be passed on to duplicates.
    pub(crate) first: bool,
    /// Its frame's bytes.
    pub(crate) queued: QueuedBytes,
}

/// The connection and id that a request came with.
#[derive(Clone)]
pub(crate) struct Origin {
    sink: Arc<dyn AnswerSink>,
    epoch: u64,
    id: MessageId,
}

impl Origin {
    pub(crate) fn new(sink: Arc<dyn AnswerSink>, epoch: u64, id: MessageId) -> Origin {
        Origin { sink, epoch, id }
    }

    /// Returns whether both came over the same link, perhaps over different connections of it.
    pub(crate) fn is_same_link(&self, other: &Origin) -> bool {
        std::ptr::addr_eq(Arc::as_ptr(&self.sink), Arc::as_ptr(&other.sink))
    }

    /// Returns whether both came over the same connection.
    pub(crate) fn is_same_connection(&self, other: &Origin) -> bool {
        self.epoch == other.epoch && self.is_same_link(other)
    }

    /// Counts the bytes of an answer, see [`AnswerSink::reserve`].
    pub(crate) fn reserve(
        &self,
        topic: &Topic,
        data_len: usize,
        author: Author,
    ) -> Result<QueuedBytes, Unsent> {
        self.sink.reserve(self.epoch, topic, data_len, author)
    }

    /// Checks a code with which a handler reports a failure, see [`AnswerSink::check_code`].
    pub(super) fn check_code(&self, code: i32) -> Result<()> {
        self.sink.check_code(code)
    }

    /// Passes the request's first answer on; its connection has to look for duplicates that wait for it too. Returns
    /// whether the connection is still there.
    pub(super) fn answer(
        &self,
        ticket: &Arc<Ticket>,
        result: i32,
        data: &Bytes,
        queued: QueuedBytes,
    ) -> bool {
        self.pass(ticket, result, data, true, queued)
    }

    /// Passes a copy of an answer on; in place of data that finds no capacity, DROPPED. Returns whether the
    /// connection is still there.
    pub(crate) fn answer_copy(&self, ticket: &Arc<Ticket>, result: i32, data: &Bytes) -> bool {
        let author = if data.is_empty() { Author::Library } else { Author::Handler };
        match self.reserve(ticket.topic(), data.len(), author) {
            Ok(queued) => self.pass(ticket, result, data, false, queued),
            Err(Unsent::QueueFull(_) | Unsent::TooLarge(_)) => {
                match self.reserve(ticket.topic(), 0, Author::Library) {
                    Ok(queued) => self.pass(ticket, result::DROPPED, &Bytes::new(), false, queued),
                    Err(_) => false,
                }
            }
            Err(Unsent::ConnectionGone) => false,
        }
    }

    fn pass(
        &self,
        ticket: &Arc<Ticket>,
        result: i32,
        data: &Bytes,
        first: bool,
        queued: QueuedBytes,
    ) -> bool {
        let answer =
            Answer { id: self.id.clone(), result, data: data.clone(), ticket: ticket.clone(), first, queued };
        self.sink.answer(self.epoch, answer).is_ok()
    }
}

/// The one answer that a request takes, shared by its handle and the timers of the sessions that brought it.
pub(crate) struct Ticket {
    state: AtomicU8,
    pub(crate) key: Arc<Key>,
    /// Where it came from first. The origins of its duplicates are with the [`Duplicates`](super::Duplicates).
    pub(crate) origin: Origin,
}

const OPEN: u8 = 0;
const ANSWERED: u8 = 1;
const EXPIRED: u8 = 2;

/// Why a request takes no answer any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Over {
    /// It was answered.
    Answered,
    /// Its time is over, and the library has answered it.
    Expired,
}

impl Ticket {
    pub(crate) fn new(key: Key, origin: Origin) -> Arc<Ticket> {
        Arc::new(Ticket { state: AtomicU8::new(OPEN), key: Arc::new(key), origin })
    }

    /// Ends the time for an answer. Returns whether there was none: then the caller gives it.
    pub(crate) fn expire(&self) -> bool {
        self.state.compare_exchange(OPEN, EXPIRED, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    /// Uses the ticket for an answer.
    pub(super) fn use_up(&self) -> Result<(), Over> {
        match self.state.compare_exchange(OPEN, ANSWERED, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => Ok(()),
            Err(state) => Err(over(state)),
        }
    }

    /// Returns why it takes no answer any more, if so.
    pub(super) fn over(&self) -> Option<Over> {
        match self.state.load(Ordering::Acquire) {
            OPEN => None,
            state => Some(over(state)),
        }
    }

    /// Returns whether it still takes an answer.
    pub(crate) fn is_open(&self) -> bool {
        self.over().is_none()
    }

    /// Returns the topic that its answer carries.
    pub(crate) fn topic(&self) -> &Topic {
        &self.key.topic
    }
}

fn over(state: u8) -> Over {
    if state == EXPIRED { Over::Expired } else { Over::Answered }
}

#[cfg(test)]
pub(crate) use tests::Wire;

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::delivery::SendQueue;
    use crate::error::ErrorKind;

    /// A connection that records its answers, or is gone.
    pub(crate) struct Wire {
        pub(crate) is_gone: bool,
        pub(crate) queue: Arc<SendQueue>,
        pub(crate) answers: Mutex<Vec<(MessageId, i32)>>,
    }

    impl Default for Wire {
        fn default() -> Wire {
            Wire { is_gone: false, queue: Arc::new(SendQueue::new(usize::MAX)), answers: Mutex::default() }
        }
    }

    impl AnswerSink for Wire {
        fn check_code(&self, _code: i32) -> Result<()> {
            Ok(())
        }

        fn reserve(
            &self,
            _: u64,
            topic: &Topic,
            data_len: usize,
            author: Author,
        ) -> Result<QueuedBytes, Unsent> {
            let bytes = topic.len() + data_len;
            match author {
                _ if self.is_gone => Err(Unsent::ConnectionGone),
                Author::Library => Ok(QueuedBytes::of_library(&self.queue, bytes)),
                Author::Handler => QueuedBytes::within_bound(&self.queue, bytes)
                    .map_err(|_| Unsent::QueueFull(Error::undelivered(ErrorKind::Overloaded, ""))),
            }
        }

        fn answer(&self, _epoch: u64, answer: Answer) -> Result<(), Answer> {
            if self.is_gone {
                return Err(answer);
            }
            self.answers.lock().unwrap().push((answer.id, answer.result));
            Ok(())
        }
    }
}
