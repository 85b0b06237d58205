//! Connecting to one endpoint: name lookup, TCP and the ways of a [`DialPlan`].
//!
//! A name may have several addresses, and some of them may not respond: the first that gives a connection is used.

use std::fmt;
use std::future::{Future, pending};
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::net::TcpStream;

use super::plan::{DialPlan, Step, Way, allows_next_way};
use super::tls::HandshakeFailure;
use super::{BoxedStream, Connector, Endpoint, Resolve, SystemResolver};
use crate::{Error, ErrorKind, Result};

/// How long an address is tried alone before the next one is tried beside it. Most connections are up by then, so that
/// few are made unnecessarily; RFC 8305 (happy eyeballs) recommends the same.
const HEAD_START: Duration = Duration::from_millis(250);

/// An open connection, and the way it was made.
pub struct Dialled {
    /// The connection.
    pub stream: BoxedStream,
    /// The way that worked.
    pub way: Way,
}

impl fmt::Debug for Dialled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dialled").field("way", &self.way).finish_non_exhaustive()
    }
}

/// Connects to `endpoint` and protects the connection by `connector`; for a caller who needs no plan.
///
/// # Errors
/// As [`dial_by_plan`].
pub async fn dial(endpoint: &Endpoint, connector: &Connector) -> Result<BoxedStream> {
    at_some_address(&SystemResolver, endpoint, |address| connect(address, endpoint, connector)).await
}

/// Connects to `endpoint` by the first way of `plan` that works, beginning with `known`, the way that worked the last
/// time.
///
/// The name is resolved each time, so that a node that moved is found. Its addresses are tried in order: the next one
/// as soon as one has failed, and beside it if it has not responded for 250 ms, in TCP or in TLS. At each address the
/// ways are tried one after the other, each over a TCP connection of its own, for as long as the failure allows
/// another. The first connection is used, the others are closed.
///
/// Dropping the future at any point closes what was opened. It has no time limit of its own: the caller sets one.
///
/// # Errors
/// Returns [`ErrorKind::Resolve`]; [`ErrorKind::Connect`], which names every address with the system's error; or the
/// error of [`Connector::handshake`] for the last address that accepted the TCP connection.
pub async fn dial_by_plan(
    resolver: &dyn Resolve,
    endpoint: &Endpoint,
    plan: &DialPlan,
    known: Option<Way>,
) -> Result<Dialled> {
    let steps = &plan.in_order(known);
    at_some_address(resolver, endpoint, |address| by_plan(address, endpoint, steps)).await
}

/// Connects to `address` of `endpoint` by the first way of `plan` that works, for a caller who examines what fails.
///
/// # Errors
/// Returns the system's error for a refused TCP connection, or how far the last way came.
pub async fn dial_at(
    address: SocketAddr,
    endpoint: &Endpoint,
    plan: &DialPlan,
) -> std::io::Result<std::result::Result<Dialled, Box<HandshakeFailure>>> {
    match by_plan(address, endpoint, &plan.in_order(None)).await {
        Ok(dialled) => Ok(Ok(dialled)),
        Err(Failure::Insecure(failure)) => Ok(Err(failure)),
        Err(Failure::Refused(_, error)) => Err(error),
    }
}

/// Tries the steps one after the other at one address.
async fn by_plan(address: SocketAddr, endpoint: &Endpoint, steps: &[&Step<Way>]) -> Result<Dialled, Failure> {
    first_way(
        steps,
        move |step| async move {
            let stream = connect(address, endpoint, &step.connector).await?;
            Ok(Dialled { stream, way: step.way })
        },
        |step, failure| match failure {
            Failure::Insecure(failure) if allows_next_way(step.way, failure) => {
                tracing::debug!(%endpoint, tls = step.way.security.tls().name(), "the node shares nothing with this");
                true
            }
            _ => false,
        },
    )
    .await
}

/// Why one address gave no stream.
enum Failure {
    Refused(SocketAddr, io::Error),
    Insecure(Box<HandshakeFailure>),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Refused(address, error) => write!(f, "{address}: {error}"),
            Failure::Insecure(failure) => failure.error.fmt(f),
        }
    }
}

async fn connect(
    address: SocketAddr,
    endpoint: &Endpoint,
    connector: &Connector,
) -> Result<BoxedStream, Failure> {
    let tcp = TcpStream::connect(address).await.map_err(|error| Failure::Refused(address, error))?;
    // The layers above gather frames, so that waiting for more here would only add delay. The call fails on no healthy
    // socket, and a broken one shows at the first write.
    let _ = tcp.set_nodelay(true);
    connector.handshake(tcp, endpoint).await.map_err(|failure| Failure::Insecure(Box::new(failure)))
}

/// Resolves `endpoint` and attempts its addresses.
async fn at_some_address<T, F>(
    resolver: &dyn Resolve,
    endpoint: &Endpoint,
    attempt: impl Fn(SocketAddr) -> F,
) -> Result<T>
where
    F: Future<Output = Result<T, Failure>>,
{
    let addresses = resolver.resolve(endpoint).await?;
    first_to_succeed(addresses, attempt).await.map_err(|failures| all_failed(endpoint, failures))
}

/// Attempts `ways` one after the other for as long as `allows_next` holds for the failure. Returns the first success or
/// the last failure.
async fn first_way<'a, W, T, E, F>(
    ways: &'a [W],
    attempt: impl Fn(&'a W) -> F,
    allows_next: impl Fn(&W, &E) -> bool,
) -> Result<T, E>
where
    F: Future<Output = Result<T, E>>,
{
    let (last, others) = ways.split_last().expect("a plan has at least one way");
    for way in others {
        match attempt(way).await {
            Err(failure) if allows_next(way, &failure) => {}
            ended => return ended,
        }
    }
    attempt(last).await
}

/// Attempts `addresses` in order, each with a head start. Returns the first success, or all failures.
async fn first_to_succeed<T, E, F>(
    addresses: Vec<SocketAddr>,
    attempt: impl Fn(SocketAddr) -> F,
) -> Result<T, Vec<E>>
where
    F: Future<Output = Result<T, E>>,
{
    let mut waiting = addresses.into_iter();
    let mut running = FuturesUnordered::new();
    let mut failures = Vec::new();
    loop {
        running.extend(waiting.next().map(&attempt));
        let another = waiting.len() > 0;
        let head_start =
            async { if another { tokio::time::sleep(HEAD_START).await } else { pending().await } };
        tokio::select! {
            biased;
            ended = running.next() => match ended {
                Some(Ok(success)) => return Ok(success),
                Some(Err(failure)) => failures.push(failure),
                None => return Err(failures),
            },
            () = head_start => {}
        }
    }
}

/// Returns the error for an endpoint at which all addresses failed.
fn all_failed(endpoint: &Endpoint, failures: Vec<Failure>) -> Error {
    let name = endpoint.to_string();
    let listed: Vec<_> = failures
        .iter()
        .map(|failure| match failure {
            // Not the same address twice.
            Failure::Refused(address, error) if address.to_string() == name => error.to_string(),
            failure => failure.to_string(),
        })
        .collect();
    let mut refusal = None;
    for failure in failures.into_iter().rev() {
        match failure {
            Failure::Insecure(failure) => return failure.error,
            Failure::Refused(_, error) => refusal = Some(error),
        }
    }
    let text = format!(
        "cannot connect to {name} ({}): check that the node runs and listens there, that the port is \
         the one for SDKs (2.x: channel_listen_port, 3.x: listen_port of [rpc]), and that no firewall is in between",
        listed.join("; ")
    );
    let error = Error::undelivered(ErrorKind::Connect, text);
    match refusal {
        Some(refusal) => error.with_source(refusal),
        None => error,
    }
}

#[cfg(test)]
mod tests;
