//! Sending. A publish goes to one subscriber, whose reply is the result; a broadcast to all, and the result is the
//! node's ack, which says nothing of who hears it. These functions wait; see *Asynchronous calls* for those that
//! don't.

use std::ffi::{CString, c_char, c_void};
use std::sync::OnceLock;

use amop::{Broadcast, Publish, Reply, Result, Retry};

use crate::boundary::{
    borrow, borrow_mut, borrow_optional, c_text, free, guard, out_optional, payload, text, time,
};
use crate::bytes::amop_bytes;
use crate::client::amop_client;
use crate::error::amop_error;
use crate::options::{apply, retry_of};
use crate::status::amop_status;
use crate::waiting::block_on;

/// Options of publishes and broadcasts, to be freed with amop_publish_options_free; may be used for any number.
/// NULL in their place takes the defaults. Belong to one thread at a time.
#[derive(Default)]
pub struct amop_publish_options {
    wait_for_subscriber: bool,
    retry: Option<Retry>,
    all_nodes: bool,
}

/// A subscriber's answer. Immutable.
pub struct amop_reply {
    reply: Reply,
    /// Made when it's first asked for.
    endpoint: OnceLock<CString>,
}

impl amop_reply {
    pub(crate) fn new(reply: Reply) -> amop_reply {
        amop_reply { reply, endpoint: OnceLock::new() }
    }
}

/// A publish as C asks for it.
///
/// # Safety
/// As the header demands of amop_client_publish.
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
    let publish = apply(publish, time(timeout_ms), Publish::timeout);
    Ok(apply(publish, borrow_optional!(options), |publish, options| {
        let publish = publish.wait_for_subscriber(options.wait_for_subscriber);
        apply(publish, options.retry, Publish::retry)
    }))
}

/// A broadcast as C asks for it.
///
/// # Safety
/// As the header demands of amop_client_broadcast.
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
    let broadcast = apply(broadcast, time(timeout_ms), Broadcast::timeout);
    Ok(apply(broadcast, borrow_optional!(options), |broadcast, options| {
        let broadcast = broadcast.all_nodes(options.all_nodes);
        apply(broadcast, options.retry, Broadcast::retry)
    }))
}

/// Options with all defaults.
///
/// - Ownership: the options are the caller's, for amop_publish_options_free.
/// - Threads: any, callbacks too.
/// - Errors: none.
#[unsafe(no_mangle)]
pub extern "C" fn amop_publish_options_new() -> *mut amop_publish_options {
    guard!(or std::ptr::null_mut(), { Box::into_raw(Box::default()) })
}

/// Frees options; calls that were made with them keep theirs.
///
/// - Ownership: `options` is gone; NULL is fine.
/// - Threads: one at a time; callbacks too.
/// - Errors: none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_publish_options_free(options: *mut amop_publish_options) {
    guard!(or(), { free!(options) })
}

/// Whether a publish goes on trying until its deadline while nothing was delivered, say because no node knows a
/// subscriber yet (topics take up to 5 s to travel between nodes). Default no.
///
/// - Ownership: nothing changes hands.
/// - Threads: one at a time; callbacks too.
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

/// When to try again by itself: an AMOP_RETRY_*. Default: as the client's options say.
///
/// - Ownership: nothing changes hands.
/// - Threads: one at a time; callbacks too.
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

/// Whether a broadcast goes through every connected node instead of one that reaches all. Subscribers that use this
/// library drop the duplicates, others see them. Default no.
///
/// - Ownership: nothing changes hands.
/// - Threads: one at a time; callbacks too.
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

/// Sends a message to one subscriber and waits for its reply. A subscriber that only listens replies with nothing as
/// soon as it has the message.
///
/// - Ownership: `topic`, `data` and `options` (may be NULL) are borrowed. `*reply` is the caller's, for
///   amop_reply_free; `reply` may be NULL.
/// - Threads: any; waits up to `timeout_ms` (0: the client's call timeout). In a callback it waits too: a message
///   that only this callback could answer then ends with its deadline.
/// - Errors: AMOP_ERROR_INVALID_TOPIC, _INVALID_ARGUMENT, _TOO_LARGE; _NO_SUBSCRIBER and the other answers of
///   nodes (100 to 199) and subscribers (200 to 204); _NOT_CONNECTED, _CONNECTION_LOST, _TIMEOUT, _OVERLOADED,
///   _CLOSED, _FORKED. amop_error_delivery says whether it may have been delivered all the same.
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
        // SAFETY: what the header demands of this function.
        let publish = unsafe { publish(client, topic, data, len, options, timeout_ms) }?;
        let reply = block_on(publish.into_future())?;
        if let Some(out) = out {
            out.give(amop_reply::new(reply));
        }
        Ok(())
    })
}

/// Sends a message to all subscribers and waits for the node's ack.
///
/// - Ownership: `topic`, `data` and `options` (may be NULL) are borrowed.
/// - Threads: any; waits up to `timeout_ms` (0: the client's call timeout), in callbacks too.
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
        // SAFETY: what the header demands of this function.
        let broadcast = unsafe { broadcast(client, topic, data, len, options, timeout_ms) }?;
        block_on(broadcast.into_future())
    })
}

/// What the subscriber answered; nothing when it had nothing to say.
///
/// - Ownership: the bytes are lent as long as the reply; none for NULL.
/// - Threads: any, callbacks too.
/// - Errors: none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_reply_data(reply: *const amop_reply) -> amop_bytes {
    guard!(or amop_bytes::NONE, {
        borrow_optional!(reply).map_or(amop_bytes::NONE, |reply| reply.reply.data().into())
    })
}

/// The node that the message went through, as the endpoint was given.
///
/// - Ownership: the text is lent as long as the reply; NULL for NULL.
/// - Threads: any, callbacks too.
/// - Errors: none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_reply_endpoint(reply: *const amop_reply) -> *const c_char {
    guard!(or std::ptr::null(), {
        borrow_optional!(reply).map_or(std::ptr::null(), |reply| {
            reply.endpoint.get_or_init(|| c_text(reply.reply.endpoint())).as_ptr()
        })
    })
}

/// A copy to keep, of a reply that is only lent; NULL for NULL. The payload is shared, not copied.
///
/// - Ownership: the copy is the caller's, for amop_reply_free.
/// - Threads: any, callbacks too.
/// - Errors: none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_reply_clone(reply: *const amop_reply) -> *mut amop_reply {
    guard!(or std::ptr::null_mut(), {
        borrow_optional!(reply).map_or(std::ptr::null_mut(), |reply| {
            Box::into_raw(Box::new(amop_reply::new(reply.reply.clone())))
        })
    })
}

/// Frees a reply that is the caller's.
///
/// - Ownership: `reply` is gone; NULL is fine.
/// - Threads: any, callbacks too.
/// - Errors: none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_reply_free(reply: *mut amop_reply) {
    guard!(or(), { free!(reply) })
}
