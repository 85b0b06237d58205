//! Numbers from Python: times in seconds, and limits that must not be negative.

use std::time::Duration;

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

use crate::calling::call;
use crate::error::{Result, unusable};

/// The longest time, ten years as in the core, so that deadlines do not overflow.
const LONGEST: Duration = Duration::from_secs(10 * 365 * 24 * 3600);

/// Longer timeouts are probably meant to be milliseconds.
const LIKELY_MILLISECONDS: Duration = Duration::from_secs(600);

/// Warns once in a process that times are in seconds.
///
/// # Errors
/// Returns the warning, if the program turns warnings into errors.
fn warn_of_milliseconds(py: Python<'_>, name: &str, seconds: f64) -> Result<()> {
    static WARN: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    call(WARN.import(py, "amop._warnings", "warn_of_milliseconds")?, (name, seconds)).map(drop)
}

/// Converts a time in seconds.
///
/// # Errors
/// Returns INVALID_ARGUMENT, with the name of the argument.
pub(crate) fn seconds(py: Python<'_>, name: &str, seconds: f64) -> Result<Duration> {
    match Duration::try_from_secs_f64(seconds) {
        Ok(time) if time <= LONGEST => {
            if time > LIKELY_MILLISECONDS && (name.ends_with("timeout") || name == "heartbeat") {
                warn_of_milliseconds(py, name, seconds)?;
            }
            Ok(time)
        }
        _ => Err(unusable(
            py,
            format!("invalid {name} {seconds:?}: use seconds from 0 to {}, such as 2.5", LONGEST.as_secs()),
        )),
    }
}

/// Converts a time in seconds that no deadline is made of, so that it may be as long as a certificate is valid.
///
/// # Errors
/// Returns INVALID_ARGUMENT, with the name of the argument.
pub(crate) fn unbounded_seconds(py: Python<'_>, name: &str, seconds: f64) -> Result<Duration> {
    Duration::try_from_secs_f64(seconds)
        .map_err(|_| unusable(py, format!("invalid {name} {seconds:?}: use seconds from 0 up, such as 2.5")))
}

/// Converts a time in seconds that may be None.
pub(crate) fn optional_seconds(py: Python<'_>, name: &str, given: Option<f64>) -> Result<Option<Duration>> {
    given.map(|given| seconds(py, name, given)).transpose()
}

/// Converts a count or size.
///
/// # Errors
/// Returns INVALID_ARGUMENT, with the name of the argument.
pub(crate) fn size(py: Python<'_>, name: &str, given: i128) -> Result<usize> {
    usize::try_from(given)
        .map_err(|_| unusable(py, format!("invalid {name} {given}: use a number from 0 up")))
}
