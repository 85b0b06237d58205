//! Static RSA with OpenSSL as the node and as the client.

use amop::ErrorKind;
use amop::transport::{
    BoxedStream, Credentials, EngineConnector, EngineIdentity, EngineMode, HandshakeFailure, Stage,
};
use amop_devnet::ChannelAcceptor;
use amop_devnet::chain::Algorithm;
use tokio::net::TcpStream;

use crate::fixture::*;
use crate::openssl::{Folder, Server};

const SUITES: [&str; 2] = ["AES256-GCM-SHA384", "AES128-GCM-SHA256"];

fn rsa_network() -> Network {
    Network::with(&amop_devnet::chain::ChainOptions::of(Algorithm::Rsa))
}

fn connector(credentials: &Credentials) -> EngineConnector {
    let identity = EngineIdentity::rsa(credentials).unwrap();
    EngineConnector::new(EngineMode::StaticRsa, identity, credentials).unwrap()
}

async fn handshake(server: &Server, connector: &EngineConnector) -> Result<BoxedStream, HandshakeFailure> {
    let tcp = TcpStream::connect(server.endpoint.to_string()).await.unwrap();
    let handshake = connector.handshake(tcp, &server.endpoint);
    tokio::time::timeout(GUARD, handshake).await.expect("the handshake ends")
}

async fn refusal(server: &Server, connector: &EngineConnector) -> HandshakeFailure {
    match handshake(server, connector).await {
        Ok(_) => panic!("connected, which should have been refused"),
        Err(failure) => failure,
    }
}

#[tokio::test]
async fn openssl_node_with_static_rsa_is_accepted() {
    let network = rsa_network();
    let folder = Folder::with("node", &network.node);
    let connector = connector(&network.sdk.credentials().unwrap());
    for suite in SUITES {
        let server = folder.serve("node", &format!("-cipher {suite}")).await;
        for _ in 0..20 {
            let mut stream = handshake(&server, &connector).await.unwrap();
            assert_answer(&mut stream, b"abc\n", b"cba\n").await;
        }
        let mut stream = handshake(&server, &connector).await.unwrap();
        let mut long = vec![b'x'; 10_000];
        long[0] = b'y';
        let mut question = long.clone();
        question.push(b'\n');
        let mut answer: Vec<u8> = long.into_iter().rev().collect();
        answer.push(b'\n');
        assert_answer(&mut stream, &question, &answer).await;
    }
}

#[tokio::test]
async fn failures_with_an_openssl_node_name_their_stage() {
    let (network, other) = (rsa_network(), rsa_network());
    let folder = Folder::with("node", &network.node);
    let own = network.sdk.credentials().unwrap();

    let server = folder.serve("node", "-cipher ECDHE-RSA-AES256-GCM-SHA384").await;
    let failure = refusal(&server, &connector(&own)).await;
    assert_eq!((failure.stage, failure.alert), (Stage::BeforeCertificate, Some(40)));
    assert_eq!(failure.error.kind(), ErrorKind::TlsNoCommon);

    let server = folder.serve("node", "-cipher kRSA").await;
    let foreign = other.sdk.credentials().unwrap();
    let failure = refusal(&server, &connector(&foreign)).await;
    assert!(matches!(failure.stage, Stage::NodeRefused(_)), "{failure:?}");
    assert_eq!(failure.error.kind(), ErrorKind::NodeCertificate);

    let trusting = other.sdk.clone().trusting(&network.chain.ca_pem().unwrap());
    let failure = refusal(&server, &connector(&trusting.credentials().unwrap())).await;
    assert_eq!(failure.stage, Stage::AfterCertificate);
    assert_eq!(failure.error.kind(), ErrorKind::ClientCertificate);
}

#[tokio::test]
async fn s_client_with_static_rsa_is_accepted() {
    let network = rsa_network();
    let acceptor = ChannelAcceptor::new(&network.node.credentials().unwrap()).unwrap();
    let (endpoint, listener) = listen().await;
    let node = tokio::spawn(async move {
        loop {
            let (tcp, _) = listener.accept().await.unwrap();
            if let Ok(stream) = acceptor.accept(tcp).await {
                let (mut read, mut write) = tokio::io::split(stream);
                let _ = tokio::io::copy(&mut read, &mut write).await;
            }
        }
    });
    let folder = Folder::with("sdk", &network.sdk);
    for suite in SUITES {
        let own = format!("-cipher {suite} -cert sdk.crt -key sdk.key");
        let mut client = folder.client(&endpoint, &own);
        assert!(client.echoes("to the node and back").await, "{suite}");
        assert!(client.succeeded().await, "{suite}");
    }
    let mut without_certificate = folder.client(&endpoint, "-cipher kRSA");
    assert!(!without_certificate.echoes("to the node and back").await);
    assert!(!without_certificate.succeeded().await);
    let mut with_ecdhe = folder.client(&endpoint, "-cipher ECDHE -cert sdk.crt -key sdk.key");
    assert!(!with_ecdhe.echoes("to the node and back").await);
    node.abort();
}
