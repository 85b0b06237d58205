//! Clients. A client is connected to one or more nodes. It reconnects automatically until it is closed, and restores
//! its topics. Close it with amop_client_close, then free it with amop_client_free.

use std::ffi::c_char;
use std::time::Duration;

use amop::{Client, Process, Result};

use crate::argument::time;
use crate::boundary::guard;
use crate::completion::Completions;
use crate::error::amop_error;
use crate::macros::{borrow, out, take, text};
use crate::options::amop_options;
use crate::status::amop_status;
use crate::unwind::guard_or;
use crate::waiting::{begin, block_on};

/// A client. Its functions may be called from any number of threads at once.
pub struct amop_client {
    client: Client,
    process: Process,
    pub(crate) completions: Completions,
}

impl amop_client {
    pub(crate) fn new(client: Client) -> amop_client {
        amop_client { client, process: Process::current(), completions: Completions::default() }
    }

    /// Closes the client in the background, without waiting.
    pub(crate) fn abandon(&self) {
        self.completions.close();
        begin(self.client.close_within(Duration::ZERO));
    }

    /// Returns the client of the core, or an error in a child process of a fork.
    pub(crate) fn client(&self) -> Result<&Client> {
        self.process.check()?;
        Ok(&self.client)
    }
}

/// Connects to the endpoints in `options`. Returns when one node is ready; the client connects to the others in the
/// background. See also amop_options_set_start_offline.
///
/// - Ownership: the caller keeps `options` and may free them. `*client` is owned by the caller; free it with
///   amop_client_free.
/// - Threads: any thread, including callbacks. Waits up to the connect timeout.
/// - Errors: AMOP_ERROR_INVALID_ARGUMENT, _INVALID_ENDPOINT; _CREDENTIALS_NOT_FOUND, _CREDENTIALS_INVALID,
///   _KEY_ENCRYPTED, _KEY_MISMATCH, _CERTIFICATE_DATES; _RUNTIME. If no node can be reached, the error of the first
///   endpoint: _RESOLVE, _CONNECT, _CONNECT_TIMEOUT, _TLS, _NODE_CERTIFICATE, _CLIENT_CERTIFICATE, _TLS_NO_COMMON,
///   _HANDSHAKE.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn amop_client_connect(
    options: *const amop_options,
    client: *mut *mut amop_client,
    error: *mut *mut amop_error,
) -> amop_status {
    guard!(error, {
        let out = out!(client)?;
        let connected = block_on(borrow!(options)?.builder()?.connect())?;
        out.give(amop_client::new(connected));
        Ok(())
    })
}

/// Closes the client. Calls in flight fail with AMOP_ERROR_CLOSED. Callbacks process what is queued for them until
/// the timeout; the rest is discarded and counted. When AMOP_OK is returned, no callback of this client runs any more
/// and every `drop` has been called. A second call waits for the first one.
///
/// - Ownership: the caller keeps `client`. Its functions fail with AMOP_ERROR_CLOSED from now on.
/// - Threads: any thread. Waits up to `timeout_ms` (0: the close timeout of the options). Inside of a callback it
///   returns at once, and the client closes after the callback has returned.
/// - Errors: AMOP_ERROR_TIMEOUT if a callback has not returned; its context is kept until it does.
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

/// Frees a client. A client that is not closed closes in the background, without waiting: what is queued is
/// discarded, calls in flight fail with AMOP_ERROR_CLOSED, and each `drop` is called after the last call.
/// Subscriptions and services end, but their handles remain valid. Call amop_client_close first for an orderly
/// shutdown.
///
/// - Threads: any thread, including callbacks. Never waits.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_client_free(client: *mut amop_client) {
    guard_or!((), {
        if let Some(handle) = take!(client) {
            handle.abandon();
        }
    })
}

/// Loads the credentials again from the same files, which were renewed, and makes the connections anew with them, one
/// after the other: each once no call is in flight and no request unanswered there, or after the close timeout. If the
/// credentials can't be used, the previous ones stay in use and no connection is ended. If a node can't be connected
/// anew, the connections to the nodes after it are left as they are. Without this call the files are read again at each
/// reconnect.
///
/// - Threads: any thread. Waits up to the connect timeout, and for each endpoint up to the connect and close timeouts.
///   A callback should not call it, because its own request is unanswered meanwhile.
/// - Errors: AMOP_ERROR_CREDENTIALS_NOT_FOUND, _CREDENTIALS_INVALID, _KEY_ENCRYPTED, _KEY_MISMATCH, _CERTIFICATE_DATES;
///   _INVALID_ARGUMENT, also if the credentials were given as text; the errors of amop_client_connect for a node;
///   _CONNECT_TIMEOUT, _RUNTIME, _CLOSED, _FORKED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_client_reload_credentials(
    client: *const amop_client,
    error: *mut *mut amop_error,
) -> amop_status {
    guard!(error, { block_on(borrow!(client)?.client()?.reload_credentials()) })
}

/// Adds an endpoint to connect to. Does nothing if the client already has it.
///
/// - Ownership: `endpoint` is copied.
/// - Threads: any thread, including callbacks. Never waits.
/// - Errors: AMOP_ERROR_INVALID_ENDPOINT, _INVALID_ARGUMENT, _CLOSED, _FORKED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_client_add_endpoint(
    client: *const amop_client,
    endpoint: *const c_char,
    error: *mut *mut amop_error,
) -> amop_status {
    guard!(error, { borrow!(client)?.client()?.add_endpoint(text!(endpoint)?) })
}

/// Removes an endpoint. Queued messages are still written. The connection is closed once no call is in flight and no
/// request unanswered, or after the close timeout; calls still in flight then fail with AMOP_ERROR_CONNECTION_LOST.
/// Topics listed only at that node move to another. Does nothing if the client has no such endpoint.
///
/// - Ownership: `endpoint` is copied.
/// - Threads: any thread, including callbacks. Never waits.
/// - Errors: AMOP_ERROR_INVALID_ENDPOINT, _INVALID_ARGUMENT, _CLOSED, _FORKED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_client_remove_endpoint(
    client: *const amop_client,
    endpoint: *const c_char,
    error: *mut *mut amop_error,
) -> amop_status {
    guard!(error, { borrow!(client)?.client()?.remove_endpoint(text!(endpoint)?) })
}
