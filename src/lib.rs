//! Client for AMOP, the publish/subscribe messaging of [FISCO BCOS](https://github.com/FISCO-BCOS/FISCO-BCOS) chains.
//!
//! Programs connect to their own institution's node over mutual TLS, subscribe to topics, and reach each other
//! through the chain's nodes: by *publish* (unicast: the node picks one subscriber, whose reply comes back) or
//! *broadcast* (multicast: all subscribers).
//!
//! ```no_run
//! # async fn example() -> amop::Result<()> {
//! // Credentials are looked for where the chain's scripts put them, or given with `.credentials(folder)`.
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
//! # What it promises
//! - Every accepted call ends exactly once: reply, [`Error`], its own deadline, or the client's end.
//! - A unicast is never left unanswered: a slow handler, a full queue, a panic each have a code of their own.
//! - Messages of a subscription come in order and once; whatever is lost is counted ([`Subscription::stats`]).
//! - The client reconnects for ever, and restores its topics before it says so ([`Event::Reconnected`]).
//!
//! # Rooms
//! `client` (many sessions behind one face) stands on `session` (one connection: a state machine and the task that
//! moves its bytes) and `delivery` (lanes from sessions to subscriptions); below are `protocol` (bytes, no I/O) and
//! `transport` (TCP, TLS, credentials).
//!
//! # Runtime
//! Clients run on two threads of the library's own, whatever executor awaits their futures;
//! [`ClientBuilder::runtime`] names another tokio runtime.
#![forbid(unsafe_code)]

mod client;
mod delivery;
mod error;
#[doc(hidden)]
pub mod protocol;
#[doc(hidden)]
pub mod records;
mod runtime;
mod session;
#[doc(hidden)]
pub mod transport;

pub use client::{
    Broadcast, CallHandle, Client, ClientBuilder, EndpointState, EndpointStats, Events, HandlerGuard,
    IntoAnswer, Placement, Publish, Requests, Retry, Serve, ServeRequests, Stats, Subscribe, Subscription,
    WeakClient,
};
pub use delivery::{Event, HandlerReports, Message, MessageKind, Overflow, Request, SubscriptionStats};
pub use error::{Delivery, Error, ErrorKind, Result};
#[doc(hidden)]
pub use runtime::Process;
pub use session::{Reply, RoundTrips};
