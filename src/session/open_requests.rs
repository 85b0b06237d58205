//! The requests of one connection that handlers still have to answer, and their time.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::deadlines::Deadlines;
use crate::delivery::Ticket;

/// The open requests.
pub(crate) struct OpenRequests {
    timeout: Duration,
    deadlines: Deadlines<Arc<Ticket>>,
    open: usize,
}

impl OpenRequests {
    /// Creates an empty collection. `timeout`: how long a handler has.
    pub(crate) fn new(timeout: Duration) -> OpenRequests {
        OpenRequests { timeout, deadlines: Deadlines::new(), open: 0 }
    }

    /// A handler has to answer a request that has arrived now.
    pub(crate) fn add(&mut self, ticket: Arc<Ticket>, now: Instant) {
        self.open += 1;
        self.deadlines.add(now + self.timeout, ticket);
        self.deadlines.tidy(self.open, |ticket| ticket.is_open());
    }

    /// A request has been answered, in time or not.
    pub(crate) fn answered(&mut self) {
        self.open = self.open.saturating_sub(1);
    }

    /// Returns whether no request waits for its answer.
    pub(crate) fn is_empty(&self) -> bool {
        self.open == 0
    }

    /// Takes a request whose time is over and that nothing has answered.
    pub(crate) fn pop_expired(&mut self, now: Instant) -> Option<Arc<Ticket>> {
        loop {
            let ticket = self.deadlines.pop_due(now)?;
            if ticket.expire() {
                return Some(ticket);
            }
        }
    }

    /// Returns when the time of a request is over next.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.deadlines.next()
    }

    /// Returns the open requests, and the deadlines kept for them.
    #[cfg(test)]
    pub(crate) fn len(&self) -> (usize, usize) {
        (self.open, self.deadlines.len())
    }
}
