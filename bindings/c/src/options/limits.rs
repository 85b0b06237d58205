//! Limits of a client. 0 stands for the default.
//!
//! - Threads: any thread, including callbacks, but only one at a time.
//! - Errors: AMOP_ERROR_INVALID_ARGUMENT.

use super::amop_options;
use crate::argument::{bound, time};
use crate::boundary::guard;
use crate::macros::borrow_mut;
use crate::status::amop_status;

/// Sets the maximum number of calls of the client that are under way, whatever they wait for. Further calls fail with
/// AMOP_ERROR_OVERLOADED. Default: 65,536.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_options_set_max_in_flight(
    options: *mut amop_options,
    calls: usize,
) -> amop_status {
    guard!({
        borrow_mut!(options)?.given.max_in_flight = bound(calls);
        Ok(())
    })
}

/// Sets the maximum number of bytes queued for sending per connection, and the maximum number that calls of the client
/// keep while they wait for a node, a subscriber or a retry. Further calls fail with AMOP_ERROR_OVERLOADED, and so do
/// replies of handlers, whose requests stay open. Default: 256 MiB.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_options_set_max_send_bytes(
    options: *mut amop_options,
    bytes: usize,
) -> amop_status {
    guard!({
        borrow_mut!(options)?.given.max_send_bytes = bound(bytes);
        Ok(())
    })
}

/// Sets the maximum number of bytes queued in all subscriptions and services together, counting 160 bytes per message
/// besides its payload. Default: 512 MiB. At the limit, an empty subscription still accepts one message, and one with
/// AMOP_OVERFLOW_DROP_OLDEST discards its oldest messages to make space.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_options_set_max_held_bytes(
    options: *mut amop_options,
    bytes: usize,
) -> amop_status {
    guard!({
        borrow_mut!(options)?.given.max_held_bytes = bound(bytes);
        Ok(())
    })
}

/// Sets the maximum number of events queued for each listener. At the limit the oldest event is discarded and
/// counted. Default: 1,024.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_options_set_max_events(
    options: *mut amop_options,
    events: usize,
) -> amop_status {
    guard!({
        borrow_mut!(options)?.given.max_events = bound(events);
        Ok(())
    })
}

/// Sets how long a message is remembered, so that duplicates of it are recognised and not delivered. Default: 60 s.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_options_set_duplicate_window(
    options: *mut amop_options,
    window_ms: u64,
) -> amop_status {
    guard!({
        borrow_mut!(options)?.given.duplicate_window = time(window_ms);
        Ok(())
    })
}

/// Sets the maximum number of messages that are remembered. Default: 65,536.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_options_set_max_duplicates(
    options: *mut amop_options,
    messages: usize,
) -> amop_status {
    guard!({
        borrow_mut!(options)?.given.max_duplicates = bound(messages);
        Ok(())
    })
}

/// Sets the maximum number of threads for callbacks. They are started when needed and exit when idle. Default: 256.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_options_set_dispatcher_threads(
    options: *mut amop_options,
    threads: usize,
) -> amop_status {
    guard!({
        borrow_mut!(options)?.given.dispatcher_threads = bound(threads);
        Ok(())
    })
}
