//! The boundary to C: every export's body runs in [`guard!`], and every pointer comes in through the macros here,
//! which name the argument and give the reason why it may be followed. What they do is in `pointer`.

use std::any::Any;
use std::ffi::CString;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use amop::{Error, ErrorKind, Result};

use crate::error::amop_error;
use crate::status::amop_status;

/// Runs an export's body, so that no panic passes.
///
/// - `guard!(error, { ... })`: the body's [`Result`] becomes a status, and an error object for the caller.
/// - `guard!({ ... })`: the same where the function has no error out-parameter.
/// - `guard!(or VALUE, { ... })`: for what has no status; `VALUE` stands in for a panic.
macro_rules! guard {
    (or $neutral:expr, $body:block) => {
        $crate::boundary::neutral($neutral, || $body)
    };
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

/// A handle that the caller lends: a reference, or the error that it's NULL.
macro_rules! borrow {
    ($handle:ident) => {
        // SAFETY: the header demands that a handle that isn't NULL came from this library, is of the parameter's
        // type, and hasn't been freed; handles are never written to while shared.
        unsafe { $crate::pointer::borrow($handle, stringify!($handle)) }
    };
}
pub(crate) use borrow;

/// The same for a handle that may be NULL.
macro_rules! borrow_optional {
    ($handle:ident) => {
        // SAFETY: as for `borrow!`.
        unsafe { $handle.as_ref() }
    };
}
pub(crate) use borrow_optional;

/// An options object that the caller lends to be changed.
macro_rules! borrow_mut {
    ($handle:ident) => {
        // SAFETY: as for `borrow!`; the header says that options belong to one thread at a time.
        unsafe { $crate::pointer::borrow_mut($handle, stringify!($handle)) }
    };
}
pub(crate) use borrow_mut;

/// A text that the caller lends: NUL-terminated UTF-8.
macro_rules! text {
    ($text:ident) => {
        // SAFETY: the header demands that a text that isn't NULL ends with a NUL and stays unchanged meanwhile.
        unsafe { $crate::pointer::text($text, stringify!($text), amop::ErrorKind::InvalidArgument) }
    };
    ($text:ident as topic) => {
        // SAFETY: as above.
        unsafe { $crate::pointer::text($text, stringify!($text), amop::ErrorKind::InvalidTopic) }
    };
}
pub(crate) use text;

/// A payload that the caller lends, copied.
macro_rules! payload {
    ($data:ident, $len:ident) => {
        // SAFETY: the header demands that `len` bytes can be read at a `data` that isn't NULL.
        unsafe { $crate::pointer::payload($data.cast(), $len, stringify!($data)) }
    };
}
pub(crate) use payload;

/// Where the caller wants a result; zeroed at once, so that it is defined on every path.
macro_rules! out {
    ($out:ident) => {
        // SAFETY: the header demands that an out-parameter that isn't NULL can be written to.
        unsafe { $crate::pointer::out($out, stringify!($out)) }
    };
}
pub(crate) use out;

/// The same where the caller may not want it.
macro_rules! out_optional {
    ($out:ident) => {
        // SAFETY: as for `out!`.
        unsafe { $crate::pointer::out_optional($out) }
    };
}
pub(crate) use out_optional;

/// Where the caller wants several handles.
macro_rules! places {
    ($places:ident, $max:ident) => {
        // SAFETY: the header demands that `max` pointers can be written to, unless it's NULL.
        unsafe { $crate::pointer::places($places, $max, stringify!($places)) }
    };
}
pub(crate) use places;

/// Frees a handle; NULL is fine.
macro_rules! free {
    ($handle:ident) => {
        if !$handle.is_null() {
            // SAFETY: the header demands that the handle came from this library and wasn't freed before.
            drop(unsafe { Box::from_raw($handle) });
        }
    };
}
pub(crate) use free;

/// The same for a handle with a `process`: `None` for NULL, and in the child of a fork, where it's left alone, since
/// its locks may have been held by threads that don't exist there.
macro_rules! take {
    ($handle:ident) => {
        // SAFETY: as for `free!`.
        unsafe { $crate::pointer::take($handle, |handle| handle.process) }
    };
}
pub(crate) use take;

/// See [`guard!`].
///
/// # Safety
/// `error` is NULL or can be written to.
pub(crate) unsafe fn status(error: *mut *mut amop_error, body: impl FnOnce() -> Result<()>) -> amop_status {
    if !error.is_null() {
        // SAFETY: the caller's.
        unsafe { *error = std::ptr::null_mut() };
    }
    let failure = match catch_unwind(AssertUnwindSafe(body)) {
        Ok(Ok(())) => return amop_status::AMOP_OK,
        Ok(Err(failure)) => failure,
        Err(panic) => internal(&*panic),
    };
    let status = amop_status::of(failure.kind());
    if !error.is_null() {
        // SAFETY: the caller's.
        unsafe { *error = amop_error::boxed(failure) };
    }
    status
}

/// See [`guard!`].
pub(crate) fn neutral<T>(neutral: T, body: impl FnOnce() -> T) -> T {
    catch_unwind(AssertUnwindSafe(body)).unwrap_or(neutral)
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
    Error::undelivered(ErrorKind::Internal, format!("a bug in the library, please report it: {text}"))
}

/// The error for an argument that can't be used.
pub(crate) fn unusable(text: impl Into<String>) -> Error {
    Error::undelivered(ErrorKind::InvalidArgument, text)
}

/// A time from C: milliseconds, `None` for 0, which takes the default.
pub(crate) fn time(milliseconds: u64) -> Option<Duration> {
    (milliseconds > 0).then(|| Duration::from_millis(milliseconds))
}

/// A text for C; a NUL inside, which C couldn't see past, becomes U+FFFD.
pub(crate) fn c_text(text: &str) -> CString {
    CString::new(text).unwrap_or_else(|_| {
        CString::new(text.replace('\0', "\u{fffd}")).expect("every NUL was just replaced")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::CStr;
    use std::panic::resume_unwind;

    /// What a caller sees of an export's body: the status, and the error's text.
    fn seen(body: impl FnOnce() -> Result<()>) -> (amop_status, Option<String>) {
        // Anything but NULL, to see that it's written to; never followed.
        let mut error = std::ptr::dangling_mut::<amop_error>();
        // SAFETY: it can be written to.
        let status = unsafe { status(&raw mut error, body) };
        if error.is_null() {
            return (status, None);
        }
        // SAFETY: it was just made.
        let error = unsafe { Box::from_raw(error) };
        assert_eq!(error.status(), status);
        // SAFETY: the error lives.
        let text = unsafe { CStr::from_ptr(crate::error::amop_error_message(&raw const *error)) };
        (status, Some(text.to_str().unwrap().to_owned()))
    }

    #[test]
    fn error_passed_as_a_panic_keeps_its_kind() {
        let error = amop::threads::refused("a thread", &std::io::ErrorKind::WouldBlock.into());
        let (status, text) = seen(|| resume_unwind(Box::new(error)));
        assert_eq!(status, amop_status::AMOP_ERROR_RUNTIME);
        assert!(text.unwrap().contains("RLIMIT_NPROC"));
    }

    #[test]
    fn what_goes_well_leaves_no_error() {
        assert_eq!(seen(|| Ok(())), (amop_status::AMOP_OK, None));
    }

    #[test]
    fn an_error_becomes_its_status_and_an_object() {
        let (status, text) = seen(|| Err(unusable("no good")));
        assert_eq!((status, text.as_deref()), (amop_status::AMOP_ERROR_INVALID_ARGUMENT, Some("no good")));
    }

    #[test]
    fn a_panic_ends_at_the_boundary_and_says_what_it_said() {
        let panics: [Box<dyn Any + Send>; 3] =
            [Box::new("a text"), Box::new(String::from("a text of its own")), Box::new(7)];
        for (panic, part) in panics.into_iter().zip(["a text", "a text of its own", "no text"]) {
            let (status, text) = seen(|| resume_unwind(panic));
            assert_eq!(status, amop_status::AMOP_ERROR_INTERNAL);
            assert!(text.unwrap().ends_with(part));
        }
    }

    #[test]
    fn nobody_has_to_want_the_error() {
        // SAFETY: it's NULL.
        let code = unsafe { status(std::ptr::null_mut(), || resume_unwind(Box::new("unheard"))) };
        assert_eq!(code, amop_status::AMOP_ERROR_INTERNAL);
    }

    #[test]
    fn what_has_no_status_answers_its_neutral_value_for_a_panic() {
        assert_eq!(neutral(7, || resume_unwind(Box::new("unheard"))), 7);
        assert_eq!(neutral(7, || 8), 8);
    }

    #[test]
    fn a_text_for_c_ends_where_it_ends() {
        assert_eq!(c_text("a\0b").to_str(), Ok("a\u{fffd}b"));
    }
}
