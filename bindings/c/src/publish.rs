//! Sending. A publish sends a message to one subscriber and returns its reply. A broadcast sends a message to all
//! subscribers and returns when the node has acknowledged it, which does not confirm delivery to any subscriber.
//! These functions wait; see *Asynchronous calls* for functions that do not.

use std::ffi::{c_char, c_void};

use amop::{Broadcast, Publish, Result, Retry};

use crate::argument::{apply, time};
use crate::boundary::guard;
use crate::client::amop_client;
use crate::error::amop_error;
use crate::macros::{borrow, borrow_mut, borrow_optional, free, out_optional, payload, text};
use crate::reply::amop_reply;
use crate::retry::retry_of;
use crate::status::amop_status;
use crate::unwind::guard_or;
use crate::waiting::block_on;

/// Options of publishes and broadcasts, for any number of calls. NULL in their place stands for the defaults. An
/// object may be used from one thread at a time.
#[derive(Default)]
pub struct amop_publish_options {
    wait_for_subscriber: bool,
    retry: Option<Retry>,
    all_nodes: bool,
    private: bool,
}

/// Returns the publish that the arguments describe.
///
/// # Safety
/// The arguments are as the header demands of amop_client_publish.
pub(crate) unsafe fn publish(
    client: *const amop_client,
    topic: *const c_char,
    data: *const c_void,
    len: usize,
    options: *const amop_publish_options,
    timeout_ms: u64,
) -> Result<Publish> {
    let client = borrow!(client)?.client()?;
    let publish = client.publish(text!(topic as topic)?, payload!(data, len)?);
    // SAFETY: the caller meets what is demanded of this function.
    Ok(unsafe { publish_with(publish, options, timeout_ms) })
}

/// Sets the options of a publish.
///
/// # Safety
/// `options` is NULL or valid.
pub(crate) unsafe fn publish_with(
    publish: Publish,
    options: *const amop_publish_options,
    timeout_ms: u64,
) -> Publish {
    let publish = apply(publish, time(timeout_ms), Publish::timeout);
    apply(publish, borrow_optional!(options), |publish, options| {
        let publish = publish.wait_for_subscriber(options.wait_for_subscriber).private(options.private);
        apply(publish, options.retry, Publish::retry)
    })
}

/// Returns the broadcast that the arguments describe.
///
/// # Safety
/// The arguments are as the header demands of amop_client_broadcast.
pub(crate) unsafe fn broadcast(
    client: *const amop_client,
    topic: *const c_char,
    data: *const c_void,
    len: usize,
    options: *const amop_publish_options,
    timeout_ms: u64,
) -> Result<Broadcast> {
    let client = borrow!(client)?.client()?;
    let broadcast = client.broadcast(text!(topic as topic)?, payload!(data, len)?);
    // SAFETY: the caller meets what is demanded of this function.
    Ok(unsafe { broadcast_with(broadcast, options, timeout_ms) })
}

/// Sets the options of a broadcast.
///
/// # Safety
/// `options` is NULL or valid.
pub(crate) unsafe fn broadcast_with(
    broadcast: Broadcast,
    options: *const amop_publish_options,
    timeout_ms: u64,
) -> Broadcast {
    let broadcast = apply(broadcast, time(timeout_ms), Broadcast::timeout);
    apply(broadcast, borrow_optional!(options), |broadcast, options| {
        let broadcast = broadcast.wait_for_subscriber(options.wait_for_subscriber);
        let broadcast = broadcast.all_nodes(options.all_nodes).private(options.private);
        apply(broadcast, options.retry, Broadcast::retry)
    })
}

/// Creates options with all defaults.
///
/// - Ownership: the options are owned by the caller; free them with amop_publish_options_free.
#[unsafe(no_mangle)]
#[must_use]
pub extern "C" fn amop_publish_options_new() -> *mut amop_publish_options {
    guard_or!(std::ptr::null_mut(), { Box::into_raw(Box::default()) })
}

/// Frees options. Calls that were started with them are not affected.
///
/// - Threads: one at a time, including callbacks.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_publish_options_free(options: *mut amop_publish_options) {
    guard_or!((), { free!(options) })
}

/// Sets whether a publish that was not delivered is retried until its deadline, for example because no node knows a
/// subscriber yet, and whether a broadcast is sent only when a node knows one. It takes up to 5 s until all nodes know a
/// new subscriber. Default: false.
///
/// - Threads: one at a time, including callbacks.
/// - Errors: AMOP_ERROR_INVALID_ARGUMENT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_publish_options_set_wait_for_subscriber(
    options: *mut amop_publish_options,
    wait: bool,
) -> amop_status {
    guard!({
        borrow_mut!(options)?.wait_for_subscriber = wait;
        Ok(())
    })
}

/// Sets when the call is retried automatically: an AMOP_RETRY_*. Default: as set in the options of the client.
///
/// - Threads: one at a time, including callbacks.
/// - Errors: AMOP_ERROR_INVALID_ARGUMENT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_publish_options_set_retry(
    options: *mut amop_publish_options,
    retry: i32,
) -> amop_status {
    guard!({
        borrow_mut!(options)?.retry = retry_of(retry)?;
        Ok(())
    })
}

/// Sets whether a broadcast is sent to every connected node, rather than to as many as reach all subscribers.
/// Subscribers that use this library discard the duplicates, others receive them. Default: false.
///
/// - Threads: one at a time, including callbacks.
/// - Errors: AMOP_ERROR_INVALID_ARGUMENT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_publish_options_set_all_nodes(
    options: *mut amop_publish_options,
    all: bool,
) -> amop_status {
    guard!({
        borrow_mut!(options)?.all_nodes = all;
        Ok(())
    })
}

/// Sets whether the topic is a private one, which amop_client_private_topic has opened: the message is passed on to
/// verified subscribers only. For calls that do not wait; amop_private_topic_publish and amop_private_topic_broadcast need
/// no option. Default: false.
///
/// - Threads: one at a time, including callbacks.
/// - Errors: AMOP_ERROR_INVALID_ARGUMENT; also of a call on a topic that was not opened.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_publish_options_set_private(
    options: *mut amop_publish_options,
    is_private: bool,
) -> amop_status {
    guard!({
        borrow_mut!(options)?.private = is_private;
        Ok(())
    })
}

/// Sends a message to one subscriber and waits for its reply. A subscriber that does not serve the topic acknowledges
/// the message with an empty reply as soon as its client has accepted it.
///
/// - Ownership: `topic`, `data` and `options` (may be NULL) are borrowed. `*reply` is owned by the caller; free it
///   with amop_reply_free. `reply` may be NULL.
/// - Threads: any thread, including callbacks. Waits up to `timeout_ms` (0: the call timeout of the client). If only
///   the calling callback could answer the message, the call ends at its deadline.
/// - Errors: AMOP_ERROR_INVALID_TOPIC, _INVALID_ARGUMENT, _TOO_LARGE; _NO_SUBSCRIBER and the other errors reported by
///   nodes (100 to 199) and subscribers (200 to 204); _NOT_CONNECTED, _CONNECTION_LOST, _TIMEOUT, _OVERLOADED,
///   _CLOSED, _FORKED. amop_error_delivery returns whether the message may have been delivered.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_client_publish(
    client: *const amop_client,
    topic: *const c_char,
    data: *const c_void,
    len: usize,
    options: *const amop_publish_options,
    timeout_ms: u64,
    reply: *mut *mut amop_reply,
    error: *mut *mut amop_error,
) -> amop_status {
    guard!(error, {
        let out = out_optional!(reply);
        // SAFETY: the caller meets what the header demands of this function.
        let publish = unsafe { publish(client, topic, data, len, options, timeout_ms) }?;
        let reply = block_on(publish.into_future())?;
        if let Some(out) = out {
            out.give(amop_reply::new(reply));
        }
        Ok(())
    })
}

/// Sends a message to all subscribers and waits for the acknowledgement of the node.
///
/// - Ownership: `topic`, `data` and `options` (may be NULL) are borrowed.
/// - Threads: any thread, including callbacks. Waits up to `timeout_ms` (0: the call timeout of the client).
/// - Errors: as amop_client_publish, without those of subscribers.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_client_broadcast(
    client: *const amop_client,
    topic: *const c_char,
    data: *const c_void,
    len: usize,
    options: *const amop_publish_options,
    timeout_ms: u64,
    error: *mut *mut amop_error,
) -> amop_status {
    guard!(error, {
        // SAFETY: the caller meets what the header demands of this function.
        let broadcast = unsafe { broadcast(client, topic, data, len, options, timeout_ms) }?;
        block_on(broadcast.into_future())
    })
}
