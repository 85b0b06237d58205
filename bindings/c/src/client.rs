//! Clients. A client is a connection to one or more nodes of one's institution. It reconnects by itself, for ever,
//! and restores its topics; its end is amop_client_close, then amop_client_free.

use std::ffi::c_char;
use std::time::Duration;

use amop::{Client, Process, Result};

use crate::boundary::{borrow, guard, out, take, text, time};
use crate::call::Completions;
use crate::error::amop_error;
use crate::options::amop_options;
use crate::status::amop_status;
use crate::waiting::{begin, block_on};

/// A client; all its functions may be used from many threads at once.
pub struct amop_client {
    client: Client,
    process: Process,
    pub(crate) completions: Completions,
}

impl amop_client {
    /// The core's client; an error in the child of a fork.
    pub(crate) fn client(&self) -> Result<&Client> {
        self.process.check()?;
        Ok(&self.client)
    }
}

/// Connects. Returns when one node is ready; the others follow in the background. With amop_options_set_start_offline
/// it returns a client also when none could be reached.
///
/// - Ownership: `options` stay the caller's and may be freed; `*client` is the caller's, for amop_client_free.
/// - Threads: any; waits up to the connect timeout, in callbacks too.
/// - Errors: AMOP_ERROR_INVALID_ARGUMENT, _INVALID_ENDPOINT; _CREDENTIALS_NOT_FOUND, _CREDENTIALS_INVALID,
///   _KEY_ENCRYPTED, _KEY_MISMATCH, _CERTIFICATE_DATES; or, when no node could be reached, why the first one
///   couldn't: _RESOLVE, _CONNECT, _CONNECT_TIMEOUT, _TLS, _NODE_CERTIFICATE, _CLIENT_CERTIFICATE,
///   _TLS_NO_COMMON, _HANDSHAKE; _RUNTIME.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_client_connect(
    options: *const amop_options,
    client: *mut *mut amop_client,
    error: *mut *mut amop_error,
) -> amop_status {
    guard!(error, {
        let out = out!(client)?;
        let connected = block_on(borrow!(options)?.builder().connect())?;
        out.give(amop_client {
            client: connected,
            process: Process::current(),
            completions: Completions::default(),
        });
        Ok(())
    })
}

/// Ends the client in order: calls in flight end with AMOP_ERROR_CLOSED, callbacks get until the timeout to work
/// off what is queued, the rest is dropped and counted, connections say goodbye. When it returns AMOP_OK no
/// callback of this client runs any more, and every `drop` has been called. A second close waits for the first.
///
/// - Ownership: `client` stays the caller's; its functions answer AMOP_ERROR_CLOSED from now on.
/// - Threads: any; waits up to `timeout_ms` (0: the close timeout). In a callback it returns at once, and the end
///   comes after the callback has returned.
/// - Errors: AMOP_ERROR_TIMEOUT when a callback hasn't returned: its context is kept until it does.
///   AMOP_ERROR_INVALID_ARGUMENT, _FORKED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_client_close(
    client: *const amop_client,
    timeout_ms: u64,
    error: *mut *mut amop_error,
) -> amop_status {
    guard!(error, {
        let handle = borrow!(client)?;
        let client = handle.client()?;
        handle.completions.close();
        match time(timeout_ms) {
            Some(timeout) => block_on(client.close_within(timeout)),
            None => block_on(client.close()),
        }
    })
}

/// Frees a client. One that wasn't closed is ended in the background, without waiting for anybody: what is queued
/// is dropped, calls in flight end with AMOP_ERROR_CLOSED, and each `drop` is called after the last call. So for
/// an end in order call amop_client_close first. Subscriptions and services are ended, their handles remain valid.
///
/// - Ownership: `client` is gone; NULL is fine.
/// - Threads: any, never waits; callbacks too.
/// - Errors: none. In the child of a fork the memory is left alone.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_client_free(client: *mut amop_client) {
    guard!(or(), {
        let Some(handle) = take!(client) else { return };
        handle.completions.close();
        begin(handle.client.close_within(Duration::ZERO));
    })
}

/// A further node to connect to, from now on. One that is there already changes nothing.
///
/// - Ownership: `endpoint` is copied.
/// - Threads: any, callbacks too.
/// - Errors: AMOP_ERROR_INVALID_ENDPOINT, _INVALID_ARGUMENT, _CLOSED, _FORKED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_client_add_endpoint(
    client: *const amop_client,
    endpoint: *const c_char,
    error: *mut *mut amop_error,
) -> amop_status {
    guard!(error, { borrow!(client)?.client()?.add_endpoint(text!(endpoint)?) })
}

/// A node to leave: what is queued for it is still written, calls in flight there end as lost, and what was listed
/// at it alone moves to another. One that isn't there changes nothing.
///
/// - Ownership: `endpoint` is copied.
/// - Threads: any, callbacks too.
/// - Errors: AMOP_ERROR_INVALID_ENDPOINT, _INVALID_ARGUMENT, _CLOSED, _FORKED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_client_remove_endpoint(
    client: *const amop_client,
    endpoint: *const c_char,
    error: *mut *mut amop_error,
) -> amop_status {
    guard!(error, { borrow!(client)?.client()?.remove_endpoint(text!(endpoint)?) })
}
