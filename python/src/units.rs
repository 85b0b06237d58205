//! Numbers from Python: times in seconds, and limits that must not be negative.

use std::time::Duration;

use pyo3::prelude::*;

use crate::error::{Result, unusable};

/// The longest time, ten years as in the core, so that deadlines do not overflow.
const LONGEST: Duration = Duration::from_secs(10 * 365 * 24 * 3600);

/// Converts a time in seconds.
///
/// # Errors
/// Returns INVALID_ARGUMENT, with the name of the argument.
pub(crate) fn seconds(py: Python<'_>, name: &str, seconds: f64) -> Result<Duration> {
    match Duration::try_from_secs_f64(seconds) {
        Ok(time) if time <= LONGEST => Ok(time),
        _ => Err(unusable(
            py,
            format!("invalid {name} {seconds}: use seconds from 0 to {}, such as 2.5", LONGEST.as_secs()),
        )),
    }
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
