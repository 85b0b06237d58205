//! Values that pass the boundary: numbers, times and texts.

use std::ffi::{CStr, CString, c_char};
use std::time::Duration;

use amop::{Error, ErrorKind};

/// Returns the error for an invalid argument.
pub(crate) fn invalid_argument(text: impl Into<String>) -> Error {
    Error::undelivered(ErrorKind::InvalidArgument, text)
}

/// Converts milliseconds from C. 0 is `None`, which stands for the default.
pub(crate) fn time(milliseconds: u64) -> Option<Duration> {
    (milliseconds > 0).then(|| Duration::from_millis(milliseconds))
}

/// Converts a text for C. A NUL inside becomes U+FFFD, because C would take it for the end.
pub(crate) fn c_text(text: &str) -> CString {
    CString::new(text).unwrap_or_else(|_| {
        CString::new(text.replace('\0', "\u{fffd}")).expect("every NUL was just replaced")
    })
}

/// Returns a text that is given to C, or NULL. Valid as long as the text.
pub(crate) fn pointer(text: Option<&CString>) -> *const c_char {
    text.map_or(std::ptr::null(), |text| text.as_ptr())
}

/// Converts a limit from C. 0 is `None`, which stands for the default.
pub(crate) fn bound(number: usize) -> Option<usize> {
    (number > 0).then_some(number)
}

/// Returns the name of a variant of a C enumeration, NULL for a number that it does not have.
pub(crate) fn name_of<E: Copy + Into<i32>>(names: &[(E, &'static CStr)], number: i32) -> *const c_char {
    let found = names.iter().find(|(variant, _)| (*variant).into() == number);
    found.map_or(std::ptr::null(), |(_, name)| name.as_ptr())
}

/// Calls a setter of a builder if there is a value.
pub(crate) fn apply<B, T>(builder: B, value: Option<T>, set: impl FnOnce(B, T) -> B) -> B {
    match value {
        Some(value) => set(builder, value),
        None => builder,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c_text_replaces_inner_nul() {
        assert_eq!(c_text("a\0b").to_str(), Ok("a\u{fffd}b"));
    }
}
