//! Messages. What a subscription receives: a topic, any bytes, and where they came from.

use std::ffi::{CStr, CString, c_char};
use std::sync::{Arc, OnceLock};
use std::time::UNIX_EPOCH;

use amop::{Message, MessageKind};

use crate::boundary::{borrow_optional, c_text, free, guard};
use crate::bytes::amop_bytes;

/// A message. In a callback it is lent for the call; a clone may be kept. Immutable.
pub struct amop_message {
    message: Message,
    /// Shared by all messages of a subscription.
    topic: Arc<CStr>,
    /// Made when it's first asked for.
    endpoint: OnceLock<CString>,
}

/// How a message was sent.
#[repr(i32)]
pub enum amop_message_kind {
    /// There is no message.
    AMOP_MESSAGE_NONE = 0,
    /// To one subscriber that the node picked.
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

/// A topic for C, to be shared by what comes on it.
pub(crate) fn c_topic(topic: &str) -> Arc<CStr> {
    c_text(topic).into()
}

/// The topic it was published on.
///
/// - Ownership: the text is lent as long as the message; NULL for NULL.
/// - Threads: any, callbacks too.
/// - Errors: none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_message_topic(message: *const amop_message) -> *const c_char {
    guard!(or std::ptr::null(), {
        borrow_optional!(message).map_or(std::ptr::null(), |message| message.topic.as_ptr())
    })
}

/// Unicast or broadcast; AMOP_MESSAGE_NONE for NULL.
///
/// - Ownership: `message` stays as it was.
/// - Threads: any, callbacks too.
/// - Errors: none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_message_kind_of(message: *const amop_message) -> amop_message_kind {
    guard!(or amop_message_kind::AMOP_MESSAGE_NONE, {
        match borrow_optional!(message).map(|message| message.message.kind()) {
            None => amop_message_kind::AMOP_MESSAGE_NONE,
            Some(MessageKind::Unicast) => amop_message_kind::AMOP_MESSAGE_UNICAST,
            Some(MessageKind::Broadcast) => amop_message_kind::AMOP_MESSAGE_BROADCAST,
        }
    })
}

/// The payload: any bytes, possibly none, not NUL-terminated.
///
/// - Ownership: the bytes are lent as long as the message; none for NULL.
/// - Threads: any, callbacks too.
/// - Errors: none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_message_data(message: *const amop_message) -> amop_bytes {
    guard!(or amop_bytes::NONE, { borrow_optional!(message).map_or(amop_bytes::NONE, amop_message::data) })
}

/// The publisher's sequence id: 32 bytes as they came, mostly hexadecimal digits.
///
/// - Ownership: the bytes are lent as long as the message; none for NULL.
/// - Threads: any, callbacks too.
/// - Errors: none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_message_seq(message: *const amop_message) -> amop_bytes {
    guard!(or amop_bytes::NONE, {
        borrow_optional!(message)
            .map_or(amop_bytes::NONE, |message| message.message.seq().as_slice().into())
    })
}

/// The node it came from, as the endpoint was given.
///
/// - Ownership: the text is lent as long as the message; NULL for NULL.
/// - Threads: any, callbacks too.
/// - Errors: none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_message_endpoint(message: *const amop_message) -> *const c_char {
    guard!(or std::ptr::null(), {
        borrow_optional!(message).map_or(std::ptr::null(), |message| {
            message.endpoint.get_or_init(|| c_text(message.message.endpoint())).as_ptr()
        })
    })
}

/// When this client read it, in milliseconds since 1970 UTC (not when it was sent: the wire doesn't say); 0 for NULL.
///
/// - Ownership: `message` stays as it was.
/// - Threads: any, callbacks too.
/// - Errors: none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_message_received_at(message: *const amop_message) -> i64 {
    guard!(or 0, {
        borrow_optional!(message)
            .and_then(|message| message.message.received_at().duration_since(UNIX_EPOCH).ok())
            .map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    })
}

/// A copy to keep, of a message that is only lent; NULL for NULL. The payload is shared, not copied.
///
/// - Ownership: the copy is the caller's, for amop_message_free.
/// - Threads: any, callbacks too.
/// - Errors: none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_message_clone(message: *const amop_message) -> *mut amop_message {
    guard!(or std::ptr::null_mut(), {
        borrow_optional!(message).map_or(std::ptr::null_mut(), |message| {
            Box::into_raw(Box::new(amop_message::new(message.message.clone(), message.topic.clone())))
        })
    })
}

/// Frees a message that is the caller's, never one that is lent to a callback.
///
/// - Ownership: `message` is gone; NULL is fine.
/// - Threads: any, callbacks too.
/// - Errors: none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_message_free(message: *mut amop_message) {
    guard!(or(), { free!(message) })
}
