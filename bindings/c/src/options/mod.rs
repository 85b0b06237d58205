//! Options of a client. An options object is created with amop_options_new, filled by setters and read by
//! amop_client_connect. It may be used for several clients. What is not set has its default.
//!
//! Unless a function states otherwise:
//!
//! - Threads: any thread, including callbacks, but only one at a time.
//! - Errors: AMOP_ERROR_INVALID_ARGUMENT. Whether the values are acceptable together is checked by
//!   amop_client_connect.

use std::ffi::c_char;

use amop::{ClientBuilder, Settings};

use crate::argument::time;
use crate::boundary::guard;
use crate::generation::generations_of;
use crate::macros::{borrow_mut, free, text};
use crate::retry::retry_of;
use crate::status::amop_status;
use crate::tls::tls_of;
use crate::unwind::guard_or;

mod by_name;
mod credentials;
mod limits;

/// Settings of a client.
#[derive(Default)]
pub struct amop_options {
    /// Holds the listeners.
    pub(crate) base: ClientBuilder,
    config_file: Option<String>,
    pub(crate) given: Settings,
}

impl amop_options {
    fn add_endpoint(&mut self, endpoint: &str) {
        self.given.endpoints.get_or_insert_default().push(endpoint.to_owned());
    }

    /// Returns a builder of the core with these settings.
    ///
    /// # Errors
    /// Returns an error if there is a configuration file and this build cannot read it.
    pub(crate) fn builder(&self) -> amop::Result<ClientBuilder> {
        let builder = with_config_file(self.base.clone(), self.config_file.as_deref())?;
        Ok(builder.settings(self.given.clone()))
    }
}

#[cfg(feature = "config")]
fn with_config_file(builder: ClientBuilder, file: Option<&str>) -> amop::Result<ClientBuilder> {
    Ok(match file {
        Some(file) => builder.config_file(file),
        None => builder,
    })
}

#[cfg(not(feature = "config"))]
fn with_config_file(builder: ClientBuilder, file: Option<&str>) -> amop::Result<ClientBuilder> {
    match file {
        Some(_) => Err(amop::Error::undelivered(
            amop::ErrorKind::Unsupported,
            "this build reads no configuration files: build the library with its feature config",
        )),
        None => Ok(builder),
    }
}

/// Creates options without an endpoint, with defaults for everything else.
///
/// - Ownership: the options are owned by the caller; free them with amop_options_free.
/// - Errors: none.
#[unsafe(no_mangle)]
#[must_use]
pub extern "C" fn amop_options_new() -> *mut amop_options {
    guard_or!(std::ptr::null_mut(), { Box::into_raw(Box::default()) })
}

/// Frees options. Clients that were connected with them are not affected.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_options_free(options: *mut amop_options) {
    guard_or!((), { free!(options) })
}

/// Adds a node to connect to: `host:port`, `IPv4:port` or `[IPv6]:port`. The format is checked by
/// amop_client_connect. Call it once for each node.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_options_add_endpoint(
    options: *mut amop_options,
    endpoint: *const c_char,
) -> amop_status {
    guard!({
        borrow_mut!(options)?.add_endpoint(text!(endpoint)?);
        Ok(())
    })
}

/// Sets the path of a configuration file: a TOML file of this library, or the file that a program has for another SDK
/// (java-sdk, go-sdk, the C SDK, web3sdk, nodejs-sdk, python-sdk), whose kind is recognised by its content. It is read by
/// amop_client_connect. The other options precede what the file states; if an endpoint was added, those of the file are
/// not used. A build without configuration files fails to connect with AMOP_ERROR_UNSUPPORTED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_options_set_config_file(
    options: *mut amop_options,
    file: *const c_char,
) -> amop_status {
    guard!({
        borrow_mut!(options)?.config_file = Some(text!(file)?.to_owned());
        Ok(())
    })
}

/// Sets the kind of TLS, an AMOP_TLS_*. Default: AMOP_TLS_AUTO, with which the credentials decide. Connecting fails with
/// AMOP_ERROR_INVALID_ARGUMENT if the credentials are for another kind.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_options_set_tls(options: *mut amop_options, tls: i32) -> amop_status {
    guard!({
        borrow_mut!(options)?.given.tls = Some(tls_of(tls)?);
        Ok(())
    })
}

/// Sets how long before its end a certificate in use is reported as AMOP_EVENT_CERTIFICATE_EXPIRING. Default: 14 days.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_options_set_expiry_warning(
    options: *mut amop_options,
    warning_ms: u64,
) -> amop_status {
    guard!({
        borrow_mut!(options)?.given.expiry_warning = time(warning_ms);
        Ok(())
    })
}

/// Sets the time limit of one attempt to connect, which includes TCP, TLS and channel handshake. Default: 10 s.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_options_set_connect_timeout(
    options: *mut amop_options,
    timeout_ms: u64,
) -> amop_status {
    guard!({
        borrow_mut!(options)?.given.connect_timeout = time(timeout_ms);
        Ok(())
    })
}

/// Sets the time limit of calls that state none. Default: 10 s.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_options_set_call_timeout(
    options: *mut amop_options,
    timeout_ms: u64,
) -> amop_status {
    guard!({
        borrow_mut!(options)?.given.call_timeout = time(timeout_ms);
        Ok(())
    })
}

/// Sets how long amop_client_close and the unsubscribe functions wait for callbacks if no timeout is passed to them.
/// Default: 5 s.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_options_set_close_timeout(
    options: *mut amop_options,
    timeout_ms: u64,
) -> amop_status {
    guard!({
        borrow_mut!(options)?.given.close_timeout = time(timeout_ms);
        Ok(())
    })
}

/// Sets the heartbeat interval. Default: 10 s. Keep it below 60 s, because nodes close connections that are idle for
/// that long. See amop_options_set_missed_heartbeats.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_options_set_heartbeat(
    options: *mut amop_options,
    interval_ms: u64,
) -> amop_status {
    guard!({
        borrow_mut!(options)?.given.heartbeat = time(interval_ms);
        Ok(())
    })
}

/// Sets the number of heartbeat intervals after which a connection on which nothing arrives is closed. Default: 2.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_options_set_missed_heartbeats(
    options: *mut amop_options,
    heartbeats: u32,
) -> amop_status {
    guard!({
        borrow_mut!(options)?.given.missed_heartbeats = (heartbeats > 0).then_some(heartbeats);
        Ok(())
    })
}

/// Sets whether amop_client_connect creates a client even if no node can be reached. The client keeps trying, and
/// until it succeeds calls fail with AMOP_ERROR_NOT_CONNECTED. Invalid options or credentials are still errors.
/// Default: false.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_options_set_start_offline(
    options: *mut amop_options,
    offline: bool,
) -> amop_status {
    guard!({
        borrow_mut!(options)?.given.start_offline = Some(offline);
        Ok(())
    })
}

/// Sets the pause before the first attempt to reconnect. The pause doubles with each failed attempt, up to the
/// longest pause, and is varied randomly by up to 50 %. Default: 100 ms.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_options_set_reconnect_min(
    options: *mut amop_options,
    pause_ms: u64,
) -> amop_status {
    guard!({
        borrow_mut!(options)?.given.reconnect_min = time(pause_ms);
        Ok(())
    })
}

/// Sets the longest pause between attempts to reconnect. Default: 10 s.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_options_set_reconnect_max(
    options: *mut amop_options,
    pause_ms: u64,
) -> amop_status {
    guard!({
        borrow_mut!(options)?.given.reconnect_max = time(pause_ms);
        Ok(())
    })
}

/// Sets how long a request may wait for its answer before the library answers TOO_SLOW on behalf of the service.
/// Default: 4.5 s, at 3.x nodes 29.5 s: half a second before the node would deliver the message again.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_options_set_answer_timeout(
    options: *mut amop_options,
    timeout_ms: u64,
) -> amop_status {
    guard!({
        borrow_mut!(options)?.given.answer_timeout = time(timeout_ms);
        Ok(())
    })
}

/// Sets which generations of nodes the client connects to: an AMOP_GENERATION_*. Default: AMOP_GENERATION_AUTO, with
/// which it tries both at each endpoint until it has been connected there. All nodes of one client are of one
/// generation, that of the first one connected; endpoints of the other one are down with AMOP_ERROR_UNSUPPORTED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_options_set_generation(
    options: *mut amop_options,
    generation: i32,
) -> amop_status {
    guard!({
        borrow_mut!(options)?.given.generation = Some(generations_of(generation)?);
        Ok(())
    })
}

/// Sets when failed calls are retried automatically: an AMOP_RETRY_*. Default: AMOP_RETRY_DEFINITE.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_options_set_retry(options: *mut amop_options, retry: i32) -> amop_status {
    guard!({
        borrow_mut!(options)?.given.retry = retry_of(retry)?;
        Ok(())
    })
}

/// Sets whether the client's own broadcasts are delivered to its own subscriptions. Default: false.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_options_set_echo(options: *mut amop_options, echo: bool) -> amop_status {
    guard!({
        borrow_mut!(options)?.given.echo = Some(echo);
        Ok(())
    })
}

/// Sets the group of the chain in which nodes are asked for their peers. Messages do not depend on groups. Default:
/// 1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_options_set_group(options: *mut amop_options, group: i64) -> amop_status {
    guard!({
        borrow_mut!(options)?.given.group = (group != 0).then_some(group);
        Ok(())
    })
}
