//! Asynchronous calls. A publish or broadcast that is in flight while the program continues, without a thread for
//! each call. An accepted call completes exactly once: with the reply, an error, its deadline or
//! AMOP_ERROR_CANCELLED. Its completion is passed to a callback, or read from a completion queue. A call that was
//! refused (the function returned an error) does not complete.

use std::ffi::{c_char, c_void};

use amop::{CallHandle, Process};

use crate::boundary::guard;
use crate::callback::Context;
use crate::client::amop_client;
use crate::completion::{amop_completion, amop_completion_callback};
use crate::error::amop_error;
use crate::macros::{borrow, out_optional, take};
use crate::pointer::Out;
use crate::publish::{amop_publish_options, broadcast, publish};
use crate::status::amop_status;
use crate::unwind::guard_or;

/// A call in flight, to cancel it.
pub struct amop_call {
    process: Process,
    call: CallHandle,
}

/// Stores the handle of a call in an out-parameter, unless that is NULL.
pub(crate) fn give(call: CallHandle, out: Option<Out<'_, *mut amop_call>>) {
    if let Some(out) = out {
        out.give(amop_call { process: Process::current(), call });
    }
}

/// Starts a publish. Its completion is passed to a callback. Messages are sent in the order in which a thread starts
/// them.
///
/// - Ownership: `topic`, `data` and `options` (may be NULL) are borrowed. The context of the callback is owned by the
///   library until `drop`. `*call` is owned by the caller; free it with amop_call_free. `call` may be NULL.
/// - Threads: any thread, including callbacks. Never waits. The call completes within `timeout_ms` (0: the call
///   timeout of the client).
/// - Errors: errors that are known at once; the callback is not called then. AMOP_ERROR_INVALID_TOPIC,
///   _INVALID_ARGUMENT, _TOO_LARGE, _NOT_CONNECTED, _OVERLOADED (also if 65,536 calls of this client have callbacks
///   that have not returned), _CLOSED, _FORKED. The completion can have all errors of amop_client_publish.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_client_publish_async(
    client: *const amop_client,
    topic: *const c_char,
    data: *const c_void,
    len: usize,
    options: *const amop_publish_options,
    timeout_ms: u64,
    callback: amop_completion_callback,
    call: *mut *mut amop_call,
    error: *mut *mut amop_error,
) -> amop_status {
    guard!(error, {
        let context = Context::new(callback.context, callback.drop);
        let out = out_optional!(call);
        // SAFETY: the caller meets what the header demands of this function.
        let publish = unsafe { publish(client, topic, data, len, options, timeout_ms) }?;
        let handle = borrow!(client)?;
        let completions = &handle.completions;
        let done = completions.callback(handle.client()?, callback, context, amop_completion::of_publish)?;
        give(publish.start(done)?, out);
        Ok(())
    })
}

/// Starts a broadcast. Its completion is passed to a callback.
///
/// - Ownership: as amop_client_publish_async.
/// - Threads: as amop_client_publish_async.
/// - Errors: as amop_client_publish_async. The completion can have all errors of amop_client_broadcast.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_client_broadcast_async(
    client: *const amop_client,
    topic: *const c_char,
    data: *const c_void,
    len: usize,
    options: *const amop_publish_options,
    timeout_ms: u64,
    callback: amop_completion_callback,
    call: *mut *mut amop_call,
    error: *mut *mut amop_error,
) -> amop_status {
    guard!(error, {
        let context = Context::new(callback.context, callback.drop);
        let out = out_optional!(call);
        // SAFETY: the caller meets what the header demands of this function.
        let broadcast = unsafe { broadcast(client, topic, data, len, options, timeout_ms) }?;
        let handle = borrow!(client)?;
        let completions = &handle.completions;
        let done = completions.callback(handle.client()?, callback, context, amop_completion::of_end)?;
        give(broadcast.start(done)?, out);
        Ok(())
    })
}

/// Cancels a call: it completes with AMOP_ERROR_CANCELLED, unless it has already completed. A message that has been
/// sent can't be recalled. The completion is passed to the callback or the queue as usual.
///
/// - Ownership: the caller keeps `call`.
/// - Threads: any thread, including callbacks. Never waits.
/// - Errors: AMOP_ERROR_INVALID_ARGUMENT, _FORKED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_call_cancel(
    call: *const amop_call,
    error: *mut *mut amop_error,
) -> amop_status {
    guard!(error, {
        let call = borrow!(call)?;
        call.process.check()?;
        call.call.cancel();
        Ok(())
    })
}

/// Frees the handle of a call. The call itself continues.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_call_free(call: *mut amop_call) {
    guard_or!((), { drop(take!(call)) })
}
