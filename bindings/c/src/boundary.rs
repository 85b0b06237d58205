//! The boundary to C. The body of every export with a status runs in [`guard!`], which stops panics and turns errors
//! into a status and an error object.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use amop::{Error, ErrorKind, Result};

use crate::error::amop_error;
use crate::status::amop_status;

/// Runs the body of an export and converts its [`Result`] into a status.
///
/// - `guard!(error, { ... })` also stores an error object in the out-parameter `error`.
/// - `guard!({ ... })` is for functions without such a parameter.
macro_rules! guard {
    ($error:ident, $body:block) => {{
        let body = || -> amop::Result<()> { $body };
        // SAFETY: the header demands that `error` is NULL or points to a writable pointer.
        unsafe { $crate::boundary::status($error, body) }
    }};
    ($body:block) => {{
        let body = || -> amop::Result<()> { $body };
        // SAFETY: there is no out-parameter.
        unsafe { $crate::boundary::status(std::ptr::null_mut(), body) }
    }};
}
pub(crate) use guard;

/// See [`guard!`].
///
/// # Safety
/// `error` is NULL or can be written to.
pub(crate) unsafe fn status(error: *mut *mut amop_error, body: impl FnOnce() -> Result<()>) -> amop_status {
    if !error.is_null() {
        // SAFETY: guaranteed by the caller.
        unsafe { *error = std::ptr::null_mut() };
    }
    let failure = match catch_unwind(AssertUnwindSafe(body)) {
        Ok(Ok(())) => return amop_status::AMOP_OK,
        Ok(Err(failure)) => failure,
        Err(panic) => internal(&*panic),
    };
    let status = amop_status::of(failure.kind());
    if !error.is_null() {
        // SAFETY: guaranteed by the caller.
        unsafe { *error = amop_error::boxed(failure) };
    }
    status
}

/// Returns the error for a panic: [`ErrorKind::Internal`], or the error that was passed as its payload.
fn internal(panic: &(dyn Any + Send)) -> Error {
    if let Some(error) = panic.downcast_ref::<Error>() {
        return error.clone();
    }
    let text = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no text");
    // The call may have sent its message before.
    Error::maybe_delivered(ErrorKind::Internal, format!("a bug in the library, please report it: {text}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::argument::invalid_argument;
    use std::ffi::CStr;
    use std::panic::resume_unwind;

    /// Returns what a caller receives from the body of an export: the status, and the text of the error.
    fn run(body: impl FnOnce() -> Result<()>) -> (amop_status, Option<String>) {
        // Not NULL, to check that it is overwritten; never dereferenced.
        let mut error = std::ptr::dangling_mut::<amop_error>();
        // SAFETY: it can be written to.
        let status = unsafe { status(&raw mut error, body) };
        if error.is_null() {
            return (status, None);
        }
        // SAFETY: `status` has just created it.
        let error = unsafe { Box::from_raw(error) };
        assert_eq!(error.status(), status);
        // SAFETY: the error is not freed yet.
        let text = unsafe { CStr::from_ptr(crate::error::amop_error_message(&raw const *error)) };
        (status, Some(text.to_str().unwrap().to_owned()))
    }

    #[test]
    fn error_passed_as_a_panic_keeps_its_kind() {
        let error = amop::threads::refused("a thread", &std::io::ErrorKind::WouldBlock.into());
        let (status, text) = run(|| resume_unwind(Box::new(error)));
        assert_eq!(status, amop_status::AMOP_ERROR_RUNTIME);
        assert!(text.unwrap().contains("RLIMIT_NPROC"));
    }

    #[test]
    fn success_stores_no_error() {
        assert_eq!(run(|| Ok(())), (amop_status::AMOP_OK, None));
    }

    #[test]
    fn error_becomes_a_status_and_an_object() {
        let (status, text) = run(|| Err(invalid_argument("no good")));
        assert_eq!((status, text.as_deref()), (amop_status::AMOP_ERROR_INVALID_ARGUMENT, Some("no good")));
    }

    #[test]
    fn panic_becomes_an_internal_error_with_its_text() {
        let panics: [Box<dyn Any + Send>; 3] =
            [Box::new("a text"), Box::new(String::from("a text of its own")), Box::new(7)];
        for (panic, part) in panics.into_iter().zip(["a text", "a text of its own", "no text"]) {
            let (status, text) = run(|| resume_unwind(panic));
            assert_eq!(status, amop_status::AMOP_ERROR_INTERNAL);
            assert!(text.unwrap().ends_with(part));
        }
    }

    #[test]
    fn error_parameter_may_be_null() {
        // SAFETY: it's NULL.
        let code = unsafe { status(std::ptr::null_mut(), || resume_unwind(Box::new("unheard"))) };
        assert_eq!(code, amop_status::AMOP_ERROR_INTERNAL);
    }
}
