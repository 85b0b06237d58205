//! The settings of a client, and connecting it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use zeroize::Zeroizing;

use super::calls::{CallHandle, start_detached};
use super::core::ClientCore;
use super::events::Events;
use super::handle::Client;
use super::listeners::Listeners;
use super::options::{Options, Retry};
use super::settings::Settings;
#[cfg(feature = "config")]
use crate::config::{Reading, Source};
use crate::delivery::Event;
use crate::error::Result;
use crate::runtime::RuntimeRef;
use crate::transport::{CredentialSource, Generations, Resolve, Tls};
use crate::wall_clock::WallClock;

impl Client {
    /// Returns the settings of a new client, with their defaults.
    pub fn builder() -> ClientBuilder {
        ClientBuilder::default()
    }
}

/// The settings of a client that is not connected yet, made by [`Client::builder`].
#[derive(Clone, Debug, Default)]
#[must_use = "a builder does nothing until `connect`"]
pub struct ClientBuilder {
    /// The defaults, and what only tests set.
    options: Options,
    given: Settings,
    #[cfg(feature = "config")]
    config: Option<Source>,
    listeners: Listeners,
    runtime: Option<tokio::runtime::Handle>,
}

impl ClientBuilder {
    /// Adds a node to connect to: `host:port`, `IPv4:port` or `[IPv6]:port`.
    pub fn endpoint(mut self, endpoint: impl Into<String>) -> Self {
        self.given.endpoints.get_or_insert_default().push(endpoint.into());
        self
    }

    /// Adds several nodes; see [`ClientBuilder::endpoint`].
    pub fn endpoints<E: Into<String>>(mut self, endpoints: impl IntoIterator<Item = E>) -> Self {
        for endpoint in endpoints {
            self = self.endpoint(endpoint);
        }
        self
    }

    /// Sets the configuration file: a TOML file of this library, or the file that a program has for another SDK, whose kind
    /// is recognised by its content. It is read by [`ClientBuilder::connect`]. What the builder is given precedes what the
    /// file states, whatever the order of the calls; the endpoints are those of one of the two.
    ///
    /// A topic that the file states as private is private in all calls of the client, without a further key: what is
    /// published on it is for verified subscribers, and subscriptions and services use the key of the file.
    #[cfg(feature = "config")]
    pub fn config_file(mut self, file: impl Into<PathBuf>) -> Self {
        self.config = Some(Source::File(file.into()));
        self
    }

    /// Sets what a configuration file states, see [`ClientBuilder::config_file`]. For the command.
    #[cfg(feature = "config")]
    #[doc(hidden)]
    pub fn config(self, config: crate::config::Config) -> Self {
        ClientBuilder { config: Some(Source::Read(Box::new(config))), ..self }
    }

    /// Sets all that is given in `settings`. For bindings and the command.
    #[doc(hidden)]
    pub fn settings(self, settings: Settings) -> Self {
        ClientBuilder { given: settings.or(self.given), ..self }
    }

    /// Sets the folder with the SDK's credentials, or one of its files. The folder holds `ca.crt`, `sdk.crt` and
    /// `sdk.key`; or `gmca.crt`, `gmsdk.crt`, `gmsdk.key`, `gmensdk.crt` and `gmensdk.key` (2.x GM chains, also in `gm`
    /// below it); or `sm_ca.crt`, `sm_sdk.crt`, `sm_sdk.key`, `sm_ensdk.crt` and `sm_ensdk.key` (3.x SM chains); or the
    /// folder `sdk` with one of these sets.
    ///
    /// If the first set has a GM set beside it, nodes that have nothing in common with the first are tried with the
    /// other. A file that is given instead of its folder excludes the other sets. A node's own key (`node.key`) is used
    /// only if it is given.
    ///
    /// If no credentials are set, they are searched for in `$AMOP_CREDENTIALS`, `.`, `conf`, `sdk`,
    /// `nodes/127.0.0.1/sdk` and `amop-devnet/sdk`. The files are found by [`ClientBuilder::connect`]. The same files
    /// are read again at each reconnect, whatever the current folder is then.
    pub fn credentials(mut self, folder: impl Into<PathBuf>) -> Self {
        self.given.credentials = Some(CredentialSource::Directory(folder.into()));
        self
    }

    /// Sets the three credential files, in PEM format: the CA, the client's certificate chain (leaf, agency, ...) and
    /// the private key.
    pub fn credential_files(
        mut self,
        ca: impl Into<PathBuf>,
        cert: impl Into<PathBuf>,
        key: impl Into<PathBuf>,
    ) -> Self {
        self.given.credentials =
            Some(CredentialSource::Files { ca: ca.into(), cert: cert.into(), key: key.into() });
        self
    }

    /// Sets the three credentials as PEM text; see [`ClientBuilder::credential_files`].
    pub fn credential_pem(
        mut self,
        ca: impl Into<Vec<u8>>,
        cert: impl Into<Vec<u8>>,
        key: impl Into<Vec<u8>>,
    ) -> Self {
        self.given.credentials =
            Some(CredentialSource::Pem { ca: ca.into(), cert: cert.into(), key: Zeroizing::new(key.into()) });
        self
    }

    /// Sets which generations of nodes the client connects to. Default: [`Generations::Auto`], with which it tries both
    /// at each endpoint until it has been connected there.
    ///
    /// All nodes of one client are of one generation: that of the first one connected. Endpoints of the other one are down
    /// with [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported).
    pub fn generation(mut self, generations: Generations) -> Self {
        self.given.generation = Some(generations);
        self
    }

    /// Sets the five credential files of a GM chain, in PEM format: the CA, the client's certificate chain and private
    /// key for signatures, and those for encryption. If the names begin with `gm` or `sm_` they state whether GM over
    /// TLS 1.2 or TLCP is used; otherwise both are tried.
    pub fn credential_files_gm(
        mut self,
        ca: impl Into<PathBuf>,
        cert: impl Into<PathBuf>,
        key: impl Into<PathBuf>,
        enc_cert: impl Into<PathBuf>,
        enc_key: impl Into<PathBuf>,
    ) -> Self {
        self.given.credentials = Some(CredentialSource::GmFiles {
            ca: ca.into(),
            cert: cert.into(),
            key: key.into(),
            enc_cert: enc_cert.into(),
            enc_key: enc_key.into(),
        });
        self
    }

    /// Sets the five credentials of a GM chain as PEM text; see [`ClientBuilder::credential_files_gm`]. TLCP is tried
    /// first, then GM over TLS 1.2.
    pub fn credential_pem_gm(
        mut self,
        ca: impl Into<Vec<u8>>,
        cert: impl Into<Vec<u8>>,
        key: impl Into<Vec<u8>>,
        enc_cert: impl Into<Vec<u8>>,
        enc_key: impl Into<Vec<u8>>,
    ) -> Self {
        self.given.credentials = Some(CredentialSource::GmPem {
            ca: ca.into(),
            cert: cert.into(),
            key: Zeroizing::new(key.into()),
            enc_cert: enc_cert.into(),
            enc_key: Zeroizing::new(enc_key.into()),
        });
        self
    }

    /// Sets where the credentials come from. For the command and tests.
    #[doc(hidden)]
    pub fn credential_source(mut self, source: CredentialSource) -> Self {
        self.given.credentials = Some(source);
        self
    }

    /// Sets the kind of TLS. Default: [`Tls::Auto`], with which the credentials decide. With [`Tls::Off`] none is used, and
    /// no credentials are searched for or loaded.
    ///
    /// [`ClientBuilder::connect`] fails with [`ErrorKind::InvalidArgument`](crate::ErrorKind::InvalidArgument) if the
    /// credentials are for another kind.
    pub fn tls(mut self, tls: Tls) -> Self {
        self.given.tls = Some(tls);
        self
    }

    /// Sets how long before its end a certificate in use is reported as
    /// [`Event::CertificateExpiring`](crate::Event::CertificateExpiring). Default: 14 days.
    pub fn expiry_warning(mut self, time: Duration) -> Self {
        self.given.expiry_warning = Some(time);
        self
    }

    /// Sets the resolver of host names, which is asked at every connect. Default: the system's. For tests.
    #[doc(hidden)]
    pub fn resolver(mut self, resolver: impl Resolve + 'static) -> Self {
        self.options.resolver = Arc::new(resolver);
        self
    }

    /// Sets the wall clock, by which the client knows when a node chooses itself. Default: the system's. For tests.
    #[doc(hidden)]
    pub fn wall_clock(mut self, clock: WallClock) -> Self {
        self.options.wall_clock = clock;
        self
    }

    /// Sets how long one attempt to connect may take, TCP, TLS and handshake together. Default: 10 s.
    pub fn connect_timeout(mut self, time: Duration) -> Self {
        self.given.connect_timeout = Some(time);
        self
    }

    /// Sets the timeout of calls that have none of their own. Default: 10 s.
    pub fn call_timeout(mut self, time: Duration) -> Self {
        self.given.call_timeout = Some(time);
        self
    }

    /// Sets how long [`Client::close`] waits for handlers. Default: 5 s.
    pub fn close_timeout(mut self, time: Duration) -> Self {
        self.given.close_timeout = Some(time);
        self
    }

    /// Sets the heartbeat interval. Default: 10 s.
    ///
    /// A connection on which nothing arrives for [`ClientBuilder::missed_heartbeats`] intervals is closed. Keep the
    /// interval below 60 s, because nodes close connections that are idle for that long.
    pub fn heartbeat(mut self, time: Duration) -> Self {
        self.given.heartbeat = Some(time);
        self
    }

    /// Sets after how many heartbeat intervals without a byte from the node a connection is closed. Default: 2.
    pub fn missed_heartbeats(mut self, heartbeats: u32) -> Self {
        self.given.missed_heartbeats = Some(heartbeats);
        self
    }

    /// Sets whether [`ClientBuilder::connect`] returns a client even if no node can be reached. The client keeps
    /// trying, and until it succeeds calls fail with [`ErrorKind::NotConnected`](crate::ErrorKind::NotConnected), while
    /// subscriptions and services can be made and become active with the first node; see [`Confirm`](crate::Confirm).
    /// Invalid options or credentials are still errors. Default: false.
    pub fn start_offline(mut self, offline: bool) -> Self {
        self.given.start_offline = Some(offline);
        self
    }

    /// Sets the first pause before a reconnect. Each further pause is twice as long, with a jitter of 50 %. Default:
    /// 100 ms.
    pub fn reconnect_min(mut self, time: Duration) -> Self {
        self.given.reconnect_min = Some(time);
        self
    }

    /// Sets the longest pause before a reconnect. Default: 10 s.
    pub fn reconnect_max(mut self, time: Duration) -> Self {
        self.given.reconnect_max = Some(time);
        self
    }

    /// Sets how long a request may stay unanswered before the library answers TOO_SLOW.
    ///
    /// Default: 4.5 s, at 3.x nodes 29.5 s: half a second before the node would deliver the request again.
    pub fn answer_timeout(mut self, time: Duration) -> Self {
        self.given.answer_timeout = Some(time);
        self
    }

    /// Sets when the client sends a message again automatically. Default: through another node, if the message was not
    /// delivered.
    pub fn retry(mut self, retry: Retry) -> Self {
        self.given.retry = Some(retry);
        self
    }

    /// Sets whether the subscriptions of this client receive its own broadcasts. Default: false.
    pub fn echo(mut self, echo: bool) -> Self {
        self.given.echo = Some(echo);
        self
    }

    /// Sets the maximum number of calls of the client that are under way, whatever they wait for. Further calls fail at
    /// once. Default: 65,536.
    pub fn max_in_flight(mut self, calls: usize) -> Self {
        self.given.max_in_flight = Some(calls);
        self
    }

    /// Sets the maximum number of bytes queued to send at each connection, and the maximum number that calls of the
    /// client keep while they wait for a node, a subscriber or a retry. Default: 256 MiB.
    ///
    /// Replies of handlers count too: [`Request::reply`](crate::Request::reply) fails at the limit, and the request stays
    /// open. The library's own answers are never refused. They take at most 256 KiB more, then the connection reads no
    /// further messages until the node has read some.
    pub fn max_send_bytes(mut self, bytes: usize) -> Self {
        self.given.max_send_bytes = Some(bytes);
        self
    }

    /// Sets the maximum number of bytes queued in all subscriptions and services together, counting 160 bytes per
    /// message besides its payload. Default: 512 MiB. At the limit, an empty subscription still accepts one message,
    /// and one with [`Overflow::DropOldest`](crate::Overflow::DropOldest) discards its oldest messages to make space.
    pub fn max_held_bytes(mut self, bytes: usize) -> Self {
        self.given.max_held_bytes = Some(bytes);
        self
    }

    /// Sets the maximum number of events kept for each listener. Beyond it the oldest are dropped. Default: 1,024.
    pub fn max_events(mut self, events: usize) -> Self {
        self.given.max_events = Some(events);
        self
    }

    /// Sets how long a message is remembered, so that its duplicates are not delivered. Default: 60 s.
    pub fn duplicate_window(mut self, time: Duration) -> Self {
        self.given.duplicate_window = Some(time);
        self
    }

    /// Sets the maximum number of messages that are remembered to detect duplicates. Default: 65,536.
    pub fn max_duplicates(mut self, messages: usize) -> Self {
        self.given.max_duplicates = Some(messages);
        self
    }

    /// Sets the group of the chain in which nodes are asked about their peers. Messages have no group. Default: 1.
    pub fn group(mut self, group: i64) -> Self {
        self.given.group = Some(group);
        self
    }

    /// Sets the maximum number of threads for blocking handlers. Default: 256.
    pub fn dispatcher_threads(mut self, threads: usize) -> Self {
        self.given.dispatcher_threads = Some(threads);
        self
    }

    /// Adds a blocking handler for all events of the client, also for those before [`ClientBuilder::connect`] returns. It
    /// runs as the handlers of [`Client::on_event`]. If connecting fails, no call of it runs or begins afterwards.
    pub fn on_event(mut self, handler: impl Fn(Event) + Send + Sync + 'static) -> Self {
        self.listeners.add_handler(Arc::new(handler));
        self
    }

    /// Adds a listener for all events of the client, also for those before [`ClientBuilder::connect`] returns, and
    /// returns what they are read from. It keeps at most `max_events` as set before.
    ///
    /// It belongs to the first client that is made with these settings or a clone of them, and receives
    /// [`Event::Closed`] if connecting fails, or if the settings are dropped without it.
    pub fn listen(mut self) -> (Self, Events) {
        let events = self.listeners.add_stream(self.given.max_events.unwrap_or(self.options.max_events));
        (self, events)
    }

    /// Sets the tokio runtime that the client runs on, with time and I/O enabled. Default: the runtime of the library.
    ///
    /// Async handlers run on the runtime of the caller; see [`Subscribe::runtime`](crate::Subscribe::runtime).
    pub fn runtime(mut self, handle: tokio::runtime::Handle) -> Self {
        self.runtime = Some(handle);
        self
    }

    /// Connects. Returns when one node is connected; the others are connected in the background.
    ///
    /// # Errors
    /// Returns an error if an option is invalid, if the credentials can't be used, or, without
    /// [`ClientBuilder::start_offline`], why the first node could not be reached if none could.
    pub async fn connect(self) -> Result<Client> {
        let runtime = self.runtime_ref()?;
        let began = Instant::now();
        let have_handlers = self.listeners.have_handlers();
        // It checks that every time in the options is short enough to be added.
        let (options, listeners) = self.complete(&runtime, began).await?;
        let core = ClientCore::start(options, listeners, runtime).await?;
        let deadline = began + core.options.connect_timeout;
        let offline = core.options.start_offline;
        match core.first_connection(deadline).await {
            Err(error) if !offline => {
                if have_handlers {
                    // A handler that doesn't return in time keeps what it holds until it does.
                    let _ = core.close(core.options.close_timeout).await;
                }
                Err(error)
            }
            _ => {
                core.establish();
                Ok(Client { core })
            }
        }
    }

    /// Connects, and calls `done` with the outcome of [`ClientBuilder::connect`] from a task of its own; `done` must not
    /// block. For bindings.
    ///
    /// # Errors
    /// Returns [`ErrorKind::Runtime`](crate::ErrorKind::Runtime) if the threads of the library can't be started; `done` is
    /// then dropped without a call.
    #[doc(hidden)]
    pub fn start(self, done: impl FnOnce(Result<Client>) + Send + 'static) -> Result<CallHandle> {
        let runtime = self.runtime_ref()?;
        Ok(start_detached(runtime, Box::pin(self.connect()), done))
    }

    /// Returns the options, checked: what is given, then what the configuration file states, then the defaults.
    async fn complete(self, runtime: &RuntimeRef, began: Instant) -> Result<(Options, Listeners)> {
        let mut options = self.options;
        #[cfg(feature = "config")]
        let config = match self.config {
            None => None,
            Some(source) => {
                let limit = self
                    .given
                    .connect_timeout
                    .unwrap_or(options.connect_timeout)
                    .min(super::options::MAX_TIME);
                let mut reading = Reading::start(source)?;
                let read = runtime.until(began + limit, reading.finish()).await;
                let (mut config, topics) = read.unwrap_or_else(|| Err(reading.stalled(limit)))?;
                options.private_topics = topics;
                std::mem::take(&mut config.settings).apply(&mut options);
                Some(config)
            }
        };
        #[cfg(not(feature = "config"))]
        let _ = (runtime, began);
        self.given.clone().apply(&mut options);
        let checked = options.check();
        #[cfg(feature = "config")]
        let checked = checked.map_err(|(option, error)| match &config {
            Some(config) if self.given.text(option).is_none() => (option, config.locate(option, error)),
            _ => (option, error),
        });
        checked.map_err(|(_, error)| error)?;
        Ok((options, self.listeners))
    }

    fn runtime_ref(&self) -> Result<RuntimeRef> {
        match &self.runtime {
            Some(handle) => Ok(RuntimeRef::given(handle.clone())),
            None => RuntimeRef::shared(),
        }
    }
}
