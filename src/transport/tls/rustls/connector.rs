//! The client's side of TLS.

use std::fmt;
use std::sync::Arc;

use pki_types::ServerName;
use rustls::ClientConfig;
use rustls::client::Resumption;
use rustls::sign::SingleCertAndKey;
use rustls::version::TLS12;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::super::chain::TrustedRoots;
use super::super::failure::HandshakeFailure;
use super::failure::ending;
use super::provider::CLIENT_PROVIDER;
use super::signing_key::certified_key;
use super::verifier::NodeVerifier;
use crate::transport::{BoxedStream, Credentials, Endpoint, Socket};
use crate::{Error, ErrorKind, Result};

/// Connects to nodes by TLS 1.2 with rustls: on secp256k1 chains, and on RSA chains whose nodes support ECDHE.
///
/// Each connection has a full handshake: nodes drop a client that offers a session ticket or id.
pub struct RustlsConnector {
    credentials: Credentials,
    roots: Arc<TrustedRoots>,
    config: ClientConfig,
}

impl RustlsConnector {
    /// Returns a connector that shows `credentials` and trusts their CA.
    ///
    /// # Errors
    /// Returns [`ErrorKind::CredentialsInvalid`] if a CA certificate can't be used.
    pub fn new(credentials: &Credentials) -> Result<RustlsConnector> {
        let roots = Arc::new(TrustedRoots::new(credentials.ca())?);
        let mut config = ClientConfig::builder_with_provider(CLIENT_PROVIDER.clone())
            .with_protocol_versions(&[&TLS12])
            .map_err(|error| Error::undelivered(ErrorKind::Internal, format!("TLS client: {error}")))?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(NodeVerifier::new(roots.clone())))
            // Not `with_client_auth_cert`, which refuses version 1 certificates.
            .with_client_cert_resolver(Arc::new(SingleCertAndKey::from(certified_key(credentials)?)));
        config.resumption = Resumption::disabled();
        config.enable_sni = false;
        Ok(RustlsConnector { credentials: credentials.clone(), roots, config })
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
        let verifier = Arc::new(NodeVerifier::new(self.roots.clone()));
        let mut config = self.config.clone();
        config.dangerous().set_certificate_verifier(verifier.clone());
        // The name is neither sent (no SNI) nor checked. No node has this address.
        let nameless = ServerName::from(std::net::IpAddr::from([0, 0, 0, 0]));
        match TlsConnector::from(Arc::new(config)).connect(nameless, Socket::to_node(tcp)).await {
            Ok(stream) => Ok(Box::new(stream)),
            Err(error) => {
                let verdict = verifier.verdict();
                Err(HandshakeFailure::new(&ending(&error), verdict.as_ref(), &self.credentials, endpoint))
            }
        }
    }
}

impl fmt::Debug for RustlsConnector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RustlsConnector").field("credentials", &self.credentials).finish_non_exhaustive()
    }
}
