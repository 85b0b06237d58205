//! Calls of Python functions on any thread.
//!
//! While the interpreter ends, it stops all other threads. Below Python 3.14 a thread that runs Python code then,
//! such as a handler or a daemon thread, is ended by `pthread_exit`, which unwinds its stack; and unwinding through
//! Rust aborts the process. So every call from this crate into Python code uses [`call`], which such a thread never
//! leaves. (Waiting for the interpreter's lock without running Python code is handled by pyo3 in the same way.)

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyString, PyTuple};

/// The arguments of a call.
pub(crate) trait Arguments<'py>:
    IntoPyObject<'py, Target = PyTuple, Output = Bound<'py, PyTuple>, Error: Into<PyErr>>
{
}

impl<'py, T> Arguments<'py> for T where
    T: IntoPyObject<'py, Target = PyTuple, Output = Bound<'py, PyTuple>, Error: Into<PyErr>>
{
}

mod raw {
    use pyo3::ffi::PyObject;

    // Declared as in pyo3, but allowed to unwind: below Python 3.14 a thread that acquires the interpreter's lock after
    // the end of the interpreter is ended by `pthread_exit`, which unwinds its stack.
    unsafe extern "C-unwind" {
        pub(super) fn PyObject_Call(
            callable: *mut PyObject,
            arguments: *mut PyObject,
            keywords: *mut PyObject,
        ) -> *mut PyObject;
    }
}

/// Parks a thread that is being ended.
struct Stay;

impl Drop for Stay {
    fn drop(&mut self) {
        loop {
            std::thread::park();
        }
    }
}

/// Calls a function. If the interpreter ends meanwhile, on a thread other than the one that ends it, this never
/// returns.
pub(crate) fn call<'py>(
    function: &Bound<'py, PyAny>,
    arguments: impl Arguments<'py>,
) -> PyResult<Bound<'py, PyAny>> {
    let py = function.py();
    let arguments = arguments.into_pyobject(py).map_err(Into::into)?;
    let stay = Stay;
    // SAFETY: both are live objects, the second a tuple; without keywords the third is null. The call is made right
    // here, so that a forced unwind meets `stay` before any other frame of Rust, and ends there.
    let returned = unsafe {
        raw::PyObject_Call(function.as_ptr(), arguments.as_ptr(), std::ptr::null_mut::<ffi::PyObject>())
    };
    std::mem::forget(stay);
    // SAFETY: it returns a new reference, or null with an exception set.
    unsafe { Bound::from_owned_ptr_or_err(py, returned) }
}

/// Calls a method.
pub(crate) fn call_method<'py>(
    object: &Bound<'py, PyAny>,
    name: &Bound<'py, PyString>,
    arguments: impl Arguments<'py>,
) -> PyResult<Bound<'py, PyAny>> {
    call(&object.getattr(name)?, arguments)
}
