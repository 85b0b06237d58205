//! Versions. The AMOP_VERSION macros have the version of the header, the functions return the version of the library.
//! AMOP_ABI is the number of the binary interface, and of the soname. It changes when programs have to be recompiled,
//! which before version 1.0 any minor version may demand. A program that may run with another library than it was
//! compiled for calls amop_check_version.

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

/// The number of the ABI, which build.rs also puts into the soname.
const ABI: u32 = number(env!("AMOP_ABI"));

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

/// Returns the number of the ABI of the library.
#[unsafe(no_mangle)]
pub extern "C" fn amop_abi() -> u32 {
    guard_or!(0, { ABI })
}

/// Checks that the library can serve a program that was compiled with other headers: the ABI is the same, and the library
/// is not older. Pass AMOP_ABI and AMOP_VERSION_NUMBER.
///
/// - Errors: AMOP_ERROR_UNSUPPORTED if it cannot.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_check_version(
    abi: u32,
    version: u32,
    error: *mut *mut amop_error,
) -> amop_status {
    guard!(error, {
        if abi == ABI && version <= NUMBER {
            return Ok(());
        }
        let (major, minor, patch) = (version / 1_000_000, version / 1_000 % 1_000, version % 1_000);
        let what_to_do = match abi == ABI {
            true => "install a newer library",
            false => "recompile the program, or install the library that it was compiled for",
        };
        Err(Error::undelivered(
            ErrorKind::Unsupported,
            format!(
                "the program was compiled for amop {major}.{minor}.{patch} with ABI {abi}, but the library loaded is {} \
                 with ABI {ABI}: {what_to_do}",
                env!("CARGO_PKG_VERSION")
            ),
        ))
    })
}
