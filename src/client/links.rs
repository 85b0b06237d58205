//! The links of a client: which nodes there are, now.

use std::sync::Arc;

use arc_swap::{ArcSwap, Guard};
use tokio::sync::watch;

use super::link::{Link, LinkId};

/// The list, read without a lock.
pub(crate) struct Links {
    list: ArcSwap<Vec<Arc<Link>>>,
    /// Counts changes of any link's state, for those who wait for some node.
    changed: Arc<watch::Sender<u64>>,
}

impl Links {
    pub(crate) fn new() -> Links {
        Links { list: ArcSwap::default(), changed: Arc::new(watch::Sender::new(0)) }
    }

    /// All links, in the order given.
    pub(crate) fn all(&self) -> Guard<Arc<Vec<Arc<Link>>>> {
        self.list.load()
    }

    pub(crate) fn by_id(&self, id: LinkId) -> Option<Arc<Link>> {
        self.all().iter().find(|link| link.id == id).cloned()
    }

    pub(crate) fn by_endpoint(&self, endpoint: &str) -> Option<Arc<Link>> {
        self.all().iter().find(|link| *link.endpoint == *endpoint).cloned()
    }

    /// Called by one at a time: with the registry locked.
    pub(crate) fn add(&self, link: Link) {
        let mut list = Vec::clone(&self.list.load());
        list.push(link.into());
        self.list.store(list.into());
        self.notify_changed();
    }

    /// As [`Links::add`].
    pub(crate) fn remove(&self, id: LinkId) {
        let mut list = Vec::clone(&self.list.load());
        list.retain(|link| link.id != id);
        self.list.store(list.into());
        self.notify_changed();
    }

    /// What counts the changes.
    pub(crate) fn changes(&self) -> Arc<watch::Sender<u64>> {
        self.changed.clone()
    }

    /// Hears of changes from now on.
    pub(crate) fn watch(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// Wakes those who wait for some node.
    pub(crate) fn notify_changed(&self) {
        self.changed.send_modify(|count| *count += 1);
    }
}
