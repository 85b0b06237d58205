//! Loading: finds the files of a source, reads them on a thread of their own, and checks what they hold.

use std::path::Path;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::sync::oneshot::error::TryRecvError;

use super::checked::Credentials;
use super::names;
use super::pem::PemInput;
use super::place::{self, Located};
use super::source::CredentialSource;
use crate::files::{Progress, on_own_thread};
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
        if let CredentialSource::Pem { .. } | CredentialSource::GmPem { .. } = source {
            return read(source, &progress);
        }
        let source = source.clone();
        let (sender, outcome) = mpsc::channel();
        // The send fails if this function no longer waits.
        let deliver = move |loaded| drop(sender.send(loaded));
        on_own_thread(&progress, move |progress| locate_and_read(&source, progress), deliver)?;
        match outcome.recv_timeout(READ_LIMIT) {
            Ok(loaded) => loaded,
            Err(RecvTimeoutError::Timeout) => {
                Err(progress.stalled(ErrorKind::CredentialsInvalid, READ_LIMIT))
            }
            Err(RecvTimeoutError::Disconnected) => Err(panicked()),
        }
    }
}

/// Returns the source that names the files, or holds their content: the paths that discovery finds, or those in the
/// folder.
fn locate(source: &CredentialSource, progress: &Progress) -> Result<Located> {
    match source {
        CredentialSource::Discover => place::discover(progress),
        CredentialSource::Directory(path) => place::directory(path, progress),
        named => Ok(Located::named(named.clone())),
    }
}

/// Finds, reads and parses credentials, whatever their dates are.
fn locate_and_read(source: &CredentialSource, progress: &Progress) -> Result<Credentials> {
    match source {
        CredentialSource::Pem { .. } | CredentialSource::GmPem { .. } => read(source, progress),
        _ => read_located(&locate(source, progress)?, progress),
    }
}

/// Reads credentials and those beside them.
fn read_located(located: &Located, progress: &Progress) -> Result<Credentials> {
    let credentials = read(&located.files, progress)?;
    let Some(beside) = &located.beside else { return Ok(credentials) };
    // Most chains have a GM set that no client of their RSA or secp256k1 channel needs: its faults are no errors.
    match read(beside, progress).and_then(|beside| beside.check_dates_now().map(|()| beside)) {
        Ok(beside) => Ok(credentials.with_beside(&beside)),
        Err(error) => {
            tracing::debug!(%error, "the GM credentials beside the others cannot be used");
            Ok(credentials)
        }
    }
}

/// Reads and parses credentials from named files or from memory, whatever their dates are.
fn read(source: &CredentialSource, progress: &Progress) -> Result<Credentials> {
    let file = |path: &Path| PemInput::file(path, progress);
    match source {
        CredentialSource::Discover | CredentialSource::Directory(_) => {
            read(&locate(source, progress)?.files, progress)
        }
        CredentialSource::Files { ca, cert, key } => {
            let credentials = Credentials::from_pem(&file(ca)?, &file(cert)?, &file(key)?, None)?;
            Ok(credentials.of_a_node(names::is_key_of_a_node(key)))
        }
        CredentialSource::GmFiles { ca, cert, key, enc_cert, enc_key } => {
            let encryption = (&file(enc_cert)?, &file(enc_key)?);
            let credentials = Credentials::from_pem(&file(ca)?, &file(cert)?, &file(key)?, Some(encryption))?;
            Ok(credentials.for_protocol(names::protocol_of(cert)).of_a_node(names::is_key_of_a_node(key)))
        }
        CredentialSource::Pem { ca, cert, key } => Credentials::from_pem(
            &PemInput::memory("the CA certificate given", ca),
            &PemInput::memory("the certificate given", cert),
            &PemInput::memory("the private key given", key),
            None,
        ),
        CredentialSource::GmPem { ca, cert, key, enc_cert, enc_key } => Credentials::from_pem(
            &PemInput::memory("the CA certificate given", ca),
            &PemInput::memory("the certificate given", cert),
            &PemInput::memory("the private key given", key),
            Some((
                &PemInput::memory("the certificate for encryption given", enc_cert),
                &PemInput::memory("the private key for encryption given", enc_key),
            )),
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
    /// Starts to find and load the credentials of `source`.
    ///
    /// # Errors
    /// Returns [`ErrorKind::Runtime`] if the thread can't be started.
    pub(crate) fn start(source: CredentialSource) -> Result<Loading> {
        if !matches!(source, CredentialSource::Pem { .. } | CredentialSource::GmPem { .. }) {
            return Loading::on_own_thread(move |progress| locate(&source, progress)?.absolute());
        }
        let progress = Progress::default();
        let loaded = read(&source, &progress).and_then(|credentials| Loaded::new(credentials, None));
        let (sender, outcome) = oneshot::channel();
        // The receiver is in the same function.
        let _ = sender.send(loaded);
        Ok(Loading { progress, outcome })
    }

    /// Starts to load the same files again.
    ///
    /// # Errors
    /// As [`Loading::start`].
    pub(crate) fn again(files: Located) -> Result<Loading> {
        Loading::on_own_thread(move |_| Ok(files))
    }

    fn on_own_thread(find: impl FnOnce(&Progress) -> Result<Located> + Send + 'static) -> Result<Loading> {
        let progress = Progress::default();
        let (sender, outcome) = oneshot::channel();
        let load = move |progress: &Progress| {
            let files = find(progress)?;
            Loaded::new(read_located(&files, progress)?, Some(files))
        };
        // The send fails if the caller no longer waits.
        on_own_thread(&progress, load, move |loaded| drop(sender.send(loaded)))?;
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
        self.progress.stalled(ErrorKind::CredentialsInvalid, limit)
    }
}

/// What [`Loading`] loads.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) credentials: Credentials,
    /// The files that were found, by absolute paths, to load them again from. `None` if they came from memory.
    pub(crate) files: Option<Located>,
}

impl Loaded {
    fn new(credentials: Credentials, files: Option<Located>) -> Result<Loaded> {
        credentials.check_dates_now()?;
        Ok(Loaded { credentials, files })
    }
}

/// Returns the error for a thread that ended without a result.
fn panicked() -> Error {
    Error::undelivered(ErrorKind::Internal, "loading the credentials panicked: report this as a bug")
}
