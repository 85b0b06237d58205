//! Messages. What a subscription receives: a topic, a payload, and the node it came from.
//!
//! Unless a function states otherwise:
//!
//! - Ownership: the caller keeps `message`. Pointers and bytes returned are valid until it is freed.
//! - Errors: none. NULL has no topic, no endpoint and no bytes.

use std::ffi::{CStr, CString, c_char};
use std::sync::{Arc, OnceLock};
use std::time::UNIX_EPOCH;

use amop::{Message, MessageKind};

use crate::argument::c_text;
use crate::bytes::amop_bytes;
use crate::macros::{borrow_optional, free};
use crate::unwind::{guard_or, guard_read};

/// A message. Immutable. A callback borrows it for the call and may keep a clone.
pub struct amop_message {
    message: Message,
    /// Shared by all messages of a subscription.
    topic: Arc<CStr>,
    /// Converted when it is first read.
    endpoint: OnceLock<CString>,
}

/// How a message was sent.
#[repr(i32)]
pub enum amop_message_kind_t {
    /// The message is NULL.
    AMOP_MESSAGE_NONE = 0,
    /// To one subscriber, chosen by the node.
    AMOP_MESSAGE_UNICAST = 1,
    /// To all subscribers.
    AMOP_MESSAGE_BROADCAST = 2,
}

impl amop_message {
    pub(crate) fn new(message: Message, topic: Arc<CStr>) -> amop_message {
        amop_message { message, topic, endpoint: OnceLock::new() }
    }

    fn data(&self) -> amop_bytes {
        self.message.data().into()
    }

    pub(crate) fn topic(&self) -> &Arc<CStr> {
        &self.topic
    }
}

/// Converts a topic for C, once for all messages of a subscription.
pub(crate) fn c_topic(topic: &str) -> Arc<CStr> {
    c_text(topic).into()
}

/// Returns the topic that the message was published on.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_message_topic(message: *const amop_message) -> *const c_char {
    guard_read!(std::ptr::null(), {
        borrow_optional!(message).map_or(std::ptr::null(), |message| message.topic.as_ptr())
    })
}

/// Returns whether the message is a unicast or a broadcast; AMOP_MESSAGE_NONE for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_message_kind(message: *const amop_message) -> amop_message_kind_t {
    guard_read!(amop_message_kind_t::AMOP_MESSAGE_NONE, {
        match borrow_optional!(message).map(|message| message.message.kind()) {
            None => amop_message_kind_t::AMOP_MESSAGE_NONE,
            Some(MessageKind::Unicast) => amop_message_kind_t::AMOP_MESSAGE_UNICAST,
            Some(MessageKind::Broadcast) => amop_message_kind_t::AMOP_MESSAGE_BROADCAST,
        }
    })
}

/// Returns the payload: any number of bytes, possibly none, not NUL-terminated.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_message_data(message: *const amop_message) -> amop_bytes {
    guard_read!(amop_bytes::NONE, { borrow_optional!(message).map_or(amop_bytes::NONE, amop_message::data) })
}

/// Returns the sequence id that the publisher gave the message, as received: 32 bytes from 2.x nodes, usually
/// hexadecimal digits. Empty if the protocol carries none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_message_seq(message: *const amop_message) -> amop_bytes {
    guard_read!(amop_bytes::NONE, {
        borrow_optional!(message).map_or(amop_bytes::NONE, |message| message.message.seq().into())
    })
}

/// Returns the endpoint of the node that delivered the message, as it was added.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_message_endpoint(message: *const amop_message) -> *const c_char {
    guard_read!(std::ptr::null(), {
        borrow_optional!(message).map_or(std::ptr::null(), |message| {
            message.endpoint.get_or_init(|| c_text(message.message.endpoint())).as_ptr()
        })
    })
}

/// Returns when this client received the message, in milliseconds since 1970 UTC; 0 for NULL. The protocol does not
/// transmit when it was sent.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_message_received_at(message: *const amop_message) -> i64 {
    guard_read!(0, {
        borrow_optional!(message)
            .and_then(|message| message.message.received_at().duration_since(UNIX_EPOCH).ok())
            .map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    })
}

/// Returns a copy of a message, for example of a borrowed one; NULL for NULL. The copy shares the payload.
///
/// - Ownership: the copy is owned by the caller; free it with amop_message_free.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn amop_message_clone(message: *const amop_message) -> *mut amop_message {
    guard_or!(std::ptr::null_mut(), {
        borrow_optional!(message).map_or(std::ptr::null_mut(), |message| {
            Box::into_raw(Box::new(amop_message::new(message.message.clone(), message.topic.clone())))
        })
    })
}

/// Frees a message. Must not be called for a message that a callback borrows.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_message_free(message: *mut amop_message) {
    guard_or!((), { free!(message) })
}
