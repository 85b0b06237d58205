//! The node's side of TLS, for the embedded node.

use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::server::NoServerSessionStorage;
use rustls::sign::SingleCertAndKey;
use rustls::version::TLS12;
use rustls::{CipherSuite, ServerConfig};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

use super::super::chain::TrustedRoots;
use super::provider::{KeyExchange, provider};
use super::signing_key::certified_key;
use super::verifier::SdkVerifier;
use crate::transport::{BoxedStream, Credentials, Socket};
use crate::{Error, ErrorKind, Result};

/// Accepts clients as a node of the ECDSA channel does: by TLS 1.2, with a client certificate of the chain.
#[derive(Clone)]
pub struct NodeAcceptor {
    tls: TlsAcceptor,
}

impl NodeAcceptor {
    /// Returns an acceptor that shows `credentials`, those of the node, and accepts clients of their CA.
    ///
    /// `groups` are the curves offered; a real node offers only [`KeyExchange::Secp256k1`].
    ///
    /// # Errors
    /// As [`server_config`].
    pub fn new(credentials: &Credentials, groups: &[KeyExchange]) -> Result<NodeAcceptor> {
        server_config(credentials, groups, TakenClients::OfTheChain).map(NodeAcceptor::from)
    }

    /// Does the node's handshake over `tcp`.
    ///
    /// Dropping the future closes the socket. It has no time limit of its own: the caller sets one.
    ///
    /// # Errors
    /// Returns [`ErrorKind::Tls`] with the reason; the client has received the matching alert.
    pub async fn accept(&self, tcp: TcpStream) -> Result<BoxedStream> {
        // As in `dial`: the layers above gather what they write.
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
    /// Returns an acceptor that uses `config`, for example a [`server_config`] with a fault.
    fn from(config: ServerConfig) -> NodeAcceptor {
        NodeAcceptor { tls: TlsAcceptor::from(Arc::new(config)) }
    }
}

impl std::fmt::Debug for NodeAcceptor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NodeAcceptor").finish_non_exhaustive()
    }
}

/// The clients whose certificates a node accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TakenClients {
    /// All of its chain.
    OfTheChain,
    /// Those of its chain that have the same issuer as the node's certificate, as real nodes require by default.
    OfTheNodesAgency,
}

/// Returns the configuration of a [`NodeAcceptor`]: TLS 1.2 with AES-GCM, a client certificate is required, neither
/// tickets nor session ids are issued.
///
/// # Errors
/// Returns [`ErrorKind::InvalidArgument`] if `groups` is empty, [`ErrorKind::CredentialsInvalid`] if a CA certificate
/// can't be used.
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
    // The TLS library of the nodes is older than the other suites.
    provider.cipher_suites.retain(|suite| is_aes(suite.suite()));
    let mut config = ServerConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(&[&TLS12])
        .map_err(|error| {
            Error::undelivered(ErrorKind::InvalidArgument, format!("TLS server: {error}; name a curve"))
        })?
        .with_client_cert_verifier(Arc::new(SdkVerifier::new(roots, issuer)))
        // Not `with_single_cert`, which refuses version 1 certificates.
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(certified_key(credentials)?)));
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
