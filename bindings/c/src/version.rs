//! Versions. The header's are macros (AMOP_VERSION ...), the library's are functions; a program that was compiled
//! with one and runs with the other asks amop_check_version.

use std::ffi::{CStr, c_char};

use amop::{Error, ErrorKind};

use crate::boundary::guard;
use crate::error::amop_error;
use crate::status::amop_status;

/// As in Cargo.toml, for C.
const VERSION: &CStr = match CStr::from_bytes_with_nul(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes()) {
    Ok(version) => version,
    Err(_) => panic!("a version holds no NUL"),
};

/// Major * 1,000,000 + minor * 1,000 + patch.
const NUMBER: u32 = number(env!("CARGO_PKG_VERSION_MAJOR")) * 1_000_000
    + number(env!("CARGO_PKG_VERSION_MINOR")) * 1_000
    + number(env!("CARGO_PKG_VERSION_PATCH"));

const fn number(digits: &str) -> u32 {
    match u32::from_str_radix(digits, 10) {
        Ok(number) => number,
        Err(_) => panic!("a version's parts are numbers"),
    }
}

/// The library's version, `1.2.3`.
///
/// - Ownership: the text is the library's and lives as long as the process.
/// - Threads: any, callbacks too.
/// - Errors: none.
#[unsafe(no_mangle)]
pub extern "C" fn amop_version() -> *const c_char {
    guard!(or std::ptr::null(), { VERSION.as_ptr() })
}

/// The library's version as a number: major * 1,000,000 + minor * 1,000 + patch.
///
/// - Ownership: nothing changes hands.
/// - Threads: any, callbacks too.
/// - Errors: none.
#[unsafe(no_mangle)]
pub extern "C" fn amop_version_number() -> u32 {
    guard!(or 0, { NUMBER })
}

/// Whether this library can serve a program compiled with a header of version `header`, which is to be
/// AMOP_VERSION_NUMBER: the same major number, and not older.
///
/// - Ownership: `error` is the caller's.
/// - Threads: any, callbacks too.
/// - Errors: AMOP_ERROR_UNSUPPORTED.
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
                 install a newer library, or compile the program again",
                env!("CARGO_PKG_VERSION")
            ),
        ))
    })
}
