//! Making and ending subscriptions without waiting. `_async` passes the completion to a callback, `_queued` puts it into a
//! completion queue. `*subscription` is stored before the function returns, and before the completion; messages may arrive at once. If
//! the completion has an error, the subscription has ended, and the handle is still to be freed. A subscription that is freed or
//! unsubscribed before completes with AMOP_ERROR_CLOSED; one whose call is cancelled ends, too.
//!
//! Unless a function states otherwise:
//!
//! - Ownership: as the function that waits; of the call, the callback and the tag as amop_client_publish_async,
//!   amop_client_publish_queued.
//! - Threads: any thread, including callbacks. Never waits.
//! - Errors: errors that are known at once; there is no completion then: AMOP_ERROR_INVALID_TOPIC, _INVALID_ARGUMENT,
//!   _TOO_LARGE, _OVERLOADED, _CLOSED, _FORKED. The completion can have all errors of the function that waits.

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
use crate::status::amop_status;
use crate::subscription::{
    amop_message_callback, amop_subscribe_options, amop_subscription, subscribe, subscribe_callback,
};

/// Begins to subscribe to a topic; its messages are read. See amop_client_subscribe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_client_subscribe_async(
    client: *const amop_client,
    topic: *const c_char,
    options: *const amop_subscribe_options,
    callback: amop_completion_callback,
    subscription: *mut *mut amop_subscription,
    call: *mut *mut amop_call,
    error: *mut *mut amop_error,
) -> amop_status {
    guard!(error, {
        let context = Context::new(callback.context, callback.drop);
        let out = out!(subscription)?;
        let call = out_optional!(call);
        let core = borrow!(client)?.client()?;
        let completions = &borrow!(client)?.completions;
        let done = completions.callback(core, callback, context, amop_completion::of_end)?;
        // SAFETY: the caller meets what the header demands of this function.
        let made = unsafe { subscribe(client, topic, options) }?;
        confirm(core, made, done, Some(out), call)
    })
}

/// Begins to subscribe to a topic; its messages are read. See amop_client_subscribe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_client_subscribe_queued(
    client: *const amop_client,
    topic: *const c_char,
    options: *const amop_subscribe_options,
    queue: *const amop_completion_queue,
    tag: *mut c_void,
    subscription: *mut *mut amop_subscription,
    call: *mut *mut amop_call,
    error: *mut *mut amop_error,
) -> amop_status {
    guard!(error, {
        let out = out!(subscription)?;
        let call = out_optional!(call);
        let core = borrow!(client)?.client()?;
        let done = borrow!(queue)?.done(tag, amop_completion::of_end)?;
        // SAFETY: the caller meets what the header demands of this function.
        let made = unsafe { subscribe(client, topic, options) }?;
        confirm(core, made, done, Some(out), call)
    })
}

/// Begins to subscribe to a topic; its messages are passed to a callback. See amop_client_subscribe_callback. `subscription` may be NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_client_subscribe_callback_async(
    client: *const amop_client,
    topic: *const c_char,
    options: *const amop_subscribe_options,
    messages: amop_message_callback,
    callback: amop_completion_callback,
    subscription: *mut *mut amop_subscription,
    call: *mut *mut amop_call,
    error: *mut *mut amop_error,
) -> amop_status {
    guard!(error, {
        let receiver = Context::new(messages.context, messages.drop);
        let context = Context::new(callback.context, callback.drop);
        let out = out_optional!(subscription);
        let call = out_optional!(call);
        let core = borrow!(client)?.client()?;
        let completions = &borrow!(client)?.completions;
        let done = completions.callback(core, callback, context, amop_completion::of_end)?;
        // SAFETY: the caller meets what the header demands of this function.
        let made = unsafe { subscribe_callback(client, topic, options, messages, receiver) }?;
        confirm(core, made, done, out, call)
    })
}

/// Begins to subscribe to a topic; its messages are passed to a callback. See amop_client_subscribe_callback. `subscription` may be NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_client_subscribe_callback_queued(
    client: *const amop_client,
    topic: *const c_char,
    options: *const amop_subscribe_options,
    messages: amop_message_callback,
    queue: *const amop_completion_queue,
    tag: *mut c_void,
    subscription: *mut *mut amop_subscription,
    call: *mut *mut amop_call,
    error: *mut *mut amop_error,
) -> amop_status {
    guard!(error, {
        let receiver = Context::new(messages.context, messages.drop);
        let out = out_optional!(subscription);
        let call = out_optional!(call);
        let core = borrow!(client)?.client()?;
        let done = borrow!(queue)?.done(tag, amop_completion::of_end)?;
        // SAFETY: the caller meets what the header demands of this function.
        let made = unsafe { subscribe_callback(client, topic, options, messages, receiver) }?;
        confirm(core, made, done, out, call)
    })
}

/// Begins to end a subscription. See amop_subscription_unsubscribe; also inside of a callback it completes only when the subscription has
/// ended. The handle may be freed before. The callback runs on a thread of its own.
///
/// - Errors: AMOP_ERROR_INVALID_ARGUMENT, _RUNTIME, _FORKED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_subscription_unsubscribe_async(
    subscription: *const amop_subscription,
    timeout_ms: u64,
    callback: amop_completion_callback,
    error: *mut *mut amop_error,
) -> amop_status {
    guard!(error, {
        let context = Context::new(callback.context, callback.drop);
        let subscription = borrow!(subscription)?;
        subscription.consumer.check_fork()?;
        let done = on_own_thread(callback, context, amop_completion::of_end)?;
        subscription.consumer.start_unsubscribe(timeout_ms, done)
    })
}

/// Begins to end a subscription. See amop_subscription_unsubscribe; also inside of a callback it completes only when the subscription has
/// ended. The handle may be freed before.
///
/// - Errors: AMOP_ERROR_INVALID_ARGUMENT, _OVERLOADED, _FORKED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_subscription_unsubscribe_queued(
    subscription: *const amop_subscription,
    timeout_ms: u64,
    queue: *const amop_completion_queue,
    tag: *mut c_void,
    error: *mut *mut amop_error,
) -> amop_status {
    guard!(error, {
        let subscription = borrow!(subscription)?;
        subscription
            .consumer
            .start_unsubscribe(timeout_ms, borrow!(queue)?.done(tag, amop_completion::of_end)?)
    })
}
