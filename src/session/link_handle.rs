//! The handle of a link: its queue of commands, its bounds, its counters.
//!
//! It lives as long as the link, over all connections that the link makes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use arc_swap::ArcSwap;
use bytes::Bytes;

use super::call::NewCall;
use super::command::{Caller, Command};
use super::effect::Counts;
use super::inbox::Commands;
use super::permit::Permit;
use super::round_trips::RoundTripCounters;
use super::view::NodeTopicsCache;
use crate::delivery::{Answer, AnswerSink, Author, QueuedBytes, SendQueue, Unsent};
use crate::error::{Error, ErrorKind, Result};
use crate::protocol::message::Limits;
use crate::protocol::{Topic, result};

/// What a link can carry before its first connection. The generation that carries least counts.
const DEFAULT_LIMITS: Limits = super::channel::LIMITS;

/// The bounds of one link.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LinkLimits {
    pub(crate) max_send_bytes: usize,
}

/// Counts what went over a link since it was created.
///
/// It has cache lines of its own, because its task counts every frame while callers on other threads read what lies beside.
#[derive(Debug, Default)]
#[repr(align(64))]
pub(crate) struct Counters {
    pub(crate) frames_sent: AtomicU64,
    pub(crate) frames_received: AtomicU64,
    pub(crate) bytes_sent: AtomicU64,
    pub(crate) bytes_received: AtomicU64,
    /// Writes to the connection. Frames per write show how well they are gathered.
    pub(crate) writes: AtomicU64,
    pub(crate) connects: AtomicU64,
    /// Sessions that the client did not end.
    pub(crate) losses: AtomicU64,
    /// Failed attempts to connect.
    pub(crate) failed_connects: AtomicU64,
    /// Calls and replies refused at a bound.
    pub(crate) overloaded: AtomicU64,
    /// Unicasts and broadcasts sent for callers.
    pub(crate) calls: AtomicU64,
    pub(crate) round_trips: RoundTripCounters,
    /// Unicasts and broadcasts received.
    pub(crate) messages_received: AtomicU64,
    pub(crate) topic_lists_sent: AtomicU64,
    /// Frames that answer no call in flight: late, duplicate or foreign.
    pub(crate) stray_replies: AtomicU64,
    /// Frames of types that a client does not use, and malformed ones of those that other SDKs make.
    pub(crate) ignored_frames: AtomicU64,
    pub(crate) too_slow: AtomicU64,
    pub(crate) busy: AtomicU64,
}

/// Shared by callers, request handles and the link's task.
pub(crate) struct LinkHandle {
    commands: Commands,
    connected: AtomicBool,
    /// Whether the session is about to be ended and made anew.
    retiring: AtomicBool,
    epoch: AtomicU64,
    in_flight: Arc<AtomicUsize>,
    queue: Arc<SendQueue>,
    /// What the latest connection can carry.
    limits: ArcSwap<Limits>,
    pub(crate) views: NodeTopicsCache,
    pub(crate) counters: Counters,
}

impl LinkHandle {
    pub(crate) fn new(commands: Commands, limits: LinkLimits) -> LinkHandle {
        LinkHandle {
            commands,
            connected: AtomicBool::new(false),
            retiring: AtomicBool::new(false),
            epoch: AtomicU64::new(0),
            in_flight: Arc::new(AtomicUsize::new(0)),
            queue: Arc::new(SendQueue::new(limits.max_send_bytes)),
            limits: ArcSwap::from_pointee(DEFAULT_LIMITS),
            views: NodeTopicsCache::default(),
            counters: Counters::default(),
        }
    }

    /// Whether a session is up.
    pub(crate) fn is_connected(&self) -> bool {
        self.connected.load(Ordering::Acquire)
    }

    /// Returns whether a session is up that new calls may use.
    pub(crate) fn takes_calls(&self) -> bool {
        self.is_connected() && !self.retiring.load(Ordering::Acquire)
    }

    /// Keeps new calls away from the session, which is about to be ended, until the next one is up.
    pub(crate) fn retire(&self) {
        self.retiring.store(true, Ordering::Release);
    }

    /// The link's task says whether a session is up.
    pub(crate) fn set_connected(&self, connected: bool) {
        if connected {
            self.retiring.store(false, Ordering::Release);
        }
        self.connected.store(connected, Ordering::Release);
    }

    /// A new connection begins; its number.
    pub(crate) fn next_epoch(&self) -> u64 {
        self.epoch.fetch_add(1, Ordering::AcqRel) + 1
    }

    /// Returns the number of the latest connection.
    pub(crate) fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::Acquire)
    }

    /// Counts a call in flight and its frame. Returns the frame's bytes too.
    ///
    /// # Errors
    /// Returns [`ErrorKind::InvalidTopic`] or [`ErrorKind::TooLarge`] if the link can't carry the message, and
    /// [`ErrorKind::Overloaded`] if its bound on queued bytes is reached.
    pub(crate) fn permit(&self, topic: &Topic, data_len: usize) -> Result<(Permit, usize)> {
        let bytes = {
            let limits = self.limits.load();
            limits.check(topic, data_len)?;
            limits.frame_len(topic.len(), data_len)
        };
        let permit = Permit::new(&self.in_flight);
        self.queue.try_add(bytes).map_err(|queued| self.overloaded(queued))?;
        Ok((permit, bytes))
    }

    /// Returns whether the link can carry the topic.
    pub(crate) fn can_carry(&self, topic: &Topic) -> bool {
        self.check_topic(topic).is_ok()
    }

    /// Checks that the latest connection can carry the topic.
    ///
    /// # Errors
    /// As [`Limits::check_topic`].
    pub(crate) fn check_topic(&self, topic: &Topic) -> Result<()> {
        self.limits.load().check_topic(topic)
    }

    /// Checks that the link can list topics that take so many bytes in all.
    ///
    /// # Errors
    /// Returns [`ErrorKind::TooLarge`] if they don't fit its list.
    pub(crate) fn check_list(&self, listed_len: usize) -> Result<()> {
        self.limits.load().check_list(listed_len)
    }

    /// Sets what the connection can carry.
    pub(super) fn set_limits(&self, limits: Limits) {
        self.views.set_can_be_asked(limits.knows_subscribers);
        self.limits.store(Arc::new(limits));
    }

    /// Returns whether each copy of a broadcast carries its id over this connection.
    pub(crate) fn has_broadcast_ids(&self) -> bool {
        self.limits.load().has_broadcast_ids
    }

    fn overloaded(&self, queued: usize) -> Error {
        self.counters.overloaded.fetch_add(1, Ordering::Relaxed);
        let max = self.queue.max();
        Error::undelivered(
            ErrorKind::Overloaded,
            format!(
                "{queued} bytes wait to be sent on this connection, of at most {max} (max_send_bytes): the node reads \
                 too slowly; wait, or raise the bound"
            ),
        )
    }

    /// Counts further bytes that the session itself has queued.
    pub(crate) fn add_queued_bytes(&self, bytes: usize) {
        self.queue.add(bytes);
    }

    /// Counts the bytes of the library's own answer to a message on a topic of `topic_len` bytes. Data, which a handler
    /// gave for an earlier copy of the message, is subject to the bound: without capacity the answer is DROPPED.
    pub(super) fn count_own_answer(&self, topic_len: usize, code: i32, data: Bytes) -> (i32, Bytes) {
        let len = |data_len| self.limits.load().frame_len(topic_len, data_len);
        if !data.is_empty() && self.queue.try_add(len(data.len())).is_ok() {
            return (code, data);
        }
        self.queue.add(len(0));
        if data.is_empty() { (code, data) } else { (result::DROPPED, Bytes::new()) }
    }

    /// Adds what a machine has counted.
    pub(super) fn count(&self, counts: Counts) {
        let Counts {
            frames_sent,
            frames_received,
            calls,
            messages_received,
            topic_lists_sent,
            stray_replies,
            ignored_frames,
            queued_bytes,
            withdrawn_bytes,
        } = counts;
        let counters = &self.counters;
        for (counter, count) in [
            (&counters.frames_sent, frames_sent),
            (&counters.frames_received, frames_received),
            (&counters.calls, calls),
            (&counters.messages_received, messages_received),
            (&counters.topic_lists_sent, topic_lists_sent),
            (&counters.stray_replies, stray_replies),
            (&counters.ignored_frames, ignored_frames),
        ] {
            if count > 0 {
                counter.fetch_add(count, Ordering::Relaxed);
            }
        }
        if queued_bytes > 0 {
            self.add_queued_bytes(queued_bytes);
        }
        if withdrawn_bytes > 0 {
            self.release_bytes(withdrawn_bytes);
        }
    }

    /// Stops counting bytes that were written, or will never be.
    pub(crate) fn release_bytes(&self, bytes: usize) {
        self.queue.release(bytes);
    }

    /// Returns the bytes queued to send now, those of answers that the session hasn't taken yet included.
    pub(crate) fn queued_bytes(&self) -> usize {
        self.queue.bytes()
    }

    /// Returns whether the session may read `bytes` of requests and queue its own answers to all of them.
    pub(crate) fn may_read(&self, bytes: usize) -> bool {
        !self.queue.is_reserve_used(bytes)
    }

    /// Calls in flight now.
    pub(crate) fn in_flight(&self) -> usize {
        self.in_flight.load(Ordering::Relaxed)
    }

    /// Hands a command to the link; gives it back when the link has ended.
    pub(crate) fn send(&self, command: Command) -> Result<(), Command> {
        self.commands.send(command, self.in_flight())
    }
}

impl LinkHandle {
    fn is_connection(&self, epoch: u64) -> bool {
        self.is_connected() && self.epoch.load(Ordering::Acquire) == epoch
    }
}

/// Ends a call that never reached a session.
pub(crate) fn refuse_call(link: &LinkHandle, call: NewCall<Caller>, error: Error) {
    link.release_bytes(call.counted);
    call.caller.complete(Err(error));
}

impl AnswerSink for LinkHandle {
    fn reserve(
        &self,
        epoch: u64,
        topic: &Topic,
        data_len: usize,
        author: Author,
    ) -> Result<QueuedBytes, Unsent> {
        if !self.is_connection(epoch) {
            return Err(Unsent::ConnectionGone);
        }
        let bytes = {
            let limits = self.limits.load();
            limits.check(topic, data_len).map_err(Unsent::TooLarge)?;
            limits.frame_len(topic.len(), data_len)
        };
        match author {
            Author::Library => Ok(QueuedBytes::of_library(&self.queue, bytes)),
            Author::Handler => QueuedBytes::within_bound(&self.queue, bytes)
                .map_err(|queued| Unsent::QueueFull(self.overloaded(queued))),
        }
    }

    fn check_code(&self, code: i32) -> Result<()> {
        self.limits.load().failure_codes.check(code)
    }

    fn answer(&self, epoch: u64, answer: Answer) -> Result<(), Answer> {
        if !self.is_connection(epoch) {
            return Err(answer);
        }
        match self.send(Command::Answer { epoch, answer }) {
            Err(Command::Answer { answer, .. }) => Err(answer),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn list_is_checked_with_the_limits_of_the_latest_connection() {
        let (tx, _rx) = crate::session::inbox::commands();
        let link = LinkHandle::new(tx, LinkLimits { max_send_bytes: 100 });
        assert!(link.check_list(1000).is_ok());
        link.set_limits(Limits { list_bytes: 999, ..DEFAULT_LIMITS });
        assert_eq!(link.check_list(1000).unwrap_err().kind(), ErrorKind::TooLarge);
    }

    #[test]
    fn permit_keeps_the_bound_on_bytes() {
        let (tx, _rx) = crate::session::inbox::commands();
        let link = LinkHandle::new(tx, LinkLimits { max_send_bytes: 100 });
        let topic = Topic::new("t").unwrap();
        let permit = |data_len| link.permit(&topic, data_len);
        let (first, counted) = permit(500).expect("an empty queue takes one of any size");
        assert_eq!((counted, link.queued_bytes()), (544, 544));
        assert_eq!(permit(0).map(|_| ()).unwrap_err().kind(), ErrorKind::Overloaded);
        link.release_bytes(544);
        let (second, counted) = permit(50).unwrap();
        drop(first);
        assert_eq!(permit(50).map(|_| ()).unwrap_err().kind(), ErrorKind::Overloaded, "bytes");
        link.release_bytes(counted);
        drop(second);
        assert_eq!((link.in_flight(), link.queued_bytes()), (0, 0));
    }
}
