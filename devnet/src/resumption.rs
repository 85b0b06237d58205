//! TLS sessions as real 2.x nodes treat them: they are issued, and a client that offers one is disconnected.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio_rustls::rustls::server::{ProducesTickets, StoresServerSessions};

/// The lifetime of a ticket in seconds, OpenSSL's default.
const TICKET_LIFETIME: u32 = 300;

/// The maximum number of issued session ids. Once it is reached, no more are issued.
const REMEMBERED: usize = 100_000;

/// The issued session ids. Neither they nor tickets can be resumed.
#[derive(Debug, Default)]
pub(crate) struct Issued {
    ids: Mutex<HashSet<Vec<u8>>>,
}

impl Issued {
    fn ids(&self) -> MutexGuard<'_, HashSet<Vec<u8>>> {
        self.ids.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns whether this id was issued.
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
        // A ticket is never decrypted, so it needs no content.
        Some(b"unusable ticket".to_vec())
    }

    fn decrypt(&self, _ticket: &[u8]) -> Option<Vec<u8>> {
        None
    }
}
