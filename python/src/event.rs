//! Converts events of the core into objects of the package's classes.

use amop::Event;
use pyo3::prelude::*;

use crate::calling::{Arguments, call};
use crate::error::{Result, exception};

/// Returns the object for an event.
pub(crate) fn object(py: Python<'_>, event: Event) -> Result<Bound<'_, PyAny>> {
    match event {
        Event::Connected { endpoint, node_version, protocol, .. } => {
            made(py, "Connected", (&*endpoint, &*node_version, protocol))
        }
        Event::Reconnected { endpoint, node_version, protocol, .. } => {
            made(py, "Reconnected", (&*endpoint, &*node_version, protocol))
        }
        Event::Lost { endpoint, error, .. } => made(py, "Lost", (&*endpoint, exception(py, &error)?)),
        Event::ConnectFailed { endpoint, error, .. } => {
            made(py, "ConnectFailed", (&*endpoint, exception(py, &error)?))
        }
        Event::SlowConsumer { topic, .. } => made(py, "SlowConsumer", (&*topic,)),
        Event::HandlerFailed { topic, message, .. } => made(py, "HandlerFailed", (&*topic, message)),
        Event::CertificateExpiring { certificate, expires, .. } => {
            made(py, "CertificateExpiring", (&*certificate, expires))
        }
        Event::Verified { topic, endpoint, node_id, key, .. } => {
            made(py, "Verified", (&*topic, &*endpoint, &*node_id, key.to_hex()))
        }
        Event::Rejected { topic, endpoint, node_id, key, reason, .. } => {
            let key = key.map(|key| key.to_hex());
            made(py, "Rejected", (&*topic, &*endpoint, &*node_id, key, &*reason))
        }
        Event::Closed => made(py, "Closed", ()),
        // An event that the package has no class for.
        _ => made(py, "Event", ()),
    }
}

fn made<'py>(py: Python<'py>, class: &str, fields: impl Arguments<'py>) -> Result<Bound<'py, PyAny>> {
    call(&py.import("amop.events")?.getattr(class)?, fields)
}
