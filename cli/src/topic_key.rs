//! The options for private topics: the key of a subscriber, the keys that a publisher allows, and passwords.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use amop::text::path;
use amop::{Client, ErrorKind, PrivateKey, PrivateTopic, PublicKey};
use clap::Args;
use zeroize::Zeroizing;

use crate::exit::{Failure, Outcome};
use crate::files::reading_files;
use crate::interrupt::Interrupt;
use crate::prompt::{ask, can_ask};
use crate::values::text;

/// The variable that holds the password of an encrypted key.
const PASSWORD_VARIABLE: &str = "AMOP_KEY_PASSWORD";

/// More bytes than a password has.
const MAX_PASSWORD_LEN: u64 = 4096;

/// Where the password of an encrypted key comes from.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct Password {
    /// The first line of FILE is the password of the key; without it, $AMOP_KEY_PASSWORD, and else a prompt on a terminal
    #[arg(long, value_name = "FILE", help_heading = "Private topics")]
    password_file: Option<PathBuf>,
}

/// The key of a subscriber of a private topic.
#[derive(Args, Clone, Debug)]
pub(crate) struct SubscriberKey {
    /// Use the private topic of this name (2.x nodes), and prove with the private key in FILE that its messages may be
    /// received: PEM, PKCS#12 or hex; see amop keys new
    #[arg(long, value_name = "FILE", help_heading = "Private topics")]
    topic_key: Option<PathBuf>,
    #[command(flatten)]
    password: Password,
}

/// The keys that a publisher of a private topic allows.
#[derive(Args, Clone, Debug)]
pub(crate) struct AllowedKeys {
    /// Use the private topic of this name (2.x nodes), whose messages only subscribers with the private half of KEY receive:
    /// a public key as 128 or 130 hex digits, or a file with it; several keys by several options
    #[arg(long, value_name = "KEY", value_parser = text(), help_heading = "Private topics")]
    allow: Vec<String>,
}

impl SubscriberKey {
    /// Reads the key, if there is one.
    pub(crate) async fn read(&self, interrupt: &Interrupt) -> Outcome<Option<PrivateKey>> {
        match &self.topic_key {
            Some(file) => self.password.key(file.clone(), interrupt).await.map(Some),
            None => Ok(None),
        }
    }
}

impl AllowedKeys {
    /// Opens the private topic, if keys are given.
    pub(crate) async fn open(&self, client: &Client, topic: &str) -> Outcome<Option<PrivateTopic>> {
        if self.allow.is_empty() {
            return Ok(None);
        }
        let given = self.allow.clone();
        let read = move || given.iter().map(|key| public_key(key)).collect::<amop::Result<Vec<_>>>();
        Ok(Some(client.private_topic(topic).allow(reading_files(read).await??)?))
    }
}

/// Reads a public key from an argument: hex digits, or the name of a file.
fn public_key(given: &str) -> amop::Result<PublicKey> {
    let digits = given.strip_prefix("0x").unwrap_or(given);
    let is_hex = digits.len() >= 64 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_hex { PublicKey::read(given) } else { PublicKey::from_file(given) }
}

impl Password {
    /// Returns the password in the first line of a file, or else of the environment or the prompt.
    pub(crate) fn in_file(password_file: Option<PathBuf>) -> Password {
        Password { password_file }
    }

    /// Reads a private key from a file. Asks for the password on a terminal if the key needs one and none is given.
    pub(crate) async fn key(&self, file: PathBuf, interrupt: &Interrupt) -> Outcome<PrivateKey> {
        let given = self.given().await?;
        let is_given = given.is_some();
        match read_key(file.clone(), given).await? {
            Err(error) if error.kind() == ErrorKind::KeyEncrypted && !is_given && can_ask() => {
                let password = ask(format!("Password of {}: ", path(&file)), interrupt).await?;
                Ok(read_key(file, Some(password)).await??)
            }
            read => Ok(read?),
        }
    }

    /// Returns the password for a key that is to be written, which is asked for twice on a terminal.
    pub(crate) async fn new_password(&self, interrupt: &Interrupt) -> Outcome<Zeroizing<String>> {
        if let Some(given) = self.given().await? {
            return Ok(given);
        }
        if !can_ask() {
            return Err(Failure::Usage(format!(
                "--encrypt needs a password for the new file: give a file with it (see --help) or ${PASSWORD_VARIABLE}, or run it \
                 on a terminal"
            )));
        }
        let password = ask("New password: ".to_owned(), interrupt).await?;
        if *password != *ask("The same again: ".to_owned(), interrupt).await? {
            return Err(Failure::Usage("the two passwords differ: nothing was written".to_owned()));
        }
        Ok(password)
    }

    /// Returns the password of the option or of the environment.
    async fn given(&self) -> Outcome<Option<Zeroizing<String>>> {
        if let Some(file) = self.password_file.clone() {
            return reading_files(move || first_line(&file)).await?.map(Some);
        }
        match std::env::var(PASSWORD_VARIABLE) {
            Ok(password) => Ok(Some(Zeroizing::new(password))),
            Err(std::env::VarError::NotPresent) => Ok(None),
            Err(std::env::VarError::NotUnicode(_)) => {
                Err(Failure::Usage(format!("${PASSWORD_VARIABLE} is not UTF-8")))
            }
        }
    }
}

async fn read_key(file: PathBuf, password: Option<Zeroizing<String>>) -> Outcome<amop::Result<PrivateKey>> {
    reading_files(move || PrivateKey::from_file(&file, password.as_ref().map(|password| password.as_str())))
        .await
}

fn first_line(file: &Path) -> Outcome<Zeroizing<String>> {
    let failed = |error| Failure::io(format!("can't read the password file {}", path(file)), error);
    let mut bytes = Zeroizing::new(Vec::with_capacity(MAX_PASSWORD_LEN as usize + 1));
    File::open(file)
        .and_then(|open| open.take(MAX_PASSWORD_LEN + 1).read_to_end(&mut bytes))
        .map_err(failed)?;
    let line = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    if line.is_empty() || line.len() as u64 > MAX_PASSWORD_LEN {
        return Err(failed(io::Error::other("its first line is empty, or has more than 4096 bytes")));
    }
    let text =
        std::str::from_utf8(line).map_err(|_| failed(io::Error::other("its first line is not UTF-8")))?;
    Ok(Zeroizing::new(text.to_owned()))
}
