//! Options of a service. NULL in their place stands for the defaults. 0 stands for the default of a value.
//!
//! Unless a function states otherwise:
//!
//! - Threads: any thread, including callbacks, but only one at a time.
//! - Errors: AMOP_ERROR_INVALID_ARGUMENT.

use std::ffi::{c_char, c_void};
use std::time::Duration;

use amop::{Confirm, Placement, Result, Serve};

use crate::argument::{apply, bound, time};
use crate::boundary::guard;
use crate::confirm::confirm_of;
use crate::key::GivenKey;
use crate::macros::{borrow_mut, free};
use crate::placement::placement_of;
use crate::status::amop_status;
use crate::unwind::guard_or;

/// Settings of a service.
#[derive(Default)]
pub struct amop_serve_options {
    concurrency: Option<usize>,
    max_messages: Option<usize>,
    max_bytes: Option<usize>,
    placement: Option<Placement>,
    confirm: Option<Confirm>,
    timeout: Option<Duration>,
    key: Option<GivenKey>,
}

impl amop_serve_options {
    pub(super) fn apply_to(&self, serve: Serve) -> Result<Serve> {
        let serve = apply(serve, self.concurrency, Serve::concurrency);
        let serve = apply(serve, self.max_messages, Serve::max_messages);
        let serve = apply(serve, self.max_bytes, Serve::max_bytes);
        let serve = apply(serve, self.placement, Serve::placement);
        let serve = apply(serve, self.confirm, Serve::confirm);
        let serve = apply(serve, self.timeout, Serve::timeout);
        let key = self.key.as_ref().map(GivenKey::read).transpose()?;
        Ok(apply(serve, key, Serve::key))
    }
}

/// Creates options with all defaults.
///
/// - Ownership: the options are owned by the caller; free them with amop_serve_options_free.
/// - Errors: none.
#[unsafe(no_mangle)]
#[must_use]
pub extern "C" fn amop_serve_options_new() -> *mut amop_serve_options {
    guard_or!(std::ptr::null_mut(), { Box::into_raw(Box::default()) })
}

/// Frees options. Services that were created with them are not affected.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_serve_options_free(options: *mut amop_serve_options) {
    guard_or!((), { free!(options) })
}

/// Sets how many calls of the callback may run at once. Default: 1. Has no effect for a service without callback.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_serve_options_set_concurrency(
    options: *mut amop_serve_options,
    calls: usize,
) -> amop_status {
    guard!({
        borrow_mut!(options)?.concurrency = bound(calls);
        Ok(())
    })
}

/// Sets the maximum number of queued requests. At the limit, publishers receive AMOP_ERROR_SUBSCRIBER_BUSY. Default:
/// 65,536.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_serve_options_set_max_messages(
    options: *mut amop_serve_options,
    messages: usize,
) -> amop_status {
    guard!({
        borrow_mut!(options)?.max_messages = bound(messages);
        Ok(())
    })
}

/// Sets the maximum number of queued bytes, counting 160 bytes per request besides its payload. An empty service
/// accepts one request of any size. Default: 64 MiB.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_serve_options_set_max_bytes(
    options: *mut amop_serve_options,
    bytes: usize,
) -> amop_status {
    guard!({
        borrow_mut!(options)?.max_bytes = bound(bytes);
        Ok(())
    })
}

/// Sets at how many nodes the topic is listed: an AMOP_PLACEMENT_*. Default: AMOP_PLACEMENT_ONE, because nodes up to
/// release 2.11 can lose a unicast between two clients of the same node. If the service were listed at all nodes,
/// every publisher would share a node with it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_serve_options_set_placement(
    options: *mut amop_serve_options,
    placement: i32,
) -> amop_status {
    guard!({
        borrow_mut!(options)?.placement = placement_of(placement)?;
        Ok(())
    })
}

/// Sets whether to wait until a node has listed the topic: an AMOP_CONFIRM_*. Default: AMOP_CONFIRM_AUTO.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_serve_options_set_confirm(
    options: *mut amop_serve_options,
    confirm: i32,
) -> amop_status {
    guard!({
        borrow_mut!(options)?.confirm = Some(confirm_of(confirm)?);
        Ok(())
    })
}

/// Sets how long to wait for a node to list the topic. Default: the call timeout of the client.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_serve_options_set_timeout(
    options: *mut amop_serve_options,
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
pub unsafe extern "C" fn amop_serve_options_set_key(
    options: *mut amop_serve_options,
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
