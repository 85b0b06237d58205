//! One connection, from name to stream: resolve, TCP, TLS.
//!
//! A name may have several addresses, and some of them may be dead: the first that lets us in is taken.

use std::fmt;
use std::future::{Future, pending};
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::net::TcpStream;

use super::{BoxedStream, Endpoint, Resolve, SecureConnector, SystemResolver};
use crate::{Error, ErrorKind, Result};

/// How long an address is tried alone before the next is tried beside it. Most connections are up by then, so that few
/// are made in vain; RFC 8305 (happy eyeballs) takes the same.
const HEAD_START: Duration = Duration::from_millis(250);

/// Connects to `endpoint` and protects the connection by `connector`.
///
/// The name is resolved each time, so that a node that moved is found. Its addresses are tried in order: the next one
/// as soon as one has failed, and beside it when it has been silent for 250 ms, in TCP or in TLS. The first that
/// succeeds is taken, the others are closed.
/// Nothing is kept on the way: dropping the future at any point closes what was opened. It has no time limit of
/// its own; the caller sets one around it.
///
/// # Errors
/// [`ErrorKind::Resolve`]; [`ErrorKind::Connect`], which names every address with the system's error; or what
/// `connector` answers (of the last address that took the TCP connection).
pub async fn dial(endpoint: &Endpoint, connector: &dyn SecureConnector) -> Result<BoxedStream> {
    dial_by(&SystemResolver, endpoint, connector).await
}

/// As [`dial()`], to the addresses that `resolver` knows.
///
/// # Errors
/// As [`dial()`].
pub async fn dial_by(
    resolver: &dyn Resolve,
    endpoint: &Endpoint,
    connector: &dyn SecureConnector,
) -> Result<BoxedStream> {
    let addresses = resolver.resolve(endpoint).await?;
    let connected = first_to_succeed(addresses, |address| connect(address, endpoint, connector)).await;
    connected.map_err(|failures| all_failed(endpoint, failures))
}

/// Why one address gave no stream.
enum Failure {
    Refused(SocketAddr, io::Error),
    Insecure(Error),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Refused(address, error) => write!(f, "{address}: {error}"),
            Failure::Insecure(error) => error.fmt(f),
        }
    }
}

async fn connect(
    address: SocketAddr,
    endpoint: &Endpoint,
    connector: &dyn SecureConnector,
) -> Result<BoxedStream, Failure> {
    let tcp = TcpStream::connect(address).await.map_err(|error| Failure::Refused(address, error))?;
    // Frames are gathered above: waiting for more here would only add delay. Fails on no healthy socket,
    // and a sick one shows at the first write.
    let _ = tcp.set_nodelay(true);
    connector.connect(tcp, endpoint).await.map_err(Failure::Insecure)
}

/// Attempts one after the other, each with a head start; the first success, or every failure.
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

/// What to say when no address let us in.
fn all_failed(endpoint: &Endpoint, failures: Vec<Failure>) -> Error {
    let listed: Vec<_> = failures.iter().map(ToString::to_string).collect();
    let mut refusal = None;
    for failure in failures.into_iter().rev() {
        match failure {
            Failure::Insecure(error) => return error,
            Failure::Refused(_, error) => refusal = Some(error),
        }
    }
    let text = format!(
        "cannot connect to {endpoint} ({}): check that the node runs and listens there, that the port is \
         its channel port, and that no firewall is in between",
        listed.join("; ")
    );
    let error = Error::undelivered(ErrorKind::Connect, text);
    match refusal {
        Some(refusal) => error.with_source(refusal),
        None => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use tokio::time::Instant;

    /// What an address of the test does.
    #[derive(Clone, Copy)]
    enum Does {
        /// Lets us in, or fails, after so many milliseconds.
        Succeeds(u64),
        Fails(u64),
        /// Takes no notice: packets to it are lost.
        Nothing,
    }

    /// Counts the attempts that are under way.
    struct UnderWay<'a>(&'a AtomicUsize);

    impl Drop for UnderWay<'_> {
        fn drop(&mut self) {
            self.0.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// Tries addresses that do this: the index of the winner or of those that failed, when each attempt began, and
    /// when all was over, in milliseconds.
    async fn race(does: &[Does]) -> (Result<usize, Vec<usize>>, Vec<u128>, u128) {
        let begin = Instant::now();
        let (starts, under_way) = (Mutex::new(Vec::new()), AtomicUsize::new(0));
        let address = |index: usize| SocketAddr::from(([127, 0, 0, 1], index as u16));
        let attempt = |address: SocketAddr| {
            let index = usize::from(address.port());
            starts.lock().unwrap().push(begin.elapsed().as_millis());
            under_way.fetch_add(1, Ordering::Relaxed);
            let guard = UnderWay(&under_way);
            async move {
                let _guard = guard;
                match does[index] {
                    Does::Succeeds(after) => {
                        tokio::time::sleep(Duration::from_millis(after)).await;
                        Ok(index)
                    }
                    Does::Fails(after) => {
                        tokio::time::sleep(Duration::from_millis(after)).await;
                        Err(index)
                    }
                    Does::Nothing => pending().await,
                }
            }
        };
        let outcome = first_to_succeed((0..does.len()).map(address).collect(), attempt).await;
        assert_eq!(under_way.load(Ordering::Relaxed), 0, "those that lost are dropped");
        (outcome, starts.into_inner().unwrap(), begin.elapsed().as_millis())
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_is_quick_is_tried_alone() {
        assert_eq!(race(&[Does::Succeeds(249), Does::Succeeds(0)]).await, (Ok(0), vec![0], 249));
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_is_followed_by_the_next_at_once() {
        let (outcome, starts, over) = race(&[Does::Fails(10), Does::Fails(0), Does::Succeeds(5)]).await;
        assert_eq!((outcome, starts, over), (Ok(2), vec![0, 10, 10], 15));
    }

    #[tokio::test(start_paused = true)]
    async fn silence_is_not_waited_for() {
        let (outcome, starts, over) = race(&[Does::Nothing, Does::Nothing, Does::Succeeds(3)]).await;
        assert_eq!((outcome, starts, over), (Ok(2), vec![0, 250, 500], 503));
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_one_still_wins_when_the_next_is_slower() {
        let (outcome, starts, over) = race(&[Does::Succeeds(400), Does::Succeeds(300)]).await;
        assert_eq!((outcome, starts, over), (Ok(0), vec![0, 250], 400));
    }

    #[tokio::test(start_paused = true)]
    async fn all_failures_are_told() {
        let (outcome, starts, over) = race(&[Does::Fails(600), Does::Fails(0), Does::Fails(0)]).await;
        assert_eq!((outcome, starts, over), (Err(vec![1, 2, 0]), vec![0, 250, 250], 600));
        assert_eq!(race(&[]).await, (Err(vec![]), vec![], 0));
    }
}
