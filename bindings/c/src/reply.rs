//! Replies. What a subscriber answered to a publish.
//!
//! Unless a function states otherwise:
//!
//! - Ownership: the caller keeps `reply`. Pointers and bytes returned are valid until it is freed.

use std::ffi::{CString, c_char};
use std::sync::OnceLock;

use amop::Reply;

use crate::argument::c_text;
use crate::bytes::amop_bytes;
use crate::macros::{borrow_optional, free};
use crate::unwind::{guard_or, guard_read};

/// A reply. Immutable.
pub struct amop_reply {
    reply: Reply,
    /// Converted when it is first read.
    endpoint: OnceLock<CString>,
}

impl amop_reply {
    pub(crate) fn new(reply: Reply) -> amop_reply {
        amop_reply { reply, endpoint: OnceLock::new() }
    }
}

/// Returns the payload of the reply; empty if the subscriber sent none, and for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_reply_data(reply: *const amop_reply) -> amop_bytes {
    guard_read!(amop_bytes::NONE, {
        borrow_optional!(reply).map_or(amop_bytes::NONE, |reply| reply.reply.data().into())
    })
}

/// Returns the endpoint of the node that the message was sent to, as it was added; NULL for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_reply_endpoint(reply: *const amop_reply) -> *const c_char {
    guard_read!(std::ptr::null(), {
        borrow_optional!(reply).map_or(std::ptr::null(), |reply| {
            reply.endpoint.get_or_init(|| c_text(reply.reply.endpoint())).as_ptr()
        })
    })
}

/// Returns a copy of a reply, for example of a borrowed one; NULL for NULL. The copy shares the payload.
///
/// - Ownership: the copy is owned by the caller; free it with amop_reply_free.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn amop_reply_clone(reply: *const amop_reply) -> *mut amop_reply {
    guard_or!(std::ptr::null_mut(), {
        borrow_optional!(reply).map_or(std::ptr::null_mut(), |reply| {
            Box::into_raw(Box::new(amop_reply::new(reply.reply.clone())))
        })
    })
}

/// Frees a reply.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_reply_free(reply: *mut amop_reply) {
    guard_or!((), { free!(reply) })
}
