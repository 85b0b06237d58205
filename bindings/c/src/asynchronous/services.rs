//! Making and ending services without waiting. `_async` passes the completion to a callback, `_queued` puts it into a
//! completion queue. `*service` is stored before the function returns, and before the completion; requests may arrive at once. If
//! the completion has an error, the service has ended, and the handle is still to be freed. A service that is freed or
//! unsubscribed before completes with AMOP_ERROR_CLOSED; one whose call is cancelled ends, too.
//!
//! Unless a function states otherwise:
//!
//! - Ownership: as the function that waits; of the call, the callback and the tag as amop_client_publish_async,
//!   amop_client_publish_queued.
//! - Threads: any thread, including callbacks. Never waits.
//! - Errors: errors that are known at once; there is no completion then: AMOP_ERROR_INVALID_TOPIC, _INVALID_ARGUMENT,
//!   _TOO_LARGE, _ALREADY_SERVED, _OVERLOADED, _CLOSED, _FORKED. The completion can have all errors of the function that waits.

use std::ffi::{c_char, c_void};

use super::confirm;
use crate::boundary::guard;
use crate::call::amop_call;
use crate::callback::Context;
use crate::callback_thread::on_own_thread;
use crate::client::amop_client;
use crate::completion::{amop_completion, amop_completion_callback};
use crate::completion_queue::amop_completion_queue;
use crate::error::amop_error;
use crate::macros::{borrow, out, out_optional};
use crate::service::{amop_request_callback, amop_serve_options, amop_service, serve, serve_callback};
use crate::status::amop_status;

/// Begins to serve a topic; its requests are read. See amop_client_serve.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_client_serve_async(
    client: *const amop_client,
    topic: *const c_char,
    options: *const amop_serve_options,
    callback: amop_completion_callback,
    service: *mut *mut amop_service,
    call: *mut *mut amop_call,
    error: *mut *mut amop_error,
) -> amop_status {
    guard!(error, {
        let context = Context::new(callback.context, callback.drop);
        let out = out!(service)?;
        let call = out_optional!(call);
        let core = borrow!(client)?.client()?;
        let completions = &borrow!(client)?.completions;
        let done = completions.callback(core, callback, context, amop_completion::of_end)?;
        // SAFETY: the caller meets what the header demands of this function.
        let made = unsafe { serve(client, topic, options) }?;
        confirm(core, made, done, Some(out), call)
    })
}

/// Begins to serve a topic; its requests are read. See amop_client_serve.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_client_serve_queued(
    client: *const amop_client,
    topic: *const c_char,
    options: *const amop_serve_options,
    queue: *const amop_completion_queue,
    tag: *mut c_void,
    service: *mut *mut amop_service,
    call: *mut *mut amop_call,
    error: *mut *mut amop_error,
) -> amop_status {
    guard!(error, {
        let out = out!(service)?;
        let call = out_optional!(call);
        let core = borrow!(client)?.client()?;
        let done = borrow!(queue)?.done(tag, amop_completion::of_end)?;
        // SAFETY: the caller meets what the header demands of this function.
        let made = unsafe { serve(client, topic, options) }?;
        confirm(core, made, done, Some(out), call)
    })
}

/// Begins to serve a topic; its requests are passed to a callback. See amop_client_serve_callback. `service` may be NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_client_serve_callback_async(
    client: *const amop_client,
    topic: *const c_char,
    options: *const amop_serve_options,
    requests: amop_request_callback,
    callback: amop_completion_callback,
    service: *mut *mut amop_service,
    call: *mut *mut amop_call,
    error: *mut *mut amop_error,
) -> amop_status {
    guard!(error, {
        let receiver = Context::new(requests.context, requests.drop);
        let context = Context::new(callback.context, callback.drop);
        let out = out_optional!(service);
        let call = out_optional!(call);
        let core = borrow!(client)?.client()?;
        let completions = &borrow!(client)?.completions;
        let done = completions.callback(core, callback, context, amop_completion::of_end)?;
        // SAFETY: the caller meets what the header demands of this function.
        let made = unsafe { serve_callback(client, topic, options, requests, receiver) }?;
        confirm(core, made, done, out, call)
    })
}

/// Begins to serve a topic; its requests are passed to a callback. See amop_client_serve_callback. `service` may be NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_client_serve_callback_queued(
    client: *const amop_client,
    topic: *const c_char,
    options: *const amop_serve_options,
    requests: amop_request_callback,
    queue: *const amop_completion_queue,
    tag: *mut c_void,
    service: *mut *mut amop_service,
    call: *mut *mut amop_call,
    error: *mut *mut amop_error,
) -> amop_status {
    guard!(error, {
        let receiver = Context::new(requests.context, requests.drop);
        let out = out_optional!(service);
        let call = out_optional!(call);
        let core = borrow!(client)?.client()?;
        let done = borrow!(queue)?.done(tag, amop_completion::of_end)?;
        // SAFETY: the caller meets what the header demands of this function.
        let made = unsafe { serve_callback(client, topic, options, requests, receiver) }?;
        confirm(core, made, done, out, call)
    })
}

/// Begins to end a service. See amop_service_unsubscribe; also inside of a callback it completes only when the service has
/// ended. The handle may be freed before. The callback runs on a thread of its own.
///
/// - Errors: AMOP_ERROR_INVALID_ARGUMENT, _RUNTIME, _FORKED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_service_unsubscribe_async(
    service: *const amop_service,
    timeout_ms: u64,
    callback: amop_completion_callback,
    error: *mut *mut amop_error,
) -> amop_status {
    guard!(error, {
        let context = Context::new(callback.context, callback.drop);
        let service = borrow!(service)?;
        service.consumer.check_fork()?;
        let done = on_own_thread(callback, context, amop_completion::of_end)?;
        service.consumer.start_unsubscribe(timeout_ms, done)
    })
}

/// Begins to end a service. See amop_service_unsubscribe; also inside of a callback it completes only when the service has
/// ended. The handle may be freed before.
///
/// - Errors: AMOP_ERROR_INVALID_ARGUMENT, _OVERLOADED, _FORKED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_service_unsubscribe_queued(
    service: *const amop_service,
    timeout_ms: u64,
    queue: *const amop_completion_queue,
    tag: *mut c_void,
    error: *mut *mut amop_error,
) -> amop_status {
    guard!(error, {
        let service = borrow!(service)?;
        service.consumer.start_unsubscribe(timeout_ms, borrow!(queue)?.done(tag, amop_completion::of_end)?)
    })
}
