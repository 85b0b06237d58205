//! Sending: unicast with its reply, broadcast with the node's ack.

use std::future::IntoFuture;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::oneshot;

use super::core::ClientCore;
use super::link::Link;
use super::options::Retry;
use crate::error::{Delivery, Error, ErrorKind, Result};
use crate::protocol::channel::amop;
use crate::protocol::{Seq, Topic};
use crate::session::{self, CallKind, Command, NewCall, Reply};

/// First pause between tries while waiting for a subscriber; doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// Topic lists travel between nodes every 5 s: asking more often than this gains little.
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

/// A unicast to be sent; awaiting it sends.
///
/// Dropping the future cancels the call: nobody waits for its answer any more, but what was sent stays sent.
#[must_use = "a publish does nothing until it is awaited"]
pub struct Publish {
    call: Call,
    wait_for_subscriber: bool,
    retry: Option<Retry>,
}

/// A broadcast to be sent; awaiting it sends.
#[must_use = "a broadcast does nothing until it is awaited"]
pub struct Broadcast {
    call: Call,
}

struct Call {
    core: Arc<ClientCore>,
    topic: Result<Topic>,
    data: Bytes,
    timeout: Option<Duration>,
}

impl Publish {
    pub(crate) fn new(core: Arc<ClientCore>, topic: Result<Topic>, data: Bytes) -> Publish {
        Publish { call: Call { core, topic, data, timeout: None }, wait_for_subscriber: false, retry: None }
    }

    /// The call's own deadline, counted from the await. Default: the client's `call_timeout`.
    pub fn timeout(mut self, timeout: Duration) -> Publish {
        self.call.timeout = Some(timeout);
        self
    }

    /// Whether to go on trying until the deadline while nothing was delivered, say because no node knows a
    /// subscriber yet (topic lists take up to 5 s to travel). Default no.
    pub fn wait_for_subscriber(mut self, wait: bool) -> Publish {
        self.wait_for_subscriber = wait;
        self
    }

    /// When to try again by itself. Default: the client's.
    pub fn retry(mut self, retry: Retry) -> Publish {
        self.retry = Some(retry);
        self
    }

    async fn send(self) -> Result<Reply> {
        let retry = self.retry.unwrap_or(self.call.core.options.retry);
        let tries = Tries { call: self.call, kind: CallKind::Publish, retry };
        tries.run(self.wait_for_subscriber).await
    }
}

impl Broadcast {
    pub(crate) fn new(core: Arc<ClientCore>, topic: Result<Topic>, data: Bytes) -> Broadcast {
        Broadcast { call: Call { core, topic, data, timeout: None } }
    }

    /// The call's own deadline, counted from the await. Default: the client's `call_timeout`.
    pub fn timeout(mut self, timeout: Duration) -> Broadcast {
        self.call.timeout = Some(timeout);
        self
    }

    async fn send(self) -> Result<()> {
        let retry = self.call.core.options.retry;
        let tries = Tries { call: self.call, kind: CallKind::Broadcast, retry };
        tries.run(false).await.map(drop)
    }
}

/// A boxed future of this module.
type Boxed<T> = Pin<Box<dyn Future<Output = Result<T>> + Send>>;

impl IntoFuture for Publish {
    type Output = Result<Reply>;
    type IntoFuture = Boxed<Reply>;

    fn into_future(self) -> Boxed<Reply> {
        Box::pin(self.send())
    }
}

impl IntoFuture for Broadcast {
    type Output = Result<()>;
    type IntoFuture = Boxed<()>;

    fn into_future(self) -> Boxed<()> {
        Box::pin(self.send())
    }
}

/// One message and the tries to get it delivered, all with the same seq.
struct Tries {
    call: Call,
    kind: CallKind,
    retry: Retry,
}

impl Tries {
    async fn run(self, wait: bool) -> Result<Reply> {
        let Tries { call: Call { core, topic, data, timeout }, kind, retry } = self;
        core.check()?;
        let topic = topic?;
        amop::check_size(&topic, data.len())?;
        let deadline = core.deadline(timeout)?;
        let seq = core.delivery.seqs.next();
        let mut pause = FIRST_PAUSE;
        loop {
            let mut outcome = None;
            for link in in_order(&core.links) {
                let tried = try_on(link, kind, seq, &topic, &data, deadline).await;
                match tried {
                    Err(error) if retry == Retry::Definite && is_definite(&error) => {
                        outcome = Some(worse(outcome, error));
                    }
                    ended => return ended,
                }
            }
            let error = outcome.unwrap_or_else(session::closed);
            if !wait || Instant::now() + pause >= deadline || core.check().is_err() {
                return Err(error);
            }
            core.runtime.sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }
}

/// Connected links first, in the order given.
fn in_order(links: &[Link]) -> impl Iterator<Item = &Link> {
    let up = links.iter().filter(|link| link.port.is_connected());
    up.chain(links.iter().filter(|link| !link.port.is_connected()))
}

/// Nothing was delivered, and another try may do better.
fn is_definite(error: &Error) -> bool {
    error.delivery() == Delivery::No
        && error.is_retriable()
        && !matches!(error.kind(), ErrorKind::Timeout | ErrorKind::Overloaded)
}

/// The more telling of two failures: what a node said, before that another wasn't connected.
fn worse(former: Option<Error>, latter: Error) -> Error {
    match former {
        Some(former) if latter.kind() == ErrorKind::NotConnected => former,
        _ => latter,
    }
}

async fn try_on(
    link: &Link,
    kind: CallKind,
    seq: Seq,
    topic: &Topic,
    data: &Bytes,
    deadline: Instant,
) -> Result<Reply> {
    let port = &link.port;
    if !port.is_connected() {
        return Err(session::not_connected(&link.endpoint));
    }
    let permit = port.permit(session::frame_len(topic, data.len()))?;
    let (done, outcome) = oneshot::channel();
    let call = NewCall { kind, seq, topic: topic.clone(), data: data.clone(), deadline, done, permit };
    if let Err(Command::Call(call)) = port.send(Command::Call(call)) {
        port.bytes_gone(call.frame_len());
        return Err(session::closed());
    }
    let mut in_flight = InFlight { link, seq, ended: false };
    let outcome = outcome.await;
    in_flight.ended = true;
    outcome.unwrap_or_else(|_| Err(session::closed().with_delivery(Delivery::Maybe)))
}

/// Tells the session when the caller goes before the call has ended.
struct InFlight<'a> {
    link: &'a Link,
    seq: Seq,
    ended: bool,
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        if !self.ended {
            // A link that has ended has no calls.
            let _ = self.link.port.send(Command::Cancel(self.seq));
        }
    }
}
