//! Loading: finds the files of a source, reads them on a thread of their own, and checks what they hold.

use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::sync::oneshot::error::TryRecvError;
use zeroize::Zeroize;

use super::checked::Credentials;
use super::pem::PemInput;
use super::place;
use super::read::{Progress, on_own_thread};
use super::source::CredentialSource;
use crate::{Error, ErrorKind, Result};

/// How long [`Credentials::load`] waits for the files.
const READ_LIMIT: Duration = Duration::from_secs(10);

impl Credentials {
    /// Reads credentials and checks that they can be used now: everything parses, the key belongs to the
    /// certificate, and the dates of the CA and of the certificates cover this moment.
    ///
    /// Blocks until the files are read, for at most 10 s.
    ///
    /// # Errors
    /// Returns [`ErrorKind::CredentialsNotFound`] if a file doesn't exist; [`ErrorKind::CredentialsInvalid`] if one
    /// can't be read or used, is larger than 1 MiB, or isn't read in time; [`ErrorKind::KeyEncrypted`];
    /// [`ErrorKind::KeyMismatch`]; [`ErrorKind::CertificateDates`]; or [`ErrorKind::Runtime`] if no thread can be
    /// started. The text names the file.
    pub fn load(source: &CredentialSource) -> Result<Credentials> {
        let credentials = Credentials::load_any_date(source)?;
        credentials.check_dates_now()?;
        Ok(credentials)
    }

    /// Reads credentials as [`Credentials::load`] does, without checking dates: for a node that shows an expired
    /// certificate.
    ///
    /// # Errors
    /// As [`Credentials::load`], except [`ErrorKind::CertificateDates`].
    pub fn load_any_date(source: &CredentialSource) -> Result<Credentials> {
        let progress = Progress::default();
        if let CredentialSource::Pem { .. } = source {
            return read(source, &progress);
        }
        let source = source.clone();
        let (sender, outcome) = mpsc::channel();
        // The send fails if this function no longer waits.
        let deliver = move |loaded| drop(sender.send(loaded));
        on_own_thread(&progress, move |progress| read(&source, progress), deliver)?;
        match outcome.recv_timeout(READ_LIMIT) {
            Ok(loaded) => loaded,
            Err(RecvTimeoutError::Timeout) => Err(progress.stalled(READ_LIMIT)),
            Err(RecvTimeoutError::Disconnected) => Err(panicked()),
        }
    }
}

/// Returns the source that names the files, or holds their content: the paths that discovery finds, or those in the
/// folder.
fn locate(source: &CredentialSource, progress: &Progress) -> Result<CredentialSource> {
    match source {
        CredentialSource::Discover => place::discover(progress),
        CredentialSource::Directory(path) => place::directory(path, progress),
        CredentialSource::Files { .. } | CredentialSource::Pem { .. } => Ok(source.clone()),
    }
}

/// Reads and parses credentials, whatever their dates are.
fn read(source: &CredentialSource, progress: &Progress) -> Result<Credentials> {
    match source {
        CredentialSource::Discover | CredentialSource::Directory(_) => {
            read(&locate(source, progress)?, progress)
        }
        CredentialSource::Files { ca, cert, key } => Credentials::from_pem(
            &PemInput::file(ca, progress)?,
            &PemInput::file(cert, progress)?,
            &PemInput::file(key, progress)?,
        ),
        CredentialSource::Pem { ca, cert, key } => Credentials::from_pem(
            &PemInput::memory("the CA certificate given", ca),
            &PemInput::memory("the certificate given", cert),
            &PemInput::memory("the private key given", key),
        ),
    }
}

/// Credentials that are being loaded on a thread of their own.
///
/// The caller sets the time limit around [`Loading::finish`]. A thread that doesn't return in time is left behind.
#[derive(Debug)]
pub(crate) struct Loading {
    progress: Progress,
    outcome: oneshot::Receiver<Result<Loaded>>,
}

impl Loading {
    /// Starts to find and load the credentials of `source`. A key in `source` is erased.
    ///
    /// # Errors
    /// Returns [`ErrorKind::Runtime`] if the thread can't be started.
    pub(crate) fn start(mut source: CredentialSource) -> Result<Loading> {
        let progress = Progress::default();
        let (sender, outcome) = oneshot::channel();
        // The send fails if the caller no longer waits.
        let deliver = move |loaded| drop(sender.send(loaded));
        if let CredentialSource::Pem { .. } = source {
            let loaded = read(&source, &progress).and_then(|credentials| Loaded::new(credentials, None));
            if let CredentialSource::Pem { key, .. } = &mut source {
                key.zeroize();
            }
            deliver(loaded);
        } else {
            let load = move |progress: &Progress| {
                let files = place::absolute(locate(&source, progress)?)?;
                Loaded::new(read(&files, progress)?, Some(files))
            };
            on_own_thread(&progress, load, deliver)?;
        }
        Ok(Loading { progress, outcome })
    }

    /// Waits for the credentials.
    ///
    /// # Errors
    /// As [`Credentials::load`].
    ///
    /// # Cancel safety
    /// Nothing is lost if the future is dropped.
    pub(crate) async fn finish(&mut self) -> Result<Loaded> {
        let lost = |_| {
            Err(Error::undelivered(
                ErrorKind::Internal,
                "loading the credentials panicked: report this as a bug",
            ))
        };
        (&mut self.outcome).await.unwrap_or_else(lost)
    }

    /// Returns whether the thread has not returned yet.
    pub(crate) fn is_running(&mut self) -> bool {
        matches!(self.outcome.try_recv(), Err(TryRecvError::Empty))
    }

    /// Returns the error for a thread that has not returned within `limit`; it names the file.
    pub(crate) fn stalled(&self, limit: Duration) -> Error {
        self.progress.stalled(limit)
    }
}

/// What [`Loading`] loads.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) credentials: Credentials,
    /// The files that were found, by absolute paths, to load them again from. `None` if they came from memory.
    pub(crate) files: Option<CredentialSource>,
}

impl Loaded {
    fn new(credentials: Credentials, files: Option<CredentialSource>) -> Result<Loaded> {
        credentials.check_dates_now()?;
        Ok(Loaded { credentials, files })
    }
}

/// Returns the error for a thread that ended without a result.
fn panicked() -> Error {
    Error::undelivered(ErrorKind::Internal, "loading the credentials panicked: report this as a bug")
}
