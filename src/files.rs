//! Reading of credentials and configuration files with a bound on size and time.
//!
//! A pipe without a writer, an endless device or a mount that doesn't respond would block its reader. Files are
//! therefore read on a thread of their own, which is left behind if it doesn't return in time.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use zeroize::Zeroizing;

use crate::text::span;
use crate::{Error, ErrorKind, Result, threads};

/// The largest file that is read, in bytes. Credentials and configurations have a few KiB.
const MAX_LEN: u64 = 1024 * 1024;

/// More bytes than a private key file has.
const USUAL_LEN: usize = 64 * 1024;

/// Returns whether a key or certificate that was given as text is the name of a file: a frequent mistake, because both
/// are texts in most languages.
pub(crate) fn is_file_name(bytes: &[u8]) -> bool {
    const ENDINGS: [&str; 8] = [".pem", ".pub", ".key", ".crt", ".cer", ".der", ".p12", ".pfx"];
    let Ok(text) = std::str::from_utf8(bytes.trim_ascii()) else { return false };
    let has_ending = || {
        let lower = text.to_ascii_lowercase();
        ENDINGS.into_iter().any(|ending| lower.ends_with(ending))
    };
    text.len() <= 4096 && !text.contains(char::is_control) && has_ending()
}

/// The path that a reading thread works on, which the error names if the thread doesn't return.
#[derive(Clone, Debug, Default)]
pub(crate) struct Progress(Arc<Mutex<PathBuf>>);

impl Progress {
    /// Notes that the thread is about to work on `path`.
    pub(crate) fn at(&self, path: &Path) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = path.to_owned();
    }

    /// Returns the content of a file. `what` names such files in the error of one that is too large.
    ///
    /// # Errors
    /// Returns the system's error, or one that states the limit if the file is larger than 1 MiB.
    pub(crate) fn read(&self, path: &Path, what: &str) -> io::Result<Zeroizing<Vec<u8>>> {
        self.at(path);
        // Large enough for any key, so that no copy of one is left behind when the memory grows.
        let mut content = Zeroizing::new(Vec::with_capacity(USUAL_LEN));
        // The length that the system reports says nothing for a device or a pipe.
        File::open(path)?.take(MAX_LEN + 1).read_to_end(&mut content)?;
        if content.len() as u64 > MAX_LEN {
            return Err(io::Error::other(format!("it is larger than 1 MiB: {what} have a few KiB")));
        }
        Ok(content)
    }

    /// Returns the error, of this kind, of a thread that has not returned within `limit`.
    pub(crate) fn stalled(&self, kind: ErrorKind, limit: Duration) -> Error {
        let path = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Error::undelivered(
            kind,
            format!(
                "reading {} did not complete within {}: use a regular file on a file system that responds",
                path.display(),
                span(limit)
            ),
        )
    }
}

/// Runs `read` on a thread of its own, which passes the result to `deliver`.
///
/// # Errors
/// Returns [`ErrorKind::Runtime`] if the thread can't be started.
pub(crate) fn on_own_thread<T>(
    progress: &Progress,
    read: impl FnOnce(&Progress) -> T + Send + 'static,
    deliver: impl FnOnce(T) + Send + 'static,
) -> Result<()> {
    let progress = progress.clone();
    // The thread is detached: it may never return.
    threads::start("amop-files", move || deliver(read(&progress))).map(drop)
}
