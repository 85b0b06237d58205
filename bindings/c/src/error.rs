//! Errors. What a function that fails puts out beside its status: a text that says what happened, to what, and
//! what to do, and what is known of the message's fate.

use std::ffi::{CString, c_char};

use amop::{Delivery, Error};

use crate::boundary::{borrow_optional, c_text, free, guard};
use crate::bytes::amop_bytes;
use crate::status::amop_status;

/// What went wrong. Immutable; may be kept as long as one likes.
pub struct amop_error {
    error: Error,
    message: CString,
}

/// Whether a failed message may have reached a subscriber all the same.
#[repr(i32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum amop_delivery {
    /// It has not: sending it again can't make a duplicate.
    AMOP_DELIVERY_NO = 0,
    /// It may have been delivered; a further try may be a duplicate.
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

/// The status that came with it; AMOP_OK for NULL.
///
/// - Ownership: `error` stays the caller's.
/// - Threads: any, callbacks too.
/// - Errors: none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_error_code(error: *const amop_error) -> amop_status {
    guard!(or amop_status::AMOP_ERROR_INTERNAL, {
        borrow_optional!(error).map_or(amop_status::AMOP_OK, amop_error::status)
    })
}

/// What happened, to what, what to do. Texts may improve between versions; programs decide by the code.
///
/// - Ownership: the text is lent until `error` is freed; NULL for NULL.
/// - Threads: any, callbacks too.
/// - Errors: none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_error_message(error: *const amop_error) -> *const c_char {
    guard!(or std::ptr::null(), {
        borrow_optional!(error).map_or(std::ptr::null(), |error| error.message.as_ptr())
    })
}

/// Whether the same call may succeed later without a change by the caller. Says nothing of duplicates, see
/// amop_error_delivery.
///
/// - Ownership: `error` stays the caller's.
/// - Threads: any, callbacks too.
/// - Errors: none; false for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_error_is_retriable(error: *const amop_error) -> bool {
    guard!(or false, { borrow_optional!(error).is_some_and(|error| error.error.is_retriable()) })
}

/// Whether the message may have reached a subscriber all the same.
///
/// - Ownership: `error` stays the caller's.
/// - Threads: any, callbacks too.
/// - Errors: none; AMOP_DELIVERY_NO for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_error_delivery(error: *const amop_error) -> amop_delivery {
    guard!(or amop_delivery::AMOP_DELIVERY_MAYBE, {
        match borrow_optional!(error).map(|error| error.error.delivery()) {
            None | Some(Delivery::No) => amop_delivery::AMOP_DELIVERY_NO,
            Some(Delivery::Maybe) => amop_delivery::AMOP_DELIVERY_MAYBE,
        }
    })
}

/// The `result` that the node or the subscriber answered; 0 where none did, and for NULL.
///
/// - Ownership: `error` stays the caller's.
/// - Threads: any, callbacks too.
/// - Errors: none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_error_node_code(error: *const amop_error) -> i32 {
    guard!(or 0, { borrow_optional!(error).and_then(|error| error.error.node_code()).unwrap_or(0) })
}

/// What a subscriber sent along with its failure; nothing otherwise, and for NULL.
///
/// - Ownership: the bytes are lent until `error` is freed.
/// - Threads: any, callbacks too.
/// - Errors: none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_error_data(error: *const amop_error) -> amop_bytes {
    guard!(or amop_bytes::NONE, {
        borrow_optional!(error).map_or(amop_bytes::NONE, |error| error.error.data().into())
    })
}

/// A copy to keep, of an error that is only lent; NULL for NULL.
///
/// - Ownership: the copy is the caller's.
/// - Threads: any, callbacks too.
/// - Errors: none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_error_clone(error: *const amop_error) -> *mut amop_error {
    guard!(or std::ptr::null_mut(), {
        borrow_optional!(error).map_or(std::ptr::null_mut(), |error| amop_error::boxed(error.error.clone()))
    })
}

/// Frees an error.
///
/// - Ownership: `error` is gone; NULL is fine.
/// - Threads: any, callbacks too.
/// - Errors: none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_error_free(error: *mut amop_error) {
    guard!(or(), { free!(error) })
}
