//! `amop keys`: makes, shows and converts the keys of private topics.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use amop::text::path;
use amop::{PrivateKey, PublicKey};
use clap::{Args, Subcommand, ValueEnum};
use serde::Serialize;
use zeroize::Zeroizing;

use crate::exit::{Exit, Failure, Outcome};
use crate::files::reading_files;
use crate::interrupt::Interrupt;
use crate::output::{FAINT, Output, Record, STRONG};
use crate::topic_key::Password;

/// Make, show and convert the keys of private topics
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  amop keys new orders.pem
  amop keys show orders.pem
  amop keys convert consumer.p12 orders.pem")]
pub(crate) struct Keys {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    New(New),
    Show(Show),
    Convert(Convert),
}

/// Make a key: the private one in FILE (PEM of PKCS#8, only readable by you), the public one in FILE.pub
///
/// The subscriber keeps FILE, and gives FILE.pub to the publishers.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  amop keys new orders.pem
  amop keys new orders.pem --encrypt")]
struct New {
    /// The file to make; it must not exist
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Encrypt the private key with a password
    #[arg(long)]
    encrypt: bool,
    #[command(flatten)]
    password: Password,
}

/// Show the public key of a file with a private or public key
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  amop keys show orders.pem
  amop keys show orders.pem --json | jq -r .public_key")]
struct Show {
    /// A private or public key
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    password: Password,
}

/// Write a private key, or its public half, in another form
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  amop keys convert consumer.p12 orders.pem                    PKCS#12 of java-sdk to PEM
  amop keys convert orders.pem orders.hex --to hex             for go-sdk
  amop keys convert orders.pem encrypted.pem --encrypt         with a password that is asked for
  amop keys convert orders.pem orders.pub --to public-pem      for publishers")]
struct Convert {
    /// The private key: PEM, PKCS#12 or hex
    #[arg(value_name = "FILE")]
    from: PathBuf,
    /// The file to make; it must not exist
    #[arg(value_name = "NEW-FILE")]
    to_file: PathBuf,
    /// The new form
    #[arg(long = "to", value_name = "FORM", default_value = "pem")]
    form: Form,
    /// Encrypt the new file with a password; only as pem
    #[arg(long)]
    encrypt: bool,
    /// The first line of FILE is the password of the new file; without it, $AMOP_KEY_PASSWORD, and else a prompt on a terminal
    #[arg(long, value_name = "FILE", requires = "encrypt")]
    new_password_file: Option<PathBuf>,
    #[command(flatten)]
    password: Password,
}

/// A form of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Form {
    /// The private key as PEM of PKCS#8
    Pem,
    /// The private key as 64 hex digits
    Hex,
    /// The public key as PEM
    PublicPem,
    /// The public key as 130 hex digits
    PublicHex,
}

impl Keys {
    pub(crate) async fn run(self, output: &mut Output, interrupt: &Interrupt) -> Outcome {
        match self.verb {
            Verb::New(new) => new.run(output, interrupt).await,
            Verb::Show(show) => show.run(output, interrupt).await,
            Verb::Convert(convert) => convert.run(output, interrupt).await,
        }
    }
}

impl New {
    async fn run(self, output: &mut Output, interrupt: &Interrupt) -> Outcome {
        let key = PrivateKey::generate()?;
        let text = private_text(&key, self.encrypt, &self.password, interrupt).await?;
        let mut public_file = self.file.clone().into_os_string();
        public_file.push(".pub");
        let (file, public_file) = (self.file.clone(), PathBuf::from(public_file));
        let public = key.public_key();
        let public_text = public.to_pem()?;
        let made = Made {
            private: Some(file.clone()),
            public: Some(public_file.clone()),
            public_key: public.to_hex(),
        };
        reading_files(move || {
            // First the one that may exist from an earlier key, so that no private key is left without its public one.
            write_new(&public_file, public_text.as_bytes(), PUBLIC)?;
            write_new(&file, text.as_bytes(), PRIVATE)
                .inspect_err(|_| drop(std::fs::remove_file(&public_file)))
        })
        .await??;
        output.emit_now(&made)?;
        Ok(Exit::Done)
    }
}

impl Show {
    async fn run(self, output: &mut Output, interrupt: &Interrupt) -> Outcome {
        let (file, password) = (self.file.clone(), self.password);
        let as_public = reading_files(move || PublicKey::from_file(&file)).await?;
        let (kind, key) = match as_public {
            Ok(key) => ("public", key),
            Err(error) if error.kind() == amop::ErrorKind::CredentialsNotFound => return Err(error.into()),
            Err(_) => ("private", password.key(self.file, interrupt).await?.public_key()),
        };
        let works_with_java_sdk = key.works_with_java_sdk();
        output.emit_now(&Shown {
            kind,
            public_key: key.to_hex(),
            public_pem: key.to_pem()?,
            works_with_java_sdk,
        })?;
        Ok(Exit::Done)
    }
}

impl Convert {
    async fn run(self, output: &mut Output, interrupt: &Interrupt) -> Outcome {
        if self.encrypt && self.form != Form::Pem {
            return Err(Failure::Usage(
                "only pem can be encrypted: leave out --encrypt, or write --to pem".to_owned(),
            ));
        }
        let key = self.password.key(self.from.clone(), interrupt).await?;
        let public = key.public_key();
        let (text, mode) = match self.form {
            Form::Pem => {
                let password = Password::in_file(self.new_password_file);
                (private_text(&key, self.encrypt, &password, interrupt).await?, PRIVATE)
            }
            Form::Hex => (with_line_feed(&key.to_hex()), PRIVATE),
            Form::PublicPem => (Zeroizing::new(public.to_pem()?), PUBLIC),
            Form::PublicHex => (with_line_feed(&public.to_hex()), PUBLIC),
        };
        let file = self.to_file.clone();
        reading_files(move || write_new(&file, text.as_bytes(), mode)).await??;
        let (private, public_file) = match mode {
            PRIVATE => (Some(self.to_file), None),
            _ => (None, Some(self.to_file)),
        };
        output.emit_now(&Made { private, public: public_file, public_key: public.to_hex() })?;
        Ok(Exit::Done)
    }
}

/// The permissions of files.
const PRIVATE: u32 = 0o600;
const PUBLIC: u32 = 0o644;

async fn private_text(
    key: &PrivateKey,
    encrypt: bool,
    password: &Password,
    interrupt: &Interrupt,
) -> Outcome<Zeroizing<String>> {
    Ok(match encrypt {
        true => key.to_encrypted_pem(&password.new_password(interrupt).await?)?,
        false => key.to_pem()?,
    })
}

fn with_line_feed(text: &str) -> Zeroizing<String> {
    let mut line = Zeroizing::new(String::with_capacity(text.len() + 1));
    line.push_str(text);
    line.push('\n');
    line
}

/// Writes a file that must not exist, so that no key is overwritten.
fn write_new(file: &Path, content: &[u8], mode: u32) -> Outcome<()> {
    let failed = |error: io::Error| {
        let what = match error.kind() {
            io::ErrorKind::AlreadyExists => format!("{} exists, and keys are not overwritten", path(file)),
            _ => format!("can't write {}", path(file)),
        };
        Failure::io(what, error)
    };
    let mut open = OpenOptions::new().write(true).create_new(true).mode(mode).open(file).map_err(failed)?;
    open.write_all(content).and_then(|()| open.sync_all()).map_err(failed)
}

/// Files were made.
#[derive(Serialize)]
#[serde(tag = "event", rename = "key")]
struct Made {
    #[serde(skip_serializing_if = "Option::is_none")]
    private: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    public: Option<PathBuf>,
    public_key: String,
}

impl Record for Made {
    fn show(&self, output: &mut Output) -> io::Result<()> {
        if let Some(file) = &self.private {
            output.notice(&format!(
                "private key in {STRONG}{}{STRONG:#}: it stays with the subscriber",
                path(file)
            ))?;
        }
        if let Some(file) = &self.public {
            output.notice(&format!("public key in {STRONG}{}{STRONG:#}: publishers allow it", path(file)))?;
        }
        output.result(&self.public_key)
    }
}

/// What a file holds. Never the private key.
#[derive(Serialize)]
#[serde(tag = "event", rename = "key")]
struct Shown {
    kind: &'static str,
    public_key: String,
    public_pem: String,
    works_with_java_sdk: bool,
}

impl Record for Shown {
    fn show(&self, output: &mut Output) -> io::Result<()> {
        output.notice(&format!("{FAINT}a {} key; its public key is{FAINT:#}", self.kind))?;
        output.result(&self.public_key)?;
        output.result(self.public_pem.trim_end())?;
        if !self.works_with_java_sdk {
            output.notice(
                "java-sdk can't verify this key, unless it is given with 04 before it (130 hex digits): make another one",
            )?;
        }
        Ok(())
    }
}
