//! Certificates that one side refuses, over every kind of channel: the client reports the typed error.

use std::cell::RefCell;

use amop::{Client, Delivery, Error, ErrorKind, Tls};
use amop_devnet::ChannelAcceptor;
use amop_devnet::chain::{Algorithm, Chain, ChainOptions, Identity, LeafOptions, Period, Role, Sent};
use amop_devnet::{Devnet, NodeCertificate};
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::fixture::{GUARD, devnet_with, soon};

/// The kinds of channels.
const KINDS: [Tls; 4] = [Tls::Ecdhe, Tls::StaticRsa, Tls::Gm, Tls::Tlcp];

/// A server that does a node's part of TLS and then only reads. It stops when it is dropped.
struct TlsServer {
    endpoint: String,
    task: JoinHandle<()>,
}

impl TlsServer {
    /// Starts a server that speaks `tls` and shows the certificates of `node`.
    async fn start(tls: Tls, node: &Identity) -> TlsServer {
        let credentials = node.credentials().unwrap();
        let acceptor = match tls {
            Tls::Tlcp => ChannelAcceptor::tlcp(&credentials),
            _ => ChannelAcceptor::new(&credentials),
        };
        let acceptor = acceptor.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = listener.local_addr().unwrap().to_string();
        let task = tokio::spawn(async move {
            while let Ok((tcp, _)) = listener.accept().await {
                let acceptor = acceptor.clone();
                tokio::spawn(async move {
                    let Ok(mut stream) = acceptor.accept(tcp).await else { return };
                    while stream.read(&mut [0; 1024]).await.is_ok_and(|n| n > 0) {}
                });
            }
        });
        TlsServer { endpoint, task }
    }
}

impl Drop for TlsServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Nodes of one chain: an embedded one, or servers that speak TLCP.
enum Nodes {
    Embedded(Devnet),
    Servers { chain: Box<Chain>, running: RefCell<Vec<TlsServer>> },
}

impl Nodes {
    async fn start(tls: Tls) -> Nodes {
        if tls == Tls::Tlcp {
            let chain = Chain::mint(&ChainOptions::of(Algorithm::Sm2)).unwrap().into();
            return Nodes::Servers { chain, running: RefCell::default() };
        }
        Nodes::Embedded(devnet_with(Devnet::builder().nodes(1), tls).await)
    }

    fn chain(&self) -> &Chain {
        match self {
            Nodes::Embedded(devnet) => devnet.chain(),
            Nodes::Servers { chain, .. } => chain,
        }
    }

    /// Returns the endpoint of a node that shows this certificate.
    async fn showing(&self, certificate: NodeCertificate) -> String {
        let (chain, running) = match self {
            Nodes::Embedded(devnet) => {
                devnet.node(0).show_certificate(certificate).unwrap();
                return devnet.node(0).endpoint();
            }
            Nodes::Servers { chain, running } => (chain, running),
        };
        let period = match certificate {
            NodeCertificate::Expired => Period::expired(),
            NodeCertificate::NotYetValid => Period::not_yet_valid(),
            _ => Period::script(),
        };
        let foreign = Chain::mint(&ChainOptions::of(chain.algorithm())).unwrap();
        let issuer = if certificate == NodeCertificate::Foreign { &foreign } else { chain };
        let node = issue(issuer, Role::Node, |options| options.period = period);
        let server = TlsServer::start(Tls::Tlcp, &node.trusting(&chain.ca_pem().unwrap())).await;
        let endpoint = server.endpoint.clone();
        running.borrow_mut().push(server);
        endpoint
    }
}

/// Issues a certificate with the script's options for this kind of chain, changed by `change`.
fn issue(chain: &Chain, role: Role, change: impl FnOnce(&mut LeafOptions)) -> Identity {
    let mut options = LeafOptions::of(chain.algorithm());
    change(&mut options);
    chain.issue(role, "issued", &options).unwrap()
}

/// Connects with the certificate of `sdk`, which must fail.
async fn refusal(endpoint: &str, sdk: &Identity) -> Error {
    let builder = Client::builder().endpoint(endpoint).credential_source(sdk.source());
    let error = soon("the refusal", builder.connect_timeout(GUARD).connect()).await.unwrap_err();
    assert_eq!(error.delivery(), Delivery::No);
    error
}

fn assert_error(error: &Error, tls: Tls, kind: ErrorKind, part: &str) {
    assert_eq!(error.kind(), kind, "{tls}: {error}");
    assert!(error.message().contains(part), "{tls}: {part:?} is not in: {error}");
}

#[tokio::test]
async fn refused_node_is_reported_over_every_channel() {
    for tls in KINDS {
        let nodes = Nodes::start(tls).await;
        let sdk = issue(nodes.chain(), Role::Sdk, |_| {});
        for (shown, part) in [
            (NodeCertificate::Foreign, "Use the ca.crt of the chain"),
            (NodeCertificate::Expired, "is expired"),
            (NodeCertificate::NotYetValid, "is not valid yet"),
        ] {
            let error = refusal(&nodes.showing(shown).await, &sdk).await;
            assert_error(&error, tls, ErrorKind::NodeCertificate, part);
        }
    }
}

#[tokio::test]
async fn refused_client_is_reported_over_every_channel() {
    for tls in KINDS {
        let nodes = Nodes::start(tls).await;
        let node = nodes.showing(NodeCertificate::Valid).await;
        let (chain, foreign) =
            (nodes.chain(), Chain::mint(&ChainOptions::of(nodes.chain().algorithm())).unwrap());
        let stranger = issue(&foreign, Role::Sdk, |_| {}).trusting(&chain.ca_pem().unwrap());
        let error = refusal(&node, &stranger).await;
        // The CA of both chains has the same name. Without the CA's certificate from the client, the signature is wrong.
        let alert = if tls == Tls::StaticRsa { "alert 51 DecryptError" } else { "alert 48 UnknownCA" };
        assert_error(&error, tls, ErrorKind::ClientCertificate, alert);
        assert!(error.message().contains("another chain"), "{error}");
        // RSA chains have no agencies.
        if tls == Tls::StaticRsa {
            continue;
        }
        let alone = issue(chain, Role::Sdk, |options| options.sent = Sent::LeafOnly);
        let error = refusal(&node, &alone).await;
        assert_error(&error, tls, ErrorKind::ClientCertificate, "append agency.crt");
        let other = ChainOptions { agency: "agencyB".into(), ..ChainOptions::of(chain.algorithm()) };
        let other = issue(&chain.with_another_agency(&other).unwrap(), Role::Sdk, |_| {});
        let error = refusal(&node, &other).await;
        assert_error(&error, tls, ErrorKind::ClientCertificate, "issued by CN=agencyB");
    }
}

/// The node's certificate that signs is right; the one for encryption is not.
#[tokio::test]
async fn node_with_a_wrong_certificate_for_encryption_is_refused() {
    for tls in [Tls::Gm, Tls::Tlcp] {
        let chain = Chain::mint(&ChainOptions::of(Algorithm::Sm2)).unwrap();
        let foreign = Chain::mint(&ChainOptions::of(Algorithm::Sm2)).unwrap();
        let sdk = issue(&chain, Role::Sdk, |_| {});
        let node = issue(&chain, Role::Node, |_| {});
        let expired = issue(&chain, Role::Node, |options| options.period = Period::expired());
        let early = issue(&chain, Role::Node, |options| options.period = Period::not_yet_valid());
        let of_another_ca = issue(&foreign, Role::Node, |_| {});
        for (other, part) in [
            (&expired, "is expired"),
            (&early, "is not valid yet"),
            (&of_another_ca, "Use the ca.crt of the chain"),
        ] {
            let server = TlsServer::start(tls, &node.clone().with_encryption_of(Some(other))).await;
            let error = refusal(&server.endpoint, &sdk).await;
            assert_error(&error, tls, ErrorKind::NodeCertificate, part);
        }
    }
}

#[tokio::test]
async fn node_of_another_kind_shares_nothing_with_the_client() {
    let mut parties = Vec::new();
    for tls in KINDS {
        let nodes = Nodes::start(tls).await;
        let (node, sdk) =
            (nodes.showing(NodeCertificate::Valid).await, issue(nodes.chain(), Role::Sdk, |_| {}));
        parties.push((tls, nodes, node, sdk));
    }
    for (tls, _, node, _) in &parties {
        for (other, _, _, sdk) in &parties {
            // Both have the same kind of keys, and the client tries both channels.
            let is_sm2 = |tls| [Tls::Gm, Tls::Tlcp].contains(tls);
            if tls == other || is_sm2(tls) && is_sm2(other) {
                continue;
            }
            let error = refusal(node, sdk).await;
            // A client with an RSA key has ECDHE in common with a node on secp256k1, and then sees its certificate.
            let (kind, part) = match (tls, other) {
                (Tls::Ecdhe, Tls::StaticRsa) => (ErrorKind::NodeCertificate, "Use the ca.crt of the chain"),
                _ => (ErrorKind::TlsNoCommon, "shares no cipher suite or curve"),
            };
            assert_error(&error, *other, kind, part);
            assert!(error.message().contains(node), "{error}");
        }
    }
    // Pinned to the other of the two, the client of a GM chain tries nothing else.
    for (tls, pinned) in [(Tls::Gm, Tls::Tlcp), (Tls::Tlcp, Tls::Gm)] {
        let (_, _, node, sdk) = parties.iter().find(|party| party.0 == tls).unwrap();
        let builder = Client::builder().endpoint(node).credential_source(sdk.source()).tls(pinned);
        let error = soon("the refusal", builder.connect_timeout(GUARD).connect()).await.unwrap_err();
        assert_error(&error, pinned, ErrorKind::TlsNoCommon, "tls = auto");
    }
}
