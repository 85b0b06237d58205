//! What a callback's {context, drop} become: a context that is dropped exactly once, after its last use.

use std::ffi::c_void;

use amop::Result;

use crate::boundary::unusable;

/// A C function that takes a context back.
pub(crate) type Drop = Option<unsafe extern "C" fn(context: *mut c_void)>;

/// A context of the caller's; calls its `drop` when it goes.
pub(crate) struct Context {
    pointer: *mut c_void,
    drop: Drop,
}

// SAFETY: the header says that callbacks and their contexts are used on threads of the library, several at once
// where it says so of the callback.
unsafe impl Send for Context {}
// SAFETY: as above.
unsafe impl Sync for Context {}

impl Context {
    /// Takes a context; to be done before anything can fail.
    pub(crate) fn new(pointer: *mut c_void, drop: Drop) -> Context {
        Context { pointer, drop }
    }

    /// What to pass to the callback.
    pub(crate) fn pointer(&self) -> *mut c_void {
        self.pointer
    }
}

impl std::ops::Drop for Context {
    fn drop(&mut self) {
        if let Some(drop) = self.drop {
            // SAFETY: the header demands a function that takes this context; it's called here alone, and last.
            unsafe { drop(self.pointer) };
        }
    }
}

/// The function of a callback, or the error that there is none.
pub(crate) fn function<F>(call: Option<F>) -> Result<F> {
    call.ok_or_else(|| unusable("`call` of the callback is NULL"))
}
