//! Credentials that are being loaded on a thread of their own, for a client.

use std::time::Duration;

use tokio::sync::oneshot;
use tokio::sync::oneshot::error::TryRecvError;

use super::read::{Progress, on_own_thread};
use super::{CredentialSource, Credentials};
use crate::{Error, ErrorKind, Result};

/// Credentials that are being loaded on a thread of their own.
///
/// The caller sets the time limit around [`Loading::finish`]. A thread that doesn't return in time is left behind.
#[derive(Debug)]
pub(crate) struct Loading {
    progress: Progress,
    outcome: oneshot::Receiver<Result<(CredentialSource, Credentials)>>,
}

impl Loading {
    /// Starts to find and load the credentials of `source`.
    ///
    /// # Errors
    /// Returns [`ErrorKind::Runtime`] if the thread can't be started.
    pub(crate) fn start(source: CredentialSource) -> Result<Loading> {
        let progress = Progress::default();
        let (sender, outcome) = oneshot::channel();
        let load = move |progress: &Progress| {
            let located = source.locate(progress)?.absolute()?;
            let credentials = located.load(progress)?;
            credentials.check_dates_now()?;
            Ok((located, credentials))
        };
        // The send fails if the caller no longer waits.
        let deliver = move |loaded| drop(sender.send(loaded));
        on_own_thread(&progress, load, deliver)?;
        Ok(Loading { progress, outcome })
    }

    /// Waits for the credentials. Returns them with the source to load them again from: it names the files that were
    /// found, by absolute paths.
    ///
    /// # Errors
    /// As [`Credentials::load`].
    ///
    /// # Cancel safety
    /// Nothing is lost if the future is dropped.
    pub(crate) async fn finish(&mut self) -> Result<(CredentialSource, Credentials)> {
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

/// Returns the error for a thread that ended without a result.
pub(super) fn panicked() -> Error {
    Error::undelivered(ErrorKind::Internal, "loading the credentials panicked: report this as a bug")
}
