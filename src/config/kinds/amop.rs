//! Our own file: options under the names that all languages use, and private topics.

use std::path::PathBuf;

use super::common::{add_endpoint, is_option, set_endpoints};
use crate::Result;
use crate::client::{PRIVATE_TOPICS, Settings};
use crate::config::place::Base;
use crate::config::section::{Item, Section};
use crate::config::tree::Value;
use crate::config::{Config, KeySource, Kind, PrivateRole, PrivateTopic, Secret};
use crate::transport::CredentialSource;

/// The key of credentials that are in the file itself.
const PEM: &str = "credential_pem";

const BASE: Base = Base::FolderOfFile;

/// Returns whether it is one of our files. A file with any value outside of tables is, so that a misspelt option is
/// reported as that.
pub(super) fn recognise(root: &Section<'_>) -> bool {
    root.all().any(|(entry, item)| {
        is_option(&entry.key)
            || [PRIVATE_TOPICS, PEM].contains(&entry.key.as_str())
            || !matches!(item.value(), Value::Table(_))
    })
}

pub(super) fn import(root: &Section<'_>) -> Result<Config> {
    let mut config = Config::new(Kind::Amop, root.file());
    let mut credentials: Option<&str> = None;
    for (entry, item) in root.all() {
        entry.mark();
        if entry.key.starts_with("credential") {
            if let Some(other) = credentials {
                return Err(item.error(&format!("it contradicts {other}: give the credentials once")));
            }
            credentials = Some(&entry.key);
        }
        match entry.key.as_str() {
            "endpoints" => match item.value() {
                Value::List(_) => set_endpoints(&mut config, &item.list()?)?,
                _ => add_endpoint(&mut config, &item, item.text()?.to_owned())?,
            },
            "credentials" => {
                let folder = BASE.resolve(root.file(), item.text()?);
                config.settings.credentials = Some(CredentialSource::Directory(folder));
            }
            "credential_files" | "credential_files_gm" => {
                config.settings.credentials = Some(files(&item, entry.key.ends_with("_gm"))?);
            }
            PEM => config.settings.credentials = Some(pem(&item)?),
            PRIVATE_TOPICS => {
                for topic in item.list()? {
                    config.private_topics.push(private_topic(&topic)?);
                }
                continue;
            }
            _ => set(&mut config.settings, &item)?,
        }
        if let Some(name) = Settings::names().chain([PEM]).find(|name| *name == entry.key) {
            config.is_at(name, item.line);
        }
    }
    Ok(config)
}

/// Sets an option from a scalar.
fn set(settings: &mut Settings, item: &Item<'_>) -> Result<()> {
    let text = item.any_text()?;
    settings.set_stated(item.path(), &text).map_err(|error| item.error(error.message()))?;
    if item.path() != "group" && settings.text(item.path()).as_deref() == Some("0") {
        return Err(item.error("it has to be above 0; leave it out for the default"));
    }
    Ok(())
}

/// Returns the credentials in three files or five, by the names of a table or in the order of a list.
fn files(item: &Item<'_>, gm: bool) -> Result<CredentialSource> {
    const NAMES: [&str; 5] = ["ca", "cert", "key", "enc_cert", "enc_key"];
    let names = if gm { &NAMES[..] } else { &NAMES[..3] };
    let expected = || item.error(&format!("it has to name the files {}", names.join(", ")));
    let paths: Vec<PathBuf> = match item.value() {
        Value::Table(_) => {
            let table = item.section()?;
            if table.all().count() != names.len() {
                return Err(expected());
            }
            let path = |name: &&str| {
                table.text(name)?.map(|path| BASE.resolve(table.file(), path)).ok_or_else(expected)
            };
            names.iter().map(path).collect::<Result<_>>()?
        }
        _ => {
            let path = |item: &Item<'_>| Ok(BASE.resolve(item.file(), item.text()?));
            item.list()?.iter().map(path).collect::<Result<_>>()?
        }
    };
    let source = if gm {
        <[PathBuf; 5]>::try_from(paths).ok().map(|[ca, cert, key, enc_cert, enc_key]| {
            CredentialSource::GmFiles { ca, cert, key, enc_cert, enc_key }
        })
    } else {
        <[PathBuf; 3]>::try_from(paths).ok().map(|[ca, cert, key]| CredentialSource::Files { ca, cert, key })
    };
    source.ok_or_else(expected)
}

/// Returns the credentials whose certificates are in the file.
fn pem(item: &Item<'_>) -> Result<CredentialSource> {
    let table = item.section()?;
    let content = |name: &str| -> Result<Vec<u8>> {
        let Some(item) = table.get(name) else { return Err(table.error(name, "it is missing")) };
        match secret(&item)? {
            Secret::Text(text) => Ok(text.as_bytes().to_vec()),
            Secret::Environment(name) => match std::env::var(&name) {
                Ok(text) => Ok(text.into_bytes()),
                Err(_) => Err(item.error(&format!(
                    "the environment variable {name} is not set: it has to hold the PEM text"
                ))),
            },
            Secret::File(_) => Err(item.error("a file is named by credential_files")),
        }
    };
    let (ca, cert, key) = (content("ca")?, content("cert")?, content("key")?);
    Ok(match table.has("enc_cert") || table.has("enc_key") {
        false => CredentialSource::Pem { ca, cert, key: key.into() },
        true => CredentialSource::GmPem {
            ca,
            cert,
            key: key.into(),
            enc_cert: content("enc_cert")?,
            enc_key: content("enc_key")?.into(),
        },
    })
}

/// Returns a secret: a text, or a table that states where the secret is.
fn secret(item: &Item<'_>) -> Result<Secret> {
    let Value::Table(_) = item.value() else { return Ok(Secret::Text(item.text()?.to_owned().into())) };
    let table = item.section()?;
    match (table.text("env")?, table.text("file")?, table.all().count()) {
        (Some(name), None, 1) => Ok(Secret::Environment(name.to_owned())),
        (None, Some(path), 1) => Ok(Secret::File(BASE.resolve(table.file(), path))),
        _ => Err(item.error("it has to be a text, { env = \"VARIABLE\" } or { file = \"PATH\" }")),
    }
}

fn private_topic(item: &Item<'_>) -> Result<PrivateTopic> {
    let table = item.section()?;
    if let Some((_, other)) =
        table.all().find(|(entry, _)| !["topic", "allow", "key", "password"].contains(&entry.key.as_str()))
    {
        return Err(other.error("a private topic has topic, allow, key and password only"));
    }
    let Some(topic) = table.text("topic")? else { return Err(item.error("it has no topic")) };
    let allowed = match table.get("allow") {
        Some(allow) if matches!(allow.value(), Value::List(_)) => allow.list()?,
        Some(allow) => vec![allow],
        None => Vec::new(),
    };
    let key = table.get("key");
    let password = table.get("password");
    let role = match (key, allowed.is_empty()) {
        (Some(key), true) => PrivateRole::Subscriber {
            private_key: key_source(&key)?,
            password: password.map(|item| secret(&item)).transpose()?,
        },
        (None, false) => {
            if let Some(password) = password {
                return Err(password.error("public keys have no password: remove it, or name a private key"));
            }
            PrivateRole::Publisher { public_keys: allowed.iter().map(key_source).collect::<Result<_>>()? }
        }
        (Some(key), false) => {
            return Err(key.error(
                "it contradicts allow: write one table for the publisher (allow), and another for the subscriber",
            ));
        }
        (None, true) => {
            return Err(item.error(
                "it has neither allow (public keys, to publish) nor key (a private key, to subscribe)",
            ));
        }
    };
    Ok(PrivateTopic { topic: topic.to_owned(), role, line: item.line })
}

/// Returns where a key is. What has the length and the digits of a key is one.
fn key_source(item: &Item<'_>) -> Result<KeySource> {
    let text = item.text()?;
    let is_key = matches!(text.len(), 64 | 128 | 130) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    Ok(match is_key {
        true => KeySource::Hex(text.to_owned().into()),
        false => KeySource::File(BASE.resolve(item.file(), text)),
    })
}
