//! The native part of private topics that a client publishes on, and the keys of both sides.

use std::sync::{Mutex, MutexGuard, PoisonError};

use amop::{Error, ErrorKind, PrivateKey, PublicKey};
use pyo3::prelude::*;

use crate::error::{Result, checked, raised};
use crate::owned::Owned;
use crate::payload::Payload;

/// The native part of a private topic.
#[pyclass(frozen, module = "amop._amop")]
pub(crate) struct PrivateTopic(Owned<Mutex<Option<amop::PrivateTopic>>>);

impl PrivateTopic {
    pub(crate) fn new(topic: amop::PrivateTopic) -> PrivateTopic {
        PrivateTopic(Owned::new(Mutex::new(Some(topic))))
    }

    fn lock(&self, py: Python<'_>) -> Result<MutexGuard<'_, Option<amop::PrivateTopic>>> {
        Ok(checked(py, self.0.get())?.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[pymethods]
impl PrivateTopic {
    /// Allows further keys.
    fn allow(&self, py: Python<'_>, keys: Vec<Payload>) -> Result<()> {
        let keys = public_keys(py, keys)?;
        match &*self.lock(py)? {
            Some(topic) => checked(py, topic.allow(keys)),
            None => Err(closed(py)),
        }
    }

    /// Checks that it is not closed.
    fn check(&self, py: Python<'_>) -> Result<()> {
        if self.lock(py)?.is_some() { Ok(()) } else { Err(closed(py)) }
    }

    /// Ends the verification of subscribers.
    fn close(&self, py: Python<'_>) -> Result<()> {
        let closed = self.lock(py)?.take();
        drop(closed);
        Ok(())
    }
}

fn closed(py: Python<'_>) -> PyErr {
    raised(py, &Error::undelivered(ErrorKind::Closed, "the private topic is closed: open it again"))
}

/// Reads the keys that a publisher allows.
pub(crate) fn public_keys(py: Python<'_>, keys: Vec<Payload>) -> Result<Vec<PublicKey>> {
    keys.into_iter().map(|key| checked(py, PublicKey::read(&key.0))).collect()
}

/// Reads the key of a subscriber.
pub(crate) fn private_key(py: Python<'_>, key: &Payload, password: Option<&str>) -> Result<PrivateKey> {
    checked(py, PrivateKey::read(&key.0, password))
}
