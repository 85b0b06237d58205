//! Reading of a configuration file: on a thread of its own, bounded, and from bytes to the tree.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use tokio::sync::oneshot;

use super::keys;
use super::kinds::{self, Recognised};
use super::section::{Section, error_at, error_in};
use super::tree::Table;
use super::{Config, Kind};
use crate::client::ConfiguredTopics;
use crate::files::{Progress, on_own_thread};
use crate::{Error, ErrorKind, Result, text};

/// How long [`Config::read`] waits for the file.
const READ_LIMIT: Duration = Duration::from_secs(10);

impl Config {
    /// Reads a configuration file, and the file that it refers to. Blocks until they are read, for at most 10 s.
    ///
    /// # Errors
    /// Returns [`ErrorKind::InvalidArgument`] if the file can't be read in time, is larger than 1 MiB, is of no known
    /// kind, or contradicts itself; the text names file, line and key. Returns [`ErrorKind::Unsupported`] for what the
    /// library does not have, and [`ErrorKind::Runtime`] if no thread can be started.
    pub fn read(path: impl Into<PathBuf>) -> Result<Config> {
        let (path, progress) = (path.into(), Progress::default());
        let (sender, outcome) = mpsc::channel();
        // The send fails if this function no longer waits.
        let deliver = move |read| drop(sender.send(read));
        on_own_thread(&progress, move |progress| read(&path, progress), deliver)?;
        match outcome.recv_timeout(READ_LIMIT) {
            Ok(read) => read,
            Err(RecvTimeoutError::Timeout) => Err(progress.stalled(ErrorKind::InvalidArgument, READ_LIMIT)),
            Err(RecvTimeoutError::Disconnected) => Err(panicked()),
        }
    }

    /// Returns what the content of a file states. `path` is for texts and relative paths.
    ///
    /// # Errors
    /// As [`Config::read`].
    pub fn parse(path: &Path, content: &[u8]) -> Result<Config> {
        parse(path, content, &Progress::default())
    }
}

/// Where the configuration of a client comes from.
#[derive(Clone, Debug)]
pub(crate) enum Source {
    File(PathBuf),
    /// A file that was read before.
    Read(Box<Config>),
}

/// A configuration that is read on a thread of its own, with the keys of its private topics.
#[derive(Debug)]
pub(crate) struct Reading {
    progress: Progress,
    outcome: oneshot::Receiver<Result<(Config, ConfiguredTopics)>>,
}

impl Reading {
    /// Starts to read.
    ///
    /// # Errors
    /// Returns [`ErrorKind::Runtime`] if the thread can't be started.
    pub(crate) fn start(source: Source) -> Result<Reading> {
        let progress = Progress::default();
        let (sender, outcome) = oneshot::channel();
        let read = |progress: &Progress| {
            let config = match source {
                Source::File(path) => read(&path, progress)?,
                Source::Read(config) => *config,
            };
            let topics = keys::load(&config)?;
            Ok((config, topics))
        };
        // The send fails if the caller no longer waits.
        on_own_thread(&progress, read, move |read| drop(sender.send(read)))?;
        Ok(Reading { progress, outcome })
    }

    /// Waits for the configuration and the keys.
    ///
    /// # Errors
    /// As [`Config::read`], and why a key can't be read.
    pub(crate) async fn finish(&mut self) -> Result<(Config, ConfiguredTopics)> {
        (&mut self.outcome).await.unwrap_or_else(|_| Err(panicked()))
    }

    /// Returns the error for a thread that has not returned within `limit`.
    pub(crate) fn stalled(&self, limit: Duration) -> Error {
        self.progress.stalled(ErrorKind::InvalidArgument, limit)
    }
}

fn panicked() -> Error {
    Error::undelivered(ErrorKind::Internal, "reading the configuration file panicked: report this as a bug")
}

fn read(path: &Path, progress: &Progress) -> Result<Config> {
    if path.as_os_str().is_empty() {
        let text = "the path of the configuration file is empty: name the file";
        return Err(Error::undelivered(ErrorKind::InvalidArgument, text));
    }
    let content = progress
        .read(path, "configurations")
        .map_err(|error| error_in(path, &format!("the configuration file can't be read: {error}")))?;
    parse(path, &content, progress)
}

fn parse(path: &Path, content: &[u8], progress: &Progress) -> Result<Config> {
    let (recognised, table) = kinds::recognise(path, decode(path, content)?)?;
    let root = Section::root(path, &table);
    let mut config = match recognised {
        Recognised::Config(config) => config(&root)?,
        // python-sdk keeps what it has for 3.x chains in another file.
        Recognised::Python => match kinds::python(&root)? {
            kinds::Python::Config(config) => *config,
            kinds::Python::Ini(ini) => Config { kind: Kind::PythonSdk, ..read_ini(&ini, progress)? },
        },
    };
    config.unused = log_unused(path, &table);
    Ok(config)
}

/// Returns the keys that were not used, with their lines, and logs them.
fn log_unused(path: &Path, table: &Table) -> Vec<(String, usize)> {
    let mut unused = Vec::new();
    table.unused("", &mut unused);
    for (key, line) in &unused {
        tracing::debug!(file = %text::path(path), line, key = %text::foreign(key), "the key is not used");
    }
    unused
}

/// Reads the INI file that a `client_config.py` names.
fn read_ini(path: &Path, progress: &Progress) -> Result<Config> {
    let content = progress
        .read(path, "configurations")
        .map_err(|error| error_in(path, &format!("the file of bcos3_config_file can't be read: {error}")))?;
    match kinds::recognise(path, decode(path, &content)?)? {
        (Recognised::Config(config), table) => {
            let config = config(&Section::root(path, &table))?;
            if config.kind != Kind::CSdk3 {
                return Err(error_in(path, "bcos3_config_file has to name the INI file of the C SDK"));
            }
            log_unused(path, &table);
            Ok(config)
        }
        (Recognised::Python, _) => {
            Err(error_in(path, "bcos3_config_file has to name the INI file of the C SDK"))
        }
    }
}

/// Returns the text of a file, without a byte order mark.
fn decode<'a>(path: &Path, content: &'a [u8]) -> Result<&'a str> {
    if content.starts_with(&[0xff, 0xfe]) || content.starts_with(&[0xfe, 0xff]) {
        return Err(error_in(path, "it is UTF-16 text: save it as UTF-8"));
    }
    let content = content.strip_prefix(b"\xef\xbb\xbf").unwrap_or(content);
    if content.contains(&0) {
        return Err(error_in(
            path,
            "it has NUL bytes, as UTF-16 text and binary files have: save it as UTF-8 text",
        ));
    }
    let text = std::str::from_utf8(content).map_err(|error| {
        let line = 1 + content[..error.valid_up_to()].iter().filter(|&&byte| byte == b'\n').count();
        error_at(path, line, "it is not UTF-8 text, perhaps GBK: save it as UTF-8")
    })?;
    if text.trim().is_empty() {
        return Err(error_in(path, "it is empty"));
    }
    Ok(text)
}
