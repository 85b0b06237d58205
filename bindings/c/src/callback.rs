//! Callbacks that fail. C has no exceptions, but a callback may call code that has: it catches them, reports the failure
//! here, and returns.

use std::cell::RefCell;
use std::ffi::{CStr, c_char, c_void};

use amop::Result;

use crate::boundary::{guard, unusable};
use crate::status::amop_status;

/// A C function that takes a context back.
pub(crate) type Drop = Option<unsafe extern "C" fn(context: *mut c_void)>;

/// What a callback's {context, drop} become: a context of the caller's, dropped exactly once, after its last use.
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

/// What this thread does.
enum Calling {
    Nothing,
    Callback,
    /// A callback that has reported why it failed.
    Failed(String),
}

thread_local! {
    static CALLING: RefCell<Calling> = const { RefCell::new(Calling::Nothing) };
}

/// Calls a callback. Returns the failure that it reported, if any.
pub(crate) fn failure_of(call: impl FnOnce()) -> Option<String> {
    CALLING.replace(Calling::Callback);
    call();
    match CALLING.replace(Calling::Nothing) {
        Calling::Failed(text) => Some(text),
        Calling::Callback | Calling::Nothing => None,
    }
}

/// Calls a callback whose failure is logged, because no event reports it.
pub(crate) fn call_or_log(what: &str, call: impl FnOnce()) {
    if let Some(text) = failure_of(call) {
        tracing::error!(failure = text, "the callback of {what} failed");
    }
}

/// Reports that this call of a callback has failed. Call it inside of the callback; the last report counts, and
/// delivery continues. A failed callback of a subscription or service is reported by AMOP_EVENT_HANDLER_FAILED, one of
/// events or completions in the log. A request that has no answer yet is answered with AMOP_RESULT_FAILED and a fixed
/// text when the callback returns: `message` is not sent to the publisher.
///
/// - Ownership: `message` is copied; what in it isn't UTF-8 is replaced.
/// - Threads: in callbacks alone, on the thread that the callback was called on.
/// - Errors: AMOP_ERROR_INVALID_ARGUMENT, also where no callback of these runs.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_callback_failed(message: *const c_char) -> amop_status {
    guard!({
        if message.is_null() {
            return Err(unusable("`message` is NULL"));
        }
        // SAFETY: the header demands that a text that isn't NULL ends with a NUL and stays unchanged meanwhile.
        let text = unsafe { CStr::from_ptr(message) }.to_string_lossy().into_owned();
        let told = CALLING.try_with(|calling| match &mut *calling.borrow_mut() {
            Calling::Nothing => false,
            calling => {
                *calling = Calling::Failed(text);
                true
            }
        });
        // An error when the thread is about to end, and calls no callbacks any more.
        if told.unwrap_or(false) {
            return Ok(());
        }
        Err(unusable("no callback runs on this thread that could have failed"))
    })
}
