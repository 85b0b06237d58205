//! Numbers as Python gives them: times in seconds, bounds that can't be negative.

use std::time::Duration;

use pyo3::prelude::*;

use crate::error::{Result, unusable};

/// As in the core, nothing is infinite: no time is longer than ten years.
const LONGEST: Duration = Duration::from_secs(10 * 365 * 24 * 3600);

/// A time in seconds.
///
/// # Errors
/// INVALID_ARGUMENT, with the name of what was given.
pub(crate) fn seconds(py: Python<'_>, name: &str, seconds: f64) -> Result<Duration> {
    match Duration::try_from_secs_f64(seconds) {
        Ok(time) if time <= LONGEST => Ok(time),
        _ => Err(unusable(
            py,
            format!("{name} is {seconds}: take seconds, 0 to {}, say 2.5", LONGEST.as_secs()),
        )),
    }
}

/// The same where none may be given.
pub(crate) fn optional_seconds(py: Python<'_>, name: &str, given: Option<f64>) -> Result<Option<Duration>> {
    given.map(|given| seconds(py, name, given)).transpose()
}

/// A count or size.
///
/// # Errors
/// As [`seconds`].
pub(crate) fn size(py: Python<'_>, name: &str, given: i128) -> Result<usize> {
    usize::try_from(given).map_err(|_| unusable(py, format!("{name} is {given}: take a number from 0 up")))
}
