//! Requests. A unicast to a service that waits for its answer: now, inside of the callback, or later from any thread,
//! with a clone. After 4.5 s (amop_options_set_answer_timeout) the library itself answers that the service is too slow;
//! when the last handle is gone without an answer, that the request was dropped.

use std::ffi::{CStr, c_void};
use std::sync::Arc;

use amop::{Process, Request, Result};

use crate::boundary::{borrow, borrow_optional, guard, payload, take};
use crate::error::amop_error;
use crate::message::amop_message;
use crate::status::amop_status;

/// The code of a failure without a code of its own, for amop_request_fail.
pub const AMOP_RESULT_FAILED: i32 = -5000;

const _: () = assert!(AMOP_RESULT_FAILED == Request::FAILED);

/// A request. In a callback it is lent for the call; a clone may be kept.
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

/// The message that is to be answered.
///
/// - Ownership: the message is lent as long as the request; NULL for NULL.
/// - Threads: any, callbacks too.
/// - Errors: none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_request_message(request: *const amop_request) -> *const amop_message {
    guard!(or std::ptr::null(), {
        borrow_optional!(request).map_or(std::ptr::null(), |request| &raw const request.message)
    })
}

/// Sends the reply; it may be empty.
///
/// - Ownership: the bytes are copied; `request` stays as it was.
/// - Threads: any, callbacks too; never waits.
/// - Errors: AMOP_ERROR_REQUEST_EXPIRED when its time is over or its connection gone, _ALREADY_ANSWERED,
///   _TOO_LARGE, _INVALID_ARGUMENT, _FORKED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_request_reply(
    request: *const amop_request,
    data: *const c_void,
    len: usize,
    error: *mut *mut amop_error,
) -> amop_status {
    guard!(error, { borrow!(request)?.request()?.reply(payload!(data, len)?) })
}

/// Tells the publisher that it failed: a code, and data to go with it. The code has to fit 16 bits, must not be 0,
/// not one of the nodes' own (100 to 104), and not one of those that the library answers by itself (-5013 to -5010);
/// without one of your own take AMOP_RESULT_FAILED.
///
/// - Ownership: the bytes are copied; `request` stays as it was.
/// - Threads: any, callbacks too; never waits.
/// - Errors: as amop_request_reply; AMOP_ERROR_INVALID_ARGUMENT also for a code that can't be sent.
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

/// Whether an answer can still be given; false for NULL.
///
/// - Ownership: `request` stays as it was.
/// - Threads: any, callbacks too.
/// - Errors: none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_request_is_open(request: *const amop_request) -> bool {
    guard!(or false, { borrow_optional!(request).is_some_and(|request| request.request.is_open()) })
}

/// A handle to keep, of a request that is only lent: to answer it later. NULL for NULL.
///
/// - Ownership: the clone is the caller's, for amop_request_free.
/// - Threads: any, callbacks too.
/// - Errors: none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_request_clone(request: *const amop_request) -> *mut amop_request {
    guard!(or std::ptr::null_mut(), {
        borrow_optional!(request).map_or(std::ptr::null_mut(), |request| {
            let topic = request.message.topic().clone();
            Box::into_raw(Box::new(amop_request::new(request.request.clone(), topic)))
        })
    })
}

/// Frees a request that is the caller's, never one that is lent to a callback. The last handle of an unanswered
/// request answers that it was dropped (AMOP_ERROR_SUBSCRIBER_DROPPED at the publisher).
///
/// - Ownership: `request` is gone; NULL is fine.
/// - Threads: any, callbacks too.
/// - Errors: none. In the child of a fork the memory is left alone.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_request_free(request: *mut amop_request) {
    guard!(or(), { drop(take!(request)) })
}
