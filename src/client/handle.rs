//! The handle of a client, with a method for everything that it does.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::core::ClientCore;
use super::events::Events;
use super::handlers::IntoAnswer;
use super::publish::{Broadcast, Publish};
use super::serve::{Serve, ServeRequests};
use super::stats::Stats;
use super::subscribe::Subscribe;
use super::topic::IntoTopic;
use crate::delivery::{HandlerReports, Request};
use crate::error::Result;

/// A connection to the nodes of one's institution. Cheap to clone; all clones are the same client.
///
/// Reconnects by itself, for ever, and restores its topics. When the last clone (and the last subscription) is
/// dropped it ends in the background; [`Client::close`] ends it in order.
#[derive(Clone)]
pub struct Client {
    pub(super) core: Arc<ClientCore>,
}

impl Client {
    /// Sends a unicast: the node picks one subscriber, whose reply is the result.
    ///
    /// A subscriber that only listens answers empty as soon as it has the message.
    ///
    /// # Errors
    /// When awaited: see [`ErrorKind`](crate::ErrorKind); [`Error::delivery`](crate::Error::delivery) says
    /// whether it may have been delivered all the same.
    pub fn publish(&self, topic: impl IntoTopic, data: impl Into<Bytes>) -> Publish {
        Publish::new(self.core.clone(), topic.into_topic(), data.into())
    }

    /// Sends a broadcast to all subscribers; the result is the node's ack, which says nothing of who hears it.
    ///
    /// # Errors
    /// When awaited, as for [`Client::publish`].
    pub fn broadcast(&self, topic: impl IntoTopic, data: impl Into<Bytes>) -> Broadcast {
        Broadcast::new(self.core.clone(), topic.into_topic(), data.into())
    }

    /// Subscribes to a topic: unicasts and broadcasts, as a stream, or with a handler.
    ///
    /// Any number per topic; each gets every message. A unicast is answered (empty) as soon as one subscription
    /// has taken it, so that a slow reader never makes the node deliver it again.
    ///
    /// A handler that holds a [`Client`] keeps it alive; see [`WeakClient`].
    ///
    /// # Errors
    /// When awaited: a bad topic, or no node that lists it in time.
    pub fn subscribe(&self, topic: impl IntoTopic) -> Subscribe {
        Subscribe::new(self.core.clone(), topic.into_topic())
    }

    /// Serves a topic: the handler's result is the reply to each unicast.
    ///
    /// One service per topic in a client; it alone gets that topic's unicasts, while broadcasts go to
    /// subscriptions only. A handler that holds a [`Client`] keeps it alive; see [`WeakClient`].
    ///
    /// ```no_run
    /// # async fn example(client: amop::Client) -> amop::Result<()> {
    /// client.serve("echo", async |request: amop::Request| request.data().clone()).await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// When awaited: as [`Client::subscribe`], and [`ErrorKind::AlreadyServed`](crate::ErrorKind::AlreadyServed).
    pub fn serve<H, F, A>(&self, topic: impl IntoTopic, handler: H) -> Serve
    where
        H: Fn(Request) -> F + Send + Sync + 'static,
        F: Future<Output = A> + Send + 'static,
        A: IntoAnswer + Send + 'static,
    {
        Serve::with_async(self.core.clone(), topic.into_topic(), handler)
    }

    /// The same with a blocking handler on the client's dispatcher threads; it answers through the request.
    ///
    /// # Errors
    /// As [`Client::serve`].
    pub fn serve_blocking<H>(&self, topic: impl IntoTopic, handler: H) -> Serve
    where
        H: Fn(Request) + Send + Sync + 'static,
    {
        Serve::with_blocking(self.core.clone(), topic.into_topic(), handler)
    }

    /// The same with a handler that is given all requests that are ready, and takes them one by one: for a language
    /// in which entering the handler costs more than a request. Those that it leaves come with its next call; of a
    /// call that takes none, returning or by a panic, the first is answered DROPPED and counted.
    ///
    /// # Errors
    /// As [`Client::serve`].
    pub fn serve_batch_blocking<H>(&self, topic: impl IntoTopic, handler: H) -> Serve
    where
        H: Fn(&mut dyn Iterator<Item = Request>) + Send + Sync + 'static,
    {
        Serve::with_batches(self.core.clone(), topic.into_topic(), handler)
    }

    /// The same without a handler: the application takes the requests one by one.
    ///
    /// # Errors
    /// As [`Client::serve`].
    pub fn serve_requests(&self, topic: impl IntoTopic) -> ServeRequests {
        ServeRequests::new(self.core.clone(), topic.into_topic())
    }

    /// What happens from now on: connections lost and restored, slow consumers ...
    pub fn events(&self) -> Events {
        Events { reader: self.core.delivery.events.listen(), process: self.core.runtime.process() }
    }

    /// Where handlers that fail by other means than a panic, say another language's exception, report it.
    pub fn handler_reports(&self) -> HandlerReports {
        HandlerReports::new(self.core.delivery.events.clone())
    }

    /// A further node to connect to, from now on. One that is there already changes nothing.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidEndpoint`](crate::ErrorKind::InvalidEndpoint), or a client that is closed.
    pub fn add_endpoint(&self, endpoint: impl AsRef<str>) -> Result<()> {
        self.core.add_endpoint(endpoint.as_ref())
    }

    /// A node to leave: what is queued for it is still written, calls in flight there end as lost, and what was
    /// listed at it alone moves to another. One that isn't there changes nothing.
    ///
    /// # Errors
    /// As [`Client::add_endpoint`].
    pub fn remove_endpoint(&self, endpoint: impl AsRef<str>) -> Result<()> {
        self.core.remove_endpoint(endpoint.as_ref())
    }

    /// Runs a blocking handler over what a stream gives, on the client's dispatcher threads: one item after the
    /// other, in order. What would wait for itself is deferred there, and [`Client::close`] waits for the
    /// handler's end: the stream has to end when the client does. For bindings.
    ///
    /// # Errors
    /// [`ErrorKind::Closed`](crate::ErrorKind::Closed), [`ErrorKind::Forked`](crate::ErrorKind::Forked).
    #[doc(hidden)]
    pub fn dispatch<S, H>(&self, stream: S, handler: H) -> Result<()>
    where
        S: futures_core::Stream + Send + 'static,
        H: FnMut(S::Item) + Send + 'static,
    {
        self.core.dispatch(stream, handler)
    }

    /// The figures at this moment.
    pub fn stats(&self) -> Stats {
        Stats::of(&self.core)
    }

    /// Ends the client with its own `close_timeout`; see [`Client::close_within`].
    ///
    /// # Errors
    /// As [`Client::close_within`].
    pub async fn close(&self) -> Result<()> {
        self.close_within(self.core.options.close_timeout).await
    }

    /// Ends the client: calls in flight end with CLOSED, handlers get until `timeout` to finish what is queued,
    /// the rest is dropped and counted, connections say goodbye. Returns after the last handler call has returned;
    /// called from inside a handler it returns at once, and the end comes when the handler returns. A second
    /// close waits for the first.
    ///
    /// # Errors
    /// [`ErrorKind::Timeout`](crate::ErrorKind::Timeout) when a handler hasn't returned; its context is kept until
    /// it does.
    pub async fn close_within(&self, timeout: Duration) -> Result<()> {
        self.core.close(timeout).await
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let links = self.core.links.all();
        let endpoints: Vec<_> = links.iter().map(|link| &link.endpoint).collect();
        f.debug_struct("Client").field("endpoints", &endpoints).finish_non_exhaustive()
    }
}
