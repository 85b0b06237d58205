//! Versions. The AMOP_VERSION macros have the version of the header, the functions return the version of the library.
//! A program that runs with another library than it was compiled for can call amop_check_version.
//!
//! - Ownership: no ownership is transferred.
//! - Threads: any thread, including callbacks.
//! - Errors: none, unless a function states otherwise.

use std::ffi::{CStr, c_char};

use amop::{Error, ErrorKind};

use crate::boundary::guard;
use crate::error::amop_error;
use crate::status::amop_status;
use crate::unwind::guard_or;

/// The version in Cargo.toml, with a NUL at the end.
const VERSION: &CStr = match CStr::from_bytes_with_nul(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes()) {
    Ok(version) => version,
    Err(_) => panic!("the version contains a NUL"),
};

/// Major * 1,000,000 + minor * 1,000 + patch.
const NUMBER: u32 = number(env!("CARGO_PKG_VERSION_MAJOR")) * 1_000_000
    + number(env!("CARGO_PKG_VERSION_MINOR")) * 1_000
    + number(env!("CARGO_PKG_VERSION_PATCH"));

const fn number(digits: &str) -> u32 {
    match u32::from_str_radix(digits, 10) {
        Ok(number) => number,
        Err(_) => panic!("a part of the version is not a number"),
    }
}

/// Returns the version of the library, such as `1.2.3`. The string is valid until the process exits.
#[unsafe(no_mangle)]
pub extern "C" fn amop_version() -> *const c_char {
    guard_or!(std::ptr::null(), { VERSION.as_ptr() })
}

/// Returns the version of the library as a number: major * 1,000,000 + minor * 1,000 + patch.
#[unsafe(no_mangle)]
pub extern "C" fn amop_version_number() -> u32 {
    guard_or!(0, { NUMBER })
}

/// Checks that the library can serve a program that was compiled with version `header`, which should be
/// AMOP_VERSION_NUMBER: the major version is the same and the library is not older.
///
/// - Errors: AMOP_ERROR_UNSUPPORTED if it cannot.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_check_version(header: u32, error: *mut *mut amop_error) -> amop_status {
    guard!(error, {
        if header / 1_000_000 == NUMBER / 1_000_000 && header <= NUMBER {
            return Ok(());
        }
        let (major, minor, patch) = (header / 1_000_000, header / 1_000 % 1_000, header % 1_000);
        Err(Error::undelivered(
            ErrorKind::Unsupported,
            format!(
                "the program was compiled for amop {major}.{minor}.{patch}, but the library loaded is {}: \
                 install a newer library, or recompile the program",
                env!("CARGO_PKG_VERSION")
            ),
        ))
    })
}
