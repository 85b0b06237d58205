//! The client's side.

use std::fmt;

use tokio::net::TcpStream;

use super::super::chain::TrustedRoots;
use super::super::failure::{Ending, HandshakeFailure};
use super::identity::EngineIdentity;
use super::mode::EngineMode;
use crate::transport::{BoxedStream, Credentials, Endpoint};
use crate::{Error, ErrorKind, Result};

/// Connects to nodes by the engine.
pub struct EngineConnector {
    mode: EngineMode,
    identity: EngineIdentity,
    roots: TrustedRoots,
    credentials: Credentials,
}

impl EngineConnector {
    /// Returns a connector that speaks `mode`, shows `identity` and trusts the CA of `credentials`, which also give the
    /// names in the texts of errors.
    ///
    /// # Errors
    /// Returns [`ErrorKind::CredentialsInvalid`] if a CA certificate can't be used or the keys don't fit the mode.
    pub fn new(
        mode: EngineMode,
        identity: EngineIdentity,
        credentials: &Credentials,
    ) -> Result<EngineConnector> {
        if identity.is_rsa() != (mode == EngineMode::StaticRsa) {
            return Err(Error::undelivered(
                ErrorKind::CredentialsInvalid,
                "the keys do not fit this kind of channel: use the files of one chain",
            ));
        }
        let roots = TrustedRoots::new(credentials.ca())?;
        Ok(EngineConnector { mode, identity, roots, credentials: credentials.clone() })
    }

    /// Does the client's handshake over `tcp`.
    ///
    /// # Errors
    /// Returns how far the handshake came, the node's alert, and the error for the caller.
    pub async fn handshake(
        &self,
        tcp: TcpStream,
        endpoint: &Endpoint,
    ) -> std::result::Result<BoxedStream, HandshakeFailure> {
        drop(tcp);
        let ending = Ending::Other(format!("this build does not have {:?} yet", self.mode));
        Err(HandshakeFailure::new(&ending, None, &self.credentials, endpoint))
    }
}

impl fmt::Debug for EngineConnector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EngineConnector")
            .field("mode", &self.mode)
            .field("identity", &self.identity)
            .field("roots", &self.roots)
            .finish_non_exhaustive()
    }
}
