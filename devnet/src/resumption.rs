//! TLS sessions as real 2.x nodes treat them: handed out, and deadly when they come back.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio_rustls::rustls::server::{ProducesTickets, StoresServerSessions};

/// How long a ticket says that it is good for, in seconds: OpenSSL's default.
const TICKET_LIFETIME: u32 = 300;

/// How many session ids are remembered; a client that hoards more may offer one unpunished.
const REMEMBERED: usize = 100_000;

/// Session ids that were handed out. None of them, and no ticket, ever resumes anything.
#[derive(Debug, Default)]
pub(crate) struct Issued {
    ids: Mutex<HashSet<Vec<u8>>>,
}

impl Issued {
    fn ids(&self) -> MutexGuard<'_, HashSet<Vec<u8>>> {
        self.ids.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether this id was handed out.
    pub(crate) fn knows(&self, id: &[u8]) -> bool {
        self.ids().contains(id)
    }
}

impl StoresServerSessions for Issued {
    fn put(&self, id: Vec<u8>, _session: Vec<u8>) -> bool {
        let mut ids = self.ids();
        if ids.len() == REMEMBERED {
            return false;
        }
        ids.insert(id);
        true
    }

    fn get(&self, _id: &[u8]) -> Option<Vec<u8>> {
        None
    }

    fn take(&self, _id: &[u8]) -> Option<Vec<u8>> {
        None
    }

    fn can_cache(&self) -> bool {
        true
    }
}

impl ProducesTickets for Issued {
    fn enabled(&self) -> bool {
        true
    }

    fn lifetime(&self) -> u32 {
        TICKET_LIFETIME
    }

    fn encrypt(&self, _session: &[u8]) -> Option<Vec<u8>> {
        // Nobody will decrypt it.
        Some(b"a ticket that leads nowhere".to_vec())
    }

    fn decrypt(&self, _ticket: &[u8]) -> Option<Vec<u8>> {
        None
    }
}
