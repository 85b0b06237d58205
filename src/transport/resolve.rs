//! From an endpoint to its addresses: by the system's resolver, or by another one.
//!
//! The system's resolver blocks, so each lookup runs on a thread of its own. Tokio's pool of blocking threads is not
//! used, because it panics or waits without limit where the system refuses a thread.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use super::Endpoint;
use crate::runtime::Process;
use crate::threads;
use crate::{Error, ErrorKind, Result};

/// The future of [`Resolve::resolve`].
pub type Resolving<'a> = Pin<Box<dyn Future<Output = Result<Vec<SocketAddr>>> + Send + 'a>>;

/// Looks up the addresses of endpoints, at every connect, so that a node that moved is found.
pub trait Resolve: fmt::Debug + Send + Sync {
    /// Returns the current addresses of `endpoint` without duplicates, in the order in which they are to be tried.
    ///
    /// # Errors
    /// Returns [`ErrorKind::Resolve`] if there is none.
    fn resolve<'a>(&'a self, endpoint: &'a Endpoint) -> Resolving<'a>;
}

/// The system's resolver, see [`Endpoint::resolve`].
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemResolver;

impl Resolve for SystemResolver {
    fn resolve<'a>(&'a self, endpoint: &'a Endpoint) -> Resolving<'a> {
        Box::pin(endpoint.resolve())
    }
}

impl Endpoint {
    /// Returns the current addresses of the host without duplicates, in the system's order.
    ///
    /// # Errors
    /// - Returns [`ErrorKind::Resolve`] if the name is unknown or the resolver fails.
    /// - Returns [`ErrorKind::Runtime`] if the system refuses a thread for the lookup.
    pub async fn resolve(&self) -> Result<Vec<SocketAddr>> {
        if let Ok(address) = self.host().parse::<IpAddr>() {
            return Ok(vec![SocketAddr::new(address, self.port())]);
        }
        let failed = |why: &str| {
            Error::undelivered(
                ErrorKind::Resolve,
                format!(
                    "cannot resolve {:?} of endpoint {self} ({why}): check the name, or give an address",
                    self.host()
                ),
            )
        };
        let mut lookup = join_lookup(self.host(), |work| threads::start("amop-resolve", work).map(drop))?;
        let found = match lookup.wait_for(Option::is_some).await {
            Ok(found) => found.clone().unwrap_or_else(|| Err("no answer".to_owned())),
            Err(_closed) => Err("the lookup ended without an answer".to_owned()),
        };
        let mut addresses = Vec::new();
        for mut address in found.map_err(|why| failed(&why))? {
            address.set_port(self.port());
            if !addresses.contains(&address) {
                addresses.push(address);
            }
        }
        if addresses.is_empty() { Err(failed("it has no address")) } else { Ok(addresses) }
    }
}

/// The outcome of a lookup: addresses with port 0, or the system's error text.
type Found = std::result::Result<Vec<SocketAddr>, String>;

/// A lookup's end, `None` while it runs.
type Lookup = watch::Receiver<Option<Found>>;

/// The lookups that run, by host name.
///
/// A resolver without a reachable server blocks for longer than a connect may take. Attempts meanwhile join the
/// lookup that runs, so that a client that reconnects holds one thread for each name at most. A fork copies the
/// entries but not the threads, hence the process.
static RUNNING: Mutex<BTreeMap<String, (Process, Lookup)>> = Mutex::new(BTreeMap::new());

fn running() -> MutexGuard<'static, BTreeMap<String, (Process, Lookup)>> {
    RUNNING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Returns the running lookup of `host`, or starts one on a thread that `start` provides.
fn join_lookup(host: &str, start: impl FnOnce(Box<dyn FnOnce() + Send>) -> Result<()>) -> Result<Lookup> {
    let (answer, lookup) = watch::channel(None);
    {
        let mut running = running();
        if let Some((process, lookup)) = running.get(host)
            && *process == Process::current()
            // An error shows that the thread has ended without removing its entry.
            && lookup.has_changed().is_ok()
        {
            return Ok(lookup.clone());
        }
        running.insert(host.to_owned(), (Process::current(), lookup.clone()));
    }
    let name = host.to_owned();
    // Without the lock: a fork meanwhile would leave it locked in the child.
    let started = start(Box::new(move || {
        let found = look_up(&name);
        running().remove(&name);
        answer.send_replace(Some(found));
    }));
    if let Err(error) = started {
        running().remove(host);
        return Err(error);
    }
    Ok(lookup)
}

fn look_up(host: &str) -> Found {
    (host, 0).to_socket_addrs().map(Iterator::collect).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::future::FutureExt;

    fn endpoint(text: &str) -> Endpoint {
        text.parse().unwrap()
    }

    #[test]
    fn address_is_its_own_result() {
        // At once: without a thread, and outside of a runtime.
        let resolved = endpoint("[::1]:20200").resolve().now_or_never().expect("it need not wait");
        assert_eq!(resolved.unwrap(), ["[::1]:20200".parse::<SocketAddr>().unwrap()]);
    }

    #[tokio::test]
    async fn name_resolves_to_addresses_without_duplicates() {
        let addresses = endpoint("localhost:20200").resolve().await.unwrap();
        assert!(addresses.iter().all(|address| address.ip().is_loopback() && address.port() == 20200));
        let once: std::collections::HashSet<_> = addresses.iter().collect();
        assert!(!addresses.is_empty() && once.len() == addresses.len());
    }

    #[tokio::test]
    async fn unknown_name_is_a_resolve_error() {
        // The resolver refuses a label this long without asking a server.
        let name = format!("{}.invalid", "a".repeat(64));
        let error = endpoint(&format!("{name}:20200")).resolve().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Resolve);
        assert!(error.message().contains(&name), "{error}");
        assert!(error.is_retriable());
    }

    #[test]
    fn refused_thread_fails_one_lookup_only() {
        let name = "refused-in-this-test.invalid";
        let refuse = |_work| Err(threads::refused("a thread", &std::io::ErrorKind::WouldBlock.into()));
        let error = join_lookup(name, refuse).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Runtime);
        let mut started = false;
        join_lookup(name, |_work| {
            started = true;
            Ok(())
        })
        .unwrap();
        assert!(started);
    }

    #[test]
    fn lookups_of_one_name_share_a_thread() {
        let name = "name-of-this-test.invalid";
        let mut thread = None;
        let mut first = join_lookup(name, |work| {
            thread = Some(work);
            Ok(())
        })
        .unwrap();
        let joined = join_lookup(name, |_work| panic!("the lookup runs already"));
        assert!(first.wait_for(Option::is_some).now_or_never().is_none());
        drop(thread);
        for mut lookup in [first, joined.unwrap()] {
            assert!(lookup.wait_for(Option::is_some).now_or_never().expect("its thread has ended").is_err());
        }
        let mut started = false;
        join_lookup(name, |_work| {
            started = true;
            Ok(())
        })
        .unwrap();
        assert!(started, "a lookup that has ended is not joined");
    }
}
