//! The values that callers set: options of a client by name, limits of a subscription, and words for choices.

use amop::{ClientBuilder, Confirm, Generations, Overflow, Placement, PrivateKey, Retry, Tls};
use pyo3::conversion::FromPyObjectOwned;
use pyo3::exceptions::{PyOverflowError, PyTypeError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyDict;
use std::path::PathBuf;
use std::time::Duration;

use crate::calling::call;
use crate::error::{Result, unusable};
use crate::handler::{EventRunner, Handler};
use crate::payload::Payload;
use crate::private_topic::private_key;
use crate::units::{optional_seconds, seconds, size, unbounded_seconds};

/// Converts one of several words.
pub(crate) fn choice<T: Copy>(py: Python<'_>, name: &str, given: &str, words: &[(&str, T)]) -> Result<T> {
    words.iter().find(|(word, _)| *word == given).map(|(_, choice)| *choice).ok_or_else(|| {
        let known: Vec<_> = words.iter().map(|(word, _)| *word).collect();
        unusable(py, format!("invalid {name} {given:?}: use one of {}", known.join(", ")))
    })
}

pub(crate) fn retry(py: Python<'_>, given: &str) -> Result<Retry> {
    let words =
        [("never", Retry::Never), ("definite", Retry::Definite), ("at_least_once", Retry::AtLeastOnce)];
    choice(py, "retry", given, &words)
}

fn generation(py: Python<'_>, given: &str) -> Result<Generations> {
    choice(py, "generation", given, &Generations::ALL.map(|generations| (generations.name(), generations)))
}

pub(crate) fn tls(py: Python<'_>, given: &str) -> Result<Tls> {
    choice(py, "tls", given, &Tls::ALL.map(|tls| (tls.name(), tls)))
}

fn placement(py: Python<'_>, given: &str) -> Result<Placement> {
    choice(py, "placement", given, &[("all", Placement::All), ("one", Placement::One)])
}

fn overflow(py: Python<'_>, given: &str) -> Result<Overflow> {
    choice(py, "overflow", given, &[("refuse", Overflow::Refuse), ("drop_oldest", Overflow::DropOldest)])
}

fn confirm(py: Python<'_>, given: &str) -> Result<Confirm> {
    let words = [("auto", Confirm::Auto), ("always", Confirm::Always), ("never", Confirm::Never)];
    choice(py, "confirm", given, &words)
}

/// Calls a setter of a builder if there is a value.
pub(crate) fn set<B, T>(builder: B, given: Option<T>, with: impl FnOnce(B, T) -> B) -> B {
    match given {
        Some(value) => with(builder, value),
        None => builder,
    }
}

/// The options of a subscription or service, which the Python code passes as an object with these attributes.
pub(crate) struct Given {
    max_messages: Option<i128>,
    max_bytes: Option<i128>,
    overflow: Option<String>,
    placement: Option<String>,
    confirm: Option<String>,
    concurrency: Option<i128>,
    timeout: Option<f64>,
    key: Option<Payload>,
    password: Option<String>,
}

impl<'py> FromPyObject<'_, 'py> for Given {
    type Error = PyErr;

    fn extract(object: Borrowed<'_, 'py, PyAny>) -> Result<Given> {
        fn field<'py, T>(given: Borrowed<'_, 'py, PyAny>, name: &str) -> Result<T>
        where
            T: FromPyObjectOwned<'py>,
        {
            let value = given.getattr(name)?;
            value.extract::<T>().map_err(Into::<PyErr>::into).map_err(|error| named(given.py(), name, error))
        }
        Ok(Given {
            max_messages: field(object, "max_messages")?,
            max_bytes: field(object, "max_bytes")?,
            overflow: field(object, "overflow")?,
            placement: field(object, "placement")?,
            confirm: field(object, "confirm")?,
            concurrency: field(object, "concurrency")?,
            timeout: field(object, "timeout")?,
            key: field(object, "key")?,
            password: field(object, "key_password")?,
        })
    }
}

/// The options of a subscription or service, checked.
pub(crate) struct Bounds {
    pub(crate) max_messages: Option<usize>,
    pub(crate) max_bytes: Option<usize>,
    pub(crate) overflow: Option<Overflow>,
    pub(crate) placement: Option<Placement>,
    pub(crate) confirm: Option<Confirm>,
    pub(crate) concurrency: Option<usize>,
    pub(crate) timeout: Option<Duration>,
    pub(crate) key: Option<PrivateKey>,
}

impl Given {
    pub(crate) fn check(self, py: Python<'_>) -> Result<Bounds> {
        let Given { max_messages, max_bytes, overflow: overflows, placement: placed, .. } = self;
        let Given { confirm: confirmed, concurrency, timeout, key, password, .. } = self;
        Ok(Bounds {
            max_messages: max_messages.map(|given| size(py, "max_messages", given)).transpose()?,
            max_bytes: max_bytes.map(|given| size(py, "max_bytes", given)).transpose()?,
            overflow: overflows.map(|given| overflow(py, &given)).transpose()?,
            placement: placed.map(|given| placement(py, &given)).transpose()?,
            confirm: confirmed.map(|given| confirm(py, &given)).transpose()?,
            concurrency: concurrency.map(|given| size(py, "concurrency", given)).transpose()?,
            timeout: optional_seconds(py, "timeout", timeout)?,
            key: key.map(|key| private_key(py, &key, password.as_deref())).transpose()?,
        })
    }
}

/// Returns a builder with these options. Those that are None keep their defaults.
pub(crate) fn client(
    py: Python<'_>,
    endpoints: Vec<String>,
    options: &Bound<'_, PyDict>,
) -> Result<ClientBuilder> {
    let mut client = amop::Client::builder().endpoints(endpoints);
    for (name, value) in options {
        let name: String = name.extract()?;
        if !value.is_none() {
            let added = option(py, client, &name, &value).map_err(|error| named(py, &name, error))?;
            client = added.ok_or_else(|| unknown_option(py, &name))?;
        }
    }
    Ok(client)
}

/// Adds the name of the option to the error of a value that can't be used for it.
fn named(py: Python<'_>, name: &str, error: PyErr) -> PyErr {
    if error.is_instance_of::<PyOverflowError>(py) {
        return unusable(py, format!("invalid {name}: the number is too large"));
    }
    if !error.is_instance_of::<PyTypeError>(py) {
        return error;
    }
    let named = PyTypeError::new_err(format!("the option {name}: {}", error.value(py)));
    named.set_cause(py, Some(error));
    named
}

/// Returns the error of an option that a client does not have, which names the most similar one.
fn unknown_option(py: Python<'_>, name: &str) -> PyErr {
    static TEXT: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let text = TEXT.import(py, "amop._options", "unknown_option");
    let text = text.and_then(|text| call(text, (name,))?.extract::<String>());
    text.map_or_else(|error| error, PyTypeError::new_err)
}

/// Returns the builder with one more option, `None` if there is no option of this name.
fn option(
    py: Python<'_>,
    client: ClientBuilder,
    name: &str,
    value: &Bound<'_, PyAny>,
) -> Result<Option<ClientBuilder>> {
    let time = || seconds(py, name, value.extract()?);
    let bound = || size(py, name, value.extract()?);
    Ok(Some(match name {
        "config_file" => client.config_file(value.extract::<PathBuf>()?),
        "credentials" => client.credentials(value.extract::<PathBuf>()?),
        "credential_files" => {
            let (ca, cert, key) = value.extract::<(PathBuf, PathBuf, PathBuf)>()?;
            client.credential_files(ca, cert, key)
        }
        "credential_pem" => {
            let (ca, cert, key) = value.extract::<(Payload, Payload, Payload)>()?;
            client.credential_pem(ca.0, cert.0, key.0)
        }
        "credential_files_gm" => {
            let (ca, cert, key, enc_cert, enc_key) =
                value.extract::<(PathBuf, PathBuf, PathBuf, PathBuf, PathBuf)>()?;
            client.credential_files_gm(ca, cert, key, enc_cert, enc_key)
        }
        "credential_pem_gm" => {
            let (ca, cert, key, enc_cert, enc_key) =
                value.extract::<(Payload, Payload, Payload, Payload, Payload)>()?;
            client.credential_pem_gm(ca.0, cert.0, key.0, enc_cert.0, enc_key.0)
        }
        "tls" => client.tls(tls(py, &value.extract::<String>()?)?),
        "expiry_warning" => client.expiry_warning(unbounded_seconds(py, name, value.extract()?)?),
        "start_offline" => client.start_offline(value.extract()?),
        "connect_timeout" => client.connect_timeout(time()?),
        "call_timeout" => client.call_timeout(time()?),
        "close_timeout" => client.close_timeout(time()?),
        "heartbeat" => client.heartbeat(time()?),
        "missed_heartbeats" => {
            let most = bound()?;
            client.missed_heartbeats(u32::try_from(most).unwrap_or(u32::MAX))
        }
        "reconnect_min" => client.reconnect_min(time()?),
        "reconnect_max" => client.reconnect_max(time()?),
        "answer_timeout" => client.answer_timeout(time()?),
        "generation" => client.generation(generation(py, &value.extract::<String>()?)?),
        "retry" => client.retry(retry(py, &value.extract::<String>()?)?),
        "echo" => client.echo(value.extract()?),
        "group" => client.group(value.extract()?),
        "max_in_flight" => client.max_in_flight(bound()?),
        "max_send_bytes" => client.max_send_bytes(bound()?),
        "max_held_bytes" => client.max_held_bytes(bound()?),
        "max_events" => client.max_events(bound()?),
        "max_duplicates" => client.max_duplicates(bound()?),
        "duplicate_window" => client.duplicate_window(time()?),
        "on_event" => {
            let runner = EventRunner::new(value.cast::<Handler>()?)?;
            client.on_event(move |event| runner.call(event))
        }
        "dispatcher_threads" => client.dispatcher_threads(bound()?),
        _ => return Ok(None),
    }))
}
