//! Private topics (2.x nodes). The nodes pass messages of a private topic on to those nodes only whose subscribers have
//! proved to hold a key that the publisher allows. A subscriber sets its private key in the options of the subscription or
//! service; a publisher opens the topic with the public keys, and publishes with amop_private_topic_publish and
//! amop_private_topic_broadcast, or, without waiting, with amop_publish_options_set_private. A private topic is another topic
//! than the one of the same name without keys. Nodes verify nodes and not programs, and can read the payloads.

use std::ffi::{c_char, c_void};

use amop::{PrivateTopic, Process, PublicKey, Result};

use crate::argument::invalid_argument;
use crate::boundary::guard;
use crate::client::amop_client;
use crate::error::amop_error;
use crate::macros::{borrow, out, out_optional, payload, take, text};
use crate::publish::{amop_publish_options, broadcast_with, publish_with};
use crate::reply::amop_reply;
use crate::status::amop_status;
use crate::unwind::guard_or;
use crate::waiting::block_on;

/// The most keys in one call. A call with more is taken for one with a wrong count.
const MAX_KEYS: usize = 1 << 16;

/// A private topic that a client publishes on. Its functions may be called from any number of threads at once.
pub struct amop_private_topic {
    process: Process,
    topic: PrivateTopic,
}

/// Reads public keys.
///
/// # Safety
/// `keys` is NULL or holds `count` pointers, each NULL or to a string.
unsafe fn read_keys(keys: *const *const c_char, count: usize) -> Result<Vec<PublicKey>> {
    if count == 0 || count > MAX_KEYS {
        let text = format!("`count` is {count}: give the public keys of 1 to {MAX_KEYS} subscribers");
        return Err(invalid_argument(text));
    }
    if keys.is_null() {
        return Err(invalid_argument(format!("`keys` is NULL, but `count` is {count}")));
    }
    // SAFETY: the caller meets what is demanded of this function.
    let keys = unsafe { std::slice::from_raw_parts(keys, count) };
    keys.iter().map(|&key| PublicKey::read(text!(key)?)).collect()
}

/// Opens a private topic to publish on: from here on the client verifies the subscribers that hold the private half of one
/// of the keys. Each node asks for that within 5 s of its learning of a subscriber, so that a message that is published
/// before is not delivered; see amop_publish_options_set_wait_for_subscriber and AMOP_EVENT_VERIFIED.
///
/// `keys` are `count` public keys: PEM, or 128 hex digits with `04` before them or without.
///
/// - Ownership: `topic` and `keys` are borrowed. `*private_topic` is owned by the caller; free it with
///   amop_private_topic_free.
/// - Threads: any thread, including callbacks. Never waits.
/// - Errors: AMOP_ERROR_INVALID_TOPIC, also for more than 185 bytes; AMOP_ERROR_CREDENTIALS_INVALID for a key that is not
///   one on secp256k1; AMOP_ERROR_UNSUPPORTED if the nodes are of generation 3.x; AMOP_ERROR_INVALID_ARGUMENT, _TOO_LARGE,
///   _CLOSED, _FORKED.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn amop_client_private_topic(
    client: *const amop_client,
    topic: *const c_char,
    keys: *const *const c_char,
    count: usize,
    private_topic: *mut *mut amop_private_topic,
    error: *mut *mut amop_error,
) -> amop_status {
    guard!(error, {
        let out = out!(private_topic)?;
        let client = borrow!(client)?.client()?;
        let topic = text!(topic as topic)?;
        // SAFETY: the caller meets what the header demands of this function.
        let keys = unsafe { read_keys(keys, count) }?;
        let topic = client.private_topic(topic).allow(keys)?;
        out.give(amop_private_topic { process: Process::current(), topic });
        Ok(())
    })
}

/// Allows further keys. A subscriber that was rejected before has to leave the topic for some 5 s, until its node no longer
/// lists it, before nodes ask for its verification again.
///
/// - Ownership: `keys` is borrowed.
/// - Threads: any thread, including callbacks. Never waits.
/// - Errors: as amop_client_private_topic.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_private_topic_allow(
    private_topic: *const amop_private_topic,
    keys: *const *const c_char,
    count: usize,
    error: *mut *mut amop_error,
) -> amop_status {
    guard!(error, {
        let private_topic = borrow!(private_topic)?;
        private_topic.process.check()?;
        // SAFETY: the caller meets what the header demands of this function.
        private_topic.topic.allow(unsafe { read_keys(keys, count) }?)
    })
}

/// Sends a message to one verified subscriber and waits for its reply, as amop_client_publish.
///
/// - Ownership: `data` and `options` (may be NULL) are borrowed. `*reply` is owned by the caller; free it with
///   amop_reply_free. `reply` may be NULL.
/// - Threads: any thread, including callbacks. Waits up to `timeout_ms` (0: the call timeout of the client).
/// - Errors: as amop_client_publish; AMOP_ERROR_NO_SUBSCRIBER also while no subscriber is verified.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_private_topic_publish(
    private_topic: *const amop_private_topic,
    data: *const c_void,
    len: usize,
    options: *const amop_publish_options,
    timeout_ms: u64,
    reply: *mut *mut amop_reply,
    error: *mut *mut amop_error,
) -> amop_status {
    guard!(error, {
        let out = out_optional!(reply);
        let private_topic = borrow!(private_topic)?;
        private_topic.process.check()?;
        let publish = private_topic.topic.publish(payload!(data, len)?);
        // SAFETY: the caller meets what the header demands of this function.
        let publish = unsafe { publish_with(publish, options, timeout_ms) }.private(true);
        let reply = block_on(publish.into_future())?;
        if let Some(out) = out {
            out.give(amop_reply::new(reply));
        }
        Ok(())
    })
}

/// Sends a message to all verified subscribers and waits for the acknowledgement of the node, as amop_client_broadcast.
///
/// - Ownership: `data` and `options` (may be NULL) are borrowed.
/// - Threads: any thread, including callbacks. Waits up to `timeout_ms` (0: the call timeout of the client).
/// - Errors: as amop_client_broadcast.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_private_topic_broadcast(
    private_topic: *const amop_private_topic,
    data: *const c_void,
    len: usize,
    options: *const amop_publish_options,
    timeout_ms: u64,
    error: *mut *mut amop_error,
) -> amop_status {
    guard!(error, {
        let private_topic = borrow!(private_topic)?;
        private_topic.process.check()?;
        let broadcast = private_topic.topic.broadcast(payload!(data, len)?);
        // SAFETY: the caller meets what the header demands of this function.
        let broadcast = unsafe { broadcast_with(broadcast, options, timeout_ms) }.private(true);
        block_on(broadcast.into_future())
    })
}

/// Frees a private topic, which ends the verification of its subscribers. Nodes go on passing messages on to subscribers
/// that were verified.
///
/// - Threads: any thread, including callbacks. Never waits.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_private_topic_free(private_topic: *mut amop_private_topic) {
    guard_or!((), { drop(take!(private_topic)) })
}
