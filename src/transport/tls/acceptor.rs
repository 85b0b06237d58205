//! The node's side of TLS by rustls, for the embedded node.

use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::server::NoServerSessionStorage;
use rustls::sign::SingleCertAndKey;
use rustls::version::TLS12;
use rustls::{CipherSuite, ServerConfig};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

use super::chain::TrustedRoots;
use super::provider::{KeyExchange, provider};
use super::verifier::SdkVerifier;
use crate::transport::{BoxedStream, Credentials, Socket};
use crate::{Error, ErrorKind, Result};

/// Accepts clients as a node of the ECDSA channel does: TLS 1.2, a client certificate of the chain required.
#[derive(Clone)]
pub struct NodeAcceptor {
    tls: TlsAcceptor,
}

impl NodeAcceptor {
    /// An acceptor that shows `credentials` (the node's) and takes clients of their CA.
    ///
    /// `groups` are the curves offered; a real node has [`KeyExchange::Secp256k1`] alone.
    ///
    /// # Errors
    /// As [`server_config`].
    pub fn new(credentials: &Credentials, groups: &[KeyExchange]) -> Result<NodeAcceptor> {
        server_config(credentials, groups, TakenClients::OfTheChain).map(NodeAcceptor::from)
    }

    /// Does the node's handshake over `tcp`.
    ///
    /// Dropping the future closes the socket. No time limit of its own: the caller sets one.
    ///
    /// # Errors
    /// [`ErrorKind::Tls`] with the reason; the client has got the matching alert.
    pub async fn accept(&self, tcp: TcpStream) -> Result<BoxedStream> {
        // As in `dial`: what is written is meant to leave at once.
        let _ = tcp.set_nodelay(true);
        match self.tls.accept(Socket::from(tcp)).await {
            Ok(stream) => Ok(Box::new(stream)),
            Err(error) => {
                Err(Error::undelivered(ErrorKind::Tls, format!("the client's TLS handshake failed: {error}")))
            }
        }
    }
}

impl From<ServerConfig> for NodeAcceptor {
    /// An acceptor that behaves as `config` says: [`server_config`], changed to be faulty for example.
    fn from(config: ServerConfig) -> NodeAcceptor {
        NodeAcceptor { tls: TlsAcceptor::from(Arc::new(config)) }
    }
}

impl std::fmt::Debug for NodeAcceptor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NodeAcceptor").finish_non_exhaustive()
    }
}

/// Which clients' certificates a node takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TakenClients {
    /// All of its chain.
    OfTheChain,
    /// Those that the issuer of its own certificate has issued too, as real nodes do by default.
    OfTheNodesAgency,
}

/// The configuration under [`NodeAcceptor`]: TLS 1.2 with AES-GCM, client certificate required, neither tickets nor
/// session ids.
///
/// # Errors
/// [`ErrorKind::InvalidArgument`] for an empty list of `groups`, [`ErrorKind::CredentialsInvalid`] for a CA
/// certificate that can't be used.
pub fn server_config(
    credentials: &Credentials,
    groups: &[KeyExchange],
    taken: TakenClients,
) -> Result<ServerConfig> {
    let roots = TrustedRoots::new(credentials.ca())?;
    let issuer = match taken {
        TakenClients::OfTheChain => None,
        TakenClients::OfTheNodesAgency => credentials.certificates().first().map(|own| own.issuer.clone()),
    };
    let mut provider = CryptoProvider::clone(&provider(groups));
    // The nodes' library is older than the other suites.
    provider.cipher_suites.retain(|suite| is_aes(suite.suite()));
    let mut config = ServerConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(&[&TLS12])
        .map_err(|error| {
            Error::undelivered(ErrorKind::InvalidArgument, format!("TLS server: {error}; name a curve"))
        })?
        .with_client_cert_verifier(Arc::new(SdkVerifier::new(roots, issuer)))
        // Not `with_single_cert`, which refuses version 1 certificates.
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(credentials.certified_key())));
    config.session_storage = Arc::new(NoServerSessionStorage {});
    Ok(config)
}

fn is_aes(suite: CipherSuite) -> bool {
    matches!(
        suite,
        CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384
            | CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256
            | CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384
            | CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256
    )
}
