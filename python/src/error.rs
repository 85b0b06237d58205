//! The core's error as one of the package's exceptions.

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyBytes;

use crate::calling::call;

/// What native functions give back.
pub(crate) type Result<T> = PyResult<T>;

/// The exception that stands for `error`: an instance of the class that its kind belongs to.
pub(crate) fn exception<'py>(py: Python<'py>, error: &amop::Error) -> PyResult<Bound<'py, PyAny>> {
    static MAKE: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let make = MAKE.import(py, "amop._errors", "from_native")?;
    let maybe_delivered = error.delivery() == amop::Delivery::Maybe;
    let data = PyBytes::new(py, error.data());
    let (retriable, node_code) = (error.is_retriable(), error.node_code());
    call(make, (error.code(), error.message(), retriable, maybe_delivered, node_code, data))
}

/// The same, to be raised.
pub(crate) fn raised(py: Python<'_>, error: &amop::Error) -> PyErr {
    match exception(py, error) {
        Ok(exception) => PyErr::from_value(exception),
        Err(failed) => failed,
    }
}

/// What the core gave back, or its error raised.
pub(crate) fn checked<T>(py: Python<'_>, outcome: amop::Result<T>) -> Result<T> {
    outcome.map_err(|error| raised(py, &error))
}

/// An argument that can't be used; the text says what to do instead.
pub(crate) fn unusable(py: Python<'_>, text: impl Into<String>) -> PyErr {
    raised(py, &amop::Error::undelivered(amop::ErrorKind::InvalidArgument, text))
}
