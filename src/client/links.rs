//! The list of a client's links.

use std::sync::Arc;

use arc_swap::{ArcSwap, Guard};
use tokio::sync::watch;

use super::link::{Link, LinkId};

/// The links of a client. Reading the list takes no lock.
pub(crate) struct Links {
    list: ArcSwap<Vec<Arc<Link>>>,
    /// Counts changes of the list and of the state of any link, for tasks that wait for a node.
    changed: Arc<watch::Sender<u64>>,
}

impl Links {
    pub(crate) fn new() -> Links {
        Links { list: ArcSwap::default(), changed: Arc::new(watch::Sender::new(0)) }
    }

    /// Returns all links, in the order in which they were added.
    pub(crate) fn all(&self) -> Guard<Arc<Vec<Arc<Link>>>> {
        self.list.load()
    }

    /// Returns whether a session is up on any link.
    pub(crate) fn any_connected(&self) -> bool {
        self.all().iter().any(|link| link.handle.is_connected())
    }

    pub(crate) fn by_id(&self, id: LinkId) -> Option<Arc<Link>> {
        self.all().iter().find(|link| link.id == id).cloned()
    }

    pub(crate) fn by_endpoint(&self, endpoint: &str) -> Option<Arc<Link>> {
        self.all().iter().find(|link| *link.endpoint == *endpoint).cloned()
    }

    /// Adds a link. The registry is locked meanwhile, so that changes of the list don't overlap.
    pub(crate) fn add(&self, link: Link) {
        let mut list = Vec::clone(&self.list.load());
        list.push(link.into());
        self.list.store(list.into());
        self.notify_changed();
    }

    /// Removes a link. The registry is locked meanwhile, as in [`Links::add`].
    pub(crate) fn remove(&self, id: LinkId) {
        let mut list = Vec::clone(&self.list.load());
        list.retain(|link| link.id != id);
        self.list.store(list.into());
        self.notify_changed();
    }

    /// Returns the counter of changes.
    pub(crate) fn changes(&self) -> Arc<watch::Sender<u64>> {
        self.changed.clone()
    }

    /// Returns a receiver of changes from now on.
    pub(crate) fn watch(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// Returns whether some link can't recognise copies of a broadcast, so that they are taken from one link.
    pub(crate) fn broadcasts_from_one(&self) -> bool {
        self.all().iter().any(|link| !link.handle.has_broadcast_ids())
    }

    /// Wakes the tasks that wait for a node.
    pub(crate) fn notify_changed(&self) {
        self.changed.send_modify(|count| *count += 1);
    }
}
