//! Statistics of private topics as Python objects: the data classes of `amop._private`.

use amop::{PrivateTopicStats, PublicKey, VerificationState, VerificationStats};
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::error::{Result, checked};

/// Returns the object for a private topic.
pub(crate) fn object<'py>(py: Python<'py>, stats: &PrivateTopicStats) -> Result<Bound<'py, PyAny>> {
    let verifications = stats.verifications.iter().map(|found| verification(py, found));
    let verifications = PyTuple::new(py, verifications.collect::<Result<Vec<_>>>()?)?;
    let fields = (
        &*stats.topic,
        stats.key.as_ref().map(PublicKey::to_hex),
        stats.challenges_signed,
        stats.challenges_refused,
        PyTuple::new(py, stats.allowed.iter().map(PublicKey::to_hex))?,
        verifications,
    );
    py.import("amop._private")?.getattr("PrivateTopicStats")?.call1(fields)
}

fn verification<'py>(py: Python<'py>, stats: &VerificationStats) -> Result<Bound<'py, PyAny>> {
    let state = py.import("amop._words")?.getattr("VerificationState")?.call1((stats.state.name(),))?;
    let key = stats.key.as_ref().map(PublicKey::to_hex);
    let fields = (&*stats.endpoint, &*stats.node_id, state, key, &*stats.reason);
    py.import("amop._private")?.getattr("VerificationStats")?.call1(fields)
}

/// Returns the private topic of an object that was pickled.
pub(crate) fn restored(object: &Bound<'_, PyAny>) -> Result<PrivateTopicStats> {
    let mut stats = PrivateTopicStats::default();
    stats.topic = text(object, "topic")?.into();
    stats.key = key(object.py(), object.getattr("key")?.extract()?)?;
    stats.challenges_signed = object.getattr("challenges_signed")?.extract()?;
    stats.challenges_refused = object.getattr("challenges_refused")?.extract()?;
    for allowed in object.getattr("allowed")?.try_iter()? {
        stats.allowed.extend(key(object.py(), Some(allowed?.extract()?))?);
    }
    for found in object.getattr("verifications")?.try_iter()? {
        let found = found?;
        let mut verification = VerificationStats::default();
        verification.endpoint = text(&found, "endpoint")?.into();
        verification.node_id = text(&found, "node_id")?.into();
        let name = text(&found, "state")?;
        verification.state =
            VerificationState::ALL.into_iter().find(|state| state.name() == name).unwrap_or_default();
        verification.key = key(found.py(), found.getattr("key")?.extract()?)?;
        verification.reason = text(&found, "reason")?.into();
        stats.verifications.push(verification);
    }
    Ok(stats)
}

fn text(object: &Bound<'_, PyAny>, field: &str) -> Result<String> {
    object.getattr(field)?.extract()
}

fn key(py: Python<'_>, digits: Option<String>) -> Result<Option<PublicKey>> {
    digits.map(|digits| checked(py, PublicKey::read(digits))).transpose()
}
