//! How a client is set up and connected.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::core::ClientCore;
use super::handle::Client;
use super::options::{Options, Retry};
use crate::error::Result;
use crate::runtime::RuntimeRef;
use crate::transport::{CredentialSource, Resolve};

impl Client {
    /// Returns the settings of a new client, with their defaults.
    pub fn builder() -> ClientBuilder {
        ClientBuilder::default()
    }
}

/// Settings of a client to be; made by [`Client::builder`], ended by [`ClientBuilder::connect`].
#[derive(Clone, Debug, Default)]
#[must_use = "a builder does nothing until `connect`"]
pub struct ClientBuilder {
    options: Options,
    runtime: Option<tokio::runtime::Handle>,
}

impl ClientBuilder {
    /// A node to connect to: `host:port`, `IPv4:port` or `[IPv6]:port`. Several calls name several nodes.
    pub fn endpoint(mut self, endpoint: impl Into<String>) -> Self {
        self.options.endpoints.push(endpoint.into());
        self
    }

    /// Several nodes at once.
    pub fn endpoints<E: Into<String>>(mut self, endpoints: impl IntoIterator<Item = E>) -> Self {
        self.options.endpoints.extend(endpoints.into_iter().map(Into::into));
        self
    }

    /// The folder with `ca.crt`, `sdk.crt` and `sdk.key`.
    ///
    /// Without credentials given, they are looked for in `$AMOP_CREDENTIALS`, `.`, `conf`, `sdk`,
    /// `nodes/127.0.0.1/sdk` and `amop-devnet/sdk`. The files are found by
    /// [`ClientBuilder::connect`]. The same files are read again at each reconnect, whatever the current folder is then.
    pub fn credentials(mut self, folder: impl Into<PathBuf>) -> Self {
        self.options.credentials = CredentialSource::Directory(folder.into());
        self
    }

    /// The three files by name: CA, own certificate chain (leaf, agency, ...), private key; all PEM.
    pub fn credential_files(
        mut self,
        ca: impl Into<PathBuf>,
        cert: impl Into<PathBuf>,
        key: impl Into<PathBuf>,
    ) -> Self {
        self.options.credentials =
            CredentialSource::Files { ca: ca.into(), cert: cert.into(), key: key.into() };
        self
    }

    /// The same from memory, as PEM text.
    pub fn credential_pem(
        mut self,
        ca: impl Into<Vec<u8>>,
        cert: impl Into<Vec<u8>>,
        key: impl Into<Vec<u8>>,
    ) -> Self {
        self.options.credentials =
            CredentialSource::Pem { ca: ca.into(), cert: cert.into(), key: key.into() };
        self
    }

    /// Who knows the addresses of host names; asked at every connect. Default: the system. For tests.
    #[doc(hidden)]
    pub fn resolver(mut self, resolver: impl Resolve + 'static) -> Self {
        self.options.resolver = Arc::new(resolver);
        self
    }

    /// How long one try to connect may take: TCP, TLS and handshake together. Default 10 s.
    pub fn connect_timeout(mut self, time: Duration) -> Self {
        self.options.connect_timeout = time;
        self
    }

    /// The deadline of every call that has none of its own. Default 10 s.
    pub fn call_timeout(mut self, time: Duration) -> Self {
        self.options.call_timeout = time;
        self
    }

    /// How long [`Client::close`] lets handlers finish. Default 5 s.
    pub fn close_timeout(mut self, time: Duration) -> Self {
        self.options.close_timeout = time;
        self
    }

    /// The time between heartbeats; a node silent for two of them is dead. Default 10 s; nodes end a connection
    /// that is idle for 60 s.
    pub fn heartbeat(mut self, time: Duration) -> Self {
        self.options.heartbeat = time;
        self
    }

    /// After how many heartbeats in a row without a byte from the node a connection is dead. Default 2.
    pub fn missed_heartbeats(mut self, heartbeats: u32) -> Self {
        self.options.missed_heartbeats = heartbeats;
        self
    }

    /// Whether [`ClientBuilder::connect`] returns a client though no node can be reached: it goes on trying, and until
    /// it succeeds calls end as not connected. Default no. What can't change by itself, such as options and
    /// credentials, is an error all the same.
    pub fn start_offline(mut self, offline: bool) -> Self {
        self.options.start_offline = offline;
        self
    }

    /// The first pause before a reconnect; it duplicates, with +-50 % jitter. Default 100 ms.
    pub fn reconnect_min(mut self, time: Duration) -> Self {
        self.options.reconnect_min = time;
        self
    }

    /// The longest pause before a reconnect. Default 10 s.
    pub fn reconnect_max(mut self, time: Duration) -> Self {
        self.options.reconnect_max = time;
        self
    }

    /// How long a handler may take before the library answers TOO_SLOW for it.
    ///
    /// Default 4.5 s: half a second before a 2.x node would deliver the message to somebody else.
    pub fn answer_timeout(mut self, time: Duration) -> Self {
        self.options.answer_timeout = time;
        self
    }

    /// When a failed publish is tried again by itself. Default: when nothing was delivered, on another node.
    pub fn retry(mut self, retry: Retry) -> Self {
        self.options.retry = retry;
        self
    }

    /// Whether this client's own broadcasts come back to its subscriptions. Default no.
    pub fn echo(mut self, echo: bool) -> Self {
        self.options.echo = echo;
        self
    }

    /// Sets the maximum number of calls of the client that are under way, whatever they wait for. Further calls fail at
    /// once. Default: 65,536.
    pub fn max_in_flight(mut self, calls: usize) -> Self {
        self.options.max_in_flight = calls;
        self
    }

    /// Sets the maximum number of bytes queued to send at each connection, and the maximum number that calls of the client
    /// keep while they wait for a node, a subscriber or a retry. Default: 256 MiB.
    pub fn max_send_bytes(mut self, bytes: usize) -> Self {
        self.options.max_send_bytes = bytes;
        self
    }

    /// Most bytes held in all subscriptions and services together, payloads and 160 for each message. Beyond it each
    /// still takes one message when it is empty, and one that drops its oldest makes its own room. Default 512 MiB.
    pub fn max_held_bytes(mut self, bytes: usize) -> Self {
        self.options.max_held_bytes = bytes;
        self
    }

    /// Most events held for each listener; one that reads too slowly loses the oldest. Default 1,024.
    pub fn max_events(mut self, events: usize) -> Self {
        self.options.max_events = events;
        self
    }

    /// How long a message is remembered, so that a duplicate of it isn't delivered again. Default 60 s.
    pub fn duplicate_window(mut self, time: Duration) -> Self {
        self.options.duplicate_window = time;
        self
    }

    /// Most messages remembered for that. Default 65,536.
    pub fn max_duplicates(mut self, messages: usize) -> Self {
        self.options.max_duplicates = messages;
        self
    }

    /// The group of the chain that nodes are asked about their peers in; messages know no groups. Default 1.
    pub fn group(mut self, group: i64) -> Self {
        self.options.group = group;
        self
    }

    /// Most threads for blocking handlers. Default 256.
    pub fn dispatcher_threads(mut self, threads: usize) -> Self {
        self.options.dispatcher_threads = threads;
        self
    }

    /// Runs the client on a tokio runtime of the caller's (with time and I/O enabled), not on the library's own.
    pub fn runtime(mut self, handle: tokio::runtime::Handle) -> Self {
        self.runtime = Some(handle);
        self
    }

    /// Connects. Returns when one node is ready; the others follow in the background.
    ///
    /// # Errors
    /// Options that make no sense, credentials that can't be used, or, when no node could be reached, why the
    /// first one couldn't (not with [`ClientBuilder::start_offline`]).
    pub async fn connect(self) -> Result<Client> {
        let runtime = match self.runtime {
            Some(handle) => RuntimeRef::given(handle),
            None => RuntimeRef::shared()?,
        };
        let began = Instant::now();
        // Checks the options: no time in them is too long to be added.
        let core = ClientCore::start(self.options, runtime).await?;
        let deadline = began + core.options.connect_timeout;
        let offline = core.options.start_offline;
        match core.first_connection(deadline).await {
            Err(error) if !offline => Err(error),
            _ => Ok(Client { core }),
        }
    }
}
