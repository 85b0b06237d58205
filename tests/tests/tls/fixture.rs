//! Nodes and clients for the TLS tests: a TLS listener that echoes, one that sends raw bytes, and connectors.

use std::sync::Arc;
use std::time::Duration;

use amop::transport::{
    BoxedStream, Connector, CredentialSource, Credentials, Endpoint, KeyExchange, NodeAcceptor, TakenClients,
    dial, server_config,
};
use amop::{Error, ErrorKind, Result};
use amop_devnet::chain::{Chain, ChainOptions, Identity, LeafOptions, Role};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// The time after which a test fails. No test waits for it to pass.
pub(crate) const GUARD: Duration = Duration::from_secs(60);

/// The answer of a server without a common cipher suite or curve to the first message: a fatal alert, 40.
pub(crate) const ALERT_HANDSHAKE_FAILURE: &[u8] = &[0x15, 0x03, 0x03, 0x00, 0x02, 0x02, 0x28];

/// A chain as the official script makes it, with one node and one SDK.
pub(crate) struct Network {
    pub(crate) chain: Chain,
    pub(crate) node: Identity,
    pub(crate) sdk: Identity,
}

impl Network {
    pub(crate) fn mint() -> Network {
        Network::with(&ChainOptions::default())
    }

    pub(crate) fn with(options: &ChainOptions) -> Network {
        let chain = Chain::mint(options).unwrap();
        let leaf = LeafOptions::of(options.kind);
        let node = chain.issue(Role::Node, "node0", &leaf).unwrap();
        let sdk = chain.issue(Role::Sdk, "sdk", &leaf).unwrap();
        Network { chain, node, sdk }
    }
}

/// A listener that does the node's side of TLS and echoes what it receives, until it is dropped.
pub(crate) struct EchoNode {
    pub(crate) endpoint: Endpoint,
    task: JoinHandle<()>,
}

impl EchoNode {
    pub(crate) async fn start(node: &Identity) -> EchoNode {
        EchoNode::with_groups(node, &[KeyExchange::Secp256k1]).await
    }

    pub(crate) async fn with_groups(node: &Identity, groups: &[KeyExchange]) -> EchoNode {
        EchoNode::with_config(
            server_config(&node.credentials().unwrap(), groups, TakenClients::OfTheChain).unwrap(),
        )
        .await
    }

    /// Starts a node that shows its certificates but signs with another key.
    pub(crate) async fn with_foreign_key(node: &Identity) -> EchoNode {
        let mut config =
            server_config(&node.credentials().unwrap(), &[KeyExchange::Secp256k1], TakenClients::OfTheChain)
                .unwrap();
        let chain = CertificateDer::pem_slice_iter(node.certificate_pem().as_bytes())
            .collect::<std::result::Result<_, _>>();
        let key =
            EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &SystemRandom::new()).unwrap();
        let key = PrivatePkcs8KeyDer::from(key.as_ref().to_vec()).into();
        let key = rustls::crypto::ring::sign::any_ecdsa_type(&key).unwrap();
        config.cert_resolver = Arc::new(SingleCertAndKey::from(CertifiedKey::new(chain.unwrap(), key)));
        EchoNode::with_config(config).await
    }

    pub(crate) async fn with_config(config: ServerConfig) -> EchoNode {
        let acceptor = NodeAcceptor::from(config);
        let (endpoint, listener) = listen().await;
        let task = tokio::spawn(async move {
            loop {
                let (tcp, _) = listener.accept().await.unwrap();
                let acceptor = acceptor.clone();
                tokio::spawn(async move {
                    if let Ok(stream) = acceptor.accept(tcp).await {
                        let (mut read, mut write) = tokio::io::split(stream);
                        let _ = tokio::io::copy(&mut read, &mut write).await;
                        let _ = write.shutdown().await;
                    }
                });
            }
        });
        EchoNode { endpoint, task }
    }
}

impl Drop for EchoNode {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A listener that answers the first bytes of each connection with fixed bytes and closes it.
pub(crate) struct RawNode {
    pub(crate) endpoint: Endpoint,
    task: JoinHandle<()>,
}

impl RawNode {
    pub(crate) async fn start(answer: &'static [u8]) -> RawNode {
        let (endpoint, listener) = listen().await;
        let task = tokio::spawn(async move {
            loop {
                let (mut tcp, _) = listener.accept().await.unwrap();
                let mut hello = [0; 4096];
                let _ = tcp.read(&mut hello).await;
                let _ = tcp.write_all(answer).await;
                let _ = tcp.shutdown().await;
            }
        });
        RawNode { endpoint, task }
    }
}

impl Drop for RawNode {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Returns a listener on a free port.
pub(crate) async fn listen() -> (Endpoint, TcpListener) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    (listener.local_addr().unwrap().to_string().parse().unwrap(), listener)
}

/// Returns a connector for the identity, whatever its dates are.
pub(crate) fn connector(identity: &Identity) -> Connector {
    Connector::rustls(&identity.credentials().unwrap()).unwrap()
}

/// Returns a connector for credentials that are loaded as a client loads them.
pub(crate) fn loaded(source: &CredentialSource) -> Connector {
    Connector::rustls(&Credentials::load(source).unwrap()).unwrap()
}

/// Connects once.
pub(crate) async fn connect(endpoint: &Endpoint, connector: &Connector) -> Result<BoxedStream> {
    tokio::time::timeout(GUARD, dial(endpoint, connector)).await.expect("the attempt completes")
}

/// Connects once, which must fail. Returns the error.
pub(crate) async fn refused(endpoint: &Endpoint, connector: &Connector) -> Error {
    match connect(endpoint, connector).await {
        Ok(_) => panic!("connected to {endpoint}, which should have been refused"),
        Err(error) => error,
    }
}

/// Asserts the kind of an error, and that its text holds all `parts`.
pub(crate) fn assert_error(error: &Error, kind: ErrorKind, parts: &[&str]) {
    assert_eq!(error.kind(), kind, "{error}");
    for part in parts {
        assert!(error.message().contains(part), "{part:?} isn't in: {error}");
    }
}

/// Asserts that an echo returns what is sent.
pub(crate) async fn assert_echo(stream: &mut BoxedStream) {
    assert_answer(stream, b"to the node and back", b"to the node and back").await;
}

/// Sends `question` and asserts that exactly `answer` returns.
pub(crate) async fn assert_answer(stream: &mut BoxedStream, question: &[u8], answer: &[u8]) {
    stream.write_all(question).await.unwrap();
    stream.flush().await.unwrap();
    let mut back = vec![0; answer.len()];
    tokio::time::timeout(GUARD, stream.read_exact(&mut back)).await.unwrap().unwrap();
    assert_eq!(back, answer);
}

/// Asserts that both sides accept each other.
pub(crate) async fn assert_talks(node: &Identity, client: &Identity) {
    let node = EchoNode::start(node).await;
    assert_echo(&mut connect(&node.endpoint, &loaded(&client.source())).await.unwrap()).await;
}

/// Asserts that the client refuses the node, with an error that holds `parts`.
pub(crate) async fn assert_node_refused(network: &Network, node: &Identity, parts: &[&str]) {
    let node = EchoNode::start(node).await;
    let error = refused(&node.endpoint, &connector(&network.sdk)).await;
    assert_error(&error, ErrorKind::NodeCertificate, parts);
    assert!(error.message().contains(&node.endpoint.to_string()), "{error}");
}

/// Asserts that the node refuses the client, whose error holds `parts`.
pub(crate) async fn assert_client_refused(network: &Network, client: &Identity, parts: &[&str]) {
    let node = EchoNode::start(&network.node).await;
    let error = refused(&node.endpoint, &connector(client)).await;
    assert_error(&error, ErrorKind::ClientCertificate, parts);
}
