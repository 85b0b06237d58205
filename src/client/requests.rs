//! Reading the requests of a service.

use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::sync::watch;

use super::consumer::Member;
use crate::delivery::{AnyLane, LaneReader, Request, SubscriptionStats};

/// The requests on a topic, in the order in which they arrived. Each is answered through its [`Request`].
///
/// Ends when the client closes. Dropping it ends the service; requests that were not read are answered DROPPED.
#[must_use = "dropping the requests ends the service"]
pub struct Requests {
    pub(super) reader: LaneReader<Request>,
    pub(super) member: Member,
    /// Signals the end of a handler that the caller runs. Dropped last, after the unread requests are answered.
    pub(super) _finished: Option<watch::Sender<()>>,
}

impl Requests {
    /// Returns the next request that can still be answered, or `None` once the client is closed, and in the child of a
    /// fork.
    ///
    /// # Cancel safety
    /// No request is lost if the future is dropped.
    pub async fn next(&mut self) -> Option<Request> {
        std::future::poll_fn(|cx| self.poll_open(cx)).await
    }

    /// Returns the topic.
    pub fn topic(&self) -> &str {
        self.member.topic.name()
    }

    /// Returns how many requests are queued, and how many were accepted and lost so far.
    pub fn stats(&self) -> SubscriptionStats {
        self.reader.lane().stats()
    }

    /// Ends the service. Requests that are queued can still be read.
    pub fn unsubscribe(&mut self) {
        self.member.leave();
    }

    /// Returns whether a request may be read; see [`Subscription::poll_ready`](crate::Subscription::poll_ready). A
    /// request whose time has run out meanwhile makes it ready although there is none to read.
    pub fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.member.process().or_end(self.reader.poll_ready(cx).map(Some)).map(drop)
    }

    fn poll_open(&mut self, cx: &mut Context<'_>) -> Poll<Option<Request>> {
        loop {
            match self.reader.poll_next(cx) {
                // Its time ran out in the queue, and its publisher has an answer.
                Poll::Ready(Some(request)) if !request.is_open() => {}
                other => return self.member.process().or_end(other),
            }
        }
    }
}

impl futures_core::Stream for Requests {
    type Item = Request;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Request>> {
        self.poll_open(cx)
    }
}

impl std::fmt::Debug for Requests {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Requests").field("topic", &self.topic()).finish_non_exhaustive()
    }
}
