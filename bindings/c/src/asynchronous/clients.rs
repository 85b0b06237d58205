//! Connecting and closing without waiting. `_async` passes the completion to a callback, which runs on a thread of its own;
//! `_queued` puts it into a completion queue.
//!
//! Unless a function states otherwise:
//!
//! - Ownership: as amop_client_publish_async, amop_client_publish_queued.
//! - Threads: any thread, including callbacks. Never waits.
//! - Errors: errors that are known at once; there is no completion then. AMOP_ERROR_INVALID_ARGUMENT; _RUNTIME if a thread
//!   can't be started; _OVERLOADED if the queue is full; _FORKED. The completion can have all errors of the function that
//!   waits.

use std::ffi::c_void;

use amop::{Client, Result};

use crate::argument::time;
use crate::boundary::guard;
use crate::call::{amop_call, give};
use crate::callback::Context;
use crate::callback_thread::on_own_thread;
use crate::client::amop_client;
use crate::completion::{Tag, amop_completion, amop_completion_callback};
use crate::completion_queue::amop_completion_queue;
use crate::error::amop_error;
use crate::macros::{borrow, borrow_optional, out_optional};
use crate::options::amop_options;
use crate::status::amop_status;
use crate::unwind::guard_or;

/// A client that is in a completion. Closed if nobody takes it.
struct Unclaimed(Option<amop_client>);

impl Drop for Unclaimed {
    fn drop(&mut self) {
        if let Some(client) = self.0.take() {
            client.abandon();
        }
    }
}

fn of_connect(outcome: Result<Client>, tag: Tag) -> amop_completion {
    amop_completion::of_handle(outcome.map(|client| Unclaimed(Some(amop_client::new(client)))), tag)
}

/// Begins to connect. See amop_client_connect; the client is in the completion, see amop_completion_take_client.
/// amop_call_cancel gives up.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_client_connect_async(
    options: *const amop_options,
    callback: amop_completion_callback,
    call: *mut *mut amop_call,
    error: *mut *mut amop_error,
) -> amop_status {
    guard!(error, {
        let context = Context::new(callback.context, callback.drop);
        let out = out_optional!(call);
        let builder = borrow!(options)?.builder()?;
        let done = on_own_thread(callback, context, of_connect)?;
        give(builder.start(done)?, out);
        Ok(())
    })
}

/// Begins to connect. See amop_client_connect_async.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_client_connect_queued(
    options: *const amop_options,
    queue: *const amop_completion_queue,
    tag: *mut c_void,
    call: *mut *mut amop_call,
    error: *mut *mut amop_error,
) -> amop_status {
    guard!(error, {
        let out = out_optional!(call);
        let builder = borrow!(options)?.builder()?;
        let done = borrow!(queue)?.done(tag, of_connect)?;
        give(builder.start(done)?, out);
        Ok(())
    })
}

/// Returns the client of a connect that succeeded, once; NULL for a second call, for other completions, and for NULL. A
/// client that is not taken from its completion closes in the background.
///
/// - Ownership: the client is owned by the caller; free it with amop_client_free.
/// - Errors: none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_completion_take_client(completion: *const amop_completion) -> *mut amop_client {
    guard_or!(std::ptr::null_mut(), {
        let taken = borrow_optional!(completion).and_then(amop_completion::take::<Unclaimed>);
        let client = taken.and_then(|mut unclaimed| unclaimed.0.take());
        client.map_or(std::ptr::null_mut(), |client| Box::into_raw(Box::new(client)))
    })
}

/// Begins to close the client. See amop_client_close; also inside of a callback it completes only when the client has ended.
/// The client may be freed before.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_client_close_async(
    client: *const amop_client,
    timeout_ms: u64,
    callback: amop_completion_callback,
    error: *mut *mut amop_error,
) -> amop_status {
    guard!(error, {
        let context = Context::new(callback.context, callback.drop);
        let handle = borrow!(client)?;
        let client = handle.client()?;
        let done = on_own_thread(callback, context, amop_completion::of_end)?;
        handle.completions.close();
        client.start_close(time(timeout_ms), done).map(drop)
    })
}

/// Begins to close the client. See amop_client_close_async.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_client_close_queued(
    client: *const amop_client,
    timeout_ms: u64,
    queue: *const amop_completion_queue,
    tag: *mut c_void,
    error: *mut *mut amop_error,
) -> amop_status {
    guard!(error, {
        let handle = borrow!(client)?;
        let client = handle.client()?;
        let done = borrow!(queue)?.done(tag, amop_completion::of_end)?;
        handle.completions.close();
        client.start_close(time(timeout_ms), done).map(drop)
    })
}
