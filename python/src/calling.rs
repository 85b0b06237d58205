//! Calls of Python functions on any thread.
//!
//! While the interpreter ends, it stops all other threads. Below Python 3.14 a thread that runs Python code then,
//! such as a handler or a daemon thread, is ended by `pthread_exit`, which unwinds its stack; and unwinding through
//! Rust aborts the process. So every call from this crate into Python code uses a function of this module, which such a
//! thread never leaves. (Waiting for the interpreter's lock without running Python code is handled by pyo3 in the same way.)

use std::ptr::null_mut;

use pyo3::ffi::PyObject;
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

/// Functions of C that run Python code. They are declared as in pyo3, but may unwind: below Python 3.14 a thread that acquires
/// the interpreter's lock after the end of the interpreter is ended by `pthread_exit`, which unwinds its stack.
///
/// They are called through pointers that the compiler can't follow. To it a symbol is one function: since pyo3 declares
/// that these don't unwind, it would otherwise drop what has to run when they do.
mod raw {
    use std::hint::black_box;

    use pyo3::ffi::PyObject;

    type Object = *mut PyObject;

    unsafe extern "C-unwind" {
        fn PyObject_Call(callable: Object, arguments: Object, keywords: Object) -> Object;
        fn PyObject_CallFunctionObjArgs(callable: Object, ...) -> Object;
        fn PyObject_CallMethodObjArgs(object: Object, name: Object, ...) -> Object;
    }

    pub(super) fn call() -> unsafe extern "C-unwind" fn(Object, Object, Object) -> Object {
        black_box(PyObject_Call)
    }

    pub(super) fn call_function() -> unsafe extern "C-unwind" fn(Object, ...) -> Object {
        black_box(PyObject_CallFunctionObjArgs)
    }

    pub(super) fn call_method() -> unsafe extern "C-unwind" fn(Object, Object, ...) -> Object {
        black_box(PyObject_CallMethodObjArgs)
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

/// Makes a call of C that runs Python code. If the interpreter ends meanwhile, on a thread other than the one that ends it,
/// this never returns.
///
/// It is a macro, because a forced unwind must meet `stay` before any other frame of Rust, and end there.
macro_rules! uninterrupted {
    ($py:ident, $call:expr) => {{
        let stay = Stay;
        let returned = $call;
        std::mem::forget(stay);
        // SAFETY: the call returns a new reference, or null with an exception set.
        unsafe { Bound::from_owned_ptr_or_err($py, returned) }
    }};
}

/// Calls a function.
pub(crate) fn call<'py>(
    function: &Bound<'py, PyAny>,
    arguments: impl Arguments<'py>,
) -> PyResult<Bound<'py, PyAny>> {
    let py = function.py();
    let arguments = arguments.into_pyobject(py).map_err(Into::into)?;
    uninterrupted!(
        py,
        // SAFETY: both are live objects, the second a tuple; without keywords the third is null.
        unsafe { raw::call()(function.as_ptr(), arguments.as_ptr(), null_mut()) }
    )
}

/// Calls a function with one argument, without a tuple for it.
pub(crate) fn call_with<'py>(
    function: &Bound<'py, PyAny>,
    argument: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    let py = function.py();
    let end = null_mut::<PyObject>();
    uninterrupted!(
        py,
        // SAFETY: both are live objects, and null ends the arguments.
        unsafe { raw::call_function()(function.as_ptr(), argument.as_ptr(), end) }
    )
}

/// Calls a method with one argument or none, without a bound method and a tuple for it.
pub(crate) fn call_method<'py>(
    object: &Bound<'py, PyAny>,
    name: &Bound<'py, PyString>,
    argument: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    let py = object.py();
    let end = null_mut::<PyObject>();
    let argument = argument.map_or(end, Bound::as_ptr);
    uninterrupted!(
        py,
        // SAFETY: they are live objects, and the first null ends the arguments.
        unsafe { raw::call_method()(object.as_ptr(), name.as_ptr(), argument, end) }
    )
}
