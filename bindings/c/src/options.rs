//! Options of a client. Made with amop_options_new, filled with setters that copy, read by amop_client_connect,
//! and free for reuse. What isn't set has its default.

use std::ffi::{c_char, c_void};
use std::time::Duration;

use amop::{Client, ClientBuilder, Result, Retry};

use crate::boundary::{borrow_mut, free, guard, payload, text, time, unusable};
use crate::status::amop_status;

/// A client's settings. Belongs to one thread at a time.
#[derive(Default)]
pub struct amop_options {
    endpoints: Vec<String>,
    credentials: Credentials,
    connect_timeout: Option<Duration>,
    call_timeout: Option<Duration>,
    close_timeout: Option<Duration>,
    heartbeat: Option<Duration>,
    missed_heartbeats: Option<u32>,
    start_offline: Option<bool>,
    reconnect_min: Option<Duration>,
    reconnect_max: Option<Duration>,
    answer_timeout: Option<Duration>,
    retry: Option<Retry>,
    echo: Option<bool>,
    max_in_flight: Option<usize>,
    max_send_bytes: Option<usize>,
    max_held_bytes: Option<usize>,
    max_events: Option<usize>,
    duplicate_window: Option<Duration>,
    max_duplicates: Option<usize>,
    group: Option<i64>,
    dispatcher_threads: Option<usize>,
}

#[derive(Default)]
enum Credentials {
    #[default]
    Discover,
    Folder(String),
    Files([String; 3]),
    Pem([Vec<u8>; 3]),
}

/// When a failed publish is tried again by itself.
#[repr(i32)]
pub enum amop_retry {
    /// As the client's options say; on the client itself: AMOP_RETRY_DEFINITE.
    AMOP_RETRY_DEFAULT = 0,
    /// Never.
    AMOP_RETRY_NEVER = 1,
    /// On another node, when the failure says that nothing was delivered.
    AMOP_RETRY_DEFINITE = 2,
    /// Also when it may have been delivered. Subscribers that use this library drop the duplicate, others may handle
    /// the message more than once.
    AMOP_RETRY_AT_LEAST_ONCE = 3,
}

/// A number from C as the core knows it.
pub(crate) fn retry_of(number: i32) -> Result<Option<Retry>> {
    const DEFAULT: i32 = amop_retry::AMOP_RETRY_DEFAULT as i32;
    const NEVER: i32 = amop_retry::AMOP_RETRY_NEVER as i32;
    const DEFINITE: i32 = amop_retry::AMOP_RETRY_DEFINITE as i32;
    const AT_LEAST_ONCE: i32 = amop_retry::AMOP_RETRY_AT_LEAST_ONCE as i32;
    match number {
        DEFAULT => Ok(None),
        NEVER => Ok(Some(Retry::Never)),
        DEFINITE => Ok(Some(Retry::Definite)),
        AT_LEAST_ONCE => Ok(Some(Retry::AtLeastOnce)),
        _ => Err(unusable(format!("{number} is no AMOP_RETRY_*"))),
    }
}

/// A bound from C: 0 takes the default.
pub(crate) fn bound(number: usize) -> Option<usize> {
    (number > 0).then_some(number)
}

impl amop_options {
    /// The core's settings.
    pub(crate) fn builder(&self) -> ClientBuilder {
        let builder = Client::builder().endpoints(&self.endpoints);
        let builder = match &self.credentials {
            Credentials::Discover => builder,
            Credentials::Folder(folder) => builder.credentials(folder),
            Credentials::Files([ca, cert, key]) => builder.credential_files(ca, cert, key),
            Credentials::Pem([ca, cert, key]) => {
                builder.credential_pem(ca.clone(), cert.clone(), key.clone())
            }
        };
        let builder = apply(builder, self.connect_timeout, ClientBuilder::connect_timeout);
        let builder = apply(builder, self.call_timeout, ClientBuilder::call_timeout);
        let builder = apply(builder, self.close_timeout, ClientBuilder::close_timeout);
        let builder = apply(builder, self.heartbeat, ClientBuilder::heartbeat);
        let builder = apply(builder, self.missed_heartbeats, ClientBuilder::missed_heartbeats);
        let builder = apply(builder, self.start_offline, ClientBuilder::start_offline);
        let builder = apply(builder, self.reconnect_min, ClientBuilder::reconnect_min);
        let builder = apply(builder, self.reconnect_max, ClientBuilder::reconnect_max);
        let builder = apply(builder, self.answer_timeout, ClientBuilder::answer_timeout);
        let builder = apply(builder, self.retry, ClientBuilder::retry);
        let builder = apply(builder, self.echo, ClientBuilder::echo);
        let builder = apply(builder, self.max_in_flight, ClientBuilder::max_in_flight);
        let builder = apply(builder, self.max_send_bytes, ClientBuilder::max_send_bytes);
        let builder = apply(builder, self.max_held_bytes, ClientBuilder::max_held_bytes);
        let builder = apply(builder, self.max_events, ClientBuilder::max_events);
        let builder = apply(builder, self.duplicate_window, ClientBuilder::duplicate_window);
        let builder = apply(builder, self.max_duplicates, ClientBuilder::max_duplicates);
        let builder = apply(builder, self.group, ClientBuilder::group);
        apply(builder, self.dispatcher_threads, ClientBuilder::dispatcher_threads)
    }
}

/// Sets what was set.
pub(crate) fn apply<B, T>(builder: B, value: Option<T>, set: impl FnOnce(B, T) -> B) -> B {
    match value {
        Some(value) => set(builder, value),
        None => builder,
    }
}

/// Empty options: no endpoint, credentials looked for, defaults for the rest.
///
/// - Ownership: the options are the caller's, for amop_options_free.
/// - Threads: any, callbacks too.
/// - Errors: none.
#[unsafe(no_mangle)]
pub extern "C" fn amop_options_new() -> *mut amop_options {
    guard!(or std::ptr::null_mut(), { Box::into_raw(Box::default()) })
}

/// Frees options; clients that were made with them keep theirs.
///
/// - Ownership: `options` is gone; NULL is fine.
/// - Threads: one at a time; callbacks too.
/// - Errors: none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_options_free(options: *mut amop_options) {
    guard!(or(), { free!(options) })
}

/// A node to connect to: `host:port`, `IPv4:port` or `[IPv6]:port`. Several calls name several nodes.
///
/// - Ownership: `endpoint` is copied.
/// - Threads: one at a time; callbacks too.
/// - Errors: AMOP_ERROR_INVALID_ARGUMENT; whether it is an endpoint is checked by amop_client_connect.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_options_add_endpoint(
    options: *mut amop_options,
    endpoint: *const c_char,
) -> amop_status {
    guard!({
        borrow_mut!(options)?.endpoints.push(text!(endpoint)?.to_owned());
        Ok(())
    })
}

/// The folder with `ca.crt`, `sdk.crt` and `sdk.key`.
///
/// Without credentials given, they are looked for in `$AMOP_CREDENTIALS`, `.`, `conf`, `sdk`,
/// `nodes/127.0.0.1/sdk` and `amop-devnet/sdk`. The files are found when connecting. The
/// same files are read again at each reconnect, whatever the current folder is then.
///
/// - Ownership: `folder` is copied.
/// - Threads: one at a time; callbacks too.
/// - Errors: AMOP_ERROR_INVALID_ARGUMENT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_options_set_credentials(
    options: *mut amop_options,
    folder: *const c_char,
) -> amop_status {
    guard!({
        borrow_mut!(options)?.credentials = Credentials::Folder(text!(folder)?.to_owned());
        Ok(())
    })
}

/// The three files by name: the CA, the own certificate followed by those between it and the CA, the private key
/// (PKCS#8 or SEC1, not encrypted); all PEM.
///
/// - Ownership: the names are copied.
/// - Threads: one at a time; callbacks too.
/// - Errors: AMOP_ERROR_INVALID_ARGUMENT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_options_set_credential_files(
    options: *mut amop_options,
    ca: *const c_char,
    cert: *const c_char,
    key: *const c_char,
) -> amop_status {
    guard!({
        let options = borrow_mut!(options)?;
        let files = [text!(ca)?, text!(cert)?, text!(key)?];
        options.credentials = Credentials::Files(files.map(str::to_owned));
        Ok(())
    })
}

/// The content of three such files.
///
/// - Ownership: the bytes are copied.
/// - Threads: one at a time; callbacks too.
/// - Errors: AMOP_ERROR_INVALID_ARGUMENT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_options_set_credential_pem(
    options: *mut amop_options,
    ca: *const c_void,
    ca_len: usize,
    cert: *const c_void,
    cert_len: usize,
    key: *const c_void,
    key_len: usize,
) -> amop_status {
    guard!({
        let options = borrow_mut!(options)?;
        let files = [payload!(ca, ca_len)?, payload!(cert, cert_len)?, payload!(key, key_len)?];
        options.credentials = Credentials::Pem(files.map(Vec::from));
        Ok(())
    })
}

/// How long one try to connect may take: TCP, TLS and handshake together. Default 10 s.
///
/// - Ownership: nothing changes hands.
/// - Threads: one at a time; callbacks too.
/// - Errors: AMOP_ERROR_INVALID_ARGUMENT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_options_set_connect_timeout(
    options: *mut amop_options,
    timeout_ms: u64,
) -> amop_status {
    guard!({
        borrow_mut!(options)?.connect_timeout = time(timeout_ms);
        Ok(())
    })
}

/// The deadline of every call that has none of its own. Default 10 s.
///
/// - Ownership: nothing changes hands.
/// - Threads: one at a time; callbacks too.
/// - Errors: AMOP_ERROR_INVALID_ARGUMENT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_options_set_call_timeout(
    options: *mut amop_options,
    timeout_ms: u64,
) -> amop_status {
    guard!({
        borrow_mut!(options)?.call_timeout = time(timeout_ms);
        Ok(())
    })
}

/// How long amop_client_close and the unsubscribe functions let callbacks finish, unless told otherwise.
/// Default 5 s.
///
/// - Ownership: nothing changes hands.
/// - Threads: one at a time; callbacks too.
/// - Errors: AMOP_ERROR_INVALID_ARGUMENT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_options_set_close_timeout(
    options: *mut amop_options,
    timeout_ms: u64,
) -> amop_status {
    guard!({
        borrow_mut!(options)?.close_timeout = time(timeout_ms);
        Ok(())
    })
}

/// The time between heartbeats; a node silent for two of them is dead. Default 10 s; nodes end a connection that
/// is idle for 60 s.
///
/// - Ownership: nothing changes hands.
/// - Threads: one at a time; callbacks too.
/// - Errors: AMOP_ERROR_INVALID_ARGUMENT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_options_set_heartbeat(
    options: *mut amop_options,
    interval_ms: u64,
) -> amop_status {
    guard!({
        borrow_mut!(options)?.heartbeat = time(interval_ms);
        Ok(())
    })
}

/// After how many heartbeats in a row without a byte from the node a connection is dead. Default 2.
///
/// - Ownership: nothing changes hands.
/// - Threads: one at a time; callbacks too.
/// - Errors: AMOP_ERROR_INVALID_ARGUMENT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_options_set_missed_heartbeats(
    options: *mut amop_options,
    heartbeats: u32,
) -> amop_status {
    guard!({
        borrow_mut!(options)?.missed_heartbeats = (heartbeats > 0).then_some(heartbeats);
        Ok(())
    })
}

/// Whether amop_client_connect puts out a client though no node can be reached: it goes on trying, and until it
/// succeeds calls end as not connected. Default no. What can't change by itself, such as credentials, is an error all
/// the same.
///
/// - Ownership: nothing changes hands.
/// - Threads: one at a time; callbacks too.
/// - Errors: AMOP_ERROR_INVALID_ARGUMENT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_options_set_start_offline(
    options: *mut amop_options,
    offline: bool,
) -> amop_status {
    guard!({
        borrow_mut!(options)?.start_offline = Some(offline);
        Ok(())
    })
}

/// The first pause before a reconnect; it duplicates, with +-50 % jitter. Default 100 ms.
///
/// - Ownership: nothing changes hands.
/// - Threads: one at a time; callbacks too.
/// - Errors: AMOP_ERROR_INVALID_ARGUMENT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_options_set_reconnect_min(
    options: *mut amop_options,
    pause_ms: u64,
) -> amop_status {
    guard!({
        borrow_mut!(options)?.reconnect_min = time(pause_ms);
        Ok(())
    })
}

/// The longest pause before a reconnect. Default 10 s.
///
/// - Ownership: nothing changes hands.
/// - Threads: one at a time; callbacks too.
/// - Errors: AMOP_ERROR_INVALID_ARGUMENT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_options_set_reconnect_max(
    options: *mut amop_options,
    pause_ms: u64,
) -> amop_status {
    guard!({
        borrow_mut!(options)?.reconnect_max = time(pause_ms);
        Ok(())
    })
}

/// How long a request may wait for its answer before the library answers TOO_SLOW for the service. Default 4.5 s:
/// half a second before a 2.x node would deliver the message to somebody else.
///
/// - Ownership: nothing changes hands.
/// - Threads: one at a time; callbacks too.
/// - Errors: AMOP_ERROR_INVALID_ARGUMENT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_options_set_answer_timeout(
    options: *mut amop_options,
    timeout_ms: u64,
) -> amop_status {
    guard!({
        borrow_mut!(options)?.answer_timeout = time(timeout_ms);
        Ok(())
    })
}

/// When a failed publish is tried again by itself: an AMOP_RETRY_*. Default AMOP_RETRY_DEFINITE.
///
/// - Ownership: nothing changes hands.
/// - Threads: one at a time; callbacks too.
/// - Errors: AMOP_ERROR_INVALID_ARGUMENT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_options_set_retry(options: *mut amop_options, retry: i32) -> amop_status {
    guard!({
        borrow_mut!(options)?.retry = retry_of(retry)?;
        Ok(())
    })
}

/// Whether this client's own broadcasts come back to its subscriptions. Default no.
///
/// - Ownership: nothing changes hands.
/// - Threads: one at a time; callbacks too.
/// - Errors: AMOP_ERROR_INVALID_ARGUMENT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_options_set_echo(options: *mut amop_options, echo: bool) -> amop_status {
    guard!({
        borrow_mut!(options)?.echo = Some(echo);
        Ok(())
    })
}

/// Most calls in flight per connection; beyond it a call fails at once. Default 65,536.
///
/// - Ownership: nothing changes hands.
/// - Threads: one at a time; callbacks too.
/// - Errors: AMOP_ERROR_INVALID_ARGUMENT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_options_set_max_in_flight(
    options: *mut amop_options,
    calls: usize,
) -> amop_status {
    guard!({
        borrow_mut!(options)?.max_in_flight = bound(calls);
        Ok(())
    })
}

/// Most bytes queued to send per connection. Default 256 MiB.
///
/// - Ownership: nothing changes hands.
/// - Threads: one at a time; callbacks too.
/// - Errors: AMOP_ERROR_INVALID_ARGUMENT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_options_set_max_send_bytes(
    options: *mut amop_options,
    bytes: usize,
) -> amop_status {
    guard!({
        borrow_mut!(options)?.max_send_bytes = bound(bytes);
        Ok(())
    })
}

/// Most bytes held in all subscriptions and services together, payloads and 160 for each message. Beyond it each still
/// takes one message when it is empty, and one that drops its oldest makes its own room. Default 512 MiB.
///
/// - Ownership: nothing changes hands.
/// - Threads: one at a time; callbacks too.
/// - Errors: AMOP_ERROR_INVALID_ARGUMENT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_options_set_max_held_bytes(
    options: *mut amop_options,
    bytes: usize,
) -> amop_status {
    guard!({
        borrow_mut!(options)?.max_held_bytes = bound(bytes);
        Ok(())
    })
}

/// Most events held for each listener; one that reads too slowly loses the oldest. Default 1,024.
///
/// - Ownership: nothing changes hands.
/// - Threads: one at a time; callbacks too.
/// - Errors: AMOP_ERROR_INVALID_ARGUMENT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_options_set_max_events(
    options: *mut amop_options,
    events: usize,
) -> amop_status {
    guard!({
        borrow_mut!(options)?.max_events = bound(events);
        Ok(())
    })
}

/// How long a message is remembered, so that a duplicate of it isn't delivered again. Default 60 s.
///
/// - Ownership: nothing changes hands.
/// - Threads: one at a time; callbacks too.
/// - Errors: AMOP_ERROR_INVALID_ARGUMENT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_options_set_duplicate_window(
    options: *mut amop_options,
    window_ms: u64,
) -> amop_status {
    guard!({
        borrow_mut!(options)?.duplicate_window = time(window_ms);
        Ok(())
    })
}

/// Most messages remembered for that. Default 65,536.
///
/// - Ownership: nothing changes hands.
/// - Threads: one at a time; callbacks too.
/// - Errors: AMOP_ERROR_INVALID_ARGUMENT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_options_set_max_duplicates(
    options: *mut amop_options,
    messages: usize,
) -> amop_status {
    guard!({
        borrow_mut!(options)?.max_duplicates = bound(messages);
        Ok(())
    })
}

/// The group of the chain that nodes are asked about their peers in; messages know no groups. Default 1.
///
/// - Ownership: nothing changes hands.
/// - Threads: one at a time; callbacks too.
/// - Errors: AMOP_ERROR_INVALID_ARGUMENT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_options_set_group(options: *mut amop_options, group: i64) -> amop_status {
    guard!({
        borrow_mut!(options)?.group = (group != 0).then_some(group);
        Ok(())
    })
}

/// Most threads for callbacks. Default 256; they are started when they are needed and end when they are idle.
///
/// - Ownership: nothing changes hands.
/// - Threads: one at a time; callbacks too.
/// - Errors: AMOP_ERROR_INVALID_ARGUMENT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_options_set_dispatcher_threads(
    options: *mut amop_options,
    threads: usize,
) -> amop_status {
    guard!({
        borrow_mut!(options)?.dispatcher_threads = bound(threads);
        Ok(())
    })
}
