//! Payloads in both directions.

use bytes::Bytes;
use pyo3::exceptions::PyTypeError;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyMemoryView, PyString};

/// Longer `bytes` are lent to the connection until they are written. Shorter ones are copied, because that costs less
/// than returning the object later.
const COPIED_UP_TO: usize = 16 * 1024;

/// Data of a caller: `bytes`, `str` (as UTF-8), or an object with the buffer protocol.
pub(crate) struct Payload(pub(crate) Bytes);

impl<'py> FromPyObject<'_, 'py> for Payload {
    type Error = PyErr;

    fn extract(object: Borrowed<'_, 'py, PyAny>) -> PyResult<Payload> {
        if let Ok(bytes) = object.cast::<PyBytes>() {
            let data = bytes.as_bytes();
            if data.len() <= COPIED_UP_TO {
                return Ok(Payload(Bytes::copy_from_slice(data)));
            }
            return Ok(Payload(Bytes::from_owner(PyBackedBytes::from(bytes.to_owned()))));
        }
        if let Ok(text) = object.cast::<PyString>() {
            return Ok(Payload(Bytes::copy_from_slice(text.to_str()?.as_bytes())));
        }
        let Ok(view) = PyMemoryView::from(&object) else {
            let kind = object.get_type().name()?;
            return Err(PyTypeError::new_err(format!(
                "data must be bytes, bytearray, memoryview or str, not {kind}"
            )));
        };
        // Copied, because the object may change before the message is written.
        let bytes = view.call_method0("tobytes")?.cast_into::<PyBytes>()?;
        Ok(Payload(Bytes::copy_from_slice(bytes.as_bytes())))
    }
}

/// A payload for Python: lent as a buffer, and copied into a `bytes` object when that is first read.
pub(crate) struct Data {
    bytes: Bytes,
    object: PyOnceLock<Py<PyBytes>>,
}

impl Data {
    pub(crate) fn new(bytes: Bytes) -> Data {
        Data { bytes, object: PyOnceLock::new() }
    }

    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    pub(crate) fn object(&self, py: Python<'_>) -> Py<PyBytes> {
        self.object.get_or_init(py, || PyBytes::new(py, &self.bytes).unbind()).clone_ref(py)
    }

    /// Lends the bytes, read-only.
    ///
    /// # Safety
    /// `view` must be one that Python asks to be filled, and `owner` the object that this belongs to.
    pub(crate) unsafe fn lend(
        &self,
        owner: &Bound<'_, PyAny>,
        view: *mut ffi::Py_buffer,
        flags: std::ffi::c_int,
    ) -> PyResult<()> {
        let length = ffi::Py_ssize_t::try_from(self.bytes.len())?;
        // SAFETY: the bytes neither move nor change as long as `owner` lives, and the view keeps that alive; they are
        // lent read-only, so the cast to a mutable pointer has no consequence.
        let filled = unsafe {
            let start = self.bytes.as_ptr().cast_mut().cast();
            ffi::PyBuffer_FillInfo(view, owner.as_ptr(), start, length, 1, flags)
        };
        if filled == 0 { Ok(()) } else { Err(PyErr::fetch(owner.py())) }
    }
}
