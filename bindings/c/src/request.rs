//! Requests. A unicast that a service has received and that waits for an answer. It can be answered inside of the
//! callback, or later from any thread by a clone. If it has no answer after 4.5 s, at 3.x nodes 29.5 s (amop_options_set_answer_timeout),
//! the library answers TOO_SLOW; if its last handle is freed without an answer, DROPPED.
//!
//! Unless a function states otherwise:
//!
//! - Ownership: the caller keeps `request`. Data passed to a function is copied.
//! - Threads: any thread, including callbacks. Never waits.

use std::ffi::{CStr, c_void};
use std::sync::Arc;

use amop::{Process, Request, Result};

use crate::boundary::guard;
use crate::error::amop_error;
use crate::macros::{borrow, borrow_optional, payload, take};
use crate::message::amop_message;
use crate::status::amop_status;
use crate::unwind::{guard_or, guard_read};

/// The code for amop_request_fail if the program has no code of its own.
pub const AMOP_RESULT_FAILED: i32 = -5000;

const _: () = assert!(AMOP_RESULT_FAILED == Request::FAILED);

/// A request. A callback borrows it for the call and may keep a clone.
pub struct amop_request {
    process: Process,
    request: Request,
    message: amop_message,
}

impl amop_request {
    pub(crate) fn new(request: Request, topic: Arc<CStr>) -> amop_request {
        let message = amop_message::new(request.message().clone(), topic);
        amop_request { process: Process::current(), request, message }
    }

    fn request(&self) -> Result<&Request> {
        self.process.check()?;
        Ok(&self.request)
    }
}

/// Returns the message to be answered; NULL for NULL. It is valid until the request is freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_request_message(request: *const amop_request) -> *const amop_message {
    guard_read!(std::ptr::null(), {
        borrow_optional!(request).map_or(std::ptr::null(), |request| &raw const request.message)
    })
}

/// Sends the reply, which may be empty.
///
/// - Errors: AMOP_ERROR_OVERLOADED if too many bytes wait to be sent on the request's connection: the request stays
///   open and can be answered later. AMOP_ERROR_REQUEST_EXPIRED if the time for an answer is over or the connection was lost;
///   _ALREADY_ANSWERED, _TOO_LARGE, _INVALID_ARGUMENT, _FORKED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_request_reply(
    request: *const amop_request,
    data: *const c_void,
    len: usize,
    error: *mut *mut amop_error,
) -> amop_status {
    guard!(error, { borrow!(request)?.request()?.reply(payload!(data, len)?) })
}

/// Answers with a failure: a code and data. The code must not be 0, a code of the nodes (100 to 104) or a code of the
/// library (-5013 to -5010). Use AMOP_RESULT_FAILED if the program has no codes of its own.
///
/// - Errors: as amop_request_reply; AMOP_ERROR_INVALID_ARGUMENT also for a code that is not allowed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_request_fail(
    request: *const amop_request,
    code: i32,
    data: *const c_void,
    len: usize,
    error: *mut *mut amop_error,
) -> amop_status {
    guard!(error, { borrow!(request)?.request()?.fail(code, payload!(data, len)?) })
}

/// Returns whether the request can still be answered; false for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_request_is_open(request: *const amop_request) -> bool {
    guard_read!(false, { borrow_optional!(request).is_some_and(|request| request.request.is_open()) })
}

/// Returns a further handle of a request, for example of a borrowed one, to answer it later; NULL for NULL.
///
/// - Ownership: the clone is owned by the caller; free it with amop_request_free.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn amop_request_clone(request: *const amop_request) -> *mut amop_request {
    guard_or!(std::ptr::null_mut(), {
        borrow_optional!(request).map_or(std::ptr::null_mut(), |request| {
            let topic = request.message.topic().clone();
            Box::into_raw(Box::new(amop_request::new(request.request.clone(), topic)))
        })
    })
}

/// Frees a request. Must not be called for a request that a callback borrows. When the last handle of an unanswered
/// request is freed, the publisher receives AMOP_ERROR_SUBSCRIBER_DROPPED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_request_free(request: *mut amop_request) {
    guard_or!((), { drop(take!(request)) })
}
