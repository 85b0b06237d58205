//! Connecting to the nodes of one client, and its credentials, which are found once and loaded again before each
//! reconnect.
//!
//! Files are read on a thread of their own (see [`Loading`]). At most one such thread of a client is left behind.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use crate::error::{Error, ErrorKind, Result};
use crate::runtime::RuntimeRef;
use crate::text::span;
use crate::transport::{
    CredentialSource, Credentials, DialPlan, Dialled, Endpoint, Failed, Generation, Generations, Loading,
    Located, OtherGeneration, Resolve, Security, Tls, Way, dial_by_plan, try_upgrade,
};

/// Connects to nodes; shared by the links of a client.
#[derive(Debug)]
pub(crate) struct Dialler {
    resolver: Arc<dyn Resolve>,
    /// The files that were found at the start, by absolute paths, so that neither the current folder nor the
    /// environment decides later whom the client trusts. `None` if the credentials came from memory, or without TLS.
    files: Option<Located>,
    /// How the kind of TLS is chosen.
    tls: Tls,
    /// The credentials that were loaded last, with the plan made of them.
    current: watch::Sender<Current>,
    /// The way that worked the last time, by endpoint.
    known: Mutex<HashMap<Endpoint, Way>>,
    /// Which generations are tried.
    generations: Generations,
    /// The one that the credentials suggest.
    suggested: Generation,
    /// The generation of each endpoint that was connected.
    found: Mutex<HashMap<Endpoint, Generation>>,
    /// The generation of the client: that of the first node that was connected.
    settled: OnceLock<(Generation, Endpoint)>,
    /// Held by the link that loads the credentials. Keeps a thread that did not return.
    loading: tokio::sync::Mutex<Option<Loading>>,
    /// Has the timers, because a reload may be awaited outside of any runtime.
    runtime: RuntimeRef,
}

/// Credentials in use.
#[derive(Clone, Debug)]
struct Current {
    /// `None` without TLS.
    credentials: Option<Credentials>,
    plan: Arc<DialPlan>,
}

impl Current {
    fn new(credentials: Credentials, tls: Tls) -> Result<Current> {
        Ok(Current { plan: Arc::new(DialPlan::new(&credentials, tls)?), credentials: Some(credentials) })
    }

    fn without_tls() -> Current {
        Current { credentials: None, plan: Arc::new(DialPlan::plain()) }
    }
}

/// What the credentials of a client lead to.
struct Found {
    current: Current,
    files: Option<Located>,
    suggested: Generation,
}

impl Found {
    /// Finds and loads the credentials.
    async fn load(
        source: CredentialSource,
        tls: Tls,
        runtime: &RuntimeRef,
        deadline: Instant,
    ) -> Result<Found> {
        let limit = deadline.saturating_duration_since(Instant::now());
        let mut loading = Loading::start(source)?;
        let loaded = runtime.until(deadline, loading.finish()).await;
        let loaded = loaded.unwrap_or_else(|| Err(loading.stalled(limit)))?;
        if loaded.credentials.has_key_of_a_node() {
            tracing::warn!(
                certificate = loaded.credentials.certificate_name(),
                "a node's own key is in use, which on 2.x chains also signs blocks: use the SDK's certificate and key"
            );
        }
        let suggested = loaded.credentials.suggested_generation();
        Ok(Found { current: Current::new(loaded.credentials, tls)?, files: loaded.files, suggested })
    }
}

impl Dialler {
    /// Finds and loads the credentials, unless `tls` is [`Tls::Off`].
    ///
    /// # Errors
    /// As [`Credentials::load`]; [`ErrorKind::CredentialsInvalid`] also if the
    /// files can't be read by `deadline`; [`ErrorKind::InvalidArgument`] if `tls` excludes them.
    pub(crate) async fn new(
        source: CredentialSource,
        generations: Generations,
        tls: Tls,
        resolver: Arc<dyn Resolve>,
        runtime: &RuntimeRef,
        deadline: Instant,
    ) -> Result<Dialler> {
        let Found { current, files, suggested } = match tls {
            // Only nodes of 3.x can do without TLS.
            Tls::Off => Found { current: Current::without_tls(), files: None, suggested: Generation::V3 },
            _ => Found::load(source, tls, runtime, deadline).await?,
        };
        Ok(Dialler {
            resolver,
            files,
            tls,
            current: watch::Sender::new(current),
            known: Mutex::default(),
            generations,
            suggested,
            found: Mutex::default(),
            settled: OnceLock::new(),
            loading: tokio::sync::Mutex::default(),
            runtime: runtime.clone(),
        })
    }

    /// Returns the generations to try at `endpoint`, in this order; at least one.
    pub(crate) fn generations(&self, endpoint: &Endpoint) -> Vec<Generation> {
        let settled = self.settled.get().map(|(generation, _)| *generation);
        let found = lock(&self.found).get(endpoint).copied();
        self.generations.in_order(found.or(settled).unwrap_or(self.suggested))
    }

    /// Notes that a session with a node of this generation is established.
    ///
    /// # Errors
    /// Returns [`ErrorKind::Unsupported`] if the client is connected to nodes of the other generation.
    pub(crate) fn settle(&self, endpoint: &Endpoint, generation: Generation) -> Result<()> {
        lock(&self.found).insert(endpoint.clone(), generation);
        let (settled, first) = self.settled.get_or_init(|| (generation, endpoint.clone()));
        if *settled == generation {
            return Ok(());
        }
        Err(Error::undelivered(
            ErrorKind::Unsupported,
            format!(
                "{endpoint} is a node of generation {generation}, but this client was connected to {first} of generation \
                 {settled}, and one client connects to nodes of one generation only: use a further client"
            ),
        ))
    }

    /// Connects to `endpoint`, first by the way that worked the last time, for a session of this generation. `patience`
    /// is how long the node may be silent after that, unless the connection shows that it isn't of the other one.
    ///
    /// # Errors
    /// As [`dial_by_plan`] and [`try_upgrade`]; [`ErrorKind::ConnectTimeout`] if the patience is over.
    pub(crate) async fn dial(
        &self,
        endpoint: &Endpoint,
        generation: Generation,
        patience: Option<Duration>,
    ) -> std::result::Result<Reached, Failed> {
        let plan = self.current.borrow().plan.clone();
        let known = lock(&self.known).get(endpoint).copied();
        let mut dialled = dial_by_plan(&*self.resolver, endpoint, &plan, known).await?;
        let former = lock(&self.known).insert(endpoint.clone(), dialled.way);
        if dialled.way.security == Security::StaticRsa && former != Some(dialled.way) {
            tracing::info!(%endpoint, "the node agrees on keys by static RSA, which has no forward secrecy");
        }
        // The kind of TLS states the generation better than the order of attempts, unless the option excludes it.
        let of_kind = dialled.way.security.generation();
        let of_kind =
            of_kind.filter(|generation| self.generations.in_order(*generation).contains(generation));
        dialled.way.generation = of_kind.unwrap_or(generation);
        let mut other = of_kind.map_or(OtherGeneration::Possible, |_| OtherGeneration::Excluded);
        if dialled.way.generation == Generation::V3 {
            let patience = patience.filter(|_| other != OtherGeneration::Excluded);
            let upgraded = try_upgrade(&mut dialled.stream, endpoint);
            let upgraded = match patience {
                None => upgraded.await,
                Some(limit) => tokio::time::timeout(limit, upgraded)
                    .await
                    .unwrap_or_else(|_| Err(silent(endpoint, limit).into())),
            };
            if let Err(failed) = upgraded {
                let other = if of_kind.is_some() { OtherGeneration::Excluded } else { failed.other };
                return Err(Failed { other, ..failed });
            }
            other = OtherGeneration::Excluded;
        }
        Ok(Reached { dialled, other })
    }

    /// Returns the kind of TLS by which `endpoint` was reached the last time.
    pub(crate) fn tls_of(&self, endpoint: &Endpoint) -> Option<Tls> {
        lock(&self.known).get(endpoint).map(|way| way.security.tls())
    }

    /// Returns the credentials in use, `None` without TLS.
    pub(crate) fn credentials(&self) -> Option<Credentials> {
        self.current.borrow().credentials.clone()
    }

    /// Returns a receiver that is notified when credentials were loaded again.
    pub(crate) fn changes(&self) -> Changes {
        Changes(self.current.subscribe())
    }

    /// Loads the same files again, because the application knows that they were renewed.
    ///
    /// # Errors
    /// As [`Dialler::renew_credentials`]; [`ErrorKind::InvalidArgument`] if the credentials came from memory,
    /// or without TLS.
    pub(crate) async fn reload(&self, limit: Duration) -> Result<()> {
        if self.tls == Tls::Off {
            return Err(Error::undelivered(
                ErrorKind::InvalidArgument,
                "the client has no credentials to load again, because its option tls is off",
            ));
        }
        if self.files.is_none() {
            return Err(Error::undelivered(
                ErrorKind::InvalidArgument,
                "the credentials were given as text, so there is no file to load them from again: give the files, or \
                 make a new client",
            ));
        }
        self.renew_credentials(limit).await
    }

    /// Loads the same files again, which may have been renewed. If that fails, the previous credentials stay in use.
    ///
    /// # Errors
    /// As [`Dialler::new`]. The limit includes the time that another link takes.
    pub(crate) async fn renew_credentials(&self, limit: Duration) -> Result<()> {
        let Some(files) = &self.files else { return Ok(()) };
        let deadline = Instant::now() + limit;
        let mut loading = self.runtime.until(deadline, self.loading.lock()).await.ok_or_else(|| {
            Error::undelivered(
                ErrorKind::CredentialsInvalid,
                format!("the credentials are still being read after {}, for another connection", span(limit)),
            )
        })?;
        if let Some(former) = loading.as_mut()
            && former.is_running()
        {
            return Err(former.stalled(limit));
        }
        let current = loading.insert(Loading::again(files.clone())?);
        let loaded = self.runtime.until(deadline, current.finish()).await;
        let Some(loaded) = loaded else { return Err(current.stalled(limit)) };
        *loading = None;
        self.current.send_replace(Current::new(loaded?.credentials, self.tls)?);
        Ok(())
    }
}

/// An open connection to a node, and what it shows about the generation that was not asked for.
pub(crate) struct Reached {
    pub(crate) dialled: Dialled,
    pub(crate) other: OtherGeneration,
}

/// Notifies of credentials that were loaded again.
#[derive(Debug)]
pub(crate) struct Changes(watch::Receiver<Current>);

impl Changes {
    /// Waits until credentials were loaded again. Returns an error once the client is gone.
    pub(crate) async fn next(&mut self) -> Result<(), watch::error::RecvError> {
        self.0.changed().await
    }
}

/// Returns the error of a node that doesn't answer the upgrade.
fn silent(endpoint: &Endpoint, limit: Duration) -> Error {
    let limit = span(limit);
    let text = format!(
        "{endpoint} accepted the connection but didn't answer the upgrade to WebSocket within {limit}"
    );
    Error::undelivered(ErrorKind::ConnectTimeout, text)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
