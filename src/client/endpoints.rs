//! The endpoints of a client: added, removed, connected for the first time.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::core::ClientCore;
use super::link::{LinkState, SharedByLinks, log_down};
use super::link_task::LinkTask;
use crate::error::{Error, ErrorKind, Result};
use crate::session::{self, Command};
use crate::text::span;
use crate::transport::Endpoint;

impl ClientCore {
    /// Adds an endpoint; see [`Client::add_endpoint`](crate::Client::add_endpoint).
    pub(crate) fn add_endpoint(&self, endpoint: &str) -> Result<()> {
        self.check()?;
        let endpoint: Endpoint = endpoint.parse()?;
        // The certificate may have been renewed since the client started.
        self.add_link(endpoint, true)
    }

    /// Starts a link to an endpoint, unless there is one.
    pub(super) fn add_link(&self, endpoint: Endpoint, renew_first: bool) -> Result<()> {
        let mut registry = self.registry();
        if !registry.is_open() {
            return Err(session::closed());
        }
        if self.links.by_endpoint(&endpoint.to_string()).is_some() {
            return Ok(());
        }
        let id = registry.next_id();
        if self.links.by_id(registry.primary_link()).is_none() {
            for topic in registry.set_primary_link(id, self.links.broadcasts_from_one()) {
                self.send_routes(&registry, &topic);
            }
        }
        let shared = SharedByLinks {
            options: self.options.clone(),
            dialler: self.dialler.clone(),
            delivery: self.delivery.clone(),
            changed: self.links.changes(),
            verifications: self.verifications.clone(),
            established: self.established.clone(),
        };
        let (link, task) = LinkTask::new(id, endpoint, renew_first, shared);
        // Without any link, topics were accepted unchecked.
        link.handle.check_list(registry.listed_len())?;
        for topic in registry.topics() {
            self.send_challenge_route(&registry, &topic, &link);
            let spec = registry.route(&topic, id);
            // It can't fail, because the receiver is in `task`.
            let _ = link.handle.send(Command::Route { topic, spec, applied: None });
        }
        let task = self.runtime.handle().spawn(task.run(self.runtime.clone()));
        let mut tasks = self.tasks();
        // Forget the tasks of endpoints that were removed.
        tasks.retain(|(_, task)| !task.is_finished());
        tasks.push((link.handle.clone(), task));
        self.links.add(link);
        Ok(())
    }

    /// Notes that the caller gets the client, and logs which nodes are not connected, because connect returns no error of
    /// them.
    pub(super) fn establish(&self) {
        self.established.store(true, Ordering::Relaxed);
        for link in self.links.all().iter() {
            if let LinkState::Down { error, .. } = &*link.state.borrow() {
                log_down(&link.endpoint, error, false);
            }
        }
    }

    /// Removes an endpoint; see [`Client::remove_endpoint`](crate::Client::remove_endpoint).
    pub(crate) fn remove_endpoint(&self, endpoint: &str) -> Result<()> {
        self.check()?;
        let endpoint: Endpoint = endpoint.parse()?;
        let registry = self.registry();
        if let Some(link) = self.links.by_endpoint(&endpoint.to_string()) {
            let why = Error::undelivered(
                ErrorKind::ConnectionLost,
                format!("{endpoint} was removed from the client while the call was in flight"),
            );
            // First, so that new calls, and topics listed at this node alone, go to other nodes.
            self.links.remove(link.id);
            let by = Instant::now() + self.options.close_timeout;
            // Fails if the link has ended already.
            let _ = link.handle.send(Command::Leave { by, why });
        }
        drop(registry);
        Ok(())
    }

    /// Waits until a link is connected, or all have failed once.
    ///
    /// # Errors
    /// Returns why the first endpoint could not be reached, or [`ErrorKind::ConnectTimeout`].
    pub(crate) async fn first_connection(&self, deadline: Instant) -> Result<()> {
        let mut changed = self.links.watch();
        loop {
            let mut failure = None;
            let mut starting = false;
            for link in self.links.all().iter() {
                match &*link.state.borrow() {
                    LinkState::Connected => return Ok(()),
                    LinkState::Starting => starting = true,
                    LinkState::Down { error, .. } => failure = failure.or_else(|| Some(error.clone())),
                    LinkState::Ended => failure = failure.or_else(|| Some(session::closed())),
                }
            }
            if let (false, Some(error)) = (starting, failure) {
                return Err(error);
            }
            // A link ends its first attempt by itself. The extra second allows for a machine under load.
            let limit = deadline + Duration::from_secs(1);
            if self.runtime.until(limit, changed.changed()).await.is_none() {
                return Err(Error::undelivered(
                    ErrorKind::ConnectTimeout,
                    format!("no node was ready within {}", span(self.options.connect_timeout)),
                ));
            }
        }
    }
}
