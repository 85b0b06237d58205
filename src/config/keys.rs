//! Reading of the keys that the private topics of a configuration name.

use std::fs::File;
use std::io::Read;

use zeroize::Zeroizing;

use super::Config;
use super::private_topic::{KeySource, PrivateRole, PrivateTopic, Secret};
use super::section::error_at;
use crate::client::ConfiguredTopics;
use crate::private::{PrivateKey, PublicKey};
use crate::protocol::Topic;
use crate::{Error, Result};

/// The longest password that is read from a file, in bytes.
const MAX_PASSWORD: u64 = 1024;

/// Returns the private topics with their keys. Blocks while files are read.
///
/// # Errors
/// Returns why a key can't be read, with the line of its topic.
pub(super) fn load(config: &Config) -> Result<ConfiguredTopics> {
    let mut topics = ConfiguredTopics::default();
    for stated in &config.private_topics {
        load_one(config, stated, &mut topics).map_err(|error| {
            let what = format!("the private topic {:?}: {}", stated.topic, error.message());
            Error::undelivered(error.kind(), error_at(&config.file, stated.line, &what).message().to_owned())
        })?;
    }
    Ok(topics)
}

fn load_one(config: &Config, stated: &PrivateTopic, topics: &mut ConfiguredTopics) -> Result<()> {
    let topic = Topic::new(stated.topic.as_str())?;
    match &stated.role {
        PrivateRole::Publisher { public_keys } => {
            let keys = public_keys.iter().map(|source| match source {
                KeySource::File(path) => PublicKey::from_file(path),
                KeySource::Hex(digits) => PublicKey::read(digits.as_bytes()),
            });
            topics.publish(topic, keys.collect::<Result<_>>()?);
        }
        PrivateRole::Subscriber { private_key, password } => {
            let password = password.as_ref().map(|secret| read_secret(config, stated, secret)).transpose()?;
            let password = password.as_deref().map(String::as_str);
            let key = match private_key {
                KeySource::File(path) => PrivateKey::from_file(path, password)?,
                KeySource::Hex(digits) => PrivateKey::read(digits.as_bytes(), password)?,
            };
            topics.subscribe(topic, key);
        }
    }
    Ok(())
}

fn read_secret(config: &Config, stated: &PrivateTopic, secret: &Secret) -> Result<Zeroizing<String>> {
    let fault = |what: String| error_at(&config.file, stated.line, &what);
    match secret {
        Secret::Text(text) => Ok(text.clone()),
        Secret::Environment(name) => match std::env::var(name) {
            Ok(text) => Ok(text.into()),
            Err(_) => {
                Err(fault(format!("the environment variable {name} is not set: it has to hold the password")))
            }
        },
        Secret::File(path) => {
            let mut text = Zeroizing::new(String::with_capacity(MAX_PASSWORD as usize));
            let read = File::open(path).and_then(|file| file.take(MAX_PASSWORD).read_to_string(&mut text));
            read.map_err(|error| {
                fault(format!("the file {} can't be read: {error}", crate::text::path(path)))
            })?;
            Ok(text.lines().next().unwrap_or_default().to_owned().into())
        }
    }
}
