//! Nodes and clients for these tests: a TLS listener that echoes, and one attempt to connect.

use std::time::Duration;

use amop::transport::{
    BoxedStream, CredentialSource, Credentials, Endpoint, KeyExchange, NodeAcceptor, RustlsConnector,
    SecureConnector, dial,
};
use amop::{Error, ErrorKind, Result};
use amop_devnet::chain::{Chain, ChainOptions, Identity, LeafOptions, Role};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// When a test gives up; nothing waits for it to pass.
pub(crate) const GUARD: Duration = Duration::from_secs(60);

/// A chain as the script makes it, with one node and one SDK.
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
        let node = chain.issue(Role::Node, "node0", &LeafOptions::default()).unwrap();
        let sdk = chain.issue(Role::Sdk, "sdk", &LeafOptions::default()).unwrap();
        Network { chain, node, sdk }
    }
}

/// A listener that does the node's side of TLS and echoes what it gets, until it's dropped.
pub(crate) struct EchoNode {
    pub(crate) endpoint: Endpoint,
    task: JoinHandle<()>,
}

impl EchoNode {
    pub(crate) async fn start(node: &Identity) -> EchoNode {
        EchoNode::with_groups(node, &[KeyExchange::Secp256k1]).await
    }

    pub(crate) async fn with_groups(node: &Identity, groups: &[KeyExchange]) -> EchoNode {
        let acceptor = NodeAcceptor::new(&node.credentials().unwrap(), groups).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = listener.local_addr().unwrap().to_string().parse().unwrap();
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

/// A connector for the identity, whatever its dates are.
pub(crate) fn connector(identity: &Identity) -> RustlsConnector {
    RustlsConnector::new(&identity.credentials().unwrap()).unwrap()
}

/// A connector for credentials as a client loads them.
pub(crate) fn loaded(source: &CredentialSource) -> RustlsConnector {
    RustlsConnector::new(&Credentials::load(source).unwrap()).unwrap()
}

/// One attempt to connect.
pub(crate) async fn connect(endpoint: &Endpoint, connector: &dyn SecureConnector) -> Result<BoxedStream> {
    tokio::time::timeout(GUARD, dial(endpoint, connector)).await.expect("the attempt ends by itself")
}

/// Sends through an echo and back.
pub(crate) async fn assert_echo(stream: &mut BoxedStream) {
    let message = b"to the node and back";
    stream.write_all(message).await.unwrap();
    stream.flush().await.unwrap();
    let mut back = [0; 20];
    tokio::time::timeout(GUARD, stream.read_exact(&mut back)).await.unwrap().unwrap();
    assert_eq!(&back, message);
}

/// One attempt to connect that has to fail.
pub(crate) async fn refused(endpoint: &Endpoint, connector: &dyn SecureConnector) -> Error {
    match connect(endpoint, connector).await {
        Ok(_) => panic!("connected to {endpoint}, which should have been refused"),
        Err(error) => error,
    }
}

/// The kind, and what the text has to say.
pub(crate) fn assert_error(error: &Error, kind: ErrorKind, parts: &[&str]) {
    assert_eq!(error.kind(), kind, "{error}");
    for part in parts {
        assert!(error.message().contains(part), "{part:?} isn't in: {error}");
    }
}
