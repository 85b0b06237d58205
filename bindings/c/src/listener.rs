//! Listeners. Events that are passed to a callback, and listeners that are set before a client exists, so that they receive
//! the events of connecting.

use std::ffi::c_void;

use amop::{ClientBuilder, Event, EventListener, Process};

use crate::argument::{apply, time};
use crate::boundary::guard;
use crate::callback::{Context, call_or_log, function};
use crate::client::amop_client;
use crate::error::amop_error;
use crate::event::{amop_event, amop_event_callback, amop_events};
use crate::macros::{borrow, borrow_mut, out, out_optional, take};
use crate::options::amop_options;
use crate::status::amop_status;
use crate::unwind::guard_or;
use crate::waiting::block_on;

/// A callback for events, to remove it.
pub struct amop_listener {
    process: Process,
    listener: EventListener,
}

/// Passes an event to a callback.
fn pass(call: unsafe extern "C-unwind" fn(*mut c_void, *const amop_event), context: &Context, event: Event) {
    let event = amop_event::new(event);
    // SAFETY: the header demands a function that takes this context and an event lent for the call.
    call_or_log("an event", || unsafe { call(context.pointer(), &event) });
}

/// Calls a callback for each event from now on, until it is removed or the client is closed.
///
/// - Ownership: the context of the callback is owned by the library until `drop`. `*listener` is owned by the caller; free
///   it with amop_listener_free. If `listener` is NULL, the callback stays until the client is closed.
/// - Threads: any thread, including callbacks. Never waits. The callback runs on a thread of its own and does not
///   delay subscriptions.
/// - Errors: AMOP_ERROR_INVALID_ARGUMENT, _CLOSED, _FORKED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_client_on_event(
    client: *const amop_client,
    callback: amop_event_callback,
    listener: *mut *mut amop_listener,
    error: *mut *mut amop_error,
) -> amop_status {
    guard!(error, {
        let context = Context::new(callback.context, callback.drop);
        let out = out_optional!(listener);
        let client = borrow!(client)?.client()?;
        let call = function(callback.call)?;
        let listener = client.on_event(move |event| pass(call, &context, event))?;
        if let Some(out) = out {
            out.give(amop_listener { process: Process::current(), listener });
        }
        Ok(())
    })
}

/// Removes a callback for events. Events that it was not called for are discarded. When AMOP_OK is returned, no call of it
/// runs or begins any more and its `drop` has been called; inside of a callback of the library it returns at once instead,
/// and that holds when the call under way has returned. It may be called again, for example after AMOP_ERROR_TIMEOUT.
///
/// - Ownership: the caller keeps `listener`.
/// - Threads: any thread. Waits up to `timeout_ms` (0: the close timeout of the client) for the call under way to return.
/// - Errors: AMOP_ERROR_TIMEOUT if the callback has not returned; its context is kept until it does.
///   AMOP_ERROR_INVALID_ARGUMENT, _FORKED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_listener_remove(
    listener: *const amop_listener,
    timeout_ms: u64,
    error: *mut *mut amop_error,
) -> amop_status {
    guard!(error, {
        let handle = borrow!(listener)?;
        handle.process.check()?;
        block_on(handle.listener.end(time(timeout_ms)))
    })
}

/// Frees a listener, and removes its callback without waiting if it is not removed. Its `drop` is called when the call
/// under way has returned.
///
/// - Ownership: `listener` is freed; NULL is allowed.
/// - Threads: any thread, including callbacks, also its own. Never waits.
/// - Errors: none. In a child process of a fork the memory is not released.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_listener_free(listener: *mut amop_listener) {
    guard_or!((), {
        if let Some(handle) = take!(listener) {
            handle.listener.remove();
        }
    })
}

/// Adds a callback for all events of the clients that are connected with these options, also for those before
/// amop_client_connect returns. The calls for one client are sequential. If connecting fails, no call for that client runs
/// or begins when it returns.
///
/// - Ownership: the context of the callback is owned by the library until `drop`, which is called when the options are freed
///   and the clients have ended.
/// - Threads: one at a time, including callbacks. The callback runs as that of amop_client_on_event.
/// - Errors: AMOP_ERROR_INVALID_ARGUMENT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_options_on_event(
    options: *mut amop_options,
    callback: amop_event_callback,
) -> amop_status {
    guard!({
        let context = Context::new(callback.context, callback.drop);
        let options = borrow_mut!(options)?;
        let call = function(callback.call)?;
        let base = std::mem::take(&mut options.base);
        options.base = base.on_event(move |event| pass(call, &context, event));
        Ok(())
    })
}

/// Creates a listener for all events of the first client that is connected with these options, also for those before
/// amop_client_connect returns. They are read with amop_events_next. If connecting fails, or if the options are freed
/// before, the last event is AMOP_EVENT_CLOSED. The listener keeps at most the number of events that
/// amop_options_set_max_events has set before.
///
/// - Ownership: `*events` is owned by the caller; free it with amop_events_free.
/// - Threads: one at a time, including callbacks. Never waits.
/// - Errors: AMOP_ERROR_INVALID_ARGUMENT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_options_events(
    options: *mut amop_options,
    events: *mut *mut amop_events,
    error: *mut *mut amop_error,
) -> amop_status {
    guard!(error, {
        let out = out!(events)?;
        let options = borrow_mut!(options)?;
        let base =
            apply(std::mem::take(&mut options.base), options.given.max_events, ClientBuilder::max_events);
        let (base, events) = base.listen();
        options.base = base;
        out.give(amop_events::new(events));
        Ok(())
    })
}
