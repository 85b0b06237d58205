//! A unicast that waits for its reply: the handle, and the one answer that it gives in any case.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Instant;

use bytes::Bytes;

use super::dispatcher::is_dispatcher_thread;
use super::duplicates::{Duplicates, Key};
use super::lane::LaneItem;
use super::message::Message;
use super::send_queue::QueuedBytes;
use crate::error::{Error, ErrorKind, Result};
use crate::protocol::message::MessageId;
use crate::protocol::{Topic, result};
use crate::runtime::Process;

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

    /// Passes the request's first answer on; its connection has to look for duplicates that wait for it too. Returns
    /// whether the connection is still there.
    fn answer(&self, ticket: &Arc<Ticket>, result: i32, data: &Bytes, queued: QueuedBytes) -> bool {
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

/// The one chance to answer a request, shared by its handle and the clocks of the sessions that brought it.
pub(crate) struct Ticket {
    state: AtomicU8,
    pub(crate) key: Arc<Key>,
    /// Where it came from first; its duplicates' origins are with the [`Duplicates`].
    pub(crate) origin: Origin,
}

const OPEN: u8 = 0;
const ANSWERED: u8 = 1;
const EXPIRED: u8 = 2;

impl Ticket {
    pub(crate) fn new(key: Key, origin: Origin) -> Arc<Ticket> {
        Arc::new(Ticket { state: AtomicU8::new(OPEN), key: Arc::new(key), origin })
    }

    /// A session's clock ran out; true when nobody had answered: then the caller does.
    pub(crate) fn expire(&self) -> bool {
        self.leave_open(EXPIRED).is_ok()
    }

    /// The topic that its answer carries.
    pub(crate) fn topic(&self) -> &Topic {
        &self.key.topic
    }

    fn leave_open(&self, to: u8) -> Result<(), u8> {
        self.state.compare_exchange(OPEN, to, Ordering::AcqRel, Ordering::Acquire).map(|_| ())
    }

    pub(crate) fn is_open(&self) -> bool {
        self.state.load(Ordering::Acquire) == OPEN
    }
}

/// Answers a request exactly once; when dropped unused, with DROPPED.
pub(crate) struct Responder {
    ticket: Arc<Ticket>,
    duplicates: Arc<Mutex<Duplicates>>,
    process: Process,
}

impl Responder {
    pub(crate) fn new(
        ticket: Arc<Ticket>,
        duplicates: Arc<Mutex<Duplicates>>,
        process: Process,
    ) -> Responder {
        Responder { ticket, duplicates, process }
    }

    /// An error in the child of a fork. Costs a system call, but not where handlers run: on dispatcher threads and in
    /// tasks. So a handler that forks is not told.
    fn check_fork(&self) -> Result<()> {
        if is_dispatcher_thread() || tokio::task::try_id().is_some() { Ok(()) } else { self.process.check() }
    }

    fn respond(&self, code: i32, data: Bytes, author: Author) -> Result<()> {
        let ticket = &self.ticket;
        let topic = ticket.topic();
        self.check_fork()?;
        // Count the bytes first: an answer without capacity leaves the request open.
        let queued = match ticket.origin.reserve(topic, data.len(), author) {
            Ok(queued) => Some(queued),
            Err(Unsent::ConnectionGone) => {
                self.duplicates()
                    .check_capacity(ticket, data.len(), author)
                    .map_err(|full| self.error(full))?;
                None
            }
            Err(Unsent::QueueFull(error) | Unsent::TooLarge(error)) => return Err(self.error(error)),
        };
        ticket.leave_open(ANSWERED).map_err(|state| self.too_late(state))?;
        if queued.is_some_and(|queued| ticket.origin.answer(ticket, code, &data, queued)) {
            return Ok(());
        }
        // Its connection is gone, but a duplicate of it may have come over another one.
        if self.duplicates().answered(ticket, code, &data, Instant::now()) {
            return Ok(());
        }
        Err(Error::undelivered(
            ErrorKind::RequestExpired,
            format!(
                "the connection that brought this request on {topic:?} is gone; the answer is kept for a \
                 while, should a node deliver the request again"
            ),
        ))
    }

    fn duplicates(&self) -> MutexGuard<'_, Duplicates> {
        self.duplicates.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Returns the error of an answer that can't be sent, or of one that comes too late anyway.
    fn error(&self, unsent: Error) -> Error {
        match self.ticket.state.load(Ordering::Acquire) {
            OPEN => unsent,
            state => self.too_late(state),
        }
    }

    fn too_late(&self, state: u8) -> Error {
        let topic = self.ticket.topic();
        match state {
            EXPIRED => Error::undelivered(
                ErrorKind::RequestExpired,
                format!(
                    "too late: the library has answered TOO_SLOW to this request on {topic:?}; answer within \
                     answer_within, or raise the service's concurrency"
                ),
            ),
            _ => Error::undelivered(
                ErrorKind::AlreadyAnswered,
                format!("this request on {topic:?} was answered before; a request takes one answer"),
            ),
        }
    }
}

impl Drop for Responder {
    fn drop(&mut self) {
        if self.ticket.is_open() {
            // Fails only when the request is over anyway.
            let _ = self.respond(result::DROPPED, Bytes::new(), Author::Library);
        }
    }
}

/// A unicast to answer, now or later, from any thread.
///
/// Answer with [`Request::reply`] or [`Request::fail`] within 4.5 s of its arrival: then the library answers
/// TOO_SLOW itself, half a second before the node would deliver it to somebody else. When the last clone is
/// dropped unanswered, the answer is DROPPED.
#[derive(Clone)]
#[must_use = "dropping a request unanswered answers it DROPPED"]
pub struct Request(Arc<RequestInner>);

struct RequestInner {
    message: Message,
    responder: Responder,
}

impl Request {
    pub(crate) fn new(message: Message, responder: Responder) -> Request {
        Request(Arc::new(RequestInner { message, responder }))
    }

    /// The message.
    pub fn message(&self) -> &Message {
        &self.0.message
    }

    /// The payload.
    pub fn data(&self) -> &Bytes {
        self.0.message.data()
    }

    /// The topic.
    pub fn topic(&self) -> &str {
        self.0.message.topic()
    }

    /// Sends the reply; empty is allowed.
    ///
    /// # Errors
    /// Returns [`ErrorKind::Overloaded`] if too many bytes wait to be sent on the request's connection
    /// (`max_send_bytes`): the request stays open and can be answered later. Returns [`ErrorKind::RequestExpired`] if
    /// its time is over or its connection is gone, [`ErrorKind::AlreadyAnswered`] if it was answered,
    /// [`ErrorKind::TooLarge`] if the reply doesn't fit a frame, and [`ErrorKind::Forked`] in the child of a fork
    /// (unless a handler made it).
    pub fn reply(&self, data: impl Into<Bytes>) -> Result<()> {
        self.0.responder.respond(result::OK, data.into(), Author::Handler)
    }

    /// Tells the publisher that it failed: a code of the application's own, and data to go with it.
    ///
    /// The code has to fit 16 bits (3.x carries no more), must not be 0, not one of the nodes' own (100 to 104), and
    /// not one of those that this library answers by itself (-5013 to -5010: some of them say that nothing was
    /// delivered, and the publisher would send the message to somebody else). Without a code of your own take
    /// [`Request::FAILED`].
    ///
    /// # Errors
    /// As [`Request::reply`]; [`ErrorKind::InvalidArgument`] for a code that can't be sent.
    pub fn fail(&self, code: i32, data: impl Into<Bytes>) -> Result<()> {
        let of_nodes = result::NO_SUBSCRIBER..=result::SUBSCRIBER_UNREACHABLE;
        let of_the_library = result::UNSUBSCRIBED..=result::DROPPED;
        let taken = code == result::OK || of_nodes.contains(&code) || of_the_library.contains(&code);
        if taken || i16::try_from(code).is_err() {
            return Err(Error::undelivered(
                ErrorKind::InvalidArgument,
                format!(
                    "{code} can't be a failure's code: take -32768 to 32767, not 0, not 100 to 104 and not -5013 to \
                     -5010"
                ),
            ));
        }
        self.0.responder.respond(code, data.into(), Author::Handler)
    }

    /// The code of a failure without a code of its own (java-sdk answers the same).
    pub const FAILED: i32 = result::FAILED;

    /// Whether an answer can still be given.
    pub fn is_open(&self) -> bool {
        self.0.responder.ticket.is_open()
    }
}

impl LaneItem for Request {
    fn held_bytes(&self) -> usize {
        self.0.message.held_bytes()
    }

    /// Not when its time ran out in the lane: then the publisher has been told.
    fn is_wanted(&self) -> bool {
        self.is_open()
    }
}

impl std::fmt::Debug for Request {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Request").field("message", self.message()).field("open", &self.is_open()).finish()
    }
}

#[cfg(test)]
pub(crate) use tests::Wire;

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    use crate::delivery::{MessageKind, SendQueue};

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

    #[test]
    fn a_reply_in_the_child_of_a_fork_is_an_error_and_goes_nowhere() {
        for (process, forked) in [(Process::current(), false), (Process::other(), true)] {
            let wire = Arc::new(Wire::default());
            let id = MessageId::new(b"1");
            let topic = Topic::new("t").unwrap();
            let origin = Origin::new(wire.clone(), 1, id.clone());
            let ticket = Ticket::new(Key { id, kind: MessageKind::Unicast, topic }, origin);
            let duplicates = Arc::new(Mutex::new(Duplicates::new(Duration::from_secs(60), 10)));
            let responder = Responder::new(ticket, duplicates, process);
            let outcome = responder.respond(result::OK, Bytes::new(), Author::Handler);
            assert_eq!(outcome.is_err_and(|error| error.kind() == ErrorKind::Forked), forked);
            drop(responder);
            assert_eq!(wire.answers.lock().unwrap().len(), usize::from(!forked));
        }
    }
}
