//! The native part of subscriptions and services that have a handler.

use std::sync::{Mutex, MutexGuard, PoisonError};

use amop::RunningHandler;
use pyo3::prelude::*;

use crate::bridge::{Bridge, run};
use crate::error::{Result, checked};
use crate::owned::Owned;
use crate::stats::SubscriptionStats;
use crate::units::optional_seconds;

/// The native part of a subscription or service with a handler.
#[pyclass(frozen, module = "amop._amop")]
pub(crate) struct Guard(Owned<Mutex<RunningHandler>>);

impl Guard {
    pub(crate) fn new(guard: RunningHandler) -> Guard {
        Guard(Owned::new(Mutex::new(guard)))
    }

    fn lock(&self, py: Python<'_>) -> Result<MutexGuard<'_, RunningHandler>> {
        Ok(checked(py, self.0.get())?.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[pymethods]
impl Guard {
    /// Stops accepting messages and updates the topic list; the handler processes what is queued.
    fn leave(&self, py: Python<'_>) -> Result<()> {
        self.lock(py)?.leave();
        Ok(())
    }

    /// Does what `leave` does, and waits until the last call of the handler has returned.
    #[pyo3(signature = (timeout, bridge = None))]
    fn end(&self, py: Python<'_>, timeout: Option<f64>, bridge: Option<&Bridge>) -> Result<Py<PyAny>> {
        let ending = self.lock(py)?.end(optional_seconds(py, "timeout", timeout)?);
        run(py, bridge, ending, |py, ()| Ok(py.None()))
    }

    fn stats(&self, py: Python<'_>) -> Result<SubscriptionStats> {
        Ok(self.lock(py)?.stats().into())
    }
}
