//! Reading the messages of a subscription.

use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::sync::watch;

use super::consumer::Member;
use crate::delivery::{AnyLane, LaneReader, Message, SubscriptionStats};

/// The messages of a subscription, in the order in which they arrived.
///
/// A [`Stream`](futures_core::Stream); [`Subscription::next`] needs no trait. Ends when the client closes, and in the
/// child of a fork. Dropping it unsubscribes, and drops and counts what was not read.
#[must_use = "dropping a subscription unsubscribes"]
pub struct Subscription {
    pub(super) reader: LaneReader<Message>,
    pub(super) member: Member,
    /// Signals the end of a handler that the caller runs. Dropped last, after the unread messages are counted.
    pub(super) _finished: Option<watch::Sender<()>>,
}

impl Subscription {
    /// Returns the next message, or `None` once the client is closed and all messages were read.
    ///
    /// # Cancel safety
    /// No message is lost if the future is dropped.
    pub async fn next(&mut self) -> Option<Message> {
        std::future::poll_fn(|cx| self.poll_message(cx)).await
    }

    /// Returns the topic.
    pub fn topic(&self) -> &str {
        self.member.topic.name()
    }

    /// Returns how many messages are queued, and how many were accepted and lost so far.
    pub fn stats(&self) -> SubscriptionStats {
        self.reader.lane().stats()
    }

    /// Unsubscribes. Messages that are queued can still be read. Does nothing in the child of a fork.
    pub fn unsubscribe(&mut self) {
        self.member.leave();
    }

    /// Returns whether [`Subscription::next`] would be ready, without taking a message: for callers that wait by other
    /// means than futures, such as a file descriptor that their waker writes to.
    pub fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.member.process().or_end(self.reader.poll_ready(cx).map(Some)).map(drop)
    }

    fn poll_message(&mut self, cx: &mut Context<'_>) -> Poll<Option<Message>> {
        self.member.process().or_end(self.reader.poll_next(cx))
    }
}

impl futures_core::Stream for Subscription {
    type Item = Message;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Message>> {
        self.poll_message(cx)
    }
}

impl std::fmt::Debug for Subscription {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Subscription").field("topic", &self.topic()).finish_non_exhaustive()
    }
}
