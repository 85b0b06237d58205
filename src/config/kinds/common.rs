//! What several kinds of files have in common.

use crate::Result;
use crate::client::Settings;
use crate::config::Config;
use crate::config::place::Base;
use crate::config::section::{Item, Section};
use crate::transport::{CredentialSource, Endpoint, Tls};

/// Returns the error for what an SDK has and this library has not.
pub(super) fn unsupported(item: &Item<'_>, what: &str) -> crate::Error {
    crate::Error::undelivered(crate::ErrorKind::Unsupported, item.error(what).message().to_owned())
}

/// Sets the nodes, one for each item.
pub(super) fn set_endpoints(config: &mut Config, nodes: &[Item<'_>]) -> Result<()> {
    for node in nodes {
        add_endpoint(config, node, node.text()?.trim().to_owned())?;
    }
    Ok(())
}

/// Adds a node. `item` is where the file states it.
pub(super) fn add_endpoint(config: &mut Config, item: &Item<'_>, endpoint: String) -> Result<()> {
    if let Err(error) = endpoint.parse::<Endpoint>() {
        return Err(item.error(error.message()));
    }
    config.settings.endpoints.get_or_insert_default().push(endpoint);
    config.is_at("endpoints", item.line);
    Ok(())
}

/// The files of a set of credentials as an SDK names them: the key under which a file may name another path, and the
/// path without it.
pub(super) struct Files<'a> {
    pub(super) base: Base,
    pub(super) ca: (&'a str, String),
    pub(super) cert: (&'a str, String),
    pub(super) key: (&'a str, String),
    pub(super) encryption: Option<Encryption<'a>>,
}

/// The two files for encryption, of GM chains.
pub(super) struct Encryption<'a> {
    pub(super) cert: (&'a str, String),
    pub(super) key: (&'a str, String),
}

impl Files<'_> {
    /// Takes the paths from the section that may state them, and sets the credentials.
    pub(super) fn set(self, config: &mut Config, section: &Section<'_>) -> Result<()> {
        let option = if self.encryption.is_some() { "credential_files_gm" } else { "credential_files" };
        let mut path = |(key, default): (&str, String)| -> Result<_> {
            if let Some(item) = section.get(key) {
                config.is_at(option, item.line);
            }
            let given = section.text(key)?.map(str::to_owned);
            Ok(self.base.resolve(section.file(), strip_class_path(&given.unwrap_or(default))))
        };
        let (ca, cert, key) = (path(self.ca)?, path(self.cert)?, path(self.key)?);
        let source = match self.encryption {
            None => CredentialSource::Files { ca, cert, key },
            Some(encryption) => CredentialSource::GmFiles {
                ca,
                cert,
                key,
                enc_cert: path(encryption.cert)?,
                enc_key: path(encryption.key)?,
            },
        };
        config.settings.credentials = Some(source);
        Ok(())
    }
}

/// Returns a path without the mark that Java's class path has.
pub(super) fn strip_class_path(path: &str) -> &str {
    ["classpath:", "file:"].into_iter().find_map(|mark| path.strip_prefix(mark)).unwrap_or(path).trim()
}

/// Sets a group from the key of a section.
pub(super) fn set_group(config: &mut Config, section: &Section<'_>, key: &str) -> Result<()> {
    if let Some(item) = section.get(key) {
        config.settings.group = Some(item.number()?);
        config.is_at("group", item.line);
    }
    Ok(())
}

/// Sets the timeout of calls from the key of a section, in milliseconds.
pub(super) fn set_call_timeout(config: &mut Config, section: &Section<'_>, key: &str) -> Result<()> {
    if let Some(item) = section.get(key) {
        config.settings.call_timeout = section.millis(key)?;
        config.is_at("call_timeout", item.line);
    }
    Ok(())
}

/// Returns whether a key is an option of this library.
pub(super) fn is_option(key: &str) -> bool {
    Settings::names().any(|name| name == key)
}

/// Sets that connections have no TLS, which the key of a section states.
pub(super) fn set_tls_off(config: &mut Config, section: &Section<'_>, key: &str) -> Result<()> {
    config.settings.tls = Some(Tls::Off);
    if let Some(item) = section.get(key) {
        config.is_at("tls", item.line);
    }
    Ok(())
}
