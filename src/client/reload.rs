//! Loading the credentials again, and making the connections anew with them.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::core::ClientCore;
use super::link::{Link, LinkState};
use crate::error::{Error, ErrorKind, Result};
use crate::session::Command;
use crate::text::span;

impl ClientCore {
    /// Loads the credentials again and makes the connections anew; see
    /// [`Client::reload_credentials`](crate::Client::reload_credentials).
    pub(crate) async fn reload_credentials(&self) -> Result<()> {
        self.check()?;
        self.unless_closing(async {
            // A second call loads again what may have been renewed once more.
            let _turn = self.reloading.lock().await;
            self.dialler.reload(self.options.connect_timeout).await?;
            let links = Vec::clone(&self.links.all());
            for link in links {
                self.connect_anew(&link).await?;
            }
            Ok(())
        })
        .await?
    }

    /// Ends a session as soon as nothing is in flight, and waits until there is a new one. Does nothing if there is no
    /// session: the link uses the new credentials anyway.
    async fn connect_anew(&self, link: &Arc<Link>) -> Result<()> {
        let mut state = link.state.clone();
        if !matches!(*state.borrow(), LinkState::Connected) {
            return Ok(());
        }
        let connects = &link.handle.counters.connects;
        let before = connects.load(Ordering::Relaxed);
        // First, so that new calls go to other nodes, and so do the topics that are listed at this one alone.
        link.handle.retire();
        self.links.notify_changed();
        let options = &self.options;
        // Fails if the endpoint was removed.
        if link.handle.send(Command::Renew { by: Instant::now() + options.close_timeout }).is_err() {
            return Ok(());
        }
        let renewed = state.wait_for(|state| match state {
            LinkState::Connected => connects.load(Ordering::Relaxed) > before,
            LinkState::Starting => false,
            LinkState::Down { .. } | LinkState::Ended => true,
        });
        // The link limits each step by itself. The extra second allows for a machine under load.
        let limit = options.close_timeout + options.connect_timeout + Duration::from_secs(1);
        match self.runtime.until(Instant::now() + limit, renewed).await {
            Some(Ok(state)) => match &*state {
                LinkState::Down { error, .. } => Err(error.clone()),
                _ => Ok(()),
            },
            // The link has ended.
            Some(Err(_)) => Ok(()),
            None => Err(Error::undelivered(
                ErrorKind::ConnectTimeout,
                format!("{} was not connected anew within {}", link.endpoint, span(limit)),
            )),
        }
    }
}
