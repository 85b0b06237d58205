//! Options of a subscription. NULL in their place stands for the defaults. 0 stands for the default of a value.
//!
//! Unless a function states otherwise:
//!
//! - Threads: any thread, including callbacks, but only one at a time.
//! - Errors: AMOP_ERROR_INVALID_ARGUMENT.

use std::ffi::{c_char, c_void};
use std::time::Duration;

use amop::{Confirm, Overflow, Placement, Result, Subscribe};

use crate::argument::{apply, bound, invalid_argument, time};
use crate::boundary::guard;
use crate::confirm::confirm_of;
use crate::key::GivenKey;
use crate::macros::{borrow_mut, free};
use crate::placement::placement_of;
use crate::status::amop_status;
use crate::unwind::guard_or;

/// What a full subscription does with a new message.
#[repr(i32)]
pub enum amop_overflow {
    /// Refuses it; the publisher of a unicast receives AMOP_ERROR_SUBSCRIBER_BUSY. The default.
    AMOP_OVERFLOW_REFUSE = 0,
    /// Discards its oldest messages to make space.
    AMOP_OVERFLOW_DROP_OLDEST = 1,
}

/// Settings of a subscription.
#[derive(Default)]
pub struct amop_subscribe_options {
    max_messages: Option<usize>,
    max_bytes: Option<usize>,
    overflow: Option<Overflow>,
    placement: Option<Placement>,
    confirm: Option<Confirm>,
    timeout: Option<Duration>,
    key: Option<GivenKey>,
}

impl amop_subscribe_options {
    pub(super) fn apply_to(&self, subscribe: Subscribe) -> Result<Subscribe> {
        let subscribe = apply(subscribe, self.max_messages, Subscribe::max_messages);
        let subscribe = apply(subscribe, self.max_bytes, Subscribe::max_bytes);
        let subscribe = apply(subscribe, self.overflow, Subscribe::overflow);
        let subscribe = apply(subscribe, self.placement, Subscribe::placement);
        let subscribe = apply(subscribe, self.confirm, Subscribe::confirm);
        let subscribe = apply(subscribe, self.timeout, Subscribe::timeout);
        let key = self.key.as_ref().map(GivenKey::read).transpose()?;
        Ok(apply(subscribe, key, Subscribe::key))
    }
}

/// Creates options with all defaults.
///
/// - Ownership: the options are owned by the caller; free them with amop_subscribe_options_free.
/// - Errors: none.
#[unsafe(no_mangle)]
#[must_use]
pub extern "C" fn amop_subscribe_options_new() -> *mut amop_subscribe_options {
    guard_or!(std::ptr::null_mut(), { Box::into_raw(Box::default()) })
}

/// Frees options. Subscriptions that were created with them are not affected.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_subscribe_options_free(options: *mut amop_subscribe_options) {
    guard_or!((), { free!(options) })
}

/// Sets the maximum number of queued messages. Default: 65,536.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_subscribe_options_set_max_messages(
    options: *mut amop_subscribe_options,
    messages: usize,
) -> amop_status {
    guard!({
        borrow_mut!(options)?.max_messages = bound(messages);
        Ok(())
    })
}

/// Sets the maximum number of queued bytes, counting 160 bytes per message besides its payload. An empty subscription
/// accepts one message of any size. Default: 64 MiB.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_subscribe_options_set_max_bytes(
    options: *mut amop_subscribe_options,
    bytes: usize,
) -> amop_status {
    guard!({
        borrow_mut!(options)?.max_bytes = bound(bytes);
        Ok(())
    })
}

/// Sets what happens at these limits: an AMOP_OVERFLOW_*. Lost messages are counted, and reported once by
/// AMOP_EVENT_SLOW_CONSUMER.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_subscribe_options_set_overflow(
    options: *mut amop_subscribe_options,
    overflow: i32,
) -> amop_status {
    const REFUSE: i32 = amop_overflow::AMOP_OVERFLOW_REFUSE as i32;
    const DROP_OLDEST: i32 = amop_overflow::AMOP_OVERFLOW_DROP_OLDEST as i32;
    guard!({
        borrow_mut!(options)?.overflow = Some(match overflow {
            REFUSE => Overflow::Refuse,
            DROP_OLDEST => Overflow::DropOldest,
            _ => return Err(invalid_argument(format!("{overflow} is not an AMOP_OVERFLOW_*"))),
        });
        Ok(())
    })
}

/// Sets at how many nodes the topic is listed: an AMOP_PLACEMENT_*. Default: AMOP_PLACEMENT_ALL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_subscribe_options_set_placement(
    options: *mut amop_subscribe_options,
    placement: i32,
) -> amop_status {
    guard!({
        borrow_mut!(options)?.placement = placement_of(placement)?;
        Ok(())
    })
}

/// Sets whether to wait until a node has listed the topic: an AMOP_CONFIRM_*. Default: AMOP_CONFIRM_AUTO.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_subscribe_options_set_confirm(
    options: *mut amop_subscribe_options,
    confirm: i32,
) -> amop_status {
    guard!({
        borrow_mut!(options)?.confirm = Some(confirm_of(confirm)?);
        Ok(())
    })
}

/// Sets how long to wait for a node to list the topic. Default: the call timeout of the client.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_subscribe_options_set_timeout(
    options: *mut amop_subscribe_options,
    timeout_ms: u64,
) -> amop_status {
    guard!({
        borrow_mut!(options)?.timeout = time(timeout_ms);
        Ok(())
    })
}

/// Sets the private key with which this client proves that it may receive the messages of a *private* topic, whose
/// publisher allows the public half (amop_client_private_topic): PEM of PKCS#8 or SEC1, PKCS#12, or 64 hex digits.
/// `password` is that of an encrypted key, and NULL for others. The key must not be that of the client's certificate. It is
/// read by the function that gets the options, which then also fails with AMOP_ERROR_KEY_ENCRYPTED,
/// AMOP_ERROR_CREDENTIALS_INVALID, also for a key without a byte, or AMOP_ERROR_UNSUPPORTED at nodes of generation 3.x. NULL
/// with a length of 0 removes the key.
///
/// - Ownership: `key` and `password` are borrowed. The copies are erased from memory when the options are freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_subscribe_options_set_key(
    options: *mut amop_subscribe_options,
    key: *const c_void,
    len: usize,
    password: *const c_char,
) -> amop_status {
    guard!({
        let options = borrow_mut!(options)?;
        // SAFETY: the header demands that `len` bytes can be read at `key`, and that the password ends with a NUL.
        options.key = unsafe { GivenKey::copy(key, len, password) }?;
        Ok(())
    })
}
