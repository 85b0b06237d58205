//! The boundary to C. The body of every export with a status runs in [`guard!`], which stops panics, disables the
//! cancellation of the thread, and turns errors into a status and an error object.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use amop::text::span;
use amop::{Error, ErrorKind};

use crate::cancellation::Uncancelled;
use crate::error::amop_error;
use crate::status::amop_status;

/// Runs the body of an export and converts its [`Result`] into a status.
///
/// - `guard!(error, { ... })` also stores an error object in the out-parameter `error`.
/// - `guard!(error, Miss, { ... })` is for functions that look for an item, see [`Miss`].
/// - `guard!({ ... })` is for functions without such a parameter.
macro_rules! guard {
    ($error:ident, $body:block) => {{
        let body = || -> amop::Result<()> { $body };
        // SAFETY: the header demands that `error` is NULL or points to a writable pointer.
        unsafe { $crate::boundary::status($error, body) }
    }};
    ($error:ident, $failure:ty, $body:block) => {{
        let body = || -> std::result::Result<(), $failure> { $body };
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

/// Why an export failed. The error object is made only if the caller wants it.
pub(crate) trait Failure {
    fn kind(&self) -> ErrorKind;
    fn into_error(self) -> Error;
}

impl Failure for Error {
    fn kind(&self) -> ErrorKind {
        Error::kind(self)
    }

    fn into_error(self) -> Error {
        self
    }
}

/// The failure of a function that looks for an item. That there is none is frequent and must cost little.
pub(crate) enum Miss {
    /// None of these items arrived in this time.
    Nothing(&'static str, Duration),
    Failed(Error),
}

impl From<Error> for Miss {
    fn from(error: Error) -> Miss {
        Miss::Failed(error)
    }
}

impl Failure for Miss {
    fn kind(&self) -> ErrorKind {
        match self {
            Miss::Nothing(..) => ErrorKind::Timeout,
            Miss::Failed(error) => error.kind(),
        }
    }

    fn into_error(self) -> Error {
        match self {
            Miss::Nothing(items, wait) => {
                Error::undelivered(ErrorKind::Timeout, format!("no {items} arrived within {}", span(wait)))
            }
            Miss::Failed(error) => error,
        }
    }
}

/// See [`guard!`].
///
/// # Safety
/// `error` is NULL or can be written to.
pub(crate) unsafe fn status<F: Failure>(
    error: *mut *mut amop_error,
    body: impl FnOnce() -> Result<(), F>,
) -> amop_status {
    if !error.is_null() {
        // SAFETY: guaranteed by the caller.
        unsafe { *error = std::ptr::null_mut() };
    }
    let _uncancelled = Uncancelled::new();
    match catch_unwind(AssertUnwindSafe(body)) {
        Ok(Ok(())) => amop_status::AMOP_OK,
        // SAFETY: guaranteed by the caller.
        Ok(Err(failure)) => unsafe { store(error, failure) },
        // SAFETY: as above.
        Err(panic) => unsafe { store(error, internal(&*panic)) },
    }
}

/// Stores a failure in an out-parameter and returns its status.
///
/// # Safety
/// `error` is NULL or can be written to.
unsafe fn store(error: *mut *mut amop_error, failure: impl Failure) -> amop_status {
    let status = amop_status::of(failure.kind());
    if !error.is_null() {
        // SAFETY: guaranteed by the caller.
        unsafe { *error = amop_error::boxed(failure.into_error()) };
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
    use amop::Result;
    use std::cell::Cell;
    use std::ffi::CStr;
    use std::panic::resume_unwind;

    /// Returns what a caller receives from the body of an export: the status, and the text of the error.
    fn run<F: Failure>(body: impl FnOnce() -> Result<(), F>) -> (amop_status, Option<String>) {
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
        let (status, text) = run(|| -> Result<()> { resume_unwind(Box::new(error)) });
        assert_eq!(status, amop_status::AMOP_ERROR_RUNTIME);
        assert!(text.unwrap().contains("RLIMIT_NPROC"));
    }

    #[test]
    fn success_stores_no_error() {
        assert_eq!(run(|| -> Result<()> { Ok(()) }), (amop_status::AMOP_OK, None));
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
            let (status, text) = run(|| -> Result<()> { resume_unwind(panic) });
            assert_eq!(status, amop_status::AMOP_ERROR_INTERNAL);
            assert!(text.unwrap().ends_with(part));
        }
    }

    #[test]
    fn error_parameter_may_be_null() {
        // SAFETY: it's NULL.
        let code =
            unsafe { status(std::ptr::null_mut(), || -> Result<()> { resume_unwind(Box::new("unread")) }) };
        assert_eq!(code, amop_status::AMOP_ERROR_INTERNAL);
    }

    #[test]
    fn error_object_is_made_only_where_it_is_wanted() {
        struct Counted<'a>(&'a Cell<u32>);

        impl Failure for Counted<'_> {
            fn kind(&self) -> ErrorKind {
                ErrorKind::Timeout
            }

            fn into_error(self) -> Error {
                self.0.set(self.0.get() + 1);
                Miss::Nothing("messages", Duration::ZERO).into_error()
            }
        }

        let made = Cell::new(0);
        // SAFETY: it's NULL.
        let code = unsafe { status(std::ptr::null_mut(), || Err(Counted(&made))) };
        assert_eq!((code, made.get()), (amop_status::AMOP_ERROR_TIMEOUT, 0));
        let (code, text) = run(|| Err(Counted(&made)));
        assert_eq!((code, made.get()), (amop_status::AMOP_ERROR_TIMEOUT, 1));
        assert_eq!(text.as_deref(), Some("no messages arrived within 0 us"));
    }
}
