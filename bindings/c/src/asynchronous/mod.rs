//! The functions that wait, in forms that do not, so that an event loop never stalls.

mod clients;
mod services;
mod subscriptions;

use amop::{Client, Result};

use crate::call::{amop_call, give};
use crate::pointer::Out;

/// Waits in the background until a new subscription or service is `confirmed`, and passes the outcome to `done`. Stores its
/// handle, unless `out` is NULL, before any of that can happen, and then the handle of the call.
///
/// # Errors
/// Returns why the call can't be started. The subscription or service is dropped then, and `*out` is NULL.
fn confirm<T>(
    client: &Client,
    (made, confirmed): (T, impl Future<Output = Result<()>> + Send + 'static),
    done: impl FnOnce(Result<()>) + Send + 'static,
    out: Option<Out<'_, *mut T>>,
    call: Option<Out<'_, *mut amop_call>>,
) -> Result<()> {
    let start = || client.start_call(confirmed, done).map(|started| give(started, call));
    match out {
        Some(out) => out.give_before(made, start),
        None => start(),
    }
}
