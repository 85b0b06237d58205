//! The interpreter: the main one, and its state, which is running, ending or ended. Threads of the library attach to it here, and threads that
//! wait check whether they may return to Python.

use std::cell::Cell;
use std::sync::atomic::{AtomicU8, Ordering};

use pyo3::exceptions::PyImportError;
use pyo3::ffi;
use pyo3::prelude::*;

const RUNNING: u8 = 0;
const ENDING: u8 = 1;
const ENDED: u8 = 2;

static PHASE: AtomicU8 = AtomicU8::new(RUNNING);

thread_local! {
    /// Whether this thread ends the interpreter.
    static ENDS_IT: Cell<bool> = const { Cell::new(false) };
    /// Whether this thread is one of the library that runs Python code.
    static CALLS_PYTHON: Cell<bool> = const { Cell::new(false) };
}

/// Checks that the current interpreter is the main one.
///
/// Threads of the library attach to the main interpreter, and the library has one state per process. A client of a
/// sub-interpreter would call the handlers of one interpreter in another.
///
/// # Errors
/// Returns ImportError in a sub-interpreter.
pub(crate) fn check_main() -> PyResult<()> {
    // The number of the main interpreter, the first one of a process.
    const MAIN: i64 = 0;
    // SAFETY: the thread is attached to an interpreter, since it imports the module.
    let number = unsafe { ffi::PyInterpreterState_GetID(ffi::PyInterpreterState_Get()) };
    if number == MAIN {
        return Ok(());
    }
    Err(PyImportError::new_err(
        "amop can't be used in a sub-interpreter: import it in the main interpreter, or use processes \
         (in Apache's mod_wsgi: WSGIApplicationGroup %{GLOBAL})",
    ))
}

/// Records that the interpreter is ending, on the calling thread.
pub(crate) fn begin_end() {
    ENDS_IT.set(true);
    PHASE.store(ENDING, Ordering::Release);
}

/// Records that no thread of the library may call Python any more.
pub(crate) fn finish_end() {
    PHASE.store(ENDED, Ordering::Release);
}

/// Returns whether the interpreter is ending.
pub(crate) fn is_ending() -> bool {
    PHASE.load(Ordering::Acquire) != RUNNING
}

/// Returns whether no thread of the library may call Python any more.
fn has_ended() -> bool {
    PHASE.load(Ordering::Acquire) == ENDED
}

/// Parks the thread endlessly once the interpreter is ending, except the thread that ends it and, while that waits for
/// handlers, threads that run one. Any other thread is a daemon thread then, which the interpreter would stop in the
/// same way a moment later. Threads call it after waiting, without holding the interpreter's lock.
pub(crate) fn park_if_ending() {
    let may_return = !is_ending() || ENDS_IT.get() || (CALLS_PYTHON.get() && !has_ended());
    if may_return {
        return;
    }
    loop {
        std::thread::park();
    }
}

/// Attaches a thread of the library to the interpreter, once for a batch, and runs `run`. Returns `None` if the
/// interpreter has ended.
pub(crate) fn attached<R>(run: impl FnOnce(Python<'_>) -> R) -> Option<R> {
    if has_ended() {
        return None;
    }
    CALLS_PYTHON.set(true);
    let ran = Python::try_attach(run);
    CALLS_PYTHON.set(false);
    ran
}
