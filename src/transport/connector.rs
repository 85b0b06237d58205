//! The ways to protect a TCP connection, one variant for each TLS implementation.

use tokio::net::TcpStream;

#[cfg(feature = "sm")]
use super::ParsedCertificate;
use super::security::Security;
use super::stream::BoxedStream;
use super::tls::{EngineConnector, EngineIdentity, EngineMode, HandshakeFailure, RustlsConnector};
use super::{Credentials, Endpoint, Socket};
use crate::Result;
#[cfg(not(feature = "sm"))]
use crate::{Error, ErrorKind};

/// Protects TCP connections to nodes.
#[derive(Debug)]
pub enum Connector {
    /// No protection: the bytes go over TCP as they are.
    Plain,
    /// TLS 1.2 by rustls.
    Rustls(Box<RustlsConnector>),
    /// Static RSA, GM over TLS 1.2 or TLCP, by the engine.
    Engine(Box<EngineConnector>),
}

impl Connector {
    /// Returns a connector that uses rustls, shows `credentials` and trusts their CA.
    ///
    /// # Errors
    /// As [`RustlsConnector::new`].
    pub fn rustls(credentials: &Credentials) -> Result<Connector> {
        Ok(Connector::Rustls(Box::new(RustlsConnector::new(credentials)?)))
    }

    /// Returns a connector for this kind of security, which shows `credentials` and trusts their CA.
    ///
    /// # Errors
    /// As [`RustlsConnector::new`] and [`EngineConnector::new`].
    pub fn new(security: Security, credentials: &Credentials) -> Result<Connector> {
        let mode = match security {
            Security::Plain => return Ok(Connector::Plain),
            Security::Ecdhe => return Connector::rustls(credentials),
            Security::StaticRsa => EngineMode::StaticRsa,
            #[cfg(feature = "sm")]
            Security::Gm => EngineMode::GmTls12,
            #[cfg(feature = "sm")]
            Security::Tlcp => EngineMode::Tlcp,
            #[cfg(not(feature = "sm"))]
            Security::Gm | Security::Tlcp => return Err(without_sm()),
        };
        let identity = engine_identity(credentials)?;
        Ok(Connector::Engine(Box::new(EngineConnector::new(mode, identity, credentials)?)))
    }

    /// Does the client's handshake over `tcp`. `endpoint` is used in the texts of errors: names in certificates are
    /// not checked, because chains issue certificates without host names.
    ///
    /// Dropping the future closes the socket. It has no time limit of its own: the caller sets one.
    ///
    /// # Errors
    /// Returns how far the handshake came, the node's alert, and an error of one of the kinds from 30 to 39.
    pub async fn handshake(
        &self,
        tcp: TcpStream,
        endpoint: &Endpoint,
    ) -> std::result::Result<BoxedStream, HandshakeFailure> {
        match self {
            Connector::Plain => Ok(Box::new(Socket::to_node(tcp))),
            Connector::Rustls(connector) => connector.handshake(tcp, endpoint).await,
            Connector::Engine(connector) => connector.handshake(tcp, endpoint).await,
        }
    }
}

/// Returns what the engine shows with `credentials`, which have RSA or SM2 keys.
///
/// # Errors
/// Returns [`ErrorKind::CredentialsInvalid`](crate::ErrorKind::CredentialsInvalid) if the engine can't use the keys.
pub fn engine_identity(credentials: &Credentials) -> Result<EngineIdentity> {
    match credentials.encryption() {
        #[cfg(feature = "sm")]
        Some(pair) => {
            let der = |chain: &[ParsedCertificate]| -> Vec<_> {
                chain.iter().map(|certificate| certificate.der.clone()).collect()
            };
            let (sign, encrypt) = (der(credentials.certificates()), der(pair.certificates()));
            EngineIdentity::sm2(&sign, credentials.key().der(), &encrypt, pair.key().der())
        }
        _ => EngineIdentity::rsa(credentials),
    }
}

/// Returns the error for a channel that was left out of this build. Credentials for it are refused before.
#[cfg(not(feature = "sm"))]
fn without_sm() -> Error {
    Error::undelivered(
        ErrorKind::Unsupported,
        "this build does not include the channels of GM chains: build it with the feature sm",
    )
}
