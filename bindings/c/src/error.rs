//! Errors. The error objects that failing functions store in `*error`. An error has a status, a text, and states
//! whether the message may have been delivered.
//!
//! Unless a function states otherwise:
//!
//! - Ownership: the caller keeps `error`. Pointers and bytes returned are valid until it is freed.

use std::ffi::{CString, c_char};

use amop::{Delivery, Error};

use crate::argument::c_text;
use crate::bytes::amop_bytes;
use crate::macros::{borrow_optional, free};
use crate::status::{NAMES, amop_status};
use crate::unwind::{guard_or, guard_read};

/// An error. Immutable.
pub struct amop_error {
    error: Error,
    message: CString,
}

/// Whether the message of a failed call may have been delivered to a subscriber.
#[repr(i32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum amop_delivery {
    /// Not delivered: sending the message again cannot produce a duplicate.
    AMOP_DELIVERY_NO = 0,
    /// Possibly delivered: sending the message again may produce a duplicate.
    AMOP_DELIVERY_MAYBE = 1,
}

impl amop_error {
    pub(crate) fn new(error: Error) -> amop_error {
        amop_error { message: c_text(error.message()), error }
    }

    pub(crate) fn boxed(error: Error) -> *mut amop_error {
        Box::into_raw(Box::new(amop_error::new(error)))
    }

    pub(crate) fn status(&self) -> amop_status {
        amop_status::of(self.error.kind())
    }
}

/// Returns the name of a status, such as `AMOP_ERROR_TIMEOUT`, or NULL for an unknown number.
///
/// - Ownership: the string is owned by the library and valid until the process exits.
#[unsafe(no_mangle)]
pub extern "C" fn amop_status_name(status: i32) -> *const c_char {
    guard_read!(std::ptr::null(), {
        let name = NAMES.iter().find(|(number, _)| *number == status);
        name.map_or(std::ptr::null(), |(_, name)| name.as_ptr().cast())
    })
}

/// Returns the status that the failing function returned; AMOP_OK for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_error_code(error: *const amop_error) -> amop_status {
    guard_read!(amop_status::AMOP_ERROR_INTERNAL, {
        borrow_optional!(error).map_or(amop_status::AMOP_OK, amop_error::status)
    })
}

/// Returns the text: what happened, to what, and what to do. NULL for NULL. Texts may change between versions, so
/// programs should test amop_error_code.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_error_message(error: *const amop_error) -> *const c_char {
    guard_read!(std::ptr::null(), {
        borrow_optional!(error).map_or(std::ptr::null(), |error| error.message.as_ptr())
    })
}

/// Returns whether the same call may succeed later without a change by the caller; false for NULL. Whether a retry
/// may produce a duplicate is stated by amop_error_delivery.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_error_is_retriable(error: *const amop_error) -> bool {
    guard_read!(false, { borrow_optional!(error).is_some_and(|error| error.error.is_retriable()) })
}

/// Returns whether the message may have been delivered to a subscriber; AMOP_DELIVERY_NO for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_error_delivery(error: *const amop_error) -> amop_delivery {
    guard_read!(amop_delivery::AMOP_DELIVERY_MAYBE, {
        match borrow_optional!(error).map(|error| error.error.delivery()) {
            None | Some(Delivery::No) => amop_delivery::AMOP_DELIVERY_NO,
            Some(Delivery::Maybe) => amop_delivery::AMOP_DELIVERY_MAYBE,
        }
    })
}

/// Returns the result code that the node or the subscriber sent; 0 if there is none, and for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_error_node_code(error: *const amop_error) -> i32 {
    guard_read!(0, { borrow_optional!(error).and_then(|error| error.error.node_code()).unwrap_or(0) })
}

/// Returns the data that a subscriber sent with its failure; empty if there is none, and for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_error_data(error: *const amop_error) -> amop_bytes {
    guard_read!(amop_bytes::NONE, {
        borrow_optional!(error).map_or(amop_bytes::NONE, |error| error.error.data().into())
    })
}

/// Returns a copy of an error, for example of a borrowed one; NULL for NULL.
///
/// - Ownership: the copy is owned by the caller; free it with amop_error_free.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn amop_error_clone(error: *const amop_error) -> *mut amop_error {
    guard_or!(std::ptr::null_mut(), {
        borrow_optional!(error).map_or(std::ptr::null_mut(), |error| amop_error::boxed(error.error.clone()))
    })
}

/// Frees an error.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_error_free(error: *mut amop_error) {
    guard_or!((), { free!(error) })
}
