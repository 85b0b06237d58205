//! A node's port: takes connections, does TLS within the first-byte limit, and starts a session for each.

use std::sync::Arc;
use std::time::Duration;

use amop::Result;
use amop::transport::{Credentials, KeyExchange, server_config};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::counters::Tally;
use crate::session::{Home, Seat, serve};
use crate::wire::Wire;

/// How long a listener waits when the system has no descriptor left for the next connection.
const OUT_OF_DESCRIPTORS: Duration = Duration::from_millis(50);

/// What protects the connections of a node.
#[derive(Clone)]
pub(crate) enum Security {
    Tls(TlsAcceptor),
    /// Nothing, so that one can look at the bytes.
    Plain,
}

impl Security {
    /// TLS as a node does it that shows `credentials`: 1.2, secp256k1 alone, a client certificate required.
    pub(crate) fn tls(credentials: &Credentials) -> Result<Security> {
        let config = server_config(credentials, &[KeyExchange::Secp256k1])?;
        Ok(Security::Tls(TlsAcceptor::from(Arc::new(config))))
    }
}

impl std::fmt::Debug for Security {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Security::Tls(_) => "Tls",
            Security::Plain => "Plain",
        })
    }
}

/// A node's tasks while it runs.
#[derive(Clone, Debug)]
pub(crate) struct Tasks {
    /// Ends the listener, leaves sessions alone.
    pub(crate) deaf: CancellationToken,
    /// Ends everything, at once.
    pub(crate) cut: CancellationToken,
    pub(crate) tracker: TaskTracker,
}

impl Tasks {
    pub(crate) fn new() -> Tasks {
        let cut = CancellationToken::new();
        Tasks { deaf: cut.child_token(), cut, tracker: TaskTracker::new() }
    }
}

/// Takes connections until told to stop.
pub(crate) async fn listen(
    listener: TcpListener,
    home: Home,
    security: Security,
    first_byte: Duration,
    tasks: Tasks,
) {
    let security = Arc::new(security);
    let accept = async {
        loop {
            let tcp = match listener.accept().await {
                Ok((tcp, _)) => tcp,
                Err(error) => {
                    tracing::warn!("a connection can't be taken: {error}");
                    sleep(OUT_OF_DESCRIPTORS).await;
                    continue;
                }
            };
            Tally::add(&home.tally.accepted, 1);
            let connection = connect(tcp, home.clone(), security.clone(), first_byte);
            tasks.tracker.spawn(tasks.cut.clone().run_until_cancelled_owned(connection));
        }
    };
    tasks.deaf.run_until_cancelled(accept).await;
}

async fn connect(tcp: TcpStream, home: Home, security: Arc<Security>, first_byte: Duration) {
    // Frames are gathered before they are written: waiting for more would only add delay. A socket where this
    // fails is dead, which the next read shows.
    let _ = tcp.set_nodelay(true);
    match &*security {
        Security::Tls(acceptor) => match timeout(first_byte, acceptor.accept(tcp)).await {
            Ok(Ok(stream)) => seat(stream, home).await,
            Ok(Err(error)) => refused(&home, &error),
            Err(elapsed) => refused(&home, &elapsed),
        },
        Security::Plain => match timeout(first_byte, tcp.readable()).await {
            Ok(Ok(())) => seat(tcp, home).await,
            Ok(Err(error)) => refused(&home, &error),
            Err(elapsed) => refused(&home, &elapsed),
        },
    }
}

async fn seat(stream: impl Wire, home: Home) {
    if let Some(seat) = Seat::take(home) {
        serve(stream, seat).await;
    }
}

fn refused(home: &Home, why: &dyn std::fmt::Display) {
    tracing::debug!(node = home.node, "a connection came to nothing: {why}");
    Tally::add(&home.tally.refused, 1);
}
