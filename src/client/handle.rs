//! The handle of a client, with a method for everything that it does.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::calls::{CallHandle, start_detached};
use super::core::ClientCore;
use super::events::Events;
use super::listeners::EventListener;
use super::private_topic::OpenPrivateTopic;
use super::publish::{Broadcast, Publish};
use super::serve::Serve;
use super::stats::Stats;
use super::subscribe::Subscribe;
use super::topic::IntoTopic;
use crate::delivery::{Event, HandlerReports};
use crate::error::{Delivery, Result};

/// A client of the nodes of one institution. Cheap to clone; all clones are the same client.
///
/// It reconnects without limit and restores its topics. [`Client::close`] ends it in order. If its last clone and its
/// last subscription are dropped without that, it ends in the background: messages, acknowledgements and answers that
/// were accepted before are still written, unless the process or the runtime ends first, or the node does not read them
/// within `close_timeout`.
#[derive(Clone)]
#[must_use = "dropping the last handle ends the client"]
pub struct Client {
    pub(super) core: Arc<ClientCore>,
}

impl Client {
    /// Sends a unicast: the node picks one subscriber, whose reply is the result.
    ///
    /// A subscription replies with no data as soon as it has accepted the message.
    ///
    /// The data are owned bytes or text, or live for the whole program: pass `text.to_owned()` for a borrowed text.
    ///
    /// # Errors
    /// When awaited, see [`ErrorKind`](crate::ErrorKind). [`Error::delivery`](crate::Error::delivery) states whether
    /// the message may still have been delivered.
    pub fn publish(&self, topic: impl IntoTopic, data: impl Into<Bytes>) -> Publish {
        Publish::new(self.core.clone(), topic.into_topic(), data.into())
    }

    /// Sends a message to all subscribers and completes when the node acknowledges it. The acknowledgement does not
    /// confirm delivery to any subscriber.
    ///
    /// # Errors
    /// When awaited, as [`Client::publish`].
    pub fn broadcast(&self, topic: impl IntoTopic, data: impl Into<Bytes>) -> Broadcast {
        Broadcast::new(self.core.clone(), topic.into_topic(), data.into())
    }

    /// Subscribes to the unicasts and broadcasts of a topic, as a stream or with a handler.
    ///
    /// A client may have any number of subscriptions to a topic; each receives every message. A unicast is answered,
    /// without data, as soon as one subscription has accepted it, so that a slow reader never makes the node deliver it
    /// again.
    ///
    /// Awaiting it takes until a node lists the topic; without a connected node it returns at once, and the subscription
    /// becomes active with the first node. See [`Subscribe::confirm`].
    ///
    /// A handler that holds a [`Client`] keeps it alive; see [`WeakClient`](crate::WeakClient).
    ///
    /// # Errors
    /// When awaited, returns an error if the topic is invalid or if no node lists it in time, and
    /// [`ErrorKind::TooLarge`](crate::ErrorKind::TooLarge) if the list of this client's topics would not fit one frame.
    pub fn subscribe(&self, topic: impl IntoTopic) -> Subscribe {
        Subscribe::new(self.core.clone(), topic.into_topic())
    }

    /// Serves a topic: answers its unicasts, as a stream of requests or with a handler, whose result is the reply.
    ///
    /// A client may have one service for a topic. It alone receives the unicasts of that topic; broadcasts go to
    /// subscriptions only. A handler that holds a [`Client`] keeps it alive; see [`WeakClient`](crate::WeakClient).
    ///
    /// ```no_run
    /// # async fn example(client: amop::Client) -> amop::Result<()> {
    /// client.serve("echo").for_each(async |request: amop::Request| request.data().clone()).await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// When awaited, as [`Client::subscribe`]; also returns
    /// [`ErrorKind::AlreadyServed`](crate::ErrorKind::AlreadyServed) if the client serves the topic already.
    pub fn serve(&self, topic: impl IntoTopic) -> Serve {
        Serve::new(self.core.clone(), topic.into_topic())
    }

    /// Publishes on a *private* topic: one whose messages nodes pass on only to subscribers that hold the private half of
    /// an allowed key. It is another topic than the one of the same name without keys. Private topics exist at nodes of
    /// generation 2.x.
    ///
    /// ```no_run
    /// # async fn example(client: amop::Client) -> amop::Result<()> {
    /// let orders = client.private_topic("orders").allow([amop::PublicKey::from_file("subscriber.pem")?])?;
    /// let reply = orders.publish("one more").wait_for_subscriber(true).await?;
    /// # Ok(()) }
    /// ```
    ///
    /// A subscriber uses the private key: [`Subscribe::key`], [`Serve::key`].
    ///
    /// Nodes verify other nodes, and not programs: once one subscriber at a node is verified, all programs at that node
    /// receive messages of the topic, for as long as the topic is listed there. Payloads are readable by the nodes.
    pub fn private_topic(&self, topic: impl IntoTopic) -> OpenPrivateTopic {
        OpenPrivateTopic::new(self.core.clone(), topic.into_topic())
    }

    /// Returns the events of the client from now on: connections lost and restored, slow consumers, and
    /// others. Certificates that end soon are reported first.
    pub fn events(&self) -> Events {
        Events { reader: self.core.delivery.events.listen(), process: self.core.runtime.process() }
    }

    /// Calls a blocking handler with each event from now on, on the client's dispatcher threads, one after the other in
    /// order, until it is removed or the client is closed. See [`ClientBuilder::on_event`](crate::ClientBuilder::on_event)
    /// for the events of connecting. A panic of the handler is logged.
    ///
    /// # Errors
    /// Returns [`ErrorKind::Closed`](crate::ErrorKind::Closed) if the client is closed, and
    /// [`ErrorKind::Forked`](crate::ErrorKind::Forked) in the child of a fork.
    pub fn on_event(&self, handler: impl FnMut(Event) + Send + 'static) -> Result<EventListener> {
        self.core.listen(handler)
    }

    /// Returns where a handler reports a failure that is not a panic, for example an exception of another language.
    pub fn handler_reports(&self) -> HandlerReports {
        HandlerReports::new(self.core.delivery.events.clone())
    }

    /// Adds a node to connect to. Does nothing if the client has that endpoint already.
    ///
    /// # Errors
    /// Returns [`ErrorKind::InvalidEndpoint`](crate::ErrorKind::InvalidEndpoint) if the text is not an endpoint, and
    /// [`ErrorKind::Closed`](crate::ErrorKind::Closed) if the client is closed.
    pub fn add_endpoint(&self, endpoint: impl AsRef<str>) -> Result<()> {
        self.core.add_endpoint(endpoint.as_ref())
    }

    /// Removes an endpoint. Does nothing if the client has no such endpoint.
    ///
    /// Queued messages are still written. The connection is closed once no call is in flight and no request unanswered,
    /// or after `close_timeout`; calls still in flight then fail with
    /// [`ErrorKind::ConnectionLost`](crate::ErrorKind::ConnectionLost). Topics listed only at that node move to
    /// another.
    ///
    /// # Errors
    /// As [`Client::add_endpoint`].
    pub fn remove_endpoint(&self, endpoint: impl AsRef<str>) -> Result<()> {
        self.core.remove_endpoint(endpoint.as_ref())
    }

    /// Loads the credentials again from the same files, which were renewed, and makes the connections anew with them, one
    /// after the other: each once no call is in flight, the node lists no topic of this client any more and no request is
    /// unanswered there, or after `close_timeout`. A 3.x node goes on listing the topics until the connection ends, so
    /// that a request which it sends at that moment is not answered.
    ///
    /// Without this call the files are read again at each reconnect. A handler should not wait for this call, because
    /// its own request is unanswered meanwhile.
    ///
    /// # Errors
    /// Returns why the credentials can't be used, in which case the previous ones stay in use and no connection is
    /// ended; why a node could not be connected anew, in which case the connections to the nodes after it are left as
    /// they are and the client goes on trying with the new credentials; and
    /// [`ErrorKind::InvalidArgument`](crate::ErrorKind::InvalidArgument) if the credentials were given as text.
    ///
    /// # Cancel safety
    /// If the future is dropped, the connections that were not made anew yet are left as they are.
    pub async fn reload_credentials(&self) -> Result<()> {
        self.core.reload_credentials().await
    }

    /// Runs a blocking handler over the items of a stream, on the client's dispatcher threads, one after the other in
    /// order. [`Client::close`] waits until the stream has ended and the handler has returned. For bindings.
    ///
    /// # Errors
    /// Returns [`ErrorKind::Closed`](crate::ErrorKind::Closed) if the client is closed, and
    /// [`ErrorKind::Forked`](crate::ErrorKind::Forked) in the child of a fork.
    #[doc(hidden)]
    pub fn dispatch<S, H>(&self, stream: S, handler: H) -> Result<()>
    where
        S: futures_core::Stream + Send + 'static,
        H: FnMut(S::Item) + Send + 'static,
    {
        self.core.dispatch(stream, handler).map(drop)
    }

    /// Runs `handler` as [`Client::dispatch`] does, but apart from all handlers of the application: on a thread of its own,
    /// which is not counted among the dispatcher threads. For handlers that complete futures and run no code of the
    /// application, so that a handler of the application may wait for such a future. For bindings.
    ///
    /// # Errors
    /// As [`Client::dispatch`].
    #[doc(hidden)]
    pub fn dispatch_apart<S, H>(&self, stream: S, handler: H) -> Result<()>
    where
        S: futures_core::Stream + Send + 'static,
        H: FnMut(S::Item) + Send + 'static,
    {
        self.core.dispatch_apart(stream, handler)
    }

    /// Runs a future of this client, such as the confirmation of a subscription, and calls `done` with its outcome as
    /// [`Publish::start`] does. For bindings.
    ///
    /// # Errors
    /// As [`Publish::start`].
    #[doc(hidden)]
    pub fn start_call<T: Send + 'static>(
        &self,
        call: impl Future<Output = Result<T>> + Send + 'static,
        done: impl FnOnce(Result<T>) + Send + 'static,
    ) -> Result<CallHandle> {
        let (core, call) = (&self.core, Box::pin(call));
        core.calls.start_as(Delivery::No, core.runtime.handle(), call, done)
    }

    /// Closes the client within `timeout`, or its `close_timeout`, and calls `done` with the outcome of
    /// [`Client::close_within`] from a task of its own. In a handler it waits as anywhere else, because nobody waits for
    /// it there. For bindings.
    ///
    /// # Errors
    /// Returns [`ErrorKind::Forked`](crate::ErrorKind::Forked) in the child of a fork.
    #[doc(hidden)]
    pub fn start_close(
        &self,
        timeout: Option<Duration>,
        done: impl FnOnce(Result<()>) + Send + 'static,
    ) -> Result<CallHandle> {
        let ended = self.core.begin_close(timeout.unwrap_or(self.core.options.close_timeout))?;
        Ok(start_detached(self.core.runtime.clone(), Box::pin(ended), done))
    }

    /// Returns the time that [`Client::close`] takes at most. For bindings.
    #[doc(hidden)]
    pub fn close_timeout(&self) -> Duration {
        self.core.options.close_timeout
    }

    /// Returns the statistics of the client now.
    pub fn stats(&self) -> Stats {
        Stats::of(&self.core)
    }

    /// Closes the client within its `close_timeout`; see [`Client::close_within`].
    ///
    /// # Errors
    /// As [`Client::close_within`].
    pub async fn close(&self) -> Result<()> {
        self.close_within(self.core.options.close_timeout).await
    }

    /// Closes the client.
    ///
    /// Calls under way fail with [`ErrorKind::Closed`](crate::ErrorKind::Closed). Handlers process what is queued for up
    /// to four fifths of `timeout`, or all of it but half a second if that is longer; the rest is dropped and counted.
    /// Connections are closed once queued bytes are written, at the end of `timeout` at the latest.
    /// Returns after the last call of a handler and the last completion callback have returned; none runs afterwards.
    /// Inside a handler or a completion callback it returns at once instead, and the client ends when that returns. A
    /// second close waits for the first.
    ///
    /// # Errors
    /// Returns [`ErrorKind::Timeout`](crate::ErrorKind::Timeout) if a handler or callback has not returned in time.
    /// What it holds is kept until it does.
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
