//! The verifications of a client's private topics: which are under way, and where each stands.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::sync::mpsc;

use crate::private::PublicKey;
use crate::protocol::{ToVerify, Topic};

/// The most verifications under way at once. Nodes ask for the others again.
const MAX_RUNNING: usize = 64;
/// The most outcomes that are kept, for statistics and for events that are emitted once.
const MAX_STANDINGS: usize = 4096;

/// What a link passes on.
#[derive(Debug)]
pub(crate) struct Requested {
    /// The number of the link.
    pub(crate) link: u64,
    /// The number of the connection that the request came on.
    pub(crate) epoch: u64,
    pub(crate) request: ToVerify,
}

/// The verifications of a client.
#[derive(Debug)]
pub(crate) struct Verifications {
    requests: mpsc::Sender<Requested>,
    running: Mutex<HashSet<RunKey>>,
    standings: Mutex<HashMap<Between, (Instant, Standing)>>,
}

/// A verification under way: link, number of the connection, topic and the subscribers' node.
pub(super) type RunKey = (u64, u64, Topic, Box<str>);

/// Which subscribers may receive messages through which node.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Between {
    pub(crate) topic: Topic,
    /// The publisher's node.
    pub(crate) endpoint: Arc<str>,
    /// The id of the subscribers' node.
    pub(crate) node_id: Arc<str>,
}

/// Where the verification of subscribers stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    Pending,
    Verified(PublicKey),
    Rejected { key: Option<PublicKey>, reason: Arc<str> },
}

impl Verifications {
    pub(crate) fn new() -> (Arc<Verifications>, mpsc::Receiver<Requested>) {
        let (requests, receiver) = mpsc::channel(MAX_RUNNING);
        let (running, standings) = (Mutex::default(), Mutex::default());
        (Arc::new(Verifications { requests, running, standings }), receiver)
    }

    /// Takes a request. One that is too much is dropped, because the node asks again.
    pub(crate) fn request(&self, requested: Requested) {
        if self.requests.try_send(requested).is_err() {
            tracing::debug!("a request to verify a private topic is left to the next time");
        }
    }

    /// Returns where the verifications stand.
    pub(crate) fn standings(&self) -> Vec<(Between, Standing)> {
        let standings = lock(&self.standings);
        standings.iter().map(|(between, (_, standing))| (between.clone(), standing.clone())).collect()
    }

    /// Stores a standing. Returns whether it differs from the one before.
    pub(super) fn set(&self, between: &Between, standing: Standing) -> bool {
        let mut standings = lock(&self.standings);
        if standings.len() >= MAX_STANDINGS && !standings.contains_key(between) {
            let oldest =
                standings.iter().min_by_key(|(_, (since, _))| *since).map(|(between, _)| between.clone());
            oldest.map(|oldest| standings.remove(&oldest));
        }
        let former = standings.insert(between.clone(), (Instant::now(), standing.clone()));
        former.is_none_or(|(_, former)| former != standing)
    }

    /// Notes that a verification begins, unless its subscribers have been verified or rejected before.
    pub(super) fn begin(&self, between: &Between) {
        if !lock(&self.standings).contains_key(between) {
            self.set(between, Standing::Pending);
        }
    }

    /// Begins a verification unless the same one, or too many, are under way.
    pub(super) fn enter(self: &Arc<Self>, key: RunKey) -> Option<Running> {
        let mut running = lock(&self.running);
        let is_new = running.len() < MAX_RUNNING && running.insert(key.clone());
        drop(running);
        is_new.then(|| Running { verifications: self.clone(), key })
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A verification under way, until this value is dropped.
pub(super) struct Running {
    verifications: Arc<Verifications>,
    key: RunKey,
}

impl Drop for Running {
    fn drop(&mut self) {
        lock(&self.verifications.running).remove(&self.key);
    }
}
