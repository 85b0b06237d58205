//! The node's side, for the embedded node.

use std::fmt;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite};
use zeroize::Zeroizing;

use super::super::chain::TrustedRoots;
use super::identity::EngineIdentity;
use super::mode::EngineMode;
use crate::transport::{BoxedStream, ParsedCertificate};
use crate::{Error, ErrorKind, Result};

/// Decrypts with a node's RSA key, which the library has no code for: the embedded node brings it.
pub trait RsaDecryptor: Send + Sync {
    /// Returns the message in `ciphertext` (RSAES-PKCS1-v1_5), `None` if it is not well-formed.
    fn decrypt(&self, ciphertext: &[u8]) -> Option<Zeroizing<Vec<u8>>>;
}

/// Accepts clients as a node does: a client certificate of the chain is required.
#[derive(Clone)]
pub struct EngineAcceptor {
    mode: EngineMode,
    identity: EngineIdentity,
    roots: Arc<TrustedRoots>,
    decryptor: Option<Arc<dyn RsaDecryptor>>,
}

impl EngineAcceptor {
    /// Returns an acceptor that speaks `mode`, shows `identity` and accepts clients of `ca`.
    /// [`EngineMode::StaticRsa`] requires a `decryptor`.
    ///
    /// # Errors
    /// Returns [`ErrorKind::CredentialsInvalid`] if a CA certificate can't be used or the keys don't fit the mode.
    pub fn new(
        mode: EngineMode,
        identity: EngineIdentity,
        ca: &[ParsedCertificate],
        decryptor: Option<Arc<dyn RsaDecryptor>>,
    ) -> Result<EngineAcceptor> {
        let needs_rsa = mode == EngineMode::StaticRsa;
        if identity.is_rsa() != needs_rsa || decryptor.is_some() != needs_rsa {
            return Err(Error::undelivered(
                ErrorKind::CredentialsInvalid,
                "the keys do not fit this kind of channel: use the files of one chain",
            ));
        }
        Ok(EngineAcceptor { mode, identity, roots: Arc::new(TrustedRoots::new(ca)?), decryptor })
    }

    /// Does the node's handshake over `stream`.
    ///
    /// # Errors
    /// Returns [`ErrorKind::Tls`] with the reason; the client has received the matching alert.
    pub async fn accept<S>(&self, stream: S) -> Result<BoxedStream>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        drop(stream);
        let _ = &self.decryptor;
        Err(Error::undelivered(ErrorKind::Tls, format!("this build does not have {:?} yet", self.mode)))
    }
}

impl fmt::Debug for EngineAcceptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EngineAcceptor")
            .field("mode", &self.mode)
            .field("identity", &self.identity)
            .field("roots", &self.roots)
            .finish_non_exhaustive()
    }
}
