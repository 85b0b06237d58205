//! Failing callbacks. A callback must not throw into the library. It catches the exception, reports the failure here
//! and returns.

use std::cell::RefCell;
use std::ffi::{CStr, c_char, c_void};

use amop::Result;

use crate::argument::invalid_argument;
use crate::boundary::guard;
use crate::cancellation::call_program;
use crate::status::amop_status;

/// A C function that releases the context of a callback. Functions of the program are declared as ones that may unwind,
/// so that [`call_program`] notices it.
pub(crate) type Drop = Option<unsafe extern "C-unwind" fn(context: *mut c_void)>;

/// The {context, drop} of a callback. Calls `drop` exactly once, when it is dropped itself after its last use.
pub(crate) struct Context {
    pointer: *mut c_void,
    drop: Drop,
}

// SAFETY: the header states that callbacks and their contexts are used on threads of the library, and which callbacks
// may run on several at once.
unsafe impl Send for Context {}
// SAFETY: as above.
unsafe impl Sync for Context {}

impl Context {
    /// Takes ownership of a context. Exports call it before anything can fail.
    pub(crate) fn new(pointer: *mut c_void, drop: Drop) -> Context {
        Context { pointer, drop }
    }

    /// Returns the context to pass to the callback.
    pub(crate) fn pointer(&self) -> *mut c_void {
        self.pointer
    }
}

impl std::ops::Drop for Context {
    fn drop(&mut self) {
        if let Some(drop) = self.drop {
            // SAFETY: the header demands a function that takes this context. It is called only here, as the last use.
            call_program(|| unsafe { drop(self.pointer) });
        }
    }
}

/// Returns the function of a callback, or an error if it is NULL.
pub(crate) fn function<F>(call: Option<F>) -> Result<F> {
    call.ok_or_else(|| invalid_argument("`call` of the callback is NULL"))
}

/// What the current thread does.
enum Calling {
    Nothing,
    Callback,
    /// A callback that has reported a failure.
    Failed(String),
}

thread_local! {
    static CALLING: RefCell<Calling> = const { RefCell::new(Calling::Nothing) };
}

/// Calls a callback and returns the failure that it reported, if any.
pub(crate) fn failure_of(call: impl FnOnce()) -> Option<String> {
    CALLING.replace(Calling::Callback);
    call_program(call);
    match CALLING.replace(Calling::Nothing) {
        Calling::Failed(text) => Some(text),
        Calling::Callback | Calling::Nothing => None,
    }
}

/// Calls a callback whose failure is not reported by an event, but logged.
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
/// - Ownership: `message` is copied. Bytes that are not UTF-8 are replaced.
/// - Threads: in callbacks only, on the thread that runs the callback.
/// - Errors: AMOP_ERROR_INVALID_ARGUMENT, also if no callback runs on this thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_callback_failed(message: *const c_char) -> amop_status {
    guard!({
        if message.is_null() {
            return Err(invalid_argument("`message` is NULL"));
        }
        // SAFETY: the header demands that a text that isn't NULL ends with a NUL and stays unchanged meanwhile.
        let text = unsafe { CStr::from_ptr(message) }.to_string_lossy().into_owned();
        let reported = CALLING.try_with(|calling| match &mut *calling.borrow_mut() {
            Calling::Nothing => false,
            calling => {
                *calling = Calling::Failed(text);
                true
            }
        });
        // `try_with` fails while the thread exits, when it runs no more callbacks.
        if reported.unwrap_or(false) {
            return Ok(());
        }
        Err(invalid_argument("no callback runs on this thread"))
    })
}
