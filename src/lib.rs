//! Client for AMOP, the publish/subscribe messaging of [FISCO BCOS](https://github.com/FISCO-BCOS/FISCO-BCOS) chains.
//!
//! A program connects to its own institution's node over mutual TLS and subscribes to topics. Programs send messages to
//! each other through the nodes of the chain: [`Client::publish`] sends a unicast, for which the node picks one
//! subscriber and returns its reply; [`Client::broadcast`] sends to all subscribers.
//!
//! ```no_run
//! # async fn example() -> amop::Result<()> {
//! // The credentials are searched where the chain's scripts put them; `.credentials(folder)` names another place.
//! let client = amop::Client::builder().endpoint("127.0.0.1:20200").connect().await?;
//!
//! let mut greetings = client.subscribe("hello").await?;
//! if let Some(message) = greetings.next().await {
//!     println!("{}", String::from_utf8_lossy(message.data()));
//! }
//!
//! let reply = client.publish("hello", "hi").timeout(std::time::Duration::from_secs(5)).await?;
//! println!("{:?}", reply.data());
//! # Ok(()) }
//! ```
//!
//! # Guarantees
//! - Every accepted call completes exactly once: with a reply or an [`Error`], at the latest at its deadline or when
//!   the client closes. The error states whether the message may have been delivered.
//! - Every unicast is answered. If a handler is too slow, a queue is full or a handler panics, the publisher receives a
//!   specific error code.
//! - A subscription receives the messages of a connection in order, each once. Messages that are discarded are counted,
//!   see [`Subscription::stats`].
//! - The client reconnects until it is closed. It restores its topics before it emits [`Event::Reconnected`].
//!
//! # Modules
//! A call passes down through these layers; a lower layer never calls a higher one.
//! - `config`: reads configuration files, ours and those of other SDKs, with the feature of that name.
//! - `client`: many sessions behind one API. It chooses the node, retries, and keeps subscriptions and services.
//! - `session`: one connection. A state machine decides, and the driver moves its bytes.
//! - `delivery`: bounded queues from sessions to subscriptions, threads for handlers, duplicates, events.
//! - `transport`: addresses, credentials, TCP and TLS.
//! - `protocol`: encoders and decoders, without I/O.
//!
//! # Features
//! - `sm` (default): the channels of GM chains and of 3.x chains with SM certificates.
//! - `config`: configuration files, [`ClientBuilder::config_file`].
//!
//! # Stability
//! The public interface is what this documentation shows. Items that it hides exist for the other crates of this project,
//! which need exactly the same version; any version may change them.
//!
//! # Log
//! The library emits records of the crate [`tracing`](https://docs.rs/tracing), which are lost unless the program has a
//! subscriber, such as that of the crate `tracing-subscriber`. A handler that fails or panics is logged as an error,
//! a lost connection as a warning. Payloads are logged at the level `TRACE` only.
//!
//! # Runtime
//! All clients of a process share one tokio runtime of the library with two worker threads, so their futures may be
//! awaited on any executor. [`ClientBuilder::runtime`] selects another tokio runtime. Async handlers run on the tokio
//! runtime of the caller, if there is one; see [`Subscribe::runtime`] and [`Serve::runtime`].
#![forbid(unsafe_code)]
#![warn(missing_debug_implementations)]

mod client;
#[cfg(feature = "config")]
#[doc(hidden)]
pub mod config;
mod delivery;
mod error;
mod files;
mod private;
#[doc(hidden)]
pub mod protocol;
#[doc(hidden)]
pub mod records;
mod runtime;
mod session;
#[doc(hidden)]
pub mod text;
#[doc(hidden)]
pub mod threads;
#[doc(hidden)]
pub mod transport;
#[cfg(test)]
mod wake_count;
#[doc(hidden)]
pub mod wall_clock;

/// Runs `callback` as a handler: what it calls does not wait for handlers. For bindings that run callbacks on threads of
/// their own.
#[doc(hidden)]
pub fn run_as_handler<R>(callback: impl FnOnce() -> R) -> R {
    client::as_handler(callback)
}

#[doc(hidden)]
pub use client::Settings;
pub use client::{
    Broadcast, CallHandle, Client, ClientBuilder, Confirm, EndpointState, EndpointStats, EventListener,
    Events, IntoAnswer, IntoTopic, OpenPrivateTopic, Placement, PrivateTopic, PrivateTopicStats, Publish,
    Requests, Retry, RunningHandler, Serve, Stats, Subscribe, Subscription, VerificationState,
    VerificationStats, WeakClient,
};
pub use delivery::{Event, HandlerReports, Message, MessageKind, Overflow, Request, SubscriptionStats};
pub use error::{Delivery, Error, ErrorKind, Result};
pub use private::{PrivateKey, PublicKey};
pub use protocol::Topic;
#[doc(hidden)]
pub use runtime::Process;
pub use session::{Reply, RoundTrips};
pub use transport::{Generations, Tls};
