//! Converts errors of the core into exceptions of the package.

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyBytes;

use crate::calling::call;

/// The result of native functions.
pub(crate) type Result<T> = PyResult<T>;

/// Returns the exception for `error`: an instance of the class for its kind.
pub(crate) fn exception<'py>(py: Python<'py>, error: &amop::Error) -> PyResult<Bound<'py, PyAny>> {
    static MAKE: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let make = MAKE.import(py, "amop._errors", "from_native")?;
    let maybe_delivered = error.delivery() == amop::Delivery::Maybe;
    let data = PyBytes::new(py, error.data());
    let (retriable, node_code) = (error.is_retriable(), error.node_code());
    call(make, (error.code(), error.message(), retriable, maybe_delivered, node_code, data))
}

/// Returns the exception for `error`, to be raised.
pub(crate) fn raised(py: Python<'_>, error: &amop::Error) -> PyErr {
    match exception(py, error) {
        Ok(exception) => PyErr::from_value(exception),
        Err(failed) => failed,
    }
}

/// Converts the result of a function of the core.
pub(crate) fn checked<T>(py: Python<'_>, outcome: amop::Result<T>) -> Result<T> {
    outcome.map_err(|error| raised(py, &error))
}

/// Returns the exception for an invalid argument.
pub(crate) fn unusable(py: Python<'_>, text: impl Into<String>) -> PyErr {
    raised(py, &amop::Error::undelivered(amop::ErrorKind::InvalidArgument, text))
}
