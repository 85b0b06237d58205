//! The node's side, for the embedded node.

use std::fmt;
use std::sync::Arc;

use pki_types::UnixTime;
use tokio::io::{AsyncRead, AsyncWrite};
use x509_cert::name::Name;

use super::super::chain::TrustedRoots;
use super::connection::Connection;
use super::exchange::RsaDecryptor;
use super::identity::{EngineIdentity, check_fits};
use super::mode::EngineMode;
use super::peer::{ChainJudge, PeerRole};
use super::random::SystemRandom;
use super::server::ServerConfig;
use super::stream::{EngineStream, HandshakeError};
use crate::transport::{BoxedStream, ParsedCertificate};
use crate::{Error, ErrorKind, Result};

/// Accepts clients as a node does: a client certificate of the chain is required. Cheap to clone.
#[derive(Clone)]
pub struct EngineAcceptor {
    mode: EngineMode,
    config: Arc<ServerConfig>,
}

impl EngineAcceptor {
    /// Returns an acceptor that speaks `mode`, shows `identity` and accepts clients of `ca`; if `same_issuer`, only
    /// those that were issued by the same CA or agency as the node, as real nodes require by default.
    /// [`EngineMode::StaticRsa`] requires a `decryptor`.
    ///
    /// # Errors
    /// Returns [`ErrorKind::CredentialsInvalid`] if a CA certificate can't be used or the keys don't fit the mode, and
    /// [`ErrorKind::InvalidArgument`] if the decryptor is missing.
    pub fn new(
        mode: EngineMode,
        identity: EngineIdentity,
        ca: &[ParsedCertificate],
        same_issuer: bool,
        decryptor: Option<Arc<dyn RsaDecryptor>>,
    ) -> Result<EngineAcceptor> {
        check_fits(&identity, mode)?;
        if identity.is_rsa() && decryptor.is_none() {
            return Err(Error::undelivered(
                ErrorKind::InvalidArgument,
                "static RSA requires a decryptor: give the one of the node's key",
            ));
        }
        let judge = ChainJudge {
            roots: TrustedRoots::new(ca)?,
            role: PeerRole::Client,
            is_rsa: identity.is_rsa(),
            issuer: if same_issuer { Some(issuer(&identity)?) } else { None },
            now: UnixTime::now,
        };
        let config = ServerConfig {
            parameters: mode.parameters(),
            identity,
            judge: Arc::new(judge),
            decryptor,
            random: Arc::new(SystemRandom),
            #[cfg(any(test, fuzzing))]
            premaster: None,
        };
        Ok(EngineAcceptor { mode, config: Arc::new(config) })
    }

    /// Does the node's handshake over `stream`.
    ///
    /// Dropping the future closes the stream. It has no time limit of its own: the caller sets one.
    ///
    /// # Errors
    /// Returns [`ErrorKind::Tls`] with the reason; the client has received the matching alert.
    pub async fn accept<S>(&self, stream: S) -> Result<BoxedStream>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let mut stream = EngineStream::new(stream, Connection::server(self.config.clone()));
        let why = match stream.handshake().await {
            Ok(()) => return Ok(Box::new(stream)),
            Err(HandshakeError::Fault(fault)) => fault.to_string(),
            Err(HandshakeError::Io(error)) => error.to_string(),
        };
        Err(Error::undelivered(ErrorKind::Tls, format!("the client's TLS handshake failed: {why}")))
    }
}

/// Returns the issuer of the identity's first certificate.
fn issuer(identity: &EngineIdentity) -> Result<Name> {
    let unreadable = |why: &str| {
        Error::undelivered(
            ErrorKind::CredentialsInvalid,
            format!("the node's certificate cannot be read ({why}): give a certificate in X.509"),
        )
    };
    let leaf = identity.certificates.first().ok_or_else(|| unreadable("there is none"))?;
    Ok(ParsedCertificate::parse(leaf).map_err(unreadable)?.issuer)
}

impl fmt::Debug for EngineAcceptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EngineAcceptor").field("mode", &self.mode).finish_non_exhaustive()
    }
}
