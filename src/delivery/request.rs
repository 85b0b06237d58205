//! A unicast that waits for its reply: the handle, and the one answer that it gives in any case.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Instant;

use bytes::Bytes;

use super::dispatcher::is_dispatcher_thread;
use super::duplicates::Duplicates;
use super::lane::LaneItem;
use super::message::Message;
use super::ticket::{Author, Over, Ticket, Unsent};
use crate::error::{Error, ErrorKind, Result};
use crate::protocol::result;
use crate::runtime::Process;

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

    /// Returns an error in the child of a fork. That costs a system call, so it is left out where handlers run: on
    /// dispatcher threads and in tasks. A fork inside a handler is not noticed.
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
        ticket.use_up().map_err(|over| self.too_late(over))?;
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
        self.ticket.over().map_or(unsent, |over| self.too_late(over))
    }

    fn too_late(&self, over: Over) -> Error {
        let topic = self.ticket.topic();
        match over {
            Over::Expired => Error::undelivered(
                ErrorKind::RequestExpired,
                format!(
                    "too late: the library has answered TOO_SLOW to this request on {topic:?}; answer within \
                     answer_timeout, or raise the service's concurrency"
                ),
            ),
            Over::Answered => Error::undelivered(
                ErrorKind::AlreadyAnswered,
                format!("this request on {topic:?} was answered before; a request takes one answer"),
            ),
        }
    }
}

impl Drop for Responder {
    fn drop(&mut self) {
        if self.ticket.is_open() {
            // Fails only if the request takes no answer any more.
            let _ = self.respond(result::DROPPED, Bytes::new(), Author::Library);
        }
    }
}

/// A unicast to answer, now or later, from any thread.
///
/// Call [`Request::reply`] or [`Request::fail`] within `answer_timeout` of its arrival: by default 4.5 s, at 3.x nodes
/// 29.5 s. After that the library answers TOO_SLOW, half a second before a node would deliver the request again. If the
/// last clone is dropped unanswered, the answer is DROPPED.
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

    /// Returns the message.
    pub fn message(&self) -> &Message {
        &self.0.message
    }

    /// Returns the payload.
    pub fn data(&self) -> &Bytes {
        self.0.message.data()
    }

    /// Returns the topic.
    pub fn topic(&self) -> &str {
        self.0.message.topic()
    }

    /// Sends the reply, which may be empty.
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

    /// Reports a failure to the publisher, with a code of the application and data.
    ///
    /// The code must not be 0, a node's own code (100 to 104), or one that this library answers by itself (-5013 to -5010:
    /// after some of them the publisher tries another subscriber). At 3.x nodes it must also have 16 bits, and not be one of
    /// theirs: -1, 1000 to 1005, 3001 to 3003, -4006 and -4008.
    /// Use [`Request::FAILED`] if the application has no code of its own.
    ///
    /// # Errors
    /// Returns an error as [`Request::reply`] does, and [`ErrorKind::InvalidArgument`] if the code can't be sent.
    pub fn fail(&self, code: i32, data: impl Into<Bytes>) -> Result<()> {
        let of_nodes = result::NO_SUBSCRIBER..=result::SUBSCRIBER_UNREACHABLE;
        let of_the_library = result::UNSUBSCRIBED..=result::DROPPED;
        let taken = code == result::OK || of_nodes.contains(&code) || of_the_library.contains(&code);
        if taken {
            return Err(Error::undelivered(
                ErrorKind::InvalidArgument,
                format!(
                    "{code} can't be a failure's code: take one other than 0, 100 to 104 and -5013 to -5010"
                ),
            ));
        }
        let responder = &self.0.responder;
        responder.ticket.origin.check_code(code)?;
        responder.respond(code, data.into(), Author::Handler)
    }

    /// The code of a failure without a code of the application; java-sdk answers the same.
    pub const FAILED: i32 = result::FAILED;

    /// Returns whether it can still be answered.
    pub fn is_open(&self) -> bool {
        self.0.responder.ticket.is_open()
    }
}

impl LaneItem for Request {
    fn held_bytes(&self) -> usize {
        self.0.message.held_bytes()
    }

    /// Returns false if its time ran out in the lane: the library has answered it.
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
mod tests {
    use super::*;
    use std::time::Duration;

    use crate::protocol::Topic;

    use super::super::ticket::{Key, Origin, Wire};
    use crate::protocol::message::{MessageId, MessageKind};

    #[test]
    fn reply_in_the_child_of_a_fork_fails() {
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
