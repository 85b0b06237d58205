//! The client's side.

use std::fmt;
use std::sync::Arc;

use pki_types::UnixTime;
use tokio::net::TcpStream;

use super::super::chain::TrustedRoots;
use super::super::failure::{Ending, HandshakeFailure};
use super::client::ClientConfig;
use super::connection::Connection;
use super::fault::{Cause, Fault};
use super::identity::{EngineIdentity, check_fits};
use super::mode::EngineMode;
use super::peer::{ChainJudge, PeerRole};
use super::random::SystemRandom;
use super::stream::{EngineStream, HandshakeError};
use crate::Result;
use crate::transport::{BoxedStream, Credentials, Endpoint, Socket};

/// Connects to nodes by the engine.
pub struct EngineConnector {
    mode: EngineMode,
    config: Arc<ClientConfig>,
    credentials: Credentials,
}

impl EngineConnector {
    /// Returns a connector that speaks `mode`, shows `identity` and trusts the CA of `credentials`, which also give the
    /// names in the texts of errors.
    ///
    /// # Errors
    /// Returns [`ErrorKind::CredentialsInvalid`](crate::ErrorKind::CredentialsInvalid) if a CA certificate can't be
    /// used or the keys don't fit the mode.
    pub fn new(
        mode: EngineMode,
        identity: EngineIdentity,
        credentials: &Credentials,
    ) -> Result<EngineConnector> {
        check_fits(&identity, mode)?;
        let judge = ChainJudge {
            roots: TrustedRoots::new(credentials.ca())?,
            role: PeerRole::Node,
            is_rsa: identity.is_rsa(),
            issuer: None,
            now: UnixTime::now,
        };
        let parameters = mode.parameters();
        let config = ClientConfig {
            parameters,
            suites: parameters.suites,
            identity,
            judge: Arc::new(judge),
            random: Arc::new(SystemRandom),
            #[cfg(any(test, fuzzing))]
            exchanged: None,
        };
        Ok(EngineConnector { mode, config: Arc::new(config), credentials: credentials.clone() })
    }

    /// Does the client's handshake over `tcp`.
    ///
    /// Dropping the future closes the socket. It has no time limit of its own: the caller sets one.
    ///
    /// # Errors
    /// Returns how far the handshake came, the node's alert, and the error for the caller.
    pub async fn handshake(
        &self,
        tcp: TcpStream,
        endpoint: &Endpoint,
    ) -> std::result::Result<BoxedStream, HandshakeFailure> {
        let failed = |error, has_accepted_peer| self.failure(error, has_accepted_peer, endpoint);
        let connection =
            Connection::client(self.config.clone()).map_err(|fault| failed(fault.into(), false))?;
        let mut stream = EngineStream::new(Socket::to_node(tcp), connection);
        match stream.handshake().await {
            Ok(()) => Ok(Box::new(stream)),
            Err(error) => Err(failed(error, stream.has_accepted_peer())),
        }
    }

    fn failure(
        &self,
        error: HandshakeError,
        has_accepted_peer: bool,
        endpoint: &Endpoint,
    ) -> HandshakeFailure {
        let accepted = has_accepted_peer.then_some(Ok(()));
        let (ending, verdict) = match error {
            HandshakeError::Io(error) => (Ending::Closed(error.to_string()), accepted),
            HandshakeError::Fault(Fault { cause, .. }) => match cause {
                Cause::Alert(alert) => (Ending::Alert(alert), accepted),
                Cause::NotTls => (Ending::NotTls, accepted),
                Cause::Refused(refusal) => (Ending::Other(refusal.text.clone()), Some(Err(refusal))),
                Cause::Incompatible(what) => (Ending::Incompatible(what), accepted),
                Cause::NoProof => (Ending::NoProof, accepted),
                Cause::Other(why) => (Ending::Other(why.to_owned()), accepted),
            },
        };
        HandshakeFailure::new(&ending, verdict.as_ref(), &self.credentials, endpoint)
    }
}

impl fmt::Debug for EngineConnector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EngineConnector")
            .field("mode", &self.mode)
            .field("credentials", &self.credentials)
            .finish_non_exhaustive()
    }
}
