//! The client's side of TLS by rustls.

use std::fmt;
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::client::Resumption;
use rustls::pki_types::ServerName;
use rustls::sign::SingleCertAndKey;
use rustls::version::TLS12;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::chain::TrustedRoots;
use super::failure::HandshakeFailure;
use super::provider::CLIENT_PROVIDER;
use super::verifier::NodeVerifier;
use crate::transport::{BoxedStream, Connecting, Credentials, Endpoint, SecureConnector, Socket};
use crate::{Error, ErrorKind, Result};

/// Connects to nodes by TLS 1.2 with rustls: secp256k1 chains, and RSA chains whose nodes do ECDHE.
///
/// Each connection is a handshake of its own: nodes drop whoever offers a session ticket or id.
pub struct RustlsConnector {
    credentials: Credentials,
    roots: Arc<TrustedRoots>,
    config: ClientConfig,
}

impl RustlsConnector {
    /// A connector that shows `credentials` and trusts their CA.
    ///
    /// # Errors
    /// [`ErrorKind::CredentialsInvalid`] for a CA certificate that can't be used.
    pub fn new(credentials: &Credentials) -> Result<RustlsConnector> {
        let roots = Arc::new(TrustedRoots::new(credentials.ca())?);
        let mut config = ClientConfig::builder_with_provider(CLIENT_PROVIDER.clone())
            .with_protocol_versions(&[&TLS12])
            .map_err(|error| Error::undelivered(ErrorKind::Internal, format!("TLS client: {error}")))?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(NodeVerifier::new(roots.clone())))
            // Not `with_client_auth_cert`, which refuses version 1 certificates.
            .with_client_cert_resolver(Arc::new(SingleCertAndKey::from(credentials.certified_key())));
        config.resumption = Resumption::disabled();
        config.enable_sni = false;
        Ok(RustlsConnector { credentials: credentials.clone(), roots, config })
    }

    /// As [`SecureConnector::connect`], with more to tell when it fails.
    ///
    /// # Errors
    /// How far the handshake came, the node's alert, and the error that `connect` gives.
    pub async fn handshake(
        &self,
        tcp: TcpStream,
        endpoint: &Endpoint,
    ) -> std::result::Result<BoxedStream, HandshakeFailure> {
        let verifier = Arc::new(NodeVerifier::new(self.roots.clone()));
        let mut config = self.config.clone();
        config.dangerous().set_certificate_verifier(verifier.clone());
        // Neither sent (no SNI) nor checked; an address that can't be one of a node.
        let nameless = ServerName::from(std::net::IpAddr::from([0, 0, 0, 0]));
        match TlsConnector::from(Arc::new(config)).connect(nameless, Socket::from(tcp)).await {
            Ok(stream) => Ok(Box::new(stream)),
            Err(error) => {
                Err(HandshakeFailure::new(&error, verifier.verdict().as_ref(), &self.credentials, endpoint))
            }
        }
    }
}

impl fmt::Debug for RustlsConnector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RustlsConnector").field("credentials", &self.credentials).finish_non_exhaustive()
    }
}

impl SecureConnector for RustlsConnector {
    fn connect<'a>(&'a self, tcp: TcpStream, endpoint: &'a Endpoint) -> Connecting<'a> {
        Box::pin(async move { self.handshake(tcp, endpoint).await.map_err(|failure| failure.error) })
    }
}
