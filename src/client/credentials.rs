//! The credentials of a client: found once at its start, and loaded again before each reconnect.
//!
//! Files are read on a thread of their own (see [`Loading`]). At most one such thread of a client is left behind.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::error::{Error, ErrorKind, Result};
use crate::runtime::RuntimeRef;
use crate::transport::{CredentialSource, Credentials, Loading, RustlsConnector, SecureConnector};

/// The credentials of a client, shared by its links.
#[derive(Debug)]
pub(crate) struct ClientCredentials {
    /// Names the files that were found at the start, by absolute paths, so that neither the current folder nor the
    /// environment decides later whom the client trusts.
    source: CredentialSource,
    /// Made of the credentials that were loaded last.
    connector: Mutex<Arc<dyn SecureConnector>>,
    /// Held by the link that loads them. Keeps a thread that did not return.
    loading: tokio::sync::Mutex<Option<Loading>>,
}

impl ClientCredentials {
    /// Finds and loads credentials.
    ///
    /// # Errors
    /// As [`Credentials::load`]; [`ErrorKind::CredentialsInvalid`] also if the files can't be read by `deadline`.
    pub(crate) async fn load(
        source: CredentialSource,
        runtime: &RuntimeRef,
        deadline: Instant,
    ) -> Result<ClientCredentials> {
        let limit = deadline.saturating_duration_since(Instant::now());
        let mut loading = Loading::start(source)?;
        let loaded = runtime.until(deadline, loading.finish()).await;
        let (source, credentials) = loaded.unwrap_or_else(|| Err(loading.stalled(limit)))?;
        let connector = Mutex::new(connector(&credentials)?);
        Ok(ClientCredentials { source, connector, loading: tokio::sync::Mutex::default() })
    }

    /// Returns the connector with the credentials that were loaded last.
    pub(crate) fn connector(&self) -> Arc<dyn SecureConnector> {
        self.connector.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Loads the same files again, which may have been renewed. If that fails, the previous credentials stay in use.
    ///
    /// # Errors
    /// As [`ClientCredentials::load`]; the limit includes the time that another link takes.
    pub(crate) async fn renew(&self, limit: Duration) -> Result<()> {
        if let CredentialSource::Pem { .. } = self.source {
            return Ok(());
        }
        let deadline = tokio::time::Instant::now() + limit;
        let mut loading = tokio::time::timeout_at(deadline, self.loading.lock()).await.map_err(|_| {
            Error::undelivered(
                ErrorKind::CredentialsInvalid,
                format!("the credentials are still being read after {limit:?}, for another connection"),
            )
        })?;
        if let Some(former) = loading.as_mut()
            && former.is_running()
        {
            return Err(former.stalled(limit));
        }
        let current = loading.insert(Loading::start(self.source.clone())?);
        let loaded = match tokio::time::timeout_at(deadline, current.finish()).await {
            Ok(loaded) => loaded,
            Err(_) => return Err(current.stalled(limit)),
        };
        *loading = None;
        let (_, credentials) = loaded?;
        *self.connector.lock().unwrap_or_else(PoisonError::into_inner) = connector(&credentials)?;
        Ok(())
    }
}

fn connector(credentials: &Credentials) -> Result<Arc<dyn SecureConnector>> {
    Ok(Arc::new(RustlsConnector::new(credentials)?))
}
